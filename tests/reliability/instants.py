"""When and how a run is killed: drawn from a seeded generator, spread over the whole of a run."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.executors.harness import guard_of, watchdog_of
from tests.patience import PATIENCE
from tests.reliability.crash_plan import CrashPlan

_DEATHS = str(Path(__file__).with_name("deaths"))
#: Changes of the plan directory that one run makes, about.
OPERATIONS = 150
#: What is killed, and how. ``guard after`` and ``kill after`` come up to a tenth of a second after the first blow.
VICTIMS = (
    "runner",
    "runner",
    "runner",
    "guard",
    "watchdog",
    "runner and guard",
    "runner and guard",
    "all three",
    "runner, guard after",
    "SIGTERM",
    "SIGTERM, kill after",
    "five SIGINT",
)


@dataclass(frozen=True)
class Kill:
    """One kill, as it was drawn."""

    victim: str
    how: str
    """``elapsed``, ``operation``, or the sign that is waited for."""
    value: float
    """Seconds since the start, number of the operation, or seconds after the sign."""
    gap: float
    """Seconds between two blows."""
    waits: bool
    """Whether everything must be gone before the next run starts, or that may come at once."""

    def __str__(self) -> str:
        waits = "then waits" if self.waits else "then runs again at once"
        return f"{self.victim} · {self.how} {self.value:.4f} · gap {self.gap:.4f} · {waits}"


def draw(dice: random.Random, duration: float) -> Kill:
    """Draw a kill for runs that last about *duration* seconds when nobody disturbs them."""
    how = dice.choice(("elapsed", "elapsed", "operation", *SIGNS))
    victim = "runner" if how == "operation" else dice.choice(VICTIMS)
    value = dice.choice((0.0, dice.uniform(0, 0.005), dice.uniform(0, 0.05)))
    if how == "elapsed":
        value = dice.uniform(0, duration)
    elif how == "operation":
        value = dice.randint(1, OPERATIONS)
    return Kill(victim, how, value, dice.uniform(0, 0.1), dice.random() < 0.5)


def strike(plan: CrashPlan, kill: Kill) -> int:
    """Start a run and kill it; return its exit status, negative for the signal that ended it."""
    if kill.how == "operation":
        run = plan.start(**dies_at(plan.orchestrate, int(kill.value)))
        run.communicate(timeout=PATIENCE)
        return run.returncode
    is_time = _sign(plan, kill)
    run = plan.start()
    _wait(run, lambda: is_time(run.pid), kill.value)
    _hit(run, kill)
    run.communicate(timeout=PATIENCE)
    return run.returncode


def dies_at(orchestrate: Orchestrate, number: int) -> dict[str, str]:
    """The environment in which a run dies just before its n-th change of the plan directory."""
    path = f"{_DEATHS}:{orchestrate.environment['PYTHONPATH']}"
    return {"DIE_AT": str(number), "PYTHONPATH": path}


def _hit(run: subprocess.Popen[str], kill: Kill) -> None:
    victim, never = kill.victim, threading.Event()
    guard, watchdog = guard_of(run.pid), watchdog_of(run.pid)
    if victim.startswith("SIGTERM"):
        run.send_signal(signal.SIGTERM)
    if victim == "five SIGINT":
        for _ in range(5):
            run.send_signal(signal.SIGINT)
            never.wait(kill.gap / 5)
    if victim in {"watchdog", "all three"}:
        _kill(watchdog)
    if victim in {"guard", "runner and guard", "all three"}:
        _kill(guard)
    is_missed = (victim == "guard" and not guard) or (victim == "watchdog" and not watchdog)
    if victim.startswith("runner") or victim == "all three" or is_missed:
        run.kill()
    if victim.endswith("after"):
        never.wait(kill.gap)
        if victim.startswith("SIGTERM"):
            run.kill()
        else:
            _kill(guard)


def _kill(guard: int) -> None:
    """Kill a guard or a watchdog, if it is there and still one."""
    try:
        if guard and b"executors.guard" in Path(f"/proc/{guard}/cmdline").read_bytes():
            os.kill(guard, signal.SIGKILL)
    except OSError:
        return


def _wait(run: subprocess.Popen[str], is_time: Callable[[], bool], after: float) -> None:
    never, end = threading.Event(), time.monotonic() + PATIENCE
    while run.poll() is None and not is_time():
        assert time.monotonic() < end, "the run neither ends nor gets there"
        never.wait(0.0003)
    if after:
        never.wait(after)


def _sign(plan: CrashPlan, kill: Kill) -> Callable[[int], bool]:
    if kill.how == "elapsed":
        return lambda pid: True
    return SIGNS[kill.how](plan.root)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _grown(name: str) -> Callable[[Path], Callable[[int], bool]]:
    """A directory has more entries, or a file more bytes, than before the run; or it is another file now."""

    def watch(root: Path) -> Callable[[int], bool]:
        path = root / name
        before = _state(path)
        return lambda pid: _state(path) != before

    return watch


def _state(path: Path) -> tuple[int, ...]:
    try:
        found = path.stat()
    except FileNotFoundError:
        return ()
    return (found.st_ino, found.st_size, found.st_mtime_ns)


def _told(words: bytes) -> Callable[[Path], Callable[[int], bool]]:
    """The journal says so, since the run began."""

    def watch(root: Path) -> Callable[[int], bool]:
        path = root / "journal.md"
        before = _size(path)
        return lambda pid: path.exists() and words in path.read_bytes()[before:]

    return watch


def _has_temporary(root: Path) -> Callable[[int], bool]:
    folders = (root, root / "results", root / "logs")
    before = {name for folder in folders for name in _temporaries(folder)}
    return lambda pid: any(set(_temporaries(folder)) - before for folder in folders)


def _temporaries(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith(".tmp")] if folder.exists() else []


SIGNS: dict[str, Callable[[Path], Callable[[int], bool]]] = {
    "lock": _grown("run.lock"),
    "guard": lambda root: lambda pid: guard_of(pid) > 0,
    "journal": _grown("journal.md"),
    "logs": _grown("logs"),
    "results": _grown("results"),
    "plan drawn": _grown("master_plan.md"),
    "output": _grown("final_output.md"),
    "index": _grown("index.json"),
    "temporary": _has_temporary,
    "completed": _told(b"completed"),
    "started": _told(b"started"),
    "over": _told(b"run ended"),
}
