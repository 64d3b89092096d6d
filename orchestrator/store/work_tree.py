"""What lies in the work directory: every file with what changes whenever it does, so that two scans can be compared."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from orchestrator.core.changes import FileState, Scan
from orchestrator.core.pools import name_pattern
from orchestrator.store.layout import PLAN_DIRECTORY

#: Files that are scanned, and seconds that this may take.
MOST_FILES, MOST_SECONDS = 50_000, 2.0
#: Directories that are never scanned: what lies there belongs to git, and to us.
_NOT_OURS = frozenset({".git", PLAN_DIRECTORY})
#: Bytes of a ``.gitignore`` that are read.
_LONGEST = 64 * 1024


class _Rule(NamedTuple):
    """A line of a ``.gitignore``."""

    pattern: re.Pattern[str]
    """Of a path from the directory of that file on."""
    is_ignored: bool
    """False: the line takes back what one before it said."""
    is_for_directories: bool


class _Rules(NamedTuple):
    """The rules of one ``.gitignore``, and how long the path of its directory is, with the slash."""

    rules: Sequence[_Rule]
    start: int


def scan_files(workdir: str, spared: str) -> Scan | str:
    """Return every file below a directory but what git ignores; or why there are too many of them for that.

    *spared* is a directory that is left out, with everything in it.
    """
    workdir, spared = os.path.realpath(workdir), os.path.realpath(spared)
    began, clock = time.time(), time.monotonic()
    files: dict[str, FileState] = {}
    ahead: list[tuple[str, tuple[_Rules, ...]]] = [("", ())]
    if not os.path.isdir(workdir):
        return f"{workdir} cannot be read"
    while ahead:
        above, rules = ahead.pop()
        entries = _entries(os.path.join(workdir, above))
        if any(entry.name == ".gitignore" for entry in entries):
            rules = (*rules, _Rules(_read_rules(os.path.join(workdir, above, ".gitignore")), len(above)))
        for entry in entries:
            path, is_directory = above + entry.name, entry.is_dir(follow_symlinks=False)
            if _is_ignored(path, rules, is_directory=is_directory):
                continue
            if not is_directory and (state := _state(entry)):
                files[_printable(path)] = state
            elif is_directory and entry.name not in _NOT_OURS and entry.path != spared:
                ahead.append((f"{path}/", rules))
        if len(files) > MOST_FILES:
            return f"{workdir} holds more than {MOST_FILES:,} files"
        if time.monotonic() - clock > MOST_SECONDS:
            return f"a scan of {workdir} takes longer than {MOST_SECONDS:g}s"
    return Scan(files, began, time.time())


def _state(entry: os.DirEntry[str]) -> FileState | None:
    """Return the state of a file or link; None for a pipe or socket, which holds nothing, and for what is gone."""
    try:
        seen = entry.stat(follow_symlinks=False)
    except OSError:
        return None
    if not (stat.S_ISREG(seen.st_mode) or stat.S_ISLNK(seen.st_mode)):
        return None
    return FileState(seen.st_mtime_ns, seen.st_ctime_ns, seen.st_size, seen.st_ino)


def _printable(path: str) -> str:
    return path if path.isprintable() else path.encode("utf-8", "backslashreplace").decode()


def _entries(directory: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return list(found)
    except OSError:
        return []  # gone by now, or not for us


def _is_ignored(path: str, rules: Sequence[_Rules], *, is_directory: bool) -> bool:
    for of_file in reversed(rules):
        for rule in reversed(of_file.rules):
            if (is_directory or not rule.is_for_directories) and rule.pattern.fullmatch(path, of_file.start):
                return rule.is_ignored
    return False


def _read_rules(path: str) -> list[_Rule]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return []
    with open(descriptor, "rb") as file:
        try:
            data = file.read(_LONGEST)
        except OSError:
            return []
    return [rule for line in data.decode(errors="replace").splitlines() if (rule := _rule(line))]


def _rule(line: str) -> _Rule | None:
    text = line.rstrip()
    is_ignored = not text.startswith("!")
    glob = text if is_ignored else text[1:]
    if not glob or glob.startswith("#"):
        return None
    is_for_directories, glob = glob.endswith("/"), glob.rstrip("/")
    # A pattern with a slash in it counts from the directory of its file, another one holds at any depth.
    *above, last = glob.removeprefix("\\").lstrip("/").split("/")
    found = "" if "/" in glob else "(?:[^/]+/)*"
    for part in above:
        found += "(?:[^/]+/)*" if part == "**" else f"{name_pattern(part)}/"
    found += ".+" if last == "**" else name_pattern(last)
    with suppress(re.error):
        return _Rule(re.compile(found), is_ignored, is_for_directories)
    return None
