"""Real processes: what they get and what is recorded of them."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
from pathlib import Path

import pytest

from orchestrator.core.result import StopReason
from orchestrator.errors import ExecutorError
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.protocol import Executor, Job
from tests.executors.harness import (
    collect,
    guard_of,
    is_alive,
    make_job,
    python,
    record_of,
    run,
    sh,
    until_started,
    watchdog_of,
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


# ── what a process gets ───────────────────────────────────────────────────────────────────────────────────────────


async def test_stdin_is_the_file_and_then_over(tmp_path: Path) -> None:
    (tmp_path / "prompt").write_text("do it\n")
    job = make_job(tmp_path, "a", "cat", stdin=str(tmp_path / "prompt"))
    nothing = make_job(tmp_path, "b", "cat")
    done = await run(LocalExecutor(), job, nothing)
    assert Path(job.stdout).read_text() == "do it\n"
    assert (done["b"].code, Path(nothing.stdout).read_text()) == (0, "")


async def test_environment_is_ours_with_additions_and_removals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEPT", "REMOVED", "REPLACED"):
        monkeypatch.setenv(name, "ours")
    job = make_job(tmp_path, "a", "env", "-0", env={"REPLACED": "new\n=ä\udcff"}, unset=("REMOVED",))
    await run(LocalExecutor(), job)
    entries = Path(job.stdout).read_bytes().split(b"\0")
    assert b"KEPT=ours" in entries
    assert "REPLACED=new\n=ä".encode() + b"\xff" in entries
    assert not any(entry.startswith(b"REMOVED=") for entry in entries)
    assert b"ORCHESTRATOR_TASK_ID=a" in entries


async def test_only_what_is_named_is_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly or by its beginning; what is taken away by name goes before, what is added comes in any case."""
    monkeypatch.delenv("LC_CTYPE", raising=False)  # a Python without a locale sets it for itself
    for name in ("LC_ALL", "LC_GONE", "LCD", "SECRET", "KEPT", "KEPT_TOO"):
        monkeypatch.setenv(name, "ours")
    keep = ("LC_*", "KEPT", "ABSENT")
    clean = make_job(tmp_path, "a", "/usr/bin/env", keep=keep, unset=("LC_G*",), env={"ADDED": "1"})
    whole = make_job(tmp_path, "b", "/usr/bin/env")
    await run(LocalExecutor(), clean, whole)
    names = {line.partition("=")[0] for line in Path(clean.stdout).read_text().splitlines()}
    added = {"ADDED"} | {name for name in clean.env if name.startswith("ORCHESTRATOR_")}
    assert {"LC_ALL", "KEPT"} | added == names
    assert "\nSECRET=ours\n" in Path(whole.stdout).read_text()


async def test_nothing_of_ours_is_inherited(tmp_path: Path) -> None:
    code = (
        "import os, signal; print(os.getsid(0) == os.getpid(), os.listdir('/proc/self/fd'), "
        "signal.pthread_sigmask(signal.SIG_BLOCK, ()))"
    )
    with (tmp_path / "lock").open("w") as lock:
        os.set_inheritable(lock.fileno(), True)
        # Python would ignore SIGPIPE for itself again; `grep` does not.
        job = make_job(tmp_path, "a", *python(code))
        shell = make_job(tmp_path, "b", "grep", "SigIgn", "/proc/self/status")
        await run(LocalExecutor(keep_fds=[lock.fileno()]), job, shell)
    assert Path(job.stdout).read_text() == "True ['0', '1', '2', '3'] set()\n"
    ignored = int(Path(shell.stdout).read_text().split()[1], 16)
    assert not ignored & (1 << 31) - 1


async def test_programs_come_from_absolute_directories_of_path_only(tmp_path: Path) -> None:
    (tmp_path / "trap").write_text("#!/bin/sh\necho trapped\n")
    (tmp_path / "trap").chmod(0o755)
    jobs = [
        make_job(tmp_path, f"a{number}", "trap", env={"PATH": path})
        for number, path in enumerate(("", ".", ":/bin", "/bin:", "/bin"))
    ]
    found = make_job(tmp_path, "found", "trap", env={"PATH": f".:{tmp_path}"})
    done = await run(LocalExecutor(), *jobs, found)
    assert {done[job.key].error for job in jobs} == {"cannot start 'trap': No such file or directory"}
    assert done["found"].code == 0


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"cwd": "/missing"}, "cannot start in '/missing': No such file or directory"),
        ({"stdin": "/missing"}, "cannot open '/missing': No such file or directory"),
        ({"env": {"BIG": "x" * 3_000_000}}, "cannot start '/bin/true': Argument list too long"),
        ({"env": {"A": "a\0b"}}, "embedded null byte"),
        ({"env": {"A=B": "c"}}, "illegal environment variable name"),
        ({"env": {"A": "\ud800"}}, "surrogates not allowed"),
        ({"cwd": "\0"}, "embedded null "),  # "byte"; "character in path" from 3.13 on
        ({"stdout": "/"}, "Is a directory"),
    ],
    ids=["cwd", "stdin", "big", "nul", "name", "half", "nul-cwd", "stdout"],
)
async def test_what_cannot_be_started(tmp_path: Path, more: dict[str, object], error: str) -> None:
    bad, good = make_job(tmp_path, "bad", "/bin/true", **more), make_job(tmp_path, "good", "true")
    done = await run(LocalExecutor(), bad, good)
    assert error in done["bad"].error
    assert error in record_of(bad)["error"]
    assert done["good"].code == 0


async def test_programs_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n")
    (tmp_path / "odd").write_text("#!/missing/interpreter\n")
    (tmp_path / "odd").chmod(0o755)
    path = {"PATH": f"{tmp_path}:/bin"}
    jobs = [make_job(tmp_path, name, name, env=path) for name in ("text", "odd")]
    done = await run(LocalExecutor(), *jobs)
    assert done["text"].error == "cannot start 'text': Permission denied"
    assert done["odd"].error == "cannot start 'odd': No such file or directory"


async def test_what_may_work_a_moment_later_is_told_apart(tmp_path: Path) -> None:
    """A program that is being written right now, as too little memory or too many processes; no program never works."""
    busy = tmp_path / "busy"
    shutil.copy("/bin/true", busy)
    with busy.open("r+b"):
        job = make_job(tmp_path, "a", str(busy))
        never = make_job(tmp_path, "b", "missing")
        done = await run(LocalExecutor(), job, never)
    assert f"cannot start '{busy}': Text file busy" == done["a"].error
    assert (True, False) == (done["a"].is_passing, done["b"].is_passing)
    assert record_of(job)["is_passing"]
    again = make_job(tmp_path, "c", str(busy))
    assert 0 == (await run(LocalExecutor(), again))["c"].code


async def test_logs_follow_the_umask_and_no_planted_link(tmp_path: Path) -> None:
    """What lies in the place of a log or a record is moved away: it fails nobody, and nothing is written through it."""
    (tmp_path / "precious").write_text("mine")
    (tmp_path / "linked.stdout").symlink_to(tmp_path / "precious")
    os.mkfifo(tmp_path / "pipe.stdout")
    (tmp_path / "directory.stdout").mkdir()
    (tmp_path / "directory.json").mkdir()
    keys = ("plain", "linked", "pipe", "directory")
    jobs = [make_job(tmp_path, key, *sh("echo forged")) for key in keys]
    before = os.umask(0o027)
    try:
        done = await run(LocalExecutor(), *jobs)
    finally:
        os.umask(before)
    assert (tmp_path / "precious").read_text() == "mine"
    assert (tmp_path / "linked.stdout.damaged-1").is_symlink()
    for job in jobs:
        assert ("", 0) == (done[job.key].error, record_of(job)["exit"])
        assert b"forged\n" == Path(job.stdout).read_bytes()
    assert Path(jobs[0].stdout).stat().st_mode & 0o777 == 0o640
    assert Path(jobs[0].record).stat().st_mode & 0o777 == 0o640


async def test_what_it_reads_is_a_file_and_nothing_planted(tmp_path: Path) -> None:
    """A pipe would be waited for by the guard, and by every other agent; a link shows a file of somebody else."""
    (tmp_path / "asked").write_text("what to do")
    (tmp_path / "linked").symlink_to(tmp_path / "asked")
    os.mkfifo(tmp_path / "pipe")
    jobs = [make_job(tmp_path, key, "cat", stdin=str(tmp_path / key)) for key in ("asked", "linked", "pipe")]
    done = await run(LocalExecutor(), *jobs)
    assert "what to do" == Path(jobs[0].stdout).read_text()
    assert ["cannot open"] * 2 == [done[key].error[:11] for key in ("linked", "pipe")]
    assert done["pipe"].is_ours


# ── what is recorded ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_exits_signals_and_figures(tmp_path: Path) -> None:
    code = "import os; x = bytearray(50_000_000); print('x'); os.kill(os.getpid(), 9)"
    job = make_job(tmp_path, "a", *python(code), facts={"task": "T-01", "key": "forged"})
    loud = make_job(tmp_path, "b", *sh("printf out; printf err >&2"))
    done = await run(LocalExecutor(), job, loud)
    assert (done["a"].code, done["a"].signal, done["a"].describe()) == (None, 9, "killed by signal 9")
    assert 50_000_000 < done["a"].max_rss < 100_000_000
    assert 0 < done["a"].cpu < 5
    assert 0 < done["a"].duration < 5
    record = record_of(job)
    assert (record["task"], record["key"], record["pid"]) == ("T-01", "a", done["a"].pid)
    record = record_of(loud)
    assert (record["log_bytes"], record["log_sha256"]) == (3, hashlib.sha256(b"out").hexdigest())
    assert Path(loud.stderr).read_text() == "err"
    assert json.loads(Path(job.record).read_text())["schema"] == 1


async def test_one_file_for_both_outputs(tmp_path: Path) -> None:
    both = str(tmp_path / "both")
    job = make_job(tmp_path, "a", *sh("echo 1; echo 2 >&2; echo 3"), stdout=both, stderr=both)
    await run(LocalExecutor(), job)
    assert Path(both).read_text() == "1\n2\n3\n"


async def test_a_line_of_100_megabytes_stays_out_of_memory(tmp_path: Path) -> None:
    executor = LocalExecutor()
    job = make_job(tmp_path, "a", *sh("head -c 100000000 /dev/zero | tr '\\0' x"))
    async with executor.opened():
        executor.start(job)
        await collect(executor, 1)
        status = Path(f"/proc/{guard_of(os.getpid())}/status").read_text()
    assert int(status.partition("VmHWM:")[2].split()[0]) < 60_000
    record = record_of(job)
    assert (record["log_bytes"], record["log_sha256"]) == (100_000_000, None)
    Path(job.stdout).unlink()


async def test_500_jobs_leave_nothing_open(tmp_path: Path) -> None:
    def fds(pid: int | str) -> int:
        return len(os.listdir(f"/proc/{pid}/fd"))

    ours = fds("self")
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "first", "true"))
        await collect(executor, 1)
        guard, watchdog = guard_of(os.getpid()), watchdog_of(os.getpid())
        before = fds(guard), fds(watchdog)
        # More at once than the socket takes.
        for number in range(500):
            executor.start(make_job(tmp_path, f"a{number}", "true"))
        done = await collect(executor, 500)
        assert {one.code for one in done.values()} == {0}
        assert (fds(guard), fds(watchdog)) == before
        assert Path(f"/proc/{guard}/task/{guard}/children").read_text() == ""
    assert not is_alive(guard)
    assert not is_alive(watchdog)
    assert fds("self") <= ours + 3  # the event loop keeps some


async def test_leaving_in_the_middle_of_the_news_and_again(tmp_path: Path) -> None:
    executor: Executor = LocalExecutor()
    with pytest.raises(KeyError):
        await _leave(executor, make_job(tmp_path, "a", "sleep", "1000"))
    assert record_of(make_job(tmp_path, "a"))["stopped"] == "shutdown"
    executor.start(make_job(tmp_path, "b", "true"))
    assert record_of(make_job(tmp_path, "b"))["stopped"] == "orphaned"


async def _leave(executor: Executor, job: Job) -> None:
    async with executor.opened():
        executor.start(job)
        async for _ in executor.news():
            raise KeyError


async def test_a_guard_that_does_not_hear_a_stop_counts_as_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent may have frozen it (`kill -STOP $PPID`): a timeout and Ctrl-C end everything all the same."""
    monkeypatch.setattr("orchestrator.executors.local.ANSWERS_WITHIN", 1)
    executor = LocalExecutor()
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", "sleep", "1000"))
        pid = (await until_started(executor, 1))["a"]
        guard, watchdog = guard_of(os.getpid()), watchdog_of(os.getpid())
        os.kill(guard, signal.SIGSTOP)
        executor.stop("a", StopReason.TIMEOUT, 0.0)
        with pytest.raises(ExecutorError, match="it does not answer"):
            await collect(executor, 2)
        assert not any(map(is_alive, (pid, guard, watchdog)))
