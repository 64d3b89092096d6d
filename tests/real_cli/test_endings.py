"""How an attempt ends, row by row, and what ``orchestrate run`` makes of it: all rows are tasks of one plan.

``test_facts.py`` says how the CLI itself ends in each case: an exit status of 0 is no success, nor is one of 1 a
failure that another attempt could mend.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest

from tests.acceptance.plans import answer_of, front_of, write_plan, write_task
from tests.real_cli.loopback import Loopback
from tests.real_cli.stage import Stage, set_up

pytestmark = pytest.mark.real_cli

BASH = {"tool": "Bash", "input": {"command": "echo hi", "description": "again"}}
BROKEN = {"status": 500, "headers": {"x-should-retry": "false"}}
#: By the price list of the CLI, a third of a dollar.
DEAR = {"text": "a dear answer", "usage": {"input_tokens": 80_000}}
FORM = {"schema": "{type: object, properties: {n: {type: integer}}, required: [n]}"}
#: Nobody listens at this port.
NOBODY = '{"env": {"ANTHROPIC_BASE_URL": "http://127.0.0.1:9", "CLAUDE_CODE_MAX_RETRIES": "0"}}'


class Row(NamedTuple):
    """What the model answers to a task, and what becomes of the task when it may be tried twice."""

    replies: Sequence[Any]
    status: str
    attempts: int
    says: str
    """Words of the answer; of a failed task, words of the reason."""
    body: str = "do it"
    settings: Mapping[str, object] = MappingProxyType({})
    """Front matter of the task file."""


def prose(text: str) -> dict[str, str]:
    return {"text": text}


def form(n: object) -> dict[str, Any]:
    return {"tool": "StructuredOutput", "input": {"n": n}}


ROWS = {
    # Done
    "slash": Row([prose("as text")], "completed", 1, "as text", body="/clear"),
    "mention": Row([prose("unread")], "completed", 1, "unread", body="look at @secret.txt"),
    "overloaded": Row([[{"status": 529}, prose("at last")]], "completed", 1, "at last"),
    "cut": Row([[{"text": "half of it", "hang": "cut"}, prose("all")]], "completed", 1, "all"),
    "broken": Row([[BROKEN, prose("at last")]], "completed", 2, "at last"),
    "form": Row([form(3)], "completed", 1, '"n": 3', settings=FORM),
    # Another attempt might do it
    "empty": Row([prose("")], "failed", 2, "an empty answer"),
    "no form": Row([prose("three")], "failed", 2, "schema", settings=FORM),
    # Once it was an outage, and not charged; then others had got through.
    "unreachable": Row(
        [prose("?")], "failed", 3, "ECONNREFUSED",
        settings={"extra_args": f"[--settings, '{NOBODY}']"},
    ),
    "bad form": Row([form("three")], "failed", 1, "schema", settings={**FORM, "retries": 0}),
    # No other attempt would
    "too long": Row(
        [{"status": 400, "message": "prompt is too long: 200001 tokens > 200000 maximum"}],
        "failed", 1, "Prompt is too long",
    ),
    "refusal": Row([{"text": "", "stop_reason": "refusal"}], "failed", 1, "API Error"),
    "no end": Row([{"text": "part", "stop_reason": "max_tokens"}], "failed", 1, "output token"),
    "turns": Row([BASH], "failed", 1, "maximum number of turns (2)", settings={"max_turns": 2}),
    "money": Row(
        [DEAR], "failed", 1, "budget",
        settings={"budget_usd": 0.1, "model": "claude-opus-5-5"},
    ),
    "flag": Row(
        [prose("?")], "failed", 1, "error: unknown option '--no-such-flag'",
        settings={"extra_args": "[--no-such-flag]"},
    ),
}  # fmt: skip
TASKS = {name: f"T-{number:02}" for number, name in enumerate(ROWS, start=1)}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory, claude_bin: Path, network: Loopback) -> Iterator[Stage]:
    """The plan after its run."""
    with set_up(tmp_path_factory.mktemp("endings"), claude_bin, network) as stage:
        (stage.where / "secret.txt").write_text("the secret is kingfisher-heron")
        stage.answer({TASKS[name]: row.replies for name, row in ROWS.items()})
        plan = {TASKS[name]: name for name in ROWS}
        write_plan(stage.plan, plan, agent="claude", retries=1, max_parallel=6)
        for name, row in ROWS.items():
            write_task(stage.plan, TASKS[name], row.body, **row.settings)
        run = stage.run()
        assert (1, "") == (run.returncode, run.stderr)
        assert {} == stage.api.processes()
        yield stage


@pytest.mark.parametrize("name", ROWS)
def test_an_attempt_that_ends_like_this(name: str, ended: Stage) -> None:
    """Status, attempts and words are those of its row."""
    row, front = ROWS[name], front_of(ended.plan, TASKS[name])
    attempts = front["attempts"]
    assert (row.status, row.attempts) == (front["status"], len(attempts)), attempts[-1]
    said = answer_of(ended.plan, TASKS[name])
    assert row.says in (said if row.status == "completed" else attempts[-1]["reason"])


def test_a_task_is_text_whatever_it_begins_with(ended: Stage) -> None:
    """What would be a command of the CLI reaches the model, and a file that is named does not leave the machine."""
    (slash,), (mention,) = ended.asked(TASKS["slash"]), ended.asked(TASKS["mention"])
    assert "/clear" in slash.text.splitlines()
    assert "look at @secret.txt" in mention.text.splitlines()
    assert "kingfisher-heron" not in json.dumps(mention.body)


def test_the_cli_itself_asks_again_while_it_makes_sense(ended: Stage) -> None:
    """An overloaded service and a stream that broke off cost no attempt of ours."""
    asked = {name: len(ended.asked(TASKS[name])) for name in ("overloaded", "cut", "flag", "unreachable")}
    assert {"overloaded": 2, "cut": 2, "flag": 0, "unreachable": 0} == asked
