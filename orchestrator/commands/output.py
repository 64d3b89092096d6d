"""What a run prints, written by a thread: a terminal, a pipe or a socket that takes nothing does not hold the run.

Ctrl-S, a stalled connection, a pager that no one pages: text is kept until it is taken, and the picture below it is
only drawn when it can be.
"""

from __future__ import annotations

import io
import os
import select
import signal
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

from orchestrator.commands.reply import BEFORE_EXIT, in_colour
from orchestrator.views.terminal import coloured, display_width

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

#: Seconds between two pictures.
_FRAME = 0.125
#: Seconds that are left to write the last words of a run that a signal has ended.
_LAST_WORDS = 1.0
_HIDE_CURSOR, _SHOW_CURSOR, _UP, _ERASE_LINE = "\x1b[?25l", "\x1b[?25h", "\x1b[A", "\x1b[2K"
#: Where the system does not know the size of a terminal.
_USUAL_SIZE = (80, 24)

#: Returns the lines to be shown below all text, for a terminal of so many columns and rows.
Picture = Callable[[int, int], Sequence[str]]


class QueuedOutput(io.RawIOBase):
    """The binary end of a stream; ``write`` never waits."""

    def __init__(self, stream: TextIO, *, in_colour: bool) -> None:
        """Take over from *stream*, which is not to be written into meanwhile; *in_colour* is for the picture.

        Raises:
            RuntimeError: the system starts no thread.
        """
        stream.flush()
        self._descriptor, self._in_colour = stream.fileno(), in_colour
        self._encoding, self._errors = stream.encoding, stream.errors or "strict"
        self._changed = threading.Condition()
        self._text = bytearray()
        self._picture: Picture | None = None
        self._drawn: list[int] = []
        """How wide the lines of the picture are that is on the terminal."""
        self._is_drawing = self._is_writing = self._is_gone = False
        threading.Thread(target=self._keep_writing, name="output", daemon=True).start()

    def writable(self) -> bool:
        """Say that it can be written into."""
        return True

    def isatty(self) -> bool:
        """Say whether it goes to a terminal."""
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def write(self, data: ReadableBuffer) -> int:
        """Have it written when there is room."""
        piece = bytes(data)
        with self._changed:
            self._text += piece
            self._changed.notify_all()
        return len(piece)

    def show(self, picture: Picture | None) -> None:
        """Keep a picture below the text from now on, in the place of another; None: no more."""
        with self._changed:
            self._picture = picture
            self._changed.notify_all()

    def drain(self, seconds: float | None = None) -> bool:
        """Wait until everything is written, or no one reads it any more, so many seconds at most; say whether it is."""
        with self._changed:
            return self._changed.wait_for(self._is_drained, seconds)

    def _is_drained(self) -> bool:
        is_as_asked = self._is_drawing == (self._picture is not None)
        return self._is_gone or (is_as_asked and not (self._text or self._is_writing))

    def _has_work(self) -> bool:
        if self._is_drawing != (self._picture is not None):
            return True
        return bool(self._text) and not self._is_drawing  # else it waits for the next picture

    def _keep_writing(self) -> None:
        while True:
            with self._changed:
                self._is_writing = False
                self._changed.notify_all()
                self._changed.wait_for(self._has_work, _FRAME if self._is_drawing else None)
                text, picture = bytes(self._text), self._picture
                self._text.clear()
                self._is_writing = True
            if picture is not None or self._is_drawing:
                text = self._frame(text, picture)
            try:
                self._write_out(text)
            except OSError:
                self._is_gone = True  # nobody reads on, and that stops nothing
                self._picture, self._is_drawing = None, False

    def _frame(self, text: bytes, picture: Picture | None) -> bytes:
        """Return what puts text in the place of the last picture, and the next one below it."""
        columns, rows = self._size()
        # A terminal that has become narrower has wrapped the lines that no longer fit.
        drawn = sum(max(-(-width // columns), 1) for width in self._drawn)
        # Line by line: terminals keep what is erased at once from their first line on.
        before = f"\r{_ERASE_LINE}{f'{_UP}{_ERASE_LINE}' * (drawn - 1)}" if drawn else ""
        if not self._is_drawing:
            before = _HIDE_CURSOR
        lines = [] if picture is None else list(picture(columns, rows))
        self._drawn, self._is_drawing = list(map(display_width, lines)), picture is not None
        after = "\n".join(map(coloured, lines) if self._in_colour else lines)
        if picture is None:
            after = _SHOW_CURSOR
        return self._encoded(before) + text + self._encoded(after)

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._encoding, self._errors)

    def _size(self) -> tuple[int, int]:
        try:
            columns, rows = os.get_terminal_size(self._descriptor)
        except OSError:
            return _USUAL_SIZE
        return columns or _USUAL_SIZE[0], rows or _USUAL_SIZE[1]

    def _write_out(self, data: bytes) -> None:
        while data and not self._is_gone:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:  # the caller has set it non-blocking
                room = select.poll()
                room.register(self._descriptor, select.POLLOUT)
                room.poll()


def queue_output() -> None:
    """Let nothing wait from now on that prints to a terminal, a pipe or a socket; ``finish`` writes what is left."""
    # Where the system starts no thread, they stay as they are.
    with suppress(RuntimeError):
        out = _queue(sys.stdout)
        # One terminal for both is one queue, in order.
        is_one = os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
        sys.stderr = out if is_one else _queue(sys.stderr)
        sys.stdout = out
        if finish not in BEFORE_EXIT:
            BEFORE_EXIT.append(finish)


def finish(status: int) -> None:
    """Return once everything is written; where a signal has ended us, within a second."""
    for stream in (sys.stdout, sys.stderr):
        queue = queue_of(stream)
        if queue is not None and not queue.drain(_LAST_WORDS) and status < 128:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # nothing is left but to wait
            queue.drain()


def queue_of(stream: TextIO) -> QueuedOutput | None:
    """Return what is behind a stream, where that is ours."""
    queue = getattr(stream, "buffer", None)
    return queue if isinstance(queue, QueuedOutput) else None


def _queue(stream: TextIO) -> TextIO:
    """Return a stream into the same file that never waits; the same stream where writing into it never does."""
    mode = os.fstat(stream.fileno()).st_mode
    if queue_of(stream) is not None or not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stream.isatty()):
        return stream
    return io.TextIOWrapper(
        QueuedOutput(stream, in_colour=in_colour(stream)),  # type: ignore[type-var] # no more is asked of it
        encoding=stream.encoding,
        errors=stream.errors,
        write_through=True,
    )
