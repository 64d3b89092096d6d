"""Look at a plan, its tasks, its agents, and what was done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.api.directory import Directory
from orchestrator.api.keywords import listed
from orchestrator.commands import list as listing
from orchestrator.commands.export import gather
from orchestrator.commands.report import look_back
from orchestrator.errors import UsageError
from orchestrator.services.agent_choice import list_agents
from orchestrator.services.history import history
from orchestrator.services.status import status
from orchestrator.services.task_view import show
from orchestrator.wiring import lacks

if TYPE_CHECKING:
    from orchestrator.commands.export import Export
    from orchestrator.commands.report import Ledger
    from orchestrator.core.agent import Listed
    from orchestrator.core.plan import Task
    from orchestrator.services.history import History
    from orchestrator.services.status import Overview
    from orchestrator.services.task_view import TaskView

#: How much of a history is kept.
_TURNS, _EVENTS = 1000, 1000
#: A hundred years.
_MOST_DAYS = 36_500


class Looking(Directory):
    """Nothing is changed here, and no run is disturbed."""

    def status(self) -> Overview:
        """Return where the plan stands, and who works on it; ``board.standing`` says it of each task, and why."""
        return status(self._layout)

    def list(
        self,
        *,
        status: Sequence[str] = (),
        assignee: Sequence[str] = (),
        tags: Sequence[str] = (),
        type: Sequence[str] = (),
        parent: str = "",
    ) -> Sequence[Task]:
        """Return the tasks that pass every filter, in the order of the plan; of several words in one, any will do.

        Raises:
            UsageError: there is no such status.
        """
        params = listing.ListParams(
            status=listed("status", status),
            assignee=listed("assignee", assignee),
            tags=listed("tags", tags),
            type=listed("type", type),
            parent=parent,
        )
        return listing.execute(self._call, params).tasks

    def show(self, task: str) -> TaskView:
        """Return everything that is known of a task: attempts, answer, and the absolute paths of its files."""
        return show(self._layout, task)

    def history(self, key: str) -> History:
        """Return what became of a task, an attempt or a session: events, conversation, result.

        Of events and of turns of the conversation, the last 1000 are kept.
        """
        agents = self._plugins().agents
        return history(self._layout, key, agents, turns=_TURNS, events=_EVENTS)

    def report(self, days: float = 7) -> Ledger:
        """Return every attempt that ended in the last *days*, and what they come to; also of a directory of plans.

        There moments are seconds since the epoch, durations seconds, and costs USD.

        Raises:
            UsageError: it is no number of days, or more than a hundred years.
        """
        if not 0 <= days <= _MOST_DAYS:
            raise UsageError(f"days: {days} is not between 0 and {_MOST_DAYS}")

        return look_back(self._layout, days, time.time())

    def export(self) -> Export:
        """Return the whole plan and its outcome: each task with its assignment, its answer, and what was said."""
        return gather(self._layout)

    def agents(self) -> Sequence[Listed]:
        """Return every agent that a task may ask for, how much it does, and why it cannot work here, if it cannot."""
        registry = self._registry(self._layout)
        return list_agents(self._layout, registry, lambda member: lacks(member, self._claude_bin))
