"""The scheduler in virtual time: thousands of random runs, held to the invariants of the design."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.core.engine import (
    Begun,
    Ended,
    Engine,
    Entry,
    Event,
    Finish,
    Instruction,
    Launch,
    Moment,
    Record,
    Recorded,
    Skip,
    Stop,
    StopRequested,
    Ticked,
)
from orchestrator.core.result import Verdict
from orchestrator.core.state import TaskStatus


@st.composite
def plans(draw: st.DrawFn) -> list[Entry]:
    """Draw an acyclic plan, some of it completed already (and then everything before it, too)."""
    size = draw(st.integers(1, 12))
    entries: list[Entry] = []
    for index in range(size):
        needs = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        done = draw(st.booleans()) and all(
            entries[need].status is TaskStatus.COMPLETED for need in needs
        )
        entries.append(
            Entry(
                id=f"t{index}",
                needs=tuple(f"t{need}" for need in sorted(needs)),
                priority=draw(st.sampled_from([1, 10, 100])),
                rank=float(size - index),
                timeout=draw(st.sampled_from([1.0, 5.0, float("inf")])),
                max_attempts=draw(st.integers(1, 3)),
                retry_delay=draw(st.sampled_from([0.0, 1.0])),
                status=TaskStatus.COMPLETED if done else TaskStatus.WAITING,
            )
        )
    return entries


def copied(entries: list[Entry]) -> list[Entry]:
    """Return entries that share nothing with the given ones."""
    return [
        Entry(
            id=entry.id,
            needs=entry.needs,
            priority=entry.priority,
            rank=entry.rank,
            timeout=entry.timeout,
            max_attempts=entry.max_attempts,
            retry_delay=entry.retry_delay,
            status=entry.status,
        )
        for entry in entries
    ]


class EngineMachine(RuleBasedStateMachine):
    """Plays executor, disk and clock, and misbehaves in every way they may."""

    @initialize(entries=plans(), slots=st.integers(1, 4), stop_on_failure=st.booleans())
    def begin(self, entries: list[Entry], slots: int, stop_on_failure: bool) -> None:
        self.fresh = copied(entries)
        self.slots, self.stop_on_failure = slots, stop_on_failure
        self.engine = Engine(entries, max_parallel=slots, stop_on_failure=stop_on_failure)
        self.now = 0.0
        self.running: dict[str, int] = {}
        self.unrecorded: list[str] = []
        self.launches: dict[str, int] = {}
        self.failures: dict[str, int] = {}
        self.interruptions = 0
        self.stopped = False
        self.finished = False
        self.story: list[tuple[Event, Moment, list[Instruction]]] = []
        self.tell(Begun())

    def tell(self, event: Event, draw: float = 0.5) -> None:
        moment = Moment(self.now, draw)
        instructions = self.engine.handle(event, moment)
        self.story.append((event, moment, instructions))
        for instruction in instructions:
            match instruction:
                case Launch(task, attempt, _):
                    assert task not in self.running, "two attempts of one task at once"
                    assert attempt > self.launches.get(task, 0), "an attempt number used twice"
                    for need in self.engine.entries[task].needs:
                        assert self.engine.entries[need].status is TaskStatus.COMPLETED
                        assert need not in self.unrecorded, "started before its need was on disk"
                    self.running[task] = attempt
                    self.launches[task] = attempt
                    assert len(self.running) <= self.slots
                    assert not self.stopped, "started after the run was told to stop"
                case Record(task, _, _):
                    self.unrecorded.append(task)
                case Stop(task, attempt, _):
                    assert self.running[task] == attempt
                case Finish():
                    assert not self.finished, "finished twice"
                    assert not self.running
                    assert not self.unrecorded
                    self.finished = True
                case Skip(task, reason):
                    assert reason
                    assert task not in self.launches

    @precondition(lambda self: self.running)
    @rule(
        data=st.data(),
        verdict=st.sampled_from(list(Verdict)),
        draw=st.floats(0, 1, exclude_max=True),
    )
    def attempt_ends(self, data: st.DataObject, verdict: Verdict, draw: float) -> None:
        task = data.draw(st.sampled_from(sorted(self.running)))
        if verdict is Verdict.INTERRUPTED:
            self.interruptions += 1
            if self.interruptions > 20:
                verdict = Verdict.COMPLETED
        self.failures[task] = self.failures.get(task, 0) + (verdict is Verdict.FAILED)
        self.tell(Ended(task, self.running.pop(task), verdict), draw)

    @precondition(lambda self: self.unrecorded)
    @rule(data=st.data())
    def result_is_on_disk(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(self.unrecorded))
        self.unrecorded.remove(task)
        self.tell(Recorded(task))

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        wake_at = self.engine.wake_at
        if wake_at is not None and wake_at <= self.now:
            self.tell(Ticked())

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def a_late_word_changes_nothing(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(sorted(self.running)))
        self.tell(Ended(task, self.running[task] - 1, Verdict.COMPLETED))
        assert self.engine.entries[task].status is TaskStatus.RUNNING

    @precondition(lambda self: not self.stopped)
    @rule()
    def somebody_presses_ctrl_c(self) -> None:
        if len(self.story) > 10:
            self.tell(StopRequested())
            self.stopped = True

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "engine"):
            self.engine.check()
            for task, failures in self.failures.items():
                assert failures <= self.engine.entries[task].max_attempts

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        self.every_run_ends()
        self.replaying_the_events_gives_the_same_instructions()

    def every_run_ends(self) -> None:
        for _ in range(1000):
            if self.finished:
                break
            if self.unrecorded:
                self.tell(Recorded(self.unrecorded.pop()))
            elif self.running:
                task = next(iter(self.running))
                self.tell(Ended(task, self.running.pop(task), Verdict.COMPLETED))
            else:
                assert self.engine.wake_at is not None, "nothing runs, nothing is due, not finished"
                self.now = max(self.now, self.engine.wake_at)
                self.tell(Ticked())
        assert self.finished
        self.engine.check()

    def replaying_the_events_gives_the_same_instructions(self) -> None:
        again = Engine(self.fresh, max_parallel=self.slots, stop_on_failure=self.stop_on_failure)
        for event, moment, instructions in self.story:
            assert instructions == again.handle(event, moment)


EngineMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestEngineMachine = EngineMachine.TestCase
