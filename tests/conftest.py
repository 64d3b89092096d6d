"""What the whole suite held, in figures, printed at the end of the test run; also when several processes ran it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

_TALLY = pytest.StashKey[Counter[str]]()
#: Figures that are the most of something; of several processes the highest counts. All others add up.
_MOST = ("at most", "on one line", "rows of a plan", "peak")


def pytest_configure(config: pytest.Config) -> None:
    """Count from nothing."""
    config.stash[_TALLY] = Counter()


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


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the figures."""
    figures: Counter[str] = config.stash.get(_TALLY, Counter())
    if figures:
        terminalreporter.section("reliability")
        for name, number in sorted(figures.items()):
            terminalreporter.write_line(f"{name}: {number:,}")
