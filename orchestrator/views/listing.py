"""What ``list`` and ``agents`` print: groups, a table with a head, CSV, and a line for each agent."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from orchestrator.core.agent import Listed, Load
from orchestrator.core.duration import format_duration
from orchestrator.core.plan import Task
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.task_type import TaskType
from orchestrator.core.text import one_line
from orchestrator.plan.task_fields import PLAIN_FIELDS
from orchestrator.views.status import list_text
from orchestrator.views.terminal import LABELS, clip, display_width, fit, plain, table

# ── csv text ────────
#
# Tables for spreadsheets: CSV in which no text is taken for a formula.

#: What makes a cell a formula when a text begins with it, also in its wide form.
_FORMULA = frozenset("=+-@＝＋－＠")
#: Characters of a cell.
_MOST = 1000


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows below a head; a text that a spreadsheet would compute is quoted as a text, a number stays one."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return out.getvalue()


def _cell(value: object) -> str:
    if isinstance(value, (int, float)):
        return f"{value:.6f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    if value is None:
        return ""
    text = " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    line = one_line(text, _MOST)
    # A dash alone stands for nothing, and computes nothing.
    return f"'{line}" if line[:1] in _FORMULA and line != "-" else line


#: The group of tasks that have nothing to be grouped by.
NONE = "-"
COLUMNS = (
    "id",
    "status",
    "name",
    "assignee",
    "agent",
    "priority",
    "needs",
    "parent",
    "tags",
    "type",
    *(field.keyword for field in PLAIN_FIELDS),
)


def grouped(board: PlanSnapshot, tasks: Sequence[Task], by: str) -> dict[str, list[Task]]:
    """Return the tasks by *by*, in the order of the plan; with several tags a task is in several groups."""
    groups: dict[str, list[Task]] = {}
    for task in tasks:
        for name in _names(board, task, by) or (NONE,):
            groups.setdefault(one_line(name) or NONE, []).append(task)
    return groups


def _names(board: PlanSnapshot, task: Task, by: str) -> Sequence[str]:
    if by == "tag":
        return task.tags
    if by == "status":
        return (board.standing[task.id].status.value,)
    return ({"assignee": task.assignee or task.agent, "parent": task.parent, "type": task.type}[by],)


def group_text(board: PlanSnapshot, groups: Mapping[str, Sequence[Task]], width: int | None, *, is_bare: bool) -> str:
    """Return each group with its tasks below it; *is_bare*: the names alone, one per line, for a script."""
    if is_bare:
        return "".join(f"{name}\n" for name in groups if name != NONE)
    inner = None if width is None else max(width - 2, 0)
    parts = []
    for name, tasks in groups.items():
        lines = list_text(board, tasks, inner).splitlines()
        parts.append("\n".join([f"{name} ({len(tasks)})", *(f"  {line}" for line in lines)]))
    return "\n".join(parts) + "\n" if parts else ""


def table_text(board: PlanSnapshot, tasks: Sequence[Task], width: int | None) -> str:
    """Return the tasks below a head that says what the columns are."""
    ids = max((len(task.id) for task in tasks), default=2)
    label = max(map(display_width, LABELS.values()))
    head = f"{fit('ID', max(ids, 2))}  {fit('Status', label)}  Assignee, name, what it needs"
    head = head if width is None else clip(head, width)
    return f"{head}\n{list_text(board, tasks, width)}"


def tasks_csv(rows: Sequence[Mapping[str, object]]) -> str:
    """Return tasks as CSV with a head; the reason says of a completed one whether that was only simulated."""
    columns = (*COLUMNS, "reason")
    return csv_text(columns, ([row[column] for column in columns] for row in rows))


# ── agents ────────
#
# The agents as a table: plain text, one line for each.

_HEADER = ("AGENT", "RUNNING", "USABLE", "TYPES", "FROM", "BEST FOR")
#: Columns of a cell at most; the last one takes what is left.
_MOST_AGENTS = 40


def agents_text(listed: Sequence[Listed], width: int | None) -> str:
    """Return the table, and below it why some cannot work here; without *width*, as wide as it comes."""
    lacking = [f"{plain(each.member.key)}: {plain(each.lacks)}\n" for each in listed if each.lacks]
    rows = table([_HEADER, *map(_row, listed)], width, _MOST_AGENTS)
    return "".join([rows, *(["\n", *lacking] if lacking else [])])


def _row(each: Listed) -> tuple[str, ...]:
    member = each.member
    running = f"{each.running}/{member.max_parallel or '–'}"
    usable = "no" if each.lacks else "yes"
    cells = (member.key, running, usable, ", ".join(member.types), member.where, member.best_for)
    return tuple(map(plain, cells))


def workload_text(loads: Sequence[Load], width: int | None) -> str:
    """Return how much everybody has to do, one line for each."""
    rows: list[Sequence[str]] = [("NAME", "ACTIVE", "PENDING", "WAITING", "BLOCKED", "IS")]
    for each in loads:
        active = f"{each.active}/{each.capacity or '–'}"
        counts = map(str, (each.pending, each.waiting, each.blocked))
        rows.append((plain(each.name), active, *counts, "agent" if each.is_agent else "assignee"))
    return table(rows, width, _MOST_AGENTS)


# ── types ────────
#
# The types of task as a table: plain text, one line for each, and one for each parameter.


def types_text(types: Sequence[TaskType], width: int | None) -> str:
    """Return the table; without *width*, as wide as it comes."""
    rows: list[Sequence[str]] = [("TYPE", "TIMEOUT", "FROM", "WHAT IT IS, AND WHAT IT TAKES")]
    for each in types:
        timeout = each.settings.get("timeout")
        where = each.file or each.where
        rows.append(tuple(map(plain, (each.key, format_duration(timeout) if timeout else "", where, each.description))))
        for name, param in each.params.items():
            needed = ", required" if param.is_required else ""
            about = param.allowed or str(param.schema.get("type", "any"))
            rows.append(("", "", "", plain(f"{name}: {about}{needed}")))
        others = [name for name in each.settings if name != "timeout"]
        if others:
            rows.append(("", "", "", plain(f"sets {', '.join(others)}")))
    return table(rows, width, _MOST_AGENTS)
