"""Dependencies of three kinds in a plan that a person wrote (seed rows S2-72 to S2-74)."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan
from orchestrator.plan.columns import read_needs
from orchestrator.plan.parser import parse_plan
from orchestrator.store.index import Index

TABLE = """# Plan
| Task ID | Description | Dependencies |
|---------|-------------|--------------|
| T-01 | Scan | None |
| T-02 | Check | T-01 |
| T-03 | Write | T-01, T-02 (order) |
| T-04 | Write again | T-01 (data), T-03 (resource) |
"""


def plan(text: str = TABLE) -> Plan:
    found, problems = parse_plan(text.encode(), "p.md")
    assert [] == problems
    return found


@pytest.mark.parametrize(
    ("cell", "needs", "kinds"),
    [
        ("T-01", ("T-01",), ()),
        ("T-01 (data)", ("T-01",), ()),
        ("T-01, T-02 (order), T-03 (resource)", ("T-01", "T-02", "T-03"), (("T-02", "order"), ("T-03", "resource"))),
        ("`T-01` **(Order)** and [T-02](#two) (resource)", ("T-01", "T-02"), (("T-01", "order"), ("T-02", "resource"))),
        ("T-01(order)<br>T-02 ( sequential )", ("T-01", "T-02"), (("T-01", "order"), ("T-02", "order"))),
        ("- T-01<br>- T-02", ("T-01", "T-02"), ()),
        ("T-01, -, T-02", ("T-01", "T-02"), ()),
        ("order", ("order",), ()),
        ("None", (), ()),
    ],
)  # fmt: skip
def test_a_kind_belongs_to_the_id_before_it(
    cell: str, needs: tuple[str, ...], kinds: tuple[tuple[str, str], ...]
) -> None:
    """Data is what is meant when nothing is said."""
    assert (needs, kinds) == read_needs(cell)


@pytest.mark.parametrize("cell", ["T-01 - T-03", "T-01 (order) -- T-03"])
def test_a_dash_between_two_ids_is_refused(cell: str) -> None:
    """It may mean what stands between them, too, and a dependency that is left out is a task that starts too early."""
    problems = parse_plan(TABLE.replace("T-01 (data), T-03 (resource)", cell).encode(), "p.md")[1]
    assert ["unknown_dependency"] == [problem.code for problem in problems]


@pytest.mark.parametrize("cell", ["T-01 - T-03", "T-01 or T-03", "T-01 T-9-T-03"])
def test_who_names_two_ids_as_one_hears_how_to_name_them(cell: str) -> None:
    """Not that only the last one was meant."""
    problem = parse_plan(TABLE.replace("T-01 (data), T-03 (resource)", cell).encode(), "p.md")[1][0]
    assert "with a comma between two, such as T-01, T-02" in problem.hint


def test_only_data_is_handed_over() -> None:
    """All three have to be done; the result of one that only orders is not wanted."""
    tasks = plan().tasks
    assert {"T-01": (), "T-02": ("T-01",), "T-03": ("T-01",), "T-04": ("T-01",)} == {
        task_id: task.data_needs for task_id, task in tasks.items()
    }
    assert ("T-01", "T-03") == tasks["T-04"].needs
    assert {"T-01": 1, "T-02": 2, "T-03": 3, "T-04": 4} == shape(tasks).batch


def test_another_word_is_no_kind() -> None:
    """It is said which kinds there are, and where."""
    _, problems = parse_plan(TABLE.replace("(order)", "(soft)").encode(), "p.md")
    (problem,) = problems
    assert "p.md:6: Dependencies of T-03: 'T-01, T-02 (soft)' is not understood" in str(problem)
    assert "(data), (order), (resource)" in problem.hint


def test_the_cache_keeps_the_kinds(tmp_path: Path) -> None:
    """What is read from the cache is what was read from the plan."""
    path = str(tmp_path / "index.json")
    for text in (TABLE, TABLE.replace(" (order)", "").replace(" (resource)", "")):
        read = plan(text)
        before = Index(path)
        before.keep_plan(7, read, shape(read.tasks))
        before.write()
        known = Index(path).plan(7)
        assert known is not None
        assert read.tasks == known[0].tasks
