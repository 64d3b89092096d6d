"""How a run ended."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.errors import ExitStatus, OrchestratorError
from orchestrator.runner.events import Kind
from orchestrator.store.layout import Layout


class RunReport(NamedTuple):
    """How a run ended. ``duration`` in seconds."""

    run: str
    layout: Layout
    board: PlanSnapshot
    asked: Collection[str]
    """Tasks the run was to complete: all of them, or those of ``--only`` and ``--tag``."""
    launched: int
    """Attempts this run launched."""
    duration: float
    signal: int = 0
    """What ended it before its end."""
    held_back: str = ""
    """Why tasks, or the merge, were not started although nothing they need is missing."""
    used_up: Kind | None = None
    """Whose budget that was, where it was one."""
    is_merge_left: bool = False
    """An agent was to merge the answers, and a signal, a budget or an account left that to the next run."""
    failure: OrchestratorError | None = None
    final_output: str = ""
    """The file in which this run put the answers together; empty: that could not be written."""
    late_signal: int = 0
    """What came when this run had come to its end: it ends what would follow."""

    @property
    def has_kept_state(self) -> bool:
        """Whether everything that came of it is on disk; a plan that makes no sense by now keeps nothing from there."""
        return self.failure is None or self.failure.exit_status == ExitStatus.BAD_INPUT

    @property
    def exit_status(self) -> int:
        """The status of the process (design, section 5)."""
        if self.failure is not None:
            return self.failure.exit_status
        if self.signal:
            return 128 + self.signal
        if all(self.board.status(task_id) is TaskStatus.COMPLETED for task_id in self.asked):
            return ExitStatus.HELD if self.held_back and self.is_merge_left else ExitStatus.DONE
        return ExitStatus.HELD if self.held_back else ExitStatus.TASK_FAILED
