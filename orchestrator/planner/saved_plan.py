"""Templates that people keep: plan directories without outcomes, found by name (seed row S1-38).

``templates/NAME/`` holds a ``master_plan.md`` and its ``agent_tasks/``, as they would lie in a plan directory: of the
plan directory, of the one it lies in, of the person. The nearest one with a name has it. ``{{name}}`` in them is
filled in when a plan is made of it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from orchestrator.core.ids import is_name
from orchestrator.planner.templates import filled, places
from orchestrator.core.text import cell, one_line, sanitize
from orchestrator.errors import PlanError, UsageError
from orchestrator.ownership import make_directories
from orchestrator.plan.front_matter import read_front_matter
from orchestrator.plan.lines import LARGEST_PLAN, LARGEST_TEXT, Lines, oversized, unreadable
from orchestrator.store.atomic import (
    names_in,
    read_file,
    reject_symlinks,
    atomic_write,
    io_errors,
    sync_directory,
)
from orchestrator.store.layout import Layout

#: Characters of a value in a plan, where it stands in a cell or a line.
MOST = 2000


class SavedPlan(NamedTuple):
    """A template: the texts of its files."""

    name: str
    where: str
    """Its directory."""
    plan: str
    task_files: Mapping[str, str]
    """By stem."""
    file: str = ""
    """The file of the plan, where it is called otherwise than in a plan directory."""

    @property
    def shown(self) -> str:
        """The file of the plan, as people are told of it."""
        return os.path.relpath(self.file or Layout(self.where).plan)

    @property
    def title(self) -> str:
        """Its first heading."""
        heads = (line[2:] for line in self.plan.splitlines() if line.startswith("# "))
        return one_line(next(heads, ""), 80)

    @property
    def parameters(self) -> list[str]:
        """What it has to be told."""
        return places([self.plan, *self.task_files.values()])

    def filled(self, values: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        """Return the plan and its task files with these values; no value leaves its cell, its line, or the body."""
        exclusive = {name: one_line(value, MOST) for name, value in values.items()}
        in_cell = {name: cell(value, MOST) for name, value in values.items()}
        shown = {name: sanitize(value) for name, value in values.items()}
        files = {stem: _filled(text, exclusive, shown) for stem, text in self.task_files.items()}
        return _filled(self.plan, exclusive, in_cell), files


def _filled(text: str, of_front: Mapping[str, str], of_body: Mapping[str, str]) -> str:
    lines = Lines.of(text.encode())
    body = read_front_matter(lines.bare(), "").body
    front = filled("".join(lines.lines[:body]), of_front)
    return front + filled("".join(lines.lines[body:]), of_body)


def find_saved(directories: tuple[str, ...]) -> dict[str, str]:
    """Return the directory of every template, by name, the nearest first.

    Raises:
        StoreError: a directory cannot be read.
    """
    found: dict[str, str] = {}
    for directory in directories:
        for name in _names(directory):
            found.setdefault(name, f"{directory}/{name}")
    return found


def _names(directory: str) -> Iterator[str]:
    for name in sorted(names_in(directory, (FileNotFoundError, NotADirectoryError))):
        if is_name(name) and os.path.isfile(Layout(f"{directory}/{name}").plan):
            yield name


def read_saved(name: str, directory: str) -> SavedPlan:
    """Return a template.

    Raises:
        PlanError: one of its files is no text, or too large.
        StoreError: one cannot be read.
    """
    place = Layout(directory)
    return SavedPlan(name, directory, _text(place.plan, LARGEST_PLAN), read_task_files(place))


def read_task_files(place: Layout) -> dict[str, str]:
    """Return the task files of a directory that looks like that of a plan, by stem.

    Raises:
        PlanError: one of its files is no text, or too large.
        StoreError: one cannot be read.
    """
    files = {}
    with io_errors("list", place.tasks):
        names = sorted(os.listdir(place.tasks)) if os.path.isdir(place.tasks) else []
    for each in names:
        if each.endswith(".md") and not each.startswith("."):
            files[each.removesuffix(".md")] = _text(f"{place.tasks}/{each}")
    return files


def _text(path: str, largest: int = LARGEST_TEXT) -> str:
    data, shown = read_file(path) or b"", os.path.relpath(path)
    if (problem := oversized(data, shown, largest) or unreadable(data, shown)) is not None:
        raise PlanError([problem])
    return data.decode()


def save(saved: SavedPlan, *, force: bool) -> None:
    """Write a template, as a whole or not at all.

    Raises:
        UsageError: that is no name, or there is one of that name and *force* does not say to replace it.
        StoreError: it could not be written; the one before it is as it was.
    """
    if not is_name(saved.name):
        raise UsageError(
            f"{one_line(saved.name, 80)!r} is not a name",
            hint="1 to 64 letters, digits, '.', '_', '@' or '-', starting with a letter or digit",
        )
    above = os.path.dirname(saved.where)
    staged, before = Layout(f"{above}/.{saved.name}.tmp"), f"{above}/.{saved.name}.old"
    reject_symlinks(above, saved.where)
    with io_errors("write", saved.where):
        if os.path.lexists(before) and not os.path.lexists(saved.where):
            os.rename(before, saved.where)  # whoever was replacing it died in between
    if os.path.lexists(saved.where) and not force:
        raise UsageError(
            f"there is a template {saved.name} already",
            where=saved.where,
            hint="take another name, or replace it with --force",
        )
    with io_errors("write", saved.where):
        for place in (staged.root, before):
            shutil.rmtree(place, ignore_errors=True)
        make_directories(staged.tasks)
        try:
            for stem, text in saved.task_files.items():
                atomic_write(staged.task_file(stem), text.encode())
            atomic_write(staged.plan, saved.plan.encode())
            if os.path.lexists(saved.where):
                os.rename(saved.where, before)
            try:
                os.rename(staged.root, saved.where)
            except OSError:
                if os.path.lexists(before):
                    os.rename(before, saved.where)
                raise
        finally:
            shutil.rmtree(staged.root, ignore_errors=True)
        shutil.rmtree(before, ignore_errors=True)
    sync_directory(above)
