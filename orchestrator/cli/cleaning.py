"""``cleanup``."""

from __future__ import annotations

import click

from orchestrator.actions.cleaning import clean
from orchestrator.cli.options import Duration, takes_directory, takes_json
from orchestrator.cli.reply import plan_directory, say_json
from orchestrator.core.text import one_line
from orchestrator.errors import ExitStatus
from orchestrator.wiring import plugins


@click.command("cleanup")
@takes_directory
@click.option(
    "--older", default="7d", show_default=True, metavar="D", type=Duration(),
    help="Logs changed since then stay.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Say what would go, and touch nothing.")
@takes_json
@click.pass_context
def cleanup_command(
    context: click.Context,
    /,
    directory: str | None,
    option: str | None,
    *,
    older: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Clear away what dead runs left, and old logs.

    Ends their processes, takes finished attempts from their logs, and deletes logs of attempts that
    later ones replaced. Results, attempt records and the newest log of every task stay.

    \b
      orchestrator cleanup --dry-run
      orchestrator cleanup --older 30d
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    layout = plan_directory(directory, option)
    cleaned = clean(layout, plugins(layout=layout), older=older, is_rehearsal=dry_run)
    would = "would be " if dry_run else ""
    size = cleaned.size / 1e6
    message = f"{len(cleaned.logs)} old logs ({size:.1f} MB) {would}deleted"
    message += f"; {len(cleaned.repaired)} leftovers of dead runs {would}cleared" * bool(
        cleaned.repaired
    )
    if as_json:
        say_json(
            message,
            ok=not cleaned.failed,
            code="not_repaired" if cleaned.failed else "ok",
            logs=cleaned.logs,
            bytes=cleaned.size,
            repaired=[each._asdict() for each in cleaned.repaired],
            not_repaired=[each._asdict() for each in cleaned.failed],
        )
    else:
        for name in cleaned.logs:
            click.echo(name)
        for each in cleaned.repaired:
            click.echo(f"{one_line(each.where)}: {one_line(each.done)}")
        for each in cleaned.failed:
            click.echo(f"not repaired: {one_line(each.where)}: {one_line(each.done)}", err=True)
        click.echo(message, err=True)
    context.exit(int(ExitStatus.TASK_FAILED if cleaned.failed else ExitStatus.DONE))
