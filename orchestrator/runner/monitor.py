"""Reads along with what runs: its news, its first signs of an answer, and its end, judged from the whole log."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import anyio
import anyio.abc
import anyio.lowlevel

from orchestrator.core.result import Outcome, ProcessExit, Verdict
from orchestrator.core.text import one_line
from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.executors.protocol import Done, Executor, News, ProcessStarted, is_lost
from orchestrator.runner.attempt import LiveAttempt
from orchestrator.scheduler.messages import ActivitySeen
from orchestrator.store.atomic import ADVICE, write_new
from orchestrator.store.workspace import Workspace

#: Seconds between two looks at the logs of what runs.
_LOOK = 0.25


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class Monitor:
    """Everything that is known of the attempts under way. Anyone who starts one puts it into ``live``."""

    executor: Executor
    workspace: Workspace
    scope: anyio.abc.TaskGroup
    live: dict[str, LiveAttempt]
    """By key."""
    heard: Callable[[ActivitySeen], None]
    news: Callable[[LiveAttempt], None]
    ended: Callable[[LiveAttempt, ProcessExit, Outcome], None]
    fails: Callable[[OrchestratorError], None]
    away: Callable[[], StoreError | None] = lambda: None
    """As for ``Runner``."""
    unwritten: list[LiveAttempt] = field(default_factory=list)
    """Whose result file does not yet say what is known of them."""

    async def hear_executor(self) -> None:
        """Take in what the executor says until it has nothing more to say."""
        lost: list[Done] = []
        try:
            async for batch in self.executor.news():
                lost += [news for news in batch if is_lost(news)]
                self._take_news([news for news in batch if not is_lost(news)])
        except OrchestratorError as error:
            self.fails(error)
        # Only now, or the engine would launch them again on an executor that is dying.
        self._take_news(lost)

    def _take_news(self, batch: Sequence[News]) -> None:
        for news in batch:
            live = self.live.get(news.key)
            if live is None:
                continue
            if isinstance(news, ProcessStarted):
                live.pid = news.pid
                self.unwritten.append(live)
            elif live.read_along(is_over=True) or live.is_misread(news.exit):
                self.scope.start_soon(self._read_rest, live, news.exit)
            else:
                self._end(live, news.exit)

    async def _read_rest(self, live: LiveAttempt, exit: ProcessExit) -> None:
        await self._read_to_the_end(live)
        if live.is_misread(exit):
            live.start_over()
            await self._read_to_the_end(live)
        self._end(live, exit)

    @staticmethod
    async def _read_to_the_end(live: LiveAttempt) -> None:
        while live.read_along(is_over=True):
            await anyio.lowlevel.checkpoint()

    def _end(self, live: LiveAttempt, exit: ProcessExit) -> None:
        del self.live[live.key]
        if exit.is_ours and exit.pid:
            live.unread = exit.error  # its log may tell the next run what it answered
        away = self.away()
        if away is not None:
            live.unread = str(away)  # what is there is not what it has written
        if lost := exit.error if exit.is_ours else live.unread:
            self.fails(away or StoreError(lost, hint=ADVICE))
        outcome = live.judge(exit)
        if live.session and outcome.verdict is not Verdict.HELD:
            # What it said last, since anybody looked: that its account is close to a limit, for instance.
            self.heard(ActivitySeen(live.task.id, live.number, live.reader.signs))
        self.ended(live, exit, outcome)

    async def keep_looking(self) -> None:
        """Say on disk what runs, and read along with it, so that its news can be shown and little is left at the end.

        An attempt that is over sooner than that never stands there as running: its files in ``logs/`` are trace enough
        for the next run.
        """
        while True:
            await anyio.sleep(_LOOK)
            if (away := self.away()) is not None:
                self.fails(away)
                return
            fresh, self.unwritten = self.unwritten, []
            for live in fresh:
                if live.key in self.live:
                    self.write(live)
            for live in list(self.live.values()):
                if not live.pid:
                    continue  # it has not begun: what is there already is not its log
                before, offset = live.news, live.offset
                if live.read_along():
                    await anyio.lowlevel.checkpoint()
                if live.offset != offset and live.key in self.live:
                    self.heard(ActivitySeen(live.task.id, live.number, live.reader.signs))
                if live.news != before:
                    self.news(live)

    def write(self, live: LiveAttempt) -> None:
        """Say on disk what is known of an attempt under way."""
        try:
            self.workspace.write_running(live.task.stem, live.running_text())
        except StoreError as error:
            self.fails(error)


def judge_unlaunched(live: LiveAttempt, error: Exception, *, is_put_off: bool) -> Outcome:
    """Conclude about an attempt that could not be launched; where a bug kept it, its log of errors says where.

    *is_put_off*: what it is to be made from is done again first.
    """
    if is_put_off:
        return Outcome(verdict=Verdict.INTERRUPTED, reason=str(error))
    if isinstance(error, OrchestratorError):
        verdict = Verdict.INTERRUPTED if isinstance(error, StoreError) else Verdict.FATAL
        reason = f"{error} ({error.hint})" if error.hint else str(error)
        return Outcome(verdict=verdict, reason=reason)
    with suppress(StoreError):
        text = "".join(traceback.format_exception(error))
        write_new(live.files.stderr, text.encode(errors="backslashreplace"))
        live.has_errors = True
    return Outcome(verdict=Verdict.FATAL, reason=one_line(f"internal error: {error!r}"))
