"""Who there is to do a task, what each is good for, and who takes which one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from typing import Any, NamedTuple, Protocol

from orchestrator.core.ids import as_name
from orchestrator.core.plan import Task
from orchestrator.core.result import Result
from orchestrator.core.status import ACTIVE, OVER, TaskStatus, Verb
from orchestrator.core.task_type import BUILT_IN_TYPES, TaskType
from orchestrator.errors import CapacityError

# ── capacity ────────
#
# How many attempts each agent may have under way at once: its ``max_parallel``, which is never passed.
#
# An attempt counts against every agent of its *crew*: the agent that does it, and the one that agent stands on, as far
# as they have a width at all. An empty crew is limited by no one, and that is what most plans have.

#: Keys of agents, each with a width.
Crew = tuple[str, ...]


class Machine(Protocol):
    """What a run shares with others on this machine: slots of shared pools, memory."""

    def take(self, names: Crew) -> str:
        """Take of each of these limits what one attempt needs, or nothing at all; return one of which none is left.

        A limit that is this run's alone has its place. Empty: everything was taken.
        """

    def give_back(self, names: Crew) -> None:
        """Give back what an attempt took that is over."""


@dataclass(slots=True, eq=False, repr=False)
class Capacity:
    """Counts what is under way. The engine asks and tells."""

    widths: Mapping[str, int] = field(default_factory=dict)
    machine: Machine | None = None
    """None: the run shares nothing."""
    _under_way: Counter[str] = field(default_factory=Counter, init=False)

    def has_room(self, pool: Crew) -> bool:
        """Say whether one more attempt of this crew may start."""
        return all(self._under_way[key] < self.widths[key] for key in pool)

    def take(self, pool: Crew) -> str:
        """Take what others could take as well; return of what there is none left; empty: nothing is in the way."""
        return self.machine.take(pool) if pool and self.machine is not None else ""

    def started(self, pool: Crew) -> None:
        """Count an attempt that starts."""
        for key in pool:  # mostly no one
            self._under_way[key] += 1

    def ended(self, pool: Crew) -> None:
        """Count an attempt that is over."""
        for key in pool:
            self._under_way[key] -= 1
        if pool and self.machine is not None:
            self.machine.give_back(pool)


#: What else a built-in agent is called.
ALIASES = {"claude-code": "claude"}
#: Words of a command line that stand for something else: the path of a file with the prompt, and the model.
PROMPT_FILE, MODEL = "{prompt_file}", "{model}"


class Program(StrEnum):
    """What an agent runs."""

    CLAUDE = "claude"
    SHELL = "shell"
    SIMULATED = "simulated"
    COMMAND = "command"
    """A command line that its file names."""


class AgentCommand(NamedTuple):
    """The command line of an agent, and how to read what comes of it."""

    words: tuple[str, ...]
    """The program, and what follows it."""
    answer: tuple[str, ...] = ()
    """Where in the JSON object that it prints the answer stands; empty: all that it prints is the answer."""
    login: tuple[str, ...] = ()
    """Variables that it needs to work at all, let through also into a clean environment; ``AWS_*`` for many."""
    version: tuple[str, ...] = ()
    """Words that ask its program for the version; empty: it is not asked."""
    is_free: bool = False
    """It costs nothing, so no budget holds it back. Else its cost is unknown."""
    base: str = "/"
    """The directory that holds ``agents/``, where its program is asked for the version."""


class Member(NamedTuple):
    """One agent that a task may ask for."""

    key: str
    runs: Program = Program.CLAUDE
    best_for: str = ""
    types: tuple[str, ...] = ()
    """Types of task that it is there for, in lower case."""
    capabilities: tuple[str, ...] = ()
    """What else it can do, in lower case."""
    max_parallel: int = 0
    """Tasks it may have under way at once; 0: as many as the run has slots."""
    settings: Mapping[str, Any] = {}
    """Settings of every task it does; stronger than those of the plan, weaker than those of the task file."""
    role: str = ""
    """What stands in front of every prompt of it."""
    command: AgentCommand | None = None
    extends: str = ""
    """The agent it stands on: it runs what that one runs, and counts as one of it."""
    where: str = "built in"
    """``file:line`` where it is defined."""

    @property
    def skills(self) -> frozenset[str]:
        """All that it says it can do; empty: it says nothing, and may be asked for anything."""
        return frozenset((*self.types, *self.capabilities))


BUILT_IN = (
    Member("claude", Program.CLAUDE, "reads, writes, runs programs, searches"),
    Member("shell", Program.SHELL, "commands that are written out in the task"),
    Member("simulated", Program.SIMULATED, "trying a plan: it answers at once and does nothing"),
)


class Listed(NamedTuple):
    """One agent, and how much it has to do."""

    member: Member
    running: int
    """Tasks of the plan that it has under way, those of agents that stand on it included."""
    lacks: str
    """Why it cannot work on this machine; empty: it can."""


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class AgentRegistry:
    """All agents by key: the built-in ones first, then those of files, nearest directory first."""

    members: Mapping[str, Member]
    types: Mapping[str, TaskType] = field(default_factory=lambda: BUILT_IN_TYPES)
    """The types of task there are, by their keys in lower case."""

    @classmethod
    def of(cls, members: Iterable[Member] = (), types: Mapping[str, TaskType] = BUILT_IN_TYPES) -> AgentRegistry:
        """Return the built-in agents and these; one with the key of a built-in one takes its place."""
        return cls({member.key: member for member in (*BUILT_IN, *members)}, types)

    def type_of(self, task: Task) -> TaskType | None:
        """Return what is known of the type of a task; None where its type is only a label."""
        return self.types.get(task.type.casefold()) if task.type else None

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and ALIASES.get(key, key) in self.members

    def __iter__(self) -> Iterator[Member]:
        return iter(self.members.values())

    def __getitem__(self, key: str) -> Member:
        return self.members[ALIASES.get(key, key)]

    @property
    def keys(self) -> Sequence[str]:
        """What a task may ask for."""
        return tuple(self.members)

    @property
    def shells(self) -> Sequence[str]:
        """Those of them that run commands."""
        return tuple(member.key for member in self if member.runs is Program.SHELL)

    @property
    def widths(self) -> Mapping[str, int]:
        """``max_parallel`` of those that have one."""
        return {member.key: member.max_parallel for member in self if member.max_parallel}

    def pool(self, key: str) -> Crew:
        """Return the agents whose ``max_parallel`` a task of this one counts against."""
        member = self[key]
        both = dict.fromkeys((member.key, member.extends))
        return tuple(each for each in both if each and self[each].max_parallel)

    def running(self, key: str, running_tasks: Mapping[str, int]) -> int:
        """Return how many tasks of an agent are under way, those of agents that stand on it included."""
        key = self[key].key
        return sum(running_tasks.get(each.key, 0) for each in self if key in {each.key, each.extends})

    def require_room(self, key: str, running_tasks: Mapping[str, int]) -> None:
        """Make sure that an agent may take one more task. *at_work*: tasks under way by agent, see ``at_work``.

        Raises:
            CapacityError: it has as many as it may.
        """
        for each in self.pool(key):
            limit, running = self[each].max_parallel, self.running(each, running_tasks)
            if running >= limit:
                raise CapacityError(
                    f"Agent at capacity: {each} has {running} of {limit} tasks under way",
                    hint=f"wait until one of them is done, or raise max_parallel in {self[each].where}",
                )

    def choose(self, *, fallback: str, type: str = "", needs: Collection[str] = ()) -> str:
        """Choose who takes a task that names no agent: the first for its type, else the first that can do it.

        Who is busy makes no difference: the next run, and the caller before it, must come to the same agent.

        Args:
            fallback: Who takes what fits no one.
            type: Type of the task; empty: it has none.
            needs: Capabilities that are required.
        """
        folded, required = type.casefold(), {need.casefold() for need in needs}
        command = required | {folded} if folded else required
        of_type = (each.key for each in self if folded in each.types and required <= each.skills)
        able = (each.key for each in self if command and command <= each.skills)
        return next(chain(of_type, able), fallback)


def running_tasks(results: Iterable[Result]) -> Counter[str]:
    """Return how many tasks each agent has under way; what another user took into their hands is theirs."""
    return Counter(each.agent for each in results if each.status is TaskStatus.RUNNING)


# ── workload ────────
#
# How much everybody has to do: agents, and those whom tasks are assigned to.

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
    """How many tasks a user has, by where they stand."""

    name: str
    active: int
    """Under way, those of agents that stand on this one included."""
    pending: int
    waiting: int
    blocked: int
    capacity: int
    """Tasks it may have under way at once; 0: not set."""
    is_agent: bool
    """Of the roster; else a user whom tasks are assigned to."""

    def has_room(self, below: int) -> bool:
        """Say whether a user may take one more and has fewer than so many under way."""
        return self.active < below and not 0 < self.capacity <= self.active


def names_of(task: Task, result: Result | None, agent: str) -> tuple[str, ...]:
    """Return whose a task is: who is responsible, and who is at it by hand, or the *agent* that does it or will."""
    is_taken = result is not None and result.is_manual and result.status in ACTIVE
    doer = result.attempts[-1].agent if result is not None and is_taken else agent
    return tuple(dict.fromkeys(filter(None, (task.role, doer))))


def reporter(task: Task, result: Result | None, verb: Verb, caller: str) -> str:
    """Return on whose account a report on a task is whose *caller* did not say who they are.

    What was dispatched to an agent is begun, and ended, by that one, unless the caller has it in hand.
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
