"""Names of people and agents: checked like an id, because files, headers and lines carry them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    import difflib
else:
    difflib = LazyModule("difflib")

#: A pattern and not compiled: anyone who only says something on a task needs it once, or not at all.
NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"


def is_name(text: str) -> bool:
    """Whether this is a valid name."""
    return re.fullmatch(NAME, text) is not None


@lru_cache(maxsize=256)
def as_name(text: str) -> str:
    """Return any text as a name, with ``_`` for what a name cannot have; empty when nothing is left of it."""
    return re.sub(r"[^A-Za-z0-9._@-]+", "_", text).strip("._@-")[:64]


# ── spelling ────────
#
# Whether a name was meant to be another one: surely, by a single slip of the fingers, or perhaps, as advice.

#: Looking for what was meant takes time that grows with the plan, so only the first few mistakes come with a guess.
GUESSES = 5
#: Names shorter than this are all within one slip of each other.
_SHORTEST = 4


def similar_name(word: str, known: Iterable[str]) -> str:
    """Return the known name that *word* is one typo away from, or empty.

    A typo is one letter too many, too few, or wrong, two swapped, or capitals. A digit more is none: ``claude2`` is
    an agent other than ``claude``.
    """
    if len(word) < _SHORTEST:
        return ""
    return next((name for name in known if len(name) >= _SHORTEST and _is_slip(word, name)), "")


def suggestion(word: str, known: Collection[str], otherwise: str, cutoff: float = 0.6) -> str:
    """Return which known name may have been meant, as a question to a person; *otherwise* when none is similar.

    *cutoff*: how similar, from 0 to 1.
    """
    if not known:
        return otherwise

    close = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"did you mean {close[0]}?" if close else otherwise


def _is_slip(word: str, name: str) -> bool:
    one, other = word.casefold(), name.casefold()
    if one == other:
        return True
    if abs(len(one) - len(other)) > 1:
        return False
    start = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if any(char.isdigit() for char in (one[start : start + 1], other[start : start + 1])):
        return False
    rest, command = one[start:], other[start:]
    return (
        rest[1:] == command[1:]
        or rest[1:] == command
        or rest == command[1:]
        or (rest[1::-1] == command[:2] and rest[2:] == command[2:])
    )
