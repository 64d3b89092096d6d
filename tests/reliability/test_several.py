"""Several at once: one run per plan, and nobody is taken for somebody else (promise 13)."""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.store.process import boot_id, start_time
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, front_of, result_of, write_plan
from tests.executors.harness import guard_of, is_alive, kill_together, wait_until, watchdog_of
from tests.reliability.soak import SOAK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

EIGHT = 8
#: Times that eight start at once.
ROUNDS = max(2, SOAK // 50)


class Held:
    """A plan whose first task waits until it is let go; a fifo would not do, for agents of a dead run wait as well."""

    def __init__(self, orchestrate: Orchestrate, where: Path) -> None:
        self.orchestrate = orchestrate
        self.root = where / ".orchestrator"
        self._open, self._ran = where / "open", where / "ran"
        wait = "echo one >> ran\nwhile ! test -e open; do sleep 0.02; done\necho one"
        tasks = {"T-01": wait, "T-02": ("cat", "T-01")}
        write_plan(self.root, tasks, grace="0.2s")

    def ran(self) -> int:
        """How often the first task was started, over all runs."""
        return len(self._ran.read_text().split()) if self._ran.exists() else 0

    def holder(self) -> dict[str, Any]:
        """Who holds the plan."""
        lines = (self.root / "run.lock").read_text().strip().split("\n")
        return dict(json.loads(lines[-1] or "{}"))

    def start_eight(self) -> subprocess.Popen[str]:
        """Start eight runs at once; return the one that runs, once seven have said that it does."""
        runs = [self.orchestrate.start("run", "--json") for _ in range(EIGHT)]
        wait_until(lambda: sum(run.poll() is not None for run in runs) == EIGHT - 1)
        (one,) = [run for run in runs if run.poll() is None]
        holder = self.holder()
        assert one.pid == holder["pid"]
        for run in runs:
            if run is not one:
                refused = self.orchestrate.finish(run)
                assert (3, "busy") == (refused.returncode, refused.json["code"])
                who = f"run {holder['run']} holds this plan: pid {one.pid} on {platform.node()} "
                assert refused.json["message"].startswith(who)
        return one

    def die(self) -> None:
        """Start a run, and kill runner, guard and watchdog in the same moment, once its first task is under way."""
        run = self.orchestrate.start("run")
        wait_until((self.root / "results/agent-01-result.md").exists)
        kill_together(run.pid, guard_of(run.pid), watchdog_of(run.pid))
        run.communicate()

    def finish(self, run: subprocess.Popen[str]) -> None:
        """Let it go; everything is completed, and the lock says so."""
        self._open.touch()
        ended = self.orchestrate.finish(run)
        assert 0 == ended.returncode, ended.stderr
        assert "one" == answer_of(self.root, "T-02")
        assert b"" == (self.root / "run.lock").read_bytes()


@pytest.fixture
def held(orchestrate: Orchestrate, tmp_path: Path) -> Held:
    return Held(orchestrate, tmp_path)


@pytest.mark.parametrize("number", range(ROUNDS))
def test_of_eight_simultaneous_starts_one_runs(held: Held, tally: Counter[str], number: int) -> None:
    """Seven say who does, with pid, run and machine, and exit with 3; every task runs once."""
    run = held.start_eight()
    held.finish(run)
    assert 1 == held.ran()
    tally["simultaneous starts of one plan"] += EIGHT


def test_of_eight_that_come_after_a_crash_one_recovers(held: Held, tally: Counter[str]) -> None:
    """Runner, guard and watchdog are killed in the same moment: one ends what they left, before it starts anything."""
    held.die()
    run = held.start_eight()
    held.finish(run)
    assert ["interrupted", "completed"] == [each["status"] for each in front_of(held.root, "T-01")["attempts"]]
    tally["simultaneous starts of one plan"] += EIGHT


# ── what was written down about somebody who is gone ──────────────────────────────────────────────────────────────


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any of this, in a group of its own."""
    process = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"started": 1}, id="its pid was given away"),
        pytest.param({"boot": "another"}, id="before a reboot"),
        pytest.param({"host": "elsewhere"}, id="on another machine"),
        pytest.param({}, id="it holds no lock"),
    ],
)
def test_a_stranger_with_a_recorded_pid_is_left_alone(
    held: Held, stranger: subprocess.Popen[bytes], changed: dict[str, Any]
) -> None:
    """In the lock, in a result, in a record: it is neither waited for nor signalled; the dead run is recovered."""
    held.die()
    result, mine = held.root / "results/agent-01-result.md", held.holder()
    said = {
        "pid": stranger.pid, "started": start_time(stranger.pid), "boot": boot_id(),
        "host": platform.node(), "run": mine["run"], "since": mine["since"], "unrecovered": [],
    }  # fmt: skip
    (held.root / "run.lock").write_text(json.dumps({**said, **changed}) + "\n")
    text = result_of(held.root, "T-01")
    result.write_text(re.sub(r'"pid": \d+', f'"pid": {stranger.pid}', text), encoding="utf-8")
    assert f'"pid": {stranger.pid}' in result_of(held.root, "T-01")

    fixed = held.orchestrate("doctor", "--plan", "--fix")
    assert fixed.returncode in {0, 1, 2}, fixed.stderr
    assert is_alive(stranger.pid)
    held.finish(held.orchestrate.start("run"))
    assert is_alive(stranger.pid)
    assert stranger.poll() is None
    assert 2 == held.ran()


def test_what_only_looks_like_ours_is_left_alone(held: Held, tmp_path: Path, tally: Counter[str]) -> None:
    """Recovery ends what carries the marks of this plan: not those of another one, nor a name that begins the same."""
    held.die()
    places = (f"{held.root}-2", str(held.root.parent), ".", "")
    others = [
        subprocess.Popen(
            ["sleep", "1000"], env={"PATH": "/usr/bin:/bin", "ORCHESTRATOR_DIR": place, "ORCHESTRATOR_RUN_ID": "x"}
        )
        for place in places
    ]
    ours = subprocess.Popen(["sleep", "1000"], env={"ORCHESTRATOR_DIR": str(held.root), "ORCHESTRATOR_RUN_ID": "x"})
    try:
        held.finish(held.orchestrate.start("run"))
        assert [None] * len(others) == [other.poll() for other in others]
        assert -9 == ours.wait(10)
        tally["strangers that a recovery left alone"] += len(others)
    finally:
        for process in (*others, ours):
            process.kill()
            process.wait()
