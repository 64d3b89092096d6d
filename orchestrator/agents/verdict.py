"""What every agent concludes the same way from how its process ended."""

from __future__ import annotations

from orchestrator.core.duration import format_duration
from orchestrator.core.result import ProcessExit, Outcome, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import one_line


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
