"""What runs is ended with its run, whatever ends that, and nothing leaks meanwhile (promises 1, 14 to 18)."""

from __future__ import annotations

import faulthandler
import os
import pty
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, front_of, write_plan
from tests.executors.harness import LINGERING, guard_of, is_alive, kill_together, wait_gone, wait_until, watchdog_of
from tests.reliability.soak import SOAK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

#: Tasks of the run in which leaks are looked for.
MANY = 10_000 if SOAK else 300
#: Whoever has this first on the path of its modules has a clock that jumps.
CLOCKS = str(Path(__file__).with_name("clocks"))
#: Agents at once in that run.
PARALLEL = 8

#: Every kind of process that is hard to find or to end writes its pid into ``pids``.
_KINDS = (
    "echo $$ >> pids; echo $$ > agent",
    # In a session of its own, and deaf to SIGTERM; its parent is gone as well.
    """setsid sh -c "trap '' TERM HUP; echo \\$\\$ >> pids; exec sleep 1000" &""",
    "sh -c 'echo $$ >> pids; exec sleep 1000' &",
)
#: The same as the second, and without anything in its environment that says whose it is.
_NAMELESS = """(setsid env -i sh -c "trap '' TERM; echo \\$\\$ >> pids; exec sleep 1000" &)"""


class Tree:
    """A plan whose second task waits at a gate, with processes of every kind around it."""

    def __init__(self, orchestrate: Orchestrate, where: Path) -> None:
        self.orchestrate = orchestrate
        self.where = where
        self.kinds = len(_KINDS) + 1
        self.root = where / ".orchestrator"
        self.gate = Gate(where / "gate")
        again = f"test -e wild || {{ {self.gate.wait}; echo two; exit 0; }}"
        work = "\n".join((again, "echo two >> ran", f"test -e named || {_NAMELESS}", *_KINDS, "wait"))
        tasks = {"T-01": "echo one >> ran; echo one", "T-02": (work, "T-01")}
        write_plan(self.root, tasks, grace="0.2s")
        (where / "wild").touch()

    def leave_marks(self) -> None:
        """Start nothing that nobody could find who is not its subreaper."""
        (self.where / "named").touch()
        self.kinds -= 1

    def pids(self) -> list[int]:
        """The processes of the second task."""
        path = self.where / "pids"
        return [int(word) for word in path.read_text().split()] if path.exists() else []

    def await_tree(self) -> None:
        """Wait until all of it runs, and the result file says so."""
        wait_until(lambda: len(self.pids()) == self.kinds)
        wait_until((self.root / "results" / "agent-02-result.md").exists)
        assert all(map(is_alive, self.pids()))

    def await_silence(self, tally: Counter[str], what: str) -> None:
        """Nothing of it lives any more, soon; how soon is told."""
        before = time.monotonic()
        for pid in self.pids():
            wait_gone(pid, LINGERING)
        name = f"milliseconds until nothing of a run lived any more after {what}, at most"
        tally[name] = max(tally[name], round((time.monotonic() - before) * 1000))

    def finish(self) -> None:
        """The next run completes the rest; what was cut short cost nothing, what was done is not done again."""
        (self.where / "wild").unlink()
        run = self.orchestrate.start("run")
        self.gate.await_task(run)
        self.gate.open()
        ended = self.orchestrate.finish(run)
        assert 0 == ended.returncode, ended.stderr
        assert "two" == answer_of(self.root, "T-02")
        assert ["one", "two"] == (self.where / "ran").read_text().split()
        attempts = [(each["charge"], each["status"]) for each in front_of(self.root, "T-02")["attempts"]]
        assert [(1, "interrupted"), (1, "completed")] == attempts
        assert [] == [path.name for path in self.root.rglob("*") if path.name.endswith(".tmp")]


@pytest.fixture
def tree(orchestrate: Orchestrate, tmp_path: Path) -> Tree:
    return Tree(orchestrate, tmp_path)


# ── kill -9 ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("victims", ["runner", "runner and guard", "runner and watchdog"])
def test_nothing_outlives_a_killed_run(tree: Tree, tally: Counter[str], victims: str) -> None:
    """In sessions of their own, ignoring SIGTERM, without a mark: all gone within ten seconds (promise 14)."""
    run = tree.orchestrate.start("run", "--retries", "0")
    tree.await_tree()
    others = {"guard": guard_of(run.pid), "watchdog": watchdog_of(run.pid)}
    kill_together(run.pid, *(pid for name, pid in others.items() if name in victims))
    tree.await_silence(tally, f"SIGKILL of {victims}")
    run.communicate()
    tree.finish()


@pytest.mark.parametrize("victim", ["guard", "guard and watchdog"])
def test_nothing_outlives_a_killed_guard(tree: Tree, tally: Counter[str], victim: str) -> None:
    """The run ends by itself, says why, and the next one goes on.

    Where the watchdog is gone too, the runner looks for marks, sessions and descent.
    """
    if "watchdog" in victim:
        tree.leave_marks()
    run = tree.orchestrate.start("run", "--retries", "0")
    tree.await_tree()
    kill_together(*(watchdog_of(run.pid),) * ("watchdog" in victim), guard_of(run.pid))
    ended = tree.orchestrate.finish(run)
    tree.await_silence(tally, f"SIGKILL of {victim}")
    assert 5 == ended.returncode
    assert "the guard died (signal 9)" in ended.stderr
    tree.finish()


def test_a_watchdog_that_is_killed_is_not_missed(tree: Tree) -> None:
    """The run comes to its own end."""
    (tree.where / "wild").unlink()
    run = tree.orchestrate.start("run")
    tree.gate.await_task(run)
    kill_together(watchdog_of(run.pid))
    tree.gate.open()
    ended = tree.orchestrate.finish(run)
    assert (0, "two") == (ended.returncode, answer_of(tree.root, "T-02"))
    assert "died" not in ended.stderr


# ── a terminal ────────────────────────────────────────────────────────────────────────────────────────────────────


def in_a_terminal(orchestrate: Orchestrate, *flags: str) -> tuple[int, int]:
    """Start a run in a terminal of its own, as a shell would; return its pid and the other end of the terminal."""
    pid, master = pty.fork()
    if not pid:
        command = [sys.executable, "-m", "orchestrator", "run", *flags]
        os.chdir(orchestrate.where)
        os.execve(command[0], command, orchestrate.environment)
    return pid, master


def ended(pid: int) -> int:
    """Wait for the end of a process; return its exit status."""
    wait_gone(pid, LINGERING)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize(
    ("does", "status"), [("closed", 128 + signal.SIGHUP), ("five times Ctrl-C", 128 + signal.SIGINT)]
)
def test_nothing_outlives_its_terminal(tree: Tree, tally: Counter[str], does: str, status: int) -> None:
    """Its window is closed, or somebody impatient sits before it: nothing is lost, nothing is left (promises 1, 14)."""
    pid, master = in_a_terminal(tree.orchestrate, "--retries", "0")
    tree.await_tree()
    if does == "closed":
        os.close(master)
    else:
        for _ in range(5):
            os.write(master, b"\x03")
    assert status == ended(pid)
    tree.await_silence(tally, f"a terminal: {does}")
    if does != "closed":
        os.close(master)
    tree.finish()


def test_agents_have_neither_our_terminal_nor_our_descriptors(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Standard input is what they are given, then its end; no terminal and nothing else is open (promise 16)."""
    root = tmp_path / ".orchestrator"
    look = """cat; echo end
if (exec < /dev/tty) 2> /dev/null; then echo terminal; fi
ps -o tty=,sid= -p $$ | while read tty sid; do echo $tty; test $sid = $$ || echo session; done
exec ls /proc/self/fd"""
    write_plan(root, {"T-01": "echo given", "T-02": (look, "T-01")})
    with (tmp_path / "precious").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        pid, master = in_a_terminal(orchestrate)
        assert 0 == ended(pid)
        os.close(master)
    # The fourth descriptor is the directory that `ls` reads.
    assert ["given", "end", "?", *"0123"] == answer_of(root, "T-02").split("\n")


# ── sleep ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_suspended_laptop_goes_on(tree: Tree, tally: Counter[str]) -> None:
    """Runner, guard, watchdog and agent are stopped in any order and go on in any other (promise 17)."""
    (tree.where / "wild").unlink()
    run = tree.orchestrate.start("run", "--timeout", "60s")
    tree.gate.await_task(run)
    everyone = [run.pid, guard_of(run.pid), watchdog_of(run.pid)]
    for order in (everyone, everyone[::-1], everyone[1:] + everyone[:1]):
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in order:
                os.kill(pid, number)
                tally["SIGSTOP and SIGCONT sent to a run at work"] += 1
    for pid in everyone:
        os.kill(pid, signal.SIGSTOP)
    tree.gate.open()
    for pid in everyone:
        os.kill(pid, signal.SIGCONT)
    over = tree.orchestrate.finish(run)
    assert (0, "two") == (over.returncode, answer_of(tree.root, "T-02"))
    assert ["completed"] == [each["status"] for each in front_of(tree.root, "T-02")["attempts"]]


@pytest.mark.parametrize("jumps", ["0,86400", "0,-86400", "31536000,-31536000,0"])
def test_a_clock_that_jumps_changes_nothing(
    orchestrate: Orchestrate, tmp_path: Path, tally: Counter[str], jumps: str
) -> None:
    """Ahead and back, at every look: no timeout comes early, no retry late, no duration is a day (promise 17)."""
    root = tmp_path / ".orchestrator"
    flaky = "test -e once || { touch once; exit 1; }; sleep 0.5; echo one"
    write_plan(root, {"T-01": flaky, "T-02": ("cat", "T-01")}, retries=1, timeout="60s")
    path = f"{CLOCKS}:{orchestrate.environment['PYTHONPATH']}"
    run = orchestrate("run", "--json", env={"CLOCK_JUMPS": jumps, "PYTHONPATH": path})
    assert 0 == run.returncode, run.stderr
    assert "one" == answer_of(root, "T-02")
    durations = [event["duration"] for event in run.events if "duration" in event]
    assert [] == [seconds for seconds in durations if not 0 <= seconds < 60]
    again = orchestrate("run", "--json")
    assert (0, []) == (again.returncode, again.started())
    tally["runs under a clock that jumps"] += 1


# ── leaks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def descriptors(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def zombies(parent: int) -> int:
    """Children that ended and were not reaped."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return len([pid for pid in map(int, children) if not is_alive(pid)])


def resident(pid: int) -> int:
    """Bytes of memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def test_many_tasks_leave_no_descriptor_and_no_zombie(
    orchestrate: Orchestrate, tmp_path: Path, root: Path, gate: Gate, tally: Counter[str]
) -> None:
    """As many are open when nearly all tasks are done as were after the first few (promise 18)."""
    late = Gate(tmp_path / "late")
    tasks: dict[str, tuple[str, str] | str] = {"first": f"{gate.wait}; echo first"}
    # Each leaves a process behind, so that orphans have to be reaped too.
    tasks |= {f"t{number}": ("sleep 0 &", "first") for number in range(MANY)}
    tasks["last"] = (late.wait, ",".join(f"t{number}" for number in range(MANY)))
    write_plan(root, tasks, max_parallel=PARALLEL, timeout="600s")
    # A pipe that nobody reads would be full before the last task.
    run = orchestrate.start("run", under=("sh", "-c", 'exec "$@" > said 2>&1', "sh"))
    gate.await_task(run)
    everyone = {"runner": run.pid, "guard": guard_of(run.pid), "watchdog": watchdog_of(run.pid)}
    before = {name: descriptors(pid) for name, pid in everyone.items()}
    gate.open()
    if SOAK:
        faulthandler.cancel_dump_traceback_later()  # ten thousand tasks may take longer than a test that hangs
    script = root / "logs" / "last.attempt-1.script"
    wait_until(lambda: script.exists() or run.poll() is not None, seconds=MANY)
    late.await_task(run)
    for name, pid in everyone.items():
        # One attempt was under way then, and one is now; the runner has a thread's worth of pipes more.
        assert descriptors(pid) <= before[name] + 4, name
        assert zombies(pid) == 0, name
        most = f"megabytes of the {name} after {MANY:,} tasks"
        tally[most] = max(tally[most], resident(pid) // 2**20)
    assert resident(run.pid) < 300e6
    late.open()
    over = orchestrate.finish(run)
    assert 0 == over.returncode, (tmp_path / "said").read_text()[-1000:]
    tally["tasks of one run in which nothing leaked"] += MANY
    assert not any(map(is_alive, everyone.values()))
