"""What a plan may cost and what it did cost: reserved before it is spent, never unknown and called nothing."""

from __future__ import annotations

import csv
import io
import os
import re
import signal
from functools import partial
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan, cap, events, figures, most_at_once
from tests.acceptance.plans import front_of, result_of, write_plan, write_task
from tests.acceptance.test_plan_command import answer, task
from tests.executors.harness import guard_of, kill_together, wait_until, watchdog_of

MODEL = "claude-opus-5-5"


def test_a_budget_is_reserved_before_it_is_spent(claude: ClaudePlan) -> None:
    """Three tasks of a dollar each, two dollars: two at once, and the third when one has told what it cost."""
    claude.write(3, max_parallel=3, budget_usd=2, task_budget_usd=1)
    claude.play({"T-01": {"barrier": "two:2"}, "T-02": {"barrier": "two:2"}})
    assert 0 == claude.run().returncode
    made = claude.calls()
    assert (2, [1.0, 1.0, 1.0]) == (most_at_once(made), [cap(call) for call in made])


def test_without_caps_of_their_own_tasks_share_what_is_left(claude: ClaudePlan) -> None:
    """What calls that run together may cost adds up to no more than the budget."""
    claude.write(3, max_parallel=3, budget_usd=0.9)
    claude.play({"*": {"barrier": "all:3"}})
    assert 0 == claude.run().returncode
    caps = [cap(call) for call in claude.calls()]
    assert 3 == most_at_once(claude.calls())
    assert sum(caps) <= 0.9 + 1e-9
    assert min(caps) >= 0.1


def test_without_a_budget_a_task_may_cost_the_usual(claude: ClaudePlan) -> None:
    """Nobody said anything: five dollars."""
    claude.write(1)
    assert 0 == claude.run().returncode
    assert [5.0] == [cap(call) for call in claude.calls()]


def test_when_the_money_is_used_up_the_rest_is_named_and_left(claude: ClaudePlan) -> None:
    """Exit status 4; the next run counts what this one spent; with more money it goes on."""
    claude.write(3, max_parallel=1, budget_usd=1, task_budget_usd="$0.5")
    claude.play({"*": {"turns": [0.3]}})
    run = claude.run()
    summary = run.events[-1]
    assert (4, "held", ["T-01", "T-02"]) == (run.returncode, summary["code"], run.started())
    assert "too little for T-03" in summary["message"]
    assert "$0.4000 of the budget of $1.00" in summary["message"]
    assert "too little for T-03" in events(run, "run_unaffordable")[0]["text"]
    for command in (["validate"], ["run", "--dry-run"]):
        (warned,) = claude.orchestrate(*command, "--json").json["warnings"]
        left = "$0.4000 of the budget of $1.00 is left, too little for T-03 (needs $0.5000): raise"
        assert warned.startswith(left)
    for more in (["--raise-budget", "2"], ["--fresh"]):
        assert [] == claude.orchestrate("run", "--dry-run", *more, "--json").json["warnings"]
    again = claude.orchestrate("run")
    assert (4, 2) == (again.returncode, len(claude.calls()))
    assert "too little for T-03" in again.stderr
    assert "hint: raise budget_usd in the plan" in again.stderr
    told = claude.orchestrate("wait")
    assert (4, True) == (told.returncode, "too little for T-03" in told.stdout)
    assert "next: orchestrator run --detach --raise-budget MORE\n" in told.stdout
    assert 2 == claude.orchestrate("run", "--detach", "--raise-budget", "MORE").returncode
    looked = claude.orchestrate("status").stdout
    assert "Cost: $0.6000 of a budget of $1.00" in looked
    assert " ended: $0.4000 of the budget of $1.00 is left, too little for T-03 (needs $0.5000)\n" in looked
    assert looked.endswith("\nnext: orchestrator run --detach --raise-budget MORE\n")
    assert 1.0 == claude.orchestrate("status", "--json").json["budget_usd"]
    assert 0 == claude.run("--raise-budget", "1.1").returncode
    assert ["T-01", "T-02", "T-03"] == [call.task for call in claude.calls()]


def test_a_task_that_met_its_share_of_the_budget_has_nothing_to_mend(claude: ClaudePlan) -> None:
    """The sum is one that nobody wrote: the reason says what it is, and the hint what helps."""
    claude.write(2, max_parallel=2, budget_usd=0.6, retries=0)
    claude.play({"*": {"turns": [0.07] * 10, "barrier": "two:2"}})
    run = claude.orchestrate("run")
    assert 1 == run.returncode
    assert "hint: raise budget_usd in the plan, or in the task files" in run.stderr
    assert "is all it was given of the budget" in claude.attempts("T-01")[0]["reason"]


def test_after_a_run_with_more_money_than_the_plan_has_the_next_one_needs_it_too(claude: ClaudePlan) -> None:
    """``next`` is no run that would end at once."""
    claude.write({"T-01": "do 1", "T-02": ("do 2", "T-01")}, budget_usd=1)
    claude.play({"T-01": {"turns": [1.1]}, "T-02": {"do": "hang", "turns": [0.1]}})
    run = claude.start("--raise-budget", "6")
    claude.await_turn(run, "T-02")
    run.send_signal(signal.SIGTERM)
    claude.orchestrate.finish(run)
    said = claude.orchestrate("status").stdout
    assert "next: orchestrator run --detach --raise-budget MORE" in said, said


def test_a_flag_only_lowers_what_a_plan_or_a_task_may_cost(claude: ClaudePlan) -> None:
    """Whoever copies a command with a sum in it does not spend more than the plan says, and is told so."""
    claude.write(2, max_parallel=1, budget_usd=1, task_budget_usd=0.5)
    write_task(claude.root, "T-02", "do it", budget_usd=0.25)
    flags = ("--budget-usd", "10", "--task-budget-usd", "0.4")
    whole, task = claude.orchestrate("run", "--dry-run", *flags, "--json").json["warnings"]
    assert whole.startswith("the budget of $1.00 in the plan stays: --budget-usd ($10.00) only")
    assert "--raise-budget" in whole
    assert task.startswith("--task-budget-usd only lowers: T-02 may cost less")
    assert 0 == claude.run(*flags).returncode
    assert [0.4, 0.25] == [cap(call) for call in claude.calls()]


def test_no_limit_as_a_flag_takes_no_budget_away(claude: ClaudePlan) -> None:
    """0 is no limit, which is more than any."""
    claude.write(2, max_parallel=1, budget_usd=0.5, task_budget_usd=0.45)
    claude.play({"*": {"turns": [0.4]}})
    assert 4 == claude.run("--budget-usd", "0").returncode
    assert 2 == claude.run("--budget-usd", "0", "--raise-budget", "1").returncode
    assert 0 == claude.run("--raise-budget", "0").returncode


def test_a_task_that_used_its_own_budget_up_is_named(claude: ClaudePlan) -> None:
    """Also without a budget of the plan; nothing is said of one."""
    claude.write(1, retries=0)
    write_task(claude.root, "T-01", "do it", budget_usd=0.1)
    claude.play({"*": {"turns": [0.06, 0.06]}})
    assert 1 == claude.run().returncode
    assert "maximum budget" in claude.attempts("T-01")[0]["reason"]
    again = claude.run()
    message = again.events[-1]["message"]
    assert (4, 1) == (again.returncode, len(claude.calls()))
    assert "T-01" in message
    assert "inf" not in message
    assert "T-01" in events(again, "run_overspent")[0]["text"]
    assert "hint: raise budget_usd in the task file" in claude.orchestrate("run").stderr
    assert "next: orchestrator show T-01\n" in claude.orchestrate("wait").stdout


def test_a_task_whose_own_budget_ends_its_retries_says_so(claude: ClaudePlan) -> None:
    """Or nobody would know why there was no other attempt."""
    claude.write(1, retries=3)
    write_task(claude.root, "T-01", "do it", budget_usd=0.01)
    claude.play({"*": {"do": "empty"}})
    ran = claude.orchestrate("run")
    assert (1, 1) == (ran.returncode, len(claude.calls()))
    assert "❌ T-01 an empty answer (exit 0); its own budget is used up" in ran.stderr


def test_a_failed_attempt_has_its_price(claude: ClaudePlan) -> None:
    """It is in the result, the final output and the summary: by task, agent and model, and not twice."""
    claude.write(2, retries=1)
    claude.play({"T-01": [{"do": "empty"}, {"turns": [0.25]}], "T-02": {"turns": [0.5]}})
    run = claude.run()
    assert 0 == run.returncode
    summary = run.events[-1]
    assert 0.762 == summary["cost_usd"]
    assert 0 == summary["unknown_costs"]
    assert {"T-01": pytest.approx(0.262), "T-02": pytest.approx(0.5)} == summary["costs"]["task"]
    assert {"claude": pytest.approx(0.762)} == summary["costs"]["agent"]
    assert {MODEL: pytest.approx(0.762)} == summary["costs"]["model"]
    shown = figures(result_of(claude.root, "T-01"))
    assert ("$0.2620", "$0.2500") == (shown["Cost"], shown["Cost of the last attempt"])
    assert "$0.2620" == shown[f"Cost on {MODEL}"]
    shown = figures(claude.text("final_output.md"))
    assert "$0.7620" == shown["Cost"]
    assert "claude $0.7620" == shown["Cost by agent"]
    assert f"{MODEL} $0.7620" == shown["Cost by model"]
    assert "| $0.2620 |" in claude.text("final_output.md")
    assert "Cost: $0.7620" in claude.text("master_plan.md")
    assert "Cost: $0.7620" in claude.orchestrate("status").stdout
    assert 0.762 == claude.orchestrate("status", "--json").json["cost_usd"]


def test_a_budget_that_fears_used_up_says_so(claude: ClaudePlan) -> None:
    """Not even a cent is known to be spent, and nothing may start: that is not to be read as a fault."""
    claude.write(1, budget_usd=1, task_budget_usd=0.9)
    claude.play({"T-01": {"do": "hang", "turns": [0.1]}})
    run = claude.start()
    claude.await_turn(run, "T-01")
    run.send_signal(signal.SIGTERM)
    claude.orchestrate.finish(run)
    file = write_task(claude.root, "T-01", "something else")  # so its session does not go on
    ahead = file.stat().st_mtime + 1
    os.utime(file, (ahead, ahead))
    again = claude.orchestrate("run")
    assert 4 == again.returncode
    left = "$0.1000 of the budget of $1.00 is left (1 attempt of unknown cost counts as $0.9000)"
    assert f"{left}, too little for T-01" in again.stderr


def test_what_a_killed_attempt_cost_is_unknown_until_its_session_says(claude: ClaudePlan) -> None:
    """Never nothing; and the session that goes on tells the difference, so nothing is counted twice."""
    claude.write(1, budget_usd=2, task_budget_usd=0.9)
    claude.play({"T-01": [{"do": "hang", "turns": [0.1]}, {"turns": [0.2]}]})
    run = claude.start()
    claude.await_turn(run, "T-01")
    run.send_signal(signal.SIGTERM)
    ended = claude.orchestrate.finish(run)
    assert 143 == ended.returncode
    assert "💰 1 attempt of unknown cost" in ended.stderr
    assert front_of(claude.root, "T-01")["attempts"][0]["cost"] is None
    shown = figures(result_of(claude.root, "T-01"))
    assert "unknown" in shown["Cost"]
    pluralize = "1 attempt of unknown cost, counted as $0.9000, of a budget of $2.00"
    assert pluralize == figures(claude.text("final_output.md"))["Cost"]
    assert f"Cost: {pluralize}" in claude.orchestrate("status").stdout
    assert re.search(r"^Cost: .*unknown", claude.text("master_plan.md"), re.MULTILINE)
    again = claude.run()
    assert 0 == again.returncode
    summary = again.events[-1]
    assert (0.3, 0) == (summary["cost_usd"], summary["unknown_costs"])
    assert "$0.3000 of a budget of $2.00" == figures(claude.text("final_output.md"))["Cost"]
    # What is feared to be spent stays reserved; only what is surely left may be spent again.
    assert sum(cap(call) for call in claude.calls()) <= 2.0


@pytest.mark.parametrize("version", ["", "2.1.400"])
def test_a_session_that_tells_only_its_sum_is_not_paid_for_twice(claude: ClaudePlan, version: str) -> None:
    """What its earlier attempts are known to have cost is taken off: in the result, by model, and in the sum."""
    claude.write(1, retries=0)
    waits = {"do": "background", "until": "never", "version": version}
    claude.play({"T-01": [waits, {"turns": [0.2], "version": version}]})
    run = claude.start()
    log = claude.root / "logs" / "agent-01.attempt-1.out"
    wait_until(lambda: log.exists() and b'"result"' in log.read_bytes())
    run.send_signal(signal.SIGINT)
    claude.orchestrate.finish(run)
    again = claude.run()
    summary = again.events[-1]
    assert (0, 0.212, 0) == (again.returncode, summary["cost_usd"], summary["unknown_costs"])
    assert [0.012, 0.2] == [each["cost"] for each in claude.attempts("T-01")]
    assert {MODEL: 0.212} == summary["costs"]["model"]


def test_an_interrupted_run_can_go_on_within_its_budget(claude: ClaudePlan) -> None:
    """What nobody knows counts with what it may have been at most, which is its cap and not what is usual."""
    claude.write(2, budget_usd=2)
    claude.play({"T-01": [{"do": "hang", "turns": [0.1]}, {}]})
    run = claude.start()
    claude.await_journal(run, "T-02 · completed")
    claude.await_turn(run, "T-01")
    run.send_signal(signal.SIGINT)
    assert 130 == claude.orchestrate.finish(run).returncode
    again = claude.run()
    assert 0 == again.returncode, again.events[-1]["message"]


def test_what_an_attempt_may_have_cost_that_nobody_saw_end_counts(claude: ClaudePlan) -> None:
    """Runner, guard and watchdog died in one moment, as in a power cut; the next run knows of the money."""
    claude.write({"T-01": "do 1"}, budget_usd=3, task_budget_usd=3)
    claude.play({"T-01": {"wait_for": "go", "answer": "done"}})
    run = claude.start()
    wait_until(claude.calls)
    kill_together(run.pid, guard_of(run.pid), watchdog_of(run.pid))
    run.communicate()
    again = claude.run()
    assert (4, 1) == (again.returncode, len(claude.calls())), again
    assert "$0.00 of the budget of $3.00 is left" in again.events[-1]["message"]


def test_what_a_dead_run_left_open_costs_the_same_wherever_one_looks(claude: ClaudePlan) -> None:
    """Nobody knows how much, and nobody says 0."""
    claude.write(2, max_parallel=1)
    claude.play({"T-01": {"turns": [0.4]}, "T-02": {"do": "hang", "turns": [0.1]}})
    run = claude.start()
    claude.await_turn(run, "T-02")
    kill_together(run.pid, guard_of(run.pid), watchdog_of(run.pid))
    run.communicate()
    told = (0.4, 1)
    for found in (
        claude.orchestrate("status", "--json").json,
        claude.orchestrate("report", "--json").json["total"],
        claude.orchestrate("agent", "metrics", "--json").json["agents"]["claude"],
    ):
        assert told == (found["cost_usd"], found["unknown_costs"])
    for found in (
        claude.orchestrate("list", "--json").json["tasks"][1],
        claude.orchestrate("show", "T-02", "--json").json["task"],
        claude.orchestrate("history", "T-02", "--json").json["task"],
        claude.orchestrate("export", "--format", "json").json["tasks"][1],
    ):
        assert (None, 1) == (found["cost_usd"], found["unknown_costs"])
    for command in ("report", "export"):
        sheet = claude.orchestrate(command, "--format", "csv").stdout
        one, other = csv.DictReader(io.StringIO(sheet))
        assert ("0.4", "", "") == (one["cost_usd"], other["cost_usd"], other["seconds"])
    assert " | ? |" in claude.orchestrate("export").stdout
    claude.orchestrate("doctor", "--plan", "--fix")  # with its guard gone, the agent is still there


def test_a_simulation_does_not_forget_what_was_paid(claude: ClaudePlan) -> None:
    """It plays the tasks through and leaves the money as it is."""
    claude.write(2, retries=0)
    claude.play({"T-01": [{"do": "empty"}, {"turns": [0.25]}], "T-02": {"do": "http400"}})
    assert 1 == claude.run().returncode
    assert 0 == claude.run("--simulate").returncode
    run = claude.run()
    assert 0.262 == run.events[-1]["cost_usd"]
    assert ["failed", "completed"] == claude.statuses("T-01")


def test_plans_without_agents_that_cost_something_show_no_cost(claude: ClaudePlan) -> None:
    """A shell command has no price, not even nothing."""
    write_plan(claude.root, {"T-01": "echo one", "T-02": "exit 1"})
    assert "💰" not in claude.orchestrate("run").stderr
    for text in (
        claude.text("final_output.md"),
        claude.text("master_plan.md"),
        result_of(claude.root, "T-01"),
        claude.orchestrate("status").stdout,
    ):
        assert "cost" not in text.lower()
        assert "$" not in text


def test_each_plan_has_the_planning_that_was_paid_for_it(claude: ClaudePlan) -> None:
    """It goes with it into the archive, and is no cost of the plan that comes after."""
    good, bad = answer(task("T-01")), answer(task("T-01", "T-09"))
    claude.play({"_plan": [bad, good, good]})
    plan = partial(claude.orchestrate, "plan", "Look at it all", "--force", "--json")
    assert 0 == plan().returncode  # asked twice
    first = claude.orchestrate("status", "--json").json["cost_usd"]
    archived = Path(plan().json["archived"])
    costs = [claude.orchestrate("status", place, "--json").json["cost_usd"] for place in (archived, claude.root)]
    assert [first, first / 2] == costs
    assert ["1", "2"] == sorted(path.stem[-1] for path in archived.glob("logs/_plan*.json"))
    assert ["3"] == [path.stem[-1] for path in claude.root.glob("logs/*.json")]
    result = claude.text("results/_plan-result.md")
    assert "../logs/_plan.attempt-3.out" in result
    assert "List every file of part T-01" in result


def test_planning_stays_part_of_the_cost_of_a_plan_that_is_done_afresh(claude: ClaudePlan) -> None:
    """The plan it paid for is still the one that is run."""
    claude.play({"_plan": answer(task("T-01")), "T-01": {"turns": [0.5]}})
    assert 0 == claude.orchestrate("plan", "Look at it all").returncode
    planning = claude.orchestrate("status", "--json").json["cost_usd"]
    for _ in range(2):
        run = claude.run("--fresh")
        assert (0, pytest.approx(planning + 0.5)) == (run.returncode, run.events[-1]["cost_usd"])


def test_an_export_tells_all_that_was_paid(claude: ClaudePlan) -> None:
    """Planning and merging have rows of their own, so the rows add up to what `status` says."""
    claude.play({"_plan": answer(task("T-01"), task("T-02"))})
    assert 0 == claude.orchestrate("plan", "Look at it all").returncode
    assert 0 == claude.run("--aggregate", "claude").returncode
    paid = claude.orchestrate("status", "--json").json["cost_usd"]
    rows = list(csv.DictReader(io.StringIO(claude.orchestrate("export", "--format", "csv").stdout)))
    assert ["T-01", "T-02", "_plan", "_merge"] == [row["id"] for row in rows]
    assert ["planning", "merging the results"] == [row["name"] for row in rows[2:]]
    assert paid == pytest.approx(sum(float(row["cost_usd"]) for row in rows))
    told = claude.orchestrate("export", "--format", "json").json
    assert (paid, 0, 2) == (told["cost_usd"], told["unknown_costs"], len(told["tasks"]))
    assert ["_plan", "_merge"] == [each["id"] for each in told["beside"]]
    document = claude.orchestrate("export").stdout
    assert f"\nCost: ${paid:.4f}\n" in document
    assert "| _merge | merging the results | - | claude | - | 1 | " in document
