"""Jobs, and ways to wait for what became of them."""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio

from orchestrator.core.result import ProcessExit
from orchestrator.executors.exit_record import read_record
from orchestrator.executors.protocol import Done, Executor, Job, ProcessStarted
from tests.patience import PATIENCE

#: Seconds until nothing of a run that was stopped or killed may live any more (promise 14).
LINGERING = 10.0


def python(code: str) -> tuple[str, ...]:
    """A program that starts quickly."""
    return (sys.executable, "-I", "-S", "-c", code)


def sh(code: str) -> tuple[str, ...]:
    return ("/bin/sh", "-c", code)


def make_job(where: Path, key: str, *argv: str, **more: Any) -> Job:
    """A job whose files lie in *where*, marked as those of a run are."""
    env: Mapping[str, str] = {
        "ORCHESTRATOR_RUN_ID": "run-1",
        "ORCHESTRATOR_TASK_ID": key,
        "ORCHESTRATOR_ATTEMPT": "1",
        "ORCHESTRATOR_DIR": str(where),
        **more.pop("env", {}),
    }
    files = {
        "stdout": str(where / f"{key}.stdout"),
        "stderr": str(where / f"{key}.stderr"),
        "record": str(where / f"{key}.json"),
    }
    return Job(key=key, argv=argv, env=env, **{**files, "cwd": str(where), **more})


async def collect(executor: Executor, count: int) -> dict[str, ProcessExit]:
    """Read news until *count* jobs are done; each may be done only once, and started only before."""
    done: dict[str, ProcessExit] = {}
    with anyio.fail_after(PATIENCE):
        if count:
            async for batch in executor.news():
                for news in batch:
                    assert news.key not in done
                    if isinstance(news, Done):
                        done[news.key] = news.exit
                if len(done) >= count:
                    break
    return done


async def until_started(executor: Executor, count: int) -> dict[str, int]:
    """Read news until *count* processes run."""
    pids: dict[str, int] = {}
    with anyio.fail_after(PATIENCE):
        async for batch in executor.news():
            for news in batch:
                assert isinstance(news, ProcessStarted), news
                pids[news.key] = news.pid
            if len(pids) >= count:
                break
    return pids


async def run(executor: Executor, *jobs: Job) -> dict[str, ProcessExit]:
    """Open, run the jobs to their ends, close."""
    async with executor.opened():
        for job in jobs:
            executor.start(job)
        return await collect(executor, len(jobs))


def is_alive(pid: int) -> bool:
    """Whether a process lives; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def watchdog_of(runner: int) -> int:
    """The parent of the guard that a runner started; 0 while, or when, there is none."""
    return _forked_for_the_guard(runner)


def guard_of(runner: int) -> int:
    """The guard that a runner started; 0 while, or when, there is none."""
    return _forked_for_the_guard(_forked_for_the_guard(runner))


def _forked_for_the_guard(parent: int) -> int:
    # Watchdog and guard have the same command line: one is a fork of the other.
    try:
        children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        found = [
            child for child in map(int, children) if b"executors.guard" in Path(f"/proc/{child}/cmdline").read_bytes()
        ]
    except OSError:
        return 0
    return found[0] if found else 0


def kill_together(*pids: int) -> None:
    """Kill several processes in the same moment: none of them can act between the blows."""
    assert all(pid > 0 for pid in pids), "0 would be all of us"
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            os.kill(pid, number)


def wait_gone(pid: int, seconds: float = PATIENCE) -> None:
    """Wait until a process has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    happened = poll.poll(seconds * 1000)
    os.close(fd)
    assert happened, f"process {pid} still runs"


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait for something that no descriptor tells."""
    end, never = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        never.wait(0.005)


async def until(condition: Callable[[], object]) -> None:
    """The same, while other tasks go on."""
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110  # another process makes it true
            await anyio.sleep(0.005)


def record_of(job: Job) -> dict[str, Any]:
    record = read_record(job.record)
    assert record is not None, job.record
    return record


def read_pid(path: Path) -> int:
    """The pid that a program wrote; 0 before."""
    text = path.read_text() if path.exists() else ""
    return int(text) if text.endswith("\n") else 0


#: Leaves a process behind, as ``options`` say, whose pid is in the file ``left`` before the program goes on.
LEAVE = """
import os, signal, sys
def leave(*options):
    r, w = os.pipe()
    if os.fork():
        os.close(w)
        os.read(r, 1)
        return
    if "session" in options:
        os.setsid()
    if "orphan" in options and os.fork():
        os._exit(0)
    if "stubborn" in options:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with open("left", "w") as file:
        file.write(f"{os.getpid()}\\n")
    if "nameless" in options:
        os.execve("/bin/sleep", ["sleep", "1000"], {})
    os.close(w)
    while True:
        signal.pause()
"""
