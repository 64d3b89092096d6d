"""The answers of many tasks at once, in bounded memory: each large one gives its head, by a fair share (promise 16)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from orchestrator.core.plan import Task
from orchestrator.core.text import clip, fair_shares, unfenced
from orchestrator.store.atomic import read_piece
from orchestrator.store.workspace import Workspace

#: Bytes that the answers of all tasks together may have where all of them are wanted at once.
MOST = 16 * 1024 * 1024
#: Characters. Of an answer that has fewer, nothing was left out when its result was made: agents keep far more.
_WHOLE = 32 * 1024


class Answer(NamedTuple):
    """What a task answered, as others get it."""

    text: str
    left_out: int = 0
    """Bytes of it that are not here."""
    log: str = ""
    """Where all of it is, when its result has only head and tail."""
    hidden: int = 0
    """Bytes in the middle of it that its result does not show, which is all that is handed on."""


def answers_handed_on(
    workspace: Workspace,
    tasks: Sequence[Task],
    log_of: Callable[[Task], str],
    raw_answer: Callable[[Task, str], Answer],
    *,
    is_prose: bool = True,
) -> Iterator[tuple[Task, Answer]]:
    """Yield each task with its answer as dependants get it.

    *log_of* says where the log of an answer lies, of which the result of a long one has only head and tail.
    *as_answered* gets an answer as its result has it, in markdown, and returns what was answered. What is short and
    stands in a fence only to be shown is known from there. Unless it *is_prose*, whoever gets it is a program: what
    cannot be shown is for it, too.

    Raises:
        StoreError: a result cannot be read.
    """

    def read(task: Task, found: os.stat_result | None) -> Answer:
        written = workspace.read_written_answer(task.stem, found)
        inside = unfenced(written) if len(written) < _WHOLE else None
        if inside is None or not (is_prose or _is_all(log_of(task), inside)):
            return raw_answer(task, written)
        return Answer(inside)

    def at_most(task: Task, found: os.stat_result) -> int:
        log = _look(log_of(task)) if found.st_size >= _WHOLE else None
        return max(found.st_size, log.st_size if log else 0)

    def exactly(task: Task, found: os.stat_result) -> int:
        if at_most(task, found) == found.st_size:
            return found.st_size
        return len(read(task, found).text.encode(errors="replace"))

    return _heads(workspace, tasks, at_most, read, exactly)


def answers_shown(workspace: Workspace, tasks: Sequence[Task]) -> dict[str, str]:
    """Return the answer of each task as people see it, safe below a level-2 heading in one document, by id.

    Raises:
        StoreError: a result cannot be read.
    """
    from orchestrator.plan.link_labels import with_own_labels
    from orchestrator.plan.safe_markdown import embed

    shown = {}

    def read(task: Task, found: os.stat_result | None) -> Answer:
        return Answer(workspace.read_shown_answer(task.stem, found))

    for task, (head, left, *_) in _heads(workspace, tasks, lambda _, found: found.st_size, read):
        shown[task.id] = with_own_labels(embed(head) if left else head, task.stem)
        if left:
            path = task.result_path
            shown[task.id] += f"\n\n(cut here, {left:,} more bytes: [{path}]({path}))"
    return shown


def _heads(
    workspace: Workspace,
    tasks: Sequence[Task],
    size: Callable[[Task, os.stat_result], int],
    read: Callable[[Task, os.stat_result | None], Answer],
    exactly: Callable[[Task, os.stat_result], int] | None = None,
) -> Iterator[tuple[Task, Answer]]:
    seen = [_look(workspace.layout.result_file(task.stem)) for task in tasks]
    both = list(zip(tasks, seen, strict=True))
    sizes = [size(task, found) if found else 0 for task, found in both]
    # Only then somebody could lack what another one does not need.
    if exactly and sum(sizes) > MOST:
        sizes = [exactly(task, found) if found else 0 for task, found in both]
    shares = fair_shares(sizes, MOST)
    left, others = MOST, sum(shares)
    for task, found, share in zip(tasks, seen, shares, strict=True):
        # The file is larger than the answer in it, but for markdown that took more room before it was made fit to be
        # shown: that may have what the others do not need.
        others -= share
        answer = read(task, found)
        text, more = clip(answer.text, left - others)
        left -= len(text.encode(errors="replace"))
        yield task, answer._replace(text=text, left_out=answer.left_out + more)


def _is_all(path: str, shown: str) -> bool:
    """Say whether a short answer, as it is shown, is all that its log has."""
    try:
        printed = read_piece(path, 0, 2 * _WHOLE)
    except OSError:
        return False
    return (printed or b"").rstrip(b"\n") == shown.rstrip("\n").encode(errors="replace")


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None  # reading it says why
