"""One run per plan directory."""

from __future__ import annotations

import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import BusyError, StoreError
from orchestrator.store.lock import broken_off, dead_runs_of, lock_owner, take_lock
from orchestrator.store.process import boot_id, start_time, this_process

NOW = "2026-01-05T14:00:00.000Z"

TAKE = """
import sys
from orchestrator.store.lock import take_lock
lock = take_lock(sys.argv[1], sys.argv[2], "2026-01-05T14:00:00.000Z")
print("taken", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "run.lock")


@contextmanager
def holder(path: str, run: str) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock until it is killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", TAKE, path, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        assert "taken\n" == process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.communicate()


def said(**changed: Any) -> dict[str, Any]:
    """What this process would write into a lock."""
    pid = os.getpid()
    return {
        "pid": pid,
        "started": start_time(pid),
        "boot": boot_id(),
        "host": platform.node(),
        "pid_space": this_process()["pid_space"],
        "run": "r1",
        "since": NOW,
        "unrecovered": [],
        **changed,
    }


def test_a_free_lock_is_taken(path: str) -> None:
    """And whoever looks can see by whom."""
    assert None is lock_owner(path)
    lock = take_lock(path, "r1", NOW)
    assert said() == lock_owner(path)
    lock.release()
    assert None is lock_owner(path)


def test_the_second_taker_is_told_who_holds_it(path: str) -> None:
    """The run, its pid, its machine and since when: enough to find it."""
    lock = take_lock(path, "r1", NOW)
    with pytest.raises(BusyError) as caught:
        take_lock(path, "r2", NOW)
    host = platform.node()
    assert f"run r1 holds this plan: pid {os.getpid()} on {host} since {NOW}" == str(caught.value)
    assert 3 == caught.value.exit_status
    assert said() == lock_owner(path)
    lock.release()


def test_a_run_says_whether_it_takes_more(path: str) -> None:
    """It may say so again and again, and forgets nothing else of what it said."""
    lock = take_lock(path, "r1", NOW, tags=["a"])
    for is_closed in (True, False, True):
        lock.close(is_closed=is_closed)
        found = lock_owner(path)
        assert found is not None
        assert ("r1", ["a"], is_closed) == (found["run"], found["tags"], found.get("closing", False))
    lock.release()
    assert lock_owner(path) is None


def test_an_orderly_end_leaves_nothing_to_recover(path: str) -> None:
    """The next run has nothing to look after."""
    take_lock(path, "r1", NOW).release()
    lock = take_lock(path, "r2", NOW)
    assert () == lock.dead_runs
    lock.release()


def test_the_lock_of_a_run_that_gave_up_is_free_and_remembered(path: str) -> None:
    """Whoever let go without saying so left something behind, and holds nothing, however long its process lives."""
    take_lock(path, "r1", NOW).abandon()
    assert None is lock_owner(path)
    assert (("r1",), "r1") == (dead_runs_of(path), broken_off(path))
    lock = take_lock(path, "r2", NOW)
    assert ("r1",) == lock.dead_runs
    lock.release()


def test_dead_runs_are_remembered_until_they_are_recovered(path: str) -> None:
    """A crash in the middle of recovering leaves all of them to the next run."""
    for run in ("r1", "r2", "r3"):
        take_lock(path, run, NOW).abandon()
    lock = take_lock(path, "r4", NOW)
    assert ("r1", "r2", "r3") == lock.dead_runs
    lock.recovered()
    lock.abandon()
    lock = take_lock(path, "r5", NOW)
    assert ("r4",) == lock.dead_runs
    lock.release()


def test_an_orderly_end_before_recovery_forgets_no_dead_run(path: str) -> None:
    """Who holds the lock for something else than a run leaves them to the next run."""
    take_lock(path, "r1", NOW).abandon()
    take_lock(path, "r2", NOW).release()
    lock = take_lock(path, "r3", NOW)
    assert ("r1", "r2") == lock.dead_runs
    lock.recovered()
    lock.release()
    assert b"" == Path(path).read_bytes()


def test_a_long_row_of_crashes_is_remembered_too(path: str) -> None:
    """However often recovery itself was cut short."""
    runs = [f"{n:012}" for n in range(400)]
    for run in runs:
        take_lock(path, run, NOW).abandon()
    lock = take_lock(path, "last", NOW)
    assert tuple(runs) == lock.dead_runs
    lock.release()


def test_a_lock_dies_with_its_holder(path: str) -> None:
    """The kernel holds it: after ``kill -9`` the plan is free, and the dead run is known."""
    with holder(path, "r1") as process:
        assert "r1" == (lock_owner(path) or {})["run"]
        with pytest.raises(BusyError, match=f"run r1 holds this plan: pid {process.pid} on"):
            take_lock(path, "r2", NOW)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert None is lock_owner(path)
        lock = take_lock(path, "r2", NOW)
        assert ("r1",) == lock.dead_runs
        lock.release()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"started": 1}, id="recycled pid"),
        pytest.param({"boot": "another"}, id="before a reboot"),
        pytest.param({"pid": 2**22 + 1}, id="no such process"),
    ],
)
def test_a_pid_alone_means_nothing(path: str, changed: dict[str, Any]) -> None:
    """Somebody else with the same pid, or a pid of an earlier boot, holds nothing."""
    Path(path).write_text(json.dumps(said(**changed)))
    assert None is lock_owner(path)
    lock = take_lock(path, "r2", NOW)
    assert ("r1",) == lock.dead_runs
    lock.release()


def test_a_holder_on_another_machine_is_believed_while_the_lock_is_held(path: str) -> None:
    """Nobody here can say whether its pid lives there; the lock says so, also when the machine has got a new name."""
    Path(path).write_text(json.dumps(said(host="elsewhere", pid=2**22 + 1)))
    theirs = os.open(path, os.O_RDWR)
    fcntl.flock(theirs, fcntl.LOCK_EX)
    assert "elsewhere" == (lock_owner(path) or {})["host"]
    assert ((), "") == (dead_runs_of(path), broken_off(path))
    with pytest.raises(BusyError, match="on elsewhere since"):
        take_lock(path, "r2", NOW)
    os.close(theirs)
    assert None is lock_owner(path)
    assert (("r1",), "r1") == (dead_runs_of(path), broken_off(path))
    lock = take_lock(path, "r2", NOW)
    assert ("r1",) == lock.dead_runs
    lock.release()


def test_a_holder_whose_number_means_nothing_here_is_believed_while_the_lock_is_held(path: str) -> None:
    """A sandbox on this machine sees other processes, or none; the lock is the same."""
    Path(path).write_text(json.dumps(said(pid_space="pid:[1]", pid=2**22 + 1)))
    theirs = os.open(path, os.O_RDWR)
    fcntl.flock(theirs, fcntl.LOCK_EX)
    assert "r1" == (lock_owner(path) or {})["run"]
    os.close(theirs)
    assert (None, ("r1",)) == (lock_owner(path), dead_runs_of(path))


def test_who_only_looks_keeps_nobody_from_the_lock(path: str) -> None:
    """While somebody asks it whether its holder on another machine lives, a run that starts waits for that moment."""
    Path(path).write_text(json.dumps(said(host="elsewhere", pid=2**22 + 1)))
    looking = os.open(path, os.O_RDONLY)
    fcntl.flock(looking, fcntl.LOCK_SH)
    leaving = threading.Timer(0.05, lambda: os.close(looking))
    leaving.start()
    lock = take_lock(path, "r2", NOW)
    leaving.join()
    assert ("r1",) == lock.dead_runs
    lock.release()


def test_an_untouched_lock_file_has_nothing_to_recover(path: str) -> None:
    """Whoever was killed before it said who it is had not begun anything."""
    Path(path).write_bytes(b"")
    lock = take_lock(path, "r1", NOW)
    assert () == lock.dead_runs
    lock.release()


@pytest.mark.parametrize("damage", [b"{", b"[1]", b"\xff\xfe", b"null", b"{}", b"12", b"\0\0\n"])
def test_a_damaged_lock_file_is_no_obstacle(path: str, damage: bytes) -> None:
    """What counts is what the kernel holds. Some run was here, so what is left of any is looked for."""
    Path(path).write_bytes(damage)
    assert None is lock_owner(path)
    lock = take_lock(path, "r1", NOW)
    assert ("?",) == lock.dead_runs
    assert said(unrecovered=["?"]) == lock_owner(path)
    lock.recovered()
    assert said() == lock_owner(path)
    lock.release()
    assert b"" == Path(path).read_bytes()


def test_whoever_has_just_taken_the_lock_gets_to_say_so(path: str) -> None:
    """Between taking it and saying who holds it there is a moment; whoever comes then waits for the word."""
    first = os.open(path, os.O_RDWR | os.O_CREAT)
    fcntl.flock(first, fcntl.LOCK_EX)
    told = threading.Timer(0.15, lambda: Path(path).write_text(json.dumps(said(run="r7")) + "\n"))
    told.start()
    with pytest.raises(BusyError, match="run r7 holds this plan"):
        take_lock(path, "r2", NOW)
    told.join()
    os.close(first)


def test_a_torn_write_forgets_no_dead_run(path: str) -> None:
    """Wherever the line of a new holder is cut short, the runs that died before it are known."""
    for run in ("r1", "r2"):
        take_lock(path, run, NOW).abandon()
    before = Path(path).read_bytes()
    take_lock(path, "r3", NOW).abandon()
    after = Path(path).read_bytes()
    assert after.startswith(before), "what was there is not overwritten"
    for size in range(len(before), len(after)):
        Path(path).write_bytes(after[:size])
        lock = take_lock(path, "r4", NOW)
        is_whole = size >= len(after) - 1
        assert ("r1", "r2", "r3")[: 3 if is_whole else 2] == lock.dead_runs
        assert "r4" == (lock_owner(path) or {})["run"]
        lock.release()


def test_a_torn_word_of_recovery_means_recovering_again(path: str) -> None:
    """Never that there is nothing to recover."""
    take_lock(path, "r1", NOW).abandon()
    lock = take_lock(path, "r2", NOW)
    before = Path(path).read_bytes()
    lock.recovered()
    lock.abandon()
    after = Path(path).read_bytes()
    for size in range(len(before), len(after) - 1):
        Path(path).write_bytes(after[:size])
        lock = take_lock(path, "r3", NOW)
        assert ("r1", "r2") == lock.dead_runs
        lock.release()


def test_a_disk_that_is_full_forgets_no_dead_run(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a line was written and the run does not start."""
    take_lock(path, "r1", NOW).abandon()
    write = os.write
    with monkeypatch.context() as full:
        full.setattr(os, "write", lambda file, data: write(file, bytes(data)[: len(data) // 2]))
        with pytest.raises(StoreError, match="No space left"):
            take_lock(path, "r2", NOW)
    lock = take_lock(path, "r3", NOW)
    assert ("r1",) == lock.dead_runs
    lock.release()


def test_a_planted_link_is_not_followed(path: str, tmp_path: Path) -> None:
    """Nobody's file is written over."""
    (tmp_path / "victim").write_bytes(b"precious")
    Path(path).symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="cannot open"):
        take_lock(path, "r1", NOW)
    assert b"precious" == (tmp_path / "victim").read_bytes()


def test_a_lock_is_not_inherited_by_accident(path: str) -> None:
    """Only who is handed the descriptor holds the plan with us; an agent never does."""
    lock = take_lock(path, "r1", NOW)
    assert not os.get_inheritable(lock.descriptor)
    lock.release()


def test_whoever_was_handed_the_lock_holds_it_too(path: str) -> None:
    """The guard: a plan is free only when runner and guard are both gone."""
    lock = take_lock(path, "r1", NOW)
    guard = subprocess.Popen(["/bin/cat"], stdin=subprocess.PIPE, pass_fds=[lock.descriptor])
    lock.abandon()
    with pytest.raises(BusyError):
        take_lock(path, "r2", NOW)
    guard.communicate()
    lock = take_lock(path, "r2", NOW)
    assert ("r1",) == lock.dead_runs
    lock.release()


def test_a_lock_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A directory in its place, for one: nobody knows whether a run is under way."""
    with pytest.raises(StoreError, match="cannot read: Is a directory"):
        lock_owner(str(tmp_path))


def test_the_end_of_a_longer_line_is_no_part_of_the_lock(path: str) -> None:
    """Whoever is killed, or refused, before the file is made shorter leaves it behind."""
    take_lock(path, "r1", NOW).abandon()
    with Path(path).open("ab") as file:
        file.write(b'recovered": []}\n')
    lock = take_lock(path, "r2", NOW)
    assert ("r1",) == lock.dead_runs
    lock.release()
