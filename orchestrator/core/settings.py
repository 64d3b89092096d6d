"""Every setting of a run and of a task: its name, its default, how it is read. Flag > task > plan > default.

The same names stand in the front matter of ``master_plan.md`` (for the run and for every task), in the front matter of
a task file (the task ones) and, with dashes, as flags of ``run``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from orchestrator.core.duration import parse_duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Resolved settings. Durations in seconds, sizes in bytes."""

    # Of the run
    max_parallel: int = 4
    """Agents that run at the same time (seed row S2-66)."""
    on_failure: str = "continue"
    """``continue``: what does not depend on a failed task goes on (S2-69). ``stop``: nothing new starts."""
    aggregate: str = "structured"
    """How ``final_output.md`` is made: ``structured`` or ``concat``."""
    workdir: str = ""
    """Where agents work; empty: the directory that holds ``.orchestrator``, else the current one."""
    # Of a task; in the plan's front matter they hold for every task
    agent: str = "claude"
    """Key of the agent that does the task: claude, shell, simulated."""
    model: str = ""
    """Model asked of the agent; empty: the agent's own choice."""
    timeout: float = 300.0
    """Seconds an attempt may take (S2-49)."""
    retries: int = 2
    """Repeats after the first attempt (S2-51: three attempts in all)."""
    retry_delay: float = 2.0
    """Base of the exponential backoff, seconds (S3-81)."""
    grace: float = 5.0
    """Seconds between SIGTERM and SIGKILL."""
    format: str = "auto"
    """What the answer is: ``markdown``, ``text`` (shown in a fence), or ``auto``: as the agent says."""
    context_limit: int = 32 * 1024
    """Bytes of dependencies' results inlined into a prompt, in all."""

    @property
    def max_attempts(self) -> int:
        """Attempts in all that may be charged to a task."""
        return self.retries + 1


RUN_ONLY = frozenset({"max_parallel", "on_failure", "aggregate", "workdir"})


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError(f"{value!r} is not a whole number")
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
        if not low <= number <= high:
            raise ValueError(f"{number} is not between {low} and {high}")
        return number

    return read


def _seconds(*, zero: bool) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError(f"{value!r} is not a duration; write 90, 90s, 5m or 1h30m")
        seconds = parse_duration(value)
        if seconds == 0 and not zero:
            raise ValueError("a duration of 0 is not allowed here")
        return seconds

    return read


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if str(value) not in words:
            raise ValueError(f"{value!r} is none of {', '.join(words)}")
        return str(value)

    return read


def _text(value: Any) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a text")
    return str(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "max_parallel": _whole(1, 1000),
    "on_failure": _one_of("continue", "stop"),
    "aggregate": _one_of("structured", "concat"),
    "workdir": _text,
    "agent": _text,
    "model": _text,
    "timeout": _seconds(zero=False),
    "retries": _whole(0, 1000),
    "retry_delay": _seconds(zero=True),
    "grace": _seconds(zero=True),
    "format": _one_of("auto", "markdown", "text"),
    "context_limit": _whole(0, 10 * 1024 * 1024),
}

NAMES = tuple(field.name for field in fields(Settings))


def read_setting(name: str, value: Any) -> Any:
    """Return *value* checked and in its internal unit.

    Raises:
        ValueError: the value makes no sense for this setting, with a message for people.
    """
    return _READERS[name](value)


def resolve(*layers: Mapping[str, Any]) -> Settings:
    """Lay settings over the defaults, weakest layer first."""
    merged: dict[str, Any] = {}
    for layer in layers:
        merged.update(layer)
    return Settings(**merged)
