"""The dependency graph of a plan: order, batches, cycles, longest remaining path.

The order comes from the standard library's ``graphlib``, because every run needs it before it can start anything and
networkx takes 0.1 s to import. Where a graph is looked into for people, networkx holds it (decision 0007).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.plan import Task
from orchestrator.errors import Problem
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = LazyModule("networkx")


class Shape(NamedTuple):
    """What the graph says about the order of a plan, computed once."""

    order: tuple[str, ...]
    """Task ids, every task after all it needs; within a batch as the plan lists them."""
    batch: Mapping[str, int]
    """Topological generation of each task, from 1: what could run together. Only shown."""
    rank: Mapping[str, float]
    """Longest path from the start of a task to the end of the plan, in seconds of estimate, or in tasks."""


def find_cycle(tasks: Mapping[str, Task]) -> Problem | None:
    """Return the problem that a cycle is, with its path, or None; unknown needs do not count."""
    try:
        _sorter(tasks)
    except CycleError as error:
        path: list[str] = error.args[1]
    else:
        return None
    shown = path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]
    return Problem(
        f"the dependencies form a cycle of {len(path) - 1} tasks: {' → '.join(shown)}",
        tasks[path[0]].where,
        _way_out(path, tasks),
        "cycle",
    )


def _way_out(path: Sequence[str], tasks: Mapping[str, Task]) -> str:
    if any(tasks[task_id].children for task_id in path):
        return (
            "an umbrella waits for the tasks under it, and they wait for what it depends on: "
            "take the dependency between the two away"
        )
    for need, task_id in pairwise(path):
        if (umbrella := _passed_on_by(need, task_id, tasks)) is not None:
            return f"{task_id} stands under {umbrella}, which depends on {need}: take one of the two away"
    return f"remove one of these dependencies, for instance {path[0]} from the row of {path[1]}"


def _passed_on_by(need: str, task_id: str, tasks: Mapping[str, Task]) -> str | None:
    """Return the topmost umbrella of a task that waits for *need* as well: everything under it has that from there."""
    found, above = None, tasks.get(tasks[task_id].parent)
    # Where parents are not sound, no one has children.
    while above is not None and above.children and need in above.needs:
        found, above = above.id, tasks.get(above.parent)
    return found


def shape(tasks: Mapping[str, Task]) -> Shape:
    """Return order, batches and ranks of an acyclic plan in O(tasks + dependencies)."""
    sorter = _sorter(tasks)
    place = {task_id: index for index, task_id in enumerate(tasks)}
    batch: dict[str, int] = {}
    number = 0
    while generation := sorter.get_ready():
        number += 1
        batch.update(dict.fromkeys(sorted(generation, key=place.__getitem__), number))
        sorter.done(*generation)
    order = tuple(batch)
    if any(task.children for task in tasks.values()):
        batch = _batches(tasks, order)
    weight = weights(tasks)
    rank: dict[str, float] = {}
    after = dict.fromkeys(order, 0.0)
    for task_id in reversed(order):
        rank[task_id] = after[task_id] + weight[task_id]
        for need in tasks[task_id].needs:
            after[need] = max(after[need], rank[task_id])
    return Shape(order, batch, rank)


def _batches(tasks: Mapping[str, Task], order: Sequence[str]) -> dict[str, int]:
    """Return the batches when umbrellas, for which nothing runs, are no batches of their own."""
    batch: dict[str, int] = {}
    for task_id in order:
        before = max((batch[need] for need in tasks[task_id].needs), default=0)
        batch[task_id] = before if before and tasks[task_id].children else before + 1
    return batch


def _sorter(tasks: Mapping[str, Task]) -> TopologicalSorter[str]:
    sorter = TopologicalSorter({task.id: task.needs for task in tasks.values()})
    sorter.prepare()
    return sorter


def weights(tasks: Mapping[str, Task]) -> dict[str, float]:
    """Return how much each task adds to a path: seconds where anything is estimated, else 1; an umbrella nothing.

    A task that no one estimated weighs as much as the average of those that a user did.
    """
    known = [task.estimate for task in tasks.values() if task.estimate and not task.children]
    usual = sum(known) / len(known) if known else 1.0
    return {task.id: 0.0 if task.children else task.estimate or usual for task in tasks.values()}


def ancestors(tasks: Mapping[str, Task], task_id: str) -> Iterator[str]:
    """Yield everything that a task needs, directly or not, each once, the nearest first."""
    seen, queue = {task_id}, deque([task_id])
    while queue:
        for need in tasks[queue.popleft()].needs:
            if need not in seen:
                seen.add(need)
                queue.append(need)
                yield need


def digraph(tasks: Mapping[str, Task]) -> nx.DiGraph[str]:
    """Return the graph with an edge from each dependency to its dependant, weighted with the dependant's estimate."""
    weight = weights(tasks)
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(tasks)
    graph.add_weighted_edges_from((need, task.id, weight[task.id]) for task in tasks.values() for need in task.needs)
    return graph


def critical_path(tasks: Mapping[str, Task], given_up: Collection[str] = ()) -> list[str]:
    """Return the chain of tasks that no number of slots makes shorter; it leads through none that is *given_up*."""
    graph, weight = digraph(tasks), weights(tasks)
    graph.remove_nodes_from(given_up)
    start = ""  # no task has this id
    graph.add_weighted_edges_from([(start, task_id, weight[task_id]) for task_id in graph])
    path: list[str] = nx.dag_longest_path(graph)
    return path[1:]
