"""``run --at`` and ``run --every``; loaded when they are asked for."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime

from orchestrator.actions.repeating import run_repeatedly
from orchestrator.cli.reply import say_error, talk
from orchestrator.core.timestamp import next_timestamp
from orchestrator.errors import OrchestratorError, TransitionError, UsageError
from orchestrator.runner.run import RunReport
from orchestrator.store.disk import denied
from orchestrator.store.layout import Layout
from orchestrator.store.lock import LATEST, say_waiting, wait_no_longer


def moment(text: str) -> float:
    """Return when ``--at`` means, in seconds since the epoch.

    Raises:
        UsageError: it is no moment, or over.
    """
    try:
        found = next_timestamp(text, datetime.now().astimezone()).timestamp()
        if found >= LATEST:
            raise ValueError(f"{text!r} is after every calendar")
        return found
    except (ValueError, OverflowError) as error:
        raise UsageError(f"--at: {error}", hint="orchestrator run --at 07:30") from None


def local(moment: float) -> str:
    """Write a moment as the clock on the wall shows it."""
    return f"{datetime.fromtimestamp(moment).astimezone():%Y-%m-%d %H:%M:%S %Z}"


def run_in_rounds(
    layout: Layout,
    run_once: Callable[[], RunReport],
    at: float | None,
    every: float | None,
    *,
    as_json: bool,
) -> int:
    """Run at a moment, again and again, until a signal ends it or its plan is over or gone; return the exit status.

    Raises:
        OrchestratorError: as ``run``, in the first round, or of a plan that nobody can run any more.
    """

    def complain(error: OrchestratorError) -> None:
        if isinstance(error, TransitionError) or not os.path.isdir(layout.root):
            raise error
        say_error(error, as_json=as_json)

    def say_until(moment: float) -> None:
        try:
            say_waiting(layout, moment)
        except OrchestratorError as error:
            if moment == at and denied(layout) is not None:
                raise  # nor could it run at its time
            complain(error)
        talk(f"waits until {local(moment)}")

    try:
        return run_repeatedly(run_once, at=at, every=every, tell=say_until, complain=complain)
    finally:
        wait_no_longer(layout)
