"""Tasks that stand under another one (rows S1-25 to S1-27)."""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.core.graph import find_cycle, shape
from orchestrator.core.plan import Plan, Task, check_parents, sources, with_umbrellas
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.scheduler.messages import Begun, Finish, Replanned
from orchestrator.scheduler.node import Node
from tests.scheduler.engine_play import completes, ends, engine, launched, skipped, tell


def row(id: str, *needs: str, under: str = "") -> Task:
    return Task(id, id, id, needs, parent=under, where=f"plan.md:{ord(id[-1])}")


def linked(*rows: Task) -> dict[str, Task]:
    return with_umbrellas({each.id: each for each in rows})


PHASES = linked(
    row("p1"), row("a", under="p1"), row("b", "a", under="p1"), row("p2", "p1"), row("c", under="p2"), row("d", "p2")
)


def board(*done: str, made: Mapping[str, dict[str, int]] | None = None, **others: TaskStatus) -> PlanSnapshot:
    statuses, made = dict.fromkeys(done, TaskStatus.COMPLETED) | others, made or {}
    results = {
        id: Result(id, "shell", status, (Attempt(1, 1, "r", status.value),), made.get(id, {}))
        for id, status in statuses.items()
    }
    return PlanSnapshot(Plan(PHASES), shape(PHASES), results)


def test_an_umbrella_needs_its_children_and_they_what_it_needs() -> None:
    """And a plan without any stays as it is."""
    needs = {id: task.needs for id, task in PHASES.items()}
    assert needs == {"p1": ("a", "b"), "a": (), "b": ("a",), "p2": ("p1", "c"), "c": ("p1",), "d": ("p2",)}
    assert ("p1",) == PHASES["p2"].own_needs
    plain = {"x": row("x"), "y": row("y", "x")}
    assert plain == with_umbrellas(plain)


def test_a_guess_is_never_the_row_itself() -> None:
    """Nothing stands under itself."""
    (problem,) = check_parents([row("T-01"), row("T-02", under="T-09")])
    assert "did you mean T-01?" == problem.hint


def test_what_an_umbrella_needs_goes_all_the_way_down() -> None:
    """Also the kind of the need, unless the task says another."""
    top = row("t", "x", "y")._replace(need_kinds=(("x", "order"), ("y", "order")))
    tasks = linked(row("x"), row("y"), top, row("m", under="t"), row("n", "y", under="m"))
    assert ("y", "x") == tasks["n"].needs
    assert ("y",) == tasks["n"].data_needs


def test_depending_on_an_umbrella_hands_over_what_is_under_it() -> None:
    """Its own result is none."""
    assert ("a", "b") == sources(PHASES["c"], PHASES)
    assert ("c",) == sources(PHASES["d"], PHASES)


def test_parents_must_be_there_and_form_no_circle() -> None:
    """Each with the row it stands in."""
    rows = [row("a", under="bb"), row("b", under="c"), row("c", under="b"), row("d", under="d")]
    told = [(each.code, each.where) for each in check_parents(rows)]
    assert told == [("unknown_parent", "plan.md:97"), ("parent_cycle", "plan.md:98"), ("parent_cycle", "plan.md:100")]


def test_who_only_leads_to_a_circle_of_parents_is_not_to_blame() -> None:
    """Taking it away would break no circle."""
    rows = [row("a", under="b"), row("b", under="c"), row("c", under="b")]
    (problem,) = check_parents(rows)
    assert ("plan.md:98", True) == (problem.where, problem.hint.endswith("for instance b"))


def test_nobody_waits_for_the_umbrella_above() -> None:
    """That would be waiting for oneself."""
    problem = find_cycle(linked(row("p"), row("a", "p", under="p")))
    assert problem is not None
    assert "an umbrella waits for the tasks under it" in problem.hint


def test_a_dependency_that_came_from_an_umbrella_is_told_so() -> None:
    """It stands in no row of the circle: nobody could take it out there."""
    problem = find_cycle(linked(row("g", "c"), row("p", under="g"), row("a", under="p"), row("c", "a")))
    assert problem is not None
    assert "the dependencies form a cycle of 2 tasks: c → a → c" == problem.message
    assert problem.hint == "a stands under g, which depends on c: take one of the two away"


def test_circles_of_both_kinds_are_told_together() -> None:
    """Parents that make no sense pass nothing on, and nobody looks for the top of them."""
    rows = [row("a", "b", under="b"), row("b", "a", under="a"), row("c", under="x")]
    problem = find_cycle({each.id: each for each in rows})
    assert problem is not None
    assert problem.hint.startswith("remove one of these dependencies")


def test_where_an_umbrella_stands_is_derived() -> None:
    """How many are done, and who failed; its own result, from a time when it was none, does not count."""
    assert board("a").standing["p1"] == (TaskStatus.WAITING, "1/2 completed")
    assert board("a", "b").standing["p1"] == (TaskStatus.COMPLETED, "2/2 completed")
    assert board("a", p1=TaskStatus.FAILED).standing["p1"][0] is TaskStatus.WAITING
    broken = board("a", b=TaskStatus.FAILED)
    assert broken.standing["p1"] == (TaskStatus.SKIPPED, "1/2 completed, b failed")
    assert TaskStatus.SKIPPED is broken.status("c")


def test_an_umbrella_is_no_batch_and_takes_no_time() -> None:
    """It is shown in the batch of the last task under it."""
    drawn = shape(PHASES)
    assert {"a": 1, "b": 2, "p1": 2, "c": 3, "p2": 3, "d": 4} == dict(drawn.batch)
    assert 4.0 == drawn.rank["a"]


def test_what_was_made_before_an_umbrella_got_one_more_task_is_to_be_made_again() -> None:
    """Unless it depends on the umbrella since then only; a task that became one since has another result."""
    made = {"c": {"a": 1}, "d": {"c": 1}}
    found = board("a", "b", "c", "d", made=made)
    assert (TaskStatus.PENDING, "made without b") == found.standing["c"]
    assert TaskStatus.WAITING is found.status("d")
    assert (TaskStatus.PENDING, "made without a, b") == board("a", "b", "c", made={"c": {"p1": 1}}).standing["c"]
    for inputs in ({"a": 1, "b": 1}, {}):
        assert TaskStatus.COMPLETED is board("a", "b", "c", made={"c": inputs}).status("c")


def test_nothing_runs_for_an_umbrella() -> None:
    """It needs no slot, and what depends on it starts when the last result is on disk."""
    run = engine(
        Node("p", ("a", "b"), is_umbrella=True),
        Node("q", ("p",), is_umbrella=True),
        Node("a"),
        Node("b"),
        Node("c", ("q",)),
        slots=2,
    )
    assert ["a", "b"] == launched(tell(run, Begun()))
    assert [] == launched(completes(run, "a"))
    assert ["c"] == launched(completes(run, "b"))
    assert Finish() == completes(run, "c")[-1]


def test_an_umbrella_over_what_is_done_is_done_from_the_start() -> None:
    """A second run goes on behind it."""
    done = Node("a", status=TaskStatus.COMPLETED)
    run = engine(done, Node("p", ("a",), is_umbrella=True), Node("b", ("p",)))
    assert ["b"] == launched(tell(run, Begun()))


def test_what_failed_under_an_umbrella_keeps_back_what_depends_on_it() -> None:
    """The other tasks under it go on."""
    run = engine(Node("p", ("a", "b"), is_umbrella=True), Node("a"), Node("b"), Node("c", ("p",)))
    tell(run, Begun())
    assert {"p": "a failed", "c": "p skipped"} == skipped(ends(run, "a", Verdict.FATAL))
    assert Finish() == completes(run, "b")[-1]


def test_a_task_that_is_added_opens_its_umbrella_again() -> None:
    """What was not started waits for it; what was goes on."""
    before = (Node("a"), Node("p", ("a",), is_umbrella=True), Node("b", ("p",)), Node("c", ("p",)))
    run = engine(*before, slots=1)
    tell(run, Begun())
    assert ["b"] == launched(completes(run, "a"))
    after = (Node("a"), Node("p", ("a", "n"), is_umbrella=True), Node("b", ("p",)), Node("c", ("p",)), Node("n"))
    tell(run, Replanned(after))
    assert ["n"] == launched(completes(run, "b"))
    assert ["c"] == launched(completes(run, "n"))


def test_what_is_outdated_since_is_done_again_and_what_was_made_from_it() -> None:
    """Also what was made from it by way of another umbrella; not what only comes after it."""

    def plan(*under: str) -> list[Node]:
        return [
            *map(Node, (*under, "z")),
            Node("p", under, is_umbrella=True),
            Node("b", ("p",), is_outdated=len(under) > 1),
            Node("q", ("b", "p"), is_umbrella=True),
            Node("c", ("q",)),
            Node("d", ("b",), order_needs=frozenset("b")),
        ]

    run = engine(*plan("a"), slots=3)
    tell(run, Begun())
    for each in "abcd":
        completes(run, each)
    assert ["n"] == launched(tell(run, Replanned(tuple(plan("a", "n")))))
    assert ["b"] == launched(completes(run, "n"))
    assert ["c"] == launched(completes(run, "b"))
    assert [] == launched(completes(run, "c"))
    assert Finish() == completes(run, "z")[-1]


def test_a_pending_task_becomes_an_umbrella() -> None:
    """Somebody puts another task under it before it was started."""
    run = engine(Node("a"), Node("p"), slots=1)
    tell(run, Begun())
    tell(run, Replanned((Node("a"), Node("p", ("a",), is_umbrella=True), Node("b", ("p",)))))
    assert ["b"] == launched(completes(run, "a"))
