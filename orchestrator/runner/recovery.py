"""Take over from runs before: what had finished is taken from its log, so that no answer is paid for twice, and what
was paid for is remembered, so that no budget is passed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

from orchestrator.agents.protocol import Agent
from orchestrator.core.cost import cost_statistics
from orchestrator.core.event import read_line
from orchestrator.core.plan import Task, stem
from orchestrator.core.plan import stem as stem_of
from orchestrator.core.result import Attempt, ProcessExit, Result, StopReason, Verdict, closed
from orchestrator.core.settings import Settings
from orchestrator.core.snapshot import MERGER, MERGING, PLANNER, as_merger
from orchestrator.core.status import TaskStatus
from orchestrator.errors import StoreError
from orchestrator.executors.exit_record import write_exit
from orchestrator.executors.protocol import Job
from orchestrator.runner.attempt import LiveAttempt, reread
from orchestrator.runner.clock import Clock
from orchestrator.runner.events import ENDINGS, Event, Kind, Listener
from orchestrator.runner.preview import RunPreview, preview_run
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import KEPT_WHEN_FRESH, RunRequest
from orchestrator.store.archive import set_outcomes_aside
from orchestrator.store.atomic import ADVICE
from orchestrator.store.attempt_record import AttemptRecord, Traces, read_record
from orchestrator.store.journal import Journal, journal_lines
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import render_result
from orchestrator.store.result_writer import Commit
from orchestrator.store.workspace import Workspace

# ── recovery ────────
#
# What a run does about the run before it that died: take finished answers from their logs.

_STATUS = {
    Verdict.COMPLETED: TaskStatus.COMPLETED,
    Verdict.FAILED: TaskStatus.RETRYING,
    Verdict.FATAL: TaskStatus.FAILED,
    Verdict.INTERRUPTED: TaskStatus.PENDING,
    Verdict.HELD: TaskStatus.PENDING,
}
#: As the journal has them.
_STARTED = Kind.RUN_STARTED.value.partition("_")[2]
_ENDED = frozenset(kind.value.partition("_")[2] for kind in ENDINGS.values())
#: A run, a task and an attempt.
_Reported = tuple[str, str, int]


class RecoveredAttempt(NamedTuple):
    """An attempt that ended while no runner was alive, judged now."""

    task: Task
    result: Result
    commit: Commit

    def event(self, now: float) -> Event:
        """Return the event of that; *now* in seconds since the epoch."""
        is_done = self.result.status is TaskStatus.COMPLETED
        return Event(
            kind=Kind.TASK_COMPLETED if is_done else Kind.TASK_INTERRUPTED,
            time=now,
            task=self.task.id,
            name=self.task.name,
            attempt=self.result.number,
            duration=self.result.duration,
            cost=self.result.attempts[-1].cost,
            text="taken from its log" if is_done else self.result.reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recovery:
    """Finds attempts that ended without their runner, and makes results of them. Only with the lock held."""

    workspace: Workspace
    tasks: Mapping[str, Task]
    policies: Mapping[str, Settings]
    agents: Mapping[str, Agent]
    traces: Mapping[str, Traces]
    """What ``logs/`` knows."""
    dead_runs: Container[str]
    results: Mapping[str, Result]
    """As they were loaded just now: of what is settled in them nothing is read once more."""
    lost: Container[str] = ()
    """Stems of tasks whose results are damaged, or were and are gone; of them any run's attempt counts."""
    warn: Callable[[str, str], None] = lambda *_: None
    """Called with a task and what is wrong with its record."""

    def take_over(self, listener: Listener) -> list[RecoveredAttempt]:
        """Commit and tell what ``harvest`` finds, and return it.

        Raises:
            StoreError: a log could not be read, or a result not be written.
        """
        self.record_answered()
        found = self.harvest()
        for each in found:
            if each.task.stem in self.lost and (kept := self.workspace.move_aside(each.task)):
                self.warn(each.task.id, f"{each.task.result_path} is damaged; it is kept as {kept}")
        if found:
            self.workspace.commit([each.commit for each in found])
        for each in found:
            listener(each.event(Clock().wall()))
        return found

    def record_answered(self) -> None:
        """Write the record that no one was left to write, or had room for, of attempts that had answered all the same.

        Only where the log shows it by itself, as ``claude`` does with its last event, and the result file that such an
        attempt of a run that died is under way. Nothing of it runs any more. ``harvest`` makes the result.

        Raises:
            StoreError: a log or a result cannot be read now, or a record not be written.
        """
        for task in self.tasks.values():
            known = self.traces.get(task.stem)
            if known is None or known.newest in known.recorded:
                continue
            before = self.workspace.read_result(task.stem)
            last = before.last if before is not None and before.task == task.id else None
            if before is None or last is None or not last.is_open or last.number != known.newest:
                continue
            if last.agent not in self.agents or last.run not in self.dead_runs:
                continue
            files = self.workspace.layout.attempt(task.stem, last.number)
            record = _record_of(last, before, files.stdout)
            if record is None:
                continue
            live = self._reread(task, record, before.attempts[:-1])
            if live.judge(record.exit).verdict is not Verdict.COMPLETED:
                continue
            job = Job(key=live.key, stdout=files.stdout, record=files.record, facts=record.facts())
            if failure := write_exit(job, record.exit, sync=True).error:
                raise StoreError(failure, hint=ADVICE)
            known.recorded.add(last.number)

    def harvest(self) -> list[RecoveredAttempt]:
        """Return every attempt that ended without its runner. Nothing is written yet.

        That is an attempt with a record whose result file still says ``running``, or does not know it although it was
        launched by a run that died. A record alone is not enough: a result file that a person deleted means "do it
        again", and so does one that is gone although that run had reported how the attempt ended; of those
        that were lost no one meant that. Nor is one that names another task, attempt or run than its place.

        Raises:
            StoreError: a log or a result cannot be read now.
        """
        found = []
        reported = cache(partial(_reported, self.workspace.layout.journal))  # most never ask
        for task in self.tasks.values():
            known, loaded = self.traces.get(task.stem), self.results.get(task.id)
            if known is None or not known.recorded:
                continue
            number = max(known.recorded)
            if loaded is not None and _is_settled(loaded.last, number):
                continue
            before = self.workspace.read_result(task.stem)
            last = before.last if before is not None and before.task == task.id else None
            if _is_settled(last, number):
                continue
            files = self.workspace.layout.attempt(task.stem, number)
            record = read_record(files.record)
            run = last.run if last is not None and last.number == number else None
            if record is None or record.agent not in self.agents:
                self.warn(task.id, f"{files.shown_record} is damaged and is not believed")
            elif not record.run:
                continue  # by hand: anyone who was writing it died before its result, and will say it once more
            elif not record.is_of(task.id, number, ""):
                self.warn(task.id, f"{files.shown_record} is of another attempt and is not believed")
            elif self._counts(task, record, run, before, reported):
                earlier = closed(before.attempts) if before is not None and last is not None else ()
                found.append(self._judge(self._reread(task, record, earlier), record))
            elif run is not None:
                self.warn(task.id, f"{files.shown_record} is of another run and is not believed")
        return found

    def _counts(
        self,
        task: Task,
        record: AttemptRecord,
        run: str | None,
        before: Result | None,
        reported: Callable[[], Container[_Reported]],
    ) -> bool:
        """Say whether an attempt is to be made a result of; *run* is what the result file says of this very attempt."""
        if task.stem in self.lost or (run is not None and run in {"", record.run}):
            return True
        if record.run not in self.dead_runs:
            return False
        return before is not None or (record.run, task.id, record.number) not in reported()

    def _reread(self, task: Task, record: AttemptRecord, earlier: Sequence[Attempt]) -> LiveAttempt:
        agent, policy = self.agents[record.agent], self.policies[task.id]
        return reread(self.workspace.layout, task, agent, policy, record, earlier=earlier)

    def _judge(self, live: LiveAttempt, record: AttemptRecord) -> RecoveredAttempt:
        outcome = live.judge(record.exit)
        if outcome.warning:
            self.warn(live.task.id, outcome.warning)
        result = live.over(_STATUS[outcome.verdict], record.exit, outcome)
        return RecoveredAttempt(live.task, result, live.commit(result, outcome, record.exit))


def _record_of(last: Attempt, result: Result, stdout: str) -> AttemptRecord | None:
    """Return the record of the open attempt of a *result*, as of the last change of its log; None without a log."""
    try:
        ended = max(os.lstat(stdout).st_mtime, last.started)
    except OSError:
        return None
    is_resumed = any(each.session == last.session for each in result.attempts[:-1])
    return AttemptRecord(
        task=result.task,
        number=last.number,
        charge=last.charge,
        run=last.run,
        agent=last.agent,
        inputs=result.inputs,
        exit=ProcessExit(
            stopped=StopReason.ORPHANED, started=last.started, ended=ended, duration=ended - last.started, pid=last.pid
        ),
        cap=last.cap,
        resumes=last.session if is_resumed else "",
        is_only_simulated=last.is_only_simulated,
    )


def _reported(journal: str) -> frozenset[_Reported]:
    """Return the attempts of which a run reported the end; it reports none before the result is in its place.

    Raises:
        StoreError: the journal cannot be read.
    """
    run, found = "", set()
    for text in journal_lines(journal, " · "):
        line = read_line(text)
        if line is None or line.is_message:
            continue
        if line.is_about_run and line.what == _STARTED:
            run = line.text.partition(" · ")[0].removeprefix("run ")
        elif line.attempt and line.what in _ENDED:
            found.add((run, line.subject, line.attempt))
    return frozenset(found)


def _is_settled(last: Attempt | None, number: int) -> bool:
    """Say whether a result, whose last attempt this is, knows how the recorded attempt *number* ended."""
    return last is not None and (
        last.number > number or (last.number == number and last.status != TaskStatus.RUNNING.value)
    )


def forgotten(
    workspace: Workspace,
    agents: Mapping[str, Agent],
    traces: Mapping[str, Traces],
    known: Mapping[str, AbstractSet[int]],
) -> dict[str, Result]:
    """Return, by stem, attempts that were paid for and that no result tells of any more (decision 9).

    Anyone who deletes a result wants it done again; what it has cost it has cost. Their records are still there, and
    say which attempts there were; their logs say what they cost, and where those are gone, too, unknown.

    Args:
        workspace: The plan directory.
        agents: Those that there are; only what goes to an account is paid for.
        traces: What ``logs/`` knows.
        known: The attempts that results tell of, by stem.

    Raises:
        StoreError: a log cannot be read now.
    """
    found = {}
    for file_stem, seen in traces.items():
        attempts: list[Attempt] = []
        for number in sorted(seen.recorded - known.get(file_stem, frozenset())):
            record = read_record(workspace.layout.attempt(file_stem, number).record)
            agent = agents.get(record.agent) if record is not None else None
            if record is None or agent is None or not agent.account:
                continue
            if record.number == number and stem_of(record.task) == file_stem:
                paid = _paid_attempt(workspace.layout, agent, record, attempts)
                if paid is not None:
                    attempts.append(paid)
                    found[file_stem] = Result(
                        task=record.task,
                        agent=record.agent,
                        status=TaskStatus.PENDING,
                        attempts=tuple(attempts),
                        note="its result was deleted",
                    )
    return found


def _paid_attempt(layout: Layout, agent: Agent, record: AttemptRecord, earlier: Sequence[Attempt]) -> Attempt | None:
    """Return the attempt that a record tells of, None where it cost nothing."""
    task = Task(id=record.task, name="", description="")
    live = reread(layout, task, agent, Settings(), record, earlier=earlier)
    last = live.over(TaskStatus.PENDING, record.exit, live.judge(record.exit)).last
    if last is not None and live.is_gone:
        last = last._replace(cost=None, cap=record.cap)
    if last is None or last.cost == 0:
        return None
    # Nothing goes on with it, and no account is held for it any more.
    return last._replace(is_resumable=False, until=0.0)


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
    return Recovery(
        workspace=ahead.workspace,
        tasks={**ahead.board.plan.tasks, MERGER: MERGING},
        policies={**ahead.policies, MERGER: as_merger(ahead.settings)},
        agents=agents,
        traces=ahead.traces,
        dead_runs=dead_runs,
        results=ahead.board.results,
        lost=lost,
        warn=warner(listener),
    ).take_over(listener)


def warner(listener: Listener) -> Callable[[str, str], None]:
    """Return what tells a listener a warning about a task."""
    return lambda task, text: listener(Event(kind=Kind.WARNING, time=Clock().wall(), task=task, text=text))


def damaged(ahead: RunPreview) -> list[str]:
    """Return the stems of tasks whose results lie there and cannot be read: no one who wants one anew does that.

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
        return recover(ahead, plugins.agents, dead_runs, lambda each: journal.append(each.line()), lost=lost)


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
    known = {name: {attempt.number for attempt in result.attempts} for name, result in (results | others).items()}
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
