"""A plan of five tasks in various states, and ways to read what was drawn of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from markdown_it import MarkdownIt

from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Attempt, Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus

#: 2026-01-05 14:00:00 UTC
BEGIN = 1767621600.0

#: Everything that could end a cell, a label, a comment, a fence, a template or a terminal's good manners.
HOSTILE = (
    'a | b\nc --> <!-- /orchestrator:status --> <b>`x "q" \']]] {{ 7*7 }} {% raw %}'
    "\x1b[31m\u202e ```\n## H #quot; %% ;end\\"
)


def task(id: str, name: str = "", *needs: str, **more: Any) -> Task:
    return Task(id=id, name=name or id, **{"description": name or id} | more, needs=needs)


def attempt(number: int, status: str, begin: float, seconds: float = 0.0, reason: str = "") -> Attempt:
    return Attempt(
        number=number,
        charge=number,
        status=status,
        started=BEGIN + begin,
        ended=0.0 if status == "running" else BEGIN + begin + seconds,
        duration=seconds,
        reason=reason,
        run="r1",
    )


def result(id: str, status: TaskStatus, *attempts: Attempt) -> Result:
    return Result(task=id, agent="claude", status=status, attempts=attempts)


def board(tasks: Iterable[Task], *results: Result, **about: Any) -> PlanSnapshot:
    by_id = {each.id: each for each in tasks}
    about = {"title": "Task Plan", "request": "Analyze my project"} | about
    return PlanSnapshot(
        plan=Plan(tasks=by_id, **about), shape=shape(by_id), results={each.task: each for each in results}
    )


def five(*names: str) -> list[Task]:
    """The plan of the seed's first scenario: one, then three beside each other, then one."""
    names = names or ("Scan", "Quality", "Security", "Performance", "Report")
    needs = [(), ("T-01",), ("T-01",), ("T-01",), ("T-02", "T-03", "T-04")]
    return [
        task(f"T-0{number}", name, *before)
        for number, (name, before) in enumerate(zip(names, needs, strict=True), start=1)
    ]


def midway(*names: str, reason: str = "exit 2") -> PlanSnapshot:
    """One completed, one failed at its second attempt, one running, one ready, one skipped."""
    return board(
        five(*names),
        result("T-01", TaskStatus.COMPLETED, attempt(1, "completed", 0, 1.8)),
        result("T-02", TaskStatus.FAILED, attempt(1, "failed", 1.8, 2, "timed out"), attempt(2, "fatal", 6, 1, reason)),
        result("T-03", TaskStatus.RUNNING, attempt(1, "running", 1.8)),
    )


def done() -> PlanSnapshot:
    """All five completed in 6.5 seconds that would have been 11.2 one after the other."""
    completed = TaskStatus.COMPLETED
    return board(
        five(),
        result("T-01", completed, attempt(1, "completed", 0, 1.8)),
        result("T-02", completed, attempt(1, "failed", 1.8, 1, "exit 1"), attempt(2, "completed", 3.3, 1.5)),
        result("T-03", completed, attempt(1, "completed", 1.8, 3.2)),
        result("T-04", completed, attempt(1, "completed", 1.8, 2.2)),
        result("T-05", completed, attempt(1, "completed", 5.0, 1.5)),
    )


def large(size: int, *, chain: bool = False) -> PlanSnapshot:
    """A plan of which the first half is completed or failed, eight tasks run and the rest waits."""
    tasks = [task(f"T-{i}", "", *([f"T-{i - 1}"] if chain and i else [])) for i in range(size)]
    half = size // 2
    results = []
    for i in range(half):
        bad = not chain and i % 20 == 7
        status = TaskStatus.FAILED if bad else TaskStatus.COMPLETED
        results.append(
            result(f"T-{i}", status, attempt(1, "failed" if bad else "completed", i, 5, "exit 1" if bad else ""))
        )
    results += [result(f"T-{i}", TaskStatus.RUNNING, attempt(1, "running", i)) for i in range(half, half + 8)]
    return board(tasks, *results)


def tables(markdown: str) -> list[list[list[str]]]:
    """Every table in a text as a list of rows of cells, read by a markdown parser and not by us."""
    found: list[list[list[str]]] = []
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    for place, token in enumerate(tokens):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type in {"td_open", "th_open"}:
            found[-1][-1].append(tokens[place + 1].content)
    return found


def headings(markdown: str) -> list[str]:
    """Every heading of a text with its level, read by a markdown parser."""
    tokens = MarkdownIt("commonmark").enable("table").parse(markdown)
    return [
        f"{'#' * int(token.tag[1:])} {tokens[place + 1].content}"
        for place, token in enumerate(tokens)
        if token.type == "heading_open"
    ]
