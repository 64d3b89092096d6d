"""The command ``spawn``: a task that is started at once, in the background."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument, option
from orchestrator.commands.reply import with_program
from orchestrator.commands.task_fields import field_options, setting_options, settings_of, tags_of
from orchestrator.errors import BusyError, OrchestratorError
from orchestrator.executors.detach import Detached
from orchestrator.plan.header import plan_header_of
from orchestrator.runner.detach import await_begun, detach, refuse_within_attempt, staying_run
from orchestrator.services.new_task import Added, NewTask, add
from orchestrator.services.plans import require_approval
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest
from orchestrator.store.compare_and_swap import take
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.lock import lock_owner
from orchestrator.wiring import detached, plugins

#: Seconds in which a run that does not get the plan is started once more, though no run is seen that has it.
_TRIES_WITHIN = 10.0
#: The tag of what was spawned: a run that was started for one takes all that come while it is active.
SPAWNED = "spawned"


class Spawned(NamedTuple):
    """A task that was started."""

    id: str
    plan: str
    """The plan, when it was made for this task; else empty."""
    run: str
    """The run that does it."""
    is_new: bool
    """Whether that run was started for it."""
    is_taken: bool = True
    """Whether it does the task; else the active run was asked for others, or is coming to its end."""


def spawn(
    layout: Layout, task: NewTask, by: str, plugins: Plugins, start: Callable[[Sequence[str], str], Detached]
) -> Spawned:
    """Add a task, and start a run in the background that does it and nothing else of the plan.

    While a run is active, that one takes it as soon as it sees the row and has a slot free; unless it was asked for
    other tasks by name, or is coming to its end and does not leave soon.

    Raises:
        ApprovalError, TransitionError: the plan waits for approval, or is over; nothing was written.
        OrchestratorError: it could not be added, and nothing was written; or it was added and could not be started,
            which the message says.
    """
    # Before anything is written: a run that is started here must not outlive the attempt, and needs an approved plan.
    if lock_owner(layout.lock) is None:
        refuse_within_attempt()
    if os.path.lexists(layout.plan):
        require_approval(layout, plan_header_of(take(layout.plan).data, display_path(layout.plan)))
    task = task._replace(tags=tuple(dict.fromkeys((*task.tags, SPAWNED))), is_prompt=True)
    added = add(layout, task, by, lambda _: plugins.registry)
    order = RunRequest(layout=layout, tags=[SPAWNED])
    limit = time.monotonic() + _TRIES_WITHIN
    while (holder := staying_run(layout)) is None:
        try:
            started = detach(order, plugins, start, ["run", "--tag", SPAWNED, "--dir", layout.root])
        except OrchestratorError as error:
            is_busy = isinstance(error, BusyError)
            if is_busy and (time.monotonic() < limit or lock_owner(layout.lock) is not None):
                continue  # another run was quicker: it takes the task, or is over already
            error.message = f"{added.id} was added, and could not be started: {error.message}"
            # Where it is busy, what a dead run left has the plan: no run that one could wait for.
            error.hint = "" if is_busy else error.hint
            error.hint = error.hint or f"orchestrator run --only {added.id}"
            raise
        await_begun(layout, [added.id], started.run)
        return Spawned(added.id, added.plan, started.run, is_new=True)
    return _given_to(layout, added, holder)


def _given_to(layout: Layout, added: Added, holder: Mapping[str, Any]) -> Spawned:
    """Return what becomes of the task while another run is active."""
    run, tags = str(holder.get("run", "?")), holder.get("tags", [SPAWNED])
    is_taken = not (holder.get("only") or holder.get("closing")) and SPAWNED in tags
    if is_taken:
        await_begun(layout, [added.id], run)
    return Spawned(added.id, added.plan, run, is_new=False, is_taken=is_taken)


_HELPS = {
    "agent": "What runs it (default: the plan's, or claude where that is shell).",
    "assignee": "The role in which it is done.",
}


@dataclass(frozen=True)
class SpawnParams:
    """The task."""

    text: str = argument("TEXT", dash="prose")
    label: str = option("What its id is made of.", metavar="NAME", default="")
    desc: str = option("More about it.", metavar="TEXT", default="")
    values: Mapping[str, str] = field_options("agent", "assignee", "priority", helps=_HELPS)
    tags: Sequence[str] = option(
        "A word to find it by.", metavar="NAME", names=("--tag",), is_repeated=True, completion="tag"
    )
    settings: Mapping[str, str] = setting_options("timeout", "retries")
    claude_bin: str = option("The claude program.", metavar="PATH", default="")


class _SpawnAnswer(NamedTuple):
    spawned: Spawned
    is_json: bool

    @property
    def how(self) -> str:
        """What the run does with the task."""
        if self.spawned.is_taken:
            is_new = self.spawned.is_new
            return "started in the background" if is_new else "is at work and takes it"
        again = with_program(f"orchestrator run --only {self.spawned.id}")
        return f"does not take it; once it is over: {again}"


def execute(call: Call, params: SpawnParams) -> _SpawnAnswer:
    """Add a task, start it now in the background, and print its key.

    Nothing else of the plan is started. While a run is active, that one takes it, unless it is about to end.

    Examples:
      KEY=$(orchestrator spawn "Research AI consciousness" --label consciousness)
      orchestrator wait
      orchestrator history $KEY
      orchestrator cancel $KEY
    """
    task = NewTask(
        text=params.text,
        description=params.desc,
        tags=tags_of(params.tags),
        values=params.values,
        settings=settings_of(params.settings),
        label=params.label,
    )
    if params.claude_bin:
        os.environ["ORCHESTRATOR_CLAUDE_BIN"] = params.claude_bin  # for the run in the background
    layout = call.plan(must_exist=False)
    chosen = plugins(params.claude_bin, layout)
    return _SpawnAnswer(spawn(layout, task, call.caller(), chosen, detached), call.is_json)


def facts(answer: _SpawnAnswer) -> Facts:
    """Return the task and its run as JSON."""
    spawned = answer.spawned
    return {
        "message": f"{spawned.id}: run {spawned.run} {answer.how}",
        "id": spawned.id,
        "key": spawned.id,
        "run": spawned.run,
        "is_new_run": spawned.is_new,
        "is_taken": spawned.is_taken,
    }


def text(answer: _SpawnAnswer) -> str:
    """Return the id of the task."""
    return f"{answer.spawned.id}\n"


def remarks(answer: _SpawnAnswer) -> Iterator[str]:
    """Yield what was made, and how to follow the task."""
    spawned = answer.spawned
    if spawned.plan:
        yield f"made {os.path.relpath(spawned.plan)}"
    if not answer.is_json:
        following = with_program(f"next: orchestrator history {spawned.id}")
        yield f"run {spawned.run} {answer.how}; {following}"


COMMAND = Command(SpawnParams, execute, facts, text, remarks=remarks, takes=(DIR, CALLER, JSON))
