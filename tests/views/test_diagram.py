"""The graph of a plan as a picture."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.views.diagram import chain, dot, mermaid, text
from orchestrator.views.terminal import display_width
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


def test_an_estimate_says_that_it_is_one() -> None:
    """Beside a task that is done, a bare time would be the one it took."""
    estimated = board([task("T-01", "Scan", estimate=90.0)])
    assert "└─ 🟡 T-01  Scan  est. 1m30s\n" in text(estimated)
    assert "<br/>Scan<br/>est#46; 1m30s" in mermaid(estimated)
    assert "\\nScan\\nest. 1m30s" in dot(estimated)


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
    statement = re.compile(r'    ("[\w.-]+"( -> "[\w.-]+")?( \[label="([^"\\]|\\.)*".*\])?|rankdir=LR|node \[.*\]);')
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


def test_what_is_wider_than_the_terminal_is_clipped() -> None:
    """First the name: what a task needs is what the graph is for."""
    long = "🙂 word " * 40
    drawn = board([task("T-01", "a"), task("T-02", long, "T-01")])
    lines = text(drawn, 40).splitlines()
    assert 40 == max(map(display_width, lines))
    assert lines[-1].startswith("└─ ⏸️ T-02  🙂 word 🙂")
    assert lines[-1].endswith("…  ← T-01")
    assert 40 >= max(map(display_width, chain(drawn, ["T-01", "T-02"], 40).splitlines()))
    assert all(display_width(line) <= 12 for line in text(drawn, 12).splitlines()[1::2])


# ── a chain that stands out ───────────────────────────────────────────────────────────────────────────────────────────


TOKEN = re.compile(r'\s*("(?:[^"\\]|\\.)*"|->|[\[\]{}=,;]|[A-Za-z_][A-Za-z0-9_]*|[0-9.]+)')


class Dot:
    """Reads Graphviz' language as strictly as its grammar is, as far as we write it; raises where it is none."""

    def __init__(self, text: str) -> None:
        self.rest, self.nodes, self.edges = (text, dict[str, dict[str, str]](), dict[tuple[str, str], dict[str, str]]())
        self.expect("digraph", "plan", "{")
        while (word := self.next()) != "}":
            if word == "rankdir":
                self.expect("=", "LR")
            elif word == "node":
                self.expect("[")
                self.attributes()
            else:
                self.statement(word)
            self.expect(";")
        assert not self.rest.strip()

    def next(self) -> str:
        """The next word; a string comes with its quotes."""
        found = TOKEN.match(self.rest)
        assert found is not None, self.rest[:80]
        self.rest = self.rest[found.end() :]
        return found[1]

    def expect(self, *words: str) -> None:
        """Read just these."""
        for word in words:
            assert word == self.next()

    def attributes(self) -> dict[str, str]:
        """What stands up to the bracket."""
        read: dict[str, str] = {}
        while (name := self.next()) != "]":
            if name != ",":
                self.expect("=")
                read[name] = self.next()
        return read

    def statement(self, first: str) -> None:
        """A node or an edge; ids are in quotes, so none can be a keyword."""
        assert first.startswith('"')
        second = ""
        if self.rest.lstrip().startswith("->"):
            self.expect("->")
            second = self.next().strip('"')
        has = self.rest.lstrip().startswith("[") and self.next() == "["
        attributes = self.attributes() if has else {}
        if second:
            self.edges[first.strip('"'), second] = attributes
        else:
            self.nodes[first.strip('"')] = attributes


@given(st.lists(st.text(max_size=30) | st.just(HOSTILE), min_size=5, max_size=5))
def test_dot_is_read_by_a_strict_reader(names: list[str]) -> None:
    """Whatever tasks are called, there are five nodes and six edges, and the path is what stands out."""
    read = Dot(dot(board(five(*names)), ("T-01", "T-03", "T-05")))
    assert [f"T-0{number}" for number in range(1, 6)] == list(read.nodes)
    assert 6 == len(read.edges)
    assert ["T-01", "T-03", "T-05"] == [id for id, has in read.nodes.items() if "penwidth" in has]
    assert [("T-01", "T-03"), ("T-03", "T-05")] == [edge for edge, has in read.edges.items() if "penwidth" in has]


def test_mermaid_shows_a_path() -> None:
    """Boxes and arrows of the path have a line of their own, by their numbers; of a large plan it is drawn alone."""
    lines = mermaid(midway(), ("T-01", "T-03", "T-05")).splitlines()
    styled = [line.split()[1] for line in lines if line.startswith("    style ")]
    assert ["n1", "n3", "n5"] == styled
    arrows = [line for line in lines if " --> " in line]
    (thick,) = (line.split()[1] for line in lines if line.startswith("    linkStyle "))
    chosen = [arrows[int(place)] for place in thick.split(",")]
    assert ["    n1 --> n3", "    n3 --> n5"] == chosen
    drawn = mermaid(large(400), ("T-1", "T-2"))
    assert (2, 1) == (drawn.count("    style "), drawn.count(" --> "))
    long = mermaid(large(400, chain=True), [f"T-{n}" for n in range(400)])
    assert "Batches 1 to 10" in long


def test_a_chain_has_times_where_anything_is_estimated() -> None:
    """What nobody estimated is marked."""
    tasks = [task("T-01", "a", estimate=3600.0), task("T-02", "b", "T-01")]
    assert ["T-01  🟡 Pending  1h00m   a", "T-02  ⏸️ Waiting  ~1h00m  b"] == chain(
        board(tasks), ["T-01", "T-02"]
    ).splitlines()
    assert "T-01  🟡 Pending  a\n" == chain(board([task("T-01", "a")]), ["T-01"])
    assert "The plan has no tasks.\n" == chain(board([]), [])
