"""When the plan is redrawn, on a clock that the test moves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from threading import get_ident

import anyio
import anyio.from_thread
import anyio.lowlevel
import anyio.to_thread
import trio.testing

from orchestrator.core.graph import Shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.errors import StoreError
from orchestrator.runner.attempt import LiveAttempt
from orchestrator.runner.render import Drawing


@dataclass
class Tasks(dict[str, Task]):
    """Remembers the threads in which somebody looked at one."""

    asked_in: set[int] = field(default_factory=set)

    def __getitem__(self, task_id: str) -> Task:
        self.asked_in.add(get_ident())
        return Task(task_id, "", "")


@dataclass
class Studio:
    """Draws, which takes ``takes`` seconds of a clock that stands still otherwise."""

    takes: float = 0.0
    error: StoreError | None = None
    is_restless: bool = False
    """Something changes while it is being drawn."""
    is_put_off: bool = False
    """Somebody has the file open for writing."""
    clock: trio.testing.MockClock = field(default_factory=trio.testing.MockClock)
    drawn: int = 0
    live: Mapping[str, LiveAttempt] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)
    seen: PlanSnapshot | None = None
    """What was drawn last."""

    def __post_init__(self) -> None:
        self.drawing = Drawing(self.draw)

        self.tasks = Tasks()
        self.board = PlanSnapshot(Plan(self.tasks), Shape(("T-01",), {}, {}), {})

    def draw(self, board: PlanSnapshot, news: Mapping[str, str]) -> bool:
        self.seen = board
        self.clock.jump(self.takes)
        anyio.from_thread.run_sync(self._count)
        if self.error is not None:
            raise self.error
        return not self.is_put_off

    def _count(self) -> None:
        self.drawn += 1
        if self.is_restless:
            self.drawing.mark_stale()

    async def after(self, seconds: float) -> int:
        """Let time pass, and the drawing that is then due be finished; return how many there were in all."""
        self.clock.jump(seconds)
        await trio.testing.wait_all_tasks_blocked()
        threads = anyio.to_thread.current_default_thread_limiter()
        while threads.borrowed_tokens:
            await anyio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        return self.drawn


def played(studio: Studio, play: Callable[[], Awaitable[None]]) -> None:
    """Run *play* beside the drawing."""

    async def main() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(studio.drawing.keep_drawn, studio.board, studio.live, studio.told.append)
            await trio.testing.wait_all_tasks_blocked()
            await play()
            group.cancel_scope.cancel()

    anyio.run(main, backend="trio", backend_options={"clock": studio.clock})


def test_the_event_loop_only_copies_what_changes() -> None:
    """Where every task stands is derived in the thread, of the moment at which the drawing began."""
    studio = Studio()

    async def play() -> None:
        studio.tasks.asked_in.clear()
        studio.board.results["T-01"] = Result("T-01", "shell", TaskStatus.RUNNING)
        studio.drawing.mark_stale()
        await studio.after(0.4)
        assert studio.tasks.asked_in
        assert get_ident() not in studio.tasks.asked_in
        del studio.board.results["T-01"]
        assert studio.seen is not None
        assert TaskStatus.RUNNING is studio.seen.results["T-01"].status
        assert TaskStatus.RUNNING is studio.seen.status("T-01")

    played(studio, play)


def test_what_did_not_change_is_not_drawn() -> None:
    """However much time passes."""
    studio = Studio()

    async def play() -> None:
        assert 0 == await studio.after(10.0)

    played(studio, play)


def test_changes_in_quick_succession_are_drawn_once() -> None:
    """At most three times a second, however often something happens."""
    studio = Studio()

    async def play() -> None:
        counts = []
        for _ in range(10):
            studio.drawing.mark_stale()
            counts.append(await studio.after(0.1))
        assert [0, 0, 0, 1, 1, 1, 1, 2, 2, 2] == counts
        assert 3 == await studio.after(10.0)
        assert 3 == await studio.after(10.0)

    played(studio, play)


def test_a_change_after_a_quiet_time_is_drawn_at_once() -> None:
    """Nobody who looks at a quiet plan waits for the interval."""
    studio = Studio()

    async def play() -> None:
        await studio.after(10.0)
        studio.drawing.mark_stale()
        assert 1 == await studio.after(0.0)

    played(studio, play)


def test_the_interval_grows_with_the_time_a_drawing_takes() -> None:
    """Drawing takes some two percent of the time at most: a tenth of a second, then five seconds of rest."""
    studio = Studio(takes=0.1)

    async def play() -> None:
        studio.drawing.mark_stale()
        assert 1 == await studio.after(0.4)
        studio.drawing.mark_stale()
        assert 1 == await studio.after(4.9)
        assert 2 == await studio.after(0.2)

    played(studio, play)


def test_a_change_during_a_drawing_is_drawn_next() -> None:
    """No change is lost between the snapshot and the end of its drawing."""
    studio = Studio(is_restless=True)

    async def play() -> None:
        studio.drawing.mark_stale()
        assert 1 == await studio.after(0.4)
        assert 2 == await studio.after(0.4)

    played(studio, play)


def test_a_drawing_that_is_put_off_is_made_later() -> None:
    """Without another change: what is shown would stay as it was."""
    studio = Studio(is_put_off=True)

    async def play() -> None:
        studio.drawing.mark_stale()
        assert 1 == await studio.after(0.4)
        studio.is_put_off = False
        assert 2 == await studio.after(0.4)
        assert 2 == await studio.after(5.0)
        assert [] == studio.told

    played(studio, play)


def test_a_drawing_that_fails_is_told_once_and_tried_again() -> None:
    """The plan was moved for a moment: the run is not disturbed, and the next change is drawn."""
    studio = Studio(error=StoreError("cannot read: No such file or directory"))

    async def play() -> None:
        for number in (1, 2):
            studio.drawing.mark_stale()
            assert number == await studio.after(0.4)
        assert ["cannot read: No such file or directory"] == studio.told
        studio.error = None
        studio.drawing.mark_stale()
        assert 3 == await studio.after(0.4)
        assert 1 == len(studio.told)

    played(studio, play)
