"""The run: events go to the engine, its instructions become effects, effects answer with events.

Nothing here decides what runs when (``core.engine``), what a log means (``agents``) or how a process is ended
(``executors``). This module only carries: launches to the executor, news of the executor to the engine, results to
the disk, and word of all of it to anyone who listens.
"""

from __future__ import annotations

import math
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel

from orchestrator.core.graph import shape
from orchestrator.core.plan import Task
from orchestrator.core.pools import limit_words
from orchestrator.core.result import NOT_STARTED, Outcome, ProcessExit, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import Held, PlanSnapshot, inputs_of
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand, apply, noted
from orchestrator.core.text import pluralize
from orchestrator.errors import LostResultError, OrchestratorError, StoreError
from orchestrator.executors.protocol import Executor
from orchestrator.runner.attempt import LiveAttempt
from orchestrator.runner.batches import Questions
from orchestrator.runner.clock import Clock
from orchestrator.runner.commit import PendingResult, Writer
from orchestrator.runner.event_loop import Timer
from orchestrator.runner.events import COMMANDED, ENDINGS, Event, Kind, Listener, money_used_up
from orchestrator.runner.file_changes import FileChanges
from orchestrator.runner.inbox import Inbox
from orchestrator.runner.launch import Launcher
from orchestrator.runner.monitor import Monitor, judge_unlaunched
from orchestrator.runner.plan_watcher import Change, Watch, difference, kept_with
from orchestrator.runner.render import Drawing
from orchestrator.runner.task_commands import commit_manual, commit_settled, interfered, manual_event
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import (
    ActivitySeen,
    Begun,
    Decide,
    Decided,
    Delay,
    Ended,
    Finish,
    Hold,
    Input,
    Instruction,
    Launch,
    Record,
    Recorded,
    Refuse,
    Replanned,
    Resume,
    Skip,
    Slept,
    Stop,
    StopRequested,
    Strain,
    Tick,
)
from orchestrator.scheduler.node import Node
from orchestrator.scheduler.replan import left_to_run
from orchestrator.store.requests import Requests
from orchestrator.store.workspace import Workspace
from orchestrator.views.status import hold_text

#: Seconds of an outage that no one needs to be woken for.
_BLIP = 30.0
#: Why a run ends whose ``run_timeout`` has passed.
TIME_OVER = "the run's time is over"


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Runner:
    """One run of one plan. Build it, then call ``run`` once, with the lock of the plan held."""

    workspace: Workspace
    board: PlanSnapshot
    engine: Engine
    policies: Mapping[str, Settings]
    executor: Executor
    clock: Clock
    listener: Listener
    launchpad: Launcher
    drawing: Drawing
    requests: Requests | None = None
    """Where people and agents ask for something while it runs."""
    expanded: Callable[[], None] = lambda: None
    """Called when a batch was expanded: the next look at the plan finds its tasks."""
    redo: Callable[[LostResultError], bool] = lambda _: False
    """Asks for what was lost to be done again; says whether it will be."""
    watch: Watch | None = None
    """Looks after a plan that may be changed while it runs."""
    away: Callable[[], StoreError | None] = lambda: None
    """Returns an error when the plan directory was taken away."""
    is_patient: bool = True
    """Whether a held account is waited for; otherwise the run ends when nothing else is left."""
    close: Callable[[], None] = lambda: None
    """Called before each event of a run that is ending: from then on it takes nothing more."""
    ends_at: float = math.inf
    """When the time of the run is over, on the clock that does not jump."""
    held_back: str = ""
    """Why tasks were not started although nothing they need is missing: a limit, a login, the budget."""
    ended_by: int = field(default=0, init=False)
    """The signal that ended the run; 0 when it came to its own end."""
    failure: OrchestratorError | None = field(default=None, init=False)
    """What made going on impossible: a full disk, a dead executor."""
    live: dict[str, LiveAttempt] = field(default_factory=dict, init=False)
    """Attempts under way, by key."""
    launched: int = field(default=0, init=False)
    """Attempts started."""
    changes: FileChanges = field(default_factory=FileChanges)
    """What is known of the files that attempts change."""
    params: Mapping[str, object] = field(default_factory=dict)
    """Parameters of the plan, which conditions read."""
    used_up: Kind | None = field(default=None, init=False)
    """Whose budget it was: ``RUN_UNAFFORDABLE``, ``RUN_OVERSPENT``."""
    _questions: Questions = field(init=False)
    _ended: dict[str, tuple[LiveAttempt, ProcessExit, Outcome]] = field(default_factory=dict, init=False)
    _reading: Monitor = field(init=False)
    _writer: Writer = field(init=False)
    _inbox: Inbox | None = field(default=None, init=False)
    _timer: Timer = field(init=False)
    _events: deque[Input] = field(default_factory=deque, init=False)
    _finish: Finish = field(init=False)
    """The newest; until we leave, a user may ask for more."""
    _scope: anyio.abc.TaskGroup = field(init=False)

    async def run(self, opened: AbstractAsyncContextManager[None], signals: AsyncIterator[signal.Signals]) -> None:
        """Run until nothing is left to do, a signal comes, or going on is impossible (then ``failure`` says why).

        *opened* is the executor's: it was called before the event loop was loaded, for its guard starts meanwhile.
        *signals* are those that end us.
        """
        self._timer = Timer(self.clock, self._wake_at, self._hear_time)
        self._writer = self._new_writer()
        self._questions = Questions(self.workspace, self.board, self._status_of, self.params, self.expanded)
        async with opened, anyio.create_task_group() as self._scope:
            self._reading = self._new_monitor()
            self._inbox = self._new_inbox(self.requests) if self.requests is not None else None
            for job in (
                self._reading.hear_executor,
                self._timer.keep_time,
                self._writer.keep_writing,
                self._reading.keep_looking,
            ):
                self._scope.start_soon(job)
            self._scope.start_soon(self._hear, signals)
            self._scope.start_soon(self.drawing.keep_drawn, self.board, self.live, self._warn)
            if self._inbox is not None:
                self._scope.start_soon(self._inbox.keep_looking)
            if self.watch is not None:
                self._scope.start_soon(self.watch.keep_watching, self._warn)
            # Signals are heard before anything starts.
            await anyio.lowlevel.checkpoint()
            self._handle(Begun())

    def _new_writer(self) -> Writer:
        return Writer(
            workspace=self.workspace,
            is_alone=lambda: not self.live,
            is_awaited=lambda: self.engine.is_awaiting_record,
            fails=self._give_up,
            notes=self._warn,
            published=lambda task: self._handle(Recorded(task)),
            tell=self._listen,
            confirm=self._confirm,
        )

    def _new_monitor(self) -> Monitor:
        return Monitor(
            executor=self.executor,
            workspace=self.workspace,
            scope=self._scope,
            live=self.live,
            heard=self._hear_activity,
            news=self._tell_news,
            ended=self._end,
            fails=self._give_up,
            away=self.away,
        )

    def _new_inbox(self, requests: Requests) -> Inbox:
        return Inbox(
            requests=requests,
            board=self.board,
            engine=self.engine,
            run=self.launchpad.run,
            intervene=self._handle,
            show_progress=self._show_progress,
            warn=self._warn,
            watch=self.watch,
        )

    def _status_of(self, task: str) -> TaskStatus:
        return self.engine.entries[task].status

    def replan(self, change: Change, entries: Sequence[Node], widths: Mapping[str, int]) -> None:
        """Go on with a plan that was changed; what was started stays in it until it is over."""
        before = self.board.plan
        self.board.plan = kept_with(change.plan, before, self.engine.under_way)
        self.board.shape = shape(self.board.plan.tasks)
        self.policies = {**self.policies, **change.policies}
        self.changes.ask(self.policies)
        self.launchpad.replan(self.board.plan.tasks, self.policies, change.meant)
        left = left_to_run(self.engine.entries, entries)
        text = difference(before, self.board.plan, change.also)
        self._tell(Kind.RUN_CHANGED, tasks=left, text=text)
        self._handle(Replanned(tuple(entries), widths))

    def _wake_at(self) -> float | None:
        moments = [self.ends_at] if self.ends_at < math.inf else []
        moments += [] if self.engine.wake_at is None else [self.engine.wake_at]
        return min(moments, default=None)

    def _hear_time(self, event: Input) -> None:
        if isinstance(event, Slept):
            self.ends_at -= event.seconds
        self._handle(event)
        if self.clock.now() < self.ends_at:
            return
        self.ends_at = math.inf
        if not (self.ended_by or self.failure or self.engine.is_finished):
            self.held_back = TIME_OVER
            agents = f": stopping {pluralize(len(self.live), 'agent')}" if self.live else ""
            self._tell(Kind.RUN_STOPPING, text=f"{TIME_OVER}{agents}")
            self._handle(StopRequested())

    # ── events in, instructions out ──────────────────────────────────────────────────────────────────────────────────

    def _handle(self, event: Input) -> None:
        # Queued and not nested: what one instruction brings about goes to the engine after its fellows are done.
        self._events.append(event)
        if len(self._events) > 1:
            return
        while self._events:
            timestamp = Tick(self.clock.now(), self.clock.draw())
            for instruction in self.engine.handle(self._events[0], timestamp):
                self._perform(instruction)
            self._events.popleft()
        self._writer.look()
        self._timer.look()

    def _perform(self, instruction: Instruction) -> None:
        match instruction:
            case Launch():
                self._launch(instruction)
            case Stop():
                self._stop(instruction)
            case Record():
                self._record(instruction)
            case Decide():
                self._decide(instruction)
            case Refuse() if self._inbox is not None:
                self._inbox.refuse(instruction)
            case Skip():
                self._tell(Kind.TASK_SKIPPED, instruction.task, text=instruction.reason)
            case Delay(task, limit):
                self._tell(Kind.TASK_WAITING, task, text=f"waits for {limit_words(limit)}")
            case Hold() | Strain() | Resume():
                self._tell_of_account(instruction)
            case Finish():
                self._finish = instruction
                self._scope.start_soon(self._leave)
            case _:
                raise AssertionError(instruction)

    def _tell_of_account(self, instruction: Hold | Strain | Resume) -> None:
        match instruction:
            case Hold():
                self._hold(instruction)
            case Strain(account, most):
                now = f"close to its limit: at most {pluralize(most, 'attempt')} at a time (near_limit)"
                text = f"{account} is {now if most else 'no longer close to its limit'}"
                self._tell(Kind.RUN_DELAYED, text=text)
            case Resume():
                self._tell(Kind.RUN_RESUMED, text=f"{instruction.account}: the account is open")

    def _launch(self, launch: Launch) -> None:
        task = self.board.plan.tasks[launch.task]
        live = self.launchpad.attempt(task, launch, self.board.results, self.clock.wall())
        try:
            self._questions.require_list(task, live.agent)
            job = self.launchpad.job(live, self._warn)
        except Exception as error:  # noqa: BLE001 - not even a bug takes the neighbours of its task along
            self._fail_to_launch(live, error)
            return
        said = self.changes.start(live)
        self.live[live.key] = live
        self.board.results[task.id] = live.running()
        self.board.doubts.pop(task.id, None)
        self.executor.start(job)
        self.launched += 1
        self._tell(Kind.TASK_STARTED, task.id, attempt=live.number, agent=live.agent)
        self._warn_of(task.id, live.number, said)

    def _fail_to_launch(self, live: LiveAttempt, error: Exception) -> None:
        if isinstance(error, StoreError):
            self._give_up(error)
        is_put_off = isinstance(error, LostResultError) and self._asks_again(error)
        outcome = judge_unlaunched(live, error, is_put_off=is_put_off)
        self._ended[live.task.id] = (live, ProcessExit(error=NOT_STARTED), outcome)
        self._handle(Ended(live.task.id, live.number, outcome.verdict, outcome.reason))
        if is_put_off and self._inbox is not None:
            self._inbox.look_at_once()

    def _asks_again(self, error: LostResultError) -> bool:
        try:
            return self.redo(error)
        except StoreError as refused:
            self._give_up(refused)
            return False

    def _stop(self, stop: Stop) -> None:
        task = self.board.plan.tasks[stop.task]
        key = self.workspace.layout.attempt(task.stem, stop.attempt).key
        self.executor.stop(key, stop.reason, self.policies[stop.task].grace)
        self._tell(Kind.TASK_STOPPING, stop.task, attempt=stop.attempt, text=stop.reason.words)

    def _hold(self, hold: Hold) -> None:
        is_final, left = hold.until == math.inf, hold.until - self.clock.now()
        until = self.clock.wall() + left
        if is_final:  # the engine is not to wait; the attempt knows when it opens
            until = max(outcome.until for *_, outcome in self._ended.values())
        held = Held(hold.account, 0.0 if hold.is_outage else until, hold.reason, is_outage=hold.is_outage)
        text = hold_text(held, is_final=is_final)
        if is_final:
            self.held_back = text
        is_blip = hold.is_outage and left < _BLIP
        self._tell(Kind.RUN_DELAYED if is_blip else Kind.RUN_HELD, text=text)

    async def _leave(self) -> None:
        await self._writer.drain()
        if self._inbox is not None and self.failure is None and await self._inbox.look():
            return  # a user has just asked for something; it is over when that is done
        if self.watch is not None and not (self.ended_by or self.failure):
            await self.watch.look_once_more(self._warn)  # a user may have added something
        if self.engine.is_finished:
            for kind, text in money_used_up(self.engine, self._finish, self.board.paid_for()):
                self.used_up, self.held_back = kind, text
                self._tell(kind, text=text)
            self._scope.cancel_scope.cancel()
        elif self.watch is not None:
            self.watch.close(is_closed=False)

    def _decide(self, asked: Decide) -> None:
        try:
            decided = self._questions.look(asked)
        except StoreError as error:
            self._give_up(error)
            decided = Decided(asked.task, "", is_met=None)
        if decided is None:
            self._scope.start_soon(self._expand, asked)
        else:
            self._handle(decided)

    async def _expand(self, asked: Decide) -> None:
        self._handle(await self._questions.expand(asked, self.watch, self._warn))

    def _record_omitted(self, task: Task) -> None:
        """Keep that a condition is not met, and from which results that is known."""
        self.board.results[task.id] = result = self._questions.omitted(task)
        commit = commit_settled(self.workspace, task, result)
        event = self._event(Kind.TASK_SKIPPED, task.id, text=result.note)
        self._writer.put(PendingResult(task.id, commit, event))

    def _record(self, record: Record) -> None:
        if record.status is TaskStatus.SKIPPED:
            self._record_omitted(self.board.plan.tasks[record.task])
            return
        command = self._inbox.under_way.get(record.request) if self._inbox is not None else None
        if record.task not in self._ended:
            assert command is not None
            self._record_manual(record, command, self.engine.entries[record.task].attempt)
            return
        live, exit, outcome = self._ended.pop(record.task)
        if record.verdict is not None:
            is_held = record.verdict is Verdict.HELD
            until = math.inf if is_held else 0.0
            outcome = outcome._replace(verdict=record.verdict, until=until, is_outage=False)
        if command is not None:
            said = outcome.answer
            outcome = interfered(outcome, command)
            if command.verb is Verb.COMPLETE and outcome.verdict is not Verdict.COMPLETED:
                # What the agent did is its own attempt; the answer is that of anyone who gave it.
                self.board.results[record.task] = live.over(TaskStatus.PENDING, exit, outcome)
                command = command._replace(answer=command.answer or said)
                self._record_manual(record, command, live.number + 1)
                return
        result = live.over(record.status, exit, outcome)
        if command is not None:
            result = noted(result, command)
        self.board.results[record.task] = result
        event = self._event(
            ENDINGS[record.status] if command is None else COMMANDED[command.verb],
            record.task,
            attempt=live.number,
            duration=result.duration,
            retry_in=record.retry_in if record.status is TaskStatus.RETRYING else None,
            cost=result.attempts[-1].cost,
            text=result.reason if command is None else command.why,
        )
        # What could not be read is left to the next run, which makes the result of it.
        commit = None if live.unread else live.commit(result, outcome, exit)
        self._writer.put(PendingResult(record.task, commit, event, record.request))

    def _record_manual(self, record: Record, command: TaskCommand, number: int) -> None:
        """Keep what a user settled; where that makes an attempt, it is attempt *number*."""
        task = self.board.plan.tasks[record.task]
        before = self.board.results.get(task.id)
        inputs = inputs_of(task, self.board.plan.tasks, self.board.results)
        result = apply(before, command, record.status, number=number, inputs=inputs)
        self.board.results[task.id] = result
        self.board.doubts.pop(task.id, None)
        try:
            commit = commit_manual(self.workspace, task, result, command)
        except StoreError as error:
            commit = None
            self._give_up(error)
        event = manual_event(task, result, command, before)
        self._writer.put(PendingResult(record.task, commit, event, record.request))

    def _show_progress(self, task: str, progress: int) -> None:
        """Take in how far the worker of a task says it is."""
        live = next((each for each in self.live.values() if each.task.id == task), None)
        if live is None:
            return  # it has just ended
        live.progress = progress
        self.board.results[task] = live.running()
        self._reading.write(live)  # anyone who said so looks there next
        self._tell(Kind.TASK_PROGRESS, task, attempt=live.number, text=f"{progress}%")

    # ── effects that take time ───────────────────────────────────────────────────────────────────────────────────────

    def _hear_activity(self, seen: ActivitySeen) -> None:
        if seen.signs.edited:
            key = self.workspace.layout.attempt(self.board.plan.tasks[seen.task].stem, seen.attempt).key
            self._warn_of(seen.task, seen.attempt, self.changes.see_edits(key, seen.signs.edited))
        self._handle(seen)

    def _end(self, live: LiveAttempt, exit: ProcessExit, outcome: Outcome) -> None:
        self.changes.end(live, exit.ended)
        if self.changes.is_scanning:
            self._scope.start_soon(self._scan_and_conclude, live, exit, outcome)
        else:
            self._conclude(live, exit, outcome)

    async def _scan_and_conclude(self, live: LiveAttempt, exit: ProcessExit, outcome: Outcome) -> None:
        self._warn_of(live.task.id, live.number, await self.changes.scan())
        self._conclude(live, exit, outcome)

    def _conclude(self, live: LiveAttempt, exit: ProcessExit, outcome: Outcome) -> None:
        outcome, said = self.changes.judge(live, outcome)
        self._warn_of(live.task.id, live.number, said)
        self._ended[live.task.id] = (live, exit, outcome)
        if outcome.warning:
            self._tell(Kind.WARNING, live.task.id, attempt=live.number, text=outcome.warning)
        opens = self._timer.timestamp(outcome.until) if self.is_patient else math.inf
        self._handle(
            Ended(
                live.task.id,
                live.number,
                outcome.verdict,
                outcome.reason,
                cost=live.price(outcome).cost,
                settles=live.settles(outcome),
                is_resumable=outcome.is_resumable,
                until=opens if outcome.verdict is Verdict.HELD else 0.0,
                model=outcome.model,
                is_outage=outcome.is_outage,
                is_refused=outcome.is_refused,
            )
        )

    def _confirm(self, request: str) -> None:
        if self._inbox is not None:
            self._inbox.confirm(request)

    async def _hear(self, signals: AsyncIterator[signal.Signals]) -> None:
        async for number in signals:
            if not self.ended_by:
                self.ended_by = number
                agents = f" {pluralize(len(self.live), 'agent')}; once more makes it sooner"
                text = f"{number.name}: stopping{agents if self.live else ''}"
                self._listen(self._event(Kind.RUN_STOPPING, text=text))
                self._handle(StopRequested())
            else:
                for live in self.live.values():
                    self.executor.stop(live.key, StopReason.SHUTDOWN, 0.0)

    def _give_up(self, error: OrchestratorError) -> None:
        """State can no longer be kept: start nothing more, end what runs, and report why.

        Where the directory was taken away agents go on: it may come back, and what they do elsewhere is not to be half.
        """
        if self.failure is None:
            away = self.away()
            self.failure = away or error
            self._warn(str(self.failure))
            self._handle(StopRequested(ends_agents=away is None))

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _warn(self, text: str) -> None:
        self._tell(Kind.WARNING, text=text)

    def _warn_of(self, task: str, attempt: int, texts: Sequence[str]) -> None:
        for text in texts:
            self._tell(Kind.WARNING, task, attempt=attempt, text=text)

    def _tell_news(self, live: LiveAttempt) -> None:
        self._tell(Kind.NEWS, live.task.id, attempt=live.number, text=live.news_so_far)

    def _tell(self, kind: Kind, task: str = "", **facts: Any) -> None:
        self._listen(self._event(kind, task, **facts))

    def _event(self, kind: Kind, task: str = "", **facts: Any) -> Event:
        name = self.board.plan.tasks[task].name if task else ""
        return Event(kind=kind, time=self.clock.wall(), task=task, name=name, **facts)

    def _listen(self, event: Event) -> None:
        if self._writer.holds_back(event):
            return
        self.drawing.mark_stale()
        if self.ended_by or self.failure or self.engine.is_draining:
            self.close()
        try:
            self.listener(event)
        except StoreError as error:
            self._give_up(error)
