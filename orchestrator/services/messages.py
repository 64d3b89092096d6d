"""Messages about a task: to everybody, or a note for oneself.

``say`` loads no graph and reads no markdown while the cache knows the task: it is called again and again.
"""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING

from orchestrator.core.message import Message, MessageKind, clean, message_line
from orchestrator.core.plan import stem
from orchestrator.core.timestamp import iso
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout
from orchestrator.store.messages import append_message, read_notes, read_shared
from orchestrator.store.task_ids import require_task

if TYPE_CHECKING:
    from orchestrator.core.plan import Task


def say(layout: Layout, task_id: str, kind: MessageKind, author: str, text: str) -> Message:
    """Append a message to the channel of a task, and to the journal unless it is a note.

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


def messages_on(layout: Layout, task: Task, reader: str) -> list[Message]:
    """Return the messages about a task, and the notes of *reader*, oldest first.

    Raises:
        StoreError: it cannot be read.
    """
    shared = read_shared(layout, task.stem, task.id)
    notes = read_notes(layout, task.stem, reader, task.id)
    return sorted([*shared, *notes], key=lambda message: message.time)
