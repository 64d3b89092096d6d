"""Keeps the drawn sections of ``master_plan.md`` true, behind the work and never in its way.

At most a few times a second and at most some 2 % of the time, so the interval grows with the plan; in a thread, so a
slow disk or a big plan never delays a launch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import anyio

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.errors import OrchestratorError
from orchestrator.plan.parser import StatusCells
from orchestrator.runner.attempt import LiveAttempt
from orchestrator.runner.event_loop import in_thread
from orchestrator.store.journal import journal_tail
from orchestrator.store.workspace import Workspace
from orchestrator.views.master_plan import sections
from orchestrator.views.terminal import label_of, timestamp

#: Seconds between two drawings at least (at most three a second).
_SHORTEST = 0.33
#: A drawing that took t is followed by a pause of this many t.
_PAUSE = 50.0

#: Draws a board; the second argument says what is running: task → news. False: it has to be drawn later.
Draw = Callable[[PlanSnapshot, Mapping[str, str]], bool]


@dataclass(slots=True, eq=False, repr=False)
class Drawing:
    """Draws when something changed and enough time has passed."""

    draw: Draw
    prepare: Callable[[], None] | None = None
    """Called in a thread as the run starts, for what its end would have to wait for."""
    warned: str = field(default="", init=False)
    """The problem that was reported last; the same one is not reported at every drawing."""
    _is_stale: bool = field(default=False, init=False)
    _woken: anyio.Event | None = field(default=None, init=False)
    """A user waits for it. Made within the event loop: outside, it would load asyncio before the guard is started."""

    def mark_stale(self) -> None:
        """Say that what is drawn is no longer true."""
        self._is_stale = True
        if self._woken is not None:
            self._woken.set()

    async def keep_drawn(
        self, board: PlanSnapshot, live: Mapping[str, LiveAttempt], warn: Callable[[str], None]
    ) -> None:
        """Draw again and again until cancelled. The last drawing of a run is made by anyone who ends it.

        What cannot be drawn (a person broke the file, the disk is full) goes to *warn*, and the run goes on.
        """
        if self.prepare is not None:
            await in_thread(self.prepare)
        pause = _SHORTEST
        while True:
            await anyio.sleep(pause)
            if not self._is_stale:
                self._woken = anyio.Event()
                await self._woken.wait()
            self._is_stale, self._woken = False, None
            news = {attempt.task.id: attempt.news for attempt in live.values()}
            copied = _copied(board)
            before = anyio.current_time()
            try:
                if not await in_thread(self._draw_copy, copied, news):
                    self._is_stale = True
            except OrchestratorError as error:
                if str(error) != self.warned:
                    self.warned = str(error)
                    warn(self.warned)
            pause = max(_SHORTEST, _PAUSE * (anyio.current_time() - before))

    def _draw_copy(self, copied: Callable[[], PlanSnapshot], news: Mapping[str, str]) -> bool:
        return self.draw(copied(), news)


def _copied(board: PlanSnapshot) -> Callable[[], PlanSnapshot]:
    """Copy what changes while the run goes on; where everything stands is left to a thread, for it takes longer."""
    results, doubts = dict(board.results), dict(board.doubts)
    return partial(PlanSnapshot, board.plan, board.shape, results, doubts=doubts, beside=board.beside)


# ── redraw ────────
#
# Draw where a plan stands into ``master_plan.md``, for anyone who reads it.

#: Lines of the journal that are shown.
_LOG_TAIL = 15
#: What a run says at its end of a plan that a user does not close.
STILL_OPEN = "somebody has it open for writing: it is not drawn, and what they add waits for the next run"


def redraw(workspace: Workspace, board: PlanSnapshot, now: float, *, running: Mapping[str, str], budget: float) -> bool:
    """Draw our sections, and the person's own Status, Start and End cells in place; say whether nothing is left to do.

    Args:
        workspace: The plan directory.
        board: Where everything stands.
        now: Seconds since the epoch.
        running: The latest news of what runs, by task.
        budget: USD the plan may cost; 0: not set.

    Raises:
        StoreError: the plan could not be read or written.
        OrchestratorError: it is no longer a text that can be drawn into.
    """
    drawn = sections(
        board, now=now, journal_tail=journal_tail(workspace.layout.journal, _LOG_TAIL), running=running, budget=budget
    )
    return workspace.redraw(drawn, partial(status_cells, board))


def status_cells(board: PlanSnapshot, task_id: str) -> StatusCells | None:
    """Return the cells of a task; None when it is not on the board."""
    if task_id not in board.standing:
        return None
    return StatusCells(status=label_of(board, task_id), start=_start(board, task_id), end=_end(board, task_id))


def _start(board: PlanSnapshot, task_id: str) -> str:
    result = board.results.get(task_id)
    return timestamp(result.attempts[0].started) if result and result.attempts else "-"


def _end(board: PlanSnapshot, task_id: str) -> str:
    result = board.results.get(task_id)
    ended = result.last.ended if result and result.last else 0.0
    return timestamp(ended) if ended else "-"
