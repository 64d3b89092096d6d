"""What happened since somebody looked last, what it means, and what to do next.

Read from the lines of the journal (``runtime/happening.py`` writes them) and from the board. Where a task stands, and
so what ``wait`` answers, is the board's word; a line only says that something is new.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.beside import is_beside, is_merging, lacks_merge
from orchestrator.core.board import Board
from orchestrator.core.hold import held
from orchestrator.core.journal_line import Line, read_line
from orchestrator.core.message import MessageKind
from orchestrator.core.money import spending
from orchestrator.core.state import TaskStatus
from orchestrator.errors import ExitStatus

#: A run's words about what holds it; the newest one counts.
_HOLDS = {
    "held": True,
    "unaffordable": True,
    "overspent": True,
    "resumed": False,
    "started": False,
}
#: What the board says better: it knows what runs now.
_PASSING = frozenset({"started", "stopping"})
#: What says where a task stands, as the board does.
_STATUSES = frozenset(TaskStatus)
_RUN_ID = re.compile(r"run (\w+)")
#: What happens to a row, or to the whole plan, and not to a task.
_OF_THE_PLAN = frozenset({"added", "updated", "created", "transition"})


class News:
    """What happened, the newest word about each task; kinds that nobody knows here are passed on as they are.

    Written by hand, for ``status`` asks how the last run ended and should not wait for `dataclasses`.
    """

    __slots__ = ("_newest", "about_run", "discoveries", "doing", "said", "warnings")

    def __init__(self) -> None:
        """Begin with nothing.

        *discoveries* are what somebody found that everybody should know, *said* is everything else that was said, and
        *doing* is what agents said last of what they are doing, by task.
        """
        self.warnings: list[Line] = []
        self.about_run: list[Line] = []
        self.discoveries: list[Line] = []
        self.said: list[Line] = []
        self.doing: dict[str, str] = {}
        self._newest: dict[str, Line] = {}

    def take(self, lines: Iterable[str]) -> None:
        """Add lines, oldest first."""
        for line in filter(None, map(read_line, lines)):
            if line.what in _OF_THE_PLAN:
                continue
            if line.what == MessageKind.DISCOVER:
                self.discoveries.append(line)
            elif line.is_message:
                self.said.append(line)
            elif line.what == "warning":
                self.warnings.append(line)
            elif line.is_about_run:
                self.about_run.append(line)
                if line.what == "ended":
                    self._end_retries()
            elif line.what == "news":
                self.doing[line.subject] = line.text
            elif not is_beside(line.subject):
                self._take(line)

    def _take(self, line: Line) -> None:
        before = self._newest.get(line.subject)
        if line.what not in _PASSING:
            # Told in the order of the newest word.
            self._newest.pop(line.subject, None)
            self._newest[line.subject] = line
        elif before is not None and before.what != "retrying":
            del self._newest[line.subject]  # it runs once more, so how it ended before is no news

    def _end_retries(self) -> None:
        for task, line in self._newest.items():
            if line.what == "retrying":
                self._newest[task] = line._replace(what="not tried again")

    def settle(self, board: Board, *, has_died: bool = False) -> None:
        """Take in that nobody works on the plan: what *board* says otherwise is no news any more.

        What somebody reset by hand takes what was made from it along, and a run that has died (*has_died*) says of
        nothing that it was interrupted: neither has a line of its own.
        """
        self._end_retries()
        for task, line in list(self._newest.items()):
            standing = board.standing.get(task)
            if standing and line.what in _STATUSES and line.what != standing.status:
                del self._newest[task]
        for task, standing in board.standing.items() if has_died else ():
            result = board.results.get(task)
            is_open = result is not None and result.last is not None and result.last.is_open
            if result and is_open and standing.status is not TaskStatus.RUNNING:
                self._newest[task] = Line(task, "interrupted", result.number, "")

    def by_kind(self) -> dict[str, list[Line]]:
        """Return the newest word about every task, by what happened: completed, failed, retrying.

        What still waited for its next attempt when its run came to an end was not tried again.
        """
        groups: defaultdict[str, list[Line]] = defaultdict(list)
        for line in self._newest.values():
            groups[line.what].append(line)
        return groups

    def failed(self) -> list[str]:
        """Return the tasks that failed and were not run again since."""
        return [line.subject for line in self._newest.values() if line.what == "failed"]

    def is_urgent(self) -> bool:
        """Say whether it is worth waking somebody: a failure, a hold, a warning, a discovery. A new kind goes here."""
        is_bad = bool(self.warnings or self.failed()) or is_held(self.about_run)
        return is_bad or bool(self.discoveries)

    def has_endings(self) -> bool:
        """Say whether anything came to an end, well or not."""
        return bool(self._newest) or self.is_urgent()


def hold_of(about_run: Sequence[Line]) -> Line | None:
    """Return the newest word about a hold, if it is that there is one."""
    newest = next((line for line in reversed(about_run) if line.what in _HOLDS), None)
    return newest if newest is not None and _HOLDS[newest.what] else None


def is_held(about_run: Sequence[Line]) -> bool:
    """Say whether something holds the run: an account, a budget. What has come to its end waits for nothing."""
    return hold_of(about_run) is not None and all(line.what != "ended" for line in about_run)


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
        is_live: Somebody holds the plan.
        broke_off: The last one who held it did not let go in order.
    """
    words = [line.what for line in about_run]
    if is_live:
        return Phase.HELD if is_held(about_run) else Phase.WORKING
    if not words:
        return Phase.NONE  # whoever did not let go was of an earlier plan, or made this one
    if broke_off or "ended" not in words:
        return Phase.DIED
    return Phase.STOPPED if "stopping" in words else Phase.ENDED


class Brief(NamedTuple):
    """Everything that a caller who looks now and then needs to know."""

    board: Board
    news: News
    phase: Phase
    about_run: Sequence[Line]
    """Every line about the last run itself, from its start on."""
    run: str = ""
    since: float = 0.0
    """When the run at work took the plan, seconds since the epoch; 0.0 when nobody works."""
    begins: float = 0.0
    """When the first of those that wait for their time runs the plan; 0.0: somebody works, or nobody waits."""
    suspended: str = ""
    """How the process goes on that is at work, or waits to begin, where it is suspended; empty: it is not."""
    is_outdated: bool = False
    """A result is newer than the final output: somebody settled a task when no run was at work."""
    half_merged: str = ""
    """The first task whose result waits for a person to finish a merge; no run begins before. Empty: none does."""

    @property
    def is_over(self) -> bool:
        """Nobody works on the plan."""
        return self.phase not in {Phase.WORKING, Phase.HELD}

    @property
    def is_merging(self) -> bool:
        """The run at work has done the tasks, and merges the results, which is no task."""
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
        return all(each.status is TaskStatus.COMPLETED for each in self.board.standing.values())

    @property
    def hold(self) -> Line | None:
        """The word about what holds the last run, unless somebody has lifted that since it is over."""
        hold = hold_of(self.about_run)
        if hold is not None and hold.what == "held" and self.is_over:
            results = self.board.results
            # With a note somebody has settled it since, as `retry` does.
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
        """Which kind of news this is (design, section 5)."""
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
        state = self.board.plan.charter.state
        if step[0] == "run" and state is not None:
            from orchestrator.core.plan_state import TERMINAL, PlanState  # most plans have none

            # To approve a plan is for a person: no program is to take that as its next step.
            if state in TERMINAL | {PlanState.PLANNING, PlanState.BLOCKED}:
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
        if self.phase is Phase.DIED or (
            self.phase in {Phase.NONE, Phase.STOPPED} and self._is_left
        ):
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
        # What else is left is in somebody's hands, blocked, or waits for that.
        return ("run", "--detach") if self._with(TaskStatus.PENDING) else ("status",)

    @property
    def _is_used_up(self) -> bool:
        """The plan's own budget is spent: the last run was given more for itself alone."""
        budget, spent = self.board.plan.budget, spending(self.board.paid_for())
        return 0 < budget <= spent.known + spent.feared

    def _after(self, what: str) -> tuple[str, ...]:
        """Return what opens the way again for a run that something held back; nothing for what was no hold."""
        if what == "unaffordable":
            # How much is for a person to say: no program is to take this line as it stands and spend more.
            return ("run", "--detach", "--budget-usd", "MORE")
        if what != "held":
            return ()
        if any(not each.until for each in held(self.board.everything())):
            return ("doctor",)  # only a person can open it: whoever just runs again meets the same
        if self.phase is Phase.ENDED:
            # It did not wait, as the plan says (`on_hold: stop`), and without this it would end so again at once.
            return ("run", "--detach", "--on-hold", "wait")
        return ("run", "--detach")

    @property
    def _is_left(self) -> bool:
        """A run would do something: start a task, or put together what is completed."""
        counts = self.board.counts()
        return bool(
            counts[TaskStatus.PENDING] or counts[TaskStatus.FAILED] or self._is_all_completed
        )

    def _with(self, status: TaskStatus) -> list[str]:
        return [task_id for task_id, each in self.board.standing.items() if each.status is status]


def run_id(about_run: Sequence[Line]) -> str:
    """Return the id of the run that these lines are about; empty when they do not say."""
    found = _RUN_ID.match(about_run[0].text) if about_run else None
    return found[1] if found else ""
