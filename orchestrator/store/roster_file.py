"""``agents/KEY.md``: one agent. What it is in front matter; what stands in front of its prompts in the body.

Unlike a plan, which people share with other tools, such a file is read by nobody else: a field that is not known is a
problem, and not somebody's own.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.core.agent import ALIASES, MODEL, PROMPT_FILE, Command, Member, Program
from orchestrator.core.ids import is_name
from orchestrator.core.plan import is_label
from orchestrator.core.settings import IN_A_TASK, NAMES, RUN_ONLY, Settings, read_setting
from orchestrator.core.ids import suggestion
from orchestrator.core.text import one_line, sanitize
from orchestrator.errors import Problem
from orchestrator.plan.front_matter import misplaced, read_front_matter
from orchestrator.plan.lines import Lines, conflict, unreadable
from orchestrator.store.task_files import resolve_files

#: Settings that mean something to whatever runs, and those that a prompt adds; ``claude`` understands all of a task.
_OF_ALL = {
    "env",
    "env_keep",
    "timeout",
    "idle_timeout",
    "retries",
    "retry_delay",
    "grace",
    "format",
}
_OF_PROMPTS = {"model", "context_limit", "task_budget_usd"}
_OF_CLAUDE = set(NAMES) - RUN_ONLY - {"agent", "required_capabilities"}
SETTINGS: Mapping[Program, frozenset[str]] = {
    Program.CLAUDE: frozenset(_OF_CLAUDE),
    Program.COMMAND: frozenset(_OF_ALL | _OF_PROMPTS),
    Program.SHELL: frozenset(_OF_ALL),
    Program.SIMULATED: frozenset(),
}
_PATHS = {"add_dirs", "mcp_config", "system_prompt_file", "schema"}
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


def parse_agent_file(
    data: bytes, file: str, base: str, name: str
) -> tuple[AgentFile | None, list[Problem]]:
    """Return what a file says, and what is wrong with it; its settings are read by ``settings_of``.

    Args:
        data: The file.
        file: Its path as people see it.
        base: The directory that holds ``agents/``: paths in the file count from there.
        name: Its key, when it says none.
    """
    if (problem := unreadable(data, file)) is not None:
        return None, [problem]
    lines = Lines.of(data)
    front = read_front_matter(lines.bare(), file)
    body = "".join(lines.lines[front.body :])
    if (problem := front.problem or conflict(body, file, front.body + 1)) is not None:
        return None, [problem]
    fields: dict[str, Any] = {"key": name}
    given: dict[str, Any] = {}
    problems: list[Problem] = []
    for written, value in front.data.items():
        where = f"{file}:{front.lines[written]}"
        if written in _FIELDS:
            try:
                fields[written] = _FIELDS[written](value)
            except ValueError as error:
                problems.append(_bad(f"{written}: {one_line(str(error), 300)}", where))
        elif IN_A_TASK.get(written, written) in NAMES:
            given[written] = value
        else:
            problems.append(_unknown(written, where))
    if not front.body:
        problems += misplaced(lines.bare(), file, _FIELDS)
    problems += _contradictions(name, file, front.lines)
    member = _member(fields, body.strip(), base, f"{file}:{front.lines.get('command', 1)}")
    return AgentFile(member, given, front.lines, file, base), problems


def render_agent_file(fields: Mapping[str, object], role: str) -> str:
    """Return a file that says this. Every value is written as JSON, which is YAML, so that no text becomes more."""
    lines = [f"{name}: {_flow(value)}" for name, value in fields.items()]
    # Also without fields: a text that begins with a bar is no front matter.
    return "\n".join(["---", *lines, "---", sanitize(role).strip(), ""])


def _flow(value: object) -> str:
    words = [sanitize(each) for each in value] if isinstance(value, list) else value
    return json.dumps(sanitize(value) if isinstance(value, str) else words, ensure_ascii=False)


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
            settings[name] = read_setting(name, value)
            if name in _PATHS:
                only = Settings(**{name: settings[name]})
                settings[name] = getattr(resolve_files(only, found.base), name)
        except ValueError as error:
            message = f"setting {name}: {one_line(str(error).removeprefix(f'{name}: '), 300)}"
            problems.append(_bad(message, found.at(written)))
    needs_model = any(MODEL in word for word in _words_of(found.member))
    if needs_model and not settings.get("model"):
        hint = f"add model: with the one to take, or take {MODEL} out"
        problems.append(
            _bad(f"the command has {MODEL}, and there is no model", found.at("command"), hint)
        )
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
            yield _bad(message, f"{file}:1", "add key: NAME")
    if "command" in lines and "extends" in lines:
        message = "an agent has a command of its own, or extends another"
        yield _bad(message, f"{file}:{lines['extends']}", "keep one of the two")
    if "command" not in lines:
        for field in _OF_A_COMMAND:
            if field in lines:
                message = f"{field} is for an agent with a command"
                yield _bad(message, f"{file}:{lines[field]}", "add command:, or remove it")


def _member(fields: Mapping[str, Any], role: str, base: str, where: str) -> Member:
    command = None
    if "command" in fields:
        command = Command(
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


def _bad(message: str, where: str, hint: str = "correct or remove it") -> Problem:
    return Problem(message, where, hint, "bad_agent")


def _unknown(field: str, where: str) -> Problem:
    word = field.strip().lower().replace("-", "_").replace(" ", "_")
    known = [*_FIELDS, *sorted(_OF_CLAUDE)]
    hint = suggestion(word, known, f"fields are {', '.join(_FIELDS)}, and settings", cutoff=0.7)
    return Problem(
        f"{one_line(field, 60)} is not a field of an agent", where, hint, "unknown_field"
    )


def _misplaced(name: str, runs: Program, where: str) -> Problem:
    if name in RUN_ONLY:
        return _bad(f"{name} is a setting of the whole run", where, "move it to master_plan.md")
    if name not in _OF_CLAUDE:
        return _bad(f"{name} is a setting of a task", where, "move it to the task file")
    what = "a command" if runs is Program.COMMAND else f"the {runs} agent"
    hint = "say it in the command itself, or remove it" if runs is Program.COMMAND else "remove it"
    return _bad(f"{name} means nothing to {what}", where, hint)
