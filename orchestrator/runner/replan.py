"""What a run does about a plan that was changed under it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from orchestrator.agents.protocol import Agent
from orchestrator.core.agent import AgentRegistry
from orchestrator.core.graph import Shape
from orchestrator.core.plan import Plan, Task, stem
from orchestrator.core.result import Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import LostResultError
from orchestrator.runner.clock import Clock
from orchestrator.runner.loop import Runner
from orchestrator.runner.plan_watcher import Change, Watch, require_kept
from orchestrator.runner.preview import RunPreview
from orchestrator.runner.scheduler_setup import require_same_pools, revised_entries
from orchestrator.scheduler.engine import Engine
from orchestrator.services.assignments import make_task_files
from orchestrator.services.batches import renew
from orchestrator.services.run_request import KEPT_AS_THEY_ARE, RunRequest
from orchestrator.services.task_settings import both_settings, work_directory
from orchestrator.store.attempt_record import Traces, scan_logs
from orchestrator.store.requests import Requests, new_id
from orchestrator.store.workspace import Workspace


@dataclass(slots=True, eq=False, repr=False)
class Replanner:
    """Reads the plan again when its file is another one, and makes a change of it when it says something else."""

    order: RunRequest
    workspace: Workspace
    registry: AgentRegistry
    plan: Plan
    """The one that the run goes by."""
    seen: int
    """The version of the file it was read from."""
    also: set[str] = field(default_factory=set, init=False)
    """Tasks that the run is asked for besides, from the next change on."""
    _offered: int = field(default=0, init=False)
    """The version of the change that was returned last."""
    _expanded: int = field(default=0, init=False)
    """Batches expanded during the run."""
    _expanded_offered: int = field(default=0, init=False)
    """How many of them the last change has."""
    _expanded_seen: int = field(default=0, init=False)
    """How many of them the run goes by."""

    def watch(
        self, look_around: Callable[[], None], apply: Callable[[Change], None], close: Callable[..., None]
    ) -> Watch:
        """Return what looks after the plan; *apply* goes on with a change."""
        saved, ask = self.workspace.plan_versions.is_being_saved, self.also.add
        return Watch(self.look, look_around, apply, saved, close, ask if self.order.grows else None)

    def expect(self) -> None:
        """Read the plan again at the next look: a batch was expanded."""
        self._expanded += 1

    def look(self, was_refused: bool = False) -> Change | None:  # noqa: FBT001, FBT002 - called in a thread
        """Return the change, with the task files of rows that are new or say something else; None when there is none.

        Until the run goes on with it, each look returns it anew. After one that *was_refused* it is a change as well
        that the plan says again what the run goes by.

        Raises:
            PlanError: the plan, or the task file of a row, is invalid; names file and line.
            NotFoundError, StoreError: as their names say.
        """
        also = tuple(sorted(self.also))  # asked for in another thread
        expanded = self._expanded
        is_expanded = expanded != self._expanded_seen
        if self.order.only and not (also or is_expanded):
            return None  # what was asked for by name does not grow by itself
        version, is_asked = self.workspace.plan_versions.newest(), bool(also) or was_refused or is_expanded
        if not version or (version == self.seen and not is_asked):
            return None
        plan, shape = self._loaded(is_expanded and version == self.seen)
        if _content(plan) == _content(self.plan) and not is_asked:
            self.seen = version
            return None  # only text around the table
        policies, meant = both_settings(self.workspace, plan, self.order, self.registry)
        new = [task for task_id, task in plan.tasks.items() if task_id not in self.plan.tasks]
        others = [task_id for task_id, task in plan.tasks.items() if task_id in also or _is_other(task, self.plan)]
        make_task_files(self.workspace, plan.tasks, meant, others, self.registry)
        traces = scan_logs(self.workspace.layout.logs) if new else {}
        found = ((task.id, self.workspace.read_result(task.stem)) for task in new)
        results = {
            task_id: result
            for task_id, result in found
            if result is not None
            and result.task == task_id
            and _stands(result, traces.get(plan.tasks[task_id].stem, Traces()))
        }
        newest = {task.id: traces[task.stem].newest for task in new if task.stem in traces}
        self._offered, self._expanded_offered = version, expanded
        return Change(plan, shape, policies, meant, newest, results, also)

    def _loaded(self, is_same: bool) -> tuple[Plan, Shape]:  # noqa: FBT001 - the file is
        """Return the plan, with its batches as the lists of its rows are now: a user may have changed one."""
        plan, shape = self.workspace.load_plan()
        if is_same or not any(task.is_batch for task in plan.tasks.values()):
            return plan, shape
        workdir = work_directory(self.workspace.layout, plan, self.order.flags)
        if (renewal := renew(self.workspace, workdir)) is None or not renewal.changed:
            return plan, shape
        self.workspace.expansions.write(renewal.changed)
        return self.workspace.load_plan()

    def go_on(
        self, change: Change, runner: Runner, ahead: RunPreview, agents: Mapping[str, Agent]
    ) -> list[tuple[str, str]]:
        """Let the run go on with a change; return results that lay in the place of new tasks: task, where they are now.

        Raises:
            PlanError, UsageError: what is under way forbids it as yet; nothing was done.
            StoreError: a result could not be moved.
        """
        require_same_pools(self.plan, change.plan)
        require_kept(change.plan, runner.engine.under_way)
        order = self._grown(change, runner.engine)
        entries, widths = revised_entries(change, runner, ahead._replace(order=order), agents, self.registry)
        tasks, results = change.plan.tasks, runner.board.results
        new = tasks.keys() - runner.board.plan.tasks.keys()
        new |= {task_id for task_id in change.also if task_id in runner.board.doubts}
        aside = ((task_id, self.workspace.move_aside(tasks[task_id])) for task_id in sorted(new))
        moved = [(task_id, path) for task_id, path in aside if path]
        # Not before: as long as something is invalid, each look reads it again.
        self.plan, self.seen, self._expanded_seen = change.plan, self._offered, self._expanded_offered
        self.order = order
        self.also.difference_update(change.also)
        results.update({key: each for key, each in change.results.items() if key not in results})
        runner.replan(change, entries, widths)
        return moved

    def _grown(self, change: Change, engine: Engine) -> RunRequest:
        """Return the order with what the run is asked for besides, and what a user made it do again meanwhile."""
        if not self.order.only:
            return self.order
        again = (
            entry.id for entry in engine.entries.values() if not (entry.is_umbrella or entry.status in KEPT_AS_THEY_ARE)
        )
        only = dict.fromkeys((*self.order.only, *again, *change.also))
        return self.order._replace(only=[each for each in only if each in change.plan.tasks])


def _is_other(task: Task, before: Plan) -> bool:
    known = before.tasks.get(task.id)
    return known is None or known._replace(where="") != task._replace(where="")


def _stands(result: Result, traces: Traces) -> bool:
    """Whether a task that is new in the plan is not to be run: it is completed, or a user said so."""
    match result.status:
        case TaskStatus.COMPLETED:
            return result.number in traces.recorded
        case TaskStatus.BLOCKED | TaskStatus.CANCELLED:
            return True
        case _:
            return result.status is TaskStatus.RUNNING and result.is_manual


def _content(plan: Plan) -> tuple[object, ...]:
    """What a plan says, wherever in the file that stands."""
    return plan.settings, [task._replace(where="") for task in plan.tasks.values()]


# ── resets ────────
#
# Results that people delete, or reset to pending, while a run is active: their tasks are done again.
#
# So is what was lost, or damaged, when something is to be made from it.

#: Who asks for it, in the journal and in the result.
_BY = "hand"
_VERBS = {
    TaskStatus.COMPLETED: Verb.RETRY,
    TaskStatus.FAILED: Verb.RETRY,
    TaskStatus.CANCELLED: Verb.RETRY,
    TaskStatus.BLOCKED: Verb.UNBLOCK,
}


@dataclass(slots=True, eq=False, repr=False)
class Resets:
    """Leaves a request for each, as ``orchestrator retry`` does; the active run carries it out.

    Once for each task in a run: an agent that deletes results whenever it works must not keep the run going for ever.
    """

    workspace: Workspace
    requests: Requests
    board: PlanSnapshot
    """What the run knows."""
    engine: Engine
    """Of the tasks that take part in it."""
    clock: Clock
    _before: Mapping[str, int] = field(default_factory=dict, init=False)
    _corrected: dict[str, int] = field(default_factory=dict, init=False)
    _asked: set[str] = field(default_factory=set, init=False)

    def look(self) -> None:
        """Ask for what was reset. Two looks have to find the same: an editor that saves may first move a file away.

        Raises:
            StoreError: a result could not be read, or the request not written.
        """
        before, self._before = self._before, self.workspace.disturbed()
        if not self._before or not os.path.exists(self.workspace.layout.plan):
            return  # where the plan is gone too, a user clears the directory: nothing of that asks for more work
        for task_id, result in list(self.board.results.items()):
            version, verb = self._before.get(name := stem(task_id)), _VERBS.get(result.status)
            if version is None or verb is None or version != before.get(name):
                continue
            if task_id not in self._asked and self._is_reset(task_id, name, version):
                note = f"its result was {'reset to pending' if version else 'deleted'}"
                self._ask(task_id, verb, note)

    def redo(self, error: LostResultError) -> bool:
        """Ask for all that was lost to be done again; False, and nothing asked: a part of it cannot be, or was before.

        Raises:
            StoreError: the request could not be written.
        """
        if self._asked.intersection(error.tasks) or not self.engine.entries.keys() >= set(error.tasks):
            return False
        for task_id in error.tasks:
            self._ask(task_id, Verb.RETRY, error.message)
        return True

    def _ask(self, task_id: str, verb: Verb, note: str) -> None:
        self._asked.add(task_id)
        now = self.clock.wall()
        command = TaskCommand(verb, task_id, _BY, now, id=new_id(now), note=note)
        self.requests.leave(command)

    def _is_reset(self, task_id: str, name: str, version: int) -> bool:
        if not version or self._corrected.get(name) == version:
            return not version
        found = self.workspace.read_result(name)
        if found is not None and found.task == task_id and found.status is TaskStatus.PENDING:
            return True
        # What a person corrected is kept; what is damaged is reported at the end.
        self._corrected[name] = version
        return False
