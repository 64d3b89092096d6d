"""What is made of the output of ``claude``, recorded or made up."""

from __future__ import annotations

import json
from typing import Any

from orchestrator.agents.claude import ClaudeAgent
from orchestrator.core.result import Outcome, ProcessExit
from orchestrator.core.settings import Settings
from tests.fakes.fake_claude import sample

#: When the recordings of usage limits were made: 2026-11-21 04:37 UTC.
RECORDED = 1795235854.0


def judge(out: str, exit: ProcessExit, err: str = "", **settings: Any) -> Outcome:
    reader = ClaudeAgent().reader(Settings(**settings))
    reader.feed(out.encode())
    return reader.close(exit, err.encode())


def judged(name: str, **settings: Any) -> Outcome:
    out, err, status = sample(name)
    return judge(out, ProcessExit(code=status, ended=RECORDED), err, **settings)


def stream(*results: dict[str, object]) -> str:
    good = {"type": "result", "subtype": "success", "is_error": False, "result": "ok", "num_turns": 1}
    return "".join(json.dumps(good | each) + "\n" for each in results)


def error(words: str, **fields: object) -> str:
    """What the CLI prints in place of an answer when the service did not let it through."""
    return stream({"is_error": True, "result": words, "total_cost_usd": 0} | fields)


def init(session: str = "s", *, version: object = None) -> str:
    event = {"type": "system", "subtype": "init", "session_id": session}
    return json.dumps(event | {"claude_code_version": version} if version else event) + "\n"
