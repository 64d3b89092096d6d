"""When to try again: true exponential backoff with full jitter and a ceiling (seed rows S2-70, S0-20, S3-81)."""

from __future__ import annotations

#: No wait between two attempts is longer than this, seconds.
CEILING = 300.0


def backoff(base: float, failures: int, draw: float) -> float:
    """Seconds to wait after the *failures*-th failed attempt.

    Full jitter: uniform between 0 and ``base * 2 ** (failures - 1)``, at most ``CEILING``. *draw* is the random number
    in [0, 1) that came with the event, so a replayed run waits the same.
    """
    # 2.0 ** 1024 overflows; the ceiling is reached long before 64 doublings of any base that matters.
    doublings = min(failures - 1, 64)
    return draw * min(CEILING, base * 2.0**doublings)
