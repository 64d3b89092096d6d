"""Plans among plans: the table of those active, and one of them in detail."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from orchestrator.core.plan import PlanHeader, Task
from orchestrator.core.plan_status import PlanState, Step, implied_state, subtask_word
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import join_first
from orchestrator.views.terminal import clip, plain, progress_bar, table, timestamp

STATE_ICONS: Mapping[PlanState, str] = {
    PlanState.PLANNING: "📝",
    PlanState.APPROVED: "👍",
    PlanState.IN_PROGRESS: "🔵",
    PlanState.TESTING: "🧪",
    PlanState.REVIEW: "🔍",
    PlanState.COMPLETED: "✅",
    PlanState.BLOCKED: "⛔",
    PlanState.FAILED: "❌",
    PlanState.REJECTED: "🚫",
}
BAR = 10
_MOST_TITLE = 60
#: Plans of ``check`` shown in a line at most; and tasks under way named of each.
_MOST_PLANS, _MOST_RUNNING = 20, 3


class LookLike(Protocol):
    """What a look at a plan found."""

    @property
    def id(self) -> str: ...
    @property
    def board(self) -> PlanSnapshot: ...
    @property
    def state(self) -> PlanState: ...
    @property
    def steps(self) -> Sequence[Step]: ...


def state_label(state: PlanState) -> str:
    """Return icon and word: ``🔵 IN_PROGRESS``."""
    return f"{STATE_ICONS[state]} {state.word}"


def bar(counts: Mapping[TaskStatus, int]) -> str:
    """Return ``[████░░░░░░] 40%``, for the tasks of a plan."""
    return progress_bar(counts.get(TaskStatus.COMPLETED, 0), sum(counts.values()), width=BAR)


def day(eta: float) -> str:
    """Return when something is to be done, to the minute; a dash for 0."""
    return f"{timestamp(eta)[:16]}Z" if eta else "-"


def plans_text(rows: Sequence[tuple[str, PlanHeader, PlanState, Mapping[TaskStatus, int]]], width: int | None) -> str:
    """Return one line for each plan, below a header; *rows* have id, charter, state, and how many tasks stand where."""
    shown = [("TASK", "STATUS", "PRIORITY", "PROGRESS", "ETA", "TITLE")]
    shown += [
        (
            plan_id,
            state_label(state),
            plan_header.priority or "-",
            bar(counts) if counts else "-",
            day(plan_header.eta),
            clip(plain(plan_header.title), _MOST_TITLE),
        )
        for plan_id, plan_header, state, counts in rows
    ]
    return table(shown, width)


def title_of(board: PlanSnapshot) -> str:
    """Return what a plan is called: as its front matter says, else its first heading; empty when neither does."""
    return board.plan.header.title or board.plan.title


def state_of(board: PlanSnapshot) -> PlanState:
    """Return where a plan stands: as it says, else as its tasks say."""
    is_begun = any(result.attempts for result in board.results.values())
    return board.plan.header.state or implied_state(board.counts(), is_begun=is_begun)


def word_of(board: PlanSnapshot, task: Task) -> str:
    """Return where a task stands, in the seed's words."""
    return subtask_word(board.status(task.id), is_assigned=bool(task.assignee or task.agent))


def header_lines(plan_id: str, board: PlanSnapshot, steps: Sequence[Step]) -> Iterator[str]:
    """Yield what stands above the tasks of a plan that says a state: what it is, where it stands, how it came there."""
    plan_header = board.plan.header
    yield f"{plan_id}: {plain(title_of(board))}"
    parts = [state_label(state_of(board))]
    parts += [f"priority {plan_header.priority}"] if plan_header.priority else []
    parts += [f"ETA {day(plan_header.eta)}"] if plan_header.eta else []
    parts += [f"created {day(plan_header.created)}"] if plan_header.created else []
    yield " · ".join(parts)
    for step in steps:
        yield f"  {step_text(step)}"


def step_text(step: Step) -> str:
    """Return a transition in a line: when, from where to where, who, why."""
    note = f": {plain(step.note)}" if step.note else ""
    return f"{plain(step.time)[:16]}Z  {step.before} → {step.after}  {step.event} by {step.who}{note}"


def running_text(board: PlanSnapshot) -> str:
    """Return the ids of the first tasks under way, and how many more there are; empty when there are none."""
    running = board.by_status().get(TaskStatus.RUNNING, [])
    return join_first(running, _MOST_RUNNING)


def check_text(poll: Sequence[LookLike], alerts: Sequence[object], summary: str) -> str:
    """Return what ``check`` prints: alerts first; with a *summary* also each plan in a line, else nothing more.

    Three plans take some 300 tokens.
    """
    lines = [f"🚨 {plain(str(alert))}" for alert in alerts]
    if summary:
        lines += [_check_line(look) for look in poll[:_MOST_PLANS]]
        if len(poll) > _MOST_PLANS:
            lines.append(f"… and {len(poll) - _MOST_PLANS} more")
        lines.append(summary)
    return "".join(f"{line}\n" for line in lines)


def _check_line(look: LookLike) -> str:
    counts = look.board.counts()
    running = running_text(look.board)
    parts = [f"{look.id} {state_label(look.state)} {bar(counts)}"]
    parts += [f"running {running}"] if running else []
    parts += [f"was {look.steps[0].before}"] if look.steps else []
    title = clip(plain(title_of(look.board)), 40)
    parts += [title] if title else []
    return " · ".join(parts)
