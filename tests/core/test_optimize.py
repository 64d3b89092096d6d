"""What would make a plan quicker: how long it takes, and which dependencies it could do without."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.core.graph import find_cycle
from orchestrator.core.optimize import Edge, Improvement, Model, improve, length
from orchestrator.core.plan import Task, with_umbrellas
from orchestrator.core.pools import Claim, Limits, limits

FREE = Limits({}, {})


def task(id: str, needs: str = "", seconds: float | None = None, parent: str = "") -> Task:
    """A row: ``task("c", "a b:order")``."""
    split = [each.partition(":") for each in needs.split()]
    return Task(
        id=id,
        name="",
        description="",
        needs=tuple(need for need, _, _ in split),
        need_kinds=tuple((need, kind) for need, _, kind in split if kind),
        estimate=seconds,
        parent=parent,
    )


def rows(*tasks: Task) -> dict[str, Task]:
    return {each.id: each for each in tasks}


def editor(own: Mapping[str, Task]) -> Callable[[Collection[Edge]], Mapping[str, Task]]:
    """Takes dependencies out of rows, and links umbrellas again."""

    def without(edges: Collection[Edge]) -> Mapping[str, Task]:
        gone = set(edges)
        left = {
            each.id: each._replace(
                needs=tuple(need for need in each.needs if Edge(need, each.id) not in gone),
                need_kinds=tuple(pair for pair in each.need_kinds if Edge(pair[0], each.id) not in gone),
            )
            for each in own.values()
        }
        return with_umbrellas(left)

    return without


def improved(own: Mapping[str, Task], **model: object) -> Improvement:
    """What ``improve`` says of rows, where every task writes a file of its own unless *writes* says otherwise."""
    writes = {each: (f"{each}.txt",) for each in own}
    found = Model(**{"limits": FREE, "slots": 4, "writes": writes, **model})  # type: ignore[arg-type]
    return improve(with_umbrellas(own), found, editor(own))


@pytest.mark.parametrize(("slots", "takes"), [(1, 10.0), (2, 5.0), (3, 5.0)])
def test_a_plan_takes_as_long_as_its_slots_let_it(slots: int, takes: float) -> None:
    """Two chains and a task: what has the longest chain behind it starts first."""
    plan = rows(task("a", seconds=1), task("b", "a", 4), task("c", seconds=3), task("d", seconds=2))
    assert takes == length(plan, Model(FREE, slots))


def test_a_limit_keeps_tasks_apart() -> None:
    plan = rows(task("a", seconds=1), task("b", seconds=1), task("c", seconds=1))
    claims = {"a": Claim(pools=["gpu"]), "b": Claim(pools=["gpu"]), "c": Claim()}
    assert 2 == length(plan, Model(limits(claims, {"gpu": {"size": 1, "types": []}}), 3))


def test_what_a_task_took_counts_before_what_was_estimated() -> None:
    plan = rows(task("a", seconds=100), task("b", "a"))
    assert 8 == length(plan, Model(FREE, 1, measured={"a": 4.0}))


def test_without_times_a_plan_is_measured_in_tasks_and_an_umbrella_is_none() -> None:
    own = rows(task("u"), task("a", parent="u"), task("b", "a", parent="u"), task("c", "u"))
    assert 3 == length(with_umbrellas(own), Model(FREE, 2))


def test_a_task_that_was_given_up_takes_no_time() -> None:
    assert 1 == length(rows(task("a"), task("b", "a")), Model(FREE, 1, given_up={"b"}))


def test_order_between_tasks_that_share_nothing_goes() -> None:
    found = improved(rows(task("a", seconds=3), task("b", "a:order", 4), task("c", "b", 1)))
    assert [Edge("a", "b")] == found.gone
    assert [[["a"], ["b", "c"]]] == found.side_by_side
    assert (8, 5) == (found.before.length, found.after.length)
    assert (["a", "b", "c"], ["b", "c"]) == (found.before.path, found.after.path)


def test_one_more_slot() -> None:
    found = improved(rows(task("a", seconds=3), task("b", seconds=4)), slots=1)
    assert (7, 4) == (found.after.length, found.after.with_one_more)


@pytest.mark.parametrize(
    ("writes", "text", "why"),
    [
        ({"a": ["src/**"], "b": ["src/x.py"]}, "", None),
        ({"a": ["src/**"]}, "", "b does not say in Writes"),
        ({}, "", "a, b do not say in Writes"),
        ({"a": ["src/**"], "b": ["out"]}, "Look at what a says", "names a"),
        ({"a": ["src/**"], "b": ["out"]}, "Test `src/x.py`.", "names src/x.py"),
        ({"a": ["src/x.py"], "b": ["out"]}, "Test everything in src/", "names src"),
    ],
)
def test_order_that_may_be_needed_stays(writes: Mapping[str, list[str]], text: str, why: str | None) -> None:
    """Files that overlap need no word; of anything else a person is asked."""
    found = improved(rows(task("a"), task("b", "a:order")), writes=writes, texts={"b": text})
    assert not found.gone
    assert [why] * (why is not None) == [why for each in found.questions if why and why in each.why]
    assert bool(why) == bool(found.questions)


def test_order_that_another_path_says_goes() -> None:
    found = improved(rows(task("a"), task("b", "a"), task("c", "a:order b")), writes={})
    assert ([Edge("a", "c")], 3) == (found.gone, found.after.length)
    assert "c needs b, which comes after a" == found.implied[0].why


def test_results_are_never_taken_away_and_only_asked_about() -> None:
    """Also where another path implies them; a text that names the task settles the question."""
    plan = rows(task("a"), task("b", "a"), task("c", "a b"))
    found = improved(plan, texts={"b": "read a", "c": "something else"})
    assert not found.gone
    assert [Edge("b", "c")] == [each.edge for each in found.questions]
    assert 1 == found.questions[0].saves


def test_a_resource_is_named() -> None:
    found = improved(rows(task("a"), task("b", "a:resource")))
    assert ([], [Edge("a", "b")]) == (found.gone, [each.edge for each in found.resources])


def test_an_umbrella_frees_everything_under_it() -> None:
    own = rows(task("a"), task("u", "a:order"), task("b", parent="u"), task("c", "b", parent="u"))
    found = improved(own)
    assert ([Edge("a", "u")], 3, 2) == (found.gone, found.before.length, found.after.length)


def test_an_umbrella_stays_where_one_task_under_it_writes_the_same() -> None:
    own = rows(task("a"), task("u", "a:order"), task("b", parent="u"), task("c", parent="u"))
    assert not improved(own, writes={"a": ["x"], "b": ["y"], "c": ["x"]}).gone


def test_what_cannot_be_changed_alone_stays() -> None:
    """A row that is read otherwise when its cell is changed, and one whose dependency another row says as well."""
    own = rows(task("a"), task("b", "a:order"), task("c", "b:order"))
    model = Model(FREE, 2, writes={each: [f"{each}.txt"] for each in own})

    def without(edges: Collection[Edge]) -> Mapping[str, Task]:
        return {} if Edge("a", "b") in edges else own

    found = improve(own, model, without)
    assert not found.gone
    assert ["cannot be changed", "another cell"] == [
        word for each in found.left for word in ("cannot be changed", "another cell") if word in each.why
    ]


def test_a_dependency_stays_without_which_the_plan_would_take_longer() -> None:
    """Graham's anomaly: with fewer dependencies, list scheduling may start tasks in a worse order."""
    seconds = [3, 2, 2, 2, 4, 4, 4, 4, 9]
    needs = {5: "t4:order", 6: "t4:order", 7: "t4", 8: "t4", 9: "t1"}
    own = {
        f"t{n}": task(f"t{n}", needs.get(n, ""), took)._replace(priority=-n) for n, took in enumerate(seconds, start=1)
    }
    model = Model(FREE, 3)
    assert (12, 16) == (length(own, model), length(editor(own)([Edge("t4", "t5"), Edge("t4", "t6")]), model))
    found = improved(own, slots=3)
    assert 12 == found.after.length
    assert ["the plan would take longer"] == [each.why.partition(" without")[0] for each in found.left]


# ── any plan ─────────────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def plans(draw: st.DrawFn) -> tuple[dict[str, Task], Model]:
    """Rows with needs of all kinds, some under an umbrella, with limits, priorities and what was measured."""
    size = draw(st.integers(1, 12))
    own = {}
    for n in range(size):
        needs = sorted(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else []
        kinds = [draw(st.sampled_from(["data", "order", "order", "resource"])) for _ in needs]
        own[f"t{n}"] = Task(
            id=f"t{n}",
            name="",
            description="",
            needs=tuple(f"t{need}" for need in needs),
            need_kinds=tuple((f"t{need}", kind) for need, kind in zip(needs, kinds, strict=True) if kind != "data"),
            estimate=draw(st.none() | st.floats(1, 100)),
            priority=draw(st.integers(0, 2)),
        )
    if draw(st.booleans()) and size > 2:
        own["u"] = Task("u", "", "", needs=("t0",), need_kinds=(("t0", "order"),))
        for n in range(1, size):
            is_under = draw(st.booleans())
            own[f"t{n}"] = own[f"t{n}"]._replace(parent="u" if is_under else "")
    globs = st.lists(st.sampled_from(["x", "y", "z/**", "z/a"]), max_size=2)
    claims = {each: Claim(writes=draw(globs)) for each in own}
    writes = {each: claim.writes for each, claim in claims.items()}
    measured = draw(st.dictionaries(st.sampled_from(list(own)), st.floats(0, 50), max_size=3))
    return own, Model(limits(claims, {}), draw(st.integers(1, 4)), measured=measured, writes=writes)


@given(plans())
def test_a_better_plan_is_the_same_plan_and_never_slower(found: tuple[dict[str, Task], Model]) -> None:
    """The same tasks, no cycle, every result is handed over, and by its own model not slower."""
    own, model = found
    tasks = with_umbrellas(own)
    assume(find_cycle(tasks) is None)
    without = editor(own)
    better = improve(tasks, model, without)
    after = without(better.gone)
    assert list(tasks) == list(after)
    assert None is find_cycle(after)
    assert all(set(tasks[each].data_needs) == set(after[each].data_needs) for each in tasks)
    kinds = [dict(own[edge.task].need_kinds)[edge.need] for edge in better.gone]
    assert ["order"] * len(better.gone) == kinds
    assert length(after, model) <= length(tasks, model) * (1 + 1e-9)
    assert better.after.length == length(after, model)
