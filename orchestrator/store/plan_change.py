"""Change ``master_plan.md`` for somebody who asked for it: under a short lock, and never over what a person saved."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from orchestrator.core.text import cell
from orchestrator.errors import NotFoundError, PlanError, Problem, StoreError
from orchestrator.store.atomic import read_file, replace_file, reported
from orchestrator.store.front_matter import read_front_matter
from orchestrator.store.index import signature
from orchestrator.store.layout import Layout
from orchestrator.store.lines import Lines
from orchestrator.store.plan_file import own_lines
from orchestrator.store.plan_tables import lay_out

#: How often it is tried when somebody saves the file at the same moment.
_TRIES = 20
_HINT = "its header needs Task ID, Task, Type, Assignee, Priority and Dependencies"


@contextmanager
def plan_lock(layout: Layout) -> Iterator[None]:
    """Hold the lock of the plan file; commands that change it wait for each other, which takes milliseconds.

    Raises:
        StoreError: the lock file cannot be opened or locked.
    """
    path = layout.plan_lock
    with reported("lock", path):
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o664)
    try:
        with reported("lock", path):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def change_plan(layout: Layout, change: Callable[[bytes], bytes]) -> None:
    """Put what *change* makes of the plan in its place; it is asked again when a person saved the file meanwhile.

    Raises:
        NotFoundError: there is no plan.
        StoreError: it could not be read or written.
        OrchestratorError: what *change* raises; nothing was written.
    """
    with plan_lock(layout):
        for _ in range(_TRIES):
            try:
                before = signature(os.stat(layout.plan))
            except FileNotFoundError:
                raise NotFoundError("no master_plan.md here", where=layout.root) from None
            data = read_file(layout.plan) or b""
            changed = change(data)
            if changed == data:
                return
            with reported("write", layout.plan):
                # A link is written where it leads, as a person's editor would.
                place = os.path.realpath(layout.plan)
                if signature(os.stat(layout.plan)) != before:
                    continue
            replace_file(place, changed)
            return
    raise StoreError("somebody else keeps changing the plan", where=layout.plan, hint="try again")


def with_row(data: bytes, cells: Mapping[str, str], file: str) -> bytes:
    """Return a plan with one more row below its task table; every other byte stays as it is.

    *cells* are texts by the role of their column: ``id``, ``name``, ``needs``, ``assignee``, ``kind``, ``priority``.

    Raises:
        PlanError: there is no task table, or it lacks a column for one of the cells.
    """
    lines = Lines.of(data)
    layout = lay_out(own_lines(lines.bare(), read_front_matter(lines.bare(), file).body))
    if not layout.tasks:
        raise PlanError([Problem("no task table found", file, _HINT, "no_table")])
    sheet = layout.tasks[-1]
    row = ["-"] * len(sheet.table.header)
    for role, text in cells.items():
        column = getattr(sheet.columns, role)
        if column is None and role == "name":
            column = sheet.columns.description
        if column is not None:
            row[column] = cell(text, limit=2000) or "-"
        elif text:
            where = f"{file}:{sheet.table.line + 1}"
            raise PlanError(
                [Problem(f"the table has no column for {role}", where, _HINT, "no_column")]
            )
    at = sheet.table.end
    before = [*lines.lines[:at]]
    if before and not before[-1].endswith(("\n", "\r")):
        before[-1] += lines.ending
    return lines.replaced([*before, f"| {' | '.join(row)} |{lines.ending}", *lines.lines[at:]])
