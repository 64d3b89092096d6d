"""Take a task, say where it stands, and talk about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.api.directory import Directory
from orchestrator.commands import (
    block,
    cancel,
    claim,
    complete,
    context,
    discover,
    fail,
    join,
    note,
    retry,
    share,
    start,
    sync,
    unblock,
)
from orchestrator.commands.message import MessageParams
from orchestrator.commands.task_command import ReasonParams
from orchestrator.errors import UsageError
from orchestrator.services.cells import as_typed

if TYPE_CHECKING:
    from orchestrator.core.message import Message
    from orchestrator.store.requests import Reply


class Working(Directory):
    """Task commands and messages. *note* is a remark in a line; it is kept with the task, and so is who made it.

    A change of status goes through the active run, if there is one, and returns once it is done. It raises
    TransitionError where the status of the task does not allow it, and UsageError in a listener of that run.
    """

    def claim(self, task: str = "") -> str:
        """Take a task that no other caller has, and return its id; without *task*, the next one that is ready.

        Raises:
            NothingReadyError: nothing is ready.
            DependencyError: what it depends on is not done.
        """
        return claim.execute(self._call, claim.ClaimParams(task)).task

    def start(self, task: str, *, progress: int | None = None) -> Reply:
        """Take a task into your own hands, or say how far you are, in per cent.

        Raises:
            DependencyError: what it depends on is not done.
        """
        if progress is not None and not 0 <= progress <= 100:
            raise UsageError(f"progress: {progress} is not between 0 and 100 per cent")
        return start.execute(self._call, start.StartParams(task, progress=progress))

    def complete(self, task: str, answer: str = "", *, note: str = "", validate: bool = False, met: str = "") -> Reply:
        """Say that a task is done; *answer* is its result.

        With *validate*, or where plan or task say so, only when its success criteria are met; *met*, ``"1,3"`` or
        ``"all"``, ticks them.

        Raises:
            CriteriaError: a criterion is open.
            DependencyError: what it depends on is not done.
            UsageError: no file of text could hold the answer.
        """
        as_typed(answer)
        params = complete.CompleteParams(task, answer, note=note, validate=validate, met=met)
        return complete.execute(self._call, params).reply

    def fail(self, task: str, note: str = "") -> Reply:
        """Say that a task cannot be done; what depends on it is skipped."""
        return fail.execute(self._call, ReasonParams(task, note))

    def block(self, task: str, note: str = "") -> Reply:
        """Keep a task from being done for now."""
        return block.execute(self._call, ReasonParams(task, note))

    def unblock(self, task: str, note: str = "") -> Reply:
        """Let a blocked task be done."""
        return unblock.execute(self._call, ReasonParams(task, note))

    def cancel(self, task: str, note: str = "") -> Reply:
        """Give a task up; what runs of it is ended."""
        return cancel.execute(self._call, ReasonParams(task, note))

    def retry(self, task: str, note: str = "") -> Sequence[Reply]:
        """Have a task done again, and return one reply; of a skipped one, what failed before it, and a reply for each.

        A task that was started by hand is released.

        Raises:
            DependencyError: it was skipped because a task before it was cancelled.
        """
        return retry.execute(self._call, ReasonParams(task, note))

    # ── messages: UsageError for an empty text, or more than 64 KB ───────────────────────────────────────────────────

    def join(self, task: str) -> Message:
        """Say that you work on a task."""
        return join.execute(self._call, join.JoinParams(task))

    def share(self, task: str, text: str) -> Message:
        """Share something about a task with everybody."""
        return share.execute(self._call, MessageParams(task, text))

    def note(self, task: str, text: str) -> Message:
        """Note something for yourself; no other caller sees it."""
        return note.execute(self._call, MessageParams(task, text))

    def discover(self, task: str, text: str) -> Message:
        """Alert everybody."""
        return discover.execute(self._call, MessageParams(task, text))

    def sync(self, task: str, text: str) -> Message:
        """Set a checkpoint for everybody."""
        return sync.execute(self._call, MessageParams(task, text))

    def context(self, task: str) -> context.Context:
        """Return the messages about a task, and your own notes."""
        return context.execute(self._call, context.ContextParams(task))
