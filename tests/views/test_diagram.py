"""The graph of a plan as a picture."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.views.diagram import dot, mermaid, text
from tests.views.example import HOSTILE, board, five, large, midway, task

NODE = re.compile(r'    n\d+\["[^"\n\[\]<>`|{}]*(<br/>[^"\n\[\]<>`|{}]*)?"\]:::[a-z]+')
EDGE = re.compile(r"    n\d+ --> n\d+")
CLASS = re.compile(r"    classDef [a-z]+ fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#000")


def test_mermaid_shows_every_task_and_every_dependency() -> None:
    """The picture is the plan: nodes, arrows and a class for each status there is."""
    lines = mermaid(midway()).splitlines()
    assert "flowchart LR" == lines[0]
    assert '    n1["✅ T-01<br/>Scan"]:::completed' == lines[1]
    assert 6 == sum(" --> " in line for line in lines)
    assert "    n2 --> n5" in lines
    assert 5 == sum("classDef" in line for line in lines)


@given(st.lists(st.text(max_size=30), min_size=5, max_size=5))
def test_no_name_leaves_its_label(names: list[str]) -> None:
    """Every line of a picture is one of ours, whatever the tasks are called."""
    drawn = mermaid(board(five(*names)))
    for line in drawn.splitlines()[1:]:
        assert NODE.fullmatch(line) or EDGE.fullmatch(line) or CLASS.fullmatch(line)


def test_a_hostile_name_is_only_a_label() -> None:
    """Quotes, brackets, comments, fences and references in a name are shown, not obeyed."""
    for line in mermaid(board([task("T-01", HOSTILE)])).splitlines()[1:2]:
        assert NODE.fullmatch(line)
        assert "#45;#45;#62;" in line or "--#62;" in line


def test_a_large_plan_is_drawn_by_batches() -> None:
    """A picture of thousands of nodes is a tangle that no viewer draws."""
    drawn = mermaid(large(400))
    assert 'b0["Batch 1: 400 tasks<br/>' in drawn
    assert ":::running" in drawn
    assert "❌ 10" in drawn


def test_a_long_plan_is_drawn_in_stretches() -> None:
    """Ten thousand tasks in a row still fit on a screen, and none is left out of the counts."""
    drawn = mermaid(large(1000, chain=True))
    counts = [int(number) for number in re.findall(r": (\d+) tasks?<br/>", drawn)]
    assert (40, 1000) == (len(counts), sum(counts))
    assert "Batches 1 to 25" in drawn


def test_a_dense_plan_is_drawn_by_batches() -> None:
    """Mermaid refuses to draw more than 500 arrows, and 50 tasks can have 600."""
    first = [task(f"A-{i}") for i in range(25)]
    second = [task(f"B-{i}", "", *(each.id for each in first)) for i in range(25)]
    assert "Batch 2: 25 tasks" in mermaid(board([*first, *second]))


def test_dot_quotes_whatever_stands_in_a_label() -> None:
    """Graphviz gets the whole graph, one statement on a line."""
    drawn = dot(board(five(HOSTILE, 'say "hi" \\', "c", "d", "e")))
    assert 'say \\"hi\\" \\\\", fill' in drawn
    assert 6 == drawn.count(" -> ")
    statement = re.compile(
        r'    ("[\w.-]+"( -> "[\w.-]+")?( \[label="([^"\\]|\\.)*".*\])?|rankdir=LR|node \[.*\]);'
    )
    assert all(statement.fullmatch(line) for line in drawn.splitlines()[1:-1])


def test_text_is_the_batches_with_what_each_task_needs() -> None:
    """In a terminal the order of a plan can be read from top to bottom (S2-48)."""
    assert [
        "Batch 1  [██████████] 100%",
        "└─ ✅ T-01  Scan",
        "Batch 2  [░░░░░░░░░░] 0%",
        "├─ ❌ T-02  Quality  ← T-01",
        "├─ 🔵 T-03  Security  ← T-01",
        "└─ 🟡 T-04  Performance  ← T-01",
        "Batch 3  [░░░░░░░░░░] 0%",
        "└─ ⏭️ T-05  Report  ← T-02, T-03, T-04",
    ] == text(midway()).splitlines()
    assert 2 == len(text(board([task("T-01", HOSTILE)])).splitlines())
