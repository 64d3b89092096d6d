"""What was done in some time: one booking for each attempt, and the figures that follow from them.

An attempt belongs to the moment at which it ended; one under way to the moment at which it began. Every figure is a sum
over bookings, so days add up to the whole, and so do agents.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar

from orchestrator.core.cost import unsettled
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.snapshot import BESIDE
from orchestrator.core.status import ACTIVE, TaskStatus

#: Seconds.
DAY = 86400
_Key = TypeVar("_Key")
_FAILURES = frozenset({Verdict.FAILED.value, Verdict.FATAL.value})
#: Tasks named of the longest and of the most repeated.
_NAMED = 5


class Booking(NamedTuple):
    """One attempt. Times are seconds since the epoch."""

    plan: str
    """Where its plan lies, seen from the directory that was asked about; ``.`` for that one itself."""
    task: str
    name: str
    agent: str
    """Who did it."""
    assignee: str
    """Whose task it is, when a user is named."""
    status: str
    """``running`` or the word of a ``Verdict``."""
    started: float
    ended: float
    """0: it is under way, or it is unknown."""
    seconds: float
    cost: float | None
    """USD; None when unknown."""
    attempt: int
    is_unsettled: bool = False
    """Its cost is unknown, and no later attempt of its session said it for both."""
    is_only_simulated: bool = False
    """Nothing was done, though another agent was meant."""
    is_last_word: bool = False
    """It failed, and its task stands failed because of it."""

    @property
    def timestamp(self) -> float:
        """When it counts."""
        return self.ended or self.started

    @property
    def is_completed(self) -> bool:
        """Whether it completed its task."""
        return self.is_task and self.status == Verdict.COMPLETED.value

    @property
    def is_failed(self) -> bool:
        """Whether it failed; an interruption or a hold is not a failure of the agent."""
        return self.is_task and self.status in _FAILURES

    @property
    def is_task(self) -> bool:
        """Whether it was at a task; planning and merging are work that is paid for, and no tasks."""
        return self.task not in BESIDE


class Share(NamedTuple):
    """What some attempts come to: all of them, those of a day, of an agent, of a task."""

    attempts: int
    completed: int
    """Those that completed a task. One that was done twice counts twice."""
    failed: int
    """Those that failed, also where a later one made it good."""
    lost: int
    """Tasks that stand failed because of them."""
    seconds: float
    median: float | None
    """Seconds of the middle one of those that completed a task; None: none did."""
    cost: float
    """USD, where known."""
    unknown: int
    """Those of unknown cost."""
    simulated: int = 0
    """How many of those that completed a task were only simulated."""

    @property
    def success(self) -> float | None:
        """Share of those that completed a task, among those that completed or failed; None: there are none."""
        judged = self.completed + self.failed
        return self.completed / judged if judged else None


class Figures(NamedTuple):
    """What was done in some time."""

    since: float
    until: float
    total: Share
    added: int
    """Tasks that were added."""
    days: Mapping[int, tuple[Share, int]]
    """By the day, counted from the epoch in UTC, oldest first: what was done, and how many tasks were added."""
    agents: Mapping[str, Share]
    """Who did it, the busiest first."""
    assignees: Mapping[str, Share]
    """For whom it was done, likewise; only those that a user is named for."""
    longest: Sequence[tuple[Booking, Share]]
    """The tasks that took longest, over all of their attempts: the newest attempt, and what they come to."""
    repeated: Sequence[tuple[Booking, Share]]
    """The tasks with the most attempts, of those with more than one."""


def bookings(plan: str, result: Result, task: Task | None, name: str = "") -> Iterator[Booking]:
    """Yield the attempts of one result. *task* is None for what was done beside the plan; *name* is what that was."""
    attempts = result.attempts
    open_bills = {attempt.number for attempt in unsettled(attempts)}
    lost = attempts[-1].number if attempts and result.status is TaskStatus.FAILED else 0
    for each in attempts:
        yield Booking(
            plan=plan,
            task=result.task,
            name=task.name if task is not None else name,
            agent=each.agent or result.agent,
            assignee=task.role if task is not None else "",
            status=_word(each, result),
            started=each.started,
            ended=each.ended,
            seconds=each.duration,
            cost=each.cost,
            attempt=each.number,
            is_unsettled=each.number in open_bills,
            is_only_simulated=bool(each.is_only_simulated),
            is_last_word=each.number == lost and each.status in _FAILURES,
        )


def _word(attempt: Attempt, result: Result) -> str:
    """Return how an attempt stands: one that no one runs any more was interrupted, whatever its file still says."""
    is_lost = attempt.is_open and (result.status not in ACTIVE or attempt is not result.last)
    return Verdict.INTERRUPTED.value if is_lost else attempt.status


def figures(booked: Iterable[Booking], added: Iterable[float], *, since: float, until: float) -> Figures:
    """Return what the attempts since a moment come to; *added* are the moments at which tasks were added.

    *until* is only said, and cuts nothing off: a clock that was set back makes attempts of the future.
    """
    recent = within(booked, since)
    new = [timestamp for timestamp in added if timestamp >= since]
    news = Counter(day_of(timestamp) for timestamp in new)
    by_day = _grouped(recent, lambda each: day_of(each.timestamp))
    at_tasks = _grouped((each for each in recent if each.is_task), _task_of)
    tasks = [(group[-1], share(group)) for group in at_tasks.values()]
    return Figures(
        since=since,
        until=until,
        total=share(recent),
        added=len(new),
        days={day: (share(by_day.get(day, ())), news[day]) for day in sorted({*by_day, *news})},
        agents=_shares(recent, lambda each: each.agent),
        assignees=_shares([each for each in recent if each.assignee], lambda each: each.assignee),
        longest=_top(tasks, lambda each: each.seconds),
        repeated=_top([each for each in tasks if each[1].attempts > 1], lambda each: each.attempts),
    )


def within(booked: Iterable[Booking], since: float) -> list[Booking]:
    """Return the attempts since a moment, oldest first."""
    recent = (each for each in booked if each.timestamp >= since)
    return sorted(recent, key=lambda each: (each.timestamp, each.plan, each.task, each.attempt))


def share(booked: Sequence[Booking]) -> Share:
    """Return what these attempts come to."""
    completed = sorted(each.seconds for each in booked if each.is_completed)
    return Share(
        attempts=len(booked),
        completed=len(completed),
        failed=sum(each.is_failed for each in booked),
        lost=sum(each.is_task and each.is_last_word for each in booked),
        seconds=sum(each.seconds for each in booked),
        median=_middle(completed),
        cost=sum(each.cost or 0.0 for each in booked),
        unknown=sum(each.is_unsettled for each in booked),
        simulated=sum(each.is_completed and each.is_only_simulated for each in booked),
    )


def day_of(timestamp: float) -> int:
    """Return the day of a moment, both counted from the epoch, in UTC."""
    return int(timestamp // DAY)


def _middle(ordered: Sequence[float]) -> float | None:
    if not ordered:
        return None
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _task_of(booking: Booking) -> tuple[str, str]:
    return booking.plan, booking.task


def _grouped(booked: Iterable[Booking], key: Callable[[Booking], _Key]) -> dict[_Key, list[Booking]]:
    groups: defaultdict[_Key, list[Booking]] = defaultdict(list)
    for each in booked:
        groups[key(each)].append(each)
    return groups


def _shares(booked: Iterable[Booking], name: Callable[[Booking], str]) -> dict[str, Share]:
    shares = {each: share(group) for each, group in _grouped(booked, name).items()}
    return dict(sorted(shares.items(), key=lambda item: (-item[1].seconds, item[0])))


def _top(tasks: Iterable[tuple[Booking, Share]], size: Callable[[Share], float]) -> list[tuple[Booking, Share]]:
    largest = sorted(tasks, key=lambda each: (-size(each[1]), each[0].plan, each[0].task))
    return [each for each in largest[:_NAMED] if size(each[1]) > 0]
