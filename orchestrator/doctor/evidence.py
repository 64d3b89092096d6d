"""What lies in a plan directory and what runs for it, as it was seen at one moment; nothing is concluded yet.

Paths are relative to the plan directory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.plan import Plan
from orchestrator.core.result import Result
from orchestrator.errors import Problem


class DirectoryEntry(NamedTuple):
    """An entry of a directory, neither followed nor opened."""

    path: str
    kind: str
    """``file``, ``directory``, ``link`` or ``other`` (a pipe, a socket, a device)."""
    is_open: bool = False
    """Whether every user of this machine may write it."""


class ResultSeen(NamedTuple):
    """One ``results/STEM-result.md`` that is a file."""

    stem: str
    path: str
    result: Result | None
    """What it says, without the answer; None: it is damaged."""
    flaw: str = ""
    """Why it is damaged or cut short."""
    problem: Problem | None = None
    """What a person would have to decide: conflict marks, bytes that are no UTF-8."""


class RecordSeen(NamedTuple):
    """One ``logs/STEM.attempt-N.json``; with empty facts when it cannot be read."""

    stem: str
    number: int
    path: str
    task: str = ""
    attempt: int = 0
    run: str = ""
    trouble: str = ""
    """What went wrong on our side; then there may be no log."""
    log: str = ""
    """What is wrong with the log it speaks of; empty: nothing."""
    is_cut: bool = False
    """Whether the guard ended it because its runner was gone."""

    @property
    def is_readable(self) -> bool:
        """Whether it can be believed."""
        return bool(self.task)


class Temporary(NamedTuple):
    """What somebody writes, or wrote, before it takes its place."""

    path: str
    age: float
    """Seconds since it was changed."""
    is_owner_gone: bool | None
    """Whether the process that its name names is gone; None: it names none."""


class LockSeen(NamedTuple):
    """What the lock file says."""

    run: str = ""
    is_live: bool = False
    dead: tuple[str, ...] = ()
    """Runs that ended without letting go."""
    is_damaged: bool = False


class JournalSeen(NamedTuple):
    """What the journal looks like, line by line."""

    is_torn: bool = False
    lines: int = 0
    foreign: tuple[int, ...] = ()
    """The first lines that are none of ours."""
    others: int = 0
    """How many there are in all."""


class MarksSeen(NamedTuple):
    """Marks in ``master_plan.md`` that belong to no section of ours, and sections that are there twice; with lines."""

    lone: Sequence[tuple[int, str]] = ()
    doubled: Sequence[tuple[int, str]] = ()


class Stray(NamedTuple):
    """A process that carries the marker of a run of this plan which is not alive."""

    pid: int
    run: str
    task: str


class Evidence(NamedTuple):
    """All of it."""

    plan: Plan | None = None
    """None: there is none that can be used; ``problems`` say why."""
    problems: Sequence[Problem] = ()
    task_problems: Sequence[Problem] = ()
    marks: MarksSeen = MarksSeen()
    task_files: Sequence[str] = ()
    """Stems of ``agent_tasks/*.md``."""
    results: Sequence[ResultSeen] = ()
    records: Mapping[tuple[str, int], RecordSeen] = {}
    attempts: Mapping[str, int] = {}
    """The highest attempt that any file in ``logs/`` names, by stem."""
    contexts: Mapping[str, int] = {}
    """Stems of ``contexts/``, each with how many messages in it are torn."""
    nodes: Sequence[DirectoryEntry] = ()
    """Only those that are worth a word: no plain file, or one that everybody may write."""
    strangers: Sequence[str] = ()
    """Files whose names are none of ours."""
    set_aside: Sequence[str] = ()
    """Damaged files that a repair moved aside."""
    temporaries: Sequence[Temporary] = ()
    unreadable: Sequence[Problem] = ()
    """What was said and cannot be read: nothing else rests on it."""
    cache: str = ""
    """What is wrong with ``index.json``."""
    journal: JournalSeen = JournalSeen()
    lock: LockSeen = LockSeen()
    strays: Sequence[Stray] = ()
