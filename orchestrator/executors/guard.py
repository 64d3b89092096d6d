"""The process that starts every agent of a run and outlives the runner just long enough.

A program of its own: ``local.py`` starts it with ``python -I -S`` and one end of a socket pair. It imports nothing but
a little of the standard library, its neighbours ``exit_record``, ``process_tree``, ``spawn`` and ``watchdog``, and
``ownership``, and has one thread. What ``local.py`` started stays behind as its parent and watchdog.

Messages are JSON, one per line::

    runner → guard   {"inherit": [keep, unset]}   {"start": {…a job…}}   {"stop": key, "reason": …, "grace": s}
                     {"close": s}
    guard → runner   {"key": …, "pid": …}   {"key": …, "record": {…}, "unwritten": why}   {"heard": key of a stop}
                     {"crash": why}

End of file from the runner means that it died: every tree is ended and its record written and synced.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time

from orchestrator.executors import process_tree
from orchestrator.executors.exit_record import REPLACED, SCHEMA, is_replaced, measure, write_record
from orchestrator.executors.process_tree import GRACE, HARD_LIMIT, TICK, Groups, TrackedJob, Trees
from orchestrator.executors.spawn import Spawner, SpawnError
from orchestrator.executors.watchdog import fork_guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_CHUNK = 64 * 1024
#: Bytes taken from the runner before the guard looks after its children again.
_FAIR = 1024 * 1024


class Guard:
    """One loop over three things: ended children, the runner's messages, times to kill."""

    def __init__(self, fd: int) -> None:
        os.set_blocking(fd, False)  # takes no keyword
        self._fd = fd
        self._in = b""
        self._out = bytearray()
        self._attempts: dict[str, TrackedJob] = {}
        self._mains: dict[int, TrackedJob] = {}
        self._ending: dict[str, TrackedJob] = {}
        self._is_orphan = False
        self._give_up: float | None = None
        """When to exit although some processes still live; None: the guard is not to exit."""
        self._spawner = Spawner()
        self._trees: Trees | Groups = Trees() if process_tree.set_subreaper() else Groups()
        self._woken, wake = os.pipe()
        for end in (self._woken, wake):
            os.set_blocking(end, False)  # takes no keyword
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, self._on_child)
        self._child_ended = True

    def _on_child(self, number: int, frame: object) -> None:
        self._child_ended = True

    def run(self) -> None:
        """Serve until the runner closes the socket or asks to close, and everything has ended."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        poll.register(self._fd, select.POLLIN)
        listens_for = select.POLLIN
        while True:
            self._look_after()
            if self._give_up is not None:
                if not self._attempts and self._ends_strangers():
                    self._flush()
                    return
                if time.monotonic() >= self._give_up:
                    self._abandon()
                    return
            self._flush()
            events = (0 if self._is_orphan else select.POLLIN) | (select.POLLOUT * bool(self._out))
            if events != listens_for:
                listens_for = events
                if events:
                    poll.register(self._fd, events)
                else:
                    poll.unregister(self._fd)
            for fd, happened in poll.poll(self._patience()):
                if fd == self._woken:
                    os.read(self._woken, 4096)
                elif happened & ~select.POLLOUT:
                    self._receive()

    def _patience(self) -> int | None:
        """How long to wait for news, in milliseconds."""
        if not self._ending and self._give_up is None:
            return None
        now = time.monotonic()
        kill_times = [one.kill_at for one in self._ending.values() if one.kill_at is not None]
        due = min([now + TICK, *(one for one in kill_times if one > now)])
        return int((due - now) * 1000) + 1

    # ── the runner ────────────────────────────────────────────────────────────────────────────────────────────────

    def _receive(self) -> None:
        chunks = [self._in]
        size, is_over = 0, False
        while size < _FAIR:
            try:
                chunk = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                break
            except OSError:
                chunk = b""
            if not chunk:
                is_over = True
                break
            chunks.append(chunk)
            size += len(chunk)
        *lines, self._in = b"".join(chunks).split(b"\n")
        if is_over:
            # The runner died: that comes first. Jobs that it had still asked for are left to the next run.
            self._orphaned()
            return
        for line in lines:
            self._obey(json.loads(line.decode()))  # of bytes it would guess the encoding first
            if self._child_ended:
                self._look_after()
                self._flush()

    def _obey(self, message: Mapping[str, Any]) -> None:
        if "start" in message:
            self._start(message["start"])
        elif "inherit" in message:
            self._spawner.inherit(*message["inherit"])
        elif "stop" in message:
            self._say({"heard": message["stop"]})
            attempt = self._attempts.get(message["stop"])
            if attempt is not None:
                self._reap()
                self._stop(attempt, message["reason"], message["grace"])
        else:
            self._stop_all("shutdown", message["close"])

    def _is_deserted(self) -> bool:
        """Say whether the runner is gone, even if its end of file was not read yet."""
        poll = select.poll()
        poll.register(self._fd, 0)
        return self._is_orphan or bool(poll.poll(0))

    def _orphaned(self) -> None:
        self._is_orphan = True
        self._out.clear()
        self._stop_all("orphaned", GRACE)

    def _stop_all(self, reason: str, grace: float) -> None:
        self._reap()
        for attempt in self._attempts.values():
            self._stop(attempt, reason, grace)
        limit = time.monotonic() + grace + HARD_LIMIT
        self._give_up = limit if self._give_up is None else min(limit, self._give_up)

    def _say(self, message: Mapping[str, Any]) -> None:
        if not self._is_orphan:
            self._out += json.dumps(message).encode() + b"\n"

    def _flush(self) -> None:
        # Never waits: a runner that is frozen must not keep its agents from being looked after.
        while self._out:
            try:
                del self._out[: os.write(self._fd, self._out)]
            except BlockingIOError:
                return
            except OSError:
                self._out.clear()  # reading will tell that the runner is gone

    # ── attempts ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, job: Mapping[str, Any]) -> None:
        attempt = TrackedJob(job, 0, time.time(), time.monotonic())
        try:
            attempt.pid, attempt.log = self._spawner.spawn(job), self._spawner.log
        except SpawnError as error:
            self._finish(attempt, str(error), error)
            return
        self._attempts[attempt.key] = self._mains[attempt.pid] = attempt
        self._say({"key": attempt.key, "pid": attempt.pid})
        if self._give_up is not None:
            self._stop(attempt, "shutdown", 0)

    def _stop(self, attempt: TrackedJob, reason: str, grace: float) -> None:
        if attempt.wait_status is None and attempt.stopped is None:
            attempt.stopped = reason
        self._set_kill_time(attempt, time.monotonic() + grace)

    def _set_kill_time(self, attempt: TrackedJob, kill_at: float) -> None:
        if attempt.kill_at is None or kill_at < attempt.kill_at:
            attempt.kill_at = kill_at
            attempt.look = 0.0
        self._ending[attempt.key] = attempt

    def _look_after(self) -> None:
        if self._child_ended:
            self._child_ended = False
            self._reap()
        if self._ending:
            self._settle()

    def _reap(self) -> None:
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            self._trees.forget(pid)
            attempt = self._mains.pop(pid, None)
            if attempt is not None:
                attempt.wait_status, attempt.usage = status, usage
                if status == signal.SIGKILL and attempt.stopped is None and self._is_deserted():
                    attempt.stopped = "orphaned"  # by the watchdog, while we were frozen
                attempt.ended = time.time()
                attempt.duration = time.monotonic() - attempt.clock
                self._set_kill_time(attempt, time.monotonic() + GRACE)

    def _settle(self) -> None:
        """Finish the attempts of which nothing is left, and press the others to end."""
        if not self._trees.orphans(self._mains):
            for one in [one for one in self._ending.values() if self._has_ended(one)]:
                self._finish(one)
            if not self._ending:
                return
        now = time.monotonic()
        # An agent that was asked to end is not looked at again for everything that ends beside it.
        due = [one for one in self._ending.values() if one.wait_status is not None or now >= one.look]
        running = [one for one in self._attempts.values() if one.wait_status is None]
        grown = self._trees.grow(due, running, self._mains)
        for key, tree in grown.items():
            one = self._ending[key]
            if not tree and one.wait_status is not None:
                self._finish(one)
            elif one.kill_at is not None:
                one.look = min(now + TICK, one.kill_at) if now < one.kill_at else now + TICK
                self._trees.end(one, tree, force=now >= one.kill_at)

    def _has_ended(self, attempt: TrackedJob) -> bool:
        # Where the guard does not inherit orphans, having none proves nothing.
        return attempt.wait_status is not None and isinstance(self._trees, Trees)

    def _finish(self, attempt: TrackedJob, error: str = "", why: SpawnError | None = None) -> None:
        self._attempts.pop(attempt.key, None)
        self._ending.pop(attempt.key, None)
        code = None if attempt.wait_status is None else os.waitstatus_to_exitcode(attempt.wait_status)
        usage, job = attempt.usage, attempt.job
        size, digest = measure(job["stdout"], sync=self._is_orphan)
        if not error and is_replaced(job["stdout"], attempt.log):
            error = REPLACED
        record = {
            "key": attempt.key,
            "pid": attempt.pid,
            "exit": code if code is not None and code >= 0 else None,
            "signal": -code if code is not None and code < 0 else None,
            "stopped": attempt.stopped,
            "error": error,
            "is_ours": why is not None and why.is_ours,
            "is_passing": why is not None and why.is_passing,
            "started": attempt.started,
            "ended": attempt.ended or time.time(),
            "duration": attempt.duration,
            # Kilobytes everywhere but on macOS. On Linux the value is never below that of the guard itself, 12 MB.
            "max_rss": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) if usage else 0,
            "cpu": usage.ru_utime + usage.ru_stime if usage else 0.0,
            "log_bytes": size,
            "log_sha256": digest,
        }
        whole = {"schema": SCHEMA, **job["facts"], **record}
        failure = write_record(job["record"], whole, sync=self._is_orphan)
        self._say({"key": attempt.key, "record": record, "unwritten": failure})

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _ends_strangers(self) -> bool:
        """Kill what belongs to no attempt; True when nothing is left."""
        strangers = self._trees.orphans(self._mains)
        if strangers:
            process_tree.kill_trees(strangers)
            self._reap()
        return not strangers

    def _abandon(self) -> None:
        """Write the records of attempts of which something even survives SIGKILL."""
        for attempt in list(self._attempts.values()):
            self._finish(attempt, "" if attempt.wait_status is not None else "it could not be ended")
        self._flush()

    def crash(self, error: BaseException) -> None:
        """After an error of our own: say it, and leave nothing behind."""
        self._out[:] = b"" if self._is_orphan else _last_words(error)
        self._flush()
        while pids := [*self._mains, *self._trees.orphans(self._mains)]:
            process_tree.kill_trees(pids)
            pid, _ = os.wait()
            self._mains.pop(pid, None)


def _last_words(error: BaseException) -> bytes:
    """Return the message about a crash of the guard. It imports nothing: there may be no descriptor left."""
    why = " ".join(f"{type(error).__name__}: {error}".split())
    return json.dumps({"crash": why}).encode() + b"\n"


def main(arguments: Sequence[str]) -> None:
    """Serve the socket whose descriptor is the first argument and keep those of the others open until the end.

    There are two of us afterwards, the guard and its watchdog; both hold what is to be kept open.
    """
    for argument in arguments:
        os.set_inheritable(int(argument), False)  # noqa: FBT003  # takes no keyword
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    runner = int(arguments[0])
    try:
        fork_guard(runner)
        guard = Guard(runner)
    except BaseException as error:
        os.write(runner, _last_words(error))
        raise
    try:
        guard.run()
    except BaseException as error:
        guard.crash(error)
        raise
    # Nothing is open but descriptors: taking Python down in order would keep the runner 5 ms.
    os._exit(0)
