"""What the place of a plan directory is like: who may write there, on which file system, with how much room."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from contextlib import suppress

from orchestrator.errors import StoreError
from orchestrator.ownership import name_of
from orchestrator.store.layout import Layout

#: File systems behind a network, or behind somebody else's kernel: locks and syncs may mean less there.
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\w*|afs|ceph|glusterfs|lustre|gpfs|beegfs|ocfs2|gfs2?|9p|drvfs|vboxsf"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|glusterfs|ceph\S*)"
)
#: Paths of what is closed that are named.
_MOST = 5
_ESCAPED = re.compile(r"\\([0-7]{3})")


def closed_to_us(layout: Layout) -> list[str]:
    """Return what exists in a plan directory and may not be read by us, or not be written where a run writes."""
    whole, read, write = os.R_OK | os.W_OK | os.X_OK, os.R_OK, os.R_OK | os.W_OK
    listed = (layout.tasks, layout.results, layout.logs, layout.contexts, layout.requests)
    others = (layout.agents[0], layout.templates)
    more = (layout.notes, layout.waiting, layout.archive)
    needed = dict.fromkeys((layout.root, *listed, *more), whole)
    needed |= dict.fromkeys(others, os.R_OK | os.X_OK)
    locks = (layout.lock, layout.queue, layout.plan_lock)
    needed |= dict.fromkeys((layout.plan, layout.journal, *locks), write)
    # What is not written on is read, or replaced whole; a note is closed to all but its author.
    needed |= dict.fromkeys((layout.index, layout.final_output, layout.heartbeats), read)
    for directory in (*listed, *others):
        with suppress(OSError):  # it is not there, or closed itself
            for name in sorted(os.listdir(directory)):
                is_said = directory == layout.contexts
                needed.setdefault(f"{directory}/{name}", write if is_said else read)
    return [
        path for path, mode in needed.items() if os.path.exists(path) and not os.access(path, mode)
    ]


def denied(layout: Layout) -> StoreError | None:
    """Return the error that says what a run would be refused in a plan directory, if anything."""
    closed = closed_to_us(layout)
    if not closed:
        return None
    more = f" and {len(closed) - _MOST} more" * (len(closed) > _MOST)
    text = f"cannot be read and written: {shlex.join(closed[:_MOST])}{more}"
    return StoreError(
        text, hint=f"{_remedy(closed, layout.root)}; or put the plan where you may write"
    )


def _remedy(closed: Sequence[str], root: str) -> str:
    """Return what opens to us what is closed in a plan directory: only its owner, or root, can do anything about it."""
    us, keeper = os.geteuid(), os.stat(root).st_uid
    owners = {path: os.lstat(path).st_uid for path in closed}
    ours = [path for path in closed if owners[path] == us]
    strangers = {*owners.values()} - {us}
    ways = []
    if strangers and strangers == {keeper} != {0}:
        whose = name_of(keeper)
        ways.append(
            f"it is the plan of {whose}: take one of your own, or have {whose} share it (docs/talking.md)"
        )
    elif strangers:
        person = name_of(keeper or us)
        ways.append(f"`sudo chown -R {person} {shlex.quote(root)}` gives it all back to {person}")
    if ours:
        ways.append(f"`chmod u+rwX {shlex.join(ours)}`")
    return ", then ".join(ways)


def advice(path: str) -> str:
    """Return what to do about a path that the system keeps from us; empty where nothing of a plan is another's."""
    if os.geteuid() == 0:
        return ""
    there = path
    while not os.path.lexists(there) and there != os.path.dirname(there):
        there = os.path.dirname(there)
    root = there
    while not os.path.lexists(Layout(root).plan):
        if root == (root := os.path.dirname(root)):
            return ""
    # What is replaced may be ours, and the directory not.
    near = (there, os.path.dirname(there)) if there != root else (there,)
    closed = [each for each in near if os.lstat(each).st_uid != os.geteuid()]
    return f"{_remedy(closed, root)}, then try again" if closed else ""


def owner_of(path: str) -> str:
    """Return whose a path is, or the directory in which it is to be made; empty where that is us, or cannot be seen."""
    for each in (path, os.path.dirname(path)):
        try:
            number = os.lstat(each).st_uid
        except OSError:
            continue
        if number == os.geteuid():
            return ""
        return name_of(number)
    return ""


def room(path: str) -> int:
    """Return how many bytes we may still write there.

    Raises:
        OSError: the system does not say.
    """
    told = os.statvfs(path)
    return told.f_bavail * told.f_frsize


def file_system(path: str) -> str:
    """Return the type of the file system that holds a path; empty where the system does not say."""
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="surrogateescape") as file:
            return type_of(os.path.realpath(path), file.read())
    except OSError:
        return ""


def type_of(path: str, mounts: str) -> str:
    """Return the type of the file system that holds an absolute path, by a table such as ``/proc/mounts``."""
    longest, found = "", ""
    for line in mounts.splitlines():
        _, point, kind, *_ = [*line.split(" "), "", "", ""]
        point = _ESCAPED.sub(lambda code: chr(int(code[1], 8)), point)
        is_above = path == point or path.startswith(point.rstrip("/") + "/")
        # Of two on the same point the later one covers the other.
        if point and is_above and len(point) >= len(longest):
            longest, found = point, kind
    return found


def is_remote(kind: str) -> bool:
    """Whether a file system of this type is not a disk of this machine."""
    return _REMOTE.fullmatch(kind) is not None
