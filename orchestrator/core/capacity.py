"""How many attempts each agent may have under way at once (S4-54): its ``max_parallel``, which is never passed.

An attempt counts against every agent of its *crew*: the agent that does it, and the one that agent stands on, as far
as they have a width at all. An empty crew is limited by nobody, and that is what most plans have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

#: Keys of agents, each with a width.
Crew = tuple[str, ...]


@dataclass(slots=True, eq=False, repr=False)
class Capacity:
    """Counts what is under way. The engine asks and tells."""

    widths: Mapping[str, int] = field(default_factory=dict)
    _under_way: Counter[str] = field(default_factory=Counter, init=False)

    def has_room(self, crew: Crew) -> bool:
        """Say whether one more attempt of this crew may start."""
        return all(self._under_way[key] < self.widths[key] for key in crew)

    def started(self, crew: Crew) -> None:
        """Count an attempt that starts."""
        for key in crew:  # mostly nobody
            self._under_way[key] += 1

    def ended(self, crew: Crew) -> None:
        """Count an attempt that is over."""
        for key in crew:
            self._under_way[key] -= 1
