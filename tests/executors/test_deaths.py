"""The guard dies, the runner dies, the runner freezes: nothing is left and nothing is lost."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest

from orchestrator.core.result import ProcessExit, StopReason
from orchestrator.errors import ExecutorError
from orchestrator.executors.exit_record import read_record, write_exit
from orchestrator.executors.local import _ROOT, BOOTSTRAP, LocalExecutor
from orchestrator.executors.protocol import Done, Executor, Job
from orchestrator.executors.reaper import sweep
from tests.executors.harness import (
    LEAVE,
    collect,
    guard_of,
    is_alive,
    kill_together,
    make_job,
    python,
    read_pid,
    record_of,
    until,
    until_started,
    wait_gone,
    wait_until,
    watchdog_of,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

DAEMON = f"{LEAVE}\nleave('session', 'orphan', 'stubborn')\nsignal.pause()"
NAMELESS = f"{LEAVE}\nleave('session', 'nameless')\nsignal.pause()"


# ── the guard ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def lose_guard(executor: LocalExecutor, count: int) -> dict[str, Done]:
    """Read the news until the executor gives up."""
    done: dict[str, Done] = {}

    async def read() -> None:
        async for batch in executor.news():
            done.update({news.key: news for news in batch if isinstance(news, Done)})

    with pytest.raises(ExecutorError, match="the guard died"), anyio.fail_after(20):
        await read()
    assert len(done) == count
    return done


@pytest.mark.parametrize("code", [DAEMON, NAMELESS], ids=["daemon", "nameless"])
async def test_a_killed_guard_takes_its_agents_along(tmp_path: Path, code: str) -> None:
    executor = LocalExecutor()
    job, other = make_job(tmp_path, "a", *python(code)), make_job(tmp_path, "b", "sleep", "1000")
    async with executor.opened():
        executor.start(job)
        executor.start(other)
        pids = await until_started(executor, 2)
        await until(lambda: read_pid(tmp_path / "left"))
        guard, watchdog = guard_of(os.getpid()), watchdog_of(os.getpid())
        os.kill(guard, signal.SIGKILL)
        done = await lose_guard(executor, 2)
        assert not any(map(is_alive, [*pids.values(), read_pid(tmp_path / "left")]))
        assert {one.exit.stopped for one in done.values()} == {StopReason.ORPHANED}
        assert {one.exit.error for one in done.values()} == {"the guard died"}
        assert record_of(job)["stopped"] == record_of(other)["stopped"] == "orphaned"
        # Whoever starts more is answered, then told again.
        executor.start(make_job(tmp_path, "late", "true"))
        await lose_guard(executor, 1)
    # Reaped, the guard as well as the agents that fell to us.
    for pid in (guard, watchdog, *pids.values()):
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222  # does not wait


async def test_what_a_dead_guard_had_recorded_counts(tmp_path: Path) -> None:
    executor = LocalExecutor()
    job = make_job(tmp_path, "a", "true")
    async with executor.opened():
        executor.start(job)
        await until(lambda: read_record(job.record))
        guard = guard_of(os.getpid())
        os.kill(guard, signal.SIGKILL)
        # Its last words are still in the socket, so make us deaf to them.
        wait_gone(guard)
        assert executor._socket is not None
        executor._socket.recv(65536)
        done = await lose_guard(executor, 1)
    assert (done["a"].exit.code, done["a"].exit.stopped) == (0, None)


@pytest.mark.parametrize("forged", [{"run": "older"}, {"task": "T-02"}, {"key": "b"}])
async def test_a_record_of_another_attempt_does_not(tmp_path: Path, forged: dict[str, str]) -> None:
    """Written late by an older run, or by an agent."""
    executor = LocalExecutor()
    facts = {"task": "T-01", "run": "newer"}
    job = make_job(tmp_path, "a", "sleep", "1000", facts=facts)
    async with executor.opened():
        executor.start(job)
        await until_started(executor, 1)
        other = make_job(tmp_path, "a", facts=facts)
        write_exit(other, ProcessExit(code=0))
        Path(job.record).write_text(json.dumps(record_of(job) | forged))
        os.kill(guard_of(os.getpid()), signal.SIGKILL)
        done = await lose_guard(executor, 1)
    assert (done["a"].exit.code, done["a"].exit.stopped) == (None, StopReason.ORPHANED)
    assert {"task": "T-01", "run": "newer", "key": "a"}.items() <= record_of(job).items()


async def test_a_guard_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", *python(DAEMON)))
        await until(lambda: read_pid(tmp_path / "left"))
        executor._send({"start": {}})
        with pytest.raises(ExecutorError, match="KeyError"):
            await collect(executor, 2)
        assert not is_alive(read_pid(tmp_path / "left"))


def test_a_guard_that_cannot_begin_says_why() -> None:
    """Before it serves anybody: nothing else would tell why there is none."""
    ours, theirs = socket.socketpair()
    high = fcntl.fcntl(theirs, fcntl.F_DUPFD, 20)
    theirs.close()
    # Enough to load it, too little for all that it keeps open.
    words = ["/bin/sh", "-c", 'ulimit -n 6; exec "$@"', "sh", sys.executable, "-I", "-S", "-c"]
    guard = subprocess.Popen([*words, BOOTSTRAP, _ROOT, str(high)], pass_fds=[high], stderr=subprocess.DEVNULL)
    os.close(high)
    with ours, ours.makefile() as said:
        assert "Too many open files" in json.loads(said.read())["crash"]
    assert 0 != guard.wait()


async def test_a_stuck_guard_is_killed_on_leaving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.executors.local.GRACE", 0.1)
    monkeypatch.setattr("orchestrator.executors.local.PATIENCE", 0.1)
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", "sleep", "1000"))
        pid = (await until_started(executor, 1))["a"]
        guard, watchdog = guard_of(os.getpid()), watchdog_of(os.getpid())
        os.kill(guard, signal.SIGSTOP)
    assert not any(map(is_alive, (pid, guard, watchdog)))


def test_the_guard_imports_little() -> None:
    code = (
        "import sys; sys.path.append('.'); import orchestrator.executors.guard; "
        "print(*sorted(name for name in sys.modules if name.startswith('orchestrator')), "
        "*({'subprocess', 'typing', 'dataclasses', 'asyncio', 'pathlib'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    room = "orchestrator.executors"
    modules = ["exit_record", "guard", "process_tree", "spawn", "watchdog"]
    neighbours = [room, *(f"{room}.{name}" for name in modules)]
    assert answer.stdout.split() == ["orchestrator", *neighbours, "orchestrator.ownership"]


# ── the runner ────────────────────────────────────────────────────────────────────────────────────────────────────

RUNNER = """
import fcntl, json, sys
import anyio
from orchestrator.executors.local import _ROOT, BOOTSTRAP, LocalExecutor
from orchestrator.executors.protocol import Job, ProcessStarted

async def main(lock, jobs):
    executor = LocalExecutor(keep_fds=[lock.fileno()])
    async with executor.opened():
        for job in jobs:
            executor.start(Job(**job))
        async for batch in executor.news():
            for news in batch:
                if isinstance(news, ProcessStarted):
                    print(news.pid, flush=True)

with open(sys.argv[1], "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    anyio.run(main, lock, json.loads(sys.argv[2]))
"""


class Run(NamedTuple):
    """A run of its own, once all of its agents run."""

    process: subprocess.Popen[str]
    watchdog: int
    guard: int
    agents: list[int]

    def kill(self, *others: int) -> None:
        """Kill the runner and others in the same moment: none of them can act between the blows."""
        kill_together(self.process.pid, *others)
        self.process.wait()


@contextmanager
def runner(where: Path, *jobs: Job) -> Iterator[Run]:
    """Start a run."""
    plain = [{**job._asdict(), "env": dict(job.env), "facts": dict(job.facts)} for job in jobs]
    text = json.dumps(plain)
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(where / "lock"), text], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        agents = [int(process.stdout.readline()) for _ in jobs]
        try:
            yield Run(process, watchdog_of(process.pid), guard_of(process.pid), agents)
        finally:
            process.kill()


def is_locked(where: Path) -> bool:
    with (where / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def test_a_killed_runner_takes_everything_along(tmp_path: Path) -> None:
    job, other = make_job(tmp_path, "a", *python(DAEMON)), make_job(tmp_path, "b", "sleep", "1000")
    with runner(tmp_path, job, other) as run:
        wait_until(lambda: read_pid(tmp_path / "left"))
        for pid in (run.guard, run.watchdog):
            os.kill(pid, signal.SIGTERM)  # they do not listen
        run.kill()
        assert is_locked(tmp_path)
        for pid in (*run.agents, read_pid(tmp_path / "left"), run.guard, run.watchdog):
            wait_gone(pid, 10)
    assert not is_locked(tmp_path)
    assert record_of(job)["stopped"] == record_of(other)["stopped"] == "orphaned"
    assert record_of(other)["signal"] == 15


def test_a_frozen_runner_loses_no_record(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    code = "import os; os.read(os.open('go', os.O_RDONLY), 1); print('done')"
    job, other = make_job(tmp_path, "a", *python(code)), make_job(tmp_path, "b", "sleep", "1000")
    with runner(tmp_path, job, other) as run:
        run.process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, run.process.pid, os.WSTOPPED)
        (tmp_path / "go").write_text("x")
        wait_until(lambda: read_record(job.record))
        run.process.kill()
        wait_gone(run.guard, 10)
    assert (record_of(job)["exit"], record_of(job)["stopped"]) == (0, None)
    assert record_of(other)["stopped"] == "orphaned"


# ── several of them ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", [DAEMON, NAMELESS], ids=["daemon", "nameless"])
def test_what_runner_and_guard_left_behind_is_ended(tmp_path: Path, code: str) -> None:
    """Killed in the same moment: the watchdog ends what falls to it, and holds the lock until then (promise 14)."""
    job, other = make_job(tmp_path, "a", *python(code)), make_job(tmp_path, "b", "sleep", "1000")
    with runner(tmp_path, job, other) as run:
        wait_until(lambda: read_pid(tmp_path / "left"))
        run.kill(run.guard)
        assert is_locked(tmp_path) or code is NAMELESS, "what listens to SIGTERM may be gone already"
        for pid in (*run.agents, read_pid(tmp_path / "left"), run.watchdog):
            wait_gone(pid, 10)
    assert not is_locked(tmp_path)


def test_what_a_frozen_guard_does_not_end_is_ended(tmp_path: Path) -> None:
    """A guard that is stopped when the runner dies; it is woken up to write what it knows, and holds no lock after."""
    job = make_job(tmp_path, "a", *python(DAEMON))
    with runner(tmp_path, job) as run:
        wait_until(lambda: read_pid(tmp_path / "left"))
        os.kill(run.guard, signal.SIGSTOP)
        run.kill()
        for pid in (*run.agents, read_pid(tmp_path / "left")):
            wait_gone(pid, 10)
        wait_gone(run.watchdog, 10)
    assert not is_locked(tmp_path)
    assert (record_of(job)["signal"], record_of(job)["stopped"]) == (9, "orphaned")


def test_a_run_goes_on_without_a_watchdog(tmp_path: Path) -> None:
    """Whoever kills it takes the second net away, and nothing else."""
    job = make_job(tmp_path, "a", *python(DAEMON))
    with runner(tmp_path, job) as run:
        wait_until(lambda: read_pid(tmp_path / "left"))
        os.kill(run.watchdog, signal.SIGKILL)
        wait_gone(run.watchdog)
        assert all(map(is_alive, run.agents))
        run.kill()
        for pid in (*run.agents, read_pid(tmp_path / "left"), run.guard):
            wait_gone(pid, 10)
    assert record_of(job)["stopped"] == "orphaned"


async def test_a_guard_killed_with_its_watchdog_takes_its_agents_along(tmp_path: Path) -> None:
    executor = LocalExecutor()
    job = make_job(tmp_path, "a", *python(DAEMON))
    async with executor.opened():
        executor.start(job)
        pids = await until_started(executor, 1)
        await until(lambda: read_pid(tmp_path / "left"))
        kill_together(watchdog_of(os.getpid()), guard_of(os.getpid()))
        await lose_guard(executor, 1)
        assert not any(map(is_alive, [*pids.values(), read_pid(tmp_path / "left")]))
    assert record_of(job)["stopped"] == "orphaned"


@pytest.mark.parametrize("spelled", ["", "link"])
def test_a_sweep_ends_what_all_three_left_behind(tmp_path: Path, spelled: str) -> None:
    """Also when the dead run was given the directory by another name."""
    (tmp_path / "link").symlink_to(tmp_path)
    directory = str(tmp_path / spelled)
    job = make_job(tmp_path, "a", *python(DAEMON))
    spared = make_job(tmp_path, "b", "sleep", "1000", env={"ORCHESTRATOR_RUN_ID": "run-2"})
    stranger = make_job(tmp_path, "c", "sleep", "1000", env={"ORCHESTRATOR_DIR": "/elsewhere"})
    with runner(tmp_path, job, spared, stranger) as run:
        wait_until(lambda: read_pid(tmp_path / "left"))
        run.kill(run.guard, run.watchdog)
        wait_gone(run.guard)
        left = read_pid(tmp_path / "left")
        try:
            assert all(map(is_alive, [*run.agents, left]))
            ended = sweep(directory, spare={"run-2"})
            assert {one.pid for one in ended} == {run.agents[0], left}
            assert {(one.run, one.task, one.attempt) for one in ended} == {("run-1", "a", "1")}
            assert [is_alive(pid) for pid in (*run.agents, left)] == [False, True, True, False]
            assert sweep(directory, spare={"run-2"}) == []
        finally:
            for pid in run.agents[1:]:
                os.kill(pid, signal.SIGKILL)


async def test_this_system_must_be_posix(monkeypatch: pytest.MonkeyPatch) -> None:
    executor: Executor = LocalExecutor()
    with monkeypatch.context() as patch:
        patch.setattr("orchestrator.executors.local.os.name", "nt")
        with pytest.raises(ExecutorError, match="cannot be run on this system"):
            async with executor.opened():
                pass
    assert await collect(executor, 0) == {}
