"""Moments as people and machines read them: UTC, with milliseconds."""

from __future__ import annotations

import time
from functools import lru_cache


def iso(seconds: float) -> str:
    """Write a moment, seconds since the epoch, as people and machines read it; empty for 0."""
    if not seconds:
        return ""
    # `datetime` is loaded where it is needed: whoever says one thing and goes should not wait for it.
    whole, milliseconds = divmod(round(seconds * 1_000_000) // 1000, 1000)
    return f"{_second(whole)}.{milliseconds:03}Z"


@lru_cache(maxsize=64)
def _second(seconds: int) -> str:
    # A run writes thousands of moments, and most within a few seconds.
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def epoch(text: object) -> float:
    """Read what ``iso`` wrote; 0.0 for anything else."""
    from datetime import UTC, datetime

    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return 0.0
    return moment.timestamp() if moment.tzinfo else moment.replace(tzinfo=UTC).timestamp()
