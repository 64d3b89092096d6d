"""Notifies a program: the message is on its standard input; the same as JSON, and its parts, are in the environment.

There is no shell, unless the user names one: ``command: sh -c '…'``. The program runs in its own session, so that it
can be ended together with all that it started. It carries the marks of its run: if the run is killed meanwhile, the
next run finds the program.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from orchestrator.core.notification import Notice
from orchestrator.core.text import one_line
from orchestrator.notifiers.payload import as_json
from orchestrator.notifiers.protocol import NotifyError

#: Seconds a program may take.
TIMEOUT = 10.0
#: Bytes shown of what it complained about.
_TAIL = 4096


class CommandNotifier:
    """Starts a program for each notice."""

    def __init__(
        self,
        words: Sequence[str],
        directory: str,
        env: Mapping[str, str],
        timeout: float = TIMEOUT,
        kill: Callable[[int], None] = lambda _pid: None,
    ) -> None:
        """Take the words of the command and the plan directory, in which it runs.

        Args:
            words: The program and its arguments; a path in them counts from *directory*.
            directory: The plan directory.
            env: The environment to add to.
            timeout: Seconds it may take.
            kill: Ends a process with all that descends from it, also in sessions of their own.
        """
        self._kill = kill
        self._words, self._directory, self._timeout = list(words), directory, timeout
        self._env = env
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_closed = False

    def send(self, notice: Notice, *more: str) -> None:
        """Run the program to its end, with *more* arguments after its own."""
        with tempfile.TemporaryFile() as message, tempfile.TemporaryFile() as errors:
            message.write(f"{notice.message}\n".encode())
            message.seek(0)
            process = self._start([*self._words, *more], notice, message, errors)
            try:
                status = process.wait(self._timeout)
            except subprocess.TimeoutExpired:
                self._end(process)
                process.wait()
                raise NotifyError(f"took longer than {self._timeout:g}s, and was ended") from None
            finally:
                with self._lock:
                    self._process = None
            if status:
                raise NotifyError(_complaint(status, errors))

    def close(self) -> None:
        """End the program, if it runs."""
        with self._lock:
            self._is_closed, process = True, self._process
        if process is not None:
            self._end(process)

    def _start(
        self, words: Sequence[str], notice: Notice, message: IO[bytes], errors: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._is_closed:
                raise NotifyError("closed")
            try:
                self._process = subprocess.Popen(
                    words,
                    cwd=self._directory,
                    env=self._environment(notice),
                    stdin=message,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                why = error.strerror if isinstance(error, OSError) else str(error)
                program = one_line(words[0], 60)
                raise NotifyError(f"cannot start {program}: {why}") from error
            return self._process

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        try:
            # It is not reaped before its status is read, so the number is still that of its group.
            if process.returncode is None:
                self._kill(process.pid)
                os.killpg(process.pid, signal.SIGKILL)  # what lost its parents is here, too
        except (ProcessLookupError, PermissionError):
            return  # it has ended meanwhile

    def _environment(self, notice: Notice) -> dict[str, str]:
        return {
            **self._env,
            "ORCHESTRATOR_DIR": self._directory,
            "ORCHESTRATOR_RUN_ID": notice.run,
            "ORCHESTRATOR_NOTICE": json.dumps(as_json(notice), ensure_ascii=False),
            "ORCHESTRATOR_NOTICE_KIND": notice.topic.value,
            "ORCHESTRATOR_NOTICE_PLAN": notice.plan,
            "ORCHESTRATOR_NOTICE_TASK": notice.task,
        }


def _complaint(status: int, errors: IO[bytes]) -> str:
    how = f"exit {status}" if status > 0 else f"signal {-status}"
    errors.seek(max(0, errors.seek(0, os.SEEK_END) - _TAIL))
    said = one_line(errors.read().decode(errors="replace"), 120)
    return f"{how}: {said}" if said else how
