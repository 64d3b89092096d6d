"""``kill -9`` at any instant: nothing lost, nothing twice, nothing half (promises 1, 2, 3, 4, 7, 14).

``ORCHESTRATOR_SOAK`` is the number of instants to try; ``nox -s soak`` sets it.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.executors.harness import guard_of, kill_together, wait_until, watchdog_of
from tests.reliability.crash_plan import CrashPlan
from tests.reliability.instants import OPERATIONS, Kill, dies_at, draw, strike
from tests.reliability.soak import SOAK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

#: Kills of one plan, one run after the other, at most.
_IN_A_ROW = 7
EPISODES = max(7, SOAK * 2 // (_IN_A_ROW + 1))
STRIDE = 1 if SOAK else 29
#: How a run may end, by what was killed: by the signal before it listens and after it was deaf again, or in order.
STATUSES = {
    "runner": {-signal.SIGKILL, 0},
    "guard": {5, -signal.SIGKILL, 0},
    "watchdog": {5, -signal.SIGKILL, 0},
    "runner and guard": {-signal.SIGKILL, 0},
    "all three": {-signal.SIGKILL, 0},
    "SIGTERM": {128 + signal.SIGTERM, -signal.SIGTERM, 0},
    "five SIGINT": {128 + signal.SIGINT, -signal.SIGINT, 0},
}
STATUSES["runner, guard after"] = STATUSES["runner"]
STATUSES["SIGTERM, kill after"] = STATUSES["SIGTERM"] | STATUSES["runner"]
#: After this, agents may live until the next run sweeps them away: nobody is left who could end them.
NOBODY_LEFT = {"all three"}


@pytest.fixture
def plan(tmp_path: Path) -> Iterator[CrashPlan]:
    command = Orchestrate(tmp_path)
    yield CrashPlan(command, tmp_path / "project")
    command.close()


@pytest.fixture
def dice(request: pytest.FixtureRequest) -> random.Random:
    """Of their own for each test, from the seed of the test run: ``--randomly-seed=N`` throws them again."""
    seed = request.config.getoption("randomly_seed", default=0)
    return random.Random(f"{seed}:{request.node.name}")


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory) -> tuple[CrashPlan, float]:
    """A plan that nobody killed, and the seconds it took."""
    where = tmp_path_factory.mktemp("unharmed")
    plan = CrashPlan(Orchestrate(where), where / "project")
    before = time.monotonic()
    plan.finish()
    return plan, time.monotonic() - before


@pytest.mark.parametrize("episode", range(EPISODES))
def test_nothing_is_lost_whenever_it_is_killed(
    plan: CrashPlan, unharmed: tuple[CrashPlan, float], tally: Counter[str], dice: random.Random, episode: int
) -> None:
    """Killed once or several times in a row, the plan is finished by the next run as if nothing had been."""
    told: list[str] = []
    try:
        for _ in range(dice.randint(1, _IN_A_ROW)):
            kill = draw(dice, unharmed[1])
            told.append(f"{kill} → ")
            suffer(plan, kill, tally, told)
            if dice.random() < 0.5:
                told.append(f"   {spoil(plan, dice)}")
                tally["damaged caches, torn lines and stray temporary files met"] += 1
        plan.finish()
        assert unharmed[0].answers() == plan.answers()
        if dice.random() < 0.3:
            plan.again()
    except BaseException:
        print(f"episode {episode}", *told, sep="\n")
        raise


def suffer(plan: CrashPlan, kill: Kill, tally: Counter[str], told: list[str]) -> None:
    """Kill one run, and look at what it left."""
    left = plan.alive()  # by a run that nobody was left of: this one may die before it has swept them away
    status = strike(plan, kill)
    told[-1] += str(status)
    assert status in STATUSES[kill.victim]
    plan.look()
    tally["kill instants tried"] += 1
    tally[f"kill instants tried: {kill.victim}"] += 1
    tally["kill instants that came after the end of the run"] += status == 0
    if kill.waits and kill.victim not in NOBODY_LEFT:
        most = "milliseconds until nothing of a killed run lived any more, at most"
        tally[most] = max(tally[most], round(plan.await_silence(left) * 1000))
        plan.look()


def spoil(plan: CrashPlan, dice: random.Random) -> str:
    """Do to a plan what crashes do to files that are not synced, and what the next run must find normal."""
    index, journal = plan.root / "index.json", plan.root / "journal.md"
    what = dice.choice(("no index", "torn index", "garbage index", "torn journal", "temporaries"))
    if what == "no index":
        index.unlink(missing_ok=True)
    elif what == "torn index" and index.exists():
        os.truncate(index, dice.randrange(index.stat().st_size + 1))
    elif what == "garbage index":
        index.write_bytes(dice.randbytes(300))
    elif what == "torn journal" and journal.exists() and not plan.alive():
        plan.tear_journal(dice)
    elif what == "temporaries":
        plan.plant_temporaries()
    return what


@pytest.mark.parametrize("number", range(1, OPERATIONS, STRIDE))
def test_it_may_die_before_any_change_of_a_file(
    plan: CrashPlan, unharmed: tuple[CrashPlan, float], tally: Counter[str], number: int
) -> None:
    """One run dies just before its n-th write, rename, lock or start of a process; the next before its own n-th."""
    for _ in range(2):
        run = plan.start(**dies_at(plan.orchestrate, number))
        run.communicate()
        assert run.returncode in STATUSES["runner"]
        plan.look()
        tally["changes of files before which a run died"] += run.returncode != 0
    plan.finish()
    assert unharmed[0].answers() == plan.answers()


def test_what_nobody_was_left_to_end_is_ended_before_anything_starts(plan: CrashPlan) -> None:
    """Runner, guard and watchdog killed in the same moment leave agents; the next run ends them first (promise 14)."""
    run = plan.start()
    wait_until(lambda: plan.ledger()["start T-05"])
    kill_together(run.pid, guard_of(run.pid), watchdog_of(run.pid))
    run.communicate()
    assert plan.alive(), "something was left"
    plan.finish()
    assert 2 == plan.ledger()["start T-05"]
