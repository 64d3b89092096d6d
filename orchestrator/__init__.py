"""Turn one large request into a graph of tasks, run an agent on each, merge what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.actions.heartbeat import check_all_tasks

__version__ = "0.1.0"
__all__ = ["__version__", "check_all_tasks"]


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for: a command must not pay for what it does not use."""
    if name == "check_all_tasks":
        from orchestrator.actions.heartbeat import check_all_tasks

        return check_all_tasks
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
