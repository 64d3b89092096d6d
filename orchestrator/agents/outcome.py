"""What every agent concludes the same way from how its process ended."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import Any

from orchestrator.core.duration import format_duration
from orchestrator.core.result import Outcome, ProcessExit, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import one_line, sanitize, unfenced


def not_its_own_end(exit: ProcessExit, settings: Settings) -> Outcome | None:
    """Return the outcome of an attempt that never started or that we ended; None when it ended by itself."""
    if exit.error:
        if exit.stopped or exit.is_ours:
            verdict = Verdict.INTERRUPTED
        else:
            verdict = Verdict.FAILED if exit.is_passing else Verdict.FATAL
        return Outcome(verdict=verdict, reason=exit.error, is_refused=verdict is Verdict.FATAL)
    match exit.stopped:
        case None:
            return None
        case StopReason.TIMEOUT:
            limit = format_duration(settings.timeout)
            return Outcome(verdict=Verdict.FAILED, reason=f"timed out after {limit}")
        case StopReason.IDLE:
            limit = format_duration(settings.idle_timeout)
            return Outcome(verdict=Verdict.FAILED, reason=f"gave no sign of life for {limit}")
        case StopReason.LINGERING:
            reason = "did not leave after its answer was complete"
            return Outcome(verdict=Verdict.FAILED, reason=reason)
        case StopReason.SHUTDOWN:
            return Outcome(verdict=Verdict.INTERRUPTED, reason="the run was stopped")
        case StopReason.INTERVENTION:
            return Outcome(verdict=Verdict.INTERRUPTED, reason="it was ended by command")
        case StopReason.ORPHANED:
            return Outcome(verdict=Verdict.INTERRUPTED, reason="the runner died")


def last_words(errors: bytes) -> str:
    """Return the last line of standard error that says something, safe for one line.

    A hint, as our own commands and many others end with, says what to do and not what is wrong.
    """
    hint = ""
    for line in reversed(errors.decode(errors="replace").splitlines()):
        if words := one_line(line, limit=300).strip():
            if not words.startswith("hint: "):
                return words
            hint = hint or words
    return hint


def failure(exit: ProcessExit, errors: bytes) -> str:
    """Say how a process failed: ``exit 1: no such file``."""
    words = last_words(errors)
    return f"{exit.describe()}: {words}" if words else exit.describe()


# ── structured ────────
#
# Structured answers: ``core/json_schema.py`` says whether they fit the schema that was asked for.

#: Characters of an answer that is indented, and how many times its size that may take: each level indents all below it.
_INDENTED, _AT_MOST = 64 * 1024, 8


def shown(answer: object) -> str:
    """Return an answer as a person reads it; one that is large or deep stays on one line.

    Empty when it is nested so deeply that it could only just be read.
    """
    line = ""
    with suppress(RecursionError):
        line = json.dumps(answer, ensure_ascii=False)
        if len(line) <= _INDENTED:
            # This goes down in Python, and not as far as what reads and writes without it.
            indented = json.dumps(answer, ensure_ascii=False, indent=2)
            return indented if len(indented) <= _AT_MOST * len(line) else line
    return line


def object_in(answer: str) -> dict[str, Any] | None:
    """Return the JSON object that an answer is, fenced or not, fit to be printed; None when it is anything else."""
    inside = unfenced(answer)
    text = answer if inside is None else inside
    if not text.startswith("{"):
        return None
    with suppress(ValueError, RecursionError):
        found = _printable(json.loads(text))
        assert isinstance(found, dict)  # it begins with a brace
        return found
    return None


def _printable(value: object) -> object:
    """Return a value without what a terminal acts on. ValueError: it holds a number that JSON has no word for."""
    if isinstance(value, str):
        return sanitize(value)
    if isinstance(value, list):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {sanitize(name): _printable(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON")
    return value
