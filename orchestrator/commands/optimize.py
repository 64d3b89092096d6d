"""The command ``optimize``: what would make a plan quicker, and the better plan."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import CALLER, DIR, JSON, Command, Facts, argument, flag, option
from orchestrator.core.duration import format_duration
from orchestrator.core.optimize import EdgeFinding, Improvement, Times, improve
from orchestrator.core.text import join_first, pluralize
from orchestrator.errors import NotFoundError, Problem, UsageError
from orchestrator.planner.draft import wrong_size
from orchestrator.planner.optimize import Subject, of_directory, of_file, write
from orchestrator.store.layout import Layout, display_path
from orchestrator.views.diagram import chain_line

#: Findings of one kind that are printed; ``--json`` has all.
_MOST = 10
_MOST_GROUPS = 3
#: A name that ends so means a file.
_FILES = (".json", ".md", ".markdown")


@dataclass(frozen=True)
class OptimizeParams:
    """Which plan, and where the better one goes."""

    target: str = argument("[DIR|FILE]", default="")
    output: str = option("Write the better plan to F: a new file, or the plan itself.", metavar="F", default="")
    parallel_optimization: bool = flag("Is always done.", is_hidden=True)
    resource_analysis: bool = flag("Is always done.", is_hidden=True)


class _Optimized(NamedTuple):
    subject: Subject
    found: Improvement
    sizes: Sequence[Problem]
    output: str
    """The file that was written; empty: none was asked for."""

    @property
    def is_timed(self) -> bool:
        """Whether anything says how long a task takes."""
        return bool(self.subject.model.measured) or any(
            task.estimate for task in self.subject.board.plan.tasks.values() if not task.children
        )


def execute(call: Call, params: OptimizeParams) -> _Optimized:
    """Say what would make a plan quicker, and write the better plan.

    Names order dependencies that nothing flows along or that another path implies, tasks of the wrong size, the
    critical path, how long the plan takes, and what one more slot would save. FILE is what `plan --from` reads. With
    --output, the same plan is written with fewer dependencies; a dependency that hands over a result always stays.

    Examples:
      orchestrator optimize
      orchestrator optimize --output .orchestrator/master_plan.md
      orchestrator optimize tasks.json --output better.json
    """
    subject = _subject(call, params.target)
    found = improve(subject.board.plan.tasks, subject.model, subject.without)
    if params.output == "-":
        raise UsageError("--output names no file", hint="name one; the report alone goes to standard output")
    if params.output:
        write(subject, found.gone, params.output, call.caller(), time.time())
    return _Optimized(subject, found, _sizes(subject), params.output)


def _subject(call: Call, target: str) -> Subject:
    is_plan = os.path.basename(target) == os.path.basename(Layout("").plan)
    is_file = os.path.isfile(target) or (target.lower().endswith(_FILES) and not os.path.isdir(target))
    if is_file and not is_plan:
        if not os.path.lexists(target):
            hint = "name a plan, its directory, or a task list that `orchestrator plan --from` reads"
            raise NotFoundError(f"no such file: {target}", hint=hint)
        layout = call.plan(must_exist=False, here=True)
        return of_file(target, layout, call.agents(layout))
    layout = call.plan(target or None)
    return of_directory(layout, call.agents(layout))


def _sizes(subject: Subject) -> list[Problem]:
    """Return the tasks of agents that take too long, or not long enough, the longest first."""
    tasks = subject.model.timed(subject.board.plan.tasks)
    timed = [task for task in tasks.values() if task.estimate and not task.children]
    return [
        problem
        for task in sorted(timed, key=lambda task: -(task.estimate or 0.0))
        if task.id not in subject.commands
        for problem in wrong_size(task.id, task.estimate or 0.0)
    ]


# ── the answer ───────────────────────────────────────────────────────────────────────────────────────────────────


def facts(answer: _Optimized) -> Facts:
    """Return the report as JSON."""
    found, model, board = answer.found, answer.subject.model, answer.subject.board
    tasks = [task for task in board.plan.tasks.values() if not task.children]
    return {
        "message": _message(answer),
        "plan": answer.subject.file,
        "tasks": len(board.plan.tasks),
        "unit": "seconds" if answer.is_timed else "tasks",
        "measured": len(model.measured),
        "estimated": sum(bool(task.estimate) and task.id not in model.measured for task in tasks),
        "max_parallel": model.slots,
        "before": _times_facts(found.before),
        "after": _times_facts(found.after),
        "remove": [
            *(_finding_facts(answer, each, "order", "no_data_flow") for each in found.free),
            *(_finding_facts(answer, each, "order", "implied") for each in found.implied),
        ],
        "left": [_finding_facts(answer, each, "order", "left") for each in found.left],
        "side_by_side": found.side_by_side,
        "resources": [_finding_facts(answer, each, "resource", "resource") for each in found.resources],
        "sizes": [{"task": each.where, "code": each.code, "message": each.message, "hint": each.hint}
                  for each in answer.sizes],
        "questions": [_finding_facts(answer, each, _kind(answer, each), "question") for each in found.questions],
        "output": answer.output,
    }  # fmt: skip


def _times_facts(times: Times) -> Mapping[str, Any]:
    return {
        "length": round(times.length, 3),
        "critical_path": list(times.path),
        "critical_path_length": round(times.path_length, 3),
        "one_more_slot_saves": round(max(0.0, times.length - times.with_one_more), 3),
    }


def _finding_facts(answer: _Optimized, each: EdgeFinding, kind: str, code: str) -> Mapping[str, Any]:
    facts = {
        "code": code,
        "task": each.edge.task,
        "need": each.edge.need,
        "kind": kind,
        "why": each.why,
        "where": answer.subject.board.plan.tasks[each.edge.task].where,
    }
    return {**facts, "saves": round(each.saves, 3)} if code == "question" else facts


def _kind(answer: _Optimized, each: EdgeFinding) -> str:
    return dict(answer.subject.board.plan.tasks[each.edge.task].need_kinds).get(each.edge.need, "data")


def _message(answer: _Optimized) -> str:
    gone = answer.found.gone
    if not gone:
        return "no dependency can be taken away"
    before, after = answer.found.before.length, answer.found.after.length
    count = pluralize(len(gone), "dependency", "dependencies")
    took = "as long as before" if after >= before else f"{_time(answer, after)} instead of {_time(answer, before)}"
    return f"without {count} that {'is' if len(gone) == 1 else 'are'} not needed the plan takes {took}"


def _time(answer: _Optimized, length: float) -> str:
    return format_duration(length) if answer.is_timed else pluralize(round(length), "task")


def text(answer: _Optimized) -> str:
    """Return the report for people."""
    return "\n".join([_message(answer), *_length_lines(answer), *_finding_lines(answer)]) + "\n"


def _length_lines(answer: _Optimized) -> Iterator[str]:
    model, found = answer.subject.model, answer.found
    for name, times in (("now", found.before), ("then", found.after))[: 2 if found.gone else 1]:
        saves = max(0.0, times.length - times.with_one_more)
        more = f"one more slot saves {_time(answer, saves) if saves else 'nothing'}"
        path = f"{chain_line(times.path)} ({_time(answer, times.path_length)})"
        yield f"{name}: {_time(answer, times.length)} with {model.slots} at a time, {more}; critical path {path}"
    tasks = [task for task in answer.subject.board.plan.tasks.values() if not task.children]
    estimated = sum(bool(task.estimate) and task.id not in model.measured for task in tasks)
    rest = "count as the average of the others" if answer.is_timed else "count as one each"
    unknown = len(tasks) - len(model.measured) - estimated
    yield f"times: {len(model.measured)} measured, {estimated} estimated, {unknown} {rest}"


def _finding_lines(answer: _Optimized) -> Iterator[str]:
    found = answer.found
    edge = _edge_line(answer)
    bare = _edge_line(answer, says_why=False)
    yield from _section("take away, both say what they write and nothing of it is the same:", found.free, bare)
    for group in found.side_by_side[:_MOST_GROUPS]:
        rest = f" and {len(group) - _MOST:,} more" if len(group) > _MOST else ""
        yield f"  then side by side: {' ∥ '.join(map(chain_line, group[:_MOST]))}{rest}"
    if (more := len(found.side_by_side) - _MOST_GROUPS) > 0:
        yield f"  and {pluralize(more, 'group')} more"
    yield from _section("take away, another path says the same:", found.implied, edge)
    yield from _section("could go, and stay:", found.left, edge)
    yield from _section("better said by Writes or Concurrency, which leave the order open:", found.resources, bare)
    sizes: dict[str, list[str]] = {}
    for each in answer.sizes:
        what, _, took = each.message.partition(": ")
        sizes.setdefault(f"{what} ({each.hint})", []).append(f"{each.where} {took}")
    for what, tasks in sizes.items():
        yield f"{what}: {join_first(tasks, _MOST)}"
    yield from _section("questions, nothing is changed:", found.questions, edge)


def _edge_line(answer: _Optimized, *, says_why: bool = True) -> Callable[[EdgeFinding], str]:
    def line(each: EdgeFinding) -> str:
        kind = _kind(answer, each)
        shown = "" if kind == "data" else f" ({kind})"
        saves = f"; without it {_time(answer, each.saves)} less" if each.saves else ""
        return f"  {each.edge.task} ← {each.edge.need}{shown}{f': {each.why}' * says_why}{saves}"

    return line


def _section(title: str, findings: Sequence[EdgeFinding], line: Callable[[EdgeFinding], str]) -> Iterator[str]:
    if findings:
        yield title
        yield from map(line, findings[:_MOST])
    if len(findings) > _MOST:
        yield f"  and {len(findings) - _MOST:,} more: --json has all of them"


def remarks(answer: _Optimized) -> Iterator[str]:
    """Yield where the better plan is."""
    if answer.output:
        yield f"written: {display_path(answer.output)}"


COMMAND = Command(OptimizeParams, execute, facts, text, remarks=remarks, takes=(DIR, CALLER, JSON))
