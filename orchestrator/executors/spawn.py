"""Start one process cheaply. It inherits nothing that it is not given.

``posix_spawn`` does not copy the page tables of the calling process, so it costs half as much as fork and exec
(decision 0003). Only the standard library is imported here, because the guard uses this module.
"""

from __future__ import annotations

import errno
import os
import signal
import stat

from orchestrator.executors.exit_record import identity, open_log

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any


#: Shortages of the system that may pass: a limit on processes is met by the last one to start, without any fault of it.
_PASSING = frozenset({errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ETXTBSY, errno.EINTR})


class SpawnError(Exception):
    """Nothing was started; the text says why, for people.

    ``is_ours``: because our files could not be opened. ``is_passing``: the same may work a moment later.
    """

    def __init__(self, text: str, *, is_ours: bool = False, is_passing: bool = False) -> None:
        """Say why, and whose fault it is."""
        super().__init__(text)
        self.is_ours = is_ours
        self.is_passing = is_passing


class Spawner:
    """What every job of one guard has in common, prepared once."""

    def __init__(self) -> None:
        self._inherited: list[Mapping[bytes, bytes]] = []
        self._null = os.open(os.devnull, os.O_RDWR)
        self._home, self._homeless = _open_home()
        self.log: tuple[int, int] | None = None
        """Which file the log of the newest job is."""
        # A signal that is ignored stays ignored across exec. Python ignores SIGPIPE, the guard ignores some more.
        self._defaults = [number for number in signal.valid_signals() if signal.getsignal(number) is signal.SIG_IGN]

    def inherit(self, keep: Sequence[str], unset: Sequence[str]) -> None:
        """Prepare what jobs may inherit of our environment; they name it by its number, the first one is 0."""
        self._inherited.append(
            {name: value for name, value in os.environb.items() if inherits(os.fsdecode(name), keep, unset)}
        )

    def spawn(self, job: Mapping[str, Any]) -> int:
        """Start the process of a job in a session of its own and give its pid.

        Raises:
            SpawnError: it could not be started.
        """
        opened: list[int] = []
        try:
            environment = dict(self._inherited[job["inherits"]])
            for name, value in job["env"].items():
                environment[os.fsencode(name)] = os.fsencode(value)
            self._enter(job["cwd"])
            files = self._open(job, opened)
            return self._start(job["argv"], environment, files)
        except ValueError as error:
            # A NUL or half a character in a word, an equals sign in a variable's name.
            raise SpawnError(f"cannot start {job['argv'][0]!r}: {error}") from error
        finally:
            for fd in opened:
                os.close(fd)

    def _enter(self, directory: str) -> None:
        # The spawning process goes there itself: posix_spawn knows no working directory.
        try:
            if directory:
                os.chdir(directory)
            elif self._homeless is not None:
                raise self._homeless
            else:
                os.fchdir(self._home)
        except OSError as error:
            raise SpawnError(f"cannot start in {directory!r}: {error.strerror}") from error

    def _open(self, job: Mapping[str, Any], opened: list[int]) -> Sequence[tuple[int, int, int]]:
        stdin, stdout, stderr = job["stdin"], job["stdout"], job["stderr"]
        self.log = None
        fds = [self._null, self._null, self._null]
        try:
            if stdin:
                fds[0] = _open_input(stdin)
                opened.append(fds[0])
            if stdout:
                fds[1] = open_log(stdout)
                opened.append(fds[1])
                self.log = identity(os.fstat(fds[1]))
            if stderr == stdout:
                fds[2] = fds[1]
            elif stderr:
                fds[2] = open_log(stderr)
                opened.append(fds[2])
        except OSError as error:
            text = f"cannot open {error.filename!r}: {error.strerror}"
            raise SpawnError(text, is_ours=True) from error
        return [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(fds)]

    def _start(
        self, argv: Sequence[str], environment: Mapping[bytes, bytes], files: Sequence[tuple[int, int, int]]
    ) -> int:
        program = argv[0]
        try:
            path = find_program(program, environment.get(b"PATH"))
            arguments = [os.fsencode(word) for word in argv]
            try:
                return os.posix_spawn(
                    path,
                    arguments,
                    environment,
                    file_actions=files,
                    setsid=True,
                    setsigmask=(),
                    setsigdef=self._defaults,
                )
            except NotImplementedError:
                # A system without POSIX_SPAWN_SETSID: a group of its own, not a session.
                return os.posix_spawn(
                    path,
                    arguments,
                    environment,
                    file_actions=files,
                    setpgroup=0,
                    setsigmask=(),
                    setsigdef=self._defaults,
                )
        except OSError as error:
            text = f"cannot start {program!r}: {error.strerror}"
            raise SpawnError(text, is_passing=error.errno in _PASSING) from error


def _open_home() -> tuple[int, OSError | None]:
    """Open the current directory, of which only jobs that name no other have need; where it is closed, say how."""
    try:
        return os.open(".", getattr(os, "O_PATH", os.O_RDONLY)), None
    except OSError as error:
        return -1, error


def _open_input(path: str) -> int:
    """Open a file for reading; agents may write where it lies, and a pipe would be waited for."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "it is no file", path)
        os.set_blocking(fd, True)  # takes no keyword
    except BaseException:
        os.close(fd)
        raise
    return fd


def inherits(name: str, keep: Sequence[str], unset: Sequence[str]) -> bool:
    """Say whether a process inherits a variable: *keep* names it, exactly or as ``AWS_*``, and *unset* does not."""
    return _is_among(name, keep) and not _is_among(name, unset)


def _is_among(name: str, names: Sequence[str]) -> bool:
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in names)


def find_program(name: str, path: bytes | None) -> bytes:
    """Find a program in the absolute directories of *path*. A name with a slash is returned unchanged.

    Empty and relative entries of PATH are skipped: they mean the working directory, which is not trusted.

    Raises:
        FileNotFoundError: no directory has it.
        PermissionError: some directory has a file of that name that may not be executed; its path is the ``filename``.
    """
    program = os.fsencode(name)
    if b"/" in program:
        return program
    error: OSError = FileNotFoundError(2, os.strerror(2), name)
    for directory in (os.fsencode(os.defpath) if path is None else path).split(b":"):
        if not directory.startswith(b"/"):
            continue
        candidate = directory + b"/" + program
        if os.access(candidate, os.X_OK):
            if os.path.isfile(candidate):
                return candidate
        elif os.path.isfile(candidate) and isinstance(error, FileNotFoundError):
            error = PermissionError(13, os.strerror(13), os.fsdecode(candidate))
    raise error


# ── shortage ────────
#
# What the system was short of when a process was to be started, and what to do about it.

_MORE_PROCESSES = "run it again with less running beside it, or with more allowed (`ulimit -u`)"
_ADVICE = {
    errno.EAGAIN: _MORE_PROCESSES,
    errno.ENOMEM: _MORE_PROCESSES,
    errno.EMFILE: "run it again with more open files allowed (`ulimit -n`)",
    errno.ENFILE: "run it again with less running beside it: the whole system has too many open files",
}


def advice(error: OSError) -> str:
    """Return what to do; empty where the system was not short of anything."""
    return _ADVICE.get(error.errno or 0, "")
