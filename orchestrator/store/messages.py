"""``contexts/`` and ``notes/``: what is said about tasks, only ever appended to, by any number of writers at once.

No lock, no look at what is there: a message is one write at the end of its file (``core/message.py`` says why that is
enough). Links are never followed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Collection, Mapping

from orchestrator.core.event import read_line
from orchestrator.core.message import Message, MessageKind, block, read_blocks
from orchestrator.core.plan import stem
from orchestrator.errors import StoreError
from orchestrator.ownership import give, make_directories
from orchestrator.store.atomic import io_errors, read_file
from orchestrator.store.journal import Cursor, end_of, read_on
from orchestrator.store.layout import Layout

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | os.O_CLOEXEC


def append_message(layout: Layout, stem: str, message: Message) -> None:
    """Append a message to the file it belongs to; the ids in it were checked before.

    Raises:
        StoreError: it could not be written, or not whole; a partial message is never read.
    """
    is_note = message.kind is MessageKind.NOTE
    path = layout.notes_file(stem, message.author) if is_note else layout.context_file(stem)
    title = f"# Notes of {message.author} on {message.task}" if is_note else f"# {message.task}"
    data = block(message)
    with io_errors("append", path):
        make_directories(os.path.dirname(path))
        descriptor, is_new = _open(path, 0o600 if is_note else 0o664)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise StoreError("not a file", where=path, hint="move it away, then say it again")
            if is_new:
                data = f"{title}\n".encode() + data
            if os.write(descriptor, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(descriptor)


def _open(path: str, mode: int) -> tuple[int, bool]:
    """Open a file at its end; say whether it was made."""
    folder, name = os.path.split(path)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | _NO_LINKS)
    try:
        # A pipe in its place must not make us wait for a reader.
        flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | _NO_LINKS
        try:
            made = os.open(name, flags | os.O_CREAT | os.O_EXCL, mode, dir_fd=directory)
        except FileExistsError:
            return os.open(name, flags, dir_fd=directory), False
        give(made, path)
        return made, True
    finally:
        os.close(directory)


def read_shared(layout: Layout, stem: str, task: str = "") -> list[Message]:
    """Return what was said about a task, in the order in which it was written.

    Raises:
        StoreError: it cannot be read.
    """
    return read_blocks(read_file(layout.context_file(stem)) or b"", task)


def read_notes(layout: Layout, stem: str, author: str, task: str = "") -> list[Message]:
    """Return what a user noted about a task for themselves; no other user's, whatever the file is called.

    Raises:
        StoreError: it cannot be read.
    """
    found = read_blocks(read_file(layout.notes_file(stem, author)) or b"", task)
    # `a` and `b-c` on one task, `a-b` and `c` on another: two names for one file.
    return [each for each in found if each.author == author]


# ── contexts ────────
#
# The messages for an attempt that starts: ``contexts/``, of which a file is read again only if it has a new message.

_BEFORE, _BEHIND = "context-", ".md"
#: Bytes of the journal that are read for one attempt; where more was written all files are looked at again.
_HEARD = 256 * 1024
_FOR_ALL = frozenset({MessageKind.DISCOVER, MessageKind.SYNC})


class Contexts:
    """The messages about all tasks of a plan.

    Every message leaves a line in the journal, too. So all files are read once, and from then on only those of tasks
    that the journal names: the cost of a launch does not grow with the plan.
    """

    def __init__(self, layout: Layout) -> None:
        """Read nothing yet."""
        self._layout = layout
        self._place: Cursor | None = None
        """How far the journal was read; None: not yet."""
        self._unread: set[str] = set()
        """Files that may have new messages to all agents; by stem, as in all that follows."""
        self._for_all: dict[str, list[Message]] = {}
        self._known: dict[str, tuple[tuple[int, int, int], list[Message]]] = {}
        self._missed: str | None = None
        """The first error of reading; None: there was none; empty: it was reported."""

    def visible_to(self, tasks: Mapping[str, str], near: Collection[str]) -> list[Message]:
        """Return everything about the tasks in *near*, and what all should know about the others.

        *tasks* is stem → id. A file that cannot be read is left out and reported: no attempt fails because of it.
        """
        self._listen()
        unread = self._unread & tasks.keys()
        self._unread -= unread
        for name in unread:
            shared = [each for each in self._read(name, tasks[name]) if each.kind in _FOR_ALL]
            self._for_all.pop(name, None)
            if shared:
                self._for_all[name] = shared
        close = {stem(each) for each in near} & tasks.keys()
        found = [each for name in close for each in self._read(name, tasks[name])]
        for name, shared in self._for_all.items():
            if name in tasks and name not in close:
                found += shared
        return found

    def take_missed(self) -> str:
        """Return what people should know of the first file that could not be read, once; empty: nothing."""
        missed = self._missed or ""
        if missed:
            self._missed = ""
        return missed

    def _listen(self) -> None:
        """Note for which tasks the journal has new messages."""
        journal = self._layout.journal
        try:
            read = read_on(journal, self._place, _HEARD) if self._place is not None else None
            if read is not None:
                lines, self._place = read
                said = (line for line in map(read_line, lines) if line and line.is_message)
                self._unread.update(stem(line.subject) for line in said)
                return
            # The first look, or the journal was begun anew, or has very many new lines. A message that is written while
            # the directory is listed is in the journal, too.
            place = end_of(journal)
            names = _names(self._layout.contexts)
        except (OSError, StoreError) as error:
            self._miss(self._layout.contexts, error)
            return
        self._place = place
        self._unread.update(name.removeprefix(_BEFORE).removesuffix(_BEHIND) for name in names)

    def _read(self, name: str, task: str) -> list[Message]:
        path = self._layout.context_file(name)
        try:
            now = os.lstat(path)
            signed = now.st_ino, now.st_size, now.st_mtime_ns
            known = self._known.get(name)
            if known is None or known[0] != signed:
                if not stat.S_ISREG(now.st_mode):
                    return []
                known = self._known[name] = signed, read_shared(self._layout, name, task)
        except FileNotFoundError:
            return []  # most tasks have no messages
        except (OSError, StoreError) as error:
            self._miss(path, error)
            self._unread.add(name)  # until it can be read
            return []
        return known[1]

    def _miss(self, path: str, error: OSError | StoreError) -> None:
        """Note what cannot be read; it is tried again with the next attempt."""
        if self._missed is None:
            why = error.strerror if isinstance(error, OSError) else error.message
            shown = os.path.relpath(path, self._layout.root)
            self._missed = f"agents do not hear what was said in {shown}: {why}"


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except FileNotFoundError:
        return []  # there are no messages
