"""Names of people and agents: checked like an id, because files, headers and lines carry them (seed row S1-01)."""

from __future__ import annotations

import re
from functools import lru_cache

#: A pattern and not compiled: whoever only says something on a task needs it once, or not at all.
NAME = r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}"


def is_name(text: str) -> bool:
    """Say whether somebody can be called so."""
    return re.fullmatch(NAME, text) is not None


@lru_cache(maxsize=256)
def as_name(text: str) -> str:
    """Return any text as a name, with ``_`` for what a name cannot have; empty when nothing is left of it."""
    return re.sub(r"[^A-Za-z0-9._@-]+", "_", text).strip("._@-")[:64]
