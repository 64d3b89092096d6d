"""Every setting of a run and of a task: its name, its default, how it is read.

Flag > task > type > agent > plan > default.

The same names stand in the front matter of ``master_plan.md`` (for the run and for every task), in the front matter of
a task file (the task ones) and, with dashes, as flags of ``run``.
"""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

from orchestrator.core.duration import parse_duration, require_unit
from orchestrator.core.ids import is_name
from orchestrator.core.params import read_params
from orchestrator.core.pools import read_globs, read_lock, read_names, read_pools, read_size
from orchestrator.core.text import NO_TEXT, one_line
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    from orchestrator.core import notification
else:
    notification = LazyModule("orchestrator.core.notification")


class Settings(NamedTuple):
    """Resolved settings. Durations in seconds, sizes in bytes."""

    # Of the run
    max_parallel: int = 4
    """Agents that run at the same time."""
    on_failure: str = "continue"
    """``continue``: what does not depend on a failed task goes on. ``stop``: nothing new starts."""
    aggregate: str = "structured"
    """How ``final_output.md`` is made: ``structured``, ``concat``, or ``claude``: one more agent merges."""
    workdir: str = ""
    """Where agents work, a directory that is there; empty: the one that holds ``.orchestrator``, else the current
    one. In the plan it counts from the plan directory, as a flag from where you are."""
    budget_usd: float = 0.0
    """USD the whole plan may cost, earlier runs included; 0: no limit. What tasks may cost is reserved before they
    start, and what has an unknown cost counts with all it might have cost. The flag only lowers it;
    ``--raise-budget`` raises it for one run."""
    on_hold: str = "wait"
    """A usage limit: ``wait`` until the account opens again, or ``stop`` with exit status 4. An outage of the service:
    try again for hours, or for some minutes."""
    run_timeout: float = 0.0
    """Seconds the whole run may take; then it ends in order, with exit status 4, and the next run goes on. 0: as long
    as it takes."""
    near_limit: int = 1
    """Attempts of one account at a time once the service warns that its limit is near; 0: as many as otherwise."""
    pools: Mapping[str, Mapping[str, Any]] = {}
    """Pools of the plan: how many tasks of each may run at the same time, ``{gpu: 1, api: {size: 2, types: [test]}}``.
    A task is in the pools that its ``pools`` name, and in those of its type; it starts when all of them have room. With
    ``shared: true`` a pool holds for all plans of the user on this machine that share one of its name."""
    params: Mapping[str, Mapping[str, Any]] = {}
    """Parameters of a run: ``{topic: {description: …}, depth: {enum: [basic, deep], default: basic}}``. ``run
    --param topic=x`` fills ``{{topic}}`` in the texts of tasks, see docs/workflows.md."""
    notify: tuple[Mapping[str, Any], ...] = ()
    """Whom to tell what happens: ``desktop``, ``command``, ``discord``, ``slack``, ``webhook``; see
    docs/notifications.md. As a flag: ``desktop``, ``slack=$NAME``, again and again; ``none`` tells no one."""
    # Of a task; in the plan's front matter they hold for every task
    agent: str = "claude"
    """Key of the agent that does the task: claude, shell, simulated, or one of ``agents/`` (docs/agents.md)."""
    model: str = ""
    """Model asked of the agent; empty: the agent's own choice."""
    fallback_model: str = ""
    """Model to take while the first one is overloaded or unknown."""
    effort: str = ""
    """How hard the model thinks: ``low`` to ``max``; empty: the agent's own choice."""
    tools: tuple[str, ...] = ("Read", "Write", "Edit", "Bash", "Glob", "Grep")
    """Tools the agent has at all; an empty list: none."""
    allowed_tools: tuple[str, ...] = ()
    """Rules that let a tool through without asking: ``Bash(python3 *)``, ``Edit(docs/**)``. The nearest list counts
    alone: one in a task file repeats what it keeps of the plan's."""
    disallowed_tools: tuple[str, ...] = ()
    """Rules that keep a tool out, whatever else allows it."""
    permission_mode: str = "acceptEdits"
    """``acceptEdits``, ``default``, ``dontAsk``, ``plan``, ``auto`` or ``bypassPermissions``."""
    on_denial: str = "fail"
    """Something was not allowed: ``fail`` the task, or ``accept`` the answer all the same."""
    max_turns: int = 50
    """Turns of the model an attempt may take."""
    task_budget_usd: float = 0.0
    """USD one task may cost, all its attempts together; one that goes on after an attempt that was cut short (timeout,
    ``stop``, dead run) may cost that much once more. 0: 5 USD, and less where the plan's budget is small. In a task
    file it may be called ``budget_usd``."""
    add_dirs: tuple[str, ...] = ()
    """More directories the agent may write to, relative to the plan directory."""
    mcp_config: tuple[str, ...] = ()
    """MCP server files, relative to the plan directory; those of the project are not started by themselves."""
    system_prompt_file: str = ""
    """A file that is added to the system prompt, relative to the plan directory."""
    extra_args: tuple[str, ...] = ()
    """More words for the agent's command line, as they are."""
    subagent: str = ""
    """A sub-agent of ``.claude/agents/``; ``agent: NAME`` says the same."""
    schema: str | Mapping[str, Any] = ""
    """JSON Schema of the answer: a mapping, or a file relative to the plan directory."""
    env: Mapping[str, str | None] = {}
    """Variables for the agent: ``NAME: value`` sets one, ``NAME: null`` takes it away; those of plan and task file add
    up. ``clean`` is short for ``env_keep: []``, ``inherit`` for ``env_keep: ["*"]``."""
    env_keep: tuple[str, ...] = ("*",)
    """What the agent inherits of the runner's environment besides PATH, HOME and their like: names, ``AWS_*``, or
    ``*`` for everything."""
    timeout: float = 300.0
    """Seconds an attempt may take."""
    idle_timeout: float = 0.0
    """Seconds an attempt may print nothing, as while a command of it runs; 0: only ``timeout`` counts."""
    retries: int = 2
    """Repeats after the first attempt (three attempts in all). An agent that runs commands, as ``shell``,
    repeats nothing unless ``retries`` is given: a command may have done half of its work."""
    retry_delay: float = 2.0
    """Base of the exponential backoff, seconds."""
    grace: float = 5.0
    """Seconds between SIGTERM and SIGKILL."""
    format: str = "auto"
    """What the answer is: ``markdown``, ``text`` (shown in a fence), or ``auto``: as the agent says."""
    required_capabilities: tuple[str, ...] = ()
    """What an agent must be able to do to take a task that names none (docs/agents.md)."""
    context_limit: int = 32 * 1024
    """Bytes of dependencies' results inlined into a prompt, in all."""
    task_pools: tuple[str, ...] = ()
    """``pools`` of a row or a task file: the pools that the task is in."""
    concurrency: str = ""
    """Tasks with the same word here never run at the same time."""
    writes: tuple[str, ...] = ()
    """Files that the task writes, as globs: ``src/**``, ``docs/*.md``. Tasks whose globs overlap never run at the same
    time. What a task changes beside them is told in its result; with the word ``strict`` among them that fails it."""
    memory: int = 0
    """Free memory without which the task is not started: ``2G``; nothing is kept back for it. 0: it does not matter."""
    task_params: Mapping[str, Any] = {}
    """``params`` of a task file: values for the parameters of the task's type. ``{{name}}`` in the text of the type or
    the task stands for one."""
    task_metadata: Mapping[str, Any] = {}
    """``metadata`` of a task file: data about the task, shown to the agent unchanged."""
    input_files: tuple[str, ...] = ()
    """Files that the task works with, relative to the plan directory. They must be there when the run starts; the
    result names each with its SHA-256."""
    output_dir: str = ""
    """Where the task leaves its files, relative to the plan directory; made before it starts."""
    namespace: str = ""
    """A word kept with the task; its processes have it as ``ORCHESTRATOR_NAMESPACE``."""
    validate: bool = False
    """No one completes a task by hand while a success criterion of it is open, as with ``complete --validate``. What
    an agent of a run answers is judged by its evidence alone."""

    @property
    def max_attempts(self) -> int:
        """Attempts in all that may be charged to a task."""
        return self.retries + 1


RUN_ONLY = frozenset(
    {
        "max_parallel",
        "on_failure",
        "aggregate",
        "workdir",
        "budget_usd",
        "on_hold",
        "near_limit",
        "run_timeout",
        "pools",
        "params",
        "notify",
    }
)

#: What only makes sense for one task, or for those of one type: no agent has it.
OF_ONE_TASK = frozenset({"task_params", "task_metadata", "input_files", "output_dir", "namespace"})

#: Sums that flags of a run only lower: what a plan or a task may cost is never raised unseen.
CAPS = ("budget_usd", "task_budget_usd")

#: Characters of data about a task: they also travel in a variable, and the system lets only so many through.
_LARGEST_OBJECT = 64 * 1024

#: In ``env_keep``: the whole environment.
EVERYTHING = "*"
#: Our own variables: by them a run finds its processes again.
_OURS = ("ORCHESTRATOR_", "TM_AGENT_ID")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: A tool, those of a server (``mcp__db__*``), or everything; and in parentheses what of it.
_RULE = re.compile(r"(?:\*|[A-Za-z][\w.:-]*\*?)(?:\(.*\))?", re.DOTALL)

#: What a setting is called in a task file, where it means the task's own.
IN_A_TASK = {
    "budget_usd": "task_budget_usd",
    "pools": "task_pools",
    "params": "task_params",
    "metadata": "task_metadata",
}


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise ValueError(f"{value!r} is not a whole number")
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"{value!r} is not a whole number") from None
        if not low <= number <= high:
            raise ValueError(f"{number} is not between {low} and {high}")
        return number

    return read


def _seconds(*, zero: bool) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            raise ValueError(f"{value!r} is not a duration; write 90, 90s, 5m or 1h30m")
        seconds = parse_duration(value)
        require_unit(value, seconds)
        if seconds == 0 and not zero:
            raise ValueError("a duration of 0 is not allowed here")
        return seconds

    return read


def _dollars(value: Any) -> float:
    try:
        amount = float(value.removeprefix("$") if isinstance(value, str) else value)
    except (TypeError, ValueError, OverflowError):
        amount = -1.0
    if isinstance(value, bool) or not 0 <= amount < 1e9:
        raise ValueError(f"{value!r} is not an amount of USD")
    return amount


def _words(split: Callable[[str], list[str]], *, flags: bool = False) -> Callable[[Any], tuple[str, ...]]:
    def read(value: Any) -> tuple[str, ...]:
        words = split(value) if isinstance(value, str) else value
        if not isinstance(words, (list, tuple)) or not all(isinstance(word, str) for word in words):
            raise ValueError(f"{value!r} is not a list of texts")
        stripped = tuple(word for word in (word.strip() for word in words) if word)
        for word in stripped:
            if word.startswith("-") and not flags:
                raise ValueError(f"{word!r} would be taken for an option; extra_args holds options")
        return stripped

    return read


def split_rules(text: str) -> list[str]:
    """Split ``Read, Bash(git add *, git commit *)`` at the commas outside parentheses."""
    return re.findall(r"(?:[^,(]|\([^)]*\)?)+", text)


def _rules(value: Any) -> tuple[str, ...]:
    """The CLI takes anything, and what is none matches nothing: the task would fail for what it seems to allow."""
    rules = _words(split_rules)(value)
    for rule in rules:
        if not _RULE.fullmatch(rule):
            raise ValueError(f"{rule!r} is not a rule; write the name of a tool, with what it may do: Bash(npm test *)")
    return rules


def _lines(text: str) -> list[str]:
    return [text]


def _variables(value: Any) -> str | dict[str, str | None]:
    if value in ("clean", "inherit"):
        return str(value)
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} is none of clean, inherit, or a list of NAME: value")
    return {_variable(name): _content(name, given) for name, given in value.items()}


def _variable(name: Any) -> str:
    if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a variable")
    if name.startswith(_OURS):
        raise ValueError(f"{name} is not to be changed: the orchestrator sets it")
    return name


def _content(name: str, value: Any) -> str | None:
    if value is None:
        return None
    # Of 3.10 YAML has made 3.1, and of `yes` true: only the person knows what the program should see.
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError(f"{name}: {value!r} is not a text; put it into quotes")
    return str(value)


_names = _words(lambda text: text.split(","))


def _inherited(value: Any) -> tuple[str, ...]:
    names = _names(value)
    for name in names:
        if name != EVERYTHING and not _VARIABLE.fullmatch(name.removesuffix("*")):
            raise ValueError(f"{name!r} is not the name of a variable")
    return names


def _schema(value: Any) -> str | Mapping[str, Any]:
    if not isinstance(value, (str, Mapping)):
        raise ValueError(f"{value!r} is neither a JSON Schema nor a file that holds one")
    return value


def _notify(value: Any) -> tuple[Mapping[str, Any], ...]:
    return notification.read_notify(value)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{one_line(str(value), 80)!r} is not a list of NAME: value")
    if len(str(value)) > _LARGEST_OBJECT:
        raise ValueError("it is larger than 64 KiB; write it into a file, and name that in input_files")
    return dict(value)


def _params(value: Any) -> Mapping[str, Any]:
    found = _object(value)
    for name in found:
        check_param_name(name)
    return found


def check_param_name(name: Any) -> None:
    """Refuse what cannot be the name of a parameter, which is also a part of that of a variable.

    Raises:
        ValueError: with a message for people.
    """
    if not isinstance(name, str) or len(name) > 64 or not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name!r} is not 1 to 64 letters, digits or '_', starting with a letter")


def _namespace(value: Any) -> str:
    if not isinstance(value, str) or (value and not is_name(value)):
        raise ValueError(f"{one_line(str(value), 80)!r} is not 1 to 64 letters, digits, '.', '_', '@' or '-'")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is not true or false")
    return value


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if str(value) not in words:
            raise ValueError(f"{value!r} is none of {', '.join(words)}")
        return str(value)

    return read


def _text(value: Any) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a text")
    return str(value)


_READERS: dict[str, Callable[[Any], Any]] = {
    "max_parallel": _whole(1, 1000),
    "on_failure": _one_of("continue", "stop"),
    "aggregate": _one_of("structured", "concat", "claude"),
    "workdir": _text,
    "budget_usd": _dollars,
    "on_hold": _one_of("wait", "stop"),
    "run_timeout": _seconds(zero=True),
    "near_limit": _whole(0, 1000),
    "pools": read_pools,
    "params": read_params,
    "notify": _notify,
    "agent": _text,
    "model": _text,
    "fallback_model": _text,
    "effort": _text,
    "tools": _words(split_rules),
    "allowed_tools": _rules,
    "disallowed_tools": _rules,
    "permission_mode": _one_of("acceptEdits", "default", "dontAsk", "plan", "auto", "bypassPermissions"),
    "on_denial": _one_of("fail", "accept"),
    "max_turns": _whole(1, 10_000),  # the CLI takes 0 for no limit at all
    "task_budget_usd": _dollars,
    "add_dirs": _words(_lines),
    "mcp_config": _words(_lines),
    "system_prompt_file": _text,
    "extra_args": _words(shlex.split, flags=True),
    "subagent": _text,
    "schema": _schema,
    "env": _variables,
    "env_keep": _inherited,
    "timeout": _seconds(zero=False),
    "idle_timeout": _seconds(zero=True),
    "retries": _whole(0, 1000),
    "retry_delay": _seconds(zero=True),
    "grace": _seconds(zero=True),
    "format": _one_of("auto", "markdown", "text"),
    "required_capabilities": _names,
    "context_limit": _whole(0, 10 * 1024 * 1024),
    "task_pools": read_names,
    "concurrency": read_lock,
    "writes": read_globs,
    "memory": read_size,
    "task_params": _params,
    "task_metadata": _object,
    "input_files": _words(_lines),
    "output_dir": _text,
    "namespace": _namespace,
    "validate": _truth,
}

NAMES = Settings._fields


def read_setting(name: str, value: Any) -> Any:
    """Return *value* checked and in its internal unit.

    Raises:
        ValueError: the value is invalid for this setting, with a message for people.
    """
    read = _READERS[name](value)
    check_json(read)
    return read


def check_json(value: Any) -> None:
    """Refuse what neither our cache nor a command line could hold: YAML makes a date of ``2026-01-01``."""
    match value:
        case str() if re.search(NO_TEXT, value):
            raise ValueError("a NUL, or half of a character, is not a text")
        case Mapping():
            for name, given in value.items():
                if not isinstance(name, str):
                    raise ValueError(f"the name {name} is not a text; put it into quotes")
                check_json(name)
                try:
                    check_json(given)
                except ValueError as error:
                    raise ValueError(f"{name}: {error}") from None
        case list() | tuple():
            for each in value:
                check_json(each)
        case None | str() | int():
            return
        case float() if math.isfinite(value):
            return
        case _:
            raise ValueError(f"{value} is not JSON; put a text into quotes")


def resolve(*layers: Mapping[str, Any]) -> Settings:
    """Lay settings over the defaults, weakest layer first. Only ``env`` adds up, name by name."""
    merged: dict[str, Any] = {}
    for layer in layers:
        env = merged.get("env", {})
        merged.update(layer)
        match layer.get("env", {}):
            case "clean":
                kept = layer.get("env_keep", ())
                merged["env_keep"] = tuple(name for name in kept if name != EVERYTHING)
            case "inherit":
                merged["env_keep"] = (EVERYTHING,)
            case added:
                env = {**env, **added}
        if env or "env" in merged:
            merged["env"] = env
    for name, value in merged.items():
        if isinstance(value, list):  # a plan that comes from the cache has its lists from JSON
            merged[name] = tuple(value)
    return Settings(**merged)


def lower(settings: Settings, flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return *flags* as they count over *settings*: a cap that is smaller there stays."""
    pluralize = dict(flags)
    for name in CAPS:
        own = getattr(settings, name)
        # 0 is no limit.
        if name in flags and own and not 0 < flags[name] < own:
            del pluralize[name]
    return pluralize


class TaskSettings(TypedDict, total=False):
    """Settings of a task; ``Settings`` says what each is for.

    Durations are seconds, or a text such as ``"5m"``; money is USD.
    """

    model: str
    fallback_model: str
    effort: str
    tools: Sequence[str]
    allowed_tools: Sequence[str]
    disallowed_tools: Sequence[str]
    permission_mode: Literal["acceptEdits", "default", "dontAsk", "plan", "auto", "bypassPermissions"]
    on_denial: Literal["fail", "accept"]
    max_turns: int
    task_budget_usd: float
    add_dirs: Sequence[str]
    mcp_config: Sequence[str]
    system_prompt_file: str
    extra_args: Sequence[str]
    subagent: str
    schema: str | Mapping[str, Any]
    env: str | Mapping[str, str | None]
    env_keep: Sequence[str]
    timeout: float | str
    idle_timeout: float | str
    retries: int
    retry_delay: float | str
    grace: float | str
    format: Literal["auto", "markdown", "text"]
    required_capabilities: Sequence[str]
    context_limit: int
    """Bytes."""
    task_pools: Sequence[str]
    concurrency: str
    writes: Sequence[str]
    memory: int | str
    task_params: Mapping[str, Any]
    task_metadata: Mapping[str, Any]
    input_files: Sequence[str]
    output_dir: str
    namespace: str
    validate: bool


class RunSettings(TaskSettings, total=False):
    """Settings of a run; those of a task hold for every task then."""

    agent: str
    max_parallel: int
    on_failure: Literal["continue", "stop"]
    aggregate: Literal["structured", "concat", "claude"]
    workdir: str
    budget_usd: float
    on_hold: Literal["wait", "stop"]
    near_limit: int
    run_timeout: float | str
    pools: Mapping[str, int | Mapping[str, Any]]
    params: Mapping[str, Any]
    """Values for the parameters of the plan."""
    notify: str | Sequence[str | Mapping[str, Any]]
