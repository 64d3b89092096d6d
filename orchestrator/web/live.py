"""Notifies a page that it is out of date: server-sent events, triggered by changes in the file system.

The page then loads itself again. The time that a page takes to draw is measured, and the pause between two events grows
with it, so that drawing takes some 2 % of the time whatever the size of the plan.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import anyio
import anyio.to_thread
from starlette.responses import Response, StreamingResponse

from orchestrator.errors import OrchestratorError
from orchestrator.store.layout import Layout
from orchestrator.store.lock import lock_owner
from orchestrator.store.watcher import Alarm, look_of

#: Seconds between two words at least, and drawings that fit into a pause: as a run draws (``runner/draw.py``).
_SHORTEST, _PAUSE = 0.33, 50.0
#: Seconds after which we look although nothing called: a run that was killed leaves no word.
_LOOK = 5.0
#: Pages that can listen at the same time; each takes a thread that sleeps.
_MOST = 32


class Scene(NamedTuple):
    """What a page shows."""

    layouts: Sequence[Layout]
    """Plans: what happens in one leaves a line in its journal, a new result, or both."""
    others: Sequence[str] = ()
    """Files and directories besides."""

    @property
    def directories(self) -> list[str]:
        """Where to listen."""
        found = [each for layout in self.layouts for each in (layout.root, layout.results)]
        found += [each if os.path.isdir(each) else os.path.dirname(each) for each in self.others]
        return [each for each in dict.fromkeys(found) if os.path.isdir(each)]

    def version(self) -> str:
        """Return a word for how all of it looks right now."""
        words = [look_of(*self.others)]
        for layout in self.layouts:
            holder = lock_owner(layout.lock)
            words.append(look_of(layout.plan, layout.journal, layout.lock, layout.results))
            words.append(str(holder["run"]) if holder else "")
        return ".".join(words)


@dataclass(slots=True)
class Live:
    """Everything that pages wait for."""

    over: threading.Event = field(default_factory=threading.Event)
    """Set when the server ends: no more events are sent."""
    _listeners: int = 0
    _costs: dict[str, tuple[float, float]] = field(default_factory=dict)
    """What the last two drawings took; the smaller one counts, for anything may have come in between."""

    @contextmanager
    def measured(self, scene: Scene) -> Iterator[None]:
        """Measure what drawing a page takes."""
        began = time.monotonic()
        yield
        place = scene.layouts[0].root
        last, _ = self._costs.get(place, (0.0, 0.0))
        self._costs[place] = time.monotonic() - began, last

    def events(self, look: Callable[[], Scene], seen: str) -> Response:
        """Return the stream for a page that was drawn at version *seen*; *look* says what it would show now."""
        if self._listeners >= _MOST:
            return Response("too many pages are open", 503, media_type="text/plain")
        return StreamingResponse(self._stream(look, seen), media_type="text/event-stream")

    async def _stream(self, look: Callable[[], Scene], seen: str) -> AsyncIterator[str]:
        # A limiter of its own, so that waiting pages take no thread from pages that are drawn.
        apart = partial(anyio.to_thread.run_sync, limiter=anyio.CapacityLimiter(1))
        self._listeners += 1
        try:
            yield "retry: 2000\n\n"
            while not self.over.is_set():
                if not (directories := (await apart(look)).directories):
                    return  # as below
                # Watched first, then looked at: nothing falls between the two.
                with Alarm(*directories) as alarm:
                    while not self.over.is_set():
                        scene = await apart(look)
                        if scene.directories != directories:
                            break  # the first result, the first log
                        if (now := await apart(scene.version)) != seen:
                            seen = now
                            yield "event: changed\ndata:\n\n"
                            cost = min(self._costs.get(scene.layouts[0].root, (0.0, 0.0)))
                            await apart(self.over.wait, max(_SHORTEST, _PAUSE * cost))
                            continue
                        await apart(alarm.wait, _LOOK, self.over)
                        yield ":\n\n"  # a closed page is noticed by it
        except OrchestratorError:
            return  # the page loads again, and shows what is wrong
        finally:
            self._listeners -= 1
