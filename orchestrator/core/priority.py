"""One internal number for a priority, four spellings of it."""

from __future__ import annotations

URGENT, HIGH, NORMAL, LOW = 1000, 100, 10, 1

_WORDS = {
    "p0": URGENT,
    "p1": HIGH,
    "p2": NORMAL,
    "p3": LOW,
    "critical": URGENT,
    "urgent": URGENT,
    "high": HIGH,
    "normal": NORMAL,
    "medium": NORMAL,
    "low": LOW,
}
_LIMIT = 1_000_000


def parse_priority(text: str | int) -> int:
    """Return the number behind ``P0…P3``, ``critical|urgent|high|normal|medium|low`` or an integer; bigger runs first.

    Raises:
        ValueError: none of those.
    """
    word = str(text).strip().lower()
    if not word or word == "-":
        return NORMAL
    if word in _WORDS:
        return _WORDS[word]
    try:
        number = int(word)
    except ValueError:
        number = _LIMIT + 1
    if abs(number) > _LIMIT:
        msg = f"{text!r} is not a priority; write P0…P3, urgent, high, normal, low or an integer up to {_LIMIT}"
        raise ValueError(msg)
    return number


def is_number(text: str) -> bool:
    """Whether a priority is written as a number: then a bigger one runs first."""
    return text.strip().removeprefix("-").isdecimal()


def format_priority(number: int) -> str:
    """Write a priority as the seeds' ``P0…P3`` where it is one of them, else as the integer."""
    return {URGENT: "P0", HIGH: "P1", NORMAL: "P2", LOW: "P3"}.get(number, str(number))
