"""Turn one large request into a graph of tasks, run an agent on each, merge what they found.

For programs: ``from orchestrator import Orchestrator`` (``orchestrator/api.py``), and for one that beats,
``from orchestrator import check_all_tasks``.
"""

from __future__ import annotations

# As type checkers know it; importing `typing` takes longer than starting a guard.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orchestrator.actions.heartbeat import check_all_tasks
    from orchestrator.api import Orchestrator
    from orchestrator.errors import OrchestratorError

__version__ = "0.1.0"
__all__ = ["Orchestrator", "OrchestratorError", "__version__", "check_all_tasks"]

_FROM = {
    "Orchestrator": "orchestrator.api",
    "OrchestratorError": "orchestrator.errors",
    "check_all_tasks": "orchestrator.actions.heartbeat",
}


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for: a command must not pay for what it does not use."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_FROM[name]), name)
