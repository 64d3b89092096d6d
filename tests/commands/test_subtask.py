"""``subtask``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.commands import create, dispatch, subtask, transition
from orchestrator.errors import UsageError
from tests.commands.typed import bob


def test_its_progress(tmp_path: Path) -> None:
    call = bob(tmp_path)
    layout = create.execute(call, create.CreateParams("Ship it")).layout
    call = replace(call, layout=layout)
    transition.execute(call, transition.TransitionParams("TASK-001", "approve"))
    dispatch.execute(call, dispatch.DispatchParams("TASK-001", "Write it", agent="eva"))
    reply = subtask.execute(call, subtask.SubtaskParams("TASK-001", "subtask_01", "start", progress=30))
    assert ("IN_PROGRESS", 30) == (reply.subtask["status"], reply.subtask["progress"])
    with pytest.raises(UsageError, match="'stop' is no action"):
        subtask.execute(call, subtask.SubtaskParams("TASK-001", "subtask_01", "stop"))
