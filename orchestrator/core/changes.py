"""Which attempt changed which file: a file system says that a file was changed, and when, but never by whom.

Two scans of the work directory tell what was changed between them. The attempts that ran at that moment may have done
it. Fewer are left where the log of one shows that it edited the file, or where one alone declares that it writes it.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestrator.core.pools import is_declared
from orchestrator.core.text import code, join_first, pluralize

#: Seconds that the clock of a file system may be behind.
_COARSE = 0.05
#: Changes of one file that are remembered; files of one attempt, and conflicts.
_MOST_CHANGES, _MOST_FILES = 64, 1000
#: Files named in a line, and in a result.
_NAMED, _LISTED = 5, 100


class FileState(NamedTuple):
    """What changes whenever a file does. Times in nanoseconds since the epoch."""

    modified: int
    changed: int
    """Of its content or of anything that is known of it: no program can set this one."""
    size: int
    inode: int


class Scan(NamedTuple):
    """What a scan of the work directory found, and between which moments it was taken; seconds since the epoch."""

    files: Mapping[str, FileState]
    began: float
    ended: float


@dataclass(slots=True, eq=False, repr=False)
class AttemptSpan:
    """One attempt: when it ran, and what it says that it writes."""

    task: str
    started: float
    writes: Sequence[str] = ()
    ended: float = math.inf
    edited: Collection[str] = ()
    """Files that its log shows it edited."""
    undeclared: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Files that it changed without declaring them; each with the other tasks that may have done it instead."""

    def overlaps(self, other: AttemptSpan) -> bool:
        """Say whether both ran at the same time, for some time."""
        return self.started < other.ended and other.started < self.ended


class _Change(NamedTuple):
    by: tuple[AttemptSpan, ...]
    """Those that may have made it."""
    is_sure: bool
    """Whether that is known, and not concluded from what they declare."""
    is_logged: bool = False
    """Whether a log says so: then a scan may have seen the very same change before."""


class Conflict(NamedTuple):
    """A file that two tasks changed which ran at the same time."""

    path: str
    tasks: tuple[str, str]
    is_sure: bool

    def __str__(self) -> str:
        """Say it in one line."""
        one, other = self.tasks
        verb = "both changed" if self.is_sure else "may both have changed"
        return f"{one} and {other} ran at the same time and {verb} {self.path}"


@dataclass(slots=True, eq=False, repr=False)
class ObservedChanges:
    """Everything that is known of the files that the attempts of a run changed."""

    conflicts: list[Conflict] = field(default_factory=list)
    _spans: dict[str, AttemptSpan] = field(default_factory=dict)
    """Those that a change may still be of, by the key of their attempt."""
    _known: dict[str, list[_Change]] = field(default_factory=dict)
    """By path."""
    _told: set[tuple[str, frozenset[str]]] = field(default_factory=set)
    _newest: Scan | None = None

    @property
    def last_scan(self) -> float:
        """When the newest scan began; 0: there was none."""
        return self._newest.began if self._newest else 0.0

    @property
    def is_idle(self) -> bool:
        """Whether no attempt is under way."""
        return all(span.ended < math.inf for span in self._spans.values())

    def start(self, key: str, span: AttemptSpan) -> None:
        """Take in that an attempt begins."""
        self._spans[key] = span

    def end(self, key: str, ended: float) -> None:
        """Take in that an attempt is over."""
        self._spans[key].ended = ended

    def of(self, key: str) -> AttemptSpan:
        """Return what is known of an attempt."""
        return self._spans[key]

    def forget(self, key: str) -> None:
        """Take in that nothing more is asked of an attempt that is over. Its changes stay known."""
        del self._spans[key]

    def see_edits(self, key: str, paths: Collection[str]) -> list[Conflict]:
        """Take in which files the log of an attempt shows it edited; return the conflicts that are new."""
        span, found = self._spans[key], []
        fresh = [path for path in paths if path not in span.edited]
        if fresh and len(span.edited) < _MOST_FILES:
            span.edited = {*span.edited, *fresh}
            for path in fresh:
                found += self._add(path, _Change((span,), is_sure=True, is_logged=True))
        return found

    def compare(self, scan: Scan) -> list[Conflict]:
        """Compare a scan with the one before; return the conflicts that are new."""
        before, self._newest = self._newest, scan
        if before is None:
            return []
        found: list[Conflict] = []
        for path in _changed(before.files, scan.files):
            state = scan.files.get(path)
            by = self._running(before.began, scan.ended, state.changed / 1e9 if state else -math.inf)
            if not by:
                continue  # a person's, or what came of something else
            change = _narrowed(path, by)
            if not any(is_declared(path, span.writes) for span in change.by):
                for span in change.by:
                    if span.writes and len(span.undeclared) < _MOST_FILES:
                        span.undeclared[path] = tuple(other.task for other in change.by if other is not span)
            found += self._add(path, change)
        return found

    def _running(self, since: float, until: float, at: float) -> tuple[AttemptSpan, ...]:
        """Return the attempts that ran between two scans; at that very moment, where it lies between them."""
        if since - _COARSE <= at <= until + _COARSE:
            since, until = at - _COARSE, at + _COARSE
        return tuple(span for span in self._spans.values() if span.started <= until and span.ended >= since)

    def _add(self, path: str, change: _Change) -> list[Conflict]:
        known = self._known.setdefault(path, [])
        found = [conflict for other in known if (conflict := self._conflict(path, change, other))]
        if len(known) < _MOST_CHANGES and change not in known:
            known.append(change)
        self.conflicts += found[: _MOST_FILES - len(self.conflicts)]
        return found

    def _conflict(self, path: str, change: _Change, other: _Change) -> Conflict | None:
        """Return what two changes of a file come to: nothing, where one attempt can have made both of them.

        Where one of them may be of either of two attempts and the other one is not, that is likely enough to be told.
        With more candidates it would be a guess.
        """
        spans = tuple(dict.fromkeys((*other.by, *change.by)))
        if len(spans) != 2 or change.by == other.by or not spans[0].overlaps(spans[1]):
            return None
        is_clear = len(change.by) == len(other.by) == 1
        if not is_clear and (change.is_logged or other.is_logged):
            return None
        is_sure = is_clear and change.is_sure and other.is_sure
        tasks = (spans[0].task, spans[1].task)
        key = (path, frozenset(tasks))
        if tasks[0] == tasks[1] or key in self._told:
            return None
        self._told.add(key)
        return Conflict(path, tasks, is_sure)


def _changed(before: Mapping[str, FileState], after: Mapping[str, FileState]) -> Iterator[str]:
    yield from (path for path, state in after.items() if before.get(path) != state)
    yield from before.keys() - after.keys()


def _narrowed(path: str, by: tuple[AttemptSpan, ...]) -> _Change:
    if len(by) == 1:
        return _Change(by, is_sure=True)
    if edited := tuple(span for span in by if path in span.edited):
        return _Change(edited, is_sure=True)
    if declared := tuple(span for span in by if is_declared(path, span.writes)):
        return _Change(declared, is_sure=False)
    return _Change(by, is_sure=True)


# ── in words ────────


def changed_alone(span: AttemptSpan) -> list[str]:
    """Return the files that an attempt changed without declaring them, and nothing else can have."""
    return sorted(path for path, others in span.undeclared.items() if not others)


def undeclared_lines(span: AttemptSpan) -> list[str]:
    """Return the items of a list of the files that an attempt changed without declaring them."""
    lines = []
    for path, others in sorted(span.undeclared.items())[:_LISTED]:
        lines.append(f"{code(path)} (by this task, or by {' or '.join(others)})" if others else code(path))
    if (more := len(span.undeclared) - _LISTED) > 0:
        lines.append(f"… and {more:,} more")
    return lines


def undeclared_text(span: AttemptSpan) -> str:
    """Say in one line which files an attempt changed without declaring them; empty: none."""
    parts = []
    if sole := changed_alone(span):
        parts.append(
            f"changed {pluralize(len(sole), 'file')} that its `writes` does not cover: {join_first(sole, _NAMED)}"
        )
    if shared := sorted(set(span.undeclared) - set(sole)):
        tasks = dict.fromkeys((span.task, *(other for path in shared for other in span.undeclared[path])))
        verb = "was" if len(shared) == 1 else "were"
        parts.append(
            f"{join_first(shared, _NAMED)} {verb} changed by {' or '.join(tasks)}, and none of them declares it"
        )
    return "; ".join(parts)
