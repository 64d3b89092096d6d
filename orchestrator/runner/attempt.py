"""One attempt at one task, from its launch to its result: its log read along, its verdict, its result file."""

from __future__ import annotations

import errno
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from orchestrator.agents.protocol import Agent, Reader
from orchestrator.core.cost import cost_statistics, spent_in, unsettled, usd
from orchestrator.core.plan import Task
from orchestrator.core.result import FREE, Attempt, Bill, Outcome, ProcessExit, Result, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.status import TaskStatus
from orchestrator.errors import StoreError
from orchestrator.executors.exit_record import HASH_LIMIT
from orchestrator.store.atomic import ADVICE, read_piece, read_tail
from orchestrator.store.attempt_record import AttemptRecord
from orchestrator.store.layout import AttemptFiles, Layout
from orchestrator.store.result_file import render_result, safe_answer
from orchestrator.store.result_writer import Commit

if TYPE_CHECKING:
    from hashlib import _Hash

#: Bytes of a log read in one go: a gigabyte of output must not stop the world.
PIECE = 4 * 1024 * 1024
_TAIL = 16 * 1024
#: What the disk or the machine says when it is in trouble itself; an agent cannot bring it about for its log alone.
OF_THE_DISK = frozenset({errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE})
#: USD for each attempt: less is what sums of such numbers, rounded in their files, are wrong by.
_NOTHING = 1e-6
#: How ``claude`` ends on SIGTERM: what it had cost is saved then.
_IN_ORDER = "exit 143"


@dataclass(slots=True, kw_only=True, eq=False, repr=False)
class LiveAttempt:
    """An attempt under way."""

    task: Task
    number: int
    charge: int
    run: str
    agent: str
    files: AttemptFiles
    started: float
    """Seconds since the epoch."""
    inputs: Mapping[str, int]
    earlier: Sequence[Attempt]
    make_reader: Callable[[], Reader]
    reader: Reader = field(init=False)
    is_paid: bool = False
    """Whether it costs money: then what it cost is unknown, and not nothing, where its log does not say."""
    session: str = ""
    """The agent's conversation; empty for agents that keep none."""
    interrupted: str = ""
    """Why the last attempt in this session was cut short; empty: the session is new."""
    is_last: bool = True
    """Whether its task has no other attempt."""
    cap: float = math.inf
    """USD it may cost."""
    is_only_simulated: bool | None = None
    """As for ``Attempt``."""
    files_given: Mapping[str, str] = field(default_factory=dict)
    """As ``files`` of ``Result``; known once it is launched."""
    params: Mapping[str, str] = field(default_factory=dict)
    """The parameters of the run, in brief."""
    offset: int = 0
    news: str = ""
    unreadable: str = ""
    """Why the log cannot be read: agents may do anything to the files in ``logs/``."""
    is_gone: bool = False
    """Whether its log is no longer there."""
    unread: str = ""
    """Why its log cannot be read, or no record of it be written, now: the log is whole, and the next run can."""
    has_errors: bool = False
    """Whether it printed something on standard error; known once it was judged."""
    pid: int = 0
    writes: tuple[str, ...] = ()
    """What its task declares that it writes."""
    undeclared: Sequence[str] = ()
    """What its result says of files that it changed beside that, line by line."""
    progress: int | None = None
    """Per cent done, as its worker says."""
    _hash: _Hash | None = None
    """Of what was read while it ran; None where all of it was read at the end."""

    def __post_init__(self) -> None:
        """Begin to read with nothing."""
        self.reader = self.make_reader()

    @property
    def key(self) -> str:
        """The name the executor knows it by."""
        return self.files.key

    @property
    def news_so_far(self) -> str:
        """What it says it is doing, and what its task cost before."""
        spent = sum(attempt.cost or 0.0 for attempt in self.earlier)
        return f"{self.news} · {usd(spent)} so far" if spent else self.news

    def read_along(self, *, is_over: bool = False) -> bool:
        """Feed the reader the next piece of the log; True when there may be more at once.

        *is_over*: no one writes into it any more.
        """
        try:
            data = read_piece(self.files.stdout, self.offset, PIECE)
        except FileNotFoundError:
            self.is_gone = True
            return False
        except OSError as error:
            said = f"cannot be read: {error.strerror}"
            if error.errno in OF_THE_DISK:
                self.unread = f"{self.files.stdout}: {said}"
            else:
                self.unreadable = f"its log {said}"
            return False
        self.unread, self.is_gone = "", False
        if data is None:
            self.start_over()
            return True
        if data:
            self._count(data, is_over=is_over)
            self.news = self.reader.feed(data) or self.news
        return len(data) == PIECE

    def _count(self, data: bytes, *, is_over: bool) -> None:
        """Keep the hash of what was read of a log that may change yet."""
        if not self.offset and not is_over:
            self._hash = hashlib.sha256()
        self.offset += len(data)
        if self.offset > HASH_LIMIT:
            self._hash = None
        if self._hash is not None:
            self._hash.update(data)

    def is_misread(self, exit: ProcessExit) -> bool:
        """Say whether what was read is not what the log was in the end: who empties its own log begins it anew."""
        if self.is_gone or self.unread or self.unreadable or exit.log_bytes is None:
            return False
        if self.offset != exit.log_bytes:
            return True
        if self._hash is None or not exit.log_sha256:
            return False
        return self._hash.hexdigest() != exit.log_sha256

    def start_over(self) -> None:
        """Forget what was read: the log is another one now."""
        self.reader, self.offset, self._hash = self.make_reader(), 0, None

    def judge(self, exit: ProcessExit) -> Outcome:
        """Conclude, once the whole log was read."""
        if self.unread:
            return Outcome(verdict=Verdict.INTERRUPTED, reason=self.unread)
        gone = "its log is gone" if self.is_gone and not exit.error else ""
        if lost := self.unreadable or gone:
            bill = Bill(cost=None) if self.is_paid else FREE
            return Outcome(verdict=Verdict.FATAL, reason=lost, bill=bill)
        errors = read_tail(self.files.stderr, _TAIL)
        self.has_errors = bool(errors.strip())
        outcome = self.reader.close(exit, errors)
        if self.interrupted and outcome.is_session_gone:
            # Not charged, and yet never for ever: the next one goes on with nothing.
            why = "its session is gone; it begins a new one"
            return outcome._replace(verdict=Verdict.INTERRUPTED, reason=why)
        if self.interrupted and exit.stopped is not None and not outcome.session:
            # Cut short again, before it said a word: its session is as it was.
            outcome = outcome._replace(session=self.session, is_resumable=True)
        return outcome

    def running(self) -> Result:
        """Return the result as it stands while the attempt runs."""
        attempt = Attempt(
            number=self.number,
            charge=self.charge,
            run=self.run,
            started=self.started,
            pid=self.pid,
            session=self.session,
            is_resumable=bool(self.session),
            cost=None if self.is_paid else 0.0,
            cap=self.known_cap,
            agent=self.agent,
            is_only_simulated=self.is_only_simulated,
        )
        return self._result(TaskStatus.RUNNING, attempt)._replace(progress=self.progress)

    def price(self, outcome: Outcome) -> Bill:
        """Return what this attempt cost; when it settles earlier ones, with what they cost."""
        bill = outcome.bill
        if bill.session is None or not (bill.cost is None or self.settles(outcome)):
            return bill
        earlier = self._in_session(outcome, self.earlier)
        before = spent_in(earlier, outcome.session)
        if bill.session < before - _NOTHING * len(earlier):
            # It does not count what came before, so all of it is of this attempt.
            return bill._replace(cost=bill.session, models=bill.session_models)
        models = ((model, cost - spent_in(earlier, outcome.session, model)) for model, cost in bill.session_models)
        return bill._replace(
            cost=max(0.0, bill.session - before),
            models=tuple((model, cost) for model, cost in models if cost > _NOTHING),
        )

    def settles(self, outcome: Outcome) -> bool:
        """Say whether the bill of its session tells what earlier attempts cost that could not say it themselves.

        A session knows what an attempt cost that ended in order, also on SIGTERM; of one that was killed it knows
        nothing (measured).
        """
        bill = outcome.bill
        unknown = self._in_session(outcome, unsettled(self.earlier))
        return (
            bool(unknown)
            and bill.session is not None
            and bill.session >= spent_in(self.earlier, outcome.session) + (bill.cost or 0.0)
            and all(attempt.exit == _IN_ORDER for attempt in unknown)
        )

    @staticmethod
    def _in_session(outcome: Outcome, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Return those of some attempts that had the session of this one."""
        return [each for each in attempts if each.session and each.session == outcome.session]

    def running_text(self) -> str:
        """Return the result file while the attempt runs."""
        return render_result(self.running(), label=self.task.label, answer="", log=f"../logs/{self.key}.out")

    def over(self, status: TaskStatus, exit: ProcessExit, outcome: Outcome) -> Result:
        """Return the result of the attempt that ended."""
        failed, price = outcome.verdict is Verdict.FATAL, self.price(outcome)
        reason = outcome.reason
        if outcome.verdict is Verdict.FAILED and status is TaskStatus.FAILED and not self.is_last:
            reason += "; its own budget is used up, so it is not tried again"
        attempt = Attempt(
            number=self.number,
            charge=self.charge,
            run=self.run,
            status=(Verdict.FAILED if failed else outcome.verdict).value,
            reason=reason,
            started=exit.started or self.started,
            ended=exit.ended or self.started,
            duration=exit.duration,
            exit=exit.describe(),
            pid=exit.pid or self.pid,
            session=outcome.session,
            is_resumable=outcome.is_resumable,
            cost=price.cost,
            models=price.models,
            settles=self.settles(outcome),
            until=outcome.until if outcome.until < math.inf else 0.0,
            model=outcome.model,
            is_outage=outcome.is_outage,
            cap=self.known_cap if price.cost is None else 0.0,
            agent=self.agent,
            has_errors=self.has_errors,
            is_only_simulated=self.is_only_simulated,
        )
        return self._result(status, attempt)

    def commit(self, result: Result, outcome: Outcome, exit: ProcessExit) -> Commit:
        """Return the result file, ready to be made durable."""
        statistics = {**outcome.statistics, **cost_statistics(result)}
        if exit.max_rss:
            statistics["Peak memory"] = f"{exit.max_rss / 1e6:.0f} MB"
            statistics["Processor time"] = f"{exit.cpu:.2f}s"
        log = result.attempts[-1].log_path(self.task.stem)
        text = render_result(
            result,
            label=self.task.label,
            answer=safe_answer(outcome.answer, is_markdown=outcome.is_markdown),
            log=f"../{log}" if log else "",
            statistics=statistics,
            denials=outcome.denials,
            unheard=outcome.unheard,
            undeclared=self.undeclared,
        )
        return Commit(stem=self.task.stem, result=result, text=text, files=self.files)

    @property
    def known_cap(self) -> float:
        """USD it may cost; 0 when none is set."""
        return self.cap if self.cap < math.inf else 0.0

    def _result(self, status: TaskStatus, attempt: Attempt) -> Result:
        return Result(
            task=self.task.id,
            agent=self.agent,
            status=status,
            attempts=(*self.earlier, attempt),
            inputs=self.inputs,
            files=self.files_given,
            params=self.params,
        )


def unchecked(why: str) -> list[str]:
    """Return what a result says where no one could compare what the task changed with what it declares."""
    return [f"Not checked: {why}."]


def reread(
    layout: Layout,
    task: Task,
    agent: Agent,
    settings: Settings,
    record: AttemptRecord,
    *,
    earlier: Sequence[Attempt] = (),
) -> LiveAttempt:
    """Return an attempt that is over, its whole log read.

    Raises:
        StoreError: the log cannot be read now.
    """
    live = LiveAttempt(
        task=task,
        number=record.number,
        charge=record.charge,
        run=record.run,
        agent=record.agent,
        files=layout.attempt(task.stem, record.number),
        started=record.exit.started,
        inputs=record.inputs,
        earlier=tuple(attempt for attempt in earlier if attempt.number < record.number),
        make_reader=partial(agent.reader, settings),
        is_paid=bool(agent.account),
        session=record.resumes,
        interrupted="interrupted" if record.resumes else "",
        cap=record.cap or math.inf,
        is_only_simulated=record.is_only_simulated,
        writes=settings.writes,
        undeclared=unchecked("the run that started it died") if settings.writes else (),
        files_given=record.files,
        params=record.params,
    )
    while live.read_along(is_over=True):
        pass
    if live.unread:
        raise StoreError(live.unread, hint=ADVICE)
    return live
