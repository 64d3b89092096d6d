"""The command table: which commands there are, and what a command consists of.

Each command is a module of this package, named as the command (``critical-path`` is ``critical_path.py``), with

- ``Params``, a dataclass: one field for each argument and option,
- ``execute(call, params)``, which does the work and returns a result; its docstring is the help text,
- ``facts(result)``, the result as the JSON object of ``--json``, and ``text(result)``, the same for people,
- ``COMMAND``, a ``Command`` that ties them together.

The command line, shell completion, the documentation and the Python API are made from it (``cli/parser.py``,
``docs/generate.py``, ``api/``). A module is imported when its command is called, so none pays for another.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, replace
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from orchestrator.commands.call import Call
from orchestrator.core.duration import parse_duration

P = TypeVar("P")
R = TypeVar("R")
#: A result as JSON. ``message`` says it in one line; ``ok`` and ``code`` are added where they are not given. The last
#: value may be an iterator of objects, which is printed in pieces.
Facts = Mapping[str, Any]

#: Section of ``--help`` → the commands in it.
SECTIONS: Mapping[str, Sequence[str]] = {
    "A plan": (
        "init", "plan", "template", "wizard", "add", "update", "task", "validate", "graph", "critical-path", "optimize",
        "agents", "agent",
    ),
    "Running it": ("run", "workflow", "spawn", "wait", "stop", "watch", "dashboard", "schedule"),
    "Looking at it": ("status", "list", "show", "history", "logs", "report", "export"),
    "Where a task stands": ("claim", "start", "complete", "fail", "block", "unblock", "cancel", "retry"),
    "Talking about a task": ("join", "share", "note", "discover", "sync", "context"),
    "Many plans": (
        "create", "transition", "dispatch", "subtask", "auto-dispatch", "check", "notify", "archive", "rebuild-index",
    ),
    "Keeping it well": ("doctor", "cleanup", "completion"),
}  # fmt: skip
COMMANDS: Sequence[str] = [name for names in SECTIONS.values() for name in names]

#: What a shell can complete in the place of a value (``tasks``: several, with commas); ``cli/completion.py`` finds it.
Words = Literal["", "task", "tasks", "tag", "agent", "assignee", "template", "status"]


@dataclass(frozen=True)
class Parameter:
    """An argument or an option, as the command line and the help text need it."""

    metavar: str
    """What stands for the value; in brackets for an argument that may be left out. Empty for a flag."""
    help: str = ""
    """Of an option."""
    names: Sequence[str] = ()
    """How an option is written; by default as the field, with dashes."""
    is_argument: bool = False
    is_flag: bool = False
    is_repeated: bool = False
    """It may be given several times; the value is a tuple."""
    is_hidden: bool = False
    choices: Sequence[str] = ()
    read: Callable[[str], Any] | None = None
    """Makes the value from the word that was typed; a ValueError becomes a usage error."""
    shown_default: str = ""
    """The default in the help text, where it is shown; so is the range of a ``WholeNumber``."""
    completion: Words = ""
    dash: Literal["", "any", "prose"] = ""
    """May the argument begin with a dash? ``any``: always; ``prose``: where it has a blank, as no option has one."""
    stdin: int = 0
    """``-`` stands for standard input, up to so many bytes."""


def argument(metavar: str, *, default: Any = MISSING, **more: Any) -> Any:
    """Declare a field of ``Params`` that is a positional argument; *more* as in ``Parameter``."""
    return field(default=default, metadata=_of(Parameter(metavar, is_argument=True, **more)))


def option(help: str, *, metavar: str = "", default: Any = None, **more: Any) -> Any:
    """Declare a field of ``Params`` that is an option with a value; *more* as in ``Parameter``."""
    if more.get("is_repeated"):
        default = default or ()
    return field(default=default, kw_only=True, metadata=_of(Parameter(metavar, help, **more)))


def flag(help: str, **more: Any) -> Any:
    """Declare a field of ``Params`` that is an option without a value; *more* as in ``Parameter``."""
    return field(default=False, kw_only=True, metadata=_of(Parameter("", help, is_flag=True, **more)))


def options(declared: Mapping[str, Parameter]) -> Any:
    """Declare a field of ``Params`` that is a mapping: of several options, the values of those that were given."""
    return field(default_factory=dict, kw_only=True, metadata={"parameters": declared})


def _of(parameter: Parameter) -> Mapping[str, Parameter]:
    return {"parameter": parameter}


def parameters(params: type[Any]) -> Iterable[tuple[str, Parameter, bool]]:
    """Yield the name and the parameter of each field of a ``Params``, and whether it must be given."""
    for each in fields(params):
        if declared := each.metadata.get("parameters"):
            yield from ((name, parameter, False) for name, parameter in declared.items())
        else:
            yield each.name, each.metadata["parameter"], each.default is MISSING


def make_params(params: type[P], given: Mapping[str, Any]) -> P:
    """Make a ``Params`` from the values that were given, by the names of their parameters."""
    rest = dict(given)
    for each in fields(params):  # type: ignore[arg-type] # every Params is a dataclass
        if declared := each.metadata.get("parameters"):
            rest[each.name] = {name: rest.pop(name) for name in declared if name in rest}
    return params(**rest)


# ── parameters that many commands have ───────────────────────────────────────────────────────────────────────────

#: They make the ``Call``: field of it → parameter.
DIRECTORY = ("directory", Parameter("[DIR]", is_argument=True))
DIR = ("option", Parameter("DIR", "The plan directory.", names=("--dir",)))
CALLER = ("name", Parameter("NAME", "Who you are (default: TM_AGENT_ID, or your login).", names=("--as",)))
JSON = ("is_json", Parameter("", "Print one JSON object.", names=("--json",), is_flag=True))
Common = tuple[str, Parameter]


def with_help(common: Common, help: str) -> Common:
    """Return a common parameter with a help text of its own."""
    return common[0], replace(common[1], help=help)


class WholeNumber(NamedTuple):
    """Reads a whole number in a range; ``most`` may be missing."""

    least: int
    most: int | None = None

    def __call__(self, word: str) -> int:
        try:
            number = int(word)
        except ValueError:
            raise ValueError(f"{word!r} is not a valid integer range.") from None
        if number < self.least or (self.most is not None and number > self.most):
            raise ValueError(f"{number} is not in the range {self}.")
        return number

    def __str__(self) -> str:
        return f"x>={self.least}" if self.most is None else f"{self.least}<=x<={self.most}"


def comma_list(text: str) -> list[str]:
    """Read words with commas between them."""
    return [word.strip() for word in text.split(",") if word.strip()]


def duration(word: str, *, least: float = 0.0) -> float:
    """Read a duration: ``90``, ``5m``, ``1h30m``."""
    seconds = parse_duration(word)
    if seconds < least:
        raise ValueError("less than a second" if least == 1 else f"less than {least:g} seconds")
    return seconds


# ── commands ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _nothing(_: Any) -> Sequence[str]:
    return ()


def _done(_: Any) -> int:
    return 0


@dataclass(frozen=True)
class Command(Generic[P, R]):
    """One command. The command line prints the remarks, then the JSON or the text, and exits with the status."""

    params: type[P]
    execute: Callable[[Call, P], R]
    facts: Callable[[R], Facts] | None = None
    """The result as JSON. None for a command that has no ``--json``."""
    text: Callable[[R], str] | None = None
    """The result as text for stdout. None: the ``message`` of *facts* goes to stderr, and nothing to stdout."""
    remarks: Callable[[R], Iterable[str]] = _nothing
    """Lines for stderr, with ``--json`` too."""
    status: Callable[[R], int] = _done
    """The exit status."""
    main: Callable[[Call, P], int] | None = None
    """What the command line calls in the place of all of these where output comes while the command works (``run``,
    ``watch``); it prints by itself and returns the exit status."""
    takes: Sequence[Common] = (DIR, JSON)
    """Its common parameters."""
    rest: str = ""
    """What may stand behind ``--``, for another command."""

    @property
    def help(self) -> str:
        """The help text."""
        return self.execute.__doc__ or ""


@dataclass(frozen=True)
class Group:
    """A command with commands below it, as ``template list`` and ``template show``."""

    help: str
    commands: Mapping[str, Command[Any, Any]]
    groups: Mapping[str, Group] = field(default_factory=dict)
    """Those among them that have commands of their own below, as ``workflow template``."""


def load(name: str) -> Command[Any, Any] | Group:
    """Import and return a command of ``COMMANDS``."""
    module = importlib.import_module(f"orchestrator.commands.{name.replace('-', '_')}")
    command = module.COMMAND
    assert isinstance(command, Command | Group)
    return command
