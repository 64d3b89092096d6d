"""Seed 000: the queue as a whole: what runs at once, what is left after a break, what the dashboard says."""

from __future__ import annotations

from pathlib import Path

from orchestrator import Orchestrator
from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, journal, write_plan
from tests.executors.harness import wait_until


def test_the_research_workflow(claude: ClaudePlan) -> None:
    """``add`` three times, ``run``: retried by itself, everything on disk (S0-03, S0-08, S0-09, S0-16, S0-19)."""
    to = claude.orchestrate
    claude.play({"T-02": [{"do": "http529"}, {"answer": "consciousness"}], "*": {"answer": "found"}})
    for text, *more in (
        ("Research AI memory architectures", "--priority", "10", "--desc", "Memory research"),
        ("Research AI consciousness", "--priority", "10", "--desc", "Consciousness research"),
        ("Research AI autonomy", "--desc", "Autonomy research"),
    ):
        assert 0 == to("add", text, *more, "--retry-delay", "0").returncode
    assert 0 == to("run").returncode
    assert ["completed"] * 3 == [each["status"] for each in to("list", "--json").json["tasks"]]
    assert 2 == len(to("history", "T-02", "--json").json["attempts"])


def test_s0_01_and_s0_23_to_25_the_dashboard(claude: ClaudePlan) -> None:
    """Counts, the sessions that are at work, what is pending and how urgent it is."""
    to = claude.orchestrate
    claude.play({"T-01": {"turns": [{"cost": 0.01, "text": "reading"}, {"until": "go"}]}})
    for priority in ("10", "5", "1"):
        to("add", f"task of priority {priority}", "--priority", priority)
    run = claude.start("--max-parallel", "1")
    claude.await_turn(run, "T-01")
    session = to("show", "T-01", "--json").json["task"]["attempts"][0]["session"]
    status = to("status")
    assert "Completed 0/3 · Running 1 · Pending 2" in status.stdout
    lines = {line.split()[0]: line for line in status.stdout.splitlines() if line.startswith("T-")}
    assert session in lines["T-01"]
    assert "5" in lines["T-02"].split()
    assert "1" in lines["T-03"].split()
    told = to("status", "--json").json
    assert (3, 1, 2) == (told["total"], told["counts"]["running"], told["counts"]["pending"])
    (claude.records / "go").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    assert "Completed 3/3" in to("status").stdout


def test_s0_10_and_s0_18_in_the_background(claude: ClaudePlan) -> None:
    """``run --detach`` comes back at once; every agent is tracked until its end."""
    to = claude.orchestrate
    claude.play({"T-01": {"wait_for": "go", "answer": "world"}})
    assert "T-01\n" == to("add", "Build Minecraft world", "--retry", "5").stdout
    assert 0 == to("run", "--detach").returncode
    wait_until(lambda: to("show", "T-01", "--json").json["task"]["status"] == "running")
    (claude.records / "go").touch()
    assert 0 == to("wait", "--for", "end", "--timeout", "20s").returncode
    assert "world" in to("history", "T-01").stdout


def test_s0_15_cleanup(claude: ClaudePlan) -> None:
    """What a run that died left is cleared away; ``tests/acceptance/test_cleanup.py`` has the rest."""
    to = claude.orchestrate
    claude.play({"T-01": {"wait_for": "never"}})
    to("add", "Wait")
    run = claude.start()
    claude.await_journal(run, "started attempt 1")
    run.kill()
    run.wait()
    assert 0 == to("cleanup").returncode
    assert "pending" == to("show", "T-01", "--json").json["task"]["status"]


def test_s0_27_what_was_pending(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """After a break, here the end of everything in the middle of a task, ``list`` says it from the disk alone."""
    orchestrate("init", "--agent", "shell")
    for command, name in (("true", "first"), (gate.wait, "second"), ("true", "third")):
        orchestrate("add", command, "--desc", f"the {name}")
    run = orchestrate.start("run", "--max-parallel", "1")
    gate.await_task(run)
    wait_until(lambda: "T-01 · completed" in journal(root))
    wait_until((root / "results/agent-02-result.md").exists)  # it says that the task is running
    run.kill()
    run.wait()
    pending = orchestrate("list", "--status", "pending").stdout.splitlines()
    assert [("T-02", "second"), ("T-03", "third")] == [(line.split()[0], line.split()[-1]) for line in pending]
    again = orchestrate.start("run", "--max-parallel", "1", "--json")
    gate.await_task(again)
    gate.open()
    assert ["T-02", "T-03"] == orchestrate.finish(again).started()
    assert "" == orchestrate("list", "--status", "pending").stdout


def test_s0_21_and_s0_33_delays_attempts_and_slots(orchestrate: Orchestrate) -> None:
    """Delay, attempts and how many at once are configurable; what is cancelled stays so."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "exit 3", "--retry", "2", "--retry-delay", "0")
    orchestrate("add", "true")
    assert 0 == orchestrate("cancel", "T-02", "not needed").returncode
    assert 1 == orchestrate("run", "--max-parallel", "2").returncode
    tasks = {each["id"]: each for each in orchestrate("list", "--json").json["tasks"]}
    assert ("failed", "cancelled") == (tasks["T-01"]["status"], tasks["T-02"]["status"])
    assert 2 == len(orchestrate("history", "T-01", "--json").json["attempts"])


def test_s0_11_to_13_and_32_sub_agents(claude: ClaudePlan) -> None:
    """``spawn`` twice: each starts now and has its key; the key tells its history and what it found."""
    to = claude.orchestrate
    claude.play({"flourishing-research": {"wait_for": "go", "answer": "flourishing"}, "*": {}})
    text = "Deep research on AI flourishing"
    keys = [to("spawn", text, "--label", label).stdout.strip() for label in ("flourishing-research", "consciousness")]
    assert ["flourishing-research", "consciousness"] == keys
    wait_until(lambda: to("history", keys[1], "--json").json["task"]["status"] == "completed")
    assert "running" == to("history", keys[0], "--json").json["task"]["status"]
    (claude.records / "go").touch()
    assert 0 == to("wait", "--for", "end", "--timeout", "20s").returncode
    found = to("history", keys[0], "--json").json
    assert found["answer"].startswith("flourishing")
    assert 1 == len(found["attempts"])
    assert [line for line in found["events"] if "completed" in line]


def test_s0_26_an_importable_core(orchestrate: Orchestrate) -> None:
    """The command line is thin: ``tests/acceptance/test_api.py`` does the same from Python."""
    plan = Orchestrator(str(orchestrate.where / ".orchestrator"), name="ann")
    plan.init(agent="shell")
    assert "T-01" == plan.add("echo hello", priority="10", desc="Task name")
    (listed,) = orchestrate("list", "--json").json["tasks"]
    assert ("T-01", "Task name") == (listed["id"], listed["name"])


def test_s0_20_exponential_backoff(orchestrate: Orchestrate, root: Path) -> None:
    """The longest pause doubles with every failure; how much of it a task waits, the dice say (full jitter).

    Of 24 tasks at least one waits more than half of that, but for once in three million times.
    """
    base, tasks = 0.02, 24
    write_plan(
        root, {f"T-{n:02}": "exit 3" for n in range(1, tasks + 1)},
        retries=5, retry_delay=f"{base}s", max_parallel=8,
    )  # fmt: skip
    pauses: dict[int, list[float]] = {failures: [] for failures in range(1, 6)}
    for event in orchestrate("run", "--json").events:
        if event["event"] == "task_retrying":
            pauses[event["attempt"]].append(event["retry_in"])
    for failures, waited in pauses.items():
        longest = base * 2 ** (failures - 1)
        assert tasks == len(waited)
        assert longest / 2 - 0.001 < max(waited) <= longest + 0.001
