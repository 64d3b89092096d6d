"""Who a process is: a pid means nothing without its start time and the boot it belongs to."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from orchestrator.ownership import name_of


def this_process() -> dict[str, Any]:
    """Return who we are, to be written down where others look for it."""
    pid = os.getpid()
    host = os.uname().nodename
    return {"pid": pid, "started": start_time(pid), "boot": boot_id(), "host": host, "pid_space": _pid_space()}


def is_of_other_machine(process: Mapping[str, Any]) -> bool:
    """Say whether a process that was written down is of another machine."""
    return process.get("host") != os.uname().nodename


def is_elsewhere(process: Mapping[str, Any]) -> bool:
    """Say whether it is of another machine, or of a container, or a sandbox, that numbers its processes itself."""
    here = _pid_space()
    return is_of_other_machine(process) or process.get("pid_space", here) != here


def is_alive(process: Mapping[str, Any]) -> bool:
    """Say whether a recorded process still exists; True as well for one on another machine, where that is unknown."""
    if is_elsewhere(process):
        return True
    started = start_time(process["pid"])
    return started is not None and started == process.get("started") and process.get("boot") == boot_id()


def is_suspended(process: Mapping[str, Any]) -> bool:
    """Say whether a process that is alive was stopped, by Ctrl-Z for one; False where the system does not say."""
    return not is_elsewhere(process) and _fields(process["pid"])[:1] == [b"T"]


def whose(process: Mapping[str, Any]) -> str:
    """Return the owner of a recorded process; empty where that is this user, or unknown."""
    if is_elsewhere(process):
        return ""
    try:
        owner = os.stat(f"/proc/{process['pid']}").st_uid
    except OSError:
        return ""
    return "" if owner == os.geteuid() else name_of(owner)


def boot_id() -> str:
    """The kernel's name for this boot; empty where there is none."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def _pid_space() -> str:
    """What numbers our processes; empty where there is only one such space."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def start_time(pid: int) -> int | None:
    """When the process started, in ticks since boot; None when it is gone, 0 where the system does not say."""
    fields = _fields(pid)
    if not fields:
        return _start_time_elsewhere(pid)
    # Field 22 of proc(5). A zombie is as good as gone.
    return None if fields[0] == b"Z" else int(fields[19])


def _fields(pid: int) -> list[bytes]:
    """What the system says of a process, from field 3 of proc(5) on, its state; nothing where it does not say."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()
    except OSError:
        return []


def _start_time_elsewhere(pid: int) -> int | None:
    if os.path.isdir("/proc/self"):
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        return 0
    return 0
