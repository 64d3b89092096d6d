"""Everybody here talks to the package through its command line only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate


@pytest.fixture
def orchestrate(tmp_path: Path) -> Iterator[Orchestrate]:
    """The command line, called in the test's own empty folder."""
    command = Orchestrate(tmp_path)
    yield command
    command.close()


@pytest.fixture
def claude(orchestrate: Orchestrate, tmp_path: Path) -> ClaudePlan:
    """A plan of claude tasks that is not written yet."""
    return ClaudePlan(orchestrate, tmp_path)
