"""Start a run on its own: checked here and now, then a process that no user's end takes along."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from orchestrator.core.event import read_line, run_id
from orchestrator.core.result import Result
from orchestrator.core.settings import resolve
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.errors import BusyError, ExecutorError, ExitStatus, OrchestratorError, UsageError
from orchestrator.executors.detach import Detached
from orchestrator.runner.run import examine
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest
from orchestrator.store.atomic import io_errors, reject_symlinks
from orchestrator.store.journal import Cursor, end_of, keep_cursor, last_run
from orchestrator.store.layout import Layout
from orchestrator.store.lock import busy, lock_owner
from orchestrator.store.watcher import poll
from orchestrator.store.workspace import Workspace

#: Seconds until the new process must hold the plan. It reads a large plan first, and waits for what a dead run left.
_PATIENCE = 60.0
#: Seconds that one which holds it is looked at; what it cannot open or read shows in that time.
_A_WHILE = 2.0
#: Seconds between two looks at who holds the plan.
_LOOK = 0.02
#: Seconds in which a run says that it is at what it was started for.
_BEGUN_WITHIN = 2.0
#: Lines shown of what a run said that did not come through.
_LAST_LINES = 5


class DetachedRun(NamedTuple):
    """A run that goes on without us, and the file that it prints into."""

    run: str
    pid: int
    log: str
    said: str = ""
    """Of one that waits for its time: until when."""


def detach(
    order: RunRequest,
    plugins: Plugins,
    start: Callable[[Sequence[str], str], Detached],
    words: Sequence[str],
    *,
    waits: bool = False,
) -> DetachedRun:
    """Start a run as a process of its own, and return once it has begun. The next ``wait`` tells from its start.

    Args:
        order: What to run; examined here, so that what is wrong is said to the caller and not into a file.
        plugins: The agents.
        start: Starts this program with the given words, its output going into the given file.
        words: The command line that asks for *order*.
        waits: It waits for its time first, and says until when. It holds nothing until then.

    Raises:
        PlanError, NotFoundError, UsageError, AgentError, BusyError, StoreError: as ``run``; nothing was started.
            UsageError also where an attempt of a run asks for it: what it starts ends with it.
        ExecutorError: the process ended before it began; says why, with its exit status.
    """
    refuse_within_attempt()
    examine(order, plugins)
    layout = order.layout
    if not waits and (holder := lock_owner(layout.lock)) is not None:
        raise busy(holder)
    reject_symlinks(layout.logs)
    before = end_of(layout.journal)
    with io_errors("start a run on its own", layout.run_output):
        process = start(words, layout.run_output)
    try:
        said = _await_word(process) if waits else ""
        run = "" if waits else _await_start(process, layout, before)
        with io_errors("rename what it said", layout.run_output):
            process.publish()
    except BaseException:
        process.give_up()
        raise
    keep_cursor(layout.cursor, before)
    return DetachedRun(run, process.pid, layout.run_output, said)


def await_begun(layout: Layout, only: Sequence[str], run: str) -> None:
    """Return once it is known on disk that a run is at these tasks, or through with them, as far as it has slots.

    Else anyone who started them and looks next would read that they are still to begin. It takes the run a moment to
    say so, and it may be held or have to wait; so we do not look for long. Nothing that is wrong by now changes that
    they were started.
    """
    with suppress(OrchestratorError):
        _await_begun(layout, only, run)


def _await_begun(layout: Layout, only: Sequence[str], run: str) -> None:
    workspace = Workspace(layout)
    board = workspace.load()
    others = sum(
        result.status is TaskStatus.RUNNING and not result.is_manual and task_id not in only
        for task_id, result in board.results.items()
    )
    slots = resolve(board.plan.settings).max_parallel - others
    left = {board.plan.tasks[each].stem for each in only if each in board.plan.tasks}
    enough = max(len(left) - slots, 0)
    for _ in poll(_LOOK, _BEGUN_WITHIN):
        left = {stem for stem in left if not _is_of(run, workspace.read_result(stem))}
        if len(left) <= enough or (lock_owner(layout.lock) or {}).get("run") != run:
            break


def _is_of(run: str, result: Result | None) -> bool:
    return result is not None and result.last is not None and result.last.run == run


def refuse_within_attempt() -> None:
    """Do nothing unless an agent of a run called us: nothing that it starts outlives its attempt.

    Raises:
        UsageError: one did.
    """
    if "ORCHESTRATOR_ATTEMPT" in os.environ:
        run, task = (os.environ.get(f"ORCHESTRATOR_{name}", "?") for name in ("RUN_ID", "TASK_ID"))
        raise UsageError(
            f"this is {task} of run {run}, and what it starts in the background ends with it",
            hint="`orchestrator run` in the foreground, and wait for it; or `orchestrator add` to the plan at work",
        )


def _await_word(process: Detached) -> str:
    """Return the first line it says."""
    limit = time.monotonic() + _PATIENCE
    while not (said := process.last_words()).endswith("\n"):
        status = process.ended(_LOOK)
        if status is not None:
            raise _failed(status, process.last_words())
        if time.monotonic() >= limit:
            raise ExecutorError(f"the new process said nothing within {_PATIENCE:.0f}s")
    return one_line(said.splitlines()[0])


def _await_start(process: Detached, layout: Layout, before: Cursor) -> str:
    """Return the id of the run once it has begun, or is over already; at the latest when it has held the plan a while.

    What a dead run left is looked after before it begins, and that may take long.
    """
    limit, held, until = time.monotonic() + _PATIENCE, "", math.inf
    while True:
        holder = None if held else lock_owner(layout.lock)
        if holder is not None and holder.get("pid") == process.pid:
            held, until = str(holder.get("run", "?")), time.monotonic() + _A_WHILE
        status = process.ended(_LOOK)
        if held or status is not None:
            begin, lines = last_run(layout.journal)
            if status != ExitStatus.BUSY and lines and begin.offset >= before.offset:
                return run_id([line for line in map(read_line, lines) if line])
        if status is not None:
            raise _failed(status, process.last_words())
        if time.monotonic() >= until:
            return held
        if time.monotonic() >= limit and not held:
            raise ExecutorError(
                f"the new process did not take the plan within {_PATIENCE:.0f}s",
                hint="run it in the foreground to see why: orchestrator run",
            )


def _failed(status: int, said: str) -> OrchestratorError:
    lines = [one_line(line, limit=300) for line in said.splitlines() if line.strip()]
    ending = "; ".join(lines[-_LAST_LINES:]) or "it said nothing"
    message = f"the run ended before it began, with exit status {status}: {ending}"
    if status == ExitStatus.BUSY:
        return BusyError(message, hint="`orchestrator wait` follows the run that holds it")
    error = ExecutorError(message, hint="run it in the foreground to see more: orchestrator run")
    if status in set(ExitStatus) - {ExitStatus.DONE}:
        error.exit_status = ExitStatus(status)
    return error


#: Seconds in which a run leaves that takes nothing any more; to merge with an agent takes longer.
_LEAVES_WITHIN = 2.0


def staying_run(layout: Layout) -> dict[str, Any] | None:
    """Return the active run; one that is coming to its end gets a moment to leave, or to go on after all."""
    holder = None
    for _ in poll(_LOOK, _LEAVES_WITHIN):
        holder = lock_owner(layout.lock)
        if holder is None or not holder.get("closing"):
            break
    return holder
