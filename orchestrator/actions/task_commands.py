"""Change where a task stands by command: at once when no run is at work, else through the run that is (0010)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.graph import ancestors
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand, verb_towards
from orchestrator.core.text import one_line, typed
from orchestrator.errors import DependencyError, OrchestratorError, StoreError
from orchestrator.runner.manual import carry_out, decided, the_task
from orchestrator.services.cells import of_a_size
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.lock import (
    RunLock,
    exclusive,
    lock_owner,
    new_run,
    require_elsewhere,
    take_briefly,
)
from orchestrator.store.requests import Reply, Requests, new_id
from orchestrator.store.task_ids import resolve_ids
from orchestrator.store.watcher import poll
from orchestrator.store.workspace import Workspace

if TYPE_CHECKING:
    from orchestrator.core.criteria import Criterion
    from orchestrator.core.plan import Plan
    from orchestrator.services.plugins import Plugins

#: Seconds between two looks for an answer, and looks after which one is for who runs.
_LOOK, _LOOKS = 0.02, 10
#: Either is to be done and nobody is at it; which one follows from what it depends on.
_TO_COME = {TaskStatus.WAITING, TaskStatus.PENDING}
#: Tasks of a plan that a command still draws.
_DRAWN = 500


def _say_nothing() -> None:
    """Wait for a run without a word."""


def intervene(
    layout: Layout,
    wanted: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None] = _say_nothing,
) -> Reply:
    """Have *wanted* carried out, durably, and return what came of it.

    Args:
        layout: The plan.
        wanted: What the caller wants; with ``start`` and no task, the next one that is ready.
        plugins: The agents, needed only when a run died: what it had finished is taken over first.
        waits: Called once before a run that is at work is asked.

    Raises:
        DependencyError, TransitionError: it cannot be done from where the task stands.
        ApprovalError, TransitionError: the plan waits for somebody, or is over.
        NothingReadyError: nothing is ready to be claimed.
        UsageError: its answer is too large, or it was called in a listener of the run that would have to be asked.
        NotFoundError, PlanError, StoreError: as their names say.
        Whatever ends the wait, Ctrl-C for one: *wanted* is withdrawn, or a note says that the run may still do it.
    """
    wanted = wanted._replace(
        id=new_id(wanted.time),
        task=resolve_ids(layout, wanted.task),
        note=one_line(typed(wanted.note), limit=1000),
        answer=typed(of_a_size(wanted.answer)),
    )
    if not wanted.run:  # a run knows what its own worker may say
        _require_open(layout, wanted)
    requests = Requests(layout.requests)
    try:
        reply = _carried_out(layout, requests, wanted, plugins, waits)
    except BaseException as error:
        give_up(requests, wanted, error)
        raise
    return reply.unwrap()


def _require_open(layout: Layout, wanted: TaskCommand, board: PlanSnapshot | None = None) -> None:
    workspace = Workspace(layout)
    plan = board.plan if board is not None else workspace.load_plan()[0]
    if plan.header.state is not None:
        from orchestrator.services.plans import require_open  # most plans say no state

        require_open(layout, board or workspace.load(), wanted)


def _carried_out(
    layout: Layout,
    requests: Requests,
    wanted: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None],
) -> Reply:
    is_asked = False
    while True:
        with exclusive(layout.queue):
            lock = take_briefly(layout.lock)
            if lock is not None:
                answer = requests.answer_to(wanted.id) if is_asked else None
                reply = answer or _with_lock(layout, lock, wanted, plugins)
                if is_asked:  # else nothing of ours is there, and it may be closed to us
                    requests.forget(wanted.id)
                return reply
        if not is_asked:
            if wanted.task:
                the_task(Workspace(layout).load(), wanted.task)
            require_elsewhere(lock_owner(layout.lock) or {})
            waits()
            requests.leave(wanted)
            is_asked = True
        reply_of_run = _await(layout, requests, wanted.id)
        if reply_of_run is not None:
            requests.forget(wanted.id)
            return reply_of_run
        # The run is over and has not answered: then it is done here, once.


def give_up(requests: Requests, wanted: TaskCommand, error: BaseException) -> None:
    """Withdraw what nobody waits for any more, so that it is not done behind their back; else note on *error* what is
    done.
    """
    which = f"{wanted.task}: " if wanted.task else ""
    is_left = requests.is_left(wanted.id)
    is_withdrawn = requests.withdraw(wanted.id)
    with suppress(StoreError):
        if (reply := requests.answer_to(wanted.id)) is not None:
            error.add_note(reply.message)
            requests.forget(wanted.id)
            return
    if not is_withdrawn:
        error.add_note(f"{which}the run that is at work has been told already, and may still do it")
    elif is_left:
        error.add_note(f"{which}what was asked of the run is withdrawn")


class Completed(NamedTuple):
    """What came of completing a task."""

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
    wanted: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None] = _say_nothing,
    *,
    validate: bool = False,
    met: str = "",
) -> Completed:
    """Complete a task by hand; with *validate*, or where plan or task say so, only when its success criteria are met.

    Args:
        layout: The plan.
        wanted: What the caller wants; its verb is ``complete``.
        plugins: As for ``intervene``; so is the next one.
        waits: Called before a run is asked.
        validate: Hold it to its criteria. A task that has none is completed.
        met: Criteria that the caller confirms, ``1,3`` or ``all``; they are ticked. With any, *validate* is meant.

    Raises:
        CriteriaError: one is open; nothing was changed.
        As ``intervene``; UsageError: there is no such criterion.
    """
    from orchestrator.core.criteria import chosen, require_met
    from orchestrator.services.criteria import check_ticks, criteria_of, is_asked_for, tick

    board = Workspace(layout).load()
    task = the_task(board, wanted.task)
    if not (validate or met or is_asked_for(layout, board.plan, task)):
        return Completed(intervene(layout, wanted, plugins, waits), None)
    criteria = criteria_of(layout, task.stem)
    confirmed = chosen(met, criteria)
    require_met(task.id, criteria, confirmed, display_path(layout.task_file(task.stem)))
    if confirmed:
        check_ticks(layout, task.stem, confirmed)
    reply = intervene(layout, wanted, plugins, waits)
    if confirmed:
        tick(layout, task.stem, confirmed)
    return Completed(reply, [each._replace(is_met=True) for each in criteria])


def retry(
    layout: Layout,
    wanted: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None] = _say_nothing,
) -> list[Reply]:
    """Have a task done again, and where it was skipped, what failed before it; return what came of each.

    Raises:
        As ``intervene``; DependencyError also when something before it was cancelled: somebody meant that.
    """
    board = really_done(Workspace(layout).load())
    task = the_task(board, wanted.task)
    if board.status(task.id) is not TaskStatus.SKIPPED:
        return [intervene(layout, wanted, plugins, waits)]
    before = list(ancestors(board.plan.tasks, task.id))
    cancelled = [each for each in before if board.status(each) is TaskStatus.CANCELLED]
    if cancelled:
        raise DependencyError(
            f"Dependency not DONE: {', '.join(f'{each} (cancelled)' for each in cancelled)}",
            hint=f"{task.id} was skipped for it; retry {cancelled[0]} first",
        )
    failed = [each for each in before if board.status(each) is TaskStatus.FAILED]
    return [intervene(layout, wanted._replace(task=each), plugins, waits) for each in failed]


def act(
    layout: Layout,
    wanted: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None] = _say_nothing,
) -> list[Reply]:
    """Have *wanted* carried out in the way of its verb.

    Raises:
        As ``retry``, ``complete`` and ``intervene``.
    """
    if wanted.verb is Verb.RETRY:
        return retry(layout, wanted, plugins, waits)
    if wanted.verb is Verb.COMPLETE:
        return [complete(layout, wanted, plugins, waits).reply]
    return [intervene(layout, wanted, plugins, waits)]


def set_status(
    layout: Layout,
    status: TaskStatus,
    wanted: TaskCommand,
    plugins: Callable[[Layout], Plugins],
    waits: Callable[[], None] = _say_nothing,
) -> list[Reply]:
    """Bring a task to a status, by the verb that leads there (S1-23); the verb of *wanted* does not count.

    Where it stands so already nothing is done; what somebody else has in hand does not, for one of many gets it.

    Raises:
        As ``intervene``; TransitionError also for a status that only follows from others.
    """
    board = really_done(Workspace(layout).load())
    now = board.status(the_task(board, wanted.task).id)
    verb = verb_towards(status, now)
    if _stands(board, wanted, status):
        return [Reply.done(wanted.task, now, f"{wanted.task} is {now.value} already")]
    return act(layout, wanted._replace(verb=verb), plugins, waits)


def _stands(board: PlanSnapshot, wanted: TaskCommand, status: TaskStatus) -> bool:
    """Say whether a task stands as somebody wants it to; with *running*, as their own."""
    now, result = board.status(wanted.task), board.results.get(wanted.task)
    last = result.last if result is not None else None
    if now is TaskStatus.RUNNING is status and last is not None:
        return last.agent == wanted.by if last.is_manual else last.run == wanted.run
    return now is status or {now, status} == _TO_COME


def check_status(
    layout: Layout,
    plan: Plan,
    status: TaskStatus,
    wanted: TaskCommand,
    criteria: Sequence[str],
) -> None:
    """Do nothing if ``set_status`` may be asked for, once *plan* is written and these criteria are added to the task.

    Raises:
        As ``set_status``; what only shows when it is carried out is left to that.
    """
    board = really_done(Workspace(layout).load(keep_cache=False, plan=plan))
    task = the_task(board, wanted.task)
    now = board.status(task.id)
    verb = verb_towards(status, now)
    if _stands(board, wanted, status):
        return
    if now is TaskStatus.SKIPPED and verb is Verb.RETRY:
        return  # it is for what failed before it
    if not (wanted.run and now is TaskStatus.RUNNING):  # its run knows what its own worker may say
        _require_open(layout, wanted._replace(verb=verb), board)
        decided(board, task, wanted._replace(verb=verb))
    from orchestrator.services.criteria import criteria_of, is_asked_for

    if verb is Verb.COMPLETE and is_asked_for(layout, plan, task):
        from orchestrator.core.criteria import Criterion, require_met

        found = (
            *criteria_of(layout, task.stem),
            *(Criterion(text, is_met=False) for text in criteria),
        )
        require_met(task.id, found, (), display_path(layout.task_file(task.stem)))


def _await(layout: Layout, requests: Requests, request: str) -> Reply | None:
    """Return the answer of the run at work; None: there is no run any more, and no answer."""
    reply = None
    for looked, _ in enumerate(poll(_LOOK)):
        is_over = looked % _LOOKS == 0 and lock_owner(layout.lock) is None
        if (reply := requests.answer_to(request)) is not None or is_over:
            break
    return reply


# ── with the lock held ───────────────────────────────────────────────────────────────────────────────────────────────


def _with_lock(
    layout: Layout, lock: RunLock, wanted: TaskCommand, plugins: Callable[[Layout], Plugins]
) -> Reply:
    try:
        if lock.dead_runs:
            _take_over(layout, lock, plugins(layout))
        workspace = Workspace(layout)
        seen = workspace.load(is_live=False)
        board = really_done(seen)
        with closing(Journal(layout.journal)) as journal:
            reply = carry_out(workspace, board, lambda each: journal.append(each.line()), wanted)[
                -1
            ]
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
    from orchestrator.runner.render import redraw

    # It is a view: what was asked for is done and on disk, whether or not it can be drawn.
    with suppress(OrchestratorError):
        redraw(workspace, board, time.time(), running={}, budget=board.plan.budget)


def _take_over(layout: Layout, lock: RunLock, plugins: Plugins) -> None:
    """Do first what the next run would do about the run that died."""
    from orchestrator.runner.recovery import recover_from_logs

    Workspace(layout).prepare()
    plugins.sweep(layout.root, new_run())
    recover_from_logs(layout, plugins, lock.dead_runs)
    lock.recovered()
