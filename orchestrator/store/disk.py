"""What the place of a plan directory is like: who may write there, on which file system, with how much room."""

from __future__ import annotations

import os
import re

from orchestrator.store.layout import Layout

#: File systems behind a network, or behind somebody else's kernel: locks and syncs may mean less there.
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\w*|afs|ceph|glusterfs|lustre|gpfs|beegfs|ocfs2|gfs2?|9p|drvfs|vboxsf"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|glusterfs|ceph\S*)"
)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def closed_to_us(layout: Layout) -> list[str]:
    """Return what exists in a plan directory and may not be read and written by us."""
    directories = (layout.root, layout.tasks, layout.results, layout.logs)
    files = (layout.plan, layout.journal, layout.index, layout.lock, layout.final_output)
    everything = [(path, os.R_OK | os.W_OK | os.X_OK) for path in directories]
    everything += [(path, os.R_OK | os.W_OK) for path in files]
    return [path for path, mode in everything if os.path.exists(path) and not os.access(path, mode)]


def owner_of(path: str) -> str:
    """Return whose a path is, or the directory in which it is to be made; empty where that is us, or cannot be seen."""
    for each in (path, os.path.dirname(path)):
        try:
            number = os.lstat(each).st_uid
        except OSError:
            continue
        if number == os.geteuid():
            return ""
        import pwd  # rarely asked

        try:
            return pwd.getpwuid(number).pw_name
        except KeyError:
            return f"user {number}"
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
