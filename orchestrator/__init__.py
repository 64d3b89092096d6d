"""Turn one large request into a graph of tasks, run an agent on each, merge what they found.

For programs: ``from orchestrator import Orchestrator`` (``orchestrator/api.py``), and for one that beats,
``from orchestrator import check_all_tasks``. What methods return can be imported from here, too, for annotations.
"""

from __future__ import annotations

# As type checkers know it; importing `typing` takes longer than starting a guard.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from orchestrator.api import Orchestrator, check_all_tasks
    from orchestrator.commands.context import Context
    from orchestrator.commands.export import Export
    from orchestrator.commands.report import Ledger
    from orchestrator.commands.update import Updated
    from orchestrator.commands.wait import WaitUpdate
    from orchestrator.core.agent import Listed
    from orchestrator.core.message import Message
    from orchestrator.core.plan import Task
    from orchestrator.core.snapshot import PlanSnapshot
    from orchestrator.errors import OrchestratorError
    from orchestrator.runner.events import Event
    from orchestrator.runner.run import RunReport
    from orchestrator.services.history import History
    from orchestrator.services.status import Overview
    from orchestrator.services.task_view import TaskView
    from orchestrator.store.journal import Cursor
    from orchestrator.store.requests import Reply

__version__ = "0.1.0"
__all__ = [
    "Context",
    "Cursor",
    "Event",
    "Export",
    "History",
    "Ledger",
    "Listed",
    "Message",
    "Orchestrator",
    "OrchestratorError",
    "Overview",
    "PlanSnapshot",
    "Reply",
    "RunReport",
    "Task",
    "TaskView",
    "Updated",
    "WaitUpdate",
    "__version__",
    "check_all_tasks",
]

_FROM = {
    "WaitUpdate": "commands.wait",
    "PlanSnapshot": "core.snapshot",
    "Context": "commands.context",
    "Cursor": "store.journal",
    "Export": "commands.export",
    "Event": "runner.events",
    "History": "services.history",
    "Ledger": "commands.report",
    "Listed": "core.agent",
    "Message": "core.message",
    "Orchestrator": "api",
    "OrchestratorError": "errors",
    "Overview": "services.status",
    "Reply": "store.requests",
    "RunReport": "runner.run",
    "Task": "core.plan",
    "TaskView": "services.task_view",
    "Updated": "commands.update",
    "check_all_tasks": "api",
}


def __getattr__(name: str) -> object:
    """Load what is asked for when it is asked for: a command must not pay for what it does not use."""
    if name not in _FROM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_FROM[name]}"), name)
