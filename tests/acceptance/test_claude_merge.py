"""``aggregate: claude``: one more worker merges the answers, and what it costs is in the totals (S2-81U)."""

from __future__ import annotations

import re
import signal

import pytest

from tests.acceptance.claude_plan import ClaudePlan, events, figures, flags
from tests.executors.harness import wait_until

MERGED = {"answer": "# One answer\n\nmade from all", "turns": [0.5]}
FIGURES = ("attempts", "completed", "failed", "tasks_failed")


def merged_at(text: str) -> int:
    return text.index("made from all")


def test_the_merged_answer_comes_first_and_is_paid_once(claude: ClaudePlan) -> None:
    """It was made from every answer; the next run with nothing new pays for nothing, and one with news merges anew."""
    claude.write(2, aggregate="claude")
    claude.play({"T-01": {"answer": "pears"}, "T-02": {"answer": "plums"}, "_merge": MERGED})
    run = claude.run()
    assert 0 == run.returncode
    output = claude.text("final_output.md")
    assert output.index("## Summary") < merged_at(output) < output.index("## Results")
    assert merged_at(output) < output.index("pears")
    merger = claude.calls("_merge")[0]
    assert "pears" in merger.prompt
    assert "plums" in merger.prompt
    assert "Read" == flags(merger)["--tools"]
    assert 0.512 == run.events[-1]["cost_usd"]
    assert "$0.5120" == figures(output)["Cost"]
    assert "Cost: $0.5120" in claude.text("master_plan.md")
    for look in (["status"], ["status", "--brief"], ["wait"]):
        assert 0.512 == claude.orchestrate(*look, "--json").json["cost_usd"]
    assert "2 of 2 tasks" in run.events[-1]["message"]

    again = claude.run()
    assert (0, 3) == (again.returncode, len(claude.calls()))
    assert merged_at(claude.text("final_output.md")) < claude.text("final_output.md").index("pears")

    (claude.root / "results" / "agent-02-result.md").unlink()
    assert 0 == claude.run().returncode
    assert ["T-02", "_merge"] == [call.task for call in claude.calls()[3:]]


def test_what_was_merged_stays_as_long_as_it_holds(claude: ClaudePlan) -> None:
    """It was asked for once and paid for: a run without the flag shows it, until an answer is another."""
    claude.write({"T-01": "echo pears", "T-02": "echo plums"}, agent="shell")
    claude.play({"_merge": MERGED})
    assert 0 == claude.run("--aggregate", "claude").returncode
    assert 0 == claude.run().returncode
    output = claude.text("final_output.md")
    assert output.index("## Summary") < merged_at(output) < output.index("pears")
    assert 0 == claude.run("--aggregate", "concat").returncode
    assert "made from all" not in claude.text("final_output.md")
    assert 0 == claude.run("--simulate").returncode
    assert merged_at(claude.text("final_output.md"))

    (claude.root / "results" / "agent-02-result.md").unlink()
    assert 0 == claude.run().returncode
    assert "made from all" not in claude.text("final_output.md")
    assert 1 == len(claude.calls())


def test_a_task_that_came_or_went_is_merged_anew(claude: ClaudePlan) -> None:
    """The answers that were merged are not those of the plan any more."""
    rows = {"T-01": "echo pears", "T-02": "echo plums"}
    for tasks in ({**rows, "T-03": "echo figs"}, {"T-02": "echo plums", "T-03": "echo figs"}):
        claude.write(rows, agent="shell", aggregate="claude")
        assert 0 == claude.run().returncode
        claude.write(tasks, agent="shell", aggregate="claude")
        assert 0 == claude.run().returncode
        newest = claude.calls("_merge")[-1].prompt
        assert ("pears" in newest, "figs" in newest) == ("T-01" in tasks, True)
        rows = tasks


def test_a_row_that_came_back_during_a_run_is_merged_already(claude: ClaudePlan) -> None:
    """Its answer is there, and is one of those that were merged."""
    claude.play({"_merge": MERGED, "T-04": [{"do": "http400"}, {"do": "hang", "turns": [0.1]}]})
    plan = claude.write(4, aggregate="claude", retries=0)
    assert 1 == claude.run().returncode
    assert merged_at(claude.text("final_output.md"))
    text = plan.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines(keepends=True) if line.startswith("| T-03 "))
    plan.write_text(text.replace(row, ""), encoding="utf-8")
    run = claude.start()
    claude.await_turn(run, "T-04")
    plan.write_text(text, encoding="utf-8")
    claude.await_journal(run, "the plan was changed: new T-03")
    run.send_signal(signal.SIGTERM)
    assert 143 == claude.orchestrate.finish(run).returncode
    assert merged_at(claude.text("final_output.md"))
    assert 1 == len(claude.calls("_merge"))


@pytest.mark.parametrize("agent", ["claude", "shell"])
def test_an_answer_that_was_corrected_is_merged_anew(claude: ClaudePlan, agent: str) -> None:
    """Once. Else what a person knows to be wrong would come first. A file that is only newer was not corrected."""
    claude.write({"T-01": "echo pears", "T-02": "echo plums"}, agent=agent, aggregate="claude")
    claude.play({"T-01": {"answer": "# Fruit\n\npears"}, "_merge": MERGED})
    assert 0 == claude.run().returncode
    result = claude.root / "results" / "agent-01-result.md"
    result.touch()
    assert 0 == claude.run().returncode
    assert 1 == len(claude.calls("_merge"))
    text = result.read_text(encoding="utf-8")
    result.write_text(text.replace("\npears\n", "\nfigs\n"), encoding="utf-8")
    for _ in range(2):
        assert 0 == claude.run().returncode
    assert 2 == len(claude.calls("_merge"))
    assert "\nfigs\n" in claude.calls("_merge")[-1].prompt
    assert merged_at(claude.text("final_output.md"))


def test_a_simulation_keeps_what_was_merged(claude: ClaudePlan) -> None:
    """It is paid for, and current as long as the answers are. What was only played was not merged."""
    claude.write(2, aggregate="claude")
    claude.play({"_merge": MERGED})
    assert 0 == claude.run("--simulate").returncode
    assert "> Not merged: it was only simulated." in claude.text("final_output.md")
    assert 0 == claude.run().returncode
    assert 0 == claude.run("--simulate").returncode
    assert merged_at(claude.text("final_output.md"))
    assert "Not merged" not in claude.text("final_output.md")
    assert 1 == len(claude.calls("_merge"))


def test_what_cannot_be_merged_now_is_not_taken_for_merged(claude: ClaudePlan) -> None:
    """The merged answer of before lacks a task; it is not shown as if it were the new one."""
    rows = {"T-01": "echo pears", "T-02": "echo plums"}
    claude.write(rows, agent="shell", aggregate="claude")
    claude.play({"_merge": MERGED})
    assert 0 == claude.run().returncode
    claude.write({**rows, "T-03": "echo figs"}, agent="shell", aggregate="claude")
    assert 4 == claude.run("--budget-usd", "0.5").returncode
    assert 1 == len(claude.calls("_merge"))
    assert "> Not merged" in claude.text("final_output.md")
    assert "made from all" not in claude.text("final_output.md")


def test_a_run_that_does_everything_afresh_merges_afresh(claude: ClaudePlan) -> None:
    """The merge before it was made from answers that are in the archive now, and lies there with them."""
    claude.write(2, aggregate="claude")
    claude.play({"_merge": [MERGED, {**MERGED, "answer": "made from news"}]})
    assert 0 == claude.run().returncode
    assert 0 == claude.run("--fresh").returncode
    assert "made from news" in claude.text("final_output.md")
    assert "made from all" in claude.text("archive/001/results/_merge-result.md")
    assert [1] == [each["number"] for each in claude.attempts("_merge")]


def test_when_the_merge_fails_the_results_are_there_and_it_is_said(claude: ClaudePlan) -> None:
    """The run is a success all the same; what the failed merge cost is counted."""
    claude.write(2, aggregate="claude", retries=0)
    claude.play({"_merge": {"do": "http400"}})
    run = claude.run()
    assert 0 == run.returncode
    output = claude.text("final_output.md")
    assert re.search(r"^> Not merged, the structured output follows: API Error: 400", output, re.MULTILINE)
    assert "Answer to T-01" in output
    assert ["Not merged, the structured output follows: API Error: 400 stub bad request"] == [
        event["text"] for event in events(run, "warning")
    ]
    told = claude.orchestrate("wait")
    assert 0 == told.returncode
    assert "Not merged" in told.stdout
    claude.play({"_merge": MERGED})
    assert 0 == claude.run().returncode
    assert "made from all" in claude.text("final_output.md")
    assert "Not merged" not in claude.text("final_output.md")


def test_merging_is_work_and_no_task(claude: ClaudePlan) -> None:
    """A report counts its attempts, time and money, and as many completed and failed tasks as the plan has."""
    claude.write(2, aggregate="claude", retries=0)
    claude.play({"_merge": [{"do": "http400"}, MERGED]})
    assert 0 == claude.run().returncode
    first = claude.orchestrate("report", "--json").json["total"]
    assert (3, 2, 0, 0) == tuple(first[each] for each in FIGURES)
    assert 0 == claude.run().returncode
    found = claude.orchestrate("report", "--json").json
    assert (4, 2, 0, 0) == tuple(found["total"][each] for each in FIGURES)
    assert 1.0 == found["agents"]["claude"]["success"]
    assert 0.512 == found["total"]["cost_usd"]
    assert ["T-01", "T-02"] == sorted(each["task"] for each in found["longest"])
    assert [] == found["repeated"]
    assert 4 == claude.orchestrate("report", "--format", "csv").stdout.count(",claude,")


def test_a_run_without_claude_says_why_nothing_is_merged(claude: ClaudePlan) -> None:
    """Commands need no claude; their results are put together as always."""
    claude.write({"T-01": "echo one", "T-02": "echo two"}, agent="shell", aggregate="claude")
    (claude.where / "bin" / "claude").unlink()
    assert 0 == claude.run().returncode
    assert "> Not merged" in claude.text("final_output.md")


def test_what_is_missing_is_told_to_the_merger(claude: ClaudePlan) -> None:
    """A run with a failure is merged from what there is."""
    claude.write(3, aggregate="claude", retries=0)
    claude.play({"T-02": {"do": "http400"}, "_merge": MERGED})
    assert 1 == claude.run().returncode
    assert "Name what is missing: T-02" in claude.calls("_merge")[0].prompt


def test_a_run_that_was_stopped_is_not_merged(claude: ClaudePlan) -> None:
    """Half of the answers are not worth paying for."""
    claude.write(3, aggregate="claude")
    claude.play({"T-03": {"do": "hang", "turns": [0.1]}, "_merge": MERGED})
    run = claude.start()
    claude.await_turn(run, "T-03")
    wait_until(lambda: 2 == claude.journal.count(" · completed"))
    run.send_signal(signal.SIGTERM)
    assert 143 == claude.orchestrate.finish(run).returncode
    assert [] == claude.calls("_merge")
    assert "> Not merged: the run did not come to its own end." in claude.text("final_output.md")


def test_a_merge_that_is_stopped_stops_the_run_and_goes_on_next_time(claude: ClaudePlan) -> None:
    """The exit status says so; its session is opened again."""
    claude.write(2, aggregate="claude")
    claude.play({"_merge": [{"do": "hang", "turns": [0.1]}, MERGED]})
    run = claude.start()
    claude.await_turn(run, "_merge")
    run.send_signal(signal.SIGTERM)
    ended = claude.orchestrate.finish(run)
    assert 143 == ended.returncode
    assert "run it again to go on" in ended.stderr
    assert "Not merged" in claude.text("final_output.md")
    waited = claude.orchestrate("wait")
    assert (1, True) == (waited.returncode, "🛑 stopped" in waited.stdout)
    assert "next: orchestrator run --detach" in waited.stdout
    checked = claude.orchestrate("check")
    assert (1, True) == (checked.returncode, "ended by SIGTERM with work left" in checked.stdout)
    merges = "0 of 2 tasks would run, then claude merges the results\n"
    assert merges == claude.orchestrate("run", "--dry-run").stdout
    assert "merges" not in claude.orchestrate("run", "--dry-run", "--simulate").stdout
    assert 0 == claude.run().returncode
    assert 0 == claude.orchestrate("wait").returncode
    assert "0 of 2 tasks would run\n" == claude.orchestrate("run", "--dry-run").stdout
    first, second = claude.calls("_merge")
    assert flags(first)["--session-id"] == flags(second)["--resume"]
    assert "made from all" in claude.text("final_output.md")


def test_a_run_that_dies_while_it_merges_has_died_with_work_left(claude: ClaudePlan) -> None:
    """Somebody is to look after it; and nobody knows what its merge has cost, before the next run as after it."""
    claude.write(2, aggregate="claude", budget_usd=3)
    claude.play({"_merge": {"do": "hang", "turns": [0.1]}})
    run = claude.start()
    claude.await_turn(run, "_merge")
    at_work = claude.orchestrate("status").stdout
    assert ("unknown" in at_work, "🔵 merging the results\n" in at_work) == (False, True)
    run.kill()
    claude.orchestrate.finish(run)
    checked = claude.orchestrate("check")
    assert (1, True) == (checked.returncode, "died with work left" in checked.stdout)
    told = claude.orchestrate("status").stdout
    assert " and 1 attempt of unknown cost, counted as $" in told
    assert "merging" not in told
    assert 1 == claude.orchestrate("wait", "--json").json["unknown_costs"]


def test_a_run_that_merges_says_so_to_who_looks_and_who_asks(claude: ClaudePlan) -> None:
    """Its tasks are done and it does not end; and what is asked of it is not done before it is over."""
    claude.write(2, aggregate="claude")
    claude.play({"_merge": {"do": "hang", "turns": [0.1]}})
    run = claude.start()
    claude.await_turn(run, "_merge")
    for words in (["status", "--brief"], ["wait", "--timeout", "0"]):
        assert "\n🔵 merging the results\n" in claude.orchestrate(*words).stdout
        assert "merging the results" == claude.orchestrate(*words, "--json").json["word"]
    asking = claude.orchestrate.start("retry", "T-01")
    assert asking.stderr is not None
    said = "asking the run that is at work … merging the results: it is done once the run is over\n"
    assert said == asking.stderr.readline()
    run.send_signal(signal.SIGTERM)
    assert 143 == claude.orchestrate.finish(run).returncode
    assert 0 == claude.orchestrate.finish(asking).returncode
    assert "merging" not in claude.orchestrate("status", "--brief").stdout


@pytest.mark.parametrize("has_begun", [True, False])
def test_a_merge_that_the_budget_does_not_let_start_keeps_its_run_from_being_done(
    claude: ClaudePlan, *, has_begun: bool
) -> None:
    """It goes on when the budget is raised, and until then everybody says so."""
    rows = {"T-01": "echo pears", "T-02": "echo plums"}
    claude.write(rows, agent="shell", aggregate="claude", retries=0)
    claude.play({"_merge": [{"do": "http400"}, MERGED] if has_begun else [MERGED]})
    assert not has_begun or 0 == claude.run().returncode
    merges = len(claude.calls("_merge"))
    run = claude.start("--budget-usd", "0.05")
    ended = claude.orchestrate.finish(run)
    assert (4, merges) == (ended.returncode, len(claude.calls("_merge"))), ended.stderr
    assert "hint: raise budget_usd in the plan" in ended.stderr
    assert "> Not merged" in claude.text("final_output.md")
    assert "pears" in claude.text("final_output.md")
    waited = claude.orchestrate("wait")
    assert (4, False) == (waited.returncode, "✅ ended" in waited.stdout)
    assert "next: orchestrator run --detach --raise-budget MORE" in waited.stdout
    assert "too little for _merge" in claude.orchestrate("check").stdout
    assert 0 == claude.run().returncode
    assert 0 == claude.orchestrate("wait").returncode
    assert merged_at(claude.text("final_output.md"))


@pytest.mark.parametrize(
    ("does", "step", "hint"),
    [
        ({"do": "not_logged_in"}, "doctor", "it waits for a person"),
        ({"do": "usage_limit", "resets_in": 3600}, "run --detach --on-hold wait", "`orchestrator run` tries"),
    ],
    ids=["login", "limit"],
)
def test_a_merge_that_an_account_holds_keeps_its_run_from_being_done(
    claude: ClaudePlan, does: dict[str, object], step: str, hint: str
) -> None:
    """As a task that it holds: the run does not say that it is over, and the next one merges."""
    rows = {"T-01": "echo pears", "T-02": "echo plums"}
    claude.write(rows, agent="shell", aggregate="claude", on_hold="stop")
    claude.play({"_merge": [does, MERGED]})
    ended = claude.orchestrate("run")
    assert (4, True) == (ended.returncode, hint in ended.stderr), ended.stderr
    assert "no longer held" not in ended.stderr
    assert "pears" in claude.text("final_output.md")
    waited = claude.orchestrate("wait")
    assert (4, False) == (waited.returncode, "✅ ended" in waited.stdout)
    assert f"next: orchestrator {step}\n" in waited.stdout
    assert "⏸ claude is held" in claude.orchestrate("status").stdout
    assert "claude is held" in claude.orchestrate("check").stdout
    assert "claude is held" in claude.orchestrate("doctor").stdout
    assert 0 == claude.run().returncode
    assert 0 == claude.orchestrate("wait").returncode
    assert merged_at(claude.text("final_output.md"))


def test_a_merge_that_was_done_while_the_runner_was_frozen_is_not_done_again(claude: ClaudePlan) -> None:
    """Its answer is taken from its log by the next run: nothing is paid for twice (promise 3)."""
    claude.write(2, aggregate="claude")
    claude.play({"_merge": {**MERGED, "wait_for": "go"}})
    run = claude.start()
    wait_until(lambda: claude.calls("_merge"))
    run.send_signal(signal.SIGSTOP)
    (claude.records / "go").touch()
    wait_until((claude.root / "logs" / "_merge.attempt-1.json").exists)
    run.kill()
    claude.orchestrate.finish(run)
    again = claude.run()
    assert (0, 1) == (again.returncode, len(claude.calls("_merge")))
    assert (pytest.approx(0.512), 0) == (again.events[-1]["cost_usd"], again.events[-1]["unknown_costs"])
    assert "made from all" in claude.text("final_output.md")


def test_a_run_is_over_when_its_final_output_is_there(claude: ClaudePlan) -> None:
    """Whoever waits for it while it merges goes on waiting, and then reads all of it."""
    claude.write(2, aggregate="claude")
    claude.play({"_merge": {**MERGED, "wait_for": "go"}})
    run = claude.start()
    wait_until(lambda: claude.calls("_merge"))
    wait = claude.orchestrate("wait", "--timeout", "100ms", "--for", "end")
    assert 3 == wait.returncode
    waiter = claude.orchestrate.start("wait", "--for", "end")
    (claude.records / "go").touch()
    told = claude.orchestrate.finish(waiter)
    assert "next: read .orchestrator/final_output.md" in told.stdout
    assert 0 == told.returncode
    assert "made from all" in claude.text("final_output.md")
    assert 0 == claude.orchestrate.finish(run).returncode


def test_the_files_of_the_plan_are_found_by_the_merger_too(claude: ClaudePlan) -> None:
    """Paths count from the plan directory, whoever reads them."""
    claude.root.mkdir()
    (claude.root / "style.md").write_text("Be brief.")
    claude.write(2, aggregate="claude", system_prompt_file="style.md")
    claude.play({"_merge": MERGED})
    assert 0 == claude.run().returncode
    prompts = {flags(call)["--append-system-prompt-file"] for call in claude.calls()}
    assert {str(claude.root / "style.md")} == prompts


def test_the_time_of_the_run_ends_the_merge(claude: ClaudePlan) -> None:
    """It is left to the next run, as when a limit holds it back."""
    claude.write({"T-01": "echo pears", "T-02": "echo plums"}, agent="shell")
    claude.play({"_merge": {**MERGED, "wait_for": str(claude.root / "never")}})
    run = claude.run("--aggregate", "claude", "--run-timeout", "3s")
    assert 4 == run.returncode
    assert "the run's time is over" in run.events[-1]["message"]
    assert "made from all" not in claude.text("final_output.md")
    claude.play({"_merge": MERGED})
    assert 0 == claude.run("--aggregate", "claude").returncode
    assert "made from all" in claude.text("final_output.md")
