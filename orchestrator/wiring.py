"""The only file that knows which plugs are in the sockets."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.actions.running import Plugs
from orchestrator.agents import claude_check
from orchestrator.agents.claude import ClaudeAgent, login_variables
from orchestrator.agents.shell import ShellAgent
from orchestrator.agents.simulated import SimulatedAgent
from orchestrator.core.diagnosis import Finding, Level, Probe
from orchestrator.core.environment import NESTED_SESSION
from orchestrator.core.notice import Target, address, targets
from orchestrator.core.settings import EVERYTHING, Settings
from orchestrator.core.text import one_line
from orchestrator.errors import AgentError
from orchestrator.executors import probe
from orchestrator.executors.detach import Detached, this_program
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.spawn import inherits
from orchestrator.executors.sweep import sweep
from orchestrator.notifiers.protocol import Notifier, NotifyError
from orchestrator.runtime.notifying import Subscriber

if TYPE_CHECKING:
    from orchestrator.actions.scheduling import Caller
    from orchestrator.executors.scheduler import Scheduler


def plugs(claude_bin: str = "", environment: Mapping[str, str] = os.environ) -> Plugs:
    """Return the concrete agents and executor. *claude_bin* comes before ``ORCHESTRATOR_CLAUDE_BIN`` and PATH."""
    place = _look_for_claude(claude_bin, environment)

    def require(policies: Mapping[str, Settings]) -> None:
        if any(each.agent == "claude" for each in policies.values()):
            is_root = os.geteuid() == 0
            findings, _ = _see(place, environment)
            findings.append(claude_check.judge_permissions(policies, environment, is_root=is_root))
            for finding in findings:
                if finding.level is Level.FAILED:
                    where = place.program if finding.name == claude_check.VERSION else None
                    raise AgentError(finding.found, where=where or "", hint=finding.hint)

    return Plugs(
        agents={
            "claude": ClaudeAgent(place.program or "claude", login=login_variables(environment)),
            "shell": ShellAgent(),
            "simulated": SimulatedAgent(),
        },
        require=require,
        executor=LocalExecutor,
        sweep=lambda directory, run: len(sweep(directory, spare={run})),
        subscribers=subscribers,
    )


def subscribers(
    settings: Settings, directory: str, environment: Mapping[str, str] = os.environ
) -> list[Subscriber]:
    """Return whom the setting ``notify`` names; who cannot be told says why."""
    found = []
    for target in targets(settings.notify):
        notifier, trouble = None, ""
        try:
            notifier = _notifier(target, directory, environment)
        except (NotifyError, ValueError) as error:
            trouble = str(error)
        found.append(Subscriber(target.label, target.on, notifier, trouble))
    return found


def _notifier(target: Target, directory: str, environment: Mapping[str, str]) -> Notifier:
    from orchestrator.notifiers.command import CommandNotifier
    from orchestrator.notifiers.desktop import DesktopNotifier
    from orchestrator.notifiers.webhook import WebhookNotifier

    path = _trusted(environment)
    if target.way == "desktop":
        return DesktopNotifier(lambda name: shutil.which(name, path=path), directory, environment)
    if target.way != "command":
        return WebhookNotifier(target.way, address(target, environment))
    program = target.value[0]
    # A bare name is looked for where it may be looked for; a path counts from the plan directory.
    found = shutil.which(
        program if "/" not in program else os.path.join(directory, program), path=path
    )
    if found is None:
        raise NotifyError(f"no such program: {one_line(program, 60)}")
    return CommandNotifier([found, *target.value[1:]], directory, environment)


def detached(words: Sequence[str], output: str) -> Detached:
    """Start this program with the given words as a process that outlives us; it prints into *output*."""
    return Detached(words, output)


def schedulers(environment: Mapping[str, str] = os.environ) -> dict[str, Scheduler]:
    """Return who starts programs at their time on this machine, by name."""
    from orchestrator.executors.crontab import Crontab
    from orchestrator.executors.systemd import SystemdTimers

    path = _trusted(environment)
    found: dict[str, Scheduler] = {}
    if program := shutil.which("crontab", path=path):
        found[Crontab.by] = Crontab(program, environment)
    if program := shutil.which("systemctl", path=path):
        found[SystemdTimers.by] = SystemdTimers(program, environment)
    return found


def caller(environment: Mapping[str, str] = os.environ) -> Caller:
    """Return how this program was called, for whoever calls it later."""
    from orchestrator.actions.scheduling import Caller, usable_path

    path = usable_path(environment.get("PATH", os.defpath))
    words = shlex.split(environment.get("ORCHESTRATOR_PROGRAM", ""))
    if words and (found := shutil.which(words[0], path=path)):
        return Caller([found, *words[1:]], os.getcwd(), path)
    installed = os.path.join(os.path.dirname(sys.executable), "orchestrator")
    program = [installed] if os.access(installed, os.X_OK) else this_program()
    return Caller(program, os.getcwd(), path)


def examine_claude(
    claude_bin: str = "", environment: Mapping[str, str] = os.environ
) -> list[Finding]:
    """Say everything about ``claude`` that can be known without a cost, for ``doctor``."""
    place = _look_for_claude(claude_bin, environment)
    findings, answer = _see(place, environment)
    is_usable = all(each.level is not Level.FAILED for each in findings)
    if place.program is not None and answer is not None and is_usable:
        # What is not known for sure is not asked: it might take the question for a prompt.
        is_known = claude_check.version(answer) is not None
        status = _ask(place.program, claude_check.ASK_LOGIN, environment) if is_known else None
        stored = os.path.isfile(claude_check.credentials(environment))
        findings.append(claude_check.judge_login(status, environment, has_credentials=stored))
    return [*findings, claude_check.judge_session(environment)]


def _see(
    place: claude_check.Place, environment: Mapping[str, str]
) -> tuple[list[Finding], Probe | None]:
    """Return what a run has to know of ``claude``, and what it answered; 20 ms."""
    findings = [claude_check.judge_place(place)]
    if place.program is None:
        return findings, None
    answer = _ask(place.program, claude_check.ASK_VERSION, environment)
    return [*findings, claude_check.judge_version(answer)], answer


def _ask(program: str, question: Sequence[str], environment: Mapping[str, str]) -> Probe:
    asked = {
        name: value
        for name, value in environment.items()
        if inherits(name, (EVERYTHING,), NESTED_SESSION)
    }
    return probe.ask([program, *question], {**asked, **claude_check.QUIET})


def _look_for_claude(claude_bin: str, environment: Mapping[str, str]) -> claude_check.Place:
    named = claude_bin or environment.get("ORCHESTRATOR_CLAUDE_BIN", "")
    path = _trusted(environment)
    found = shutil.which(named or "claude", path=path)
    there = found or shutil.which(named or "claude", os.F_OK, path)
    return claude_check.Place(
        named=named,
        program=os.path.abspath(found) if found else None,
        not_executable=os.path.abspath(there) if there else None,
    )


def _trusted(environment: Mapping[str, str]) -> str:
    """Return PATH without its relative entries: they mean the current directory, which is not trusted (promise 25)."""
    return os.pathsep.join(
        entry
        for entry in environment.get("PATH", os.defpath).split(os.pathsep)
        if os.path.isabs(entry)
    )
