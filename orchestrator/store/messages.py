"""``contexts/`` and ``notes/``: what is said about tasks, only ever appended to, by any number of writers at once.

No lock, no look at what is there: a message is one write at the end of its file (``core/message.py`` says why that is
enough). Links are never followed (promise 23).
"""

from __future__ import annotations

import errno
import os
import stat

from orchestrator.core.message import Message, MessageKind, block, read_blocks
from orchestrator.errors import StoreError
from orchestrator.ownership import give, make_directories
from orchestrator.store.atomic import read_file, io_errors
from orchestrator.store.layout import Layout

_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | os.O_CLOEXEC


def append_message(layout: Layout, stem: str, message: Message) -> None:
    """Append a message to the file it belongs to; the ids in it were checked before.

    Raises:
        StoreError: it could not be written, or not whole; what was written of it nobody will read.
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
    """Return what somebody noted about a task for themselves; nobody else's, whatever the file is called.

    Raises:
        StoreError: it cannot be read.
    """
    found = read_blocks(read_file(layout.notes_file(stem, author)) or b"", task)
    # `a` and `b-c` on one task, `a-b` and `c` on another: two names for one file.
    return [each for each in found if each.author == author]
