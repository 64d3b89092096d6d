"""What a run shares with others on this machine: the slots of shared pools, and memory.

A slot is a file, and who has it holds the kernel's lock on it. A lock belongs to the open file, and the guard has the
same files open: so a slot is free when the attempt is over, or, where the runner died, when nothing of its attempts is
left.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.core.pools import MEMORY
from orchestrator.errors import StoreError
from orchestrator.ownership import make_directories, open_made
from orchestrator.store.atomic import io_errors
from orchestrator.store.lock import try_lock

#: Where Linux says how much memory is free.
MEMINFO = "/proc/meminfo"


def free_memory() -> int | None:
    """Return how many bytes could be had without swapping; None where the system does not say."""
    try:
        with open(MEMINFO, "rb") as file:
            for line in file:
                if line.startswith(b"MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


@dataclass(slots=True, eq=False, repr=False)
class SharedMachine:
    """The slots that one run may take, and the memory that it looks at."""

    free: Mapping[str, list[int]]
    """Files of slots that this run does not hold, by the name of their limit."""
    available: Callable[[], int | None] = free_memory
    _held: dict[str, list[int]] = field(default_factory=dict)

    def take(self, names: Sequence[str]) -> str:
        """Take a slot of each shared pool, or none; see ``core.agent.Machine``."""
        taken: list[str] = []
        for name in names:
            if name.startswith(f"{MEMORY} "):
                free = self.available()
                is_there = free is None or free >= int(name.partition(" ")[2])
            else:
                is_there = name not in self.free or self._lock_slot(name)
            if not is_there:
                self.give_back(taken)
                return name
            taken.append(name)
        return ""

    def give_back(self, names: Sequence[str]) -> None:
        """Let go of a slot of each shared pool."""
        for name in names:
            if self._held.get(name):
                descriptor = self._held[name].pop()
                fcntl.flock(descriptor, fcntl.LOCK_UN)
                self.free[name].append(descriptor)

    def _lock_slot(self, name: str) -> bool:
        for descriptor in self.free[name]:
            if try_lock(descriptor):
                self.free[name].remove(descriptor)
                self._held.setdefault(name, []).append(descriptor)
                return True
        return False

    @property
    def descriptors(self) -> list[int]:
        """The files of all slots: as long as anyone has one of them open, what is locked stays locked."""
        return [each for found in (self.free, self._held) for descriptors in found.values() for each in descriptors]

    def close(self) -> None:
        """Close all slots; what nothing else has open is free then."""
        for descriptor in self.descriptors:
            os.close(descriptor)


def open_machine(directory: str, shared: Mapping[str, int]) -> SharedMachine:
    """Open the slots of shared pools, by the names of their limits, in a directory that is made where it is missing.

    Raises:
        StoreError: that cannot be done.
    """
    free: dict[str, list[int]] = {}
    if shared and not directory:
        raise StoreError("a shared pool needs a home directory", hint="set HOME, or take `shared` out of the pool")
    try:
        for name, size in shared.items():
            with io_errors("open", directory):
                make_directories(directory)
                word = name.partition(" ")[2].replace("/", "%")
                for number in range(size):
                    path = os.path.join(directory, f"{word}.{number + 1}")
                    flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
                    free.setdefault(name, []).append(open_made(path, flags, 0o600))
    except BaseException:
        SharedMachine(free).close()
        raise
    return SharedMachine(free)
