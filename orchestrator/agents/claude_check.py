"""Whether ``claude`` can work here, judged from the answers to two calls that cost nothing.

Both calls were tested against versions 2.1.197 and 2.1.329 of the CLI. ``--help`` is not used: it does not list every
option that works.
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.core.finding import Finding, Level, Probe
from orchestrator.core.settings import Settings
from orchestrator.core.text import join_first, one_line

#: The oldest version whose options, events and endings are the ones that are relied on.
OLDEST = (2, 1, 197)

ASK_VERSION = ("--version",)
ASK_LOGIN = ("auth", "status", "--json")

#: So that a question causes no traffic but its own.
QUIET: Mapping[str, str] = {
    "DISABLE_TELEMETRY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
}

#: The finding about what the program is; the others are about where it is and what surrounds it.
VERSION = "version"

_DIGITS = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})")
#: What npm leaves in the place of the program when its install script was not allowed to run.
_STUB = "native binary not installed"
#: What a shell or ``env`` says of a program, or an interpreter, that it cannot run.
_CANNOT_RUN = frozenset({126, 127})

#: As whole commands: most of those that need it have no such option.
_WITHOUT = "; without it `orchestrator run --simulate` tries a plan, and `orchestrator plan --from FILE` makes one"
_INSTALL = "npm install -g @anthropic-ai/claude-code"
_LOG_IN = "run `claude` and type /login, or set ANTHROPIC_API_KEY, or CLAUDE_CODE_OAUTH_TOKEN (`claude setup-token`)"

#: Each of them is charged for what it uses, and goes before a login.
_PAYING = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
_KEYS = (*_PAYING, "CLAUDE_CODE_OAUTH_TOKEN")
_CLOUDS = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
_BYPASS = ("bypassPermissions", "dangerously-skip-permissions")

#: Tasks named in one line at most.
_MOST = 5


class ProgramLocation(NamedTuple):
    """Where the program was looked for, and what is there."""

    named: str = ""
    """What ``--claude-bin`` or ``ORCHESTRATOR_CLAUDE_BIN`` says."""
    program: str | None = None
    """The program, as an absolute path."""
    not_executable: str | None = None
    """A file of that name that no one may execute."""


def judge_place(place: ProgramLocation) -> Finding:
    """Say whether there is a program at all."""
    if place.program is not None:
        return Finding("claude", Level.OK, place.program)
    if place.not_executable is not None:
        return Finding(
            "claude",
            Level.FAILED,
            f"not executable: {place.not_executable}",
            f"chmod +x {place.not_executable}, or name another with --claude-bin{_WITHOUT}",
        )
    return Finding(
        "claude",
        Level.FAILED,
        f"no such program: {place.named}" if place.named else "there is no `claude` on PATH",
        f"install Claude Code ({_INSTALL}) or name it with --claude-bin{_WITHOUT}",
    )


def judge_version(answer: Probe) -> Finding:
    """Say whether it answers, and is new enough. What answers otherwise may be a wrapper: that is no failure."""
    said = one_line(answer.stdout) or one_line(answer.stderr) or "nothing"
    if _STUB in f"{answer.head}{answer.stdout}{answer.stderr}":
        return _unusable(
            "npm left a stub in its place: its install script did not run",
            "install it again without --ignore-scripts and --omit=optional, or run its install.cjs with node",
        )
    if answer.trouble:
        found = f"cannot be asked for its version: {answer.trouble}"
        if answer.advice:
            return Finding(VERSION, Level.FAILED, found, answer.advice)  # it may be as good as any
        return _unusable(found, f"see what `claude --version` says in a terminal, or install it again: {_INSTALL}")
    if answer.code is not None and (answer.code < 0 or answer.code in _CANNOT_RUN):
        how = _signal(-answer.code) if answer.code < 0 else f"exit status {answer.code}: {said}"
        return _unusable(
            f"cannot run: `--version` ended with {how}",
            f"see what `claude --version` says in a terminal, or install it again: {_INSTALL}",
        )
    known = version(answer)
    if known is None:
        status = f" (exit status {answer.code})" if answer.code else ""
        return Finding(
            VERSION,
            Level.WARNING,
            f"unknown: `--version` answered {said}{status}",
            "fine when it is a wrapper of yours that hands its arguments and its input on to `claude`",
        )
    if known < OLDEST:
        return _unusable(
            f"{said} is too old; {'.'.join(map(str, OLDEST))} is the oldest that works",
            f"claude update, or {_INSTALL}@latest",
        )
    return Finding(VERSION, Level.OK, said)


def version(answer: Probe) -> tuple[int, ...] | None:
    """Return the version that was answered; None when the answer is something else."""
    return version_in(answer.stdout.strip()) if answer.code == 0 else None


def version_in(text: str) -> tuple[int, ...] | None:
    """Return the version with which a text begins; None when it begins with something else."""
    found = _DIGITS.match(text)
    return tuple(map(int, found.groups())) if found else None


def credentials(environment: Mapping[str, str]) -> str:
    """Return the file that a login leaves where no key ring holds it."""
    home = environment.get("HOME", "")
    return f"{environment.get('CLAUDE_CONFIG_DIR') or f'{home}/.claude'}/.credentials.json"


def judge_login(answer: Probe | None, environment: Mapping[str, str], *, has_credentials: bool) -> Finding:
    """Say whether there is an account. No one is asked whether it is still accepted: that would cost something.

    Args:
        answer: What ``claude auth status`` said; None when it was not asked.
        environment: What agents inherit.
        has_credentials: Whether the file that a login leaves is there; it is no help where a key ring holds them.
    """
    login = _read_status(answer)
    if login is not None:
        if not login["loggedIn"]:
            return Finding("login", Level.FAILED, "not logged in", _LOG_IN)
        words = (login.get(word) for word in ("authMethod", "subscriptionType", "apiKeySource"))
        listed = ", ".join(one_line(word, limit=60) for word in words if isinstance(word, str))
        found = f"logged in ({listed})" if listed else "logged in"
        keys = [name for name in _PAYING if environment.get(name)]
        if keys and (has_credentials or _is_subscription(login)):
            return _key_and_login(found, keys)
        return Finding("login", Level.OK, found)
    for name in _KEYS:
        if environment.get(name):
            return Finding("login", Level.OK, f"{name} is set")
    for name in _CLOUDS:
        if environment.get(name, "").lower() in {"1", "true", "yes", "on"}:
            return Finding("login", Level.OK, f"{name} is set")
    if has_credentials:
        return Finding("login", Level.OK, "a login is stored")
    return Finding("login", Level.WARNING, "unknown", f"if tasks fail for it: {_LOG_IN}")


def _is_subscription(login: Mapping[str, Any]) -> bool:
    method, plan = (str(login.get(word) or "").lower() for word in ("authMethod", "subscriptionType"))
    return plan not in {"", "none"} or "claude.ai" in method or "oauth" in method


def _key_and_login(found: str, keys: Sequence[str]) -> Finding:
    names, verb = " and ".join(keys), "is" if len(keys) == 1 else "are"
    return Finding(
        "login",
        Level.WARNING,
        f"{found}, but {names} {verb} set: that key pays for the agents, not the subscription",
        f"unset {' '.join(keys)}, or take it from the agents with env: {{{keys[0]}: null}} in the plan; "
        "keep it if it is meant to pay",
    )


def judge_session(environment: Mapping[str, str]) -> Finding:
    """Say whether we are called from within a session of Claude Code."""
    if environment.get("CLAUDECODE"):
        return Finding("session", Level.OK, "inside Claude Code; agents do not inherit that")
    return Finding("session", Level.OK, "not inside another Claude Code session")


def judge_permissions(policies: Mapping[str, Settings], environment: Mapping[str, str], *, is_root: bool) -> Finding:
    """Say which of these tasks, all of ``claude``, bypass the permission checks.

    The CLI refuses that to root outside of a sandbox.
    """
    bypassing = [task_id for task_id, each in policies.items() if _bypasses(each)]
    if not bypassing:
        return Finding("permissions", Level.OK, "no task bypasses the permission checks")
    found = f"checks are bypassed by {join_first(bypassing, _MOST)}"
    in_sandbox = environment.get("IS_SANDBOX") == "1" or environment.get("CLAUDE_CODE_BUBBLEWRAP")
    if is_root and not in_sandbox:
        return Finding(
            "permissions",
            Level.FAILED,
            f"{found}, which claude refuses as root",
            "run as another user, take permission_mode: acceptEdits, or set IS_SANDBOX=1 in a container you can lose",
        )
    return Finding("permissions", Level.OK, found)


def _bypasses(settings: Settings) -> bool:
    words = (settings.permission_mode, *settings.extra_args)
    return any(word.endswith(_BYPASS) for word in words)


def _read_status(answer: Probe | None) -> dict[str, Any] | None:
    """Return what ``auth status`` reported. Its exit status is ignored: it is 1 when no one is logged in."""
    if answer is None or answer.trouble:
        return None
    try:
        login = json.loads(answer.stdout)
    except (ValueError, RecursionError):
        return None
    return login if isinstance(login, dict) and isinstance(login.get("loggedIn"), bool) else None


def _unusable(found: str, hint: str) -> Finding:
    return Finding(VERSION, Level.FAILED, found, f"{hint}{_WITHOUT}")


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
