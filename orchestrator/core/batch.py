"""Batches: a row with a list in it becomes a group, and every item of the list a task of that group.

What a batch was expanded to is kept beside the plan (``store/batches.py``), so that each item has the same id in every
run. ``expand`` puts the tasks into the plan.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from orchestrator.core.condition import compile_condition, unknown_readings
from orchestrator.core.ids import similar_name
from orchestrator.core.params import command_with_item, filled_with_item, paths_in
from orchestrator.core.plan import TASK_ID, Plan, Task
from orchestrator.core.pools import read_inside
from orchestrator.core.settings import read_setting
from orchestrator.core.text import one_line
from orchestrator.errors import PlanError, Problem
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    import hashlib
else:
    hashlib = LazyModule("hashlib")

#: Items of one batch, and characters of one item.
MOST_ITEMS, LONGEST_ITEM = 10_000, 10_000
#: Names that are values in other places.
_TAKEN = frozenset({"item", "needs", "params", "result"})
#: Lists and objects within each other.
_DEEPEST = 8
_CODE = "bad_batch"
_PATH = re.compile(r"(?:needs|result|params|item)\b(?=[.\[])|(?:result|item)$")
_PREFIX = re.compile(r"([A-Za-z]{1,10})\s*:\s*(.*)", re.DOTALL)
_MAY_BE_EMPTY = re.compile(r"\s*\(may be empty\)\s*$", re.IGNORECASE)
#: What is left of the longest id for the number of an item.
_LONGEST_ID = 64 - len(f".{MOST_ITEMS * 100}")


class ForEach(NamedTuple):
    """What a For Each cell says."""

    kind: Literal["list", "glob", "lines", "result"]
    text: str
    """The glob, the file or the path."""
    items: tuple[Any, ...] = ()
    may_be_empty: bool = False


class BatchItem(NamedTuple):
    """An item of a batch, and the number that it keeps."""

    number: int
    value: Any
    is_gone: bool = False
    """The list does not have it any more, and its task is not in the plan."""


class Expansion(NamedTuple):
    """What a batch was expanded to."""

    items: tuple[BatchItem, ...] = ()
    made_from: Mapping[str, int] = {}
    """The attempts whose answers have the list, of a list that is known only during a run."""
    is_open: bool = False
    """The list is to be read again before anything of it runs."""

    @property
    def sum(self) -> str:
        """The hash of the items that count."""
        listed = "\n".join(_key(item.value) for item in self.items if not item.is_gone)
        return hashlib.sha256(listed.encode()).hexdigest()


# ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────


def read_foreach(text: str) -> ForEach:
    """Read a For Each cell.

    Raises:
        ValueError: it is no list.
    """
    may_be_empty = bool(found := _MAY_BE_EMPTY.search(text))
    said = (text[: found.start()] if found else text).strip()
    if said.startswith("["):
        items = _json_list(said)
        if not (items or may_be_empty):
            raise ValueError("the list is empty; write (may be empty) behind it where that is meant")
        return ForEach("list", said, items, may_be_empty)
    if _PATH.match(said) and "," not in said:
        return ForEach("result", _path(said))
    prefix = _PREFIX.fullmatch(said)
    match prefix and prefix[1].casefold():
        case "glob" if prefix and prefix[2]:
            return ForEach("glob", read_inside(prefix[2]), (), may_be_empty)
        case "lines" if prefix and prefix[2]:
            return ForEach("lines", prefix[2].strip("`"), (), may_be_empty)
        case word if word and similar_name(word, ("glob", "lines")):
            raise ValueError(f"{one_line(word, 40)!r} is none of glob, lines")
    items = tuple(word for each in said.split(",") if (word := each.strip().strip("`").strip()))
    if "," not in said or not items or said.startswith("{"):
        raise ValueError(f"{one_line(said, 60)!r} is no list")
    return ForEach("list", said, checked_items(items), may_be_empty)


def _json_list(said: str) -> tuple[Any, ...]:
    try:
        found = json.loads(said)
    except (ValueError, RecursionError) as error:
        at = f", column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise ValueError(f"this is no list in JSON{at}: {one_line(said, 60)}") from None
    return checked_items(found)


def _path(said: str) -> str:
    condition = compile_condition(said)
    paths = condition.paths
    if len(paths) != 1 or paths[0][0] not in {"needs", "result"} or not condition.is_path:
        raise ValueError(f"{one_line(said, 60)!r} is no path to a list")
    return said


def checked_items(items: Sequence[Any]) -> tuple[Any, ...]:
    """Return the items of a list.

    Raises:
        ValueError: there are too many, or one of them is too long or no text.
    """
    if len(items) > MOST_ITEMS:
        raise ValueError(f"{len(items):,} items are more than {MOST_ITEMS:,}")
    for number, item in enumerate(items, 1):
        try:
            size = len(_key(item).encode())
        except (ValueError, RecursionError):
            raise ValueError(f"item {number} is no value of JSON in UTF-8") from None
        if item is None or item == "":
            raise ValueError(f"item {number} is empty")
        if size > LONGEST_ITEM:
            raise ValueError(f"item {number} is longer than {LONGEST_ITEM:,} characters")
        if "\\u0000" in _key(item) or _is_deeper(item, _DEEPEST):
            raise ValueError(f"item {number} has a NUL in it, or is nested too deeply")
    return tuple(items)


def _is_deeper(value: Any, most: int) -> bool:
    below = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(not most or _is_deeper(each, most - 1) for each in below)


def as_items(value: Any) -> tuple[Any, ...] | None:
    """Return the items of a value that was found in an answer; None where it is no list.

    Raises:
        ValueError: as ``checked_items``.
    """
    return checked_items(value) if isinstance(value, list) else None


def read_matrix(value: Any) -> str:
    """Return the axes of a matrix as JSON.

    Raises:
        ValueError: it is no mapping of names to lists.
    """
    hint = 'write {os: [linux, mac], py: ["3.11", "3.12"]}'
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"a matrix has a list for each name; {hint}")
    for name, axis in value.items():
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w{0,39}", name) or name in _TAKEN:
            raise ValueError(f"{one_line(str(name), 40)!r} is no name; {hint}")
        if not isinstance(axis, list) or not axis or not all(isinstance(each, (str, int)) for each in axis):
            raise ValueError(f"{name} is no list of words or numbers; {hint}")
    if (count := math.prod(map(len, value.values()))) > MOST_ITEMS:
        raise ValueError(f"{count:,} items are more than {MOST_ITEMS:,}")
    return json.dumps(value, ensure_ascii=False)


def is_known_during_run(task: Task) -> bool:
    """Say whether the list of a batch stands in the answer of a task."""
    return bool(task.foreach) and not task.matrix and read_foreach(task.foreach).kind == "result"


def listed_items(task: Task) -> tuple[Any, ...] | ForEach:
    """Return the items that the row of a batch lists itself; else where they are."""
    if task.matrix:
        axes = json.loads(task.matrix)
        return tuple(dict(zip(axes, each, strict=True)) for each in product(*axes.values()))
    said = read_foreach(task.foreach)
    return said.items if said.kind == "list" else said


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def renewed(
    before: Expansion | None,
    items: Sequence[Any],
    stays: Callable[[int], bool] = lambda _: False,
    made_from: Mapping[str, int] | None = None,
) -> Expansion:
    """Return the expansion with the items of the list as it is now.

    An item that was there keeps its number, a new one gets a new one, and one that is gone leaves the plan unless it
    *stays*: its task is completed, or under way.
    """
    known = before.items if before else ()
    numbers: dict[str, list[BatchItem]] = {}
    for item in known:
        numbers.setdefault(_key(item.value), []).append(item)
    for same in numbers.values():
        same.reverse()  # popped from the end: of equal items the first keeps the first number
    last = max((item.number for item in known), default=0)
    found: list[BatchItem] = []
    for value in items:
        if same := numbers.get(_key(value), []):
            found.append(same.pop()._replace(is_gone=False))
        else:
            last += 1
            found.append(BatchItem(last, value))
    left = (item for same in numbers.values() for item in same)
    found += [item._replace(is_gone=item.is_gone or not stays(item.number)) for item in left]
    found.sort()
    return Expansion(tuple(found), dict(made_from or {}))


def _key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def child_id(batch: str, number: int) -> str:
    """Return the id of the task for an item."""
    return f"{batch}.{number}"


# ── expansion ─────────────────────────────────────────────────────────────────────────────────────────────────────


def batches_of(plan: Plan) -> list[str]:
    """Return the tasks that are done for each item of a list."""
    return [task.id for task in plan.tasks.values() if task.is_batch]


def expand(plan: Plan, expansions: Mapping[str, Expansion]) -> Plan:
    """Return the plan with the tasks of its batches in it.

    Raises:
        PlanError: an id is taken, or an item lacks what the row takes from it; names the row.
    """
    if not any(task.is_batch for task in plan.tasks.values()):
        return plan
    tasks: dict[str, Task] = {}
    problems: list[Problem] = []
    for task in plan.tasks.values():
        expansion = expansions.get(task.id) if task.is_batch else None
        items = [item for item in expansion.items if not item.is_gone] if expansion and not expansion.is_open else []
        if not items:
            tasks[task.id] = task
            continue
        children = list(_children(task, items, plan.tasks, problems))
        ids = tuple(child.id for child in children)
        needs = ids if task.run_if else tuple(dict.fromkeys((*task.needs, *ids)))
        tasks[task.id] = task._replace(needs=needs, children=ids, condition="", run_if="")
        tasks.update((child.id, child) for child in children)
    if problems:
        raise PlanError(problems)
    return plan._replace(tasks=tasks)


def _children(
    batch: Task, items: Sequence[BatchItem], known: Mapping[str, Task], problems: list[Problem]
) -> Iterator[Task]:
    taken = {each.casefold() for each in known}
    # Of a list that only a run knows, each task of the batch can tell that it was read anew.
    foreach = batch.foreach if is_known_during_run(batch) else ""
    model = batch._replace(parent=batch.id, agent=batch.agent_key, foreach=foreach)
    for item in items:
        task_id = child_id(batch.id, item.number)
        if task_id.casefold() in taken:
            hint = f"call the other row otherwise: item {item.number} of {batch.id} has this id"
            problems.append(Problem(f"{task_id} is a task already", batch.where, hint, "duplicate_id"))
            return
        try:
            yield _child(model, task_id, item)
        except ValueError as error:
            hint = "correct the text or the item"
            problems.append(Problem(f"foreach: item {item.number}: {error}", batch.where, hint, _CODE))
            return


def _child(batch: Task, task_id: str, item: BatchItem) -> Task:
    values = item_values(batch, item.value)
    description = _line(filled_with_item(batch.description, values))
    command = _line(command_with_item(batch.description, values))
    inputs = tuple((name, _line(filled_with_item(text, values))) for name, text in batch.inputs)
    if not any(_takes(batch, text) for text in (batch.name, batch.description, *dict(batch.inputs).values())):
        inputs += (("Item", _line(filled_with_item("{{item}}", {"item": item.value}))),)
    settings = tuple((name, _setting(name, filled_with_item(text, values))) for name, text in batch.settings)
    return batch._replace(
        id=task_id,
        name=one_line(filled_with_item(batch.name, values)),
        description=description,
        command="" if command == description else command,
        expected=_line(filled_with_item(batch.expected, values)),
        inputs=inputs,
        settings=settings,
        item=_key(item.value),
    )


def _setting(name: str, text: str) -> str:
    read_setting(name, text)
    return text


def _line(text: str) -> str:
    """Return what stands for a cell: a cell that looks like one command must not become two."""
    return text if text.isprintable() else re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", " ", text)


def _takes(batch: Task, text: str) -> bool:
    names = item_names(batch)
    return any(path[0] in names for path in paths_in(text))


def item_names(task: Task) -> tuple[str, ...]:
    """Return the names of the values of an item in the texts of a batch."""
    return ("item", *(json.loads(task.matrix) if task.matrix else ()))


def item_values(task: Task, item: Any) -> dict[str, Any]:
    """Return what can stand in the braces of a text of a batch."""
    return {"item": item, **(item if task.matrix else {})}


def values_of(task: Task) -> dict[str, Any]:
    """Return the same for a task of a batch; nothing for any other task."""
    return item_values(task, json.loads(task.item)) if task.item else {}


# ── problems ──────────────────────────────────────────────────────────────────────────────────────────────────────


def batch_problems(tasks: Mapping[str, Task]) -> Iterator[Problem]:
    """Yield what is wrong with the batches of a plan, as far as its rows say it."""
    for task in tasks.values():
        above = tasks.get(task.parent)
        if above is not None and above.is_batch:
            is_nested = "batches cannot be nested: " if task.is_batch else ""
            message = f"{is_nested}{task.id} stands under {above.id}, which makes its own tasks from a list"
            yield Problem(message, task.where, f"let it depend on {above.id}, or empty the cell", _CODE)
        if task.is_batch:
            yield from _row_problems(task, tasks)
        elif task.max_concurrent or task.on_failure:
            name = "Max Concurrent" if task.max_concurrent else "On Failure"
            hint = "write a list into its For Each cell, or empty the cell"
            yield Problem(f"{name} is for a batch, and {task.id} has no list", task.where, hint, _CODE)


def _row_problems(task: Task, tasks: Mapping[str, Task]) -> Iterator[Problem]:
    if task.fallback_for or any(task.id == each.fallback_for for each in tasks.values()):
        hint = "let a task that is no batch stand in, or be stood in for"
        yield Problem(f"{task.id} is a batch, and part of a fallback", task.where, hint, _CODE)
    if task.foreach and task.matrix:
        yield Problem(f"{task.id} has both For Each and Matrix", task.where, "keep one of them", _CODE)
        return
    if len(task.id) > _LONGEST_ID or not TASK_ID.fullmatch(task.id):
        hint = f"take one of at most {_LONGEST_ID} characters: the numbers of its items are put behind it"
        yield Problem(f"the id of the batch {one_line(task.id, 64)} is too long", task.where, hint, _CODE)
    if is_known_during_run(task):
        read = compile_condition(read_foreach(task.foreach).text)
        yield from unknown_readings(task, read, tasks, f"For Each of {task.id}")
    names = item_names(task)
    for text in dict.fromkeys((task.name, task.description, task.expected, *dict(task.inputs).values())):
        for path in islice(paths_in(text), 100):
            if path[0] not in names and (close := similar_name(str(path[0]), names)):
                message = f"{{{{{path[0]}}}}} is no value of the batch {task.id}"
                yield Problem(message, task.where, f"did you mean {{{{{close}}}}}?", _CODE)
