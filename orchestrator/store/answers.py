"""The answers of many tasks at once, in bounded memory: each large one gives its head, by a fair share (promise 16)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from orchestrator.core.plan import Task
from orchestrator.core.text import clip, fair_shares, unfenced
from orchestrator.store.workspace import Workspace

#: Bytes that the answers of all tasks together may have where all of them are wanted at once.
MOST = 16 * 1024 * 1024


def answers_handed_on(
    workspace: Workspace, tasks: Sequence[Task], as_answered: Callable[[Task, str], str]
) -> Iterator[tuple[Task, str, int]]:
    """Yield each task with its answer as dependants get it, and how many bytes of it were left out.

    *as_answered* gets an answer as its result has it, in markdown, and returns what was answered. What stands in a
    fence only to be shown is known from there.

    Raises:
        StoreError: a result cannot be read.
    """

    def read(task: Task, found: os.stat_result | None) -> str:
        written = workspace.read_written_answer(task.stem, found)
        inside = unfenced(written)
        return as_answered(task, written) if inside is None else inside

    return _heads(workspace, tasks, read)


def answers_shown(workspace: Workspace, tasks: Sequence[Task]) -> dict[str, str]:
    """Return the answer of each task as people see it, safe below a level-2 heading in one document, by id.

    Raises:
        StoreError: a result cannot be read.
    """
    from orchestrator.store.link_labels import with_own_labels
    from orchestrator.store.markdown import embed

    shown = {}
    for task, head, left in _heads(
        workspace, tasks, lambda task, found: workspace.read_shown_answer(task.stem, found)
    ):
        shown[task.id] = with_own_labels(embed(head) if left else head, task.stem)
        if left:
            path = task.result_path
            shown[task.id] += f"\n\n(cut here, {left:,} more bytes: [{path}]({path}))"
    return shown


def _heads(
    workspace: Workspace,
    tasks: Sequence[Task],
    read: Callable[[Task, os.stat_result | None], str],
) -> Iterator[tuple[Task, str, int]]:
    seen = [_look(workspace.layout.result_file(task.stem)) for task in tasks]
    # The file is larger than the answer in it, but for markdown that took more room before it was made fit to be shown.
    shares = fair_shares([found.st_size if found else 0 for found in seen], MOST)
    for task, found, share in zip(tasks, seen, shares, strict=True):
        yield task, *clip(read(task, found), max(share, MOST // len(tasks)))


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None  # reading it says why
