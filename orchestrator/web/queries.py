"""Looks at plans and tasks for a page, by the same functions as ``status``, ``show`` and ``context``."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orchestrator.core.event import read_line
from orchestrator.core.plan import TASK_ID, Task, stem
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.core.timestamp import epoch
from orchestrator.errors import NotFoundError, OrchestratorError, PlanError
from orchestrator.services import plans
from orchestrator.services.history import history
from orchestrator.services.messages import messages_on
from orchestrator.services.status import brief_of, news_of_running, status
from orchestrator.services.task_view import find_task
from orchestrator.store import collection
from orchestrator.store.atomic import read_file, read_piece, read_tail
from orchestrator.store.journal import journal_tail
from orchestrator.store.layout import PLAN_DIRECTORY, Layout, display_path
from orchestrator.store.lock import lock_owner
from orchestrator.store.result_file import LARGEST_RESULT, parse_result
from orchestrator.store.workspace import Workspace
from orchestrator.views.overview_page import Filter, Seen, overview_page
from orchestrator.views.pages import Below, Site, Trouble, below, plans_page
from orchestrator.views.task_page import LOG, STREAMS, SeenLog, SeenTask, log_page, task_page
from orchestrator.web.live import Scene
from orchestrator.wiring import plugins

if TYPE_CHECKING:
    from orchestrator.agents.protocol import Agent

#: Lines of the journal that are looked at; turns of a conversation; plans of a directory that are listened to.
_LINES, _TURNS, _PLANS = 60, 40, 50
#: Lines of the journal about one task.
_EVENTS = 20
#: Bytes of stderr that are shown beside a failure.
_ERRORS = 4 * 1024
#: Bytes of the final output that are read; a page shows fewer.
_OUTPUT = 128 * 1024


def scene_of_plan(layout: Layout) -> Scene:
    """Return what the page of a plan shows, or of a directory of plans."""
    is_root_only = collection.is_root_only(layout)
    if not is_root_only and not collection.has_plans(layout):
        return Scene([layout])
    names = list(collection.survey(layout).plans)[:_PLANS]
    below = [Layout(f"{layout.root}/{name}") for name in names]
    if is_root_only:
        return Scene(below or [layout], [layout.root])
    return Scene([layout, *below])


def scene_of_task(layout: Layout, task: str) -> Scene:
    """Return what the page of a task shows: the log of an attempt under way grows.

    Raises:
        NotFoundError: this cannot be the id of a task.
        StoreError: its result cannot be read.
    """
    if not TASK_ID.fullmatch(task):
        raise NotFoundError("no task is called so")
    # Nothing but this one file is read: it is asked again and again.
    data = read_file(layout.result_file(stem(task)), LARGEST_RESULT) or b""
    result = parse_result(data.decode(errors="replace"))
    logs = []
    if result is not None and result.status is TaskStatus.RUNNING:
        logs.append(layout.attempt(stem(task), result.number).stdout)
    return Scene([layout], [*logs, layout.context_file(stem(task))])


def plan(
    site: Site, layout: Layout, asked: Mapping[str, str], *, trouble: Trouble | None, given: Mapping[str, str] | None
) -> str:
    """Return the page of a plan, or of a directory of plans; *asked* is what the address asks for.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    name = _name(layout)
    if collection.is_root_only(layout):
        return plans_page(site, name, _below(layout, asked), trouble)
    overview = status(layout)
    run, since = _run(overview.holder)
    lines = map(read_line, journal_tail(layout.journal, _LINES))
    brief = None if overview.holder else brief_of(layout, overview)
    is_read = brief is not None and brief.next_step() == ("read",)
    seen = Seen(
        name=name,
        board=overview.board,
        now=time.time(),
        run=run,
        since=since,
        news=_news(layout, overview.board),
        happenings=[line for line in lines if line],
        brief=brief,
        output=_final_output(layout) if is_read else "",
        output_in=display_path(layout.final_output),
    )
    below = _below(layout, asked) if collection.has_plans(layout) else None
    return overview_page(site, seen, _filter(asked), plans=below, given=given, trouble=trouble)


def _filter(asked: Mapping[str, str]) -> Filter:
    page = asked.get("page", "")
    return Filter(
        asked.get("status", ""),
        asked.get("find", "").strip()[:100],
        int(page) if page.isdecimal() and len(page) < 7 else 1,
    )


def active_run(layout: Layout) -> tuple[str, float]:
    """Return the active run, whatever became of its plan, and when it began; an empty word where none is.

    Raises:
        StoreError: the lock file cannot be read.
    """
    return _run(lock_owner(layout.lock))


def _run(holder: Mapping[str, Any] | None) -> tuple[str, float]:
    return (str(holder["run"]), epoch(holder.get("since"))) if holder else ("", 0.0)


def _final_output(layout: Layout) -> str:
    with suppress(OSError):  # a user took it away, or put something else there
        return (read_piece(layout.final_output, 0, _OUTPUT) or b"").decode(errors="replace")
    return ""


def _name(layout: Layout) -> str:
    """Return what a plan directory is called by those who have several: mostly its project's name."""
    above, name = os.path.split(layout.root)
    return os.path.basename(above) or name if name == PLAN_DIRECTORY else name


def _below(layout: Layout, asked: Mapping[str, str]) -> Below:
    is_everything = "all" in asked
    found = plans.overview(layout, everything=is_everything)
    return below(found.rows, found.broken, is_everything=is_everything)


def task(
    site: Site,
    layout: Layout,
    task_id: str,
    *,
    asked: Mapping[str, str],
    trouble: Trouble | None,
    given: Mapping[str, str] | None,
) -> str:
    """Return the page of a task; *asked* is what the address asks for.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    found = history(layout, task_id, _agents(layout), turns=_TURNS, events=_EVENTS)
    view = found.view
    files = layout.attempt(view.task.stem, found.attempt)
    is_failed = view.board.status(view.task.id) is TaskStatus.FAILED
    seen = SeenTask(
        task=view.task,
        board=view.board,
        now=time.time(),
        asked=_asked(layout, view.task),
        asked_in=view.task_file,
        answer=view.shown,
        answer_in=view.result_file,
        turns=[(each.who, each.text) for each in found.conversation],
        earlier=found.turns - len(found.conversation),
        events=found.events,
        messages=messages_on(layout, view.task, site.caller),
        run=active_run(layout)[0],
        streams=_streams(layout, view.task, view.board),
        errors=read_tail(files.stderr, _ERRORS).decode(errors="replace") if is_failed else "",
        is_written=asked.get("as") == "written",
    )
    return task_page(site, seen, given=given, trouble=trouble)


def _streams(layout: Layout, task: Task, board: PlanSnapshot) -> Mapping[int, Sequence[str]]:
    """Return what each attempt printed something to."""
    found = {}
    for attempt in board.attempts(task.id):
        files = layout.attempt(task.stem, attempt.number)
        printed = dict(zip(STREAMS, (files.stdout, files.stderr), strict=True))
        found[attempt.number] = [name for name, path in printed.items() if _size(path)]
    return found


def scene_of_log(layout: Layout, task_id: str, attempt: str, stream: str) -> Scene:
    """Return what the page of a log shows.

    Raises:
        NotFoundError: there cannot be such a log.
    """
    return Scene([layout], [_log_file(layout, task_id, attempt, stream)])


def log(site: Site, layout: Layout, task_id: str, attempt: str, stream: str) -> str:
    """Return the page with the end of what an attempt printed.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    path = _log_file(layout, task_id, attempt, stream)
    board = Workspace(layout).load()
    found = [each for each in board.attempts(find_task(board, task_id).id) if each.number == int(attempt)]
    if not found:
        raise NotFoundError(f"{task_id} has no attempt {attempt}")
    data = read_tail(path, LOG)
    seen = SeenLog(
        task_id,
        int(attempt),
        stream,
        data.decode(errors="replace"),
        max(_size(path) - len(data), 0),
        display_path(path),
        found[0].is_open,
    )
    return log_page(site, seen)


def _size(path: str) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def _log_file(layout: Layout, task_id: str, attempt: str, stream: str) -> str:
    if not TASK_ID.fullmatch(task_id) or not attempt.isdecimal() or len(attempt) > 9:
        raise NotFoundError("there is no such log")
    files = layout.attempt(stem(task_id), int(attempt))
    return files.stderr if stream == "stderr" else files.stdout


def _agents(layout: Layout) -> Mapping[str, Agent]:
    try:
        return plugins(layout=layout).agents
    except OrchestratorError:
        return {}  # a file of an agent that is invalid is no reason to show nothing at all


def _news(layout: Layout, board: PlanSnapshot) -> Mapping[str, str]:
    if TaskStatus.RUNNING not in board.by_status():
        return {}
    return news_of_running(layout, board, _agents(layout))


def _asked(layout: Layout, task: Task) -> str:
    """Return the assignment of a task: its task file, else the text in the table."""
    try:
        file = Workspace(layout).assignments.read(task)
    except PlanError as error:
        return f"{error}\n"
    if file is not None and file.body.strip():
        return file.body.strip("\n")
    return task.description or task.name
