"""Everything that is known of a plan at one moment: its tasks, their results, and what follows from both.

A status is derived, never stored twice: a task without a result is waiting, pending or skipped because of its
dependencies; everything later stands in its result file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from orchestrator.core.graph import Shape
from orchestrator.core.plan import Plan, Task, joined, sources
from orchestrator.core.readiness import Omitted, Readiness, Ready, Skipped, StatusOf, Waiting, is_covered, readiness
from orchestrator.core.result import Attempt, Result, Verdict, closed
from orchestrator.core.settings import Settings
from orchestrator.core.status import ACTIVE, BLOCKS_DEPENDENTS, SETTLED, TaskStatus

#: The agent that does nothing, of a plan that is only tried.
SIMULATED = "simulated"
#: What is said of a task that stands as completed by it.
ONLY_SIMULATED = "only simulated"
#: Outcomes of a condition.
NOT_MET, UNDECIDED = "not met", "undecided"
#: Looked up once: asking the enum each time would be a tenth of deriving ten thousand tasks.
_DONE, _PENDING = TaskStatus.COMPLETED, TaskStatus.PENDING
_NOT_BEGUN = frozenset({TaskStatus.WAITING, TaskStatus.PENDING})


class TaskState(NamedTuple):
    """Where one task stands, and why."""

    status: TaskStatus
    reason: str = ""


_COMPLETED = TaskState(status=_DONE)


class PlanSnapshot:
    """A plan and its results. Written by hand: loading `dataclasses` takes longer than ``list`` on a thousand tasks."""

    __slots__ = ("_covers", "beside", "doubts", "omitted", "plan", "results", "shape", "standing")

    def __init__(
        self,
        plan: Plan,
        shape: Shape,
        results: dict[str, Result],
        *,
        doubts: dict[str, str] | None = None,
        beside: Sequence[Result] = (),
    ) -> None:
        """Take what is known, and derive where every task stands.

        *doubts*: why something that was found for a task does not count, or counts only in part. *beside*: what was
        done beside the plan (``core/snapshot.py``).
        """
        self.plan, self.shape, self.results, self.beside = plan, shape, results, beside
        self.doubts = doubts if doubts is not None else {}
        self.derive_again()

    def derive_again(self) -> None:
        """Take in that results were changed."""
        tasks = self.plan.tasks
        self.standing, self.omitted = derive(tasks, self.shape, self.results, self.doubts)
        self._covers = {task.fallback_for: task.id for task in tasks.values() if task.fallback_for}

    def end_run(self) -> None:
        """Take in that the run is over: the next attempt at what waited for it is one of the next run."""
        interrupt(self.results, self.doubts)
        self.derive_again()

    def status(self, task_id: str) -> TaskStatus:
        """Where a task stands."""
        return self.standing[task_id].status

    @property
    def is_done(self) -> bool:
        """Whether every task is completed, or was skipped because nothing needs it."""
        return all(map(self.is_done_with, self.standing))

    def is_done_with(self, task_id: str) -> bool:
        """Whether a task is completed, or was skipped because nothing needs it, or another one stood in for it."""
        return self.standing[task_id].status is _DONE or task_id in self.omitted or self.is_covered(task_id)

    def is_covered(self, task_id: str) -> bool:
        """Whether a task failed, and its fallback is completed."""
        if self.standing[task_id].status is not TaskStatus.FAILED:
            return False
        return is_covered(task_id, self.status, self._covers)

    def lasted(self, task_id: str, now: float) -> float | None:
        """Seconds its newest attempt took, or has taken until *now* (since the epoch).

        None when there is none, or it is unknown.
        """
        attempts = self.attempts(task_id)
        return attempts[-1].lasted(now) if attempts else None

    def worked(self, task_id: str, now: float) -> float | None:
        """Seconds that all its attempts took, or have taken until *now*, as far as anybody knows; else None."""
        attempts = self.attempts(task_id)
        known = [took for each in attempts if (took := each.lasted(now)) is not None]
        return sum(known, 0.0) if known or not attempts else None

    def attempts(self, task_id: str) -> tuple[Attempt, ...]:
        """Return the attempts at a task, the newest last; none is open whose runner is gone."""
        result = self.results.get(task_id)
        if result is None:
            return ()
        is_running = self.status(task_id) is TaskStatus.RUNNING
        return result.attempts if is_running else closed(result.attempts)

    def outcome(self, task_id: str) -> Result | None:
        """Return the outcome of a task, None before its first attempt; none is open whose runner is gone.

        Whatever tells of money asks this: of such an attempt its cost is unknown.
        """
        result = self.results.get(task_id)
        if result is None or not result.attempts or not result.attempts[-1].is_open:
            return result
        return result._replace(attempts=self.attempts(task_id))

    def is_simulated(self, task_id: str) -> bool:
        """Say whether what is known of a task was only simulated, though another agent was meant: then it is as if
        nothing had been done.
        """
        result = self.results.get(task_id)
        if result is None or result.agent != SIMULATED:
            return False
        said = result.last.is_only_simulated if result.last else None
        if said is not None:
            return said
        # Its version did not write that. Whether an assignee or a task file asks for an agent is not known here.
        return SIMULATED != (self.plan.tasks[task_id].agent_key or self.plan.settings.get("agent", ""))

    def only_simulated(self) -> list[str]:
        """Which tasks stand as completed and were only simulated."""
        return [
            task_id
            for task_id, result in self.results.items()
            if result.agent == SIMULATED
            and task_id in self.standing
            and self.standing[task_id].status is _DONE
            and self.is_simulated(task_id)
        ]

    def simulated(self) -> int:
        """How many tasks stand as completed and were only simulated."""
        return len(self.only_simulated())

    def progress(self) -> str:
        """Say how many tasks are completed, and how many of those were only simulated."""
        played = f" ({count:,} only simulated)" if (count := self.simulated()) else ""
        unneeded = f", {count:,} not needed" if (count := len(self.omitted)) else ""
        return f"{self.counts()[_DONE]} of {len(self.plan.tasks)} tasks completed{played}{unneeded}"

    def not_counted(self) -> dict[str, str]:
        """Which tasks have a result that does not count, and why: damaged, half merged, of another task."""
        return {task: doubt for task, doubt in self.doubts.items() if task not in self.results}

    def why(self, task_id: str) -> str:
        """Why a task stands where it does; of one that is completed, whether that was only simulated.

        Of one that waits, too, why the result that is there does not count.
        """
        status, reason = self.standing[task_id]
        doubt = "" if task_id in self.results else self.doubts.get(task_id, "")
        if doubt not in reason:
            return f"{reason} · {doubt}"
        if reason or status is not _DONE or not self.is_simulated(task_id):
            return reason
        return ONLY_SIMULATED

    def by_status(self) -> dict[TaskStatus, list[str]]:
        """Which tasks have each status, in the order of the plan; a status that no task has is missing."""
        tasks: dict[TaskStatus, list[str]] = {}
        for task_id in self.plan.tasks:
            tasks.setdefault(self.standing[task_id].status, []).append(task_id)
        return tasks

    def how_far(self) -> dict[str, str]:
        """How far the worker says that they are, and who has it in hand where no run does it."""
        return {
            task_id: reason
            for task_id, (status, reason) in self.standing.items()
            if reason and status is TaskStatus.RUNNING
        }

    def counts(self) -> Counter[TaskStatus]:
        """How many tasks have each status."""
        return Counter([standing.status for standing in self.standing.values()])

    def shown_counts(self) -> dict[str, int]:
        """Say the same to programs: every status by its word, also those that no task has."""
        counts = self.counts()
        return {status.value: counts[status] for status in TaskStatus}

    def everything(self) -> list[Result]:
        """Every result, also of what was done beside the plan: any of them may have met a hold."""
        return [*self.results.values(), *self.beside]

    def paid_for(self) -> list[Result]:
        """Everything that may have cost something: every sum of money is over these, so that all sums agree."""
        return [*filter(None, map(self.outcome, self.results)), *self.beside]

    def overdue(self, now: float) -> list[str]:
        """Which tasks are not over and past their deadline, in the order of the plan; *now* as every moment here."""
        return [
            task.id
            for task in self.plan.tasks.values()
            if task.deadline and task.deadline < now and self.status(task.id) not in SETTLED
        ]

    def current_batch(self) -> int:
        """The first batch with a task that is not completed, failed or skipped; 0 when there is none."""
        open_tasks = (
            self.shape.batch[task_id]
            for task_id, standing in self.standing.items()
            if standing.status is not _DONE and standing.status not in BLOCKS_DEPENDENTS
        )
        return min(open_tasks, default=0)


def derive(
    tasks: Mapping[str, Task], shape: Shape, results: Mapping[str, Result], doubts: Mapping[str, str]
) -> tuple[dict[str, TaskState], frozenset[str]]:
    """Return where every task stands, and which of them were omitted: skipped because nothing needs them."""
    numbers = {task_id: result.number for task_id, result in results.items()}
    standing: dict[str, TaskState] = {}
    omitted: set[str] = set()
    stopped = _stopped(tasks, results)

    def status_of(task_id: str) -> TaskStatus:
        return standing[task_id].status

    for task_id in shape.order:
        task, result = tasks[task_id], results.get(task_id)
        state = readiness(task.needs, status_of, task.rule, omitted.__contains__)
        if task.children:  # a result says nothing of a group
            standing[task_id] = _group(task, state, status_of)
            continue
        is_unmet = result is not None and _stands(task, result, state, numbers, tasks)
        if result is not None and result.condition and not is_unmet:
            result = result._replace(status=_PENDING, note="") if result.attempts else None
        standing[task_id] = _derive_one(task, result, state, tasks=tasks, numbers=numbers)
        if task.parent in stopped and standing[task_id].status in _NOT_BEGUN and not (result and result.attempts):
            standing[task_id] = TaskState(TaskStatus.SKIPPED, f"{stopped[task.parent]} failed")
        is_undecided = is_unmet and result is not None and result.condition[1:] == (UNDECIDED,)
        if (is_unmet and not is_undecided) or (
            isinstance(state, Omitted) and standing[task_id].status is TaskStatus.SKIPPED
        ):
            omitted.add(task_id)
    for task_id, doubt in doubts.items():
        if task_id in standing and not standing[task_id].reason:
            standing[task_id] = standing[task_id]._replace(reason=doubt)
    return standing, frozenset(omitted)


def _stopped(tasks: Mapping[str, Task], results: Mapping[str, Result]) -> dict[str, str]:
    """Return the batches of which nothing more is started, each with the first of its tasks that failed."""
    found: dict[str, str] = {}
    for task_id, result in results.items():
        task = tasks.get(task_id) if result.status is TaskStatus.FAILED else None
        if task is not None and task.item and task.on_failure == "stop":
            found.setdefault(task.parent, task_id)
    return found


def _stands(
    task: Task, result: Result, state: Readiness, numbers: Mapping[str, int], tasks: Mapping[str, Task]
) -> bool:
    """Say whether a result that says that the condition of a task is not met still counts."""
    return (
        result.status is TaskStatus.SKIPPED
        and result.condition[:1] == (task.question,)
        and isinstance(state, Ready)
        and not _changed(task, result, numbers, tasks)
    )


def _derive_one(
    task: Task, result: Result | None, state: Readiness, *, tasks: Mapping[str, Task], numbers: Mapping[str, int]
) -> TaskState:
    """*numbers*: the newest attempt of every task that was started."""
    # With these two it is left to the dependencies; `pending` in a result file is an attempt that was interrupted.
    is_moot = isinstance(state, Omitted) and result is not None and result.status is TaskStatus.FAILED
    if result is not None and result.status is not _DONE and result.status is not _PENDING and not is_moot:
        return TaskState(status=result.status, reason=_why(result))
    if isinstance(state, (Skipped, Omitted)):
        return TaskState(status=TaskStatus.SKIPPED, reason=state.why)
    if isinstance(state, Waiting):
        return TaskState(status=TaskStatus.WAITING, reason=task.question if task.is_batch else state.why)
    if result is None:
        reason = task.question if task.is_batch else f"if {task.condition}" if task.condition else ""
        return TaskState(status=TaskStatus.PENDING, reason=reason)
    if result.status is not _DONE:
        return TaskState(status=TaskStatus.PENDING, reason=_why(result))
    if again := _changed(task, result, numbers, tasks):
        return TaskState(status=TaskStatus.PENDING, reason=f"{', '.join(again)} ran again")
    more = joined(task, result.inputs, tasks)
    reason = f"made without {', '.join(more)}"
    return TaskState(status=TaskStatus.PENDING, reason=reason) if more else _COMPLETED


def _group(task: Task, state: Readiness, status_of: StatusOf) -> TaskState:
    """Where a group stands follows from what is under it, and how far that is stands in the reason."""
    done = sum(status_of(child) is _DONE for child in task.children)
    progress = f"{done}/{len(task.children)}"
    if isinstance(state, Skipped):
        reason = f"{progress} completed, {state.why}"
        return TaskState(status=TaskStatus.SKIPPED, reason=reason)
    if isinstance(state, Waiting):
        return TaskState(status=TaskStatus.WAITING, reason=f"{progress} completed")
    return TaskState(status=_DONE, reason=f"{progress} completed")


def _changed(task: Task, result: Result, numbers: Mapping[str, int], tasks: Mapping[str, Task]) -> list[str]:
    """Return the tasks that were run again since the result was made from theirs."""
    again = [need for need, number in result.inputs.items() if numbers.get(need, number) != number]
    # A need that was taken out of the plan, or of the row, makes nothing stale.
    current = sources(task, tasks) if again else ()
    return [need for need in again if need in current]


def _why(result: Result) -> str:
    """Why it stands there: who said so, who is at it, or why the newest attempt came to nothing."""
    if result.status is TaskStatus.RUNNING and (result.is_manual or result.progress is not None):
        who = f"by {result.attempts[-1].agent}" if result.is_manual else ""
        done = "" if result.progress is None else f"{result.progress}%"
        return " · ".join(filter(None, (who, done)))
    return result.note or result.reason


def inputs_of(task: Task, tasks: Mapping[str, Task], results: Mapping[str, Result]) -> dict[str, int]:
    """Return the newest attempt of everything that a task is made from: what it depends on and is completed."""
    found = ((need, results.get(need)) for need in sources(task, tasks))
    return {need: one.number for need, one in found if one is not None and one.status is TaskStatus.COMPLETED}


def interrupt(results: dict[str, Result], doubts: dict[str, str]) -> None:
    """Say of what is under way that no one runs it any more.

    What waited for its next attempt was not interrupted: its last one failed in order, and is charged.
    """
    for task_id, result in results.items():
        if result.status in ACTIVE and not result.is_manual:
            if not result.is_between_attempts:
                doubts[task_id] = f"attempt {result.number} was interrupted"
            results[task_id] = result._replace(status=TaskStatus.PENDING)


# ── simulation ────────
#
# What was only simulated is shown as it went; for everything that is decided it is as if nothing had been done.

#: What a user said of it, and what goes on right now, is no simulation.
_MEANT = ACTIVE | {TaskStatus.BLOCKED, TaskStatus.CANCELLED}


def really_done(
    board: PlanSnapshot, meant: Mapping[str, Settings] | None = None, again: Collection[str] = ()
) -> PlanSnapshot:
    """Return the board that says what is to be done: without what was only simulated.

    *meant*: the settings of the tasks, where they are known: then also without what was to be simulated when it was
    done and no longer is. *again*: tasks that the caller would only simulate once more; they stay as they are.
    """

    def is_played(task_id: str) -> bool:
        how = meant.get(task_id) if meant else None
        return board.is_simulated(task_id) or (how is not None and how.agent != SIMULATED)

    played = [
        task_id
        for task_id, result in board.results.items()
        if result.agent == SIMULATED and result.status not in _MEANT and task_id not in again and is_played(task_id)
    ]
    if not played:
        return board
    kept = dict(board.results)
    for task_id in played:
        before = _before_simulation(kept.pop(task_id))
        if before is not None:
            kept[task_id] = before
    return PlanSnapshot(board.plan, board.shape, kept, doubts=board.doubts, beside=board.beside)


def simulated(meant: Mapping[str, Settings]) -> dict[str, Settings]:
    """Return the settings with which tasks are simulated; those that were one object are one again."""
    played = {id(each): each._replace(agent=SIMULATED) for each in meant.values()}
    return {task_id: played[id(each)] for task_id, each in meant.items()}


def only_simulated(policies: Mapping[str, Settings], meant: Mapping[str, Settings]) -> frozenset[str]:
    """Return the tasks that a run with these settings only simulates; both as in ``RunPreview``."""
    if policies is meant:
        return frozenset()
    return frozenset(task_id for task_id, each in policies.items() if each.agent == SIMULATED != meant[task_id].agent)


def _before_simulation(result: Result) -> Result | None:
    """Return what had been paid for before a task was simulated; None when that is nothing."""
    real = tuple(attempt for attempt in result.attempts if attempt.session)
    if not real:
        return None
    has_failed = real[-1].status == Verdict.FAILED.value
    status = TaskStatus.FAILED if has_failed else TaskStatus.PENDING
    return result._replace(agent=real[-1].agent, status=status, attempts=real)


# ── auxiliary ────────
#
# What is done beside the plan, and paid for: planning it, merging its results; and what was done for rows taken out.
#
# An id that starts with ``_`` is one that no task of a plan may have: their files lie beside those of the tasks and
# never collide.

PLANNER, MERGER = BESIDE = ("_plan", "_merge")
#: What people call it.
NAMES = {PLANNER: "planning", MERGER: "merging the results"}
#: Its prompt, and what it needs, is known once the tasks are done.
MERGING = Task(id=MERGER, name="Merge the results", description="")


def is_auxiliary(task_id: str) -> bool:
    """Say whether that is the id, or the stem, of anyone who works beside the plan; also a file name that begins so."""
    return task_id.startswith("_")


def as_merger(settings: Settings) -> Settings:
    """Return the settings of a plan as they are for anyone who merges."""
    return settings._replace(agent="claude", subagent="", tools=("Read",), format="markdown", schema="")


def is_merging(board: PlanSnapshot) -> bool:
    """Say whether the results are being merged, if a run is active."""
    return any(each.task == MERGER and each.status is TaskStatus.RUNNING for each in board.beside)


def lacks_merge(board: PlanSnapshot) -> bool:
    """Say whether an agent is to merge the answers of a plan whose tasks are completed, and has not merged these."""
    if board.plan.settings.get("aggregate") != "claude":
        return False
    made_from = {
        task.id: board.results[task.id].number
        for task in board.plan.tasks.values()
        if not task.children and task.id in board.results
    }
    return len(made_from) > 1 and not any(
        each.task == MERGER and each.status is TaskStatus.COMPLETED and each.inputs == made_from
        for each in board.beside
    )


# ── hold ────────
#
# Whether an account is held right now: derived from what the newest attempts met, so it survives a restart.


class Held(NamedTuple):
    """An account that lets nothing through."""

    agent: str
    until: float
    """Seconds since the epoch; 0: until a person does something, or the service is back."""
    reason: str
    task: str = ""
    """Whose attempt met it."""
    model: str = ""
    """The model that alone is held; empty: all of the account is."""
    is_outage: bool = False
    """The service failed: anyone who tries it again finds out whether it is back."""

    @property
    def name(self) -> str:
        """What is held."""
        return f"{self.agent} ({self.model})" if self.model else self.agent

    @property
    def needs_person(self) -> bool:
        """Whether it ends when a person does something, and not before."""
        return not self.until and not self.is_outage

    def lasts(self, now: float) -> bool:
        """Say whether its moment, if it has one, is still to come."""
        return not self.until or self.until > now


def held(results: Iterable[Result], accounts: Mapping[str, str] = MappingProxyType({})) -> list[Held]:
    """Return, for each account that was held, the last hold, unless something of it got through after it.

    *accounts*: the account of each agent; one that is not in it has its own. A hold whose moment has passed is returned
    too: anyone who starts again tries with one attempt first. So it is when a person brings back a task that met it.
    """
    started: dict[str, float] = {}
    holds: dict[tuple[str, str], tuple[float, Held]] = {}
    newest = [(result, result.attempts[-1]) for result in results if result.attempts]
    if not any(last.status == Verdict.HELD.value for _, last in newest):
        return []  # as nearly always, and every drawing asks
    for result, last in newest:
        agent = last.agent or result.agent
        account = accounts.get(agent) or agent
        if last.status != Verdict.HELD.value:
            if not last.is_manual:
                started[account] = max(started.get(account, 0.0), last.started)
        elif result.status is TaskStatus.PENDING:
            hold = Held(agent, last.until, last.reason, result.task, last.model, last.is_outage)
            # With a note a user has settled it since, and that is when it opened.
            since = last.until if result.note else last.ended
            key = account, last.model
            holds[key] = max(holds.get(key, (0.0, hold)), (since, hold))
    # A model is held until its moment, or until the task that met it was let through: what others of the account get
    # through says nothing of it.
    return [hold for (account, model), (since, hold) in holds.items() if model or started.get(account, 0.0) < since]
