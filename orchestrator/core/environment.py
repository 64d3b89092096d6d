"""Which variables an agent's process gets: by default all of the runner's but those of a session around it.

Only names travel from here to the guard, which has the values itself: what is inherited is written nowhere. A name that
ends in ``*`` stands for all that begin so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.core.settings import EVERYTHING, Settings

#: What the session that called us left behind: it would make every own session a nested one.
NESTED_SESSION = (
    "AI_AGENT",
    "CLAUDECODE",
    "CLAUDE_CODE_CHILD_NOTES_DIR",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_ENTRYPOINT",
    "CLAUDE_CODE_EXECPATH",
    "CLAUDE_CODE_INVOKED_SKILLS",
    "CLAUDE_CODE_LAUNCHED_BY_SESSION_IDS",
    "CLAUDE_CODE_MESSAGING_*",
    "CLAUDE_CODE_SESSION_ATTENDED",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_EFFORT",
    "CLAUDE_PID",
)

#: What an attempt around the runner was given: it means nothing to the tasks of this run.
OF_THE_TASK_ABOVE = (
    "ORCHESTRATOR_NAMESPACE",
    "ORCHESTRATOR_OUTPUT_DIR",
    "ORCHESTRATOR_INPUT_FILES",
    "ORCHESTRATOR_METADATA",
    "ORCHESTRATOR_PARAM_*",
)

#: What every program needs to find itself at home; a clean environment has no other variables of the runner.
BASICS = (
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SUDO_UID",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TERM",
    "TMPDIR",
    "XDG_*",
    "ORCHESTRATOR_*",
)


class Environment(NamedTuple):
    """Of the runner's variables those that ``keep`` names and ``unset`` does not; then ``env`` over them."""

    env: Mapping[str, str]
    keep: Sequence[str]
    unset: Sequence[str]


def environment(settings: Settings, env: Mapping[str, str], login: Sequence[str]) -> Environment:
    """Return what an agent's process gets.

    Args:
        settings: The task's.
        env: What the agent sets for itself; the plan's ``env`` comes after it.
        login: Variables that the agent needs to work at all, also in a clean environment.
    """
    command = {**env, **settings.env}
    kept = settings.env_keep
    return Environment(
        env={name: value for name, value in command.items() if value is not None},
        keep=(EVERYTHING,) if EVERYTHING in kept else (*BASICS, *login, *kept),
        unset=(*NESTED_SESSION, *OF_THE_TASK_ABOVE, *(name for name, value in command.items() if value is None)),
    )
