"""Puts a new plan in place as a whole; the previous one is moved aside with its results and never deleted.

Everything that needs space is written beside first, so that only renames are left when the old plan moves. If the
process is killed between two of them, the old plan is whole in ``archive/``, and planning again makes the new one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Mapping, Sequence

from orchestrator.core.snapshot import is_auxiliary
from orchestrator.errors import StoreError
from orchestrator.ownership import make_directories, make_directory, open_made
from orchestrator.store.atomic import (
    atomic_write,
    io_errors,
    names_in,
    reject_symlinks,
    sweep_temporaries,
    sync_directory,
)
from orchestrator.store.layout import Layout


def has_plan(layout: Layout) -> bool:
    """Say whether anything of a plan is there: itself, or files of its tasks.

    Raises:
        StoreError: a directory cannot be read.
    """
    if os.path.lexists(layout.plan):
        return True
    # What is hidden is half a file of a killed writer, or an editor's.
    return any(
        not (name.startswith(".") or is_auxiliary(name))
        for directory in (layout.tasks, layout.results)
        for name in _entries(directory)
    )


def put_plan(layout: Layout, plan: str, task_files: Mapping[str, str], spare: tuple[str, ...] = ()) -> str:
    """Write a plan and its task files, by stem; return where the plan before it lies now, or an empty text.

    Only with the lock held. Results and logs whose names begin with one of *spare* stay: they belong to the new plan.

    Raises:
        StoreError: it could not be written; the plan before it is in place, or whole in the archive.
    """
    staged = Layout(layout.staging)
    reject_symlinks(layout.tasks, layout.results, layout.logs, layout.archive, staged.root)
    for directory in (layout.root, layout.tasks, layout.results, layout.logs):
        if os.path.isdir(directory):
            sweep_temporaries(directory)
    with io_errors("clean", staged.root):
        shutil.rmtree(staged.root, ignore_errors=True)
        make_directories(staged.tasks)
    try:
        for stem, text in task_files.items():
            atomic_write(staged.task_file(stem), text.encode())
        atomic_write(staged.plan, plan.encode())
        moved = _move_aside(layout, spare) if has_plan(layout) else ""
        with io_errors("write", layout.plan):
            for directory in (layout.tasks, layout.results):
                make_directories(directory)
            for name in os.listdir(staged.tasks):
                os.replace(os.path.join(staged.tasks, name), os.path.join(layout.tasks, name))
            # The plan last: without it there is nothing to run.
            os.replace(staged.plan, layout.plan)
        sync_directory(layout.tasks)
        sync_directory(layout.root)
    finally:
        shutil.rmtree(staged.root, ignore_errors=True)
    return moved


def set_outcomes_aside(layout: Layout, stems: Collection[str]) -> str:
    """Move results and logs of these tasks to the archive, so that they are done afresh; return where they lie now.

    The final output goes along, and a copy of the plan; an empty text when there was nothing to move. Only with the
    lock held. If the process is killed meanwhile, some of the tasks were moved, and others not.

    Raises:
        StoreError: it could not be moved; what was moved is back where it was.
    """
    reject_symlinks(layout.results, layout.logs, layout.archive)
    chosen = set(stems)
    results = {os.path.basename(layout.result_file(stem)) for stem in chosen}
    moving = [
        (layout.results, [name for name in _entries(layout.results) if name in results]),
        (layout.logs, [name for name in _entries(layout.logs) if _stem_of(name) in chosen]),
    ]
    if not any(names for _, names in moving):
        return ""
    place = Layout(_next_place(layout))
    moved: list[tuple[str, str]] = []
    with io_errors("move results to", place.root):
        try:
            # Never more readable than the plan, which may hold an address.
            os.close(open_made(place.plan, os.O_WRONLY | os.O_EXCL, 0o600))
            shutil.copy(layout.plan, place.plan)
            for directory, names in moving:
                aside = os.path.join(place.root, os.path.basename(directory))
                make_directory(aside)
                for name in names:
                    old, new = os.path.join(directory, name), os.path.join(aside, name)
                    os.rename(old, new)
                    moved.append((old, new))
            if os.path.lexists(layout.final_output):
                os.rename(layout.final_output, place.final_output)
        except (OSError, StoreError):
            _move_back(place, moved)
            raise
    return place.root


def _stem_of(log: str) -> str:
    """Return whose attempt a file in ``logs/`` is about; what is about no attempt stays where it is."""
    return log.partition(".attempt-")[0] if ".attempt-" in log else ""


def _move_aside(layout: Layout, spare: tuple[str, ...]) -> str:
    place = Layout(_next_place(layout))
    moved: list[tuple[str, str]] = []
    with io_errors("move the plan to", place.root):
        try:
            _move(layout, place, spare, moved)
        except (OSError, StoreError):
            _move_back(place, moved)
            raise
    return place.root


def _move(layout: Layout, place: Layout, spare: tuple[str, ...], moved: list[tuple[str, str]]) -> None:
    def move(old: str, new: str) -> None:
        os.rename(old, new)
        moved.append((old, new))

    # The plan first: from here on the rest is not taken for a plan that can be run.
    for old, new in (
        (layout.plan, place.plan),
        (layout.journal, place.journal),
        (layout.final_output, place.final_output),
        (layout.index, place.index),
    ):
        if os.path.lexists(old):
            move(old, new)
    for old, new in (
        (layout.tasks, place.tasks),
        (layout.results, place.results),
        (layout.batches, place.batches),
        (layout.contexts, place.contexts),
        (layout.notes, place.notes),
        (layout.logs, place.logs),
    ):
        names = _entries(old, spare)
        if names:
            make_directory(new)
        for name in names:
            move(os.path.join(old, name), os.path.join(new, name))


def _move_back(place: Layout, moved: Sequence[tuple[str, str]]) -> None:
    """Put everything back, the plan last; what a disk in trouble refuses now, too, lies in the archive."""
    try:
        for old, new in reversed(moved):
            os.rename(new, old)
        rooms = (place.tasks, place.results, place.batches, place.contexts, place.notes, place.logs)
        for directory in (*rooms, place.root):
            if os.path.isdir(directory):
                os.rmdir(directory)
    except OSError:
        return  # the first error is the one to report


def _next_place(layout: Layout) -> str:
    with io_errors("make", layout.archive):
        make_directories(layout.archive)
        taken = [int(name) for name in os.listdir(layout.archive) if name.isdecimal()]
        place = os.path.join(layout.archive, f"{max(taken, default=0) + 1:03d}")
        make_directory(place)
    return place


def _entries(directory: str, spare: tuple[str, ...] = ()) -> list[str]:
    return sorted(name for name in names_in(directory) if not name.startswith(spare))
