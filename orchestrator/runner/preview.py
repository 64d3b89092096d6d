"""What a run would do: which tasks it would start, and with which settings. Looking writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.core.agent import AgentRegistry, Program
from orchestrator.core.batch import Expansion, item_names
from orchestrator.core.condition import compile_condition
from orchestrator.core.ids import similar_name, suggestion
from orchestrator.core.params import HINT_FOR_SHELL, as_text, missing_params, not_for_a_shell, places, resolve_params
from orchestrator.core.plan import Plan, in_words
from orchestrator.core.readiness import kept_back
from orchestrator.core.settings import Settings, lower, resolve
from orchestrator.core.snapshot import PlanSnapshot, lacks_merge, only_simulated, really_done
from orchestrator.core.status import TaskStatus
from orchestrator.core.task_type import as_texts
from orchestrator.errors import PlanError, Problem, UsageError
from orchestrator.services.batches import Renewal, renew
from orchestrator.services.run_request import RunRequest, asked_for, require_tagged, startable
from orchestrator.services.task_settings import both_settings, work_directory
from orchestrator.store.attempt_record import Traces, scan_logs
from orchestrator.store.evidence import conflicts_in
from orchestrator.store.workspace import Workspace
from orchestrator.views.final_output import try_templates


class RunPreview(NamedTuple):
    """What a run would do: the plan as it stands, every task's settings, and the tasks it would start."""

    workspace: Workspace
    board: PlanSnapshot
    settings: Settings
    policies: Mapping[str, Settings]
    meant: Mapping[str, Settings]
    """The settings without ``--simulate`` and ``--agent simulated``: a task file is written for the agent that will
    really do the task, and what is done by another one is only simulated."""
    to_run: Sequence[str]
    order: RunRequest
    registry: AgentRegistry
    traces: Mapping[str, Traces]
    """What the logs held, by what the files of a task are called."""
    params: Mapping[str, object]
    """The values of the parameters of the plan, given or by default; of a required one that was not given none."""
    batches: Mapping[str, Expansion] = {}
    """What batches are expanded to now and were not before: to be written before anything starts."""
    gone: Sequence[str] = ()
    """Tasks of batches that leave the plan with that."""

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
            try_templates(self.board, self.settings, templates)


def preview_run(
    order: RunRequest,
    registry: AgentRegistry,
    workspace: Workspace | None = None,
    traces: Mapping[str, Traces] | None = None,
) -> RunPreview:
    """Look at the plan and say what a run would do. Writes nothing. A *workspace* that looked before saves time.

    Raises:
        PlanError: the plan, a task file or an agent is invalid; every problem with file and line.
        NotFoundError, UsageError, StoreError: as their names say.
    """
    workspace = workspace or Workspace(order.layout, anew=True)
    traces = traces or scan_logs(order.layout.logs)
    board = workspace.load(keep_cache=False, is_live=False, traces=traces)
    renewal = _renewal(order, workspace, board)
    if renewal is not None:
        board = workspace.load(keep_cache=False, is_live=False, traces=traces, plan=renewal.plan)
    policies, meant = both_settings(workspace, board.plan, order, registry)
    board = really_done(board, meant, only_simulated(policies, meant))
    plan_flags = {name: value for name, value in order.flags.items() if name != "agent"}
    to_run = startable(order, board)
    require_tagged(order, board)
    _require_tasks(board.plan)
    return RunPreview(
        workspace=workspace,
        board=board,
        settings=_of_run(board.plan, plan_flags, order.raised_budget),
        policies=policies,
        meant=meant,
        to_run=to_run,
        order=order,
        registry=registry,
        traces=traces,
        batches=renewal.changed if renewal else {},
        gone=renewal.gone if renewal else (),
        params=values_of(board.plan.settings.get("params", {}), order.params, _where(board.plan)),
    )


def _renewal(order: RunRequest, workspace: Workspace, board: PlanSnapshot) -> Renewal | None:
    """Return the plan with its batches as their lists are now."""
    if not any(task.is_batch for task in board.plan.tasks.values()):
        return None
    done = really_done(board)

    def attempts(task_id: str) -> int:
        is_done = task_id in done.plan.tasks and done.status(task_id) is TaskStatus.COMPLETED
        return done.results[task_id].number if is_done and task_id in done.results else 0

    return renew(workspace, work_directory(order.layout, board.plan, order.flags), attempts)


def values_of(declared: Mapping[str, Any], given: Mapping[str, Any], where: str) -> Mapping[str, object]:
    """Return the values of parameters, given or by default; of a required one that was not given none.

    *where* is the place where they are declared.

    Raises:
        UsageError: a name or a value is wrong.
    """
    try:
        return resolve_params(declared, given)
    except ValueError as error:
        raise UsageError(f"--param: {error}", where=where, hint='write --param "name=value"') from None


def require_values(declared: Mapping[str, Any], values: Mapping[str, object], where: str) -> None:
    """Make sure that every parameter has a value.

    Raises:
        UsageError: one has to be given.
    """
    if missing := missing_params(declared, values):
        hint = "orchestrator run " + " ".join(f'--param "{name}=…"' for name in missing)
        raise UsageError(f"the plan needs a value for {', '.join(missing)}", where=where, hint=hint)


def _where(plan: Plan) -> str:
    return f"{plan.file}:{plan.lines.get('params', 1)}"


def _unknown_in_conditions(plan: Plan, declared: Mapping[str, Any]) -> Iterator[Problem]:
    for task in plan.tasks.values():
        for name in sorted(compile_condition(task.condition).params if task.condition else ()):
            if name not in declared:
                message = f"the condition of {task.id} reads params.{name}, which the plan does not declare"
                hint = suggestion(name, declared, f"declare it in the front matter of the plan: params: [{name}]")
                yield Problem(message, task.where, hint, "unknown_parameter")


def require_params(ahead: RunPreview) -> None:
    """Make sure that the texts of the tasks that would start can be filled in.

    Raises:
        UsageError: a parameter has to be given.
        PlanError: a condition reads what is not declared, a placeholder is misspelt, or a value cannot stand in a
            command.
        StoreError: a task file cannot be read.
    """
    plan = ahead.board.plan
    declared = plan.settings.get("params", {})
    if problems := list(_unknown_in_conditions(plan, declared)):
        raise PlanError(problems)
    if not declared or not ahead.to_run:
        return
    require_values(declared, ahead.params, _where(plan))
    values = {name: as_text(value) for name, value in ahead.params.items()}
    problems = []
    for task_id in ahead.to_run:
        task, agent = plan.tasks[task_id], ahead.policies[task_id].agent
        found = ahead.workspace.assignments.read(task)
        is_file = found is not None and bool(found.body.strip())
        text, code = (found.body, found.code) if found is not None and is_file else (in_words(task, is_prose=True), "")
        where = ahead.workspace.assignments.shown(task) if is_file else task.where
        own = as_texts(ahead.policies[task_id].task_params)
        known = {*declared, *own, *(item_names(task) if task.is_batch else ())}
        for name in places([text]):
            if name not in known and (close := similar_name(name, declared)):
                message = f"{task_id} says {{{{{name}}}}}, which the plan does not declare"
                problems.append(Problem(message, where, f"did you mean {close}?", "unknown_parameter"))
        is_command = agent in ahead.registry and ahead.registry[agent].runs is Program.SHELL
        if is_command and (wrong := not_for_a_shell(code or text, {**values, **own})):
            problems.append(Problem(wrong, where, HINT_FOR_SHELL, "bad_value"))
    if problems:
        raise PlanError(problems)


def _of_run(plan: Plan, flags: Mapping[str, Any], raised_budget: float | None) -> Settings:
    settings = resolve(plan.settings)
    settings = resolve(plan.settings, lower(settings, flags))
    return settings if raised_budget is None else settings._replace(budget_usd=raised_budget)


def merges(ahead: RunPreview) -> bool:
    """Say whether an agent is to merge what is completed once the run is over, and is paid for it."""
    if ahead.settings.aggregate != "claude" or ahead.order.simulate:
        return False
    board, starts = ahead.board, set(ahead.to_run).difference(kept_back(ahead.board, ahead.to_run))
    made_from = [
        task_id
        for task_id in asked_for(ahead.order, board)
        if not board.plan.tasks[task_id].children
        and (task_id in starts or board.status(task_id) is TaskStatus.COMPLETED)
    ]
    return len(made_from) > 1 and (bool(starts) or lacks_merge(board))


def _require_tasks(plan: Plan) -> None:
    """Refuse a table without a row: that all of nothing is done must not look like success."""
    if not plan.tasks:
        where = f"{plan.file}:{plan.table}"
        hint = "write one row for each task below that header, or: orchestrator add TEXT"
        raise PlanError([Problem("the plan has no tasks", where, hint, "empty_plan")])
