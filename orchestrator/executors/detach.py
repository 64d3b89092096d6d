"""Starts this program once more, as a process that outlives its caller.

The process has its own session, an empty standard input, its output in a file, and inherits no descriptor. A second
fork would add nothing: a session leader without a terminal does not acquire one by itself, and when the caller ends,
``init`` adopts the process.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from orchestrator.ownership import make_directories, open_made

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
#: Not ``-m``, which would look for modules in the current directory first. A package that was not
#: installed but found by other means, as a launcher beside it does, comes first here too: no other version takes over.
_BOOTSTRAP = (
    "import sys; root = sys.argv.pop(1); root in sys.path or sys.path.insert(0, root); "
    "from orchestrator.__main__ import main; main()"
)
#: What is read of the output of a process that ended too soon.
_TAIL = 8 * 1024


def this_program() -> list[str]:
    """Return the command line that starts this very package, from any directory."""
    return [sys.executable, "-P", "-c", _BOOTSTRAP, _ROOT]


def _as_started_by() -> list[str]:
    """Return the same with the way in which we were called, so that its hints name a command that the user can type."""
    called = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    program, *flags, code, root = this_program()
    source = f"import sys; sys.orig_argv = {called!a} + sys.argv[2:]; {code}"
    return [program, *flags, source, root]


class Detached:
    """A process that was started. Until ``publish`` its output is in a file of its own beside *output*.

    So when several are started at the same time, only the output of the one that succeeded gets that name.
    """

    def __init__(self, words: Sequence[str], output: str) -> None:
        """Start the command line with these words.

        Raises:
            OSError: the file for its output cannot be made, or the process cannot be started.
        """
        self._output, self._beside = output, f"{output}.{os.getpid()}"
        make_directories(os.path.dirname(output))
        flags = os.O_WRONLY | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = open_made(self._beside, flags, 0o664)
        try:
            self._process = subprocess.Popen(
                [*_as_started_by(), *words],
                stdin=subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                start_new_session=True,
            )
        finally:
            os.close(descriptor)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def ended(self, within: float) -> int | None:
        """Wait so many seconds for its end; return its exit status, ``128 + n`` for signal *n*, None while it runs."""
        try:
            status = self._process.wait(within)
        except subprocess.TimeoutExpired:
            return None
        return status if status >= 0 else 128 - status

    def publish(self) -> None:
        """Give its output the name that was asked for.

        Raises:
            OSError: the file cannot be renamed.
        """
        os.replace(self._beside, self._output)

    def last_words(self) -> str:
        """Return the end of what it printed."""
        try:
            with open(self._beside, "rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def give_up(self) -> None:
        """Have it end if it has not, as Ctrl-C would; forget its output."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            os.unlink(self._beside)
        except OSError:
            return  # the file stays beside the others and does no harm
