"""``doctor``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from orchestrator.actions.doctor import (
    PACKAGES,
    examine_directory,
    examine_machine,
    examine_plan,
    is_fit,
)
from orchestrator.cli.agents import plan_directory_if_any
from orchestrator.cli.options import takes_directory, takes_json
from orchestrator.cli.reply import as_called, plan_directory, say_json, talk, write
from orchestrator.core.finding import Finding, Level
from orchestrator.core.text import one_line
from orchestrator.errors import ExitStatus, OrchestratorError
from orchestrator.runner.signals import end_in_order
from orchestrator.store.layout import Layout

if TYPE_CHECKING:
    from orchestrator.doctor.checks import Breach
    from orchestrator.doctor.repair import Checked

_ICONS = {Level.OK: "✅", Level.WARNING: "⚠️", Level.FAILED: "❌"}


@click.command("doctor")
@takes_directory
@click.option(
    "--claude-bin", default="", metavar="PATH", help="The claude program (default: PATH)."
)
@click.option(
    "--plan",
    "with_plan",
    is_flag=True,
    help="Also check everything in the plan directory, file by file.",
)
@click.option(
    "--fix", is_flag=True, help="Repair what is safe, and say what was done; implies --plan."
)
@click.option(
    "--notify", "send", is_flag=True, help="Send everybody in `notify` a test message, and wait."
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
    with_plan: bool,
    fix: bool,
    send: bool,
    as_json: bool,
) -> None:
    """Say what would keep a run from working, and what to do about it.

    Looks at this machine, at claude, and at the plan directory if there is one. Starts no task and costs nothing.
    --plan names everything in the plan directory that is not as it must be: each with its place and what to do.
    --fix repairs what is safe, and says what it did. What people wrote is never changed.
    --notify tries the setting `notify`: without it, only what can be known without sending is looked at.

    \b
    Exits with 2 when something would keep a run from working; warnings are none.
    With --plan, with 1 when something in the plan directory is not right.

    \b
      orchestrator doctor
      orchestrator doctor --plan --fix
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    is_about_plan = with_plan or fix or send
    find = plan_directory if is_about_plan else plan_directory_if_any
    layout = find(directory, option)
    findings = _examine(layout, claude_bin, send=send and not fix)
    checked = None
    if (with_plan or fix) and layout is not None and is_fit(examine_machine()):
        checked = _check(layout, claude_bin, fix=fix)
        if fix:  # what was repaired may have been among the findings
            findings = _examine(layout, claude_bin, send=send)
    fit = is_fit(findings) and is_fit(
        [each.finding for each in checked.breaches] if checked else ()
    )
    broken = checked is not None and any(each.is_broken for each in checked.breaches)
    summary = _summary(
        [*findings, *(each.finding for each in (checked.breaches if checked else ()))]
    )
    if as_json:
        code = ("broken_invariants" if broken else "ok") if fit else "checks_failed"
        checks = [_fields(each) for each in findings]
        more = {} if checked is None else _as_json(checked)
        say_json(summary, ok=fit and not broken, code=code, checks=checks, **more)
    else:
        _draw(findings)
        if checked is not None:
            _draw_plan(checked)
        talk(summary)
    status = ExitStatus.TASK_FAILED if broken else ExitStatus.DONE
    context.exit(int(status if fit else ExitStatus.BAD_INPUT))


def _draw(findings: Sequence[Finding]) -> None:
    findings = _folded(findings)
    width = max(len(each.name) for each in findings)
    for each in findings:
        write(f"{_ICONS[each.level]} {each.name:<{width}}  {one_line(each.found, 300)}\n")
        if each.hint:
            write(f"   hint: {one_line(as_called(each.hint), 500)}\n")


def _folded(findings: Sequence[Finding]) -> list[Finding]:
    """Return the packages that are as they should be as one finding: somebody looks for what is not."""
    fine = [each for each in findings if each.level is Level.OK and each.name in PACKAGES]
    rest = [each for each in findings if each not in fine]
    every = f"all {len(fine)}, none too old"
    said = every if len(fine) == len(PACKAGES) else f"{len(fine)} of {len(PACKAGES)} as needed"
    return [rest[0], Finding("packages", Level.OK, said), *rest[1:]] if fine else rest


def _check(layout: Layout, claude_bin: str, *, fix: bool) -> Checked:
    from orchestrator.doctor.repair import check, repair

    if not fix:
        return check(layout)
    from orchestrator.wiring import plugins

    return repair(layout, plugins(claude_bin, layout))


def _draw_plan(checked: Checked) -> None:
    for each in checked.repaired:
        write(f"🔧 {each.name}  {one_line(each.where)}: {one_line(each.done, 300)}\n")
    for each in checked.failed:
        write(f"❌ {each.name}  {one_line(each.where)}: not repaired: {one_line(each.done, 300)}\n")
    for breach in checked.breaches:
        level, found = breach.finding.level, one_line(breach.finding.found, 300)
        icon = _ICONS[level] if breach.is_broken else "ℹ️"
        write(f"{icon} {breach.finding.name}  {one_line(breach.where)}: {found}\n")
        if breach.finding.hint:
            write(f"   hint: {one_line(as_called(breach.finding.hint), 500)}\n")
        if breach.repair is not None:
            write("   --fix repairs it\n")
    if not checked.breaches:
        write("✅ everything in the plan directory is as it must be\n")


def _as_json(checked: Checked) -> dict[str, Any]:
    return {
        "breaches": [_breach(each) for each in checked.breaches],
        "repaired": [each._asdict() for each in checked.repaired],
        "not_repaired": [each._asdict() for each in checked.failed],
    }


def _breach(breach: Breach) -> dict[str, Any]:
    return {
        **_fields(breach.finding),
        "where": breach.where,
        "repair": breach.repair and breach.repair.value,
    }


def _fields(finding: Finding) -> dict[str, Any]:
    return {**finding._asdict(), "hint": as_called(finding.hint)}


def _examine(layout: Layout | None, claude_bin: str, *, send: bool) -> list[Finding]:
    machine = examine_machine()
    if not is_fit(machine):
        return machine  # the rest is made of the packages that are missing
    from orchestrator.actions.notifying import examine_notify
    from orchestrator.store.agent_files import read_agents
    from orchestrator.wiring import examine_agents, examine_claude, subscribers

    claude = examine_claude(claude_bin)
    try:
        registry = read_agents(layout, os.environ)
    except OrchestratorError as error:
        hint = error.hint or "`orchestrator agents` names every problem"
        agents = Finding("agents", Level.FAILED, str(error), hint)
        return [*machine, *claude, agents, *(examine_directory(layout) if layout else ())]
    others = examine_agents(registry)
    if layout is None:
        return [*machine, *claude, *others.values()]
    if send:
        end_in_order()  # whoever is being tried is not left behind
    told = partial(examine_notify, subscribers=subscribers, send=send)
    return [*machine, *examine_plan(layout, registry, claude, others, os.environ, told=told)]


def _summary(findings: Sequence[Finding]) -> str:
    levels = [each.level for each in findings]
    failed, warnings = levels.count(Level.FAILED), levels.count(Level.WARNING)
    parts = []
    if failed:
        parts.append(f"{failed} {'check' if failed == 1 else 'checks'} failed")
    if warnings:
        parts.append(f"{warnings} {'warning' if warnings == 1 else 'warnings'}")
    return ", ".join(parts) or "everything is fine"
