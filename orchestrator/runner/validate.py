"""Say everything that is wrong with a plan, its task files and its agents. Looking writes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.core.agent import AgentRegistry
from orchestrator.core.plan import TASK_ID
from orchestrator.errors import PlanError, Problem, NotAFileError
from orchestrator.plan.parser import parse_plan
from orchestrator.runner.preview import RunPreview, preview_run
from orchestrator.services.assignments import require_files
from orchestrator.services.run_request import RunRequest
from orchestrator.services.task_settings import task_settings
from orchestrator.store.atomic import read_file
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace


def validate(layout: Layout, registry: AgentRegistry) -> RunPreview:
    """Return what a run would do that accepts the plan; check the task files and the agents too.

    Raises:
        PlanError: every problem with file and line. Nothing was written.
        NotFoundError, StoreError: as their names say.
    """
    try:
        ahead = preview_run(RunRequest(layout=layout), registry)
    except PlanError as error:
        # A run stops at the plan itself; who mends it wants to know what is wrong beside it, too.
        problems = [*error.problems, *_beside(layout, registry)]
        raise PlanError(list(dict.fromkeys(problems))) from error
    require_files(ahead, ahead.board.plan.tasks)  # also where all is done: it may be done again
    return ahead


def _beside(layout: Layout, registry: AgentRegistry) -> Sequence[Problem]:
    """Return what is wrong with the task files and the agents of a plan that makes no sense itself."""
    workspace = Workspace(layout)
    try:
        plan, _ = parse_plan(read_file(layout.plan) or b"", workspace.shown_plan)
    except NotAFileError:
        return ()  # too large to be looked into, which is told already
    tasks = {task_id: task for task_id, task in plan.tasks.items() if TASK_ID.fullmatch(task_id)}
    try:
        task_settings(workspace, plan._replace(tasks=tasks), registry)
    except PlanError as error:
        return error.problems
    return ()
