"""``status``."""

from __future__ import annotations

import time

import click

from orchestrator.actions.checking import status
from orchestrator.cli.reply import (
    plan_directory,
    say_json,
    takes_directory,
    takes_json,
    terminal_width,
    write,
)
from orchestrator.core.state import TaskStatus
from orchestrator.store.journal import journal_tail
from orchestrator.views.table import status_text

#: Failed tasks named in the JSON answer at most: it must fit an agent's context.
_MOST = 20


@click.command("status")
@takes_directory
@takes_json
def status_command(directory: str | None, option: str | None, *, as_json: bool) -> None:
    """Show where a plan stands.

    What is done, what runs, what failed and why, what comes next.
    """
    layout = plan_directory(directory, option)
    overview = status(layout)
    board = overview.board
    counts, total = board.counts(), len(board.plan.tasks)
    done = counts[TaskStatus.COMPLETED]
    if not as_json:
        write(status_text(board, now=time.time(), width=terminal_width()))
        if overview.holder is not None:
            click.echo(f"Run {overview.holder['run']} is at work (pid {overview.holder['pid']})")
        return
    failed = [task_id for task_id in board.plan.tasks if board.status(task_id) is TaskStatus.FAILED]
    say_json(
        f"{done} of {total} tasks completed",
        directory=layout.root,
        total=total,
        counts={status.value: counts[status] for status in TaskStatus if counts[status]},
        batch=board.current_batch(),
        batches=max(board.shape.batch.values(), default=0),
        running=[
            task_id for task_id in board.plan.tasks if board.status(task_id) is TaskStatus.RUNNING
        ],
        failed=[
            {"id": task_id, "reason": board.standing[task_id].reason} for task_id in failed[:_MOST]
        ],
        run=overview.holder,
        log=journal_tail(layout.journal, 5),
    )
