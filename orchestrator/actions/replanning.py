"""What a run does about a plan that was changed under it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.actions.assignments import make_task_files
from orchestrator.actions.prospect import RunOrder, simulated, task_settings
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Result
from orchestrator.core.roster import Roster
from orchestrator.core.state import TaskStatus
from orchestrator.runtime.watching import Change
from orchestrator.store.attempt_record import Traces, scan_logs
from orchestrator.store.workspace import Workspace


@dataclass(slots=True)
class Replanner:
    """Reads the plan again when its file is another one, and makes a change of it when it says something else."""

    order: RunOrder
    workspace: Workspace
    roster: Roster
    plan: Plan
    """As it was read last."""
    seen: int
    """The version of the file that was looked at last."""

    def look(self) -> Change | None:
        """Return the change, with the task files of rows that are new or say something else; None when there is none.

        Raises:
            PlanError: the plan, or the task file of a row, makes no sense; names file and line.
            NotFoundError, StoreError: as their names say.
        """
        version = self.workspace.plan_version()
        if version in {0, self.seen}:
            return None
        plan, shape = self.workspace.load_plan()
        if _said(plan) == _said(self.plan):
            self.seen = version
            return None  # only text around the table
        policies = task_settings(self.workspace, plan, self.order, self.roster)
        new = [task for task_id, task in plan.tasks.items() if task_id not in self.plan.tasks]
        others = [task_id for task_id, task in plan.tasks.items() if _is_other(task, self.plan)]
        make_task_files(self.workspace, plan.tasks, policies, others, self.roster)
        if self.order.simulate:
            policies = simulated(policies)
        traces = scan_logs(self.workspace.layout.logs) if new else {}
        found = ((task.id, self.workspace.read_result(task.stem)) for task in new)
        results = {
            task_id: result
            for task_id, result in found
            if result is not None
            and result.task == task_id
            and _stands(result, traces.get(plan.tasks[task_id].stem, Traces()))
        }
        newest = {task.id: traces[task.stem].newest for task in new if task.stem in traces}
        # Only now: as long as something makes no sense, each look reads it again.
        self.plan, self.seen = plan, version
        return Change(plan, shape, policies, newest, results)


def _is_other(task: Task, before: Plan) -> bool:
    known = before.tasks.get(task.id)
    return known is None or known._replace(where="") != task._replace(where="")


def _stands(result: Result, traces: Traces) -> bool:
    """Whether a task that is new in the plan is not to be run: it is completed, or somebody said so."""
    match result.status:
        case TaskStatus.COMPLETED:
            return result.number in traces.recorded
        case TaskStatus.BLOCKED | TaskStatus.CANCELLED:
            return True
        case _:
            return result.status is TaskStatus.RUNNING and result.is_by_hand


def _said(plan: Plan) -> tuple[object, ...]:
    """What a plan says, wherever in the file it says so."""
    return plan.settings, [task._replace(where="") for task in plan.tasks.values()]
