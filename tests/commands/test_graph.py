"""``graph``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import graph
from tests.commands.typed import bob, typed


def test_text_is_the_default() -> None:
    assert graph.GraphParams(format="text") == typed("graph")[1]


def test_dot_is_graphviz(tmp_path: Path) -> None:
    call = bob(tmp_path)
    dot, graphviz = (graph.execute(call, graph.GraphParams(format=each)) for each in ("dot", "graphviz"))
    assert graph.text(dot) == graph.text(graphviz)
    assert graph.text(dot).startswith("digraph")


def test_edges(tmp_path: Path) -> None:
    facts = graph.facts(graph.execute(bob(tmp_path), graph.GraphParams()))
    assert [["T-01", "T-02"]] == facts["edges"]
    assert ["T-01", "T-02"] == list(facts["critical_path"])
