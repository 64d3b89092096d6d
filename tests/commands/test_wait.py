"""``wait``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import wait
from orchestrator.errors import NotFoundError
from tests.commands.typed import bob, typed


def test_what_ends_the_wait() -> None:
    assert (90, "news") == (typed("wait")[1].timeout, typed("wait")[1].until)
    assert "end" == typed("wait", "--for", "end")[1].until


def test_a_plan_that_was_never_run(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="this plan was never run"):
        wait.execute(bob(tmp_path), wait.WaitParams(timeout=0))
