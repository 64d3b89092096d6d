"""Tables found without a parser are those that the parser finds; where that is not certain, it is asked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.plan.document import outline, tables
from orchestrator.plan.editor import find_places, plain_tables

HEAD = ["| ID | Task | Deps |", "|---|---|---|"]
LINES = [
    *HEAD,
    "| a | b | c |",
    "| a | b \\| c |",
    "|:--|--:|",
    "| x |",
    "ID | Task | Deps",
    "---|---|---",
    "a | b | c",
    "",
    "",
    " ",
    "text",
    "# Title",
    "#",
    "---",
    "===",
    "- item",
    "1. item",
    "> quote",
    "> | a | b |",
    "  | a | b | c |",
    "    | a | b | c |",
    "\t| a |",
    "```",
    "~~~",
    "````sh",
    "``` a`b",
    "  ```",
    "- ```",
    "> ```",
    "<!-- note",
    "-->",
    "<!-- one line -->",
    "<!-->",
    "<div>",
    "</div>",
    "<script>",
    "</pre>",
    "<?php",
    "[a]: b",
    "| a | b | c | -->",
    "<!-- orchestrator:status -->",
    "<!-- /orchestrator:status -->",
]


@given(st.lists(st.sampled_from(LINES), max_size=14))
def test_what_is_found_is_what_the_parser_finds(lines: list[str]) -> None:
    """Whatever stands around, between and inside of tables."""
    found = plain_tables(lines)
    if found is not None:
        assert tables(lines, outline(lines)) == found


@given(st.lists(st.sampled_from(["", "text", "# T", "<!-- x -->", "```\nx\n```"]), max_size=4), st.integers(0, 4))
def test_a_plain_plan_needs_no_parser(around: list[str], rows: int) -> None:
    """Prose, headings, comments and fences above a table are plain; so is everything below it."""
    text = "\n".join([*around, "", *HEAD, *["| a | b | c |"] * rows, "", *around])
    found = plain_tables(text.split("\n"))
    assert found is not None
    assert [rows] == [table.end - table.line - 2 for table in found]


def test_the_agent_of_the_plan_is_known() -> None:
    """Without reading the front matter as YAML."""
    table = "\n".join([*HEAD, "| a | b | c |"])
    for front, agent in (("agent: shell", "shell"), ("agent: 'x'  # why", "x"), ("retries: 1", "")):
        places = find_places(f"---\n{front}\n---\n{table}\n".encode())
        assert (agent, 1) == (places.agent, len(places.sheets))
        below = find_places(f"\n \n---\n{front}\n---\n{table}\n".encode())
        assert (agent, 1) == (below.agent, len(below.sheets))
    assert find_places(table.encode()).agent == ""
