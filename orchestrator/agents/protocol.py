"""The socket for agents: two methods, and a reader with two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from orchestrator.core.invocation import Invocation
from orchestrator.core.plan import Task
from orchestrator.core.result import Exit, Outcome
from orchestrator.core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """What one dependency hands over."""

    task: str
    name: str
    path: str
    """Where its whole result lies, relative to the directory agents work in where that is possible."""
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One attempt at one task, as an agent gets it."""

    task: Task
    settings: Settings
    body: str
    """The task file without its front matter: the prompt of seed row S2-25."""
    code: str = ""
    """Content of the first fenced code block of the body; empty when there is none."""
    language: str = ""
    """First word of that block's info string, in lower case."""
    inputs: tuple[Input, ...] = ()


class Reader(Protocol):
    """Reads along with what one attempt prints, in bounded memory."""

    def feed(self, data: bytes) -> str:
        """Take the next piece of standard output; return the news in it for a progress line, or an empty text."""

    def close(self, exit: Exit, errors: bytes) -> Outcome:
        """Judge the attempt once it is over; *errors* is the tail of its standard error."""


class Agent(Protocol):
    """One kind of worker."""

    def invocation(self, assignment: Assignment) -> Invocation:
        """Say what to run.

        Raises:
            AgentError: this agent cannot do this task, whatever happens (its program is missing, no command).
        """

    def reader(self, settings: Settings) -> Reader:
        """Return a fresh reader for one attempt."""
