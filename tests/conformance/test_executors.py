"""What every executor does, the fakes included."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from orchestrator.core.result import ProcessExit, StopReason
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.protocol import Executor, Job
from tests.executors.harness import collect, make_job, record_of, run, sh, until_started
from tests.fakes.executor import FakeExecutor, Play

HELLO = sh("echo hello")
FAILS = sh("exit 3")
LASTS = sh("exec sleep 1000")
MISSING = ("no-such-program",)

PLAYS = {
    HELLO: Play(output="hello\n"),
    FAILS: Play(exit=ProcessExit(code=3)),
    LASTS: Play(lasts=True),
    MISSING: Play(exit=ProcessExit(error="cannot start 'no-such-program': No such file or directory")),
}


Make = Callable[[], Executor]

PLUGS: dict[str, Make] = {"fake": lambda: FakeExecutor(lambda job: PLAYS[job.argv]), "local": LocalExecutor}
if sys.platform == "win32":
    del PLUGS["local"]

every_plug = pytest.mark.parametrize("make", PLUGS.values(), ids=PLUGS.keys())


def inline(where: Path, key: str, output: str = "") -> Job:
    return make_job(where, key, output=output)


@every_plug
async def test_a_job_without_a_process_prints_its_output(make: Make, tmp_path: Path) -> None:
    job = inline(tmp_path, "a", "# Answer\n\nÄ\ud800\n")
    done = await run(make(), job)
    assert done["a"].code == 0
    assert Path(job.stdout).read_text(encoding="utf-8") == "# Answer\n\nÄ?\n"
    assert Path(job.stderr).read_bytes() == b""


@every_plug
async def test_every_start_is_answered_by_one_done(make: Make, tmp_path: Path) -> None:
    jobs = [inline(tmp_path, f"i{number}") for number in range(20)]
    for number, argv in enumerate([HELLO, FAILS, MISSING] * 5):
        jobs.append(make_job(tmp_path, f"p{number}", *argv))
    executor = make()
    async with executor.opened():
        for job in jobs:
            executor.start(job)
        done = await collect(executor, len(jobs))
        assert done.keys() == {job.key for job in jobs}
        # Nothing comes after the last one.
        with anyio.move_on_after(0.05) as scope:
            async for batch in executor.news():
                pytest.fail(f"more news: {batch}")
        assert scope.cancelled_caught


@every_plug
async def test_the_record_is_written_before_done_and_says_the_same(make: Make, tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, "inline", output="x", facts={"task": "T-01"})]
    for key, argv in {"hello": HELLO, "fails": FAILS, "missing": MISSING}.items():
        jobs.append(make_job(tmp_path, key, *argv, facts={"task": "T-01"}))
    for key, done in (await run(make(), *jobs)).items():
        record = record_of(next(job for job in jobs if job.key == key))
        assert ProcessExit.of_record(record) == done
        assert record["schema"] == 1
        assert record["key"] == key
        assert record["task"] == "T-01"
    assert not list(tmp_path.glob("*.tmp"))


@every_plug
async def test_an_output_that_cannot_be_written_is_an_error_of_the_job(make: Make, tmp_path: Path) -> None:
    job = make_job(tmp_path, "a", output="x", stdout=str(tmp_path / "missing/too/a"))
    done = await run(make(), job)
    assert "missing/too" in done["a"].error
    assert "No such file" in done["a"].error
    assert done["a"].code is None


@every_plug
async def test_a_record_that_cannot_be_written_is_said(make: Make, tmp_path: Path) -> None:
    jobs = [
        make_job(tmp_path, "a", record=str(tmp_path / "missing/too/a.json")),
        make_job(tmp_path, "b", *HELLO, record=str(tmp_path / "missing/too/b.json")),
    ]
    for done in (await run(make(), *jobs)).values():
        assert done.code == 0
        assert "cannot write the record" in done.error


@every_plug
async def test_leaving_ends_the_news(make: Make, tmp_path: Path) -> None:
    executor = make()
    ended = anyio.Event()

    async def read() -> None:
        async for _ in executor.news():
            pass
        ended.set()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            async with executor.opened():
                tasks.start_soon(read)
                await anyio.wait_all_tasks_blocked()
            await ended.wait()


@every_plug
async def test_news_comes_to_whoever_waits_already(make: Make, tmp_path: Path) -> None:
    executor = make()
    async with executor.opened(), anyio.create_task_group() as tasks:
        tasks.start_soon(collect, executor, 1)
        await anyio.wait_all_tasks_blocked()
        executor.start(inline(tmp_path, "a"))


@every_plug
async def test_stopping_what_is_over_or_unknown_is_no_error(make: Make, tmp_path: Path) -> None:
    executor = make()
    async with executor.opened():
        executor.stop("unknown", StopReason.TIMEOUT, 1)
        executor.start(inline(tmp_path, "a"))
        done = await collect(executor, 1)
        executor.stop("a", StopReason.TIMEOUT, 1)
        executor.start(inline(tmp_path, "b"))
        done |= await collect(executor, 1)
    assert [one.stopped for one in done.values()] == [None, None]


@every_plug
async def test_output_and_exit_status(make: Make, tmp_path: Path) -> None:
    jobs = [make_job(tmp_path, "a", *HELLO), make_job(tmp_path, "b", *FAILS)]
    done = await run(make(), *jobs)
    assert (done["a"].code, done["b"].code) == (0, 3)
    assert Path(jobs[0].stdout).read_text() == "hello\n"
    assert 0 < done["a"].started <= done["a"].ended
    assert done["a"].stopped is None


@every_plug
async def test_what_cannot_be_started_says_why(make: Make, tmp_path: Path) -> None:
    done = await run(make(), make_job(tmp_path, "a", *MISSING))
    assert done["a"].error == "cannot start 'no-such-program': No such file or directory"
    assert done["a"].code is None
    assert not done["a"].pid


@every_plug
async def test_stop_says_who_ended_it(make: Make, tmp_path: Path) -> None:
    executor = make()
    async with executor.opened():
        executor.start(make_job(tmp_path, "a", *LASTS))
        executor.start(make_job(tmp_path, "b", *LASTS))
        pids = await until_started(executor, 2)
        assert len(set(pids.values())) == 2
        executor.stop("a", StopReason.TIMEOUT, 5)
        done = await collect(executor, 1)
        executor.stop("b", StopReason.SHUTDOWN, 5)
        done |= await collect(executor, 1)
    assert (done["a"].stopped, done["a"].signal) == (StopReason.TIMEOUT, 15)
    assert (done["b"].stopped, done["b"].signal) == (StopReason.SHUTDOWN, 15)


@every_plug
async def test_leaving_ends_what_runs_and_records_it(make: Make, tmp_path: Path) -> None:
    executor = make()
    job = make_job(tmp_path, "a", *LASTS)
    async with executor.opened():
        executor.start(job)
        await until_started(executor, 1)
    assert record_of(job)["stopped"] == "shutdown"
