"""Time whole processes from outside: wall clock, processor time with all children, peak memory."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
#: Seconds between two looks at the memory of everything that runs; a look takes some 0.1 ms.
_LOOK = 0.5


class MeasuringError(Exception):
    """Something that was to be measured did not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What to run, and where. ``piped``: its output is read through a pipe instead of going to a file."""

    argv: Sequence[str]
    cwd: Path
    piped: bool = False
    watched: bool = False
    """Whether to add up the memory of all its processes now and then, which disturbs it a little."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One timed process."""

    wall: float
    """Seconds."""
    cpu: float
    """Seconds, user and system, of the process and of all descendants that were waited for."""
    peak: float
    """MB of the largest single process of them all: of a run, the runner. Not less than this program's own."""
    together: float
    """MB of all of them at the same time, the most that was seen; 0 when nobody looked."""


def python(*arguments: str, cwd: Path, piped: bool = False, watched: bool = False) -> Command:
    """Return a command for the interpreter that runs this."""
    return Command(argv=(sys.executable, *arguments), cwd=cwd, piped=piped, watched=watched)


def orchestrator(*arguments: str, cwd: Path, piped: bool = False, watched: bool = False) -> Command:
    """Return a command of ours."""
    return python("-m", "orchestrator", *arguments, cwd=cwd, piped=piped, watched=watched)


def timed(command: Command) -> Sample:
    """Run a command to its end.

    Raises:
        MeasuringError: it failed; says with what.
    """
    os.sync()  # what others left to be written is not for this one to wait for
    log = command.cwd / "output.log"
    # The same for all: this checkout, no plan directory named from outside, and byte code that may be kept.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("ORCHESTRATOR", "PYTHON", "TM_"))
    }
    environment["PYTHONPATH"] = str(_ROOT)
    with log.open("wb") as output:
        before = time.perf_counter()
        process = subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if command.piped else output,
            stderr=output,
        )
        printed = process.stdout.read() if process.stdout is not None else b""
        together = _watch(process.pid) if command.watched else 0.0
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - before
    if process.stdout is not None:
        process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode or (command.piped and not printed and "pass" not in command.argv):
        tail = log.read_text(encoding="utf-8", errors="replace")[-500:]
        shown = " ".join(command.argv)
        raise MeasuringError(f"{shown} ended with {process.returncode} in {command.cwd}\n{tail}")
    return Sample(
        wall=wall,
        cpu=usage.ru_utime + usage.ru_stime,
        peak=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6,
        together=together,
    )


def interleaved(sides: Sequence[Callable[[], Command]], runs: int, say: Callable[[str], None]) -> list[list[Sample]]:
    """Time every side *runs* times in turn, A B A B …, after one turn that does not count; the samples of each."""
    samples: list[list[Sample]] = [[] for _ in sides]
    for turn in range(runs + 1):
        taken = [timed(prepare()) for prepare in sides]
        times = " | ".join(f"{sample.wall:.3f} s" for sample in taken)
        say(f"  {f'run {turn} of {runs}' if turn else 'warm-up'}: {times}")
        if turn:
            for kept, sample in zip(samples, taken, strict=True):
                kept.append(sample)
    return samples


def _watch(root: int) -> float:
    """Add up the memory of a process and of all below it until it ends; the most there was, in MB."""
    most = 0.0
    if not hasattr(os, "pidfd_open"):
        return most
    ended = os.pidfd_open(root)
    try:
        poll = select.poll()
        poll.register(ended, select.POLLIN)
        while not poll.poll(_LOOK * 1000):
            most = max(most, _together(root))
    finally:
        os.close(ended)
    return most


def _together(root: int) -> float:
    page = os.sysconf("SC_PAGESIZE")
    total, pids = 0, [root]
    while pids:
        pid = pids.pop()
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * page
            below = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        except (OSError, IndexError):
            continue  # it has ended since, or this system does not say
        pids += map(int, below.split())
    return total / 1e6
