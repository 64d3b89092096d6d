"""The same use cases as the command line, for programs: ``from orchestrator import Orchestrator``.

A method does what the command of its name does, and returns as an object what that prints with ``--json``. Keywords are
called as the options are: ``--depends-on`` is ``depends_on``, and what stands once for each (``--tag``, ``--untag``,
``--criterion``, ``--add-dep``, ``--remove-dep``) is a plural that takes one or many; words may also stand in one text
with commas between them, as in the options. ``MSG`` is the ``answer`` of ``complete``, and a ``note`` elsewhere;
``--as`` is ``name`` and ``--for`` is ``until``, for those are words of Python.

Commands that are no methods, and what a program does instead:

- ``run --detach``, ``spawn``, ``schedule``, ``auto-dispatch`` start processes of their own: it starts the command.
- ``plan``, ``template``, ``workflow``, ``wizard``, ``optimize`` propose a plan that a user looks at: it calls ``add``.
- ``graph``, ``critical-path``, ``watch``, ``dashboard`` draw what ``status`` and ``wait`` return; ``logs`` prints files
  that ``show`` names; ``completion`` is for a shell.
- ``dispatch``, ``subtask`` and ``task`` say ``add``, ``start``, ``complete`` … in other words; ``agent`` adds up what
  ``status`` and ``report`` return, or calls ``share``.
- ``check``, ``notify``: it calls ``check_all_tasks``.
- ``doctor``, ``cleanup``, ``rebuild-index`` keep machine and directory well, which is the business of a person.

What a command would call an error is raised: one tree, ``OrchestratorError`` (``orchestrator/errors.py``), with
``code``, ``hint`` and ``exit_status``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.commands import (
    block,
    cancel,
    claim,
    complete,
    context,
    discover,
    fail,
    join,
    note,
    retry,
    share,
    start,
    sync,
    unblock,
)
from orchestrator.commands import list as listing
from orchestrator.commands.call import ProgramCall
from orchestrator.commands.check import check
from orchestrator.commands.export import gather
from orchestrator.commands.message import MessageParams
from orchestrator.commands.report import look_back
from orchestrator.commands.task_command import ReasonParams
from orchestrator.commands.update import Changes, Updated, update
from orchestrator.commands.wait import Until, follow
from orchestrator.core.ids import as_name, is_name
from orchestrator.errors import BusyError, NotFoundError, OrchestratorError, UsageError
from orchestrator.plan.task_fields import TASK_FIELDS, TaskChanges
from orchestrator.planner.plan import init
from orchestrator.runner.run import run
from orchestrator.runner.signals import require_signals
from orchestrator.runner.warnings import validate
from orchestrator.services.agent_choice import list_agents
from orchestrator.services.history import history
from orchestrator.services.keywords import AddKeywords, field_text, ids, listed, read_settings, worded
from orchestrator.services.new_task import NewTask, add
from orchestrator.services.plans import archive, create, transition
from orchestrator.services.run_request import RunRequest
from orchestrator.services.status import status
from orchestrator.services.stop import stop
from orchestrator.services.task_view import show
from orchestrator.services.validation import as_typed
from orchestrator.store.journal import parse_cursor
from orchestrator.store.plan_directory import find_from_here
from orchestrator.store.task_ids import resolve_ids
from orchestrator.wiring import lacks, plugins

if TYPE_CHECKING:
    from typing import Self, Unpack

    from orchestrator.commands.export import Export
    from orchestrator.commands.report import Ledger
    from orchestrator.commands.wait import WaitUpdate
    from orchestrator.core.agent import AgentRegistry, Listed
    from orchestrator.core.message import Message
    from orchestrator.core.plan import Task
    from orchestrator.core.settings import RunSettings
    from orchestrator.core.snapshot import PlanSnapshot
    from orchestrator.runner.events import Listener
    from orchestrator.runner.run import RunReport
    from orchestrator.services.history import History
    from orchestrator.services.plugins import Plugins
    from orchestrator.services.status import Overview
    from orchestrator.services.task_view import TaskView
    from orchestrator.store.journal import Cursor
    from orchestrator.store.layout import Layout
    from orchestrator.store.requests import Reply


#: How many turns and events of a history are kept, and the most days of a report: a hundred years.
_KEPT, _MOST_DAYS = 1000, 36_500


class Orchestrator:
    """One plan directory.

    Any method may raise ``NotFoundError`` (no such plan or task), ``PlanError`` (the plan is invalid; ``problems``
    are all of them, each with file and line) and ``StoreError`` (state could not be read or written); each says what it
    raises besides. Nothing is half done then: state is as before or as after.
    """

    def __init__(
        self, directory: str | os.PathLike[str] | None = None, *, name: str = "", claude_bin: str = ""
    ) -> None:
        """Take the plan directory; nothing is read yet.

        Args:
            directory: The plan directory, or the id of one below the root; None: ``ORCHESTRATOR_DIR``, else the
                nearest ``.orchestrator`` upward from the current directory, else one to be made here.
            name: Who calls; empty: ``TM_AGENT_ID``, else ``python``.
            claude_bin: The ``claude`` program; empty: ``ORCHESTRATOR_CLAUDE_BIN``, else PATH.

        Raises:
            UsageError: no one can be called so; or the nearest plan directory is another user's.
            StoreError: it cannot be looked into, or a link leads nowhere just now.
            NotFoundError: there is no such plan below the root.
            OutputError: the current directory is gone, and no absolute path says where else to look.
        """
        named = None if directory is None else os.fspath(directory)
        self._layout = find_from_here(named, must_exist=False)
        self._name = name or as_name(os.environ.get("TM_AGENT_ID", "")) or "python"
        self._claude_bin = claude_bin
        if not is_name(self._name):
            raise UsageError(f"{self._name!r} is not a name", hint="letters, digits, . _ @ -")

    @property
    def directory(self) -> str:
        """The plan directory, as an absolute path."""
        return self._layout.root

    @property
    def _call(self) -> ProgramCall:
        return ProgramCall(name=self._name, is_json=True, layout=self._layout, claude_bin=self._claude_bin)

    def _plugins(self, layout: Layout | None = None) -> Plugins:
        return plugins(self._claude_bin, layout or self._layout)

    def _registry(self, layout: Layout) -> AgentRegistry:
        return self._plugins(layout).registry

    # ── make a plan and change it ─────────────────────────────────────────────────────────────────────────────────────

    def init(self, request: str = "", agent: str = "") -> str:
        """Make a plan to edit, or with *agent* a queue for that agent; return the path of ``master_plan.md``.

        Raises:
            UsageError: there is a plan already.
            BusyError: a run is under way, whose plan is away.
        """
        init(self._layout, request, agent)
        return self._layout.plan

    def validate(self) -> PlanSnapshot:
        """Return the board of a plan that ``run`` would accept; PlanError lists everything that is wrong with it."""
        return validate(self._layout, self._plugins().registry).board

    def add(
        self,
        text: str,
        *,
        desc: str = "",
        depends_on: Sequence[str] = (),
        tags: Sequence[str] = (),
        criteria: Sequence[str] = (),
        id: str = "",
        **more: Unpack[AddKeywords],
    ) -> str:
        """Add a task to the plan, which is made where there is none; return its id.

        Args:
            text: What is to be done; for the agent ``shell`` a command.
            desc: More about it; of a command, its name.
            depends_on: The tasks that it waits for.
            tags: Words to find it by.
            criteria: Its success criteria.
            id: Its id; empty: the next one.
            more: The other fields of its row (``TaskValues``), and settings of its task file (``TaskSettings``):
                ``timeout`` and ``retry_delay`` (seconds, or ``"5m"``), ``retries`` …

        Raises:
            UsageError: one of them is not understood.
        """
        values, settings = _sorted(more)
        task = NewTask(
            text=text,
            description=desc,
            needs=ids("depends_on", depends_on),
            tags=listed("tags", tags),
            values=values,
            criteria=worded(criteria),
            settings=read_settings(settings, _KEYWORDS | {*(self.add.__kwdefaults__ or ())}),
            id=id,
        )
        return add(self._layout, task, self._name, self._registry).id

    def update(
        self,
        task: str,
        *,
        title: str | None = None,
        desc: str | None = None,
        depends_on: Sequence[str] | None = None,
        add_deps: Sequence[str] = (),
        remove_deps: Sequence[str] = (),
        tags: Sequence[str] = (),
        untags: Sequence[str] = (),
        criteria: Sequence[str] = (),
        **values: Unpack[TaskChanges],
    ) -> Updated:
        """Change the row of a task. None leaves a cell unchanged, an empty text or list empties it.

        *tags* and *criteria* are added to those that there are, *untags* taken away; *add_deps* and *remove_deps* do
        so with what comes before. All else is as in ``add``. Its status is changed by ``start``, ``complete``,
        ``block`` … .

        Raises:
            UsageError: one of them is not understood.
        """
        given, others = _sorted(values)
        if others:
            read_settings(dict.fromkeys(others), _KEYWORDS | {*(self.update.__kwdefaults__ or ())})
        changes = Changes(
            title=title,
            description=desc,
            needs=None if depends_on is None else ids("depends_on", depends_on or ()),
            add_needs=ids("add_deps", add_deps),
            remove_needs=ids("remove_deps", remove_deps),
            tags=listed("tags", tags),
            untags=listed("untags", untags),
            values=given,
            criteria=worded(criteria),
        )
        return update(self._layout, task, changes, self._name, self._registry)

    # ── many plans (seed 004) ────────────────────────────────────────────────────────────────────────────────────────

    def create(self, title: str, *, priority: str = "P2", plan: str = "", eta: str = "") -> Self:
        """Make a plan that waits for approval in a directory of its own, ``TASK-001`` …; return it.

        *plan* says in words what is asked for, *eta* when it is to be done: ``2026-03-01``, ``2h``.

        Raises:
            UsageError: there is no title, or one of the others is invalid.
        """
        made = create(self._layout, title, priority=priority, request=plan, eta=eta, who=self._name, now=time.time())
        return type(self)(made.root, name=self._name, claude_bin=self._claude_bin)

    def transition(self, event: str, note: str = "") -> str:
        """Move the plan along an arrow of its states (``approve``, ``start`` …); return where it stands then.

        Raises:
            TransitionError: no such arrow leads away from where it stands, or the plan says no state.
            UsageError: the plan is a link, or a user is writing it.
        """
        return transition(self._layout, event, who=self._name, note=note, now=time.time()).after

    def archive(self) -> str:
        """Put the plan away, which is completed, failed or rejected; return where it lies now, an absolute path.

        Raises:
            TransitionError: it is not over.
            BusyError: a run is active on it, or waits for its time.
            UsageError: it is a directory of plans, and not one of them.
        """
        return archive(self._layout)

    # ── run a plan, follow a run, end one ─────────────────────────────────────────────────────────────────────────────

    def run(
        self,
        *,
        simulate: bool = False,
        only: Sequence[str] = (),
        tags: Sequence[str] = (),
        raise_budget: float | None = None,
        listener: Listener = lambda _: None,
        **settings: Unpack[RunSettings],
    ) -> RunReport:
        """Run everything that is not completed, and return how it went; blocks until then.

        It hears the signals that end a program, so it belongs into the main thread of one, outside of any event loop.
        Elsewhere (a notebook, a web server) start ``orchestrator run --detach``, and ``wait``.

        SIGINT (Ctrl-C), SIGTERM (``stop``) and SIGHUP end the run and nothing else: no KeyboardInterrupt is raised, no
        handler of the program called for them, and the report is returned (``late_signal`` is one that came when all
        was done). A program that is to end with its run writes::

            if report.signal:
                raise SystemExit(report.exit_status)

        Args:
            simulate: Run nothing; every task answers with a made-up block.
            only: Only these tasks.
            tags: Only tasks with one of these tags.
            raise_budget: USD the whole plan may cost in this run, also where the plan says less; ``budget_usd`` only
                lowers what it says.
            listener: Called with everything that happens; the run goes on when it returns. It may look, ``add`` and
                ``update``. What the run would have to answer (``block``, ``cancel``, ``complete`` …), ``wait`` and
                ``stop`` are UsageError there: call them in another thread. What it raises ends the run as a crash
                would, agents too, and comes out unchanged; the next run goes on.
            settings: Those of ``run``: ``max_parallel``, ``timeout`` (seconds, or ``"5m"``), ``budget_usd``, ``agent``
                and whatever else the front matter of a plan may say; ``params`` are the values of its parameters.

        Raises:
            UsageError: it was called in another thread, or in an event loop, or one of them is invalid; nothing
                was started.
            ApprovalError, TransitionError: no one has approved the plan yet, or it is over.
            AgentError: the program of an agent is missing or unusable.
            BusyError: another run is active.
        """
        require_signals()
        order = RunRequest(
            self._layout,
            params=settings.pop("params", {}),
            flags=read_settings(settings, self.run.__kwdefaults__ or ()),
            simulate=simulate,
            only=[resolve_ids(self._layout, task) for task in listed("only", only)],
            tags=listed("tags", tags),
            raised_budget=None if raise_budget is None else read_settings({"budget_usd": raise_budget})["budget_usd"],
        )
        return run(order, self._plugins(), listener)

    def wait(self, timeout: float = 90.0, until: str = "news", since: Cursor | str | None = None) -> WaitUpdate:
        """Wait for *news* of a run, for *any* end of a task, or for its *end*; the end of the run always counts.

        Args:
            timeout: Come back after so many seconds at the latest.
            until: What ends the wait (``--for`` of the command): ``news``, ``any`` or ``end``.
            since: Tell what is new since then: the ``cursor`` of an earlier answer, or as the command prints it; None:
                since the command ``wait`` reported something last, else since the run began.

        Raises:
            NotFoundError: the plan was never run.
            UsageError: there is no such *until*, *since* is no cursor, or it was called in a listener of that run.
        """
        if until not in [*Until]:
            raise UsageError(f"until: {until!r} is none of {', '.join(Until)}")
        begin = None if since is None else parse_cursor(str(since))
        return follow(self._layout, begin, timeout=timeout, until=Until(until))

    def stop(self, timeout: float = 60.0) -> str:
        """End the active run, as Ctrl-C would, and return its id once it is over.

        Its agents are ended, what is finished stays, nothing that was cut short is charged. Where no run is active,
        those end that wait for their time, and the id is empty.

        Raises:
            NotFoundError: no run is active, and none waits.
            BusyError: it is not over after *timeout* seconds; called again, it gives its agents no more time. Or it
                is one of another machine, and got no signal.
            ExecutorError: the system said no.
            UsageError: it was called in a listener of that run.
        """
        stopped = stop(self._layout)
        if not stopped.await_end(timeout):
            name = f"run {stopped.run}" if stopped.run else "who waits for the time to run"
            raise BusyError(
                f"{name} has not ended after {timeout:g}s", hint="stop it once more: its agents get no more time then"
            )
        return stopped.run

    # ── task commands ─────────────────────────────────────────────────────────────────────────────────────────────────

    def claim(self, task: str = "") -> str:
        """Take a task that no other caller has, and return its id; without *task*, the next one that is ready.

        Raises:
            NothingReadyError: nothing is ready.
            DependencyError: what it depends on is not done.
        """
        return claim.execute(self._call, claim.ClaimParams(task)).task

    def start(self, task: str, *, progress: int | None = None) -> Reply:
        """Take a task into your own hands, or say how far you are, in per cent.

        Raises:
            DependencyError: what it depends on is not done.
        """
        if progress is not None and not 0 <= progress <= 100:
            raise UsageError(f"progress: {progress} is not between 0 and 100 per cent")
        return start.execute(self._call, start.StartParams(task, progress=progress))

    def complete(self, task: str, answer: str = "", *, note: str = "", validate: bool = False, met: str = "") -> Reply:
        """Say that a task is done; *answer* is its result.

        With *validate*, or where plan or task say so, only when its success criteria are met; *met*, ``"1,3"`` or
        ``"all"``, ticks them.

        Raises:
            CriteriaError: a criterion is open.
            DependencyError: what it depends on is not done.
            UsageError: no file of text could hold the answer.
        """
        as_typed(answer)
        params = complete.CompleteParams(task, answer, note=note, validate=validate, met=met)
        return complete.execute(self._call, params).reply

    def fail(self, task: str, note: str = "") -> Reply:
        """Say that a task cannot be done; what depends on it is skipped."""
        return fail.execute(self._call, ReasonParams(task, note))

    def block(self, task: str, note: str = "") -> Reply:
        """Keep a task from being done for now."""
        return block.execute(self._call, ReasonParams(task, note))

    def unblock(self, task: str, note: str = "") -> Reply:
        """Let a blocked task be done."""
        return unblock.execute(self._call, ReasonParams(task, note))

    def cancel(self, task: str, note: str = "") -> Reply:
        """Give a task up; what runs of it is ended."""
        return cancel.execute(self._call, ReasonParams(task, note))

    def retry(self, task: str, note: str = "") -> Sequence[Reply]:
        """Have a task done again, and return one reply; of a skipped one, what failed before it, and a reply for each.

        A task that was started by hand is released.

        Raises:
            DependencyError: it was skipped because a task before it was cancelled.
        """
        return retry.execute(self._call, ReasonParams(task, note))

    # ── messages: UsageError for an empty text, or more than 64 KB ───────────────────────────────────────────────────

    def join(self, task: str) -> Message:
        """Say that you work on a task."""
        return join.execute(self._call, join.JoinParams(task))

    def share(self, task: str, text: str) -> Message:
        """Share something about a task with everybody."""
        return share.execute(self._call, MessageParams(task, text))

    def note(self, task: str, text: str) -> Message:
        """Note something for yourself; no other caller sees it."""
        return note.execute(self._call, MessageParams(task, text))

    def discover(self, task: str, text: str) -> Message:
        """Alert everybody."""
        return discover.execute(self._call, MessageParams(task, text))

    def sync(self, task: str, text: str) -> Message:
        """Set a checkpoint for everybody."""
        return sync.execute(self._call, MessageParams(task, text))

    def context(self, task: str) -> context.Context:
        """Return the messages about a task, and your own notes."""
        return context.execute(self._call, context.ContextParams(task))

    # ── look at a plan: nothing is changed, and no run is disturbed ───────────────────────────────────────────────────

    def status(self) -> Overview:
        """Return where the plan stands, and who works on it; ``board.standing`` says it of each task, and why."""
        return status(self._layout)

    def list(
        self,
        *,
        status: Sequence[str] = (),
        assignee: Sequence[str] = (),
        tags: Sequence[str] = (),
        type: Sequence[str] = (),
        parent: str = "",
    ) -> Sequence[Task]:
        """Return the tasks that pass every filter, in the order of the plan; of several words in one, any will do.

        Raises:
            UsageError: there is no such status.
        """
        params = listing.ListParams(
            status=listed("status", status),
            assignee=listed("assignee", assignee),
            tags=listed("tags", tags),
            type=listed("type", type),
            parent=parent,
        )
        return listing.execute(self._call, params).tasks

    def show(self, task: str) -> TaskView:
        """Return everything that is known of a task: attempts, answer, and the absolute paths of its files."""
        return show(self._layout, task)

    def history(self, key: str) -> History:
        """Return what became of a task, an attempt or a session: events, conversation, result.

        Of events and of turns of the conversation, the last 1000 are kept.
        """
        return history(self._layout, key, self._plugins().agents, turns=_KEPT, events=_KEPT)

    def report(self, days: float = 7) -> Ledger:
        """Return every attempt that ended in the last *days*, and what they come to; also of a directory of plans.

        There moments are seconds since the epoch, durations seconds, and costs USD.

        Raises:
            UsageError: it is no number of days, or more than a hundred years.
        """
        if not 0 <= days <= _MOST_DAYS:
            raise UsageError(f"days: {days} is not between 0 and {_MOST_DAYS}")
        return look_back(self._layout, days, time.time())

    def export(self) -> Export:
        """Return the whole plan and its outcome: each task with its assignment, its answer, and what was said."""
        return gather(self._layout)

    def agents(self) -> Sequence[Listed]:
        """Return every agent that a task may ask for, how much it does, and why it cannot work here, if it cannot."""
        return list_agents(self._layout, self._registry(self._layout), lambda each: lacks(each, self._claude_bin))


def check_all_tasks(directory: str | None = None) -> dict[str, Any]:
    """Check every plan that is not over, for a program that beats: what a person should know, and a summary.

    It opens the index first and then only plans that are not over, and it never raises for what is wrong with a plan.
    Each call counts as a heartbeat.

    Args:
        directory: A plan directory or a directory of them; None: the one that a command would find from here.

    Returns:
        ``{"alerts": ["stuck TASK-001/subtask_02: …"], "summary": "2 active tasks …", "skipped": {…}}``.
    """
    try:
        found = check(find_from_here(directory, must_exist=True), time.time())
    except NotFoundError:
        return {"alerts": [], "summary": "", "skipped": {}}
    except OrchestratorError as error:
        return {"alerts": [str(error)], "summary": "", "skipped": {}}
    skipped: Mapping[str, str] = found.broken
    return {"alerts": [str(alert) for alert in found.alerts], "summary": found.summary(), "skipped": dict(skipped)}


_NAME_OF = {each.keyword: each.name for each in TASK_FIELDS}
_KEYWORDS = _NAME_OF.keys()


def _sorted(given: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the fields of a row among keywords, as they are typed, and the other keywords; None is left out."""
    values = {_NAME_OF[key]: field_text(value) for key, value in given.items() if key in _NAME_OF and value is not None}
    return values, {key: value for key, value in given.items() if key not in _NAME_OF}
