"""How the trees of attempts are ended, whatever they do about it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import anyio
import pytest

from orchestrator.core.result import StopReason
from orchestrator.executors import local, process_tree
from orchestrator.executors.local import LocalExecutor
from tests.executors.harness import LEAVE, collect, is_alive, make_job, python, read_pid, run, until, until_started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


async def test_a_cancelled_run_ends_everything_too(tmp_path: Path) -> None:
    executor = LocalExecutor()
    job = make_job(tmp_path, "a", "sleep", "1000")
    with anyio.CancelScope() as scope:
        async with executor.opened(), anyio.create_task_group() as tasks:
            for number in range(300):  # more than the socket takes
                executor.start(make_job(tmp_path, f"a{number}", "sleep", "1000"))
            executor.start(job)
            tasks.start_soon(until_started, executor, 301)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
    assert not _marked(tmp_path)
    started = sorted(tmp_path.glob("*.stdout"))
    assert started
    assert all(path.with_suffix(".json").exists() for path in started)


async def test_a_stubborn_process_is_killed_after_its_grace(tmp_path: Path) -> None:
    code = (
        "import signal; signal.signal(15, lambda *_: print('told', flush=True))\n"
        "print('up', flush=True)\nwhile True: signal.pause()"
    )
    executor = LocalExecutor()
    job = make_job(tmp_path, "a", *python(code))
    async with executor.opened():
        executor.start(job)
        await until_started(executor, 1)
        await until(lambda: Path(job.stdout).read_text() == "up\n")
        executor.stop("a", StopReason.TIMEOUT, 1000)
        await until(lambda: Path(job.stdout).read_text() == "up\ntold\n")
        executor.stop("a", StopReason.SHUTDOWN, 0.1)  # shortens it, but does not rewrite why
        done = await collect(executor, 1)
    assert (done["a"].signal, done["a"].stopped) == (signal.SIGKILL, StopReason.TIMEOUT)
    assert Path(job.stdout).read_text() == "up\ntold\n"


async def test_a_stopped_process_hears_the_signal_too(tmp_path: Path) -> None:
    code = (
        "import os, signal, sys; signal.signal(15, lambda *_: sys.exit(7))\n"
        "os.kill(os.getpid(), signal.SIGSTOP); signal.pause()"
    )
    executor = LocalExecutor()
    job = make_job(tmp_path, "a", *python(code))
    async with executor.opened():
        executor.start(job)
        pid = (await until_started(executor, 1))["a"]
        await until(lambda: " T " in Path(f"/proc/{pid}/stat").read_text())
        executor.stop("a", StopReason.TIMEOUT, 1000)
        done = await collect(executor, 1)
    assert (done["a"].code, done["a"].stopped) == (7, StopReason.TIMEOUT)


LEFT_BEHIND = {
    "background": (),
    "session": ("session",),
    "daemon": ("session", "orphan"),
    "nameless": ("nameless",),
    "nameless daemon": ("session", "orphan", "nameless"),
    "stubborn daemon": ("session", "orphan", "stubborn"),
}


@pytest.mark.parametrize("options", LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
async def test_what_an_agent_leaves_behind_ends_with_it(tmp_path: Path, options: tuple[str, ...]) -> None:
    job = make_job(tmp_path, "a", *python(f"{LEAVE}\nleave(*{options})\nsys.exit(4)"))
    before = time.monotonic()
    done = await run(LocalExecutor(), job)
    left = read_pid(tmp_path / "left")
    assert left
    assert not is_alive(left)
    assert (done["a"].code, done["a"].stopped) == (4, None)
    # That of the agent, not of what had to be waited for.
    waited = process_tree.GRACE if "stubborn" in options else 0.0
    assert 0 < done["a"].duration < time.monotonic() - before - waited


@pytest.mark.parametrize("options", LEFT_BEHIND.values(), ids=LEFT_BEHIND.keys())
async def test_stop_reaches_the_whole_tree(tmp_path: Path, options: tuple[str, ...]) -> None:
    executor = LocalExecutor()
    code = f"{LEAVE}\nleave(*{options})\nsignal.pause()"
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", *python(code)))
        await until(lambda: read_pid(tmp_path / "left"))
        executor.stop("a", StopReason.TIMEOUT, 0.2)
        done = await collect(executor, 1)
        left = read_pid(tmp_path / "left")
        assert not is_alive(left)
    assert done["a"].stopped is StopReason.TIMEOUT


async def test_the_orphans_of_others_are_left_alone(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    code = f"{LEAVE}\nleave('session', 'orphan')\nos.read(os.open('go', os.O_RDONLY), 1)"
    for where in (one, two):
        where.mkdir()
        os.mkfifo(where / "go")
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(one, "one", *python(code)))
        executor.start(make_job(two, "two", *python(code)))
        await until(lambda: read_pid(one / "left") and read_pid(two / "left"))
        left = (read_pid(one / "left"), read_pid(two / "left"))
        await until(lambda: _write(one / "go"))
        await collect(executor, 1)
        assert [is_alive(pid) for pid in left] == [False, True]
        await until(lambda: _write(two / "go"))
        await collect(executor, 1)
        assert [is_alive(pid) for pid in left] == [False, False]


async def test_who_hides_its_origin_ends_with_the_last_attempt(tmp_path: Path) -> None:
    code = f"{LEAVE}\nleave('session', 'orphan', 'nameless')"
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", "sleep", "1000"))
        await until_started(executor, 1)
        executor.start(make_job(tmp_path, "b", *python(code)))
        await collect(executor, 1)
        left = read_pid(tmp_path / "left")
        assert is_alive(left)  # it might be of the other one
        executor.stop("a", StopReason.TIMEOUT, 5)
        await collect(executor, 1)
        assert not is_alive(left)


def _write(pipe: Path) -> bool:
    """Write a line into a pipe that somebody reads."""
    try:
        fd = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    os.write(fd, b"\n")
    os.close(fd)
    return True


async def test_a_fork_storm_ends(tmp_path: Path) -> None:
    # Every process of it forks for as long as it may, each into a session of its own.
    code = (
        "import os, signal\nfd = os.open('up', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
        "for _ in range(60):\n"
        "    if os.fork() == 0: os.setsid(); signal.signal(15, signal.SIG_IGN); os.write(fd, b'x')\n"
        "    if os.fstat(fd).st_size > 100: break\n"
        "while True: signal.pause()"
    )
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "storm", *python(code)))
        await until((tmp_path / "up").exists)
        executor.stop("storm", StopReason.TIMEOUT, 0.1)
        await collect(executor, 1)
    assert not _marked(tmp_path)


def _marked(where: Path) -> list[str]:
    """Living processes with the mark of a directory."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"ORCHESTRATOR_DIR={where}".encode() in path.read_bytes().split(b"\0"):
                found.append(path.parent.name)
        except OSError:
            continue
    return found


# ── systems without /proc ─────────────────────────────────────────────────────────────────────────────────────────


async def test_process_groups_do_where_proc_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, last = local.BOOTSTRAP.split("from orchestrator", 1)
    elsewhere = f"{first}sys.platform = 'darwin'; from orchestrator{last}"
    monkeypatch.setattr(local, "BOOTSTRAP", elsewhere)
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", *python(f"{LEAVE}\nleave('stubborn')\nsys.exit(4)")))
        executor.start(make_job(tmp_path, "b", "sleep", "1000"))
        executor.start(make_job(tmp_path, "c", "missing"))
        await until(lambda: read_pid(tmp_path / "left"))
        executor.stop("b", StopReason.TIMEOUT, 5)
        done = await collect(executor, 3)
        assert (done["a"].code, done["b"].signal) == (4, 15)
        assert "No such file" in done["c"].error
        assert not is_alive(read_pid(tmp_path / "left"))
        executor.start(make_job(tmp_path, "d", "sleep", "1000"))
        pid = (await until_started(executor, 1))["d"]
    assert not is_alive(pid)
