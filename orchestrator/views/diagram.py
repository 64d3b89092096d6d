"""The graph of a plan as a picture: mermaid, Graphviz, or plain text for a terminal.

A task's name comes from outside. In a picture's source it stands inside a quoted label, and whatever could end the
label or start something else there is written as a character reference.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from orchestrator.core.duration import format_duration
from orchestrator.core.graph import weights
from orchestrator.core.plan import Task
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line, pluralize
from orchestrator.views.terminal import ICONS, LABELS, UMBRELLA, clip, display_width, plain, progress_bar, table

#: Above so many tasks a picture of tasks is a tangle; mermaid itself refuses more than 500 edges.
MOST_TASKS = 150
MOST_EDGES = 450
#: And so many batches are as much as fits on a screen: a longer plan is drawn in stretches of several.
_MOST_STRETCHES = 40
_NAME = 60
#: Tasks named of a chain on one line.
_MOST_NAMED = 10
#: Columns that are left of a name where a line is clipped.
_LEAST = 20
#: The colour of a chain that stands out.
_PATH = "#d500f9"
_STANDS_OUT = f"stroke:{_PATH},stroke-width:4px"
_SAFE = frozenset(" .,_/-")

#: Fill and border of each status; black letters, so that they can be read on a dark page too.
_COLOURS: Mapping[TaskStatus, tuple[str, str]] = {
    TaskStatus.WAITING: ("#eceff1", "#90a4ae"),
    TaskStatus.PENDING: ("#fff9c4", "#fbc02d"),
    TaskStatus.RUNNING: ("#bbdefb", "#1976d2"),
    TaskStatus.RETRYING: ("#ffe0b2", "#f57c00"),
    TaskStatus.COMPLETED: ("#c8e6c9", "#388e3c"),
    TaskStatus.FAILED: ("#ffcdd2", "#d32f2f"),
    TaskStatus.BLOCKED: ("#d7ccc8", "#5d4037"),
    TaskStatus.CANCELLED: ("#e0e0e0", "#616161"),
    TaskStatus.SKIPPED: ("#f5f5f5", "#bdbdbd"),
}


def mermaid(board: PlanSnapshot, path: Sequence[str] = ()) -> str:
    """Return a flowchart with one class per status; of a large plan, one node per batch with counts.

    *path* is a chain of tasks that stands out; of a large plan it is drawn alone.
    """
    tasks = board.plan.tasks
    edges = [(need, task_id) for task_id, task in tasks.items() for need in task.needs]
    if len(tasks) > MOST_TASKS or len(edges) > MOST_EDGES:
        if not 0 < len(path) <= MOST_TASKS:
            return _mermaid_of_batches(board)
        tasks, edges = {task_id: tasks[task_id] for task_id in path}, list(pairwise(path))
    lines = ["flowchart LR"]
    node = {task_id: f"n{number}" for number, task_id in enumerate(tasks, start=1)}
    for task_id, task in tasks.items():
        status = board.status(task_id)
        text = "<br/>".join(map(_escaped, _label(task)))
        box = '[["{}"]]' if task.children else '["{}"]'
        lines.append(f"    {node[task_id]}{box.format(f'{ICONS[status]} {text}')}:::{status.value}")
    lines += [f"    {node[need]} --> {node[task_id]}" for need, task_id in edges]
    lines += [f"    style {node[task_id]} {_STANDS_OUT}" for task_id in path]
    steps = frozenset(pairwise(path))
    if thick := [str(place) for place, edge in enumerate(edges) if edge in steps]:
        lines.append(f"    linkStyle {','.join(thick)} {_STANDS_OUT}")
    return _with_classes(lines, {board.status(task_id) for task_id in tasks})


def _label(task: Task) -> list[str]:
    """Return the lines in the box of a task: id, name, how long a user thinks it takes."""
    name = one_line(task.name, limit=_NAME)
    takes = _estimated(task)
    return [task.id, *filter(None, (name if name != task.id else "", takes))]


def _estimated(task: Task) -> str:
    """Not to be taken for the time it took, once it is done."""
    return f"est. {format_duration(task.estimate)}" if task.estimate else ""


def _mermaid_of_batches(board: PlanSnapshot) -> str:
    counts: defaultdict[int, Counter[TaskStatus]] = defaultdict(Counter)
    batches = max(board.shape.batch.values(), default=0)
    stretch = -(-batches // _MOST_STRETCHES) or 1
    for task_id, batch in board.shape.batch.items():
        counts[(batch - 1) // stretch][board.status(task_id)] += 1
    lines, used = ["flowchart TD"], set()
    for index in sorted(counts):
        count, first = counts[index], index * stretch + 1
        last = min(first + stretch - 1, batches)
        title = f"Batch {first}" if first == last else f"Batches {first} to {last}"
        total = count.total()
        shown = " ".join(f"{icon} {count[status]}" for status, icon in ICONS.items() if count[status])
        status = _gist(count)
        used.add(status)
        lines.append(f'    b{index}["{title}: {pluralize(total, "task")}<br/>{shown}"]:::{status.value}')
    lines += [f"    b{index} --> b{index + 1}" for index in range(len(counts) - 1)]
    return _with_classes(lines, used)


def _gist(count: Mapping[TaskStatus, int]) -> TaskStatus:
    """The status that speaks for a batch: what happens in it, else what went wrong, else what is left."""
    shown = (TaskStatus.RUNNING, TaskStatus.RETRYING, TaskStatus.FAILED, TaskStatus.BLOCKED)
    left = (TaskStatus.PENDING, TaskStatus.WAITING, TaskStatus.CANCELLED, TaskStatus.SKIPPED)
    return next((status for status in (*shown, *left) if count.get(status)), TaskStatus.COMPLETED)


def _with_classes(lines: Sequence[str], used: set[TaskStatus]) -> str:
    classes = [
        f"    classDef {status.value} fill:{fill},stroke:{border},color:#000"
        for status, (fill, border) in _COLOURS.items()
        if status in used
    ]
    return "\n".join([*lines, *classes]) + "\n"


def _escaped(text: str) -> str:
    """Write everything but letters, digits and a few plain signs as mermaid's character references."""
    if text.isalnum():
        return text
    escaped = "".join(letter if letter.isalnum() or letter in _SAFE else f"#{ord(letter)};" for letter in text)
    # Some versions of mermaid take "1. " and "- " for a list, and refuse to draw it.
    return escaped.replace(". ", "#46; ").replace("- ", "#45; ")


def dot(board: PlanSnapshot, path: Sequence[str] = ()) -> str:
    """Return the whole graph in Graphviz' language; *path* is a chain of tasks that stands out."""
    on_path, steps = frozenset(path), frozenset(pairwise(path))
    lines = [
        "digraph plan {",
        "    rankdir=LR;",
        '    node [shape=box, style="rounded,filled", fontname="sans-serif"];',
    ]
    for task_id, task in board.plan.tasks.items():
        status = board.status(task_id)
        fill, border = _COLOURS[status]
        text = "\\n".join(map(_quoted, _label(task)))
        border, width = (_PATH, ", penwidth=3") if task_id in on_path else (border, "")
        colours = f'fillcolor="{fill}", color="{border}"{width}'
        if task.children:
            colours += ", shape=folder"
        lines.append(f'    "{_quoted(task_id)}" [label="{ICONS[status]} {text}", {colours}];')
    for task_id, task in board.plan.tasks.items():
        for need in task.needs:
            stands_out = f' [color="{_PATH}", penwidth=3]' if (need, task_id) in steps else ""
            lines.append(f'    "{_quoted(need)}" -> "{_quoted(task_id)}"{stands_out};')
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    # Graphviz reads references such as &lt; in labels.
    return text.replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')


def chain(board: PlanSnapshot, path: Sequence[str], width: int | None = None) -> str:
    """Return a chain of tasks, one on a line: where it stands, how long it takes, its name; clipped to *width* columns.

    ``~`` is before what no one estimated and counts as the average; without any estimate there are no times.
    """
    tasks, weight = board.plan.tasks, weights(board.plan.tasks)
    is_timed = any(task.estimate for task in tasks.values())
    rows = []
    for task_id in path:
        task = tasks[task_id]
        takes = f"{'' if task.estimate else '~'}{format_duration(weight[task_id])}"
        time = (takes if not task.children else UMBRELLA,) if is_timed else ()
        rows.append((task_id, LABELS[board.status(task_id)], *time, plain(task.name)))
    if rows:
        return table(rows, width)
    return "No task is to be done: what is cancelled skips the others.\n" if tasks else "The plan has no tasks.\n"


def chain_line(path: Sequence[str]) -> str:
    """Return a chain of tasks on one line; of one that is long, its beginning and its end."""
    shown = path if len(path) <= _MOST_NAMED else [*path[: _MOST_NAMED - 2], "…", path[-1]]
    return " → ".join(shown)


def text(board: PlanSnapshot, width: int | None = None) -> str:
    """Return the batches one below the other, each task with what it needs.

    A line that has more than *width* columns loses them from the name: what is drawn is what needs what.
    """
    batches: defaultdict[int, list[str]] = defaultdict(list)
    for task_id in board.shape.order:
        batches[board.shape.batch[task_id]].append(task_id)
    lines: list[str] = []
    for number, task_ids in batches.items():
        done = sum(board.status(task_id) is TaskStatus.COMPLETED for task_id in task_ids)
        lines.append(f"Batch {number}  {progress_bar(done, len(task_ids), width=10)}")
        for place, task_id in enumerate(task_ids, start=1):
            task = board.plan.tasks[task_id]
            branch = "└─" if place == len(task_ids) else "├─"
            needs = f"  ← {', '.join(task.own_needs)}" if task.own_needs else ""
            needs += _rule(board, task)
            takes = f"  {_estimated(task)}" if task.estimate else ""
            below = f"  {UMBRELLA} {', '.join(task.children)}" if task.children else ""
            head, tail = (f"{branch} {ICONS[board.status(task_id)]} {task_id}  ", takes + below + needs)
            name = plain(task.name)
            if width is not None:
                name = clip(name, max(width - display_width(head + tail), _LEAST))
            lines.append(head + name + tail if width is None else clip(head + name + tail, width))
    return "\n".join(lines) + "\n" if lines else "The plan has no tasks.\n"


def _rule(board: PlanSnapshot, task: Task) -> str:
    """What decides whether a task runs, and how it was decided."""
    parts = [
        f"if {plain(task.condition)}" if task.condition else "",
        task.run_if,
        f"fallback for {task.fallback_for}" if task.fallback_for else "",
    ]
    said = " · ".join(filter(None, parts))
    result = board.results.get(task.id)
    outcome = f": {result.condition[1]}" if result is not None and result.condition else ""
    return f"  {said}{outcome}" if said else ""


# ── picture ────────
#
# Where boxes and arrows of a plan's graph stand in a picture: one column for each batch, needs to the left.

#: Pixels: a box, and what is free to the right of it and below it.
_WIDE, _HIGH, _RIGHT, _BELOW, _EDGE = 168, 44, 56, 14, 8
#: Columns of an id, which is bold and has an icon before it, and of a name that fit into a box.
_ID, _NAME_PICTURE = 16, 22


class Box(NamedTuple):
    """A task; ``x`` and ``y`` are its upper left corner."""

    id: str
    label: str
    """As much of the id as fits."""
    name: str
    status: str
    x: int
    y: int


class Arrow(NamedTuple):
    """A curve from the right side of one box to the left side of another; it bends half way."""

    x1: int
    y1: int
    middle: int
    x2: int
    y2: int
    status: str


class Picture(NamedTuple):
    """Everything that is drawn."""

    boxes: list[Box]
    arrows: list[Arrow]
    width: int
    height: int
    box_width: int = _WIDE
    box_height: int = _HIGH


def too_large(board: PlanSnapshot) -> str:
    """Return why there is no picture of a plan that has something to see; empty: there is one, or there is nothing."""
    tasks, edges = len(board.plan.tasks), _edges(board)
    if not edges or (tasks <= MOST_TASKS and edges <= MOST_EDGES):
        return ""
    return f"{tasks} tasks with {edges} needs are too many for a picture: it shows up to {MOST_TASKS} with {MOST_EDGES}"


def _edges(board: PlanSnapshot) -> int:
    return sum(len(task.needs) for task in board.plan.tasks.values())


def picture(board: PlanSnapshot) -> Picture | None:
    """Return the picture of a plan; None where there is nothing to see, or so much that it would be a tangle."""
    tasks = board.plan.tasks
    if not _edges(board) or too_large(board):
        return None
    columns: defaultdict[int, list[str]] = defaultdict(list)
    for task_id in board.shape.order:
        columns[board.shape.batch[task_id]].append(task_id)
    place: dict[str, tuple[int, int]] = {}
    tallest = max(map(len, columns.values()))
    for column, batch in enumerate(sorted(columns)):
        # Beside what they need: arrows cross less.
        rows = sorted(columns[batch], key=lambda task_id: _height(place, tasks[task_id]))
        top = (tallest - len(rows)) * (_HIGH + _BELOW) // 2
        for row, task_id in enumerate(rows):
            x, y = column * (_WIDE + _RIGHT), top + row * (_HIGH + _BELOW)
            place[task_id] = _EDGE + x, _EDGE + y
    return Picture(
        [_box(board, task_id, *corner) for task_id, corner in place.items()],
        [
            _arrow(board, need, place[need], place[task_id])
            for task_id in place
            for need in tasks[task_id].own_needs  # what is under an umbrella is no step on the way
        ],
        2 * _EDGE + len(columns) * (_WIDE + _RIGHT) - _RIGHT,
        2 * _EDGE + tallest * (_HIGH + _BELOW) - _BELOW,
    )


def _height(place: dict[str, tuple[int, int]], task: Task) -> float:
    """How far down what a task needs stands, on average. An umbrella may stand in the column of what is under it."""
    placed = [place[need][1] for need in task.needs if need in place]
    return sum(placed) / len(placed) if placed else 0.0


def _box(board: PlanSnapshot, task_id: str, x: int, y: int) -> Box:
    status = board.status(task_id)
    name = clip(one_line(board.plan.tasks[task_id].name), _NAME_PICTURE)
    return Box(task_id, clip(task_id, _ID), name, status.value, x, y)


def _arrow(board: PlanSnapshot, need: str, begin: tuple[int, int], end: tuple[int, int]) -> Arrow:
    x1, y1, x2, y2 = begin[0] + _WIDE, begin[1] + _HIGH // 2, end[0], end[1] + _HIGH // 2
    return Arrow(x1, y1, (x1 + x2) // 2, x2, y2, board.status(need).value)
