"""The lists of batches: read from the row, from a file, from the work directory, and what they are expanded to."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from orchestrator.core.batch import (
    MOST_ITEMS,
    Expansion,
    ForEach,
    checked_items,
    child_id,
    expand,
    is_known_during_run,
    listed_items,
    read_foreach,
    renewed,
)
from orchestrator.core.condition import compile_condition
from orchestrator.core.plan import Plan, Task, stem
from orchestrator.core.status import ACTIVE, TaskStatus
from orchestrator.core.text import one_line
from orchestrator.errors import PlanError, Problem
from orchestrator.plan.lines import LARGEST_TEXT
from orchestrator.store.atomic import read_file
from orchestrator.store.workspace import Workspace

#: A task with one of these stays in the plan when its item is gone.
_STAYS = ACTIVE | {TaskStatus.COMPLETED}


class Renewal(NamedTuple):
    """A plan with the tasks of its batches as their lists are now."""

    plan: Plan
    changed: Mapping[str, Expansion] = {}
    """What is to be written before anything of it starts."""
    gone: Sequence[str] = ()
    """Tasks that leave the plan, because their items did."""


def source_of(task: Task) -> str:
    """Return the task in whose answer the list of a batch stands."""
    path = compile_condition(read_foreach(task.foreach).text).paths[0]
    return str(path[1]) if path[0] == "needs" else task.data_needs[0]


def renew(workspace: Workspace, workdir: str, attempts: Callable[[str], int] | None = None) -> Renewal | None:
    """Return the plan with its batches expanded; None where it has none. Nothing is written.

    *attempts* says which attempt at a task has the answer that counts, 0 where it is to be done: a list that stands in
    another one is to be read again. Without it such lists stay as they are.

    Raises:
        PlanError: a list cannot be read, or the plan, or a record of a batch; names file and line.
        StoreError: a file cannot be read.
    """
    written = workspace.written_plan()
    batches = [task for task in written.tasks.values() if task.is_batch]
    if not batches:
        return None
    known = workspace.expansions.read_all(task.id for task in batches)
    changed: dict[str, Expansion] = {}
    problems: list[Problem] = []
    for task in batches:
        before = known.get(task.id)
        try:
            found = _renewed(workspace, task, workdir, before, attempts)
        except ValueError as error:
            problems.append(Problem(f"foreach: {error}", task.where, "correct the cell For Each", "bad_batch"))
            continue
        if found is not None and found != before:
            changed[task.id] = found
    if problems:
        raise PlanError(problems)
    return Renewal(expand(written, {**known, **changed}), changed, _gone(known, changed))


def _renewed(
    workspace: Workspace, task: Task, workdir: str, before: Expansion | None, attempts: Callable[[str], int] | None
) -> Expansion | None:
    if not is_known_during_run(task):
        items = static_items(task, workdir, workspace.layout.root)

        def stays(number: int) -> bool:
            result = workspace.read_result(stem(child_id(task.id, number)))
            return result is not None and result.status in _STAYS

        return renewed(before, items, stays)
    if before is None or before.is_open or attempts is None:
        return before
    is_same = all(attempts(need) == number for need, number in before.made_from.items())
    return before if is_same else before._replace(is_open=True)


def _gone(known: Mapping[str, Expansion], changed: Mapping[str, Expansion]) -> list[str]:
    left = []
    for batch, after in changed.items():
        before = {item.number for item in known[batch].items if item.is_gone} if batch in known else set()
        left += [child_id(batch, item.number) for item in after.items if item.is_gone and item.number not in before]
    return left


def static_items(task: Task, workdir: str, root: str) -> Sequence[Any]:
    """Return the items of a batch that are known before a run; those of a glob in the order of their names.

    Raises:
        ValueError: there are none, or too many, or they cannot be read.
        StoreError: the file of lines cannot be read.
    """
    found = listed_items(task)
    if not isinstance(found, ForEach):
        return found
    items = _lines(found.text, workdir) if found.kind == "lines" else _matching(found.text, workdir, root)
    if not (items or found.may_be_empty):
        what = "matches nothing" if found.kind == "glob" else "has no lines"
        hint = "; write (may be empty) behind it where that is meant"
        raise ValueError(f"{found.kind}:{one_line(found.text, 80)} {what} in {workdir}{hint}")
    return checked_items(items)


def _matching(pattern: str, workdir: str, root: str) -> list[str]:
    # What a run writes into the plan directory is no item.
    own = os.path.relpath(root, workdir)
    found = glob.iglob(pattern, root_dir=workdir, recursive=True)
    kept = (path for path in found if path != own and not path.startswith(f"{own}/"))
    return sorted(islice(kept, MOST_ITEMS + 1))


def _lines(file: str, workdir: str) -> list[str]:
    path = os.path.normpath(os.path.join(workdir, os.path.expanduser(file)))
    data = read_file(path, LARGEST_TEXT)
    if data is None:
        raise ValueError(f"lines: there is no {path}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"lines: {path} is no text in UTF-8") from None
    return [line for each in text.splitlines() if (line := each.strip())]
