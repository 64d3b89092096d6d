"""What the graph says about a plan: order, batches, ranks, cycles."""

from __future__ import annotations

from itertools import pairwise

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.graph import critical_path, digraph, find_cycle, shape
from orchestrator.core.plan import Task


def plan(**needs: str) -> dict[str, Task]:
    """Each row with what it needs: ``plan(a="", b="a", c="a b")``."""
    return {
        id: Task(id=id, name=id, description="", needs=tuple(listed.split()), where=f"plan.md:{line}")
        for line, (id, listed) in enumerate(needs.items(), start=1)
    }


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, Task]:
    """A plan without cycles, its rows in any order."""
    size = draw(st.integers(0, 15))
    tasks = [
        Task(
            id=f"t{n}",
            name="",
            description="",
            needs=tuple(f"t{need}" for need in draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else (),
            estimate=draw(st.none() | st.floats(1, 1e4)),
        )
        for n in range(size)
    ]  # fmt: skip
    return {task.id: task for task in draw(st.permutations(tasks))}


def test_an_empty_plan_has_an_empty_shape() -> None:
    """No tasks, no batches, no cycle."""
    assert ((), {}, {}) == ((found := shape({})).order, found.batch, found.rank)
    assert None is find_cycle({})


def test_batches_are_what_could_run_together() -> None:
    """A task's batch is one more than the latest batch it needs."""
    found = shape(plan(z="", a="", b="a z", c="", d="b c"))
    assert {"z": 1, "a": 1, "c": 1, "b": 2, "d": 3} == found.batch


def test_the_order_within_a_batch_is_the_order_of_the_plan() -> None:
    """Whoever wrote z before a finds z before a."""
    assert ("z", "a", "c", "b", "d") == shape(plan(z="", a="", b="a z", c="", d="b c")).order


def test_a_row_may_stand_before_what_it_needs() -> None:
    """A plan is a graph: the order of its rows means nothing to the dependencies."""
    assert ("a", "b", "c") == shape(plan(c="b", b="a", a="")).order


def test_without_estimates_a_rank_counts_tasks() -> None:
    """The longest remaining path, the task itself included."""
    assert {"a": 3.0, "b": 2.0, "c": 1.0, "d": 1.0} == shape(plan(a="", b="a", c="b", d="a")).rank


def test_with_estimates_a_rank_is_seconds() -> None:
    """A task nobody estimated weighs as much as the average of the others."""
    tasks = plan(a="", b="a", c="a", d="b c")
    tasks["a"] = Task(id="a", name="", description="", estimate=60.0)
    tasks["b"] = Task(id="b", name="", description="", needs=("a",), estimate=20.0)
    assert {"a": 60.0 + 40.0 + 40.0, "b": 20.0 + 40.0, "c": 80.0, "d": 40.0} == shape(tasks).rank


@given(acyclic())
def test_a_shape_holds_for_every_plan(tasks: dict[str, Task]) -> None:
    """Everything needed comes before in order and batch, and has more path before it."""
    found = shape(tasks)
    place = {id: index for index, id in enumerate(found.order)}
    assert tasks.keys() == set(found.order)
    assert len(tasks) == len(found.order)
    for task in tasks.values():
        for need in task.needs:
            assert place[need] < place[task.id]
            assert found.batch[need] < found.batch[task.id]
            assert found.rank[need] > found.rank[task.id]
    assert None is find_cycle(tasks)


def test_a_cycle_is_told_with_its_path() -> None:
    """The path begins and ends with the same task, every arrow is a dependency, and the row is named."""
    tasks = plan(start="", a="start c", b="a", c="b", end="c")
    problem = find_cycle(tasks)
    assert problem is not None
    assert "cycle" == problem.code
    what, _, path = problem.message.partition(": ")
    assert "the dependencies form a cycle of 3 tasks" == what
    names = path.split(" → ")
    assert {"a", "b", "c"} == set(names)
    assert names[0] == names[-1]
    assert all(tasks[after].needs.count(before) for before, after in pairwise(names))
    assert tasks[names[0]].where == problem.where
    assert f"remove one of these dependencies, for instance {names[0]} from the row of {names[1]}" == problem.hint


@pytest.mark.parametrize("backwards", [False, True])
def test_a_cycle_of_thousands_is_told_shortly(backwards: bool) -> None:
    """Five thousand tasks in a ring: found, and told in one line that a person can read."""
    size = 5000
    numbers = range(size - 1, -1, -1) if backwards else range(size)
    problem = find_cycle(plan(**{f"t{n}": f"t{(n - 1) % size}" for n in numbers}))
    assert problem is not None
    assert f"a cycle of {size} tasks" in problem.message
    assert " … " in problem.message
    assert len(problem.message) < 200


def test_a_cycle_at_the_end_of_a_long_chain_is_found() -> None:
    """The way into a cycle is not part of it."""
    chain = {f"t{n}": f"t{n - 1}" if n else "" for n in range(2000)}
    problem = find_cycle(plan(**chain, x="t1999 y", y="x"))
    assert problem is not None
    assert problem.message.endswith(("x → y → x", "y → x → y"))


def test_an_edge_leads_from_the_need_to_its_dependant() -> None:
    """As time flows."""
    assert [("a", "b")] == list(digraph(plan(a="", b="a")).edges)


@given(acyclic())
def test_both_libraries_see_the_same_graph(tasks: dict[str, Task]) -> None:
    """Every task is in the batch that networkx gives it; the critical path is a chain as long as the highest rank."""
    found = shape(tasks)
    generations = nx.topological_generations(digraph(tasks))
    batch = {task: number for number, each in enumerate(generations, start=1) for task in each}
    assert batch == found.batch
    path = critical_path(tasks)
    assert all(before in tasks[after].needs for before, after in pairwise(path))
    left = [found.rank[task] for task in path]
    assert max(found.rank.values(), default=0) == pytest.approx(max(left, default=0))
