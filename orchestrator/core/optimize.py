"""What would make a plan quicker: how long it takes, and which dependencies it could do without.

Only dependencies of kind ``order`` are ever taken away, and only where the plan is not slower afterwards by the model
here: tasks start as ``scheduler/ready_queue.py`` starts them, and each takes as long as it took before, else as
estimated.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from orchestrator.core.agent import Capacity
from orchestrator.core.graph import critical_path, shape, weights
from orchestrator.core.plan import Task, leaves
from orchestrator.core.pools import Limits, overlap
from orchestrator.core.text import join_first

#: Lengths that differ by less are the same: sums of the same numbers in another order.
_SAME = 1 + 1e-9
#: Questions for which it is worked out what the answer would save.
_MOST_QUESTIONS = 20
_NAMED = 5
_WORD = re.compile(r"[^\s`'\"(),;|<>\[\]]+")


class Edge(NamedTuple):
    """A dependency: *task* waits for *need*."""

    need: str
    task: str


class EdgeFinding(NamedTuple):
    """What is said of one dependency."""

    edge: Edge
    why: str
    saves: float = 0.0
    """Of a question: how much shorter the plan would be without it."""


class Model(NamedTuple):
    """What decides how long a plan takes, besides its tasks."""

    limits: Limits
    slots: int
    measured: Mapping[str, float] = {}
    """Seconds that tasks took."""
    given_up: Collection[str] = ()
    """Tasks that no one will do."""
    writes: Mapping[str, Sequence[str]] = {}
    """Globs of the files that each task writes; a task without any does not say it."""
    texts: Mapping[str, str] = {}
    """What tells each task what is to be done."""

    def timed(self, tasks: Mapping[str, Task]) -> dict[str, Task]:
        """Return the tasks with what they took as their estimates."""
        took = {task_id: max(seconds, 0.001) for task_id, seconds in self.measured.items()}
        return {each.id: each._replace(estimate=took.get(each.id, each.estimate)) for each in tasks.values()}


class Times(NamedTuple):
    """How long a plan takes, in seconds where any task has a time, else in tasks."""

    length: float
    with_one_more: float
    """With one more slot."""
    path: Sequence[str]
    """The critical path."""
    path_length: float


class Improvement(NamedTuple):
    """What would make a plan better; the most valuable first in each list."""

    free: Sequence[EdgeFinding]
    """Taken away: nothing flows along these."""
    implied: Sequence[EdgeFinding]
    """Taken away: another path says the same."""
    left: Sequence[EdgeFinding]
    """Could go, and was not taken away."""
    resources: Sequence[EdgeFinding]
    questions: Sequence[EdgeFinding]
    side_by_side: Sequence[Sequence[Sequence[str]]]
    """Groups of chains of tasks that do not wait for each other any more."""
    before: Times
    after: Times

    @property
    def gone(self) -> list[Edge]:
        """Every dependency that is taken away."""
        return [finding.edge for finding in (*self.free, *self.implied)]


# ── how long a plan takes ────────────────────────────────────────────────────────────────────────────────────────────


def length(tasks: Mapping[str, Task], model: Model, slots: int = 0) -> float:
    """Return how long a plan takes with so many slots, by default those of the model."""
    return _Schedule(model.timed(tasks), model, slots or model.slots).play()


class _Schedule:
    """List scheduling: whenever a slot is free, the first that is ready and has room starts."""

    def __init__(self, tasks: Mapping[str, Task], model: Model, slots: int) -> None:
        self._tasks, self._slots = tasks, slots
        self._rank, self._seconds = shape(tasks).rank, weights(tasks)
        self._place = {task_id: at for at, task_id in enumerate(tasks)}
        self._idle = {task.id for task in tasks.values() if task.children or task.id in model.given_up}
        self._of_task = model.limits.of_task
        self._capacity = Capacity(model.limits.sizes)
        self._unmet = {task.id: len(task.needs) for task in tasks.values()}
        self._behind: dict[str, list[str]] = {}
        for task in tasks.values():
            for need in task.needs:
                self._behind.setdefault(need, []).append(task.id)
        self._queues: dict[tuple[str, ...], list[tuple[int, float, int, str]]] = {}
        """What is ready, by its limits."""
        self._running: list[tuple[float, int, str]] = []

    def play(self) -> float:
        now = 0.0
        for task_id, unmet in self._unmet.items():
            if not unmet:
                self._queue_or_pass(task_id)
        while True:
            self._start(now)
            if not self._running:
                return now
            now = self._running[0][0]
            while self._running and self._running[0][0] <= now:
                task_id = heapq.heappop(self._running)[-1]
                self._capacity.ended(self._limits(task_id))
                self._release(task_id)

    def _limits(self, task_id: str) -> tuple[str, ...]:
        return tuple(self._of_task.get(task_id, ()))

    def _queue_or_pass(self, task_id: str) -> None:
        if task_id in self._idle:
            self._idle.discard(task_id)
            self._release(task_id)
            return
        item = (-self._tasks[task_id].priority, -self._rank[task_id], self._place[task_id], task_id)
        heapq.heappush(self._queues.setdefault(self._limits(task_id), []), item)

    def _release(self, done: str) -> None:
        stack = [done]
        while stack:
            for task_id in self._behind.get(stack.pop(), ()):
                self._unmet[task_id] -= 1
                if self._unmet[task_id]:
                    continue
                if task_id in self._idle:
                    stack.append(task_id)
                else:
                    self._queue_or_pass(task_id)

    def _start(self, now: float) -> None:
        while len(self._running) < self._slots:
            open_queues = [queue for names, queue in self._queues.items() if queue and self._capacity.has_room(names)]
            if not open_queues:
                return
            task_id = heapq.heappop(min(open_queues, key=lambda queue: queue[0]))[-1]
            self._capacity.started(self._limits(task_id))
            heapq.heappush(self._running, (now + self._seconds[task_id], self._place[task_id], task_id))


def _times(tasks: Mapping[str, Task], model: Model) -> Times:
    timed = model.timed(tasks)
    seconds, path = weights(timed), critical_path(timed, model.given_up)
    more = length(tasks, model, model.slots + 1)
    return Times(length(tasks, model), more, path, sum(seconds[task_id] for task_id in path))


# ── which dependencies could go ──────────────────────────────────────────────────────────────────────────────────────


def improve(
    tasks: Mapping[str, Task], model: Model, without: Callable[[Collection[Edge]], Mapping[str, Task]]
) -> Improvement:
    """Return what would make a plan better.

    *without* returns the tasks of the plan after these dependencies were taken out of its rows, or of as many of them
    as its rows say: another row, or an umbrella, may say one as well.
    """
    free, questions, resources = [], [], []
    for edge, kind in _own_edges(tasks):
        if kind == "resource":
            why = "both use the same thing: Writes or Concurrency says so, and leaves the order open"
            resources.append(EdgeFinding(edge, why))
        elif (doubt := _doubt(edge, tasks, model)) is None:
            free.append(EdgeFinding(edge, "both say what they write, and nothing of it is the same"))
        elif doubt:
            questions.append(EdgeFinding(edge, doubt))
    chain = _chains(tasks, model)
    for found in (free, questions, resources):
        found.sort(key=lambda each: -chain(each.edge))
    search = _Search(tasks, model, without)
    search.take([each.edge for each in free])
    implied = list(_implied(search.after))
    search.take([each.edge for each in implied])
    gone = {edge for edge in search.taken if edge.need not in search.after[edge.task].needs}
    return Improvement(
        [each for each in free if each.edge in gone],
        sorted((each for each in implied if each.edge in gone), key=lambda each: -chain(each.edge)),
        [each._replace(why=search.why(each.edge)) for each in (*free, *implied) if each.edge not in gone],
        resources,
        _weighed([each for each in questions if each.edge not in gone], search.after, model),
        side_by_side(search.after, [each.edge for each in free if each.edge in gone]),
        _times(tasks, model),
        _times(search.after, model),
    )


def _own_edges(tasks: Mapping[str, Task]) -> Iterator[tuple[Edge, str]]:
    """Yield the dependencies that hand nothing over, with their kinds; not what a task has from its umbrella."""
    for task in tasks.values():
        above = tasks[task.parent].own_needs if task.parent else ()
        for need, kind in task.need_kinds:
            if need in task.needs and need not in above:
                yield Edge(need, task.id), kind


def _doubt(edge: Edge, tasks: Mapping[str, Task], model: Model) -> str | None:
    """Say why something may flow along a dependency all the same; None: nothing does, empty: they write the same."""
    first, then = leaves(edge.need, tasks), leaves(edge.task, tasks)
    silent = [each for each in dict.fromkeys((*first, *then)) if not model.writes.get(each)]
    ours = [glob for each in first for glob in model.writes.get(each, ())]
    theirs = [glob for each in then for glob in model.writes.get(each, ())]
    if any(overlap(one, other) for one in ours for other in theirs):
        return ""
    for each in then:
        if said := next((word for need in first if (word := _names(each, need, tasks, model))), ""):
            return f"the text of {each} names {said}"
    if silent:
        return f"{join_first(silent, _NAMED)} {'does' if len(silent) == 1 else 'do'} not say in Writes what is written"
    return None


def _names(task_id: str, need: str, tasks: Mapping[str, Task], model: Model) -> str:
    """Return what the text of a task says that means another one, its result or its files; empty when nothing does."""
    text, other = model.texts.get(task_id, ""), tasks[need]
    folded = f" {' '.join(_WORD.findall(text.casefold()))} "
    for name in (other.id, other.stem, other.name, other.result_path):
        words = " ".join(_WORD.findall(name.casefold()))
        if words and re.search(rf"(?<![\w-]){re.escape(words)}(?![\w-])", folded):
            return name
    globs = model.writes.get(need, ())
    for word in dict.fromkeys(_WORD.findall(text) if globs else ()):
        path: str = word.strip(".:*_").removeprefix("./").strip("/")
        if path and any(overlap(path, glob) or overlap(f"{path}/**", glob) for glob in globs):
            return path
    return ""


def _implied(tasks: Mapping[str, Task]) -> Iterator[EdgeFinding]:
    """Yield the order dependencies that another path says as well; an umbrella keeps its own, for what is under it."""
    if not all(task.rule.is_plain for task in tasks.values()):
        return  # a path through a task that runs whatever came before it does not say the same
    before, bits = _ancestors(tasks)
    for edge, kind in _own_edges(tasks):
        task = tasks[edge.task]
        if kind == "order" and not task.children:
            via = (each for each in task.needs if each != edge.need and before[each] & bits[edge.need])
            if (other := next(via, None)) is not None:
                yield EdgeFinding(edge, f"{edge.task} needs {other}, which comes after {edge.need}")


def _ancestors(tasks: Mapping[str, Task]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the set of everything that each task waits for, as bits, and the bit of each task."""
    order = shape(tasks).order
    bits = {task_id: 1 << at for at, task_id in enumerate(order)}
    before: dict[str, int] = {}
    for task_id in order:
        found = 0
        for need in tasks[task_id].needs:
            found |= before[need] | bits[need]
        before[task_id] = found
    return before, bits


def _chains(tasks: Mapping[str, Task], model: Model) -> Callable[[Edge], float]:
    """Return what tells how long the longest chain through a dependency is."""
    timed = model.timed(tasks)
    shaped, seconds = shape(timed), weights(timed)
    until: dict[str, float] = {}
    for task_id in shaped.order:
        until[task_id] = seconds[task_id] + max((until[need] for need in tasks[task_id].needs), default=0.0)
    return lambda edge: until[edge.need] + shaped.rank[edge.task]


class _Search:
    """Takes dependencies away as long as the plan stays what it was and does not get slower."""

    def __init__(
        self, tasks: Mapping[str, Task], model: Model, without: Callable[[Collection[Edge]], Mapping[str, Task]]
    ) -> None:
        self.after, self.taken = tasks, list[Edge]()
        self._before, self._model, self._without = tasks, model, without
        self._length = length(tasks, model)
        self._refused: dict[Edge, str] = {}

    def take(self, edges: Sequence[Edge]) -> None:
        """Take away as many of these as possible: all at once, else in halves."""
        if not edges:
            return
        after = self._without([*self.taken, *edges])
        refused = "its row cannot be changed without changing what else it says"
        if _is_same(self._before, after):
            took = length(after, self._model)
            if took <= self._length * _SAME:
                self.taken += edges
                self.after, self._length = after, min(took, self._length)
                return
            refused = "the plan would take longer without it: it happens to start tasks in a better order"
        if len(edges) == 1:
            self._refused[edges[0]] = refused
            return
        half = len(edges) // 2
        self.take(edges[:half])
        self.take(edges[half:])

    def why(self, edge: Edge) -> str:
        """Say why a dependency is still there."""
        return self._refused.get(edge, "another cell says it as well, such as one of Blocks, or the row of an umbrella")


def _is_same(before: Mapping[str, Task], after: Mapping[str, Task]) -> bool:
    """Whether these are the same tasks, with fewer dependencies, none of which handed anything over."""
    return list(before) == list(after) and all(
        set(task.data_needs) == set(after[task.id].data_needs) and set(task.needs).issuperset(after[task.id].needs)
        for task in before.values()
    )


# ── what follows ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _weighed(questions: Sequence[EdgeFinding], tasks: Mapping[str, Task], model: Model) -> list[EdgeFinding]:
    """Return the questions with what an answer would save, and those about results that no text names."""
    path = critical_path(model.timed(tasks), model.given_up)
    handed = [
        EdgeFinding(edge, f"the text of {edge.task} does not name {edge.need}: does it need that result?")
        for edge in map(Edge._make, pairwise(path))
        if edge.need in tasks[edge.task].data_needs
        and not (tasks[edge.task].children or tasks[edge.need].children)
        and edge.need not in (tasks[tasks[edge.task].parent].own_needs if tasks[edge.task].parent else ())
        and not _names(edge.task, edge.need, tasks, model)
    ]
    now = length(tasks, model)

    def weighed(each: EdgeFinding) -> EdgeFinding:
        return each._replace(saves=max(0.0, now - length(_cut(tasks, each.edge), model)))

    asked = [*map(weighed, questions[:_MOST_QUESTIONS]), *questions[_MOST_QUESTIONS:]]
    worth = [found for each in handed[:_MOST_QUESTIONS] if (found := weighed(each)).saves > now * (_SAME - 1)]
    return sorted([*asked, *worth], key=lambda each: -each.saves)


def _cut(tasks: Mapping[str, Task], edge: Edge) -> dict[str, Task]:
    """Return the tasks without one dependency, for all that have it from there."""
    heirs, stack = set[str](), [edge.task]
    while stack:
        heirs.add(task_id := stack.pop())
        stack += tasks[task_id].children
    cut = dict(tasks)
    for task_id in heirs:
        cut[task_id] = tasks[task_id]._replace(needs=tuple(each for each in tasks[task_id].needs if each != edge.need))
    return cut


def side_by_side(tasks: Mapping[str, Task], gone: Sequence[Edge]) -> list[list[list[str]]]:
    """Return groups of chains that could run side by side now that these dependencies are gone."""
    before, bits = _ancestors(tasks)
    behind: dict[str, list[str]] = {}
    for task in tasks.values():
        for need in task.needs:
            behind.setdefault(need, []).append(task.id)
    parted = [edge for edge in gone if not before[edge.task] & bits[edge.need]]
    found = dict.fromkeys(tuple(_chain_of(each, tasks, behind)) for edge in parted for each in edge)
    groups: list[list[Sequence[str]]] = []
    for chain in found:
        ends = _reach(chain, before, bits)
        for group in groups:
            if not any(_is_ordered(ends, _reach(other, before, bits)) for other in group):
                group.append(chain)
                break
        else:
            groups.append([chain])
    return [[list(chain) for chain in group] for group in groups if len(group) > 1]


def _chain_of(task_id: str, tasks: Mapping[str, Task], behind: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the tasks that can only come one after the other, around one of them."""
    chain = [task_id]
    while len(needs := tasks[chain[0]].needs) == 1 and len(behind[needs[0]]) == 1:
        chain.insert(0, needs[0])
    while len(after := behind.get(chain[-1], ())) == 1 and len(tasks[after[0]].needs) == 1:
        chain.append(after[0])
    return chain


def _reach(chain: Sequence[str], before: Mapping[str, int], bits: Mapping[str, int]) -> tuple[int, int]:
    """Return the tasks of a chain, and everything that they wait for, as bits."""
    own = waits = 0
    for task_id in chain:
        own, waits = own | bits[task_id], waits | before[task_id]
    return own, waits


def _is_ordered(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return bool(one[0] & (other[0] | other[1]) or other[0] & one[1])
