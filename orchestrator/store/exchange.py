"""A person's file, changed by us while they may be changing it too.

Whoever changes the plan by command, and the runner that draws into it, hold ``plan.lock`` meanwhile; an editor knows of
no lock. So the file is compared once more right before the rename, and a version that somebody saved in between wins:
the change is made again, to that one. What is left is the time between one ``stat`` and one ``rename``. Where the
system could swap two files in one step, it would still have to be undone when the wrong one came out, and whoever
looked meanwhile would have seen it; so the window is kept small instead.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from orchestrator.errors import UsageError
from orchestrator.store.atomic import Replacement, read_file, reported
from orchestrator.store.signatures import signature

#: How often a file is read again because somebody else saved it meanwhile.
_TRIES = 100
_Done = TypeVar("_Done")


class Taken(NamedTuple):
    """A file as it was read."""

    data: bytes
    signed: int


def take(path: str) -> Taken:
    """Read a file that is to be changed.

    Raises:
        UsageError: it is a link: somebody made it on purpose, and it is neither replaced nor written through.
        StoreError: there is none, or it could not be read.
    """
    with reported("read", path):
        found = os.lstat(path)
    if stat.S_ISLNK(found.st_mode):
        is_plain = os.path.basename(os.path.realpath(path)) == os.path.basename(path)
        there, here = "name the directory that the file lies in", "put the file itself in its place"
        raise UsageError("it is a link", where=path, hint=there if is_plain else here)
    return Taken(read_file(path) or b"", signature(found))


def exchanged(path: str, change: Callable[[Taken], _Done | None]) -> _Done:
    """Change a file as it lies there, once more whenever somebody else has saved it meanwhile; return what was done.

    *change* returns None when it was another file by the time it was to be put in place.

    Raises:
        UsageError: somebody does nothing but save it.
        StoreError: it could not be read or written.
    """
    for _ in range(_TRIES):
        if (done := change(take(path))) is not None:
            return done
    hint = "try again in a moment"
    raise UsageError("somebody saves it again and again", where=path, hint=hint)


def put(path: str, taken: Taken, data: bytes, *, is_ours: bool = False) -> os.stat_result | None:
    """Put *data* in the place of what was taken; return what the system says of it.

    None, and nothing done: it is another file by now. After a power cut either is there, and whole; unless it *is_ours*
    and can be made again from what a person wrote: a start may make thousands.

    Raises:
        StoreError: it could not be written; the file is as before.
    """
    with Replacement(path, data) as new, reported("write", path):
        if not is_ours:
            new.sync()  # before the last look: what comes after it has to be quick
        try:
            is_same = signature(os.lstat(path)) == taken.signed
        except FileNotFoundError:
            is_same = False  # an editor that saves by renaming has it in its hands
        return new.publish() if is_same else None
