"""The command ``doctor``: what would keep a run from working."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, flag, option
from orchestrator.commands.reply import with_program
from orchestrator.core.finding import Finding, Level
from orchestrator.core.text import one_line
from orchestrator.doctor.examine import PACKAGES, examine_directory, examine_machine, examine_plan, is_fit
from orchestrator.errors import ExitStatus, OrchestratorError
from orchestrator.lazy import LazyModule
from orchestrator.runner.signals import end_in_order
from orchestrator.store.layout import Layout

if TYPE_CHECKING:
    from orchestrator import wiring
    from orchestrator.doctor import notify as doctor_notify
    from orchestrator.doctor import repair as doctor_repair
    from orchestrator.doctor.checks import Breach
    from orchestrator.doctor.repair import Checked
    from orchestrator.store import agent_files
else:
    doctor_notify = LazyModule("orchestrator.doctor.notify")
    doctor_repair = LazyModule("orchestrator.doctor.repair")
    agent_files = LazyModule("orchestrator.store.agent_files")
    wiring = LazyModule("orchestrator.wiring")

_ICONS = {Level.OK: "✅", Level.WARNING: "⚠️", Level.FAILED: "❌"}


@dataclass(frozen=True)
class DoctorParams:
    """What is looked at besides this machine."""

    claude_bin: str = option("The claude program (default: PATH).", metavar="PATH", default="")
    plan: bool = flag("Also check everything in the plan directory, file by file.")
    fix: bool = flag("Repair what is safe, and say what was done; implies --plan.")
    notify: bool = flag("Send everybody in `notify` a test message, and wait.")


class Examination(NamedTuple):
    """What was found."""

    findings: Sequence[Finding]
    checked: Checked | None
    """Of the plan directory, file by file; None: it was not asked for."""

    @property
    def all(self) -> list[Finding]:
        """Every finding."""
        return [*self.findings, *(each.finding for each in self.breaches)]

    @property
    def breaches(self) -> Sequence[Breach]:
        """What is wrong in the plan directory."""
        return self.checked.breaches if self.checked else ()

    @property
    def is_broken(self) -> bool:
        """Something in the plan directory is wrong."""
        return any(each.is_broken for each in self.breaches)

    @property
    def summary(self) -> str:
        """How many findings of each kind, in one line."""
        levels = [each.level for each in self.all]
        failed, warnings = levels.count(Level.FAILED), levels.count(Level.WARNING)
        parts = []
        if failed:
            parts.append(f"{failed} {'check' if failed == 1 else 'checks'} failed")
        if warnings:
            parts.append(f"{warnings} {'warning' if warnings == 1 else 'warnings'}")
        return ", ".join(parts) or "everything is fine"


def execute(call: Call, params: DoctorParams) -> Examination:
    """Say what would keep a run from working, and what to do about it.

    Looks at this machine, at claude, and at the plan directory if there is one. Starts no task and costs nothing.
    --plan names everything in the plan directory that is not as it must be: each with its place and what to do.
    --fix repairs what is safe, and says what it did. What people wrote is never changed.
    --notify tries the setting `notify`: without it, only what can be known without sending is looked at.

    Exits with 2 when something would keep a run from working; warnings are none.
    With --plan, with 1 when something in the plan directory is not right.

    Examples:
      orchestrator doctor
      orchestrator doctor --plan --fix
    """
    is_about_plan = params.plan or params.fix or params.notify
    layout = call.plan() if is_about_plan else call.plan_if_any()
    findings = _examine(layout, params.claude_bin, send=params.notify and not params.fix)
    checked = None
    if (params.plan or params.fix) and layout is not None and is_fit(examine_machine()):
        checked = _check(layout, params.claude_bin, fix=params.fix)
        if params.fix:  # what was repaired may have been among the findings
            findings = _examine(layout, params.claude_bin, send=params.notify)
    return Examination(findings, checked)


def _check(layout: Layout, claude_bin: str, *, fix: bool) -> Checked:
    # Half of the package cannot be imported where a dependency is missing, which `doctor` is to find.

    if not fix:
        return doctor_repair.check(layout)

    return doctor_repair.repair(layout, wiring.plugins(claude_bin, layout))


def _examine(layout: Layout | None, claude_bin: str, *, send: bool) -> list[Finding]:
    machine = examine_machine()
    if not is_fit(machine):
        return machine  # the rest is made of the packages that are missing

    claude = wiring.examine_claude(claude_bin)
    try:
        registry = agent_files.read_agents(layout, os.environ)
    except OrchestratorError as error:
        hint = error.hint or "`orchestrator agents` names every problem"
        agents = Finding("agents", Level.FAILED, str(error), hint)
        return [*machine, *claude, agents, *(examine_directory(layout) if layout else ())]
    others = wiring.examine_agents(registry)
    if layout is None:
        return [*machine, *claude, *others.values()]
    if send:
        end_in_order()  # a notifier that is being tried is ended, too
    notify = partial(doctor_notify.examine_notify, subscribers=wiring.subscribers, send=send)
    return [*machine, *examine_plan(layout, registry, claude, others, os.environ, notify=notify)]


def facts(found: Examination) -> Facts:
    """Return the findings as JSON."""
    is_ok = is_fit(found.all)
    return {
        "message": found.summary,
        "ok": is_ok and not found.is_broken,
        "code": ("broken_invariants" if found.is_broken else "ok") if is_ok else "checks_failed",
        "checks": [_fields(each) for each in found.findings],
        **({} if found.checked is None else _checked_facts(found.checked)),
    }


def _checked_facts(checked: Checked) -> dict[str, Any]:
    return {
        "breaches": [_breach(each) for each in checked.breaches],
        "repaired": [each._asdict() for each in checked.repaired],
        "not_repaired": [each._asdict() for each in checked.failed],
    }


def _breach(breach: Breach) -> dict[str, Any]:
    return {**_fields(breach.finding), "where": breach.where, "repair": breach.repair and breach.repair.value}


def _fields(finding: Finding) -> dict[str, Any]:
    return {**finding._asdict(), "hint": with_program(finding.hint)}


def text(found: Examination) -> str:
    """Return the findings for people."""
    lines = [*_lines(found.findings), *(_plan_lines(found.checked) if found.checked else ())]
    return "".join(f"{line}\n" for line in lines)


def _lines(findings: Sequence[Finding]) -> Iterator[str]:
    findings = _folded(findings)
    width = max(len(each.name) for each in findings)
    for each in findings:
        yield f"{_ICONS[each.level]} {each.name:<{width}}  {one_line(each.found, 300)}"
        if each.hint:
            yield f"   hint: {one_line(with_program(each.hint), 500)}"


def _folded(findings: Sequence[Finding]) -> list[Finding]:
    """Return the packages that are as they should be as one finding: what is not is easier to see."""
    fine = [each for each in findings if each.level is Level.OK and each.name in PACKAGES]
    rest = [each for each in findings if each not in fine]
    every = f"all {len(fine)}, none too old"
    count = every if len(fine) == len(PACKAGES) else f"{len(fine)} of {len(PACKAGES)} as needed"
    return [rest[0], Finding("packages", Level.OK, count), *rest[1:]] if fine else rest


def _plan_lines(checked: Checked) -> Iterator[str]:
    for each in checked.repaired:
        yield f"🔧 {each.name}  {one_line(each.where)}: {one_line(each.done, 300)}"
    for each in checked.failed:
        yield f"❌ {each.name}  {one_line(each.where)}: not repaired: {one_line(each.done, 300)}"
    for breach in checked.breaches:
        level, found = breach.finding.level, one_line(breach.finding.found, 300)
        icon = _ICONS[level] if breach.is_broken else "ℹ️"
        yield f"{icon} {breach.finding.name}  {one_line(breach.where)}: {found}"
        if breach.finding.hint:
            yield f"   hint: {one_line(with_program(breach.finding.hint), 500)}"
        if breach.repair is not None:
            yield "   --fix repairs it"
    if not checked.breaches:
        yield "✅ everything in the plan directory is as it must be"


def status(found: Examination) -> int:
    """Return 2 where a run would not work, 1 where the plan directory is not right."""
    if not is_fit(found.all):
        return int(ExitStatus.BAD_INPUT)
    return int(ExitStatus.TASK_FAILED if found.is_broken else ExitStatus.DONE)


COMMAND = Command(
    DoctorParams,
    execute,
    facts,
    text,
    remarks=lambda found: [found.summary],
    status=status,
    takes=(DIRECTORY, DIR, JSON),
)
