"""What a plan says of itself, above its tasks. Small, for it is loaded by every command that only touches a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from orchestrator.core.plan_status import PlanState


class PlanHeader(NamedTuple):
    """The front matter keys that are no settings."""

    state: PlanState | None = None
    """None: it says none, and needs no approval."""
    title: str = ""
    priority: str = ""
    """As in a task table; empty: it says none."""
    eta: float = 0.0
    """When it is to be done, seconds since the epoch; 0: nobody said."""
    created: float = 0.0
    """When it was made, seconds since the epoch; 0: nobody said."""
