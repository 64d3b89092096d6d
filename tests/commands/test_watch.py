"""``watch``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import add, watch
from orchestrator.errors import UsageError
from tests.commands.typed import bob


def test_it_begins_where_it_ended(tmp_path: Path) -> None:
    call = bob(tmp_path)
    add.execute(call, add.AddParams("Count all the words"))
    follower = watch.execute(call, watch.WatchParams())
    assert ["added"] == [each.line.what for each in follower.new()]
    follower.keep()
    assert [] == watch.execute(call, watch.WatchParams()).new()


def test_since_when(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a cursor nor a time"):
        watch.execute(bob(tmp_path), watch.WatchParams(since="soon"))
