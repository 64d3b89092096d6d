"""The event loop of a run: it hears the signals that came before its first moment, and keeps those after its last.

And its threads, for what would hold it up; where the system has none left, for a moment, it is held up.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar, TypeVarTuple

import anyio
import anyio.to_thread

from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.runner.signals import Signals
from orchestrator.store.atomic import ADVICE

#: What Python says where the system starts no thread, and nothing was called yet.
_NO_THREAD = ("can't start new thread",)
_Result = TypeVar("_Result")
_Words = TypeVarTuple("_Words")


async def in_thread(function: Callable[[*_Words], _Result], *words: *_Words) -> _Result:
    """Call a function in a thread; or here, where the agents have used up what a user may have of processes.

    All that we call so is short, and a run that ended for it would throw away the work of every agent.
    """
    try:
        return await anyio.to_thread.run_sync(function, *words)
    except RuntimeError as error:
        if error.args != _NO_THREAD:
            raise
    return function(*words)


def run_in_event_loop(
    run: Callable[[AsyncIterator[signal.Signals]], Awaitable[None]], signals: Signals
) -> None:
    """Run to the end, with the signals that end us.

    What comes while the loop is taken down waits for anyone who hears them next: an exception in the middle of that
    would leave a thread that no one has told to end, and it would keep the process for ever.

    Raises:
        OrchestratorError: it was raised within, alone.
        StoreError: what the system refused, where nothing else went wrong: an open file to load a module from, say.
    """

    async def hearing() -> None:
        await run(_received(signals))

    try:
        anyio.run(hearing)
    except BaseExceptionGroup as group:
        if (refused := _refused(group)) is not None:
            raise refused from group
        raise


async def _received(signals: Signals) -> AsyncIterator[signal.Signals]:
    while True:
        # Without a pause: nothing is to start before what has come is heard.
        if number := signals.wait(0.0):
            yield signal.Signals(number)
        else:
            await anyio.wait_readable(signals.descriptor)


def _refused(group: BaseException) -> OrchestratorError | None:
    while isinstance(group, BaseExceptionGroup) and len(group.exceptions) == 1:
        group = group.exceptions[0]
    if isinstance(group, OrchestratorError):
        return group
    if not isinstance(group, (OSError, ImportError)):
        return None
    return StoreError(f"the system says: {group}", hint=ADVICE)
