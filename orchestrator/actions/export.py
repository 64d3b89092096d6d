"""A whole plan and what came of it, gathered for one document (seed row S1-38)."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.core.message import Message
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import clip
from orchestrator.errors import UsageError
from orchestrator.services.task_view import TaskView, view_of
from orchestrator.store.atomic import atomic_write, read_file
from orchestrator.store.layout import Layout
from orchestrator.store.messages import read_shared
from orchestrator.store.workspace import Workspace, answers_shown

#: Bytes of an assignment that are taken: as much as an agent holds in mind.
_ASSIGNMENT = 64 * 1024


class Part(NamedTuple):
    """One task in a document."""

    view: TaskView
    assignment: str
    """Its task file; empty when it has none."""
    messages: Sequence[Message]
    """What was said about it to everybody, oldest first; nobody's notes."""


class Export(NamedTuple):
    """A plan, and its tasks in the order of the plan."""

    board: PlanSnapshot
    parts: Sequence[Part]


def gather(layout: Layout) -> Export:
    """Return a whole plan and what came of it. Of very long answers the beginning is taken.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    workspace = Workspace(layout)
    board = workspace.load()
    tasks = list(board.plan.tasks.values())
    answers = answers_shown(workspace, [task for task in tasks if task.id in board.results])
    return Export(
        board,
        [
            Part(
                view_of(layout, board, task, answers.get(task.id, "")),
                _assignment(layout, task.stem),
                read_shared(layout, task.stem, task.id),
            )
            for task in tasks
        ],
    )


def _assignment(layout: Layout, stem: str) -> str:
    data = read_file(layout.task_file(stem)) or b""
    head, left = clip(data.decode(errors="replace").strip("\n"), _ASSIGNMENT)
    return f"{head}\n(cut here, {left:,} more bytes)" if left else head


def write_document(layout: Layout, path: str, text: str, *, force: bool) -> str:
    """Write a document where somebody wants it; return its absolute path.

    Raises:
        UsageError: there is a file and *force* does not say to replace it, or it would lie among those of the plan.
        StoreError: it could not be written.
    """
    path = os.path.abspath(path)
    inside = os.path.realpath(layout.root)
    if os.path.commonpath([inside, os.path.realpath(path)]) == inside:
        raise UsageError(
            "a plan directory holds the files of the plan and no others",
            where=path,
            hint="name a file somewhere else",
        )
    try:
        before = os.lstat(path)
    except OSError:
        before = None  # what else is wrong with the place, writing says
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise UsageError("what lies there is not a file", where=path, hint="name another file")
    if before is not None and not force:
        raise UsageError("the file exists", where=path, hint="replace it with --force")
    atomic_write(path, text.encode())
    return path
