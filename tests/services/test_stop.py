"""Ending a run that is at work, or that waits: it, and nobody who has its number now."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import BusyError, NotFoundError
from orchestrator.services.stop import stop
from orchestrator.store.layout import Layout
from orchestrator.store.process import start_time, this_process


def lock(root: Path, **facts: object) -> Layout:
    """A plan, and a lock file that says who runs it."""
    (root / "master_plan.md").touch()
    (root / "run.lock").write_text(json.dumps({"run": "r1", "pid": os.getpid(), **facts}) + "\n")
    return Layout(str(root))


def test_without_a_run_there_is_nothing_to_stop(tmp_path: Path) -> None:
    (tmp_path / "master_plan.md").touch()
    with pytest.raises(NotFoundError, match="no run is at work"):
        stop(Layout(str(tmp_path)))


def test_a_process_that_only_has_the_number_of_a_dead_run_is_left_alone(tmp_path: Path) -> None:
    """This very test would be ended otherwise (promise 13)."""
    layout = lock(tmp_path, host=os.uname().nodename, started=1, boot="of another day")
    with pytest.raises(NotFoundError, match="no run is at work"):
        stop(layout)


def test_a_run_on_another_machine_is_left_alone(tmp_path: Path) -> None:
    layout = lock(tmp_path, host="elsewhere")
    with open(layout.lock, "rb") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="another machine, elsewhere") as caught:
            stop(layout)
    assert str(os.getpid()) in caught.value.hint


def test_a_run_in_another_container_is_left_alone(tmp_path: Path) -> None:
    """Its number is that of somebody else here."""
    layout = lock(tmp_path, host=os.uname().nodename, pid_space="pid:[1]")
    with open(layout.lock, "rb") as theirs:
        fcntl.flock(theirs, fcntl.LOCK_EX)
        with pytest.raises(BusyError, match="in another container"):
            stop(layout)


@pytest.mark.parametrize(
    ("place", "where"), [({"host": "elsewhere"}, "another machine, elsewhere"), ({"pid_space": "pid:[1]"}, "container")]
)
def test_a_run_that_waits_elsewhere_is_left_alone(tmp_path: Path, place: dict[str, str], where: str) -> None:
    """Two machines, or containers, may share a directory; a number of a process means nothing in the other one."""
    (tmp_path / "waiting").mkdir()
    said = {**this_process(), "started": 1, "until": 4e9, **place}
    (tmp_path / f"waiting/{os.getpid()}.json").write_text(json.dumps(said))
    with pytest.raises(BusyError, match=where):
        stop(Layout(str(tmp_path)))


@pytest.mark.skipif(sys.platform != "linux", reason="needs a pidfd")
def test_whoever_ends_at_the_first_word_was_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone, and its parent knows, before it can be told to go on."""
    real = signal.pidfd_send_signal
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as run:

        def send(descriptor: int, number: int) -> None:
            real(descriptor, number)
            run.wait()

        monkeypatch.setattr(signal, "pidfd_send_signal", send)
        layout = lock(tmp_path, **{**this_process(), "pid": run.pid, "started": start_time(run.pid)})
        with open(layout.lock, "rb") as its:
            fcntl.flock(its, fcntl.LOCK_EX)
            stopped = stop(layout)
    assert ("r1", -signal.SIGTERM) == (stopped.run, run.returncode)
    assert stopped.is_over()
