"""The system refuses a call: at every open, write, sync and rename in turn, once or for good (promise 8).

In CI a sample, drawn with the seed that is printed first; all of them with ``ORCHESTRATOR_SOAK=1``.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.reliability.faults import APPLIES, GUARD, KILLED, RUNNER, hits
from tests.reliability.soak import SOAK
from tests.reliability.trial import PLAN, Trial, try_fault

#: Trials at the same time: they mostly wait.
_AT_ONCE = 3
#: A soak is cut into tests that end within the patience of the test run.
_PARTS = 12 if SOAK else 1
#: No space, a bad disk, no permission, no descriptor, no lock.
ERRORS = tuple(error for error in APPLIES if error != KILLED)


class Injection(NamedTuple):
    """A fault without a place."""

    error: str
    at: int
    where: str
    is_for_good: bool


def injections(calls: Sequence[str], processes: Sequence[str] = (RUNNER,)) -> list[Injection]:
    """Every fault that a command with these calls can meet; without a soak, a few of each kind."""
    chosen = []
    for where in processes:
        for error in ERRORS:
            of_kind = [
                Injection(error, at, where, is_for_good)
                for at in range(1, hits(calls, error, where) + 1)
                for is_for_good in (False, True)
            ]
            chosen += of_kind if SOAK else random.sample(of_kind, min(1, len(of_kind)))
    return chosen


def try_all(
    chosen: Sequence[Injection],
    attempt: Callable[[Trial, Injection], bool],
    origin: Path,
    tmp_path: Path,
    tally: Counter[str],
) -> list[str]:
    """Try every fault on a copy of a project of its own; return everything that was wrong afterwards."""

    def one(number: int) -> tuple[bool, list[str]]:
        trial = Trial(tmp_path / str(number))
        shutil.copytree(origin, trial.project)
        has_met = attempt(trial, chosen[number])
        if not trial.wrong:
            shutil.rmtree(trial.where)
        return has_met, trial.wrong

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        tried = list(pool.map(one, range(len(chosen))))
    met = sum(has_met for has_met, _ in tried)
    assert met, "no fault was met"
    tally["faults injected"] += met
    return [each for _, wrong in tried for each in wrong]


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose plan was never run."""
    trial = Trial(tmp_path_factory.mktemp("fresh"))
    trial.prepare()
    return trial.project


@pytest.fixture(scope="module")
def broken_off(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose run was killed as the first result was to take its place: one task is over, one in the middle."""
    trial = Trial(tmp_path_factory.mktemp("broken"))
    shutil.copytree(fresh, trial.project)
    calls = trial.count("run")
    at = next(n for n, call in enumerate(calls) if "os.replace results/.agent-01" in call)
    shutil.rmtree(trial.project)
    shutil.copytree(fresh, trial.project)
    killed = trial.command("run", fault=trial.fault(KILLED, hits(calls[: at + 1], KILLED, RUNNER), RUNNER))
    trial.judge_processes()
    assert (-9, [], {"T-01"}) == (killed.returncode, trial.wrong, trial.finished() - {"T-02"})
    return trial.project


def calls_of(origin: Path, where: Path, *words: str) -> list[str]:
    """What a command calls in a copy of a project."""
    trial = Trial(where)
    shutil.copytree(origin, trial.project)
    return trial.count(*words)


@pytest.mark.parametrize("part", range(_PARTS))
@pytest.mark.parametrize("state", ["fresh", "broken_off"])
def test_a_run_meets_a_fault(
    state: str, part: int, request: pytest.FixtureRequest, tmp_path: Path, tally: Counter[str]
) -> None:
    """One clear line, status 0 or 5, nothing left running, nothing in between; the next run completes the rest."""
    origin = request.getfixturevalue(state)
    calls = calls_of(origin, tmp_path / "counted", "run")
    chosen = injections(calls, (RUNNER, GUARD))[part::_PARTS]

    def attempt(trial: Trial, meets: Injection) -> bool:
        fault = trial.fault(*meets[:3], is_for_good=meets.is_for_good)
        return try_fault(trial, fault, "run")

    assert [] == try_all(chosen, attempt, origin, tmp_path, tally)


#: Faults that once did harm: process, call, error, the exit status that is right.
_KNOWN = (
    (GUARD, "os.open+ logs/agent-01.attempt-1.out", "EMFILE", 5),
    (GUARD, "os.rename logs/agent-01.attempt-1.json.tmp", "EIO", 0),
    (RUNNER, "os.pread logs/agent-01.attempt-1.out", "EIO", 5),
    (RUNNER, "os.rename logs/agent-04.attempt-1.json.tmp", "EIO", 5),
    (RUNNER, "os.listdir agent_tasks", "EIO", 5),
    (RUNNER, "fcntl.flock run.lock", "ENOLCK", 5),
    (RUNNER, "os.pread run.lock", "EIO", 5),
)


@pytest.mark.parametrize(("where", "call", "error", "status"), _KNOWN)
def test_a_known_fault_does_no_harm(where: str, call: str, error: str, status: int, tmp_path: Path) -> None:
    """A record that the guard cannot write is written by the runner; a log that cannot be read is read later."""
    trial = Trial(tmp_path)
    trial.prepare()
    fault = trial.fault(error, 0, where, on=call)
    assert (True, []) == (try_fault(trial, fault, "run", allowed=(status,)), trial.wrong)


@pytest.mark.parametrize(
    "words",
    ["status", "status --brief", "list", "show T-01", "validate", "doctor", "wait --timeout 0", "run --dry-run"],
)
def test_a_command_that_looks_meets_a_fault(words: str, broken_off: Path, tmp_path: Path, tally: Counter[str]) -> None:
    """It answers, or says in one line what cannot be read, with status 5; caches apart, nothing is changed."""
    calls = calls_of(broken_off, tmp_path / "counted", *words.split())
    usual = Trial(tmp_path / "counted").command(*words.split()).returncode

    def attempt(trial: Trial, meets: Injection) -> bool:
        before = contents(trial.plan)
        fault = trial.fault(*meets[:3], is_for_good=meets.is_for_good)
        answer = trial.command(*words.split(), fault=fault)
        if answer.returncode == usual or words == "doctor":  # which is there to say what is wrong
            trial.expect("Traceback" not in answer.stderr, answer.stderr)
        else:
            trial.judge_answer(answer, "", (5,))
        after = contents(trial.plan)
        if meets.is_for_good:  # such a disk does not let anything be taken away again: the next run does that
            new = {name for name in after.keys() - before.keys() if name.endswith(".tmp")}
            after = {name: each for name, each in after.items() if name not in new}
        trial.expect(before == after, "it changed something")
        return trial.has_met(fault)

    chosen = injections(calls)
    assert [] == try_all(chosen if SOAK else random.sample(chosen, 2), attempt, broken_off, tmp_path, tally)


def test_a_plan_that_replaces_another_meets_a_fault(fresh: Path, tmp_path: Path, tally: Counter[str]) -> None:
    """The old plan is in place, or whole in the archive; asked again without faults, the new one is in place."""
    outline = tmp_path / "outline.md"
    outline.write_text("# New\n\n## Tasks\n\n- write a line about rivers\n- write a line about hills\n")
    words = ("plan", "--from", str(outline), "--force")
    old = {"agent_tasks/agent-02.md", "agent_tasks/agent-04.md"}
    calls = calls_of(fresh, tmp_path / "counted", *words)

    def attempt(trial: Trial, meets: Injection) -> bool:
        fault = trial.fault(*meets[:3], is_for_good=meets.is_for_good)
        answer = trial.command(*words, fault=fault)
        trial.judge_answer(answer, "", (0, 5))
        plan, archive = trial.plan / "master_plan.md", trial.plan / "archive/001"
        is_old = plan.exists() and plan.read_text().startswith(PLAN)
        home = trial.plan if is_old else archive
        # A disk that goes on to refuse does not let anything be put back: then it lies half here, half there.
        homes = [trial.plan, archive] if meets.is_for_good else [home]
        kept = {name for name in old if any((each / name).exists() for each in homes)}
        trial.expect(old == kept, f"old plan in {home}, with {kept} of {old}")
        trial.expect(is_old or (archive / "master_plan.md").read_text() == PLAN, "no old plan")
        trial.expect(is_old or answer.returncode or plan.exists(), "no new plan")
        again = trial.command(*words)
        trial.expect(again.returncode == 0 and "rivers" in plan.read_text(), again.stderr)
        left = [path.name for path in trial.plan.rglob("*") if ".tmp" in path.name]
        trial.expect(not left, f"left behind: {left}")
        return trial.has_met(fault)

    chosen = injections(calls)
    chosen = chosen if SOAK else random.sample(chosen, 4)
    assert [] == try_all(chosen, attempt, fresh, tmp_path, tally)


# ── the real thing ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Trial]:
    """A project whose plan directory is a disk of its own, of half a megabyte."""
    trial = Trial(tmp_path)
    trial.plan.mkdir(parents=True)
    mounted = mount("-t", "tmpfs", "-o", "size=512k", "tmpfs", str(trial.plan))
    if mounted.returncode:
        pytest.skip(f"mounting a small disk is not permitted: {mounted.stderr.strip()}")
    try:
        trial.prepare()
        yield trial
    finally:
        subprocess.run(["umount", "-l", str(trial.plan)], check=True)


def mount(*words: str) -> subprocess.CompletedProcess[str]:
    """Mount something, if that is permitted."""
    return subprocess.run(["mount", *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("room", range(0, 64 if SOAK else 48, 4 if SOAK else 16))
def test_a_disk_gets_full(room: int, small_disk: Trial, tally: Counter[str]) -> None:
    """With so many kilobytes left it ends somewhere in the middle; once there is room again, the rest is done."""
    ballast = small_disk.plan / "ballast"
    fill(ballast)
    with ballast.open("r+b") as file:
        file.truncate(ballast.stat().st_size - room * 1024)
    answer = small_disk.command("run")
    small_disk.judge_processes()
    # An agent, too, meets the full disk when it prints: then its attempt has failed.
    small_disk.judge_answer(answer, os.strerror(errno.ENOSPC), (0, 1, 5))
    small_disk.judge_state()
    ballast.unlink()
    small_disk.judge_rest()
    assert [] == small_disk.wrong
    tally["full disks"] += 1


def fill(path: Path) -> None:
    """Take all the room there is."""
    with path.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            return


def test_a_read_only_directory(small_disk: Trial) -> None:
    """It says so and starts nothing; looking is possible all the same."""
    remounted = mount("-o", "remount,ro", str(small_disk.plan))
    assert "" == remounted.stderr
    for words in (("run",), ("run", "--detach")):
        answer = small_disk.command(*words)
        small_disk.judge_answer(answer, f": {os.strerror(errno.EROFS)}", (5,))
        assert "[Errno" not in answer.stderr
    assert (0, 0) == (small_disk.command("status").returncode, small_disk.command("validate").returncode)
    assert "" == mount("-o", "remount,rw", str(small_disk.plan)).stderr
    assert [] == small_disk.ledger()
    small_disk.judge_rest()
    assert [] == small_disk.wrong


@pytest.mark.parametrize("limit", range(3, 24, 1 if SOAK else 5))
def test_descriptors_run_out(limit: int, tmp_path: Path, tally: Counter[str]) -> None:
    """The machine allows so few open files that it ends at once or in the middle; with more, the rest is done."""
    trial = Trial(tmp_path)
    trial.prepare()
    trial.under = ("/bin/sh", "-c", 'ulimit -n "$0" && exec "$@"', str(limit + 3))
    answer = trial.command("run")
    trial.judge_processes()
    # With too few for the interpreter itself, nothing of ours is there to say anything clear.
    if "orchestrator" in answer.stderr and "Fatal Python" not in answer.stderr:
        trial.expect("Traceback" not in answer.stderr, answer.stderr)
    trial.judge_state()
    trial.under = ()
    trial.judge_rest()
    assert [] == trial.wrong
    tally["descriptor limits"] += 1


def contents(plan: Path) -> dict[str, bytes]:
    """Every file of a plan directory but caches."""
    return {
        str(path.relative_to(plan)): path.read_bytes()
        for path in plan.rglob("*")
        if path.is_file() and path.name != "wait.cursor" and "index.json" not in path.name
    }
