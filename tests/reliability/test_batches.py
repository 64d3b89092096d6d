"""``kill -9`` of runs that expand batches: an item has the same id ever after."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate, ok
from tests.reliability.instants import OPERATIONS, dies_at
from tests.reliability.soak import SOAK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

STRIDE = 3 if SOAK else 23
PLAN = """\
---
agent: shell
---
# Plan

| Task ID | Description | Dependencies | For Each |
|---|---|---|---|
| T-01 | echo '{"files": ["x", "y", "z"]}' | None | |
| T-02 | echo {{item}} >> "$HOME/T-02" | None | glob:*.in |
| T-03 | echo {{item}} >> "$HOME/T-03" | T-01 | result.files |
| T-04 | cat | T-02, T-03 | |
"""


@pytest.fixture
def orchestrate(tmp_path: Path) -> Orchestrate:
    return Orchestrate(tmp_path)


@pytest.mark.parametrize("number", range(1, OPERATIONS, STRIDE))
def test_a_run_may_die_before_any_change_of_a_file(orchestrate: Orchestrate, tmp_path: Path, number: int) -> None:
    """And the list may be another one by the next run: what had an id keeps it, and every item is done."""
    root = tmp_path / ".orchestrator"
    root.mkdir()
    (root / "master_plan.md").write_text(PLAN, encoding="utf-8")
    known: dict[str, str] = {}
    for new in ("b", "a", "c"):  # the last one comes first in the list
        (tmp_path / f"{new}.in").touch()
        run = orchestrate.start("run", env=dies_at(orchestrate, number))
        run.communicate()
        assert run.returncode in {-signal.SIGKILL, 0}
        known = _ids(root, known)
    ok(orchestrate("run"))
    assert 6 == len(_ids(root, known))
    assert {"a.in", "b.in", "c.in"} == {*(tmp_path / "T-02").read_text(encoding="utf-8").split()}
    assert {"x", "y", "z"} == {*(tmp_path / "T-03").read_text(encoding="utf-8").split()}
    assert {"completed": 10} == orchestrate("status", "--json").counts
    orchestrate.close()


def _ids(root: Path, before: dict[str, str]) -> dict[str, str]:
    """The item of each id, which are those that there were before, and others."""
    found: dict[str, str] = {}
    for path in (root / "batches").glob("*.json"):
        record = json.loads(path.read_text(encoding="utf-8"))
        found |= {item["id"]: item["item"] for item in record["items"]}
    assert before.items() <= found.items()
    return found
