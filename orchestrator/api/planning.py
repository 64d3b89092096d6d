"""Make a plan and change it, and move it among other plans."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.api.directory import Directory
from orchestrator.api.keywords import AddKeywords, ids, listed, read_settings, worded
from orchestrator.commands.update import Changes, Updated, update
from orchestrator.plan.task_fields import TASK_FIELDS, TaskChanges
from orchestrator.planner.plan import init
from orchestrator.runner.warnings import validate
from orchestrator.services.new_task import NewTask, add
from orchestrator.services.plans import archive, create, transition

if TYPE_CHECKING:
    from typing import Self, Unpack

    from orchestrator.core.snapshot import PlanSnapshot


class Planning(Directory):
    """What there is to be done."""

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
        """Change the row of a task. None leaves a cell as it is, an empty text or list empties it.

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

        *plan* says in words what is wanted, *eta* when it is to be done: ``2026-03-01``, ``2h``.

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


_NAME_OF = {each.keyword: each.name for each in TASK_FIELDS}
_KEYWORDS = _NAME_OF.keys()


def _sorted(given: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    """Return the fields of a row among keywords, as they are typed, and the other keywords; None is left out."""
    values = {_NAME_OF[key]: str(value) for key, value in given.items() if key in _NAME_OF and value is not None}
    return values, {key: value for key, value in given.items() if key not in _NAME_OF}
