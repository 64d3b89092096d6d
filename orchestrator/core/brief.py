"""Where the last run of a plan stands, what that means for anyone who looks now and then, and what to do next."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.cost import total_cost
from orchestrator.core.event import Line, News, hold_of, is_held
from orchestrator.core.plan_status import TERMINAL, PlanState
from orchestrator.core.snapshot import PlanSnapshot, held, is_merging, lacks_merge
from orchestrator.core.status import TaskStatus
from orchestrator.errors import ExitStatus


class Phase(StrEnum):
    """Where the last run of a plan stands."""

    NONE = "none"
    WORKING = "working"
    HELD = "held"
    ENDED = "ended"
    STOPPED = "stopped"
    DIED = "died"


def phase_of(about_run: Sequence[Line], *, is_live: bool, broke_off: bool) -> Phase:
    """Return where the last run stands.

    Args:
        about_run: What the journal says of it, from its start on; nothing when there never was a run.
        is_live: A user holds the plan.
        broke_off: The last one who held it did not let go in order.
    """
    words = [line.what for line in about_run]
    if is_live:
        return Phase.HELD if is_held(about_run) else Phase.WORKING
    if not words:
        return Phase.NONE  # anyone who did not let go was of an earlier plan, or made this one
    if broke_off or "ended" not in words:
        return Phase.DIED
    return Phase.STOPPED if "stopping" in words else Phase.ENDED


class Brief(NamedTuple):
    """Everything that a caller who looks now and then needs to know."""

    board: PlanSnapshot
    news: News
    phase: Phase
    about_run: Sequence[Line]
    """Every line about the last run itself, from its start on."""
    run: str = ""
    since: float = 0.0
    """When the active run took the plan, seconds since the epoch; 0.0 when no one works."""
    begins: float = 0.0
    """When the first of those that wait for their time runs the plan; 0.0: a user works, or no one waits."""
    suspended: str = ""
    """How the process goes on that is active, or waits to begin, where it is suspended; empty: it is not."""
    is_outdated: bool = False
    """A result is newer than the final output: a user settled a task when no run was active."""
    half_merged: str = ""
    """The first task whose result waits for a person to finish a merge; no run begins before. Empty: none does."""

    @property
    def is_over(self) -> bool:
        """No one works on the plan."""
        return self.phase not in {Phase.WORKING, Phase.HELD}

    @property
    def is_merging(self) -> bool:
        """The active run has done the tasks, and merges the results, which is no task."""
        return not self.is_over and is_merging(self.board)

    @property
    def is_done(self) -> bool:
        """The last run ended in order, or was stopped when nothing was left to stop, and everything is completed."""
        is_over = self.phase in {Phase.ENDED, Phase.STOPPED}
        return is_over and self._is_all_completed and not self.is_merge_left

    @property
    def is_merge_left(self) -> bool:
        """Everything is completed, and an agent was to merge it all; something cut or held back the run before."""
        is_cut = self.phase in {Phase.STOPPED, Phase.DIED} or self.hold is not None
        return is_cut and lacks_merge(self.board) and self._is_all_completed

    @property
    def _is_all_completed(self) -> bool:
        return self.board.is_done

    @property
    def hold(self) -> Line | None:
        """The word about what holds the last run, unless a user has lifted that since it is over."""
        hold = hold_of(self.about_run)
        if hold is not None and hold.what == "held" and self.is_over:
            results = self.board.results
            # With a note a user has settled it since, as `retry` does.
            holds = held(self.board.everything())
            if all(each.task in results and results[each.task].note for each in holds):
                return None
        return hold

    @property
    def why_over(self) -> str:
        """Why the last run is over with work left, as far as that is not for its tasks to say."""
        if self.phase is Phase.ENDED:
            return self.hold.text if self.hold is not None and not self.is_done else ""
        word = {Phase.STOPPED: "stopping", Phase.DIED: "ended"}.get(self.phase)
        why = next((line.text for line in self.about_run if line.what == word), "")
        # What else it said was for who waited for the end.
        return why.partition(":")[0] if self.phase is Phase.STOPPED else why

    @property
    def exit_status(self) -> ExitStatus:
        """Which kind of news this is."""
        if self.is_done:
            return ExitStatus.DONE
        if self.hold is not None and self.phase is not Phase.DIED:
            return ExitStatus.HELD
        if self.is_over or self.news.failed() or self.news.warnings:
            return ExitStatus.TASK_FAILED
        return ExitStatus.BUSY

    def next_step(self) -> tuple[str, ...]:
        """Return the command to call next, and what it takes; ``read`` is for the final output."""
        step = self._next_step()
        state = self.board.plan.header.state
        # To approve a plan is for a person: no program is to take that as its next step.
        if step[0] == "run" and state in TERMINAL | {PlanState.PLANNING, PlanState.BLOCKED}:
            return ("read",) if self.is_done and not self.board.simulated() else ("status",)
        if step[0] == "run" and self.half_merged:
            return ("show", self.half_merged)
        # What was asked to begin at its time is not to be begun now.
        return ("status",) if self.begins and step[0] == "run" else step

    def _next_step(self) -> tuple[str, ...]:
        if self.is_over and self.board.simulated():
            return ("run", "--detach")  # nothing was done
        if self.is_done:
            # A run with nothing to do puts the final output together anew.
            return ("run", "--detach") if self.is_outdated else ("read",)
        if self.hold is not None and self.is_over and (step := self._after(self.hold.what)):
            return step
        if self.phase is Phase.DIED or (self.phase in {Phase.NONE, Phase.STOPPED} and self._is_left):
            return self._after("unaffordable") if self._is_used_up else ("run", "--detach")
        blamed = self.news.failed()
        if self.is_over:
            blamed += self._with(TaskStatus.FAILED)
        blamed += [line.subject for line in self.news.warnings]
        for task_id in blamed:
            if task_id in self.board.plan.tasks:
                return ("show", task_id)
        if not self.is_over:
            return ("wait",)
        # What else is left is claimed by a user, blocked, or waits for that.
        return ("run", "--detach") if self._with(TaskStatus.PENDING) else ("status",)

    @property
    def _is_used_up(self) -> bool:
        """The plan's own budget is spent: the last run was given more for itself alone."""
        budget, spent = self.board.plan.budget, total_cost(self.board.paid_for())
        return 0 < budget <= spent.known + spent.feared

    def _after(self, what: str) -> tuple[str, ...]:
        """Return what opens the way again for a run that something held back; nothing for what was no hold."""
        if what == "unaffordable":
            # How much is for a person to say: no program is to take this line as it stands and spend more.
            return ("run", "--detach", "--raise-budget", "MORE")
        if what != "held":
            return ()
        if any(each.needs_person for each in held(self.board.everything())):
            return ("doctor",)  # only a person can open it: anyone who just runs again meets the same
        if self.phase is Phase.ENDED:
            # It did not wait, as the plan says (`on_hold: stop`), and without this it would end so again at once.
            return ("run", "--detach", "--on-hold", "wait")
        return ("run", "--detach")

    @property
    def _is_left(self) -> bool:
        """A run would do something: start a task, or put together what is completed."""
        counts = self.board.counts()
        return bool(counts[TaskStatus.PENDING] or counts[TaskStatus.FAILED] or self._is_all_completed)

    def _with(self, status: TaskStatus) -> list[str]:
        return [task_id for task_id, each in self.board.standing.items() if each.status is status]
