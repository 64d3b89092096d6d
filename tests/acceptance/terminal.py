"""A real terminal, and somebody who answers what is asked on it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.acceptance.orchestrate import Orchestrate
from tests.patience import PATIENCE


@dataclass(frozen=True)
class Seen:
    """How a command on a terminal ended, and everything that came there."""

    returncode: int
    text: str


def type_into(
    orchestrate: Orchestrate, words: Sequence[str], answers: Sequence[tuple[str, str | Callable[[], str]]]
) -> Seen:
    """Call a command on a terminal of its own; type each answer, or what it returns, when what it answers is there."""
    return type_into_program(orchestrate, [sys.executable, "-m", "orchestrator", *words], answers)


def type_into_program(
    orchestrate: Orchestrate, program: Sequence[str], answers: Sequence[tuple[str, str | Callable[[], str]]]
) -> Seen:
    """Do the same with any program."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        program,
        cwd=orchestrate.where,
        env={**orchestrate.environment, "TERM": "xterm", "COLUMNS": "100"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
        preexec_fn=_take_terminal,  # noqa: PLW1509 - a test has one thread
    )
    os.close(terminal)
    seen, at = b"", 0
    waiting = list(answers)
    try:
        while piece := os.read(master, 65536):
            seen += piece
            while waiting and (found := seen.find(waiting[0][0].encode(), at)) >= 0:
                at = found + len(waiting[0][0])
                answer = waiting.pop(0)[1]
                os.write(master, (answer if isinstance(answer, str) else answer()).encode())
    except OSError:
        pass  # so Linux says that nobody has the terminal open any more
    os.close(master)
    assert [] == waiting, seen.decode(errors="replace")
    return Seen(process.wait(timeout=PATIENCE), seen.decode(errors="replace"))


def _take_terminal() -> None:
    """Make it the terminal of the new session, so that Ctrl-C is a signal and not a letter."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
