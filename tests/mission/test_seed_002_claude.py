"""Seed 002, rows about the claude command line: how it is called, how its end is judged, how results are merged."""

from __future__ import annotations

import json
import re

import pytest

from tests.acceptance.claude_plan import ClaudePlan, figures, flags
from tests.acceptance.plans import answer_of, front_of, result_of, write_task
from tests.executors.harness import is_alive
from tests.mission.conftest import QuickStart
from tests.patience import BEGUN


def test_s2_39_and_40_a_prompt_directly_or_from_a_file(claude: ClaudePlan) -> None:
    """The description in the table, or the task file; on standard input, never on the command line."""
    claude.write({"T-01": "Count the files", "T-02": "a name"})
    write_task(claude.root, "T-02", "Translate `intro.md` --now\n\n/help @secret\n")
    assert 0 == claude.orchestrate("run").returncode
    prompts = {call.task: call for call in claude.calls()}
    assert "Count the files" in prompts["T-01"].prompt
    assert "Translate `intro.md` --now\n\n/help @secret" in prompts["T-02"].prompt
    for call in prompts.values():
        assert "-p" == call.argv[0]
        assert call.prompt.startswith("# Task agent-0")
        assert not [word for word in call.argv if "Count" in word or "Translate" in word]


def test_s2_41_and_47_the_result_is_saved(claude: ClaudePlan) -> None:
    """As it was answered, in UTF-8."""
    claude.write(1)
    claude.play({"T-01": {"answer": "données · 数据 · ✅"}})
    assert 0 == claude.orchestrate("run", env={"LANG": "C", "LC_ALL": "C"}).returncode
    assert "données · 数据 · ✅" == answer_of(claude.root, "T-01").strip()


def test_s2_42_the_output_is_json(quick_start: QuickStart) -> None:
    """One event per line, kept as it came; what is shown is made from it."""
    assert {"stream-json"} == {flags(call)["--output-format"] for call in quick_start.calls}
    log = quick_start.text("logs/agent-01.attempt-1.out").splitlines()
    assert "result" == json.loads(log[-1])["type"]


def test_s2_49_to_52_an_agent_that_does_not_come_back(claude: ClaudePlan) -> None:
    """It is ended after the timeout, tried three times in all, and the outcome says so."""
    claude.write(2, retries=None, timeout=BEGUN, grace=0)
    write_task(claude.root, "T-01", "do 1", timeout="700ms")  # however far it gets by then
    stuck = {"do": "hang", "turns": [0.01]}
    claude.play({"T-01": stuck, "T-02": [stuck, {"answer": "at last"}]})
    assert 1 == claude.orchestrate("run").returncode
    assert not any(is_alive(call.pid) for call in claude.calls())
    for task, status, limits in (("T-01", "failed", ["0.7s"] * 3), ("T-02", "completed", [f"{BEGUN}s"])):
        assert status == front_of(claude.root, task)["status"]
        reasons = [attempt["reason"] for attempt in claude.attempts(task)]
        assert [f"timed out after {limit}" for limit in limits] == list(filter(None, reasons))
        assert f"- **Attempts**: {len(reasons)}" in result_of(claude.root, task)


@pytest.mark.parametrize("strategy", ["concat", "structured", "claude"])
def test_s2_81u_three_ways_to_merge(claude: ClaudePlan, strategy: str) -> None:
    """All answers one after the other; with figures around them; with one answer made from all of them on top."""
    claude.write(2)
    claude.play({task: {"answer": f"found by {task}"} for task in ("T-01", "T-02", "_merge")})
    assert 0 == claude.orchestrate("run", "--aggregate", strategy).returncode
    output = claude.text("final_output.md")
    found = re.findall(r"found by (\S+)", output)
    assert ["_merge"] * (strategy == "claude") + ["T-01", "T-02"] == found
    assert (strategy != "concat") == ("Parallel efficiency" in figures(output))
    assert (strategy != "concat") == ("## Timeline" in output) == ("## Appendix" in output)


def test_s2_81u_the_log_the_errors_and_the_counters(claude: ClaudePlan) -> None:
    """In the plan: what happened when, what went wrong, how far it is, and how often each task was tried."""
    claude.write({"T-01": "do 1", "T-02": "do 2", "T-03": ("do 3", "T-01")}, retries=1)
    claude.play({"T-01": [{"do": "empty"}, {}], "T-02": {"do": "http400"}, "T-03": {}})
    assert 1 == claude.orchestrate("run").returncode
    plan = claude.text("master_plan.md")
    log = plan.partition("## Execution Log")[2].partition("## ")[0]
    happened = re.findall(r"^- (\d{4}-\d\d-\d\dT[\d:.]+Z) · (T-0\d) · (.+?) · ", log, re.MULTILINE)
    assert sorted(time for time, *_ in happened) == [time for time, *_ in happened]
    told = [(task, what) for _, task, what in happened]
    assert ["started attempt 1", "retrying attempt 1", "started attempt 2", "completed attempt 2"] == [
        what for task, what in told if task == "T-01"
    ]
    assert [("T-03", "started attempt 1"), ("T-03", "completed attempt 1")] == [
        each for each in told if each[0] == "T-03"
    ]
    assert "Completed 2/3 · Failed 1" in plan.partition("## Progress")[2]
    errors = plan.partition("## Errors")[2]
    rows = re.findall(r"^\| (. T-0\d) · do \d \| (\d) \| (.+?) [^|]*\| \[log\]\((.+?)\) \|$", errors, re.MULTILINE)
    # They run at the same time, and the one that ended last comes first.
    assert {("❌ T-02", "1", "API"), ("✅ T-01", "1", "an")} == {row[:3] for row in rows}
    assert all((claude.root / row[3]).is_file() for row in rows)
    tries = re.findall(r"^\| (T-0\d) \| do \d \| Agent-0\d \| (\S+) \w+ \| (\d) \|", plan, re.MULTILINE)
    assert [("T-01", "✅", "2"), ("T-02", "❌", "1"), ("T-03", "✅", "1")] == tries


def test_s2_81u_the_final_report(claude: ClaudePlan) -> None:
    """A bar for every task, where and as long as it ran; what all at once saved; links that lead somewhere."""
    claude.write({"T-01": "do 1", "T-02": ("do 2", "T-01")})
    claude.play({"T-01": {"turns": [0.01], "answer": "one"}, "T-02": {"answer": "two"}})
    assert 0 == claude.orchestrate("run").returncode
    output = claude.text("final_output.md")
    bars = re.findall(r"^(T-0\d) │( *)(█+) *│", output.partition("## Timeline")[2], re.MULTILINE)
    assert ["T-01", "T-02"] == [task for task, *_ in bars]
    ends = [len(before) + len(bar) for _, before, bar in bars]
    assert len(bars[1][1]) >= ends[0] - 1
    told = dict(re.findall(r"^\| (Speed-up|Parallel efficiency) \| ([\d.]+)", output, re.MULTILINE))
    assert 100 * float(told["Speed-up"]) == pytest.approx(float(told["Parallel efficiency"]), abs=6)
    links = re.findall(r"\[(result|log)\]\((.+?)\)", output.partition("## Appendix")[2])
    assert ["result", "log"] * 2 == [name for name, _ in links]
    assert all((claude.root / path).is_file() for _, path in links)


def test_s2_82u_a_failure_is_retried_skipped_or_stops_everything(claude: ClaudePlan) -> None:
    """And another model can stand in for the first one."""
    tasks = {"T-01": "first", "T-02": ("then", "T-01"), "T-03": "beside"}
    claude.write(tasks, max_parallel=1, fallback_model="haiku", retries=1)
    claude.play({"T-01": {"do": "empty"}})
    # While it waited for another attempt, T-03 would have its turn.
    assert 1 == claude.orchestrate("run", "--on-failure", "stop", "--retries", "0").returncode
    assert {"T-01": 1} == {call.task: len(claude.calls(call.task)) for call in claude.calls()}
    assert "haiku" == flags(claude.calls()[0])["--fallback-model"]
    assert 1 == claude.orchestrate("run").returncode
    assert {"T-01": 3, "T-03": 1} == {call.task: len(claude.calls(call.task)) for call in claude.calls()}
    assert "⏭️ Skipped because of T-01: T-02" in claude.text("final_output.md")


def test_s2_82u_without_claude_it_says_so_and_how_to_go_on(claude: ClaudePlan) -> None:
    """It is simulated when that is asked for, and not behind somebody's back."""
    claude.write(1)
    (claude.where / "bin" / "claude").unlink()
    refused = claude.orchestrate("run")
    assert 2 == refused.returncode
    assert "claude" in refused.stderr
    assert "hint:" in refused.stderr
    assert not (claude.root / "results").exists()
    assert 0 == claude.orchestrate("run", "--simulate").returncode


def test_s2_82u_what_was_found_before_is_in_the_prompt(claude: ClaudePlan) -> None:
    """Under a heading of its own, as material and not as instructions."""
    claude.write({"T-01": "first", "T-02": ("then", "T-01")})
    claude.play({"T-01": {"answer": "found by T-01"}})
    assert 0 == claude.orchestrate("run").returncode
    prompt = claude.calls("T-02")[0].prompt
    after = prompt.partition("## Results of the tasks this one depends on")[2]
    assert "found by T-01" in after
    assert "not instructions" in after


def test_s2_82u_a_result_that_is_missing_is_made_again(claude: ClaudePlan) -> None:
    """Or the task is marked as failed when it cannot be."""
    claude.write(2)
    assert 0 == claude.orchestrate("run").returncode
    (claude.root / "results" / "agent-01-result.md").unlink()
    claude.play({"T-01": {"do": "http400"}})
    assert 1 == claude.orchestrate("run").returncode
    assert ["T-01", "T-02", "T-01"] == sorted([call.task for call in claude.calls()[:2]]) + [
        call.task for call in claude.calls()[2:]
    ]
    assert "failed" == front_of(claude.root, "T-01")["status"]
