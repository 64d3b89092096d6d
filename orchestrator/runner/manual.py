"""What a user settled by command, made ready for the disk: the result, and the evidence of an attempt by hand.

A completed result counts only with the record of its attempt, so ``complete`` leaves one, too.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from orchestrator.core.cost import cost_statistics
from orchestrator.core.plan import Task, refuse_group, sources
from orchestrator.core.readiness import open_needs
from orchestrator.core.result import Outcome, ProcessExit, Result, Verdict
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand, apply, decide, next_ready, taken_from
from orchestrator.errors import NothingReadyError, OrchestratorError, StoreError
from orchestrator.executors.exit_record import write_exit
from orchestrator.executors.protocol import Job
from orchestrator.ownership import make_directories
from orchestrator.runner.events import COMMANDED, Event, Kind
from orchestrator.services.task_view import find_task
from orchestrator.store.atomic import ADVICE, io_errors
from orchestrator.store.attempt_record import AttemptRecord, newest_attempt
from orchestrator.store.layout import AttemptFiles
from orchestrator.store.requests import Reply, Requests
from orchestrator.store.result_file import render_result, safe_answer
from orchestrator.store.result_writer import Commit
from orchestrator.store.workspace import Workspace


def nothing_ready() -> NothingReadyError:
    """Return the error that says so to the user who asked for work."""
    return NothingReadyError(
        "nothing is ready to be claimed",
        hint="`orchestrator list --status pending,waiting` shows whose the rest is and what waits",
    )


def inputs_of(task: Task, tasks: Mapping[str, Task], results: Mapping[str, Result]) -> dict[str, int]:
    """Return the newest attempt of everything that a task is made from."""
    return {need: results[need].number for need in sources(task, tasks) if need in results}


def commit_manual(workspace: Workspace, task: Task, result: Result, command: TaskCommand) -> Commit:
    """Return the result file, ready to be made durable; log and record of the attempt are written.

    Raises:
        StoreError: they could not be written.
    """
    files = workspace.layout.attempt(task.stem, result.number)
    if command.verb in {Verb.COMPLETE, Verb.FAIL}:
        _leave_evidence(files, task, result, command)
    if command.verb is Verb.COMPLETE:
        answer = safe_answer(command.answer, is_markdown="\n" in command.answer)
    else:
        answer = workspace.read_shown_answer(task.stem)
    text = render_result(
        result,
        label=task.label,
        answer=answer,
        log=f"../logs/{files.key}.out" if os.path.exists(files.stdout) else "",
        statistics=cost_statistics(result),
    )
    return Commit(stem=task.stem, result=result, text=text, files=files)


def _leave_evidence(files: AttemptFiles, task: Task, result: Result, command: TaskCommand) -> None:
    last = result.attempts[-1]
    with io_errors("make", files.directory):
        make_directories(files.directory)
    facts = AttemptRecord(
        task=task.id, number=last.number, charge=last.charge, run="", agent=last.agent, inputs=result.inputs
    ).facts()
    said = command.answer if command.verb is Verb.COMPLETE else command.note
    known = ProcessExit(
        code=0 if command.verb is Verb.COMPLETE else 1, started=last.started, ended=last.ended, duration=last.duration
    )
    job = Job(key=files.key, stdout=files.stdout, record=files.record, facts=facts)
    written = write_exit(job, known, output=f"{said}\n" if said else "")
    if written.error:
        raise StoreError(written.error, hint=ADVICE)


def interfered(outcome: Outcome, command: TaskCommand) -> Outcome:
    """Return what becomes of an attempt that a user ended by command, whatever its agent says; the bill stays."""
    match command.verb:
        case Verb.COMPLETE if outcome.verdict is Verdict.COMPLETED and not command.answer:
            return outcome  # it had answered when it was ended
        case Verb.FAIL:
            return outcome._replace(verdict=Verdict.FATAL, reason=command.why)
        case _:
            return outcome._replace(verdict=Verdict.INTERRUPTED, reason=command.why)


def manual_event(task: Task, result: Result, command: TaskCommand, before: Result | None) -> Event:
    """Say what a user settled: who, what, why."""
    kind = COMMANDED[command.verb]
    has_begun = before is not None and before.number == result.number
    if command.verb is Verb.START and has_begun:
        kind = Kind.TASK_PROGRESS
    is_attempt = command.verb in {Verb.START, Verb.COMPLETE, Verb.FAIL}
    done = [f"{result.progress}%"] if result.progress is not None and is_attempt else []
    said = [command.answer] if command.answer and not command.note else []
    return Event(
        kind=kind,
        time=command.time,
        task=task.id,
        name=task.name,
        attempt=result.number if is_attempt else 0,
        text=" · ".join([command.why, *done, *said]),
    )


# ── settle ────────
#
# Carry out what people and agents want done with tasks while no run is active. Only with the lock held.


def carry_out(
    workspace: Workspace, board: PlanSnapshot, listener: Callable[[Event], None], *more: TaskCommand
) -> list[Reply]:
    """Carry out what no one has answered yet, then *more*; return the outcome of each. The board is kept up to date.

    What we may not read or answer is left to anyone who may.

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
            command = requests.read(request)
            # None of ours; or only the run could take it on that was asked, and is gone.
            if command is None or command.verb is Verb.LAUNCH:
                requests.forget(request)
                continue
            is_ours = requests.take(request)
        except StoreError:
            continue
        if is_ours:
            replies.append(_carry_out(workspace, board, listener, command))
            requests.answer(request, replies[-1])
    requests.sweep()
    return [*replies, *(_carry_out(workspace, board, listener, command) for command in more)]


def _carry_out(
    workspace: Workspace, board: PlanSnapshot, listener: Callable[[Event], None], command: TaskCommand
) -> Reply:
    try:
        if command.is_claim:
            found = next_ready(board.plan.tasks.values(), board.status, command.by)
            if found is None:
                raise nothing_ready()
            command = command._replace(task=found)
        task = the_task(board, command.task)
        before = board.results.get(task.id)
        if before is None or before.request != command.id:
            result = _applied(workspace, board, task, before, command)
            workspace.commit([commit_manual(workspace, task, result, command)])
            board.results[task.id] = result
            board.doubts.pop(task.id, None)
            board.derive_again()
            listener(manual_event(task, result, command, before))
    except StoreError:
        raise
    except OrchestratorError as error:
        return Reply.refused(command.task, error)
    return Reply.done(command.task, board.status(command.task), aside=taken_from(command, before))


def _applied(
    workspace: Workspace, board: PlanSnapshot, task: Task, before: Result | None, command: TaskCommand
) -> Result:
    after = decided(board, task, command)
    workspace.make_directories()
    newest = max(before.number if before else 0, newest_attempt(workspace.layout.logs, task.stem))
    inputs = inputs_of(task, board.plan.tasks, board.results)
    return apply(before, command, after, number=newest + 1, inputs=inputs)


def decided(board: PlanSnapshot, task: Task, command: TaskCommand) -> TaskStatus:
    """Return where a task stands after what a user wants; raises as ``decide``."""
    result = board.results.get(task.id)
    last = result.last if result is not None else None
    status = board.status(task.id)
    return decide(
        status,
        command,
        open_needs=open_needs(task.needs, board.status),
        doer=last.agent if last is not None and last.is_manual else "",
        is_in_run=status is TaskStatus.RUNNING and last is not None and not last.is_manual,
        is_held=last is not None and last.status == Verdict.HELD.value,
    )


def the_task(board: PlanSnapshot, task_id: str) -> Task:
    """Return a task of the plan of which a user may say where it stands.

    Raises:
        NotFoundError: there is none of that id.
        TransitionError: it is an umbrella.
    """
    task = find_task(board, task_id)
    refuse_group(task.id, is_one=bool(task.children))
    return task
