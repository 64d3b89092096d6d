"""``complete``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import complete
from orchestrator.errors import UsageError
from tests.commands.typed import bob, typed


def test_the_answer_and_what_is_checked() -> None:
    _, params = typed("complete", "T-01", "- it is done", "--met", "1,3", "--validate")
    assert complete.CompleteParams("T-01", "- it is done", met="1,3", validate=True) == params


def test_one_answer(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="twice"):
        complete.execute(bob(tmp_path), complete.CompleteParams("T-01", "one", summary="two"))


def test_the_reply(tmp_path: Path) -> None:
    """The criteria are in it where they were checked."""
    call = bob(tmp_path)
    done = complete.execute(call, complete.CompleteParams("T-01", "it is done"))
    expected = {"message": "T-01 is completed", "task": "T-01", "status": "completed"}
    assert expected == complete.facts(done)
    checked = complete.execute(call, complete.CompleteParams("T-02", "it is done", validate=True))
    assert [] == complete.facts(checked)["criteria"]
