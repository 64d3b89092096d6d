"""Rounds of runs: each by itself, none twice, and what goes wrong in one is not the end of all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.errors import BusyError, OrchestratorError, PlanError, Problem
from orchestrator.runner.repeat import run_repeatedly
from orchestrator.runner.run import RunReport
from orchestrator.runner.signals import Wait
from orchestrator.store.layout import Layout
from tests.runner.test_waiting import Time

PLAN = Plan(tasks={}, file="plan")
DONE = RunReport("run", Layout("/nowhere"), PlanSnapshot(PLAN, shape({}), {}), (), 0, 1.0)
BROKEN = PlanError([Problem("a cycle")])
HELD_BY_ANOTHER = BusyError("another run holds the plan")


def play(
    outcomes: Sequence[RunReport | OrchestratorError],
    *,
    at: float | None = None,
    every: float | None = 60.0,
    signals: dict[int, int] | None = None,
) -> tuple[int, list[float], list[str]]:
    """Return the exit status, when each run began, and what was complained about; a signal comes after the last one."""
    time, left = Time(signals), list(outcomes)
    begun: list[float] = []
    complaints: list[str] = []

    def run_once() -> RunReport:
        begun.append(time.now() - 100)
        time.time += 1
        outcome = left.pop(0)
        if isinstance(outcome, OrchestratorError):
            raise outcome
        return outcome

    @contextmanager
    def hearing() -> Iterator[Wait]:
        yield lambda seconds: time.wait(seconds) if left else 15

    def timestamp() -> float | None:
        return None if at is None else time.wall() + at

    nothing: Callable[[float], None] = lambda until: None  # noqa: E731
    status = run_repeatedly(
        run_once,
        at=timestamp(),
        every=every,
        tell=nothing,
        complain=lambda error: complaints.append(error.message),
        clock=time,
        hearing=hearing,
    )
    return status, begun, complaints


def test_one_run_at_a_moment() -> None:
    assert (0, [20.0], []) == play([DONE], at=20.0, every=None)


def test_a_signal_before_the_moment() -> None:
    assert (143, [], []) == play([DONE], at=20.0, every=None, signals={0: 15})


def test_again_and_again() -> None:
    assert (143, [0.0, 60.0, 120.0], []) == play([DONE, DONE, DONE])


def test_from_a_moment_on() -> None:
    assert (143, [20.0, 80.0], []) == play([DONE, DONE], at=20.0)


def test_who_ends_a_run_ends_the_rounds() -> None:
    assert (130, [0.0, 60.0], []) == play([DONE, DONE._replace(signal=2), DONE])


def test_what_is_wrong_from_the_start_is_raised() -> None:
    with pytest.raises(PlanError):
        play([BROKEN, DONE])


def test_a_later_round_that_cannot_run_is_said_and_left_out() -> None:
    assert (143, [0.0, 60.0, 120.0], ["a cycle"]) == play([DONE, BROKEN, DONE])


def test_a_plan_that_another_run_holds_is_left_out() -> None:
    """Also in the first round: the other one will be over some time."""
    said = ["another run holds the plan"]
    assert (143, [0.0, 60.0], said) == play([HELD_BY_ANOTHER, DONE])
