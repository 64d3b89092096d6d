"""The command ``logs``: what attempts printed, bounded, and without secrets and terminal control characters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command, WholeNumber, argument, flag, option
from orchestrator.commands.reply import json_text, say_json, talk, write
from orchestrator.core.redact import redact
from orchestrator.core.result import Result
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import sanitize
from orchestrator.errors import NotFoundError, StoreError
from orchestrator.services.task_view import TaskView, find_task
from orchestrator.store.attempt_record import read_log
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.watcher import poll
from orchestrator.store.workspace import Workspace

#: Bytes of a log that are shown: the end of it.
_MOST = 256 * 1024
#: Bytes and lines of stderr that are shown with a failure.
_ERRORS, _LINES = 8 * 1024, 10
#: Seconds between two reads of a log that grows.
_INTERVAL = 0.5
#: Seconds in which a run that was just started has its first attempt.
_PATIENCE = 3.0
#: The status of a task whose newest attempt failed.
_FAILED = frozenset({TaskStatus.FAILED, TaskStatus.RETRYING, TaskStatus.PENDING})


@dataclass(frozen=True)
class LogsParams:
    """Which attempt of which task, and which of its streams."""

    task: str = argument("ID", completion="task")
    attempt: int = option("Of this attempt (default: the newest).", metavar="N", default=0, read=WholeNumber(1))
    stderr: bool = flag("What it printed to stderr.")
    follow: bool = flag("Go on with what is printed, until it is over.")


class Log(NamedTuple):
    """The end of what an attempt printed to one stream."""

    task: str
    attempt: int
    path: str
    text: str
    """Whole lines."""
    earlier: int
    """Bytes before the text."""
    offset: int
    """Where what follows begins."""
    is_open: bool
    """The attempt is running."""


def read_task_log(layout: Layout, task_id: str, number: int, *, is_stderr: bool, patience: float = 0.0) -> Log:
    """Return the end of what an attempt printed; *number* 0: the newest one.

    *patience*: how many seconds to wait for the first attempt of a run that has just begun.

    Raises:
        NotFoundError: there is no such task or attempt.
        PlanError, StoreError: the plan cannot be read.
    """
    for _ in poll(_INTERVAL, patience):
        board = Workspace(layout).load()
        if board.attempts(find_task(board, task_id).id):
            break
    board = Workspace(layout).load()
    task = find_task(board, task_id)
    numbers = {each.number: each for each in board.attempts(task.id)}
    if not numbers:
        raise NotFoundError(f"{task.id} has no attempt yet", hint="orchestrator run")
    found = numbers.get(number or max(numbers))
    if found is None:
        listed = ", ".join(map(str, numbers))
        raise NotFoundError(f"{task.id} has no attempt {number}", hint=f"there are {listed}")
    files = layout.attempt(task.stem, found.number)
    path = files.stderr if is_stderr else files.stdout
    data, begin = _read(path, -_MOST, _MOST)
    cut = data.find(b"\n") + 1 if begin else 0
    if found.is_open:  # half of a line may hide half of a secret
        data = data[: data.rfind(b"\n") + 1]
        cut = min(cut, len(data))
    text = _shown(data[cut:])
    end = begin + len(data)
    return Log(task.id, found.number, path, text, begin + cut, end, found.is_open)


def follow_log(layout: Layout, log: Log) -> Iterator[str]:
    """Yield what is printed from then on, in whole lines, until the attempt is over; empty where nothing is new.

    Raises:
        PlanError, StoreError: the plan cannot be read.
    """
    offset, is_open = log.offset, log.is_open
    for _ in poll(_INTERVAL):
        data, _ = _read(log.path, offset, _MOST)
        # A line longer than that is shown in pieces.
        if is_open and len(data) < _MOST:
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


def execute(call: Call, params: LogsParams) -> Log:
    """Print what an attempt printed: the last 256 KiB, without secrets and control characters.

    Examples:
      orchestrator logs T-01
      orchestrator logs T-01 --stderr --attempt 1
      orchestrator logs T-01 --follow     with --json one object per line
    """
    patience = _PATIENCE if params.follow else 0.0
    return read_task_log(call.plan(), params.task, params.attempt, is_stderr=params.stderr, patience=patience)


def main(call: Call, params: LogsParams) -> int:
    """Print the log, and with ``--follow`` what is added to it."""
    log = execute(call, params)
    stream = "stderr" if params.stderr else "stdout"
    if call.is_json:
        say_json(
            f"{stream} of attempt {log.attempt} of {log.task}",
            task=log.task,
            attempt=log.attempt,
            stream=stream,
            file=log.path,
            text=log.text,
            bytes_left=log.earlier,
            is_open=log.is_open,
        )
    else:
        if log.earlier:
            talk(f"({log.earlier} bytes before this: {display_path(log.path)})")
        if not (log.text or params.follow):
            talk(f"attempt {log.attempt} of {log.task} printed nothing to {stream}")
        _print(log.text, is_whole=log.is_open)
    if params.follow and log.is_open:
        for text in filter(None, follow_log(call.plan(), log)):
            if call.is_json:
                write(f"{json_text({'text': text})}\n")
            else:
                _print(text, is_whole=True)
    return 0


def _print(text: str, *, is_whole: bool) -> None:
    if text:
        write(text if is_whole or text.endswith("\n") else f"{text}\n")


COMMAND = Command(LogsParams, execute, main=main)
