"""The command line for every test that wants it; and what the whole suite held, in figures.

They are printed at the end of the test run, also when several processes ran it.
"""

from __future__ import annotations

import gc
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate
from tests.fakes.claude_calls import install

# How long an example took says how loud the machine is, not whether we are right. All else stays as Hypothesis has it
# where it runs: the same examples every time on a CI service, new ones elsewhere.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

#: What has a process measure itself; a short one, of which the tests start thousands, takes three times as long then.
_COVERAGE = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
_TALLY = pytest.StashKey[Counter[str]]()
#: Figures that are the most of something; of several processes the highest counts. All others add up.
_MOST = ("at most", "on one line", "rows of a plan", "peak")


@pytest.fixture
def orchestrate(tmp_path: Path) -> Iterator[Orchestrate]:
    """The command line, called in the test's own empty folder."""
    command = Orchestrate(tmp_path)
    yield command
    command.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The plan directory in that folder, which is not there yet."""
    return tmp_path / ".orchestrator"


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    """Where a task of that plan waits until the test lets it go."""
    return Gate(tmp_path / "gate")


@pytest.fixture
def claude(orchestrate: Orchestrate, tmp_path: Path) -> ClaudePlan:
    """A plan of claude tasks that is not written yet, and a stand-in for claude on PATH."""
    return ClaudePlan(orchestrate, tmp_path)


@pytest.fixture
def planner(orchestrate: Orchestrate, tmp_path: Path) -> Path:
    """A stand-in for claude that plans; the directory in which it finds its script."""
    install(tmp_path / "bin")
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    orchestrate.environment["FAKE_CLAUDE_DIR"] = str(tmp_path / "records")
    return tmp_path / "records"


@pytest.fixture
def no_garbage() -> None:
    """Nothing that other tests left is finalized in the middle of this one.

    What is nested too deeply is read until the interpreter refuses; a finalizer that is called there, because so many
    lists were made, has no room to end well, and this test would be blamed for it.
    """
    gc.collect()


def pytest_configure(config: pytest.Config) -> None:
    """Count from nothing."""
    # A suite that was started in the background, or by nohup, ignores some signals, and so would all that it starts.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    config.stash[_TALLY] = Counter()


def pytest_collection_finish() -> None:
    """What was collected stays to the end: whoever looks for garbage need not look through it again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Have processes measure themselves where the executors are tested, and everywhere in ``nox -s coverage``.

    Before the fixtures are made, for most of them start processes. The test process itself is always measured.
    """
    if "executors" in item.path.parts or "ORCHESTRATOR_TEST_COVERAGE" in os.environ:
        os.environ.update(_COVERAGE)
    else:
        for name in _COVERAGE:
            os.environ.pop(name, None)


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Counter[str]:
    """How much of what was tried: ``tally["kills"] += 1``. Seconds are whole, for instance the most of something."""
    return pytestconfig.stash[_TALLY]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the figures to the process that started this one, if there is one."""
    handed = getattr(session.config, "workeroutput", None)
    if handed is not None:
        figures = session.config.stash[_TALLY]
        handed["tally"] = dict(figures)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take in the figures of a process that is done."""
    figures: Counter[str] = node.config.stash[_TALLY]
    for name, number in getattr(node, "workeroutput", {}).get("tally", {}).items():
        is_most = any(words in name for words in _MOST)
        figures[name] = max(figures[name], number) if is_most else figures[name] + number


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the figures."""
    figures: Counter[str] = config.stash.get(_TALLY, Counter())
    if figures:
        terminalreporter.section("reliability")
        for name, number in sorted(figures.items()):
            terminalreporter.write_line(f"{name}: {number:,}")
