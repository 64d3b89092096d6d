"""What tells one version of a file from the next, without reading it."""

from __future__ import annotations

import os
import time

#: A file changed within this many nanoseconds of being read could change again without its times showing it.
_RACY = 50_000_000


def signature(found: os.stat_result) -> int:
    """Return what tells one version of a file from the next."""
    return hash((found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))


def is_settled(found: os.stat_result) -> bool:
    """Say whether the file is old enough for its signature to be trusted."""
    return time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _RACY
