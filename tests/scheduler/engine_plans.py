"""Plans for engines, drawn at random."""

from __future__ import annotations

import math

from hypothesis import strategies as st

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
                run_if=RunIf.ALL_COMPLETED if is_umbrella else draw(st.sampled_from(RULES)),
                condition=condition,
                is_omitted=is_omitted,
                status=status,
            )
        )
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
            run_if=entry.run_if,
            condition=entry.condition,
            is_omitted=entry.is_omitted,
            status=entry.status,
        )
        for entry in entries
    ]
