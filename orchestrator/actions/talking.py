"""Say something about a task to everybody, or note it for oneself (seed 001).

``say`` loads no graph and reads no markdown while the cache knows the task: it is called again and again.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.message import Message, MessageKind, clean, message_line
from orchestrator.core.plan import stem
from orchestrator.core.timestamp import iso
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout
from orchestrator.store.messages import append_message, read_notes, read_shared
from orchestrator.store.task_ids import require_task

if TYPE_CHECKING:
    from orchestrator.core.plan import Task
    from orchestrator.core.snapshot import TaskState


def say(layout: Layout, task_id: str, kind: MessageKind, author: str, text: str) -> Message:
    """Append a message to the channel of a task, and tell the journal unless it is a note.

    Raises:
        UsageError: there is nothing in the message, or too much.
        NotFoundError: no task of that id, or no plan.
        PlanError, StoreError: as their names say.
    """
    message = Message(iso(time.time()), kind, author, clean(text), require_task(layout, task_id))
    append_message(layout, stem(message.task), message)
    if kind is not MessageKind.NOTE:
        with closing(Journal(layout.journal)) as journal:
            journal.append(message_line(message))
    return message


class Context(NamedTuple):
    """What one reader may know of what was said about a task, oldest first, and where the task stands."""

    task: Task
    standing: TaskState
    messages: list[Message]


def context(layout: Layout, task_id: str, reader: str) -> Context:
    """Return everything that was said about a task, and what the reader noted; nobody else's notes.

    Raises:
        NotFoundError: no task of that id, or no plan.
        PlanError, StoreError: as their names say.
    """
    from orchestrator.services.task_view import find_task
    from orchestrator.store.workspace import Workspace

    board = Workspace(layout).load()
    task = find_task(board, task_id)
    return Context(task, board.standing[task.id], messages_on(layout, task, reader))


def messages_on(layout: Layout, task: Task, reader: str) -> list[Message]:
    """Return what was said about a task, and what the reader noted, oldest first.

    Raises:
        StoreError: it cannot be read.
    """
    said = read_shared(layout, task.stem, task.id)
    noted = read_notes(layout, task.stem, reader, task.id)
    return sorted([*said, *noted], key=lambda message: message.time)
