"""``run``."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from orchestrator.commands import run
from orchestrator.errors import UsageError
from tests.commands.typed import bob, typed


def test_settings_are_read() -> None:
    params = typed("run", "--timeout", "5m", "--max-parallel", "2")[1]
    assert {"timeout": 300.0, "max_parallel": 2} == params.settings
    with pytest.raises(click.BadParameter):
        typed("run", "--timeout", "soon")


def test_the_words_are_kept_for_a_run_in_the_background() -> None:
    assert ["--detach", "--timeout", "5m"] == typed("run", "--detach", "--timeout", "5m")[0].words


def test_a_request(tmp_path: Path) -> None:
    layout = bob(tmp_path).layout
    request = run.run_request(layout, run.RunParams(only=("T-01,agent-02",), tags=("#a",)))
    assert (["T-01", "T-02"], ["a"]) == (list(request.only), list(request.tags))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (run.RunParams(only=(",",)), "--only names no task"),
        (run.RunParams(settings={"budget_usd": 1.0}, raise_budget=2.0), "are both given"),
        (run.RunParams(notify=("carrier pigeon",)), "Invalid value for '--notify'"),
    ],
)
def test_what_is_refused(tmp_path: Path, params: run.RunParams, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        run.run_request(bob(tmp_path).layout, params)
