"""A run on its own, followed in bounded bites: ``run --detach``, ``wait``, ``status --brief``."""

from __future__ import annotations

import json
import os
import pty
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Gate, answer_of, everything, write_plan
from tests.executors.harness import is_alive, wait_gone, wait_until
from tests.patience import PATIENCE

#: Longer than a test waits: whoever comes back before did not come back because of it.
LONG = "10m"


class Stage:
    """T-01 is soon done, T-02 waits at a gate, T-03 comes after both."""

    def __init__(self, orchestrate: Orchestrate, where: Path) -> None:
        self.root = where / ".orchestrator"
        self.orchestrate = orchestrate
        self.gate = Gate(where / "gate")
        self.tasks = {"T-01": "echo one", "T-02": f"{self.gate.wait}; echo two", "T-03": ("echo three", "T-01,T-02")}
        write_plan(self.root, self.tasks)

    def detach(self, *flags: str) -> str:
        """Start a run on its own, return its id once T-02 stands at the gate and the news of T-01 is written."""
        self.gate.open()  # before: a task that came meanwhile would be let go with the one before it
        started = self.orchestrate("run", "--detach", *flags)
        assert 0 == started.returncode, started.stderr
        self.reach_gate()
        return started.stdout.strip()

    def reach_gate(self) -> None:
        self.gate.open()
        wait_until(self.gate._is_reached)
        wait_until(lambda: "T-01 · completed" in self.journal())

    def journal(self) -> str:
        path = self.root / "journal.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def holder(self) -> dict[str, Any]:
        """Who holds the plan; empty when nobody does."""
        try:
            return dict(json.loads((self.root / "run.lock").read_bytes() or b"{}"))
        except FileNotFoundError:
            return {}

    def wait(self, *flags: str) -> Answer:
        return self.orchestrate("wait", *flags)

    def next_of(self, answer: Answer) -> str:
        """The next step that an answer names."""
        return answer.stdout.splitlines()[-2].removeprefix("next: ")


def state(root: Path) -> dict[str, bytes]:
    """Every file but the cache."""
    return {path.name: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "index.json"}


@pytest.fixture
def stage(orchestrate: Orchestrate, tmp_path: Path) -> Iterator[Stage]:
    made = Stage(orchestrate, tmp_path)
    yield made
    pid = made.holder().get("pid", 0)
    if pid and is_alive(pid):
        os.kill(pid, signal.SIGKILL)
        wait_gone(pid)


# ── run --detach ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_detached_run_goes_on_after_its_command_has_returned(stage: Stage) -> None:
    """The id on stdout, the next command on stderr; with --json one envelope; all its output in logs/run.out."""
    started = stage.orchestrate("run", "--detach", "--json")
    stage.reach_gate()
    told, holder = started.json, stage.holder()
    assert (0, True, holder["run"], holder["pid"]) == (started.returncode, told["ok"], told["run"], told["pid"])
    assert str(stage.root / "logs" / "run.out") == told["log"]
    assert "orchestrator wait" == told["next"]
    assert is_alive(holder["pid"])
    stage.gate.open()
    ended = stage.wait("--timeout", LONG)
    assert (0, "read .orchestrator/final_output.md") == (ended.returncode, stage.next_of(ended))
    assert "three" == answer_of(stage.root, "T-03")
    lines = (stage.root / "logs" / "run.out").read_text(encoding="utf-8").splitlines()
    assert "3 of 3 tasks to run" == lines[0]
    assert ".orchestrator/final_output.md" == lines[-1]
    again = stage.orchestrate("run", "--detach")
    assert (0, "next: orchestrator wait\n") == (again.returncode, again.stderr)
    assert 0 == stage.wait().returncode
    assert f"run · started · run {again.stdout.strip()} · 0 of 3 tasks" in stage.journal()


def test_flags_and_directory_reach_the_detached_run(stage: Stage, tmp_path: Path) -> None:
    """Also from elsewhere; and the next step it names can be called as it stands."""
    away = tmp_path / "away from here"
    away.mkdir()
    started = stage.orchestrate("run", "../.orchestrator", "--detach", "--simulate", "--only", "T-01", cwd=away)
    assert 0 == started.returncode, started.stderr
    following = started.stderr.strip().removeprefix("next: orchestrator ")
    told = stage.orchestrate(*shlex.split(following), "--for", "end", "--timeout", LONG, cwd=away)
    assert "orchestrator run ../.orchestrator --detach" == stage.next_of(told)
    assert "Completed 1/3 (1 only simulated)" in told.stdout
    assert "agent simulated" in stage.journal()


@pytest.mark.parametrize("ending", ["SIGHUP", "SIGKILL", "terminal closed"])
def test_the_end_of_the_caller_does_not_reach_it(stage: Stage, tmp_path: Path, ending: str) -> None:
    """Neither of its session and group nor of its terminal; and it holds nothing of theirs."""
    master, terminal = pty.openpty()
    said = tmp_path / "said"
    script = 'exec 9< "$0"; "$@" > said; echo done >> said; read -r _'
    command = [sys.executable, "-m", "orchestrator", "run", "--detach"]
    caller = subprocess.Popen(
        ["setsid", "-c", "sh", "-c", script, str(stage.root / "master_plan.md"), *command],
        cwd=tmp_path,
        env=stage.orchestrate.environment,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
    )
    os.close(terminal)
    try:
        wait_until(lambda: said.exists() and said.read_text().endswith("done\n"))
        stage.reach_gate()
        pid = stage.holder()["pid"]
        assert caller.pid == os.getsid(caller.pid) != os.getsid(pid)
        files = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        log = str(stage.root / "logs" / "run.out")
        assert ("/dev/null", log, log) == tuple(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in range(3))
        assert not [name for name in files if "/pts/" in name or name.endswith("master_plan.md")]
        if ending == "terminal closed":
            os.close(master)
            master = -1
        else:
            os.killpg(caller.pid, signal.Signals[ending])
        caller.wait(PATIENCE)
    finally:
        caller.kill()
        caller.wait()
        if master >= 0:
            os.close(master)
    assert is_alive(pid)
    stage.gate.open()
    assert 0 == stage.wait("--timeout", LONG).returncode


def _cycle(root: Path) -> tuple[str, ...]:
    write_plan(root, {"T-01": ("true", "T-02"), "T-02": ("true", "T-01")})
    return ()


def _no_agent(root: Path) -> tuple[str, ...]:
    write_plan(root, {"T-01": "true"}, agent="claude")
    return ()


@pytest.mark.parametrize(
    "breaks",
    [_cycle, _no_agent, lambda _: ("--only", "T-99"), lambda _: ("--timeout", "soon")],
    ids=["cycle", "no agent", "unknown task", "nonsense"],
)
def test_what_is_wrong_is_said_at_once(stage: Stage, breaks: Callable[[Path], tuple[str, ...]]) -> None:
    """As by ``run``, with its exit status; nothing is written, nothing is left running."""
    flags = breaks(stage.root)
    before = everything(stage.root)
    plain = stage.orchestrate("run", *flags)
    detached = stage.orchestrate("run", "--detach", *flags)
    assert (2, "", plain.stderr) == (detached.returncode, detached.stdout, detached.stderr)
    assert before == everything(stage.root)


def test_of_several_at_once_one_runs(stage: Stage) -> None:
    """The others say who does, or why they ended, and leave nothing behind (promise 13)."""
    calls = [stage.orchestrate.start("run", "--detach", "--json") for _ in range(4)]
    answers = [stage.orchestrate.finish(call) for call in calls]
    assert [0, 3, 3, 3] == sorted(answer.returncode for answer in answers)
    codes = sorted(answer.json["code"] for answer in answers)
    assert ["busy", "busy", "busy", "ok"] == codes
    (run,) = (answer.json["run"] for answer in answers if not answer.returncode)
    assert run == stage.holder()["run"]
    late = stage.orchestrate("run", "--detach")
    assert (3, "") == (late.returncode, late.stdout)
    assert f"run {run} holds this plan" in late.stderr
    outputs = [path.name for path in (stage.root / "logs").glob("run.*")]
    assert ["run.out"] == outputs
    stage.reach_gate()
    stage.gate.open()
    assert 0 == stage.wait("--timeout", LONG).returncode


@pytest.mark.parametrize("place", ["run.lock", "journal.md"])
def test_a_run_that_cannot_begin_is_told_with_its_last_words(stage: Stage, place: str) -> None:
    """What only the new process meets comes back with its exit status, also when it held the plan for a moment."""
    (stage.root / place).symlink_to("elsewhere")
    failed = stage.orchestrate("run", "--detach", "--json")
    assert (5, False) == (failed.returncode, failed.json["ok"])
    assert "before it began, with exit status 5: error: " in failed.json["message"]
    assert f"{place}: cannot open" in failed.json["message"]
    assert [] == list((stage.root / "logs").iterdir())


def test_modules_of_the_current_directory_are_not_picked_up(stage: Stage, tmp_path: Path) -> None:
    """The run is this program and no other (promise 25)."""
    for name in ("orchestrator", "click", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('planted')\n")
    command = "import sys; from orchestrator.cli.main import main; sys.argv[0] = ''; main()"
    started = subprocess.run(
        [sys.executable, "-P", "-c", command, "run", "--detach"],
        cwd=tmp_path,
        env=stage.orchestrate.environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (0, "") == (started.returncode, started.stderr.replace("next: orchestrator wait\n", ""))
    stage.reach_gate()
    assert started.stdout.strip() == stage.holder()["run"]


# ── wait ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_two_waits_tell_disjoint_news(stage: Stage) -> None:
    """While the run goes on: 3 after the timeout. Whoever gives a cursor is told from there, and moves nobody's."""
    run = stage.detach()
    brief = stage.orchestrate("status", "--brief")
    first = stage.wait("--timeout", "0")
    assert (0, 3) == (brief.returncode, first.returncode)
    for answer in (brief, first):
        assert f"run {run} 🔵 at work" in answer.stdout
        assert "✅ completed: T-01\n" in answer.stdout
        assert "orchestrator wait" == stage.next_of(answer)
    second = stage.wait("--timeout", "0.3s", "--json")
    assert (3, True, "running", {}) == (second.returncode, second.json["ok"], second.json["code"], second.json["news"])
    assert ["T-02"] == [each["id"] for each in second.json["running"]]
    stage.gate.open()
    cursor = second.json["cursor"]
    third = stage.wait("--timeout", LONG, "--since", cursor)
    fourth = stage.wait("--timeout", LONG, "--json")
    assert (0, 0) == (third.returncode, fourth.returncode)
    assert "✅ completed: T-02, T-03\n" in third.stdout
    assert {"completed": {"count": 2, "first": ["T-02", "T-03"]}} == fourth.json["news"]
    assert {} == stage.wait("--json").json["news"]


def test_a_failure_ends_the_wait_at_once(stage: Stage, tmp_path: Path) -> None:
    """The run goes on; what failed, why, and how to see more."""
    gate = Gate(tmp_path / "second")
    bad = f"{gate.wait}; echo no luck >&2; exit 3"
    write_plan(stage.root, {**stage.tasks, "T-04": bad, "T-05": ("true", "T-04")})
    stage.detach()
    waiting = stage.orchestrate.start("wait", "--timeout", LONG)
    gate.await_task(waiting)
    gate.open()
    told = stage.orchestrate.finish(waiting)
    assert 1 == told.returncode
    assert "at work" in told.stdout
    assert "❌ T-04 " in told.stdout
    assert "exit 3: no luck" in told.stdout
    assert "orchestrator show T-04" == stage.next_of(told)
    assert is_alive(stage.holder()["pid"])
    quiet = stage.wait("--timeout", "0")
    assert (3, False) == (quiet.returncode, "❌" in quiet.stdout)
    stage.gate.open()
    ended = stage.wait("--timeout", LONG)
    assert (1, "orchestrator show T-04") == (ended.returncode, stage.next_of(ended))
    assert ("❌ T-04" in ended.stdout, "T-03" in ended.stdout) == (False, True)


def test_a_wait_can_end_with_any_task_or_only_with_the_run(stage: Stage) -> None:
    """``--for any`` comes back for a completion; ``--for end`` for nothing else than the end."""
    stage.detach()
    soon = stage.wait("--timeout", LONG, "--for", "any")
    assert (3, True) == (soon.returncode, "✅ completed: T-01" in soon.stdout)
    late = stage.orchestrate.start("wait", "--timeout", LONG, "--for", "end")
    stage.gate.open()
    assert 0 == stage.orchestrate.finish(late).returncode


def test_a_run_that_died_is_told_as_dead(stage: Stage) -> None:
    """1, and the next step sets it going again; the wait was not what killed it."""
    run = stage.detach()
    waiting = stage.orchestrate.start("wait", "--timeout", LONG)
    waiting.terminate()
    assert -signal.SIGTERM == waiting.wait(PATIENCE)
    pid = stage.holder()["pid"]
    assert is_alive(pid)
    wait_until((stage.root / "results" / "agent-02-result.md").exists)
    waiting = stage.orchestrate.start("wait", "--timeout", LONG)
    os.kill(pid, signal.SIGKILL)
    died = stage.orchestrate.finish(waiting)
    assert 1 == died.returncode
    assert f"run {run} ❌ died" in died.stdout
    assert "🟡 interrupted: T-02" in died.stdout.splitlines()
    assert "orchestrator run --detach" == stage.next_of(died)
    assert "died" == stage.wait("--json").json["code"]
    again = stage.detach()
    assert again != run
    stage.gate.open()
    ended = stage.wait("--timeout", LONG)
    assert (0, f"run {again} ✅ ended") == (ended.returncode, ended.stdout.partition(" · ")[0])


def test_a_run_that_was_stopped_is_over(stage: Stage) -> None:
    """By a signal to it, not to whoever started it."""
    run = stage.detach()
    os.kill(stage.holder()["pid"], signal.SIGTERM)
    told = stage.wait("--timeout", LONG, "--for", "end")
    assert (1, "orchestrator run --detach") == (told.returncode, stage.next_of(told))
    assert f"run {run} 🛑 stopped" in told.stdout


def test_a_run_in_the_foreground_can_be_followed_too(stage: Stage) -> None:
    """From its start on, whoever started it."""
    run = stage.orchestrate.start("run")
    stage.gate.await_task(run)
    wait_until(lambda: "T-01 · completed" in stage.journal())
    assert "✅ completed: T-01\n" in stage.wait("--timeout", "0").stdout
    stage.gate.open()
    assert 0 == stage.wait("--timeout", LONG).returncode
    assert 0 == stage.orchestrate.finish(run).returncode


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ((), "never run"),
        (("--since", "yesterday"), "not a cursor"),
        (("--timeout", "soon"), "not a duration"),
        (("--dir", "nowhere"), "no such plan directory"),
    ],
)
def test_a_wait_for_nothing_says_so(stage: Stage, flags: tuple[str, ...], words: str) -> None:
    """2 at once, with a hint, and nothing is written."""
    before = state(stage.root)
    told = stage.wait(*flags)
    assert (2, "") == (told.returncode, told.stdout)
    assert words in told.stderr
    assert "hint: " in told.stderr
    assert before == state(stage.root)


def test_before_any_run_the_brief_says_how_to_start_one(stage: Stage) -> None:
    """It is a look and no error."""
    told = stage.orchestrate("status", "--brief")
    assert (0, "orchestrator run --detach") == (told.returncode, stage.next_of(told))
    assert ("ok", "none") == tuple(
        stage.orchestrate("status", "--brief", "--json").json[name] for name in ("code", "phase")
    )


def test_state_that_cannot_be_read_is_5(stage: Stage) -> None:
    """And no news is made up of it."""
    (stage.root / "journal.md").mkdir()
    told = stage.wait()
    assert (5, "") == (told.returncode, told.stdout)
    assert "journal.md" in told.stderr


def test_a_run_whose_last_task_has_just_failed_is_not_said_to_go_on(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """It only tells people, and draws: nobody is woken to hear that it is at work, and then that it is over."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "exit 3"}, notify="['command=sleep 0.3']")
    assert 0 == orchestrate("run", "--detach").returncode
    told = orchestrate("wait", "--timeout", LONG)
    first = told.stdout.splitlines()[0]
    assert (1, True) == (told.returncode, " ended · Completed 0/1 · Failed 1 · next: " in first)
    assert first.endswith(" · next: orchestrator show T-01")
