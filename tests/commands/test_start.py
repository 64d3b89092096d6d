"""``start``."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from orchestrator.commands import start
from orchestrator.commands.task_command import facts
from tests.commands.typed import bob, typed


def test_progress_is_a_per_cent() -> None:
    assert start.StartParams("T-01", progress=40) == typed("start", "T-01", "--progress", "40")[1]
    for wrong in ("101", "-1", "half"):
        with pytest.raises(click.BadParameter):
            typed("start", "T-01", "--progress", wrong)


def test_the_reply(tmp_path: Path) -> None:
    reply = start.execute(bob(tmp_path), start.StartParams("T-01", progress=40))
    assert {"message": "T-01 is running", "task": "T-01", "status": "running"} == facts(reply)
