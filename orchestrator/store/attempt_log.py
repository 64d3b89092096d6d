"""What an attempt printed. An agent may do anything to its logs: no link is followed, and no pipe is waited for."""

from __future__ import annotations

import os

from orchestrator.store.atomic import require_file


def read_log(path: str, offset: int, size: int) -> tuple[bytes, int]:
    """Return up to *size* bytes of a log, and where they begin; a negative *offset* counts from the end.

    Raises:
        OSError: it cannot be read, or a link, a pipe or a directory lies there.
    """
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW
    descriptor = os.open(path, flags)
    try:
        end = require_file(descriptor).st_size
        begin = max(0, end + offset) if offset < 0 else offset
        return os.pread(descriptor, size, begin), begin
    finally:
        os.close(descriptor)
