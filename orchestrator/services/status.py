"""Look at a plan without changing anything: where it stands, whether it can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.brief import Brief, Phase, phase_of
from orchestrator.core.event import WAITING, News, read_line, run_id
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus, Verb
from orchestrator.core.timestamp import epoch
from orchestrator.errors import StoreError
from orchestrator.store.atomic import read_tail
from orchestrator.store.evidence import conflict_in
from orchestrator.store.journal import last_run, read_on
from orchestrator.store.layout import Layout
from orchestrator.store.lock import WaitingRun, broken_off, lock_owner, suspended, waiting_runs
from orchestrator.store.requests import Requests
from orchestrator.store.result_writer import is_outdated
from orchestrator.store.workspace import Workspace
from orchestrator.views.terminal import timestamp

if TYPE_CHECKING:
    from orchestrator.agents.protocol import Agent

#: Running tasks whose logs are read, and bytes of each: enough for every turn of most attempts.
_MOST, _TAIL = 20, 4 * 1024 * 1024

#: Stands before what ``find_orphans`` says.
STILL_ASKED = "asked of a run that is gone, the next run does it first: "


class Overview(NamedTuple):
    """A board, and who works on it right now (pid, run, since), or no one."""

    board: PlanSnapshot
    holder: Mapping[str, Any] | None
    waiting: Sequence[WaitingRun] = ()
    """Who else waits for the time to run it."""
    is_outdated: bool = False
    """A result is newer than the final output."""


def status(layout: Layout) -> Overview:
    """Return where the plan stands.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    holder = lock_owner(layout.lock)
    workspace = Workspace(layout)
    board = workspace.load(is_live=holder is not None)
    at_work = holder["pid"] if holder else 0
    waiting = [each for each in waiting_runs(layout) if each.process["pid"] != at_work]
    return Overview(board, holder, waiting, is_outdated(layout, workspace.newest_result))


def brief_of(layout: Layout, overview: Overview, news: News | None = None) -> Brief:
    """Return where the last run stands. *overview* is older: once no one held the plan, every line was written.

    Raises:
        StoreError: the journal or the lock file cannot be read.
    """
    lines = last_run(layout.journal)[1]
    # A task may be called `run`.
    about_run = [line for line in filter(None, map(read_line, lines)) if line.is_about_run]
    holder = overview.holder or {}
    left = "" if holder else broken_off(layout.lock)
    phase = phase_of(about_run, is_live=bool(holder), broke_off=bool(left))
    if news is not None and not holder:
        news.settle(overview.board, has_died=phase is Phase.DIED)
    coming = overview.waiting[0] if overview.waiting and not holder else None
    return Brief(
        board=overview.board,
        news=news or News(),
        phase=phase,
        about_run=about_run,
        run=str(holder.get("run") or left or run_id(about_run)),
        since=epoch(holder.get("since")),
        begins=coming.until if coming else 0.0,
        suspended=suspended(coming.process if coming else overview.holder),
        is_outdated=overview.is_outdated,
        half_merged="" if holder else _half_merged(layout, overview.board),
    )


def _half_merged(layout: Layout, board: PlanSnapshot) -> str:
    if not board.doubts:
        return ""

    doubted = (task for task in board.plan.tasks.values() if task.id in board.doubts)
    return next((task.id for task in doubted if conflict_in(task, layout) is not None), "")


def find_orphans(layout: Layout) -> list[str]:
    """Say what was asked of a run that is gone and was never answered: the next run does it before all else."""
    requests = Requests(layout.requests)
    found = requests.left()
    if not found or lock_owner(layout.lock) is not None:
        return []

    said = []
    for request in found:
        with suppress(StoreError):  # it is left to anyone who may read it
            command = requests.read(request)
            if command is not None and command.verb is not Verb.LAUNCH:  # that is forgotten
                what = "claim" if command.is_claim else f"{command.verb.value} {command.task}"
                said.append(f"{what} (by {command.by}, {timestamp(command.time)})")
    return said


def waits(layout: Layout, board: PlanSnapshot) -> dict[str, str]:
    """Return what tasks wait for that could start, by task, as the journal of the active run says: a shared pool.

    Raises:
        StoreError: the journal cannot be read.
    """
    ready = frozenset(board.by_status().get(TaskStatus.PENDING, ()))
    if not ready:
        return {}
    lines, _ = read_on(layout.journal, last_run(layout.journal)[0]) or ((), None)
    likely = [text for text in lines if f" · {WAITING}" in text]
    found = [line for line in map(read_line, likely) if line is not None and line.what == WAITING]
    return {line.subject: line.text for line in found if line.subject in ready}


def news_of_running(layout: Layout, board: PlanSnapshot, agents: Mapping[str, Agent]) -> dict[str, str]:
    """Return the latest news of what runs, by task: read from the logs, which the agents write themselves."""
    found = {}
    for task_id in board.by_status().get(TaskStatus.RUNNING, [])[:_MOST]:
        result = board.results[task_id]
        if result.agent in agents and not result.is_manual:
            log = layout.attempt(board.plan.tasks[task_id].stem, result.number).stdout
            found[task_id] = agents[result.agent].reader(Settings()).feed(read_tail(log, _TAIL))
    return found
