"""Widths of text on a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.views.terminal import clip, display_width, fit, plain, plain_all, table


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("検査", 4),
        ("é", 1),
        ("e\u0301", 1),
        ("✅", 2),
        ("⏸️", 2),
        ("⏭️", 2),
        ("👩\u200d💻", 2),
        ("👍🏽", 2),
        ("", 0),
    ],
)
def test_width_is_what_a_terminal_shows(text: str, width: int) -> None:
    """Wide letters and emoji take two columns, marks and joiners none."""
    assert width == display_width(text)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=40), st.integers(1, 30))
def test_a_fitted_text_has_exactly_its_width(text: str, width: int) -> None:
    """Columns line up whatever stands in them, and a clipped text says so."""
    fitted = fit(text, width)
    assert width == display_width(fitted)
    assert display_width(text) <= width or "…" in fitted


def test_clipping_never_cuts_what_fits() -> None:
    """An ellipsis means that something is missing."""
    assert ["検査", "検…", "…", ""] == [clip("検査", width) for width in (4, 3, 2, 0)]


def test_the_widest_column_of_a_table_gives_way() -> None:
    """Figures behind a long name are what one looks for; on a terminal that is narrower still the end is missing."""
    rows = [("ID", "NAME", "TIME"), ("T-01", "n" * 40, "3.0s"), ("T-02", "short", "12m00s")]
    assert ["ID    NAME        TIME", "T-01  nnnnnnnnn…  3.0s", "T-02  short       12m00s"] == table(
        rows, 24
    ).splitlines()
    assert ["ID    NAME     …", "T-01  nnnnnnn… …"] == table(rows, 16).splitlines()[:2]


def test_plain_text_cannot_steer_a_terminal() -> None:
    """Names from a plan are printed; their escape sequences are not."""
    assert "red and more" == plain("\x1b[31mred\nand\u202e more")


@given(st.lists(st.one_of(st.text(max_size=20), st.sampled_from(["a" * 600, f"key sk-ant-{'x1' * 20}", "\x1b[31m"]))))
def test_texts_together_come_out_as_each_alone(texts: list[str]) -> None:
    """However harmless the others are."""
    assert list(plain_all(texts)) == [plain(text) for text in texts]
