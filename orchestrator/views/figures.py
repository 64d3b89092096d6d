"""What several views count and measure: which attempts failed, why tasks were skipped, how much parallel work saved."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from orchestrator.core.snapshot import is_auxiliary
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.cost import Spending, total_cost, usd
from orchestrator.core.duration import format_duration
from orchestrator.core.snapshot import Held, held
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.views.terminal import moment

_FAILED_ATTEMPTS = frozenset((Verdict.FAILED.value, Verdict.FATAL.value))
#: An attempt of a person that ended otherwise, or is under way, has no log.
_KEPT_BY_HAND = _FAILED_ATTEMPTS | {Verdict.COMPLETED.value}
_BROKEN = frozenset((TaskStatus.FAILED, TaskStatus.CANCELLED, TaskStatus.SKIPPED))
#: Result files keep milliseconds, so an attempt can seem to begin a little before its run.
_SLACK = 0.01


def result_link(task: Task) -> str:
    """Return a link from the plan directory to the task's result file."""
    return f"[result]({task.result_path})"


def log_link(task: Task, attempt: Attempt) -> str:
    """Return a link from the plan directory to what an attempt printed; a dash where nobody kept that."""
    if attempt.is_manual and attempt.status not in _KEPT_BY_HAND:
        return "-"
    path = attempt.log_path(task.stem)
    return f"[log]({path})" if path else "-"


class Failure(NamedTuple):
    """An attempt that failed, or a task that failed without one (``attempt`` is None then)."""

    task: Task
    attempt: Attempt | None
    reason: str

    @property
    def ended(self) -> float:
        """When it failed."""
        return self.attempt.ended if self.attempt is not None else 0.0


def failures(board: PlanSnapshot) -> Iterator[Failure]:
    """Yield what went wrong, also what a later attempt made good (S2-68); interruptions are nobody's failure."""
    for task_id, result in board.results.items():
        task = board.plan.tasks.get(task_id)
        if task is None:
            continue
        failed = [attempt for attempt in result.attempts if attempt.status in _FAILED_ATTEMPTS]
        for attempt in failed:
            yield Failure(task, attempt, attempt.reason or attempt.exit)
        if not failed and board.status(task_id) is TaskStatus.FAILED:
            yield Failure(task, result.last, board.standing[task_id].reason)


def skipped_because(board: PlanSnapshot) -> dict[str, list[str]]:
    """Return what was skipped, by the task that is to blame: the one at the root, not the nearest skipped one."""
    blame: dict[str, str] = {}
    skipped: defaultdict[str, list[str]] = defaultdict(list)
    for task_id in board.shape.order:
        if board.status(task_id) is not TaskStatus.SKIPPED:
            continue
        needs = board.plan.tasks[task_id].needs
        broken = next((need for need in needs if board.status(need) in _BROKEN), task_id)
        blame[task_id] = blame.get(broken, broken)
        skipped[blame[task_id]].append(task_id)
    return dict(skipped)


def cost_rows(spent: Spending, budget: float = 0.0) -> list[tuple[str, str]]:
    """Return what was paid as rows of a table; none when nothing was. *budget* in USD, 0 for none."""
    if not spent:
        return []
    of = f" of a budget of {usd(budget)}" if budget else ""
    if of and spent.unknown:
        of = f", counted as {usd(spent.feared)},{of}"
    rows = [("Cost", f"{spent}{of}")]
    for by, amounts in (("agent", spent.by_agent), ("model", spent.by_model)):
        if amounts:
            most_first = sorted(amounts.items(), key=lambda item: -item[1])
            parts = (f"{name} {usd(amount)}" for name, amount in most_first)
            rows.append((f"Cost by {by}", " · ".join(parts)))
    return rows


def cost_of(result: Result | None) -> str:
    """Return what one task cost, all its attempts together: ``$0.12``, ``$0.12 + ?``, or ``-`` for nothing."""
    spent = total_cost([result])
    if not spent:
        return "-"
    known = usd(spent.known) if spent.known else ""
    return " + ".join(part for part in (known, "?" if spent.unknown else "") if part)


def hold_line(board: PlanSnapshot, now: float) -> str:
    """Say which account is held and until when; empty when none is. *now* is in seconds since the epoch."""
    return " · ".join(
        f"⏸ {hold_text(hold._replace(reason=one_line(hold.reason, 120)), now=now)}"
        for hold in held(board.everything())
        if hold.lasts(now)
    )


def hold_text(hold: Held, *, now: float = 0.0, is_final: bool = False) -> str:
    """Say that an account is held: ``claude is held: You've hit your limit (opens 2026-01-05 15:00:00Z, in 1h00m)``.

    *now* is in seconds since the epoch. Without it the text is true for as long as the hold lasts: what is kept and
    read later says no "in 1h00m". *is_final*: this run is not to wait for it.
    """
    if 0 < hold.until < math.inf:
        left = f", in {format_duration(hold.until - now)}" if now else ""
        end = f"opens {moment(hold.until)}{left}"
    elif hold.is_outage:
        end = "nobody said until when" if is_final else "tried again with one attempt"
    else:
        end = "waits for you"
    more = "; nothing more of it starts in this run" if is_final else ""
    return f"{hold.name} is held: {hold.reason} ({end}{more})"


def hold_advice(hold: Held) -> str:
    """Say what a person does about an account that lets nothing through now."""
    if hold.needs_person:
        return (
            "it waits for a person, and running again alone changes nothing: mend what it says (the login, the key, "
            "the credit or the access of the account, its installation), then: `orchestrator run`; what is completed "
            "stays"
        )
    if hold.is_outage or is_auxiliary(hold.task):
        return "`orchestrator run` tries it again with one attempt; what is completed stays"
    return (
        f"`orchestrator retry {hold.task}` lifts the hold: the next run tries with one attempt. Without it "
        "that run waits until the account opens, or ends at once with `on_hold: stop`; what is completed stays"
    )


class Span(NamedTuple):
    """When an attempt of a run took place, in seconds since the run began."""

    task: str
    begin: float
    end: float
    completed: bool


class Timing(NamedTuple):
    """How long a run took, and what it would have taken one task at a time (S2-37, S2-38)."""

    started: float
    ended: float
    total: float
    """Sum over every attempt of the run, the failed ones too: one agent alone would have needed as long."""
    peak: int
    """Most attempts that ran at the same moment."""
    spans: Sequence[Span]
    earlier: int
    """Completed tasks that an earlier run did; they are in none of the other figures."""

    @property
    def wall(self) -> float:
        """Seconds from the beginning of the run to its end."""
        return max(self.ended - self.started, 0.0)

    @property
    def speed_up(self) -> float:
        """How many times faster than one task after the other."""
        return self.total / self.wall if self.wall > 0 else 0.0

    @property
    def efficiency(self) -> float:
        """How busy the agents were: 1.0 means that as many as at the peak worked all the time."""
        return min(self.speed_up / self.peak, 1.0) if self.peak else 0.0


def timing(board: PlanSnapshot, *, started: float, ended: float) -> Timing:
    """Measure one run by the attempts that began in it; both moments are seconds since the epoch.

    A run that had nothing left to do has nothing to measure. Then the newest run that did something is measured, from
    its first attempt to the end of its last: so a final output drawn again tells the same story.
    """
    attempts = [
        (task_id, attempt)
        for task_id in board.shape.order
        if task_id in board.results
        for attempt in board.results[task_id].attempts
        if attempt.ended
    ]
    mine = [each for each in attempts if each[1].started >= started - _SLACK]
    if attempts and not mine:
        run = max((attempt for _, attempt in attempts), key=lambda attempt: attempt.started).run
        mine = [each for each in attempts if each[1].run == run]
        started = min(attempt.started for _, attempt in mine)
        ended = max(attempt.started + attempt.duration for _, attempt in mine)
    # The end by the clock may lie before the start, if somebody set the clock; a duration cannot be negative.
    spans = [
        Span(
            task_id,
            max(attempt.started - started, 0.0),
            max(attempt.started - started, 0.0) + attempt.duration,
            attempt.status == Verdict.COMPLETED.value,
        )
        for task_id, attempt in mine
    ]
    seen = {span.task for span in spans}
    completed = (
        task_id for task_id in board.shape.order if board.status(task_id) is TaskStatus.COMPLETED
    )
    tasks = board.plan.tasks
    earlier = sum(task_id not in seen and not tasks[task_id].children for task_id in completed)
    total = sum(span.end - span.begin for span in spans)
    return Timing(started, ended, total, _peak(spans), spans, earlier)


def _peak(spans: Sequence[Span]) -> int:
    # What begins within the slack of another's end follows on it and did not run beside it.
    steps = [(span.begin, 1) for span in spans]
    steps += [(max(span.end - _SLACK, (span.begin + span.end) / 2), -1) for span in spans]
    running = peak = 0
    for _, step in sorted(steps):
        running += step
        peak = max(peak, running)
    return max(peak, 1) if spans else 0
