"""``history``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import history
from orchestrator.errors import NotFoundError
from tests.commands.typed import bob, typed


def test_a_task_that_was_not_started(tmp_path: Path) -> None:
    shown = history.execute(bob(tmp_path), history.HistoryParams("T-02"))
    found = history.facts(shown)
    assert ("T-02 is waiting", [], 0) == (found["message"], found["attempts"], found["attempt"])
    assert history.text(shown).startswith("T-02: ")


def test_full_is_more(tmp_path: Path) -> None:
    call, params = typed("history", "T-01", "--full", "--json")
    assert (history.HistoryParams("T-01", full=True), True) == (params, call.is_json)
    some, all_ = (history.execute(bob(tmp_path), history.HistoryParams("T-01", full=f)) for f in (False, True))
    assert some.answer < all_.answer


def test_an_unknown_key(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing is known of"):
        history.execute(bob(tmp_path), history.HistoryParams("T-09"))
