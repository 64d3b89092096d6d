"""Where boxes and arrows of a plan's graph stand in a picture: one column for each batch, needs to the left."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.plan import Task
from orchestrator.core.text import one_line
from orchestrator.views.terminal import clip
from orchestrator.views.diagram import MOST_EDGES, MOST_TASKS

#: Pixels: a box, and what is free to the right of it and below it.
_WIDE, _HIGH, _RIGHT, _BELOW, _EDGE = 168, 44, 56, 14, 8
#: Columns of an id, which is bold and has an icon before it, and of a name that fit into a box.
_ID, _NAME = 16, 22


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
    return (
        f"{tasks} tasks with {edges} needs are too many for a picture: "
        f"it shows up to {MOST_TASKS} with {MOST_EDGES}"
    )


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
    name = clip(one_line(board.plan.tasks[task_id].name), _NAME)
    return Box(task_id, clip(task_id, _ID), name, status.value, x, y)


def _arrow(board: PlanSnapshot, need: str, begin: tuple[int, int], end: tuple[int, int]) -> Arrow:
    x1, y1, x2, y2 = begin[0] + _WIDE, begin[1] + _HIGH // 2, end[0], end[1] + _HIGH // 2
    return Arrow(x1, y1, (x1 + x2) // 2, x2, y2, board.status(need).value)
