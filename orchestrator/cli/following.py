"""``wait``, and what ``status --brief`` shares with it."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import click

from orchestrator.actions.following import Until, WaitUpdate, follow, keep, look
from orchestrator.cli.options import Duration, takes_directory, takes_json
from orchestrator.commands.reply import as_called, meant, plan_directory, program, say_json, write
from orchestrator.core.brief import Phase
from orchestrator.errors import ExitStatus, StoreError
from orchestrator.store.journal import parse_cursor
from orchestrator.store.layout import Layout
from orchestrator.views.brief import brief_text, facts, next_command

#: The stable words of ``--json`` for each kind of news.
_CODES = {
    ExitStatus.DONE: "ok",
    ExitStatus.TASK_FAILED: "tasks_failed",
    ExitStatus.BUSY: "running",
    ExitStatus.HELD: "held",
}


@click.command("wait")
@takes_directory
@click.option(
    "--timeout", default="90s", show_default=True, metavar="D", type=Duration(),
    help="Come back after this time at the latest.",
)  # fmt: skip
@click.option(
    "--since", metavar="CURSOR", help="Tell what is new since then (default: the last call)."
)
@click.option(
    "--for", "until", type=click.Choice([each.value for each in Until]), default=Until.NEWS.value,
    show_default=True, help="What ends the wait: bad news, any task's end, only the run's end.",
)  # fmt: skip
@takes_json
@click.pass_context
def wait_command(
    context: click.Context,
    /,
    directory: str | None,
    option: str | None,
    *,
    timeout: float,
    since: str | None,
    until: str,
    as_json: bool,
) -> None:
    """Wait for news of a run, and tell it in a few lines.

    Comes back at once when a task failed, something needs a person, somebody alerts everybody
    (`discover`), or the run is over; otherwise after the timeout. Says what changed since the last
    call, what to do next, and a cursor for --since. It never disturbs the run.

    \b
    Exit statuses: 0 the run is over, everything is completed
                   1 some task failed, something needs a person, or the run died
                   2 bad input, or the plan was never run
                   3 the run goes on
                   4 held by a limit or a budget
                   5 state could not be read

    \b
      orchestrator wait --timeout 90
      orchestrator wait --for end --timeout 1h
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(directory, option)
    cursor = parse_cursor(since) if since else None
    bite = follow(layout, cursor, timeout=timeout, until=Until(until))
    status = bite.brief.exit_status
    code = "died" if bite.brief.phase is Phase.DIED else _CODES[status]
    _say(layout, bite, code, as_json=as_json)
    if cursor is None:
        # Told first, so that news is rather told twice than never.
        sys.stdout.flush()
        try:
            keep(layout, bite.cursor)
        except StoreError as error:
            click.echo(f"warning: {error}; the next wait tells the same again", err=True)
    context.exit(int(status))


def say_brief(layout: Layout, *, as_json: bool) -> None:
    """Answer ``status --brief``: the same text, at once, and the next ``wait`` tells the news again."""
    _say(layout, look(layout), "ok", as_json=as_json)


def _say(layout: Layout, bite: WaitUpdate, code: str, *, as_json: bool) -> None:
    brief = bite.brief
    about: dict[str, Any] = {
        "now": time.time(),
        "next_step": next_command(brief, meant(), os.path.relpath(layout.final_output), program()),
        "cursor": str(bite.cursor),
        "typed": as_called,
    }
    if not as_json:
        write(brief_text(brief, **about))
        return
    say_json(
        brief.board.progress(),
        code=code,
        ok=code in {"ok", "running"},
        **facts(brief, **about),
    )
