"""What was paid for stays paid for, whatever became of the result: no budget is passed (decision 9, promise 21)."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.plans import front_of, write_plan


def delete(claude: ClaudePlan) -> None:
    for path in (claude.root / "results").iterdir():
        path.unlink()


def cut_short(claude: ClaudePlan) -> None:
    for path in (claude.root / "results").iterdir():
        os.truncate(path, 100)


def take_out(claude: ClaudePlan) -> None:
    write_plan(claude.root, {"T-11": "do 1", "T-12": "do 2"}, agent="claude", budget_usd=0.8)


def take_out_and_delete(claude: ClaudePlan) -> None:
    take_out(claude)
    delete(claude)


@pytest.mark.parametrize("lose", [delete, cut_short, take_out, take_out_and_delete])
def test_nothing_makes_a_budget_forget(claude: ClaudePlan, lose: Callable[[ClaudePlan], None]) -> None:
    """It is spent, so nothing starts any more, in any later run."""
    claude.write(2, budget_usd=0.8, task_budget_usd=0.4)
    claude.play({"*": {"turns": [0.4]}})
    claude.run()
    lose(claude)
    for _ in range(2):
        again = claude.orchestrate("run")
        assert 4 == again.returncode, again.stderr
        assert "budget" in again.stderr
    assert 2 == len(claude.calls())
    if lose is not take_out_and_delete:  # of that only the next run knows
        assert 0.8 == pytest.approx(claude.orchestrate("status", "--json").json["cost_usd"])


def test_what_is_done_again_tells_all_that_it_has_cost(claude: ClaudePlan) -> None:
    """Its earlier attempts stand in its file again; nothing of their sessions goes on, and none of them is charged."""
    claude.write(1, budget_usd=2)
    claude.play({"T-01": {"turns": [0.3]}})
    assert 0 == claude.run().returncode
    delete(claude)
    assert 0 == claude.run().returncode
    attempts = front_of(claude.root, "T-01")["attempts"]
    assert [(1, 0.3), (2, 0.3)] == [(each["number"], each["cost"]) for each in attempts]
    assert not [word for word in claude.calls()[1].argv if "resume" in word]
    assert [] == claude.run().started()
    assert 0 == claude.orchestrate("doctor", "--plan").returncode


def test_a_log_that_is_gone_counts_with_all_it_may_have_cost(claude: ClaudePlan) -> None:
    """The record is left, and says how much that is."""
    claude.write(1, budget_usd=0.6, task_budget_usd=0.6)
    claude.play({"*": {"turns": [0.1]}})
    assert 0 == claude.run().returncode
    delete(claude)
    (claude.root / "logs/agent-01.attempt-1.out").unlink()
    again = claude.orchestrate("run")
    assert 4 == again.returncode
    assert "budget is used up: T-01" in again.stderr


def test_a_hold_is_ended_by_deleting_what_met_it(claude: ClaudePlan) -> None:
    """As decision 9 says; what it had cost by then still counts."""
    claude.write(1, on_hold="stop")
    claude.play({"*": {"do": "usage_limit", "times": 1, "resets_in": 3600}})
    assert 4 == claude.run().returncode
    delete(claude)
    assert 0 == claude.run().returncode


def test_afresh_counts_anew(claude: ClaudePlan) -> None:
    claude.write(1, budget_usd=1, task_budget_usd=0.6)
    claude.play({"*": {"turns": [0.5]}})
    assert 0 == claude.run().returncode
    assert 0 == claude.run("--fresh").returncode
    assert 2 == len(claude.calls())


@pytest.mark.parametrize("has_result", [True, False])
def test_afresh_forgets_the_rows_that_were_taken_out(claude: ClaudePlan, *, has_result: bool) -> None:
    """They are no part of the new round, and eat none of its budget."""
    money = {"budget_usd": 1.2, "task_budget_usd": 0.6}
    claude.write({"T-01": "do 1", "T-02": "do 2"}, **money)
    claude.play({"*": {"turns": [0.5]}})
    assert 0 == claude.run().returncode
    claude.write({"T-01": "do 1"}, **money)
    if not has_result:
        (claude.root / "results/agent-02-result.md").unlink()
    only = claude.run("--fresh", "--only", "T-01")  # whoever names some tasks means no others
    assert (0, 1.0) == (only.returncode, only.events[-1]["cost_usd"])
    again = claude.run("--fresh")
    assert (0, 0.5) == (again.returncode, again.events[-1]["cost_usd"])
    assert [] == list(claude.root.glob("[!a]*/agent-02*"))
    assert (claude.root / "archive/002/logs/agent-02.attempt-1.out").exists()
