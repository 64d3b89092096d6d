"""What a result file must have before it counts as done: evidence that the attempt it names ended.

The fencing token of an attempt is its run, its task and its number, which is never used twice. They stand in the
environment of its processes, in its record and in its result. What was copied, renamed or written late, by an attempt
of an older run, names another one and is not taken for it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from orchestrator.core.plan import Task
from orchestrator.core.result import Result
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.errors import NotAFileError, Problem
from orchestrator.plan.lines import conflict, unresolved
from orchestrator.store.atomic import read_file
from orchestrator.store.attempt_record import read_record
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.result_file import LARGEST_RESULT, parse_result


def why_not(result: Result | None, task: Task, layout: Layout) -> str:
    """Return why a result that is there does not count, with its path from the plan directory on; empty: it does.

    Args:
        result: What the result file of the task says; None: it is damaged.
        task: The task it should be of.
        layout: Where its record lies.

    Raises:
        StoreError: the record is there and cannot be read.
    """
    path = task.result_path
    if result is None:
        half = conflict_in(task, layout)
        return f"{half.where}: {half.message}" if half else f"{path} is damaged and is not counted"
    if result.task != task.id:
        return f"{path} is of {one_line(result.task, 64)} and is not counted"
    return _why_no_evidence(result, task, layout) if result.status is TaskStatus.COMPLETED else ""


def why_lost(result: Result | None, task: Task, layout: Layout) -> str:
    """Return what became of a result that was counted on, with its path likewise; empty as long as it can be.

    Raises:
        StoreError: it is there and cannot be read.
    """
    path = task.result_path
    if not os.path.lexists(layout.result_file(task.stem)):
        return f"{path} is gone"
    if result is None and (half := conflict_in(task, layout)) is not None:
        return f"{half.where}: {half.message}"
    if result is None or result.task != task.id:
        return f"{path} is damaged"
    return "" if result.status is TaskStatus.COMPLETED else f"{path} says {result.status.value}"


def conflicts_in(tasks: Iterable[Task], layout: Layout) -> list[Problem]:
    """Return what ``conflict_in`` finds in the results of tasks, with their paths as people see them."""
    found = (conflict_in(task, layout) for task in tasks)
    root = display_path(layout.root)
    return [half._replace(where=f"{root}/{half.where}") for half in found if half is not None]


def conflict_in(task: Task, layout: Layout) -> Problem | None:
    """Return the unresolved merge in a result, with its path from the plan directory on.

    Such a result is no answer, nor is it damaged: which of its versions counts is for a person to say.

    Raises:
        StoreError: it is there and cannot be read.
    """
    try:
        data = read_file(layout.result_file(task.stem), LARGEST_RESULT)
    except NotAFileError:
        return None
    text = (data or b"").decode(errors="replace").replace("\r\n", "\n")
    return conflict(text, task.result_path) or merged_answer(text, task.stem, layout)


def merged_answer(text: str, stem: str, layout: Layout) -> Problem | None:
    """Return the unresolved merge in a block of code of a result: where an answer is fenced, git's marks are, too.

    An agent may well have printed them. So it is none where the log of the attempt has such a mark, too, nor where that
    log is gone. *text* has one kind of line ending.

    Raises:
        StoreError: the log is there and cannot be read.
    """
    begin = text.find("\n<<<<<<< ")
    middle = text.find("\n=======\n", begin + 1) if begin >= 0 else -1
    if middle < 0 or text.find("\n>>>>>>> ", middle + 1) < 0:
        return None  # as in nearly every text
    result = parse_result(text)
    if result is None:
        return None
    try:
        printed = read_file(layout.attempt(stem, result.number).stdout, LARGEST_RESULT)
    except NotAFileError:
        return None
    if printed is None or b"<<<<<<< " in printed:
        return None
    line = text.count("\n", 0, begin + 1) + 1
    return unresolved(f"results/{stem}-result.md:{line}")


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
