"""Read what attempts printed, safe to be shown: bounded, without secrets and without what a terminal acts on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from orchestrator.core.redact import redact
from orchestrator.core.result import Result
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import sanitize
from orchestrator.errors import NotFoundError, StoreError
from orchestrator.services.task_view import TaskView, find_task
from orchestrator.store.attempt_record import read_log
from orchestrator.store.layout import Layout
from orchestrator.store.watcher import poll
from orchestrator.store.workspace import Workspace

#: Bytes of a log that are shown: the end of it.
MOST = 256 * 1024
#: Bytes and lines of stderr that stand beside a failure.
_ERRORS, _LINES = 8 * 1024, 10
#: Seconds between two looks at a log that grows.
_LOOK = 0.5
#: How a task stands whose newest attempt failed.
_FAILED = frozenset({TaskStatus.FAILED, TaskStatus.RETRYING, TaskStatus.PENDING})


class Log(NamedTuple):
    """What an attempt printed to one stream."""

    task: str
    attempt: int
    path: str
    text: str
    """The end of it, whole lines."""
    earlier: int
    """Bytes before that."""
    offset: int
    """Where what follows begins."""
    is_open: bool
    """The attempt is under way."""


def read_task_log(
    layout: Layout, said: str, number: int, *, is_stderr: bool, patience: float = 0.0
) -> Log:
    """Return the end of what an attempt printed; *number* 0: the newest one.

    A run that has just begun tells of its first attempt a moment later: *patience* is in seconds.

    Raises:
        NotFoundError: there is no such task or attempt.
        PlanError, StoreError: as their names say.
    """
    for _ in poll(_LOOK, patience):
        board = Workspace(layout).load()
        if board.attempts(find_task(board, said).id):
            break
    board = Workspace(layout).load()
    task = find_task(board, said)
    numbers = {each.number: each for each in board.attempts(task.id)}
    if not numbers:
        raise NotFoundError(f"{task.id} has no attempt yet", hint="orchestrator run")
    found = numbers.get(number or max(numbers))
    if found is None:
        listed = ", ".join(map(str, numbers))
        raise NotFoundError(f"{task.id} has no attempt {number}", hint=f"there are {listed}")
    files = layout.attempt(task.stem, found.number)
    path = files.stderr if is_stderr else files.stdout
    data, begin = _read(path, -MOST, MOST)
    cut = data.find(b"\n") + 1 if begin else 0
    if found.is_open:  # half of a line may hide half of a secret
        data = data[: data.rfind(b"\n") + 1]
        cut = min(cut, len(data))
    text = _shown(data[cut:])
    end = begin + len(data)
    return Log(task.id, found.number, path, text, begin + cut, end, found.is_open)


def follow_log(layout: Layout, log: Log) -> Iterator[str]:
    """Yield what is printed from then on, in whole lines, until the attempt is over; now and then nothing.

    Raises:
        PlanError, StoreError: as their names say.
    """
    offset, is_open = log.offset, log.is_open
    for _ in poll(_LOOK):
        data, _ = _read(log.path, offset, MOST)
        # A line longer than that is shown in pieces.
        if is_open and len(data) < MOST:
            data = data[: data.rfind(b"\n") + 1]
        offset += len(data)
        yield _shown(data)
        if data:
            continue
        if not is_open:
            return
        board = Workspace(layout).load()
        attempts = board.attempts(log.task)
        is_open = any(each.number == log.attempt and each.is_open for each in attempts)


def last_errors(layout: Layout, view: TaskView) -> str:
    """Return the last lines that a failed attempt printed to stderr; empty where the newest one did not fail."""
    if view.board.status(view.task.id) not in _FAILED or not _has_failed(view.result):
        return ""
    path = layout.attempt(view.task.stem, view.result.number if view.result else 0).stderr
    try:
        data, begin = read_log(path, -_ERRORS, _ERRORS)
    except OSError:
        return ""  # what cannot be read there only makes a view clearer
    lines = _shown(data).strip().splitlines()
    if begin:
        del lines[0]  # its beginning was left out
    return "\n".join(line[:300] for line in lines[-_LINES:])


def _has_failed(result: Result | None) -> bool:
    last = result.last if result is not None else None
    return last is not None and not last.is_open and last.status != TaskStatus.COMPLETED.value


def _read(path: str, offset: int, size: int) -> tuple[bytes, int]:
    try:
        return read_log(path, offset, size)
    except FileNotFoundError:
        return b"", 0  # it printed nothing, or it was cleaned up
    except OSError as error:
        if os.path.islink(path):
            raise StoreError(
                "a link lies in the place of a log, and is not followed",
                where=path,
                hint="look where it leads yourself; an agent may have put it there",
            ) from None
        raise StoreError(f"the log cannot be read: {error.strerror}", where=path) from None


def _shown(data: bytes) -> str:
    return redact(sanitize(data.decode(errors="replace")))
