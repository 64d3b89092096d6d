"""``index.json``: what was read from plan and results, kept with the signature of each file it came from.

A cache and nothing else: delete it at any time. An entry counts only while its file is the very same one (inode, size,
times), so a hand edit is always seen. ``status`` on 10,000 tasks reads this file instead of 10,001 others.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Sequence
from typing import Any

from orchestrator.core.graph import Shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Attempt, Result
from orchestrator.core.state import TaskStatus
from orchestrator.errors import StoreError
from orchestrator.store.atomic import read_file, replace_file

SCHEMA = 1
#: A file changed within this many nanoseconds of being read could change again without its times showing it.
_RACY = 50_000_000

_STATUSES = {status.value: status for status in TaskStatus}


def signature(found: os.stat_result) -> int:
    """Return what tells one version of a file from the next."""
    return hash((found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns))


def is_settled(found: os.stat_result) -> bool:
    """Say whether the file is old enough for its signature to be trusted."""
    return time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _RACY


class Index:
    """The cache in memory. ``is_dirty`` says that writing it back would help the next reader."""

    def __init__(self, path: str) -> None:
        """Read *path*; anything wrong with it is the same as an empty cache."""
        self._path = path
        self.is_dirty = False
        try:
            raw = json.loads(read_file(path) or b"{}")
        except (ValueError, RecursionError, StoreError):
            raw = {}
        usable = isinstance(raw, dict) and raw.get("schema") == SCHEMA
        plan, results = (raw.get("plan"), raw.get("results")) if usable else (None, None)
        self._plan: dict[str, Any] | None = plan if isinstance(plan, dict) else None
        self._results: dict[str, Any] = results if isinstance(results, dict) else {}

    def plan(self, signed: int) -> tuple[Plan, Shape] | None:
        """Return the plan that was read from the file with this signature."""
        raw = self._plan
        try:
            if raw is None or raw.get("signature") != signed:
                return None
            tasks = {row[0]: _task(row) for row in raw["tasks"]}
            plan = Plan(tasks=tasks, **raw["about"])
            order = tuple(raw["order"])
            batch = dict(zip(order, raw["batch"], strict=True))
            return plan, Shape(order, batch, dict(zip(order, raw["rank"], strict=True)))
        except (KeyError, TypeError, ValueError, IndexError):
            return None

    def keep_plan(self, signed: int, plan: Plan, shape: Shape) -> None:
        """Remember a plan that was just read."""
        self._plan = {
            "signature": signed,
            "about": {
                "title": plan.title,
                "request": plan.request,
                "goal": plan.goal,
                "settings": dict(plan.settings),
                "lines": dict(plan.lines),
                "file": plan.file,
            },
            "tasks": list(plan.tasks.values()),
            "order": shape.order,
            "batch": [shape.batch[task_id] for task_id in shape.order],
            "rank": [shape.rank[task_id] for task_id in shape.order],
        }
        self.is_dirty = True

    def resign_plan(self, before: int, after: int) -> None:
        """Follow a redraw of our own: the person's part of the file is the same."""
        if self._plan is not None and self._plan.get("signature") == before:
            self._plan["signature"] = after
            self.is_dirty = True

    def result(self, stem: str, signed: int) -> Result | None:
        """Return the result that was read from the file with this signature, without its answer."""
        raw = self._results.get(stem)
        try:
            return _result(raw[1:]) if raw is not None and raw[0] == signed else None
        except (KeyError, TypeError, ValueError, IndexError):
            return None

    def keep_result(self, stem: str, signed: int, result: Result) -> None:
        """Remember a result that was just read."""
        self._results[stem] = [
            signed, result.task, result.agent, result.status.value, result.attempts, {**result.inputs}
        ]  # fmt: skip
        self.is_dirty = True

    def keep_only(self, stems: Collection[str]) -> None:
        """Forget results whose files are gone."""
        if len(self._results) > len(stems):
            self._results = {stem: raw for stem, raw in self._results.items() if stem in stems}
            self.is_dirty = True

    def write(self) -> None:
        """Write the cache; a directory that cannot be written is no reason to fail."""
        raw = {"schema": SCHEMA, "plan": self._plan, "results": self._results}
        try:
            replace_file(
                self._path, json.dumps(raw, separators=(",", ":"), ensure_ascii=False).encode()
            )
        except StoreError:
            return  # a cache that cannot be kept costs time, nothing else
        self.is_dirty = False


def _task(row: Sequence[Any]) -> Task:
    # Made in one go: ten thousand of them are made at every look at a big plan.
    values = dict(zip(Task._fields, row, strict=True))
    values["needs"] = tuple(values["needs"])
    values["inputs"] = tuple([(name, value) for name, value in values["inputs"]])
    return Task._make(values.values())


def _result(row: Sequence[Any]) -> Result:
    task, agent, status, attempts, inputs = row
    made = tuple([Attempt._make(raw) for raw in attempts])
    return Result(task, agent, _STATUSES[status], made, dict(inputs))
