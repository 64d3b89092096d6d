"""The agents that files describe: of the plan, of plans beside it, of the person. The nearest one with a key has it."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.agent import ALIASES, BUILT_IN, MODEL, PROMPT_FILE, AgentCommand, AgentRegistry, Member, Program
from orchestrator.core.ids import is_name, suggestion
from orchestrator.core.plan import is_label
from orchestrator.core.settings import IN_A_TASK, NAMES, OF_ONE_TASK, RUN_ONLY, read_setting
from orchestrator.core.text import one_line
from orchestrator.errors import PlanError, Problem, UsageError
from orchestrator.ownership import open_to_us
from orchestrator.store.keyed_files import (
    FOR_PEOPLE,
    NO_FILES,
    files_in,
    place_of,
    read_own_setting,
    render_keyed_file,
    require_no_file,
    split_file,
    write_files,
)
from orchestrator.store.layout import Layout, agents_of_person
from orchestrator.store.type_files import read_types

#: How a command gets at the agents of a plan: only one that names an agent reads them.
Agents = Callable[[Layout], AgentRegistry]
_BUILT_IN = {member.key: member for member in BUILT_IN}


def read_agents(
    layout: Layout | None, environment: Mapping[str, str], proposed: Mapping[str, bytes] = NO_FILES
) -> AgentRegistry:
    """Return all agents and types of task there are for a plan; without *layout*, for any plan of this person.

    *proposed* are files by path, as they are to be: each is read in the place of what is there.

    Raises:
        PlanError: a file is invalid; every problem with file and line.
        StoreError: one could not be read.
    """
    places = [*(layout.agents if layout else ()), *open_to_us(agents_of_person(environment), environment)]
    found: dict[str, AgentFile] = {}
    problems: list[Problem] = []
    for directory in places:
        here, wrong = _read(directory, proposed)
        problems += wrong
        for key, each in here.items():
            found.setdefault(key, each)
    members = _linked(found, problems)
    types, wrong = read_types(layout, environment, proposed)
    problems += wrong
    if problems:
        raise PlanError(sorted(problems, key=place_of))
    return AgentRegistry.of(members, types)


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
    key = _usable_key(key)
    directory = layout.agents[0]
    path = f"{directory}/{key}.md"
    if not force:
        require_no_file(path, f"an agent {key}", "edit it, or write it anew with --force")
    data = render_keyed_file(fields, role).encode()
    member = read_agents(layout, environment, {path: data})[key]
    write_files(directory, {path: data})
    return path, member


def _usable_key(key: str) -> str:
    try:
        key = read_key(key)
    except ValueError as error:
        raise UsageError(str(error), hint="take another key") from None
    if f"{key}.md".lower() == FOR_PEOPLE:
        raise UsageError(f"{key}.md is for people, and no agent", hint="take another key")
    return key


def _read(directory: str, proposed: Mapping[str, bytes]) -> tuple[dict[str, AgentFile], list[Problem]]:
    found: dict[str, AgentFile] = {}
    problems: list[Problem] = []
    for name, file, base, data in files_in(directory, proposed):
        each, wrong = parse_agent_file(data, file, base, name)
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
            bases[key] = _BUILT_IN[key]  # so that no one who stands on it is blamed, too
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


def _bad(message: str, found: AgentFile, hint: str = "extend claude or shell, or add command:") -> Problem:
    return Problem(message, found.at("extends"), hint, "bad_agent")


def _shadowing(found: AgentFile) -> Problem:
    key = found.member.key
    where = found.at("key")
    hint = f"say extends: {key} to change the built-in one, or take another key"
    return Problem(f"the agent {key} is built in", where, hint, "bad_agent")


def _no_base(found: AgentFile, files: Mapping[str, AgentFile], bases: Mapping[str, Member]) -> Problem:
    base = found.member.extends
    if base in files:
        under = files[base].member.extends
        hint = f"extend {under}" if under in bases else f"correct {files[base].file}"
        return _bad(f"{base} stands on another agent itself", found, hint)
    there = ", ".join(key for key in bases if key != "simulated")
    return _bad(f"there is no agent {base!r} to extend", found, f"there are {there}")


# ── agent file ────────
#
# ``agents/KEY.md``: one agent. What it is in front matter; what stands in front of its prompts in the body.
#
# Unlike a plan, which people share with other tools, such a file is read by no other user: a field that is not known
# is a problem, and not a user's own.

#: Settings that mean something to whatever runs, and those that a prompt adds; ``claude`` understands all of a task.
_OF_ALL = {"env", "env_keep", "timeout", "idle_timeout", "retries", "retry_delay", "grace", "format"}
_OF_PROMPTS = {"model", "context_limit", "task_budget_usd"}
_OF_CLAUDE = set(NAMES) - RUN_ONLY - OF_ONE_TASK - {"agent", "required_capabilities"}
SETTINGS: Mapping[Program, frozenset[str]] = {
    Program.CLAUDE: frozenset(_OF_CLAUDE),
    Program.COMMAND: frozenset(_OF_ALL | _OF_PROMPTS),
    Program.SHELL: frozenset(_OF_ALL),
    Program.SIMULATED: frozenset(),
}
_OF_A_COMMAND = ("answer", "login", "version", "free")
_PLACE = re.compile(r"\{[a-z_]+\}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?")
_JSON = re.compile(r"json((?:\.[^.\s]+)+)")


class AgentFile(NamedTuple):
    """What a file says, before it is known what the agent stands on."""

    member: Member
    given: Mapping[str, Any]
    """Its settings, not read yet."""
    lines: Mapping[str, int]
    file: str
    base: str
    """Paths in it count from here."""

    def at(self, field: str) -> str:
        """Where a field stands."""
        return f"{self.file}:{self.lines.get(field, 1)}"


def parse_agent_file(data: bytes, file: str, base: str, name: str) -> tuple[AgentFile | None, list[Problem]]:
    """Return what a file says, and what is wrong with it; its settings are read by ``settings_of``.

    Args:
        data: The file.
        file: Its path as people see it.
        base: The directory that holds ``agents/``: paths in the file count from there.
        name: Its key, when it says none.
    """
    front, body, problems = split_file(data, file, _FIELDS)
    if front.problem is not None:
        return None, problems
    fields: dict[str, Any] = {"key": name}
    given: dict[str, Any] = {}
    for written, value in front.data.items():
        where = f"{file}:{front.lines[written]}"
        if written in _FIELDS:
            try:
                fields[written] = _FIELDS[written](value)
            except ValueError as error:
                problems.append(_bad_agent_file(f"{written}: {one_line(str(error), 300)}", where))
        elif IN_A_TASK.get(written, written) in NAMES:
            given[written] = value
        else:
            problems.append(_unknown(written, where))
    problems += _contradictions(name, file, front.lines)
    member = _member(fields, body, base, f"{file}:{front.lines.get('command', 1)}")
    return AgentFile(member, given, front.lines, file, base), problems


def settings_of(found: AgentFile, runs: Program) -> tuple[dict[str, Any], list[Problem]]:
    """Return the settings of an agent that runs this, checked, with every path absolute."""
    settings: dict[str, Any] = {}
    problems: list[Problem] = []
    for written, value in found.given.items():
        name = IN_A_TASK.get(written, written)
        if name not in SETTINGS[runs]:
            problems.append(_misplaced(name, runs, found.at(written)))
            continue
        try:
            settings[name] = read_own_setting(written, value, found.base)
        except ValueError as error:
            problems.append(_bad_agent_file(str(error), found.at(written)))
    needs_model = any(MODEL in word for word in _words_of(found.member))
    if needs_model and not settings.get("model"):
        hint = f"add model: with the one to take, or take {MODEL} out"
        problems.append(_bad_agent_file(f"the command has {MODEL}, and there is no model", found.at("command"), hint))
    return settings, problems


# ── the fields ───────────────────────────────────────────────────────────────────────────────────────────────────────


def read_key(value: Any) -> str:
    """Return what a task may ask for.

    Raises:
        ValueError: nothing can be called so.
    """
    key = _line(value)
    if not is_name(key):
        raise ValueError(f"{key!r} is not 1 to 64 letters, digits, '.', '_', '@' or '-'")
    if is_label(key):
        raise ValueError(f"{key!r} reads as a label, which means the default agent")
    return key


def _line(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"{value!r} is not a text")
    return one_line(str(value), 300)


def _command(value: Any) -> tuple[str, ...]:
    words = shlex.split(value) if isinstance(value, str) else value
    if not isinstance(words, list) or not words:
        raise ValueError("write a program and its words, or a list of them")
    for word in words:
        if not isinstance(word, str) or not word or "\0" in word:
            raise ValueError(f"{word!r} is not a word; put it into quotes")
        if strange := set(_PLACE.findall(word)) - {PROMPT_FILE, MODEL}:
            raise ValueError(
                f"{min(strange)} stands for nothing; the prompt comes on standard input, or in the file {PROMPT_FILE}"
            )
    if _PLACE.search(words[0]):
        raise ValueError("the program itself is not to be filled in")
    return tuple(words)


def _names(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list):
        raise ValueError(f"{value!r} is not a list of words")
    found = (_line(word).casefold() for word in words)
    return tuple(dict.fromkeys(word for word in found if word))


def _variables(value: Any) -> tuple[str, ...]:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise ValueError(f"{value!r} is not a list of names")
    names = tuple(word.strip() for word in words if word.strip())
    for name in names:
        if not _VARIABLE.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a variable")
    return names


def _answer(value: Any) -> tuple[str, ...]:
    if value == "text":
        return ()
    found = _JSON.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is neither text nor json.NAME, such as json.response")
    return tuple(found[1].split(".")[1:])


def _free(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _width(value: Any) -> int:
    return int(read_setting("max_parallel", value))


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    "key": read_key,
    "command": _command,
    "extends": _line,
    "best_for": _line,
    "types": _names,
    "capabilities": _names,
    "max_parallel": _width,
    "answer": _answer,
    "login": _variables,
    "version": _command,
    "free": _free,
}


def _contradictions(name: str, file: str, lines: Mapping[str, int]) -> Iterator[Problem]:
    if "key" not in lines:
        try:
            read_key(name)
        except ValueError as error:
            message = f"the name of the file makes no key: {error}"
            yield _bad_agent_file(message, f"{file}:1", "add key: NAME")
    if "command" in lines and "extends" in lines:
        message = "an agent has a command of its own, or extends another"
        yield _bad_agent_file(message, f"{file}:{lines['extends']}", "keep one of the two")
    if "command" not in lines:
        for field in _OF_A_COMMAND:
            if field in lines:
                message = f"{field} is for an agent with a command"
                yield _bad_agent_file(message, f"{file}:{lines[field]}", "add command:, or remove it")


def _member(fields: Mapping[str, Any], role: str, base: str, where: str) -> Member:
    command = None
    if "command" in fields:
        command = AgentCommand(
            words=_from(base, fields["command"]),
            answer=fields.get("answer", ()),
            login=fields.get("login", ()),
            version=_from(base, fields["version"]) if "version" in fields else (),
            is_free=fields.get("free", False),
            base=base,
        )
    extends = fields.get("extends", "" if command else "claude")
    return Member(
        key=ALIASES.get(fields["key"], fields["key"]),
        runs=Program.COMMAND,
        best_for=fields.get("best_for", ""),
        types=fields.get("types", ()),
        capabilities=fields.get("capabilities", ()),
        max_parallel=fields.get("max_parallel", 0),
        role=role,
        command=command,
        extends=ALIASES.get(extends, extends),
        where=where,
    )


def _from(base: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the words of a command line; a program that is a path counts from the directory that holds agents/."""
    program, *more = words
    if "/" in program:
        program = os.path.normpath(os.path.join(base, os.path.expanduser(program)))
    return (program, *more)


def _words_of(member: Member) -> tuple[str, ...]:
    return member.command.words if member.command else ()


# ── what is wrong ────────────────────────────────────────────────────────────────────────────────────────────────────


def _bad_agent_file(message: str, where: str, hint: str = "correct or remove it") -> Problem:
    return Problem(message, where, hint, "bad_agent")


def _unknown(field: str, where: str) -> Problem:
    word = field.strip().lower().replace("-", "_").replace(" ", "_")
    known = [*_FIELDS, *sorted(_OF_CLAUDE)]
    hint = suggestion(word, known, f"fields are {', '.join(_FIELDS)}, and settings", cutoff=0.7)
    return Problem(f"{one_line(field, 60)} is not a field of an agent", where, hint, "unknown_field")


def _misplaced(name: str, runs: Program, where: str) -> Problem:
    if name in RUN_ONLY:
        return _bad_agent_file(f"{name} is a setting of the whole run", where, "move it to master_plan.md")
    if name not in _OF_CLAUDE:
        return _bad_agent_file(f"{name} is a setting of a task", where, "move it to the task file")
    what = "a command" if runs is Program.COMMAND else f"the {runs} agent"
    hint = "say it in the command itself, or remove it" if runs is Program.COMMAND else "remove it"
    return _bad_agent_file(f"{name} means nothing to {what}", where, hint)
