"""A usage limit or a missing login holds the whole account: nothing is burnt, and the run goes on by itself."""

from __future__ import annotations

import re
import signal
from datetime import UTC, datetime
from itertools import groupby, pairwise

import pytest

from tests.acceptance.claude_plan import ClaudePlan, events
from tests.executors.harness import is_alive, wait_until

#: Until the account opens again: the fake rounds up to whole seconds.
SOON = {"do": "usage_limit", "times": 1, "resets_in": 1}
LATER = {"do": "usage_limit", "resets_in": 3600}


def test_a_usage_limit_is_waited_for_and_charges_no_attempt(claude: ClaudePlan) -> None:
    """The attempt says that it was held and until when; the first one afterwards goes alone, then the others."""
    claude.write(3, retries=0)
    # All of them are under way when the first one is told; the last two can only be together when the account is open.
    limit = {"do": "usage_limit", "resets_in": 2, "barrier": "all:3"}
    rest = [limit, {"barrier": "rest:2"}]
    claude.play({"T-01": [limit, {"delay": 0.4}], "T-02": rest, "T-03": rest})
    run = claude.run()
    assert 0 == run.returncode
    held, done = claude.attempts("T-01")
    assert ("held", 1, "completed", 1) == (
        held["status"], held["charge"], done["status"], done["charge"],
    )  # fmt: skip
    assert "hit your 5-hour limit" in held["reason"]
    opens = datetime.fromisoformat(held["until"]).timestamp()
    *_, canary, second, third = claude.calls()
    assert datetime.fromisoformat(done["start"]).timestamp() >= opens - 0.01
    assert ["T-01", "T-02", "T-03"] == [canary.task, *sorted((second.task, third.task))]
    assert all(call.start > canary.start + 0.4e9 for call in (second, third))
    words = [event["event"] for event in run.events if event["event"].startswith("run_")]
    # The fake counts in whole seconds: who is told a second later holds the account again.
    assert ["run_started", "run_held", "run_resumed", "run_ended"] == [word for word, _ in groupby(words)]


def test_tasks_of_other_agents_go_on_meanwhile(claude: ClaudePlan) -> None:
    """What is held keeps no slot, and another agent has another account."""
    claude.write({"T-01": "ask", "T-02": "echo two", "T-03": "echo three"}, max_parallel=1)
    for number in "23":
        (claude.root / "agent_tasks").mkdir(exist_ok=True)
        text = f"---\nagent: shell\n---\n```sh\necho {number}\n```\n"
        (claude.root / "agent_tasks" / f"agent-0{number}.md").write_text(text)
    claude.play({"T-01": [SOON, {}]})
    run = claude.run()
    assert (0, ["T-01", "T-02", "T-03", "T-01"]) == (run.returncode, run.started())


def test_on_hold_stop_ends_the_run_and_says_why(claude: ClaudePlan) -> None:
    """It exits with 4; so does the next one, at once, until the account is open."""
    # One at a time: how many start while the first one finds out depends on how fast the machine is.
    claude.write(2, max_parallel=1)
    claude.play({"*": {"do": "usage_limit", "times": 1, "resets_in": 4}})
    first = claude.run("--on-hold", "stop")
    summary = first.events[-1]
    assert (4, "held", 1) == (first.returncode, summary["code"], summary["launched"])
    assert "hit your 5-hour limit" in summary["message"]
    second = claude.run("--on-hold", "stop")
    summary = second.events[-1]
    assert (4, "held", 0) == (second.returncode, summary["code"], summary["launched"])
    assert "hit your 5-hour limit" in summary["message"]
    third = claude.run()
    assert (0, 2) == (third.returncode, third.events[-1]["launched"])
    assert ["held", "completed"] == claude.statuses("T-01")


def test_a_hold_is_lifted_by_retry(claude: ClaudePlan) -> None:
    """Where nobody waits for the account the last words say when it opens, and how to try sooner: with one attempt."""
    claude.write(3, on_hold="stop", max_parallel=1)
    claude.play({"T-01": [{"do": "usage_limit", "resets_in": 3600}, {"delay": 0.4}]})
    run = claude.orchestrate("run")
    opens = datetime.fromisoformat(claude.attempts("T-01")[0]["until"])
    clock = opens.astimezone(UTC).strftime("%H:%M")
    assert 4 == run.returncode
    assert re.search(rf"^⏸ .*opens .*{clock}", run.stderr, re.MULTILINE)
    assert "hint: `orchestrator retry T-01` lifts the hold" in run.stderr
    # How long that took belongs to what was done, and whoever does the next step does not meet the same again.
    assert re.search(r"^0 of 3 tasks completed in [0-9.]+m?s; claude is held", run.stderr, re.MULTILINE)
    held = claude.orchestrate("wait")
    assert (4, True) == (held.returncode, clock in held.stdout)
    assert "next: orchestrator run --detach --on-hold wait\n" in held.stdout
    assert clock in claude.orchestrate("status").stdout
    assert "hint: `orchestrator retry T-01` lifts the hold" in claude.orchestrate("run").stderr
    assert 0 == claude.orchestrate("retry", "T-01").returncode
    assert "⏸" not in claude.orchestrate("status").stdout
    lifted = claude.orchestrate("wait", "--json")
    assert (1, "tasks_failed") == (lifted.returncode, lifted.json["code"])
    assert 0 == claude.run("--max-parallel", "3").returncode
    _, canary, *rest = claude.calls()
    assert "T-01" == canary.task
    assert all(call.start > canary.start + 0.4e9 for call in rest)


def test_a_hold_is_shown_everywhere(claude: ClaudePlan) -> None:
    """With the moment it ends: in the output of the run, the plan, ``status``, ``status --brief`` and ``wait``."""
    claude.write(2)
    claude.play({"*": LATER})
    run = claude.start()
    claude.await_journal(run, "run · held")
    wait_until(lambda: "⏸" in claude.text("master_plan.md"))
    opens = datetime.fromisoformat(claude.attempts("T-01")[0]["until"])
    clock = opens.astimezone(UTC).strftime("%H:%M")
    drawn = re.search(r"^\*\*(⏸ .*)\*\*$", claude.text("master_plan.md"), re.MULTILINE)
    assert drawn is not None
    waited = claude.orchestrate("wait", "--timeout", "10m")
    assert 4 == waited.returncode
    told = {
        "plan": drawn[1],
        "status": claude.orchestrate("status").stdout,
        "brief": claude.orchestrate("status", "--brief").stdout,
        "wait": waited.stdout,
    }
    for place, words in told.items():
        assert clock in words, place
        assert "hit your 5-hour limit" in words, place
    assert "⏸" in told["status"]
    # What is read later says when, not in how long that was.
    assert ", in " in told["status"]
    assert [] == [place for place in ("brief", "wait") if re.search(r"opens .*, in ", told[place])]
    json = claude.orchestrate("status", "--json").json
    assert ("claude", opens.timestamp()) == (
        json["held"][0]["agent"],
        datetime.fromisoformat(json["held"][0]["until"]).timestamp(),
    )
    run.send_signal(signal.SIGTERM)
    ended = claude.orchestrate.finish(run)  # and not in an hour
    assert 143 == ended.returncode
    assert re.search(rf"^⏸ .*hit your 5-hour limit.*{clock}", ended.stderr, re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_was_ended_while_it_was_held_goes_on_later(claude: ClaudePlan, number: signal.Signals) -> None:
    """It leaves no process; the next one starts nothing before the account opens."""
    claude.write(2, max_parallel=1)
    claude.play({"*": {"do": "usage_limit", "times": 1, "resets_in": 4}})
    first = claude.start()
    claude.await_journal(first, "run · held")
    first.send_signal(number)
    assert (128 + number if number == signal.SIGTERM else -number) == claude.orchestrate.finish(first).returncode
    assert not any(is_alive(call.pid) for call in claude.calls())
    second = claude.run()
    assert 0 == second.returncode
    opens = datetime.fromisoformat(claude.attempts("T-01")[0]["until"]).timestamp()
    assert ["hit your 5-hour limit" in event["text"] for event in events(second, "run_held")] == [True]
    starts = [datetime.fromisoformat(event["time"]).timestamp() for event in events(second, "task_started")]
    assert 2 == len(starts)
    assert min(starts) >= opens - 0.01
    assert ["held", "completed"] == claude.statuses("T-01")


@pytest.mark.parametrize("does", ["not_logged_in", "http401", "credit_too_low"])
def test_without_a_login_one_attempt_is_made_and_not_ten(claude: ClaudePlan, does: str) -> None:
    """Only a person can open the account, so the run ends with 4; the next one tries with one attempt first."""
    claude.write(5, max_parallel=5)
    claude.play({"*": {"do": does}})
    # At first one at a time: how many start while the first one finds out depends on how fast the machine is.
    for number, flags in ((1, ("--max-parallel", "1")), (2, ())):
        run = claude.run(*flags)
        assert (4, "held") == (run.returncode, run.events[-1]["code"])
        assert number == len(claude.calls())
    assert ["held", "held"] == claude.statuses("T-01")
    assert [1, 1] == [attempt["charge"] for attempt in claude.attempts("T-01")]
    assert "⏸ claude is held" in claude.text("master_plan.md")
    assert "⏸" in claude.orchestrate("status").stdout
    claude.play({"T-01": {"delay": 0.4}})
    assert 0 == claude.run().returncode
    _, _, canary, *rest = claude.calls()
    assert all(call.start > canary.start + 0.4e9 for call in rest)
    assert "⏸ claude" not in claude.text("master_plan.md")
    assert "⏸" not in claude.orchestrate("status").stdout


@pytest.mark.parametrize(
    ("does", "said"), [("not_logged_in", "Not logged in"), ("http401", "401"), ("credit_too_low", "Credit balance")]
)
def test_what_only_a_person_can_open_is_not_just_run_again(claude: ClaudePlan, does: str, said: str) -> None:
    """Whoever follows `next:` would meet it again and again: it is `doctor`, which tells of it and what to do."""
    claude.write(2, max_parallel=1)
    claude.play({"*": {"do": does}})
    run = claude.orchestrate("run")
    assert 4 == run.returncode
    assert "hint: it waits for a person" in run.stderr
    for command in ("wait", "status"):
        (step,) = re.findall("^next: (.*)", claude.orchestrate(command).stdout, re.MULTILINE)
        assert step.endswith(" doctor")
    (hold,) = holds(claude)
    assert "warning" == hold["level"]
    assert said in hold["found"]
    assert "then: " in hold["hint"]
    claude.play({})
    assert 0 == claude.run().returncode
    assert [] == holds(claude)


def test_the_doctor_says_when_an_account_opens(claude: ClaudePlan) -> None:
    """Nothing is wrong with this machine, and yet nothing would start."""
    claude.write(1, on_hold="stop")
    claude.play({"*": LATER})
    assert 4 == claude.run().returncode
    opens = datetime.fromisoformat(claude.attempts("T-01")[0]["until"])
    (hold,) = holds(claude)
    assert f"opens {opens.astimezone(UTC):%Y-%m-%d %H:%M}" in hold["found"]
    assert "retry T-01` lifts the hold" in hold["hint"]


def holds(claude: ClaudePlan) -> list[dict[str, str]]:
    """What `doctor` says of accounts that are held."""
    checks = claude.orchestrate("doctor", "--json").json["checks"]
    return [each for each in checks if each["name"] == "account"]


def test_close_to_its_limit_an_account_has_one_attempt_at_a_time(claude: ClaudePlan) -> None:
    """Once a call warns, the others follow one after the other."""
    claude.write({"T-01": "warn", **{f"T-0{n}": (f"do {n}", "T-01") for n in (2, 3, 4)}}, max_parallel=4)
    claude.play({"T-01": {"warning": 0.95}, "*": {"warning": 0.96, "delay": 0.3}})
    assert 0 == claude.run().returncode
    made = claude.calls()
    assert all((a.end or 0) < b.start for a, b in pairwise(made))


def test_a_hold_that_is_over_is_not_what_stopped_the_run(claude: ClaudePlan) -> None:
    """After the reset everything fails for a reason of its own: that is what ``wait`` answers."""
    claude.write(2, retries=0)
    claude.play({"T-01": [SOON, {"do": "prompt_too_long"}], "*": {"do": "prompt_too_long"}})
    run = claude.run()
    assert (1, "tasks_failed") == (run.returncode, run.events[-1]["code"])
    assert 1 == claude.orchestrate("wait").returncode


def test_many_that_meet_the_limit_say_it_once(claude: ClaudePlan) -> None:
    """None of them is charged, and afterwards one goes first."""
    claude.write(4, max_parallel=4, retries=0)
    # All of them are under way when the first one is told.
    limit = {"do": "usage_limit", "resets_in": 3600, "barrier": "all:4"}
    claude.play({"*": limit})
    run = claude.start()
    claude.await_journal(run, "run · held")
    for number in range(1, 5):
        claude.await_journal(run, f"T-0{number} · interrupted")
    run.send_signal(signal.SIGTERM)
    assert 143 == claude.orchestrate.finish(run).returncode
    assert claude.journal.count("run · held") <= 2  # the fake counts in whole seconds
    assert "⏸" in claude.orchestrate("status").stdout
