"""Runs ``python -m orchestrator`` and says what a power cut would take of what it wrote.

A program of its own: ``python synced.py FILE add …``. FILE gets a line for each path that was written, or whose name
was made, and that was not synced since: a file by its content, a name by its directory.
"""

from __future__ import annotations

import os
import sys
from typing import Any

_unsynced: set[str] = set()


def _of(descriptor: int) -> str:
    return os.readlink(f"/proc/self/fd/{descriptor}")


def _wrap(told: int) -> None:
    write, fsync, replace, mkdir = os.write, os.fsync, os.replace, os.mkdir

    def tell() -> None:
        os.ftruncate(told, 0)
        os.pwrite(told, "".join(f"{each}\n" for each in sorted(_unsynced)).encode(), 0)

    def written(descriptor: int, data: Any) -> int:
        _unsynced.add(_of(descriptor))
        tell()
        return write(descriptor, data)

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        path = _of(descriptor)
        _unsynced.difference_update({path, f"names in {path}"})
        tell()

    def replaced(old: str, new: str) -> None:
        replace(old, new)
        is_unsynced = old in _unsynced
        _unsynced.difference_update({old, new})
        _unsynced.update({new} if is_unsynced else ())
        _unsynced.add(f"names in {os.path.dirname(new)}")
        tell()

    def made(path: str, mode: int = 0o777) -> None:
        mkdir(path, mode)
        _unsynced.add(f"names in {os.path.dirname(path)}")
        tell()

    os.write, os.fsync, os.replace, os.mkdir = written, synced, replaced, made  # type: ignore[assignment]


if __name__ == "__main__":
    _wrap(os.open(sys.argv.pop(1), os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644))
    from orchestrator.__main__ import main

    main()
