"""What ``status`` and ``list`` print: plain text, quick to make and to import.

``status`` stays within forty lines whatever the size of the plan, so that an agent can read it too; ``list`` has one
line for each task.
"""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.cost import Spending, total_cost, usd
from orchestrator.core.critical_path import estimate
from orchestrator.core.duration import format_duration, roughly
from orchestrator.core.plan import Task
from orchestrator.core.priority import NORMAL
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.snapshot import ONLY_SIMULATED, Held, PlanSnapshot, held, is_auxiliary
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import join_first, one_line, pluralize
from orchestrator.core.timestamp import format_timestamp
from orchestrator.views.terminal import (
    LABELS,
    UMBRELLA,
    clip,
    display_width,
    fit,
    plain,
    plain_all,
    progress_bar,
    tally,
    timestamp,
    wrap,
)

#: A plan of up to so many tasks is shown whole, in its own order.
_WHOLE = 16
#: Of a larger one: what a user looks for, and so many of each at most.
_GROUPS = ((TaskStatus.RUNNING, 6), (TaskStatus.RETRYING, 2), (TaskStatus.FAILED, 4), (TaskStatus.BLOCKED, 1))
_NEXT = 3
_CAUSES, _SKIPPED = 2, 6
#: What has its turn still to come.
_TO_COME = frozenset({TaskStatus.WAITING, TaskStatus.PENDING, TaskStatus.RETRYING})
#: Overdue tasks that are named.
_LATE = 4
_GAP = "  "
_LABEL_WIDTH = max(map(display_width, LABELS.values()))
_PADDED = {status: fit(text, _LABEL_WIDTH) for status, text in LABELS.items()}
_WITH_LOG = frozenset((TaskStatus.FAILED, TaskStatus.RETRYING))
_MOST_AGENT, _MOST_NAME = 24, 60
#: Before a line about the task above it: a long id leaves it no room below the status.
_INDENT = " " * 6
#: Columns of a reason that stay, however narrow the terminal.
_LEAST_REASON = 20


def list_text(board: PlanSnapshot, tasks: Sequence[Task], width: int | None = None) -> str:
    """Return one line for each of the tasks: id, status, agent, name, needs; without *width*, as wide as it comes."""
    if not tasks:
        return ""
    names = plain_all([task.name for task in tasks])
    agents = plain_all([task.who or "-" for task in tasks])
    # Widths are measured once and added up from then on: measuring whole lines again costs more than all the rest.
    agent_widths, name_widths = list(map(display_width, agents)), list(map(display_width, names))
    id_column = max(len(task.id) for task in tasks)
    agent_column = min(max(agent_widths), _MOST_AGENT)
    name_column = min(max(name_widths), _MOST_NAME)
    before = id_column + _LABEL_WIDTH + agent_column + 3 * len(_GAP)
    arrows = _arrows(board, tasks)
    room = None
    if width is not None:
        # The name gives way to what a task needs, but keeps half of the room.
        room = max(width - before, 0)
        name_column = min(name_column, max(room - max(map(len, arrows)), room // 2))
        room -= name_column
    lines = []
    last, status = None, ""
    for task, agent, agent_width, name, name_width, arrow in zip(
        tasks, agents, agent_widths, names, name_widths, arrows, strict=True
    ):
        if (now := board.standing[task.id].status) is not last:
            last, status = now, _PADDED[now]
        line = (
            task.id.ljust(id_column)
            + f"{_GAP}{status}{_GAP}"
            + _pad(agent, agent_width, agent_column)
            + _GAP
            + _pad(name, name_width, name_column)
            + (arrow if room is None or len(arrow) <= room else clip(arrow, room))
        ).rstrip()
        lines.append(line if width is None or width > before else clip(line, width))
    return "\n".join(lines) + "\n"


def _arrows(board: PlanSnapshot, tasks: Sequence[Task]) -> list[str]:
    """Return what stands behind the name of each task: a note, what it needs, when it is due."""
    notes = dict.fromkeys(board.only_simulated(), ONLY_SIMULATED)
    notes |= board.how_far() | board.not_counted()
    arrows = []
    for task in tasks:
        note = f"{_GAP}{plain(notes[task.id])}" if task.id in notes else ""
        needs = f"{_GAP}← {', '.join(task.needs)}" if task.needs else ""
        due = f"{_GAP}due {format_timestamp(task.deadline)}" if task.deadline else ""
        arrows.append(f"{note}{_group(board, task) if task.children else needs}{_condition(board, task)}{due}")
    return arrows


def _condition(board: PlanSnapshot, task: Task) -> str:
    """What has to be true for a task to run, as long as it has not run."""
    if not (task.condition or task.run_if) or board.status(task.id) not in _TO_COME:
        return ""
    parts = [f"if {plain(task.condition)}" if task.condition else "", task.run_if]
    return f"{_GAP}{' · '.join(filter(None, parts))}"


def _group(board: PlanSnapshot, task: Task) -> str:
    """How far an umbrella is, and what it waits for besides."""
    below = f"{_GAP}{UMBRELLA} {board.standing[task.id].reason}"
    return f"{below}{_GAP}← {', '.join(task.own_needs)}" if task.own_needs else below


def _pad(text: str, width: int, column: int) -> str:
    return text + " " * (column - width) if width <= column else fit(text, column)


def status_text(
    board: PlanSnapshot, *, now: float, width: int | None = None, running: Mapping[str, str] | None = None
) -> str:
    """Return where a plan stands: how far, what runs, what failed and why, what comes next, what it cost.

    *now* is in seconds since the epoch; *running* has the latest news of what runs, by task.
    """
    counts, total = board.counts(), len(board.plan.tasks)
    lines = [plain(board.plan.title)] if board.plan.title else []
    lines.append(f"{progress_bar(counts[TaskStatus.COMPLETED], total)}  {tally(counts, board.simulated())}")
    current = board.current_batch()
    if current:
        lines.append(f"Batch {current} of {max(board.shape.batch.values())}")
    lines += _account(board, now)
    lines += _outlook(board, now)
    if width is not None:
        # What is said of the whole plan is never cut: counts, when an account opens, what is overdue.
        lines = [part for line in lines for part in wrap(line, width)]
    news = running or {}
    if total <= _WHOLE:
        lines += ["", *_table(board, list(board.plan.tasks), now, news, width)]
    else:
        by_status = board.by_status()
        groups = [(LABELS[status], most, by_status.get(status, [])) for status, most in _GROUPS]
        for title, most, task_ids in [*groups, ("Next", _NEXT, _next(board, by_status))]:
            if task_ids:
                more = f", {most} shown" if len(task_ids) > most else ""
                lines += ["", f"{title} ({len(task_ids):,}{more})"]
                lines += _table(board, task_ids[:most], now, news, width)
    if counts[TaskStatus.SKIPPED]:
        lines += ["", *_skipped(board)]
    return "\n".join(line if width is None else clip(line, width) for line in lines) + "\n"


def _account(board: PlanSnapshot, now: float) -> Iterator[str]:
    """Say what holds everything up, and what was paid; nothing where no agent has a session or costs something."""
    results = board.paid_for()
    attempts = (attempt for result in results for attempt in result.attempts)
    if any(attempt.session or attempt.cost != 0 for attempt in attempts):
        if hold := hold_line(board, now):
            yield plain(hold)
        for name, value in cost_rows(total_cost(results), board.plan.budget):
            yield plain(f"{name}: {value}")


def _outlook(board: PlanSnapshot, now: float) -> Iterator[str]:
    """Say what is late, and how much is left to do; nothing where no one gave a deadline or an estimate."""
    tasks = board.plan.tasks
    if late := board.overdue(now):
        longest = heapq.nsmallest(_LATE, late, key=lambda task_id: tasks[task_id].deadline)
        named = ", ".join(f"{each} by {roughly(now - tasks[each].deadline)}" for each in longest)
        more = f" and {len(late) - len(longest):,} more" if len(late) > len(longest) else ""
        yield f"⏰ Overdue: {named}{more}"
    if any(task.estimate for task in tasks.values()) and (found := estimate(board)):
        yield f"Estimated: {found}"


def _table(
    board: PlanSnapshot, task_ids: Sequence[str], now: float, news: Mapping[str, str], width: int | None
) -> list[str]:
    tasks = board.plan.tasks
    ids = max(map(len, task_ids), default=0)
    agents = [plain(tasks[task_id].who or "-") for task_id in task_ids]
    column = min(max(map(display_width, agents), default=0), _MOST_AGENT)
    ranks = _priorities(board, task_ids)
    lines: list[str] = []
    for task_id, agent, rank in zip(task_ids, agents, ranks, strict=True):
        standing = board.standing[task_id]
        name = clip(plain(tasks[task_id].name), _MOST_NAME)
        line = _GAP.join(
            (
                task_id.ljust(ids),
                _PADDED[standing.status],
                *rank,
                fit(agent, column),
                format_duration(board.lasted(task_id, now)).rjust(6),
                name,
            )
        )
        known = f"{UMBRELLA} {standing.reason}" if tasks[task_id].children else ""
        if standing.status is TaskStatus.COMPLETED:
            known = known or board.why(task_id)
        remark = " · ".join(filter(None, (_session(board, task_id), plain(news.get(task_id, known)))))
        lines.append(f"{line} · {remark}" if remark else line)
        lines += _why(board, task_id, width)
    return lines


def _priorities(board: PlanSnapshot, task_ids: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the cell of each task's priority; no cells where nothing in the plan is special."""
    tasks = board.plan.tasks
    if all(task.priority == NORMAL for task in tasks.values()):
        return [()] * len(task_ids)
    texts = [tasks[task_id].shown_priority for task_id in task_ids]
    width = max(map(len, texts), default=0)
    return [(text.rjust(width),) for text in texts]


def _session(board: PlanSnapshot, task_id: str) -> str:
    """Name the session of an agent that is active: what ``history`` takes, too."""
    result = board.results.get(task_id)
    last = result.last if result is not None else None
    if last is None or not last.session or board.status(task_id) is not TaskStatus.RUNNING:
        return ""
    return f"session {plain(last.session)}"


def _why(board: PlanSnapshot, task_id: str, width: int | None) -> Iterator[str]:
    """Say in a second line why a task is not going on, and where its output lies; a long reason gives way to that.

    So of one that is to be done although a result is there, which does not count.
    """
    standing, result = board.standing[task_id], board.results.get(task_id)
    is_doubted = standing.status is TaskStatus.PENDING and task_id in board.doubts
    is_stuck = standing.status in _WITH_LOG or standing.status is TaskStatus.BLOCKED
    if not (is_stuck or is_doubted or is_own_skip(board, task_id)):
        if condition := _condition(board, board.plan.tasks[task_id]):
            yield f"{_INDENT}{condition.strip()}"
        return
    last = result.last if result is not None else None
    rest = ""
    if standing.status in _WITH_LOG and result is not None and last is not None:
        log = last.log_path(board.plan.tasks[task_id].stem)
        rest = " · ".join(filter(None, (pluralize(len(result.attempts), "attempt"), log)))
    reason = plain(standing.reason)
    if width is not None:
        room = width - len(f"{_INDENT} · {rest}")
        reason = clip(reason, max(room, _LEAST_REASON))
    if details := " · ".join(filter(None, (reason, rest))):
        yield f"{_INDENT}{details}"


def _next(board: PlanSnapshot, by_status: Mapping[TaskStatus, list[str]]) -> list[str]:
    """What can start, in the order in which it will; and what waits, when nothing can."""
    pending = by_status.get(TaskStatus.PENDING)
    if not pending:
        waiting = frozenset(by_status.get(TaskStatus.WAITING, ()))
        return [task_id for task_id in board.shape.order if task_id in waiting]

    def before(task_id: str) -> tuple[float, float]:
        return -board.plan.tasks[task_id].priority, -board.shape.rank.get(task_id, 0.0)

    first = heapq.nsmallest(_NEXT, pending, key=before)
    return first + [task_id for task_id in pending if task_id not in first]


def _skipped(board: PlanSnapshot) -> Iterator[str]:

    blame = skipped_because(board)
    for cause, skipped in list(blame.items())[:_CAUSES]:
        yield f"{LABELS[TaskStatus.SKIPPED]} because of {cause}: {join_first(skipped, _SKIPPED)}"
    if len(blame) > _CAUSES:
        yield f"{LABELS[TaskStatus.SKIPPED]} because of others: {pluralize(len(blame) - _CAUSES, 'task')} to blame"


# ── figures ────────
#
# What several views count and measure: which attempts failed, why tasks were skipped, how much parallel work saved.

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
    """Return a link from the plan directory to what an attempt printed; a dash where no one kept that."""
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
    """Yield what went wrong, also what a later attempt made good; interruptions are not a failure of the
    agent.
    """
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
        if board.status(task_id) is not TaskStatus.SKIPPED or is_own_skip(board, task_id):
            continue
        needs = [need for need in board.plan.tasks[task_id].needs if need not in board.omitted]
        broken = next((need for need in needs if board.status(need) in _BROKEN), task_id)
        blame[task_id] = blame.get(broken, broken)
        skipped[blame[task_id]].append(task_id)
    return dict(skipped)


def is_own_skip(board: PlanSnapshot, task_id: str) -> bool:
    """Say whether a task was skipped for a reason of its own: its condition, or what its needs came to together."""
    result = board.results.get(task_id)
    is_decided = result is not None and bool(result.condition)
    return board.status(task_id) is TaskStatus.SKIPPED and (task_id in board.omitted or is_decided)


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
        end = f"opens {timestamp(hold.until)}{left}"
    elif hold.is_outage:
        end = "the service did not say until when" if is_final else "tried again with one attempt"
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
    """How long a run took, and what it would have taken one task at a time."""

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
    # The end by the clock may lie before the start, if a user set the clock; a duration cannot be negative.
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
    completed = (task_id for task_id in board.shape.order if board.status(task_id) is TaskStatus.COMPLETED)
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
