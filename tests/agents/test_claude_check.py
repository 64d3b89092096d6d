"""What the answers of ``claude`` mean; the answers are those that versions 2.1.197 and 2.1.329 gave."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.agents.claude_check import (
    ProgramLocation,
    credentials,
    judge_login,
    judge_permissions,
    judge_place,
    judge_session,
    judge_version,
    version,
)
from orchestrator.core.finding import Level, Probe
from orchestrator.core.settings import Settings

STUB = """\
echo "Error: claude native binary not installed." >&2
echo "" >&2
echo "Either postinstall did not run (--ignore-scripts, some pnpm configs)" >&2
exit 1
"""

LOGGED_OUT = '{\n  "loggedIn": false,\n  "authMethod": "none",\n  "apiProvider": "firstParty"\n}\n'
LOGGED_IN = """{
  "loggedIn": true, "authMethod": "claude.ai", "apiProvider": "firstParty", "email": null,
  "subscriptionType": "max", "loginExpiresAt": null
}"""


@pytest.mark.parametrize(
    ("place", "level", "found", "hint"),
    [
        (ProgramLocation(program="/usr/bin/claude"), Level.OK, "/usr/bin/claude", ""),
        (ProgramLocation(), Level.FAILED, "there is no `claude` on PATH", "npm install -g"),
        (ProgramLocation(named="cc"), Level.FAILED, "no such program: cc", "--claude-bin"),
        (ProgramLocation(named="cc", not_executable="/x/cc"), Level.FAILED, "not executable", "chmod +x /x/cc"),
    ],
)
def test_where_it_is(place: ProgramLocation, level: Level, found: str, hint: str) -> None:
    """A program, none, or a file that nobody may execute."""
    finding = judge_place(place)
    assert level is finding.level
    assert found in finding.found
    assert hint in finding.hint
    assert (level is Level.FAILED) == ("--simulate" in finding.hint)


@pytest.mark.parametrize(
    ("answer", "level", "found"),
    [
        (Probe(code=0, stdout="2.1.329 (Claude Code)\n"), Level.OK, "2.1.329 (Claude Code)"),
        (Probe(code=0, stdout="2.1.197 (Claude Code)\n"), Level.OK, "2.1.197"),
        (Probe(code=0, stdout="2.2.0\n"), Level.OK, "2.2.0"),
        (Probe(code=0, stdout="10.0.1\n"), Level.OK, "10.0.1"),
        (Probe(code=0, stdout="2.1.49 (Claude Code)\n"), Level.FAILED, "2.1.197 is the oldest"),
        (Probe(code=0, stdout="1.0.128 (Claude Code)\n"), Level.FAILED, "too old"),
        (Probe(trouble="Exec format error", head=STUB), Level.FAILED, "stub"),
        (Probe(code=1, stderr="Error: claude native binary not installed.\n"), Level.FAILED, "stub"),
        (Probe(trouble="no answer within 10s", stdout="2.1"), Level.FAILED, "no answer within 10s"),
        (Probe(trouble="Exec format error", head="\x7fELF"), Level.FAILED, "Exec format error"),
        (Probe(code=-4), Level.FAILED, "SIGILL"),
        (Probe(code=127, stderr="env: node: No such file"), Level.FAILED, "env: node: No such file"),
        (Probe(code=0, stdout="my wrapper 3\n"), Level.WARNING, "my wrapper 3"),
        (Probe(code=1, stdout="2.1.329"), Level.WARNING, "exit status 1"),
        (Probe(code=0), Level.WARNING, "answered nothing"),
        (Probe(code=None, stdout="y\n" * 10_000), Level.WARNING, "y y y"),
    ],
)  # fmt: skip
def test_what_it_is(answer: Probe, level: Level, found: str) -> None:
    """What cannot work fails, what is merely unknown may be a wrapper, and every doubt comes with something to do."""
    finding = judge_version(answer)
    assert level is finding.level
    assert found in finding.found
    assert (level is Level.OK) == (finding.hint == "")
    assert (level is Level.FAILED) == ("--simulate" in finding.hint)


def test_who_could_not_be_asked_for_want_of_something_is_not_to_be_installed_again() -> None:
    """What is wrong is with the machine, and what helps is said of that."""
    finding = judge_version(Probe(trouble="Too many open files", advice="close some"))
    assert (Level.FAILED, "close some") == (finding.level, finding.hint)
    assert finding.found == "cannot be asked for its version: Too many open files"


def test_an_answer_cannot_draw_on_the_terminal() -> None:
    """It is shown on one line, without escape sequences."""
    found = judge_version(Probe(code=0, stdout="\x1b[2Jhello\nworld" + "!" * 5000)).found
    assert "hello world!" in found
    assert "\x1b" not in found
    assert len(found) < 300


def test_only_a_version_that_was_answered_in_order_is_one() -> None:
    """Whoever is not known to be `claude` is asked nothing more."""
    assert (2, 1, 329) == version(Probe(code=0, stdout="2.1.329 (Claude Code)\n"))
    assert version(Probe(code=1, stdout="2.1.329 (Claude Code)\n")) is None
    assert version(Probe(code=0, stdout="claude 2.1.329\n")) is None


@pytest.mark.parametrize(
    ("answer", "environment", "level", "found"),
    [
        (Probe(code=0, stdout=LOGGED_IN), {}, Level.OK, "logged in (claude.ai, max)"),
        (Probe(code=1, stdout=LOGGED_OUT), {}, Level.FAILED, "not logged in"),
        (Probe(trouble="no answer within 10s", stdout=LOGGED_OUT), {}, Level.WARNING, "unknown"),
        (Probe(code=0, stdout="{" * 100_000), {}, Level.WARNING, "unknown"),
        (Probe(code=0, stdout="[" * 100_000), {}, Level.WARNING, "unknown"),
        (Probe(code=0, stdout='{"loggedIn": "yes"}'), {}, Level.WARNING, "unknown"),
        (Probe(code=0, stdout='{"loggedIn": true}'), {}, Level.OK, "logged in"),
        (None, {}, Level.WARNING, "unknown"),
        (None, {"ANTHROPIC_API_KEY": ""}, Level.WARNING, "unknown"),
        (None, {"ANTHROPIC_API_KEY": "secret"}, Level.OK, "ANTHROPIC_API_KEY is set"),
        (None, {"ANTHROPIC_AUTH_TOKEN": "secret"}, Level.OK, "ANTHROPIC_AUTH_TOKEN is set"),
        (None, {"CLAUDE_CODE_OAUTH_TOKEN": "secret"}, Level.OK, "CLAUDE_CODE_OAUTH_TOKEN is set"),
        (None, {"CLAUDE_CODE_USE_BEDROCK": "1"}, Level.OK, "CLAUDE_CODE_USE_BEDROCK is set"),
        (None, {"CLAUDE_CODE_USE_VERTEX": "0"}, Level.WARNING, "unknown"),
    ],
)  # fmt: skip
@pytest.mark.usefixtures("no_garbage")
def test_whether_somebody_is_logged_in(
    answer: Probe | None, environment: Mapping[str, str], level: Level, found: str
) -> None:
    """What it says itself counts most; what nobody knows is called unknown; no key is ever shown."""
    finding = judge_login(answer, environment, has_credentials=False)
    assert (level, found) == (finding.level, finding.found)
    assert (level is Level.OK) == (finding.hint == "")
    assert "secret" not in f"{finding}"


@pytest.mark.parametrize("name", ["ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"])
@pytest.mark.parametrize("more", ['"subscriptionType": "max"', '"authMethod": "claude.ai"'])
def test_a_key_beside_a_subscription_is_named_as_the_one_that_pays(name: str, more: str) -> None:
    """A warning with what to do, and never its value."""
    told = Probe(code=0, stdout=f'{{"loggedIn": true, {more}}}')
    finding = judge_login(told, {name: "made-up"}, has_credentials=False)
    assert Level.WARNING is finding.level
    assert f"{name} is set: that key pays" in finding.found
    assert f"unset {name}" in finding.hint
    assert "made-up" not in f"{finding}"


def test_a_key_alone_is_fine() -> None:
    """Whoever has no login wants it to pay."""
    told = Probe(code=0, stdout='{"loggedIn": true, "authMethod": "api_key", "subscriptionType": null}')
    finding = judge_login(told, {"ANTHROPIC_API_KEY": "made-up"}, has_credentials=False)
    assert (Level.OK, "logged in (api_key)") == (finding.level, finding.found)
    beside = judge_login(told, {"ANTHROPIC_API_KEY": "made-up"}, has_credentials=True)
    assert Level.WARNING is beside.level


def test_a_stored_login_counts_when_nothing_else_is_known() -> None:
    """It says that somebody logged in once; what `claude` itself says is stronger."""
    assert Level.OK is judge_login(None, {}, has_credentials=True).level
    told = Probe(code=1, stdout=LOGGED_OUT)
    assert Level.FAILED is judge_login(told, {}, has_credentials=True).level
    assert "/home/a/.claude/.credentials.json" == credentials({"HOME": "/home/a"})
    assert "/c/.credentials.json" == credentials({"HOME": "/home/a", "CLAUDE_CONFIG_DIR": "/c"})


def test_a_session_around_us_is_fine() -> None:
    """Agents do not inherit it, and that is said."""
    inside, outside = judge_session({"CLAUDECODE": "1"}), judge_session({})
    assert (Level.OK, Level.OK) == (inside.level, outside.level)
    assert "do not inherit" in inside.found


@pytest.mark.parametrize(
    ("settings", "environment", "is_root", "level"),
    [
        ({}, {}, True, Level.OK),
        ({"permission_mode": "bypassPermissions"}, {}, False, Level.OK),
        ({"permission_mode": "bypassPermissions"}, {}, True, Level.FAILED),
        ({"permission_mode": "bypassPermissions"}, {"IS_SANDBOX": "1"}, True, Level.OK),
        ({"permission_mode": "bypassPermissions"}, {"IS_SANDBOX": "true"}, True, Level.FAILED),
        ({"extra_args": ("--dangerously-skip-permissions",)}, {}, True, Level.FAILED),
        ({"extra_args": ("--permission-mode=bypassPermissions",)}, {}, True, Level.FAILED),
    ],
)
def test_root_bypasses_nothing(
    settings: Mapping[str, Any], environment: Mapping[str, str], is_root: bool, level: Level
) -> None:
    """The CLI refuses it to root unless IS_SANDBOX is exactly 1."""
    policies = {"T-01": Settings(), "T-02": Settings(**settings)}
    finding = judge_permissions(policies, environment, is_root=is_root)
    assert level is finding.level
    assert (level is Level.FAILED) == ("acceptEdits" in finding.hint)


def test_many_tasks_that_bypass_are_counted() -> None:
    """A line stays a line."""
    bypassing = Settings(permission_mode="bypassPermissions")
    policies = {f"T-{number:02}": bypassing for number in range(1, 21)}
    found = judge_permissions(policies, {}, is_root=False).found
    assert "T-05 and 15 more" in found
    assert "T-06" not in found
