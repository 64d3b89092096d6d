"""Plans for engines, drawn at random."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from orchestrator.core.readiness import PLAIN, Rule
from orchestrator.core.status import RunIf, TaskStatus
from orchestrator.scheduler.node import Node

#: Where a task may stand when a run begins that is not completed.
AT_FIRST = [TaskStatus.WAITING] * 6 + [TaskStatus.BLOCKED, TaskStatus.CANCELLED]

#: When a task runs; mostly when everything before it is completed.
RULES = [RunIf.ALL_COMPLETED] * 5 + [RunIf.ANY_COMPLETED, RunIf.ALL_OVER, RunIf.ANY_FAILED]

#: An agent, and the one it stands on.
CREWS = [(), (), ("narrow",), ("wide",), ("narrow", "wide")]


@st.composite
def plans(draw: st.DrawFn) -> list[Node]:
    """Draw an acyclic plan, some of it completed already (and then everything before it, too)."""
    size = draw(st.integers(1, 12))
    entries: list[Node] = []
    for index in range(size):
        needs = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        done = draw(st.booleans()) and all(
            entries[need].status is TaskStatus.COMPLETED or entries[need].is_omitted for need in needs
        )
        condition = draw(st.sampled_from(["", "", "", "c"]))
        is_omitted = bool(done and condition and needs and draw(st.booleans()))
        account = draw(st.sampled_from(["", "claude", "claude", "other"]))
        is_cut = account and not done and draw(st.integers(0, 4)) == 0
        is_umbrella = bool(needs) and not (done or account) and draw(st.booleans())
        status = TaskStatus.COMPLETED if done else draw(st.sampled_from(AT_FIRST))
        if is_omitted:
            status = TaskStatus.SKIPPED
        if is_umbrella:
            status, condition = TaskStatus.WAITING, ""
        entries.append(
            Node(
                id=f"t{index}",
                needs=tuple(f"t{need}" for need in sorted(needs)),
                priority=draw(st.sampled_from([1, 10, 100])),
                rank=float(size - index),
                timeout=draw(st.sampled_from([1.0, 5.0, math.inf])),
                idle_timeout=draw(st.sampled_from([0.5, math.inf])),
                account=account,
                model=draw(st.sampled_from(["opus", "sonnet"])),
                pool=draw(st.sampled_from(CREWS)),
                open_bill=0.3 if is_cut else 0.0,
                budget=draw(st.sampled_from([0.5, 2.0, math.inf])),
                max_attempts=draw(st.integers(1, 3)),
                retry_delay=draw(st.sampled_from([0.0, 1.0])),
                order_needs=frozenset(f"t{need}" for need in needs if draw(st.booleans())),
                is_umbrella=is_umbrella,
                rule=PLAIN if is_umbrella else Rule(draw(st.sampled_from(RULES))),
                condition=condition,
                stops="" if is_umbrella else draw(st.sampled_from(["", "", "batch"])),
                is_omitted=is_omitted,
                status=status,
            )
        )
    return with_fallbacks(draw, entries)


def with_fallbacks(draw: st.DrawFn, entries: list[Node]) -> list[Node]:
    """Let one of the tasks stand in for one before it, as the plan says it (``core/plan.py``)."""
    later = [entry for entry in entries if entry.needs == () and entry.rule.is_plain and not entry.condition]
    later = [entry for entry in later if entry.status is TaskStatus.WAITING and not entry.is_umbrella]
    if not later or draw(st.booleans()):
        return entries
    stand_in = draw(st.sampled_from(later))
    before = entries[: entries.index(stand_in)]
    targets = [entry for entry in before if not entry.is_umbrella and entry.rule.is_plain]
    if not targets:
        return entries
    target = draw(st.sampled_from(targets))
    stand_in.needs, stand_in.rule = (target.id,), Rule(fallback_for=target.id)
    stand_in.order_needs = frozenset(stand_in.needs)
    for entry in entries[entries.index(stand_in) + 1 :]:
        if target.id in entry.needs and entry.status is TaskStatus.WAITING:
            entry.needs = tuple(dict.fromkeys((*entry.needs, stand_in.id)))
            entry.rule = entry.rule._replace(covers={target.id: stand_in.id})
    return entries


def copied(entries: list[Node]) -> list[Node]:
    """Return entries that share nothing with the given ones."""
    return [
        Node(
            id=entry.id,
            needs=entry.needs,
            priority=entry.priority,
            rank=entry.rank,
            timeout=entry.timeout,
            idle_timeout=entry.idle_timeout,
            account=entry.account,
            model=entry.model,
            pool=entry.pool,
            budget=entry.budget,
            open_bill=entry.open_bill,
            max_attempts=entry.max_attempts,
            retry_delay=entry.retry_delay,
            order_needs=entry.order_needs,
            is_umbrella=entry.is_umbrella,
            rule=entry.rule,
            condition=entry.condition,
            stops=entry.stops,
            is_omitted=entry.is_omitted,
            status=entry.status,
        )
        for entry in entries
    ]
