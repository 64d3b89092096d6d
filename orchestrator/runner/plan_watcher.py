"""Looks at the plan while it runs: what a person changed counts at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import anyio

from orchestrator.core.graph import Shape
from orchestrator.core.plan import Plan, Task, stem
from orchestrator.core.result import Result
from orchestrator.core.settings import RUN_ONLY, Settings
from orchestrator.errors import OrchestratorError, PlanError, Problem
from orchestrator.runner.event_loop import in_thread

#: Seconds between two looks at least; a look is one ``stat`` while nothing changed.
_SHORTEST = 0.5
#: A look that took t is followed by a pause of this many t: a plan of any size costs 2 % of the time at most.
_PAUSE = 50.0
#: Seconds between two looks at a plan that a user is writing, and how many there are at most.
_SETTLING, _SETTLES = 0.1, 20
#: Tasks named in one line.
_NAMED = 10


class Change(NamedTuple):
    """A plan that was changed and is valid."""

    plan: Plan
    shape: Shape
    policies: Mapping[str, Settings]
    meant: Mapping[str, Settings]
    """As in ``RunPreview``."""
    newest: Mapping[str, int]
    """The highest attempt number ever used by tasks that are new in the plan."""
    results: Mapping[str, Result]
    """Results of tasks that are new in the plan and are not to be run: done before, blocked, claimed by a user."""
    also: Sequence[str] = ()
    """Tasks that the run is asked for from now on, besides those that it was asked for by name."""


@dataclass(slots=True, eq=False, repr=False)
class Watch:
    """Looks again and again until cancelled."""

    look: Callable[[bool], Change | None]
    """Reads the disk, in a thread; None when nothing changed. With true, as after a change that was refused, a plan
    that says again what the run goes by is a change, too."""
    look_around: Callable[[], None]
    """Looks after what else people change; in a thread, before each of the looks that come by themselves."""
    apply: Callable[[Change], None]
    """Goes on with it; raises ``PlanError`` as long as what is under way forbids it."""
    is_being_saved: Callable[[], bool]
    """Whether a user has the file open for writing, or saved it so recently that it may not be whole."""
    close: Callable[..., None]
    """Says, by ``is_closed``, whether the run takes nothing any more that is added from now on."""
    ask: Callable[[str], None] | None = None
    """Has the next look ask for one more task; None: what the run was asked for does not grow."""
    _turn: anyio.Lock = field(init=False)
    refused: OrchestratorError | None = field(default=None, init=False)
    """What is wrong with the plan as it stands; the same is not reported at every look."""

    async def keep_watching(self, warn: Callable[[str], None]) -> None:
        """Apply each change; tell what is wrong with a change that is not valid, and go on with the last valid plan."""
        # Not made before: outside of an event loop it would load asyncio before the guard is started.
        self._turn = anyio.Lock()
        pause = _SHORTEST
        while True:
            await anyio.sleep(pause)
            before = anyio.current_time()
            await self._look(warn, self.look_around)
            pause = max(_SHORTEST, _PAUSE * (anyio.current_time() - before))

    async def look_once_more(self, warn: Callable[[str], None]) -> None:
        """Look at the end of a run: what was added up to now is still done by it."""
        self.close(is_closed=True)
        await self._settle()
        await self._look(warn, self.look_around)

    async def catch_up(self, warn: Callable[[str], None]) -> None:
        """Take in what was said in the plan up to now: anyone who said it counts on it for what they ask for next."""
        await self._settle()
        await self._look(warn)

    async def _settle(self) -> None:
        for _ in range(_SETTLES):
            if not self.is_being_saved():
                break
            await anyio.sleep(_SETTLING)

    async def _look(self, warn: Callable[[str], None], look_around: Callable[[], None] | None = None) -> None:
        async with self._turn:
            try:
                if look_around is not None:
                    await in_thread(look_around)
                change = await in_thread(self.look, self.refused is not None)
                if change is not None:
                    self.apply(change)
                    self.refused = None
            except OrchestratorError as error:
                before, self.refused = self.refused, error
                if str(error) != str(before or ""):
                    warn(f"the run goes on with the last valid plan: {error}")


def require_kept(plan: Plan, under_way: Iterable[str]) -> None:
    """Refuse a plan in which what is under way would lose its files to another task, or its answer to everybody.

    Raises:
        PlanError: names the rows; they make sense once those tasks are over.
    """
    running = set(under_way)
    kept = {stem(task_id).casefold(): task_id for task_id in running - plan.tasks.keys()}
    problems = []
    for task in plan.tasks.values():
        if (before := kept.get(task.stem.casefold())) is not None:
            problems.append(
                Problem(
                    f"{before} is under way, and {task.id} would share its files",
                    task.where,
                    f"call the row {before} until that is over",
                    "duplicate_file",
                )
            )
        if task.parent in running:
            problems.append(
                Problem(
                    f"{task.parent} is under way, so {task.id} cannot be put under it",
                    task.where,
                    f"wait until {task.parent} is over, or let {task.id} depend on it",
                    "started_parent",
                )
            )
    if problems:
        raise PlanError(problems)


def kept_with(plan: Plan, before: Plan, under_way: Iterable[str]) -> Plan:
    """Return the new plan with those tasks of the old one that were started and are not over, and what they need.

    What a task was started with is what its result is made from; what its row says by now counts once it is over.
    """
    tasks = dict(plan.tasks)
    for task_id in sorted(set(under_way)):
        old = before.tasks[task_id]
        needs = _still_there(old.needs, tasks)
        if (new := tasks.get(task_id)) is not None:
            tasks[task_id] = new._replace(needs=needs, need_kinds=old.need_kinds)
        else:
            children = _still_there(old.children, tasks)
            tasks[task_id] = old._replace(needs=needs, children=children)
    return plan._replace(tasks=tasks)


def _still_there(ids: Iterable[str], tasks: Mapping[str, Task]) -> tuple[str, ...]:
    return tuple(each for each in ids if each in tasks)


def difference(before: Plan, after: Plan, also: Sequence[str] = ()) -> str:
    """Say in one line how two plans differ, and what a run is asked for besides."""
    new, gone = after.tasks.keys() - before.tasks.keys(), before.tasks.keys() - after.tasks.keys()
    changed = [
        task_id
        for task_id in after.tasks.keys() & before.tasks.keys()
        if after.tasks[task_id]._replace(where="") != before.tasks[task_id]._replace(where="")
    ]
    parts = [
        f"{what} {', '.join(sorted(ids)[:_NAMED])}{'…' if len(ids) > _NAMED else ''}"
        for what, ids in (("new", new), ("gone", gone), ("changed", changed))
        if ids
    ]
    settings = {name for name, _ in _items(before) ^ _items(after)}
    if of_tasks := sorted(settings - RUN_ONLY):
        parts.append(f"settings {', '.join(of_tasks)}")
    if of_runs := sorted(settings & RUN_ONLY):
        parts.append(f"{', '.join(of_runs)}, from the next run on")
    asked = f"asked for as well: {', '.join(also)}" if also else ""
    if not parts and list(before.tasks) == list(after.tasks):
        return asked or "the plan is valid; nothing of it changes for this run now"
    changed_so = f"the plan was changed: {'; '.join(parts) or 'the order of its rows'}"
    return "; ".join(filter(None, (changed_so, asked)))


def _items(plan: Plan) -> set[tuple[str, str]]:
    return {(name, repr(value)) for name, value in plan.settings.items()}
