"""A line of the journal, read back; ``runner/events.py`` and anyone who says something write them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orchestrator.core.message import SPOKEN, MessageKind
from orchestrator.core.snapshot import PlanSnapshot, is_auxiliary
from orchestrator.core.status import TaskStatus

#: Whom a line is about when it is about no task.
RUN = "run"
#: What a run was by the command that ended it; of any other signal that ends one no one may know.
STOP = "told"
_LINE = re.compile(r"(\S+) · (\S+) · (\w+)(?: attempt (\d{1,9}))?(?: · (.*))?")
#: What an agent prints while it works: its own words, which name no one.
_NEWS = "news"
#: What is said of a task that could start but for what other plans use.
WAITING = "waiting"
_AUTHOR = re.compile(r"by (\S+?)(?: · |: |$)")


class Line(NamedTuple):
    """A line of the journal: ``time · task · what attempt N · text``. ``subject`` is a task, or ``RUN``."""

    subject: str
    what: str
    attempt: int
    text: str
    time: str = ""

    @property
    def is_message(self) -> bool:
        """A user said it."""
        return self.what in SPOKEN

    @property
    def author(self) -> str:
        """Who said it, or did it by a command; empty when it was a run."""
        found = self._by()
        return found[1] if found else ""

    @property
    def words(self) -> str:
        """What was said, or what else there is to tell."""
        found = self._by()
        return self.text[found.end() :] if found else self.text

    def _by(self) -> re.Match[str] | None:
        return None if self.what == _NEWS else _AUTHOR.match(self.text)

    @property
    def is_about_run(self) -> bool:
        """A task may be called ``run``; what happens to it has an attempt, or a user says it."""
        return self.subject == RUN and not self.attempt and not self.is_message


def read_line(text: str) -> Line | None:
    """Read a line of the journal without its list mark; None when it is not ours."""
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    return Line(found[2], found[3], int(found[4] or 0), found[5] or "", found[1])


# ── news ────────
#
# What happened since a user looked last.
#
# Read from the lines of the journal (``runner/events.py`` writes them) and from the board. Where a task stands, and
# so what ``wait`` answers, is the board's word; a line only says that something is new.

#: A run's words about what holds it; the newest one counts.
_HOLDS = {"held": True, "unaffordable": True, "overspent": True, "resumed": False, "started": False}
#: What the board says better: it knows what runs now.
_PASSING = frozenset({"started", "stopping"})
#: What says where a task stands, as the board does.
_STATUSES = frozenset(TaskStatus)
_RUN_ID = re.compile(r"run (\w+)")
#: What happens to a row, or to the whole plan, and not to a task.
_OF_THE_PLAN = frozenset({"added", "updated", "created", "transition"})


class News:
    """What happened, the newest word about each task; unknown kinds are passed on as they are.

    Written by hand, for ``status`` asks how the last run ended and should not wait for `dataclasses`.
    """

    __slots__ = ("_newest", "about_run", "discoveries", "doing", "said", "warnings")

    def __init__(self) -> None:
        """Begin with nothing.

        *discoveries* are what a user found that everybody should know, *said* is everything else that was said, and
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
            elif line.what in {_NEWS, WAITING}:
                self.doing[line.subject] = line.text
            elif not is_auxiliary(line.subject):
                self._take(line)

    def _take(self, line: Line) -> None:
        before = self._newest.get(line.subject)
        if line.what not in _PASSING:
            # In the order of the newest word.
            self._newest.pop(line.subject, None)
            self._newest[line.subject] = line
        elif before is not None and before.what != "retrying":
            del self._newest[line.subject]  # it runs once more, so how it ended before is no news

    def _end_retries(self) -> None:
        for task, line in self._newest.items():
            if line.what == "retrying":
                self._newest[task] = line._replace(what="not tried again")

    def settle(self, board: PlanSnapshot, *, has_died: bool = False) -> None:
        """Take in that no one works on the plan: what *board* says otherwise is no news any more.

        What a user reset by hand takes what was made from it along, and a run that has died (*has_died*) says of
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
        """Say whether it is worth waking a user: a failure, a hold, a warning, a discovery. A new kind goes here."""
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


def run_id(about_run: Sequence[Line]) -> str:
    """Return the id of the run that these lines are about; empty when they do not say."""
    found = _RUN_ID.match(about_run[0].text) if about_run else None
    return found[1] if found else ""
