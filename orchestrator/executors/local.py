"""Runs jobs as processes of this machine, through a guard that outlives the runner just long enough.

The runner starts one guard per run and talks to it over a socket pair. If the guard dies, its watchdog ends the agents,
and the runner reports it. If the watchdog has died too, the runner inherits the agents and ends them itself.
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import anyio
import anyio.lowlevel

from orchestrator.core.result import ProcessExit, StopReason
from orchestrator.errors import ExecutorError
from orchestrator.executors import process_tree
from orchestrator.executors.exit_record import SCHEMA, read_record, run_inline, write_exit, write_record
from orchestrator.executors.protocol import Batches, Done, Job, News, ProcessStarted
from orchestrator.executors.reaper import PATIENCE, end_orphans
from orchestrator.executors.spawn import advice

#: Seconds that agents get between SIGTERM and SIGKILL when the executor is left while they run.
GRACE = 2.0
#: Seconds in which a guard has to confirm a stop; one that does not counts as stuck. A slow disk may take so long.
ANSWERS_WITHIN = 60
#: Stands in the environment of the guard and of everything below it, with a value of its own for each guard.
MARK = "ORCHESTRATOR_GUARD"

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
#: The guard gets neither ``site`` nor the caller's module path; as a module it comes from the byte code cache, which
#: saves the 10 ms of compiling a script.
BOOTSTRAP = (
    "import sys; sys.path.append(sys.argv[1]); from orchestrator.executors.guard import main; main(sys.argv[2:])"
)
_CHUNK = 64 * 1024


class LocalExecutor:
    """Runs every job as a process of this machine; those without ``argv`` need none and are done at once.

    Args:
        keep_fds: Descriptors that the guard keeps open as long as it lives: the lock of the plan is free only when
            runner and guard are both gone. Agents never get them.
    """

    def __init__(self, keep_fds: Sequence[int] = ()) -> None:
        self._keep_fds = tuple(keep_fds)
        self._token = os.urandom(16).hex()
        self._guard: subprocess.Popen[bytes] | None = None
        """What was started: the watchdog, or the guard itself where there is none."""
        self._socket: socket.socket | None = None
        self._in = b""
        self._out = bytearray()
        self._environments: dict[tuple[tuple[str, ...], tuple[str, ...]], int] = {}
        self._jobs: dict[str, Job] = {}
        self._pids: dict[str, int] = {}
        self._known: list[News] = []
        self._crash = ""
        self._error: ExecutorError | None = None
        self._is_closing = False
        self._unheard: set[str] = set()
        """Jobs to be stopped, for which the guard has not confirmed the request."""
        self._silence = 0
        """Seconds that it has not; those in which we were frozen ourselves count as one."""
        self._reading: anyio.Lock
        self._wait: anyio.CancelScope | None = None

    # ── the protocol ──────────────────────────────────────────────────────────────────────────────────────────────

    def opened(self) -> AbstractAsyncContextManager[None]:
        """Start the guard, at once; on leaving, end everything that still runs, and the guard."""
        self._open()
        return self._held()

    @asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        # Not sooner: outside of an event loop a lock loads asyncio, 15 ms, in which the guard is starting now.
        self._reading = anyio.Lock(fast_acquire=True)
        try:
            yield
        finally:
            with anyio.CancelScope(shield=True):
                await self._close()

    def start(self, job: Job) -> None:
        """Hand a job to the guard. What the socket does not take yet follows while a user waits for the news."""
        if job.key in self._jobs:
            raise ValueError(f"{job.key!r} runs already")
        if not job.argv:
            self._tell(Done(job.key, run_inline(job)))
        elif self._guard is None or self._is_closing or self._error is not None:
            self._tell(Done(job.key, self._lost(job)))
        else:
            self._jobs[job.key] = job
            self._send({"start": _as_message(job, self._environment(job))})

    def stop(self, key: str, reason: StopReason, grace: float) -> None:
        """Tell the guard to end a job."""
        if key in self._jobs:
            self._send({"stop": key, "reason": reason.value, "grace": grace})
            self._unheard.add(key)
            self._wake()  # so that a caller that waits for news also waits for the answer

    def news(self) -> AsyncIterator[Sequence[News]]:
        """Yield what happened."""
        return Batches(self._next_batch)

    async def _next_batch(self) -> Sequence[News]:
        """Wait for news; none are left: the executor is closed.

        Raises:
            ExecutorError: the guard died.
        """
        if self._known:
            await anyio.lowlevel.checkpoint()
        while not self._known:
            if self._error is not None:
                raise self._error
            if self._is_closing or self._guard is None or self._socket is None:
                return ()
            await self._listen(self._guard, self._socket)
        batch, self._known = self._known, []
        return batch

    # ── the guard ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self) -> None:
        if os.name != "posix":
            raise ExecutorError(
                "processes cannot be run on this system", hint="use Linux, macOS, or the Windows Subsystem for Linux"
            )
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            raise _no_guard(error) from error
        fds = (theirs.fileno(), *self._keep_fds)
        try:
            self._guard = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", BOOTSTRAP, _ROOT, *map(str, fds)],
                env={**os.environ, MARK: self._token},
                pass_fds=fds,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except OSError as error:
            ours.close()
            raise _no_guard(error) from error
        finally:
            theirs.close()
        ours.settimeout(0)
        self._socket = ours
        process_tree.set_subreaper()

    async def _close(self) -> None:
        self._is_closing = True
        self._wake()
        if self._guard is None or self._socket is None:
            return
        self._send({"close": GRACE})
        with anyio.move_on_after(GRACE + PATIENCE):
            while self._guard.returncode is None:
                await self._listen(self._guard, self._socket)
        if self._guard.returncode is None:
            self._guard.kill()
            await self._bury(self._guard)
        self._socket.close()
        process_tree.set_subreaper(on=False)

    def _tell(self, *news: News) -> None:
        self._known.extend(news)
        self._wake()

    def _wake(self) -> None:
        if self._wait is not None:
            self._wait.cancel()

    # ── the socket ────────────────────────────────────────────────────────────────────────────────────────────────

    def _environment(self, job: Job) -> int:
        """Return the number of a job's inherited variables. Nearly all jobs of a run have the same, sent only once."""
        inherited = (tuple(job.keep), tuple(job.unset))
        if inherited not in self._environments:
            self._environments[inherited] = len(self._environments)
            self._send({"inherit": inherited})
        return self._environments[inherited]

    def _send(self, message: dict[str, Any]) -> None:
        waiting = bool(self._out)
        self._out += json.dumps(message).encode() + b"\n"
        if not waiting:
            self._flush()
            if self._out:
                self._wake()  # so that a caller that waits for news also waits for room

    def _flush(self) -> None:
        if self._socket is None:
            return
        try:
            while self._out:
                del self._out[: self._socket.send(self._out)]
        except BlockingIOError:
            return
        except OSError:
            self._out.clear()  # the guard is dead, which reading tells

    async def _listen(self, guard: subprocess.Popen[bytes], connection: socket.socket) -> None:
        """Wait for the guard to say something and take it in; return early when there is something else to do."""
        was_closing = self._is_closing
        async with self._reading:
            if guard.returncode is not None:
                return
            if not was_closing and (self._known or self._is_closing):
                return
            limit = anyio.current_time() + 1 if self._unheard else math.inf
            if self._out:
                await self._wait_for_both(connection, limit)
            else:
                with anyio.move_on_after(limit - anyio.current_time()) as self._wait:
                    await anyio.wait_readable(connection)
            self._wait = None
            is_open = self._receive(connection)
            *lines, self._in = self._in.split(b"\n")
            for line in lines:
                self._take(json.loads(line.decode()))  # of bytes it would guess the encoding first
            if not is_open:
                await self._bury(guard)
            elif self._unheard and anyio.current_time() >= limit:
                self._silence += 1
                if self._silence >= ANSWERS_WITHIN:
                    self._crash = "it does not answer"
                    guard.kill()
                    await self._bury(guard)

    async def _wait_for_both(self, connection: socket.socket, limit: float) -> None:
        async def write() -> None:
            while self._out:
                await anyio.wait_writable(connection)
                self._flush()

        patience = limit - anyio.current_time()
        with anyio.move_on_after(patience) as self._wait:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(write)
                await anyio.wait_readable(connection)
                tasks.cancel_scope.cancel()

    def _receive(self, connection: socket.socket) -> bool:
        """Take what lies in the socket; False: the other end is closed."""
        try:
            while True:
                chunk = connection.recv(_CHUNK)
                self._in += chunk
                if len(chunk) < _CHUNK:
                    return bool(chunk)
        except BlockingIOError:
            return True
        except OSError:
            return False

    def _take(self, message: dict[str, Any]) -> None:
        if "record" in message:
            key = message["key"]
            self._pids.pop(key, None)
            if (job := self._jobs.pop(key, None)) is not None:
                self._known.append(Done(key, _recorded(job, message)))
        elif "pid" in message:
            self._pids[message["key"]] = message["pid"]
            self._known.append(ProcessStarted(message["key"], message["pid"]))
        elif "heard" in message:
            self._unheard.discard(message["heard"])
            self._silence = 0
        else:
            self._crash = message["crash"]

    # ── when the guard is gone ────────────────────────────────────────────────────────────────────────────────────

    async def _bury(self, guard: subprocess.Popen[bytes]) -> None:
        """Reap the guard. Unless it left in order, do what it left undone: end every tree, account for every job."""
        with anyio.CancelScope(shield=True):
            # The watchdog of a guard that was killed ends its trees first. The socket closes when both are gone.
            code = guard.wait()
            if code == 0 and self._is_closing:
                return
            await end_orphans(f"{MARK}={self._token}", self._pids.values())
            lost = [Done(key, self._lost(job)) for key, job in self._jobs.items()]
            self._known.extend(lost)
            self._jobs.clear()
            self._pids.clear()
            number = -code if code < 0 else code - 128
            how = f"signal {number}" if number > 0 else f"exit {code}"
            self._error = ExecutorError(
                f"the guard died ({self._crash or how}); its {len(lost)} agents were ended",
                hint="run it again: attempts that were cut short are not charged",
            )

    def _lost(self, job: Job) -> ProcessExit:
        """Return how a job ended whose guard died: by its record if there is one, else that the guard died."""
        record = read_record(job.record) if job.record else None
        # A late one of another run, or an agent's own: run, task and number are the fencing token.
        token = {**job.facts, "key": job.key}
        if record is not None and all(record.get(name) == each for name, each in token.items()):
            try:
                return ProcessExit.of_record(record)
            except ValueError:
                record = None  # no guard wrote it
        pid = self._pids.get(job.key, 0)
        lost = ProcessExit(stopped=StopReason.ORPHANED, error="the guard died", pid=pid)
        return write_exit(job, lost, sync=True)


def _no_guard(error: OSError) -> ExecutorError:
    return ExecutorError(f"the guard cannot be started: {error.strerror}", hint=advice(error))


def _recorded(job: Job, message: dict[str, Any]) -> ProcessExit:
    """How a job ended. What the guard could not write down is written here: its finished work was paid for."""
    exit = ProcessExit.of_record(message["record"])
    if not message["unwritten"]:
        return exit
    whole = {"schema": SCHEMA, **job.facts, **message["record"]}
    failure = write_record(job.record, whole)
    return exit._replace(error=failure, is_ours=True) if failure else exit


def _as_message(job: Job, environment: int) -> dict[str, Any]:
    return {
        "key": job.key,
        "argv": job.argv,
        "inherits": environment,
        "env": dict(job.env),
        "cwd": job.cwd,
        "stdin": job.stdin,
        "stdout": job.stdout,
        "stderr": job.stderr,
        "record": job.record,
        "facts": dict(job.facts),
    }
