"""The same use cases as the command line, for programs: ``from orchestrator import Orchestrator``.

Every method does what the command of its name does, and returns what that prints with ``--json`` as an object. What a
command would call an error is raised: one tree, ``OrchestratorError``, with ``code``, ``hint`` and ``exit_status``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.core.intervention import Intervention
from orchestrator.core.name import as_name, is_name
from orchestrator.core.state import Verb
from orchestrator.errors import UsageError
from orchestrator.store.layout import find_plan_directory

if TYPE_CHECKING:
    from orchestrator.actions.checking import Overview
    from orchestrator.actions.editing import Updated
    from orchestrator.actions.following import Bite
    from orchestrator.actions.history import History
    from orchestrator.actions.plugs import Plugs
    from orchestrator.actions.report import RunReport
    from orchestrator.actions.talking import Context
    from orchestrator.actions.tasks import TaskView
    from orchestrator.core.board import Board
    from orchestrator.core.message import Message, MessageKind
    from orchestrator.core.plan import Task
    from orchestrator.core.roster import Roster
    from orchestrator.runtime.happening import Happening, Listener
    from orchestrator.store.layout import Layout
    from orchestrator.store.requests import Reply

#: How much of a history is kept where nobody says.
_TURNS, _EVENTS = 1000, 1000


def _ignore(happening: Happening) -> None:
    """Hear what happens, and do nothing about it."""


class Orchestrator:
    """One plan directory.

    Methods raise ``OrchestratorError``, each of the class that says what is wrong: ``PlanError`` (with ``problems``,
    each with file and line), ``UsageError``, ``NotFoundError``, ``TransitionError``, ``AgentError``, ``BusyError``,
    ``StoreError``. Nothing is half done then: state is as before or as after.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str] | None = None,
        *,
        name: str = "",
        claude_bin: str = "",
    ) -> None:
        """Take the plan directory; nothing is read yet.

        Args:
            directory: The plan directory, or the id of one below the root; None: ``ORCHESTRATOR_DIR``, else the
                nearest ``.orchestrator`` upward from the current directory, else one to be made here.
            name: Who calls; empty: ``TM_AGENT_ID``, else ``python`` (seed row S1-01).
            claude_bin: The ``claude`` program; empty: ``ORCHESTRATOR_CLAUDE_BIN``, else PATH.

        Raises:
            UsageError: nobody can be called so; or the nearest plan directory is somebody else's.
        """
        named = None if directory is None else os.fspath(directory)
        self._layout = find_plan_directory(named, os.environ, os.getcwd(), must_exist=False)
        self._name = name or as_name(os.environ.get("TM_AGENT_ID", "")) or "python"
        self._claude_bin = claude_bin
        if not is_name(self._name):
            raise UsageError(f"{self._name!r} is not a name", hint="letters, digits, . _ @ -")

    @property
    def directory(self) -> str:
        """The plan directory, as an absolute path."""
        return self._layout.root

    def _plugs(self, layout: Layout | None = None) -> Plugs:
        from orchestrator.wiring import plugs

        return plugs(self._claude_bin, layout or self._layout)

    def _roster(self, layout: Layout) -> Roster:
        return self._plugs(layout).roster

    # ── the plan ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def init(self, request: str = "", agent: str = "") -> str:
        """Make a plan to edit, or with *agent* a queue for that agent; return the path of ``master_plan.md``."""
        from orchestrator.actions.planning import init

        return init(self._layout, request, agent)

    def validate(self) -> Board:
        """Return the board of a plan that ``run`` would accept; PlanError lists everything that is wrong with it."""
        from orchestrator.actions.checking import validate

        return validate(self._layout, self._plugs().roster)

    def add(
        self,
        text: str,
        *,
        description: str = "",
        priority: str | int = "",
        depends_on: Sequence[str] = (),
        parent: str = "",
        assignee: str = "",
        agent: str = "",
        tags: Sequence[str] = (),
        kind: str = "",
        deadline: str = "",
        estimated_hours: str | float = "",
        criteria: Sequence[str] = (),
        id: str = "",
        **settings: Any,
    ) -> str:
        """Add a task, also while the plan runs, and return its id; where there is no plan, one is made.

        *criteria* are how somebody can tell that it is done. *deadline* is a day, a moment, or how long from now:
        ``2026-03-01``, ``2026-03-01T14:00Z``, ``2d``.
        *settings* are those of a task file: ``timeout`` and ``retry_delay`` (seconds, or ``"5m"``), ``retries`` …
        """
        from orchestrator.actions.adding import NewTask, add

        wanted = NewTask(
            text=text, description=description, priority=str(priority),
            needs=",".join(_listed("depends_on", depends_on)), parent=parent, assignee=assignee,
            agent=agent, tags=_listed("tags", tags), kind=kind, deadline=deadline,
            estimated_hours=estimated_hours, criteria=_worded(criteria), settings=_read(settings), id=id,
        )  # fmt: skip
        return add(self._layout, wanted, self._name, self._roster).id

    def update(self, task: str, **changes: Any) -> Updated:
        """Change the row of a task: the fields of ``Changes`` (``title``, ``priority``, ``needs``, ``deadline`` …)."""
        from orchestrator.actions.editing import Changes, update

        unknown = sorted(changes.keys() - set(Changes._fields))
        if unknown:
            raise UsageError(
                f"there is no {unknown[0]!r} to change", hint=", ".join(Changes._fields)
            )
        for name, value in changes.items():
            if name == "criteria":
                changes[name] = _worded(value)
            elif name in {"tags", "untags"}:
                changes[name] = _listed(name, value)
            elif name.endswith("needs") and not (value is None or isinstance(value, str)):
                changes[name] = ",".join(_listed(name, value))
            elif name == "priority" and value is not None:
                changes[name] = str(value)
        return update(self._layout, task, Changes(**changes), self._name, self._roster)

    # ── running ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def run(
        self,
        *,
        simulate: bool = False,
        only: Sequence[str] = (),
        tags: Sequence[str] = (),
        listener: Listener = _ignore,
        **settings: Any,
    ) -> RunReport:
        """Run everything that is not completed, and return how it went; blocks until then.

        It hears the signals that ``stop`` sends, so it belongs into the main thread of a program, outside of any event
        loop. Elsewhere (a notebook, a web server) start ``orchestrator run --detach``, and ``wait``.

        Args:
            simulate: Run nothing; every task answers with a made-up block.
            only: Only these tasks.
            tags: Only tasks with one of these tags.
            listener: Called with everything that happens; the run goes on when it returns. It may look, ``add`` and
                ``update``. What the run would have to answer (``block``, ``cancel``, ``complete`` …), and ``wait``, is
                UsageError there: call it in another thread. What it raises ends the run as a crash would, agents
                too, and comes out as it is; the next run goes on.
            settings: Those of ``run``: ``max_parallel``, ``timeout`` (seconds), ``budget_usd``, ``agent`` …

        Raises:
            UsageError: it was called in another thread, or in an event loop; nothing was started.
        """
        from orchestrator.actions.prospect import RunOrder
        from orchestrator.actions.running import run
        from orchestrator.runtime.waiting import require_signals
        from orchestrator.store.membership import full_ids

        require_signals()
        order = RunOrder(
            self._layout,
            flags=_read(settings),
            simulate=simulate,
            only=[full_ids(self._layout, task) for task in _listed("only", only)],
            tags=_listed("tags", tags),
        )
        return run(order, self._plugs(), listener)

    def wait(self, timeout: float, until: str = "news") -> Bite:
        """Wait for *news* of a run, for *any* end of a task, or for its *end*; *timeout* in seconds."""
        from orchestrator.actions.following import Until, follow

        if until not in [*Until]:
            raise UsageError(f"until: {until!r} is none of {', '.join(Until)}")
        return follow(self._layout, None, timeout=timeout, until=Until(until))

    def status(self) -> Overview:
        """Return where the plan stands, and who works on it."""
        from orchestrator.actions.checking import status

        return status(self._layout)

    def tasks(
        self,
        *,
        status: Sequence[str] = (),
        assignee: Sequence[str] = (),
        tags: Sequence[str] = (),
        kind: Sequence[str] = (),
        parent: str = "",
    ) -> list[Task]:
        """Return the tasks that pass every filter, in the order of the plan (``list``)."""
        from orchestrator.actions.tasks import Filters, list_tasks

        filters = Filters(
            statuses=_listed("status", status),
            assignees=_listed("assignee", assignee),
            tags=_listed("tags", tags),
            kinds=_listed("kind", kind),
            parent=parent,
        )
        return list_tasks(self._layout, filters)[1]

    def show(self, task: str) -> TaskView:
        """Return everything that is known of a task: attempts, answer, files."""
        from orchestrator.actions.tasks import show

        return show(self._layout, task)

    def history(self, key: str) -> History:
        """Return what became of a task, an attempt or a session: events, conversation, result."""
        from orchestrator.actions.history import history

        agents = self._plugs().agents
        return history(self._layout, key, agents, turns=_TURNS, events=_EVENTS)

    # ── where tasks stand ────────────────────────────────────────────────────────────────────────────────────────────

    def _wish(self, verb: Verb, task: str, note: str = "", **more: Any) -> Reply:
        from orchestrator.actions.intervening import intervene

        wanted = Intervention(verb, task, self._name, time.time(), note=note, **more)
        return intervene(self._layout, wanted, self._plugs, lambda: None)

    def start(self, task: str, *, progress: int | None = None) -> Reply:
        """Take a task into your own hands, or say how far you are, in per cent."""
        if progress is not None and not 0 <= progress <= 100:
            raise UsageError(f"progress: {progress} is not between 0 and 100 per cent")
        return self._wish(Verb.START, task, progress=progress)

    def claim(self) -> str:
        """Take the next task that is ready and that nobody else has; return its id."""
        return self._wish(Verb.START, "").task

    def complete(
        self, task: str, answer: str = "", *, note: str = "", validate: bool = False, met: str = ""
    ) -> Reply:
        """Say that a task is done; *answer* is its result.

        With *validate*, CriteriaError tells which success criteria are open; *met*, ``"1,3"`` or ``"all"``, ticks them.
        """
        from orchestrator.actions.intervening import complete

        wanted = Intervention(
            Verb.COMPLETE, task, self._name, time.time(), note=note, answer=answer
        )
        done = complete(self._layout, wanted, self._plugs, lambda: None, validate=validate, met=met)
        return done.reply

    def fail(self, task: str, why: str = "") -> Reply:
        """Say that a task cannot be done; what depends on it is skipped."""
        return self._wish(Verb.FAIL, task, why)

    def block(self, task: str, why: str = "") -> Reply:
        """Keep a task from being done for now."""
        return self._wish(Verb.BLOCK, task, why)

    def unblock(self, task: str) -> Reply:
        """Let a blocked task be done."""
        return self._wish(Verb.UNBLOCK, task)

    def cancel(self, task: str, why: str = "") -> Reply:
        """Give a task up; what runs of it is ended."""
        return self._wish(Verb.CANCEL, task, why)

    def retry(self, task: str) -> Sequence[Reply]:
        """Have a task done again; of a skipped one, what failed before it."""
        from orchestrator.actions.intervening import retry

        wanted = Intervention(Verb.RETRY, task, self._name, time.time())
        return retry(self._layout, wanted, self._plugs, lambda: None)

    # ── talking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _say(self, kind: MessageKind, task: str, text: str) -> Message:
        from orchestrator.actions.talking import say

        return say(self._layout, task, kind, self._name, text)

    def share(self, task: str, text: str) -> Message:
        """Tell everybody something about a task."""
        from orchestrator.core.message import MessageKind

        return self._say(MessageKind.SHARE, task, text)

    def note(self, task: str, text: str) -> Message:
        """Note something for yourself; nobody else's command shows it."""
        from orchestrator.core.message import MessageKind

        return self._say(MessageKind.NOTE, task, text)

    def discover(self, task: str, text: str) -> Message:
        """Alert everybody."""
        from orchestrator.core.message import MessageKind

        return self._say(MessageKind.DISCOVER, task, text)

    def sync(self, task: str, text: str) -> Message:
        """Set a checkpoint for everybody."""
        from orchestrator.core.message import MessageKind

        return self._say(MessageKind.SYNC, task, text)

    def context(self, task: str) -> Context:
        """Return what was said about a task, and what you noted."""
        from orchestrator.actions.talking import context

        return context(self._layout, task, self._name)

    # ── many plans (seed 004) ────────────────────────────────────────────────────────────────────────────────────────

    def create(self, title: str, *, priority: str = "P2", plan: str = "") -> Orchestrator:
        """Make a plan that waits for approval in a directory of its own, ``TASK-001`` …; return it."""
        from orchestrator.actions.plans import create

        made = create(
            self._layout, title, priority=priority, request=plan, eta=0.0, who=self._name,
            now=time.time(),
        )  # fmt: skip
        return Orchestrator(made.root, name=self._name, claude_bin=self._claude_bin)

    def transition(self, event: str, note: str = "") -> str:
        """Move the plan along an arrow of its states (``approve``, ``start`` …); return where it stands then."""
        from orchestrator.actions.plans import transition

        return transition(self._layout, event, who=self._name, note=note, now=time.time()).after


def _listed(name: str, said: Iterable[Any]) -> tuple[str, ...]:
    """Return what was said, one or many: a text is one of them, and not its letters.

    Raises:
        UsageError: one of them is empty, or no text.
    """
    found = (said,) if isinstance(said, str) else tuple(said)
    if wrong := [each for each in found if not (isinstance(each, str) and each.strip())]:
        raise UsageError(f"{name}: {wrong[0]!r} names nothing")
    return found


def _worded(criteria: Sequence[str]) -> tuple[str, ...]:
    from orchestrator.core.criteria import worded

    try:
        return worded(_listed("criteria", criteria))
    except ValueError as error:
        raise UsageError(f"criteria: {error}") from None


def _read(settings: Mapping[str, Any]) -> dict[str, Any]:
    from orchestrator.core.settings import NAMES, read_setting

    read: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in NAMES:
            raise UsageError(f"there is no setting {name!r}", hint="docs/cli.md lists them")
        try:
            read[name] = read_setting(name, value)
        except ValueError as error:
            raise UsageError(f"{name}: {error}") from None
    return read
