"""Long lists of JSON."""

from __future__ import annotations

import json

import pytest

from orchestrator.commands.reply import say_rows


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2500])
def test_a_list_that_is_printed_in_pieces_is_one_envelope(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever stands in it, and however long it is."""
    rows = [{"id": f"T-{number}", "name": ']}, {"\udcff"'} for number in range(count)]
    say_rows("so many", "tasks", iter(rows), directory="/]}/[]")
    told = capsys.readouterr().out
    expected = {"ok": True, "code": "ok", "message": "so many", "directory": "/]}/[]", "tasks": rows}
    assert (1, expected) == (told.count("\n"), json.loads(told))
