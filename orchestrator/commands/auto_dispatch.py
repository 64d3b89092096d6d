"""The command ``auto-dispatch``: start every task of a plan that is ready."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, Command, argument, flag, option, with_help
from orchestrator.commands.reply import say_error, with_program, write
from orchestrator.core.agent import running_tasks
from orchestrator.core.dispatch import TaskNotReady, TaskPaths, context, ready, refusal, within_capacity
from orchestrator.core.plan import Task
from orchestrator.core.plan_status import TERMINAL
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.core.status import Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import (
    ApprovalError,
    BusyError,
    ExitStatus,
    NotFoundError,
    OrchestratorError,
    PlanError,
    TransitionError,
    UsageError,
)
from orchestrator.plan.task_fields import PLAIN_FIELDS
from orchestrator.plan.task_file import criteria_in
from orchestrator.runner.detach import await_begun, detach, staying_run
from orchestrator.runner.preview import RunPreview, preview_run
from orchestrator.services.plans import require_approval, require_subtask
from orchestrator.services.run_request import RunRequest, asked_for
from orchestrator.store import collection
from orchestrator.store.layout import Layout
from orchestrator.store.lock import lock_owner
from orchestrator.store.requests import Reply, Requests, new_id
from orchestrator.store.watcher import poll
from orchestrator.store.workspace import Workspace
from orchestrator.wiring import detached, own_program

if TYPE_CHECKING:
    from orchestrator.executors.detach import Detached
    from orchestrator.services.plugins import Plugins


#: Who asks a run for more.
_BY = "auto-dispatch"
#: Seconds in which a run says that it takes more; it looks five times a second.
_ANSWERS_WITHIN = 10.0
#: Seconds between two looks for that.
_LOOK = 0.05
#: Seconds in which runs that come and go in between are put up with.
_TRIES_WITHIN = 10.0


class Dispatch(NamedTuple):
    """A task that was handed out, or would be."""

    task_id: str
    subtask_id: str
    agent: str
    """The agent that the run starts."""
    assignee: str
    """Who is responsible, where one is named."""
    context: Mapping[str, Any] | None = None
    run: str = ""
    """The run that does it; empty in a preview."""


class NotDispatched(NamedTuple):
    """A task that was not handed out, and why; without a task, nothing of the plan was."""

    task_id: str
    subtask_id: str
    reason: str


@dataclass(slots=True)
class Round:
    """The outcome of handing out what is ready."""

    dispatches: list[Dispatch] = field(default_factory=list)
    skipped: list[NotDispatched] = field(default_factory=list)
    errors: list[OrchestratorError] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Hands out what is ready, plan by plan."""

    plugins: Callable[[Layout], Plugins]
    """The agents of a plan."""
    start: Callable[[Sequence[str], str], Detached]
    """Starts this program with the given words, its output going into the given file."""
    program: str
    """How this program is called, for the prompt of an agent."""
    is_preview: bool = False
    """Only say what would be done."""
    with_context: bool = False

    def all(self, root: Layout) -> Round:
        """Hand out what is ready in every plan of a directory that is not over; a broken one is passed over.

        Raises:
            NotFoundError, StoreError: the directory cannot be read.
        """
        done = Round()
        index = collection.survey(root)
        done.skipped += [NotDispatched(name, "", why) for name, why in index.broken.items()]
        for name, plan_header in index.plans.items():
            if plan_header.state in TERMINAL:
                continue
            if (refused := refusal(plan_header.state)) and not self.with_context:
                done.skipped.append(NotDispatched(name, "", refused))
            else:
                self._one(Layout(f"{root.root}/{name}"), "", done)
        # However a plan is broken, also where only its table or a task file is: the others go on.
        done.errors = [error for error in done.errors if not isinstance(error, PlanError)]
        return done

    def one(self, layout: Layout, subtask: str = "") -> Round:
        """Hand out what is ready in one plan, or one task of it.

        Raises:
            NotFoundError: there is no such task.
            ApprovalError, TransitionError: the plan waits for approval, or is over.
        """
        done = Round()
        self._one(layout, subtask, done)
        for error in done.errors:
            if isinstance(error, (NotFoundError, ApprovalError, TransitionError)):
                raise error
        return done

    def _one(self, layout: Layout, subtask: str, done: Round) -> None:
        try:
            found = self._handed_out(layout, subtask)
        except OrchestratorError as error:
            done.errors.append(error)
            done.skipped.append(NotDispatched(collection.plan_id(layout), subtask, str(error)))
        else:
            done.dispatches += found.dispatches
            done.skipped += found.skipped

    def _handed_out(self, layout: Layout, subtask: str) -> Round:
        busy: BusyError | None = None
        for _ in poll(_LOOK, _TRIES_WITHIN):
            try:
                return self._hand_out(layout, subtask)
            except BusyError as error:
                # A run has come, or gone, since we looked: what it has taken is known when we look again.
                busy = error
        assert busy is not None  # one looks once at least
        raise busy

    def _hand_out(self, layout: Layout, subtask: str) -> Round:
        name, done = collection.plan_id(layout), Round()
        holder = self._holder(layout)
        board = really_done(Workspace(layout).load(is_live=holder is not None))
        subtask = subtask and require_subtask(layout, board, subtask)
        if not self.with_context:
            require_approval(layout, board.plan.header)
        tasks, skipped = ready(board, subtask)
        busy: list[TaskNotReady] = []
        if self.with_context and subtask:
            tasks, skipped = [board.plan.tasks[subtask]], []
        elif holder is not None and not self.with_context:
            tasks, busy = _during_run(layout, board, tasks, holder)
            skipped += busy
        done.skipped += [NotDispatched(name, *each) for each in skipped]
        if not tasks:
            return done
        plugins = self.plugins(layout)
        preview = preview_run(RunRequest(layout), plugins.registry)
        agents = {task.id: preview.policies[task.id].agent for task in tasks}
        run, refused = "", dict[str, str]()
        if not self.with_context:
            under_way = running_tasks(board.results.values())
            # What waits for its turn in a run that takes more, comes first.
            under_way.update(preview.policies[each.subtask_id].agent for each in busy)
            tasks, full = within_capacity(tasks, agents, plugins.registry, under_way)
            done.skipped += [NotDispatched(name, *each) for each in full]
            if tasks and not self.is_preview:
                plugins.require({task.id: preview.policies[task.id] for task in tasks})
                run, refused = self._start(layout, [task.id for task in tasks], holder, plugins)
        for task in tasks:
            if task.id in refused:
                done.skipped.append(NotDispatched(name, task.id, refused[task.id]))
                continue
            details = self._context(layout, preview, board, task) if self.with_context else None
            agent = agents[task.id]
            done.dispatches.append(Dispatch(name, task.id, agent, task.assignee, details, run))
        return done

    def _holder(self, layout: Layout) -> Mapping[str, Any] | None:
        """Return the active run; one that is coming to its end gets a moment to leave, or to go on after all."""
        holder = lock_owner(layout.lock)
        if self.is_preview or self.with_context or not (holder and holder.get("closing")):
            return holder
        return staying_run(layout)

    def _start(
        self, layout: Layout, only: Sequence[str], holder: Mapping[str, Any] | None, plugins: Plugins
    ) -> tuple[str, dict[str, str]]:
        """Have tasks done; return the run that does it, and why it does not do some of them, by task."""
        refused: dict[str, str] = {}
        if holder is not None:
            run = str(holder.get("run", "?"))
            refused = _ask(layout, only, run)
        else:
            words = ["run", "--grows", "--only", ",".join(only), "--", layout.root]
            order = RunRequest(layout, only=only, grows=True)
            run = detach(order, plugins, self.start, words).run
        await_begun(layout, [each for each in only if each not in refused], run)
        return run, refused

    def _context(self, layout: Layout, preview: RunPreview, board: PlanSnapshot, task: Task) -> Mapping[str, Any]:
        found = preview.workspace.assignments.read(task)
        needs = [board.plan.tasks[need] for need in task.data_needs]
        settings = preview.meant[task.id]
        places = TaskPaths(
            root=layout.root,
            plan=layout.plan,
            task_file=layout.task_file(task.stem),
            result_file=layout.result_file(task.stem),
            workdir=layout.workdir(preview.settings.workdir),
            results={need.id: layout.result_file(need.stem) for need in needs},
        )
        body = found.body if found is not None else ""
        return context(
            collection.plan_id(layout),
            board,
            task,
            settings=settings,
            places=places,
            assignment=body.strip(),
            criteria=[each.text for each in criteria_in(body.encode())],
            times={each.name: text for each in PLAIN_FIELDS if (text := each.text(getattr(task, each.name)))},
            program=self.program,
        )


def _during_run(
    layout: Layout, board: PlanSnapshot, tasks: Sequence[Task], holder: Mapping[str, Any]
) -> tuple[list[Task], list[TaskNotReady]]:
    """Return what the active run can be asked for, and why not the rest: that of one that can, it has already.

    Only a run that was started here takes more than it was asked for by name.
    """
    run = f"run {holder.get('run', '?')}"
    if holder.get("closing"):
        return [], [TaskNotReady(task.id, f"{run} is coming to its end") for task in tasks]
    only, tags = holder.get("only", ()), holder.get("tags", ())
    tagged = asked_for(RunRequest(layout, tags=tags), board)
    its = {task.id for task in tasks if task.id in tagged and (not only or task.id in only)}
    named = ", ".join([*only, *(f"the tag {tag}" for tag in tags)])
    mine, other = f"{run} has it already: it waits for its turn", f"{run} is at work on {named}"
    skipped = [TaskNotReady(task.id, mine if task.id in its else other) for task in tasks]
    if not holder.get("grows"):
        return [], skipped
    others = [task for task in tasks if task.id not in its]
    return others, [each for each in skipped if each.subtask_id in its]


def _ask(layout: Layout, only: Sequence[str], run: str) -> dict[str, str]:
    """Have the active run do these tasks, too; return why it does not, by task.

    Raises:
        BusyError: it is gone, or another one is active by now.
        StoreError: it cannot be asked.
    """
    requests, now = Requests(layout.requests), time.time()
    asked = {task_id: TaskCommand(Verb.LAUNCH, task_id, _BY, now, id=new_id(now)) for task_id in only}
    replies: dict[str, Reply] = {}
    try:
        for command in asked.values():
            requests.leave(command)
        for _ in poll(_LOOK, _ANSWERS_WITHIN):
            holder = lock_owner(layout.lock)
            for task_id in asked.keys() - replies.keys():
                if (reply := requests.answer_to(asked[task_id].id)) is not None:
                    replies[task_id] = reply
            if len(replies) == len(asked):
                break
            if holder is None or holder.get("run") != run:
                raise BusyError(f"run {run} is gone", hint="try again")
    finally:
        for command in asked.values():
            requests.forget(command.id)
    silent = Reply(is_ok=False, task="", message=f"run {run} does not answer")
    answers = {task_id: replies.get(task_id, silent) for task_id in only}
    return {task_id: reply.message for task_id, reply in answers.items() if not reply.is_ok}


# ── the command ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class AutoDispatchParams:
    """Which plans and tasks, and whether they are started."""

    task: str = argument("[ID]", default="")
    everything: bool = flag("Every plan that is not over, each by itself.", names=("--all",))
    dry_run: bool = flag("Say what would be started; start nothing.")
    subtask: str = option("Only this task.", metavar="ID", default="")
    show_context: bool = flag("Show the context of an agent; start nothing.")
    json: bool = flag("It always prints JSON.")


def execute(call: Call, params: AutoDispatchParams) -> Round:
    """Start every task that is ready, each with the agent that suits it.

    Prints JSON: what was dispatched, and what was skipped, with the reason. The run goes on by itself; see `wait`.

    Examples:
      orchestrator auto-dispatch TASK-001 --dry-run
      orchestrator auto-dispatch --all
    """
    if params.everything and (params.task or params.subtask):
        raise UsageError("--all is about every plan", hint="leave ID and --subtask out")
    dispatcher = Dispatcher(
        plugins=call.plugins,
        start=detached,
        program=own_program(),
        is_preview=params.dry_run,
        with_context=params.show_context,
    )
    if params.everything:
        return dispatcher.all(call.plan())
    return dispatcher.one(call.plan(params.task or None), params.subtask)


def main(call: Call, params: AutoDispatchParams) -> int:
    """Dispatch, and print JSON, also of what was refused."""
    try:
        done = execute(call, params)
    except OrchestratorError as error:
        is_one = params.task and not params.everything
        refused = [NotDispatched(params.task, params.subtask, str(error))] if is_one else []
        error.data = {**error.data, **_rows([], refused)}
        return say_error(error, as_json=True)
    _print_round(done, params)
    if done.errors:
        return int(done.errors[0].exit_status if params.task else ExitStatus.TASK_FAILED)
    return 0


def _print_round(done: Round, params: AutoDispatchParams) -> None:
    verb = "to dispatch" if params.dry_run else "dispatched"
    if params.show_context:
        verb = "with context"  # also of tasks that are not to be dispatched
    answer = {
        "ok": not done.errors,
        "code": done.errors[0].code if done.errors else "ok",
        "message": f"{len(done.dispatches)} {verb}, {len(done.skipped)} skipped",
        **_rows(done.dispatches, done.skipped),
        **({"hint": with_program(done.errors[0].hint)} if done.errors else {}),
        "dry_run": params.dry_run or params.show_context,
    }
    write(json.dumps(answer, ensure_ascii=False, indent=2) + "\n", for_people=False)


def _rows(dispatches: Sequence[Dispatch], skipped: Sequence[NotDispatched]) -> Mapping[str, Any]:
    """Return what is in every answer, also in one that refuses everything."""
    return {
        "dispatches": [{key: value for key, value in each._asdict().items() if value} for each in dispatches],
        "skipped": [each._asdict() for each in skipped],
    }


COMMAND = Command(AutoDispatchParams, execute, main=main, takes=(with_help(DIR, "The directory of plans."),))
