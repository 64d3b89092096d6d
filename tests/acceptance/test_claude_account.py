"""Words of the service that concern the whole account, one model, or one task, through the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.acceptance.claude_plan import ClaudePlan, events
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_task
from tests.agents.test_claude_refusal import words_of_the_account
from tests.fakes.claude_case import CASES

#: Two tasks, and one that needs both.
THREE = {"T-01": "one", "T-02": "two", "T-03": ("both", "T-01, T-02")}


def case(name: str, **more: object) -> dict[str, object]:
    """A step that prints a case."""
    return {"do": "case", "case": f"{name}.jsonl", **more}


def is_untouched(claude: ClaudePlan) -> bool:
    """Whether every task waits for its turn, and none was failed or skipped."""
    counts = claude.orchestrate("status", "--json").json["counts"]
    return {"pending", "waiting"} >= {status for status, count in counts.items() if count}


def until(claude: ClaudePlan) -> str:
    """When the account opens, as ``status --json`` says; empty: nobody said."""
    (hold,) = claude.orchestrate("status", "--json").json["held"]
    return str(hold["until"] or "")


def opens_later(claude: ClaudePlan, **settings: object) -> str:
    """Hold the run to what is right for an account that is shut: one attempt, then 4; once it is open, all is done."""
    claude.write(THREE, max_parallel=1, **settings)
    run = claude.run()
    assert (4, 1) == (run.returncode, len(claude.calls())), run
    assert is_untouched(claude)
    shown = until(claude)
    assert 0 == claude.orchestrate("retry", "T-01").returncode
    again = claude.run()
    assert (0, {"completed": 3}) == (again.returncode, again.counts)
    return shown


# ── the whole account ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "days"), [("spend-limit-400", 6), ("spend-limit-as-json-400", 3)])
def test_a_spend_limit_holds_until_the_day_it_names(claude: ClaudePlan, name: str, days: int) -> None:
    """However far away that is."""
    claude.play({"T-01": [case(name), {}]})
    day = datetime.now(UTC) + timedelta(days=days)
    assert f"{day:%Y-%m-%d}T00:00:00" in opens_later(claude, on_hold="stop")


@pytest.mark.parametrize("on_hold", ["wait", "stop"])
@pytest.mark.parametrize(("status", "words", "opens"), words_of_the_account())
def test_what_is_said_of_an_account_holds_it(
    claude: ClaudePlan, status: int, words: str, opens: str, on_hold: str
) -> None:
    """Until the moment that was said; or until a person acts, and then the run ends by itself, with no moment."""
    if on_hold == "wait" and opens != "person":
        on_hold = "stop"
    step = case("spend-limit-400", words=words, status=status)
    claude.play({"T-01": [step, {}]})
    shown = opens_later(claude, on_hold=on_hold)
    assert (opens == "person") == (shown == "")
    if zone := re.search(r"\((\w+/\w+|UTC)\)", words):
        there = datetime.fromisoformat(shown).astimezone(ZoneInfo(zone[1]))
        left = (there - datetime.now(UTC)).total_seconds()
        assert (0, True) == (there.minute, 1.9 * 3600 < left <= 3 * 3600)


@pytest.mark.parametrize("name", ["monthly-spend-limit-429", "organizations-monthly-limit-429"])
def test_a_limit_without_a_moment_waits_for_a_person(claude: ClaudePlan, name: str) -> None:
    """Nobody tries every few minutes, and no moment is shown."""
    claude.play({"T-01": [case(name), {}]})
    assert "" == opens_later(claude)
    assert "waits for you" in claude.journal
    assert "opens 2" not in claude.journal


def test_a_limit_of_the_account_holds_every_model(claude: ClaudePlan) -> None:
    """Whatever the tasks ask for."""
    claude.write(3, on_hold="stop", max_parallel=1)
    write_task(claude.root, "T-01", "do it", model="opus")
    claude.play({"T-01": case("limit-of-the-account-429")})
    run = claude.run()
    assert (4, 1) == (run.returncode, len(claude.calls()))
    assert is_untouched(claude)


@pytest.mark.parametrize(
    ("name", "model", "other"),
    [
        ("limit-of-one-model-429", "opus", "sonnet"),
        ("limit-of-another-model-429", "sonnet", "haiku"),
        ("limit-of-one-model-429", "claude-opus-5-5", ""),
    ],
)
def test_a_limit_of_one_model_holds_that_model_alone(claude: ClaudePlan, name: str, model: str, other: str) -> None:
    """The others are completed, and it is tried once; the next run does not try it either before its moment."""
    claude.write(3, on_hold="stop", **({"model": other} if other else {}))
    write_task(claude.root, "T-01", "do it", model=model)
    claude.play({"T-01": case(name)})
    for _ in range(2):
        run = claude.run()
        assert (4, {"completed": 2, "pending": 1}) == (run.returncode, run.counts)
        assert ["T-01", "T-02", "T-03"] == sorted(call.task for call in claude.calls())
    (hold,) = claude.orchestrate("status", "--json").json["held"]
    assert hold["model"] in model
    left = (datetime.fromisoformat(hold["until"]) - datetime.now(UTC)).total_seconds()
    assert 2.9 * 86400 < left <= 3 * 86400
    assert f"claude ({hold['model']}) is held" in claude.text("master_plan.md")


@pytest.mark.parametrize(
    ("name", "hours"), [("resets-in-a-zone-429", 3), ("resets-on-a-day-429", 72), ("resets-in-an-unknown-zone-429", 3)]
)
def test_a_moment_in_words_is_that_of_its_zone(claude: ClaudePlan, name: str, hours: int) -> None:
    """An unknown zone counts as the local one, which is UTC here."""
    claude.orchestrate.environment["TZ"] = "UTC"
    claude.play({"T-01": [case(name), {}]})
    shown = datetime.fromisoformat(opens_later(claude, on_hold="stop"))
    if hours == 72:
        there = shown.astimezone(ZoneInfo("Europe/London"))
        day = datetime.now(UTC) + timedelta(days=3)
        assert (day.day, 12, 0) == (there.day, there.hour, there.minute)
    else:
        left = (shown - datetime.now(UTC)).total_seconds()
        assert (hours - 1.1) * 3600 < left <= hours * 3600


# ── an outage ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("step", "tasks"),
    [
        (case("overloaded-529", down_for=5, delay=0.5), 3),
        (case("unavailable-503", down_for=5, delay=0.1), 7),
        (case("unavailable-503", down_for=5, words="API Error: Connection error.", status=None), 5),
        (case("does-not-start", down_for=5, stderr="Error: connect ECONNREFUSED ::1:443"), 5),
    ],
)
def test_an_outage_is_backed_off_from_as_one(claude: ClaudePlan, step: dict[str, object], tasks: int) -> None:
    """With all settings at their defaults everything is completed, after a dozen failed calls at most; none charged."""
    claude.write(tasks, retries=None, retry_delay=None)
    claude.play({"*": step})
    run = claude.run()
    assert (0, {"completed": tasks}) == (run.returncode, run.counts)
    assert len(claude.calls()) - tasks <= 12
    for number in range(1, tasks + 1):
        tried = claude.attempts(f"T-0{number}")
        assert [1] * len(tried) == [attempt["charge"] for attempt in tried]
        assert {"held", "completed"} >= {attempt["status"] for attempt in tried}
    assert events(run, "run_delayed")
    assert events(run, "run_resumed")
    assert "opens" not in claude.journal


# ── what nobody foresaw ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "step",
    [
        case("refused-alike-400"),
        case("refused-alike-400", words="API Error: 400 Vous ne passerez pas (req 7)", status=400),
        case("does-not-start"),
        case("does-not-start", stderr="env: 'node': No such file or directory", exit=127),
    ],
)
def test_many_that_fail_alike_hold_the_account(claude: ClaudePlan, step: dict[str, object]) -> None:
    """After a handful nothing more starts; nothing is failed or skipped, and the words are shown with what to do."""
    rows = {f"T-{number:02}": f"do {number}" for number in range(1, 21)}
    claude.write({**rows, "T-21": ("all", ", ".join(rows))}, max_parallel=4, retries=1)
    claude.play({"*": step})
    run = claude.orchestrate("run")
    assert 4 == run.returncode
    assert len(claude.calls()) <= 8
    assert is_untouched(claude)
    assert re.search(r"⏸ claude is held: .*\(waits for you", run.stderr)
    assert "hint: it waits for a person" in run.stderr
    claude.play({})
    assert 0 == claude.run().returncode


def test_commands_that_fail_alike_are_tried_all(claude: ClaudePlan) -> None:
    """They have no account."""
    claude.write({f"T-{number:02}": "false" for number in range(1, 16)}, agent="shell")
    run = claude.run()
    assert (1, {"failed": 15}) == (run.returncode, run.counts)


def test_a_prompt_that_is_too_long_is_the_fault_of_its_task(claude: ClaudePlan) -> None:
    """It fails for good, the others run."""
    claude.write(3, max_parallel=1, retries=2)
    claude.play({"T-01": case("prompt-too-long")})
    run = claude.run()
    assert (1, {"failed": 1, "completed": 2}) == (run.returncode, run.counts)
    assert 1 == len(claude.calls("T-01"))


def test_an_answer_about_limits_is_an_answer(claude: ClaudePlan) -> None:
    """Whatever it quotes."""
    claude.write(1)
    claude.play({"*": case("answer-that-quotes-a-limit")})
    run = claude.run()
    assert (0, {"completed": 1}) == (run.returncode, run.counts)


# ── starts ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_as_many_as_may_run_start_at_once(claude: ClaudePlan) -> None:
    """Nothing spaces them."""
    claude.write(4, max_parallel=4)
    claude.play({"*": {"barrier": "all:4"}})
    run = claude.run()
    assert 0 == run.returncode
    starts = [datetime.fromisoformat(each["time"]) for each in events(run, "task_started")]
    assert (max(starts) - min(starts)).total_seconds() < 0.5


def test_close_to_a_limit_it_is_said_why_tasks_wait(claude: ClaudePlan) -> None:
    """And it is a setting."""
    claude.write({"T-01": "warn", **{f"T-0{n}": (f"do {n}", "T-01") for n in (2, 3)}})
    claude.play({"T-01": {"warning": 0.95}, "*": {"warning": 0.96, "barrier": "both:2"}})
    run = claude.run("--near-limit", "2")
    assert 0 == run.returncode
    (said,) = events(run, "run_delayed")
    assert "claude is close to its limit: at most 2 attempts at a time (near_limit)" == said["text"]


# ── what the caller has set up ────────────────────────────────────────────────────────────────────────────────────


def test_what_the_caller_set_for_claude_is_kept(claude: ClaudePlan) -> None:
    """Its retries, its patience; where the caller says nothing, ours; and what the plan says counts most."""
    seen = claude.where / "seen"
    program = claude.where / "bin/claude"
    asked = f'echo "$CLAUDE_CODE_MAX_RETRIES $API_TIMEOUT_MS" >> {seen}'
    program.write_text(program.read_text().replace("exec ", f"{asked}\nexec ", 1))
    lines = (Path(CASES).parent / "shell/own-settings-of-claude.sh").read_text().splitlines()
    own = dict(line.split()[0].split("=") for line in lines)
    assert {"CLAUDE_CODE_MAX_RETRIES": "20", "API_TIMEOUT_MS": "900000"} == own
    for more, env, expected in (
        ({}, {}, "3 "),
        ({}, own, "20 900000"),
        ({"env": "clean"}, own, "20 900000"),
        ({"env": "{CLAUDE_CODE_MAX_RETRIES: '7'}"}, own, "7 900000"),
    ):
        claude.write(1, **more)
        claude.orchestrate.environment.update(env)
        assert 0 == claude.run("--fresh").returncode
        assert expected == seen.read_text().splitlines()[-1]


def test_a_key_that_pays_beside_a_login_is_named(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """``doctor`` warns of it and shows no value; a key alone is fine."""
    program = tmp_path / "bin/claude"
    program.parent.mkdir()
    status = '{"loggedIn": true, "authMethod": "claude.ai", "subscriptionType": "max"}'
    program.write_text(f"#!/bin/sh\ncase $1 in auth) echo '{status}';; *) echo 2.1.329;; esac\n")
    program.chmod(0o755)
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:{orchestrate.environment['PATH']}"
    lines = (Path(CASES).parent / "shell/key-beside-a-login.sh").read_text().splitlines()
    for name, _, value in (line.split()[0].partition("=") for line in lines):
        doctor = orchestrate("doctor", "--json", env={name: value})
        (login,) = [each for each in doctor.json["checks"] if each["name"] == "login"]
        assert (0, "warning") == (doctor.returncode, login["level"])
        assert f"{name} is set: that key pays" in login["found"]
        assert value not in doctor.stdout
    (login,) = [each for each in orchestrate("doctor", "--json").json["checks"] if each["name"] == "login"]
    assert "ok" == login["level"]
