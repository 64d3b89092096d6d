"""What tells one version of a file from the next, without reading it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from orchestrator.store.atomic import io_errors

if TYPE_CHECKING:
    from orchestrator.store.layout import Layout

#: How the name of a result ends.
RESULT = "-result.md"
#: A file changed within this many nanoseconds of being read could change again without its times showing it.
_RACY = 50_000_000


def signature(found: os.stat_result) -> int:
    """Return what tells one version of a file from the next."""
    return hash((found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))


def signature_of(path: str) -> int:
    """Return the signature of a file that is to be looked at now; 0 where none can be."""
    try:
        return signature(os.stat(path))
    except OSError:
        return 0


def version_of(layout: Layout) -> tuple[int, ...]:
    """Return what is another one whenever a run, a command or a person has changed something of a plan directory."""
    looked_at = (layout.plan, layout.journal, layout.tasks, layout.results, layout.batches, layout.logs)
    return tuple(map(signature_of, looked_at))


def newest(found: Iterable[os.stat_result]) -> int:
    """Return when one of the files was changed last, in nanoseconds since the epoch; 0 where there is none."""
    return max((file.st_mtime_ns for file in found), default=0)


def is_newer(path: str, timestamp: float) -> bool:
    """Say whether a file was changed after *timestamp*, in seconds since the epoch; one that is not there was not."""
    try:
        return os.stat(path).st_mtime > timestamp
    except OSError:
        return False


def is_settled(found: os.stat_result) -> bool:
    """Say whether the file is old enough for its signature to be trusted."""
    return time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _RACY


def result_files(directory: str) -> dict[str, os.stat_result]:
    """Return the result files in ``results/``, by the stem of their task.

    Raises:
        StoreError: it cannot be listed.
    """
    return files_in(directory, RESULT)


def files_in(directory: str, ending: str) -> dict[str, os.stat_result]:
    """Return the files of a directory whose names end so, by the rest of the name; none where there is no directory.

    Raises:
        StoreError: it cannot be listed.
    """
    found: dict[str, os.stat_result] = {}
    with io_errors("list", directory):
        try:
            # By its descriptor: a path to each of ten thousand files would be walked again and again.
            descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            return found
        try:
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    if not entry.name.endswith(ending):
                        continue
                    try:
                        file = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue  # a user has just removed it
                    found[entry.name.removesuffix(ending)] = file
        finally:
            os.close(descriptor)
    return found
