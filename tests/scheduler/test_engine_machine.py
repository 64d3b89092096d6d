"""The scheduler in virtual time: thousands of random runs, held to the invariants of the design."""

from __future__ import annotations

import math
from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.core.agent import Capacity
from orchestrator.core.result import StreamSignals, Verdict
from orchestrator.core.status import COMMANDS, TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.scheduler.budget import Account, Budget
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
    Resume,
    Skip,
    Stop,
    StopRequested,
    Strain,
    Tick,
    Ticked,
)
from orchestrator.scheduler.node import Intervened, Node
from orchestrator.scheduler.replan import settles
from tests.scheduler.engine_plans import copied, plans
from tests.scheduler.engine_play import check, play_to_the_end

#: What agents may have under way; a crew is an agent, and the one it stands on.
WIDTHS = {"narrow": 1, "wide": 2}
#: Where a command may leave its task.
WANTED = {
    Verb.START: {TaskStatus.RUNNING},
    Verb.COMPLETE: {TaskStatus.COMPLETED},
    Verb.FAIL: {TaskStatus.FAILED},
    Verb.BLOCK: {TaskStatus.BLOCKED},
    Verb.UNBLOCK: {TaskStatus.WAITING},
    Verb.CANCEL: {TaskStatus.CANCELLED},
    Verb.RETRY: {TaskStatus.WAITING},
}
#: What has its turn still to come.
TO_COME = {TaskStatus.RETRYING, TaskStatus.PENDING, TaskStatus.WAITING}
#: What is never launched once somebody said so.
KEPT = {TaskStatus.BLOCKED, TaskStatus.CANCELLED, TaskStatus.FAILED}


class EngineMachine(RuleBasedStateMachine):
    """Plays executor, disk and clock, and misbehaves in every way they may."""

    @initialize(
        entries=plans(),
        slots=st.integers(1, 4),
        stop_on_failure=st.booleans(),
        budget=st.sampled_from([0.05, 1.0, 5.0, math.inf]),
        near_limit=st.sampled_from([0, 1, 2]),
        held_at_first=st.sampled_from([-math.inf, -1.0, 0.5, 5.0, math.inf]),
    )
    def begin(  # noqa: PLR0917
        self,
        entries: list[Node],
        slots: int,
        stop_on_failure: bool,
        budget: float,
        near_limit: int,
        held_at_first: float,
    ) -> None:
        self.fresh = copied(entries)
        self.how = (slots, stop_on_failure, budget, near_limit, held_at_first)
        self.slots = slots
        self.budgets = {entry.id: entry.budget for entry in entries}
        self.engine = self.build(entries)
        self.held_until = defaultdict(lambda: -math.inf, claude=held_at_first)
        self.on_trial = {"claude"} if held_at_first > -math.inf else set()
        self.strained: set[str] = set()
        self.begun: dict[str, float] = {}
        self.refused: dict[str, float] = {}
        self.proven: defaultdict[str, float] = defaultdict(lambda: -math.inf)
        self.refusals: dict[tuple[str, str], tuple[str, float]] = {}
        self.ended: dict[str, tuple[Ended, bool, bool]] = {}
        self.known: defaultdict[str, float] = defaultdict(float)
        self.feared = defaultdict(float, {entry.id: entry.open_bill for entry in entries})
        self.overshot = max(sum(self.feared.values()) - budget, 0.0)
        self.now = 0.0
        self.running: dict[str, int] = {}
        self.unrecorded: list[str] = []
        self.undecided: dict[str, str] = {}
        self.met: set[str] = set()
        self.launches: dict[str, int] = {}
        self.failures: dict[str, int] = {}
        self.interruptions = 0
        self.stopped = False
        self.finished = False
        self.requests: dict[str, TaskCommand] = {}
        self.commands = 0
        self.outside: dict[str, str] = {}
        self.kept_from: dict[str, TaskStatus] = {}
        self.story: list[tuple[Input, Tick, list[Instruction]]] = []
        self.tell(Begun())

    def build(self, entries: list[Node]) -> Engine:
        slots, stop_on_failure, budget, near_limit, held = self.how
        claude = Account(held, is_on_trial=held > -math.inf, near_limit=near_limit)
        return Engine(
            entries,
            max_parallel=slots,
            stop_on_failure=stop_on_failure,
            accounts={"claude": claude, "other": Account()},
            budget=Budget(budget, 0.0, sum(entry.open_bill for entry in entries)),
            capacity=Capacity(WIDTHS),
        )

    def tell(self, event: Input, draw: float = 0.5) -> list[Instruction]:
        timestamp = Tick(self.now, draw)
        if isinstance(event, Decided) and event.is_met:
            self.met.add(event.task)
        instructions = self.engine.handle(event, timestamp)
        self.story.append((event, timestamp, instructions))
        self.obey(instructions)
        return instructions

    def obey(self, instructions: list[Instruction]) -> None:  # noqa: C901 - one case for each
        for instruction in instructions:
            match instruction:
                case Launch():
                    self.launched(instruction)
                case Record(task, status, _, request, verdict):
                    assert task not in self.unrecorded, "two results of one task on their way"
                    self.unrecorded.append(task)
                    self.settled(task, status, request)
                    self.judged(task, status, verdict)
                case Stop(task, attempt, _):
                    assert self.running[task] == attempt
                case Hold() | Resume() | Strain():
                    self.told(instruction)
                case Finish(unaffordable, overspent):
                    assert not any(self.engine.entries[task].left for task in overspent)
                    for task in (*unaffordable, *overspent):
                        own = self.engine.entries[task].left
                        assert self.engine.budget.cap(own, self.slots) is None, "it had its money"
                    assert not self.finished, "finished twice"
                    assert not self.running
                    assert not self.unrecorded
                    assert not self.undecided
                    self.finished = True
                case Skip(task, reason):
                    assert reason
                    assert task not in self.launches or self.commands
                case Decide(task, condition):
                    assert task not in self.undecided, "asked twice"
                    self.undecided[task] = condition
                case Delay():
                    raise AssertionError("this run shares nothing with others")
                case Refuse():
                    self.answered_no(instruction)

    def told(self, word: Hold | Resume | Strain) -> None:
        """An account is held, open again, or close to its limit."""
        assert word.account, "what costs nothing is never held"
        if isinstance(word, Strain):
            assert word.most in {0, self.how[3] if word.account == "claude" else 1}
        elif isinstance(word, Hold):
            self.held_until[word.account] = word.until
            self.on_trial.add(word.account)
        else:
            assert self.now >= self.held_until[word.account]
            self.on_trial.remove(word.account)

    def answered_no(self, refusal: Refuse) -> None:
        """Whoever asked is told why, once."""
        assert refusal.task == self.requests.pop(refusal.request).task
        assert refusal.code in {"invalid_transition", "dependency_not_done"}
        assert refusal.message
        assert refusal.hint

    def launched(self, launch: Launch) -> None:
        """Hold a launch to what tasks and slots allow."""
        task, attempt = launch.task, launch.attempt
        self.may_launch(task, launch.cap)
        assert task not in self.running, "two attempts of one task at once"
        assert task not in self.outside, "somebody else is at it"
        assert task not in self.kept_from, f"launched although {self.kept_from[task]}"
        assert attempt > self.launches.get(task, 0), "an attempt number used twice"
        for need in self.engine.entries[task].needs:
            assert settles(self.engine.entries[need], self.engine.entries[task])
            assert need not in self.unrecorded, "started before its need was on disk"
        assert not self.engine.entries[task].condition or task in self.met
        self.running[task] = self.launches[task] = attempt
        self.begun[task] = self.now
        assert len(self.running) <= self.slots
        for agent, width in WIDTHS.items():
            assert self.under_way(agent) <= width, "an agent has more to do than it may"
        assert not self.stopped, "started after the run was told to stop"

    def under_way(self, agent: str) -> int:
        """How many attempts count against an agent right now."""
        return sum(agent in self.engine.entries[task].pool for task in self.running)

    def may_launch(self, task: str, cap: float) -> None:
        """Hold a launch to what accounts and money allow."""
        account = self.engine.entries[task].account
        if not account:
            return
        assert 0 < cap <= self.budgets[task] + 1e-6
        budget = self.engine.budget
        assert budget.spent + budget.reserved <= budget.budget + self.overshot + 1e-6
        others = [each for each in self.running if self.engine.entries[each].account == account]
        model = self.engine.entries[task].model
        for name in (account, f"{account} ({model})"):
            assert self.now >= self.held_until[name], "launched while the account was held"
            first = [each for each in others if self.begun[each] >= self.held_until[name]]
            if name != account:
                first = [each for each in first if self.engine.entries[each].model == model]
            assert not (name in self.on_trial and first), "two that go first"
        most = self.how[3] if account == "claude" else 1
        is_full = account in self.strained and 0 < most <= len(others)
        assert not is_full, "too many at once close to the limit"

    @precondition(lambda self: self.running)
    @rule(
        data=st.data(),
        verdict=st.sampled_from(list(Verdict)),
        draw=st.floats(0, 1, exclude_max=True),
        spends=st.sampled_from([0.0, 0.5, 1.0, 1.5, None]),
        is_resumable=st.booleans(),
        settles=st.booleans(),
        words=st.sampled_from(["", "", "400 at 10:05", "400 at 11:07", "no such file"]),
    )
    def attempt_ends(  # noqa: PLR0917
        self,
        data: st.DataObject,
        verdict: Verdict,
        draw: float,
        spends: float | None,
        is_resumable: bool,
        settles: bool,
        words: str,
    ) -> None:
        task = data.draw(st.sampled_from(sorted(self.running)))
        entry = self.engine.entries[task]
        until, is_outage, model = 0.0, False, ""
        if verdict is Verdict.HELD:
            if entry.account and data.draw(st.booleans()):
                is_outage = True
            elif entry.account:
                until = self.now + data.draw(st.sampled_from([0.5, 5.0, math.inf]))
                model = data.draw(st.sampled_from(["", entry.model]))
            else:
                verdict = Verdict.FAILED
        if verdict in {Verdict.INTERRUPTED, Verdict.HELD}:
            self.interruptions += 1
            if self.interruptions > 20:
                verdict = Verdict.COMPLETED
        cost = None if spends is None else spends * entry.cap
        settles = cost is not None and settles and entry.open_bill > 0
        if settles:
            cost = (cost or 0.0) + entry.open_bill * 0.5
        self.overshot += max(0.0, (cost or 0.0) - entry.cap - settles * entry.open_bill)
        self.keep_the_books(task, cost, settles=settles)
        is_ours = entry.intended is None
        ended = Ended(
            task,
            self.running.pop(task),
            verdict,
            words,
            cost=cost,
            settles=settles,
            is_resumable=is_resumable,
            until=until,
            model=model,
            is_outage=is_outage,
            is_refused=bool(words) and not entry.turns,
        )
        self.ended[task] = ended, is_ours, self.is_alike(ended)
        if verdict is Verdict.COMPLETED:
            self.prove(task)
        self.tell(ended, draw)
        if task in self.ended:
            assert ended.is_refused, "only what was refused is in doubt"
            assert self.is_met(entry), "nobody could tell"
            self.note(ended)

    def judged(self, task: str, status: TaskStatus, verdict: Verdict | None) -> None:
        """Hold what became of an attempt to what it met, and what others did."""
        if task not in self.ended:
            return
        ended, is_ours, is_alike = self.ended.pop(task)
        counts = (verdict or ended.verdict) is Verdict.FAILED and is_ours
        self.failures[task] = self.failures.get(task, 0) + counts
        assert not (is_alike and is_ours and status is not TaskStatus.PENDING)
        if verdict is Verdict.HELD or (ended.is_outage and verdict is None):
            self.note(ended)

    def note(self, ended: Ended) -> None:
        """A task was refused, or met an outage."""
        self.refused.setdefault(ended.task, self.now)
        if ended.is_refused:
            account = self.engine.entries[ended.task].account
            self.refusals[account, ended.reason[:3]] = ended.task, self.now

    def is_alike(self, ended: Ended) -> bool:
        """Whether another task of the account met the same within a minute, nobody got through, and others could."""
        entry = self.engine.entries[ended.task]
        if not (ended.is_refused and ended.verdict in {Verdict.FAILED, Verdict.FATAL}):
            return False
        other, when = self.refusals.get((entry.account, ended.reason[:3]), (ended.task, 0.0))
        proven = self.proven[entry.account]
        is_own = self.refused.get(ended.task, math.inf) < proven or proven > self.begun[ended.task]
        return other != ended.task and self.now - when <= 60.0 and not is_own and self.is_met(entry)

    def is_met(self, entry: Node) -> bool:
        """Whether another task of the account runs: it may meet the same."""
        return any(self.engine.entries[each].account == entry.account for each in self.running)

    def prove(self, task: str) -> None:
        """The service did a turn of work for an attempt."""
        account = self.engine.entries[task].account
        self.proven[account] = self.now
        self.refused.pop(task, None)
        self.refusals = {key: each for key, each in self.refusals.items() if key[0] != account}

    def keep_the_books(self, task: str, cost: float | None, *, settles: bool) -> None:
        """Write down what was spent, and what may have been, without looking at how the engine does it."""
        if not self.engine.entries[task].account:
            return
        if cost is None:
            self.feared[task] += self.engine.entries[task].cap
        else:
            self.known[task] += cost
            self.feared[task] -= self.engine.entries[task].open_bill * settles

    @precondition(lambda self: self.running)
    @rule(data=st.data(), answered=st.booleans(), delivered=st.booleans())
    def attempt_shows_signs(self, data: st.DataObject, answered: bool, delivered: bool) -> None:
        task = data.draw(st.sampled_from(sorted(self.running)))
        strained = data.draw(st.sampled_from([True, False, None]))
        account = self.engine.entries[task].account
        if strained is not None:
            (self.strained.add if strained else self.strained.discard)(account)
        turns = self.engine.entries[task].turns + data.draw(st.integers(0, 1))
        if turns > self.engine.entries[task].turns or (answered and not turns):
            self.prove(task)
        self.tell(ActivitySeen(task, self.running[task], StreamSignals(answered, delivered, strained, turns)))

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

    @precondition(lambda self: self.commands < 12)
    @rule(
        data=st.data(),
        verb=st.sampled_from(COMMANDS),
        by=st.sampled_from(["alice", "bob"]),
        progress=st.sampled_from([None, 50]),
    )
    def somebody_commands(self, data: st.DataObject, verb: Verb, by: str, progress: int | None) -> None:
        task = data.draw(st.sampled_from(sorted(self.engine.entries)))
        self.commands += 1
        request = f"r{self.commands}"
        command = TaskCommand(verb, task, by, self.now, id=request, progress=progress)
        self.requests[request] = command
        self.finished = False
        self.tell(Intervened(command, self.outside.get(task, "")))

    def settled(self, task: str, status: TaskStatus, request: str) -> None:
        """Hold what becomes of a task to what somebody said."""
        if request:
            command = self.requests.pop(request)
            assert command.task == task
            assert status in WANTED[command.verb]
            assert task not in self.running, "settled while it runs"
            if command.verb in {Verb.UNBLOCK, Verb.RETRY}:
                self.failures[task] = 0
            if command.verb is Verb.START:
                self.outside.setdefault(task, command.by)
            else:
                self.outside.pop(task, None)
        if request and status in KEPT:
            self.kept_from[task] = status
        elif request:
            self.kept_from.pop(task, None)

    @precondition(lambda self: not self.stopped)
    @rule()
    def somebody_presses_ctrl_c(self) -> None:
        if len(self.story) > 10:
            self.tell(StopRequested())
            self.stopped = True

    @invariant()
    def holds(self) -> None:
        if hasattr(self, "engine"):
            check(self.engine)
            self.money_is_where_it_belongs()
            self.the_books_agree()
            self.no_slot_is_left_idle()
            for task, failures in self.failures.items():
                assert failures <= self.engine.entries[task].max_attempts

    def money_is_where_it_belongs(self) -> None:
        """Nothing is reserved but for what runs, or will tell later what it cost."""
        entries = self.engine.entries.values()
        assert math.isclose(
            self.engine.budget.reserved, sum(entry.cap + entry.open_bill for entry in entries), abs_tol=1e-6
        )
        for entry in entries:
            waits = entry.status in {*TO_COME, TaskStatus.SKIPPED}
            waits = waits or entry.id not in self.launches
            assert entry.cap == 0 or entry.id in self.running
            assert entry.open_bill == 0 or waits or entry.id in self.running
            assert not self.finished or entry.id not in self.running

    def the_books_agree(self) -> None:
        """Every dollar is spent, or may have been and is kept back; and of its own budget a task lost as much."""
        open_bills = sum(entry.open_bill for entry in self.engine.entries.values())
        booked = sum(self.known.values()) + sum(self.feared.values())
        assert math.isclose(self.engine.budget.spent + open_bills, booked, abs_tol=1e-6)
        for task, budget in self.budgets.items():
            entry = self.engine.entries[task]
            left = max(budget - self.known[task] - self.feared[task] + entry.open_bill, 0.0)
            assert entry.left == budget == math.inf or math.isclose(entry.left, left, abs_tol=1e-6)

    def no_slot_is_left_idle(self) -> None:
        """What costs nothing and could start has started, as long as a slot is free and its agent has room."""
        engine = self.engine
        is_full = len(self.running) + engine.is_awaiting_record >= self.slots
        if is_full or self.stopped or self.how[1]:
            return
        for entry in engine.entries.values():
            waits = entry.status is TaskStatus.PENDING and not entry.unrecorded
            if any(self.under_way(agent) >= WIDTHS[agent] for agent in entry.pool):
                continue
            assert not (waits and not entry.account and not engine.is_awaiting_record)

    def teardown(self) -> None:
        if not hasattr(self, "engine"):
            return
        play_to_the_end(self)
        assert {} == self.requests, "not answered"
        self.replaying_the_events_gives_the_same_instructions()

    def replaying_the_events_gives_the_same_instructions(self) -> None:
        again = self.build(self.fresh)
        for event, timestamp, instructions in self.story:
            assert instructions == again.handle(event, timestamp)


EngineMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestEngineMachine = EngineMachine.TestCase
