"""What a dead run left is taken from its logs, and nothing else is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.agents.shell import ShellAgent
from orchestrator.core.result import Attempt, Result
from orchestrator.core.settings import resolve
from orchestrator.core.status import TaskStatus
from orchestrator.executors.exit_record import write_record
from orchestrator.runner import attempt as attempt_module
from orchestrator.runner.recovery import RecoveredAttempt, Recovery
from orchestrator.store.attempt_record import scan_logs
from orchestrator.store.result_file import render_result
from orchestrator.store.workspace import Workspace
from tests.runner.bench import write_plan

S = TaskStatus


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return write_plan(tmp_path, {"T-01": "", "T-02": "T-01"})


def record(place: Workspace, number: int = 1, log: str = "The answer.\n", **changed: Any) -> None:
    """Leave what the guard writes when an attempt at the first task is over."""
    files = place.layout.attempt("agent-01", number)
    Path(files.stdout).write_text(log)
    facts = {
        "task": "T-01", "attempt": number, "charge": number, "run": "dead", "agent": "shell", "inputs": {},
        "pid": 7, "exit": 0, "signal": None, "stopped": None, "error": "", "started": 10.0, "ended": 12.0,
        "duration": 2.0, "max_rss": 0, "cpu": 0.0,
    }  # fmt: skip
    assert not write_record(files.record, {**facts, **changed})


def result(place: Workspace, *statuses: str, task: str = "T-01", status: S = S.RUNNING, run: str = "") -> None:
    """Leave the result file of the first task, with an attempt for each status."""
    attempts = tuple(
        Attempt(number=number, charge=number, run=run, status=each, reason=f"because of {number}")
        for number, each in enumerate(statuses, start=1)
    )
    found = Result(task=task, agent="shell", status=status, attempts=attempts)
    place.write_running("agent-01", render_result(found, label="x", answer=""))


def harvested(place: Workspace, *dead_runs: str, **more: Any) -> list[RecoveredAttempt]:
    board = place.load(is_live=False)
    tasks = board.plan.tasks
    return Recovery(
        workspace=place,
        tasks=tasks,
        policies=dict.fromkeys(tasks, resolve()),
        agents={"shell": ShellAgent()},
        results=board.results,
        traces=scan_logs(place.layout.logs),
        dead_runs=dead_runs,
        **more,
    ).harvest()


def test_an_answer_that_nobody_took_is_harvested(place: Workspace) -> None:
    """The agent finished while the runner was dead: its log becomes the result, and nothing is paid twice."""
    record(place)
    result(place, "running")
    (found,) = harvested(place)
    assert S.COMPLETED is found.result.status
    assert S.PENDING is place.load(is_live=False).status("T-01")
    place.commit([found.commit])
    board = Workspace(place.layout).load(is_live=False)
    assert [S.COMPLETED, S.PENDING] == [board.status("T-01"), board.status("T-02")]
    assert "The answer." == place.read_answer("agent-01")
    (attempt,) = board.results["T-01"].attempts
    assert (1, "completed", "dead", 10.0, 12.0, 2.0, "exit 0") == (
        attempt.number, attempt.status, attempt.run, attempt.started, attempt.ended, attempt.duration, attempt.exit,
    )  # fmt: skip
    assert [] == harvested(Workspace(place.layout))


def test_a_simulation_that_nobody_took_is_none_that_was_meant(place: Workspace) -> None:
    """Its record says so, in whatever plan it is found."""
    record(place, only_simulated=True)
    (found,) = harvested(place, "dead")
    assert [True] == [attempt.is_only_simulated for attempt in found.result.attempts]


def test_an_attempt_that_never_reached_a_result_file_is_harvested(place: Workspace) -> None:
    """It was launched by a run that is known to have died."""
    record(place)
    (found,) = harvested(place, "dead")
    assert (S.COMPLETED, 1) == (found.result.status, found.result.number)


def test_a_deleted_result_stays_deleted(place: Workspace) -> None:
    """A record alone is not enough: whoever deleted the result wants the task done again."""
    record(place)
    assert [] == harvested(place, "another")


@pytest.mark.parametrize(
    ("lines", "is_taken"),
    [
        (["run · started · run dead · 2 of 2 tasks to run", "T-01 · completed attempt 1 · after 2s"], False),
        (["run · started · run dead · 2 of 2 tasks to run", "T-01 · retrying attempt 1 · again in 2s"], False),
        (["run · started · run dead · 2 of 2 tasks to run", "T-01 · started attempt 1"], True),
        (["run · started · run dead · 2 of 2 tasks to run", "T-01 · completed attempt 2"], True),
        (["run · started · run dead · 2 of 2 tasks to run", "T-02 · completed attempt 1"], True),
        (["run · started · run older · 2 of 2 tasks to run", "T-01 · completed attempt 1"], True),
        (["T-01 · completed attempt 1"], True),
        (["torn"], True),
    ],
)  # fmt: skip
def test_what_a_dead_run_had_told_was_taken_away_by_somebody(
    place: Workspace, lines: list[str], is_taken: bool
) -> None:
    """A run tells nothing before the result is in its place: deleted since, it means "do it again" (promise 5)."""
    record(place)
    told = "".join(f"- 2026-01-05T12:00:00.000Z · {line}\n" for line in lines)
    Path(place.layout.journal).write_text(f"# Journal\n\n{told}")
    assert is_taken is bool(harvested(place, "dead"))
    assert harvested(place, "dead", lost={"agent-01"})


@pytest.mark.parametrize("status", ["completed", "failed", "interrupted"])
def test_what_is_settled_is_left_alone(place: Workspace, status: str) -> None:
    """Also when a person corrected it, and also when its run died later."""
    record(place)
    result(place, status, status=S.COMPLETED)
    assert [] == harvested(place, "dead")


@pytest.mark.parametrize(
    ("status", "verdict", "changed"),
    [
        (S.RETRYING, "failed", {"exit": 1}),
        (S.FAILED, "failed", {"exit": 127}),
        (S.FAILED, "failed", {"error": "cannot start"}),
        (S.RETRYING, "failed", {"exit": None, "signal": 9}),
        (S.RETRYING, "failed", {"exit": None, "signal": 15, "stopped": "timeout"}),
        (S.PENDING, "interrupted", {"exit": None, "signal": 15, "stopped": "orphaned"}),
        (S.PENDING, "interrupted", {"exit": None, "signal": 15, "stopped": "shutdown"}),
    ],
)
def test_an_attempt_that_ended_badly_is_judged_too(
    place: Workspace, status: S, verdict: str, changed: dict[str, Any]
) -> None:
    """By the same agent in the same way as in a run."""
    record(place, **changed)
    result(place, "running")
    (found,) = harvested(place)
    assert found.result.last is not None
    assert (status, verdict) == (found.result.status, found.result.last.status)


def test_what_a_harvested_attempt_cost_is_told(place: Workspace) -> None:
    """In the journal, as of every other attempt that is over."""
    record(place)
    result(place, "running")
    (found,) = harvested(place)
    paid = tuple(each._replace(cost=0.5) for each in found.result.attempts)
    told = found._replace(result=found.result._replace(attempts=paid)).event(20.0)
    assert 0.5 == told.cost


def test_earlier_attempts_are_kept(place: Workspace) -> None:
    """The history of a task survives its runner."""
    record(place, 1, exit=1)
    record(place, 2)
    result(place, "failed", "running")
    (found,) = harvested(place, "dead")
    assert [(1, "failed"), (2, "completed")] == [(each.number, each.status) for each in found.result.attempts]


def test_a_next_attempt_of_a_dead_run_is_harvested(place: Workspace) -> None:
    """The result knows attempt 1 only; attempt 2 was over before it could be written down."""
    record(place, 1, exit=1)
    record(place, 2)
    result(place, "failed", status=S.RETRYING)
    (found,) = harvested(place, "dead")
    assert [(1, "failed"), (2, "completed")] == [(each.number, each.status) for each in found.result.attempts]


def test_an_older_record_does_not_replace_a_newer_attempt(place: Workspace) -> None:
    """Attempt 2 was lost with machine and guard; that attempt 1 failed is known already."""
    record(place, 1, exit=1)
    result(place, "failed", "running")
    assert [] == harvested(place, "dead")


def test_the_history_of_another_task_is_not_taken_over(place: Workspace) -> None:
    """A result file that belongs to another id is nobody's past."""
    record(place, 2)
    result(place, "failed", task="agent-01", status=S.FAILED)
    (found,) = harvested(place, "dead")
    assert [2] == [each.number for each in found.result.attempts]


DAMAGED = "logs/agent-01.attempt-1.json is damaged and is not believed"
OF_ANOTHER = "logs/agent-01.attempt-1.json is of another attempt and is not believed"
OF_ANOTHER_RUN = "logs/agent-01.attempt-1.json is of another run and is not believed"


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"stopped": "boredom"}, DAMAGED),
        ({"inputs": None}, DAMAGED),
        ({"agent": "unknown"}, DAMAGED),
        pytest.param({"task": "T-02"}, OF_ANOTHER, id="copied from another task"),
        pytest.param({"attempt": 7}, OF_ANOTHER, id="renamed from another attempt"),
        pytest.param({"run": "older"}, OF_ANOTHER_RUN, id="written late by an older run"),
    ],
)
def test_a_record_that_does_not_fit_completes_nothing(place: Workspace, changed: dict[str, Any], why: str) -> None:
    """It is told with its path; the attempt counts as interrupted, and is made again."""
    record(place, **changed)
    result(place, "running", run="dead")
    told: list[tuple[str, str]] = []
    assert [] == harvested(place, "dead", warn=lambda *words: told.append(words))
    assert [("T-01", why)] == told


def test_a_lost_log_completes_nothing(place: Workspace) -> None:
    """Nobody knows what its agent answered."""
    record(place)
    Path(place.layout.attempt("agent-01", 1).stdout).unlink()
    (found,) = harvested(place, "dead")
    assert (S.FAILED, "its log is gone") == (found.result.status, found.result.reason)


def test_a_big_log_is_read_in_pieces(place: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it."""
    monkeypatch.setattr(attempt_module, "PIECE", 10)
    log = "".join(f"line {number}\n" for number in range(100))
    record(place, log=log)
    (found,) = harvested(place, "dead")
    place.commit([found.commit])
    assert log.rstrip("\n") == place.read_answer("agent-01")


def test_the_log_of_a_command_proves_nothing_by_itself(place: Workspace) -> None:
    """It may have been cut off in the middle: what has no record is done again."""
    Path(place.layout.attempt("agent-01", 1).stdout).write_text("The answer.\n")
    result(place, "running", run="dead")
    tasks = place.load(is_live=False).plan.tasks
    traces = scan_logs(place.layout.logs)
    policies, agents = dict.fromkeys(tasks, resolve()), {"shell": ShellAgent()}
    Recovery(
        workspace=place, tasks=tasks, policies=policies, agents=agents, results={}, traces=traces, dead_runs={"dead"}
    ).record_answered()
    assert not traces["agent-01"].recorded
    assert not Path(place.layout.attempt("agent-01", 1).record).exists()


@pytest.mark.parametrize("dead", [{"dead"}, {"another"}])
def test_the_log_of_claude_says_that_it_had_answered(place: Workspace, dead: set[str]) -> None:
    """Of a run that died, and of no other."""
    said = {"type": "result", "subtype": "success", "is_error": False, "result": "The answer.", "num_turns": 1}
    Path(place.layout.attempt("agent-01", 1).stdout).write_text(json.dumps(said) + "\n")
    attempt = Attempt(number=1, charge=1, run="dead", agent="claude", cost=None)
    under_way = Result(task="T-01", agent="claude", status=S.RUNNING, attempts=(attempt,))
    place.write_running("agent-01", render_result(under_way, label="x", answer=""))
    tasks = place.load(is_live=False).plan.tasks
    traces = scan_logs(place.layout.logs)
    policies, agents = dict.fromkeys(tasks, resolve()), {"claude": ClaudeAgent()}
    Recovery(
        workspace=place, tasks=tasks, policies=policies, agents=agents, results={}, traces=traces, dead_runs=dead
    ).record_answered()
    assert ({1} if dead == {"dead"} else set()) == traces["agent-01"].recorded
