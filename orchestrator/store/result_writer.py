"""The only writer of ``results/``: durable, in the right order, and never unseen over what another user put there."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import time
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

from orchestrator.core.result import Result
from orchestrator.errors import StoreError
from orchestrator.ownership import make_directory
from orchestrator.store.atomic import (
    Replacement,
    atomic_write,
    io_errors,
    make_room,
    set_aside,
    start_writing,
    sync_directory,
    sync_filesystem,
)
from orchestrator.store.fingerprint import newest, result_files, signature, signature_of
from orchestrator.store.layout import AttemptFiles, Layout

#: Results published together at most, or settled file by file: each takes up to three open files.
_AT_ONCE = 64
#: From so many on, syncing the whole file system is quicker than syncing each of their files.
_BURST = 4
#: Seconds that this may take. Longer, and others write much there: results must not wait for that again.
_TOO_LONG = 0.5
#: Errors of opening a log that its own agent damaged: they must not end other attempts. For records they do count.
_SPOILT = frozenset({errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENXIO})
#: Characters of results that are kept in memory, of the last ones, and of each of them, at most.
_TEXTS, _SHORT = 4 * 1024 * 1024, 8 * 1024


class Commit(NamedTuple):
    """The result of one attempt, ready to be made durable."""

    stem: str
    result: Result
    text: str
    files: AttemptFiles


class ResultWriter:
    """Writes the results of one plan directory. Only with the lock held.

    What a user changed meanwhile or put there, an editor or an agent that scribbles over our files, is set aside and
    noted before it is replaced.
    """

    def __init__(self, layout: Layout, keep: Callable[[str, int, Result], None]) -> None:
        """Take the paths, and who keeps in the cache what was published."""
        self._layout = layout
        self._keep = keep
        self._ours: dict[str, int] = {}
        self._there: Mapping[str, int] | None = None
        self._notes: list[str] = []
        self._texts: dict[str, tuple[int, str]] = {}
        self._kept = 0
        """Characters of them all."""
        self._unsettled: list[AttemptFiles] = []
        """What published results rest on and may not be durable yet."""
        self._is_crowded = False
        """Whether others write much to the same file system."""

    def take_notes(self) -> list[str]:
        """Return what was noted since the last call."""
        notes, self._notes = self._notes, []
        return notes

    def saw(self, signed: Mapping[str, int]) -> None:
        """Remember what lay there before anything was written, by stem; the last look counts."""
        if not self._ours:
            self._there = signed

    def strangers(self, signed: Mapping[str, int]) -> list[str]:
        """Return the stems of results that neither lay there before nor were written by us."""
        known = {**(self._there or {}), **self._ours}
        return [stem for stem, version in signed.items() if known.get(stem) != version]

    def disturbed(self, found: Mapping[str, os.stat_result]) -> dict[str, int]:
        """Return the stems of results that a user changed, with their new version, or deleted, with 0."""
        now = {stem: signature(file) for stem, file in found.items()}
        known = {**(self._there or {}), **self._ours}
        return {stem: now.get(stem, 0) for stem in known if now.get(stem, 0) != known[stem]}

    def is_as_left(self, stem: str) -> bool:
        """Say whether a result is the very file that this run read or wrote."""
        known = self._ours.get(stem) or (self._there or {}).get(stem)
        return known is not None and known == signature_of(self._layout.result_file(stem))

    def write_running(self, stem: str, text: str) -> None:
        """Say that an attempt is under way. Not synced: losing it loses nothing that was paid for."""
        self._spare_directory()
        self._spare_strangers(stem)
        with self._replacement(stem, text) as new:
            self._remember(stem, new.publish())

    def publish(self, commits: Sequence[Commit]) -> None:
        """Put results in their places, many in one go. They count from then on.

        The content of each is synced first. A result is reported only after ``settle``, which also syncs the log, the
        record and the directory: without them it does not count after a power cut.

        Raises:
            StoreError: what is on disk is as before or as after, result by result.
        """
        self._spare_directory()
        for first in range(0, len(commits), _AT_ONCE):
            self._publish(commits[first : first + _AT_ONCE])

    def settle(self) -> None:
        """Make durable what all published results rest on, and their places; raises as ``publish``."""
        unsettled, self._unsettled = self._unsettled, []
        with io_errors("sync", self._layout.results):
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
            try:
                directory = os.open(self._layout.results, flags)
            except FileNotFoundError:
                self._make_again()
                directory = os.open(self._layout.results, flags)
            try:
                if len(unsettled) >= _BURST and self._sync_together(directory):
                    return
                for first in range(0, len(unsettled), _AT_ONCE):
                    _sync_evidence(unsettled[first : first + _AT_ONCE])
                if unsettled:
                    sync_directory(self._layout.logs)
                os.fsync(directory)
            finally:
                os.close(directory)

    def _publish(self, commits: Sequence[Commit]) -> None:
        with ExitStack() as stack:
            results = [stack.enter_context(self._replacement(commit.stem, commit.text)) for commit in commits]
            with io_errors("sync", self._layout.root):
                written = [result.descriptor for result in results]
                if len(commits) < _BURST or not self._sync_together(written[0]):
                    _sync_each(written)
                    self._unsettled += [commit.files for commit in commits]
            for commit, result in zip(commits, results, strict=True):
                self._spare_strangers(commit.stem)
                signed = self._remember(commit.stem, result.publish())
                self._keep(commit.stem, signed, commit.result)
                self._remember_text(commit, signed)

    def _replacement(self, stem: str, text: str) -> Replacement:
        path, data = self._layout.result_file(stem), text.encode()
        try:
            return Replacement(path, data)
        except StoreError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
        self._make_again()
        return Replacement(path, data)

    def _make_again(self) -> None:
        """A user deleted the whole directory: that is no reason to end the run, which does its tasks again."""
        results = self._layout.results
        with io_errors("make", results), suppress(FileExistsError):
            make_directory(results)  # and never the plan directory above it
        sync_directory(self._layout.root)

    def _spare_directory(self) -> None:
        """Set aside what took the place of the directory, a link or a file: no agent ends its neighbours that way."""
        results = self._layout.results
        if stat.S_ISDIR(_mode(results)) or not os.path.lexists(results):
            return
        aside = os.path.basename(set_aside(results))
        self._notes.append(f"results was replaced by what is no directory; that is kept as {aside}")
        self._make_again()

    def _sync_together(self, descriptor: int) -> bool:
        """Sync the whole file system: one flush of the disk instead of two for each result (decision 18).

        False, and nothing is done, where that cannot be or took too long before.
        """
        if self._is_crowded or os.fstat(descriptor).st_dev != os.stat(self._layout.logs).st_dev:
            return False
        began = time.monotonic()
        is_done = sync_filesystem(descriptor)
        self._is_crowded = time.monotonic() - began > _TOO_LONG
        return is_done

    def text(self, stem: str, seen: os.stat_result | None = None) -> str | None:
        """Return a result as it was published, while it is there unchanged; None: it is to be read.

        *seen* is what the system has just said of its file, where that was asked already.
        """
        known = self._texts.get(stem)
        if known is None:
            return None
        there = signature(seen) if seen else signature_of(self._layout.result_file(stem))
        return known[1] if known[0] == there else None

    def _remember_text(self, commit: Commit, signed: int) -> None:
        """Keep it for a while: what waits for it reads it now, and what is made of all of them at the end."""
        self._forget_text(commit.stem)
        if len(commit.text) <= _SHORT:
            self._texts[commit.stem] = signed, commit.text
            self._kept += len(commit.text)
            while self._kept > _TEXTS:
                self._forget_text(next(iter(self._texts)))

    def _forget_text(self, stem: str) -> None:
        _, text = self._texts.pop(stem, (0, ""))
        self._kept -= len(text)

    def _remember(self, stem: str, written: os.stat_result) -> int:
        """Return the signature of what we have just written; what a user puts there after it has another one."""
        self._ours[stem] = signature(written)
        return self._ours[stem]

    def _spare_strangers(self, stem: str) -> None:
        """Set aside what took the place of a result that this run read or wrote, or of one that was not there yet."""
        if stem not in self._ours and self._there is None:
            return
        ours = self._ours.get(stem) or (self._there or {}).get(stem)
        path = self._layout.result_file(stem)
        with io_errors("read", path):
            try:
                found = os.lstat(path)
            except FileNotFoundError:
                return
        if signature(found) != ours:
            aside = os.path.basename(set_aside(path))
            shown = f"results/{os.path.basename(path)}"
            self._notes.append(f"{shown} was changed while its task ran; it is kept as results/{aside}")


def _mode(path: str) -> int:
    try:
        return os.lstat(path).st_mode
    except OSError:
        return 0


def _sync_evidence(unsettled: Sequence[AttemptFiles]) -> None:
    """Sync logs and records, file by file."""
    with ExitStack() as stack:
        found = []
        for files in unsettled:
            for path in (files.stdout, files.stderr, files.record):
                spared = () if path == files.record else _SPOILT
                if (descriptor := _open_if_any(path, spared)) is not None:
                    stack.callback(os.close, descriptor)
                    found.append(descriptor)
        _sync_each(found)


def _sync_each(descriptors: Sequence[int]) -> None:
    if len(descriptors) > 1:
        start_writing(descriptors)
    for descriptor in descriptors:
        os.fsync(descriptor)


def _open_if_any(path: str, spared: Container[int]) -> int | None:
    """Open a file that has something in it to be synced; none where the system says a number of *spared*."""
    with io_errors("sync", path):
        try:
            if os.stat(path).st_size:
                return os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENOENT and error.errno not in spared:
                raise
    return None


# ── final output ────────
#
# ``final_output.md``: its time says which results it was made from, and which are newer.
#
# Clocks that were set back, and results from another machine whose clock is ahead, have no say in that: the output gets
# the time of the newest result, where that lies ahead.


def results_time(layout: Layout) -> int:
    """Return the time for an output that is made from the results as they lie there now, ns since the epoch.

    Raises:
        StoreError: they cannot be listed.
    """
    now = time.time_ns()
    return max(now, newest(result_files(layout.results).values()))


def write_final_output(layout: Layout, text: str, timestamp: int) -> None:
    """Write the aggregated result, made from what there was at that *timestamp*.

    Raises:
        StoreError: it could not be written.
    """
    make_room(layout.final_output)
    atomic_write(layout.final_output, text.encode())
    with suppress(OSError):  # some file systems let no one set times
        os.utime(layout.final_output, ns=(timestamp, timestamp))


def is_outdated(layout: Layout, newest_result: int) -> bool:
    """Say whether a result, changed at *newest_result* (ns since the epoch), is newer than the final output."""
    try:
        return os.stat(layout.final_output).st_mtime_ns < newest_result
    except OSError:
        return newest_result > 0


# ── result repair ────────
#
# The repairs of files: each loses nothing that a person wrote. Only with the lock held.


def remove(path: str) -> None:
    """Remove a cache, or what a killed writer left: a file, a link, or a directory with all that is in it.

    Raises:
        StoreError: it is still there.
    """
    with io_errors("remove", path):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def protect(path: str) -> None:
    """Take from everybody the right to write a file or directory; a link is not followed.

    Raises:
        StoreError: it is not ours.
    """
    with io_errors("protect", path):
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags)
        try:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            os.fchmod(descriptor, mode & ~stat.S_IWOTH)
        finally:
            os.close(descriptor)
