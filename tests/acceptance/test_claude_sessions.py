"""A session that was cut short goes on; one that has nothing to go on with is not opened again."""

from __future__ import annotations

import os
import signal
import uuid
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan, events, flags
from tests.acceptance.plans import write_task
from tests.executors.harness import guard_of, kill_together, wait_until, watchdog_of
from tests.fakes.claude_calls import Call
from tests.patience import BEGUN

#: It is at work, and says nothing more.
STUCK = {"do": "hang", "turns": [0.1]}


def is_resumed(first: Call, second: Call) -> bool:
    """Whether the second call goes on with the session of the first, and says no more than it must."""
    began, went_on = flags(first)["--session-id"], flags(second).get("--resume")
    if went_on is None:
        assert began != flags(second)["--session-id"]
        assert "Go on where you stopped" not in second.prompt
        return False
    assert began == went_on
    assert "--session-id" not in flags(second)
    assert "Go on where you stopped" in second.prompt
    return True


def outputs(claude: ClaudePlan) -> list[Path]:
    """What attempts printed so far."""
    return list((claude.root / "logs").glob("*.out"))


def interrupt(claude: ClaudePlan, task: str = "T-01") -> None:
    """Run the plan until a task has had a turn, and press Ctrl-C."""
    run = claude.start()
    claude.await_turn(run, task)
    run.send_signal(signal.SIGINT)
    assert 130 == claude.orchestrate.finish(run).returncode
    assert "interrupted" == claude.statuses(task)[-1]


def test_after_a_timeout_the_same_session_goes_on(claude: ClaudePlan) -> None:
    """With a short prompt that says what happened; the attempt that was cut short is charged."""
    claude.write(1, timeout=BEGUN)
    write_task(claude.root, "T-01", "count the leaves of the tree")
    claude.play({"T-01": [STUCK, {"answer": "all of them"}]})
    assert 0 == claude.run("--retries", "1").returncode
    first, second = claude.calls()
    assert is_resumed(first, second)
    assert "timed out after" in second.prompt
    assert "count the leaves" in first.prompt
    assert "count the leaves" not in second.prompt
    assert [(1, "failed"), (2, "completed")] == [(each["charge"], each["status"]) for each in claude.attempts("T-01")]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
def test_what_waits_for_its_background_work_has_not_answered(claude: ClaudePlan, number: signal.Signals) -> None:
    """Its first result is none when it is cut short; what it cost by then is known, and its session goes on."""
    claude.write({"T-01": "test it", "T-02": ("use it", "T-01")}, retries=0)
    claude.play({"T-01": [{"do": "background", "until": "never"}, {"answer": "all passed"}]})
    run = claude.start()
    wait_until(lambda: b'"result"' in b"".join(each.read_bytes() for each in outputs(claude)))
    run.send_signal(number)
    claude.orchestrate.finish(run)
    assert 0 == claude.run().returncode
    assert is_resumed(*claude.calls("T-01"))
    assert ["interrupted", "completed"] == claude.statuses("T-01")
    assert pytest.approx(0.012) == claude.attempts("T-01")[0]["cost"]
    assert "all passed" in claude.text("results/agent-01-result.md")


def test_what_is_still_at_work_when_its_time_is_over_is_told(claude: ClaudePlan) -> None:
    """Whoever has answered has answered; that something was to come after it is said in the run and the result."""
    claude.write(1, timeout=BEGUN, retries=0)
    claude.play({"T-01": {"do": "background", "until": "never"}})
    run = claude.run()
    assert 0 == run.returncode
    (warning,) = events(run, "warning")
    assert ("T-01", True) == (warning["task"], "1 background task still at work" in warning["text"])
    assert "| At work when it was ended | 1 background task |" in claude.text("results/agent-01-result.md")


def test_an_agent_that_is_silent_for_too_long_is_ended_and_goes_on(claude: ClaudePlan) -> None:
    """``idle_timeout`` counts from the last sign of life."""
    claude.write(1, idle_timeout=BEGUN, timeout="60s", retries=1)
    claude.play({"T-01": [STUCK, {}]})
    run = claude.run()
    assert 0 == run.returncode
    assert is_resumed(*claude.calls())
    assert f"gave no sign of life for {BEGUN}s" in claude.attempts("T-01")[0]["reason"]


def test_after_ctrl_c_the_next_run_goes_on_with_the_session(claude: ClaudePlan) -> None:
    """Nothing is charged for it."""
    claude.write(1, retries=0)
    claude.play({"T-01": [STUCK, {}]})
    interrupt(claude)
    assert 0 == claude.run().returncode
    assert is_resumed(*claude.calls())
    assert [1, 1] == [each["charge"] for each in claude.attempts("T-01")]


def test_after_the_death_of_the_runner_too(claude: ClaudePlan) -> None:
    """``kill -9``: nothing of it runs on, and what it cost is unknown until the session says."""
    claude.write(1, retries=0)
    claude.play({"T-01": [STUCK, {}]})
    run = claude.start()
    claude.await_turn(run, "T-01")
    run.kill()
    claude.orchestrate.finish(run)
    again = claude.run()
    assert (0, 0) == (again.returncode, again.events[-1]["unknown_costs"])
    assert pytest.approx(0.106) == again.events[-1]["cost_usd"]
    assert [pytest.approx(0.106)] == list(again.events[-1]["costs"]["model"].values())
    assert is_resumed(*claude.calls())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda each: each.name)
def test_an_attempt_that_is_cut_short_before_it_says_a_word_leaves_its_session(
    claude: ClaudePlan, number: signal.Signals
) -> None:
    """What was paid for is not paid for again because of it."""
    claude.write(1, retries=0)
    claude.play({"T-01": [STUCK, {"wait_for": "never"}, {}]})
    interrupt(claude)
    run = claude.start()
    wait_until(lambda: len(claude.calls()) == 2)
    run.send_signal(number)
    claude.orchestrate.finish(run)
    assert 0 == claude.run().returncode
    first, second, third = claude.calls()
    assert is_resumed(first, second)
    assert is_resumed(first, third)
    assert 0.0 == claude.attempts("T-01")[1].get("cost", 0.0)


def test_a_session_that_goes_on_is_told_an_assignment_that_changed(claude: ClaudePlan) -> None:
    """What was done before is not paid for again, and what to do is what stands there now."""
    claude.write(1)
    claude.play({"T-01": [STUCK, {}]})
    file = write_task(claude.root, "T-01", "count the leaves")
    interrupt(claude)
    write_task(claude.root, "T-01", "count the branches")
    ahead = file.stat().st_mtime + 1
    os.utime(file, (ahead, ahead))
    assert 0 == claude.run().returncode
    first, second = claude.calls()
    assert is_resumed(first, second)
    assert "count the branches" in second.prompt


def test_what_it_was_made_from_has_changed(claude: ClaudePlan) -> None:
    """A dependency that was done again begins a new session."""
    claude.write({"T-01": "look", "T-02": ("write", "T-01")})
    claude.play({"T-01": [{"answer": "old"}, {"answer": "new"}], "T-02": [STUCK, {}]})
    interrupt(claude, "T-02")
    (claude.root / "results" / "agent-01-result.md").unlink()
    assert 0 == claude.run().returncode
    first, second = claude.calls("T-02")
    assert not is_resumed(first, second)
    assert "new" in second.prompt


@pytest.mark.parametrize("does", ["max_output_tokens_stream", "schema_text_only"])
def test_a_bad_answer_is_asked_for_anew(claude: ClaudePlan, does: str) -> None:
    """A session that led there would lead there again."""
    settings = {"schema": "{type: object}"} if does == "schema_text_only" else {}
    claude.write(1, retries=1, **settings)
    claude.play({"T-01": [{"do": does}, {}]})
    run = claude.run()
    if does == "max_output_tokens_stream":  # it would be as long the next time
        assert (1, 1) == (run.returncode, len(claude.calls()))
        return
    assert 0 == run.returncode
    assert not is_resumed(*claude.calls())


@pytest.mark.parametrize("does", ["http529", "http500"])
def test_a_service_that_failed_before_anything_was_said_is_asked_anew(claude: ClaudePlan, does: str) -> None:
    """There is nothing in the session yet."""
    claude.write(1, retries=1)
    claude.play({"T-01": [{"do": does}, {}]})
    assert 0 == claude.run().returncode
    assert not is_resumed(*claude.calls())


def test_a_session_that_is_gone_is_begun_anew_and_charges_nothing(claude: ClaudePlan) -> None:
    """Somebody cleaned up what the CLI keeps in its home."""
    claude.write(1, retries=0)
    claude.play({"T-01": [STUCK, {}]})
    interrupt(claude)
    for path in (claude.records / "sessions").iterdir():
        path.unlink()
    assert 0 == claude.run().returncode
    first, last = claude.calls()
    assert not is_resumed(first, last)
    interrupted, gone, done = claude.attempts("T-01")
    assert ("interrupted", "its session is gone; it begins a new one") == (gone["status"], gone["reason"])
    assert [1, 1, 1] == [each["charge"] for each in (interrupted, gone, done)]


def test_a_session_that_was_never_ours_is_no_interruption(claude: ClaudePlan) -> None:
    """Nothing is begun anew by asking for it once more: the task fails, and says why."""
    claude.write(1, retries=2, extra_args=f"[--resume={uuid.uuid4()}, --fork-session]")
    assert 1 == claude.run().returncode
    (failed,) = claude.attempts("T-01")
    assert "failed" == failed["status"]
    assert "No conversation found with session ID" in failed["reason"]
    assert "extra_args must name no session" in failed["reason"]


def test_an_agent_is_ended_when_its_answer_is_there_and_it_stays(claude: ClaudePlan) -> None:
    """The answer counts; here the run ends it, and nothing waits for it to go by itself."""
    claude.write(1)
    claude.play({"T-01": {"do": "lingers", "answer": "there it is"}})
    run = claude.start()
    wait_until(lambda: _log(claude).exists() and b'"result"' in _log(claude).read_bytes())
    run.send_signal(signal.SIGTERM)
    claude.orchestrate.finish(run)
    assert ["completed"] == claude.statuses("T-01")


def _log(claude: ClaudePlan) -> Path:
    return claude.root / "logs" / "agent-01.attempt-1.out"


@pytest.mark.parametrize("with_watchdog", [False, True])
def test_an_answer_that_nobody_was_left_to_record_is_taken_from_its_log(
    claude: ClaudePlan, *, with_watchdog: bool
) -> None:
    """Runner and guard were killed after the last word of the agent: it is not asked, nor paid, again (promise 1)."""
    claude.write({"T-01": "do 1", "T-02": ("do 2", "T-01")})
    claude.play({"T-01": {"do": "lingers", "answer": "forty-two"}})
    run = claude.start()
    log = claude.root / "logs/agent-01.attempt-1.out"
    wait_until(lambda: log.exists() and b'"result"' in log.read_bytes())
    others = [guard_of(run.pid), *([watchdog_of(run.pid)] if with_watchdog else [])]
    kill_together(run.pid, *others)
    run.communicate()
    again = claude.run()
    assert (0, 2) == (again.returncode, len(claude.calls())), again
    assert "taken from its log" in claude.journal
    assert "forty-two" in claude.calls("T-02")[0].prompt
    (attempt,) = claude.attempts("T-01")
    assert ("completed", 0.006) == (attempt["status"], attempt["cost"])


def test_what_stands_in_the_place_of_a_record_costs_no_answer(claude: ClaudePlan) -> None:
    """It is moved aside; the answer is not paid for again."""
    claude.write({"T-01": "do 1"})
    claude.play({"T-01": {"wait_for": "go", "answer": "forty-two"}})
    run = claude.start()
    wait_until(claude.calls)
    in_its_place = claude.root / "logs/agent-01.attempt-1.json"
    in_its_place.mkdir()
    (claude.records / "go").touch()
    ended = claude.orchestrate.finish(run)
    assert (0, 1) == (ended.returncode, len(claude.calls())), ended
    assert in_its_place.is_file()
    (attempt,) = claude.attempts("T-01")
    assert ("completed", 0.006) == (attempt["status"], attempt["cost"])


def test_an_attempt_under_way_says_to_which_boot_its_pid_belongs(claude: ClaudePlan) -> None:
    """It stands in its result from its start (promise 7)."""
    claude.write({"T-01": "do 1"})
    claude.play({"T-01": {"wait_for": "go"}})
    run = claude.start()
    wait_until((claude.root / "results/agent-01-result.md").exists)
    wait_until(lambda: claude.attempts("T-01")[0]["pid"])
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert boot == claude.attempts("T-01")[0]["boot"]
    (claude.records / "go").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    assert "boot" not in claude.attempts("T-01")[0]
