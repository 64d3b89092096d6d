"""The page of one plan: how far it is, what runs, its tasks in dependency order, what happened lately."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from orchestrator.core.brief import Brief
from orchestrator.core.cost import total_cost
from orchestrator.core.duration import format_duration
from orchestrator.core.event import Line
from orchestrator.core.plan import Task
from orchestrator.core.plan_status import PLAN_TRANSITIONS, PlanEvent
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import excerpt, one_line
from orchestrator.views.brief import ending
from orchestrator.views.diagram import picture, too_large
from orchestrator.views.event_lines import event_text
from orchestrator.views.pages import (
    IN_BAR,
    IN_HAND,
    LOOKS,
    Below,
    Site,
    Trouble,
    bar_parts,
    capped,
    draw,
    run_facts,
    state_look,
)
from orchestrator.views.plans import state_label, state_of, title_of
from orchestrator.views.status import cost_of, cost_rows, hold_line
from orchestrator.views.terminal import LABELS, tally

#: Rows of the table on one page, needs named in one row, tasks named that run.
_ROWS, _NEEDS, _RUNNING, _LINES = 200, 6, 12, 12
_NAME, _GOAL = 200, 2000
#: Bytes of the final output.
_OUTPUT = 32 * 1024
#: Cells of the grid that stands in the place of a graph that would be a tangle; in a batch, and in all.
_CELLS_OF_BATCH, _CELLS = 500, 2000
#: Events of a plan that are not taken back by another one: they ask for a reason.
FINAL_EVENTS = frozenset({PlanEvent.REJECT, PlanEvent.FAIL})
_PRIORITIES = (("", "usual"), ("P0", "P0 urgent"), ("P1", "P1 high"), ("P3", "P3 low"))


class Seen(NamedTuple):
    """What was found of a plan at one moment."""

    name: str
    """What it is called where it says no title."""
    board: PlanSnapshot
    now: float
    """Seconds since the epoch."""
    run: str = ""
    """The active run; empty: none is."""
    since: float = 0.0
    """When that one began."""
    news: Mapping[str, str] = {}
    """What running tasks do, by task."""
    happenings: Sequence[Line] = ()
    """Oldest first."""
    brief: Brief | None = None
    """Where the last run stands; None while one is active."""
    output: str = ""
    """The beginning of the final output, where that is what to read next."""
    output_in: str = ""


class Filter(NamedTuple):
    """Which tasks are shown."""

    status: str = ""
    find: str = ""
    page: int = 1


def overview_page(
    site: Site,
    seen: Seen,
    chosen: Filter,
    *,
    plans: Below | None,
    given: Mapping[str, str] | None,
    trouble: Trouble | None,
) -> str:
    """Return the page. *plans* are those below it; *given* is what a user has typed that did not work."""
    board, counts = seen.board, seen.board.counts()
    total, done = len(board.plan.tasks), counts[TaskStatus.COMPLETED]
    spent = total_cost(board.paid_for())
    state = board.plan.header.state
    running = board.by_status().get(TaskStatus.RUNNING, [])
    steps = [(event, why) for (before, event), (_, why) in PLAN_TRANSITIONS.items() if before is state]
    return draw(
        "overview.html",
        site,
        heading=one_line(title_of(board), _NAME) or seen.name,
        trouble=trouble,
        now=seen.now,
        state=state_label(state) if state else "",
        look=state_look(state_of(board), counts),
        goal=excerpt((board.plan.goal or board.plan.request).replace("**", ""), _GOAL),
        parts=list(bar_parts(counts)),
        done=done,
        total=total,
        percent=100 * done // total if total else 0,
        tally=tally(counts, board.simulated()),
        batch=board.current_batch(),
        batches=max(board.shape.batch.values(), default=0),
        hold=hold_line(board, seen.now),
        costs=cost_rows(spent, board.plan.budget),
        run=run_facts(seen.run, seen.since, seen.now),
        ending=ending(seen.brief) if seen.brief is not None else "",
        **_next(seen.brief),
        output=capped(seen.output, _OUTPUT, seen.output_in),
        steps=[(event.value, why) for event, why in steps if event not in FINAL_EVENTS],
        final_steps=[(event.value, why) for event, why in steps if event in FINAL_EVENTS],
        running=[
            {**row(board, each, seen.now), "news": one_line(seen.news.get(each, ""))} for each in running[:_RUNNING]
        ],
        more_running=max(len(running) - _RUNNING, 0),
        chips=list(_chips(site, counts, chosen)),
        chosen=chosen.status,
        find=chosen.find,
        picture=picture(board),
        **_grid(board),
        happenings=[_event(board, each) for each in _lately(seen)],
        priorities=_PRIORITIES,
        given=FormValues(given or {}),
        below=plans,
        **_table(site, seen, chosen),
    )


def row(board: PlanSnapshot, task_id: str, now: float) -> dict[str, Any]:
    """Return what a page says of a task in one line."""
    task, standing = board.plan.tasks[task_id], board.standing[task_id]
    result = board.results.get(task_id)
    last = result.last if result is not None else None
    is_running = last is not None and standing.status is TaskStatus.RUNNING
    is_in_hand = last is not None and is_running and last.is_manual
    lasted = board.lasted(task_id, now)
    return {
        "id": task_id,
        "status": IN_HAND if is_in_hand else LOOKS[standing.status],
        "name": one_line(task.name, _NAME),
        "reason": _reason(task, board),
        "needs": task.own_needs[:_NEEDS],
        "more_needs": max(len(task.own_needs) - _NEEDS, 0),
        "who": one_line(task.who, 40),
        "since": last.started if last is not None and is_running else 0.0,
        "took": "–" if lasted is None else format_duration(lasted),
        "attempts": len(result.attempts) if result is not None else 0,
        "cost": cost_of(board.outcome(task_id)) if result is not None else "–",
    }


def _next(brief: Brief | None) -> dict[str, str]:
    """Return the next step where the page has nothing for it itself: the task to look at, or a command to type."""
    step = brief.next_step() if brief is not None and brief.about_run else ()
    match step:
        case ("show", task_id):
            return {"blamed": task_id, "command": ""}
        case ("doctor",) | ("run", "--detach", _, _):
            return {"blamed": "", "command": " ".join(("orchestrator", *step))}
        case _:
            return {"blamed": "", "command": ""}


class FormValues(dict[str, str]):
    """What was typed into a form; empty where nothing was."""

    def __missing__(self, name: str) -> str:
        return ""


def _reason(task: Task, board: PlanSnapshot) -> str:
    standing = board.standing[task.id]
    # What a waiting task needs stands in a column of its own.
    if standing.status is TaskStatus.WAITING and not task.children:
        return ""
    return one_line(board.why(task.id), 160)


def _grid(board: PlanSnapshot) -> dict[str, Any]:
    """Return a cell for each task, batch by batch, where the graph is too large to be drawn."""
    why = too_large(board)
    batches: defaultdict[int, list[str]] = defaultdict(list)
    for task_id in board.shape.order if why else ():
        batches[board.shape.batch[task_id]].append(task_id)
    room, grid = _CELLS, []
    for _, ids in sorted(batches.items()):
        if room <= 0:
            break
        shown = ids[: min(room, _CELLS_OF_BATCH)]
        room -= len(shown)
        grid.append({"cells": [_cell(board, each) for each in shown], "more": len(ids) - len(shown)})
    return {"grid": grid, "grid_why": why, "more_batches": len(batches) - len(grid)}


def _cell(board: PlanSnapshot, task_id: str) -> dict[str, str]:
    name = one_line(board.plan.tasks[task_id].name, 60)
    return {"id": task_id, "name": name, "status": board.status(task_id).value}


def _chips(site: Site, counts: Mapping[TaskStatus, int], chosen: Filter) -> Iterator[dict[str, object]]:
    total = sum(counts.values())
    for status, name, count in (
        ("", "All", total),
        *((each.value, LABELS[each], counts.get(each, 0)) for each in IN_BAR),
    ):
        is_chosen = status == chosen.status
        if count or is_chosen:
            address = _address(site, chosen._replace(status=status, page=1))
            yield {"name": name, "count": count, "address": address, "is_chosen": is_chosen}


def _table(site: Site, seen: Seen, chosen: Filter) -> dict[str, Any]:
    board = seen.board
    found = [task_id for task_id in board.shape.order if _passes(board, task_id, chosen)]
    pages = max(-(-len(found) // _ROWS), 1)
    page = min(max(chosen.page, 1), pages)
    first = (page - 1) * _ROWS
    shown = found[first : first + _ROWS]
    return {
        "rows": [row(board, task_id, seen.now) for task_id in shown],
        "found": len(found),
        "first": first + 1,
        "last": first + len(shown),
        "before": _address(site, chosen._replace(page=page - 1)) if page > 1 else "",
        "after": _address(site, chosen._replace(page=page + 1)) if page < pages else "",
    }


def _passes(board: PlanSnapshot, task_id: str, chosen: Filter) -> bool:
    if chosen.status and board.standing[task_id].status.value != chosen.status:
        return False
    words = chosen.find.casefold()
    return not words or words in task_id.casefold() or words in board.plan.tasks[task_id].name.casefold()


def _address(site: Site, chosen: Filter) -> str:
    asked = {name: value for name, value in chosen._asdict().items() if value and (name, value) != ("page", 1)}
    return f"{site.base}/?{urlencode(asked)}" if asked else f"{site.base}/"


def _lately(seen: Seen) -> list[Line]:
    # What agents say of what they are doing stands beside what runs.
    shown = [line for line in seen.happenings if line.what != "news"]
    return shown[: -_LINES - 1 : -1]


def _event(board: PlanSnapshot, line: Line) -> dict[str, str]:
    is_task = line.subject in board.plan.tasks and not line.is_about_run
    time, text = event_text(line)
    return {"time": time, "text": text, "task": line.subject if is_task else ""}
