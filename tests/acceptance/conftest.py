"""Everybody here talks to the package through its command line only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate


@pytest.fixture
def orchestrate(tmp_path: Path) -> Iterator[Orchestrate]:
    """The command line, called in the test's own empty folder."""
    command = Orchestrate(tmp_path)
    yield command
    command.close()
