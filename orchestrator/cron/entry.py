"""The crontab lines and systemd units that start a run: how they are written and read.

An entry is kept only where it takes effect, and ends in a mark by which it is found again. A percent sign means a line
break to cron and a specifier to systemd; text from outside is quoted for the program that reads it.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple, Protocol
from unicodedata import category

from orchestrator.core.timestamp import time_of_day

MARK = "# orchestrator:"
#: What the units of systemd begin with.
PREFIX = "orchestrator-"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
#: Characters that the older crons take for a command.
LONGEST = 990

_LINE = re.compile(rf"(?P<when>@\w+|(?:\S+[ \t]+){{4}}\S+)[ \t]+(?P<command>.*) {MARK} (?P<name>\S+)")
_ITEM = re.compile(r"(\*|[0-9A-Za-z]+(?:-[0-9A-Za-z]+)?)(?:/([0-9]+))?")
_WORDS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly", "@reboot")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


class _Field(NamedTuple):
    name: str
    low: int
    high: int
    words: Mapping[str, int] = MappingProxyType({})


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day", 1, 31),
    _Field("month", 1, 12, {word: n for n, word in enumerate(_MONTHS, start=1)}),
    _Field("weekday", 0, 7, {word: n for n, word in enumerate(_DAYS)}),
)


class When(NamedTuple):
    """One of three: every day at a time, every so many seconds, or the five fields of cron."""

    at: str = ""
    every: float = 0.0
    cron: str = ""


class ScheduledRun(NamedTuple):
    """A run that cron or systemd is to start. All paths are absolute."""

    name: str
    when: When
    words: Sequence[str]
    """The program and its arguments."""
    directory: str
    """Where it is started."""
    path: str
    """The PATH it gets: those of cron and systemd hold no agents."""
    log: str
    """Where its output is appended."""


class Scheduled(NamedTuple):
    """An entry as it was found."""

    name: str
    when: str
    plan: str
    by: str = ""
    """``crontab`` or ``systemd``."""


# ── cron ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def cron_time(when: When) -> str:
    """Return the time as cron writes it.

    Raises:
        ValueError: cron cannot express that time, or the time is invalid.
    """
    if when.at:
        hour, minute = time_of_day(when.at)
        return f"{minute} {hour} * * *"
    if when.cron:
        return _checked(when.cron)
    minutes, rest = divmod(when.every, 60)
    if not rest and minutes in {1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30}:
        return f"*/{minutes:.0f} * * * *" if minutes > 1 else "* * * * *"
    hours, rest = divmod(when.every, 3600)
    if not rest and hours in {1, 2, 3, 4, 6, 8, 12}:
        return f"0 */{hours:.0f} * * *" if hours > 1 else "0 * * * *"
    if when.every == 86400:
        return "0 0 * * *"
    raise ValueError("cron knows only intervals that an hour or a day is a multiple of: 5m, 30m, 1h, 6h, 1d")


def cron_line(job: ScheduledRun) -> str:
    """Return the line of the crontab, without a line break.

    Raises:
        ValueError: cron cannot say when, or the line is too long for it.
    """
    enter = f"cd {shlex.quote(job.directory)}"
    logs = shlex.quote(job.log.rpartition("/")[0])
    make = f"{{ [ -d {logs} ] || mkdir {logs}; }}"  # never with a plan directory that is gone
    run = f"PATH={shlex.quote(job.path)} {shlex.join(job.words)}"
    command = f"{enter} && {make} && {run} >>{shlex.quote(job.log)} 2>&1 {MARK} {job.name}"
    _refuse_controls(command)
    if re.search(r"\\[\\%]", command):
        raise ValueError("cron reads a backslash before another one, or before a %, in its own way")
    escaped = command.replace("%", "\\%")
    if len(escaped.encode()) > LONGEST:
        raise ValueError(f"the line would be longer than the {LONGEST} bytes that every cron takes; shorten PATH")
    return f"{cron_time(job.when)} {escaped}"


def read_cron_line(line: str) -> Scheduled | None:
    """Return the content of one of our own lines; None for any other line."""
    found = _LINE.fullmatch(line.strip())
    if found is None or not NAME.fullmatch(found["name"]):
        return None
    try:
        words = shlex.split(found["command"].replace("\\%", "%"))
    except ValueError:
        words = []
    return Scheduled(found["name"], found["when"], _plan(words), "crontab")


def _plan(words: Sequence[str]) -> str:
    """Return the plan directory: the absolute path behind the last ``run``; the program may be called ``uv run …``."""
    found = [path for word, path in pairwise(words) if word == "run" and path.startswith("/")]
    return found[-1] if found else ""


def _checked(cron: str) -> str:
    fields = cron.split()
    if len(fields) == 1 and fields[0] in _WORDS:
        return fields[0]
    if len(fields) != len(_FIELDS):
        raise ValueError("five fields are needed, minute hour day month weekday: '*/30 * * * *'")
    for text, field in zip(fields, _FIELDS, strict=True):
        for item in text.split(","):
            if not _is_item(item, field):
                raise ValueError(f"{text!r} is no {field.name}")
    return " ".join(fields)


def _is_item(text: str, field: _Field) -> bool:
    found = _ITEM.fullmatch(text)
    if found is None or (found[2] is not None and not 0 < int(found[2]) <= field.high):
        return False
    if found[1] == "*":
        return True
    ends = [field.words.get(end.lower(), end) for end in found[1].split("-")]
    numbers = [int(end) for end in ends if str(end).isdecimal()]
    if len(numbers) < len(ends) or not all(field.low <= each <= field.high for each in numbers):
        return False
    return numbers == sorted(numbers)


# ── systemd ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def timer_unit(job: ScheduledRun) -> str:
    """Return the timer unit, which says when.

    Raises:
        ValueError: systemd cannot express that time.
    """
    if job.when.cron:
        raise ValueError("systemd does not read the fields of cron; say --at 07:30 or --every 30m")
    if job.when.at:
        hour, minute = time_of_day(job.when.at)
        # A machine that was off at that time catches up.
        when = f"OnCalendar=*-*-* {hour:02d}:{minute:02d}:00\nPersistent=true"
    else:
        seconds = f"{job.when.every:.3f}".rstrip("0").rstrip(".") + "s"  # it reads no 1e+06
        when = f"OnActiveSec={seconds}\nOnUnitActiveSec={seconds}\nAccuracySec=1s"
    return (
        f"{MARK} {job.name}\n[Unit]\nDescription=Start the run {job.name}\n\n"
        f"[Timer]\n{when}\n\n[Install]\nWantedBy=timers.target\n"
    )


def service_unit(job: ScheduledRun) -> str:
    """Return the service unit, which says what to start.

    Raises:
        ValueError: a path has control characters in it.
    """
    _refuse_controls("".join((job.directory, job.path, job.log, *job.words)))
    if job.directory != job.directory.strip() or job.directory.endswith("\\"):
        raise ValueError("systemd takes no path that ends in a blank or a backslash")
    plan = _plan(job.words)
    command = " ".join(_quoted(word) for word in job.words)
    return (
        f"{MARK} {job.name}\n[Unit]\nDescription={_plain(f'Run {plan}')}\n\n[Service]\nType=oneshot\n"
        f"WorkingDirectory={_plain(job.directory)}\n"
        f'Environment="PATH={_escaped(job.path)}"\n'
        f"ExecStart={command}\n"
        f"StandardOutput=append:{_plain(job.log)}\nStandardError=inherit\n"
        # Some task failed, or the plan is held: that is in the log, and no failure of the unit for systemd.
        "SuccessExitStatus=1 3 4\n"
    )


def read_units(timer: str, service: str) -> tuple[str, str]:
    """Return when and which plan, as two of our units say; for people."""
    settings = dict(line.split("=", 1) for line in timer.splitlines() if "=" in line)
    every = settings.get("OnUnitActiveSec", "")
    when = settings.get("OnCalendar", f"every {every}" if every else "?")
    plan = re.search(r"^Description=Run (.*)$", service, re.MULTILINE)
    return when, plan[1].replace("%%", "%") if plan else ""


def _quoted(word: str) -> str:
    return f'"{_escaped(word).replace("$", "$$")}"'


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def _plain(text: str) -> str:
    return text.replace("%", "%%")


def _refuse_controls(text: str) -> None:
    # Blanks of other scripts are blanks, though Python calls none but ours printable.
    if not all(each.isprintable() or category(each) == "Zs" for each in text):
        raise ValueError("a path or a flag has a control character in it")


# ── protocol ────────
#
# The protocol of a service that starts runs at their time. All implementations and the fake pass ``tests/conformance``.


class Scheduler(Protocol):
    """A service of this machine that starts programs at their time. Only entries with our mark are ever touched."""

    by: str
    """What it is called: ``crontab`` or ``systemd``."""

    def entries(self) -> Sequence[Scheduled]:
        """Return our entries.

        Raises:
            ScheduleError: they cannot be read.
        """

    def add(self, job: ScheduledRun) -> None:
        """Add an entry whose name is not taken.

        Raises:
            ValueError: it cannot express that time; the message names what it can.
            ScheduleError: it was not added; all is as before.
        """

    def remove(self, name: str) -> None:
        """Remove an entry; of one that is not there nothing is to be done.

        Raises:
            ScheduleError: it was not removed.
        """
