"""What somebody settled by command, made ready for the disk: the result, and the evidence of an attempt by hand.

A completed result counts only with the record of its attempt, so ``complete`` leaves one, too (promise 5).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from orchestrator.core.cost import cost_statistics
from orchestrator.core.plan import sources
from orchestrator.core.plan import Task
from orchestrator.core.result import ProcessExit, Outcome, Result, Verdict
from orchestrator.core.status import Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import NothingReadyError, StoreError
from orchestrator.executors.protocol import Job
from orchestrator.executors.exit_record import write_exit
from orchestrator.ownership import make_directories
from orchestrator.runner.events import COMMANDED, Event, Kind
from orchestrator.store.atomic import ADVICE, io_errors
from orchestrator.store.attempt_record import AttemptRecord
from orchestrator.store.layout import AttemptFiles
from orchestrator.store.result_file import render_result, safe_answer
from orchestrator.store.result_writer import Commit
from orchestrator.store.workspace import Workspace


def nothing_ready() -> NothingReadyError:
    """Return the error that says so to whoever asked for work."""
    return NothingReadyError(
        "nothing is ready to be claimed",
        hint="`orchestrator list --status pending,waiting` shows whose the rest is and what waits",
    )


def inputs_of(
    task: Task, tasks: Mapping[str, Task], results: Mapping[str, Result]
) -> dict[str, int]:
    """Return the newest attempt of everything that a task is made from."""
    return {need: results[need].number for need in sources(task, tasks) if need in results}


def commit_manual(
    workspace: Workspace, task: Task, result: Result, wanted: TaskCommand
) -> Commit:
    """Return the result file, ready to be made durable; log and record of the attempt are written.

    Raises:
        StoreError: they could not be written.
    """
    files = workspace.layout.attempt(task.stem, result.number)
    if wanted.verb in {Verb.COMPLETE, Verb.FAIL}:
        _leave_evidence(files, task, result, wanted)
    if wanted.verb is Verb.COMPLETE:
        answer = safe_answer(wanted.answer, is_markdown="\n" in wanted.answer)
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


def _leave_evidence(files: AttemptFiles, task: Task, result: Result, wanted: TaskCommand) -> None:
    last = result.attempts[-1]
    with io_errors("make", files.directory):
        make_directories(files.directory)
    facts = AttemptRecord(
        task=task.id,
        number=last.number,
        charge=last.charge,
        run="",
        agent=last.agent,
        inputs=result.inputs,
    ).facts()
    said = wanted.answer if wanted.verb is Verb.COMPLETE else wanted.note
    known = ProcessExit(
        code=0 if wanted.verb is Verb.COMPLETE else 1,
        started=last.started,
        ended=last.ended,
        duration=last.duration,
    )
    job = Job(key=files.key, stdout=files.stdout, record=files.record, facts=facts)
    written = write_exit(job, known, output=f"{said}\n" if said else "")
    if written.error:
        raise StoreError(written.error, hint=ADVICE)


def interfered(outcome: Outcome, wanted: TaskCommand) -> Outcome:
    """Return what becomes of an attempt that somebody ended by command, whatever its agent says; the bill stays."""
    match wanted.verb:
        case Verb.COMPLETE if outcome.verdict is Verdict.COMPLETED and not wanted.answer:
            return outcome  # it had answered when it was ended
        case Verb.FAIL:
            return outcome._replace(verdict=Verdict.FATAL, reason=wanted.why)
        case _:
            return outcome._replace(verdict=Verdict.INTERRUPTED, reason=wanted.why)


def told(task: Task, result: Result, wanted: TaskCommand, before: Result | None) -> Event:
    """Say what somebody settled: who, what, why."""
    kind = COMMANDED[wanted.verb]
    has_begun = before is not None and before.number == result.number
    if wanted.verb is Verb.START and has_begun:
        kind = Kind.TASK_PROGRESS
    is_attempt = wanted.verb in {Verb.START, Verb.COMPLETE, Verb.FAIL}
    done = [f"{result.progress}%"] if result.progress is not None and is_attempt else []
    said = [wanted.answer] if wanted.answer and not wanted.note else []
    return Event(
        kind=kind,
        time=wanted.time,
        task=task.id,
        name=task.name,
        attempt=result.number if is_attempt else 0,
        text=" · ".join([wanted.why, *done, *said]),
    )
