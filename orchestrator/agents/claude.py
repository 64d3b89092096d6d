"""``agent: claude``: one ``claude -p`` per attempt, its prompt on stdin, its event stream read along.

Success is concluded from evidence, never from the exit status alone: the CLI exits with 0 on denied permissions and on
swallowed slash commands, and with 1 on API errors whose ``subtype`` still says ``success``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from orchestrator.agents.prompt import compose
from orchestrator.agents.protocol import Assignment
from orchestrator.agents.verdict import failure, last_words, not_its_own_end
from orchestrator.core.invocation import Invocation
from orchestrator.core.result import Exit, Outcome, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import one_line

#: A session of its own: what the calling session left in the environment would make it a nested one.
NESTED_SESSION = (
    "CLAUDECODE",
    "CLAUDE_CODE_SESSION_ID",
    "CLAUDE_CODE_CHILD_SESSION",
    "CLAUDE_CODE_ENTRYPOINT",
)

#: The CLI's own retries would multiply ours; files named in a prompt would be attached; background tasks would outlive
#: the answer.
_ENVIRONMENT = {
    "CLAUDE_CODE_MAX_RETRIES": "3",
    "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
}

#: Bytes of one event that is still read; a longer one stays in the log, and the stream goes on after it.
LONGEST_EVENT = 64 * 1024 * 1024

#: HTTP statuses that another attempt will meet again.
_PERMANENT = frozenset({400, 401, 403, 404, 413})

#: A command line that the CLI does not accept; it would not accept it the next time either.
_REFUSED = re.compile(r"error: |.*cannot be used with root", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ClaudeAgent:
    """Drives the ``claude`` command line."""

    program: str = "claude"

    def invocation(self, assignment: Assignment) -> Invocation:
        """Return the command line; see ``Agent``."""
        argv = [self.program, "-p", "--output-format=stream-json", "--verbose"]
        if assignment.settings.model:
            argv.append(f"--model={assignment.settings.model}")
        return Invocation(
            argv=tuple(argv), stdin=compose(assignment), env=_ENVIRONMENT, unset=NESTED_SESSION
        )

    def reader(self, settings: Settings) -> StreamReader:
        """Return a reader of the event stream."""
        return StreamReader(settings)


@dataclass(slots=True)
class StreamReader:
    """Reads events one per line, keeps the last ``result``."""

    settings: Settings
    result: dict[str, Any] | None = None
    line: bytearray = field(default_factory=bytearray)
    is_skipping: bool = False

    def feed(self, data: bytes) -> str:
        """Take in whole lines; the news is what the agent says or does."""
        news = ""
        *ends, rest = data.split(b"\n")
        for end in ends:
            self._extend(end)
            if not self.is_skipping:
                news = self._event(bytes(self.line)) or news
            self.line.clear()
            self.is_skipping = False
        self._extend(rest)
        return news

    def _extend(self, piece: bytes) -> None:
        if not self.is_skipping:
            self.line += piece
            self.is_skipping = len(self.line) > LONGEST_EVENT
            if self.is_skipping:
                self.line.clear()

    def close(self, exit: Exit, errors: bytes) -> Outcome:
        """Judge by the last ``result`` event, the exit status, and whether we ended it ourselves."""
        self.feed(b"\n")
        result, ours = self.result, not_its_own_end(exit, self.settings)
        is_good = (
            result is not None
            and result.get("subtype") == "success"
            and result.get("is_error") is False
            and result.get("num_turns", 1) != 0
            and bool(_text(result.get("result")).strip())
        )
        if result is not None and is_good and (exit.code == 0 or ours is not None):
            # A complete good answer counts even when we ended the process that would not leave after it.
            return Outcome(
                verdict=Verdict.COMPLETED,
                answer=_text(result["result"]),
                is_markdown=self.settings.format != "text",
                statistics=_statistics(result),
            )
        if ours is not None:
            return ours
        return self._failed(exit, errors)

    def _failed(self, exit: Exit, errors: bytes) -> Outcome:
        result = self.result
        if result is None:
            # What is wrong with the command line is said on standard error, and nothing else is said.
            is_refused = exit.code == 1 and _REFUSED.match(last_words(errors)) is not None
            return Outcome(
                verdict=Verdict.FATAL if is_refused else Verdict.FAILED,
                reason=f"ended without a result: {failure(exit, errors)}",
            )
        if result.get("is_error") is False and exit.code != 0:
            return Outcome(
                verdict=Verdict.FAILED,
                reason=f"{failure(exit, errors)}, after an answer",
                answer=_text(result.get("result")),
                statistics=_statistics(result),
            )
        errors_said = result.get("errors")
        listed = errors_said if isinstance(errors_said, list) else []
        said = _text(result.get("result")) or "; ".join(map(_text, listed))
        subtype, status = one_line(_text(result.get("subtype"))), result.get("api_error_status")
        words = one_line(said, limit=300) or (subtype if subtype != "success" else "")
        is_permanent = (
            (isinstance(status, int) and status in _PERMANENT)
            or subtype.startswith("error_max_")
            or result.get("stop_reason") == "refusal"
            or "/login" in said
        )
        return Outcome(
            verdict=Verdict.FATAL if is_permanent else Verdict.FAILED,
            reason=words or f"an empty answer ({exit.describe()})",
            answer=said,
            statistics=_statistics(result),
        )

    def _event(self, line: bytes) -> str:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            return ""  # not ours to judge: a plain line, or a stream cut short
        # With `"verbose": true` in a user's settings the CLI prints one array of all events.
        news = ""
        for each in event if isinstance(event, list) else [event]:
            if isinstance(each, dict):
                news = self._take(each) or news
        return news

    def _take(self, event: dict[str, Any]) -> str:
        if event.get("type") == "result":
            self.result = event
        message = event.get("message")
        if event.get("type") != "assistant" or not isinstance(message, dict):
            return ""
        content = message.get("content")
        for block in reversed(content if isinstance(content, list) else []):
            if isinstance(block, dict) and block.get("type") == "tool_use":
                return f"uses {one_line(_text(block.get('name')), limit=40)}"
            if isinstance(block, dict) and block.get("type") == "text":
                return one_line(_text(block.get("text")), limit=80)
        return ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> str:
    return str(value) if isinstance(value, int) and abs(value) < 10**15 else "unknown"


def _statistics(result: dict[str, Any]) -> dict[str, str]:
    usage = result.get("usage")
    tokens = usage if isinstance(usage, dict) else {}
    cost = result.get("total_cost_usd")
    statistics = {
        "Turns": _count(result.get("num_turns")),
        "Input tokens": _count(tokens.get("input_tokens")),
        "Output tokens": _count(tokens.get("output_tokens")),
        "Cost": f"${cost:.4f}" if isinstance(cost, (int, float)) and cost < 10**9 else "unknown",
        "Session": one_line(_text(result.get("session_id")) or "unknown", limit=60),
    }
    if denied := _denied(result):
        # The model was told, and may have given up and called that a success: only this says so.
        statistics["Permission denied"] = denied
    return statistics


def _denied(result: dict[str, Any]) -> str:
    denials = result.get("permission_denials")
    tools = [
        one_line(_text(each.get("tool_name")) or "unknown", limit=40)
        for each in (denials if isinstance(denials, list) else ())
        if isinstance(each, dict)
    ]
    counted = (f"{tool} ({tools.count(tool)}×)" for tool in dict.fromkeys(tools))
    return one_line(", ".join(counted))
