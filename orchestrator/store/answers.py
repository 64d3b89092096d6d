"""The answers of many tasks at once, in bounded memory: each large one gives its head, by a fair share (promise 16)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from orchestrator.core.plan import Task
from orchestrator.core.text import clip, fair_shares
from orchestrator.store.index import signature
from orchestrator.store.workspace import Workspace

#: Bytes that the answers of all tasks together may have where all of them are wanted at once.
MOST = 16 * 1024 * 1024
#: Bytes of results whose answers are remembered for the next dependant, and of each of them.
_KEPT, _SMALL = 4 * 1024 * 1024, 64 * 1024


class AnswersHandedOn:
    """Answers as dependants get them; a small one that several need is read once, as long as its file is the same."""

    def __init__(self, workspace: Workspace) -> None:
        """Read nothing yet."""
        self._workspace = workspace
        self._known: dict[str, tuple[int, str]] = {}
        self._room = _KEPT

    def of(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, str, int]]:
        """Yield each task with its answer, and how many bytes of it were left out.

        Raises:
            StoreError: a result cannot be read.
        """
        return _heads(self._workspace, tasks, self._read)

    def _read(self, stem: str, found: os.stat_result | None) -> str:
        if found is None or found.st_size > _SMALL:
            return self._workspace.read_answer(stem)
        signed, known = signature(found), self._known.get(stem)
        if known is not None and known[0] == signed:
            return known[1]
        answer = self._workspace.read_answer(stem)
        if self._room < found.st_size:
            self._known.clear()
            self._room = _KEPT
        self._room -= found.st_size
        self._known[stem] = signed, answer
        return answer


def answers_shown(workspace: Workspace, tasks: Sequence[Task]) -> dict[str, str]:
    """Return the answer of each task as people see it, safe below a level-2 heading, by id.

    Raises:
        StoreError: a result cannot be read.
    """
    shown = {}
    for task, head, left in _heads(
        workspace, tasks, lambda stem, _: workspace.read_shown_answer(stem)
    ):
        shown[task.id] = head
        if left:
            from orchestrator.store.markdown import embed

            path = f"results/{task.stem}-result.md"
            shown[task.id] = f"{embed(head)}\n\n(cut here, {left:,} more bytes: [{path}]({path}))"
    return shown


def _heads(
    workspace: Workspace,
    tasks: Sequence[Task],
    read: Callable[[str, os.stat_result | None], str],
) -> Iterator[tuple[Task, str, int]]:
    files = [_look(workspace.layout.result_file(task.stem)) for task in tasks]
    # The file is larger than the answer in it, so shares by its size are never too large.
    shares = fair_shares([found.st_size if found else 0 for found in files], MOST)
    for task, found, share in zip(tasks, files, shares, strict=True):
        yield task, *clip(read(task.stem, found), share)


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None  # reading it says why
