"""How much everybody has to do: agents, and those whom tasks are assigned to (seed rows S1-33, S1-38)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from orchestrator.core.agent import ALIASES, BUILT_IN, AgentRegistry
from orchestrator.core.ids import as_name
from orchestrator.core.plan import Task
from orchestrator.core.result import Result
from orchestrator.core.status import OVER, ACTIVE, TaskStatus, Verb

_BUILT_IN = frozenset(member.key for member in BUILT_IN)


class Duty(NamedTuple):
    """A task, whose it is, and where it stands."""

    task: str
    names: Sequence[str]
    """Who is responsible, and who does it or will; one name when both are the same."""
    status: TaskStatus

    @property
    def is_open(self) -> bool:
        """Whether something is still to be done."""
        return self.status not in OVER


class Load(NamedTuple):
    """How many tasks somebody has, by where they stand."""

    name: str
    active: int
    """Under way, those of agents that stand on this one included."""
    pending: int
    waiting: int
    blocked: int
    capacity: int
    """Tasks it may have under way at once; 0: nobody said."""
    is_agent: bool
    """Of the roster; else somebody whom tasks are assigned to."""

    def has_room(self, below: int) -> bool:
        """Say whether somebody may take one more and has fewer than so many under way (seed row S1-33)."""
        return self.active < below and not 0 < self.capacity <= self.active


def names_of(task: Task, result: Result | None, agent: str) -> tuple[str, ...]:
    """Return whose a task is: who is responsible, and who is at it by hand, or the *agent* that does it or will."""
    is_taken = result is not None and result.is_manual and result.status in ACTIVE
    doer = result.attempts[-1].agent if result is not None and is_taken else agent
    return tuple(dict.fromkeys(filter(None, (task.role, doer))))


def reporter(task: Task, result: Result | None, verb: Verb, caller: str) -> str:
    """Return on whose account a report on a task is whose *caller* did not say who they are.

    What was dispatched to an agent is begun, and ended, by that one (seed row S4-12), unless the caller has it in hand.
    """
    held = result is not None and result.is_manual and result.status in ACTIVE
    holder = result.attempts[-1].agent if result is not None and held else ""
    named = task.role or task.agent_key
    agent = as_name(ALIASES.get(named, named)) or caller
    if verb is Verb.START:
        return caller if holder == caller else agent
    return agent if verb in {Verb.COMPLETE, Verb.FAIL} and holder == agent else caller


def loads(duties: Iterable[Duty], registry: AgentRegistry) -> list[Load]:
    """Return the load of everybody: agents in the order of the roster, then the others by name.

    Those that come with the orchestrator and have nothing to do are left out.
    """
    counts: dict[str, Counter[TaskStatus]] = {}
    for duty in duties:
        for name in duty.names:
            counts.setdefault(name, Counter())[duty.status] += 1
    active = {name: sum(each[status] for status in ACTIVE) for name, each in counts.items()}
    agents = [key for key in registry.keys if key in counts or key not in _BUILT_IN]
    found = []
    for name in (*agents, *sorted(counts.keys() - set(agents))):
        each, is_agent = counts.get(name, Counter()), name in agents
        found.append(
            Load(
                name=name,
                active=registry.running(name, active) if is_agent else active[name],
                pending=each[TaskStatus.PENDING],
                waiting=each[TaskStatus.WAITING],
                blocked=each[TaskStatus.BLOCKED],
                capacity=registry[name].max_parallel if is_agent else 0,
                is_agent=is_agent,
            )
        )
    return found


def with_room(found: Iterable[Load], below: int) -> list[Load]:
    """Return who may take one more and has fewer than *below* tasks under way, the least busy first."""
    free = [each for each in found if each.has_room(below)]
    return sorted(free, key=lambda each: (each.active, each.pending))
