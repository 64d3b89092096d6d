"""Attempt records: how an attempt ended, written by the process that ran it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestrator.core.result import ProcessExit
from orchestrator.errors import NotAFileError
from orchestrator.store.atomic import names_in, read_file, require_file

#: Seconds since the epoch until the year 10000; later is no time that a person could read.
_END_OF_TIME = 253_402_300_800.0
#: Bytes of a record that is read; what the guard writes has less than a thousand, and the inputs of its task.
_LARGEST = 4 * 1024 * 1024
#: The name of a file of an attempt: the stem of its task, its number, and what it is.
ATTEMPT_FILE = re.compile(r"(.+)\.attempt-(\d{1,9})\.(in|script|out|err|json)")


class AttemptRecord(NamedTuple):
    """One record. Task, number and ``run``, which launched the attempt, are together its fencing token."""

    task: str
    number: int
    charge: int
    run: str
    agent: str
    inputs: Mapping[str, int]
    exit: ProcessExit = ProcessExit()
    cap: float = 0.0
    """USD it may have cost at most; 0: not set."""
    resumes: str = ""
    """The session it was to go on with; empty: a new one, or none."""
    is_only_simulated: bool | None = None
    """As for ``Attempt``."""
    files: Mapping[str, str] = MappingProxyType({})
    params: Mapping[str, str] = {}
    """As for ``Result``."""

    def facts(self) -> dict[str, Any]:
        """Return what is known before it has ended: its executor writes that down beside the exit."""
        facts: dict[str, Any] = {
            "task": self.task,
            "attempt": self.number,
            "charge": self.charge,
            "run": self.run,
            "agent": self.agent,
            "inputs": dict(self.inputs),
            "cap": self.cap,
            "resumes": self.resumes,
        }
        if self.is_only_simulated is not None:
            facts["only_simulated"] = self.is_only_simulated
        if self.files:
            facts["input_files"] = dict(self.files)
        if self.params:
            facts["params"] = dict(self.params)
        return facts

    def is_of(self, task: str, number: int, run: str) -> bool:
        """Say whether it is of this attempt and no other; an attempt that a person wrote need not name its run."""
        return (self.task, self.number) == (task, number) and run in {"", self.run}


def read_record(path: str) -> AttemptRecord | None:
    """Return the record, or None when there is none that can be believed."""
    try:
        data = read_file(path, _LARGEST)
    except NotAFileError:
        return None
    try:
        raw = json.loads(data or b"")
        exit, cap = ProcessExit.of_record(raw), float(raw.get("cap") or 0)
        times = (exit.started, exit.ended, exit.duration, exit.cpu, cap)
        if not all(0 <= each < _END_OF_TIME for each in times):
            return None
        resumes = str(raw.get("resumes") or "")
        f"{raw['task']}{raw['run']}{raw['agent']}{resumes}".encode()  # half a character would break what we write
        return AttemptRecord(
            task=str(raw["task"]),
            number=int(raw["attempt"]),
            charge=int(raw["charge"]),
            run=str(raw["run"]),
            agent=str(raw["agent"]),
            inputs={str(need): int(attempt) for need, attempt in raw["inputs"].items()},
            exit=exit,
            cap=cap,
            resumes=resumes,
            is_only_simulated=said if isinstance(said := raw.get("only_simulated"), bool) else None,
            files={str(path): str(digest) for path, digest in (raw.get("input_files") or {}).items()},
            params={str(name): str(value) for name, value in (raw.get("params") or {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


@dataclass(slots=True)
class Traces:
    """What ``logs/`` knows of one task."""

    newest: int = 0
    """The highest attempt number any file carries; numbers are never used twice."""
    recorded: set[int] = field(default_factory=set)
    """Attempts that have a record."""


def newest_attempt(directory: str, stem: str) -> int:
    """Return the highest attempt number that any file of one task carries; 0 when there is none.

    As ``scan_logs`` would, in a third of the time: commands ask this.
    """
    prefix = f"{stem}.attempt-"
    names = (name for name in names_in(directory) if name.startswith(prefix))
    found = (match for match in map(ATTEMPT_FILE.fullmatch, names) if match and match[1] == stem)
    return max((int(match[2]) for match in found), default=0)


def scan_logs(directory: str) -> dict[str, Traces]:
    """Return the traces of every task that was ever attempted, by stem, from file names alone."""
    found: dict[str, Traces] = {}
    for name in names_in(directory):
        if match := ATTEMPT_FILE.fullmatch(name):
            traces, number = found.setdefault(match[1], Traces()), int(match[2])
            traces.newest = max(traces.newest, number)
            if match[3] == "json":
                traces.recorded.add(number)
    return found


def attempt_logs(directory: str) -> Iterator[tuple[str, int, str]]:
    """Yield stem, number and path of every file of an attempt that is not its record, the oldest attempts first."""
    found = [match for match in map(ATTEMPT_FILE.fullmatch, names_in(directory)) if match]
    for match in sorted(found, key=lambda each: (each[1], int(each[2]), each[3])):
        if match[3] != "json":
            yield match[1], int(match[2]), f"{directory}/{match[0]}"


# ── attempt log ────────
#
# What an attempt printed. An agent may do anything to its logs: no link is followed, and no pipe is waited for.


def read_log(path: str, offset: int, size: int) -> tuple[bytes, int]:
    """Return up to *size* bytes of a log, and where they begin; a negative *offset* counts from the end.

    Raises:
        OSError: it cannot be read, or a link, a pipe or a directory is there.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW
    descriptor = os.open(path, flags)
    try:
        end = require_file(descriptor).st_size
        begin = max(0, end + offset) if offset < 0 else offset
        return os.pread(descriptor, size, begin), begin
    finally:
        os.close(descriptor)
