"""``report``."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from orchestrator.commands import report
from tests.commands.typed import bob, typed


def test_a_week_is_the_default() -> None:
    assert report.ReportParams(days=7, format="text") == typed("report")[1]
    with pytest.raises(click.BadParameter):
        typed("report", "--days", "0")


def test_json_is_a_format_too() -> None:
    assert typed("report", "--format", "json")[0].is_json


def test_nothing_was_done(tmp_path: Path) -> None:
    found = report.execute(bob(tmp_path), report.ReportParams())
    facts = report.facts(found)
    assert (0, {}, []) == (facts["total"]["attempts"], facts["agents"], facts["skipped"])
    assert [] == list(report.remarks(found))


def test_a_plan_that_cannot_be_read_is_named() -> None:
    assert ["warning: a is left out: torn"] == list(report.broken_warnings({"a": "torn"}))
