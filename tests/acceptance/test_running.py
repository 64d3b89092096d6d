"""Running a plan: what starts when, what a failure means, and what an agent gets."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, everything, result_of, write_plan, write_task
from tests.executors.harness import is_alive, wait_until
from tests.patience import BEGUN


@pytest.fixture
def p(tmp_path: Path) -> Path:
    """The plan directory; agents work in the folder above it."""
    return tmp_path / ".orchestrator"


def reasons(orchestrate: Orchestrate) -> dict[str, tuple[str, str]]:
    """Where every task stands, and why."""
    listed = orchestrate("list", "--json").json["tasks"]
    return {task["id"]: (task["status"], task["reason"]) for task in listed}


# ── what starts when ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_starts_after_all_it_needs(orchestrate: Orchestrate, tmp_path: Path, p: Path) -> None:
    """Roots first, the join last, whatever the order of the rows; the files that they write prove it."""
    write_plan(
        p,
        {
            "T-05": ("echo 5 >> order", "T-02,T-03,T-04"),
            "T-02": ("test -e one; echo 2 >> order", "T-01"),
            "T-03": ("test -e one; echo 3 >> order", "T-01"),
            "T-04": ("test -e one; echo 4 >> order", "T-01"),
            "T-01": "touch one; echo 1 >> order",
        },
    )
    run = orchestrate("run")
    assert (0, f"{Path('.orchestrator/final_output.md')}\n") == (run.returncode, run.stdout)
    order = (tmp_path / "order").read_text().split()
    assert ("1", ["2", "3", "4"], "5") == (order[0], sorted(order[1:4]), order[4])
    assert "5 of 5 tasks completed" in run.stderr
    for task_id in ("T-01", "T-05"):
        assert re.search(rf"^🔵 {task_id} .*\n(.*\n)*✅ {task_id} ", run.stderr, re.MULTILINE)


MEETING = {"T-01": "echo hello > meeting", "T-02": "read -r word < meeting; echo $word"}


def test_independent_tasks_run_at_the_same_time(orchestrate: Orchestrate, tmp_path: Path, p: Path) -> None:
    """Two tasks that wait for each other at both ends of a fifo both come through."""
    os.mkfifo(tmp_path / "meeting")
    write_plan(p, MEETING)
    assert 0 == orchestrate("run").returncode
    assert "hello" == answer_of(p, "T-02")


def test_max_parallel_one_runs_one_at_a_time(orchestrate: Orchestrate, tmp_path: Path, p: Path) -> None:
    """The same two never meet when only one of them may run."""
    os.mkfifo(tmp_path / "meeting")
    write_plan(p, MEETING, grace=0)
    assert 1 == orchestrate("run", "--max-parallel", "1", "--timeout", "0.3s").returncode
    late = ("failed", "timed out after 0.3s")
    assert {"T-01": late, "T-02": late} == reasons(orchestrate)


def test_a_task_does_not_wait_for_the_rest_of_its_batch(orchestrate: Orchestrate, tmp_path: Path, p: Path) -> None:
    """Dispatch is by readiness: T-03 runs while T-02, which is in an earlier batch, waits for it."""
    os.mkfifo(tmp_path / "meeting")
    write_plan(p, {"T-01": "true", "T-02": "read -r word < meeting; echo $word", "T-03": ("echo hi > meeting", "T-01")})
    assert 0 == orchestrate("run").returncode
    assert "hi" == answer_of(p, "T-02")


# ── failures ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_failure_skips_what_depends_on_it_and_nothing_else(orchestrate: Orchestrate, p: Path) -> None:
    """Each skipped task says which dependency is to blame; exit status 1 (S2-69)."""
    write_plan(
        p,
        {
            "T-01": "echo broken pipe >&2; exit 3",
            "T-02": ("touch never", "T-01"),
            "T-03": ("touch never", "T-02, T-04"),
            "T-04": "echo four",
            "T-05": ("echo five", "T-04"),
        },
    )
    run = orchestrate("run")
    assert 1 == run.returncode
    assert "❌ T-01 exit 3: broken pipe · .orchestrator/logs/agent-01.attempt-1.err" in run.stderr
    assert "hint: mend what failed, then run it again" in run.stderr
    assert {
        "T-01": ("failed", "exit 3: broken pipe"),
        "T-02": ("skipped", "T-01 failed"),
        "T-03": ("skipped", "T-02 skipped"),
        "T-04": ("completed", ""),
        "T-05": ("completed", ""),
    } == reasons(orchestrate)
    assert not (p.parent / "never").exists()
    output = (p / "final_output.md").read_text(encoding="utf-8")
    assert "3 of 5 tasks" not in output
    assert "**2 of 5 tasks completed: this output is incomplete.**" in output
    assert "Skipped because of T-01: T-02, T-03" in output


def test_on_failure_stop_starts_nothing_new(orchestrate: Orchestrate, gate: Gate, p: Path) -> None:
    """What runs already comes to its end and is kept; the rest waits for the next run."""
    tasks = {"T-01": gate.wait, "T-02": "exit 1", "T-03": "echo 3", "T-04": ("echo 4", "T-01")}
    write_plan(p, tasks, on_failure="stop", max_parallel=2)
    run = orchestrate.start("run", "--json")
    gate.await_task(run)
    wait_until((p / "results" / "agent-02-result.md").exists)
    gate.open()
    ended = orchestrate.finish(run)
    assert (1, ["T-01", "T-02"]) == (ended.returncode, ended.started())
    statuses = {task: status for task, (status, _) in reasons(orchestrate).items()}
    assert {"T-01": "completed", "T-02": "failed", "T-03": "pending", "T-04": "pending"} == statuses


def test_a_run_that_stops_at_a_failure_says_what_it_left(orchestrate: Orchestrate, p: Path) -> None:
    """Its last lines name what was never started, unless somebody ended it; what was not asked for is not left."""
    tasks = {"T-01": "exit 1", "T-02": ("true", "T-01"), "T-03": "true", "T-04": ("true", "T-03"), "T-05": "true"}
    write_plan(p, tasks, on_failure="stop", max_parallel=1, retries=0)
    lines = orchestrate("run").stderr.splitlines()
    assert lines[-2] == "⏸️ not started: T-03, T-04, T-05"
    output = (p / "final_output.md").read_text(encoding="utf-8")
    assert "\n> a task failed, and `on_failure: stop` starts nothing more\n" in output
    assert "not started" not in orchestrate("run", "--only", "T-01").stderr
    assert "on_failure" not in (p / "final_output.md").read_text(encoding="utf-8")
    assert "not started" not in orchestrate("run", "--on-failure", "continue").stderr


def test_a_task_that_fails_twice_succeeds_at_last(orchestrate: Orchestrate, p: Path) -> None:
    """Every attempt is kept with its reason and its log, and dependants get the answer of the last (S2-52)."""
    tries = "echo x >> tries; echo try $(grep -c x tries); test $(grep -c x tries) -ge 3"
    write_plan(p, {"T-01": tries, "T-02": ("cat", "T-01")}, retries=2)
    run = orchestrate("run", "--json")
    assert (0, ["T-01", "T-01", "T-01", "T-02"]) == (run.returncode, run.started())
    shown = orchestrate("show", "T-01", "--json").json["task"]
    attempts = [(each["number"], each["status"], each["reason"]) for each in shown["attempts"]]
    assert [(1, "failed", "exit 1"), (2, "failed", "exit 1"), (3, "completed", "")] == attempts
    for number in (1, 2, 3):
        assert f"try {number}\n" == (p / "logs" / f"agent-01.attempt-{number}.out").read_text()
    assert "try 3" == answer_of(p, "T-02")
    retrying = [event for event in run.events if event["event"] == "task_retrying"]
    assert [0.0, 0.0] == [event["retry_in"] for event in retrying]


def test_a_timeout_ends_the_whole_tree(orchestrate: Orchestrate, tmp_path: Path, p: Path) -> None:
    """Also a grandchild in a session of its own that ignores SIGTERM and holds the output open (promise 15)."""
    stubborn = "trap '' TERM; echo $$ > left; exec sleep 1000"
    tree = f'echo partial\nsetsid sh -c "{stubborn.replace("$", chr(92) + "$")}" &\nsleep 1000'
    write_plan(p, {"T-01": tree}, timeout=BEGUN, grace="0.1s")
    run = orchestrate("run")
    assert 1 == run.returncode
    assert {"T-01": ("failed", f"timed out after {BEGUN}s")} == reasons(orchestrate)
    assert not is_alive(int((tmp_path / "left").read_text()))
    assert "partial\n" == (p / "logs" / "agent-01.attempt-1.out").read_text()


def test_what_an_agent_leaves_running_is_ended_with_it(orchestrate: Orchestrate, tmp_path: Path, p: Path) -> None:
    """A background process neither holds up the run nor outlives the attempt (promise 14)."""
    left = 'setsid sh -c "echo \\$\\$ > left; exec sleep 1000" &\nwhile ! test -s left; do :; done'
    write_plan(p, {"T-01": f"{left}\necho done"})
    assert 0 == orchestrate("run").returncode
    assert "done" == answer_of(p, "T-01")
    assert not is_alive(int((tmp_path / "left").read_text()))


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_flag_over_task_over_plan_over_default(orchestrate: Orchestrate, p: Path) -> None:
    """Counted in attempts of tasks that always fail (one by default: they are commands)."""
    write_plan(p, {"T-01": "exit 1", "T-02": "exit 1"}, retries=None)
    write_task(p, "T-02", "```sh\nexit 1\n```\n", retries=3)

    def attempts(*flags: str) -> tuple[int, int]:
        started = orchestrate("run", *flags, "--json").started()
        return started.count("T-01"), started.count("T-02")

    assert (1, 4) == attempts()
    write_plan(p, {"T-01": "exit 1", "T-02": "exit 1"}, retries=1)
    assert (2, 4) == attempts()
    assert (1, 1) == attempts("--retries", "0")


def test_a_missing_claude_is_said_before_anything_is_written(orchestrate: Orchestrate, tmp_path: Path, p: Path) -> None:
    """It is the default agent; one that lies in the working directory is not trusted (promise 25)."""
    write_plan(p, {"T-01": "hello", "T-02": "world"}, agent=None)
    planted = tmp_path / "claude"
    planted.write_text("#!/bin/sh\ntouch planted\n")
    planted.chmod(0o755)
    before = everything(tmp_path)
    for flags, words in (
        ([], "there is no `claude` on PATH"),
        (["--claude-bin", "no-such-claude"], "no such program: no-such-claude"),
    ):
        run = orchestrate("run", *flags, env={"PATH": ".::bin"})
        assert (2, "") == (run.returncode, run.stdout)
        assert words in run.stderr
        assert "--simulate" in run.stderr
    told = orchestrate("run", "--json", env={"PATH": ".::bin"})
    assert (2, "agent_unavailable") == (told.returncode, told.json["code"])
    assert before == everything(tmp_path)


def test_who_does_a_task(orchestrate: Orchestrate, p: Path) -> None:
    """A label such as Agent-01 means the default agent, a key means that agent whatever the default is."""
    p.mkdir()
    rows = "| T-01 | echo a | None | Agent-01 |\n| T-02 | echo b | - | simulated |\n| T-03 | echo c | | |"
    table = f"| ID | Task | Deps | Assignee |\n|---|---|---|---|\n{rows}\n"
    (p / "master_plan.md").write_text(table, encoding="utf-8")
    assert 0 == orchestrate("run", "--agent", "shell").returncode
    assert ("a", "c") == (answer_of(p, "T-01"), answer_of(p, "T-03"))
    assert "🤖 simulated [T-02: echo b]" in answer_of(p, "T-02")
    assert "# 📤 Agent-01 Execution Result" in result_of(p, "T-01")


# ── what an agent gets ────────────────────────────────────────────────────────────────────────────────────────────


def test_task_files_are_used_as_they_are_and_missing_ones_are_made(orchestrate: Orchestrate, p: Path) -> None:
    """A person's file survives byte for byte, byte order mark and line endings too (promise 10)."""
    write_plan(p, {"T-01": "echo from the table", "T-02": ("cat", "T-01")})
    mine = p / "agent_tasks" / "agent-01.md"
    mine.parent.mkdir()
    mine.write_bytes(b"\xef\xbb\xbf---\r\ntimeout: 9s\r\n---\r\nWhy\t \r\n```sh\r\necho mine\r\n```")
    before = (mine.read_bytes(), mine.stat().st_mtime_ns)
    assert 0 == orchestrate("run").returncode
    assert before == (mine.read_bytes(), mine.stat().st_mtime_ns)
    assert ("mine", "mine") == (answer_of(p, "T-01"), answer_of(p, "T-02"))
    made = (p / "agent_tasks" / "agent-02.md").read_text(encoding="utf-8")
    assert made.startswith("# 🤖 Agent-02 Task Assignment\n")
    headings = [*("Task Information", "Input", "Task Description"), *("Expected Output", "Constraints", "Hints")]
    assert headings == re.findall(r"^## (.+)$", made, re.MULTILINE)


def test_a_task_file_edited_during_the_run_is_what_the_agent_gets(
    orchestrate: Orchestrate, gate: Gate, p: Path
) -> None:
    """It is read when the task starts, not when the run does (promise 10)."""
    write_plan(p, {"T-01": gate.wait, "T-02": ("echo before", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    write_task(p, "T-02", "```sh\necho after\n```\n")
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert "after" == answer_of(p, "T-02")


def test_stdin_has_the_answers_of_the_dependencies(orchestrate: Orchestrate, p: Path) -> None:
    """In the order of the row, with an empty line between; a task without any reads the end of the file (S2-72)."""
    write_plan(
        p,
        {
            "T-01": "printf 'a ü 🎯\\n'; echo '| b |'",
            "T-02": "cat; echo z",
            "T-03": "true",
            "T-04": ("cat", "T-02, T-03, T-01"),
        },
    )
    assert 0 == orchestrate("run").returncode
    assert "z\n\na ü 🎯\n| b |" == answer_of(p, "T-04")


def test_the_environment_of_an_agent(orchestrate: Orchestrate, tmp_path: Path, p: Path) -> None:
    """It says which task of which run this is; there is no terminal and no open file of ours (promise 16)."""
    look = 'env; echo "cwd=$PWD"; ls -l /proc/self/fd; ps -o tty= -p $$ || true'
    write_plan(p, {"T-01": "exit 1", "T-02": f"test -e once || {{ touch once; exit 1; }}; {look}"}, retries=1)
    run = orchestrate("run", "--json", env={"MINE": "kept"})
    answer = answer_of(p, "T-02")
    told = dict(line.split("=", 1) for line in answer.splitlines() if re.match(r"\w+=", line))
    command = {
        "ORCHESTRATOR_RUN_ID": run.events[-1]["run"],
        "ORCHESTRATOR_TASK_ID": "T-02",
        "ORCHESTRATOR_ATTEMPT": "2",
        "ORCHESTRATOR_DIR": str(p),
        "TM_AGENT_ID": "agent-02",
        "MINE": "kept",
        "cwd": str(tmp_path),
    }
    assert command == {name: told.get(name) for name in command}
    descriptors = re.findall(r" (\d+) -> (\S+)", answer)
    assert ["0", "1", "2"] == [number for number, path in descriptors if not path.startswith("/proc")]
    assert "/dev/null" == dict(descriptors)["0"]


@pytest.fixture
def places(orchestrate: Orchestrate, tmp_path: Path) -> Callable[..., str]:
    """Where the task of a plan says that it works."""

    def place(plan: str, *flags: str | Path, cwd: Path = tmp_path, **settings: str) -> str:
        write_plan(tmp_path / plan, {"T-01": "pwd"}, **settings)
        assert 0 == orchestrate("run", tmp_path / plan, *flags, cwd=cwd).returncode
        answer = answer_of(tmp_path / plan, "T-01")
        (tmp_path / plan / "results" / "agent-01-result.md").unlink()
        return answer

    (tmp_path / "src").mkdir()
    return place


def test_where_agents_work(places: Callable[..., str], tmp_path: Path) -> None:
    """Above ``.orchestrator``, or where the command was called, or where the setting says."""
    src = tmp_path / "src"
    assert str(tmp_path) == places(".orchestrator", cwd=src)
    assert str(src) == places("plan", cwd=src)
    assert str(src) == places("plan", workdir="../src")
    assert str(src) == places("plan", "--workdir", src)


def test_a_relative_workdir_on_the_command_line_counts_from_here(places: Callable[..., str], tmp_path: Path) -> None:
    """As every path that somebody types; only the setting in a plan counts from the plan."""
    assert str(tmp_path / "src") == places("plan", "--workdir", "src")


def test_a_workdir_that_is_not_there_is_refused(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Before anything starts: no task could make it, for every one of them works in it."""
    write_plan(tmp_path / "plan", {"T-01": "true"})
    refused = orchestrate("run", "plan", "--workdir", "nowhere")
    assert 2 == refused.returncode
    assert f"error: --workdir: there is no directory {tmp_path}/nowhere\n" in refused.stderr
    assert not (tmp_path / "plan" / "logs").exists()
