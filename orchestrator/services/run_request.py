"""What a user asked of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from orchestrator.store.layout import Layout


class RunRequest(NamedTuple):
    """What a user asked ``run`` to do. ``flags`` are settings given on the command line, already read."""

    layout: Layout
    flags: Mapping[str, Any] = MappingProxyType({})
    simulate: bool = False
    only: Sequence[str] = ()
    tags: Sequence[str] = ()
    """Only tasks with one of these, also those that are added while it runs."""
    is_fresh: bool = False
    """What is completed is done again, and its outcome before is moved to the archive."""
    raised_budget: float | None = None
    """What the whole plan may cost in this run, USD, also where the plan says less; 0: no limit."""
    grows: bool = False
    """``only`` grows by what ``auto-dispatch`` asks for while it is active."""
