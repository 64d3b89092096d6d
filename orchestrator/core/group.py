"""Tasks that stand under another one (seed rows S1-25 to S1-27; design, "Identity and vocabulary").

A task that others name as their parent is an umbrella: it is never launched, it needs its children, and it is completed
when they are. What it needs they need too, so a phase that waits holds back everything in it; and whoever depends on
it waits for them all and gets their results.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from orchestrator.core.plan import Task
from orchestrator.core.ids import GUESSES, suggestion
from orchestrator.errors import Problem, TransitionError

_Needs = tuple[dict[str, None], dict[str, str]]
_ADD = "add the task or empty the cell"


def check_parents(rows: Sequence[Task]) -> Iterator[Problem]:
    """Yield what is wrong with who stands under whom: parents that are not there, and circles."""
    parents = {row.id: row.parent for row in rows}
    wheres = {row.id: row.where for row in rows}
    sound: set[str] = set()
    unknown = 0
    for row in rows:
        if row.parent and row.parent not in parents:
            unknown += 1
            guesses = parents if unknown <= GUESSES else ()
            yield Problem(
                f"task {row.id} stands under {row.parent}, which is not in the plan",
                row.where,
                suggestion(row.parent, [each for each in guesses if each != row.id], _ADD),
                "unknown_parent",
            )
        path: dict[str, None] = {}
        at = row.id
        while at and at not in sound and at not in path:
            path[at] = None
            at = parents.get(at, "")
        if at in path:
            circle = [*list(path)[list(path).index(at) :], at]
            yield Problem(
                f"the parents form a circle: {' → '.join(circle[:12])}",
                wheres[at],
                f"take one of them from under the other, for instance {at}",
                "parent_cycle",
            )
        sound.update(path)


def with_umbrellas(tasks: Mapping[str, Task]) -> dict[str, Task]:
    """Return the tasks with what being under or above another one means for their needs; parents must be sound."""
    children: dict[str, list[str]] = {}
    for task in tasks.values():
        if task.parent:
            children.setdefault(task.parent, []).append(task.id)
    if not children:
        return dict(tasks)
    inherited: dict[str, _Needs] = {"": ({}, {})}
    return {
        task.id: _linked(task, _of_group(task.parent, tasks, inherited), children)
        for task in tasks.values()
    }


def _linked(task: Task, above: _Needs, children: Mapping[str, Sequence[str]]) -> Task:
    needs, kinds = above
    below = tuple(children.get(task.id, ()))
    if not (below or needs):
        return task
    own = dict(task.need_kinds)
    return task._replace(
        needs=tuple(dict.fromkeys((*task.needs, *needs, *below))),
        need_kinds=tuple(
            (own | {each: kinds[each] for each in kinds if each not in task.needs}).items()
        ),
        children=below,
    )


def _of_group(parent: str, tasks: Mapping[str, Task], known: dict[str, _Needs]) -> _Needs:
    """Return what the tasks under *parent* need because of it and of what it stands under itself."""
    way = []
    while parent not in known:
        way.append(tasks[parent])
        parent = tasks[parent].parent
    for task in reversed(way):
        needs, kinds = known[task.parent]
        known[task.id] = dict.fromkeys((*task.needs, *needs)), {**kinds, **dict(task.need_kinds)}
        parent = task.id
    return known[parent]


def refuse_group(task_id: str, *, is_one: bool) -> None:
    """Let nobody say where an umbrella stands.

    Raises:
        TransitionError: it is one.
    """
    if is_one:
        raise TransitionError(
            f"{task_id} is an umbrella: where it stands follows from the tasks under it",
            hint=f"`orchestrator list --parent {task_id}` shows them",
        )


def sources(task: Task, tasks: Mapping[str, Task]) -> tuple[str, ...]:
    """Return the tasks whose results a task gets; an umbrella hands over those of everything under it (row S2-72)."""
    needs = task.data_needs
    if not any(tasks[need].children for need in needs):
        return needs
    return tuple(dict.fromkeys(each for need in needs for each in _below(need, tasks)))


def joined(task: Task, seen: Mapping[str, int], tasks: Mapping[str, Task]) -> list[str]:
    """Return what is under an umbrella by now and was not when a result was made from what was: *seen*.

    Nothing of an umbrella of which the result saw nothing: it was made before its task depended on that.
    """
    found: dict[str, None] = {}
    for umbrella in (need for need in task.data_needs if tasks[need].children):
        below = _below(umbrella, tasks)
        if umbrella in seen or not seen.keys().isdisjoint(below):
            found.update(dict.fromkeys(each for each in below if each not in seen))
    return list(found)


def _below(task_id: str, tasks: Mapping[str, Task]) -> list[str]:
    """Return a task, or everything under it that is no umbrella itself."""
    found, stack = [], [task_id]
    while stack:
        if children := tasks[each := stack.pop()].children:
            stack += reversed(children)
        else:
            found.append(each)
    return found
