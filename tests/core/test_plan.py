"""Tasks as rows of a table, and what can be wrong with the rows."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.plan import TASK_ID, Task, check_rows, id_of, stem
from orchestrator.errors import UsageError


def row(id: str, *needs: str, line: int = 1, agent: str = "") -> Task:
    return Task(id=id, name=id, description="", needs=needs, agent=agent, where=f"plan.md:{line}")


def codes(*rows: Task) -> list[str]:
    return [problem.code for problem in check_rows(rows)]


def test_a_good_plan_has_no_problems() -> None:
    """Ids of every allowed kind, needs in any direction."""
    assert [] == codes(row("T-01"), row("market_research", "T-01"), row("v1.2-x", "z"), row("z"))


@pytest.mark.parametrize(
    "id", ["", " ", "-x", ".hidden", "_x", "../up", "a/b", "a b", "a\nb", "a\0", "ä", "x" * 65, "a\\b", "T-01\n"]
)
def test_a_bad_id_is_refused(id: str) -> None:
    """What will become a path is letters, digits, dots, dashes and underscores, and nothing else."""
    assert ["bad_id"] == codes(row(id))


@given(st.text(max_size=70))
def test_no_id_leaves_its_directory(id: str) -> None:
    """Whatever is accepted as an id is a plain file name."""
    if TASK_ID.fullmatch(id):
        assert set("/\\\0\n ") & set(id) == set()
        assert not id.startswith((".", "-"))
        assert len(id) <= 64


def test_an_id_twice_is_told_with_both_places() -> None:
    """One of the two rows is a mistake, and the person knows which."""
    (problem,) = check_rows([row("a", line=7), row("b", line=8), row("a", line=9)])
    assert ("duplicate_id", "plan.md:9") == (problem.code, problem.where)
    assert "plan.md:7" in problem.message


@pytest.mark.parametrize(("one", "two"), [("T-01", "agent-01"), ("a", "A"), ("T-1", "Agent-1")])
def test_two_tasks_never_share_a_file(one: str, two: str) -> None:
    """Also not on a disk that does not know upper from lower case."""
    assert ["duplicate_file"] == codes(row(one), row(two))


def test_ids_that_differ_only_by_case_are_told_with_both() -> None:
    """Also where their files would not be the same: nobody can tell them apart in what is said of them."""
    (problem,) = check_rows([row("T-01"), row("t-01", line=2), row("x", "T-01", line=3)])
    assert "plan.md:2: tasks T-01 and t-01 differ only by case" == str(problem)


def test_a_task_cannot_need_itself() -> None:
    """The shortest cycle has a message of its own."""
    assert ["self_dependency"] == codes(row("a", "a"))


def test_an_unknown_dependency_is_told_with_a_guess() -> None:
    """A typing error is met with the id that was probably meant."""
    (problem,) = check_rows([row("interviews"), row("report", "intervews", line=4)])
    assert ("unknown_dependency", "plan.md:4") == (problem.code, problem.where)
    assert "did you mean interviews?" == problem.hint


def test_an_unknown_dependency_without_a_guess_says_what_to_do() -> None:
    """Where nothing is similar, nothing is suggested."""
    (problem,) = check_rows([row("a", "zebra")])
    assert "add the task or remove the dependency" == problem.hint


@pytest.mark.parametrize("need", ["T-09", "agent-02"])
def test_a_guess_is_never_the_row_itself(need: str) -> None:
    """Typed as printed it would make the next mistake."""
    (problem,) = check_rows([row("T-01"), row("T-02", need)])
    assert "T-02" not in problem.hint


def test_every_problem_is_told_at_once() -> None:
    """Nobody wants to mend one row to be told of the next."""
    found = codes(row("a b"), row("c", "c"), row("d", "nowhere"), row("d"))
    assert ["bad_id", "self_dependency", "unknown_dependency", "duplicate_id"] == found


def calls_of(size: int) -> int:
    """Python functions called to check a plan of which every row needs something unknown."""
    rows = [row(f"task{n}", f"missing{n}") for n in range(size)]
    calls = 0

    def count(frame: FrameType, what: str, argument: Any) -> None:
        nonlocal calls
        calls += what == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        problems = list(check_rows(rows))
    finally:
        sys.setprofile(before)
    assert size == len(problems)
    return calls


def test_a_table_full_of_mistakes_is_told_in_time() -> None:
    """Guessing what was meant must not cost the square of the plan: a whole column may have been misread."""
    assert calls_of(600) < 6 * calls_of(200)


@pytest.mark.parametrize(
    ("file", "id"),
    [("agent-01", "T-01"), ("agent-7", "T-7"), ("T-x", "T-x"), ("research", "research"), ("t-01", "t-01")],
)
def test_a_task_carries_its_name_into_its_files(file: str, id: str) -> None:
    """``T-01`` ↔ ``agent-01``; other ids keep their own name."""
    assert file == stem(id) == row(id).stem


@pytest.mark.parametrize(
    ("key", "label", "id", "agent"),
    [
        ("", "Agent-01", "T-01", ""),
        ("", "Agent-07", "T-01", "Agent-07"),
        ("", "agent 7", "x", "agent 7"),
        ("shell", "Agent-01", "T-01", "shell"),
        ("claude", "research", "research", "claude"),
    ],
)
def test_an_agent_cell_is_a_label_or_a_key(key: str, label: str, id: str, agent: str) -> None:
    """``Agent-07`` is how people see it; ``shell`` is the agent that is asked for."""
    task = row(id, agent=agent)
    assert (key, label) == (task.agent_key, task.label)


@pytest.mark.parametrize(
    ("worker", "agent", "assignee"),
    [
        ("agent-01", "", ""),
        ("shell", "shell", ""),
        ("db_specialist", "shell", "db_specialist"),
        ("Ana_M_ller", "", "Ana Müller"),
    ],
)
def test_whoever_does_it_has_a_name_that_commands_take(worker: str, agent: str, assignee: str) -> None:
    """A name that could not call a command is not given to one."""
    assert worker == row("T-01", agent=agent)._replace(assignee=assignee).worker


def test_a_task_answers_to_the_name_of_its_files() -> None:
    """``T-03`` is ``agent-03`` on disk and Agent-03 in tables; an id comes first, and a doubtful word is none."""
    rows = [row("T-03"), row("T-04", agent="agent_9"), row("x"), row("agent-05", agent="Agent-11")]
    tasks = {each.id: each for each in rows}
    meant = {"agent-03": "T-03", "AGENT-03": "T-03", "Agent_9": "T-04", "agent-05": "agent-05"}
    assert meant == {word: id_of(word, tasks) for word in meant}
    assert ["t-03", "X", "agent-3"] == [id_of(word, tasks) for word in ("t-03", "X", "agent-3")]
    tasks["T-11"] = row("T-11")
    with pytest.raises(UsageError, match="Agent-11 may be any of agent-05, T-11"):
        id_of("Agent-11", tasks)
