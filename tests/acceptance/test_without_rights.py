"""Somebody who is not root, among directories and limits that are not theirs: what cannot be had costs no work.

Where root runs the tests, another user calls the commands.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.core.status import Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.store.requests import Requests, new_id
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, front_of, write_plan
from tests.executors.harness import wait_until

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="limits and owners as Linux has them")]

#: Stands for somebody else where root runs the tests; nobody else has that number.
STRANGER = 4321
IS_ROOT = os.geteuid() == 0


@pytest.fixture
def orchestrate() -> Iterator[Orchestrate]:
    """The command line as somebody who is not root has it, in an empty folder of their own that others may see."""
    with tempfile.TemporaryDirectory() as name:
        where = Path(name)
        where.chmod(0o755)
        command = Orchestrate(where, user=STRANGER if IS_ROOT else None)
        hand_over(where)
        try:
            command("--version")
        except PermissionError:
            pytest.skip("this Python is closed to others")
        yield command
        command.close()


@pytest.fixture
def root(orchestrate: Orchestrate) -> Path:
    """The plan directory in that folder, which is not there yet."""
    return orchestrate.where / ".orchestrator"


def hand_over(where: Path) -> None:
    """Give everything to whoever calls the commands."""
    if IS_ROOT:
        for path in (where, *where.rglob("*")):
            os.chown(path, STRANGER, STRANGER)


def test_requests_that_cannot_be_answered_end_no_run(orchestrate: Orchestrate, root: Path) -> None:
    """Somebody else asked first, and the directory became theirs: that is told once, and agents work on."""
    gate = Gate(orchestrate.where / "gate")
    write_plan(root, {"T-01": f"{gate.wait}; echo paid for", "T-02": ("echo two", "T-01")})
    hand_over(orchestrate.where)
    run = orchestrate.start("run")
    gate.await_task(run)
    now = time.time()
    requests = Requests(str(root / "requests"))
    requests.leave(TaskCommand(Verb.CANCEL, "T-02", "bob", now, id=new_id(now)))
    if IS_ROOT:
        os.chown(requests.directory, 0, 0)
    os.chmod(requests.directory, 0o555)
    assert run.stderr is not None
    told = next(line for line in run.stderr if "requests" in line)
    gate.open()
    done = orchestrate.finish(run)
    assert "requests: cannot answer: Permission denied" in told
    assert IS_ROOT is ("it belongs to root" in told)
    assert (0, 0) == (done.returncode, done.stderr.count("cannot answer"))
    assert ("paid for", "two") == (answer_of(root, "T-01"), answer_of(root, "T-02"))
    os.chmod(requests.directory, 0o755)


def test_a_request_that_is_opened_is_answered(orchestrate: Orchestrate, root: Path) -> None:
    """The run said that it cannot read it, and what to do: after that it is carried out."""
    gate = Gate(orchestrate.where / "gate")
    write_plan(root, {"T-01": gate.wait, "T-02": ("echo two", "T-01")})
    now = time.time()
    requests = Requests(str(root / "requests"))
    asked = TaskCommand(Verb.BLOCK, "T-02", "bob", now, id=new_id(now))
    requests.leave(asked)
    request = Path(requests.directory, f"{asked.id}.request.json")
    hand_over(orchestrate.where)
    request.chmod(0)
    run = orchestrate.start("run")
    gate.await_task(run)
    assert run.stderr is not None
    assert any("cannot read: Permission denied" in line for line in run.stderr)
    request.chmod(0o644)
    wait_until(lambda: requests.answer_to(asked.id) is not None)
    gate.open()
    orchestrate.finish(run)
    assert "blocked" == front_of(root, "T-02")["status"]


@pytest.mark.parametrize("mode", ["111", "0"])
def test_a_current_directory_that_is_closed_to_us(orchestrate: Orchestrate, root: Path, mode: str) -> None:
    """As after `sudo -u`, or in a home of mode 711: nothing of a run has to be done there."""
    write_plan(root, {"T-01": "echo one", "T-02": ("cat", "T-01")})
    here = orchestrate.where / "here"
    here.mkdir()
    hand_over(orchestrate.where)
    closing = ("/bin/sh", "-c", f'chmod {mode} . && exec "$@"', "sh")
    done = orchestrate("run", root, cwd=here, under=closing)
    here.chmod(0o755)
    assert (0, 2) == (done.returncode, done.stderr.count("✅")), done
    assert "one" == answer_of(root, "T-02")


@pytest.mark.parametrize("of_python", ["", "error", "ignore"])
def test_a_home_that_is_closed_to_us_is_a_warning(orchestrate: Orchestrate, root: Path, of_python: str) -> None:
    """As of root's in a container that starts as somebody else: nobody asked for an agent of theirs.

    What Python is to do about warnings is meant for whoever writes programs.
    """
    orchestrate.environment["PYTHONWARNINGS"] = of_python
    write_plan(root, {"T-01": "echo one"})
    home = orchestrate.where / "home"
    home.mkdir()
    hand_over(orchestrate.where)
    home.chmod(0)
    orchestrate.environment["HOME"] = str(home)
    for words in (["run"], ["validate"], ["agents"], ["template", "list"], ["run", "--dry-run"]):
        done = orchestrate(*words)
        assert (0, 1) == (done.returncode, done.stderr.count("set HOME or XDG_CONFIG_HOME")), done
    assert f"⚠️ {home}/.config/orchestrator/agents: cannot list" in orchestrate("run").stderr
    assert "one" == answer_of(root, "T-01")
    refused = orchestrate("template", "save", "mine")
    assert (5, True) == (refused.returncode, "Permission denied" in refused.stderr)
    home.chmod(0o755)


#: Starts a program that may have processes, but no threads: there is no room for the stack of one.
NO_THREADS = ("/bin/sh", "-c", f'ulimit -s {1 << 47} && exec "$@"', "sh")

NO_PROCESSES = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_run_without_threads_goes_on(orchestrate: Orchestrate, root: Path) -> None:
    """The limit of processes counts threads, and those of the agents: who meets it is the run, not who is wrong."""
    tasks = {f"T-0{n}": f"sleep 0.{n}; echo {n}" for n in range(1, 7)}
    write_plan(root, {**tasks, "T-07": ("cat", "T-03, T-06")})
    hand_over(orchestrate.where)
    done = orchestrate("run", under=NO_THREADS)
    assert (0, 7) == (done.returncode, done.stderr.count("✅")), done
    assert "7 of 7 tasks completed" in done.stderr
    assert 0 == orchestrate("doctor", "--plan").returncode


def test_a_run_that_may_have_no_process_says_what_to_do(orchestrate: Orchestrate, root: Path) -> None:
    """Not even the one that starts the others."""
    write_plan(root, {"T-01": "echo one"})
    hand_over(orchestrate.where)
    done = orchestrate("run", under=(sys.executable, "-c", NO_PROCESSES))
    assert (5, True) == (done.returncode, "the guard cannot be started" in done.stderr), done
    assert "ulimit -u" in done.stderr


def test_what_nobody_foresaw_is_one_line(orchestrate: Orchestrate) -> None:
    """With a status that no task has; where it happened is told, and how it came to that to whoever asks."""
    broken = "raise ExceptionGroup('two', [RuntimeError('on\\ne'), OSError()])"
    (orchestrate.where / "click.py").write_text(broken)
    path = f"{orchestrate.where}:{orchestrate.environment['PYTHONPATH']}"
    answer = orchestrate("agents", env={"PYTHONPATH": path})
    told, hint = answer.stderr.splitlines()
    assert 5 == answer.returncode
    assert re.fullmatch(r"error: internal error: RuntimeError: on e \(cli/main.py:\d+\)", told)
    assert "PYTHONDEVMODE=1" in hint
    answer = orchestrate("agents", "--json", env={"PYTHONPATH": path, "PYTHONDEVMODE": "1"})
    assert ("internal_error", True) == (answer.json["code"], "Exception Group" in answer.stderr)
