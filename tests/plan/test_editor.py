"""One row is edited, and every other byte of a person's file stays as it is."""

from __future__ import annotations

import difflib
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.text import sanitize
from orchestrator.plan.document import split_row
from orchestrator.plan.editor import find_places, fits, ids, next_ids, with_cells, with_field, with_row
from orchestrator.plan.parser import parse_plan

ENDINGS = st.sampled_from(["\n", "\r\n"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)
PROSE = st.lists(
    st.sampled_from(
        ["", "Words of a person", "# Title", "> quote", "- item", "```\n| x |\n```", "<!-- a -->",
         "é 漢 🙂 tail  ", "| no | table |", "<div>\n</div>", "| A | B |\n|---|---|\n| 1 | 2 |"]
    ),
    max_size=5,
)  # fmt: skip
STYLES = st.sampled_from(
    [
        ("| ID | Task | Deps |", "|---|:--|---|", "| {} | {} | {} |"),
        ("|ID|Task Name|Description|Deps|Priority|", "|-|-|-|-|-|", "|{0}|{1}||{2}|"),
        ("ID | Task | Deps", "---|---|---", "{} | {} | {}"),
        ("| Status | Task ID | Description | Dependencies | Notes |  ", "|--|--|--|--|--|",
         "| 🟡 | `{}` | {} | {} | mine |"),
    ]
)  # fmt: skip


HEADS = {"| ID | Task | Deps |", "|ID|Task Name|Description|Deps|Priority|", "ID | Task | Deps",
         "| Status | Task ID | Description | Dependencies | Notes |"}  # fmt: skip


@st.composite
def plans(draw: st.DrawFn) -> bytes:
    """A plan of two tasks in some style, with anything around it, that may or may not end with a line break."""
    ending, (head, dashes, row) = draw(ENDINGS), draw(STYLES)
    front = draw(st.sampled_from([[], ["---", "agent: shell", "---"]]))
    table = [head, dashes, row.format("T-01", "one", "None"), row.format("T-02", "two", "T-01")]
    lines = [*front, *draw(PROSE), "", *table]
    if draw(st.booleans()):
        lines += ["", *draw(PROSE)]
    bom = draw(st.sampled_from(["", "\ufeff"]))
    text = "\n".join(lines).replace("\n", ending)
    return (bom + text + draw(st.sampled_from(["", ending, ending * 2]))).encode()


def changed(before: bytes, after: bytes) -> list[str]:
    """The operations that lead from one file to the other, line by line."""
    lines = before.splitlines(keepends=True), after.splitlines(keepends=True)
    codes = difflib.SequenceMatcher(None, *lines, autojunk=False).get_opcodes()
    return [code[0] for code in codes if code[0] != "equal"]


@given(plans(), TEXTS)
def test_a_row_is_added_and_nothing_else_is_touched(data: bytes, text: str) -> None:
    """One line more, directly below the last row; at the end of a file without a line break the one before it ends."""
    places = find_places(data)
    after, task = with_row(places, {"id": "T-03", "needs": "T-02", _title(data): text or "x"})
    assert ("T-03", ("T-02",)) == (task.id, task.needs)
    row = next(line for line in after.splitlines() if b"T-03" in line)
    ending = b"\r\n" if b"\r\n" in data else b"\n"
    assert data in {after.replace(row + ending, b"", 1), after.replace(ending + row, b"", 1)}
    assert ["T-01", "T-02", "T-03"] == ids(find_places(after))
    head = next(line for line in after.decode().splitlines() if line.strip() in HEADS)
    assert len(split_row(row.decode())) == len(split_row(head))


@given(plans(), TEXTS)
def test_a_cell_is_changed_and_nothing_else_is_touched(data: bytes, text: str) -> None:
    """Also of a row that is too short to have it, and in a table without outer bars."""
    after, task = with_cells(find_places(data), "T-01", {_title(data): text or "x"})
    assert task.id == "T-01"
    before, behind = data.splitlines(keepends=True), after.splitlines(keepends=True)
    differing = [one for one, other in zip(before, behind, strict=True) if one != other]
    assert all(b"T-01" in line and b"T-02" not in line for line in differing)
    assert len(differing) <= 1


@given(plans())
def test_a_missing_column_costs_two_lines(data: bytes) -> None:
    """The header and the line of dashes; rows that are too short for it have an empty cell."""
    values = {"id": "T-03", "tags": "a, b", "parent": "T-01", _title(data): "Sub", "needs": "None"}
    after, task = with_row(find_places(data), values)
    assert (("a", "b"), "T-01") == (task.tags, task.parent)
    plan, problems = parse_plan(after, "p.md")
    assert [] == problems
    assert (("T-03",), ("a", "b")) == (plan.tasks["T-01"].children, plan.tasks["T-03"].tags)
    before, behind = data.splitlines(), after.splitlines()
    at = next(index for index, (one, two) in enumerate(zip(before, behind, strict=False)) if one != two)
    assert behind[at].startswith(before[at].rstrip())
    assert behind[at + 1].startswith(before[at + 1].rstrip())
    assert before[at + 2 : at + 4] == behind[at + 2 : at + 4]


@given(TEXTS)
def test_what_fits_is_read_as_it_was_meant(text: str) -> None:
    """And a text that a cell cannot say is known before."""
    if not fits(text):
        return
    plan = b"| ID | Task | Deps |\n|---|---|---|\n"
    _, task = with_row(find_places(plan), {"id": "T-01", "name": text})
    assert text == task.description == sanitize(text)


@pytest.mark.parametrize("text", ["echo a | sort", "printf 'x\\\\n'", "grep 'a\\|b' f", "x && y; z > out"])
def test_a_command_on_one_line_fits(text: str) -> None:
    assert fits(text)


@pytest.mark.parametrize("text", ["", "two\nlines", " led by a blank", "cat <file", "x" * 201, "a `b"])
def test_a_text_that_a_cell_would_change_does_not_fit(text: str) -> None:
    assert not fits(text)


@pytest.mark.parametrize(
    ("known", "command"),
    [
        ([], ["T-01", "T-02"]),
        (["T-01", "T-09"], ["T-10", "T-11"]),
        (["T-9"], ["T-10"]),
        (["subtask_07", "x"], ["subtask_08"]),
        (["P1", "T-001", "T-002", "P2", "T-003"], ["T-004"]),
        (["scan", "report"], ["T-01"]),
        (["1", "2"], ["3"]),
    ],
)
def test_ids_go_on_where_those_of_the_plan_stop(known: list[str], command: list[str]) -> None:
    """The word that most of them have, the same width, the next number."""
    assert command == list(islice(next_ids(known), len(command)))


def test_a_row_that_is_not_there_is_told() -> None:
    with pytest.raises(KeyError):
        with_cells(find_places(b"| ID | Task | Deps |\n|---|---|---|\n"), "T-01", {"name": "x"})


def _title(data: bytes) -> str:
    return "description" if b"Task ID" in data else "name"


@given(plans())
def test_a_cell_that_is_not_changed_is_left_as_it_was_written(data: bytes) -> None:
    """And of the others nothing else changes."""
    places = find_places(data)
    assert data == with_field(places, "needs", lambda task_id, text: text)
    after = with_field(places, "needs", lambda task_id, text: "None" if task_id == "T-02" else text)
    assert [("T-01", ()), ("T-02", ())] == [(each.id, each.needs) for each in parse_plan(after, "")[0].tasks.values()]
    assert ["replace"] == changed(data, after)


def test_a_list_of_dependencies_is_not_cut() -> None:
    """It would be another list."""
    listed = ", ".join(f"T-{n:02d}" for n in range(10, 90))
    data = b"| ID | Task | Deps |\n|---|---|---|\n| T-01 | x | None |\n"
    after, task = with_cells(find_places(data), "T-01", {"needs": listed})
    assert (80, True) == (len(task.needs), listed.encode() in after)
