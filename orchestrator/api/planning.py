"""Make a plan and change it, and move it among other plans."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.api.directory import Directory
from orchestrator.api.keywords import ids, listed, read_settings, worded

if TYPE_CHECKING:
    from typing import Self, Unpack

    from orchestrator.actions.editing import Updated
    from orchestrator.api.keywords import TaskSettings
    from orchestrator.core.snapshot import PlanSnapshot


class Planning(Directory):
    """What there is to be done."""

    def init(self, request: str = "", agent: str = "") -> str:
        """Make a plan to edit, or with *agent* a queue for that agent; return the path of ``master_plan.md``.

        Raises:
            UsageError: there is a plan already.
            BusyError: a run is under way, whose plan is away.
        """
        from orchestrator.planner.plan import init

        init(self._layout, request, agent)
        return self._layout.plan

    def validate(self) -> PlanSnapshot:
        """Return the board of a plan that ``run`` would accept; PlanError lists everything that is wrong with it."""
        from orchestrator.runner.warnings import validate

        return validate(self._layout, self._plugs().registry).board

    def add(
        self,
        text: str,
        *,
        desc: str = "",
        priority: str | int = "",
        depends_on: Sequence[str] = (),
        parent: str = "",
        assignee: str = "",
        agent: str = "",
        tags: Sequence[str] = (),
        type: str = "",
        deadline: str = "",
        estimated_hours: str | float = "",
        criteria: Sequence[str] = (),
        id: str = "",
        **settings: Unpack[TaskSettings],
    ) -> str:
        """Add a task, also while the plan runs, and return its id; where there is no plan, one is made.

        Args:
            text: What is to be done; for a shell, the command.
            desc: More about it; of a command, its name.
            priority: ``high``, ``P1`` or 100; bigger is first.
            depends_on: What comes before.
            parent: The umbrella it stands under.
            assignee: Who is responsible.
            agent: What runs it.
            tags: Words to find it by.
            type: ``dev``, ``test``, ``research`` …
            deadline: A day, a moment, or how long from now: ``2026-03-01``, ``2026-03-01T14:00Z``, ``2d``.
            estimated_hours: How long it takes.
            criteria: How somebody can tell that it is done.
            id: Its id; empty: the next one.
            settings: Those of its task file: ``timeout`` and ``retry_delay`` (seconds, or ``"5m"``), ``retries`` …

        Raises:
            UsageError: one of them makes no sense.
        """
        from orchestrator.actions.adding import NewTask, add

        wanted = NewTask(
            text=text,
            description=desc,
            priority=str(priority),
            needs=ids("depends_on", depends_on),
            parent=parent,
            assignee=assignee,
            agent=agent,
            tags=listed("tags", tags),
            type=type,
            deadline=deadline,
            estimated_hours=estimated_hours,
            criteria=worded(criteria),
            settings=read_settings(settings, self.add.__kwdefaults__ or ()),
            id=id,
        )
        return add(self._layout, wanted, self._name, self._roster).id

    def update(
        self,
        task: str,
        *,
        title: str | None = None,
        desc: str | None = None,
        priority: str | int | None = None,
        depends_on: Sequence[str] | None = None,
        add_deps: Sequence[str] = (),
        remove_deps: Sequence[str] = (),
        parent: str | None = None,
        assignee: str | None = None,
        agent: str | None = None,
        type: str | None = None,
        deadline: str | None = None,
        estimated_hours: str | float | None = None,
        tags: Sequence[str] = (),
        untags: Sequence[str] = (),
        criteria: Sequence[str] = (),
    ) -> Updated:
        """Change the row of a task. None leaves a cell as it is, an empty text or list takes away what it says.

        *tags* and *criteria* are added to those that there are, *untags* taken away; *add_deps* and *remove_deps* do
        so with what comes before. All else is as in ``add``. Where the task stands is changed by ``start``,
        ``complete``, ``block`` … .

        Raises:
            UsageError: one of them makes no sense.
        """
        from orchestrator.actions.editing import Changes, update

        changes = Changes(
            title=title,
            description=desc,
            priority=None if priority is None else str(priority),
            needs=None if depends_on is None else ids("depends_on", depends_on or ()),
            add_needs=ids("add_deps", add_deps),
            remove_needs=ids("remove_deps", remove_deps),
            parent=parent,
            assignee=assignee,
            agent=agent,
            type=type,
            deadline=deadline,
            estimated_hours=estimated_hours,
            tags=listed("tags", tags),
            untags=listed("untags", untags),
            criteria=worded(criteria),
        )
        return update(self._layout, task, changes, self._name, self._roster)

    # ── many plans (seed 004) ────────────────────────────────────────────────────────────────────────────────────────

    def create(self, title: str, *, priority: str = "P2", plan: str = "", eta: str = "") -> Self:
        """Make a plan that waits for approval in a directory of its own, ``TASK-001`` …; return it.

        *plan* says in words what is wanted, *eta* when it is to be done: ``2026-03-01``, ``2h``.

        Raises:
            UsageError: there is no title, or one of the others makes no sense.
        """
        from orchestrator.services.plans import create

        made = create(
            self._layout,
            title,
            priority=priority,
            request=plan,
            eta=eta,
            who=self._name,
            now=time.time(),
        )
        return type(self)(made.root, name=self._name, claude_bin=self._claude_bin)

    def transition(self, event: str, note: str = "") -> str:
        """Move the plan along an arrow of its states (``approve``, ``start`` …); return where it stands then.

        Raises:
            TransitionError: no such arrow leads away from where it stands, or the plan says no state.
            UsageError: the plan is a link, or somebody is writing it.
        """
        from orchestrator.services.plans import transition

        return transition(self._layout, event, who=self._name, note=note, now=time.time()).after

    def archive(self) -> str:
        """Put the plan away, which is completed, failed or rejected; return where it lies now, an absolute path.

        Raises:
            TransitionError: it is not over.
            BusyError: a run is at work on it, or waits for its time.
            UsageError: it is a directory of plans, and not one of them.
        """
        from orchestrator.services.plans import archive

        return archive(self._layout)
