"""``add``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import add
from orchestrator.errors import UsageError
from orchestrator.plan.task_fields import TASK_FIELDS
from tests.commands.typed import bob, typed


def test_every_field_of_a_task_has_an_option() -> None:
    words = [word for each in TASK_FIELDS for word in (each.option, "1")]
    assert dict.fromkeys((each.name for each in TASK_FIELDS), "1") == typed("add", "x", *words)[1].values


def test_a_text_may_begin_with_a_dash() -> None:
    assert "- use JWT" == typed("add", "- use JWT", "-p", "high")[1].text


def test_the_reply(tmp_path: Path) -> None:
    params = add.AddParams("Count all the words in the book", values={"priority": "high"})
    row = add.execute(bob(tmp_path), params)
    assert "T-03\n" == add.text(row)
    assert ("added T-03", "T-03", []) == tuple(add.facts(row)[each] for each in ("message", "id", "warnings"))


def test_what_is_vague_is_said(tmp_path: Path) -> None:
    row = add.execute(bob(tmp_path), add.AddParams("TBD"))
    assert any("is vague" in each for each in add.remarks(row))
    assert add.facts(row)["warnings"]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"deadline": "soon"}, "--deadline: 'soon' is not a moment"),
        ({"estimate": "a day"}, "--estimated-hours: 'a day' is not a number of hours"),
        ({"priority": "hgih"}, "--priority: 'hgih' is not a priority"),
    ],
)
def test_a_value_that_is_not_understood(tmp_path: Path, given: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        add.execute(bob(tmp_path), add.AddParams("Count all the words", values=given))
    assert str(caught.value).startswith(message)
    assert caught.value.hint
