"""A plan that changes while it runs: rows join, leave and change, at any moment (design, section 1)."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.core.readiness import PLAIN, Rule
from orchestrator.core.result import Verdict
from orchestrator.core.status import BLOCKS_DEPENDENTS, COMMANDS, TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.messages import (
    Begun,
    Decide,
    Decided,
    Ended,
    Finish,
    Input,
    Launch,
    Record,
    Recorded,
    Replanned,
    Skip,
    Tick,
    Ticked,
)
from orchestrator.scheduler.node import Intervened, Node
from orchestrator.scheduler.replan import left_to_run, settles
from tests.scheduler.engine_plans import RULES
from tests.scheduler.engine_play import check, completes, ends, engine, fails, launched, play_to_the_end, skipped, tell

Row = tuple[tuple[str, ...], int, bool, Rule, str]
NAMES = [f"t{number}" for number in range(9)]


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Row]:
    """Draw the rows of a plan; a task needs only tasks with smaller numbers."""
    names = sorted(draw(st.sets(st.sampled_from(NAMES), min_size=1)))
    rows: dict[str, Row] = {}
    for index, name in enumerate(names):
        needs = draw(st.sets(st.sampled_from(names[:index]), max_size=2)) if index else set()
        is_umbrella = bool(needs) and draw(st.sampled_from([False, False, True]))
        rule = PLAIN if is_umbrella else Rule(draw(st.sampled_from(RULES)))
        condition = "" if is_umbrella else draw(st.sampled_from(["", "", "c", "d"]))
        rows[name] = (tuple(sorted(needs)), draw(st.sampled_from([1, 10])), is_umbrella, rule, condition)
    return rows


class PlanChanges(RuleBasedStateMachine):
    """Plays a person with an editor beside executor, disk and clock."""

    @initialize(rows=tables(), slots=st.integers(1, 3))
    def begin(self, rows: dict[str, Row], slots: int) -> None:
        self.slots = slots
        self.rows = rows
        self.now = 0.0
        self.running: dict[str, int] = {}
        self.unrecorded: list[str] = []
        self.undecided: dict[str, str] = {}
        self.attempts: dict[str, int] = {}
        self.finished = False
        self.commands = 0
        self.engine = Engine(self.entries(), max_parallel=slots)
        self.tell(Begun())

    def entries(self) -> list[Node]:
        return [
            Node(id=name, needs=needs, priority=priority, max_attempts=2, retry_delay=1.0,
                  attempt=self.attempts.get(name, 0), is_umbrella=is_umbrella, rule=rule, condition=condition)
            for name, (needs, priority, is_umbrella, rule, condition) in self.rows.items()
        ]  # fmt: skip

    def tell(self, event: Input) -> None:
        for instruction in self.engine.handle(event, Tick(self.now)):
            match instruction:
                case Launch(task, attempt):
                    assert task not in self.running
                    assert attempt > self.attempts.get(task, 0)
                    assert task in self.rows or task in self.attempts, "its row is gone"
                    needs = self.engine.entries[task].needs  # those it was started with
                    if task not in self.attempts:
                        assert not self.rows[task][2], "nothing runs for an umbrella"
                        assert needs == self.rows[task][0]
                    for need in needs:
                        assert settles(self.engine.entries[need], self.engine.entries[task])
                        assert need not in self.unrecorded
                    self.running[task] = self.attempts[task] = attempt
                    assert len(self.running) <= self.slots
                case Record(task):
                    assert task not in self.unrecorded
                    self.unrecorded.append(task)
                    self.attempts[task] = self.engine.entries[task].attempt
                case Decide(task, condition):
                    assert task not in self.undecided
                    self.undecided[task] = condition
                case Skip(task):
                    assert task not in self.running
                case Finish():
                    assert not self.finished
                    assert not self.running
                    assert not self.unrecorded
                    self.finished = True
                case _:
                    pass

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def attempt_ends(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(sorted(self.running)))
        verdicts = [Verdict.COMPLETED, Verdict.COMPLETED, Verdict.FAILED, Verdict.FATAL]
        if self.attempts[task] < 10:
            verdicts.append(Verdict.INTERRUPTED)
        verdict = data.draw(st.sampled_from(verdicts))
        self.tell(Ended(task, self.running.pop(task), verdict))

    @precondition(lambda self: self.unrecorded)
    @rule(data=st.data())
    def result_is_on_disk(self, data: st.DataObject) -> None:
        task = data.draw(st.sampled_from(self.unrecorded))
        self.unrecorded.remove(task)
        self.tell(Recorded(task))

    @precondition(lambda self: self.undecided)
    @rule(data=st.data(), is_met=st.sampled_from([True, True, False, None]))
    def a_condition_is_looked_at(self, data: st.DataObject, is_met: bool | None) -> None:
        task = data.draw(st.sampled_from(sorted(self.undecided)))
        self.tell(Decided(task, self.undecided.pop(task), is_met))

    @rule()
    def time_passes(self) -> None:
        self.now += 1.0
        if self.engine.wake_at is not None and self.engine.wake_at <= self.now:
            self.tell(Ticked())

    @precondition(lambda self: not self.finished)
    @rule(rows=tables(), outdated=st.sets(st.sampled_from(NAMES), max_size=1))
    def the_plan_is_changed(self, rows: dict[str, Row], outdated: set[str]) -> None:
        self.rows = rows
        entries = self.entries()
        for entry in entries:
            entry.is_outdated = entry.id in outdated
        self.tell(Replanned(tuple(entries)))
        for name, (_, priority, *_) in rows.items():
            assert self.engine.entries[name].priority == priority

    @precondition(lambda self: self.commands < 10)
    @rule(data=st.data(), verb=st.sampled_from(COMMANDS))
    def somebody_commands(self, data: st.DataObject, verb: Verb) -> None:
        task = data.draw(st.sampled_from(sorted(self.engine.entries)))
        self.commands += 1
        self.finished = False
        self.tell(Intervened(TaskCommand(verb, task, "bob", self.now, id=f"r{self.commands}")))

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "engine"):
            check(self.engine, is_reopened=True)

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        play_to_the_end(self)
        for name in self.rows:
            entry = self.engine.entries[name]
            needs = [self.engine.entries[need].status for need in entry.needs]
            if entry.is_umbrella and all(status is TaskStatus.COMPLETED for status in needs):
                assert entry.status is TaskStatus.COMPLETED
            if entry.status is TaskStatus.SKIPPED and not (entry.condition or entry.is_omitted):
                kept_back = {self.engine.entries[need].status for need in entry.needs}
                assert kept_back & BLOCKS_DEPENDENTS


PlanChanges.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
TestPlanChanges = PlanChanges.TestCase


def test_a_new_row_joins_the_run() -> None:
    """It starts as soon as what it needs is done, in the same run."""
    run = engine(Node("a"), slots=1)
    tell(run, Begun())
    assert [] == tell(run, Replanned((Node("a"), Node("b", ("a",)))))
    assert ["b"] == launched(completes(run, "a"))


def test_a_row_that_is_gone_leaves_unless_it_was_started() -> None:
    """What runs goes on to its end; what waits never starts."""
    run = engine(Node("a"), Node("b"), Node("c", ("a",)), slots=1)
    tell(run, Begun())
    tell(run, Replanned((Node("d"),)))
    assert ["d"] == launched(completes(run, "a"))
    assert Finish() == completes(run, "d")[-1]


def test_what_is_left_to_run_is_what_runs_and_what_is_to_come() -> None:
    """Without what is done, failed or skipped by now, and umbrellas; with what runs although its row is gone."""
    run = engine(Node("done"), Node("bad"), Node("kept", ("bad",)), Node("gone"), slots=1)
    tell(run, Begun())
    completes(run, "done")
    ends(run, "bad", Verdict.FATAL)
    assert ["gone"] == list(run.running)
    old = [Node("done"), Node("bad"), Node("kept", ("bad",))]
    new = [Node("new"), Node("all", ("new",), is_umbrella=True)]
    assert 2 == left_to_run(run.entries, [*old, *new])


def test_a_priority_counts_at_once() -> None:
    """The next to start is the one that is now the most urgent."""
    run = engine(Node("a"), Node("b"), Node("c"), slots=1)
    tell(run, Begun())
    tell(run, Replanned((Node("a"), Node("b"), Node("c", priority=9))))
    assert ["c"] == launched(completes(run, "a"))


def test_a_skipped_task_comes_back_when_the_failed_dependency_is_taken_out() -> None:
    """A person mends the plan; the run goes on with it."""
    run = engine(Node("a"), Node("b", ("a",)), Node("c"), slots=1)
    tell(run, Begun())
    ends(run, "a", Verdict.FATAL)
    assert TaskStatus.SKIPPED is run.entries["b"].status
    tell(run, Replanned((Node("a"), Node("b"), Node("c"))))
    assert ["b"] == launched(completes(run, "c"))


def test_new_rows_behind_a_failed_one_are_skipped_each_with_the_cause() -> None:
    """In whatever order the plan lists them."""
    run = engine(Node("a"), Node("z"), slots=1)
    tell(run, Begun())
    ends(run, "a", Verdict.FATAL)
    plan = Node("c", ("b",)), Node("b", ("a",)), Node("a"), Node("z")
    assert {"b": "a failed", "c": "b skipped"} == skipped(tell(run, Replanned(plan)))


def test_a_dependency_that_is_added_is_waited_for() -> None:
    """As long as the task was not started."""
    run = engine(Node("a"), Node("b"), Node("c"), slots=1)
    tell(run, Begun())
    tell(run, Replanned((Node("a"), Node("b", ("c",)), Node("c"))))
    assert ["c"] == launched(completes(run, "a"))
    assert ["b"] == launched(completes(run, "c"))


def test_a_task_between_two_attempts_waits_for_an_umbrella_that_grows() -> None:
    """Its next attempt is made from everything under it; the pause it was to make is over by then."""
    plan = Node("c"), Node("u", ("c",), is_umbrella=True), Node("a", ("u",), max_attempts=3)
    run = engine(*plan, slots=2)
    tell(run, Begun())
    completes(run, "c")
    fails(run, "a")
    assert TaskStatus.RETRYING is run.entries["a"].status
    more = Node("d"), Node("u", ("c", "d"), is_umbrella=True), plan[0], plan[2]
    assert ["d"] == launched(tell(run, Replanned(more)))
    assert [] == launched(tell(run, Ticked(), now=1000.0))
    assert ["a"] == launched(completes(run, "d", now=1000.0))


def test_a_task_that_has_failed_becomes_an_umbrella() -> None:
    """How it ended before says nothing of its tasks."""
    run = engine(Node("a"), Node("b"), Node("z"), slots=1)
    tell(run, Begun())
    ends(run, "a", Verdict.FATAL)
    tell(run, Replanned((Node("a", ("b",), is_umbrella=True), Node("b"), Node("z"))))
    completes(run, "b")
    assert TaskStatus.COMPLETED is run.entries["a"].status


def test_an_umbrella_that_has_lost_its_tasks_is_a_task_to_do() -> None:
    """Nothing ran for it as long as it was an umbrella."""
    run = engine(Node("a", ("b",), is_umbrella=True), Node("b"), Node("z"), slots=1)
    tell(run, Begun())
    completes(run, "b")
    tell(run, Replanned((Node("a"), Node("b"), Node("z"))))
    assert ["a"] == launched(completes(run, "z"))


def test_what_is_undone_has_all_its_attempts_again() -> None:
    """The attempts that were needed to complete it are not charged to the new work."""
    run = engine(Node("a"), Node("b", ("a",), max_attempts=2), slots=1)
    tell(run, Begun())
    completes(run, "a")
    fails(run, "b")
    tell(run, Ticked(), now=1000.0)
    completes(run, "b")
    tell(run, Intervened(TaskCommand(Verb.RETRY, "a", "bob", 0.0, id="r")), now=1000.0)
    tell(run, Recorded("a"), now=1000.0)
    completes(run, "a", now=1000.0)
    fails(run, "b", now=1000.0)
    assert TaskStatus.RETRYING is run.entries["b"].status
