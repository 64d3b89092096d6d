"""``auto-dispatch``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import auto_dispatch
from orchestrator.errors import UsageError
from tests.commands.typed import bob, typed


def test_all_is_about_every_plan(tmp_path: Path) -> None:
    assert typed("auto-dispatch", "--all", "--json")[1].everything
    with pytest.raises(UsageError, match="--all is about every plan"):
        auto_dispatch.execute(bob(tmp_path), auto_dispatch.AutoDispatchParams("TASK-001", everything=True))


def test_a_preview_starts_nothing(tmp_path: Path) -> None:
    done = auto_dispatch.execute(bob(tmp_path), auto_dispatch.AutoDispatchParams(dry_run=True))
    assert (["T-01"], [""]) == ([each.subtask_id for each in done.dispatches], [each.run for each in done.dispatches])
