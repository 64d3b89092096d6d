"""Run a plan: everything that is not completed yet, and nothing else."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from orchestrator.core.duration import format_duration
from orchestrator.core.params import as_text
from orchestrator.core.readiness import kept_back
from orchestrator.core.snapshot import PlanSnapshot, really_done
from orchestrator.core.text import join_first, one_line
from orchestrator.core.timestamp import iso
from orchestrator.errors import ExitStatus, OrchestratorError, StoreError
from orchestrator.runner.aggregate import Merged, aggregate, merge, merged_before
from orchestrator.runner.auxiliary import Worker
from orchestrator.runner.clock import Clock
from orchestrator.runner.event_bus import EventBus, forward_journal, listened_to
from orchestrator.runner.event_loop import run_in_event_loop
from orchestrator.runner.events import Event, Kind, Listener
from orchestrator.runner.file_changes import FileChanges
from orchestrator.runner.launch import Launcher
from orchestrator.runner.loop import Runner
from orchestrator.runner.notify import NotificationSender
from orchestrator.runner.plan_watcher import Change, Watch
from orchestrator.runner.preview import RunPreview, preview_run, require_params
from orchestrator.runner.recovery import damaged, recover, remember, set_aside
from orchestrator.runner.render import STILL_OPEN, Drawing, redraw
from orchestrator.runner.replan import Replanner, Resets
from orchestrator.runner.scheduler_setup import accounts, build_engine, holds_found, shared_pools
from orchestrator.runner.signals import Signals
from orchestrator.runner.task_commands import carry_out
from orchestrator.runner.warnings import remarks, require_written
from orchestrator.services.assignments import CHANGED_ROW, changed_rows, make_task_files, require_files
from orchestrator.services.plans import advance, begin, require_approval
from orchestrator.services.plugins import Plugins
from orchestrator.services.run_request import RunRequest, asked_for
from orchestrator.store.attempt_record import Traces, scan_logs
from orchestrator.store.compare_and_swap import CLOSED_WITHIN, LOOK, until_closed
from orchestrator.store.fingerprint import version_of
from orchestrator.store.journal import Journal
from orchestrator.store.layout import Layout, pools_of_person
from orchestrator.store.lock import RunLock, exclusive, new_run, take_lock
from orchestrator.store.machine import SharedMachine, open_machine
from orchestrator.store.plan_directory import taken_away
from orchestrator.store.requests import Requests
from orchestrator.store.watcher import poll
from orchestrator.store.workspace import Workspace
from orchestrator.views.notification import plan_name, plan_option
from orchestrator.views.templating import prepare

#: Notes about files that others changed; a user who changed more of them knows.
_NOTES = 20
#: Tasks named in one line.
_NAMED = 10


def examine(order: RunRequest, plugins: Plugins) -> RunPreview:
    """Return what a run would do, once nothing is known that would keep it from starting. Writes nothing.

    Raises:
        PlanError, NotFoundError, UsageError: the input is invalid.
        AgentError: an agent that is needed cannot work on this machine.
        ApprovalError, TransitionError: the plan waits for a user, or is over.
        StoreError: state could not be read.
    """
    ahead = preview_run(order, plugins.registry)
    if _says_state(order, ahead.board):
        require_approval(order.layout, ahead.board.plan.header)
    require_params(ahead)
    require_files(ahead, ahead.to_run)
    require_written(ahead)
    plugins.require({task_id: ahead.policies[task_id] for task_id in ahead.to_run})
    return ahead


def run(order: RunRequest, plugins: Plugins, listener: Listener) -> RunReport:
    """Run the plan to its end, or as far as it goes; blocks until then. A signal that ends us ends it in order.

    Raises:
        PlanError, NotFoundError, UsageError: the input is invalid; nothing was written, nothing started.
        AgentError: an agent that is needed cannot work on this machine; nothing was written, nothing started.
        ApprovalError, TransitionError: the plan waits for a user, or is over; nothing was written.
        BusyError: another run holds the plan; nothing was written.
        StoreError: state could not be read or written.
        BaseException: what the listener raised; then it ends as if it had died there, and the next run goes on.
    """
    return listened_to(listener, lambda hear: _run(order, plugins, hear))


def _run(order: RunRequest, plugins: Plugins, listener: Listener) -> RunReport:
    before = version_of(order.layout)
    ahead = examine(order, plugins)
    clock, run_id = Clock(), new_run()
    with exclusive(order.layout.queue):  # behind commands that need the lock for a moment
        asked, since = (order.only, order.tags), iso(clock.wall())
        lock = take_lock(order.layout.lock, run_id, since, *asked, grows=order.grows)
    with Signals() as signals:
        try:
            # Until the lock was ours, another run may have been active, and what it did is not what was seen.
            is_seen = version_of(order.layout) == before and not (lock.dead_runs or order.is_fresh)
            ahead.workspace.prepare()
            if ahead.to_run and _says_state(order, ahead.board):
                begin(order.layout, ahead.board.plan.header, clock.wall())
                is_seen = False
            if lock.dead_runs:
                plugins.sweep(order.layout.root, run_id)
            if order.is_fresh:
                set_aside(ahead)
            with closing(Journal(order.layout.journal)) as journal:
                telling = EventBus(journal, listener, clock)
                session = _Session(order, plugins, ahead.workspace, run_id, clock, telling, lock, signals)
                report = session.run(ahead if is_seen else None)
            if report.failure is None and _says_state(order, report.board):
                advance(order.layout, report.board, clock.wall())
        except BaseException:
            lock.abandon()
            raise
        if report.has_kept_state:
            lock.release()
        else:
            lock.abandon()
        return report._replace(late_signal=signals.look())


def _says_state(order: RunRequest, board: PlanSnapshot) -> bool:
    """Whether the plan has a state that a run depends on, and may change; most say none."""
    return board.plan.header.state is not None and not order.simulate


def _nothing() -> None:
    """Nothing is to be read again."""


@dataclass(slots=True, eq=False, repr=False)
class _Session:
    """One run with the lock held."""

    order: RunRequest
    plugins: Plugins
    workspace: Workspace
    run_id: str
    clock: Clock
    telling: EventBus
    lock: RunLock
    signals: Signals
    budget: float = 0.0
    began: float = 0.0
    """On the clock that does not jump."""
    outdated: Sequence[str] = ()
    """Tasks that were done for another row."""

    def run(self, seen: RunPreview | None) -> RunReport:
        """Recover, run, draw its outcome; *seen* is what was seen before the lock was ours, if that still holds."""
        started, self.began = self.clock.wall(), self.clock.now()
        ahead = self._recovered(seen or preview_run(self.order, self.plugins.registry, self.workspace))
        self.workspace.expansions.write(ahead.batches)  # first: whatever ends us, each item keeps its id
        self.budget = ahead.settings.budget_usd
        if ahead.settings.notify and not self.order.simulate:
            self.telling.subscribe(self._notification_sender(ahead))
        self._tell_begin(ahead, started)
        traces = ahead.traces
        if traces and not self.order.simulate:
            ahead.board.beside = remember(ahead, self.plugins.agents)
        holds = holds_found(ahead, self.plugins.agents, started)
        for text in holds:
            self.telling.say(Kind.RUN_HELD, text)
        # What it will not wait for keeps it back from the start.
        held_back = holds[-1] if holds and ahead.settings.on_hold != "wait" else ""
        with closing(self._machine(ahead)) as machine:
            runner = self._runner(ahead, traces, held_back, machine)
            self._do(ahead, runner)
        return self._conclude(ahead, runner, started)

    def _do(self, ahead: RunPreview, runner: Runner) -> None:
        if ahead.to_run:
            tasks = ahead.board.plan.tasks
            make_task_files(self.workspace, tasks, ahead.meant, ahead.to_run, self.plugins.registry)
            opened = runner.executor.opened()
            heard = forward_journal(opened, self.order.layout.journal, self.telling.pass_on)
            run_in_event_loop(lambda signals: runner.run(heard, signals), self.signals)

    def _machine(self, ahead: RunPreview) -> SharedMachine:
        """Open the slots of shared pools; a run that only simulates takes none, and waits for nothing."""
        if self.order.simulate:
            return SharedMachine({}, lambda: None)
        return open_machine(pools_of_person(os.environ), shared_pools(ahead.board.plan))

    def _recovered(self, ahead: RunPreview) -> RunPreview:
        """Make results of what a run before left behind, and carry out what was asked for since."""
        traces = ahead.traces
        if traces:
            agents, dead, lost = self.plugins.agents, self.lock.dead_runs, damaged(ahead)
            if recover(ahead, agents, dead, self.telling.hear, lost=lost):
                ahead = preview_run(self.order, self.plugins.registry, self.workspace, traces)
        self.lock.recovered()
        if Requests(self.order.layout.requests).left():
            board = self.workspace.load(keep_cache=False, is_live=False)
            carry_out(self.workspace, really_done(board), self.telling.hear)
            ahead = preview_run(self.order, self.plugins.registry, self.workspace, traces)
        return ahead

    def _tell_begin(self, ahead: RunPreview, started: float) -> None:
        total, todo = (len(ahead.board.plan.tasks), len(ahead.to_run) - len(kept_back(ahead.board, ahead.to_run)))
        begun = Event(kind=Kind.RUN_STARTED, time=started, run=self.run_id, tasks=todo)
        given = "".join(f"; {name}={one_line(as_text(value), 60)}" for name, value in ahead.params.items())
        self.telling.hear(begun._replace(text=f"{todo} of {total} tasks to run{given}"))
        for task_id, doubt in ahead.board.doubts.items():
            # What does not count is never overwritten unseen.
            task = ahead.board.plan.tasks[task_id]
            kept = self.workspace.move_aside(task) if task_id in ahead.to_run else ""
            text = f"{doubt}; it is kept as {kept}" if kept else doubt
            self.telling.say(Kind.WARNING, text, task_id)
        self._warn_before(ahead)

    def _warn_before(self, ahead: RunPreview) -> None:
        for text in remarks(ahead, self.plugins.agents):
            self.telling.say(Kind.WARNING, text)
        if ahead.gone:
            named = join_first(ahead.gone, _NAMED)
            self.telling.say(Kind.WARNING, f"no item any more, so not in the plan any more: {named}")
        self.outdated = () if self.order.simulate else changed_rows(ahead, _NOTES)
        for task_id in self.outdated:
            text = f"{CHANGED_ROW}; `orchestrator retry {task_id}` does it again"
            self.telling.say(Kind.WARNING, text, task_id)

    def _notification_sender(self, ahead: RunPreview) -> NotificationSender:
        root, title = self.order.layout.root, ahead.board.plan.title
        chosen = self.plugins.subscribers(ahead.settings, root)
        return NotificationSender(chosen, plan_name(title, root), self.run_id, plan_option(root))

    def _runner(
        self, ahead: RunPreview, traces: Mapping[str, Traces], held_back: str, machine: SharedMachine
    ) -> Runner:
        plugins, requests = self.plugins, Requests(self.order.layout.requests)
        engine = build_engine(ahead, traces, plugins.agents, plugins.registry, self.clock, machine=machine)
        resets = Resets(self.workspace, requests, ahead.board, engine, self.clock)
        watch, reopened = None, _nothing
        # Where it is for some tasks only, nothing that is new is for this run, but for the tasks of a batch.
        is_open = self.order.grows or not self.order.only
        if is_open or any(task.is_batch for task in ahead.board.plan.tasks.values()):
            watch, reopened = self._watch(ahead, resets if is_open else None, lambda: runner)
        runner = Runner(
            workspace=self.workspace,
            board=ahead.board,
            engine=engine,
            is_patient=ahead.settings.on_hold == "wait",
            ends_at=self._ends_at(ahead),
            params=ahead.params,
            policies=ahead.policies,
            executor=plugins.executor([self.lock.descriptor, *machine.descriptors]),
            clock=self.clock,
            away=self._away,
            listener=self.telling.hear,
            launchpad=self._launcher(ahead),
            requests=requests,
            drawing=Drawing(self._draw, self._prepare),
            redo=resets.redo,
            expanded=reopened,
            watch=watch,
            close=self._close,
            held_back=held_back,
            changes=self._changes(ahead),
        )
        return runner

    def _changes(self, ahead: RunPreview) -> FileChanges:
        layout = self.order.layout
        changes = FileChanges(
            workdir=layout.workdir(ahead.settings.workdir),
            spared=layout.root,
            wall=self.clock.wall,
            is_real=not self.order.simulate,
        )
        changes.ask(ahead.policies)
        return changes

    def _ends_at(self, ahead: RunPreview) -> float:
        return self.began + (ahead.settings.run_timeout or math.inf)

    def _launcher(self, ahead: RunPreview) -> Launcher:
        return Launcher(
            self.workspace,
            ahead.board.plan.tasks,
            ahead.policies,
            self.plugins.agents,
            run=self.run_id,
            workdir=self.order.layout.workdir(ahead.settings.workdir),
            meant=ahead.meant,
            program=self.plugins.program,
            types=self.plugins.registry.types,
            params=ahead.params,
        )

    def _watch(
        self, ahead: RunPreview, resets: Resets | None, runner: Callable[[], Runner]
    ) -> tuple[Watch, Callable[[], None]]:
        versions, registry = self.workspace.plan_versions, self.plugins.registry
        plan, seen = ahead.board.plan, versions.newest()
        replanner = Replanner(self.order, self.workspace, registry, plan, seen)

        def look_around() -> None:
            if resets is not None and self.lock.is_in_place():  # else no one has deleted anything
                resets.look()

        def apply(change: Change) -> None:
            for task_id, kept in replanner.go_on(change, runner(), ahead, self.plugins.agents):
                text = f"another result lay in its place; it is kept as {kept}"
                self.telling.say(Kind.WARNING, text, task_id)
            if change.also:
                self.order = replanner.order
                self.lock.grow(self.order.only)

        return replanner.watch(look_around, apply, self.lock.close), replanner.expect

    def _close(self) -> None:
        if not self.lock.is_closing:
            self.lock.close(is_closed=True)

    def _prepare(self) -> None:
        """Load what is needed later, while agents work already; a program that is upgraded meanwhile stays whole."""
        from orchestrator.core import plan_status  # noqa: F401
        from orchestrator.runner import aggregate, auxiliary, render  # noqa: F401
        from orchestrator.views import task_file  # noqa: F401

        prepare("final_output.md.j2", self.order.layout.templates)

    def _away(self) -> StoreError | None:
        if self.lock.is_in_place():
            return None

        return taken_away(self.order.layout.root)

    def _draw(self, board: PlanSnapshot, news: Mapping[str, str]) -> bool:
        if not self.lock.is_in_place():
            return True  # the run is about to end, and what is there now is not locked
        return redraw(self.workspace, board, self.clock.wall(), running=news, budget=self.budget)

    def _conclude(self, ahead: RunPreview, runner: Runner, started: float) -> RunReport:
        """Draw everything once more, now that nothing moves."""
        failure, board, merged, output = runner.failure, runner.board, None, ""
        if (away := self._away()) is not None:
            board.end_run()
            self._end(ahead, runner, board, failure or away)
            return self._report(runner, board, failure or away)  # nothing is written there any more
        try:
            if failure is None:
                board.end_run()
                for note in self.workspace.dispute(board)[:_NOTES]:
                    self.telling.say(Kind.WARNING, note)
                if runner.watch is not None and not (runner.ended_by or runner.held_back):
                    failure = runner.watch.refused  # what was written there last was never run
            else:
                # What could not be written did not happen.
                board = self.workspace.load(keep_cache=False, is_live=False, traces=scan_logs(self.order.layout.logs))
            try:
                merged = self._aggregate(ahead, board, started, runner)
                output = self.order.layout.final_output
            except OrchestratorError as error:
                failure = failure or error
            if self.telling.is_held and not (runner.held_back or runner.ended_by or failure):
                # Nothing got through that would have said so, but the run came to its end without waiting for more.
                self.telling.say(Kind.RUN_RESUMED, "no longer held")
            if not (is_closed := until_closed(self.order.layout.plan)):
                self.telling.say(Kind.WARNING, f"{self.workspace.shown_plan}: {STILL_OPEN}")
            # The last word of a run: anyone who waits for it finds the final output written.
            self._end(ahead, runner, board, failure)
            if is_closed:
                any(self._draw(board, {}) for _ in poll(LOOK, CLOSED_WITHIN))
            self.workspace.write_index()
        except OrchestratorError as error:
            failure = failure or error
        return self._report(runner, board, failure, merged, output)

    def _end(self, ahead: RunPreview, runner: Runner, board: PlanSnapshot, failure: OrchestratorError | None) -> None:
        self._tell_people(ahead, runner, board, str(failure or runner.held_back))
        text = "; ".join(filter(None, (board.progress(), runner.held_back, str(failure or ""))))
        ended = Event(kind=Kind.RUN_ENDED, time=self.clock.wall(), text=text)
        self.telling.hear(ended._replace(duration=self.clock.now() - self.began))

    def _report(
        self,
        runner: Runner,
        board: PlanSnapshot,
        failure: OrchestratorError | None,
        merged: Merged | None = None,
        output: str = "",
    ) -> RunReport:

        return RunReport(
            run=self.run_id,
            layout=self.order.layout,
            board=board,
            asked=asked_for(self.order, board),
            launched=runner.launched,
            duration=self.clock.now() - self.began,
            signal=runner.ended_by,
            held_back=runner.held_back,
            used_up=runner.used_up,
            is_merge_left=merged is not None and merged.is_left,
            failure=failure,
            final_output=output,
            conflicts=runner.changes.conflicts(),
        )

    def _aggregate(self, ahead: RunPreview, board: PlanSnapshot, started: float, runner: Runner) -> Merged:
        merged, settings, held_back = Merged(), ahead.settings, runner.held_back
        if settings.aggregate == "claude":
            merged = self._merge(ahead, board, runner)
            runner.ended_by = runner.ended_by or merged.ended_by
            runner.used_up = runner.used_up or merged.used_up
            runner.held_back = runner.held_back or merged.held_back
        elif settings.aggregate == "structured":
            merged = merged_before(self.workspace, self.plugins.agents, board, runner.policies)
        aggregate(
            self.workspace,
            board,
            settings,
            started=started,
            ended=self.clock.wall(),
            merged=merged,
            asked=asked_for(self.order, board),
            held_back=held_back,
            outdated=self.outdated,
            conflicts=runner.changes.conflicts(),
            warn=partial(self.telling.say, Kind.WARNING),
        )
        return merged

    def _merge(self, ahead: RunPreview, board: PlanSnapshot, runner: Runner) -> Merged:
        """Let one more agent merge the answers."""
        runner.ended_by = runner.ended_by or self.signals.look()
        is_cut = bool(runner.ended_by or runner.held_back or runner.failure)
        worker = Worker(
            workspace=self.workspace,
            agents=self.plugins.agents,
            executor=self.plugins.executor,
            descriptor=self.lock.descriptor,
            run=self.run_id,
            clock=self.clock,
            listener=self.telling.hear,
            budget=runner.engine.budget,
            accounts=accounts(board, self.plugins.agents, self.clock, ahead.settings, {}),
            ends_at=self._ends_at(ahead),
        )
        merged = merge(worker, board, ahead, runner.policies, is_cut=is_cut)
        if merged.note and not (is_cut or self.order.simulate or merged.ended_by):
            self.telling.say(Kind.WARNING, merged.note)
        return merged

    def _tell_people(self, ahead: RunPreview, runner: Runner, board: PlanSnapshot, trouble: str) -> None:
        sender = self.telling.sender
        if sender is None:
            return
        # Nobody is notified of a run that had nothing to do; and anyone who stopped it knows, and waits.
        if ahead.to_run and not runner.ended_by:
            took = format_duration(self.clock.now() - self.began)
            asked = {board.status(each) for each in asked_for(self.order, board)}
            sender.end(board.counts(), asked, self.clock.wall(), took, trouble)
        if lost := sender.close(is_hurried=lambda: bool(runner.ended_by or self.signals.look())):
            self.telling.say(Kind.WARNING, lost)


# ── run report ────────
#
# How a run ended.


class RunReport(NamedTuple):
    """How a run ended. ``duration`` in seconds."""

    run: str
    layout: Layout
    board: PlanSnapshot
    asked: Collection[str]
    """Tasks the run was to complete: all of them, or those of ``--only`` and ``--tag``."""
    launched: int
    """Attempts this run launched."""
    duration: float
    signal: int = 0
    """What ended it before its end."""
    held_back: str = ""
    """Why tasks, or the merge, were not started although nothing they need is missing."""
    used_up: Kind | None = None
    """Whose budget that was, where it was one."""
    is_merge_left: bool = False
    """An agent was to merge the answers, and a signal, a budget or an account left that to the next run."""
    failure: OrchestratorError | None = None
    final_output: str = ""
    """The file in which this run put the answers together; empty: that could not be written."""
    conflicts: Sequence[str] = ()
    """What is known of files that two tasks changed which ran at the same time, each in one line."""
    late_signal: int = 0
    """What came when this run had come to its end: it ends what would follow."""

    @property
    def has_kept_state(self) -> bool:
        """Whether everything that came of it is on disk; a plan that is invalid by now keeps nothing from there."""
        return self.failure is None or self.failure.exit_status == ExitStatus.BAD_INPUT

    @property
    def exit_status(self) -> int:
        """The status of the process."""
        if self.failure is not None:
            return self.failure.exit_status
        if self.signal:
            return 128 + self.signal
        if all(map(self.board.is_done_with, self.asked)):
            return ExitStatus.HELD if self.held_back and self.is_merge_left else ExitStatus.DONE
        return ExitStatus.HELD if self.held_back else ExitStatus.TASK_FAILED
