"""``index.json``: what was read from plan and results, kept with the signature of each file it came from.

A cache and nothing else: delete it at any time. It counts only as it was written, which its checksum tells, and an
entry only while its file is the very same one (inode, size, times), so a hand edit of either is always seen. ``status``
on 10,000 tasks reads this file instead of 10,001 others; a run believes only those others.

It holds columns, not rows: a column is read and turned into objects by the interpreter's own loops, and one whose cells
are all the same is kept as one cell. The columns are the fields of ``Task``, ``Result`` and ``Attempt``; a cache
written before a field was added lacks its column, and is empty then.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchestrator.core.graph import Shape
from orchestrator.core.plan import Plan, PlanHeader, Task
from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import TaskStatus
from orchestrator.errors import StoreError
from orchestrator.lazy import LazyModule
from orchestrator.store.atomic import atomic_write, read_file
from orchestrator.store.fingerprint import signature_of

if TYPE_CHECKING:
    from orchestrator.core import notification, plan_status
    from orchestrator.store import attempt_record
    from orchestrator.store.attempt_record import Traces
else:
    notification = LazyModule("orchestrator.core.notification")
    plan_status = LazyModule("orchestrator.core.plan_status")
    attempt_record = LazyModule("orchestrator.store.attempt_record")

SCHEMA = 7
_HEAD = f'{{"schema":{SCHEMA},"checksum":"'.encode()
#: Characters of the checksum, and of what follows it.
_SUM, _NEXT = 8, b'",'
_STATUSES = {status.value: status for status in TaskStatus}


class Index:
    """The cache in memory. ``is_dirty`` says that writing it back would help the next reader."""

    def __init__(self, path: str, *, anew: bool = False) -> None:
        """Read *path*; anything wrong with it is the same as an empty cache. *anew*: nothing that is there counts."""
        self._path = path
        self.is_dirty = False
        self._logs = 0
        """Which version of the directory of logs the results were compared with."""
        self._plan: tuple[int, Plan, Shape] | None = None
        self._batches = 0
        """The version of the records of its batches."""
        self._results: dict[str, tuple[int, Result]] = {}
        #: What is known of the plans below this directory (store/collection.py); only kept here.
        self._plans: object = None
        raw = {} if anew else read_cache(path)
        self._plans = raw.get("plans")
        try:
            if "results" in raw:
                self._plan, self._results = _plan(raw["plan"]), _results(raw["results"])
                self._logs, self._batches = raw["logs"], raw["batches"]
        except (ValueError, LookupError, TypeError):
            return  # written by another version: what was not read from the cache is read from the files

    def plan(self, signed: int, batches: int = 0) -> tuple[Plan, Shape] | None:
        """Return the plan that was read from the file with this signature, and records of batches of this version."""
        known = self._plan
        return known[1:] if known is not None and (known[0], self._batches) == (signed, batches) else None

    def keep_plan(self, signed: int, plan: Plan, shape: Shape, batches: int = 0) -> None:
        """Remember a plan that was just read."""
        self._plan, self._batches = (signed, plan, shape), batches
        self.is_dirty = True

    def resign_plan(self, before: int, after: int) -> None:
        """Follow a redraw of our own: the person's part of the file is the same."""
        if self._plan is not None and self._plan[0] == before:
            self._plan = after, *self._plan[1:]
            self.is_dirty = True

    def results(self, signed: Mapping[str, int]) -> dict[str, Result]:
        """Return, by task, the results that were read from files with these signatures, without their answers."""
        return {result.task: result for stem, (before, result) in self._results.items() if signed.get(stem) == before}

    def keep_result(self, stem: str, signed: int, result: Result) -> None:
        """Remember a result that was just read, without its answer."""
        self._results[stem] = signed, result._replace(answer="")
        self.is_dirty = True

    def keep_only(self, stems: Collection[str]) -> None:
        """Forget results whose files are gone."""
        if len(self._results) > len(stems):
            self._results = {stem: known for stem, known in self._results.items() if stem in stems}
            self.is_dirty = True

    def forget(self, stem: str) -> None:
        """Forget a result that turned out not to count."""
        if self._results.pop(stem, None) is not None:
            self.is_dirty = True

    def unseen_traces(self, logs: str) -> dict[str, Traces] | None:
        """Return what the directory of logs knows; None where it is as it was when this was asked last.

        A result is kept here with its record seen; a user may have taken that away since.

        Raises:
            StoreError: it cannot be listed.
        """
        signed = signature_of(logs)
        if signed == self._logs:
            return None

        self._logs, self.is_dirty = signed, True
        return attempt_record.scan_logs(logs)

    def write(self) -> None:
        """Write the cache; a directory that cannot be written is no reason to fail."""
        raw: dict[str, object] = {
            "logs": self._logs,
            "batches": self._batches,
            "plan": _raw_plan(*self._plan) if self._plan and not _is_secret(self._plan[1]) else None,
            "results": _raw_results(self._results),
        }
        if self._plans is not None:
            raw["plans"] = self._plans
        try:
            write_cache(self._path, raw)
        except StoreError:
            return  # a cache that cannot be kept costs time, nothing else
        self.is_dirty = False


def read_cache(path: str) -> dict[str, Any]:
    """Return what a cache holds; nothing where it is not, byte for byte, what ``write_cache`` wrote."""
    try:
        data = read_file(path) or b""
    except StoreError:
        return {}
    return json.loads(b"{" + _body(data)) if is_as_written(data) else {}


def write_cache(path: str, raw: Mapping[str, object]) -> None:
    """Write a cache; raises ``StoreError`` where it cannot be written."""
    text = json.dumps(raw, separators=(",", ":"), ensure_ascii=False, default=dict)
    # Where the plan lies may have bytes that are no UTF-8.
    body = text.encode(errors="backslashreplace")[1:]
    atomic_write(path, _HEAD + _checksum(body) + _NEXT + body)


def is_as_written(data: bytes) -> bool:
    """Say whether these are the bytes of a cache as ``write_cache`` of this version wrote it."""
    return data.startswith(_HEAD) and data[len(_HEAD) :].startswith(_checksum(_body(data)) + _NEXT)


def _body(data: bytes) -> bytes:
    return data[len(_HEAD) + _SUM + len(_NEXT) :]


def _checksum(body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body)


def _is_secret(plan: Plan) -> bool:
    """Whether addresses stand in the plan that let everybody post who reads them: no second file has a copy."""
    if "notify" not in plan.settings:
        return False

    return any(target.is_secret for target in notification.targets(plan.settings["notify"]))


def _raw_plan(signed: int, plan: Plan, shape: Shape) -> dict[str, Any]:
    return {
        "signature": signed,
        "about": {
            "title": plan.title,
            "request": plan.request,
            "goal": plan.goal,
            "lines": plan.lines,
            "file": plan.file,
            "table": plan.table,
            "charter": plan.header,
        },
        "settings": plan.settings,
        "tasks": _columns(Task._fields, list(plan.tasks.values())),
        "order": shape.order,
        "batch": [shape.batch[task_id] for task_id in shape.order],
        "rank": [shape.rank[task_id] for task_id in shape.order],
    }


def _plan(raw: dict[str, Any] | None) -> tuple[int, Plan, Shape] | None:
    if raw is None:
        return None
    tasks = {task.id: task for task in map(Task._make, _rows(Task._fields, raw["tasks"]))}
    settings = {name: _as_field(value) for name, value in raw["settings"].items()}
    order = tuple(raw["order"])
    batch = dict(zip(order, raw["batch"], strict=True))
    rank = dict(zip(order, raw["rank"], strict=True))
    about = raw["about"]
    state, *rest = about.pop("charter")
    plan_header = PlanHeader(_state(state), *rest)
    plan = Plan(tasks=tasks, settings=settings, header=plan_header, **about)
    return raw["signature"], plan, Shape(order, batch, rank)


def _state(word: str | None) -> plan_status.PlanState | None:
    if not word:
        return None

    return plan_status.PlanState(word)


def _raw_results(known: Mapping[str, tuple[int, Result]]) -> dict[str, Any]:
    results = [result for _, result in known.values()]
    attempts = [attempt for result in results for attempt in result.attempts]
    return {
        **_columns(Result._fields, results),
        "attempts": [len(result.attempts) for result in results],
        "stem": list(known),
        "signature": [signed for signed, _ in known.values()],
        "of_attempts": _columns(Attempt._fields, attempts),
    }


def _results(raw: dict[str, Any]) -> dict[str, tuple[int, Result]]:
    attempts, counts = (map(Attempt._make, _rows(Attempt._fields, raw["of_attempts"])), raw["attempts"])
    read = {
        **raw,
        # Nearly every task has one, and then there is nothing to count.
        "attempts": list(zip(attempts, strict=True))
        if counts.count(1) == len(counts)
        else [tuple(islice(attempts, count)) for count in counts],
        "status": [_STATUSES[status] for status in raw["status"]],
    }
    results = list(map(Result._make, _rows(Result._fields, read)))
    return dict(zip(raw["stem"], zip(raw["signature"], results, strict=True), strict=True))


def _columns(fields: Sequence[str], rows: Sequence[Sequence[Any]]) -> dict[str, list[Any]]:
    """Turn rows into columns. The first is always whole: it says how many rows there are."""
    columns = {field: [row[place] for row in rows] for place, field in enumerate(fields)}
    for field in fields[1:]:
        first = columns[field][:1]
        if first * len(rows) == columns[field]:
            columns[field] = first
    return columns


def _rows(fields: Sequence[str], columns: dict[str, list[Any]]) -> Iterator[tuple[Any, ...]]:
    """Turn columns back into rows."""
    count = len(columns[fields[0]])
    whole = []
    for field in fields:
        cells = columns[field]
        if cells and isinstance(cells[0], list):
            cells = list(map(_as_field, cells))
        whole.append(cells * count if len(cells) == 1 else cells)
    return zip(*whole, strict=True)


def _as_field(value: Any) -> Any:
    """Return what was written as a tuple as one; JSON has only lists."""
    if not isinstance(value, list):
        return value
    # Nearly all of them are flat, and then no loop is needed.
    return tuple(map(_as_field, value) if value and isinstance(value[0], list) else value)
