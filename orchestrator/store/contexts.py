"""What an attempt that starts should have heard: ``contexts/``, read again only where somebody said something."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping

from orchestrator.core.event import read_line
from orchestrator.core.message import Message, MessageKind
from orchestrator.core.plan import stem
from orchestrator.errors import StoreError
from orchestrator.store.journal import Cursor, end_of, read_on
from orchestrator.store.layout import Layout
from orchestrator.store.messages import read_shared

_BEFORE, _BEHIND = "context-", ".md"
#: Bytes of the journal that are read for one attempt; where more was written all files are looked at again.
_HEARD = 256 * 1024
_FOR_ALL = frozenset({MessageKind.DISCOVER, MessageKind.SYNC})


class Contexts:
    """What was said about any task of a plan.

    Whoever says something tells the journal, too. So all files are looked at once, and from then on only those of tasks
    that the journal names: what a launch costs does not grow with the plan.
    """

    def __init__(self, layout: Layout) -> None:
        """Read nothing yet."""
        self._layout = layout
        self._place: Cursor | None = None
        """How far the journal was read; None: not yet."""
        self._unread: set[str] = set()
        """Where something may have been said to everybody; files by stem, as in all that follows."""
        self._for_all: dict[str, list[Message]] = {}
        self._known: dict[str, tuple[tuple[int, int, int], list[Message]]] = {}
        self._missed: str | None = None
        """What could not be read first; empty: that was told."""

    def heard(self, tasks: Mapping[str, str], near: Collection[str]) -> list[Message]:
        """Return everything about the tasks in *near*, and what all should know about the others.

        *tasks* is stem → id. What cannot be read is left out, and told: no attempt fails because of it.
        """
        self._listen()
        unread = self._unread & tasks.keys()
        self._unread -= unread
        for name in unread:
            told = [each for each in self._read(name, tasks[name]) if each.kind in _FOR_ALL]
            self._for_all.pop(name, None)
            if told:
                self._for_all[name] = told
        close = {stem(each) for each in near} & tasks.keys()
        found = [each for name in close for each in self._read(name, tasks[name])]
        for name, told in self._for_all.items():
            if name in tasks and name not in close:
                found += told
        return found

    def take_missed(self) -> str:
        """Return what people should know of the first file that could not be read, once; empty: nothing."""
        missed = self._missed or ""
        if missed:
            self._missed = ""
        return missed

    def _listen(self) -> None:
        """Take in of which tasks the journal says that somebody spoke about them."""
        journal = self._layout.journal
        try:
            read = read_on(journal, self._place, _HEARD) if self._place is not None else None
            if read is not None:
                lines, self._place = read
                said = (line for line in map(read_line, lines) if line and line.is_message)
                self._unread.update(stem(line.subject) for line in said)
                return
            # The first look, or somebody began the journal anew, or wrote very much into it. What is said while we list
            # is in the journal, too.
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
            return []  # of most tasks nobody ever said anything
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
        return []  # nobody ever said anything
