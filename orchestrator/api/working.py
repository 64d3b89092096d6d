"""Take a task, say where it stands, and talk about it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.api.directory import Directory
from orchestrator.core.message import MessageKind
from orchestrator.core.status import Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import UsageError

if TYPE_CHECKING:
    from orchestrator.actions.talking import Context
    from orchestrator.core.message import Message
    from orchestrator.store.requests import Reply


class Working(Directory):
    """What somebody does with a task by hand. *note* is a remark in a line: who and why is kept with the task.

    What changes where a task stands goes through the run that is at work, if one is, and comes back once it is done. It
    raises TransitionError where it cannot be done from where the task stands, and UsageError in a listener of that run.
    """

    def _wish(self, verb: Verb, task: str, note: str = "", **more: Any) -> Reply:
        from orchestrator.actions.task_commands import intervene

        wanted = TaskCommand(verb, task, self._name, time.time(), note=note, **more)
        return intervene(self._layout, wanted, self._plugs)

    def claim(self, task: str = "") -> str:
        """Take a task that nobody else has, and return its id; without *task*, the next one that is ready.

        Raises:
            NothingReadyError: nothing is ready.
            DependencyError: what it depends on is not done.
        """
        return self._wish(Verb.START, task).task

    def start(self, task: str, *, progress: int | None = None) -> Reply:
        """Take a task into your own hands, or say how far you are, in per cent.

        Raises:
            DependencyError: what it depends on is not done.
        """
        if progress is not None and not 0 <= progress <= 100:
            raise UsageError(f"progress: {progress} is not between 0 and 100 per cent")
        return self._wish(Verb.START, task, progress=progress)

    def complete(
        self, task: str, answer: str = "", *, note: str = "", validate: bool = False, met: str = ""
    ) -> Reply:
        """Say that a task is done; *answer* is its result.

        With *validate*, or where plan or task say so, only when its success criteria are met; *met*, ``"1,3"`` or
        ``"all"``, ticks them.

        Raises:
            CriteriaError: a criterion is open.
            DependencyError: what it depends on is not done.
            UsageError: no file of text could hold the answer.
        """
        from orchestrator.actions.task_commands import complete
        from orchestrator.services.cells import as_typed

        as_typed(answer)
        wanted = TaskCommand(Verb.COMPLETE, task, self._name, time.time(), note=note, answer=answer)
        done = complete(self._layout, wanted, self._plugs, validate=validate, met=met)
        return done.reply

    def fail(self, task: str, note: str = "") -> Reply:
        """Say that a task cannot be done; what depends on it is skipped."""
        return self._wish(Verb.FAIL, task, note)

    def block(self, task: str, note: str = "") -> Reply:
        """Keep a task from being done for now."""
        return self._wish(Verb.BLOCK, task, note)

    def unblock(self, task: str, note: str = "") -> Reply:
        """Let a blocked task be done."""
        return self._wish(Verb.UNBLOCK, task, note)

    def cancel(self, task: str, note: str = "") -> Reply:
        """Give a task up; what runs of it is ended."""
        return self._wish(Verb.CANCEL, task, note)

    def retry(self, task: str, note: str = "") -> Sequence[Reply]:
        """Have a task done again, and return one reply; of a skipped one, what failed before it, and a reply for each.

        What somebody has in hand by command is given back.

        Raises:
            DependencyError: it was skipped because somebody cancelled what comes before.
        """
        from orchestrator.actions.task_commands import retry

        wanted = TaskCommand(Verb.RETRY, task, self._name, time.time(), note=note)
        return retry(self._layout, wanted, self._plugs)

    # ── talking: UsageError where nothing is said, or more than 64 KB ────────────────────────────────────────────────

    def _say(self, kind: MessageKind, task: str, text: str) -> Message:
        from orchestrator.actions.talking import say

        return say(self._layout, task, kind, self._name, text)

    def join(self, task: str) -> Message:
        """Say that you work on a task."""
        return self._say(MessageKind.JOIN, task, "joined")

    def share(self, task: str, text: str) -> Message:
        """Tell everybody something about a task."""
        return self._say(MessageKind.SHARE, task, text)

    def note(self, task: str, text: str) -> Message:
        """Note something for yourself; nobody else's command shows it."""
        return self._say(MessageKind.NOTE, task, text)

    def discover(self, task: str, text: str) -> Message:
        """Alert everybody."""
        return self._say(MessageKind.DISCOVER, task, text)

    def sync(self, task: str, text: str) -> Message:
        """Set a checkpoint for everybody."""
        return self._say(MessageKind.SYNC, task, text)

    def context(self, task: str) -> Context:
        """Return what was said about a task, and what you noted."""
        from orchestrator.actions.talking import context

        return context(self._layout, task, self._name)
