"""What a run would do: which tasks it would start, and with which settings. Looking writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.core.agent import AgentRegistry
from orchestrator.core.batch import Expansion
from orchestrator.core.plan import Plan
from orchestrator.core.readiness import kept_back
from orchestrator.core.settings import Settings, lower, resolve
from orchestrator.core.snapshot import PlanSnapshot, lacks_merge, only_simulated, really_done
from orchestrator.core.status import TaskStatus
from orchestrator.errors import PlanError, Problem
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
