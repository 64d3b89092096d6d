"""``doctor``."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from orchestrator.actions.doctor import examine_machine, examine_plan, is_fit
from orchestrator.cli.reply import plan_directory, say_json, takes_directory, takes_json
from orchestrator.core.diagnosis import Finding, Level
from orchestrator.core.text import one_line
from orchestrator.errors import ExitStatus, NotFoundError
from orchestrator.store.layout import Layout

_ICONS = {Level.OK: "✅", Level.WARNING: "⚠️", Level.FAILED: "❌"}


@click.command("doctor")
@takes_directory
@click.option(
    "--claude-bin", default="", metavar="PATH", help="The claude program (default: PATH)."
)
@takes_json
@click.pass_context
def doctor_command(
    context: click.Context,
    /,
    directory: str | None,
    option: str | None,
    *,
    claude_bin: str,
    as_json: bool,
) -> None:
    """Say what would keep a run from working, and what to do about it.

    Looks at this machine, at claude, and at the plan directory if there is one. Starts no task and costs nothing.

    \b
    Exits with 2 when something would keep a run from working; warnings are none.
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    findings = _examine(_layout(directory, option), claude_bin)
    fit = is_fit(findings)
    if as_json:
        say_json(
            _summary(findings),
            ok=fit,
            code="ok" if fit else "checks_failed",
            checks=[each._asdict() for each in findings],
        )
    else:
        width = max(len(each.name) for each in findings)
        for each in findings:
            click.echo(f"{_ICONS[each.level]} {each.name:<{width}}  {one_line(each.found, 300)}")
            if each.hint:
                click.echo(f"   hint: {one_line(each.hint, 500)}")
        click.echo(_summary(findings), err=True)
    context.exit(int(ExitStatus.DONE if fit else ExitStatus.BAD_INPUT))


def _layout(directory: str | None, option: str | None) -> Layout | None:
    try:
        return plan_directory(directory, option)
    except NotFoundError:
        if directory or option or os.environ.get("ORCHESTRATOR_DIR"):
            raise
        return None  # a machine can be looked at before there is a plan


def _examine(layout: Layout | None, claude_bin: str) -> list[Finding]:
    machine = examine_machine()
    if not is_fit(machine):
        return machine  # the rest is made of the packages that are missing
    from orchestrator.wiring import examine_claude, plugs

    claude = examine_claude(claude_bin)
    if layout is None:
        return [*machine, *claude]
    keys = tuple(plugs(claude_bin).agents)
    return [*machine, *examine_plan(layout, keys, claude, os.environ)]


def _summary(findings: Sequence[Finding]) -> str:
    levels = [each.level for each in findings]
    failed, warnings = levels.count(Level.FAILED), levels.count(Level.WARNING)
    parts = []
    if failed:
        parts.append(f"{failed} {'check' if failed == 1 else 'checks'} failed")
    if warnings:
        parts.append(f"{warnings} {'warning' if warnings == 1 else 'warnings'}")
    return ", ".join(parts) or "everything is fine"
