"""Results that people delete, or reset to pending, while a run is at work: their tasks are done again (promise 5).

So is what was lost, or damaged, when something is to be made from it (promise 2).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.plan import stem
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import LostResultError
from orchestrator.runner.clock import Clock
from orchestrator.scheduler.engine import Engine
from orchestrator.store.requests import Requests, new_id
from orchestrator.store.workspace import Workspace

#: Who asks for it, in the journal and in the result.
_BY = "hand"
_VERBS = {
    TaskStatus.COMPLETED: Verb.RETRY,
    TaskStatus.FAILED: Verb.RETRY,
    TaskStatus.CANCELLED: Verb.RETRY,
    TaskStatus.BLOCKED: Verb.UNBLOCK,
}


@dataclass(slots=True, eq=False, repr=False)
class Resets:
    """Leaves a request for each, as ``orchestrator retry`` does; the run at work carries it out.

    Once for each task in a run: an agent that deletes results whenever it works must not keep the run going for ever.
    """

    workspace: Workspace
    requests: Requests
    board: PlanSnapshot
    """What the run knows."""
    engine: Engine
    """Of the tasks that take part in it."""
    clock: Clock
    _before: Mapping[str, int] = field(default_factory=dict, init=False)
    _corrected: dict[str, int] = field(default_factory=dict, init=False)
    _asked: set[str] = field(default_factory=set, init=False)

    def look(self) -> None:
        """Ask for what was reset. Two looks have to find the same: an editor that saves may first move a file away.

        Raises:
            StoreError: a result could not be read, or the request not written.
        """
        before, self._before = self._before, self.workspace.disturbed()
        if not self._before or not os.path.exists(self.workspace.layout.plan):
            return  # where the plan is gone too, somebody clears the directory: nothing of that asks for more work
        for task_id, result in list(self.board.results.items()):
            version, verb = self._before.get(name := stem(task_id)), _VERBS.get(result.status)
            if version is None or verb is None or version != before.get(name):
                continue
            if task_id not in self._asked and self._is_reset(task_id, name, version):
                note = f"its result was {'reset to pending' if version else 'deleted'}"
                self._ask(task_id, verb, note)

    def redo(self, error: LostResultError) -> bool:
        """Ask for all that was lost to be done again; False, and nothing asked: a part of it cannot be, or was before.

        Raises:
            StoreError: the request could not be written.
        """
        if self._asked.intersection(error.tasks) or not self.engine.entries.keys() >= set(
            error.tasks
        ):
            return False
        for task_id in error.tasks:
            self._ask(task_id, Verb.RETRY, error.message)
        return True

    def _ask(self, task_id: str, verb: Verb, note: str) -> None:
        self._asked.add(task_id)
        now = self.clock.wall()
        wanted = TaskCommand(verb, task_id, _BY, now, id=new_id(now), note=note)
        self.requests.leave(wanted)

    def _is_reset(self, task_id: str, name: str, version: int) -> bool:
        if not version or self._corrected.get(name) == version:
            return not version
        found = self.workspace.read_result(name)
        if found is not None and found.task == task_id and found.status is TaskStatus.PENDING:
            return True
        # What a person corrected is kept; what is damaged is told at the end.
        self._corrected[name] = version
        return False
