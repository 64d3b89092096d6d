"""What the figures were measured on, as far as it moves them."""

from __future__ import annotations

import os
import platform
import statistics
import time
from importlib.metadata import version
from pathlib import Path


def facts(directory: Path) -> dict[str, str]:
    """Return name → fact; *directory* is where everything is measured."""
    kind, options = _mount(directory)
    return {
        "cores": str(_cores()),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "anyio": version("anyio"),
        "kernel": f"{platform.system()} {'.'.join(platform.release().split('.')[:2])}",
        "file system": f"{kind}, mounted with discard" if "discard" in options else kind,
        "one file made": f"{_making_time(directory, sync=False) * 1000:.2f} ms",
        "one file made and synced": f"{_making_time(directory, sync=True) * 1000:.2f} ms",
        "load before": f"{os.getloadavg()[0]:.2f}",
    }


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _mount(directory: Path) -> tuple[str, list[str]]:
    """Return type and options of the file system that holds *directory*."""
    device = os.stat(directory).st_dev
    command = f"{os.major(device)}:{os.minor(device)}"
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown", []
    for line in reversed(lines):
        head, _, tail = line.partition(" - ")
        if head.split()[2] == command:
            kind, _, options = tail.split(maxsplit=2)
            return kind, [*head.split()[5].split(","), *options.split(",")]
    return "unknown", []


def _making_time(directory: Path, *, sync: bool) -> float:
    """Return the median time of making one small file: an attempt costs five of these, two of them synced.

    Where making one takes more than some 0.05 ms, the file system is busy with what was deleted there before, and
    every figure of a run is too high: measure in another directory.
    """
    taken = []
    place = directory / f"files-{sync}"
    place.mkdir()
    for number in range(101):
        before = time.perf_counter()
        with (place / str(number)).open("wb", buffering=0) as file:
            file.write(bytes(1024))
            if sync:
                os.fsync(file.fileno())
        taken.append(time.perf_counter() - before)
    return statistics.median(taken)
