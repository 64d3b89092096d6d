"""The status cells of a person's own tables are kept up to date, and nothing else of the plan is touched."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.plan.parser import StatusCells, set_statuses
from tests.plan.seed_plans import QUICK_START, TEMPLATE


def test_the_statuses_of_the_seed_are_kept_up_to_date_in_place() -> None:
    """Status, start and end change in the person's table; a time that is None stays."""
    new = {"T-01": StatusCells(status="✅ Completed", start="10:00"), "T-99": StatusCells(status="x")}
    assert set_statuses(TEMPLATE.encode(), new.get).decode() == TEMPLATE.replace(
        "| Agent-01 | 🟡 Pending | - | - |", "| Agent-01 | ✅ Completed | 10:00 | - |"
    )


def test_a_plan_without_status_columns_stays_as_it_is() -> None:
    """There is nothing of the person's to keep up to date, so nothing is touched."""
    data = QUICK_START.encode()
    assert set_statuses(data, {"T-01": StatusCells(status="x")}.get) is data


CELLS = st.sampled_from(["x", " x ", "", "  ", "`b`", "a \\| b", "🟡 Pending", "\t-", "**T**"])


@given(
    st.lists(st.tuples(st.sampled_from(["a", "`b`", "**c**", "[d](x)"]), CELLS, CELLS, CELLS), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "  ", "> no\n"]),
    st.text(),
)
def test_only_status_cells_change(rows: list[tuple[str, ...]], ending: str, indent: str, status: str) -> None:
    """All other bytes stay, the padding of other cells included, whatever the status is made of."""
    head = "\ufeff# T\n\n" + indent + "| Status | ID | Task | Deps |\n" + "|---|:-:|--|---|\n"
    text = head + "".join(f"|{s}|{i}|{t}|{'-'}|{r}\n" for i, s, t, r in rows if not r.strip())
    text = (text + "\nStatus | of nothing\n<!-- x -->").replace("\n", ending)
    new = {task_id: StatusCells(status=status) for task_id in "abcd"}
    old_lines, new_lines = (
        re.split(r"\r?\n", data.decode()) for data in (text.encode(), set_statuses(text.encode(), new.get))
    )
    assert len(old_lines) == len(new_lines)
    for old, now in zip(old_lines, new_lines, strict=True):
        if old != now:
            before = re.fullmatch(r"\|(?:\\\||[^|])*(\|.*)", old)
            assert before is not None
            assert now.endswith(before[1])
            assert re.fullmatch(r"\| (?:\\\||[^|])* ", now.removesuffix(before[1]))
    again = set_statuses(text.encode(), new.get)
    assert set_statuses(again, new.get) == again


def test_a_short_row_and_another_mans_table_stay() -> None:
    """A row without the cell, a table in a fence, a table of something else: not ours to fill."""
    text = (
        "| ID | Task | Deps | Status |\n|---|---|---|---|\n| a | x |\n| b | x | | running\n\n"
        "```\n| ID | Task | Deps | Status |\n|---|---|---|---|\n| a | x | - | old |\n```\n\n"
        "| Server | Status |\n|---|---|\n| a | up |\n"
    )
    new = {"a": StatusCells(status="new"), "b": StatusCells(status="new")}
    assert set_statuses(text.encode(), new.get).decode() == text.replace("| b | x | | running", "| b | x | | new ")
