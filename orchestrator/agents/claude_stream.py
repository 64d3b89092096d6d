"""Reads the event stream of ``claude -p --output-format stream-json --verbose``: one JSON object per line.

Lenient on purpose: lines of any length, events of unknown types, plain text between them, several
results in one stream (background work wakes the model again), a stream cut anywhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from orchestrator.agents.claude_answer import SYNTHETIC, Ending, LastTurn
from orchestrator.agents.claude_check import version_in
from orchestrator.agents.claude_stream import PIECE_OF_ANSWER
from orchestrator.agents.claude_outcome import by_model, judge
from orchestrator.agents.claude_stream import LongLine
from orchestrator.core.result import ProcessExit, Outcome, StreamSignals, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import pluralize, noted_left_out, one_line, text_of

#: Bytes of one event that are read. Of a longer one long texts are shortened; what is too long all the same stays in
#: the log, and the stream goes on after it.
LONGEST_EVENT = 4 * 1024 * 1024


@dataclass(slots=True)
class StreamState:
    """What the stream said so far."""

    session: str = ""
    last: Ending | None = None
    """How the stream ended, as its last ``result`` event says."""
    full: Ending | None = None
    """The last complete answer, unless something was at work that was to make another one."""
    turn: LastTurn = field(default_factory=LastTurn)
    limit: dict[str, Any] = field(default_factory=dict)
    """The last word about the account's limits."""
    turns: int = 0
    tokens: int = 0
    """Of every turn: what was read, what was taken from the cache, what was written."""
    is_answered: bool = False
    is_over: bool = False
    """Nothing of substance followed the last result."""
    own: dict[str, float] | None = None
    """USD by model that this call cost, without what its session cost before; None in versions that do not say."""
    version: tuple[int, ...] | None = None
    """That of the CLI, where it says so."""
    in_background: int = 0
    """Background tasks that will wake the model again."""
    _turn: object = None

    @property
    def unfinished(self) -> str:
        """What is still to make a result, of which the last one is not the last word; empty: nothing."""
        if self.in_background:
            return pluralize(self.in_background, "background task")
        return "" if self.is_over else "the model"

    def take(self, event: dict[str, Any]) -> str:
        """Take in one event; return the news in it."""
        match event.get("type"):
            case "assistant":
                return self._speak(event)
            case "user":
                self.turn.go_on(event)
            case "result":
                self._end(event)
            case "system":
                return self._system(event)
            case "rate_limit_event" if isinstance(event.get("rate_limit_info"), dict):
                self.limit = event["rate_limit_info"]
            case _:
                pass  # there are more types than anyone has listed
        return ""

    def _end(self, event: dict[str, Any]) -> None:
        self.last, self.turn, self.is_over = self.turn.end(event), LastTurn(), True
        if self.last.is_complete:
            self.full = None if self.in_background else self.last
        self.session = text_of(event.get("session_id")) or self.session
        if "model_usage_since_last_result" in event:
            own = self.own or {}
            for model, cost in by_model(event["model_usage_since_last_result"]):
                own[model] = own.get(model, 0.0) + cost
            self.own = own

    def _system(self, event: dict[str, Any]) -> str:
        match event.get("subtype"):
            case "init":
                self.session = text_of(event.get("session_id")) or self.session
                said = text_of(event.get("claude_code_version"))
                self.version = version_in(said) or self.version
                self.is_over = False
            case "background_tasks_changed":
                tasks = event.get("tasks")
                self.in_background = len(tasks) if isinstance(tasks, list) else 0
            case "api_retry":
                return one_line(f"the service said {text_of(event.get('error'))}, tries again", 80)
            case _:
                pass
        return ""

    def _speak(self, event: dict[str, Any]) -> str:
        message = event.get("message")
        if not isinstance(message, dict):
            return ""
        self.is_over = False
        self.turn.speak(event, message)
        if message.get("model") != SYNTHETIC:
            self.is_answered = True
            self._count(message)
        content = message.get("content")
        for block in reversed(content if isinstance(content, list) else []):
            if isinstance(block, dict) and block.get("type") == "tool_use":
                return self._news(f"uses {one_line(text_of(block.get('name')), limit=40)}")
            if isinstance(block, dict) and block.get("type") == "text":
                return self._news(one_line(text_of(block.get("text")), limit=80))
        return ""

    def _count(self, message: dict[str, Any]) -> None:
        # One event per content block: those of one message are one turn.
        turn = message.get("id")
        if turn is not None and turn == self._turn:
            return
        self._turn = turn
        self.turns += 1
        usage = message.get("usage")
        for name, amount in (usage if isinstance(usage, dict) else {}).items():
            if name.endswith("_tokens") and isinstance(amount, int) and 0 < amount < 10**9:
                self.tokens += amount

    def _news(self, what: str) -> str:
        tokens = f"{self.tokens / 1000:.0f}k" if self.tokens >= 1000 else str(self.tokens)
        return f"turn {self.turns} · {tokens} tokens · {what}"


@dataclass(slots=True)
class StreamReader:
    """Splits the stream into events and judges the attempt by what they told."""

    settings: Settings
    program: str = ""
    """The words with which the agent calls us."""
    story: StreamState = field(default_factory=StreamState)
    line: LongLine = field(default_factory=partial(LongLine, LONGEST_EVENT))
    has_skipped: bool = False

    @property
    def signs(self) -> StreamSignals:
        """See ``StreamSignals``."""
        said = self.story.limit.get("status")
        return StreamSignals(
            is_answered=self.story.is_answered,
            is_delivered=not self.story.unfinished,
            is_strained=None if said is None else said == "allowed_warning",
            turns=self.story.turns,
        )

    def feed(self, data: bytes) -> str:
        """Take in whole lines; the news is what the agent says or does."""
        news = ""
        *ends, rest = data.split(b"\n")
        for end in ends:
            self.line.extend(end)
            news = self._end_line() or news
        self.line.extend(rest)
        return news

    def close(self, exit: ProcessExit, errors: bytes) -> Outcome:
        """Judge by everything there is; see ``claude_outcome``."""
        self.feed(b"\n")
        story = self.story
        outcome = judge(
            story.last,
            exit,
            errors,
            self.settings,
            full=story.full,
            session=story.session,
            limit=story.limit,
            own=story.own,
            version=story.version,
            unfinished=story.unfinished,
            program=self.program,
            has_worked=story.is_answered,
        )
        ending = story.full or story.last
        story.last = story.full = None  # they may be large, and nobody needs them any more
        if self.has_skipped and ending is None and outcome.verdict is Verdict.FAILED:
            size = f"larger than {LONGEST_EVENT // 1024:,} KiB without its texts"
            unread = f"{outcome.reason}; an event {size} was not read, its log has it"
            # Nothing went wrong but that: it was the answer, and the next one would be as large, for as much money.
            verdict = Verdict.FATAL if exit.code == 0 else outcome.verdict
            return outcome._replace(verdict=verdict, reason=unread)
        if ending is not None and ending.is_shortened:
            return outcome._replace(hidden=noted_left_out(outcome.answer))
        return outcome

    def _end_line(self) -> str:
        line, self.line = self.line, LongLine(LONGEST_EVENT)
        if line.is_lost:
            self.has_skipped = True
            self.story.turn = LastTurn()  # it may have been what the model said
            return ""
        if line.is_shortened:
            self.story.turn.is_shortened = True
        return self._event(bytes(line.data))

    def _event(self, line: bytes) -> str:
        if line.startswith(PIECE_OF_ANSWER):
            return ""  # there may be one for every few letters, and it says nothing that does not come again
        try:
            # One byte that is no character must not cost the whole answer.
            event = json.loads(line.decode(errors="replace"))
        except (ValueError, RecursionError):
            return ""  # not ours to judge: a plain line, or a stream cut short
        # With `"verbose": true` in a user's settings the CLI prints one array of all events.
        news = ""
        for each in event if isinstance(event, list) else [event]:
            if isinstance(each, dict):
                news = self.story.take(each) or news
        return news
