"""The guard dies, the runner dies, the runner freezes: nothing is left and nothing is lost."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from orchestrator.core.result import StopReason
from orchestrator.errors import ExecutorError
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.protocol import Done, Executor, Job
from orchestrator.executors.record import read_record
from orchestrator.executors.sweep import sweep
from tests.executors.harness import (
    LEAVE,
    collect,
    is_alive,
    make_job,
    python,
    read_pid,
    record_of,
    until,
    until_started,
    wait_gone,
    wait_until,
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
        assert executor._guard is not None
        os.kill(executor._guard.pid, signal.SIGKILL)
        done = await lose_guard(executor, 2)
        assert not any(map(is_alive, [*pids.values(), read_pid(tmp_path / "left")]))
        assert {one.exit.stopped for one in done.values()} == {StopReason.ORPHANED}
        assert {one.exit.error for one in done.values()} == {"the guard died"}
        assert record_of(job)["stopped"] == record_of(other)["stopped"] == "orphaned"
        # Whoever starts more is answered, then told again.
        executor.start(make_job(tmp_path, "late", "true"))
        await lose_guard(executor, 1)
    # Reaped, the guard as well as the agents that fell to us.
    for pid in (executor._guard.pid, *pids.values()):
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222  # does not wait


async def test_what_a_dead_guard_had_recorded_counts(tmp_path: Path) -> None:
    executor = LocalExecutor()
    job = make_job(tmp_path, "a", "true")
    async with executor.opened():
        executor.start(job)
        assert executor._guard is not None
        await until(lambda: read_record(job.record))
        os.kill(executor._guard.pid, signal.SIGKILL)
        # Its last words are still in the socket, so make us deaf to them.
        wait_gone(executor._guard.pid)
        assert executor._socket is not None
        executor._socket.recv(65536)
        done = await lose_guard(executor, 1)
    assert (done["a"].exit.code, done["a"].exit.stopped) == (0, None)


async def test_a_guard_that_fails_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", *python(DAEMON)))
        await until(lambda: read_pid(tmp_path / "left"))
        executor._send({"start": {}})
        with pytest.raises(ExecutorError, match="KeyError"):
            await collect(executor, 2)
        assert not is_alive(read_pid(tmp_path / "left"))


async def test_a_stuck_guard_is_killed_on_leaving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.executors.local.GRACE", 0.1)
    monkeypatch.setattr("orchestrator.executors.local.PATIENCE", 0.1)
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", "sleep", "1000"))
        pid = (await until_started(executor, 1))["a"]
        assert executor._guard is not None
        os.kill(executor._guard.pid, signal.SIGSTOP)
    assert not is_alive(pid)


def test_the_guard_imports_little() -> None:
    code = (
        "import sys; sys.path.append('.'); import orchestrator.executors.guard; "
        "print(*sorted(name for name in sys.modules if name.startswith('orchestrator')), "
        "*({'subprocess', 'typing', 'dataclasses', 'asyncio', 'pathlib'} & set(sys.modules)))"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    room = "orchestrator.executors"
    modules = ["guard", "procfs", "record", "spawn", "trees"]
    assert answer.stdout.split() == ["orchestrator", room, *(f"{room}.{name}" for name in modules)]


# ── the runner ────────────────────────────────────────────────────────────────────────────────────────────────────

RUNNER = """
import fcntl, json, sys
import anyio
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.protocol import Job, Started

async def main(lock, jobs):
    executor = LocalExecutor(keep_fds=[lock.fileno()])
    async with executor.opened():
        for job in jobs:
            executor.start(Job(**job))
        print(executor._guard.pid, flush=True)
        async for batch in executor.news():
            for news in batch:
                if isinstance(news, Started):
                    print(news.pid, flush=True)

with open(sys.argv[1], "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    anyio.run(main, lock, json.loads(sys.argv[2]))
"""


@contextmanager
def runner(where: Path, *jobs: Job) -> Iterator[tuple[subprocess.Popen[str], int, list[int]]]:
    """A run of its own, its guard, and its agents, once all of them run."""
    plain = [{**job._asdict(), "env": dict(job.env), "facts": dict(job.facts)} for job in jobs]
    text = json.dumps(plain)
    process = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(where / "lock"), text], stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        guard, *agents = [int(process.stdout.readline()) for _ in range(len(jobs) + 1)]
        try:
            yield process, guard, agents
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
    with runner(tmp_path, job, other) as (process, guard, agents):
        wait_until(lambda: read_pid(tmp_path / "left"))
        os.kill(guard, signal.SIGTERM)  # it does not listen
        process.kill()
        process.wait()
        assert is_locked(tmp_path)
        for pid in (*agents, read_pid(tmp_path / "left"), guard):
            wait_gone(pid, 10)
    assert not is_locked(tmp_path)
    assert record_of(job)["stopped"] == record_of(other)["stopped"] == "orphaned"
    assert record_of(other)["signal"] == 15


def test_a_frozen_runner_loses_no_record(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")
    code = "import os; os.read(os.open('go', os.O_RDONLY), 1); print('done')"
    job, other = make_job(tmp_path, "a", *python(code)), make_job(tmp_path, "b", "sleep", "1000")
    with runner(tmp_path, job, other) as (process, guard, _):
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        (tmp_path / "go").write_text("x")
        wait_until(lambda: read_record(job.record))
        process.kill()
        wait_gone(guard, 10)
    assert (record_of(job)["exit"], record_of(job)["stopped"]) == (0, None)
    assert record_of(other)["stopped"] == "orphaned"


# ── both ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_sweep_ends_what_both_left_behind(tmp_path: Path) -> None:
    job = make_job(tmp_path, "a", *python(DAEMON))
    spared = make_job(tmp_path, "b", "sleep", "1000", env={"ORCHESTRATOR_RUN_ID": "run-2"})
    stranger = make_job(tmp_path, "c", "sleep", "1000", env={"ORCHESTRATOR_DIR": "/elsewhere"})
    with runner(tmp_path, job, spared, stranger) as (process, guard, agents):
        wait_until(lambda: read_pid(tmp_path / "left"))
        os.kill(guard, signal.SIGSTOP)  # so that it cannot act between the two
        process.kill()
        process.wait()
        os.kill(guard, signal.SIGKILL)
        wait_gone(guard)
        left = read_pid(tmp_path / "left")
        try:
            assert all(map(is_alive, [*agents, left]))
            ended = sweep(str(tmp_path), spare={"run-2"})
            assert {one.pid for one in ended} == {agents[0], left}
            assert {(one.run, one.task, one.attempt) for one in ended} == {("run-1", "a", "1")}
            assert [is_alive(pid) for pid in (*agents, left)] == [False, True, True, False]
            assert sweep(str(tmp_path), spare={"run-2"}) == []
        finally:
            for pid in agents[1:]:
                os.kill(pid, signal.SIGKILL)


def test_a_sweep_spares_ourselves_and_our_ancestors(tmp_path: Path) -> None:
    code = "from orchestrator.executors.sweep import sweep; print(sweep('/plan'))"
    mine = {**os.environ, "ORCHESTRATOR_DIR": "/plan", "ORCHESTRATOR_RUN_ID": "run-1"}
    shell = f'{sys.executable} -c "{code}"; echo alive'
    answer = subprocess.run(["sh", "-c", shell], env=mine, capture_output=True, text=True)
    assert answer.stdout == "[]\nalive\n"


async def test_this_system_must_be_posix(monkeypatch: pytest.MonkeyPatch) -> None:
    executor: Executor = LocalExecutor()
    with monkeypatch.context() as patch:
        patch.setattr("orchestrator.executors.local.os.name", "nt")
        with pytest.raises(ExecutorError, match="cannot be run on this system"):
            async with executor.opened():
                pass
    assert await collect(executor, 0) == {}
