"""``init``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.commands import init
from orchestrator.errors import UsageError
from orchestrator.store.layout import Layout
from tests.commands.typed import bob, typed


def test_a_queue_of_an_agent_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no agent 'gemini'"):
        init.execute(bob(tmp_path), init.InitParams(agent="gemini"))


def test_the_plan_is_made_and_the_next_step_named(tmp_path: Path) -> None:
    call = replace(bob(tmp_path), layout=Layout(str(tmp_path / "new")), is_json=False)
    made = init.execute(call, init.InitParams(request="Ship it", agent="shell"))
    assert Path(made.plan).is_file()
    assert f"{made.plan}\n" == init.text(made)
    assert ("", made.plan) == (init.facts(made)["archived"], init.facts(made)["plan"])
    assert any("add" in each for each in init.remarks(made))
    assert [] == list(init.remarks(made._replace(is_json=True)))


def test_two_places_for_a_plan() -> None:
    call, params = typed("init", "here", "--dir", "there")
    with pytest.raises(UsageError, match="two places"):
        init.execute(call, params)
