"""A sweep ends what a run of the plan left behind, and nothing else."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.executors.reaper import sweep
from tests.executors.harness import is_alive, sh, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

#: Scripts that leave ``went on`` behind when they see something end that was not meant to end: a child of theirs, or
#: whoever holds the other end of a pipe. Enough processes that a sweep takes its time.
_CROWD = "for i in $(seq 50); do sleep 1000 & done"
SCRIPTS = [
    f"{_CROWD}; touch ready; wait $!; : > went-on",
    f"mkfifo pipe; {{ cat pipe; : > went-on; }} & {_CROWD}; touch ready; exec sleep 1000 > pipe",
]


@pytest.mark.parametrize("script", SCRIPTS, ids=["child", "parent"])
def test_a_sweep_lets_no_script_see_another_process_end(tmp_path: Path, script: str) -> None:
    """It would go on with its next step: ``check; deploy`` deploys."""
    marks = {"ORCHESTRATOR_DIR": str(tmp_path), "ORCHESTRATOR_RUN_ID": "run-1"}
    with subprocess.Popen(sh(script), env={**os.environ, **marks}, cwd=tmp_path) as left:
        wait_until((tmp_path / "ready").exists)
        assert left.pid in {one.pid for one in sweep(str(tmp_path))}
        assert not (tmp_path / "went-on").exists()


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM])
def test_a_sweep_where_no_process_has_a_descriptor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Python knows of the call, and an old kernel or a sandbox does not: they are ended all the same."""

    def refuse(pid: int) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pidfd_open", refuse)
    marks = {"ORCHESTRATOR_DIR": str(tmp_path), "ORCHESTRATOR_RUN_ID": "run-1"}
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, **marks}) as left:
        try:
            assert [left.pid] == [one.pid for one in sweep(str(tmp_path))]
            assert not is_alive(left.pid)
        finally:
            left.kill()


def test_a_sweep_says_of_nothing_that_it_ended_what_it_could_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that became another user's, or waits for a device."""
    monkeypatch.setattr("orchestrator.executors.reaper.LIMIT", 0.05)
    monkeypatch.setattr("orchestrator.executors.process_tree.send_signal", lambda one, number: False)
    marks = {"ORCHESTRATOR_DIR": str(tmp_path), "ORCHESTRATOR_RUN_ID": "run-1"}
    with subprocess.Popen(["sleep", "1000"], env={**os.environ, **marks}) as left:
        try:
            assert [] == sweep(str(tmp_path))
        finally:
            left.kill()


def test_a_sweep_spares_ourselves_and_our_ancestors(tmp_path: Path) -> None:
    code = "from orchestrator.executors.reaper import sweep; print(sweep('/plan'))"
    mine = {**os.environ, "ORCHESTRATOR_DIR": "/plan", "ORCHESTRATOR_RUN_ID": "run-1"}
    shell = f'{sys.executable} -c "{code}"; echo alive'
    answer = subprocess.run(["sh", "-c", shell], env=mine, capture_output=True, text=True)
    assert answer.stdout == "[]\nalive\n"
