"""``archive``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.commands import archive, create, transition
from orchestrator.errors import TransitionError
from tests.commands.typed import bob


def test_only_what_is_over(tmp_path: Path) -> None:
    call = bob(tmp_path)
    layout = create.execute(call, create.CreateParams("Ship it")).layout
    call = replace(call, layout=layout)
    with pytest.raises(TransitionError):
        archive.execute(call, archive.ArchiveParams("TASK-001"))
    transition.execute(call, transition.TransitionParams("TASK-001", "reject"))
    archived = archive.execute(call, archive.ArchiveParams("TASK-001"))
    assert ("ARCHIVED", "TASK-001") == (archive.facts(archived)["status"], archive.facts(archived)["task_id"])
    assert Path(archived.directory).is_dir()
