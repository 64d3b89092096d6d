"""The only file that knows which plugs are in the sockets."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.agents import claude_check
from orchestrator.agents.claude import ClaudeAgent, login_variables, unset_variables
from orchestrator.agents.command import CommandAgent
from orchestrator.agents.protocol import Agent
from orchestrator.agents.shell import ShellAgent
from orchestrator.agents.simulated import SimulatedAgent
from orchestrator.core.agent import AgentCommand, AgentRegistry, Member, Program
from orchestrator.core.environment import NESTED_SESSION
from orchestrator.core.finding import Finding, Level, Probe
from orchestrator.core.settings import EVERYTHING, Settings
from orchestrator.core.text import one_line
from orchestrator.errors import AgentError, ExecutorError
from orchestrator.executors import probe
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.spawn import find_program, inherits
from orchestrator.lazy import LazyModule
from orchestrator.services.plugins import Plugins
from orchestrator.store.agent_files import read_agents
from orchestrator.store.layout import Layout

if TYPE_CHECKING:
    from orchestrator.core import notification
    from orchestrator.core.notification import Target
    from orchestrator.cron import crontab, systemd
    from orchestrator.cron.entry import Scheduler
    from orchestrator.executors import detach, process_tree, reaper
    from orchestrator.notifiers import command as notifiers_command
    from orchestrator.notifiers import desktop, protocol, webhook
    from orchestrator.notifiers.protocol import Notifier
    from orchestrator.runner import notify
    from orchestrator.services import schedules
else:
    notification = LazyModule("orchestrator.core.notification")
    crontab = LazyModule("orchestrator.cron.crontab")
    systemd = LazyModule("orchestrator.cron.systemd")
    detach = LazyModule("orchestrator.executors.detach")
    process_tree = LazyModule("orchestrator.executors.process_tree")
    reaper = LazyModule("orchestrator.executors.reaper")
    notifiers_command = LazyModule("orchestrator.notifiers.command")
    desktop = LazyModule("orchestrator.notifiers.desktop")
    protocol = LazyModule("orchestrator.notifiers.protocol")
    webhook = LazyModule("orchestrator.notifiers.webhook")
    notify = LazyModule("orchestrator.runner.notify")
    schedules = LazyModule("orchestrator.services.schedules")

#: What to do about an agent without its program.
_ADVICE = "install it, or correct command: there; `orchestrator run --simulate` tries a plan without it"
#: Seconds in which a program says its version, or is not asked any longer.
_PATIENCE = 5.0
#: Seconds that ``claude`` has to answer: more than 200 MB may have to be read from a slow disk first (seen: over 10 s).
_COLD_START = 30.0


def plugins(claude_bin: str = "", layout: Layout | None = None) -> Plugins:
    """Return the concrete agents and executor. *claude_bin* comes before ``ORCHESTRATOR_CLAUDE_BIN`` and PATH.

    Raises:
        PlanError: the file of an agent of this plan directory, or of this person, is invalid.
        StoreError: one could not be read.
    """
    place, registry = _look_for_claude(claude_bin), read_agents(layout, os.environ)
    program = own_program()

    def require(policies: Mapping[str, Settings]) -> None:
        for key in sorted({each.agent for each in policies.values()}):
            if reason := _lacks_command(registry[key]):
                raise AgentError(reason, where=registry[key].where, hint=_ADVICE)
        of_claude = {task_id: each for task_id, each in policies.items() if registry[each.agent].runs is Program.CLAUDE}
        if of_claude:
            is_root = os.geteuid() == 0
            findings, answer = _see(place)
            findings.append(claude_check.judge_permissions(of_claude, os.environ, is_root=is_root))
            for finding in findings:
                if finding.level is Level.FAILED:
                    where = place.program if finding.name == claude_check.VERSION else None
                    is_ours = where is not None and answer is not None and bool(answer.advice)
                    error = ExecutorError if is_ours else AgentError
                    raise error(finding.found, where=where or "", hint=finding.hint)

    return Plugins(
        registry=registry,
        agents={member.key: _plug(member, place.program, program) for member in registry},
        require=require,
        executor=LocalExecutor,
        sweep=_sweep,
        program=program,
        subscribers=subscribers,
    )


def _sweep(directory: str, run: str) -> None:
    reaper.sweep(directory, spare={run})


def _plug(member: Member, claude: str | None, program: str) -> Agent:
    if member.runs is Program.SHELL:
        return ShellAgent()
    if member.runs is Program.SIMULATED:
        return SimulatedAgent()
    if member.command is not None:
        named = member.command.words[0]
        return CommandAgent(member.key, member.command, _find(named) or named, member.role)
    login = login_variables(os.environ)
    env = unset_variables(os.environ)
    return ClaudeAgent(claude or "claude", login=login, env=env, role=member.role, calls=program)


def lacks(member: Member, claude_bin: str = "") -> str:
    """Say why an agent cannot work on this machine, as far as that shows without asking it; empty: it can."""
    if member.runs is Program.CLAUDE:
        finding = claude_check.judge_place(_look_for_claude(claude_bin))
        return "" if finding.level is Level.OK else finding.found
    return _lacks_command(member)


def _lacks_command(member: Member) -> str:
    if member.command is None or _find(member.command.words[0]):
        return ""
    program = member.command.words[0]
    why = "which is not on PATH"
    if "/" in program:
        why = "which " + ("is not executable" if os.path.exists(program) else "does not exist")
    return f"the agent {member.key} needs {program}, {why}"


def examine_agents(registry: AgentRegistry) -> dict[str, Finding]:
    """Say of every agent with a command whether its program is there, and which version, for ``doctor``."""
    findings = {}
    for member in registry:
        if member.command is None or member.extends:
            continue  # what it stands on is looked at
        if reason := _lacks_command(member):
            findings[member.key] = Finding(member.key, Level.FAILED, reason, _ADVICE)
            continue
        found = _find(member.command.words[0]) or ""
        version = _version(member.command)
        findings[member.key] = Finding(member.key, Level.OK, f"{found}{version}")
    return findings


def _version(command: AgentCommand) -> str:
    """Return what a program says of its version, in brackets; empty where its file does not say how to ask.

    Never guessed: a program that does not know the question might start to work instead. Nor is it asked where we
    happen to stand: what its words name is not to be opened there.
    """
    if not command.version:
        return ""
    named, *words = command.version
    if (program := _find(named)) is None:
        return f" (there is no {named})"
    answer = _ask([program, *words], timeout=_PATIENCE, cwd=command.base)
    said = one_line(answer.stdout, 60) or one_line(answer.stderr, 60)
    return f" ({answer.trouble or said or 'says no version'})"


def own_program(environment: Mapping[str, str] = os.environ) -> str:
    """Return the words with which an agent, wherever it works, can call this very program.

    ``-m`` where Python finds the package by itself; else, as in a source tree that is the current directory, its path.
    """
    if launcher := environment.get("ORCHESTRATOR_PROGRAM"):
        return launcher
    package = os.path.dirname(os.path.abspath(__file__))
    above = os.path.dirname(package)
    named = environment.get("PYTHONPATH", "")
    entries = named.split(os.pathsep) if named else []
    lasting = {os.path.abspath(each) for each in entries if os.path.isabs(each)}
    moving = {os.path.abspath(each) for each in entries} - lasting
    # The first entry may be the directory of a script, into which Python looks for that script alone.
    is_found = above in lasting or (above in sys.path[1:] and above not in moving)
    # -P: nothing is picked up from where the agent works.
    words = ["-P", "-m", "orchestrator"] if is_found else [package]
    return shlex.join([sys.executable, *words])


def subscribers(settings: Settings, directory: str) -> list[notify.Subscriber]:
    """Return whom the setting ``notify`` names; who cannot be notified has the reason."""
    found = []
    for target in notification.targets(settings.notify):
        notifier, trouble = None, ""
        try:
            notifier = _notifier(target, directory)
        except (protocol.NotifyError, ValueError) as error:
            trouble = str(error)
        found.append(notify.Subscriber(target.label, target.on, notifier, trouble))
    return found


def _notifier(target: Target, directory: str) -> Notifier:
    if target.way == "desktop":
        return desktop.DesktopNotifier(_find, directory, os.environ)
    if target.way != "command":
        return webhook.WebhookNotifier(target.way, notification.address(target, os.environ))
    program = target.value[0]
    # A bare name is looked for where it may be looked for; a path counts from the plan directory.
    place = program if "/" not in program else os.path.join(directory, program)
    found = _find(place)
    if found is None:
        shown = one_line(program, 60)
        if "/" in program and os.path.exists(place):
            raise protocol.NotifyError(f"{shown} is not executable")
        raise protocol.NotifyError(f"no such program: {shown}")
    words = [found, *target.value[1:]]
    return notifiers_command.CommandNotifier(
        words, directory, os.environ, kill=lambda pid: process_tree.kill_trees([pid])
    )


def detached(words: Sequence[str], output: str) -> detach.Detached:
    """Start this program with the given words as a process that outlives us; it prints into *output*."""
    return detach.Detached(words, output)


def schedulers() -> dict[str, Scheduler]:
    """Return who starts programs at their time on this machine, by name."""
    found: dict[str, Scheduler] = {}
    if program := _find("crontab"):
        found[crontab.Crontab.by] = crontab.Crontab(program, os.environ)
    if program := _find("systemctl"):
        found[systemd.SystemdTimers.by] = systemd.SystemdTimers(program, os.environ)
    return found


def caller() -> schedules.Caller:
    """Return how this program was called, for the caller it later."""
    path = schedules.usable_path(os.environ.get("PATH", os.defpath))
    words = shlex.split(os.environ.get("ORCHESTRATOR_PROGRAM", ""))
    if words and (found := _find(words[0], path)):
        return schedules.Caller([found, *words[1:]], os.getcwd(), path)
    installed = os.path.join(os.path.dirname(sys.executable), "orchestrator")
    program = [installed] if os.access(installed, os.X_OK) else detach.this_program()
    return schedules.Caller(program, os.getcwd(), path)


def examine_claude(claude_bin: str) -> list[Finding]:
    """Say everything about ``claude`` that can be known without a cost, for ``doctor``."""
    place = _look_for_claude(claude_bin)
    findings, answer = _see(place)
    is_usable = all(each.level is not Level.FAILED for each in findings)
    if place.program is not None and answer is not None and is_usable:
        # What is not known for sure is not asked: it might take the question for a prompt.
        is_known = claude_check.version(answer) is not None
        status = _ask([place.program, *claude_check.ASK_LOGIN]) if is_known else None
        stored = os.path.isfile(claude_check.credentials(os.environ))
        findings.append(claude_check.judge_login(status, os.environ, has_credentials=stored))
    return [*findings, claude_check.judge_session(os.environ)]


def _see(place: claude_check.ProgramLocation) -> tuple[list[Finding], Probe | None]:
    """Return what a run has to know of ``claude``, and what it answered; 20 ms."""
    findings = [claude_check.judge_place(place)]
    if place.program is None:
        return findings, None
    answer = _ask([place.program, *claude_check.ASK_VERSION])
    return [*findings, claude_check.judge_version(answer)], answer


def _ask(words: Sequence[str], *, timeout: float = _COLD_START, cwd: str | None = None) -> Probe:
    asked = {name: value for name, value in os.environ.items() if inherits(name, (EVERYTHING,), NESTED_SESSION)}
    return probe.ask(words, {**asked, **claude_check.QUIET}, timeout=timeout, cwd=cwd)


def _look_for_claude(claude_bin: str) -> claude_check.ProgramLocation:
    named = claude_bin or os.environ.get("ORCHESTRATOR_CLAUDE_BIN", "")
    found, is_executable = _look_for(named or "claude")
    path = os.path.abspath(found) if found else None
    return claude_check.ProgramLocation(named=named, program=path if is_executable else None, not_executable=path)


def _find(program: str, path: str | None = None) -> str | None:
    """Return the path of a program that can be executed; None when there is none."""
    found, is_executable = _look_for(program, path)
    return found if is_executable else None


def _look_for(program: str, path: str | None = None) -> tuple[str, bool]:
    """Return the path of a program, empty when there is none, and whether it can be executed.

    It is looked for in *path*, else in PATH, as those of agents are: not where relative entries lead, which are not
    trusted.
    """
    searched = os.environb.get(b"PATH") if path is None else os.fsencode(path)
    try:
        found = os.fsdecode(find_program(program, searched))
    except PermissionError as error:
        return error.filename, False
    except (OSError, ValueError):  # or it has what no path can have
        return "", False
    # One that is named by its path is taken unchanged.
    return (found, os.access(found, os.X_OK)) if os.path.isfile(found) else ("", False)
