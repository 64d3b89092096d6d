"""Collects the state of every file in a plan directory, for ``doctor --plan``. Changes nothing.

The type of a file is checked first: only a plain file is opened, never a link or a pipe. Only the head of a result is
kept, and of a log only whether it matches its record, so memory grows by some hundred bytes for each task.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.core.batch import batches_of, expand
from orchestrator.core.message import torn_blocks
from orchestrator.core.plan import Plan
from orchestrator.core.result import StopReason
from orchestrator.doctor.checks import (
    DirectoryEntry,
    Evidence,
    JournalSeen,
    LockSeen,
    MarksSeen,
    RecordSeen,
    ResultSeen,
    Temporary,
)
from orchestrator.errors import PlanError, Problem, StoreError
from orchestrator.plan.document import fence_closes, fence_opens
from orchestrator.plan.lines import LARGEST_PLAN, Lines, conflict, too_large, unreadable
from orchestrator.plan.parser import parse_plan
from orchestrator.plan.sections import regions
from orchestrator.plan.task_file import parse_task_file
from orchestrator.store.atomic import io_errors, open_stream, read_file
from orchestrator.store.attempt_record import ATTEMPT_FILE, read_record
from orchestrator.store.batches import BatchFiles
from orchestrator.store.collection import instead_of
from orchestrator.store.evidence import merged_answer
from orchestrator.store.index import SCHEMA, is_as_written
from orchestrator.store.layout import Layout
from orchestrator.store.lock import UNKNOWN, dead_runs_of, lock_owner
from orchestrator.store.process import start_time
from orchestrator.store.result_file import LARGEST_RESULT, parse_result, why_no_result

# ── plan soundness ────────
#
# What one file of a plan directory says of itself, and whether it is whole: for ``doctor --plan``.

#: Bytes; a larger record was not written by us.
_MAX_RECORD = 1024**2
#: Bytes of a log that is compared with its record byte by byte; of larger ones only the size is.
_MAX_COMPARED = 1024**2
_MAX_LINE = 64 * 1024
#: Foreign lines of a journal that are listed.
_TOLD = 5

_MARK = re.compile(r"<!-- /?orchestrator:([a-z][a-z0-9_-]*) -->[ \t]*")
_JOURNAL_LINE = re.compile(rb"- \d{4}-\d\d-\d\dT[\d:.]+Z \xc2\xb7 .+\n?", re.DOTALL)


def look_at_result(stem: str, path: str, full: str, layout: Layout) -> ResultSeen | None:
    """Return what a result file says; None when a user has just removed it."""
    if os.stat(full).st_size > LARGEST_RESULT:
        return ResultSeen(stem, path, None, "larger than any result")
    data = read_file(full)
    if data is None:
        return None
    text, problem = data.decode(errors="replace").replace("\r\n", "\n"), unreadable(data, path)
    result = parse_result(text)
    if problem is None:
        problem = conflict(text, path) or merged_answer(text, stem, layout)
    if problem is not None and (result is None or problem.code == "not_text"):
        if problem.code != "conflict":
            return ResultSeen(stem, path, None, problem.message)
        return ResultSeen(stem, path, None, "", problem)
    if result is None:
        return ResultSeen(stem, path, None, why_no_result(text) if data.strip() else "it is empty")
    return ResultSeen(stem, path, result._replace(answer=""), "", problem)


def look_at_record(stem: str, number: int, path: str, full: str, size: int) -> RecordSeen:
    """Return what an attempt record says; unreadable when it cannot be believed."""
    record = read_record(full) if size <= _MAX_RECORD else None
    if record is None:
        return RecordSeen(stem, number, path)
    raw = json.loads(read_file(full) or b"{}")
    log = _compared(full.removesuffix("json") + "out", raw.get("log_bytes"), raw.get("log_sha256"))
    return RecordSeen(
        stem=stem,
        number=number,
        path=path,
        task=record.task,
        attempt=record.number,
        run=record.run,
        trouble=record.exit.error,
        log=log,
        is_cut=record.exit.stopped is StopReason.ORPHANED,
    )


def _compared(path: str, size: object, digest: object) -> str:
    """Return what is wrong with a log; a link or a pipe in its place is reported elsewhere."""
    try:
        found = os.lstat(path)
    except OSError:
        return "missing"
    if not stat.S_ISREG(found.st_mode) or not isinstance(size, int):
        return ""
    if found.st_size != size:
        return "changed"
    if not isinstance(digest, str) or size > _MAX_COMPARED:
        return ""
    return "" if hashlib.sha256(read_file(path) or b"").hexdigest() == digest else "changed"


def look_at_marks(lines: Sequence[str]) -> MarksSeen:
    """Return the marks that belong to none of our sections, outside of fences, and the sections that are there
    twice.
    """
    found = regions(lines)
    inside = {index for each in found for index in range(each.open, each.close + 1)}
    lone: list[tuple[int, str]] = []
    opened = ""
    for index, line in enumerate(lines):
        if index in inside:
            continue
        if line.startswith(("```", "~~~")):
            if not opened:
                opened = fence_opens(line)
            elif fence_closes(line, opened):
                opened = ""
        elif not opened and (mark := _MARK.fullmatch(line)):
            lone.append((index + 1, mark[1]))
    first: set[str] = set()
    doubled = []
    for each in found:
        if each.name in first:
            doubled.append((each.open + 1, each.name))
        first.add(each.name)
    return MarksSeen(lone, doubled)


def look_at_journal(path: str) -> JournalSeen:
    """Read a journal of any size, a piece at a time."""
    foreign: list[int] = []
    lines = others = 0
    is_whole = True
    with io_errors("read", path), open_stream(path) as file:
        while piece := file.readline(_MAX_LINE):
            is_begin, is_whole = is_whole, piece.endswith(b"\n")
            lines += is_begin
            is_ours = piece in {b"\n", b"# Journal\n"} or _JOURNAL_LINE.fullmatch(piece)
            if is_begin and is_whole and not is_ours:
                others += 1
                foreign += [lines] if len(foreign) < _TOLD else []
    return JournalSeen(not is_whole, lines, tuple(foreign), others)


#: Looks at a directory in which runs begin and end meanwhile.
_LOOKS = 5

_RESULT = re.compile(r"(.+)-result\.md")
_OF_LOGS = re.compile(r"run\.out(?:\.\d+)?|wait\.cursor|watch\.[\w.@-]+\.cursor")
_CONTEXT = re.compile(r"context-(.+)\.md")
_NOTES = re.compile(r"notes-.+-.+\.md")
_SET_ASIDE = re.compile(r".+\.damaged-\d+")
_TEMPORARY = re.compile(r"\..+\.(\d+)(?:\.\w+)?\.tmp|.+\.attempt-\d+\.json\.tmp|\.new_plan\.tmp")


def take_snapshot(layout: Layout) -> Evidence:
    """Return what lies in a plan directory, all of it seen while one run was active, or none.

    Raises:
        StoreError: something that is there cannot be read.
    """
    seen = Evidence()
    for _ in range(_LOOKS):
        before = _lock(layout)
        seen = _Look(layout).evidence()._replace(lock=before[1])
        after = _lock(layout)
        if before == after:
            return seen
        # A user began or ended meanwhile, so that halves of two moments would be compared.
        seen = seen._replace(lock=after[1]._replace(is_live=True))
    return seen


def who_runs(layout: Layout) -> LockSeen:
    """Return what the lock file says right now."""
    return _lock(layout)[1]


def _lock(layout: Layout) -> tuple[int, LockSeen]:
    found = _stat(layout.lock)
    if found is None or not stat.S_ISREG(found.st_mode):
        return 0, LockSeen()
    holder, dead = lock_owner(layout.lock), dead_runs_of(layout.lock)
    if dead == (UNKNOWN,):
        return found.st_mtime_ns, LockSeen(is_damaged=True)
    run = str(holder["run"]) if holder else dead[-1] if dead else ""
    return found.st_mtime_ns, LockSeen(run, holder is not None, dead)


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


@dataclass(slots=True)
class _Look:
    """One walk through a plan directory."""

    layout: Layout
    nodes: list[DirectoryEntry] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    set_aside: list[str] = field(default_factory=list)
    temporaries: list[Temporary] = field(default_factory=list)
    unreadable: list[Problem] = field(default_factory=list)

    def evidence(self) -> Evidence:
        """Read in the order in which nothing is missed: what names evidence first, the evidence after it."""
        is_cached = self._is_file("index.json")
        for name in ("", "run.lock", "plan.lock", "final_output.md"):
            self._is_file(name)
        plan, problems, marks = self._plan()
        stems, of_tasks = self._task_files(plan)
        results = list(self._results())
        records, attempts = self._logs()
        contexts = self._channels()
        for each in self._entries("."):
            self._note_temporary(each.name, each)
        seen = Evidence(
            plan=plan,
            problems=problems,
            task_problems=of_tasks,
            marks=marks,
            task_files=stems,
            results=results,
            records=records,
            attempts=attempts,
            contexts=contexts,
            nodes=self.nodes,
            strangers=self.strangers,
            set_aside=self.set_aside,
            temporaries=self.temporaries,
            unreadable=self.unreadable,
            journal=look_at_journal(self.layout.journal) if self._is_file("journal.md") else JournalSeen(),
        )
        return seen._replace(cache=self._cache()) if is_cached else seen

    # ── names ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _is_file(self, name: str) -> bool:
        """Look at an entry; whatever is wrong with what it is, is noted."""
        found = _stat(f"{self.layout.root}/{name}".rstrip("/"))
        return found is not None and self._look(name or ".", found, is_directory=not name)

    def _look(self, path: str, found: os.stat_result, *, is_directory: bool = False) -> bool:
        kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
        kind = kinds.get(stat.S_IFMT(found.st_mode), "other")
        is_open = kind != "link" and bool(found.st_mode & stat.S_IWOTH)
        is_right = kind == ("directory" if is_directory else "file")
        if is_open or not is_right:
            self.nodes.append(DirectoryEntry(path, kind, is_open))
        return is_right

    def _entries(self, directory: str) -> Iterator[os.DirEntry[str]]:
        path = self.layout.root if directory == "." else f"{self.layout.root}/{directory}"
        found = _stat(path)
        if found is None:
            return
        if directory != ".":
            self._look(directory, found, is_directory=True)
        with io_errors("list", path), os.scandir(path) as entries:
            yield from sorted(entries, key=lambda entry: entry.name)

    def _note_temporary(self, name: str, entry: os.DirEntry[str]) -> bool:
        match = _TEMPORARY.fullmatch(name)
        found = _stat(entry.path) if match else None
        if match is None or found is None:
            return match is not None
        gone = start_time(int(match[1])) is None if match[1] else None
        path = os.path.relpath(entry.path, self.layout.root)
        self.temporaries.append(Temporary(path, time.time() - found.st_mtime, gone))
        return True

    def _note_name(self, path: str, name: str, entry: os.DirEntry[str]) -> None:
        """Note an entry of ``results/`` or ``logs/`` whose name is none of theirs."""
        if self._note_temporary(name, entry) or name.startswith("."):
            return  # hidden files are an editor's
        (self.set_aside if _SET_ASIDE.fullmatch(name) else self.strangers).append(path)

    # ── what people own ──────────────────────────────────────────────────────────────────────────────────────────

    def _plan(self) -> tuple[Plan | None, Sequence[Problem], MarksSeen]:
        name = "master_plan.md"
        found = _stat(self.layout.plan)
        if found is None:
            hint = f"restore it, or {instead_of(self.layout)}"
            return None, [Problem("there is no plan", name, hint, "missing")], MarksSeen()
        is_link = stat.S_ISLNK(found.st_mode) and os.path.isfile(self.layout.plan)
        if not self._look(name, found) and not is_link:
            return None, [], MarksSeen()
        if (problem := too_large(os.stat(self.layout.plan).st_size, name, LARGEST_PLAN)) is not None:
            return None, [problem], MarksSeen()
        data = read_file(self.layout.plan) or b""
        plan, problems = parse_plan(data, name)
        if not problems:
            try:
                plan = expand(plan, BatchFiles(self.layout, ".").read_all(batches_of(plan)))
            except PlanError as error:
                problems = list(error.problems)
        try:
            marks = look_at_marks(Lines.of(data).bare())
        except ValueError:  # it is among the problems
            marks = MarksSeen()
        return (None if problems else plan), problems, marks

    def _task_files(self, plan: Plan | None) -> tuple[list[str], list[Problem]]:
        stems: list[str] = []
        problems: list[Problem] = []
        ours = {task.stem for task in plan.tasks.values()} if plan else set()
        for entry in self._entries("agent_tasks"):
            path, stem = f"agent_tasks/{entry.name}", entry.name.removesuffix(".md")
            found = _stat(entry.path)
            if self._note_temporary(entry.name, entry) or found is None or stem == entry.name:
                continue
            stems.append(stem)
            # A link that a person made is read like the file itself.
            is_linked = entry.is_symlink() and entry.is_file()
            if (is_linked or self._look(path, found)) and stem in ours:
                problems += _problems_of(entry.path, path)
        return stems, problems

    # ── what we own ──────────────────────────────────────────────────────────────────────────────────────────────

    def _results(self) -> Iterator[ResultSeen]:
        for entry in self._entries("results"):
            path, match = f"results/{entry.name}", _RESULT.fullmatch(entry.name)
            found = _stat(entry.path)
            if found is None:
                continue
            if match is None or entry.name.startswith("."):
                self._note_name(path, entry.name, entry)
                continue
            is_linked = entry.is_symlink() and entry.is_file()
            if not self._look(path, found) and not is_linked:
                continue
            seen = look_at_result(match[1], path, entry.path, self.layout)
            if seen is not None:
                yield seen

    def _logs(self) -> tuple[dict[tuple[str, int], RecordSeen], dict[str, int]]:
        records: dict[tuple[str, int], RecordSeen] = {}
        attempts: dict[str, int] = {}
        for entry in self._entries("logs"):
            path, match = f"logs/{entry.name}", ATTEMPT_FILE.fullmatch(entry.name)
            found = _stat(entry.path)
            if found is None:
                continue
            if match is None:
                if not _OF_LOGS.fullmatch(entry.name):
                    self._note_name(path, entry.name, entry)
                continue
            stem, number = match[1], int(match[2])
            attempts[stem] = max(attempts.get(stem, 0), number)
            if self._look(path, found) and entry.name.endswith(".json"):
                records[stem, number] = look_at_record(stem, number, path, entry.path, found.st_size)
        return records, attempts

    def _channels(self) -> dict[str, int]:
        """Return for each task about which something was said how many messages are torn."""
        contexts = {}
        for directory, names in (("contexts", _CONTEXT), ("notes", _NOTES)):
            try:
                entries = list(self._entries(directory))
            except StoreError as error:
                self.unreadable.append(Problem(error.message, directory, error.hint))
                continue
            for entry in entries:
                path, match = f"{directory}/{entry.name}", names.fullmatch(entry.name)
                found = _stat(entry.path)
                if found is None:
                    continue
                if match is None:
                    self._note_name(path, entry.name, entry)
                elif self._look(path, found) and directory == "contexts":
                    try:
                        contexts[match[1]] = torn_blocks(read_file(entry.path) or b"")
                    except StoreError as error:
                        self.unreadable.append(Problem(error.message, path, error.hint))
        return contexts

    def _cache(self) -> str:
        """Return why the cache is not read, unless it is of another version."""
        data = read_file(self.layout.index) or b""
        if is_as_written(data):
            return ""
        try:
            is_other = json.loads(data)["schema"] != SCHEMA
        except (ValueError, LookupError, TypeError, RecursionError):
            is_other = False
        return "" if is_other else "it is not as it was written, so nothing is read from it"


def _problems_of(full: str, path: str) -> Sequence[Problem]:
    """Return what is wrong with a task file."""
    if (problem := too_large(os.stat(full).st_size, path)) is not None:
        return [problem]
    return parse_task_file(read_file(full) or b"", path).problems
