"""What the system was short of when a process was to be started, and what to do about it."""

from __future__ import annotations

import errno

_MORE_PROCESSES = "run it again with less at work beside it, or with more allowed (`ulimit -u`)"
_ADVICE = {
    errno.EAGAIN: _MORE_PROCESSES,
    errno.ENOMEM: _MORE_PROCESSES,
    errno.EMFILE: "run it again with more open files allowed (`ulimit -n`)",
    errno.ENFILE: "run it again with less at work beside it: the whole system has too many open files",
}


def advice(error: OSError) -> str:
    """Return what to do; empty where the system was not short of anything."""
    return _ADVICE.get(error.errno or 0, "")
