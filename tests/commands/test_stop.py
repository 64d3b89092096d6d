"""``stop``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import stop
from orchestrator.errors import NotFoundError
from orchestrator.services.stop import Stopped
from tests.commands.typed import bob, typed


def test_a_minute_is_the_default() -> None:
    assert 60 == typed("stop")[1].timeout


def test_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no run is at work"):
        stop.execute(bob(tmp_path), stop.StopParams())


def test_the_reply() -> None:
    stopped = Stopped("a1", (), lambda: True)
    assert ("run a1 is over", "a1") == (stop.facts(stopped)["message"], stop.facts(stopped)["run"])
    assert "a1\n" == stop.text(stopped)
