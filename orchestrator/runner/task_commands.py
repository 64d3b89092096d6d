"""Task commands: applied at once when no run is active, else by the active run, which answers (decision 0010)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.cost import cost_statistics
from orchestrator.core.criteria import Criterion, chosen, require_met
from orchestrator.core.graph import ancestors
from orchestrator.core.plan import Task, refuse_batch, refuse_group
from orchestrator.core.readiness import needs_open
from orchestrator.core.result import Outcome, ProcessExit, Result, Verdict
from orchestrator.core.snapshot import PlanSnapshot, inputs_of, really_done
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand, apply, decide, next_ready, taken_from, verb_towards
from orchestrator.core.text import one_line, typed
from orchestrator.errors import DependencyError, NothingReadyError, OrchestratorError, StoreError, TransitionError
from orchestrator.executors.exit_record import write_exit
from orchestrator.executors.protocol import Job
from orchestrator.ownership import make_directories
from orchestrator.runner.events import COMMANDED, Event, Kind
from orchestrator.runner.recovery import recover_from_logs
from orchestrator.runner.render import redraw
from orchestrator.services.plans import require_open
from orchestrator.services.task_texts import check_ticks, criteria_of, is_asked_for, tick
from orchestrator.services.task_view import find_task
from orchestrator.services.validation import of_a_size
from orchestrator.store.atomic import ADVICE, io_errors
from orchestrator.store.attempt_record import AttemptRecord, newest_attempt
from orchestrator.store.journal import Journal
from orchestrator.store.layout import AttemptFiles, Layout, display_path
from orchestrator.store.lock import RunLock, exclusive, lock_owner, new_run, require_elsewhere, take_briefly
from orchestrator.store.requests import Reply, Requests, new_id
from orchestrator.store.result_file import render_result, safe_answer
from orchestrator.store.result_writer import Commit
from orchestrator.store.task_ids import resolve_ids
from orchestrator.store.watcher import poll
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.core.plan import Plan
    from orchestrator.services.plugins import Plugins


# ── manual ────────
#
# What a user settled by command, made ready for the disk: the result, and the evidence of an attempt by hand.
#
# A completed result counts only with the record of its attempt, so ``complete`` leaves one, too.


def nothing_ready() -> NothingReadyError:
    """Return the error for the user who asked for work."""
    return NothingReadyError(
        "nothing is ready to be claimed",
        hint="`orchestrator list --status pending,waiting` shows whose the rest is and what waits",
    )


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
        return commit_settled(workspace, task, result)
    return _commit(task, result, files, answer)


def commit_settled(workspace: Workspace, task: Task, result: Result) -> Commit:
    """Return the result file of a task that is settled without an answer of its own; one that is there stays in it."""
    files = workspace.layout.attempt(task.stem, result.number)
    return _commit(task, result, files, workspace.read_shown_answer(task.stem))


def _commit(task: Task, result: Result, files: AttemptFiles, answer: str) -> Commit:
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
            # Not one of ours; or only the run could take it on that was asked, and is gone.
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
    refuse_batch(task, command.verb)
    result = board.results.get(task.id)
    last = result.last if result is not None else None
    status = board.status(task.id)
    return decide(
        status,
        command,
        open_needs=needs_open(board, task),
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


#: Seconds between two looks for an answer, and looks after which one is for who runs.
_LOOK, _LOOKS = 0.02, 10
#: A task that has not begun; which one it is follows from its dependencies.
_TO_COME = {TaskStatus.WAITING, TaskStatus.PENDING}
#: Tasks of a plan that a command still draws.
_DRAWN = 500


def _say_nothing() -> None:
    """Wait for a run without a word."""


def intervene(
    layout: Layout, command: TaskCommand, plugins: Callable[[Layout], Plugins], waits: Callable[[], None] = _say_nothing
) -> Reply:
    """Apply a task command, durably, and return the answer.

    Args:
        layout: The plan.
        command: The task command; with ``start`` and no task, it takes the next one that is ready.
        plugins: The agents, needed only when a run died: what it had finished is taken over first.
        waits: Called once before the active run is asked.

    Raises:
        DependencyError, TransitionError: it cannot be done from where the task stands.
        ApprovalError, TransitionError: the plan waits for approval, or is over.
        NothingReadyError: nothing is ready to be claimed.
        UsageError: its answer is too large, or it was called in a listener of the run that would have to be asked.
        NotFoundError, PlanError, StoreError: as their names say.
        Whatever ends the wait, as Ctrl-C: the command is withdrawn, or a note says that the run may still apply it.
    """
    command = command._replace(
        id=new_id(command.time),
        task=resolve_ids(layout, command.task),
        note=one_line(typed(command.note), limit=1000),
        answer=typed(of_a_size(command.answer)),
    )
    if not command.run:  # a run knows what its own worker may say
        _require_open(layout, command)
    requests = Requests(layout.requests)
    try:
        reply = _carried_out(layout, requests, command, plugins, waits)
    except BaseException as error:
        give_up(requests, command, error)
        raise
    return reply.unwrap()


def _require_open(layout: Layout, command: TaskCommand, board: PlanSnapshot | None = None) -> None:
    workspace = Workspace(layout)
    plan = board.plan if board is not None else workspace.load_plan()[0]
    if plan.header.state is not None:
        require_open(layout, board or workspace.load(), command)


def _carried_out(
    layout: Layout,
    requests: Requests,
    command: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None],
) -> Reply:
    is_asked = False
    while True:
        with exclusive(layout.queue):
            lock = take_briefly(layout.lock)
            if lock is not None:
                answer = requests.answer_to(command.id) if is_asked else None
                reply = answer or _with_lock(layout, lock, command, plugins)
                if is_asked:  # else there is no request, and the directory may not be accessible
                    requests.forget(command.id)
                return reply
        if not is_asked:
            if command.task:
                the_task(Workspace(layout).load(), command.task)
            require_elsewhere(lock_owner(layout.lock) or {})
            waits()
            requests.leave(command)
            is_asked = True
        reply_of_run = _await(layout, requests, command.id)
        if reply_of_run is not None:
            requests.forget(command.id)
            return reply_of_run
        # The run is over and has not answered: then it is done here, once.


def give_up(requests: Requests, command: TaskCommand, error: BaseException) -> None:
    """Withdraw a request that is no longer waited for; where it was applied already, note that on *error*."""
    which = f"{command.task}: " if command.task else ""
    is_left = requests.is_left(command.id)
    is_withdrawn = requests.withdraw(command.id)
    with suppress(StoreError):
        if (reply := requests.answer_to(command.id)) is not None:
            error.add_note(reply.message)
            requests.forget(command.id)
            return
    if not is_withdrawn:
        error.add_note(f"{which}the run that is at work has been told already, and may still do it")
    elif is_left:
        error.add_note(f"{which}what was asked of the run is withdrawn")


class Completed(NamedTuple):
    """The answer to ``complete``."""

    reply: Reply
    criteria: Sequence[Criterion] | None
    """Its success criteria, all of them met; None when it was not held to them."""

    @property
    def message(self) -> str:
        """Say it in a line."""
        if self.criteria is None:
            return self.reply.message
        met = f"all {len(self.criteria)} success criteria are met"
        return f"{self.reply.message}: {met if self.criteria else 'it has no success criteria'}"


def complete(
    layout: Layout,
    command: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None] = _say_nothing,
    *,
    validate: bool = False,
    met: str = "",
) -> Completed:
    """Complete a task by hand; with *validate*, or where plan or task say so, only when its success criteria are met.

    Args:
        layout: The plan.
        command: The task command; its verb is ``complete``.
        plugins: As for ``intervene``; so is the next one.
        waits: Called before a run is asked.
        validate: Hold it to its criteria. A task that has none is completed.
        met: Criteria that the caller confirms, ``1,3`` or ``all``; they are ticked. With any, *validate* is meant.

    Raises:
        CriteriaError: one is open; nothing was changed.
        As ``intervene``; UsageError: there is no such criterion.
    """
    board = Workspace(layout).load()
    task = the_task(board, command.task)
    if not (validate or met or is_asked_for(layout, board.plan, task)):
        return Completed(intervene(layout, command, plugins, waits), None)
    criteria = criteria_of(layout, task.stem)
    confirmed = chosen(met, criteria)
    require_met(task.id, criteria, confirmed, display_path(layout.task_file(task.stem)))
    if confirmed:
        check_ticks(layout, task.stem, confirmed)
    reply = intervene(layout, command, plugins, waits)
    if confirmed:
        tick(layout, task.stem, confirmed)
    return Completed(reply, [each._replace(is_met=True) for each in criteria])


def retry(
    layout: Layout, command: TaskCommand, plugins: Callable[[Layout], Plugins], waits: Callable[[], None] = _say_nothing
) -> list[Reply]:
    """Have a task done again, and where it was skipped, what failed before it; return the outcome of each.

    Raises:
        As ``intervene``; DependencyError also when a task before it was cancelled, which was a decision.
        TransitionError: it was skipped although nothing before it failed: its condition keeps it from running.
    """
    board = really_done(Workspace(layout).load())
    task = the_task(board, command.task)
    if board.status(task.id) is not TaskStatus.SKIPPED:
        return [intervene(layout, command, plugins, waits)]
    before = list(ancestors(board.plan.tasks, task.id))
    cancelled = [each for each in before if board.status(each) is TaskStatus.CANCELLED]
    if cancelled:
        raise DependencyError(
            f"Dependency not DONE: {', '.join(f'{each} (cancelled)' for each in cancelled)}",
            hint=f"{task.id} was skipped for it; retry {cancelled[0]} first",
        )
    failed = [each for each in before if board.status(each) is TaskStatus.FAILED]
    if not failed:
        first = next(iter(task.needs), task.id)
        raise TransitionError(
            f"{task.id} was skipped: {one_line(board.standing[task.id].reason, 200)}",
            hint=f"change its row, or what it goes by: `orchestrator retry {first}`",
        )
    return [intervene(layout, command._replace(task=each), plugins, waits) for each in failed]


def act(
    layout: Layout, command: TaskCommand, plugins: Callable[[Layout], Plugins], waits: Callable[[], None] = _say_nothing
) -> list[Reply]:
    """Apply a task command as its verb requires.

    Raises:
        As ``retry``, ``complete`` and ``intervene``.
    """
    if command.verb is Verb.RETRY:
        return retry(layout, command, plugins, waits)
    if command.verb is Verb.COMPLETE:
        return [complete(layout, command, plugins, waits).reply]
    return [intervene(layout, command, plugins, waits)]


def set_status(
    layout: Layout,
    status: TaskStatus,
    command: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None] = _say_nothing,
) -> list[Reply]:
    """Bring a task to a status, by the verb that leads there; the verb of *command* does not count.

    Where it has that status already nothing is done; a task that another caller has started counts as not started.

    Raises:
        As ``intervene``; TransitionError also for a status that only follows from others.
    """
    board = really_done(Workspace(layout).load())
    now = board.status(the_task(board, command.task).id)
    verb = verb_towards(status, now)
    if _stands(board, command, status):
        return [Reply.done(command.task, now, f"{command.task} is {now.value} already")]
    return act(layout, command._replace(verb=verb), plugins, waits)


def _stands(board: PlanSnapshot, command: TaskCommand, status: TaskStatus) -> bool:
    """Say whether a task has a status already; *running* counts only for who runs it."""
    now, result = board.status(command.task), board.results.get(command.task)
    last = result.last if result is not None else None
    if now is TaskStatus.RUNNING is status and last is not None:
        return last.agent == command.by if last.is_manual else last.run == command.run
    return now is status or {now, status} == _TO_COME


def check_status(layout: Layout, plan: Plan, status: TaskStatus, command: TaskCommand, criteria: Sequence[str]) -> None:
    """Do nothing if ``set_status`` may be asked for, once *plan* is written and these criteria are added to the task.

    Raises:
        As ``set_status``; what only shows when it is carried out is left to that.
    """
    board = really_done(Workspace(layout).load(keep_cache=False, plan=plan))
    task = the_task(board, command.task)
    now = board.status(task.id)
    verb = verb_towards(status, now)
    if _stands(board, command, status):
        return
    if now is TaskStatus.SKIPPED and verb is Verb.RETRY:
        return  # it is for what failed before it
    if not (command.run and now is TaskStatus.RUNNING):  # its run knows what its own worker may say
        _require_open(layout, command._replace(verb=verb), board)
        decided(board, task, command._replace(verb=verb))

    if verb is Verb.COMPLETE and is_asked_for(layout, plan, task):
        found = (*criteria_of(layout, task.stem), *(Criterion(text, is_met=False) for text in criteria))
        require_met(task.id, found, (), display_path(layout.task_file(task.stem)))


def _await(layout: Layout, requests: Requests, request: str) -> Reply | None:
    """Return the answer of the active run; None: there is no run any more, and no answer."""
    reply = None
    for looked, _ in enumerate(poll(_LOOK)):
        is_over = looked % _LOOKS == 0 and lock_owner(layout.lock) is None
        if (reply := requests.answer_to(request)) is not None or is_over:
            break
    return reply


# ── with the lock held ───────────────────────────────────────────────────────────────────────────────────────────────


def _with_lock(layout: Layout, lock: RunLock, command: TaskCommand, plugins: Callable[[Layout], Plugins]) -> Reply:
    try:
        if lock.dead_runs:
            _take_over(layout, lock, plugins(layout))
        workspace = Workspace(layout)
        seen = workspace.load(is_live=False)
        board = really_done(seen)
        with closing(Journal(layout.journal)) as journal:
            reply = carry_out(workspace, board, lambda each: journal.append(each.line()), command)[-1]
        if board is not seen:  # it is drawn as `status` shows it, also what was only simulated
            board = workspace.load(is_live=False)
        _draw(workspace, board)
        workspace.write_index()
    except BaseException:
        lock.abandon()
        raise
    lock.release()
    return reply


def _draw(workspace: Workspace, board: PlanSnapshot) -> None:
    """Let the file say it, too. A large plan is left to the next run: a command must not take as long as drawing it."""
    if len(board.plan.tasks) > _DRAWN:
        return

    # It is a view: what was asked for is done and on disk, whether or not it can be drawn.
    with suppress(OrchestratorError):
        redraw(workspace, board, time.time(), running={}, budget=board.plan.budget)


def _take_over(layout: Layout, lock: RunLock, plugins: Plugins) -> None:
    """Do first what the next run would do about the run that died."""
    Workspace(layout).prepare()
    plugins.sweep(layout.root, new_run())
    recover_from_logs(layout, plugins, lock.dead_runs)
    lock.recovered()
