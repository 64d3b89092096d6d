"""The agents of a plan: who is meant by what a task says, and what there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from orchestrator.core.agent import ALIASES, AgentRegistry, Listed, Member, Program, running_tasks
from orchestrator.core.ids import similar_name
from orchestrator.core.plan import Task
from orchestrator.core.settings import CAPS, Settings, lower, resolve
from orchestrator.core.task_type import TaskType
from orchestrator.errors import NotFoundError, PlanError
from orchestrator.store.collection import live_plans
from orchestrator.store.layout import Layout
from orchestrator.store.task_files import subagents
from orchestrator.store.workspace import Workspace


class Known:
    """The agents there are: the roster, and the sub-agents of ``.claude/agents``, looked up when asked for.

    It is a collection of what a task may ask for. ``claude-code`` is in it, and listed only as ``claude``.
    """

    def __init__(self, registry: AgentRegistry, workdir: str) -> None:
        """Take the roster, and the directory in which agents work."""
        self._registry, self._workdir = registry, workdir
        self._subagents: frozenset[str] | None = None
        self._has_skills = any(member.skills for member in registry)

    def __contains__(self, key: object) -> bool:
        return key in self._registry or key in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def names(self) -> Sequence[str]:
        """All of them, ours first."""
        if self._subagents is None:
            self._subagents = subagents(self._workdir)
        return (*self._registry.keys, *sorted(self._subagents - set(self._registry.keys)))

    @property
    def shells(self) -> Sequence[str]:
        """Those of them that run commands."""
        return self._registry.shells

    def key_of(self, task: Task) -> str:
        """Return the agent that its row asks for: the one in its Agent cell, else an assignee who is an agent."""
        return task.agent_key or (task.role if task.role and task.role in self else "")

    def type_of(self, task: Task) -> str:
        """Return the type of a task where it may have a say in who does it, or how."""
        return task.type if self._has_skills or self._registry.type_of(task) else ""

    def misspelt(self, tasks: Iterable[Task]) -> Iterable[tuple[Task, str]]:
        """Return assignees who were probably meant to be agents; anybody else is a role that an agent takes."""
        roles = {task.role: task for task in tasks if task.assignee and not task.agent_key}
        for role, task in roles.items():
            if role and role not in self and (close := similar_name(role, (*self.names, *ALIASES))):
                yield task, close

    def settle(
        self, common: Mapping[str, Any], own: Mapping[str, Any], flags: Mapping[str, Any], type: str = ""
    ) -> Settings:
        """Return the settings of a task, its agent chosen and that agent's own settings among them.

        Flag > task > type > agent > plan > default; what a built-in type says is a default. A task that names no agent
        goes to the one for its type, or to the default one; ``agent: reviewer`` of ``.claude/agents`` is ``claude`` in
        the role of ``reviewer``. An agent that there is not stays as it was asked for.
        """
        kind = self._registry.types.get(type.casefold()) if type else None
        if kind is not None:
            common, own = ({**kind.settings, **common}, own) if kind.is_built_in else (common, _over(kind, own))
        asked = _resolve(flags, common, own)
        key = asked.agent
        if "agent" not in own and self._has_skills:
            key = self._choose(type, asked.required_capabilities, kind.prefers if kind else ()) or key
        is_subagent = key not in self._registry and key in self
        if key not in self._registry and not is_subagent:
            return asked
        member = self._registry["claude" if is_subagent else key]
        if member.settings:
            asked = _resolve(flags, common, member.settings, own)
        if member.runs is Program.SHELL and not any(
            "retries" in layer for layer in (common, member.settings, own, flags)
        ):
            asked = asked._replace(retries=0)
        return asked._replace(agent=member.key, subagent=key if is_subagent else asked.subagent)

    def _choose(self, type: str, needs: Sequence[str], prefers: Sequence[str]) -> str:
        """Return who takes a task that names no agent; empty: no one in particular."""
        choose = partial(self._registry.choose, fallback="")
        if needs:
            return choose(type=type, needs=needs) or choose(needs=needs)
        if not prefers:
            return choose(type=type)
        return choose(type=type, needs=prefers) or choose(type=type) or choose(needs=prefers)

    def lacking(self, task: Task, own: Mapping[str, Any], settings: Settings) -> list[str]:
        """Return what a task that names no agent requires, and the agent it went to cannot do."""
        kind = self._registry.type_of(task)
        if "agent" in own or (kind and not kind.is_built_in and "agent" in kind.settings):
            return []
        skills = self._registry[settings.agent].skills if settings.agent in self._registry else frozenset()
        return [need for need in settings.required_capabilities if need.casefold() not in skills]


def _over(kind: TaskType, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a task says, over what its type says; of ``env`` both."""
    env, more = kind.settings.get("env", {}), own.get("env", {})
    both = {"env": {**env, **more}} if isinstance(env, Mapping) and isinstance(more, Mapping) and (env or more) else {}
    return {**kind.settings, **own, **both}


def _resolve(flags: Mapping[str, Any], *layers: Mapping[str, Any]) -> Settings:
    if not flags.keys().isdisjoint(CAPS):
        flags = lower(resolve(*layers), flags)
    return resolve(*layers, flags)


def list_agents(layout: Layout | None, registry: AgentRegistry, lacks: Callable[[Member], str]) -> list[Listed]:
    """Return every agent that a task of this plan may ask for; without *layout*, of any plan.

    Of a directory of plans, what each has under way in all of them.

    Raises:
        StoreError: the plan could not be read.
    """
    running: Counter[str] = Counter()
    workdir = ""
    if layout is not None:
        workdir = layout.workdir("")
        for name, place in live_plans(layout):
            try:
                board = Workspace(place).load(keep_cache=False)
            except (PlanError, NotFoundError):
                continue  # agents may be looked at before there is a plan that can be read
            running += running_tasks(board.results.values())
            if name == ".":
                workdir = layout.workdir(str(board.plan.settings.get("workdir", "")))
    listed = [Listed(member, registry.running(member.key, running), lacks(member)) for member in registry]
    for name in sorted(subagents(workdir) - set(registry.keys)):
        member = Member(name, Program.CLAUDE, "a sub-agent of Claude Code", extends="claude", where=".claude/agents")
        listed.append(Listed(member, 0, lacks(member)))
    return listed
