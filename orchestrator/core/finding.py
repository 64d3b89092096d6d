"""What was looked at before anything runs, and what it means: evidence in, findings out."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Level(StrEnum):
    """How bad a finding is; stable words of ``doctor --json``."""

    OK = "ok"
    WARNING = "warning"
    """A run works, and something may surprise."""
    FAILED = "failed"
    """A run would not work."""


class Finding(NamedTuple):
    """One thing that was looked at: what was found, and the exact thing to do about it."""

    name: str
    level: Level
    found: str
    hint: str = ""


class Probe(NamedTuple):
    """What a program answered to one small question."""

    code: int | None = None
    """Exit status, ``-n`` when signal *n* ended it; None: it was not started, or had to be ended."""
    stdout: str = ""
    stderr: str = ""
    trouble: str = ""
    """Why there is no answer: the system would not start it, it took too long, or it printed too much."""
    advice: str = ""
    """What to do where the system was short of something that every program needs."""
    head: str = ""
    """How the file begins that the system does not take for a program."""
