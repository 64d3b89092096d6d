"""Settings of claude tasks: what reaches the command line, what is refused before anything starts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan, cap, flags, schema
from tests.acceptance.plans import answer_of, everything, result_of, write_task

VERDICT = {"type": "object", "properties": {"is_good": {"type": "boolean"}}, "required": ["is_good"]}


# ── permissions ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_not_allowed_is_listed_as_the_rules_that_allow_it(claude: ClaudePlan) -> None:
    """It fails the task, and is not tried again; with the rules in ``allowed_tools`` it goes through."""
    claude.write(1)
    denied = [
        {"tool_name": "Bash", "tool_input": {"command": "pytest -q"}},
        {"tool_name": "Write", "tool_input": {"file_path": "/srv/a.txt", "content": "x"}},
    ]
    claude.play({"T-01": [{"denied": denied}, {}]})
    assert 1 == claude.run().returncode
    text = result_of(claude.root, "T-01")
    assert "- `Bash(pytest -q)`\n- `Edit(//srv/a.txt)`\n" in text
    assert "not allowed: Bash(pytest -q), Edit(//srv/a.txt)" in text
    assert 1 == len(claude.calls())
    rules = "Bash(pytest -q),Edit(//srv/a.txt)"
    assert 0 == claude.run("--allowed-tools", rules).returncode
    allowed = flags(claude.calls()[-1])["--allowedTools"]
    assert allowed.startswith("Bash(pytest -q) Edit(//srv/a.txt) Bash(")


def test_on_denial_accept_takes_the_answer_and_lists_what_was_denied(claude: ClaudePlan) -> None:
    """A person reads both."""
    claude.write(1)
    claude.play({"T-01": {"do": "permission_denied", "answer": "as far as I could"}})
    assert 0 == claude.run("--on-denial", "accept").returncode
    text = result_of(claude.root, "T-01")
    assert "as far as I could" == answer_of(claude.root, "T-01").strip()
    assert "These rules in `allowed_tools` would have let it through:\n- `Edit(//proj/a.txt)`" in text


@pytest.mark.parametrize(
    "written",
    [
        '["Bash(git add *, git commit *)", "Edit(docs/**)"]',
        "Bash(git add *, git commit *), Edit(docs/**)",
        "\n- Bash(git add *, git commit *)\n- Edit(docs/**)",
    ],
)
def test_rules_are_a_list_or_a_text_with_commas(claude: ClaudePlan, written: str) -> None:
    """A comma in parentheses belongs to its rule; each rule is one word of the command line."""
    claude.write(1, allowed_tools=written)
    assert 0 == claude.run().returncode
    argv = claude.calls()[0].argv
    at = argv.index("--allowedTools")
    assert ["Bash(git add *, git commit *)", "Edit(docs/**)"] == argv[at + 1 : at + 3]
    own, end = argv[at + 3 : at + 9], argv[at + 9]
    assert ["share", "discover", "sync", "join", "note", "context"] == [
        rule.removesuffix(" *)").rpartition(" ")[2] for rule in own
    ]
    assert end.startswith("--")


# ── money ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_budget_in_a_task_file_is_that_of_the_task(claude: ClaudePlan) -> None:
    """However it is spelt, and without one for the plan."""
    claude.write(2)
    write_task(claude.root, "T-01", "do", budget_usd=0.5)
    write_task(claude.root, "T-02", "do", task_budget_usd='"$0.25"')
    assert 0 == claude.run().returncode
    assert {"T-01": 0.5, "T-02": 0.25} == {call.task: cap(call) for call in claude.calls()}


@pytest.mark.parametrize("setting", ["max_parallel: 2", "on_hold: stop", "aggregate: claude"])
def test_a_setting_of_the_run_is_none_of_a_task(claude: ClaudePlan, setting: str) -> None:
    """Said with file and line; nothing starts."""
    name, _, value = setting.partition(": ")
    claude.write(1)
    write_task(claude.root, "T-01", "do", model="m", **{name: value})
    before = everything(claude.root)
    refused = claude.orchestrate("run")
    assert 2 == refused.returncode
    assert f"error: .orchestrator/agent_tasks/agent-01.md:3: {name} is a setting of the whole run" in refused.stderr
    assert before == everything(claude.root)
    assert [] == claude.calls()


# ── sub-agents ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agent_of_the_project_is_one(claude: ClaudePlan) -> None:
    """``agent: reviewer`` in a task file, in the table and as a flag: claude in the role of ``reviewer``."""
    agents = claude.where / ".claude" / "agents"
    agents.mkdir(parents=True)
    (agents / "reviewer.md").write_text("---\nname: reviewer\ndescription: d\n---\nYou review.\n")
    claude.write(2)
    write_task(claude.root, "T-01", "review it", agent="reviewer")
    assert 0 == claude.run().returncode
    roles = {call.task: flags(call).get("--agent") for call in claude.calls()}
    assert {"T-01": "reviewer", "T-02": None} == roles
    write_task(claude.root, "T-03", "review it")
    claude.write(3)
    assert 0 == claude.run("--agent", "reviewer").returncode
    assert "reviewer" == flags(claude.calls("T-03")[0])["--agent"]


def test_an_unknown_agent_is_named_with_file_line_and_those_there_are(claude: ClaudePlan) -> None:
    """Those of the project too; nothing is written."""
    agents = claude.where / ".claude" / "agents"
    agents.mkdir(parents=True)
    (agents / "reviewer.md").write_text("You review.\n")
    claude.write(1)
    write_task(claude.root, "T-01", "review it", model="m", agent="reviewer2")
    before = everything(claude.root)
    refused = claude.orchestrate("run")
    assert 2 == refused.returncode
    assert "agent-01.md:3: task T-01 asks for the agent 'reviewer2'" in refused.stderr
    assert "known are claude, shell, simulated, reviewer" in refused.stderr
    assert before == everything(claude.root)


# ── schema ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_inline", [True, False])
def test_an_answer_with_a_schema_is_json_for_everybody(claude: ClaudePlan, is_inline: bool) -> None:
    """In the result file as a block, in the prompt of a dependant, on the standard input of a command."""
    claude.write({"T-01": "judge", "T-02": ("explain", "T-01"), "T-03": ("cat", "T-01")})
    schema(claude.root / "verdict.json", VERDICT)
    written = json.dumps(VERDICT) if is_inline else "verdict.json"
    write_task(claude.root, "T-01", "judge", schema=written)
    write_task(claude.root, "T-03", "```sh\ncat\n```\n", agent="shell")
    claude.play({"T-01": {"structured": {"is_good": False}}})
    run = claude.run()
    assert 0 == run.returncode, run
    assert VERDICT == json.loads(flags(claude.calls("T-01")[0])["--json-schema"])
    assert '```json\n{\n  "is_good": false\n}\n```' in result_of(claude.root, "T-01")
    assert '```json\n{\n  "is_good": false\n}\n```' in claude.calls("T-02")[0].prompt
    assert {"is_good": False} == claude.orchestrate("show", "T-01", "--json").json["task"]["structured"]
    assert {"is_good": False} == json.loads(answer_of(claude.root, "T-03"))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "schema: there is no"),
        ("{type: object", "is not JSON"),
        ("[]", "does not hold an object"),
        ('{"type": "thing"}', "'thing' is not valid"),
        ('{"type": "array"}', "its top level must be an object"),
    ],
)
@pytest.mark.parametrize("is_in_plan", [True, False])
def test_a_schema_that_is_none_is_refused(
    claude: ClaudePlan, content: str | None, words: str, is_in_plan: bool
) -> None:
    """With file and line, once, before anything is written or started."""
    claude.write(2, **({"schema": "verdict.json"} if is_in_plan else {}))
    if not is_in_plan:
        write_task(claude.root, "T-01", "judge", model="m", schema="verdict.json")
    if content is not None:
        (claude.root / "verdict.json").write_text(content)
    before = everything(claude.root)
    refused = claude.orchestrate("run")
    assert 2 == refused.returncode
    place = "master_plan.md:5" if is_in_plan else "agent_tasks/agent-01.md:3"
    assert 1 == refused.stderr.count("error:")
    assert f"error: .orchestrator/{place}: " in refused.stderr
    assert words in refused.stderr
    assert before == everything(claude.root)


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ('{"type": 7}', "schema: 7 is not valid"),
        ("{default: 2026-01-01}", "schema: default: 2026-01-01 is not JSON"),
        ("{properties: {a: {$ref: '#/$defs/b'}}}", "schema: '#/$defs/b' leads nowhere"),
    ],
)
@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_schema_in_the_front_matter_is_looked_at_too(
    claude: ClaudePlan, command: str, written: str, words: str
) -> None:
    """The CLI would refuse it at every attempt; and it is no path, so nothing is said of paths."""
    claude.write(1)
    write_task(claude.root, "T-01", "judge", schema=written)
    refused = claude.orchestrate(command)
    assert 2 == refused.returncode
    assert "agent_tasks/agent-01.md:2: " in refused.stderr
    assert words in refused.stderr
    assert "hint: correct or remove it" in refused.stderr
    assert [] == claude.calls()


def test_an_answer_that_does_not_fit_is_asked_for_again(claude: ClaudePlan) -> None:
    """In a new session, until the attempts are used up; a dependant never sees it."""
    claude.write({"T-01": "judge", "T-02": ("explain", "T-01")}, retries=1)
    write_task(claude.root, "T-01", "judge", schema=json.dumps(VERDICT))
    claude.play({"T-01": [{"structured": {"is_good": "no"}}, {"do": "schema_text_only"}]})
    assert 1 == claude.run().returncode
    reasons = [attempt["reason"] for attempt in claude.attempts("T-01")]
    assert ["is_good: 'no' is not of type 'boolean'", "there is no structured output"] == [
        reason.removeprefix("its answer does not fit the schema: ") for reason in reasons
    ]
    assert ["T-01", "T-01"] == [call.task for call in claude.calls()]


@pytest.mark.parametrize("name", ["add_dirs", "mcp_config", "system_prompt_file"])
def test_a_file_that_is_not_there_is_named(claude: ClaudePlan, name: str) -> None:
    """Paths count from the plan directory; what is there is handed over as an absolute path."""
    claude.write(2, **{name: "given"})
    refused = claude.orchestrate("run")
    assert 2 == refused.returncode
    assert f"master_plan.md:5: {name}: there is no {claude.root}/given" in refused.stderr
    (claude.root / "given").write_text("x")
    assert 0 == claude.run().returncode
    option = {"add_dirs": "--add-dir", "mcp_config": "--mcp-config"}.get(name, "--append-system-prompt-file")
    assert [str(claude.root / "given")] * 2 == [flags(call)[option] for call in claude.calls()]


def test_paths_are_data(claude: ClaudePlan, tmp_path: Path) -> None:
    """A file called like an option is a file."""
    (tmp_path / ".orchestrator").mkdir()
    (claude.root / "--version").write_text("x")
    claude.write(1, system_prompt_file="--version")
    assert 0 == claude.run().returncode
    assert f"{claude.root}/--version" == flags(claude.calls()[0])["--append-system-prompt-file"]
