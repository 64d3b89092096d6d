"""Seed 004, rows about agents: who there is, who takes what, and how much at once."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.mission.task_engine import TaskEngine

CODER = """---
command: sh -c "cat >/dev/null; echo coded"
best_for: Dev, refactor, debug, docs
types: [dev, docs]
capabilities: [refactor, debug]
max_parallel: 3
free: true
---
"""
EVA = """---
command: sh -c "cat >/dev/null; echo tested"
best_for: Test, validate, system-ops
types: test
capabilities: [validate, system-ops]
max_parallel: 1
free: true
---
"""


@pytest.fixture
def task(engine: TaskEngine) -> str:
    """An approved plan among two agents, those of the seed's table; eva takes what suits nobody."""
    made = engine.plan("APPROVED")
    engine.set_front(made, "agent: eva")
    (engine.root / "agents").mkdir()
    for key, text in (("coder", CODER), ("eva", EVA)):
        (engine.root / f"agents/{key}.md").write_text(text, encoding="utf-8")
    return made


def chosen(engine: TaskEngine, task: str) -> dict[str, str]:
    """Who would take what is ready."""
    answer = engine(f"auto-dispatch {task} --dry-run").json
    return {each["subtask_id"]: each["agent"] for each in answer["dispatches"]}


def test_s4_54_the_roster(engine: TaskEngine) -> None:
    """The seed's table: key, what each is best for, and how many tasks it may have at once.

    `claude-code` is another name of `claude`.
    """
    agents = engine.root / "agents"
    agents.mkdir(parents=True)
    own = "extends: claude\nbest_for: Dev, refactor, debug, docs\nmax_parallel: 3"
    (agents / "claude-code.md").write_text(f"---\n{own}\n---\n", encoding="utf-8")
    (agents / "eva.md").write_text(EVA, encoding="utf-8")
    for key in ("claude-code", "eva"):
        assert 0 == engine(f"add 'Work on the shopping cart' --agent {key}").returncode
    listed = {each["key"]: each for each in engine("agents --json").json["agents"]}
    shown = {line.split()[0]: line for line in engine("agents").stdout.splitlines() if line}
    for key, best_for, most in (("claude", "Dev, refactor, debug, docs", 3), ("eva", "Test, validate, system-ops", 1)):
        assert (best_for, most) == (listed[key]["best_for"], listed[key]["max_parallel"])
        assert best_for in shown[key]
        assert f"0/{most}" in shown[key].split()


def test_s4_54_a_run_gives_nobody_more_at_once(engine: TaskEngine) -> None:
    """Three and one of them are at work, though eight could be."""
    marks, agents = engine.root / "marks", engine.root / "agents"
    agents.mkdir(parents=True)
    for key, text in (("coder", CODER), ("eva", EVA)):
        work = f"echo + {key} >> {marks}; sleep 0.3; echo - {key} >> {marks}; "
        marked = text.replace("cat >/dev/null; ", f"cat >/dev/null; {work}")
        (agents / f"{key}.md").write_text(marked, encoding="utf-8")
    for agent in ("coder",) * 7 + ("eva",) * 3:
        assert 0 == engine(f"add 'Work on one part of it' --agent {agent}").returncode
    assert 0 == engine("run --max-parallel 8").returncode
    at_work, peak = Counter[str](), Counter[str]()
    for mark, key in (line.split() for line in marks.read_text(encoding="utf-8").splitlines()):
        at_work[key] += 1 if mark == "+" else -1
        peak[key] = max(peak[key], at_work[key])
    assert {"coder": 3, "eva": 1} == dict(peak)


def test_a_directory_of_plans_says_who_is_at_work_in_all_of_them(engine: TaskEngine, task: str) -> None:
    """As `agent workload` does; a plan that cannot be read is no reason to say nothing."""
    other = engine.plan("APPROVED")
    for plan in (task, task, other):
        (made,) = engine(f"dispatch {plan} Models").stdout.split()
        engine(f"subtask {plan} {made} start --as coder")
    engine.file(engine.plan()).write_bytes(b"\xff\xff")
    for where, running in (("", 3), (task, 2)):
        listed = {each["key"]: each for each in engine(f"agents {where} --json").json["agents"]}
        assert (running, 0) == (listed["coder"]["running"], listed["eva"]["running"])
    assert "  3/3 " in engine("agents").stdout


def test_s4_55_who_takes_what(engine: TaskEngine, task: str) -> None:
    """Whoever is named; else by type; else by capability; else the default, which is eva."""
    engine(f'dispatch {task} "Implement" --type dev')
    engine(f'dispatch {task} "Debug" --type debug')
    engine(f'dispatch {task} "Document" --type docs --agent coder')
    assert {"subtask_01": "coder", "subtask_02": "coder", "subtask_03": "coder"} == chosen(engine, task)
    other = engine.plan("APPROVED")
    engine.set_front(other, "agent: eva")
    engine(f'dispatch {other} "Sing" --type music')
    assert {"subtask_01": "eva"} == chosen(engine, other)
    named = engine.plan("APPROVED")
    engine(f'dispatch {named} "Implement" --type dev --agent eva')
    assert {"subtask_01": "eva"} == chosen(engine, named)


def test_s4_59_agent_at_capacity(engine: TaskEngine, task: str) -> None:
    """Of what is ready each agent gets what it has room for; a task that would begin at once is not dispatched."""
    for number in range(4):
        engine(f'dispatch {task} "Implement {number}" --type dev')
    for number in range(2):
        engine(f'dispatch {task} "Test {number}" --type test')
    answer = engine(f"auto-dispatch {task} --dry-run").json
    assert [1, 2, 3, 5] == [int(each["subtask_id"][-2:]) for each in answer["dispatches"]]
    assert {
        "subtask_04": "Agent at capacity: coder has 3 of 3 tasks under way",
        "subtask_06": "Agent at capacity: eva has 1 of 1 tasks under way",
    } == {each["subtask_id"]: each["reason"] for each in answer["skipped"]}
    engine(f"subtask {task} subtask_05 start --as eva")
    full = engine(f'dispatch {task} "Test more" --agent eva --json')
    assert (4, "agent_at_capacity") == (full.returncode, full.json["code"])
    assert "Agent at capacity: eva" in full.json["message"]
    later = engine(f'dispatch {task} "Test later" --agent eva --deps subtask_05')
    assert (0, "subtask_07\n") == (later.returncode, later.stdout)


def test_s4_59_what_is_reported_counts_for_the_agent_it_was_dispatched_to(engine: TaskEngine, task: str) -> None:
    """The seed reports with `subtask` and says nowhere who it is; everybody who counts comes to the same."""
    for number in range(2):
        engine(f'dispatch {task} "Test {number}" --agent eva --type test')
    assert 0 == engine(f"subtask {task} subtask_01 start --progress 30").returncode
    assert "is IN_PROGRESS" in engine(f"subtask {task} subtask_01 start --progress 60").stdout
    loads = engine(f"agent workload {task} --json").json["workload"]
    assert [("eva", 1)] == [(each["name"], each["active"]) for each in loads if each["active"]]
    listed = engine(f"agents {task} --json").json["agents"]
    assert 1 == next(each["running"] for each in listed if each["key"] == "eva")
    full = engine(f'dispatch {task} "Test more" --agent eva --type test --json')
    assert (4, "agent_at_capacity") == (full.returncode, full.json["code"])
    skipped = engine(f"auto-dispatch {task}").json["skipped"]
    assert ["Agent at capacity: eva has 1 of 1 tasks under way"] == [each["reason"] for each in skipped]
    assert 0 == engine(f'subtask {task} subtask_01 done --note "All green"').returncode
    result = (engine.root / task / "results/subtask_01-result.md").read_text(encoding="utf-8")
    assert (True, False) == ('"agent": "eva"' in result, "had it in hand" in result)


def test_s4_59_a_task_in_the_hands_of_a_person_fills_no_agent(engine: TaskEngine, task: str) -> None:
    """Whoever counts what an agent has under way comes to the same: here nothing."""
    for number in range(2):
        engine(f'dispatch {task} "Test {number}" --agent eva')
    engine(f"subtask {task} subtask_01 start --as bob")
    engine(f'dispatch {task} "Test mine" --agent eva')
    engine(f"claim subtask_03 --dir {engine.root / task}")
    # Whoever has it goes on to have it, however they report.
    assert 0 == engine(f"subtask {task} subtask_03 start --progress 50").returncode
    pluralize = {each["key"]: each["running"] for each in engine(f"agents {task} --json").json["agents"]}
    assert 0 == pluralize["eva"]
    assert "subtask_02" in chosen(engine, task)
    assert 0 == engine(f'dispatch {task} "Test more" --agent eva').returncode
