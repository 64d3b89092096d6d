"""Look at everything that a run needs, and change nothing: this machine, ``claude``, the plan directory.

What is imported here at the top must be there even when a dependency is not: that is one of the findings.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from orchestrator.agents.claude_check import judge_permissions
from orchestrator.core.agent import AgentRegistry, Program
from orchestrator.core.finding import Finding, Level
from orchestrator.core.text import one_line
from orchestrator.errors import OrchestratorError, PlanError
from orchestrator.executors import process_tree
from orchestrator.lazy import LazyModule
from orchestrator.store import disk
from orchestrator.store.layout import Layout
from orchestrator.store.lock import busy, lock_owner

if TYPE_CHECKING:
    from orchestrator.core import snapshot
    from orchestrator.runner import preview
    from orchestrator.runner.preview import RunPreview
    from orchestrator.services import assignments, run_request
    from orchestrator.services import status as services_status
    from orchestrator.views import status
else:
    snapshot = LazyModule("orchestrator.core.snapshot")
    preview = LazyModule("orchestrator.runner.preview")
    assignments = LazyModule("orchestrator.services.assignments")
    run_request = LazyModule("orchestrator.services.run_request")
    services_status = LazyModule("orchestrator.services.status")
    status = LazyModule("orchestrator.views.status")

#: Distribution → the module that is imported, and the oldest version that is tested.
PACKAGES: Mapping[str, tuple[str, str]] = {
    "anyio": ("anyio", "4.11"),
    "click": ("click", "8.1"),
    "jinja2": ("jinja2", "3.1"),
    "jsonschema": ("jsonschema", "4.20"),
    "jsonschema-specifications": ("jsonschema_specifications", "2023.7"),
    "markdown-it-py": ("markdown_it", "3.0"),
    "networkx": ("networkx", "3.2"),
    "python-frontmatter": ("frontmatter", "1.1"),
    "pyyaml": ("yaml", "6.0"),
    "referencing": ("referencing", "0.30"),
    "simpleeval": ("simpleeval", "1.0"),
    "urllib3": ("urllib3", "2.2"),
    "watchfiles": ("watchfiles", "1.0"),
}
PYTHON = (3, 11)

#: Bytes: attempts log what they print, some megabytes each; below the second number not even a plan fits.
_LITTLE_ROOM = 1024**3
_NO_ROOM = 16 * 1024**2


def examine_machine() -> list[Finding]:
    """Look at Python, the packages, the system and git. Nothing else can be asked while one is missing."""
    python = Finding("python", Level.OK, f"{platform.python_version()} ({sys.executable})")
    if sys.version_info < PYTHON:
        oldest = ".".join(map(str, PYTHON))
        python = python._replace(level=Level.FAILED, hint=f"use Python {oldest} or newer")
    packages = [_package(name, module, oldest) for name, (module, oldest) in PACKAGES.items()]
    return [python, *packages, _system(), _git()]


def examine_plan(
    layout: Layout,
    registry: AgentRegistry,
    claude: Sequence[Finding],
    others: Mapping[str, Finding],
    environment: Mapping[str, str],
    *,
    notify: Callable[[RunPreview], list[Finding]],
) -> list[Finding]:
    """Look at a plan and its directory, and at ``claude`` with the eyes of the plan: who does not need it may lack it.

    Args:
        layout: The plan directory.
        registry: Agents that there are.
        claude: What ``examine_claude`` of the wiring found.
        others: What ``examine_agents`` of the wiring found, by agent.
        environment: What agents inherit.
        notify: Looks at the notifiers that the plan names.
    """
    plan, ahead = _plan(layout, registry)
    if ahead is None:
        return [*claude, *others.values(), plan, *examine_directory(layout)]
    to_run = {task_id: ahead.policies[task_id] for task_id in ahead.to_run}
    needed = {each.agent for each in to_run.values()}
    needed |= {registry[key].extends for key in needed}
    of_claude = {key: each for key, each in to_run.items() if registry[each.agent].runs is Program.CLAUDE}
    if not of_claude:
        claude = [_not_needed(each) for each in claude]
    commands = [each if key in needed else _not_needed(each) for key, each in others.items()]
    permissions = judge_permissions(of_claude, environment, is_root=os.geteuid() == 0)
    found = [*_holds(ahead), *_requests(layout), permissions, *notify(ahead)]
    return [*claude, *commands, plan, *found, *examine_directory(layout)]


def is_fit(findings: Sequence[Finding]) -> bool:
    """Whether nothing was found that would keep a run from working."""
    return all(each.level is not Level.FAILED for each in findings)


# ── this machine ──────────────────────────────────────────────────────────────────────────────────────────────────


def _package(name: str, module: str, oldest: str) -> Finding:
    hint = f"{sys.executable} -m pip install '{name}>={oldest}'"
    try:
        importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever a broken package raises is what is wrong with it
        return Finding(name, Level.FAILED, f"cannot be imported: {one_line(str(error))}", hint)
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, Level.OK, "there, of an unknown version")
    if _numbers(version) < _numbers(oldest):
        return Finding(name, Level.WARNING, f"{version} is older than {oldest}", hint)
    return Finding(name, Level.OK, version)


def _numbers(version: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", version)[:2]]


def _system() -> Finding:
    name = f"{platform.system()} {platform.release()}"
    if process_tree.is_available():
        return Finding("system", Level.OK, name)
    return Finding(
        "system",
        Level.WARNING,
        f"{name}: agents are ended by process group, so what left its group may stay",
        "use Linux, or a container, where every process of an agent is found",
    )


def _git() -> Finding:
    program = shutil.which("git")
    if program is not None:
        return Finding("git", Level.OK, program)
    return Finding("git", Level.WARNING, "not found", "install git; agents that write code use it")


# ── the plan ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _plan(layout: Layout, registry: AgentRegistry) -> tuple[Finding, RunPreview | None]:
    try:
        ahead = preview.preview_run(run_request.RunRequest(layout=layout), registry)
        assignments.require_files(ahead, ahead.board.plan.tasks)
    except OrchestratorError as error:
        more = len(error.problems) - 1 if isinstance(error, PlanError) else 0
        found = f"{error} (and {more} more)" if more else str(error)
        hint = error.hint or "`orchestrator validate` names every problem"
        return Finding("plan", Level.FAILED, found, hint), None
    total = len(ahead.board.plan.tasks)
    agents = sorted({ahead.policies[task_id].agent for task_id in ahead.to_run})
    by = f" by {', '.join(agents)}" if agents else ""
    found = f"{total} {'task' if total == 1 else 'tasks'}, {len(ahead.to_run)} to run{by}"
    return Finding("plan", Level.OK, found), ahead


def _holds(ahead: RunPreview) -> list[Finding]:
    """Say which accounts let nothing through when they were asked last: nothing on this machine shows that."""
    now = time.time()
    return [
        Finding("account", Level.WARNING, status.hold_text(each), status.hold_advice(each))
        for each in snapshot.held(ahead.board.everything())
        if each.lasts(now)
    ]


def _requests(layout: Layout) -> list[Finding]:
    hint = "orchestrator run does it; the caller may have given up long ago"
    return [
        Finding("request", Level.WARNING, f"never answered: {each}", hint)
        for each in services_status.find_orphans(layout)
    ]


def _not_needed(finding: Finding) -> Finding:
    if finding.level is not Level.FAILED:
        return finding
    return finding._replace(level=Level.WARNING, found=f"{finding.found} (no task to run needs it)")


def examine_directory(layout: Layout) -> list[Finding]:
    """Look at a plan directory from outside: who may write there, on which file system, with how much room."""
    return [_access(layout), _file_system(layout), _room(layout), _lock(layout)]


def _access(layout: Layout) -> Finding:
    refused = disk.denied(layout)
    if refused is None:
        return Finding("directory", Level.OK, layout.root)
    return Finding("directory", Level.FAILED, refused.message, refused.hint)


def _file_system(layout: Layout) -> Finding:
    kind = disk.file_system(layout.root)
    if not disk.is_remote(kind):
        return Finding("file system", Level.OK, kind or "unknown")
    return Finding(
        "file system",
        Level.WARNING,
        f"{kind}: locks and syncs may mean less than on a disk of this machine",
        "run the plan from one machine at a time, or move it to a local disk",
    )


def _room(layout: Layout) -> Finding:
    try:
        free = disk.room(layout.root)
    except OSError as error:
        return Finding("room", Level.WARNING, f"unknown: {error.strerror}")
    size = f"{free / 1e9:.1f} GB" if free >= 1e9 else f"{free / 1e6:.0f} MB"
    found, hint = (
        f"{size} free",
        "make room: `orchestrator cleanup` deletes old logs, which hold all that agents print",
    )
    if free < _NO_ROOM:
        return Finding("room", Level.FAILED, found, hint)
    if free < _LITTLE_ROOM:
        return Finding("room", Level.WARNING, found, hint)
    return Finding("room", Level.OK, found)


def _lock(layout: Layout) -> Finding:
    try:
        holder = lock_owner(layout.lock)
    except OrchestratorError as error:
        return Finding("lock", Level.FAILED, str(error), error.hint)
    if holder is None:
        return Finding("lock", Level.OK, "free")
    refused = busy(holder)
    return Finding("lock", Level.WARNING, refused.message, refused.hint)
