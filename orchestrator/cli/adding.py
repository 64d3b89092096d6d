"""``add`` in its plain form, without ``click``: scripts and agents call it in loops."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.actions.adding import Added, NewTask, add
from orchestrator.cli.plain_form import read_words
from orchestrator.cli.reply import (
    as_called,
    caller,
    plan_directory,
    say_error,
    say_json,
    talk,
    write,
)
from orchestrator.errors import OrchestratorError, UsageError

if TYPE_CHECKING:
    from orchestrator.core.agent import AgentRegistry
    from orchestrator.store.layout import Layout

#: The options of ``add``, and whether a word follows.
OPTIONS = {
    "--desc": True,
    "--priority": True,
    "-p": True,
    "--depends-on": True,
    "--parent": True,
    "--assignee": True,
    "--agent": True,
    "--tag": True,
    "--type": True,
    "--deadline": True,
    "--estimated-hours": True,
    "--criterion": True,
    "--criteria": True,
    "--timeout": True,
    "--retries": True,
    "--retry": True,
    "--retry-delay": True,
    "--id": True,
    "--dir": True,
    "--as": True,
    "--json": False,
}


def quick(command: str, arguments: Sequence[str]) -> int | None:  # noqa: ARG001 - one signature for all
    """Do it and return the status of the process; None, and nothing done, when the words are not that plain."""
    words = read_words(arguments, OPTIONS)
    if words is None or len(words.others) != 1:
        return None
    settings = {
        name: words.last(f"--{name.replace('_', '-')}") or None
        for name in ("timeout", "retries", "retry", "retry_delay")
    }
    as_json = "--json" in words.options
    try:
        wanted = NewTask(
            text=words.others[0],
            description=words.last("--desc"),
            priority=words.last("--priority", "-p"),
            needs=",".join(words.every("--depends-on")),
            parent=words.last("--parent"),
            assignee=words.last("--assignee"),
            agent=words.last("--agent"),
            tags=tags_of(words.every("--tag"), "--tag"),
            type=words.last("--type"),
            deadline=words.last("--deadline"),
            estimated_hours=words.last("--estimated-hours"),
            settings=settings_given(settings),
            criteria=criteria_from(words.every("--criterion"), words.last("--criteria")),
            id=words.last("--id"),
        )
        add_task(wanted, words.last("--dir"), words.last("--as"), as_json=as_json)
    except OrchestratorError as error:
        return say_error(error, as_json=as_json)
    return 0


def add_task(wanted: NewTask, directory: str, name: str, *, as_json: bool) -> None:
    """Add a task, print its id, and say what should be better about it.

    Raises:
        OrchestratorError: as ``add`` does.
    """
    layout = plan_directory(None, directory or None, must_exist=False)
    added = add(layout, wanted, caller(name or None), known_agents)
    if added.plan:
        what = "a queue in which `shell` runs commands and claude, which costs money, does the rest"
        talk(f"made {os.path.relpath(added.plan)}: {what}")
    for warning in filter(None, (added.warning, added.too_long)):
        talk(f"warning: {warning}")
    note = _note(added)
    if note:
        talk(as_called(f"{added.id}: {note}"))
    vague = "" if added.is_shell else _vagueness(wanted)
    if vague:
        talk(f"warning: {added.id} is vague: {vague}")
        talk("  hint: say what to do, with what, and what comes out of it")
    if as_json:
        warnings = [added.warning, added.too_long, note if added.reads else "", vague]
        say_json(
            f"added {added.id}",
            id=added.id,
            plan=layout.plan,
            workdir=added.workdir,
            warnings=list(filter(None, warnings)),
        )
    else:
        write(f"{added.id}\n")


def _note(added: Added) -> str:
    """Say who does a command, where, and how to change that; or that it is going to be read."""
    if added.is_shell:
        return (
            f"a command; `shell` runs it in {added.workdir}, with the environment of the run "
            f"(`orchestrator update {added.id} --agent claude` has an agent read it)"
        )
    if added.reads:
        return (
            f"begins like a command, but {added.reads} reads it as a request, which may cost money "
            f"(`orchestrator update {added.id} --agent shell` runs it)"
        )
    return ""


def _vagueness(wanted: NewTask) -> str:
    from orchestrator.planner.draft import vagueness

    return vagueness(" ".join(filter(None, (wanted.text, wanted.description))))


def known_agents(layout: Layout) -> AgentRegistry:
    """Return the agents that there are, which only a command needs that names one."""
    from orchestrator.store.agent_files import read_agents

    return read_agents(layout, os.environ)


def tags_of(values: Sequence[str], option: str) -> tuple[str, ...]:
    """Return the tags in an option that may be given several times, or once with commas.

    Raises:
        UsageError: one of them is no word.
    """
    tags = [word.strip().lstrip("#") for value in values for word in value.split(",")]
    for tag in tags:
        if len(tag.split()) > 1:
            raise UsageError(f"{option}: {tag!r} is more than one word", hint="join them by a dash")
    return tuple(dict.fromkeys(filter(None, tags)))


def criteria_from(texts: Sequence[str], as_json: str) -> tuple[str, ...]:
    """Return the success criteria in ``--criterion`` and ``--criteria``.

    Raises:
        UsageError: they make no sense.
    """
    if not (texts or as_json):
        return ()
    from orchestrator.core.criteria import read_criteria, worded

    option = "--criterion"
    try:
        said = worded(texts)
        option = "--criteria"
        return tuple(dict.fromkeys((*said, *(read_criteria(as_json) if as_json else ()))))
    except ValueError as error:
        hint = """--criterion "all tests pass", or --criteria '["all tests pass", …]'"""
        raise UsageError(f"{option}: {error}", hint=hint) from None


def settings_given(given: Mapping[str, str | None]) -> dict[str, Any]:
    """Read flags that become settings of a task file. ``--retry 5`` means five attempts in all (seed row S0-06).

    Raises:
        UsageError: a value makes no sense.
    """
    settings: dict[str, Any] = {}
    if given.get("retry") is not None and given.get("retries") is not None:
        message = "--retry N and --retries N-1 say the same"
        raise UsageError(message, hint="give one of them")
    for name, value in given.items():
        if value is None:
            continue
        from orchestrator.core.settings import read_setting

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
