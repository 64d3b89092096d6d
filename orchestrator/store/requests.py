"""``requests/``: what commands ask of the active run, one file each, and its answers beside them.

A request stays until it was answered, even when one of the two processes dies. If the command dies, its request is
still carried out. If the run dies first, the next holder of the lock carries it out (docs/decisions/0010). Names begin
with a timestamp, so that requests are carried out in the order in which they were made.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import time
from contextlib import suppress
from typing import Any, NamedTuple

from orchestrator.core.ids import is_name
from orchestrator.core.plan import TASK_ID
from orchestrator.core.status import COMMANDS, TaskStatus, Verb
from orchestrator.core.task_command import TaskCommand
from orchestrator.errors import (
    DependencyError,
    NotAFileError,
    NotFoundError,
    NothingReadyError,
    OrchestratorError,
    StoreError,
    TransitionError,
    UsageError,
)
from orchestrator.ownership import make_directory
from orchestrator.store.atomic import atomic_write, io_errors, read_file, reject_symlinks, write_new

_REQUEST, _ANSWER = ".request.json", ".answer.json"
#: Beside a request that is being carried out. Of two who meet there, who carries out makes this first and then looks
#: for the request; who gives up removes the request first and then looks for this.
_TAKEN = ".taken"
#: Seconds after which no command waits for an answer any more.
_FORGOTTEN = 600.0
_ERRORS = (DependencyError, TransitionError, NotFoundError, NothingReadyError, UsageError, StoreError)


class Reply(NamedTuple):
    """What was answered. ``task`` is the one it was about, also when any would have done."""

    is_ok: bool
    task: str
    status: str = ""
    """Where the task stands now."""
    message: str = ""
    code: str = "ok"
    hint: str = ""

    @classmethod
    def done(cls, task: str, status: TaskStatus, message: str = "", *, aside: str = "") -> Reply:
        """Return the reply that says where the task stands now, and what else the caller wants to know."""
        return cls(
            is_ok=True,
            task=task,
            status=status.value,
            message="; ".join(filter(None, (message or f"{task} is {status.value}", aside))),
        )

    @classmethod
    def refused(cls, task: str, error: OrchestratorError) -> Reply:
        """Return the reply that says why not."""
        return cls(is_ok=False, task=task, message=str(error), code=error.code, hint=error.hint)

    def unwrap(self) -> Reply:
        """Return the reply.

        Raises:
            OrchestratorError: it says no; the same error as if it had been raised here.
        """
        if self.is_ok:
            return self
        kind = next((each for each in _ERRORS if each.code == self.code), OrchestratorError)
        error = kind(self.message, hint=self.hint)
        error.code = self.code
        raise error


class Requests:
    """The directory, for the commands that ask and for the process that carries out the requests."""

    def __init__(self, directory: str) -> None:
        """Take the path; it is made when a user asks."""
        self.directory = directory
        self._seen = -1

    # ── who asks ─────────────────────────────────────────────────────────────────────────────────────────────────

    def leave(self, command: TaskCommand) -> None:
        """Ask; *command* has an id of ``new_id``."""
        reject_symlinks(self.directory)
        with io_errors("make", self.directory), suppress(FileExistsError):
            make_directory(self.directory)  # never with a plan directory that is gone
        atomic_write(self._path(command.id, _REQUEST), json.dumps(command._asdict()).encode())

    def answer_to(self, request: str) -> Reply | None:
        """Return the answer, or None as long as there is none."""
        data = read_file(self._path(request, _ANSWER))
        if data is None:
            return None
        try:
            raw = json.loads(data)
            return Reply(**{name: raw[name] for name in Reply._fields})
        except (ValueError, LookupError, TypeError):
            return None  # not ours

    def is_left(self, request: str) -> bool:
        """Say whether a request still is there."""
        return os.path.lexists(self._path(request, _REQUEST))

    def withdraw(self, request: str) -> bool:
        """Take a request back; say whether it is certain that it will not be carried out."""
        with suppress(StoreError):
            self._remove(self._path(request, _REQUEST))
        return not any(os.path.lexists(self._path(request, kind)) for kind in (_REQUEST, _TAKEN))

    def forget(self, request: str) -> None:
        """Remove what is left of a request whose answer was read."""
        for kind in (_REQUEST, _TAKEN, _ANSWER):
            self._remove(self._path(request, kind))

    # ── who carries out ──────────────────────────────────────────────────────────────────────────────────────────

    def look(self) -> list[str]:
        """Return the ids of what was not answered yet, oldest first; one ``stat`` while nothing changed.

        A link in place of the directory is ignored: an agent may have planted it, and no run must fail because of it.

        Raises:
            StoreError: a user asks for something and could not be answered; then it is not carried out, either.
        """
        try:
            found = os.lstat(self.directory)
        except OSError:
            return []  # no one ever asked anything
        if not stat.S_ISDIR(found.st_mode):
            return []
        changed = found.st_mtime_ns
        if changed == self._seen:
            return []
        # A directory changed just now could change again without its time showing it, also while we list it.
        is_settled = time.time_ns() - changed > 50_000_000
        self._seen = -1
        with io_errors("list", self.directory):
            names = sorted(os.listdir(self.directory))
        answered = {name.removesuffix(_ANSWER) for name in names if name.endswith(_ANSWER)}
        waiting = []
        for request in (each.removesuffix(_REQUEST) for each in names if each.endswith(_REQUEST)):
            if request in answered:
                with suppress(StoreError):  # it does not count any more
                    self._remove(self._path(request, _REQUEST))  # the process that answered died before this
            else:
                waiting.append(request)
        if waiting and not os.access(self.directory, os.W_OK):
            with io_errors("answer", self.directory):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        self._seen = changed if is_settled else -1
        return waiting

    def left(self) -> list[str]:
        """Return the same for a command that settles what a run left; nothing if this user may not write answers."""
        try:
            return self.look()
        except StoreError:
            return []

    def read(self, request: str) -> TaskCommand | None:
        """Return what is asked; None when it is no request that makes sense, or is gone.

        Raises:
            StoreError: it cannot be read; the next ``look`` returns it again.
        """
        try:
            data = read_file(self._path(request, _REQUEST))
        except NotAFileError:
            return None
        except StoreError:
            self._seen = -1  # once its owner opens it, the directory does not show that
            raise
        return None if data is None else _read(request, data)

    def take(self, request: str) -> bool:
        """Say that a request is carried out from now on; return whether it is, for it may just have been withdrawn.

        Raises:
            StoreError: it cannot be said; the next ``look`` returns it again.
        """
        reject_symlinks(self.directory)
        taken = self._path(request, _TAKEN)
        try:
            write_new(taken, b"")
        except StoreError:
            self._seen = -1
            raise
        if self.is_left(request):
            return True
        self._remove(taken)
        return False

    def answer(self, request: str, reply: Reply) -> None:
        """Answer; only once what was asked for is durable. In this order, so that a crash between them answers twice
        and carries out once.
        """
        reject_symlinks(self.directory)
        atomic_write(self._path(request, _ANSWER), json.dumps(reply._asdict()).encode())
        with suppress(StoreError):  # what is answered does not count any more
            for kind in (_REQUEST, _TAKEN):
                self._remove(self._path(request, kind))

    def sweep(self) -> None:
        """Remove answers that were not collected. Only with the lock held."""
        try:
            with os.scandir(self.directory) as entries:
                old = [
                    entry.path
                    for entry in entries
                    if not entry.name.endswith(_REQUEST)
                    and time.time() - entry.stat(follow_symlinks=False).st_mtime > _FORGOTTEN
                ]
        except OSError:
            return  # there is none, or a user is just removing it
        for path in old:
            with suppress(StoreError):
                self._remove(path)

    def _remove(self, path: str) -> None:
        if os.path.islink(self.directory):
            return  # what lies behind it is not ours
        try:
            os.unlink(path)
        except OSError as error:
            # A directory of that name is no user's request; it stays, and keeps no run from its work.
            if not isinstance(error, FileNotFoundError) and not os.path.isdir(path):
                raise StoreError(f"cannot remove: {error.strerror}", where=path) from error

    def _path(self, request: str, kind: str) -> str:
        return f"{self.directory}/{request}{kind}"


def new_id(timestamp: float) -> str:
    """Return the id of a request that is made at *timestamp*, seconds since the epoch."""
    return f"{int(timestamp * 1e6):017d}-{os.urandom(6).hex()}"


def _read(request: str, data: bytes) -> TaskCommand | None:
    """Agents may write here: what does not look like ours is none."""
    try:
        raw: dict[str, Any] = json.loads(data)
        progress = raw["progress"]
        command = TaskCommand(
            verb=Verb(raw["verb"]),
            task=str(raw["task"]),
            by=str(raw["by"]),
            time=float(raw["time"]),
            id=request,
            note=str(raw["note"]),
            answer=str(raw["answer"]),
            progress=None if progress is None else min(max(int(progress), 0), 100),
            run=str(raw["run"]),
        )
        f"{command.note}{command.answer}".encode()
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        return None
    is_named = TASK_ID.fullmatch(command.task) or command.is_claim
    is_ours = is_named and is_name(command.by) and command.verb in {*COMMANDS, Verb.LAUNCH}
    return command if is_ours and 0 <= command.time < 253_402_300_800 else None
