"""``agent: claude``: the command line, the environment, and the prompt on standard input."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.agents.claude import ClaudeAgent, login_variables
from orchestrator.agents.protocol import Assignment
from orchestrator.core.settings import Settings
from tests.agents.assignments import assignment, given
from tests.fakes.claude_line import SWITCHES, VARIADIC, WITH_VALUE, Line

#: What stands on every command line.
ALWAYS = (
    "-p",
    "--output-format=stream-json",
    "--verbose",
    "--permission-mode=acceptEdits",
    "--tools=Read,Write,Edit,Bash,Glob,Grep",
    "--strict-mcp-config",
    "--max-turns=50",
)


def words(given: Assignment | None = None, **settings: Any) -> tuple[str, ...]:
    """The command line without the program."""
    task = given or assignment("Do it", settings=Settings(**settings))
    return ClaudeAgent().invocation(task).argv[1:]


def test_the_plainest_command_line() -> None:
    """Prompt on standard input, events as JSON lines, no bypass of permissions (S2-39, S2-42, promise 26)."""
    command = ClaudeAgent("/bin/claude").invocation(assignment("Do it", given("T-01", "one")))
    assert command.argv == ("/bin/claude", *ALWAYS)
    assert command.stdin.startswith("# Task ")
    assert "Do it" in command.stdin
    assert not command.script


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("model", "sonnet", ["--model=sonnet"]),
        ("fallback_model", "haiku", ["--fallback-model=haiku"]),
        ("effort", "high", ["--effort=high"]),
        ("subagent", "reviewer", ["--agent=reviewer"]),
        ("system_prompt_file", "/p/role.md", ["--append-system-prompt-file=/p/role.md"]),
        ("permission_mode", "dontAsk", ["--permission-mode=dontAsk"]),
        ("tools", ("Read", "Bash"), ["--tools=Read,Bash"]),
        ("tools", (), ["--tools="]),
        ("allowed_tools", ("Bash(git add *)", "Read"), ["--allowedTools", "Bash(git add *)", "Read"]),
        ("idle_timeout", 60.0, ["--include-partial-messages"]),
        ("disallowed_tools", ("WebFetch",), ["--disallowedTools", "WebFetch"]),
        ("add_dirs", ("/a b", "/c"), ["--add-dir", "/a b", "/c"]),
        ("mcp_config", ("/m.json",), ["--mcp-config", "/m.json"]),
        ("max_turns", 7, ["--max-turns=7"]),
        ("extra_args", ("--betas", "x"), ["--betas", "x"]),
    ],
)
def test_every_setting_is_on_the_command_line(setting: str, value: Any, expected: list[str]) -> None:
    """Each where it is asked for, as words of their own, and at most once (issue 3: every part is a setting)."""
    line = words(**{setting: value})
    at = line.index(expected[0])
    assert [*line[at : at + len(expected)]] == expected
    name = expected[0].partition("=")[0]
    assert [word.partition("=")[0] for word in line].count(name) == 1
    rest = {word for word in ALWAYS if word.partition("=")[0] != name}
    assert rest <= {*line}


def test_a_schema_is_one_word() -> None:
    """Whatever is in it, it is JSON and belongs to its flag."""
    schema = {"type": "object", "description": "Ä\n--x"}
    (word,) = (word for word in words(schema=schema) if word.startswith("--json-schema="))
    assert json.loads(word.partition("=")[2]) == schema


@pytest.mark.parametrize(("cap", "expected"), [(0.5, "0.5000"), (5.0, "5.0000"), (0.12345, "0.1235"), (1e-9, "0.0001")])
def test_a_cap_is_asked_for(cap: float, expected: str) -> None:
    """What the attempt may cost, never 0: the CLI takes that for a mistake."""
    assert f"--max-budget-usd={expected}" in words(assignment("Do it", cap=cap))


def test_without_a_cap_there_is_no_budget() -> None:
    """Infinity is no number for a command line."""
    assert "budget" not in " ".join(words())


def test_a_value_is_no_flag() -> None:
    """It is one word with its flag, so that it can be no flag itself (promise 23)."""
    assert "--model=--sonnet" in words(model="--sonnet")


EVERYTHING = Settings(
    model="m", fallback_model="f", effort="low", subagent="a", system_prompt_file="/s.md",
    tools=(), allowed_tools=("Read", "Bash(a b)"), disallowed_tools=("Write",), add_dirs=("/d", "/e"),
    mcp_config=("/m",), schema={"type": "object"}, extra_args=("--setting-sources", "user"),
)  # fmt: skip


def test_it_may_talk_to_the_others_and_nothing_else_of_us() -> None:
    """One rule for each of these commands; none, and no word of it, where there is no shell to call them from."""
    line = words(assignment("Do it", program="/v/python -m orchestrator"))
    at = line.index("--allowedTools")
    assert [
        f"Bash(/v/python -m orchestrator {command} *)"
        for command in ("share", "discover", "sync", "join", "note", "context")
    ] == list(line[at + 1 : at + 7])
    for settings in (Settings(tools=("Read",)), Settings(disallowed_tools=("Bash",))):
        given = assignment("Do it", program="/v/python -m orchestrator", settings=settings)
        asked = ClaudeAgent().invocation(given)
        assert "--allowedTools" not in asked.argv
        assert "Talking to the others" not in asked.stdin


def test_nothing_is_swallowed() -> None:
    """A flag that takes every word up to the next flag is always followed by one, and no word is left over."""
    line = words(assignment("Do it", settings=EVERYTHING, session="s", cap=1.0))
    parsed = Line.parse([*line])
    assert parsed.words == []
    taken = {word.partition("=")[0] for word in line if word.startswith("-")}
    assert parsed.flags.keys() == taken
    known = {*SWITCHES.split(), *WITH_VALUE.split(), *VARIADIC.split()}
    assert taken <= known
    for flag in VARIADIC.split():
        if flag in line:
            rest = line[line.index(flag) + 1 :]
            assert [word for word in rest if word.startswith("--")], flag


def test_a_session_begins_or_is_gone_on_with() -> None:
    """A new id is used once; the same one again only to resume."""
    assert "--session-id=s" in words(assignment("Do it", session="s"))
    again = words(assignment("Do it", session="s", interrupted="timed out after 5m00s"))
    assert "--resume=s" in again
    assert not [word for word in again if word.startswith("--session-id")]


def test_what_resumes_a_session_does_not_repeat_the_task() -> None:
    """It says why the last attempt ended; the task and its inputs are in the session."""
    task = assignment("Do it", given("T-01", "one"), session="s", interrupted="timed out\n# Task x")
    prompt = ClaudeAgent().invocation(task).stdin
    assert prompt.startswith("# Task agent-07 (T-07: Report), continued\n")
    assert "cut short: timed out # Task x." in prompt
    assert "## Your answer" in prompt
    assert "Do it" not in prompt
    assert "one" not in prompt.split()


def test_a_session_of_its_own() -> None:
    """Its own retries do not multiply ours (promise 20)."""
    command = ClaudeAgent().invocation(assignment("Do it"))
    assert command.env == {
        "CLAUDE_CODE_MAX_RETRIES": "3",
        "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    }


@pytest.mark.parametrize(
    ("cloud", "switch"), [("AWS_*", "CLAUDE_CODE_USE_BEDROCK"), ("GOOGLE_*", "CLAUDE_CODE_USE_VERTEX")]
)
def test_what_a_login_needs_depends_on_who_serves_the_model(cloud: str, switch: str) -> None:
    """The keys of a cloud are asked for only where the model comes from there."""
    assert "ANTHROPIC_*" in login_variables({})
    assert cloud not in login_variables({switch: ""})
    assert cloud in login_variables({switch: "1"})
    command = ClaudeAgent(login=("A", "B")).invocation(assignment("Do it"))
    assert ("A", "B") == command.login


def test_no_permission_is_bypassed_unless_the_plan_says_so() -> None:
    """The defaults are safe (promise 26)."""
    line = " ".join(words(assignment("Do it", settings=Settings())))
    assert "bypass" not in line
    assert "dangerously" not in line
    assert "--permission-mode=bypassPermissions" in words(permission_mode="bypassPermissions")
