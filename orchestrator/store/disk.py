"""What the place of a plan directory is like: who may write there, on which file system, with how much room."""

from __future__ import annotations

import os
import re
import shlex
import stat
from collections.abc import Sequence
from contextlib import suppress

from orchestrator.errors import StoreError
from orchestrator.ownership import name_of
from orchestrator.store.layout import PLAN_DIRECTORY, Layout

#: File systems behind a network, or behind another user's kernel: locks and syncs may mean less there.
_REMOTE = re.compile(
    r"nfs\d?|cifs|smb\w*|afs|ceph|glusterfs|lustre|gpfs|beegfs|ocfs2|gfs2?|9p|drvfs|vboxsf"
    r"|fuse\.(sshfs|s3fs|gcsfuse|rclone|glusterfs|ceph\S*)"
)
#: Paths of what is closed that are named.
_MOST = 5
_ESCAPED = re.compile(r"\\([0-7]{3})")


def closed_to_us(layout: Layout) -> list[str]:
    """Return what exists in a plan directory and is closed to us, where a run reads it or writes on it."""
    whole, read, write = os.R_OK | os.W_OK | os.X_OK, os.R_OK, os.R_OK | os.W_OK
    listed = (layout.tasks, layout.results, layout.logs, layout.contexts, layout.requests)
    others = {layout.agents[0]: ".md", layout.templates: ".j2"}
    more = (layout.notes, layout.waiting, layout.archive, layout.batches)
    needed = dict.fromkeys((layout.root, *listed, *more), whole)
    needed |= dict.fromkeys(others, os.R_OK | os.X_OK)
    locks = (layout.lock, layout.queue, layout.plan_lock)
    needed |= dict.fromkeys((layout.plan, layout.journal, *locks), write)
    # A note is closed to all but its author; a run does without caches, and replaces its output whole.
    for directory, ending in {**dict.fromkeys(listed, ""), **others}.items():
        with suppress(OSError):  # it is not there, or closed itself
            for name in sorted(os.listdir(directory)):
                is_said = directory == layout.contexts
                if name.endswith(ending):
                    needed.setdefault(f"{directory}/{name}", write if is_said else read)
    return [path for path, mode in needed.items() if os.path.exists(path) and not os.access(path, mode)]


def denied(layout: Layout) -> StoreError | None:
    """Return the error that says what a run would be refused in a plan directory, if anything."""
    closed = closed_to_us(layout)
    if not closed:
        return None
    if os.statvfs(layout.root).f_flag & os.ST_RDONLY:
        place = shlex.quote(layout.root)
        text = f"cannot be written: {place} lies on a file system that is read-only"
        return StoreError(text, hint="put the plan where you may write")
    more = f" and {len(closed) - _MOST} more" * (len(closed) > _MOST)
    text = f"cannot be read, or not be written: {shlex.join(closed[:_MOST])}{more}"
    return StoreError(text, hint=f"{_remedy(closed, layout.root)}; or put the plan where you may write")


def _remedy(closed: Sequence[str], root: str) -> str:
    """Return the commands that give access to these paths of a plan directory: only their owner, or root, can do it."""
    us, keeper = os.geteuid(), os.stat(root)
    seen = {path: os.lstat(path) for path in closed}
    ours = [path for path in closed if seen[path].st_uid == us]
    theirs = [each for each in seen.values() if each.st_uid != us]
    strangers = {each.st_uid for each in theirs}
    # A plan that root made in a directory of this user was meant for this user; any other plan of root is root's.
    is_left = keeper.st_uid == 0 and os.stat(os.path.dirname(root)).st_uid == us
    person = us if is_left else keeper.st_uid
    whose, place = name_of(person), shlex.quote(root)
    ways = []
    if theirs and _is_shared(keeper, theirs):
        who = " and ".join(map(name_of, sorted(strangers)))
        ways.append(f"have {who} type `chmod -R g+rwX {place}`, and all call with `umask 002` (docs/talking.md)")
    elif strangers == {person}:
        ways.append(f"{place} belongs to {whose}: take one of your own, or have {whose} share it (docs/talking.md)")
    elif theirs:
        ways.append(f"`sudo chown -R {whose} {place}` gives it all back to {whose}")
    if ours:
        which = f"-R u+rwX {place}" if len(ours) > _MOST else f"u+rwX {shlex.join(ours)}"
        ways.append(f"`chmod {which}`")
    return ", then ".join(ways)


def _is_shared(keeper: os.stat_result, theirs: Sequence[os.stat_result]) -> bool:
    """Say whether a plan and the closed files of others belong to one of our groups: then only their mode is wrong."""
    shares = stat.S_ISGID | stat.S_IWGRP
    groups = {each.st_gid for each in (keeper, *theirs)}
    is_group = keeper.st_mode & shares == shares and groups == {keeper.st_gid}
    return is_group and keeper.st_gid in {os.getegid(), *os.getgroups()}


def advice(path: str) -> str:
    """Return what to do about a path that the system keeps from us; empty where nothing of a plan is closed to us."""
    if os.geteuid() == 0:
        return ""
    there = os.path.realpath(path)
    while not os.path.lexists(there):
        there = os.path.dirname(there)
    root = _plan_around(there)
    if not root:
        return ""
    # What is replaced may be ours, and the directory not.
    near = (there, os.path.dirname(there)) if there != root else (there,)
    closed = [each for each in near if not _is_open(each)]
    # Not all that is refused shows in a mode: in a sticky directory no one replaces what is another's.
    closed = closed or [each for each in near if os.lstat(each).st_uid != os.geteuid()]
    return f"{_remedy(closed, root)}, then try again" if closed else ""


def _plan_around(path: str) -> str:
    """Return the plan directory that holds a path, or what may be one, as we may not look into it; else nothing."""
    is_closed = os.path.isdir(path) and not os.access(path, os.X_OK)
    if is_closed and not os.path.lexists(Layout(os.path.dirname(path)).plan):
        return path
    while not os.path.lexists(Layout(path).plan) and os.path.basename(path) != PLAN_DIRECTORY:
        if path == (path := os.path.dirname(path)):
            return ""
    return path


def _is_open(path: str) -> bool:
    return os.access(path, os.R_OK | os.W_OK | os.X_OK * os.path.isdir(path))


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
    usage = os.statvfs(path)
    return usage.f_bavail * usage.f_frsize


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
