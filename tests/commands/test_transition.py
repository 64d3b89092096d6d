"""``transition``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.commands import create, transition
from orchestrator.errors import TransitionError
from tests.commands.typed import bob


def test_a_plan_is_approved_once(tmp_path: Path) -> None:
    call = bob(tmp_path)
    layout = create.execute(call, create.CreateParams("Ship it")).layout
    call = replace(call, layout=layout)
    moved = transition.execute(call, transition.TransitionParams("TASK-001", "approve"))
    assert "TASK-001: PLANNING → APPROVED" == transition.facts(moved)["message"]
    with pytest.raises(TransitionError):
        transition.execute(call, transition.TransitionParams("TASK-001", "approve"))
