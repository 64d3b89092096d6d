"""``logs``."""

from __future__ import annotations

import click

from orchestrator.actions.logs import follow_log, read_task_log
from orchestrator.cli.options import takes_json
from orchestrator.cli.reply import json_text, plan_directory, say_json, talk, write
from orchestrator.store.layout import display_path

#: Seconds in which a run that was just started has its first attempt.
_PATIENCE = 3.0


@click.command("logs")
@click.argument("task_id", metavar="ID")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@click.option(
    "--attempt", type=click.IntRange(1), metavar="N", help="Of this attempt (default: the newest)."
)
@click.option("--stderr", "is_stderr", is_flag=True, help="What it printed to stderr.")
@click.option("--follow", is_flag=True, help="Go on with what is printed, until it is over.")
@takes_json
def logs_command(
    task_id: str,
    option: str | None,
    *,
    attempt: int | None,
    is_stderr: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """Print what an attempt printed: the last 256 KiB, without secrets and control characters.

    \b
      orchestrator logs T-01
      orchestrator logs T-01 --stderr --attempt 1
      orchestrator logs T-01 --follow     with --json one object per line
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(None, option)
    log = read_task_log(
        layout, task_id, attempt or 0, is_stderr=is_stderr, patience=_PATIENCE if follow else 0.0
    )
    stream, shown = "stderr" if is_stderr else "stdout", display_path(log.path)
    if as_json:
        say_json(
            f"{stream} of attempt {log.attempt} of {log.task}",
            task=log.task,
            attempt=log.attempt,
            stream=stream,
            file=log.path,
            text=log.text,
            bytes_left=log.earlier,
            is_open=log.is_open,
        )
    else:
        if log.earlier:
            talk(f"({log.earlier} bytes before this: {shown})")
        if not (log.text or follow):
            talk(f"attempt {log.attempt} of {log.task} printed nothing to {stream}")
        _print(log.text, is_whole=log.is_open)
    if not follow or not log.is_open:
        return
    for text in follow_log(layout, log):
        if text and as_json:
            write(f"{json_text({'text': text})}\n")
        elif text:
            _print(text, is_whole=True)


def _print(text: str, *, is_whole: bool) -> None:
    if text:
        write(text if is_whole or text.endswith("\n") else f"{text}\n")
