"""Carry out what people and agents want done with tasks while no run is at work. Only with the lock held."""

from __future__ import annotations

from collections.abc import Callable

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.plan import refuse_group
from orchestrator.core.plan import Task
from orchestrator.core.result import Result, Verdict
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand, apply, decide, next_ready, taken_from
from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.runner.events import Event
from orchestrator.runner.manual import commit_manual, inputs_of, nothing_ready, told
from orchestrator.services.task_view import find_task
from orchestrator.store.attempt_record import newest_attempt
from orchestrator.store.requests import Reply, Requests
from orchestrator.store.workspace import Workspace


def carry_out(
    workspace: Workspace,
    board: PlanSnapshot,
    listener: Callable[[Event], None],
    *more: TaskCommand,
) -> list[Reply]:
    """Carry out what nobody has answered yet, then *more*; return what came of each. The board is kept up to date.

    What we may not read or answer is left to whoever may.

    Raises:
        StoreError: something could not be written; what was not answered is still asked.
    """
    requests = Requests(workspace.layout.requests)
    replies = []
    asked = {each.id for each in more}
    for request in requests.left():
        if request in asked:
            continue
        try:
            wanted = requests.read(request)
            # None of ours; or only the run could take it on that was asked, and is gone.
            if wanted is None or wanted.verb is Verb.LAUNCH:
                requests.forget(request)
                continue
            is_ours = requests.take(request)
        except StoreError:
            continue
        if is_ours:
            replies.append(_carry_out(workspace, board, listener, wanted))
            requests.answer(request, replies[-1])
    requests.sweep()
    return [*replies, *(_carry_out(workspace, board, listener, wanted) for wanted in more)]


def _carry_out(
    workspace: Workspace,
    board: PlanSnapshot,
    listener: Callable[[Event], None],
    wanted: TaskCommand,
) -> Reply:
    try:
        if wanted.is_claim:
            found = next_ready(board.plan.tasks.values(), board.status, wanted.by)
            if found is None:
                raise nothing_ready()
            wanted = wanted._replace(task=found)
        task = the_task(board, wanted.task)
        before = board.results.get(task.id)
        if before is None or before.request != wanted.id:
            result = _applied(workspace, board, task, before, wanted)
            workspace.commit([commit_manual(workspace, task, result, wanted)])
            board.results[task.id] = result
            board.doubts.pop(task.id, None)
            board.derive_again()
            listener(told(task, result, wanted, before))
    except StoreError:
        raise
    except OrchestratorError as error:
        return Reply.refused(wanted.task, error)
    return Reply.done(wanted.task, board.status(wanted.task), aside=taken_from(wanted, before))


def _applied(
    workspace: Workspace, board: PlanSnapshot, task: Task, before: Result | None, wanted: TaskCommand
) -> Result:
    after = decided(board, task, wanted)
    workspace.make_directories()
    newest = max(before.number if before else 0, newest_attempt(workspace.layout.logs, task.stem))
    inputs = inputs_of(task, board.plan.tasks, board.results)
    return apply(before, wanted, after, number=newest + 1, inputs=inputs)


def decided(board: PlanSnapshot, task: Task, wanted: TaskCommand) -> TaskStatus:
    """Return where a task stands after what somebody wants; raises as ``decide``."""
    result = board.results.get(task.id)
    last = result.last if result is not None else None
    status = board.status(task.id)
    return decide(
        status,
        wanted,
        open_needs=[
            (need, board.status(need))
            for need in task.needs
            if board.status(need) is not TaskStatus.COMPLETED
        ],
        doer=last.agent if last is not None and last.is_manual else "",
        is_in_run=status is TaskStatus.RUNNING and last is not None and not last.is_manual,
        is_held=last is not None and last.status == Verdict.HELD.value,
    )


def the_task(board: PlanSnapshot, task_id: str) -> Task:
    """Return a task of the plan of which somebody may say where it stands.

    Raises:
        NotFoundError: there is none of that id.
        TransitionError: it is an umbrella.
    """
    task = find_task(board, task_id)
    refuse_group(task.id, is_one=bool(task.children))
    return task
