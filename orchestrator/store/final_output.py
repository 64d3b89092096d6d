"""``final_output.md``: its time says which results it was made from, and which are newer.

Clocks that were set back, and results from another machine whose clock is ahead, have no say in that: the output gets
the time of the newest result, where that lies ahead.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress

from orchestrator.store.atomic import make_room, atomic_write
from orchestrator.store.layout import Layout
from orchestrator.store.fingerprint import newest, result_files


def results_time(layout: Layout) -> int:
    """Return the time for an output that is made from the results as they lie there now, ns since the epoch.

    Raises:
        StoreError: they cannot be listed.
    """
    now = time.time_ns()
    return max(now, newest(result_files(layout.results).values()))


def write_final_output(layout: Layout, text: str, moment: int) -> None:
    """Write the aggregated result, made from what there was at that *moment*.

    Raises:
        StoreError: it could not be written.
    """
    make_room(layout.final_output)
    atomic_write(layout.final_output, text.encode())
    with suppress(OSError):  # some file systems let nobody set times
        os.utime(layout.final_output, ns=(moment, moment))


def is_outdated(layout: Layout, newest_result: int) -> bool:
    """Say whether a result, changed at *newest_result* (ns since the epoch), is newer than the final output."""
    try:
        return os.stat(layout.final_output).st_mtime_ns < newest_result
    except OSError:
        return newest_result > 0
