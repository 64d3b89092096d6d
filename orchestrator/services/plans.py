"""Plans as a whole: make one, move it from state to state, look at all of them, put one away (seed 004)."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import NamedTuple

from orchestrator.core.plan import TASK_ID, PlanHeader, id_of
from orchestrator.core.plan_status import (
    ITSELF,
    TERMINAL,
    PlanEvent,
    PlanState,
    Step,
    automatic,
    move_plan,
    read_steps,
    step_line,
)
from orchestrator.core.priority import format_priority, parse_priority
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.core.status import ACTIVE, TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.core.text import is_blank, one_line, typed
from orchestrator.core.timestamp import iso, parse_timestamp
from orchestrator.errors import (
    ApprovalError,
    BeingWrittenError,
    BusyError,
    NotFoundError,
    OrchestratorError,
    TransitionError,
    UsageError,
)
from orchestrator.plan.header import plan_header_of, with_state
from orchestrator.store import collection
from orchestrator.store.atomic import sync_directory
from orchestrator.store.compare_and_swap import Taken, exchanged, put, take
from orchestrator.store.journal import Journal, journal_lines
from orchestrator.store.layout import PLAN_DIRECTORY, Layout, display_path
from orchestrator.store.lock import exclusive, lock_owner, locked, waiting_runs
from orchestrator.store.workspace import Workspace
from orchestrator.views.master_plan import made_plan
from orchestrator.views.plans import state_of, title_of


def create(root: Layout, title: str, *, priority: str, request: str, eta: str, who: str, now: float) -> Layout:
    """Make a plan that waits for approval, in a directory of its own.

    Args:
        root: The directory of plans, made when missing; or one of its plans, and then its neighbour is made.
        title: What it is about, in a line.
        priority: As in a task table.
        request: The request, in the words of its author; empty: the title says it.
        eta: When it is to be done, a moment or how long from now; empty: no one said.
        who: Who asks for it.
        now: Seconds since the epoch.

    Raises:
        UsageError: there is no title, or priority or eta is none.
        StoreError: it could not be written.
    """
    title = one_line(typed(title))
    if is_blank(title):
        raise UsageError("a plan needs a title", hint='orchestrator create "Implement feature X"')
    try:
        word = format_priority(parse_priority(priority))
    except ValueError as error:
        raise UsageError(str(error), hint="P0 is the most urgent, P2 the usual one") from None
    due = _due(eta, now)
    plan_header = PlanHeader(PlanState.PLANNING, title, word, due, now)
    text = made_plan(plan_header, typed(request), created=iso(now), eta=iso(due))
    # Read as a run will read it, before anybody else can.
    plan_header_of(text.encode(), "master_plan.md")
    line = f"{iso(now)} · plan · created · by {who}: {title}"
    files = {"master_plan.md": text.encode(), "journal.md": f"# Journal\n\n- {line}\n".encode()}
    root = collection.root_of(root) if collection.is_one_of_many(root) else root
    return Layout(f"{root.root}/{collection.make_plan(root, files)}")


def _due(eta: str, now: float) -> float:
    if not eta:
        return 0.0
    try:
        return parse_timestamp(eta, now)
    except ValueError as error:
        hint = "2h counts from now; a day means its end"
        raise UsageError(f"--eta: {error}", hint=hint) from None


def transition(layout: Layout, event: str, *, who: str, note: str, now: float) -> Step:
    """Move a plan along an arrow of the table; return the step. Only the line of its state is written.

    Raises:
        TransitionError: there is no such arrow from where it stands, or the plan says no state.
        UsageError: the plan is a link, or a user is writing it.
        PlanError, NotFoundError, StoreError: as their names say.
    """

    def change(before: Taken) -> Step | None:
        state = plan_header_of(before.data, _shown(layout)).state
        if state is None:
            raise TransitionError(
                "this plan says no state, so it needs no approval",
                where=_shown(layout),
                hint="write status: planning into its front matter to have it approved",
            )
        after = move_plan(state, event)
        word = event.strip().lower()
        changed = with_state(before.data, after, _shown(layout))
        step = Step(iso(now), state.word, after.word, word, who, one_line(typed(note), limit=500))
        # Opened first: no plan moves where no one can write down who moved it.
        with closing(Journal(layout.journal)) as journal:
            if put(layout.plan, before, changed) is None:
                return None
            journal.append(step_line(step))
        return step

    if not os.path.lexists(layout.plan):
        raise collection.no_plan(layout)
    with exclusive(layout.plan_lock):
        step = exchanged(layout.plan, change)
    sync_directory(layout.root)
    return step


def active_run_after(layout: Layout, step: Step) -> str:
    """Return the active run although this step says that nothing more is to begin; empty when none is."""
    if PlanState(step.after.lower()) not in TERMINAL | {PlanState.BLOCKED}:
        return ""
    return str((lock_owner(layout.lock) or {}).get("run", ""))


def advance(layout: Layout, board: PlanSnapshot, now: float) -> list[Step]:
    """Move a plan as far as the facts lead it, and never back; return the steps, mostly none.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    state = board.plan.header.state
    if state is None or os.path.islink(layout.plan):  # never written through
        return []
    board = really_done(board)
    tasks = [(task.type, board.status(task.id)) for task in board.plan.tasks.values() if not task.children]
    steps: list[Step] = []
    for event, why in automatic(state, tasks):
        try:
            steps.append(transition(layout, event, who=ITSELF, note=why, now=now))
        except (TransitionError, BeingWrittenError):
            break  # a user has moved it meanwhile, and knows better; or is writing it: then later
    return steps


def begin(layout: Layout, plan_header: PlanHeader, now: float, why: str = "a run began") -> list[Step]:
    """Say that work on a plan begins, where it waited for just that; return the step, if it is one.

    Raises:
        ApprovalError: it may not be worked on: no one has approved it, or it is blocked.
        TransitionError: it is over.
        PlanError, NotFoundError, StoreError: as their names say.
    """
    require_approval(layout, plan_header)
    if plan_header.state is not PlanState.APPROVED:
        return []
    try:
        return [transition(layout, PlanEvent.START, who=ITSELF, note=why, now=now)]
    except TransitionError:
        # A user has moved it since it was read: where it stands now says whether it may be worked on.
        require_approval(layout, plan_header_of(take(layout.plan).data, _shown(layout)))
        return []


def require_approval(layout: Layout, plan_header: PlanHeader) -> None:
    """Make sure that a plan may be worked on; one that says no state always may.

    Raises:
        ApprovalError: no one has approved it, or it is blocked.
        TransitionError: it is over.
    """
    state, name = plan_header.state, collection.plan_id(layout)
    if state in TERMINAL:
        assert state is not None
        move_plan(state, PlanEvent.START)
    if state is PlanState.PLANNING:
        raise ApprovalError(
            f"{name} is {state.word}: nobody has approved it yet",
            where=_shown(layout),
            hint=f"orchestrator transition {_named(layout)} approve",
        )
    if state is PlanState.BLOCKED:
        raise ApprovalError(
            f"{name} is {state.word}", where=_shown(layout), hint=f"orchestrator transition {_named(layout)} unblock"
        )


def require_open(layout: Layout, board: PlanSnapshot, command: TaskCommand) -> None:
    """Make sure that a plan lets a user do with a task of it what they want; one that says no state always does.

    Until it is over, anyone who has begun a task may say how far they are, and how it ended.

    Raises:
        ApprovalError: a task is to be begun or done, and no one has approved the plan, or it is blocked.
        TransitionError: it is over.
    """
    state, task = board.plan.header.state, command.task
    if state in TERMINAL:
        assert state is not None
        move_plan(state, command.verb.value)
    has_attempts = task in board.results and bool(board.results[task].attempts)
    is_under_way = task in board.standing and board.status(task) in ACTIVE
    is_begun = has_attempts if command.verb is Verb.COMPLETE else is_under_way
    if command.verb in {Verb.START, Verb.COMPLETE} and not is_begun:
        require_approval(layout, board.plan.header)


def require_subtask(layout: Layout, board: PlanSnapshot, subtask: str) -> str:
    """Return the id of the task of a plan that a user means.

    Raises:
        NotFoundError: there is none.
        UsageError: it may be any of several.
    """
    if (task_id := id_of(subtask, board.plan.tasks)) not in board.plan.tasks:
        hint = f"`orchestrator list {collection.plan_id(layout)}` shows them"
        raise NotFoundError(f"Subtask {one_line(subtask, 80)} not found", hint=hint)
    return task_id


def what_keeps(layout: Layout, plan_header: PlanHeader) -> str:
    """Say why a plan may not be worked on, and what a user can do about it; empty when it may be."""
    try:
        require_approval(layout, plan_header)
    except (ApprovalError, TransitionError) as error:
        return f"{error.message}: {error.hint}"
    return ""


def _named(layout: Layout) -> str:
    """Return a plan as a command takes it: its id, else the path of a directory whose name cannot be one."""
    name = collection.plan_id(layout)
    if TASK_ID.fullmatch(name):
        return name

    return shlex.quote(display_path(layout.root))


class Row(NamedTuple):
    """One plan among others."""

    id: str
    plan_header: PlanHeader
    state: PlanState
    counts: Mapping[TaskStatus, int]
    """How many tasks stand where."""


class PlansOverview(NamedTuple):
    """The plans of a directory."""

    rows: Sequence[Row]
    broken: Mapping[str, str]
    """Plans that cannot be read, and why."""


def overview(root: Layout, *, everything: bool = False) -> PlansOverview:
    """Return the plans that are not over, without opening those that are; or all of them.

    Raises:
        NotFoundError, StoreError: the directory cannot be read.
    """
    found = collection.survey(root)
    rows, broken = [], dict(found.broken)
    for plan_id, plan_header in found.plans.items():
        if plan_header.state in TERMINAL and not everything:
            continue
        try:
            board = really_done(Workspace(Layout(f"{root.root}/{plan_id}")).load())
        except OrchestratorError as error:
            broken[plan_id] = str(error)
            continue
        state = state_of(board)
        if everything or state not in TERMINAL:
            shown_header = plan_header._replace(title=title_of(board))
            rows.append(Row(plan_id, shown_header, state, board.counts()))
    return PlansOverview(rows, broken)


def history(layout: Layout) -> list[Step]:
    """Return every transition of a plan, oldest first.

    Raises:
        StoreError: the journal cannot be read.
    """
    return list(read_steps(journal_lines(layout.journal, " · plan · transition · ")))


def archive(layout: Layout) -> str:
    """Move a plan that is over into the archive of its directory; return where it lies now.

    Raises:
        UsageError: other plans would go with it, or no command would find it again.
        TransitionError: it is not over.
        BusyError: a run is active on it, or waits for its time.
        PlanError, NotFoundError, StoreError: as their names say.
    """
    if collection.plan_id(layout) == PLAN_DIRECTORY or collection.has_plans(layout):
        raise UsageError(
            "what is put away is one plan of several, and this is the directory of all of them",
            where=display_path(layout.root),
            hint="name one: orchestrator archive TASK-001; `orchestrator status --all` lists them",
        )
    board = really_done(Workspace(layout).load())
    state = state_of(board)
    if state not in TERMINAL:
        raise TransitionError(
            f"Cannot archive: not terminal ({collection.plan_id(layout)} is {state.word})",
            hint=f"only a plan that is {', '.join(sorted(each.word for each in TERMINAL))} is put away",
        )
    # What the lock says of dead runs stays true, wherever it lies then.
    with locked(layout.queue, layout.lock):
        if waiting := waiting_runs(layout):
            raise BusyError(
                f"process {waiting[0].process['pid']} waits for its time to run this plan",
                hint=f"end it first: orchestrator stop {collection.plan_id(layout)}",
            )
        return collection.archive_plan(collection.root_of(layout), collection.plan_id(layout))


def rebuild_index(root: Layout) -> collection.Survey:
    """Look at every plan anew and write the cache; return what was found, and what could not be read.

    Raises:
        NotFoundError, StoreError: the directory cannot be read, or the cache not be written.
    """
    return collection.survey(root, anew=True)


def _shown(layout: Layout) -> str:
    return display_path(layout.plan)
