"""The one tree of errors a user can meet; anything else is a bug, and reported in one line as well.

Every error says what is wrong, where (``file:line`` when there is a file) and, as a hint, what to do. ``code`` is the
stable word of the ``--json`` envelope, ``exit_status`` the status of the process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Any, NamedTuple


class ExitStatus(IntEnum):
    """Exit statuses of the command line; a process ended by signal *n* exits with ``128 + n``."""

    DONE = 0
    TASK_FAILED = 1
    BAD_INPUT = 2
    BUSY = 3
    HELD = 4
    STATE_FAILED = 5


class OrchestratorError(Exception):
    """Something a user can understand and act upon."""

    code = "error"
    exit_status: int = ExitStatus.BAD_INPUT
    data: Mapping[str, Any] = MappingProxyType({})
    """What ``--json`` says of it besides."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        """Keep the three parts of a message apart: what, where, and what to do."""
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        """``where: what``, on one line; the hint is printed on a line of its own."""
        return f"{self.where}: {self.message}" if self.where else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        """Come out of another process as it was raised there; an ``__init__`` of its own is not called again."""
        return _restored, (type(self), *self.args), self.__dict__


def _restored(kind: type[OrchestratorError], *args: object) -> OrchestratorError:
    return kind.__new__(kind, *args)


class UsageError(OrchestratorError):
    """A command was called with words or values that make no sense."""

    code = "usage"


class BeingWrittenError(UsageError):
    """A file of a person's is left unchanged, because another user is writing it right now; later it may be another."""


class NotFoundError(OrchestratorError):
    """A plan directory, a task or a file that was named does not exist."""

    code = "not_found"


class Problem(NamedTuple):
    """One thing that is wrong with a plan or a task file."""

    message: str
    where: str = ""
    hint: str = ""
    code: str = "invalid_plan"

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class PlanError(OrchestratorError):
    """A plan cannot be run; ``problems`` lists every reason, not only the first."""

    code = "invalid_plan"

    def __init__(self, problems: Sequence[Problem]) -> None:
        """Take at least one problem; the first one speaks for the error."""
        first = problems[0]
        super().__init__(first.message, where=first.where, hint=first.hint)
        self.problems = tuple(problems)
        self.code = first.code


class DraftError(PlanError):
    """The draft of a planner is invalid; ``draft`` is what it said."""

    def __init__(self, problems: Sequence[Problem], draft: Mapping[str, Any]) -> None:
        """Take everything that is wrong with a draft, and all of it."""
        super().__init__(problems)
        self.draft = draft


class TransitionError(OrchestratorError):
    """A status was asked to move along an arrow that the table of transitions does not have."""

    code = "invalid_transition"


class ApprovalError(OrchestratorError):
    """A plan may not be worked on yet: no one has approved it, or it is blocked."""

    code = "not_approved"
    exit_status: int = ExitStatus.HELD


class DependencyError(TransitionError):
    """A task was to be started or completed before what it depends on is done."""

    code = "dependency_not_done"


class NothingReadyError(OrchestratorError):
    """A user asked for work, and nothing is ready to be done."""

    code = "nothing_ready"
    exit_status: int = ExitStatus.TASK_FAILED


class CriteriaError(OrchestratorError):
    """A task was to be completed, and one of its success criteria is open."""

    code = "criteria_open"
    exit_status: int = ExitStatus.TASK_FAILED

    def __init__(self, message: str, *, hint: str, criteria: Sequence[Mapping[str, Any]]) -> None:
        """Take every criterion: number, text, whether it is met."""
        super().__init__(message, hint=hint)
        self.data = {"criteria": criteria}


class LostResultError(OrchestratorError):
    """Results that a task is to be made from are gone or damaged since they were counted.

    No command ends with it: the run that meets it makes them again, or says why it cannot.
    """

    def __init__(self, message: str, *, hint: str, tasks: Sequence[str]) -> None:
        """Take the tasks whose results they are."""
        super().__init__(message, hint=hint)
        self.tasks = tasks


class AgentError(OrchestratorError):
    """An agent cannot be launched at all: its program is missing or unusable."""

    code = "agent_unavailable"


class HeldError(OrchestratorError):
    """An agent was not asked although nothing is wrong: a limit, a login or a budget holds it back."""

    code = "held"
    exit_status: int = ExitStatus.HELD


class StoppedError(OrchestratorError):
    """A signal ended this process before there was an answer."""

    code = "stopped"
    exit_status: int = 128

    def __init__(self, message: str, *, signal: int, hint: str) -> None:
        """Take the number of the signal: a process that it ends has 128 more as its status."""
        super().__init__(message, hint=hint)
        self.exit_status = 128 + signal


class CapacityError(OrchestratorError):
    """An agent has as many tasks under way as it may."""

    code = "agent_at_capacity"
    exit_status: int = ExitStatus.HELD


class BusyError(OrchestratorError):
    """Another run holds the plan directory."""

    code = "busy"
    exit_status: int = ExitStatus.BUSY


class StoreError(OrchestratorError):
    """State could not be read or written; what is on disk is as before or as after, never between."""

    code = "state_failed"
    exit_status: int = ExitStatus.STATE_FAILED


class NotAFileError(StoreError):
    """What lies in the place of a file is none (a pipe, a device, a directory), or larger than any file of its kind."""


class OutputError(OrchestratorError):
    """What was asked for cannot be printed, or another part of the system that we need says no."""

    code = "output_failed"
    exit_status: int = ExitStatus.STATE_FAILED


class InternalError(OrchestratorError):
    """Unexpected: a bug, or a system at its limits."""

    code = "internal_error"
    exit_status: int = ExitStatus.STATE_FAILED


class ExecutorError(OrchestratorError):
    """What runs the agents broke down; the attempts it had are interrupted, not charged."""

    code = "executor_failed"
    exit_status: int = ExitStatus.STATE_FAILED


class ScheduleError(OrchestratorError):
    """What starts runs at their time is not there, or did not do what it was asked for; all is as before."""

    code = "schedule_failed"
    exit_status: int = ExitStatus.STATE_FAILED
