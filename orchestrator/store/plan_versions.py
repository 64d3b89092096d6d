"""Which version of a plan lies there: one of a person's, or theirs with our drawing in it; or they are saving one."""

from __future__ import annotations

import os
import time

from orchestrator.store.compare_and_swap import is_being_written
from orchestrator.store.fingerprint import signature

#: Seconds after its last change in which an editor may still be writing a file; one that was emptied gets its text yet.
_STILL_WRITING, _STILL_EMPTY = 0.3, 1.5


class PlanVersions:
    """The versions of one plan, as far as they were read or drawn here."""

    __slots__ = ("_drawn", "_path", "_read")

    def __init__(self, path: str) -> None:
        """Take the path of the plan; nothing is looked at yet."""
        self._path = path
        self._drawn: dict[int, int] = {}
        self._read = 0

    def newest(self) -> int:
        """Return which version of the person's plan lies there; our own drawing makes no new one.

        0 when there is none to be read yet: an editor may have emptied the file, or be writing it right now.
        """
        try:
            found = os.stat(self._path)
        except OSError:
            return 0
        if self._is_unknown(found):
            return 0
        signed = signature(found)
        return self._drawn.get(signed, signed)

    def is_being_saved(self) -> bool:
        """Say whether somebody has the plan open for writing, or saved it so recently that it may not be whole."""
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        return self._is_unknown(found) or is_being_written(self._path)

    def was_read(self, signed: int) -> None:
        """Take in that this version was read: whatever it is, it is known."""
        self._read = signed

    def was_drawn(self, before: int, after: int) -> None:
        """Take in that our drawing made the one version of the other."""
        self._drawn = {after: self._drawn.get(before, before)}

    def _is_unknown(self, found: os.stat_result) -> bool:
        # A clock that was set back makes files of the future; they are not being written for ever.
        longest = _STILL_WRITING if found.st_size else _STILL_EMPTY
        is_fresh = 0 <= time.time() - found.st_mtime < longest
        return is_fresh and signature(found) not in {*self._drawn, self._read}
