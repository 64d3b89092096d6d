"""What a run would do: which tasks it would start, and with which settings. Looking writes nothing."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from orchestrator.actions.agents import Known
from orchestrator.actions.simulation import only_simulated, really_done, simulated
from orchestrator.actions.wording import no_command, wordless
from orchestrator.agents.structured import flaw
from orchestrator.core.beside import lacks_merge
from orchestrator.core.board import SIMULATED, Board
from orchestrator.core.plan import Plan, Task
from orchestrator.core.roster import Roster
from orchestrator.core.settings import Settings, resolve
from orchestrator.core.spelling import suggestion
from orchestrator.core.state import TaskStatus
from orchestrator.errors import OrchestratorError, PlanError, Problem, UsageError
from orchestrator.store.attempt_record import Traces, scan_logs
from orchestrator.store.credible import conflicts_in
from orchestrator.store.layout import Layout
from orchestrator.store.references import resolve_files
from orchestrator.store.task_file import TaskFile
from orchestrator.store.workspace import Workspace

#: Tasks with one of these statuses are not run again by themselves.
KEPT_AS_THEY_ARE = frozenset(
    {
        TaskStatus.COMPLETED,
        TaskStatus.BLOCKED,
        TaskStatus.CANCELLED,
        TaskStatus.RUNNING,  # before a run that is somebody who took it into their own hands
    }
)
#: Nor with one of these, when what is completed is done again.
KEPT_WHEN_FRESH = KEPT_AS_THEY_ARE - {TaskStatus.COMPLETED}
#: Agents or tags named to somebody who asks for one that there is not.
_NAMED = 12


class RunOrder(NamedTuple):
    """What somebody asked ``run`` to do. ``flags`` are settings given on the command line, already read."""

    layout: Layout
    flags: Mapping[str, Any] = MappingProxyType({})
    simulate: bool = False
    only: Sequence[str] = ()
    tags: Sequence[str] = ()
    """Only tasks with one of these, also those that are added while it runs."""
    is_fresh: bool = False
    """What is completed is done again, and what came of it before is moved to the archive."""
    grows: bool = False
    """``only`` grows by what ``auto-dispatch`` asks for while it is at work."""


class Prospect(NamedTuple):
    """What a run would do: the plan as it stands, every task's settings, and the tasks it would start."""

    workspace: Workspace
    board: Board
    settings: Settings
    policies: Mapping[str, Settings]
    meant: Mapping[str, Settings]
    """The settings without ``--simulate`` and ``--agent simulated``: a task file is written for the agent that will
    really do the task, and what is done by another one is only simulated."""
    to_run: Sequence[str]
    order: RunOrder
    roster: Roster
    traces: Mapping[str, Traces]
    """What the logs held, by what the files of a task are called."""

    def require_final_output(self) -> None:
        """Make sure that what comes of a run can be put together, before anything is paid for.

        Raises:
            PlanError: a template of the person's that it takes is broken, or a merge of results is not finished.
            StoreError: a result that does not count cannot be read.
        """
        if self.board.doubts and not self.order.is_fresh:
            doubted = [self.board.plan.tasks[task_id] for task_id in self.board.doubts]
            if halves := conflicts_in(doubted, self.order.layout):
                raise PlanError(halves)
        templates = self.order.layout.templates
        if os.path.isdir(templates):  # our own never fail, and most plans have no others
            from orchestrator.views.final_output import try_templates

            try_templates(self.board, self.settings, templates)


def look_ahead(
    order: RunOrder,
    roster: Roster,
    workspace: Workspace | None = None,
    traces: Mapping[str, Traces] | None = None,
) -> Prospect:
    """Look at the plan and say what a run would do. Writes nothing. A *workspace* that looked before saves time.

    Raises:
        PlanError: the plan, a task file or an agent makes no sense; every problem with file and line.
        NotFoundError, UsageError, StoreError: as their names say.
    """
    workspace = workspace or Workspace(order.layout)
    traces = traces or scan_logs(order.layout.logs)
    board = workspace.load(keep_cache=False, is_live=False, traces=traces)
    policies, meant = both_settings(workspace, board.plan, order, roster)
    board = really_done(board, meant, only_simulated(policies, meant))
    plan_flags = {name: value for name, value in order.flags.items() if name != "agent"}
    to_run = startable(order, board)
    _require_tagged(order, board)
    _require_tasks(board.plan)
    return Prospect(
        workspace=workspace,
        board=board,
        settings=resolve(board.plan.settings, plan_flags),
        policies=policies,
        meant=meant,
        to_run=to_run,
        order=order,
        roster=roster,
        traces=traces,
    )


def both_settings(
    workspace: Workspace, plan: Plan, order: RunOrder, roster: Roster
) -> tuple[Mapping[str, Settings], Mapping[str, Settings]]:
    """Return the settings of every task, and those that are meant, as in ``Prospect``; mostly they are the same.

    Raises:
        As ``task_settings``.
    """
    policies = meant = task_settings(workspace, plan, order, roster)
    if order.flags.get("agent") == SIMULATED:
        flags = {name: value for name, value in order.flags.items() if name != "agent"}
        meant = task_settings(workspace, plan, order._replace(flags=flags), roster)
    return simulated(meant) if order.simulate else policies, meant


def startable(order: RunOrder, board: Board) -> list[str]:
    """Return the tasks that were asked for, are not done and not kept from running, in order.

    An umbrella is never started.

    Raises:
        UsageError: ``--only`` names a task that is not there, or that needs one which is neither named nor completed.
    """
    tasks = board.plan.tasks
    kept = KEPT_WHEN_FRESH if order.is_fresh else KEPT_AS_THEY_ARE
    found = [
        task_id
        for task_id in board.shape.order
        if board.status(task_id) not in kept and not tasks[task_id].children
    ]
    if order.only:
        found = _only(order.only, found, board)
    if order.tags:
        found = _tagged(order.tags, found, board)
    return found


def kept_back(ahead: Prospect) -> dict[str, str]:
    """Return which of the tasks to run cannot start as it stands, and why: what they need is not for this run to do."""
    board, wanted = ahead.board, frozenset(ahead.to_run)
    causes: dict[str, str] = {}
    for task_id in board.shape.order:
        task = board.plan.tasks[task_id]
        if task_id in wanted or task.children:
            if cause := next((causes[need] for need in task.needs if need in causes), ""):
                causes[task_id] = cause
        elif board.status(task_id) is not TaskStatus.COMPLETED:
            status, reason = board.standing[task_id]
            by = f" {reason}" if status is TaskStatus.RUNNING else ""
            causes[task_id] = f"{task_id} is {status.value}{by}"
    return {task_id: causes[task_id] for task_id in ahead.to_run if task_id in causes}


def merges(ahead: Prospect) -> bool:
    """Say whether an agent is to merge what is completed once the run is over, and is paid for it."""
    if ahead.settings.aggregate != "claude" or ahead.order.simulate:
        return False
    board, starts = ahead.board, set(ahead.to_run).difference(kept_back(ahead))
    made_from = [
        task_id
        for task_id in asked_for(ahead.order, board)
        if not board.plan.tasks[task_id].children
        and (task_id in starts or board.status(task_id) is TaskStatus.COMPLETED)
    ]
    return len(made_from) > 1 and (bool(starts) or lacks_merge(board))


def asked_for(order: RunOrder, board: Board) -> Collection[str]:
    """Return the tasks that a run is to complete."""
    if not order.tags:
        return order.only or board.plan.tasks
    tagged = _with_children(_having(order.tags, board), board)
    named = _with_children(order.only, board) if order.only else tagged
    return [task_id for task_id in tagged if task_id in named]


def task_settings(
    workspace: Workspace, plan: Plan, order: RunOrder, roster: Roster
) -> dict[str, Settings]:
    """Resolve the settings of every task, as ``Known.settle``; ``agent`` as a flag is only the default.

    Raises:
        PlanError: a task file makes no sense, asks for an unknown agent, or names a file that is not there.
        UsageError: a flag does.
    """
    flags = dict(order.flags)
    default_agent = {"agent": flags.pop("agent")} if "agent" in flags else {}
    common = {**plan.settings, **default_agent}
    layout = workspace.layout
    known = Known(roster, _workdir(layout, plan, flags))
    if common.get("agent", "claude") not in known:
        raise _unknown_default(plan, default_agent, common["agent"], known.names)
    existing = workspace.assignments.existing()
    problems = [_misspelt(task, close) for task, close in known.misspelt(plan.tasks.values())]
    problems += workspace.assignments.misnamed(plan.tasks.values(), existing)
    policies: dict[str, Settings] = {}
    shared: dict[tuple[str, str], Settings] = {}
    for task in plan.tasks.values():
        key = known.key_of(task)
        row, kind = {"agent": key} if key else {}, known.type_of(task)
        has_file = task.stem in existing
        try:
            found = (workspace.assignments.read(task) if has_file else None) or TaskFile()
        except PlanError as error:
            problems += error.problems
            continue
        shown = workspace.assignments.shown(task)
        problems += wordless(task, found, shown)
        # Most tasks of a big plan share their settings; one object serves them all.
        resolved = None if found.settings else shared.get((key, kind))
        if resolved is None:
            where = f"{shown}:" if has_file else task.where
            asked = known.settle(common, {**row, **found.settings}, flags, kind)
            try:
                resolved = _with_files(asked, layout.root)
            except ValueError as error:
                name = str(error).partition(":")[0]
                problems.append(_bad_setting(str(error), _line_of(name, found, where, plan)))
                continue
            if resolved.agent not in roster:
                asks = f"task {task.id} asks for the agent {asked.agent!r}"
                line = _line_of("agent", found, where, plan, row=task.where)
                problems.append(_unknown_agent(asks, line, known.names))
            if not found.settings:
                shared[key, kind] = resolved
        problems += no_command(task, found, shown, resolved.agent, roster)
        policies[task.id] = resolved
    if problems:
        # What is wrong with the front matter of the plan is wrong for every task, and is said once.
        raise PlanError(list(dict.fromkeys(problems)))
    return policies


def _workdir(layout: Layout, plan: Plan, flags: Mapping[str, Any]) -> str:
    """Return where agents work: it is there before any of them, so none of them can make it."""
    found = layout.workdir(str({**plan.settings, **flags}.get("workdir", "")))
    if os.path.isdir(found):
        return found
    message = f"workdir: there is no directory {found}"
    if "workdir" in flags:
        raise UsageError(f"--{message}", hint="make it, or name another one")
    where = f"{plan.file}:{plan.lines.get('workdir', 1)}"
    raise PlanError([_bad_setting(message, where)])


def _with_files(settings: Settings, root: str) -> Settings:
    """Return the settings with their files, as ``resolve_files``; a schema must be one that can be asked for."""
    resolved = resolve_files(settings, root)
    if resolved.schema and (wrong := flaw(cast("Mapping[str, Any]", resolved.schema))):
        raise ValueError(f"schema: {wrong}")
    return resolved


def _line_of(name: str, found: TaskFile, file: str, plan: Plan, *, row: str = "") -> str:
    """Where a setting stands: in the task file, else in the row, else in the plan."""
    if name in found.lines:
        return f"{file}{found.lines[name]}"
    return row or f"{plan.file}:{plan.lines.get(name, 1)}"


def _misspelt(task: Task, close: str) -> Problem:
    return Problem(
        f"task {task.id} is assigned to {task.role!r}, which looks like the agent {close!r} misspelt",
        task.where,
        f"write {close}; or, if somebody else is meant, a name that is further from it",
        "unknown_agent",
    )


def _bad_setting(message: str, where: str) -> Problem:
    is_missing = ": there is no " in message
    hint = "paths count from the plan directory" if is_missing else "correct or remove it"
    return Problem(message, where, hint, "bad_setting")


def _unknown_default(
    plan: Plan, flag: Mapping[str, Any], key: str, known: Sequence[str]
) -> OrchestratorError:
    if flag:
        return UsageError(
            f"--agent: there is no agent {key!r}", hint=f"known are {', '.join(known)}"
        )
    where = f"{plan.file}:{plan.lines.get('agent', 1)}"
    return PlanError([_unknown_agent(f"the plan asks for the agent {key!r}", where, known)])


def _unknown_agent(asks: str, where: str, known: Sequence[str]) -> Problem:
    listed = ", ".join([*known[:_NAMED], *(["…"] if len(known) > _NAMED else [])])
    return Problem(
        f"{asks}, which is not known",
        where,
        f"known are {listed}; a label such as Agent-01 or an empty cell means the default agent",
        "unknown_agent",
    )


def _only(only: Sequence[str], to_run: Sequence[str], board: Board) -> list[str]:
    for task_id in only:
        if task_id not in board.plan.tasks:
            hint = suggestion(task_id, board.plan.tasks, "`orchestrator list` shows all tasks")
            raise UsageError(f"--only names {task_id}, which is not in the plan", hint=hint)
    chosen = _with_children(only, board)
    for task_id in chosen:
        for need in board.plan.tasks[task_id].needs:
            if need not in chosen and board.status(need) is not TaskStatus.COMPLETED:
                raise UsageError(
                    f"--only {task_id} needs {need}, which is not completed",
                    hint=f"add {need} to --only or run it first",
                )
    return [task_id for task_id in to_run if task_id in chosen]


def _require_tasks(plan: Plan) -> None:
    """Refuse a table without a row: that all of nothing is done must not look like success."""
    if not plan.tasks:
        where = f"{plan.file}:{plan.table}"
        hint = "write one row for each task below that header, or: orchestrator add TEXT"
        raise PlanError([Problem("the plan has no tasks", where, hint, "empty_plan")])


def _require_tagged(order: RunOrder, board: Board) -> None:
    """Refuse tags that leave nothing: a typo must not look like a run that had nothing to do.

    It is not asked again while the run is at work: then a person may have taken the last one away.
    """
    if not order.tags:
        return
    tags = {tag.casefold(): tag for task in board.plan.tasks.values() for tag in task.tags}
    shown = [tag for _, tag in sorted(tags.items())]
    listed = [*shown[:_NAMED], *(["…"] if len(tags) > _NAMED else [])]
    hint = f"its tags are {', '.join(listed)}" if tags else "no task of it has a tag"
    for tag in order.tags:
        if tag.casefold() not in tags:
            raise UsageError(f"--tag: no task of the plan has the tag {tag!r}", hint=hint)
    if not asked_for(order, board):
        raise UsageError("no task that --only names has a tag that --tag names", hint=hint)


def _tagged(tags: Sequence[str], to_run: Sequence[str], board: Board) -> list[str]:
    """Return the tasks with one of the tags that need nothing outside of them: others wait for a run that does it."""
    chosen = _with_children(_having(tags, board), board)
    wanted = {task_id for task_id in to_run if task_id in chosen}
    possible: set[str] = set()
    for task_id in board.shape.order:
        task = board.plan.tasks[task_id]
        is_met = all(
            need in possible or board.status(need) is TaskStatus.COMPLETED for need in task.needs
        )
        if is_met and (task_id in wanted or task.children):
            possible.add(task_id)
    return [task_id for task_id in to_run if task_id in wanted and task_id in possible]


def _having(tags: Sequence[str], board: Board) -> list[str]:
    asked = {tag.casefold() for tag in tags}
    return [
        task.id
        for task in board.plan.tasks.values()
        if not asked.isdisjoint(tag.casefold() for tag in task.tags)
    ]


def _with_children(only: Sequence[str], board: Board) -> dict[str, None]:
    """Return what was named, and everything under it."""
    chosen: dict[str, None] = {}
    stack = list(reversed(only))
    while stack:
        if (task_id := stack.pop()) not in chosen:
            chosen[task_id] = None
            stack += reversed(board.plan.tasks[task_id].children)
    return chosen
