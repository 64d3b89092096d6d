"""What people and agents ask of the active run by command: handed to the engine, answered once it is durable.

Every request waits in ``requests/`` until then, so that none is lost with the caller, nor with this run. What cannot be
read or answered there is reported, and no run ends for it. The caller may have changed the plan before: what it says
now is taken in first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio

from orchestrator.core.plan import refuse_batch
from orchestrator.core.result import Attempt
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import OWN_END, TaskCommand, next_ready, taken_from
from orchestrator.errors import NotFoundError, StoreError, TransitionError
from orchestrator.runner.plan_watcher import Watch
from orchestrator.runner.task_commands import nothing_ready
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import Refuse
from orchestrator.scheduler.node import Intervened
from orchestrator.store.disk import owner_of
from orchestrator.store.requests import Reply, Requests

#: Seconds between two looks; each is one ``stat`` while no one asks anything.
_LOOK = 0.2
#: Looks until a missing task counts as unknown: a user may just have written its row.
_PATIENCE = 15


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Inbox:
    """The requests of one run."""

    requests: Requests
    board: PlanSnapshot
    engine: Engine
    run: str
    intervene: Callable[[Intervened], None]
    """Hands a request to the engine."""
    show_progress: Callable[[str, int], None]
    """Takes in how far the worker of a task is: task, per cent."""
    warn: Callable[[str], None]
    """Hears of what cannot be read or answered, each once."""
    watch: Watch | None = None
    """Looks after the plan, where it may be changed."""
    under_way: dict[str, TaskCommand] = field(default_factory=dict, init=False)
    """Handed to the engine and not answered yet, by id."""
    _asides: dict[str, str] = field(default_factory=dict, init=False)
    """What the user who asked for that wants to know besides."""
    _waiting: dict[str, int] = field(default_factory=dict, init=False)
    """Not handed on yet, by id, oldest first, with the number of looks at which no one knew their task."""
    _unanswered: dict[str, Reply] = field(default_factory=dict, init=False)
    """What was done and could not be answered; as long as this run lives it is tried again, and not done again."""
    _asked_by: dict[str, str] = field(default_factory=dict, init=False)
    """The first request to take on a task besides, by task."""
    _told: set[str] = field(default_factory=set, init=False)

    async def keep_looking(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await anyio.sleep(_LOOK)
            await self.look()

    async def look(self) -> bool:
        """Take in what is new, and before that what the plan says; say whether the engine got an event."""
        self._find()
        if self._waiting and self.watch is not None:
            await self.watch.catch_up(self.warn)
        return self._take_all()

    def look_at_once(self) -> None:
        """Take in what is new, whatever the plan says by now: the engine is not to go on before."""
        self._find()
        self._take_all()

    def _find(self) -> None:
        found = []
        for request, reply in list(self._unanswered.items()):
            self._answer(request, reply)
        try:
            found = self.requests.look()
        except StoreError as error:
            self._tell(error)
        known = self._waiting.keys() | self.under_way.keys() | self._unanswered.keys()
        self._waiting.update((request, 0) for request in found if request not in known)

    def _take_all(self) -> bool:
        is_new = False
        for request in list(self._waiting):
            # What comes of one may take in those behind it.
            if (poll := self._waiting.pop(request, None)) is not None:
                is_new |= self._take(request, poll)
        return is_new

    def _take(self, request: str, poll: int) -> bool:
        command = self._read(request)
        if command is None:
            return False
        if command.is_claim:
            found = next_ready(self.board.plan.tasks.values(), self._status, command.by)
            if found is None:
                self._answer(request, Reply.refused("", nothing_ready()))
                return False
            command = command._replace(task=found)
        if command.verb is Verb.LAUNCH:
            self._take_on(command, poll)
            return False
        if command.task not in self.engine.entries:
            self._wait_for_row(command, poll + 1)
            return False
        if not self._is_ours(request) or self._is_own_word(command):
            return False
        try:
            refuse_batch(self.board.plan.tasks[command.task], command.verb)
        except TransitionError as error:
            self._answer(request, Reply.refused(command.task, error))
            return False
        self.under_way[request] = command
        self._asides[request] = taken_from(command, self.board.results.get(command.task))
        self.intervene(Intervened(command, self._doer(command.task)))
        return True

    def _read(self, request: str) -> TaskCommand | None:
        try:
            command = self.requests.read(request)
            if command is None:
                self.requests.forget(request)  # not ours, or the caller thought better of it
        except StoreError as error:
            self._tell(error)
            return None
        return command

    def _is_ours(self, request: str) -> bool:
        try:
            return self.requests.take(request)
        except StoreError as error:
            self._tell(error)
            return False

    def _status(self, task_id: str) -> TaskStatus:
        entry = self.engine.entries.get(task_id)
        return TaskStatus.WAITING if entry is None or entry.unrecorded else entry.status

    def _take_on(self, command: TaskCommand, poll: int) -> None:
        """Answer once a task that no one asked for takes part in this run; the next look at the plan sees to that."""
        if not (poll or self._is_ours(command.id)):
            return
        ask = self.watch.ask if self.watch is not None and not self.engine.is_draining else None
        first = self._asked_by.setdefault(command.task, command.id)
        if ask is None:
            self._wait_for_row(command, _PATIENCE + 1)
        elif command.task in self.engine.entries:
            status = self._status(command.task)
            has_it = f"run {self.run} has it already: it is {status.value}"
            # Of several who found that no one had it, the first brought it here.
            is_taken_on = poll and first == command.id
            refused = Reply.refused(command.task, TransitionError(has_it))
            self._answer(command.id, Reply.done(command.task, status) if is_taken_on else refused)
        else:
            ask(command.task)
            self._wait_for_row(command, poll + 1)

    def _wait_for_row(self, command: TaskCommand, poll: int) -> None:
        """A user may just have added its row, which the run reads a moment later."""
        if poll <= _PATIENCE:
            self._waiting[command.id] = poll
        else:
            error = NotFoundError(
                f"task {command.task} takes no part in the active run", hint="wait for its end, and try again"
            )
            self._answer(command.id, Reply.refused(command.task, error))

    def _is_own_word(self, command: TaskCommand) -> bool:
        """Answer the worker of a task who says that it is done, or how far it is: its run sees to the rest itself."""
        last = self._last(command.task)
        is_worker = last is not None and not last.is_manual and command.run == self.run == last.run
        if not is_worker or self._status(command.task) is not TaskStatus.RUNNING:
            return False
        if command.verb is Verb.COMPLETE:
            reply = Reply.done(command.task, TaskStatus.RUNNING, OWN_END)
        elif command.verb is Verb.START and command.progress is not None:
            self.show_progress(command.task, command.progress)
            message = f"{command.task} is running · {command.progress}%"
            reply = Reply.done(command.task, TaskStatus.RUNNING, message)
        else:
            return False
        self._answer(command.id, reply)
        return True

    def _doer(self, task_id: str) -> str:
        last = self._last(task_id)
        if last is None or last.status != TaskStatus.RUNNING.value:
            return ""
        return last.agent if last.is_manual else f"{last.agent}, in run {last.run},"

    def _last(self, task_id: str) -> Attempt | None:
        result = self.board.results.get(task_id)
        return result.last if result is not None else None

    def refuse(self, refusal: Refuse) -> None:
        """Say why not."""
        del self.under_way[refusal.request], self._asides[refusal.request]
        reply = Reply(is_ok=False, task=refusal.task, message=refusal.message, code=refusal.code, hint=refusal.hint)
        self._answer(refusal.request, reply)

    def confirm(self, request: str) -> None:
        """Say that it is done; it is on disk."""
        command = self.under_way.pop(request)
        entry = self.engine.entries.get(command.task)  # its row may be gone by now
        status = entry.status if entry is not None else self.board.results[command.task].status
        self._answer(request, Reply.done(command.task, status, aside=self._asides.pop(request)))

    def _answer(self, request: str, reply: Reply) -> None:
        try:
            self.requests.answer(request, reply)
        except StoreError as error:
            self._unanswered[request] = reply
            self._tell(error)
        else:
            self._unanswered.pop(request, None)

    def _tell(self, error: StoreError) -> None:
        """Say what is wrong in ``requests/``, and whose it is: often that of another user who asked first."""
        if str(error) in self._told:
            return
        self._told.add(str(error))
        owner = owner_of(error.where)
        remedy = f"; it belongs to {owner}: chown it" if owner else ""
        self.warn(f"{error}{remedy}; the caller there waits, and the run goes on")
