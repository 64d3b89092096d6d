"""Asks a program one small question: what it prints, within a time, a size, and a session of its own."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from orchestrator.core.finding import Probe
from orchestrator.executors.spawn import advice

#: Bytes read of each stream of most; a program that prints more is ended.
LIMIT = 64 * 1024
#: Bytes read of a file that is no program; an installer that did not finish leaves its excuse in 500 of them.
_HEAD = 4096


def ask(
    argv: Sequence[str], env: Mapping[str, str], *, timeout: float = 10.0, limit: int = LIMIT, cwd: str | None = None
) -> Probe:
    """Run a program without input; after *timeout* seconds it is ended with its whole group.

    Nothing that the program is or does raises an error: it becomes part of the answer. A program that prints more than
    *limit* bytes gave no answer, even if it has ended by then: a caller could take a part for the whole and write it
    back.
    """
    try:
        process = subprocess.Popen(
            argv,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            cwd=cwd,
        )
    except OSError as error:
        head = _head(argv[0]) if error.errno == errno.ENOEXEC else ""
        return Probe(trouble=error.strerror or str(error), advice=advice(error), head=head)
    with process:
        until = time.monotonic() + timeout
        printed = _read(process, until, limit)
        is_full = any(len(each) > limit for each in printed)
        code, trouble = None, f"it printed more than {limit // 1024} KiB" if is_full else ""
        try:
            code = process.wait(0 if is_full else max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            trouble = trouble or f"no answer within {timeout:g}s"
            # Not reaped yet, so the number is still its own and that of its group.
            os.killpg(process.pid, signal.SIGKILL)
    stdout, stderr = (each[:limit].decode(errors="replace") for each in printed)
    return Probe(code=None if is_full else code, stdout=stdout, stderr=stderr, trouble=trouble)


def _read(process: subprocess.Popen[bytes], until: float, limit: int) -> list[bytearray]:
    """Read both streams until they end, or one is too long, or the time is over on the monotonic clock.

    The end of the process ends them too: a process that it left behind may hold them open for ever.
    """
    streams = [each.fileno() for each in (process.stdout, process.stderr) if each is not None]
    printed = {stream: bytearray() for stream in streams}
    end = _end_of(process)
    with selectors.DefaultSelector() as waiting:
        for descriptor in (*streams, *end):
            waiting.register(descriptor, selectors.EVENT_READ)
        left = set(streams)
        while left and all(len(each) <= limit for each in printed.values()):
            ready = {key.fd for key, _ in waiting.select(max(0.0, until - time.monotonic()))}
            if not ready & left:
                break  # late, or ended with nothing left to read
            for stream in ready & left:
                data = os.read(stream, LIMIT)
                printed[stream] += data
                if not data:
                    left.remove(stream)
                    waiting.unregister(stream)
    for descriptor in end:
        os.close(descriptor)
    return [printed[stream] for stream in streams]


def _end_of(process: subprocess.Popen[bytes]) -> tuple[int, ...]:
    """Return a descriptor that becomes readable when the process ends, where the system has such a thing."""
    try:
        return (os.pidfd_open(process.pid),)
    except (AttributeError, OSError):
        return ()


def _head(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(_HEAD).decode(errors="replace")
    except OSError:
        return ""
