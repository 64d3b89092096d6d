"""What a result file must have before it counts as done: evidence that the attempt it names ended (design, section 6).

The fencing token of an attempt is its run, its task and its number, which is never used twice. They stand in the
environment of its processes, in its record and in its result. What was copied, renamed or written late, by an attempt
of an older run, names another one and is not taken for it.
"""

from __future__ import annotations

import os

from orchestrator.core.plan import Task
from orchestrator.core.result import Result
from orchestrator.core.state import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.store.attempt_record import read_record
from orchestrator.store.layout import Layout


def why_not(result: Result | None, task: Task, layout: Layout) -> str:
    """Return why a result that lies there does not count, with its path from the plan directory on; empty: it does.

    Args:
        result: What the result file of the task says; None: it is damaged.
        task: The task it should be of.
        layout: Where its record lies.

    Raises:
        StoreError: the record is there and cannot be read.
    """
    path = task.result_path
    if result is None:
        return f"{path} is damaged and is not counted"
    if result.task != task.id:
        return f"{path} is of {one_line(result.task, 64)} and is not counted"
    return _why_no_evidence(result, task, layout) if result.status is TaskStatus.COMPLETED else ""


def _why_no_evidence(result: Result, task: Task, layout: Layout) -> str:
    files, last = layout.attempt(task.stem, result.number), result.last
    record = read_record(files.record)
    if record is None:
        what = "is damaged" if os.path.lexists(files.record) else "is not there"
    elif last is None or not record.is_of(task.id, last.number, last.run):
        what = "is of another attempt"
    else:
        return ""
    return f"{task.result_path} is not counted: the record {files.shown_record} {what}"
