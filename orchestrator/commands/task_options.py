"""Options about a task that `add`, `update`, `spawn` and `dispatch` have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from orchestrator.commands.registry import Parameter, options
from orchestrator.core import criteria as checklist
from orchestrator.core.settings import read_setting
from orchestrator.errors import UsageError
from orchestrator.plan.task_fields import TASK_FIELDS, TaskField

_SETTINGS = {
    "timeout": Parameter("D", "Time for one attempt: 90, 5m, 1h30m."),
    "retries": Parameter("N", "Repeats after the first attempt."),
    "retry": Parameter("N", "Attempts in all: --retry 5 is --retries 4."),
    "retry_delay": Parameter("D", "Base of the exponential backoff."),
}


def field_options(*names: str, is_change: bool = False, helps: Mapping[str, str] = MappingProxyType({})) -> Any:
    """Declare options for fields of a task: of all, or of those that are named.

    *is_change*: the task is there, and an empty value takes away what its row says. *helps*: other help texts.
    """

    def help_of(each: TaskField) -> str:
        if is_change and each.clear:
            return f"{each.help.removesuffix('.')}; '' for {each.clear}."
        return helps.get(each.name, each.help)

    return options(
        {
            each.name: Parameter(
                each.metavar,
                help_of(each),
                names=tuple(filter(None, (each.short, each.option))),
                completion=each.completion,
            )
            for each in TASK_FIELDS
            if each.name in names or not names
        }
    )


def setting_options(*names: str) -> Any:
    """Declare options that become settings of the task file: all, or those that are named."""
    return options({name: _SETTINGS[name] for name in names or _SETTINGS})


def tags_of(values: Sequence[str], option: str = "--tag") -> tuple[str, ...]:
    """Return the tags in an option that may be given several times, or once with commas.

    Raises:
        UsageError: one of them is several words.
    """
    tags = [word.strip().lstrip("#") for value in values for word in value.split(",")]
    for tag in tags:
        if len(tag.split()) > 1:
            raise UsageError(f"{option}: {tag!r} is more than one word", hint="join them by a dash")
    return tuple(dict.fromkeys(filter(None, tags)))


def criteria_of(texts: Sequence[str], as_json: str = "") -> tuple[str, ...]:
    """Return the success criteria in ``--criterion`` and ``--criteria``.

    Raises:
        UsageError: one is empty, or the JSON is not a list of texts.
    """
    option = "--criterion"
    try:
        found = checklist.worded(texts)
        option = "--criteria"
        return tuple(dict.fromkeys((*found, *(checklist.read_criteria(as_json) if as_json else ()))))
    except ValueError as error:
        hint = """--criterion "all tests pass", or --criteria '["all tests pass", …]'"""
        raise UsageError(f"{option}: {error}", hint=hint) from None


def settings_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Read options that become settings of a task file. ``--retry 5`` means five attempts in all.

    Raises:
        UsageError: a value is not understood.
    """
    if "retry" in given and "retries" in given:
        raise UsageError("--retry N and --retries N-1 say the same", hint="give one of them")
    settings: dict[str, Any] = {}
    for name, value in given.items():
        try:
            if name == "retry":
                settings["retries"] = read_setting("retries", value) - 1
                if settings["retries"] < 0:
                    raise ValueError("there is at least one attempt")
            else:
                settings[name] = read_setting(name, value)
        except ValueError as error:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option}: {error}", hint="orchestrator add --help") from None
    return settings
