"""What one file of a plan directory says of itself, and whether it is whole: for ``doctor --plan``."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Sequence

from orchestrator.core.result import StopReason
from orchestrator.doctor.checks import JournalSeen, MarksSeen, RecordSeen, ResultSeen
from orchestrator.plan.blocks import fence_closes, fence_opens
from orchestrator.plan.lines import conflict, unreadable
from orchestrator.plan.sections import regions
from orchestrator.store.atomic import open_stream, read_file, io_errors
from orchestrator.store.attempt_record import read_record
from orchestrator.store.evidence import merged_answer
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import LARGEST_RESULT, parse_result, why_no_result

#: Bytes; a larger record was not written by us.
_MAX_RECORD = 1024**2
#: Bytes of a log that is compared with its record byte by byte; of larger ones only the size is.
_MAX_COMPARED = 1024**2
_MAX_LINE = 64 * 1024
#: Foreign lines of a journal that are told.
_TOLD = 5

_MARK = re.compile(r"<!-- /?orchestrator:([a-z][a-z0-9_-]*) -->[ \t]*")
_JOURNAL_LINE = re.compile(rb"- \d{4}-\d\d-\d\dT[\d:.]+Z \xc2\xb7 .+\n?", re.DOTALL)


def look_at_result(stem: str, path: str, full: str, layout: Layout) -> ResultSeen | None:
    """Return what a result file says; None when somebody has just removed it."""
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
    """Return what is wrong with a log; a link or a pipe in its place is told elsewhere."""
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
    """Return the marks that belong to no section of ours, outside of fences, and the sections that are there twice."""
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
