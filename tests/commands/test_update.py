"""``update``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import update
from orchestrator.errors import UsageError
from tests.commands.typed import bob, typed


def test_an_empty_value_is_given() -> None:
    params = typed("update", "T-01", "--assignee", "", "--tag", "a", "--tag", "b")[1]
    assert ({"assignee": ""}, ("a", "b")) == (params.values, params.tags)


def test_the_reply(tmp_path: Path) -> None:
    params = update.UpdateParams("T-02", values={"assignee": "ana", "deadline": "2026-03-01"})
    facts = update.facts(update.execute(bob(tmp_path), params))
    assert {"assignee": "ana", "deadline": "2026-03-01"} == facts["changed"]
    assert "T-02: assignee: ana, deadline: 2026-03-01" == facts["message"]


def test_a_cell_is_emptied(tmp_path: Path) -> None:
    call = bob(tmp_path)
    update.execute(call, update.UpdateParams("T-02", values={"assignee": "ana"}))
    answer = update.execute(call, update.UpdateParams("T-02", values={"assignee": ""}))
    assert {"assignee": "-"} == update.facts(answer)["changed"]


def test_row_and_status_at_once(tmp_path: Path) -> None:
    params = update.UpdateParams("T-01", values={"type": "docs"}, status="blocked")
    facts = update.facts(update.execute(bob(tmp_path), params))
    assert ("blocked", {"type": "docs"}) == (facts["status"], facts["changed"])


def test_nothing_to_change_and_no_such_status(tmp_path: Path) -> None:
    call = bob(tmp_path)
    with pytest.raises(UsageError, match="nothing is to be changed"):
        update.execute(call, update.UpdateParams("T-01"))
    with pytest.raises(UsageError, match="'gone' is not a status"):
        update.execute(call, update.UpdateParams("T-01", status="gone"))
