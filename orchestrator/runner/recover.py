"""Take over from runs before: what had finished is taken from its log, so that no answer is paid for twice, and what
was paid for is remembered, so that no budget is passed.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from contextlib import closing

from orchestrator.agents.protocol import Agent
from orchestrator.core.snapshot import MERGER, MERGING, PLANNER, as_merger
from orchestrator.core.cost import cost_statistics
from orchestrator.core.plan import Task, stem
from orchestrator.core.result import Result
from orchestrator.core.settings import Settings
from orchestrator.runner.clock import Clock
from orchestrator.runner.events import Event, Kind, Listener
from orchestrator.runner.preview import RunPreview, preview_run
from orchestrator.runner.recovery import RecoveredAttempt, forgotten, harvest, record_answered
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest
from orchestrator.services.selection import KEPT_WHEN_FRESH
from orchestrator.store.attempt_record import Traces
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import render_result
from orchestrator.store.workspace import Workspace


def recover(
    ahead: RunPreview,
    agents: Mapping[str, Agent],
    dead_runs: Container[str],
    listener: Listener,
    *,
    lost: Container[str],
) -> list[RecoveredAttempt]:
    """Commit every attempt at a task, or at merging, that ended without its runner, and return them.

    *lost*: the stems of tasks whose results are damaged, or were and are gone; of them any run's attempt counts.

    Raises:
        StoreError: a log could not be read, or a result not be written.
    """
    return take_over(
        ahead.workspace,
        {**ahead.board.plan.tasks, MERGER: MERGING},
        {**ahead.policies, MERGER: as_merger(ahead.settings)},
        agents=agents,
        results=ahead.board.results,
        traces=ahead.traces,
        dead_runs=dead_runs,
        listener=listener,
        lost=lost,
    )


def damaged(ahead: RunPreview) -> list[str]:
    """Return the stems of tasks whose results lie there and cannot be read: nobody who wants one anew does that.

    Raises:
        StoreError: one could not be read now.
    """
    doubted = (ahead.board.plan.tasks[task_id] for task_id in ahead.board.doubts)
    return [task.stem for task in doubted if ahead.workspace.read_result(task.stem) is None]


def recover_from_logs(
    layout: Layout, plugins: Plugins, dead_runs: Container[str], *, lost: Container[str] = ()
) -> list[RecoveredAttempt]:
    """``recover`` without being a run: look at plan and logs, and tell the journal. Only with the lock held.

    Raises:
        As ``preview_run``; StoreError: a log could not be read, or a result not be written.
    """
    ahead = preview_run(RunRequest(layout), plugins.registry)
    with closing(Journal(layout.journal)) as journal:
        return recover(
            ahead, plugins.agents, dead_runs, lambda each: journal.append(each.line()), lost=lost
        )


def take_over(
    workspace: Workspace,
    tasks: Mapping[str, Task],
    policies: Mapping[str, Settings],
    *,
    agents: Mapping[str, Agent],
    results: Mapping[str, Result],
    traces: Mapping[str, Traces],
    dead_runs: Container[str],
    listener: Listener,
    lost: Container[str] = (),
) -> list[RecoveredAttempt]:
    """Commit and tell what ``harvest`` finds, and return it. Only with the lock held.

    Raises:
        StoreError: a log could not be read, or a result not be written.
    """

    def warn(task: str, text: str) -> None:
        listener(Event(kind=Kind.WARNING, time=Clock().wall(), task=task, text=text))

    record_answered(workspace, tasks, policies, agents, traces=traces, dead_runs=dead_runs)
    found = harvest(
        workspace,
        tasks,
        policies,
        agents,
        results=results,
        traces=traces,
        dead_runs=dead_runs,
        lost=lost,
        warn=warn,
    )
    for each in found:
        if each.task.stem in lost and (kept := workspace.move_aside(each.task)):
            warn(each.task.id, f"{each.task.result_path} is damaged; it is kept as {kept}")
    if found:
        workspace.commit([each.commit for each in found])
    for each in found:
        listener(each.happening(Clock().wall()))
    return found


def remember(ahead: RunPreview, agents: Mapping[str, Agent]) -> list[Result]:
    """Take in what was paid for and no result tells of any more. Only with the lock held.

    The file of a task that is to run tells of it from now on; what is of no such task goes to what was done
    beside the plan, which is returned.

    Raises:
        StoreError: a log could not be read, or a result not be written.
    """
    board, workspace = ahead.board, ahead.workspace
    tasks = {board.plan.tasks[task_id].stem: board.plan.tasks[task_id] for task_id in ahead.to_run}
    others = {stem(result.task): result for result in board.beside}
    results = {stem(result.task): result for result in board.results.values()}
    known = {
        name: {attempt.number for attempt in result.attempts}
        for name, result in (results | others).items()
    }
    for name, lost in forgotten(workspace, agents, ahead.traces, known).items():
        task = tasks.get(name)
        before = (results if task else others).get(name)
        attempts = sorted((*lost.attempts, *(before.attempts if before else ())))
        result = (before or lost)._replace(attempts=tuple(attempts))
        if task is None:
            others[name] = result
            continue
        board.results[task.id] = result
        if before is None:
            costs = cost_statistics(result)
            text = render_result(result, label=task.label, answer="", statistics=costs)
            workspace.write_running(name, text)
    return [*others.values()]


def set_aside(ahead: RunPreview) -> str:
    """Move to the archive what a run that does all afresh is not to count on, nor to pay for; return where it lies now.

    An empty text when there was nothing to move. Only with the lock held.

    Raises:
        StoreError: it could not be moved; what was moved is back where it was.
    """
    from orchestrator.store.archive import set_outcomes_aside

    return set_outcomes_aside(ahead.order.layout, _stems_to_move(ahead))


def _stems_to_move(ahead: RunPreview) -> set[str]:
    """Return what the files are called of the tasks to run, and of all that was made from their results.

    Where logs are gone numbers begin anew: what remembers the old ones would be taken for current. A run of all of the
    plan forgets the rows that were taken out, too; what planning cost belongs to the plan that is run again.
    """
    board, moving = ahead.board, dict.fromkeys(ahead.to_run)
    for task_id in board.shape.order:
        result = board.results.get(task_id)
        is_made_from_them = result is not None and not moving.keys().isdisjoint(result.inputs)
        if is_made_from_them and board.status(task_id) not in KEPT_WHEN_FRESH:
            moving[task_id] = None
    if not moving:
        return set()
    stems = {MERGER, *map(stem, moving)}
    if not (ahead.order.only or ahead.order.tags):
        found = {stem(each.task) for each in board.beside} | ahead.traces.keys()
        stems |= found - {PLANNER, *map(stem, board.plan.tasks)}
    return stems
