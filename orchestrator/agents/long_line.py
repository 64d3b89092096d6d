"""One line of JSON as it comes: where it is long, its long strings are shortened, and it can be read all the same.

In bounded memory, in time linear in its length, and the same wherever the pieces it comes in are cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from orchestrator.agents.stdout_reader import KEPT
from orchestrator.core.text import left_out_note

#: What stands in a string up to its end, or to a backslash whose other half is yet to come.
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
#: One character in a string; of those above U+FFFF both halves.
_CHARACTER = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]"
    rb"|[\xc0-\xff][\x80-\xbf]{1,3}|[^\\]",
    re.DOTALL,
)
#: Bytes of the longest one.
_LONGEST = 12


@dataclass(slots=True, eq=False, repr=False)
class LongLine:
    """Takes a line of any length. Within its limit it is kept as it is."""

    limit: int
    kept: int = KEPT
    """Bytes kept of the head of each string of a longer one, and as many of its tail."""
    data: bytearray = field(default_factory=bytearray)
    is_shortened: bool = False
    is_lost: bool = False
    """Even shortened it is too long: nothing of it is kept."""
    _is_inside: bool = False
    """Of a string."""
    _is_escaped: bool = False
    """The next byte belongs to the backslash before it."""
    _start: int = 0
    """Where the string begins in ``data``, which has its head."""
    _tail: bytearray = field(default_factory=bytearray)
    """What comes after it."""
    _room: int = 0
    """Bytes that the tail may have; 0: the head is not full yet."""
    _left_out: int = 0

    def extend(self, piece: bytes) -> None:
        """Take the next piece of the line."""
        if not (self.is_lost or self.is_shortened):
            self.data += piece
            if len(self.data) <= self.limit:
                return
            piece, self.data, self.is_shortened = bytes(self.data), bytearray(), True
        place = 0
        while place < len(piece) and not self.is_lost:
            place = self._inside(piece, place) if self._is_inside else self._outside(piece, place)

    def _outside(self, piece: bytes, place: int) -> int:
        """Take everything up to the next string; return where the rest begins."""
        end = piece.find(b'"', place) + 1
        self._is_inside = end > 0
        end = end or len(piece)
        self._keep(piece[place:end])
        self._start = len(self.data)
        return end

    def _inside(self, piece: bytes, place: int) -> int:
        """Take everything up to the end of the string; return where the rest begins."""
        found = _INSIDE.match(piece, place + self._is_escaped)
        end = found.end() if found else len(piece)  # it matches nothing, too
        self._is_escaped = piece[end : end + 1] == b"\\"
        if self._is_escaped:
            end += 1
        self._fill(piece[place:end])
        if end == len(piece):
            return end
        self._close()
        return end + 1

    def _fill(self, part: bytes) -> None:
        if not self._room:
            more = self.kept - (len(self.data) - self._start)
            self.data += part[:more]
            part = part[more:]
            if len(self.data) - self._start < self.kept:
                return
            cut = self._start + _boundary(self.data[self._start :], self.kept - _LONGEST)
            self._tail += self.data[cut:]
            del self.data[cut:]
            self._room = 2 * self.kept - (cut - self._start)
        self._tail += part
        if len(self._tail) > 2 * self._room:
            self._trim()

    def _trim(self) -> None:
        cut = _boundary(self._tail, len(self._tail) - self._room)
        self._left_out += cut
        del self._tail[:cut]

    def _close(self) -> None:
        """Put the string together: head, what is said of the rest, tail."""
        if len(self._tail) > self._room:
            self._trim()
        if self._left_out:
            self.data += f"\\n{left_out_note(self._left_out)}\\n".encode()
        self._is_inside, self._room, self._left_out = False, 0, 0
        tail, self._tail = self._tail, bytearray()
        self._keep(tail + b'"')

    def _keep(self, part: bytes | bytearray) -> None:
        self.data += part
        self.is_lost = len(self.data) > self.limit
        if self.is_lost:
            self.data.clear()


def _boundary(raw: bytes | bytearray, place: int) -> int:
    """Return the first place, from *place* on, where a character of a string begins; *raw* begins with one."""
    at = max(0, place - _LONGEST)
    # After an even number of backslashes something begins. It may be in the middle of a character; never at *place*.
    at -= (at - len(raw[:at].rstrip(b"\\"))) % 2
    while at < place:
        found = _CHARACTER.match(raw, at)
        at = found.end() if found else place
    return at
