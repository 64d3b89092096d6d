"""The protocol for agents: an agent with three methods, and a reader with three."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from orchestrator.core.message import Message
from orchestrator.core.plan import Task
from orchestrator.core.result import Invocation, Outcome, ProcessExit, StreamSignals
from orchestrator.core.settings import Settings


class Input(NamedTuple):
    """What one dependency hands over."""

    task: str
    name: str
    path: str
    """Where its whole result lies, relative to the directory agents work in where that is possible."""
    answer: str
    left_out: int = 0
    """Bytes of the answer that are not here, because all answers together would be too many."""


class Assignment(NamedTuple):
    """One attempt at one task, as an agent gets it."""

    task: Task
    settings: Settings
    body: str
    """The task file without its front matter: the prompt."""
    code: str = ""
    """Content of the first fenced code block of the body; empty when there is none."""
    language: str = ""
    """First word of that block's info string, in lower case."""
    type_text: str = ""
    """What the type of the task says of all tasks of its sort; empty: nothing."""
    inputs: tuple[Input, ...] = ()
    session: str = ""
    """A UUID for the agent's conversation."""
    interrupted: str = ""
    """Why the last attempt in this session was cut short; empty: the session is new."""
    is_changed: bool = False
    """Whether the assignment may have changed since that attempt."""
    cap: float = math.inf
    """USD this attempt may cost."""
    name: str = ""
    """Who the agent is when it calls us."""
    program: str = ""
    """The words with which it can call us; empty: it cannot."""
    messages: Sequence[Message] = ()
    """What was said that it should know."""


class Turn(NamedTuple):
    """One thing that was said or done in an attempt."""

    who: str
    """Who said it: the agent, a tool it uses, what the tool answered."""
    text: str


class Reader(Protocol):
    """Reads along with what one attempt prints, in bounded memory."""

    @property
    def signs(self) -> StreamSignals:
        """What the attempt shows of itself so far."""

    def feed(self, data: bytes) -> str:
        """Take the next piece of standard output; return the news in it for a progress line, or an empty text."""

    def close(self, exit: ProcessExit, errors: bytes) -> Outcome:
        """Judge the attempt once it is over; *errors* is the tail of its standard error."""


class Agent(Protocol):
    """One kind of worker."""

    @property
    def account(self) -> str:
        """Who pays for its attempts, and may hold them all; empty when they cost nothing."""

    @property
    def reads_prose(self) -> bool:
        """Whether it gets a prompt, and in it what others said about the task; a command gets neither."""

    def invocation(self, assignment: Assignment) -> Invocation:
        """Say what to run.

        Raises:
            AgentError: this agent cannot do this task, whatever happens (its program is missing, no command).
        """

    def reader(self, settings: Settings) -> Reader:
        """Return a fresh reader for one attempt."""

    def conversation(self, output: Iterable[bytes]) -> Iterator[Turn]:
        """Yield what was said in an attempt, from the lines of its standard output, whatever they are."""
