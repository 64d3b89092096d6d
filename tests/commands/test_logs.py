"""``logs``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import logs
from orchestrator.errors import NotFoundError
from tests.commands.typed import bob, typed


def test_the_newest_attempt_is_meant_where_none_is_named() -> None:
    assert logs.LogsParams("T-01") == typed("logs", "T-01")[1]
    assert logs.LogsParams("T-01", attempt=2, stderr=True) == typed("logs", "T-01", "--attempt", "2", "--stderr")[1]


def test_a_task_without_an_attempt_has_no_log(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="T-01 has no attempt yet"):
        logs.execute(bob(tmp_path), logs.LogsParams("T-01"))
