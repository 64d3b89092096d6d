"""``export``."""

from __future__ import annotations

import json
import os
import time
from typing import Any

import click

from orchestrator.actions.export import Export, gather, write_document
from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.cli.reply import plan_directory, say_json, write
from orchestrator.cli.tasks import attempt_facts, task_facts
from orchestrator.core.cost import total_cost
from orchestrator.core.redact import redact
from orchestrator.core.text import pluralize, sanitize
from orchestrator.errors import UsageError
from orchestrator.plan.safe_markdown import tagless
from orchestrator.store.layout import Layout
from orchestrator.views.export import beside, export_csv, export_markdown
from orchestrator.views.plans import title_of

#: By the ending of a file; every other one is markdown.
_FORMATS = {".json": "json", ".csv": "csv"}


@click.command("export")
@takes_directory
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "json", "csv"]),
    help="What to write (default: as FILE ends, else markdown).",
)
@click.option(
    "--output", default="-", metavar="FILE", help="Where to (default: `-`, standard output)."
)
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
@takes_json
def export_command(
    directory: str | None,
    option: str | None,
    *,
    form: str | None,
    output: str,
    force: bool,
    as_json: bool,
) -> None:
    """Write a whole plan and what came of it as one document.

    The request, every task with its assignment, where it stands, its attempts, what was said about it and its result.
    csv has one row for each task, and for planning and merging where they were paid for.

    \b
      orchestrator export > tasks.md
      orchestrator export --format json --output tasks.json
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    if not output:
        raise UsageError("--output names no file", hint="name one, or `-` for standard output")
    layout = plan_directory(directory, option)
    is_printed = output == "-"
    ending = os.path.splitext(output)[1].lower()
    form = form or _FORMATS.get(ending, "json" if as_json and is_printed else "markdown")
    found = gather(layout)
    message = f"{pluralize(len(found.parts), 'task')} of {title_of(found.board) or 'the plan'}"
    if is_printed:
        if as_json and form != "json":
            say_json(message, format=form, text=_document(layout, found, form))
        elif form == "json":
            say_json(message, **_facts(found))
        else:
            write(_document(layout, found, form))
        return
    if form == "json":
        text = json.dumps(_facts(found), ensure_ascii=False, indent=1) + "\n"
    else:
        text = _document(layout, found, form)
    path = write_document(layout, output, redact(sanitize(text)), force=force)
    if as_json:
        say_json(f"wrote {message}", file=path, format=form)
    else:
        write(f"{path}\n")


def _document(layout: Layout, found: Export, form: str) -> str:
    now = time.time()
    if form == "csv":
        return export_csv(found.board, now)
    return export_markdown(found.board, found.parts, now, layout.templates, safe=tagless)


def _facts(found: Export) -> dict[str, Any]:
    plan, spent = found.board.plan, total_cost(found.board.paid_for())
    return {
        "title": title_of(found.board),
        "request": plan.request,
        "goal": plan.goal,
        "cost_usd": round(spent.known, 6),
        "unknown_costs": spent.unknown,
        "beside": [
            {
                "id": each.task,
                "attempts": [attempt_facts(attempt) for attempt in each.attempts],
            }
            for each in beside(found.board)
        ],
        "counts": found.board.told_counts(),
        "tasks": [
            {
                **task_facts(part.view),
                "assignment": part.assignment,
                "messages": [
                    {
                        "time": each.time,
                        "kind": each.kind.value,
                        "by": each.author,
                        "text": each.text,
                    }
                    for each in part.messages
                ],
            }
            for part in found.parts
        ],
    }
