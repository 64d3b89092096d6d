"""How much everybody has to do: every open task counts for all of its names, and nowhere else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.agent import AgentRegistry, Duty, Member, loads, names_of, with_room
from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import ACTIVE, TaskStatus
from tests.views.example import task

ROSTER = AgentRegistry.of([Member("eva", max_parallel=1), Member("kim", extends="eva"), Member("idle", max_parallel=9)])
DUTIES = st.lists(
    st.builds(
        Duty,
        st.just("T-01"),
        st.lists(st.sampled_from(["ann", "bob", "eva", "claude"]), unique=True, max_size=2),
        st.sampled_from(TaskStatus),
    )
)


@given(DUTIES)
def test_every_task_counts_for_each_of_its_names(duties: list[Duty]) -> None:
    """The columns of a name add up to the tasks it has in these states; nobody else is listed."""
    found = {each.name: each for each in loads(duties, ROSTER)}
    named = {name for duty in duties for name in duty.names}
    assert named <= set(found)
    assert set(found) <= named | {"eva", "kim", "idle"}
    for name, load in found.items():
        mine = [duty.status for duty in duties if name in duty.names]
        assert load.active == sum(each in ACTIVE for each in mine)
        assert (load.pending, load.waiting, load.blocked) == tuple(
            mine.count(each) for each in (TaskStatus.PENDING, TaskStatus.WAITING, TaskStatus.BLOCKED)
        )
    room = with_room(found.values(), 3)
    assert all(each.active < 3 for each in room)
    assert [each.active for each in room] == sorted(each.active for each in room)


def test_a_full_agent_has_no_room() -> None:
    """Its own limit counts, and what agents that stand on it have under way."""
    found = {each.name: each for each in loads([Duty("T-01", ("kim",), TaskStatus.RUNNING)], ROSTER)}
    assert (1, 1) == (found["eva"].active, found["eva"].capacity)
    assert ["idle", "kim"] == [each.name for each in with_room(found.values(), 3)]


def test_whose_a_task_is() -> None:
    """Who is responsible and who does it; a label is nobody; by hand it is whoever took it."""
    mine = task("T-01")._replace(assignee="ann")
    running = Result("T-01", "bob", TaskStatus.RUNNING, (Attempt(1, 0, agent="bob"),))
    assert ("ann", "claude") == names_of(mine, None, "claude")
    assert ("ann", "bob") == names_of(mine, running, "claude")
    assert ("ann", "claude") == names_of(mine, running._replace(status=TaskStatus.FAILED), "claude")
    assert ("claude",) == names_of(mine._replace(assignee="Agent-01"), None, "claude")
    assert ("eva",) == names_of(mine._replace(assignee="eva"), None, "eva")
