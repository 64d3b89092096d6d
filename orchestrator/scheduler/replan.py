"""A plan that a person changed while it runs: the new rows put in the place of the old ones.

New rows join. A row that is gone leaves, unless its task was started: that one goes on to its end. What was not started
yet takes over everything from its new row; what was, its priority at once and the rest with the next attempt. A task
that was started keeps the needs it was started with.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

from orchestrator.core.plan import refuse_group
from orchestrator.core.readiness import Readiness, Skipped, open_needs, readiness
from orchestrator.core.status import ACTIVE, TaskStatus, Verb, move
from orchestrator.errors import TransitionError
from orchestrator.scheduler.node import Node

_TO_COME = frozenset({TaskStatus.WAITING, TaskStatus.PENDING})
_NOT_STARTED = _TO_COME | {TaskStatus.SKIPPED}
_FAILED = frozenset({TaskStatus.FAILED, TaskStatus.CANCELLED})
_ENDED = frozenset({TaskStatus.COMPLETED, TaskStatus.BLOCKED}) | _FAILED


def revise(known: dict[str, Node], fresh: Sequence[Node]) -> dict[str, Node]:
    """Return the entries of the new plan, linked; those that are in both plans are the very same objects."""
    place = max((entry.place for entry in known.values()), default=-1)
    merged: dict[str, Node] = {}
    for new in fresh:
        entry = known.get(new.id)
        if entry is None or _starts_over(entry, new):
            place += 1  # never one that was used: places break ties between entries in a queue
            new.place, entry = place, new
        else:
            _take_over(entry, new)
        merged[entry.id] = entry
    for entry in known.values():
        if is_under_way(entry):
            merged.setdefault(entry.id, entry)
    link(merged)
    reopen_omitted(merged)
    if outdated := [merged[new.id] for new in fresh if new.is_outdated]:
        _take_back(outdated, known)
        link(merged)
    return merged


def _take_back(outdated: Iterable[Node], known: Mapping[str, Node]) -> None:
    """Let what is completed wait to be done again, and what was made from it."""
    stack = list(outdated)
    while stack:
        entry = stack.pop()
        was = known.get(entry.id, entry)  # of an umbrella this is another one
        if was.status is TaskStatus.COMPLETED:
            was.status, was.charge = move(was.status, Verb.WAIT), 0
            stack += [each for each in entry.dependants if entry.id not in each.order_needs]


def is_under_way(entry: Node) -> bool:
    """Say whether a task was started and is not over."""
    return entry.status in ACTIVE or entry.unrecorded


def left_to_run(known: Mapping[str, Node], fresh: Iterable[Node]) -> int:
    """Return how many tasks a run is about to run once its plan was changed, and is at already."""
    left = {entry.id for entry in known.values() if is_under_way(entry)}
    for new in fresh:
        if not new.is_umbrella and known.get(new.id, new).status in _TO_COME:
            left.add(new.id)
    return len(left)


def _starts_over(entry: Node, new: Node) -> bool:
    """Say whether nothing counts of how a task ended: it is an umbrella now, or was one and may have one more."""
    return (entry.is_umbrella or new.is_umbrella) and entry.status in _ENDED and not entry.unrecorded


def _take_over(entry: Node, new: Node) -> None:
    entry.priority, entry.rank = new.priority, new.rank
    if not is_under_way(entry):
        is_other = (new.condition, new.rule, new.needs) != (entry.condition, entry.rule, entry.needs)
        if is_other and entry.is_omitted:
            entry.status, entry.is_omitted = move(entry.status, Verb.WAIT), False
        entry.is_decided = entry.is_decided and not is_other
        entry.condition, entry.rule, entry.stops = new.condition, new.rule, new.stops
        entry.needs, entry.order_needs = new.needs, new.order_needs
        entry.is_umbrella = new.is_umbrella
    entry.revised = new
    if entry.status not in ACTIVE:
        entry.apply_revision()


def link(entries: dict[str, Node]) -> None:
    """Tell every entry what depends on it, and count what it needs."""
    for entry in entries.values():
        entry.dependants = []
        entry.unmet = entry.undurable = 0
    for entry in entries.values():
        entry.needs = tuple(need for need in entry.needs if need in entries)
        for need in entry.needs:
            before = entries[need]
            before.dependants.append(entry)
            is_met = settles(before, entry)
            entry.unmet += not is_met
            entry.undurable += is_met and before.unrecorded


def settles(before: Node, entry: Node) -> bool:
    """Say whether a task that *entry* depends on is over for it, and does not keep it back."""
    return entry.rule.is_over(before.id, before.status, is_omitted=before.is_omitted)


def settled(before: Node) -> list[Node]:
    """Return the dependants for which a task is over."""
    return [entry for entry in before.dependants if settles(before, entry)]


def reopen_omitted(entries: Mapping[str, Node]) -> None:
    """Let what was omitted wait again where something that it depends on is not over any more."""
    stack = [entry for entry in entries.values() if entry.is_omitted and entry.unmet]
    while stack:
        before = stack.pop()
        if not before.is_omitted:
            continue
        behind = settled(before)
        before.status, before.is_omitted = move(before.status, Verb.WAIT), False
        for entry in behind:
            entry.unmet += 1
            stack.append(entry)


def unskip(entries: dict[str, Node], kept_back: Container[str]) -> None:
    """Let what was skipped wait again, unless something before it keeps it back or its condition is not met."""
    found = [
        entry
        for entry in entries.values()
        if entry.status is TaskStatus.SKIPPED and not (entry.is_omitted or entry.unrecorded or entry.id in kept_back)
    ]
    for entry in found:
        entry.status = move(entry.status, Verb.WAIT)
    if found:
        link(entries)


def blamed(entries: dict[str, Node]) -> dict[str, Node]:
    """Return, for each task that something before it keeps from running, what that is: its nearest need.

    No task comes before the one that keeps it back.
    """
    found: dict[str, Node] = {}
    stack = [entry for entry in entries.values() if entry.status in _FAILED and not entry.unrecorded]
    while stack:
        before = stack.pop()
        for entry in before.dependants:
            if entry.status in _NOT_STARTED and entry.id not in found and not settles(before, entry):
                found[entry.id] = before
                stack.append(entry)
    return found


def gather(entries: Iterable[Node]) -> list[Node]:
    """Complete the umbrellas among *entries* that wait for nothing any more, and those above them.

    Nothing runs and nothing is written for one, so it takes no slot and no record. Returns the tasks that have
    nothing left to wait for because of it, each once.
    """
    freed: list[Node] = []
    stack = [entry for entry in entries if entry.is_umbrella]
    while stack:
        umbrella = stack.pop()
        if umbrella.status is not TaskStatus.WAITING or umbrella.unmet or umbrella.undurable:
            continue
        umbrella.status = move(umbrella.status, Verb.GATHER)
        for entry in umbrella.dependants:
            entry.unmet -= 1
            if entry.is_umbrella:
                stack.append(entry)
            elif not (entry.unmet or entry.unrecorded) and entry.status is TaskStatus.WAITING:
                freed.append(entry)
    return freed


# ── cascade ────────
#
# What follows for the tasks behind one that failed, came back, or is to be done again. Linear in what is reached.


def skip_behind(cause: Node) -> Iterator[tuple[Node, Node]]:
    """Skip everything that waits for *cause*; yield each task with the one before it that is to blame."""
    stack = [cause]
    while stack:
        before = stack.pop()
        for entry in before.dependants:
            if entry.status is TaskStatus.WAITING and not settles(before, entry):
                entry.status = move(entry.status, Verb.SKIP)
                yield entry, before
                stack.append(entry)


def ready_state(entry: Node, entries: Mapping[str, Node]) -> Readiness:
    """Return whether a task may start; what is not on disk yet has not happened."""

    def status_of(need: str) -> TaskStatus:
        before = entries[need]
        return TaskStatus.RUNNING if before.unrecorded else before.status

    return readiness(entry.needs, status_of, entry.rule, lambda need: entries[need].is_omitted)


def left(entry: Node, entries: Mapping[str, Node]) -> list[tuple[str, TaskStatus]]:
    """Return which of its needs are not over for a task, and where they stand."""
    return open_needs(entry.needs, lambda need: entries[need].status, entry.rule, lambda need: entries[need].is_omitted)


def blame(entry: Node, entries: Mapping[str, Node]) -> Node | None:
    """Return what a task needs and that keeps it back, if there is any; not before it is on disk."""
    found = ready_state(entry, entries)
    return entries[found.need] if isinstance(found, Skipped) else None


def unskip_behind(cause: Node, entries: Mapping[str, Node]) -> Iterator[Node]:
    """Let what was skipped wait again, now that *cause* keeps no one back, unless something else does.

    Yield the tasks for which one of those was over, and is not any more.
    """
    stack = [cause]
    while stack:
        for entry in stack.pop().dependants:
            is_skipped = entry.status is TaskStatus.SKIPPED and not (entry.is_omitted or entry.unrecorded)
            if is_skipped and blame(entry, entries) is None:
                behind = settled(entry)
                entry.status = move(entry.status, Verb.WAIT)
                yield from undo_behind(entry, behind, was_completed=False)
                stack.append(entry)


def unskipped(entries: Iterable[Node]) -> list[tuple[Node, list[Node]]]:
    """Let those that were skipped wait again; return them, each with the tasks that it was over for."""
    found = [each for each in entries if each.status is TaskStatus.SKIPPED and not (each.is_omitted or each.unrecorded)]
    both = [(entry, settled(entry)) for entry in found]
    for entry in found:
        entry.status = move(entry.status, Verb.WAIT)
    return both


def undo_behind(cause: Node, behind: Sequence[Node], *, was_completed: bool) -> Iterator[Node]:
    """Take back that *cause* is over for the tasks *behind* it; what was made from its result is not completed either.

    Yield every task that this touches.
    """
    stack = [(cause, behind, was_completed)]
    while stack:
        before, behind, was_completed = stack.pop()
        for entry in behind:
            entry.unmet += 1
            entry.undurable -= before.unrecorded
            entry.is_decided = False
            was, its_own = entry.status, settled(entry)
            is_made_from = was_completed and before.id not in entry.order_needs
            if entry.is_omitted or (was is TaskStatus.COMPLETED and is_made_from):
                entry.status, entry.is_omitted = move(was, Verb.WAIT), False
                entry.charge = 0  # what it took to complete it says nothing of the new work
                stack.append((entry, its_own, was is TaskStatus.COMPLETED))
            yield entry


def refuse(entry: Node, verb: Verb) -> None:
    """Let no command settle an umbrella, and one be carried out before the next.

    Raises:
        TransitionError: it is one; or what runs of the task is being ended because a user said so.
    """
    refuse_group(entry.id, is_one=entry.is_umbrella)
    if entry.intended is not None and entry.intended[1]:
        raise TransitionError(
            f"Invalid transition: {entry.intended[0].value} + '{verb.value}'",
            hint=f"{entry.id} is being ended; try again once it is",
        )
