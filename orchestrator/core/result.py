"""What is known of a task once it was started: its attempts, its status, its answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from orchestrator.core.status import TaskStatus


class Verdict(StrEnum):
    """How an attempt ended, as the agent's evidence says."""

    COMPLETED = "completed"
    FAILED = "failed"
    """Failed; another attempt may help."""
    FATAL = "fatal"
    """Failed; another attempt would fail the same way."""
    INTERRUPTED = "interrupted"
    """We ended it or lost it; it is not charged to the task."""
    HELD = "held"
    """The account let nothing through: a usage limit, or no one is logged in. It is not charged to the task."""


class StopReason(StrEnum):
    """Why we ended an attempt ourselves."""

    TIMEOUT = "timeout"
    IDLE = "idle"
    """It gave no sign of life for too long."""
    LINGERING = "lingering"
    """Its answer was complete, and its process stayed."""
    SHUTDOWN = "shutdown"
    ORPHANED = "orphaned"
    """The runner died; the guard ended what it had started."""
    INTERVENTION = "intervention"
    """A user settled its task by command."""

    @property
    def words(self) -> str:
        """Say it to people."""
        return _WORDS[self]


_WORDS = {
    StopReason.TIMEOUT: "its time is over",
    StopReason.IDLE: "it gives no sign of life",
    StopReason.LINGERING: "its answer is complete, and its process stays",
    StopReason.SHUTDOWN: "the run is being stopped",
    StopReason.ORPHANED: "its runner died",
    StopReason.INTERVENTION: "ended by command",
}


#: What an attempt ended with that could not be launched.
NOT_STARTED = "not started"


class ProcessExit(NamedTuple):
    """How the processes of an attempt ended: what the attempt record says. Times are seconds since the epoch."""

    code: int | None = None
    signal: int | None = None
    stopped: StopReason | None = None
    error: str = ""
    """What went wrong on our side: nothing could be started, no record could be written, the guard died."""
    started: float = 0.0
    ended: float = 0.0
    duration: float = 0.0
    """Seconds on a clock that does not jump."""
    pid: int = 0
    max_rss: int = 0
    """Bytes; 0 when unknown."""
    cpu: float = 0.0
    """Seconds of processor time, user and system."""
    is_ours: bool = False
    """The error is that our own files could not be written: no fault of the attempt, and the run cannot go on."""
    is_passing: bool = False
    """The error is that the machine was short of something: the same attempt may be started a moment later."""
    log_bytes: int | None = None
    """How long the log was when all of it was over; None: not measured."""
    log_sha256: str = ""
    """Its hash; empty where it is too long for one."""

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Self:
        """Read what an attempt record says of it.

        Raises:
            ValueError: a field is missing, or of a kind that no record has.
        """
        try:
            code, number, stopped = record["exit"], record["signal"], record["stopped"]
            size = record.get("log_bytes")
            return cls(
                code=None if code is None else int(code),
                signal=None if number is None else int(number),
                stopped=None if stopped is None else StopReason(stopped),
                error=str(record["error"] or ""),
                started=float(record["started"]),
                ended=float(record["ended"]),
                duration=float(record["duration"]),
                pid=int(record["pid"]),
                max_rss=int(record["max_rss"]),
                cpu=float(record["cpu"]),
                is_ours=bool(record.get("is_ours")),
                is_passing=bool(record.get("is_passing")),
                log_bytes=None if size is None else int(size),
                log_sha256=str(record.get("log_sha256") or ""),
            )
        except (KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"not an attempt record: {error!r}") from error

    def as_record(self) -> dict[str, Any]:
        """Return what an attempt record says of it; the guard, which loads nothing of the core, says the same."""
        fields = self._asdict()
        return {"exit": fields.pop("code"), **fields}

    def describe(self) -> str:
        """Say it in a few words: ``exit 1``, ``killed by signal 9``."""
        if self.error:
            return self.error
        if self.signal is not None:
            return f"killed by signal {self.signal}"
        return "no exit status" if self.code is None else f"exit {self.code}"


class Bill(NamedTuple):
    """What something cost."""

    cost: float | None = 0.0
    """USD; None when unknown, which is never the same as 0, or when it is to be found in ``session`` by what
    earlier attempts cost."""
    models: tuple[tuple[str, float], ...] = ()
    """USD by model, where known."""
    session: float | None = None
    """USD of the whole session, what its earlier attempts cost included; None when it does not say."""
    session_models: tuple[tuple[str, float], ...] = ()
    """The same by model."""


FREE = Bill()


class StreamSignals(NamedTuple):
    """What an attempt shows of itself while it runs."""

    is_answered: bool = False
    """The service behind the agent let it through."""
    is_delivered: bool = False
    """Its answer is complete; only its process is still there."""
    is_strained: bool | None = None
    """The account is close to its limit, or no longer so; None: not said."""
    turns: int = 0
    """Turns of work that the service did for it."""
    edited: tuple[str, ...] = ()
    """Files that its log shows it edited, as it names them."""


class Outcome(NamedTuple):
    """What an agent makes of its log and its exit."""

    verdict: Verdict
    reason: str = ""
    """Why it is not completed, in one line for people."""
    answer: str = ""
    is_cut: bool = False
    """Whether the answer is only head and tail of what was printed; all of that is in the log."""
    hidden: int = 0
    """Bytes that it lacks although it is not what was printed, but stands in that: a note stands in their place."""
    is_markdown: bool = False
    statistics: Mapping[str, str] = {}
    """Figures for the result's table: metric → value."""
    denials: tuple[str, ...] = ()
    """What the agent was not allowed to do: for each, the rule that would have let it through."""
    unheard: tuple[str, ...] = ()
    """Messages to the others whose words were not let through."""
    warning: str = ""
    """What people should know although it is completed, in one line."""
    bill: Bill = FREE
    """What the attempt cost."""
    session: str = ""
    """The agent's conversation; empty when it keeps none."""
    is_resumable: bool = False
    """Whether another attempt does best to go on with that conversation."""
    is_session_gone: bool = False
    """The conversation it was to go on with is not there; if it was to begin one, the next attempt fares no better."""
    until: float = 0.0
    """For a held account: when it opens again, seconds since the epoch; infinity when only a person can open it."""
    model: str = ""
    """For a held account: a part of the name of the model that alone is held; empty: all of it is."""
    is_outage: bool = False
    """For a held account: the service failed, and it is not said for how long."""
    is_refused: bool = False
    """It failed without a turn of work: where others fail in the same words, it is not the task."""


class Attempt(NamedTuple):
    """One line of the attempts in a result file. ``charge`` counts the attempts charged so far, this one included.

    A tuple like ``Task``, and for the same reason.
    """

    number: int
    charge: int
    run: str = ""
    status: str = TaskStatus.RUNNING.value
    """``running`` or the word of a ``Verdict``."""
    reason: str = ""
    started: float = 0.0
    ended: float = 0.0
    duration: float = 0.0
    exit: str = ""
    pid: int = 0
    session: str = ""
    """The agent's conversation: ``claude --resume`` opens it."""
    is_resumable: bool = False
    """Whether the next attempt goes on with it."""
    cost: float | None = 0.0
    """USD; None when unknown."""
    models: tuple[tuple[str, float], ...] = ()
    """USD by model."""
    settles: bool = False
    """Whether ``cost`` includes that of earlier attempts in its session which could not say theirs."""
    until: float = 0.0
    """When the account that held it opens again, seconds since the epoch; 0: when a person opens it, or the service
    is back."""
    model: str = ""
    """The model that alone was held; empty: the account was."""
    is_outage: bool = False
    """Whether the service failed, and the account is tried again by itself."""
    cap: float = 0.0
    """USD it may have cost at most, where its cost is unknown; 0: not set."""
    agent: str = ""
    """Who did it: the key of an agent, or the name of a person or outside agent; empty in old files."""
    has_errors: bool = False
    """Whether it printed something on standard error."""
    is_only_simulated: bool | None = None
    """Whether it was simulated although another agent was meant; None: it was not, or it is not known."""

    @property
    def is_manual(self) -> bool:
        """Whether a person or an outside agent made it, and no run: then it does not end with a run."""
        return bool(self.agent) and not self.run

    @property
    def is_open(self) -> bool:
        """Whether it is under way, or its runner is gone and has not closed it."""
        return self.status == TaskStatus.RUNNING.value

    def log_path(self, stem: str) -> str:
        """Return where to look first, seen from the plan directory: what it printed. *stem* is that of its task.

        When it came to nothing that is standard error, if it printed anything there: a shell says there what is wrong.
        Empty where nothing was started that could have printed.
        """
        if self.exit == NOT_STARTED and not self.has_errors:
            return ""
        is_told = self.has_errors and self.status != Verdict.COMPLETED.value
        return f"logs/{stem}.attempt-{self.number}.{'err' if is_told else 'out'}"

    def lasted(self, now: float) -> float | None:
        """Seconds it took, or has taken until *now*, seconds since the epoch; None: unknown, since its runner died."""
        if self.is_open:
            return max(now - self.started, 0.0)
        return self.duration if self.ended or self.duration else None


class Result(NamedTuple):
    """The outcome of one task: what ``results/agent-XX-result.md`` holds."""

    task: str
    agent: str
    status: TaskStatus
    attempts: tuple[Attempt, ...] = ()
    inputs: Mapping[str, int] = {}
    """Which attempt of each dependency this result was made from; another one makes it stale."""
    answer: str = ""
    note: str = ""
    """Who settled it so by command, and why."""
    progress: int | None = None
    """Per cent of the attempt under way, as the worker says; None: not known."""
    condition: tuple[str, str] | tuple[()] = ()
    """Of a task that its condition keeps from running: the condition, and its outcome: ``not met``, or
    ``undecided``, since a value is missing. ``inputs`` says from which results."""
    request: str = ""
    """The newest command that was carried out on it, so that it is never carried out twice."""
    files: Mapping[str, str] = MappingProxyType({})
    """The input files that its newest attempt was given: path seen from the plan directory → SHA-256."""
    params: Mapping[str, str] = {}
    """The parameters of its run, in brief."""

    @property
    def is_manual(self) -> bool:
        """Whether the newest attempt was made by a person or an outside agent."""
        return bool(self.attempts) and self.attempts[-1].is_manual

    @property
    def is_between_attempts(self) -> bool:
        """Whether the newest attempt failed, and the next one has not begun."""
        last = self.last
        return self.status is TaskStatus.RETRYING and last is not None and not last.is_open

    @property
    def last(self) -> Attempt | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def number(self) -> int:
        """Number of the newest attempt; 0 before the first."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def reason(self) -> str:
        """Why the newest attempt is not completed."""
        return self.attempts[-1].reason if self.attempts else ""

    @property
    def duration(self) -> float:
        """Seconds the newest attempt took."""
        return self.attempts[-1].duration if self.attempts else 0.0


def closed(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Return earlier attempts; one that still says ``running`` was interrupted, for its runner is gone."""
    return tuple(
        attempt._replace(status=Verdict.INTERRUPTED.value, reason=attempt.reason or "the runner died")
        if attempt.is_open
        else attempt
        for attempt in attempts
    )


# ── invocation ────────
#
# What an agent wants run, before anyone knows where its files lie.

#: Stands in a word of ``argv`` for the path of the file that ``Invocation.script`` is written to.
SCRIPT = "\0script"


class Invocation(NamedTuple):
    """One process to run, or, with an empty ``argv``, an answer that needs none."""

    argv: tuple[str, ...] = ()
    stdin: str = ""
    """What the process reads before end of file; prompts go here, never into ``argv``."""
    script: str = ""
    """A program or prompt that cannot travel on stdin; it gets a file of its own."""
    env: Mapping[str, str] = MappingProxyType({})
    """Variables added to what the runner itself inherited."""
    login: tuple[str, ...] = ()
    """Names of variables without which it cannot do its work, let through also where the plan wants a clean start."""
    output: str = ""
    """The output of an agent without a process."""
