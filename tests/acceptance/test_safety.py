"""One run at a time, signals, and death at any moment (promises 1, 3, 4, 13, 14)."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, Row, answer_of, everything, front_of, leftovers, result_of, write_plan
from tests.executors.harness import LINGERING, is_alive, wait_gone, wait_until
from tests.patience import PATIENCE


class Stage:
    """A plan whose second task waits at a gate, with a process in a session of its own beside it."""

    def __init__(self, orchestrate: Orchestrate, where: Path) -> None:
        self.root = where / ".orchestrator"
        self.orchestrate = orchestrate
        self.gate = Gate(where / "gate")
        self._pids = where / "pids"
        beside = "if test -e stubborn; then trap '' TERM; fi; echo \\$\\$ >> pids; exec sleep 1000"
        wait = f'setsid sh -c "{beside}" &\necho $$ >> pids\n{self.gate.wait}'
        self.tasks = {
            "T-01": "echo one >> ran; echo one",
            "T-02": (f"echo two >> ran\n{wait}\necho two after $(cat)", "T-01"),
            "T-03": ("echo three >> ran; echo three after $(cat)", "T-02"),
        }
        self._ran = where / "ran"
        self._stubborn = where / "stubborn"
        write_plan(self.root, self.tasks, grace="0.2s")

    def start(self, *flags: str, stubborn: bool = False, under: Sequence[str] = ()) -> subprocess.Popen[str]:
        """Start a run and wait until T-02 stands at the gate and its second process runs.

        A *stubborn* one ignores SIGTERM.
        """
        if stubborn:
            self._stubborn.touch()
        self._pids.unlink(missing_ok=True)
        run = self.orchestrate.start("run", *flags, under=under)
        self.gate.await_task(run)
        wait_until(lambda: len(self.pids()) == 2)
        self._stubborn.unlink(missing_ok=True)
        return run

    def pids(self) -> list[int]:
        return [int(word) for word in self._pids.read_text().split()] if self._pids.exists() else []

    def ran(self) -> list[str]:
        """What ran, in order, over all runs."""
        return self._ran.read_text().split()

    def attempts(self, task_id: str) -> list[tuple[int, str]]:
        """How the attempts of a task went: which of those allowed it was, and what became of it."""
        attempts = front_of(self.root, task_id)["attempts"]
        return [(each["charge"], each["status"]) for each in attempts]

    def finish(self) -> None:
        """Open the gate for good and run to the end."""
        run = self.orchestrate.start("run")
        self.gate.await_task(run)
        self.gate.open()
        ended = self.orchestrate.finish(run)
        assert 0 == ended.returncode, ended.stderr


@pytest.fixture
def stage(orchestrate: Orchestrate, tmp_path: Path) -> Stage:
    return Stage(orchestrate, tmp_path)


def test_the_second_run_is_told_who_holds_the_plan(stage: Stage) -> None:
    """Of two runs one works; the other writes nothing, names pid and run, and exits with 3 (promise 13)."""
    run = stage.start()
    wait_until((stage.root / "results" / "agent-02-result.md").exists)
    wait_until(lambda: "🔵 Running" in (stage.root / "master_plan.md").read_text(encoding="utf-8"))
    before = everything(stage.root)
    second = stage.orchestrate("run", "--json")
    assert (3, False, "busy") == (second.returncode, second.json["ok"], second.json["code"])
    assert f"pid {run.pid} " in second.json["message"]
    assert second.json["hint"]
    told = stage.orchestrate("run")
    assert (3, "") == (told.returncode, told.stdout)
    assert before == everything(stage.root)
    assert 0 == stage.orchestrate("status").returncode
    stage.gate.open()
    assert 0 == stage.orchestrate.finish(run).returncode
    assert ["one", "two", "three"] == stage.ran()
    assert 0 == stage.orchestrate("run").returncode


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_the_agents_and_keeps_what_is_known(stage: Stage, number: signal.Signals) -> None:
    """Exit status 128 + n, no process left; the attempt is interrupted and not charged; the next run goes on."""
    run = stage.start("--retries", "0", "--json", stubborn=True)
    run.send_signal(number)
    ended = stage.orchestrate.finish(run)
    assert 128 + number == ended.returncode
    assert [] == [pid for pid in stage.pids() if is_alive(pid)]
    assert ("stopped", False) == (ended.events[-1]["code"], ended.events[-1]["ok"])
    assert "task_interrupted" in [event["event"] for event in ended.events]
    statuses = [task["status"] for task in stage.orchestrate("list", "--json").json["tasks"]]
    assert ["completed", "pending", "waiting"] == statuses
    assert [(1, "interrupted")] == stage.attempts("T-02")
    assert "interrupted" in (stage.root / "journal.md").read_text(encoding="utf-8")
    assert [] == leftovers(stage.root)
    stage.finish()
    assert [(1, "interrupted"), (1, "completed")] == stage.attempts("T-02")
    assert ["one", "two", "two", "three"] == stage.ran()


def test_ctrl_c_again_and_again_loses_nothing(stage: Stage) -> None:
    """Whoever is impatient gets it sooner, not half (promise 1)."""
    run = stage.start("--grace", "30s", "--json", stubborn=True)
    run.send_signal(signal.SIGINT)
    assert run.stdout is not None
    lines = []
    while "run_stopping" not in (line := run.stdout.readline()):
        lines.append(line)
    for _ in range(4):
        run.send_signal(signal.SIGINT)
    assert 130 == run.wait(LINGERING)
    assert [] == [pid for pid in stage.pids() if is_alive(pid)]
    assert [] == leftovers(stage.root)
    stage.finish()
    assert "three after two after one" == answer_of(stage.root, "T-03")


def test_after_kill_9_nothing_is_left_running_and_nothing_is_lost(stage: Stage, tmp_path: Path) -> None:
    """The agents are gone within ten seconds; the next run does what is missing; the outcome is the same."""
    run = stage.start("--retries", "0", stubborn=True)
    run.kill()
    run.communicate()
    for pid in stage.pids():
        wait_gone(pid, LINGERING)
    # Only this file: the guard may be at the records of the others.
    printed = stage.root / "logs" / "agent-01.attempt-1.out"
    first = printed.read_bytes(), printed.stat().st_mtime_ns
    stage.finish()
    assert ["one", "two", "two", "three"] == stage.ran()
    assert first == (printed.read_bytes(), printed.stat().st_mtime_ns)
    assert [(1, "interrupted"), (1, "completed")] == stage.attempts("T-02")
    assert [] == leftovers(stage.root)

    unharmed = tmp_path / "unharmed" / ".orchestrator"
    unharmed.parent.mkdir()
    tasks = {task: row if isinstance(row, str) else (row[0], row[1]) for task, row in stage.tasks.items()}
    write_plan(unharmed, tasks | {"T-02": ("echo two after $(cat)", "T-01")})
    assert 0 == stage.orchestrate("run", unharmed).returncode
    for task_id in stage.tasks:
        assert answer_of(unharmed, task_id) == answer_of(stage.root, task_id)


def test_a_result_that_is_deleted_after_a_kill_is_done_again(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Its log is still there, but whoever deleted the result does not want that answer (promise 5)."""
    write_plan(root, {"T-01": "echo old", "T-02": (gate.wait, "T-01")})
    run = orchestrate.start("run", "--json")
    gate.await_task(run)
    wait_until(lambda: "T-01 · completed" in (root / "journal.md").read_text(encoding="utf-8"))
    run.kill()
    run.communicate()
    (root / "results" / "agent-01-result.md").unlink()
    write_plan(root, {"T-01": "echo new", "T-03": ("cat", "T-01")})
    again = orchestrate("run")
    assert (0, "new") == (again.returncode, answer_of(root, "T-03")), again


@pytest.mark.parametrize(
    "comes",
    [
        "import signal\nsignal.raise_signal(signal.SIGINT)\n",
        "raise RuntimeError('Error calling __set_name__') from KeyboardInterrupt()\n",
    ],
    ids=["between classes", "in a class"],
)
def test_ctrl_c_before_anything_has_begun_is_quiet(stage: Stage, comes: str) -> None:
    """While the program is still being loaded, here at its largest part."""
    before = everything(stage.root)
    loading = stage.root.parent / "loading"
    loading.mkdir()
    (loading / "anyio.py").write_text(comes)
    path = f"{loading}:{stage.orchestrate.environment['PYTHONPATH']}"
    stopped = stage.orchestrate("run", env={"PYTHONPATH": path})
    assert (130, "", "") == (stopped.returncode, stopped.stdout, stopped.stderr)
    assert before == everything(stage.root)


#: Python runs this before any program: Ctrl-C while a module of ours is looked for, and again with each one after it.
INTERRUPTED = """
import signal, sys
class Finder:
    names = []
    def find_spec(self, name, *_):
        if name.startswith("orchestrator.") and name != "orchestrator.__main__" and name not in self.names:
            self.names.append(name)
            if len(self.names) > {after}:
                signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Finder())
"""


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4, 8, 16, 32])
@pytest.mark.parametrize("words", [("run",), ("note", "T-01", "one"), ("run", "--timeout", "soon")])
def test_ctrl_c_again_and_again_while_it_is_loaded_is_quiet(stage: Stage, words: tuple[str, ...], after: int) -> None:
    """Whatever it is that has come by then, an answer or a mistake: it ends as with one."""
    loading = stage.root.parent / "loading"
    loading.mkdir()
    (loading / "sitecustomize.py").write_text(INTERRUPTED.format(after=after))
    path = f"{loading}:{stage.orchestrate.environment['PYTHONPATH']}"
    stopped = stage.orchestrate(*words, env={"PYTHONPATH": path})
    assert (130, "", "") == (stopped.returncode, stopped.stdout, stopped.stderr)


@pytest.mark.parametrize("_", range(3))
def test_ctrl_c_until_it_is_over_ends_it_in_order(stage: Stage, _: int) -> None:
    """At every millisecond of its end: no traceback, no thread that keeps it for ever, and the status of Ctrl-C."""
    run, end = stage.start(), time.monotonic() + PATIENCE
    while run.poll() is None:
        assert time.monotonic() < end, "it never ends"
        run.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            run.wait(0.001)
    answer = stage.orchestrate.finish(run)
    assert (130, 0) == (answer.returncode, answer.stderr.count("Traceback")), answer
    wait_gone(*stage.pids())


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_a_run_that_was_to_ignore_a_signal_goes_on(stage: Stage, number: signal.Signals) -> None:
    """``nohup`` means that a closed terminal ends nothing; SIGTERM is heard all the same."""
    ignores = ("sh", "-c", f'trap \'\' {number:d} {signal.SIGTERM:d}; exec "$0" "$@"')
    run = stage.start(under=ignores)
    run.send_signal(number)
    stage.gate.open()
    assert 0 == stage.orchestrate.finish(run).returncode
    assert ["one", "two", "three"] == stage.ran()
    (stage.root / "results" / "agent-02-result.md").unlink()
    run = stage.start(under=ignores)
    run.send_signal(signal.SIGTERM)
    assert 128 + signal.SIGTERM == stage.orchestrate.finish(run).returncode


def test_a_rerun_right_after_kill_9_waits_for_the_agents_to_go(stage: Stage) -> None:
    """No two attempts of a task ever run at once: the lock is free only when the last agent is gone (promise 14)."""
    run = stage.start(stubborn=True)
    old = stage.pids()
    run.kill()
    again = stage.orchestrate.start("run")
    wait_until(lambda: len(stage.pids()) > 2)
    assert [] == [pid for pid in old if is_alive(pid)]
    stage.gate.open()
    assert 0 == stage.orchestrate.finish(again).returncode
    assert ["one", "two", "two", "three"] == stage.ran()


def test_an_agent_that_finished_while_the_runner_was_frozen_is_not_run_again(stage: Stage) -> None:
    """Its answer is taken from its log by the next run: nothing is paid for twice (promise 3)."""
    run = stage.start("--retries", "0")
    wait_until((stage.root / "results" / "agent-02-result.md").exists)
    run.send_signal(signal.SIGSTOP)
    stage.gate.open()
    record = stage.root / "logs" / "agent-02.attempt-1.json"
    wait_until(record.exists)
    assert "status: running" in result_of(stage.root, "T-02")
    run.kill()
    run.communicate()
    statuses = [task["status"] for task in stage.orchestrate("list", "--json").json["tasks"]]
    assert "completed" not in statuses[1:]
    again = stage.orchestrate("run", "--json")
    assert (0, ["T-03"]) == (again.returncode, again.started())
    assert ["one", "two", "three"] == stage.ran()
    assert "three after two after one" == answer_of(stage.root, "T-03")
    assert [(1, "completed")] == stage.attempts("T-02")
    assert [] == leftovers(stage.root)


def test_a_suspended_run_goes_on(stage: Stage) -> None:
    """SIGSTOP and SIGCONT, as when a laptop sleeps, change nothing (promise 17)."""
    run = stage.start()
    run.send_signal(signal.SIGSTOP)
    stage.gate.open()
    wait_until((stage.root / "logs" / "agent-02.attempt-1.json").exists)
    run.send_signal(signal.SIGCONT)
    assert 0 == stage.orchestrate.finish(run).returncode
    assert ["one", "two", "three"] == stage.ran()


@pytest.mark.parametrize(
    "sign", ["run.lock", "logs/agent-01.attempt-1.script", "logs/agent-02.attempt-1.json", "results/agent-03-result.md"]
)
def test_a_runner_killed_at_any_moment_leaves_a_plan_that_runs(
    orchestrate: Orchestrate, tmp_path: Path, sign: str
) -> None:
    """Killed as soon as a file of its is there; the next run does the rest, each finished task once (promise 1)."""
    root = tmp_path / ".orchestrator"
    tasks: dict[str, Row] = {f"T-0{n}": f"echo {n} >> ran; echo {n}" for n in range(1, 5)}
    write_plan(root, {**tasks, "T-05": ("cat", ",".join(tasks))}, max_parallel=1)
    run = orchestrate.start("run")
    wait_until(lambda: run.poll() is not None or (root / sign).exists())
    run.kill()
    run.communicate()
    assert 0 == orchestrate("status").returncode
    completed = len(orchestrate("list", "--status", "completed", "--json").json["tasks"])
    again = orchestrate("run", "--json")
    assert 0 == again.returncode
    assert len(again.started()) <= 5 - completed
    assert "1\n\n2\n\n3\n\n4" == answer_of(root, "T-05")
    ran = (tmp_path / "ran").read_text().split()
    assert ["1", "2", "3", "4"] == sorted(set(ran))
    assert len(ran) <= 5, "at most the task that was cut short ran twice"
    assert not [path.name for path in root.rglob("*") if path.name.startswith(".")]


def test_state_that_cannot_be_written_is_one_clear_line(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Exit status 5 and the file's name; nothing of what was there before is lost (promise 8)."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "true", "T-02": ("echo two", "T-01")})
    (root / "journal.md").mkdir()
    before = (root / "master_plan.md").read_bytes()
    run = orchestrate("run", "--json")
    assert (5, False, "state_failed") == (run.returncode, run.json["ok"], run.json["code"])
    assert "journal.md" in run.json["message"]
    assert before == (root / "master_plan.md").read_bytes()
    (root / "journal.md").rmdir()
    assert 0 == orchestrate("run").returncode


def test_a_disk_that_is_full_in_the_middle_loses_nothing(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """No file may grow beyond 8 KiB: the result that does not fit ends the run, and is harvested later (promise 8)."""
    root = tmp_path / ".orchestrator"
    text = "echo x >> ran; for i in 1 2 3 4; do printf '%2000d\\n' $i; done"
    write_plan(root, {"T-01": "echo one", "T-02": (text, "T-01"), "T-03": ("wc -c", "T-02")})
    full = orchestrate("run", "--json", under=("sh", "-c", 'ulimit -f 16; exec "$@"', "sh"))
    assert (5, "state_failed") == (full.returncode, full.events[-1]["code"])
    assert "File too large" in full.events[-1]["message"]
    statuses = [task["status"] for task in orchestrate("list", "--json").json["tasks"]]
    assert ("completed", True) == (statuses[0], "completed" not in statuses[1:])
    again = orchestrate("run", "--json")
    assert (0, ["T-03"]) == (again.returncode, again.started())
    assert "x\n" == (tmp_path / "ran").read_text()
    assert not [path.name for path in root.rglob("*") if path.name.startswith(".")]
