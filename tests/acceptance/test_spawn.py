"""``spawn`` and ``run --tag``: a part of a plan, also one that grows."""

from __future__ import annotations

import signal
from pathlib import Path

from orchestrator.store.lock import take_lock
from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.executors.harness import wait_until


def test_it_starts_now_and_the_rest_of_the_queue_waits(claude: ClaudePlan) -> None:
    """The key is all that is printed; another one joins the run that is at work (S0-11, S0-32)."""
    claude.play({"consciousness": {"wait_for": "go", "answer": "I think"}, "flourishing": {}})
    orchestrate = claude.orchestrate
    assert "T-01\n" == orchestrate("add", "Research AI memory architectures").stdout
    first = orchestrate("spawn", "Research AI consciousness", "--label", "consciousness")
    assert (0, "consciousness\n") == (first.returncode, first.stdout), first.stderr
    assert "running" == orchestrate("show", "consciousness", "--json").json["task"]["status"]
    second = orchestrate("spawn", "Deep research on AI flourishing", "--label", "flourishing")
    assert "flourishing\n" == second.stdout
    assert "is at work and takes it" in second.stderr

    def done(key: str) -> bool:
        found = orchestrate("show", key, "--json").json["task"]
        return bool(found["status"] == "completed")

    wait_until(lambda: done("flourishing"))
    assert not done("consciousness")
    (claude.records / "go").touch()
    assert 1 == orchestrate("wait", "--for", "end", "--timeout", "20s").returncode
    assert done("consciousness")
    assert "pending" == orchestrate("show", "T-01", "--json").json["task"]["status"]
    history = orchestrate("history", "consciousness", "--json").json
    assert history["answer"].startswith("I think")


def test_a_run_that_merges_takes_nothing_any_more(claude: ClaudePlan) -> None:
    """It is at work until the merged answer is there, but has looked at the plan for the last time."""
    claude.write({"T-01": "echo pears", "T-02": "echo plums"}, agent="shell", aggregate="claude")
    claude.play({"_merge": {"wait_for": "go", "answer": "both"}})
    run = claude.start()
    wait_until(lambda: claude.calls("_merge") or run.poll() is not None)
    late = claude.orchestrate("spawn", "echo figs", "--agent", "shell", "--label", "late")
    assert (0, "late\n") == (late.returncode, late.stdout)
    assert "does not take it; once it is over: orchestrator run --only late" in late.stderr
    (claude.records / "go").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    assert "pending" == claude.orchestrate("show", "late", "--json").json["task"]["status"]
    assert 0 == claude.orchestrate("run", "--only", "late").returncode


def test_a_run_that_lets_its_last_agents_end_takes_nothing_any_more(
    orchestrate: Orchestrate, root: Path, gate: Gate
) -> None:
    """With ``on_failure: stop`` it starts nothing after a failure, also not what comes later."""
    write_plan(root, {"T-01": gate.wait, "T-02": "exit 1"}, on_failure="stop")
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: '"closing": true' in (root / "run.lock").read_text(encoding="utf-8"))
    late = orchestrate("spawn", "true", "--label", "late", "--agent", "shell")
    assert "does not take it; once it is over: orchestrator run --only late" in late.stderr
    gate.open()
    assert 1 == orchestrate.finish(run).returncode
    assert "pending" == orchestrate("show", "late", "--json").json["task"]["status"]


def test_what_comes_too_late_for_a_run_gets_one_of_its_own(orchestrate: Orchestrate, root: Path) -> None:
    """A run that is about to leave is given the moment it takes."""
    assert 0 == orchestrate("init", "--agent", "shell").returncode
    lock = take_lock(str(root / "run.lock"), "leaving", "2026-01-05T12:00:00.000Z")
    lock.close(is_closed=True)
    spawning = orchestrate.start("spawn", "true", "--agent", "shell", "--label", "late", "--json")
    plan = root / "master_plan.md"
    wait_until(lambda: "late" in plan.read_text(encoding="utf-8"))
    lock.release()
    spawned = orchestrate.finish(spawning).json
    assert (True, True) == (spawned["is_new_run"], spawned["is_taken"])
    assert 0 == orchestrate("wait", "--for", "end", "--timeout", "20s").returncode


def test_a_label_becomes_an_id(claude: ClaudePlan) -> None:
    """Of any text; with a number where it is taken."""
    claude.play({"*": {"answer": "done"}})
    keys = [
        claude.orchestrate("spawn", "Look", "--label", label).stdout.strip()
        for label in ("What is it?!", "What is it", "../../etc", "")
    ]
    assert ["What-is-it", "What-is-it-2", "etc", "T-01"] == keys
    claude.orchestrate("wait", "--for", "end", "--timeout", "20s")


def test_what_cannot_be_started_stays_in_the_plan(claude: ClaudePlan) -> None:
    """And the message says so."""
    (claude.where / "bin/claude").unlink()
    answer = claude.orchestrate("spawn", "Look", "--json")
    assert 2 == answer.returncode
    assert "T-01 was added, and could not be started" in answer.json["message"]
    assert ["T-01"] == [each["id"] for each in claude.orchestrate("list", "--json").json["tasks"]]


def test_run_a_tag(orchestrate: Orchestrate) -> None:
    """What needs something outside of it is left for a run that does that too."""
    ran = ("init", "--agent", "shell"), ("add", "true", "--tag", "a"), ("add", "true")
    for words in ran:
        assert 0 == orchestrate(*words).returncode
    orchestrate("add", "true", "--tag", "A", "--depends-on", "T-01")
    orchestrate("add", "true", "--tag", "a", "--depends-on", "T-02")
    answer = orchestrate("run", "--tag", "a", "--json")
    assert ["T-01", "T-03"] == answer.started()
    assert 1 == answer.returncode  # T-04 has the tag, too
    assert ["T-02", "T-04"] == orchestrate("run", "--json").started()


def test_a_tag_that_nobody_has_is_refused(orchestrate: Orchestrate) -> None:
    """A typo is no run that had nothing to do; and only what --only and --tag both name has to be completed."""
    orchestrate("init", "--agent", "shell")
    assert "hint: no task of it has a tag" in orchestrate("run", "--tag", "a").stderr
    for tag in ("a", "b,Docs"):
        orchestrate("add", "true", "--tag", tag)
    refused = orchestrate("run", "--tag", "a,nosuch")
    assert 2 == refused.returncode
    assert "no task of the plan has the tag 'nosuch'" in refused.stderr
    assert "hint: its tags are a, b, Docs" in refused.stderr
    refused = orchestrate("run", "--only", "T-01", "--tag", "docs")
    assert (2, True) == (refused.returncode, "no task that --only names" in refused.stderr)
    orchestrate("add", "true", "--tag", "a")
    assert 0 == orchestrate("run", "--only", "T-01", "--tag", "a").returncode


def test_a_run_of_other_tasks_does_not_take_it(orchestrate: Orchestrate, gate: Gate) -> None:
    """The caller is told what to do instead."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", gate.wait)
    run = orchestrate.start("run", "--only", "T-01")
    gate.await_task(run)
    answer = orchestrate("spawn", "true", "--label", "later", "--agent", "shell", "--json")
    assert 0 == answer.returncode, answer.stderr
    assert (False, False) == (answer.json["is_new_run"], answer.json["is_taken"])
    assert "orchestrator run --only later" in answer.json["message"]
    run.send_signal(signal.SIGTERM)
    orchestrate.finish(run)
    assert ["later"] == orchestrate("run", "--only", "later", "--json").started()


def test_an_attempt_spawns_nothing_where_no_run_is_at_work(orchestrate: Orchestrate, root: Path) -> None:
    """The run would end with the attempt; it is refused before the task is written, so asking again adds nothing."""
    attempt = {"ORCHESTRATOR_ATTEMPT": "1", "ORCHESTRATOR_RUN_ID": "abc"}
    refused = orchestrate("spawn", "echo x", "--agent", "shell", "--json", env=attempt)
    assert (2, "usage") == (refused.returncode, refused.json["code"])
    assert not root.exists()


def test_nothing_is_added_to_a_plan_that_may_not_be_worked_on(orchestrate: Orchestrate) -> None:
    """It is refused before the task is written, as by `dispatch`: asking again later adds it once."""
    orchestrate("create", "A")
    plan = orchestrate.where / ".orchestrator/TASK-001/master_plan.md"
    before = plan.read_bytes()
    spawn = ("spawn", "true", "--agent", "shell", "--dir", "TASK-001")
    refused = orchestrate(*spawn, "--json")
    assert (4, "not_approved") == (refused.returncode, refused.json["code"])
    assert before == plan.read_bytes()
    command = refused.json["hint"].removeprefix("orchestrator ").split()
    assert 0 == orchestrate(*command).returncode
    assert (0, "subtask_01\n") == ((spawned := orchestrate(*spawn)).returncode, spawned.stdout)
    assert 0 == orchestrate("wait", "TASK-001", "--for", "end", "--timeout", "20s").returncode
