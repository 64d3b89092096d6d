"""Seed 002, rows about the flow: what runs when, what a failure means, how it is tried again."""

from __future__ import annotations

import re
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, front_of, result_of, write_plan, write_task
from tests.executors.harness import is_alive, wait_until
from tests.mission.conftest import QuickStart
from tests.patience import BEGUN


def test_s2_06_one_agent_per_task(quick_start: QuickStart) -> None:
    """Agent-01 does T-01 and so on, each in a process of its own."""
    assert [f"T-0{n}" for n in range(1, 6)] == sorted(call.task for call in quick_start.calls)
    assert 5 == len({call.pid for call in quick_start.calls})
    for number in range(1, 6):
        assert f"# 📤 Agent-0{number} " in quick_start.text(f"results/agent-0{number}-result.md")


def test_s2_07_simulated_or_by_command_line(quick_start: QuickStart, orchestrate: Orchestrate, root: Path) -> None:
    """The same plan runs with real agents and without any."""
    assert 0 == quick_start.run.returncode
    root.mkdir()
    (root / "master_plan.md").write_text(quick_start.text("master_plan.md"), encoding="utf-8")
    assert 0 == orchestrate("run", "--simulate", env={"PATH": "/nowhere"}).returncode
    assert "🤖 Agent-05 [T-05: Generate report]" in answer_of(root, "T-05")


def test_s2_09_serial_parallel_and_dag(quick_start: QuickStart) -> None:
    """T-01 before the three in the middle, those together, T-05 after all of them."""
    made = {call.task: call for call in quick_start.calls}
    ends = {task: call.end or 0 for task, call in made.items()}
    middle = ("T-02", "T-03", "T-04")
    assert all(ends["T-01"] < made[task].start for task in middle)
    assert max(made[task].start for task in middle) < min(ends[task] for task in middle)
    assert all(ends[task] < made["T-05"].start for task in middle)


def test_s2_10_cycles_are_found(orchestrate: Orchestrate, root: Path) -> None:
    """With the path of the cycle and the line it begins in; nothing runs."""
    write_plan(root, {"T-01": ("true", "T-02"), "T-02": ("true", "T-01")})
    refused = orchestrate("run", "--json")
    assert (2, "cycle") == (refused.returncode, refused.json["code"])
    assert re.search("T-0[12] → T-0[12] → T-0[12]", refused.json["message"])


def test_s2_15_to_18_a_hand_written_plan_runs(quick_start: QuickStart) -> None:
    """Four columns, None, a list with commas and no blanks, the request as a quote: as the seed writes them."""
    assert (0, ".orchestrator/final_output.md\n") == (quick_start.run.returncode, quick_start.run.stdout)
    tasks = quick_start.orchestrate("list", "--json").json["tasks"]
    assert [[], ["T-01"], ["T-01"], ["T-01"], ["T-02", "T-03", "T-04"]] == [task["needs"] for task in tasks]
    assert [f"Agent-0{n}" for n in range(1, 6)] == [task["agent"] for task in tasks]
    request = "> Analyze my TypeScript project for code quality, security, and performance"
    assert request in quick_start.text("final_output.md")


def test_s2_19_roots_first_then_all_that_is_ready(quick_start: QuickStart) -> None:
    """As it is told while it runs."""
    started = re.findall(r"^🔵 (T-\d+)", quick_start.run.stderr, re.MULTILINE)
    assert ["T-01", "T-02", "T-03", "T-04", "T-05"] == started


def test_s2_22_before_it_starts_everything_is_pending(orchestrate: Orchestrate, root: Path) -> None:
    """A task that depends on nothing is pending; one whose dependencies are not satisfied is waiting (S2-23)."""
    write_plan(root, {"T-01": "true", "T-02": "true", "T-03": ("true", "T-01")})
    lines = orchestrate("list").stdout.splitlines()
    assert "🟡 Pending" in lines[0]
    assert "🟡 Pending" in lines[1]
    assert "⏸️ Waiting" in lines[2]


def test_s2_23_six_states(orchestrate: Orchestrate, gate: Gate, root: Path) -> None:
    """Pending, running, completed, failed, waiting and retrying, all seen at once in the plan file."""
    p, settings = root / "master_plan.md", "agent: shell\nmax_parallel: 1\nretries: 0\n"
    rows = (
        "| T-01 | true | None | P0 |\n| T-02 | exit 1 | None | P0 |\n| T-03 | again | None | P0 |\n"
        "| T-04 | wait | None | P1 |\n| T-05 | true | None | P3 |\n| T-06 | true | T-04 | P0 |\n"
    )
    root.mkdir()
    head = "| ID | Task | Deps | Priority |\n|---|---|---|---|\n"
    p.write_text(f"---\n{settings}---\n{head}{rows}", encoding="utf-8")
    write_task(root, "T-03", "exit 1\n", retries=1000, retry_delay="5m")
    write_task(root, "T-04", f"```sh\n{gate.wait}\n```\n")
    run = orchestrate.start("run")
    gate.await_task(run)
    states = ("✅ Completed", "❌ Failed", "🔄 Retrying", "🔵 Running", "🟡 Pending", "⏸️ Waiting")
    command = {f"T-0{number}": state for number, state in enumerate(states, start=1)}

    def seen() -> dict[str, str]:
        status = p.read_text(encoding="utf-8").partition("orchestrator:status -->")[2]
        return {row[1]: row[4] for row in map(cells, status.splitlines()) if row[1:2] and row[1] in command}

    def cells(line: str) -> list[str]:
        return [cell.strip() for cell in line.split("|")]

    wait_until(lambda: seen() == command)
    run.terminate()
    assert 143 == orchestrate.finish(run).returncode


def test_s2_43_to_45_a_process_per_task_file_and_a_line_per_agent(quick_start: QuickStart) -> None:
    """Its log carries the agent's name; the run waits for all of them and says how each one ended."""
    logs = sorted(path.name for path in (quick_start.root / "logs").glob("*.out"))
    assert [f"agent-0{n}.attempt-1.out" for n in range(1, 6)] == logs
    assert all(call.end for call in quick_start.calls)
    done = re.findall(r"^✅ (T-\d+) .* · (?:\d+\.\ds|\d+ms)(?: · \$[\d.]+)?$", quick_start.run.stderr, re.MULTILINE)
    assert ["T-01", "T-02", "T-03", "T-04", "T-05"] == sorted(done)
    assert "5 of 5 tasks completed" in quick_start.run.stderr


def test_s2_46_jobs_are_cleaned_up(quick_start: QuickStart, tmp_path: Path) -> None:
    """No process of a run is left, and no temporary file."""
    assert not [call.pid for call in quick_start.calls if is_alive(call.pid)]
    names = {path.name for path in quick_start.root.rglob("*") if path.is_file()}
    assert not {name for name in names if name.startswith(".") or name.endswith((".tmp", "~"))}


def test_s2_47_output_is_utf_8(quick_start: QuickStart) -> None:
    """Whatever language a task is written or answered in."""
    assert "ключ, 鍵, 🔑" in next(c.prompt for c in quick_start.calls if c.task == "T-03")
    assert "Done ✔ T-03" in (quick_start.root / "results/agent-03-result.md").read_bytes().decode()


def test_s2_48_topological_order_in_batches(orchestrate: Orchestrate, root: Path) -> None:
    """A dry run lists the tasks batch by batch, whatever the order of the rows."""
    rows = {"T-04": ("d", "T-02, T-03"), "T-02": ("b", "T-01"), "T-01": "a", "T-03": ("c", "T-01")}
    write_plan(root, rows)
    tasks = orchestrate("run", "--dry-run", "--json").json["tasks"]
    assert [(1, "T-01"), (2, "T-02"), (2, "T-03"), (3, "T-04")] == [(task["batch"], task["id"]) for task in tasks]


def test_s2_49_to_52_a_timeout_stops_and_the_task_is_tried_again(
    orchestrate: Orchestrate, tmp_path: Path, root: Path
) -> None:
    """By default 300 s and three attempts in all; the outcome says how it went and how many it took."""
    usage = " ".join(orchestrate("run", "--help").stdout.split())
    assert re.search(r"--timeout D .*default 300s", usage)
    assert re.search(r"--retries N .*default 2", usage)
    slow = "echo $$ >> pids\ntest -e slow || { touch slow; exec sleep 1000; }\necho done"
    write_plan(root, {"T-01": slow, "T-02": "exit 1"}, retries=2, grace=0)
    run = orchestrate("run", "--timeout", f"{BEGUN}s", "--json")
    assert (1, 2, 3) == (run.returncode, run.started().count("T-01"), run.started().count("T-02"))
    first = front_of(root, "T-01")
    assert ("completed", [f"timed out after {BEGUN}s", ""]) == (
        first["status"],
        [attempt["reason"] for attempt in first["attempts"]],
    )
    assert not [pid for pid in (tmp_path / "pids").read_text().split() if is_alive(int(pid))]
    assert ("failed", 3) == (front_of(root, "T-02")["status"], len(front_of(root, "T-02")["attempts"]))


def test_s2_66_four_agents_at_once_by_default(orchestrate: Orchestrate, tmp_path: Path, root: Path) -> None:
    """Of six tasks that are ready four run, until one of them ends."""
    gates = [Gate(tmp_path / f"gate-{number}") for number in range(4)]
    tasks = {f"T-0{number + 1}": gate.wait for number, gate in enumerate(gates)}
    write_plan(root, {**tasks, "T-05": "true", "T-06": "true"})
    run = orchestrate.start("run", "--json")
    for gate in gates:
        gate.await_task(run)
    waiting = ("agent-05.attempt-1.out", "agent-06.attempt-1.out")
    assert not [name for name in waiting if (root / "logs" / name).exists()]
    for gate in gates:
        gate.open()
    ended = orchestrate.finish(run)
    assert (0, 6) == (ended.returncode, len(ended.started()))


def test_s2_69_a_failure_does_not_block_what_is_independent(orchestrate: Orchestrate, root: Path) -> None:
    """It and what depends on it are left out; all others complete."""
    write_plan(root, {"T-01": "exit 1", "T-02": ("true", "T-01"), "T-03": "true", "T-04": ("true", "T-03")})
    assert 1 == orchestrate("run").returncode
    assert {"completed": 2, "failed": 1, "skipped": 1} == orchestrate("status", "--json").counts


def test_s2_70_exponential_backoff(orchestrate: Orchestrate, root: Path) -> None:
    """The longest wait doubles with every failure; within it chance decides, so that agents do not come in step."""
    write_plan(root, {f"T-{n:02}": "exit 1" for n in range(1, 13)}, retries=3, retry_delay="20ms", max_parallel=12)
    run = orchestrate("run", "--json")
    waits: dict[int, list[float]] = {}
    for event in run.events:
        if event["event"] == "task_retrying":
            waits.setdefault(event["attempt"], []).append(event["retry_in"])
    assert [1, 2, 3] == sorted(waits)
    for attempt, drawn in waits.items():
        assert 0 <= min(drawn) < max(drawn) <= 0.02 * 2 ** (attempt - 1) + 0.001
    assert max(waits[3]) > 0.02


def test_s2_71_partial_results_are_kept(orchestrate: Orchestrate, root: Path) -> None:
    """What a task printed before it failed is in its result and in its log; what others did is in the final output."""
    write_plan(root, {"T-01": "echo half; exit 1", "T-02": "echo whole", "T-03": "echo slow; sleep 1000"})
    write_task(root, "T-03", "```sh\necho slow; sleep 1000\n```\n", timeout=BEGUN, grace=0)
    assert 1 == orchestrate("run").returncode
    assert "half" == answer_of(root, "T-01")
    assert "half\n" == (root / "logs" / "agent-01.attempt-1.out").read_text()
    assert "slow\n" == (root / "logs" / "agent-03.attempt-1.out").read_text()
    assert "../logs/agent-03.attempt-1.out" in result_of(root, "T-03")
    assert "whole" in (root / "final_output.md").read_text(encoding="utf-8")


def test_s2_72_and_73_data_and_order(orchestrate: Orchestrate, tmp_path: Path, root: Path) -> None:
    """B receives what A answered; where A answers nothing, B still comes after it."""
    rows = {"T-01": "touch a", "T-02": ("test -e a; echo b", "T-01"), "T-03": ("cat", "T-01, T-02")}
    write_plan(root, rows)
    assert 0 == orchestrate("run").returncode
    assert "b" == answer_of(root, "T-03")
