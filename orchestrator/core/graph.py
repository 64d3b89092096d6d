"""The dependency graph of a plan: order, batches, cycles, longest remaining path. networkx holds the graph.

networkx costs 0.1 s to import, so it is imported when a graph is built and not before; ``status`` and ``list`` read
the order from the cache instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.core.plan import Task
from orchestrator.errors import Problem

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True, slots=True)
class Shape:
    """What the graph says about the order of a plan, computed once."""

    order: tuple[str, ...]
    """Task ids, every task after all it needs; within a batch as the plan lists them."""
    batch: Mapping[str, int]
    """Topological generation of each task, from 1: what could run together (seed row S2-48). Only shown."""
    rank: Mapping[str, float]
    """Longest path from the start of a task to the end of the plan, in seconds of estimate, or in tasks."""


def digraph(tasks: Mapping[str, Task]) -> nx.DiGraph[str]:
    """Return the graph with an edge from each dependency to its dependant; every need must be in *tasks*."""
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(tasks)
    graph.add_edges_from((need, task.id) for task in tasks.values() for need in task.needs)
    return graph


def find_cycle(tasks: Mapping[str, Task]) -> Problem | None:
    """Return the problem that a cycle is, with its path (seed row S2-10), or None."""
    import networkx as nx

    try:
        path = [edge[0] for edge in nx.find_cycle(digraph(tasks))]
    except nx.NetworkXNoCycle:
        return None
    path.append(path[0])
    shown = path if len(path) <= 12 else [*path[:6], "…", *path[-5:]]
    return Problem(
        f"the dependencies form a cycle of {len(path) - 1} tasks: {' → '.join(shown)}",
        tasks[path[0]].where,
        f"remove one of these dependencies, for instance {path[0]} from the row of {path[1]}",
        "cycle",
    )


def shape(tasks: Mapping[str, Task]) -> Shape:
    """Return order, batches and ranks of an acyclic plan in O(tasks + dependencies)."""
    import networkx as nx

    graph = digraph(tasks)
    batch: dict[str, int] = {}
    for number, generation in enumerate(nx.topological_generations(graph), start=1):
        batch.update(dict.fromkeys(generation, number))
    place = {task_id: index for index, task_id in enumerate(tasks)}
    order = tuple(sorted(batch, key=lambda task_id: (batch[task_id], place[task_id])))
    known = [task.estimate for task in tasks.values() if task.estimate]
    # A task nobody estimated weighs as much as the average of those somebody did.
    usual = sum(known) / len(known) if known else 1.0
    rank: dict[str, float] = {}
    for task_id in reversed(order):
        after = max((rank[child] for child in graph.successors(task_id)), default=0.0)
        rank[task_id] = after + (tasks[task_id].estimate or usual)
    return Shape(order, batch, rank)
