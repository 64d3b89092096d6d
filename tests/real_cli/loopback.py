"""A network namespace that has nothing but its loopback interface; what runs in it can reach nobody else.

As a program, inside of a new namespace: brings ``lo`` up, then becomes the program named by its arguments.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

#: The ways to make a namespace, and to enter that of a process: as root, and as somebody who may make user namespaces.
_WAYS = (
    (("unshare", "--net"), ("nsenter", "--net")),
    (
        ("unshare", "--net", "--map-current-user", "--keep-caps"),
        ("nsenter", "--net", "--user", "--preserve-credentials"),
    ),
)
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Loopback:
    """How to make such a namespace."""

    unshare: tuple[str, ...]
    nsenter: tuple[str, ...]

    def new(self, *argv: str) -> tuple[str, ...]:
        """The command that runs *argv* in a new namespace; it ends with whoever started it."""
        return (*self.unshare, sys.executable, "-I", "-S", __file__, *argv)

    def enter(self, pid: int) -> tuple[str, ...]:
        """What to put before a command that shall run in the namespace of the process *pid*."""
        return (*self.nsenter, f"--target={pid}", "--")


@cache
def find() -> Loopback | str:
    """Return the way that works on this machine, or why there is none."""
    said = "there are none on this system"
    for unshare, nsenter in _WAYS:
        way = Loopback(unshare, nsenter)
        try:
            tried = subprocess.run(way.new("true"), capture_output=True, text=True, check=False)
        except OSError as error:
            return f"no network namespaces: {error}"
        if tried.returncode == 0:
            return way
        said = tried.stderr.strip()
    return f"no network namespaces: {said}"


def bring_up() -> None:
    """Bring ``lo`` up, which a new namespace has, but down. ``ip`` would do it, and is not everywhere."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        name, flags = struct.unpack("16sh14x", request)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", name, flags | _IFF_UP))


def main() -> None:
    bring_up()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.execvp(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()
