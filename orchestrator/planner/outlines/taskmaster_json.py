"""``.taskmaster/tasks/tasks.json`` of Task Master: tasks with numbers, their subtasks, what each depends on.

A task with subtasks is a group of them; naming it means all of them. What is done, cancelled or deferred is named and
not planned.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator.core.text import join_first, one_line
from orchestrator.errors import Problem
from orchestrator.planner.outlines.items import Item, OutlineResult, drafted_items, unknown

FORM = "taskmaster-json"
_CLOSED = frozenset({"done", "completed", "complete", "cancelled", "canceled", "deferred"})
_OPEN = frozenset({"", "pending", "in-progress", "review", "blocked", "todo", "open"})
_ID = re.compile(r"[1-9]\d{0,6}(?:\.[1-9]\d{0,6})*")
_MOST_NAMED = 10


def recognises(data: Any) -> bool:
    """Whether there are tasks with titles, of one tag or of several."""
    return any(_is_list(tasks) for _, tasks in _tags(data))


def _tags(data: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(data, Mapping):
        if "tasks" in data:
            yield "", data["tasks"]
        for tag, inside in data.items():
            if isinstance(inside, Mapping) and "tasks" in inside:
                yield str(tag), inside["tasks"]


def _is_list(tasks: Any) -> bool:
    return isinstance(tasks, list) and any(
        isinstance(each, Mapping) and "title" in each and "name" not in each for each in tasks
    )


def read(data: Any, file: str) -> OutlineResult:
    """Return the tasks of the one tag in which something is to do."""
    tags = [(tag, tasks) for tag, tasks in _tags(data) if _is_list(tasks)]
    busy = [(tag, tasks) for tag, tasks in tags if any(map(_is_open, _walk(tasks)))]
    if len(busy) > 1:
        names = join_first([tag for tag, _ in busy], _MOST_NAMED)
        hint = f"keep one of them: jq '{{{busy[0][0]}}}' {file} > one.json"
        problem = Problem(f"several tags have open tasks: {names}", file, hint, "several_tags")
        return OutlineResult(problems=(problem,), form=FORM)
    reader = _TaskmasterReader(file)
    for task in (busy or tags or [("", ())])[0][1]:
        reader.take(task)
    return reader.read()


def _walk(tasks: Any) -> Iterator[Mapping[str, Any]]:
    for each in tasks if isinstance(tasks, list) else ():
        if isinstance(each, Mapping):
            yield each
            yield from _walk(each.get("subtasks"))


def _is_open(task: Mapping[str, Any]) -> bool:
    return str(task.get("status") or "").casefold() not in _CLOSED


class _TaskmasterReader:
    """Makes tasks of those of one tag."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._items: list[Item] = []
        self._problems: list[Problem] = []
        self._groups: dict[str, list[str]] = {}
        self._named: list[tuple[Item, str, str]] = []
        """A task, the id it names, the group in which that id counts."""

    def take(self, task: Any, group: str = "", hints: Sequence[str] = (), *, is_done: bool = False) -> None:
        if not isinstance(task, Mapping) or not _ID.fullmatch(own := str(task.get("id", ""))):
            where = f"{self._file}: {group or 'tasks'}"
            message = f"{one_line(repr(task), 60)} is no task with an id"
            self._problems.append(Problem(message, where, "give it a number as its id", "bad_id"))
            return
        id = f"{group}.{own}" if group and not own.startswith(f"{group}.") else own
        status = str(task.get("status") or "").casefold()
        if status not in _OPEN | _CLOSED:
            message = f"{id} has the status {one_line(status, 40)!r}, which says neither open nor done"
            hint = "write pending or done"
            self._problems.append(Problem(message, f"{self._file}: task {id}", hint, "unclear_status"))
        is_done = is_done or not _is_open(task)
        title, texts = _text(task, "title"), [_text(task, "description"), _text(task, "details")]
        needs = task.get("dependencies")
        names = [str(each) for each in needs] if isinstance(needs, list) else []
        below = task.get("subtasks")
        start = len(self._items)
        if isinstance(below, list) and below:
            about = "\n\n".join(filter(None, texts))
            part = [f"Part of: {title}", *([f"About “{title}”: {about}"] if about else [])]
            if test := _text(task, "testStrategy"):
                part.append(f"How “{title}” is tested: {test}")
            for each in below:
                self.take(each, id, [*hints, *part], is_done=is_done)
        else:
            self._items.append(
                Item(
                    id=id,
                    where=f"{self._file}: task {id}",
                    text=title or id,
                    details="\n\n".join(filter(None, texts)),
                    is_done=is_done,
                    hints=list(hints),
                    fields=_fields(task),
                )
            )
        mine = self._items[start:]
        self._groups[id] = [item.id for item in mine]
        self._named += [(item, name, group) for item in mine for name in names]

    def read(self) -> OutlineResult:
        for item, name, group in self._named:
            meant = self._groups.get(f"{group}.{name}") if group else None
            meant = meant if meant is not None else self._groups.get(name)
            if meant is None:
                self._problems.append(unknown(item.id, name, item.where))
                continue
            is_whole = meant == [meant[0]] if meant else False
            for need in meant:
                if need != item.id:
                    item.needs.setdefault(need, "data" if is_whole else "order")
        return drafted_items(self._file, self._items, FORM, self._problems)


def _text(task: Mapping[str, Any], name: str) -> str:
    value = task.get(name)
    return value.strip() if isinstance(value, str) else ""


def _fields(task: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if priority := _text(task, "priority"):
        fields["priority"] = priority
    if test := _text(task, "testStrategy"):
        fields["acceptance"] = [test]
    return fields
