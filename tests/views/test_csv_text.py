"""Sheets: what is read back is what was written, and nothing in it computes."""

from __future__ import annotations

import csv
import io

from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.text import one_line
from orchestrator.views.listing import csv_text


@given(st.lists(st.text(), min_size=1, max_size=5))
@example(["=1+1", "+1", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "＝1", '"a","b"\r\n=1', "\t=1"])
def test_no_text_is_a_formula(texts: list[str]) -> None:
    """Every text comes back in its own cell, on one line, behind a quote where it would compute."""
    sheet = csv_text([f"c{place}" for place in range(len(texts))], [texts])
    _, row = csv.reader(io.StringIO(sheet, newline=""))
    for text, cell in zip(texts, row, strict=True):
        assert cell == "-" or cell[:1] not in set("=+-@\t\r＝＋－＠")
        assert cell.removeprefix("'") == one_line(text, 1000).removeprefix("'")


def test_numbers_stay_numbers() -> None:
    """Also very small ones; what nobody knows is empty."""
    assert "a,b,c,d\n0.00001,-1.5,0,\n" == csv_text("abcd", [(0.00001, -1.5, 0.0, None)])
