"""Runs ``python -m orchestrator`` while the system refuses one of the calls it makes on the plan directory.

A program of its own: ``python faults.py run DIR`` with the variable ``FAULT`` in the environment (see ``Fault``). The
calls that the package makes on its files are wrapped before it is imported; the one that was asked for fails as the
system would fail it, and everything else is the real thing: files, processes, the guard, which gets the same wrapping
in its own interpreter. Only the standard library is imported here, because the guard has nothing else.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

VARIABLE = "FAULT"
#: The processes that may meet a fault; in no particular one, all calls are only counted.
RUNNER, GUARD, COUNTED = "runner", "guard", ""
#: Stands for an errno: the process is killed at that call.
KILLED = "SIGKILL"

_NAMING = ("os.open", "builtins.open", "os.scandir", "os.listdir")
_ENTRIES = ("os.rename", "os.replace", "os.link", "os.mkdir", "os.unlink")
_WRITING = ("os.write", "os.pwrite", "os.fsync")
_SHORTENING = ("os.ftruncate",)
_LOCKING = ("fcntl.flock",)
_READING = ("os.read", "os.pread")
#: Which calls a system fails with which error. Removing a name, for one, needs no space and no descriptor.
APPLIES = {
    "ENOSPC": frozenset({"os.open", *_WRITING, "os.rename", "os.replace", "os.link", "os.mkdir"}),
    "EIO": frozenset((*_NAMING, *_ENTRIES, *_WRITING, *_SHORTENING, *_READING)),
    "EACCES": frozenset((*_NAMING, *_ENTRIES)),
    "EMFILE": frozenset(_NAMING),
    "ENOLCK": frozenset(_LOCKING),
    KILLED: frozenset((*_ENTRIES, *_WRITING, *_SHORTENING)),
}
_ALL = frozenset().union(*APPLIES.values())


@dataclass(frozen=True)
class Fault:
    """Which call fails, and how. ``at`` counts the calls that such an error can hit, from 1; 0: none fails."""

    root: str
    """Only calls on paths in this directory count."""
    log: str
    """Gets a line for each call there; the one that failed first begins with an exclamation mark."""
    error: str = "EIO"
    at: int = 0
    is_for_good: bool = False
    where: str = COUNTED
    on: str = ""
    """Instead of ``at``: the call and the path, as the log has them; the first such call fails."""

    def encoded(self) -> str:
        """As the variable of the environment has it."""
        return json.dumps(asdict(self))


def hits(calls: Sequence[str], error: str, where: str) -> int:
    """How many of these calls of a process such an error can hit."""
    named = (call.split() for call in calls)
    return sum(role == where and _applies(error, name) for role, name, _ in named)


def _applies(error: str, name: str) -> bool:
    """A disk that is full refuses only what makes a file or makes it longer."""
    is_full = error in {"ENOSPC", KILLED} and name == "os.open"
    return name.removesuffix("+") in APPLIES[error] and not is_full


class _Shim:
    """Counts calls and fails some."""

    def __init__(self, fault: Fault, role: str) -> None:
        self._fault = fault
        self._role = role
        self._count = 0
        self._at = fault.at
        self._torn: set[str] = set()
        self._turn = threading.Lock()
        self._real = {name: _find(name) for name in _ALL}
        self._log = os.open(fault.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)

    def wrap(self, name: str) -> Callable[..., Any]:
        real = self._real[name]

        def called(*given: Any, **named: Any) -> Any:
            path = self._path(given[0] if given else ".")
            if path and self._is_hit(name + "+" * self._creates(name, given), path):
                if name in {"os.write", "os.pwrite"} and self._fault.error == "ENOSPC":
                    return self._tear(real, path, *given)
                self._fail(path)
            return real(*given, **named)

        return called

    def _path(self, file: Any) -> str:
        if isinstance(file, int):
            try:
                path = os.readlink(f"/proc/self/fd/{file}").removesuffix(" (deleted)")
            except OSError:
                return ""
        else:
            path = os.path.abspath(os.fsdecode(file))
        root = self._fault.root
        return path if path == root or path.startswith(f"{root}/") else ""

    @staticmethod
    def _creates(name: str, given: Any) -> bool:
        return name == "os.open" and bool(given[1] & (os.O_CREAT | os.O_TRUNC))

    def _is_hit(self, name: str, path: str) -> bool:
        with self._turn:
            is_meant = self._role == self._fault.where and _applies(self._fault.error, name)
            self._count += is_meant
            shown = os.path.relpath(path, self._fault.root)
            if is_meant and not self._at and f"{name} {shown}" == self._fault.on:
                self._at = self._count
            at = self._at if is_meant else 0
            is_hit = bool(at) and (
                self._count == at
                or (self._fault.is_for_good and self._count > at)
                or (path in self._torn and name in {"os.write", "os.pwrite"})
            )
            mark = "!" if at and self._count == at else ""
            self._real["os.write"](self._log, f"{mark}{self._role} {name} {shown}\n".encode())
            return is_hit

    def _tear(self, real: Callable[..., int], path: str, file: int, data: Any, *at: int) -> int:
        """A disk gets full in the middle of a write: half of it is there, and the next one is refused."""
        if path in self._torn or len(data) < 2:
            self._torn.discard(path)
            self._fail(path)
        self._torn.add(path)
        return real(file, bytes(data)[: len(data) // 2], *at)

    def _fail(self, path: str) -> None:
        if self._fault.error == KILLED:
            os.kill(os.getpid(), signal.SIGKILL)
        number = getattr(errno, self._fault.error)
        raise OSError(number, os.strerror(number), path)


def _find(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(".")
    found: Callable[..., Any] = getattr(_MODULES[module], function)
    return found


_MODULES: dict[str, Any] = {"os": os, "builtins": builtins, "fcntl": fcntl}


def install(role: str) -> None:
    """Wrap the calls when the fault is meant for this process."""
    fault = Fault(**json.loads(os.environ[VARIABLE]))
    if fault.where not in {role, COUNTED}:
        return
    shim = _Shim(fault, role)
    for name in _ALL:
        module, _, function = name.partition(".")
        setattr(_MODULES[module], function, shim.wrap(name))


def main() -> None:
    """Be ``python -m orchestrator``."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.remove(here)
    install(RUNNER)
    from orchestrator.executors import local

    local.BOOTSTRAP = (
        f"import sys; sys.path.append({here!r}); import faults; faults.install(faults.GUARD); " + local.BOOTSTRAP
    )
    from orchestrator.cli.main import main as command

    command()


if __name__ == "__main__":
    main()
