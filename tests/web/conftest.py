"""Dashboards for tests; without the packages they need, there is nothing to test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.web.dashboard import Dashboard, dashboard


@pytest.fixture(autouse=True, scope="session")
def packages() -> None:
    """Skip, where the extra is not installed."""
    for each in ("starlette", "uvicorn"):
        pytest.importorskip(each, reason="the extra `web` is not installed")


@pytest.fixture
def opened(orchestrate: Orchestrate, root: Path) -> Iterator[Dashboard]:
    """A dashboard of a plan of two tasks that were never run, and somebody who was let in."""
    write_plan(root, {"T-01": "echo one", "T-02": ("echo two", "T-01")})
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        yield shown
