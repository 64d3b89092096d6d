"""People and agents change where tasks stand by command, with and without a run at work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.store.lock import exclusive, take_briefly
from orchestrator.store.requests import Requests
from tests.acceptance.orchestrate import Orchestrate, ok
from tests.acceptance.plans import Gate, answer_of, front_of, journal, write_plan
from tests.executors.harness import is_alive, read_pid, wait_until

CHAIN = {"T-01": "echo one", "T-02": ("echo two", "T-01"), "T-03": "echo three"}
AGENTS = 50


def has_open(pid: int, path: Path) -> bool:
    """Whether a process has opened a file."""
    try:
        return any(os.readlink(each) == str(path) for each in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return False


# ── no run at work ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_done_by_hand(orchestrate: Orchestrate, root: Path) -> None:
    """Start, how far it is, complete: with attempt, record, log and journal, so that it counts as any other."""
    write_plan(root, CHAIN)
    ok(orchestrate("start", "T-01", "--as", "alice"))
    ok(orchestrate("start", "T-01", "--as", "alice", "--progress", "40"))
    assert "🔵 Running (by alice · 40%)" in orchestrate("show", "T-01").stdout
    ok(orchestrate("complete", "T-01", "all *good*\nreally", "--as", "alice"))
    front = front_of(root, "T-01")
    (attempt,) = front["attempts"]
    assert ("completed", "alice") == (front["status"], front["agent"])
    assert ("completed", "alice", "", 0) == tuple(attempt[name] for name in ("status", "agent", "run", "charge"))
    assert "all *good*\nreally" == answer_of(root, "T-01")
    assert "all *good*\nreally\n" == (root / "logs/agent-01.attempt-1.out").read_text()
    lines = [line.split(" · ", 1)[1] for line in journal(root).splitlines() if " · T-01" in line]
    assert [
        "T-01 · started attempt 1 · by alice",
        "T-01 · progress attempt 1 · by alice · 40%",
        "T-01 · completed attempt 1 · by alice · all *good* really",
    ] == lines
    assert "✅ Completed" in (root / "master_plan.md").read_text(), "whoever reads the file knows it"
    assert ok(orchestrate("doctor", "--plan", "--json")).json["breaches"] == []
    assert 0 == ok(orchestrate("run")).returncode
    assert "completed" == orchestrate.statuses()["T-02"]
    assert 1 == len(front_of(root, "T-01")["attempts"]), "it was not done again"


def _given(orchestrate: Orchestrate, root: Path, words: list[str], text: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a text on its standard input."""
    return subprocess.run(
        [sys.executable, "-m", "orchestrator", *words],
        cwd=root.parent,
        env=orchestrate.environment,
        input=text,
        text=True,
        capture_output=True,
    )


def test_who_settles_what_somebody_else_has_in_hand_is_who_did_it(
    orchestrate: Orchestrate, gate: Gate, root: Path
) -> None:
    """The answer and the result say who had it; with and without a run at work."""
    write_plan(root, {"T-01": gate.wait, "T-02": "true", "T-03": "true", "T-04": "true"})
    for task in ("T-02", "T-03", "T-04"):
        ok(orchestrate("claim", task, "--as", "bob"))
    alone = ok(orchestrate("complete", "T-02", "mine", "--as", "ann"))
    assert "T-02 is completed; bob had it in hand" == alone.stderr.splitlines()[-1]
    run = orchestrate.start("run")
    gate.await_task(run)
    asked = ok(orchestrate("fail", "T-03", "no", "--as", "ann"))
    assert "T-03 is failed; bob had it in hand" == asked.stderr.splitlines()[-1]
    own = ok(orchestrate("complete", "T-04", "--as", "bob"))
    assert "T-04 is completed" == own.stderr.splitlines()[-1]
    gate.open()
    assert 1 == orchestrate.finish(run).returncode
    assert "by ann: bob had it in hand" == front_of(root, "T-02")["note"]
    (attempt,) = front_of(root, "T-03")["attempts"]
    assert ("ann", "by ann: no; bob had it in hand") == (attempt["agent"], attempt["reason"])
    assert "· by ann" in orchestrate("show", "T-02").stdout


def test_an_answer_by_hand_is_not_that_of_the_agent_at_work(orchestrate: Orchestrate, gate: Gate, root: Path) -> None:
    """Time and cost stay with the agent, whose attempt was interrupted; the answer is that of whoever gave it."""
    write_plan(root, {"T-01": gate.wait, "T-02": ("cat", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    ok(orchestrate("complete", "T-01", "counted by hand", "--as", "mallory"))
    assert 0 == orchestrate.finish(run).returncode
    first, second = front_of(root, "T-01")["attempts"]
    assert [("shell", "interrupted", "by mallory"), ("mallory", "completed", "")] == [
        (each["agent"], each["status"], each["reason"]) for each in (first, second)
    ]
    assert "counted by hand" in answer_of(root, "T-02")
    assert "mallory" == orchestrate("show", "T-01", "--json").json["task"]["attempts"][-1]["agent"]
    shown = [line for line in orchestrate("show", "T-01").stdout.splitlines() if "  2  " in line]
    assert [("completed", "mallory")] == [(each.split()[1], each.split()[-1]) for each in shown]
    for words in (("report",), ("agent", "metrics")):
        agents = orchestrate(*words, "--json").json["agents"]
        done = {name: each["completed"] for name, each in agents.items()}
        assert {"mallory": 1, "shell": 1} == done, words
    assert ok(orchestrate("doctor", "--plan", "--json")).json["breaches"] == []
    assert 0 == ok(orchestrate("run")).returncode
    assert 2 == len(front_of(root, "T-01")["attempts"]), "it was not done again"


def test_a_text_that_nobody_could_read_again_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    """With the limit; nothing is changed. What is taken can be read by every command."""
    write_plan(root, CHAIN)
    for words in (["complete", "T-01", "--summary", "-"], ["complete", "T-01", "-"], ["plan", "-"]):
        refused = _given(orchestrate, root, words, "x" * (7 * 1024 * 1024))
        assert 2 == refused.returncode, words
        assert "larger than 4,096 KiB" in refused.stderr
    assert not (root / "results").exists() or not list((root / "results").iterdir())
    largest = "é\n" * (1024 * 1024)
    assert 0 == _given(orchestrate, root, ["complete", "T-01", "--summary", "-"], largest).returncode
    assert "completed" == orchestrate("show", "T-01", "--json").json["task"]["status"]
    assert 0 == ok(orchestrate("run")).returncode


def test_what_cannot_be_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    """With a code, what is wrong and what can be done; nothing is written."""
    write_plan(root, CHAIN)
    ok(orchestrate("start", "T-01", "--as", "alice"))
    for words, code, message, hint in (
        (["start", "T-01"], "invalid_transition", "running + 'start'", "alice runs T-01"),
        (["claim", "T-01"], "invalid_transition", "running + 'start'", "alice runs T-01"),
        (["start", "T-02"], "dependency_not_done", "Dependency not DONE: T-01 (running)", "T-02"),
        (["complete", "T-02"], "dependency_not_done", "Dependency not DONE: T-01", "T-02"),
        (["unblock", "T-03"], "invalid_transition", "pending + 'unblock'", "start, complete"),
        (
            ["retry", "T-03"],
            "invalid_transition",
            "pending + 'retry'",
            "the next run does it, or the one that is at work; ",
        ),
        (["start", "T-01", "--as", "alice"], "invalid_transition", "running", "you have it already"),
        (["start", "T-09"], "not_found", "task T-09 not found", "did you mean T-0"),
        (["start", "T-03", "--as", "../x"], "usage", "is not a name", "letters"),
    ):
        answer = orchestrate(*words, "--json")
        assert (2, False, code) == (answer.returncode, answer.json["ok"], answer.json["code"])
        assert message in answer.json["message"]
        assert hint in answer.json["hint"]
    assert ["agent-01-result.md"] == [path.name for path in (root / "results").iterdir()]


def test_blocked_cancelled_failed_and_back(orchestrate: Orchestrate, root: Path) -> None:
    """The state says who and why; what depends on it waits or is skipped; nothing that was done is lost."""
    write_plan(root, CHAIN)
    ok(orchestrate("block", "T-01", "no key yet", "--as", "bob"))
    assert {"T-01": "blocked", "T-02": "waiting", "T-03": "pending"} == orchestrate.statuses()
    assert "⛔ Blocked (by bob: no key yet)" in orchestrate("show", "T-01").stdout
    run = orchestrate("run", "--json")
    assert (1, "T-01 is blocked by bob: no key yet") == (run.returncode, run.events[-1]["message"].partition("; ")[2])
    ok(orchestrate("unblock", "T-01"))
    ok(orchestrate("fail", "T-01", "gave up"))
    assert {"T-01": "failed", "T-02": "skipped", "T-03": "completed"} == orchestrate.statuses()
    assert "T-01 is pending" in ok(orchestrate("retry", "T-02")).stderr
    ok(orchestrate("cancel", "T-02", "nobody reads it"))
    ok(orchestrate("retry", "T-03", "once more", env={"TM_AGENT_ID": "carol"}))
    assert {"T-01": "pending", "T-02": "cancelled", "T-03": "pending"} == orchestrate.statuses()
    assert "three" in answer_of(root, "T-03"), "the old answer stays until there is a new one"
    assert 1 == orchestrate("run").returncode
    attempts = front_of(root, "T-03")["attempts"]
    assert [(1, "completed"), (2, "completed")] == [(each["number"], each["status"]) for each in attempts]
    assert [1, 2] == [each["number"] for each in front_of(root, "T-01")["attempts"]]
    for word in ("blocked · by bob: no key yet", "reset · by carol: once more", "cancelled · by"):
        assert word in journal(root)


def test_of_many_claimers_one_wins(orchestrate: Orchestrate, root: Path) -> None:
    """And whoever claims without an id gets something else, the most important first."""
    write_plan(root, {f"T-{n:02}": "echo x" for n in range(1, 4)})
    plan = root / "master_plan.md"
    lines = plan.read_text().replace("Dependencies |", "Dependencies | Priority | Assignee |")
    lines = lines.replace("--------------|", "--------------|---|---|")
    for task, rest in (("T-01", "P2 | |"), ("T-02", "P0 | |"), ("T-03", "P3 | shell |")):
        lines = lines.replace(f"| {task} | echo x | None |", f"| {task} | echo x | None | {rest}")
    plan.write_text(lines)
    racers = [orchestrate.start("claim", "T-01", "--as", f"agent-{number}") for number in range(AGENTS)]
    answers = [orchestrate.finish(racer) for racer in racers]
    assert 1 == sum(answer.returncode == 0 for answer in answers)
    assert ["T-01\n"] == [answer.stdout for answer in answers if answer.stdout]
    assert 1 == journal(root).count("T-01 · started")
    assert "T-03\n" == ok(orchestrate("claim", "--as", "shell")).stdout, "what is assigned to them"
    assert "T-02\n" == ok(orchestrate("claim", "--as", "shell")).stdout
    nothing = orchestrate("claim", "--json")
    assert (1, "nothing_ready") == (nothing.returncode, nothing.json["code"])


def test_a_run_waits_for_a_command_and_a_command_for_a_run_that_died(
    orchestrate: Orchestrate, root: Path, gate: Gate
) -> None:
    """Whoever needs the lock for a moment keeps no run away; a dead run is taken over before a state is changed."""
    write_plan(root, {"T-01": gate.wait, "T-02": "echo two"})
    with exclusive(str(root / "commands.lock")):
        lock = take_briefly(str(root / "run.lock"))
        assert lock is not None
    run = orchestrate.start("run")
    wait_until(lambda: has_open(run.pid, root / "run.lock") or run.poll() is not None)
    lock.release()
    gate.await_task(run)
    wait_until((root / "logs/agent-02.attempt-1.json").exists)
    run.kill()
    run.wait()
    ok(orchestrate("cancel", "T-01", "--as", "bob"))
    front = front_of(root, "T-01")
    assert "cancelled" == front["status"]
    assert ["interrupted"] == [attempt["status"] for attempt in front["attempts"]]
    assert "dead_run" not in orchestrate("doctor", "--plan", "--json").stdout
    assert {"T-01": "cancelled", "T-02": "completed"} == orchestrate.statuses()


# ── a run at work ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_cancel_ends_the_whole_tree(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """Also what ignores SIGTERM, and what sits in a session of its own; the run goes on with the rest."""
    stubborn = f"""trap '' TERM
setsid sh -c 'trap "" TERM; echo $$ > {tmp_path}/child; while :; do sleep 1; done' &
echo $$ > {tmp_path}/parent
while :; do sleep 1; done"""
    write_plan(root, {"T-01": stubborn, "T-02": ("echo two", "T-01"), "T-03": "echo three"}, grace=1)
    run = orchestrate.start("run")
    files = [tmp_path / name for name in ("child", "parent")]
    wait_until(lambda: all(map(read_pid, files)))
    pids = [read_pid(file) for file in files]
    ok(orchestrate("cancel", "T-01", "too slow", "--as", "bob"))
    assert [False, False] == [is_alive(pid) for pid in pids]
    assert 1 == orchestrate.finish(run).returncode
    assert {"T-01": "cancelled", "T-02": "skipped", "T-03": "completed"} == orchestrate.statuses()
    assert "by bob: too slow" == front_of(root, "T-01")["note"]
    assert [] == list((root / "requests").iterdir())


def test_the_engine_takes_every_command(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """What waits, what was put off, what failed: each gets its new status at once, and what follows from it."""
    tasks = {
        "T-01": gate.wait,
        "T-02": "exit 1",
        "T-03": "exit 1",
        "T-04": ("echo four", "T-03"),
        "T-05": ("cat; echo five", "T-01"),
        "T-06": "echo six",
    }
    write_plan(root, tasks, retries=1, retry_delay="1h", max_parallel=2)
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: journal(root).count("· retrying attempt 1") == 2)
    wait_until(lambda: "T-06 · completed" in journal(root))
    ok(orchestrate("cancel", "T-02"))
    ok(orchestrate("fail", "T-03", "hopeless"))
    wait_until(lambda: "T-04 · skipped" in journal(root))
    assert "T-03 is completed" in ok(orchestrate("complete", "T-03", "by hand")).stderr
    wait_until(lambda: "T-04 · completed" in journal(root))
    ok(orchestrate("block", "T-05", "not yet"))
    gate.open()
    wait_until(lambda: "T-01 · completed" in journal(root))
    # Nothing is left to do: the run may be over, and then the command does it itself.
    ok(orchestrate("unblock", "T-05"))
    orchestrate.finish(run)
    assert 1 == orchestrate("run").returncode, "one was cancelled"
    found = orchestrate.statuses()
    assert "cancelled" == found.pop("T-02")
    assert {"completed"} == set(found.values())
    attempts = front_of(root, "T-03")["attempts"]
    assert [(1, "shell", "failed"), (2, attempts[1]["agent"], "failed")] == [
        (each["number"], each["agent"], each["status"]) for each in attempts[:2]
    ]
    assert (3, "completed", "by hand") == tuple(attempts[2][name] for name in ("number", "status", "exit"))


def test_retry_of_what_others_were_made_from(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """In the same run they are made again, from the new answer."""
    write_plan(root, {"T-01": "echo one", "T-02": ("cat; echo two", "T-01"), "T-03": gate.wait}, max_parallel=2)
    run = orchestrate.start("run")
    wait_until(lambda: (root / "journal.md").exists() and "T-02 · completed" in journal(root))
    ok(orchestrate("retry", "T-01", "--as", "bob"))
    wait_until(lambda: "T-02 · completed attempt 2" in journal(root))
    gate.await_task(run)
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert {"T-01": 2} == front_of(root, "T-02")["inputs"]


def test_of_many_claimers_one_wins_while_a_run_is_at_work(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """The run does not start what somebody has in hand, ends without it, and says so."""
    write_plan(root, {"T-01": gate.wait, "T-02": "echo two"}, max_parallel=1)
    run = orchestrate.start("run")
    gate.await_task(run)
    racers = [orchestrate.start("claim", "T-02", "--as", f"agent-{number}") for number in range(AGENTS)]
    answers = [orchestrate.finish(racer) for racer in racers]
    assert ["T-02\n"] == [answer.stdout for answer in answers if answer.returncode == 0]
    assert {2} == {answer.returncode for answer in answers if answer.returncode}
    gate.open()
    ended = orchestrate.finish(run)
    assert 1 == ended.returncode
    assert "T-02 is being done by agent-" in ended.stderr
    assert {"T-01": "completed", "T-02": "running"} == orchestrate.statuses()
    assert [] == list((root / "requests").iterdir())


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("complete T-01 mine", "completed", "your final answer is the result"),
        ("complete Agent-01 mine", "completed", "your final answer is the result"),
        ("start T-01 --progress 60", "completed", "60%"),
        ("fail T-01 broken", "failed", ""),
        ("block T-01 broken", "blocked", ""),
    ],
)
def test_a_worker_settles_its_own_task(
    orchestrate: Orchestrate, root: Path, words: str, status: str, said: str
) -> None:
    """Its own completion is its final answer; that it failed or is blocked counts at once."""
    command = f"{sys.executable} -m orchestrator {words} --json > {root}/said; echo done"
    write_plan(root, {"T-01": command})
    run = orchestrate("run")
    assert (0 if status == "completed" else 1) == run.returncode
    assert {"T-01": status} == orchestrate.statuses()
    assert said in (root / "said").read_text()
    if status == "completed":
        assert "done" in answer_of(root, "T-01")
    else:
        assert "by agent-01: broken" in orchestrate("show", "T-01").stdout


def test_what_was_done_and_not_answered_is_not_done_twice(orchestrate: Orchestrate, root: Path) -> None:
    """A runner may die between the result and its answer."""
    write_plan(root, CHAIN)
    ok(orchestrate("start", "T-01", "--as", "bob"))
    ok(orchestrate("fail", "T-01", "--as", "bob"))
    request = front_of(root, "T-01")["request"]
    asked = (
        '{"verb": "fail", "task": "T-01", "by": "bob", "time": 1.0, "note": "", "answer": "",'
        ' "progress": null, "run": ""}'
    )
    (root / "requests").mkdir(exist_ok=True)
    (root / "requests" / f"{request}.request.json").write_text(asked)
    (root / "requests" / "nonsense.request.json").write_text("[1]")
    ok(orchestrate("start", "T-03"))
    assert 1 == journal(root).count("T-01 · failed")
    reply = Requests(str(root / "requests")).answer_to(request)
    assert reply is not None
    assert (True, "failed") == (reply.is_ok, reply.status)
    assert not os.path.exists(root / "requests" / "nonsense.request.json")


def test_a_result_is_read_from_standard_input(orchestrate: Orchestrate, root: Path) -> None:
    """As a message is; a dash is no result."""
    write_plan(root, {"T-01": "true"})
    done = _given(orchestrate, root, ["complete", "T-01", "-"], "one\ntwo\n")
    assert (0, "one\ntwo") == (done.returncode, answer_of(root, "T-01"))
