"""Have runs started at their time, by anyone who does that on this machine: crontab or systemd."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from orchestrator.core.text import one_line
from orchestrator.cron.entry import NAME, Scheduled, ScheduledRun, Scheduler, When
from orchestrator.errors import NotFoundError, ScheduleError, UsageError
from orchestrator.ownership import make_directories
from orchestrator.store.atomic import io_errors
from orchestrator.store.layout import PLAN_DIRECTORY, Layout
from orchestrator.store.lock import exclusive


class Caller(NamedTuple):
    """Anyone who adds an entry, as far as the run that is started later needs to know."""

    program: Sequence[str]
    """The words that call this program; the first one is an absolute path."""
    directory: str
    """Where they are."""
    path: str
    """Their PATH."""


def add(
    layout: Layout,
    when: When,
    flags: Sequence[str],
    *,
    scheduler: Scheduler,
    others: Sequence[Scheduler],
    caller: Caller,
    name: str,
) -> ScheduledRun:
    """Add an entry that runs a plan; return it. Anyone who changes entries at the same time waits outside (`in_turn`).

    Args:
        layout: The plan directory.
        when: At which times.
        flags: Flags of ``run``, checked already.
        scheduler: Who starts it.
        others: Everybody who may have entries; a name means one of them.
        caller: Who asks.
        name: What it is called; empty: after the project.

    Raises:
        UsageError: the name is invalid or is taken, or the scheduler cannot say that time.
        ScheduleError: it was not added.
    """
    name = _new_name(layout, name, {each.name for each in _look(others, needed=scheduler)[0]})
    log = f"{layout.logs}/schedule-{name}.out"
    words = [*caller.program, "run", layout.root, *flags]
    job = ScheduledRun(name, when, words, caller.directory, caller.path, log)
    try:
        make_directories(layout.logs)  # systemd opens the log before anything runs
        scheduler.add(job)
    except ValueError as error:
        hint = "or leave it to run --every" if when.every else "orchestrator schedule add --help"
        raise UsageError(f"{scheduler.by}: {error}", hint=hint) from None
    except OSError as error:
        raise ScheduleError(f"cannot make {layout.logs}: {error.strerror}") from error
    return job


def _new_name(layout: Layout, name: str, taken: Collection[str]) -> str:
    name = name or _free_name(layout, taken)
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{one_line(name, 60)!r} is not a name",
            hint="letters, digits and . _ - only, beginning with a letter or digit, 40 at most",
        )
    if name in taken:
        raise UsageError(f"{name} is taken", hint=f"orchestrator schedule remove {name}")
    return name


def entries(schedulers: Sequence[Scheduler]) -> tuple[list[Scheduled], list[ScheduleError]]:
    """Return all our entries, by name; and what kept some from being read: few may use both cron and systemd.

    Raises:
        ScheduleError: none could be read.
    """
    found, refused = _look(schedulers)
    if refused and len(refused) == len(schedulers):
        raise refused[0]
    return sorted(found), refused


def remove(name: str, schedulers: Sequence[Scheduler]) -> Scheduled:
    """Remove an entry, wherever it is; return what it was.

    Raises:
        NotFoundError: there is none of that name.
        ScheduleError: it was not removed, or a user who may have it could not be asked.
    """
    found, refused = _look(schedulers)
    for each in found:
        if each.name == name:
            next(other for other in schedulers if other.by == each.by).remove(name)
            return each
    if refused:
        raise refused[0]
    raise NotFoundError(f"no schedule is called {one_line(name, 60)!r}", hint="`orchestrator schedule list` names them")


@contextmanager
def in_turn(lock: str) -> Iterator[None]:
    """Change entries one after the other: who reads and writes a crontab takes away what is written in between.

    Args:
        lock: The file to stand in line at; empty: it is unknown where it would be.

    Raises:
        StoreError: it cannot be opened.
    """
    if not lock:
        yield
        return
    with io_errors("make", os.path.dirname(lock)):
        make_directories(os.path.dirname(lock))
    with exclusive(lock):
        yield


def _look(
    schedulers: Sequence[Scheduler], needed: Scheduler | None = None
) -> tuple[list[Scheduled], list[ScheduleError]]:
    """Return what is there, and what was said by those who cannot be asked; raised, where it is the one needed."""
    found: list[Scheduled] = []
    refused = []
    for each in schedulers:
        try:
            found += each.entries()
        except ScheduleError as error:
            if each is needed:
                raise
            refused.append(error)
    return found, refused


def usable_path(path: str) -> str:
    """Return a PATH without entries that are relative, there twice, or no directory: a crontab line is short."""
    found = dict.fromkeys(entry.rstrip("/") or "/" for entry in path.split(os.pathsep))
    return os.pathsep.join(each for each in found if os.path.isabs(each) and os.path.isdir(each))


def _free_name(layout: Layout, taken: Collection[str]) -> str:
    above, last = os.path.split(layout.root)
    project = os.path.basename(above) if last == PLAN_DIRECTORY else last
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", project).strip("-_")[:30] or "plan"
    numbers = (str(number) for number in range(2, len(taken) + 3))
    return next(each for each in (stem, *(f"{stem}-{number}" for number in numbers)) if each not in taken)
