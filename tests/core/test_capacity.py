"""How many attempts an agent may have under way, and what the engine makes of it (S4-54)."""

from __future__ import annotations

import pytest

from orchestrator.core.agent import Capacity
from orchestrator.core.result import Verdict
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import Begun, Recorded, Replanned
from orchestrator.scheduler.node import Node
from tests.scheduler.engine_play import completes, ends, launched, tell


def engine(*entries: Node, slots: int = 10, **widths: int) -> Engine:
    return Engine(entries, max_parallel=slots, capacity=Capacity(widths))


def test_whoever_is_in_no_crew_is_limited_by_nobody() -> None:
    """A plan without a roster knows no such limit."""
    capacity = Capacity({"eva": 1})
    for _ in range(100):
        capacity.started(())
    assert capacity.has_room(())
    assert capacity.has_room(("eva",))


def test_an_agent_has_room_until_it_is_full() -> None:
    """And again when one of its tasks is over."""
    capacity = Capacity({"eva": 2})
    for _ in range(2):
        assert capacity.has_room(("eva",))
        capacity.started(("eva",))
    assert not capacity.has_room(("eva",))
    capacity.ended(("eva",))
    assert capacity.has_room(("eva",))


def test_a_role_counts_as_one_of_the_agent_it_stands_on() -> None:
    """So the limit of claude holds whatever its tasks are called."""
    capacity = Capacity({"claude": 2, "reviewer": 1})
    capacity.started(("reviewer", "claude"))
    assert not capacity.has_room(("reviewer", "claude"))
    capacity.started(("claude",))
    assert not capacity.has_room(("claude",))


def test_a_full_agent_keeps_nobody_else_waiting() -> None:
    """What it has no room for waits in its place, whatever its priority, and keeps no slot."""
    of_eva = [Node(id=f"e{n}", pool=("eva",), priority=100) for n in range(3)]
    others = [Node(id=f"o{n}") for n in range(3)]
    play = engine(*of_eva, *others, slots=3, eva=1)
    assert ["e0", "o0", "o1"] == launched(tell(play, Begun()))
    assert ["e1"] == launched(completes(play, "e0"))
    assert ["o2"] == launched(completes(play, "o0"))


@pytest.mark.parametrize("verdict", [Verdict.FAILED, Verdict.FATAL, Verdict.INTERRUPTED])
def test_every_end_makes_room(verdict: Verdict) -> None:
    """However an attempt ended, the next one may start."""
    play = engine(Node(id="a", pool=("eva",)), Node(id="b", pool=("eva",)), eva=1)
    assert ["a"] == launched(tell(play, Begun()))
    assert 1 == len(launched(ends(play, "a", verdict)))


def test_a_slot_kept_for_a_result_is_no_room() -> None:
    """Two tasks that waited for one result do not both start when it is on disk."""
    needs = ("first",)
    waiting = [Node(id=key, needs=needs, pool=("eva",)) for key in "ab"]
    play = engine(Node(id="first"), *waiting, eva=1)
    tell(play, Begun())
    assert ["a"] == launched(completes(play, "first"))
    assert ["b"] == launched(completes(play, "a"))


def test_a_changed_row_counts_against_its_new_agent() -> None:
    """From its next attempt on."""
    play = engine(Node(id="a", pool=("eva",)), Node(id="b"), Node(id="c", needs=("b",)), eva=1)
    assert ["a", "b"] == launched(tell(play, Begun()))
    rows = [Node(id="a"), Node(id="b"), Node(id="c", needs=("b",), pool=("eva",))]
    tell(play, Replanned(tuple(rows)))
    assert [] == launched(completes(play, "b")), "eva is at work on a, whatever its row says now"
    assert ["c"] == launched(ends(play, "a", Verdict.COMPLETED))
    tell(play, Recorded("a"))
