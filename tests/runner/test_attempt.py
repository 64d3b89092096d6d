"""What an attempt is booked with: what it cost itself, whatever its session says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt, Bill, ProcessExit
from orchestrator.core.settings import Settings
from orchestrator.runner.attempt import LiveAttempt
from orchestrator.store.layout import Layout
from tests.agents.claude_outcomes import init, stream

#: How the ones before ended: with a cost they told, in order but without a word of it, and killed.
TOLD = Attempt(1, 1, status="failed", exit="exit 1", session="s", cost=2.0, models=(("m", 2.0),))
ENDED = Attempt(2, 2, status="failed", exit="exit 143", session="s", cost=None)
KILLED = Attempt(3, 3, status="failed", exit="killed by signal 9", session="s", cost=None)
OTHER = Attempt(4, 4, status="failed", exit="exit 1", session="t", cost=9.0, models=(("m", 9.0),))
NEW, OLD, MUTE = "2.1.329", "2.1.197", None


def priced(
    place: Path, earlier: Sequence[Attempt], version: str | None, out: dict[str, object], session: str = "s"
) -> tuple[Bill, bool]:
    """What an attempt costs that says *out* at its end, and whether that settles earlier ones."""
    live = LiveAttempt(
        task=Task("T-01", "do it", ""),
        number=len(earlier) + 1,
        charge=1,
        run="r",
        agent="claude",
        files=Layout(str(place)).attempt("agent-01", 1),
        started=1.0,
        inputs={},
        earlier=earlier,
        make_reader=lambda: ClaudeAgent().reader(Settings()),
        is_paid=True,
    )
    said = init(session, version=version) + stream({"session_id": session} | out)
    live.reader.feed(said.encode())
    outcome = live.judge(ProcessExit(code=0))
    return live.price(outcome), live.settles(outcome)


def costs(total: float, own: float | None = None) -> dict[str, object]:
    """What a result says of it: in all, and of the call alone where it tells the two apart."""
    told: dict[str, object] = {"total_cost_usd": total, "modelUsage": {"m": {"costUSD": total}}}
    since = {"model_usage_since_last_result": {"m": {"costUSD": own}}}
    return told if own is None else told | since


@pytest.mark.parametrize(
    ("earlier", "version", "out", "expected"),
    [
        # The first one in its session.
        ([], MUTE, costs(0.5), (0.5, False)),
        ([OTHER], MUTE, costs(0.5), (0.5, False)),
        # It says what it cost itself.
        ([TOLD], NEW, costs(2.5, 0.5), (0.5, False)),
        ([TOLD], NEW, costs(2.5, 2.5), (2.5, False)),
        # It says only what its session cost.
        ([TOLD], NEW, costs(2.5), (0.5, False)),
        ([TOLD], MUTE, costs(2.5), (0.5, False)),
        ([TOLD, OTHER], MUTE, costs(2.5), (0.5, False)),
        ([TOLD], MUTE, costs(2.0), (0.0, False)),
        ([TOLD], MUTE, costs(1.9999999), (0.0, False)),
        # Which is less than it must be, so it counts from nothing.
        ([TOLD], MUTE, costs(1.5), (1.5, False)),
        ([TOLD], MUTE, costs(0.0), (0.0, False)),
        # This version always does.
        ([TOLD], OLD, costs(2.5), (2.5, False)),
        ([TOLD, ENDED], OLD, costs(2.5), (2.5, False)),
        # What another one cost that could not say so is in the sum, unless it was killed.
        ([TOLD, ENDED], NEW, costs(2.75, 0.5), (0.75, True)),
        ([TOLD, ENDED], MUTE, costs(2.75), (0.75, True)),
        ([TOLD, ENDED], MUTE, costs(1.5), (1.5, False)),
        ([TOLD, KILLED], NEW, costs(2.5, 0.5), (0.5, False)),
        ([TOLD, KILLED], MUTE, costs(2.5), (0.5, False)),
    ],
)
def test_a_session_that_goes_on_is_paid_for_once(
    tmp_path: Path,
    earlier: Sequence[Attempt],
    version: str | None,
    out: dict[str, object],
    expected: tuple[float, bool],
) -> None:
    """No part of it is booked twice, none is left out, and what nobody can know stays unknown (promise 21)."""
    bill, has_settled = priced(tmp_path, earlier, version, out)
    assert bill.cost == pytest.approx(expected[0])
    assert sum(cost for _, cost in bill.models) == pytest.approx(expected[0])
    assert has_settled is expected[1]


def test_a_stream_that_names_no_session_owes_nothing_to_others(tmp_path: Path) -> None:
    """Nobody knows which of those that had none either are part of it."""
    mute = Attempt(1, 1, status="failed", exit="exit 1", cost=2.0)
    bill, _ = priced(tmp_path, [mute], MUTE, costs(2.5), session="")
    assert 2.5 == bill.cost
