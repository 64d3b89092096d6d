"""What the whole suite held, in figures, printed at the end of the test run."""

from __future__ import annotations

from collections import Counter

import pytest

_TALLY = pytest.StashKey[Counter[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Count from nothing."""
    config.stash[_TALLY] = Counter()


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Counter[str]:
    """How much of what was tried: ``tally["kills"] += 1``. Seconds are whole, for instance the most of something."""
    return pytestconfig.stash[_TALLY]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Print the figures."""
    figures = config.stash.get(_TALLY, Counter())
    if figures:
        terminalreporter.section("reliability")
        for name, number in sorted(figures.items()):
            terminalreporter.write_line(f"{name}: {number:,}")
