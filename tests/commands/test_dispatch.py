"""``dispatch``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.commands import create, dispatch, transition
from orchestrator.errors import ApprovalError
from tests.commands.typed import bob


def test_only_of_an_approved_plan(tmp_path: Path) -> None:
    call = bob(tmp_path)
    layout = create.execute(call, create.CreateParams("Ship it")).layout
    call = replace(call, layout=layout)
    params = dispatch.DispatchParams("TASK-001", "Write it", agent="eva")
    with pytest.raises(ApprovalError):
        dispatch.execute(call, params)
    transition.execute(call, transition.TransitionParams("TASK-001", "approve"))
    reply = dispatch.execute(call, params)
    assert ("Dispatched subtask_01 to eva", "subtask_01") == (
        dispatch.facts(reply)["message"],
        dispatch.facts(reply)["subtask_id"],
    )
