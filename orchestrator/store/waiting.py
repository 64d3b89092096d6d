"""Processes that wait for their time to run a plan: they hold no lock, so ``status`` and ``stop`` look for them here.

A file each, in ``waiting/``. What a dead process left counts for nothing.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from typing import Any, NamedTuple

from orchestrator.core.text import one_line
from orchestrator.ownership import make_directory
from orchestrator.store.atomic import read_file, reject_symlinks, io_errors, write_new
from orchestrator.store.layout import Layout
from orchestrator.store.process import is_alive, is_elsewhere, start_time, this_process

_KIND = ".json"
#: Bytes of a file that says so; what we write has some hundred.
_LONGEST = 64 * 1024
#: Seconds since the epoch that every calendar still knows: the end of the year 9998.
LATEST = 253_370_764_800.0


class Waiting(NamedTuple):
    """A process, and until when it waits, in seconds since the epoch."""

    process: dict[str, Any]
    until: float


def say_waiting(layout: Layout, until: float) -> None:
    """Say that this process waits for its time to run the plan; forget what dead ones said.

    Raises:
        StoreError: it cannot be written.
    """
    reject_symlinks(layout.waiting)
    with io_errors("make", layout.waiting), suppress(FileExistsError):
        make_directory(layout.waiting)  # never with a plan directory that is gone
    for pid, waiting in _all(layout):
        if waiting is None and start_time(pid) is None:
            _forget(layout, pid)
    who = this_process()
    # Not replaced as other state is: nobody could sweep the temporary file that a crash leaves, for there is no lock.
    write_new(_file(layout, who["pid"]), json.dumps({**who, "until": until}).encode() + b"\n")


def wait_no_longer(layout: Layout) -> None:
    """Take back what ``say_waiting`` said, if anything; what cannot be taken back ends with this process."""
    _forget(layout, os.getpid())
    with suppress(OSError):
        os.rmdir(layout.waiting)  # the last one puts out the light


def those_waiting(layout: Layout) -> list[Waiting]:
    """Return who waits, the first to begin first.

    Raises:
        StoreError: a file that says so cannot be read.
    """
    found = [waiting for _, waiting in _all(layout) if waiting is not None]
    return sorted(found, key=lambda each: each.until)


def _all(layout: Layout) -> list[tuple[int, Waiting | None]]:
    """Return everybody who ever said so, by process; None for those that are gone."""
    try:
        names = os.listdir(layout.waiting)
    except OSError:
        return []  # nobody waits, or we may not know
    stems = [name.removesuffix(_KIND) for name in names if name.endswith(_KIND)]
    return [
        (int(stem), _read(layout, int(stem))) for stem in stems if stem.isascii() and stem.isdigit()
    ]


def _read(layout: Layout, pid: int) -> Waiting | None:
    try:
        raw = json.loads(read_file(_file(layout, pid), _LONGEST) or b"")
        who = {**raw, "host": one_line(str(raw["host"]))}
        waiting = Waiting(who, float(raw["until"]))
    except (ValueError, LookupError, TypeError, RecursionError):
        return None  # not ours
    is_ours = raw["pid"] == pid and 0 < waiting.until < LATEST
    # Of one that is elsewhere nobody here knows when it dies: it counts until its time, and not for ever.
    is_due = waiting.until < time.time() and is_elsewhere(who)
    return waiting if is_ours and not is_due and is_alive(who) else None


def _file(layout: Layout, pid: int) -> str:
    return f"{layout.waiting}/{pid}{_KIND}"


def _forget(layout: Layout, pid: int) -> None:
    with suppress(OSError):
        os.unlink(_file(layout, pid))
