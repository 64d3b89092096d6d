"""The run: events go to the engine, its instructions become effects, effects answer with events.

Nothing here decides what runs when (``core.engine``), what a log means (``agents``) or how a process is ended
(``executors``). This module only carries: launches to the executor, news of the executor to the engine, results to
the disk, and word of all of it to whoever listens.
"""

from __future__ import annotations

import math
import signal
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread

from orchestrator.core.board import Board
from orchestrator.core.engine import Engine
from orchestrator.core.entry import Entry
from orchestrator.core.event import (
    Begun,
    Ended,
    Event,
    Heard,
    Moment,
    Recorded,
    Replanned,
    StopRequested,
    Ticked,
)
from orchestrator.core.graph import shape
from orchestrator.core.instruction import (
    Finish,
    Hold,
    Instruction,
    Launch,
    Record,
    Resume,
    Skip,
    Stop,
)
from orchestrator.core.plan import Plan
from orchestrator.core.result import Exit, Outcome, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.state import TaskStatus
from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.executors.protocol import Done, Executor, News, Started, is_lost
from orchestrator.runtime.attempt import Launchpad, LiveAttempt
from orchestrator.runtime.clock import Clock
from orchestrator.runtime.drawing import Drawing
from orchestrator.runtime.happening import (
    ENDINGS,
    Happening,
    Kind,
    Listener,
    budget_text,
    hold_text,
)
from orchestrator.runtime.watching import Watch, difference, kept_with
from orchestrator.store.atomic import ADVICE
from orchestrator.store.result_writer import Commit
from orchestrator.store.workspace import Workspace

#: Seconds between two looks at the logs of what runs.
_LOOK = 0.25
#: Seconds to wait for more results before a sync, while others run and nobody waits for this one: a sync costs much
#: the same for one result and for ten.
_GATHER = 0.002


@dataclass(slots=True, kw_only=True)
class Runner:
    """One run of one plan. Build it, then call ``run`` once, with the lock of the plan held."""

    workspace: Workspace
    board: Board
    engine: Engine
    policies: Mapping[str, Settings]
    executor: Executor
    clock: Clock
    listener: Listener
    launchpad: Launchpad
    drawing: Drawing
    watch: Watch | None = None
    """Looks after a plan that may be changed while it runs."""
    is_patient: bool = True
    """Whether a held account is waited for; otherwise the run ends when nothing else is left."""
    ended_by: int = field(default=0, init=False)
    """The signal that ended the run; 0 when it came to its own end."""
    failure: OrchestratorError | None = field(default=None, init=False)
    """What made going on impossible: a full disk, a dead executor."""
    live: dict[str, LiveAttempt] = field(default_factory=dict, init=False)
    """Attempts under way, by key."""
    launched: int = field(default=0, init=False)
    """Attempts started."""
    held_back: str = field(default="", init=False)
    """Why tasks were not started although nothing they need is missing: a limit, a login, the budget."""
    _ended: dict[str, tuple[LiveAttempt, Exit, Outcome]] = field(default_factory=dict, init=False)
    _unwritten: list[LiveAttempt] = field(default_factory=list, init=False)
    _commits: list[tuple[Commit | None, str, Happening]] = field(default_factory=list, init=False)
    _has_commits: anyio.Event = field(init=False)
    _timer_moved: anyio.Event = field(init=False)
    _sleeping_until: float | None = field(default=None, init=False)
    _events: deque[Event] = field(default_factory=deque, init=False)
    _scope: anyio.abc.TaskGroup = field(init=False)

    async def run(self, opened: AbstractAsyncContextManager[None]) -> None:
        """Run until nothing is left to do, a signal comes, or going on is impossible (then ``failure`` says why).

        *opened* is the executor's: it was called before the event loop was loaded, for its guard starts meanwhile.
        """
        self._has_commits, self._timer_moved = anyio.Event(), anyio.Event()
        async with opened, anyio.create_task_group() as self._scope:
            for job in (
                self._hear_executor,
                self._hear_signals,
                self._keep_time,
                self._write,
                self._look,
            ):
                self._scope.start_soon(job)
            self._scope.start_soon(self.drawing.keep_drawn, self.snapshot, self.live, self._warn)
            if self.watch is not None:
                self._scope.start_soon(self.watch.keep_watching, self._warn)
            self._handle(Begun())

    def snapshot(self) -> Board:
        """Return the board as it stands: a copy, because views are drawn in a thread while the run goes on."""
        board = self.board
        return Board(board.plan, board.shape, dict(board.results), doubts=dict(board.doubts))

    def replan(
        self, plan: Plan, policies: Mapping[str, Settings], entries: Iterable[Entry]
    ) -> None:
        """Go on with a plan that was changed; what was started stays in it until it is over."""
        before = self.board.plan
        self.board.plan = kept_with(plan, before, self.engine.under_way)
        self.board.shape = shape(self.board.plan.tasks)
        self.policies = {**self.policies, **policies}
        self.launchpad.replan(self.board.plan.tasks, self.policies)
        tasks, text = len(self.board.plan.tasks), difference(before, self.board.plan)
        self._tell(Kind.RUN_CHANGED, tasks=tasks, text=text)
        self._handle(Replanned(tuple(entries)))

    # ── events in, instructions out ──────────────────────────────────────────────────────────────────────────────────

    def _handle(self, event: Event) -> None:
        # Queued and not nested: what one instruction brings about is told to the engine after its fellows are done.
        self._events.append(event)
        if len(self._events) > 1:
            return
        while self._events:
            moment = Moment(self.clock.now(), self.clock.draw())
            for instruction in self.engine.handle(self._events[0], moment):
                self._perform(instruction)
            self._events.popleft()
        wake_at = self.engine.wake_at
        if wake_at is not None and (self._sleeping_until is None or wake_at < self._sleeping_until):
            self._timer_moved.set()

    def _perform(self, instruction: Instruction) -> None:
        match instruction:
            case Launch():
                self._launch(instruction)
            case Stop():
                self._stop(instruction)
            case Record():
                self._record(instruction)
            case Skip():
                self._tell(Kind.TASK_SKIPPED, instruction.task, text=instruction.reason)
            case Hold():
                self._hold(instruction)
            case Resume():
                self._tell(Kind.RUN_RESUMED, text=f"{instruction.account}: the account is open")
            case Finish():
                self._finish(instruction)

    def _launch(self, launch: Launch) -> None:
        task = self.board.plan.tasks[launch.task]
        live = self.launchpad.attempt(task, launch, self.board.results, self.clock.wall())
        try:
            job = self.launchpad.job(live)
        except OrchestratorError as error:
            self._fail_to_launch(live, error)
            return
        self.live[live.key] = live
        self.board.results[task.id] = live.running()
        self.board.doubts.pop(task.id, None)
        self.executor.start(job)
        self.launched += 1
        self._tell(Kind.TASK_STARTED, task.id, attempt=live.number, agent=live.agent)

    def _fail_to_launch(self, live: LiveAttempt, error: OrchestratorError) -> None:
        is_ours = isinstance(error, StoreError)
        if is_ours:
            self._give_up(error)
        verdict = Verdict.INTERRUPTED if is_ours else Verdict.FATAL
        reason = f"{error} ({error.hint})" if error.hint else str(error)
        outcome = Outcome(verdict=verdict, reason=reason)
        self._ended[live.task.id] = (live, Exit(error="not started"), outcome)
        self._handle(Ended(live.task.id, live.number, verdict, reason))

    def _stop(self, stop: Stop) -> None:
        task = self.board.plan.tasks[stop.task]
        key = self.workspace.layout.attempt(task.stem, stop.attempt).key
        self.executor.stop(key, stop.reason, self.policies[stop.task].grace)
        self._tell(Kind.TASK_STOPPING, stop.task, attempt=stop.attempt, text=stop.reason.value)

    def _hold(self, hold: Hold) -> None:
        text = hold_text(hold, self.clock.now(), self.clock.wall())
        if hold.until == math.inf:
            self.held_back = text
        self._tell(Kind.RUN_HELD, text=text)

    def _finish(self, finish: Finish) -> None:
        if finish.unaffordable:
            self.held_back = budget_text(self.engine.purse, finish.unaffordable)
            self._tell(Kind.RUN_HELD, text=self.held_back)
        self._scope.cancel_scope.cancel()

    def _record(self, record: Record) -> None:
        live, exit, outcome = self._ended.pop(record.task)
        result = live.over(record.status, exit, outcome)
        self.board.results[record.task] = result
        happening = self._happening(
            ENDINGS[record.status],
            record.task,
            attempt=live.number,
            duration=result.duration,
            retry_in=record.retry_in if record.status is TaskStatus.RETRYING else None,
            cost=result.attempts[-1].cost,
            text=outcome.reason,
        )
        # What could not be read is left to the next run, which makes the result of it.
        commit = None if live.unread else live.commit(result, outcome, exit)
        self._commits.append((commit, record.task, happening))
        self._has_commits.set()

    # ── effects that take time ───────────────────────────────────────────────────────────────────────────────────────

    async def _hear_executor(self) -> None:
        lost: list[Done] = []
        try:
            async for batch in self.executor.news():
                lost += [news for news in batch if is_lost(news)]
                self._take_news([news for news in batch if not is_lost(news)])
        except OrchestratorError as error:
            self._give_up(error)
        # Only now, or the engine would launch them again on an executor that is dying.
        self._take_news(lost)

    def _take_news(self, batch: Sequence[News]) -> None:
        for news in batch:
            live = self.live.get(news.key)
            if live is None:
                continue
            if isinstance(news, Started):
                live.pid = news.pid
                self._unwritten.append(live)
            elif live.read_along():
                self._scope.start_soon(self._read_rest, live, news.exit)
            else:
                self._end(live, news.exit)

    async def _read_rest(self, live: LiveAttempt, exit: Exit) -> None:
        while live.read_along():
            await anyio.lowlevel.checkpoint()
        self._end(live, exit)

    def _end(self, live: LiveAttempt, exit: Exit) -> None:
        del self.live[live.key]
        if lost := exit.error if exit.is_ours else live.unread:
            self._give_up(StoreError(lost, hint=ADVICE))
        outcome = live.judge(exit)
        if live.session and outcome.verdict is not Verdict.HELD:
            # What it said last, since anybody looked: that its account is close to a limit, for instance.
            self._handle(Heard(live.task.id, live.number, live.reader.signs))
        self._ended[live.task.id] = (live, exit, outcome)
        self._handle(
            Ended(
                live.task.id,
                live.number,
                outcome.verdict,
                outcome.reason,
                cost=live.price(outcome).cost,
                settles=live.settles(outcome),
                is_resumable=outcome.is_resumable,
                until=self._opens(outcome.until) if outcome.verdict is Verdict.HELD else 0.0,
            )
        )

    def _opens(self, until: float) -> float:
        """Turn the moment a held account opens into one of the engine's clock."""
        return self.clock.now() + until - self.clock.wall() if self.is_patient else math.inf

    async def _write(self) -> None:
        """Make results durable: all that ended in the same moment, or while the last ones were written, together."""
        while True:
            await self._has_commits.wait()
            if self.live and not self.engine.is_awaiting_record:
                await anyio.sleep(_GATHER)
            self._has_commits = anyio.Event()
            batch, self._commits = self._commits, []
            try:
                commits = [commit for commit, _, _ in batch if commit]
                if self.live:
                    await anyio.to_thread.run_sync(self.workspace.commit, commits)
                else:
                    # Nothing else can happen before this is done, and a thread would only take longer.
                    self.workspace.commit(commits)
            except StoreError as error:
                self._give_up(error)
            for note in self.workspace.take_notes():
                self._warn(note)
            # Also after a failure: the engine must come to its end, and the failure is what the run reports.
            for _, task, happening in batch:
                if self.failure is None:
                    self._listen(happening)
                self._handle(Recorded(task))

    async def _look(self) -> None:
        """Say on disk what runs, and read along with it, so that its news can be shown and little is left at the end.

        An attempt that is over sooner than that never stands there as running: its files in ``logs/`` are trace enough
        for the next run.
        """
        while True:
            await anyio.sleep(_LOOK)
            fresh, self._unwritten = self._unwritten, []
            try:
                for live in fresh:
                    if live.key in self.live:
                        self.workspace.write_running(live.task.stem, live.running_text())
            except StoreError as error:
                self._give_up(error)
            for live in list(self.live.values()):
                before, offset = live.news, live.offset
                if live.read_along():
                    await anyio.lowlevel.checkpoint()
                if live.offset != offset and live.key in self.live:
                    self._handle(Heard(live.task.id, live.number, live.reader.signs))
                if live.news != before:
                    self._tell(Kind.NEWS, live.task.id, attempt=live.number, text=live.news_so_far)

    async def _keep_time(self) -> None:
        while True:
            self._timer_moved = anyio.Event()
            self._sleeping_until = self.engine.wake_at
            if self._sleeping_until is None:
                await self._timer_moved.wait()
                continue
            with anyio.move_on_after(self._sleeping_until - self.clock.now()) as sleep:
                await self._timer_moved.wait()
            if sleep.cancelled_caught:
                self._handle(Ticked())

    async def _hear_signals(self) -> None:
        wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        with anyio.open_signal_receiver(*wanted) as signals:
            async for number in signals:
                if not self.ended_by:
                    self.ended_by = number
                    text = f"{number.name}: stopping {len(self.live)} agents; once more makes it sooner"
                    self._listen(self._happening(Kind.RUN_STOPPING, text=text))
                    self._handle(StopRequested())
                else:
                    for live in self.live.values():
                        self.executor.stop(live.key, StopReason.SHUTDOWN, 0.0)

    def _give_up(self, error: OrchestratorError) -> None:
        """State can no longer be kept: start nothing more, end what runs, and report why."""
        if self.failure is None:
            self.failure = error
            self._warn(str(error))
            self._handle(StopRequested())

    # ── telling ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _warn(self, text: str) -> None:
        self._tell(Kind.WARNING, text=text)

    def _tell(self, kind: Kind, task: str = "", **facts: Any) -> None:
        self._listen(self._happening(kind, task, **facts))

    def _happening(self, kind: Kind, task: str = "", **facts: Any) -> Happening:
        name = self.board.plan.tasks[task].name if task else ""
        return Happening(kind=kind, time=self.clock.wall(), task=task, name=name, **facts)

    def _listen(self, happening: Happening) -> None:
        self.drawing.mark_stale()
        try:
            self.listener(happening)
        except StoreError as error:
            self._give_up(error)
