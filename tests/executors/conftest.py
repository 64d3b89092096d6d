"""The guard runs without ``site``, where coverage hooks into processes of Python: it is told to measure itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.executors import local


@pytest.fixture(autouse=True)
def measure_the_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    if not {"COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"} & os.environ.keys():
        return
    import coverage

    packages = str(Path(coverage.__file__).parents[1])
    start = f"import sys; sys.path.append({packages!r}); import coverage; coverage.process_startup(); "
    monkeypatch.setattr(local, "BOOTSTRAP", start + local.BOOTSTRAP)
