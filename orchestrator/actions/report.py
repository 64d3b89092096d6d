"""What was done in the last days, in one plan or in all plans of a directory, what they put away included."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.event import read_line
from orchestrator.core.plan import Plan
from orchestrator.core.snapshot import NAMES
from orchestrator.core.timestamp import epoch
from orchestrator.core.usage import DAY, Booking, Figures, bookings, figures, within
from orchestrator.store.collection import every_plan, read_each
from orchestrator.store.journal import journal_lines
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace


class Ledger(NamedTuple):
    """Every attempt since a moment, what they come to, and which plans could not be read, and why."""

    booked: Sequence[Booking]
    figures: Figures
    broken: Mapping[str, str]


def look_back(layout: Layout, days: float, now: float) -> Ledger:
    """Return what was done in the last days; *now* is in seconds since the epoch.

    Raises:
        NotFoundError: there is no plan.
        PlanError, StoreError: the only plan there is cannot be read; of several, it is passed over and told.
    """
    since = now - days * DAY
    places = dict(every_plan(layout, since))
    if not places:
        Workspace(layout).load_plan()  # says best that there is none
    found, broken = read_each(
        places, lambda name, place: (list(_booked(name, place)), list(_added(place)))
    )
    booked = [each for of_plan, _ in found.values() for each in of_plan]
    added = [each for _, of_plan in found.values() for each in of_plan]
    told = figures(booked, added, since=since, until=now)
    return Ledger(within(booked, since), told, broken)


def _booked(name: str, place: Layout) -> Iterator[Booking]:
    # What was put away when its plan was gone is of no row, and was paid for all the same.
    plan = None if os.path.lexists(place.plan) else Plan(tasks={})
    board = Workspace(place).load(keep_cache=False, plan=plan)
    for result in board.paid_for():
        task = board.plan.tasks.get(result.task)
        yield from bookings(name, result, task, NAMES.get(result.task, ""))


def _added(place: Layout) -> Iterator[float]:
    for text in journal_lines(place.journal, " · added"):
        line = read_line(text)
        if line is not None and line.what == "added" and (moment := epoch(line.time)):
            yield moment
