"""Signs of progress, and how often each was seen: ``heartbeats.json`` in a plan directory, which may be deleted."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

from orchestrator.core.heartbeat import Pulse
from orchestrator.store.atomic import read_file, atomic_write
from orchestrator.store.layout import Layout

#: Files and directories of the project that are looked at for a change; more would make a look dear.
_MOST = 3000
#: Directories that nobody works in by hand, and that may be large.
_PASSED_OVER = frozenset({"node_modules", "__pycache__", "venv"})


def load_pulses(layout: Layout) -> dict[str, Pulse]:
    """Return how often each task under way was seen as it was; nothing when the file is missing or makes no sense.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        raw = json.loads(read_file(layout.heartbeats) or b"{}")
        return {str(key): Pulse(str(sign), int(silent)) for key, (sign, silent) in raw.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def keep_pulses(layout: Layout, pulses: Mapping[str, Pulse]) -> None:
    """Remember how often each task was seen.

    Raises:
        StoreError: it cannot be written.
    """
    if pulses or os.path.lexists(layout.heartbeats):
        atomic_write(layout.heartbeats, json.dumps(pulses).encode())


def signs_of(
    layout: Layout, running: Mapping[str, tuple[str, int]], workdir: str
) -> dict[str, str]:
    """Return what stands for the progress of each task: its result, its logs, and the project it works in.

    *running* has the stem and the number of the attempt of each. A change in the project counts for every task: what
    an agent does without a word shows there (commits and files, seed row S4-63U).
    """
    if not running:
        return {}
    project = f"{_commits(workdir)} {_newest(workdir, layout)}"
    signs = {}
    for task_id, (stem, number) in running.items():
        files = layout.attempt(stem, number)
        own = (layout.result_file(stem), layout.context_file(stem), files.stdout, files.stderr)
        signs[task_id] = " ".join([*map(_size_and_time, own), project])
    return signs


def _size_and_time(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}"


def _commits(workdir: str) -> str:
    return _size_and_time(os.path.join(workdir, ".git", "logs", "HEAD"))


def _newest(workdir: str, layout: Layout) -> int:
    """Return when anything in a project was changed last, as far as it is looked at; hidden things are not."""
    ours = {layout.root, os.path.dirname(layout.root)} - {os.path.abspath(workdir)}
    newest, seen, directories = 0, 0, [os.path.abspath(workdir)]
    while directories and seen < _MOST:
        try:
            with os.scandir(directories.pop(0)) as entries:
                for entry in entries:
                    seen += 1
                    if entry.name.startswith(".") or seen > _MOST:
                        continue
                    if not entry.is_dir(follow_symlinks=False):
                        newest = max(newest, entry.stat(follow_symlinks=False).st_mtime_ns)
                    elif entry.name not in _PASSED_OVER and entry.path not in ours:
                        directories.append(entry.path)
        except OSError:
            continue  # it went away, or is none of our business
    return newest
