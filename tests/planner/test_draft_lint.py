"""What is found at a draft that is not wrong."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.draft import Draft, DraftTask, Need
from orchestrator.core.graph import digraph
from orchestrator.planner.draft import lint, order_writers


def task(id: str, *needs: str, text: str = "Write the report on the files", **more: object) -> DraftTask:
    given = {"expected": "a page", "estimate": 120.0, **more}
    command = tuple(Need(need) for need in needs)
    return DraftTask(id=id, name=id, description=text, needs=command, **given)  # type: ignore[arg-type]


def codes(*tasks: DraftTask) -> list[str]:
    return [finding.code for finding in lint(Draft(tasks=tasks))]


@pytest.mark.parametrize(
    "text",
    [
        "Improve things",
        "Check the code, the tests, etc.",
        "Write the report, TBD",
        "Translate the [Name of the document] to Chinese",
        "Do the stuff in the backend",
        "修复",
        "Разобраться",
    ],
)
def test_a_vague_description_is_found(text: str) -> None:
    """Too short to name an object, open at its end, or a placeholder, in any language (S1-37)."""
    assert ["vague_description"] == codes(task("T-01", text=text))


@pytest.mark.parametrize(
    "text",
    [
        "Translate docs/intro.md to Chinese and write it to docs/zh/intro.md",
        "Testing every endpoint, with good and with bad input",
        "See [the guide](docs/guide.md) and list what is missing",
        "翻译这份文档",
        "Prüfe die Verträge auf Lücken",
        "Internationalisierung testen",
        "Defenestrate the rest of the furniture",
    ],
)
def test_a_clear_one_is_left_alone(text: str) -> None:
    """Also one that is not in English."""
    assert [] == codes(task("T-01", text=text))


@pytest.mark.parametrize(
    ("seconds", "found"), [(59.0, ["too_small"]), (60.0, []), (300.0, []), (301.0, ["too_large"]), (None, [])]
)
def test_one_to_five_minutes(seconds: float | None, found: list[str]) -> None:
    """What is larger should be split, what is smaller be merged (S2-64)."""
    assert found == codes(task("T-01", estimate=seconds))


def test_a_command_is_shown_before_it_runs() -> None:
    """A second is no mistake for a command; but somebody should have read it."""
    mine = task("T-01", agent="shell", command="rm -rf build", estimate=1.0, expected="")
    (finding,) = lint(Draft(tasks=(mine,)))
    assert ("shell_command", True) == (finding.code, "rm -rf build" in finding.message)


def test_what_comes_out_has_to_be_said() -> None:
    """A task without an expected output leaves its dependants guessing (S2-05)."""
    assert ["no_expected_output"] == codes(task("T-01", expected=""))


# ── writers ───────────────────────────────────────────────────────────────────────────────────────────────────────


def ordered(*tasks: DraftTask) -> tuple[dict[str, tuple[Need, ...]], list[str]]:
    draft, notes = order_writers(Draft(tasks=tasks))
    return {each.id: each.needs for each in draft.tasks}, [note.where for note in notes]


def test_writers_of_one_file_wait_for_each_other() -> None:
    """Three of them make a chain, in the order of the plan, and each new dependency is said (S2-74)."""
    needs, said = ordered(*(task(f"T-0{n}", writes=("docs/./a.md",)) for n in (1, 2, 3)))
    assert (Need("T-01", "resource"),) == needs["T-02"]
    assert (Need("T-02", "resource"),) == needs["T-03"]
    assert ["T-02", "T-03"] == said


def test_writers_that_are_ordered_already_are_left_alone() -> None:
    """A path of dependencies is enough, in whichever direction."""
    tasks = (
        task("T-01", "T-03", writes=("a",)),
        task("T-02", "T-01"),
        task("T-03"),
        task("T-04", "T-02", writes=("a",)),
        task("T-05", writes=("b",)),
    )
    assert ({each.id: each.needs for each in tasks}, []) == ordered(*tasks)


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ("docs", "docs/a.md", True),
        ("docs/*.md", "docs/a.md", True),
        ("docs/a.md", "docs/", True),
        ("docs/b/../a.md", "docs/a.md", True),
        (".", "docs/a.md", True),
        ("docs/a.md", "docs/a.md.bak", False),
        ("docs/a", "docs/ab", False),
        ("docs/zh/a.md", "docs/a.md", False),
        ("app/[id]/page.tsx", "app/shop/page.tsx", False),
        ("app/[id]/page.tsx", "app/[id]/page.tsx", True),
        ("app/?/page.tsx", "app/shop/page.tsx", True),
    ],
)
def test_a_directory_holds_its_files(one: str, other: str, meet: bool) -> None:
    """Whoever writes a directory or a pattern may write everything below it."""
    _, said = ordered(task("T-01", writes=(one,)), task("T-02", writes=(other,)))
    assert (["T-02"] if meet else []) == said


def test_the_reason_is_true() -> None:
    """Of a pattern or a directory nobody knows yet which files it will be."""
    notes = order_writers(
        Draft(
            tasks=(
                task("T-01", writes=("a.md",)),
                task("T-02", writes=("./a.md",)),
                task("T-03", writes=("docs/*.md",)),
                task("T-04", writes=("docs/b.md",)),
                task("T-05", writes=("docs/*.txt",)),
                task("T-06", writes=(".",)),
            )
        )
    )[1]
    assert [
        "it writes the same file as T-01 (a.md), so it now waits for it",
        "it may write what T-03 writes (docs/b.md), so it now waits for it",
        "it may write what T-04 writes (docs), so it now waits for it",
        "it may write what T-05 writes, so it now waits for it",
    ] == [note.message for note in notes][:4]


@given(st.data())
def test_afterwards_no_two_writers_can_meet(data: st.DataObject) -> None:
    """Whatever the graph and the files: two writers of one file have a path between them, and there is no circle."""
    count = data.draw(st.integers(2, 9))
    ids = data.draw(st.permutations([f"T-{n}" for n in range(count)]))
    tasks = []
    for name in sorted(ids):
        before = ids[: ids.index(name)]
        needs = data.draw(st.lists(st.sampled_from(before), unique=True)) if before else []
        writes = data.draw(st.lists(st.sampled_from(["a", "a/b", "c", "a/*", "d/e"]), max_size=2))
        tasks.append(task(name, *needs, writes=tuple(writes)))
    draft, _ = order_writers(Draft(tasks=tuple(tasks)))
    graph = digraph(draft.rows())
    assert nx.is_directed_acyclic_graph(graph)
    for one in draft.tasks:
        for other in draft.tasks:
            if one.id < other.id and _share(one, other):
                assert nx.has_path(graph, one.id, other.id) or nx.has_path(graph, other.id, one.id)


def _share(one: DraftTask, other: DraftTask) -> bool:
    paths = [{each.removesuffix("/*") for each in task.writes} for task in (one, other)]
    return any(a == b or a.startswith(f"{b}/") or b.startswith(f"{a}/") for a in paths[0] for b in paths[1])
