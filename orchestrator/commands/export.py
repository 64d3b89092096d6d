"""The command ``export``: a whole plan with its results as one document."""

from __future__ import annotations

import json
import os
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, flag, option
from orchestrator.commands.reply import json_text
from orchestrator.commands.task_fields import attempt_facts, task_facts
from orchestrator.core.cost import total_cost
from orchestrator.core.message import Message
from orchestrator.core.redact import redact
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import clip, pluralize, sanitize
from orchestrator.errors import UsageError
from orchestrator.plan.safe_markdown import tagless
from orchestrator.services.task_view import TaskView, view_of
from orchestrator.store.atomic import atomic_write, read_file
from orchestrator.store.layout import Layout
from orchestrator.store.messages import read_shared
from orchestrator.store.workspace import Workspace, answers_shown
from orchestrator.views.export import auxiliary_results, export_csv, export_markdown
from orchestrator.views.plans import title_of

#: By the ending of a file; every other one is markdown.
_FORMATS = {".json": "json", ".csv": "csv"}
_STDOUT = "-"
#: Bytes of an assignment that are taken: as much as fits an agent's context.
_ASSIGNMENT = 64 * 1024


@dataclass(frozen=True)
class ExportParams:
    """In what form, and where to."""

    form: str = option(
        "What to write (default: as FILE ends, else markdown).",
        names=("--format",),
        choices=("markdown", "json", "csv"),
        default="",
    )
    output: str = option("Where to (default: `-`, standard output).", metavar="FILE", default=_STDOUT)
    force: bool = flag("Replace FILE where it exists.")


class Part(NamedTuple):
    """One task in a document."""

    view: TaskView
    assignment: str
    """Its task file; empty when it has none."""
    messages: Sequence[Message]
    """What was shared about it, oldest first; private notes are not among it."""


class Export(NamedTuple):
    """A plan, and its tasks in the order of the plan."""

    board: PlanSnapshot
    parts: Sequence[Part]


def gather(layout: Layout) -> Export:
    """Return a whole plan with its results. Very long answers are cut.

    Raises:
        PlanError, NotFoundError, StoreError: the plan cannot be read.
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
    """Write a document to a file outside of the plan directory; return its absolute path.

    Raises:
        UsageError: the file exists and *force* is not set, or it would be in the plan directory.
        StoreError: it could not be written.
    """
    path = os.path.abspath(path)
    inside = os.path.realpath(layout.root)
    if os.path.commonpath([inside, os.path.realpath(path)]) == inside:
        raise UsageError(
            "a plan directory holds the files of the plan and no others", where=path, hint="name a file somewhere else"
        )
    try:
        before = os.lstat(path)
    except OSError:
        before = None  # any other problem shows when the file is written
    if before is not None and not stat.S_ISREG(before.st_mode):
        raise UsageError("it is not a file", where=path, hint="name another file")
    if before is not None and not force:
        raise UsageError("the file exists", where=path, hint="replace it with --force")
    atomic_write(path, text.encode())
    return path


class _Exported(NamedTuple):
    layout: Layout
    export: Export
    format: str
    file: str
    """The file that was written; empty: the document goes to standard output."""

    @property
    def message(self) -> str:
        """What was exported, in one line."""
        title = title_of(self.export.board) or "the plan"
        return f"{pluralize(len(self.export.parts), 'task')} of {title}"


def execute(call: Call, params: ExportParams) -> _Exported:
    """Write a whole plan and its outcome as one document.

    The request, every task with its assignment, where it stands, its attempts, what was said about it and its result.
    csv has one row for each task, and for planning and merging where they were paid for.

    Examples:
      orchestrator export > tasks.md
      orchestrator export --format json --output tasks.json
    """
    if not params.output:
        raise UsageError("--output names no file", hint="name one, or `-` for standard output")
    layout = call.plan()
    is_printed = params.output == _STDOUT
    ending = os.path.splitext(params.output)[1].lower()
    default = "json" if call.is_json and is_printed else "markdown"
    form = params.form or _FORMATS.get(ending, default)
    found = gather(layout)
    if is_printed:
        return _Exported(layout, found, form, "")
    document = redact(sanitize(_document(layout, found, form)))
    return _Exported(layout, found, form, write_document(layout, params.output, document, force=params.force))


def facts(exported: _Exported) -> Facts:
    """Return the export as JSON, or where it was written."""
    message = exported.message
    if exported.file:
        return {"message": f"wrote {message}", "file": exported.file, "format": exported.format}
    if exported.format == "json":
        return {"message": message, **_facts(exported.export)}
    document = _document(exported.layout, exported.export, exported.format)
    return {"message": message, "format": exported.format, "text": document}


def text(exported: _Exported) -> str:
    """Return the document, or the path of the file that it was written to."""
    if exported.file:
        return f"{exported.file}\n"
    if exported.format == "json":
        return json_text({"ok": True, "code": "ok", **facts(exported)}) + "\n"
    return _document(exported.layout, exported.export, exported.format)


def _document(layout: Layout, found: Export, form: str) -> str:
    if form == "json":
        return json.dumps(_facts(found), ensure_ascii=False, indent=1) + "\n"
    now = time.time()
    if form == "csv":
        return export_csv(found.board, now)
    return export_markdown(found.board, found.parts, now, layout.templates, safe=tagless)


def _facts(found: Export) -> Mapping[str, Any]:
    plan, spent = found.board.plan, total_cost(found.board.paid_for())
    return {
        "title": title_of(found.board),
        "request": plan.request,
        "goal": plan.goal,
        "cost_usd": round(spent.known, 6),
        "unknown_costs": spent.unknown,
        "beside": [
            {"id": each.task, "attempts": [attempt_facts(attempt) for attempt in each.attempts]}
            for each in auxiliary_results(found.board)
        ],
        "counts": found.board.shown_counts(),
        "tasks": [
            {
                **task_facts(part.view),
                "assignment": part.assignment,
                "messages": [
                    {"time": each.time, "kind": each.kind.value, "by": each.author, "text": each.text}
                    for each in part.messages
                ],
            }
            for part in found.parts
        ],
    }


COMMAND = Command(ExportParams, execute, facts, text, takes=(DIRECTORY, DIR, JSON))
