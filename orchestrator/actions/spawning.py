"""Add a task and start it now, in the background (seed rows S0-11, S0-18, S0-32)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from orchestrator.actions.detaching import await_begun, detach, refuse_within_attempt
from orchestrator.errors import BusyError, OrchestratorError
from orchestrator.executors.detach import Detached
from orchestrator.plan.header import plan_header_of
from orchestrator.services.new_task import NewTask, add
from orchestrator.services.plans import require_approval
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest
from orchestrator.store.compare_and_swap import take
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.lock import lock_owner
from orchestrator.store.watcher import poll

#: Seconds in which a run leaves that takes nothing any more; to merge with an agent takes longer.
_LEAVES_WITHIN = 2.0
#: Seconds between two looks at it.
_LOOK = 0.02
#: Seconds in which a run that does not get the plan is started once more, though nobody is seen who has it.
_TRIES_WITHIN = 10.0
#: The tag of what was spawned: a run that was started for one takes all that come while it is at work.
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
    """Whether it does the task; else the run at work was asked for others, or is coming to its end."""


def spawn(
    layout: Layout,
    wanted: NewTask,
    by: str,
    plugins: Plugins,
    start: Callable[[Sequence[str], str], Detached],
) -> Spawned:
    """Add a task, and start a run in the background that does it and nothing else of the plan.

    While a run is at work, that one takes it as soon as it sees the row and has a slot free; unless it was asked for
    other tasks by name, or is coming to its end and does not leave soon.

    Raises:
        ApprovalError, TransitionError: the plan waits for somebody, or is over; nothing was written.
        OrchestratorError: it could not be added, and nothing was written; or it was added and could not be started,
            which the message says.
    """
    # Before anything is written: no run that is started here outlives the attempt, or works on a plan nobody approved.
    if lock_owner(layout.lock) is None:
        refuse_within_attempt()
    if os.path.lexists(layout.plan):
        require_approval(layout, plan_header_of(take(layout.plan).data, display_path(layout.plan)))
    wanted = wanted._replace(tags=tuple(dict.fromkeys((*wanted.tags, SPAWNED))), is_prompt=True)
    added = add(layout, wanted, by, lambda _: plugins.registry)
    order = RunRequest(layout=layout, tags=[SPAWNED])
    limit = time.monotonic() + _TRIES_WITHIN
    while (holder := staying(layout)) is None:
        try:
            started = detach(order, plugins, start, ["run", "--tag", SPAWNED, "--dir", layout.root])
        except OrchestratorError as error:
            if isinstance(error, BusyError):
                if time.monotonic() < limit or lock_owner(layout.lock) is not None:
                    continue  # somebody else's run was quicker: it takes the task, or is over already
                error.hint = ""  # what a dead run left has the plan: no run that one could wait for
            error.message = f"{added.id} was added, and could not be started: {error.message}"
            error.hint = error.hint or f"orchestrator run --only {added.id}"
            raise
        await_begun(layout, [added.id], started.run)
        return Spawned(added.id, added.plan, started.run, is_new=True)
    run, tags = str(holder.get("run", "?")), holder.get("tags", [SPAWNED])
    is_taken = not (holder.get("only") or holder.get("closing")) and SPAWNED in tags
    if is_taken:
        await_begun(layout, [added.id], run)
    return Spawned(added.id, added.plan, run, is_new=False, is_taken=is_taken)


def staying(layout: Layout) -> dict[str, Any] | None:
    """Return the run at work; one that is coming to its end gets a moment to leave, or to go on after all."""
    holder = None
    for _ in poll(_LOOK, _LEAVES_WITHIN):
        holder = lock_owner(layout.lock)
        if holder is None or not holder.get("closing"):
            break
    return holder
