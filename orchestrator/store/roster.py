"""The agents that files describe: of the plan, of plans beside it, of the person. The nearest one with a key has it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from orchestrator.core.agent import BUILT_IN, Member, Program, AgentRegistry
from orchestrator.errors import PlanError, Problem, UsageError
from orchestrator.ownership import make_directories, open_to_us
from orchestrator.store.atomic import names_in, read_file, reject_symlinks, atomic_write, io_errors
from orchestrator.store.layout import Layout, agents_of_person, display_path

if TYPE_CHECKING:
    from orchestrator.store.agent_files import AgentFile

#: How a command gets at the agents of a plan: only one that names an agent reads them.
Agents = Callable[[Layout], AgentRegistry]
_BUILT_IN = {member.key: member for member in BUILT_IN}
#: What people leave in such a directory for each other.
_NO_AGENT = "readme.md"
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def read_agents(
    layout: Layout | None,
    environment: Mapping[str, str],
    proposed: Mapping[str, bytes] = _NOTHING,
) -> AgentRegistry:
    """Return all agents there are for a plan; without *layout*, for any plan of this person.

    *proposed* are files by path, as they are to be: each is read in the place of what lies there.

    Raises:
        PlanError: a file makes no sense; every problem with file and line.
        StoreError: one could not be read.
    """
    places = [
        *(layout.agents if layout else ()),
        *open_to_us(agents_of_person(environment), environment),
    ]
    found: dict[str, AgentFile] = {}
    problems: list[Problem] = []
    for directory in places:
        here, wrong = _read(directory, proposed)
        problems += wrong
        for key, each in here.items():
            found.setdefault(key, each)
    members = _linked(found, problems)
    if problems:
        raise PlanError(sorted(problems, key=_place))
    return AgentRegistry.of(members)


def register(
    layout: Layout,
    key: str,
    fields: Mapping[str, object],
    role: str,
    environment: Mapping[str, str],
    *,
    force: bool = False,
) -> tuple[str, Member]:
    """Write the file of an agent of a plan, once it was read as every command will read it; return path and agent.

    Args:
        layout: The plan directory.
        key: What a task asks for; the name of the file.
        fields: What stands in its front matter.
        role: What stands in front of its prompts.
        environment: Says where the person's own agents are.
        force: Also where there is such a file.

    Raises:
        UsageError: that is no key, or there is such a file.
        PlanError: the agents would make no sense with it; nothing was written.
        StoreError: it could not be written.
    """
    from orchestrator.store.agent_files import read_key, render_agent_file

    try:
        key = read_key(key)
    except ValueError as error:
        raise UsageError(str(error), hint="take another key") from None
    directory = layout.agents[0]
    path = f"{directory}/{key}.md"
    if f"{key}.md".lower() == _NO_AGENT:
        raise UsageError(f"{key}.md is for people, and no agent", hint="take another key")
    if not force and os.path.lexists(path):
        raise UsageError(
            f"there is an agent {key} already",
            where=_shown(path),
            hint="edit it, or write it anew with --force",
        )
    data = render_agent_file(fields, role).encode()
    member = read_agents(layout, environment, {path: data})[key]
    reject_symlinks(directory)
    with io_errors("make", directory):
        make_directories(directory)
    atomic_write(path, data)
    return path, member


def _read(
    directory: str, proposed: Mapping[str, bytes]
) -> tuple[dict[str, AgentFile], list[Problem]]:
    found: dict[str, AgentFile] = {}
    problems: list[Problem] = []
    here = (os.path.basename(path) for path in proposed if os.path.dirname(path) == directory)
    names = sorted({*_agent_files(directory), *here})
    if not names:
        return found, problems  # as for most plans
    from orchestrator.store.agent_files import parse_agent_file

    for name in names:
        path = f"{directory}/{name}"
        each, wrong = parse_agent_file(
            proposed[path] if path in proposed else read_file(path) or b"",
            _shown(path),
            os.path.dirname(directory),
            name.removesuffix(".md"),
        )
        problems += wrong
        if each is None:
            continue
        key = each.member.key
        twin = next((known for known in found if known.casefold() == key.casefold()), None)
        if twin is not None:
            message = f"the agent {key} is there twice, first in {found[twin].file}"
            problems.append(Problem(message, each.at("key"), "give one another key", "bad_agent"))
            continue
        found[key] = each
    return found, problems


def _linked(files: Mapping[str, AgentFile], problems: list[Problem]) -> list[Member]:
    """Return the agents, each with what it has from the one it stands on."""
    bases: dict[str, Member] = {key: each for key, each in _BUILT_IN.items() if key not in files}
    members: dict[str, Member] = {}
    roles: list[AgentFile] = []
    for key, each in files.items():
        if key in _BUILT_IN and (each.member.extends != key or "extends" not in each.lines):
            problems.append(_shadowing(each))
            bases[key] = _BUILT_IN[key]  # so that nobody who stands on it is blamed, too
        elif each.member.extends == "simulated":
            problems.append(_bad("nothing can stand on the simulated agent", each))
        elif each.member.command or key in _BUILT_IN:
            bases[key] = members[key] = _complete(each, _BUILT_IN.get(key), problems)
        else:
            roles.append(each)
    for each in roles:
        base = bases.get(each.member.extends)
        if base is None:
            problems.append(_no_base(each, files, bases))
        else:
            members[each.member.key] = _complete(each, base, problems)
    return [members[key] for key in files if key in members]


def _complete(found: AgentFile, base: Member | None, problems: list[Problem]) -> Member:
    """Return an agent with its settings, over those of the one it stands on."""
    from orchestrator.store.agent_files import settings_of

    member = found.member
    settings, wrong = settings_of(found, base.runs if base else Program.COMMAND)
    problems += wrong
    if base is None:
        return member._replace(settings=settings)
    env, more = base.settings.get("env"), settings.get("env", {})
    if isinstance(env, Mapping) and isinstance(more, Mapping):
        settings["env"] = {**env, **more}
    is_itself = member.key == base.key
    return member._replace(
        runs=base.runs,
        command=base.command,
        extends="" if is_itself else base.key,
        best_for=member.best_for or (base.best_for if is_itself else ""),
        settings={**base.settings, **settings},
        role=member.role or base.role,
    )


# ── what is wrong ────────────────────────────────────────────────────────────────────────────────────────────────────


def _bad(
    message: str, found: AgentFile, hint: str = "extend claude or shell, or add command:"
) -> Problem:
    return Problem(message, found.at("extends"), hint, "bad_agent")


def _place(problem: Problem) -> tuple[str, int]:
    file, _, line = problem.where.rpartition(":")
    return (file, int(line)) if line.isdecimal() else (problem.where, 0)


def _shadowing(found: AgentFile) -> Problem:
    key = found.member.key
    where = found.at("key")
    hint = f"say extends: {key} to change the built-in one, or take another key"
    return Problem(f"the agent {key} is built in", where, hint, "bad_agent")


def _no_base(
    found: AgentFile, files: Mapping[str, AgentFile], bases: Mapping[str, Member]
) -> Problem:
    wanted = found.member.extends
    if wanted in files:
        under = files[wanted].member.extends
        hint = f"extend {under}" if under in bases else f"correct {files[wanted].file}"
        return _bad(f"{wanted} stands on another agent itself", found, hint)
    there = ", ".join(key for key in bases if key != "simulated")
    return _bad(f"there is no agent {wanted!r} to extend", found, f"there are {there}")


def _agent_files(directory: str) -> list[str]:
    return [
        name
        for name in names_in(directory, (FileNotFoundError, NotADirectoryError))
        if name.endswith(".md") and not name.startswith(".") and name.lower() != _NO_AGENT
    ]


def _shown(path: str) -> str:
    """Return a path as people see it: from where they are, unless that is somewhere else."""
    relative = display_path(path)
    return path if relative.startswith(os.pardir) else relative
