"""What follows for the tasks behind one that failed, came back, or is to be done again. Linear in what is reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.core.plan import refuse_group
from orchestrator.core.status import BLOCKS_DEPENDENTS, TaskStatus, Verb, move
from orchestrator.errors import TransitionError
from orchestrator.scheduler.node import Node


def skip_behind(cause: Node) -> Iterator[tuple[Node, Node]]:
    """Skip everything that waits for *cause*; yield each task with the one before it that is to blame."""
    stack = [cause]
    while stack:
        before = stack.pop()
        for entry in before.dependants:
            if entry.status is TaskStatus.WAITING:
                entry.status = move(entry.status, Verb.SKIP)
                yield entry, before
                stack.append(entry)


def blame(entry: Node, entries: Mapping[str, Node]) -> Node | None:
    """Return what a task needs and that keeps it back, if there is any; not before it is on disk."""
    needs = (entries[need] for need in entry.needs)
    return next((need for need in needs if need.status in BLOCKS_DEPENDENTS and not need.unrecorded), None)


def unskip_behind(cause: Node, entries: Mapping[str, Node]) -> None:
    """Let what was skipped wait again, now that *cause* keeps nobody back, unless something else does."""
    stack = [cause]
    while stack:
        for entry in stack.pop().dependants:
            if entry.status is TaskStatus.SKIPPED and blame(entry, entries) is None:
                entry.status = move(entry.status, Verb.WAIT)
                stack.append(entry)


def undo_behind(cause: Node) -> Iterator[Node]:
    """Take back that *cause* is completed; what was made from it is not either. Yield every task that this touches."""
    stack = [cause]
    while stack:
        before = stack.pop()
        for entry in before.dependants:
            entry.unmet += 1
            entry.undurable -= before.unrecorded
            is_made_from = before.id not in entry.order_needs
            if entry.status is TaskStatus.COMPLETED and is_made_from:
                entry.status = move(entry.status, Verb.WAIT)
                entry.charge = 0  # what it took to complete it says nothing of the new work
                stack.append(entry)
            else:
                yield entry


def open_needs(entry: Node, entries: Mapping[str, Node]) -> list[tuple[str, TaskStatus]]:
    """Return what a task needs that is not completed, and where it stands."""
    needs = (entries[need] for need in entry.needs)
    return [(need.id, need.status) for need in needs if need.status is not TaskStatus.COMPLETED]


def refuse(entry: Node, verb: Verb) -> None:
    """Let no command settle an umbrella, and one be carried out before the next.

    Raises:
        TransitionError: it is one; or what runs of the task is being ended because somebody said so.
    """
    refuse_group(entry.id, is_one=entry.is_umbrella)
    if entry.intended is not None and entry.intended[1]:
        raise TransitionError(
            f"Invalid transition: {entry.intended[0].value} + '{verb.value}'",
            hint=f"{entry.id} is being ended; try again once it is",
        )
