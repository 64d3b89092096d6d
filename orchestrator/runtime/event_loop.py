"""The event loop of a run: it hears signals from its first moment to its last."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from types import FrameType

import anyio

from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.runtime.waiting import signals_heard
from orchestrator.store.atomic import ADVICE


def run_in_event_loop(run: Callable[[AsyncIterator[signal.Signals]], Awaitable[None]]) -> None:
    """Run to the end, with the signals that end us; afterwards they do what they did before.

    While the loop is taken down they do nothing: whoever presses Ctrl-C once more would end it in the middle of that,
    and a thread that nobody has told to end would keep the process for ever.

    Raises:
        OrchestratorError: it was raised within, alone.
        StoreError: what the system refused, where nothing else went wrong: an open file to load a module from, say.
    """
    # Ctrl-C last: when they are no longer heard, each does at once what it does by itself.
    numbers = sorted(signals_heard(), key=lambda number: number is signal.SIGINT)

    async def heard() -> None:
        try:
            # Between the receiver and deafness Ctrl-C raises once more.
            with suppress(KeyboardInterrupt):
                with anyio.open_signal_receiver(*numbers) as signals:
                    await run(signals)
                _turn_deaf(numbers)
        finally:
            _turn_deaf(numbers)  # also when the run failed

    before = [(number, signal.getsignal(number)) for number in numbers]
    try:
        anyio.run(heard)
    except BaseExceptionGroup as group:
        if (refused := _refused(group)) is not None:
            raise refused from group
        raise
    finally:
        for number, treatment in before:
            signal.signal(number, treatment)


def _turn_deaf(numbers: Sequence[signal.Signals]) -> None:
    for number in reversed(numbers):  # first what raises an exception
        signal.signal(number, _do_nothing)
    signal.set_wakeup_fd(-1)


def _do_nothing(_number: int, _frame: FrameType | None) -> None:
    """It is over anyway."""


def _refused(group: BaseException) -> OrchestratorError | None:
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    if isinstance(group, OrchestratorError):
        return group
    if not isinstance(group, (OSError, ImportError)):
        return None
    return StoreError(f"the system says: {group}", hint=ADVICE)
