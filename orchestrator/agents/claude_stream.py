"""Reads the event stream of ``claude -p --output-format stream-json --verbose``: one JSON object per line.

Lenient on purpose: lines of any length, events of unknown types, plain text between them, several
results in one stream (background work wakes the model again), a stream cut anywhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from orchestrator.agents.claude_answer import SYNTHETIC, Ending, LastTurn
from orchestrator.agents.claude_check import version_in
from orchestrator.agents.claude_outcome import by_model, judge
from orchestrator.agents.protocol import Turn
from orchestrator.agents.stdout_reader import KEPT
from orchestrator.core.result import Outcome, ProcessExit, StreamSignals, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import left_out_note, noted_left_out, one_line, pluralize, text_of

# ── claude conversation ────────
#
# What was said in a session of ``claude``, read from its event stream: for people who ask how a result came about.

#: How an event begins that shows a piece of an answer under way: a sign of life, and no more.
PIECE_OF_ANSWER = b'{"type":"stream_event"'


def conversation(output: Iterable[bytes]) -> Iterator[Turn]:
    """Yield the turns of a stream: texts, tools with their inputs, what the tools answered. The rest is left out."""
    for line in output:
        if line.startswith(PIECE_OF_ANSWER):
            continue
        try:
            read = json.loads(line)
        except (ValueError, RecursionError):
            if text := line.decode(errors="replace").strip():
                yield Turn("output", text)
            continue
        # With `"verbose": true` in a user's settings the CLI prints one array of all events.
        for event in read if isinstance(read, list) else [read]:
            yield from _turns(event)


def _turns(event: object) -> Iterator[Turn]:
    if not isinstance(event, dict) or event.get("type") not in {"assistant", "user"}:
        return
    message = event.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, str):
        yield Turn("user", content)
    for block in content if isinstance(content, list) else []:
        if isinstance(block, dict):
            yield from _of_block(block, "claude" if event["type"] == "assistant" else "user")


def _of_block(block: dict[str, Any], who: str) -> Iterator[Turn]:
    match block.get("type"):
        case "text":
            yield Turn(who, str(block.get("text", "")))
        case "tool_use":
            given = json.dumps(block.get("input"), ensure_ascii=False)
            yield Turn(f"uses {block.get('name')}", given)
        case "tool_result":
            yield Turn("answer of the tool", _result(block.get("content")))
        case _:
            pass  # thinking, images: nothing a line could say


def _result(content: object) -> str:
    if isinstance(content, str):
        return content
    texts = (
        str(each.get("text", "")) for each in (content if isinstance(content, list) else []) if isinstance(each, dict)
    )
    return "\n".join(filter(None, texts))


# ── long line ────────
#
# One line of JSON as it comes: where it is long, its long strings are shortened, and it can be read all the same.
#
# In bounded memory, in time linear in its length, and the same wherever the pieces it comes in are cut.

#: What stands in a string up to its end, or to a backslash whose other half is yet to come.
_INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
#: One character in a string; of those above U+FFFF both halves.
_CHARACTER = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]"
    rb"|[\xc0-\xff][\x80-\xbf]{1,3}|[^\\]",
    re.DOTALL,
)
#: Bytes of the longest one.
_LONGEST = 12


@dataclass(slots=True, eq=False, repr=False)
class LongLine:
    """Takes a line of any length. A line within the limit is kept unchanged."""

    limit: int
    kept: int = KEPT
    """Bytes kept of the head of each string of a longer one, and as many of its tail."""
    data: bytearray = field(default_factory=bytearray)
    is_shortened: bool = False
    is_lost: bool = False
    """Even shortened it is too long: nothing of it is kept."""
    _is_inside: bool = False
    """Of a string."""
    _is_escaped: bool = False
    """The next byte belongs to the backslash before it."""
    _start: int = 0
    """Where the string begins in ``data``, which has its head."""
    _tail: bytearray = field(default_factory=bytearray)
    """What comes after it."""
    _room: int = 0
    """Bytes that the tail may have; 0: the head is not full yet."""
    _left_out: int = 0

    def extend(self, piece: bytes) -> None:
        """Take the next piece of the line."""
        if not (self.is_lost or self.is_shortened):
            self.data += piece
            if len(self.data) <= self.limit:
                return
            piece, self.data, self.is_shortened = bytes(self.data), bytearray(), True
        place = 0
        while place < len(piece) and not self.is_lost:
            place = self._inside(piece, place) if self._is_inside else self._outside(piece, place)

    def _outside(self, piece: bytes, place: int) -> int:
        """Take everything up to the next string; return where the rest begins."""
        end = piece.find(b'"', place) + 1
        self._is_inside = end > 0
        end = end or len(piece)
        self._keep(piece[place:end])
        self._start = len(self.data)
        return end

    def _inside(self, piece: bytes, place: int) -> int:
        """Take everything up to the end of the string; return where the rest begins."""
        found = _INSIDE.match(piece, place + self._is_escaped)
        end = found.end() if found else len(piece)  # it matches nothing, too
        self._is_escaped = piece[end : end + 1] == b"\\"
        if self._is_escaped:
            end += 1
        self._fill(piece[place:end])
        if end == len(piece):
            return end
        self._close()
        return end + 1

    def _fill(self, part: bytes) -> None:
        if not self._room:
            more = self.kept - (len(self.data) - self._start)
            self.data += part[:more]
            part = part[more:]
            if len(self.data) - self._start < self.kept:
                return
            cut = self._start + _boundary(self.data[self._start :], self.kept - _LONGEST)
            self._tail += self.data[cut:]
            del self.data[cut:]
            self._room = 2 * self.kept - (cut - self._start)
        self._tail += part
        if len(self._tail) > 2 * self._room:
            self._trim()

    def _trim(self) -> None:
        cut = _boundary(self._tail, len(self._tail) - self._room)
        self._left_out += cut
        del self._tail[:cut]

    def _close(self) -> None:
        """Put the string together: head, a note of how much was left out, tail."""
        if len(self._tail) > self._room:
            self._trim()
        if self._left_out:
            self.data += f"\\n{left_out_note(self._left_out)}\\n".encode()
        self._is_inside, self._room, self._left_out = False, 0, 0
        tail, self._tail = self._tail, bytearray()
        self._keep(tail + b'"')

    def _keep(self, part: bytes | bytearray) -> None:
        self.data += part
        self.is_lost = len(self.data) > self.limit
        if self.is_lost:
            self.data.clear()


def _boundary(raw: bytes | bytearray, place: int) -> int:
    """Return the first place, from *place* on, where a character of a string begins; *raw* begins with one."""
    at = max(0, place - _LONGEST)
    # After an even number of backslashes something begins. It may be in the middle of a character; never at *place*.
    at -= (at - len(raw[:at].rstrip(b"\\"))) % 2
    while at < place:
        found = _CHARACTER.match(raw, at)
        at = found.end() if found else place
    return at


#: Bytes of one event that are read. Of a longer one long texts are shortened; what is too long all the same stays in
#: the log, and the stream goes on after it.
LONGEST_EVENT = 4 * 1024 * 1024


#: Tools that change a file, and the names of what they are given as its path.
_EDITORS = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_PATHS = ("file_path", "notebook_path")
#: Files of one attempt that are kept.
_MOST_EDITED = 1000


@dataclass(slots=True)
class StreamState:
    """What the stream said so far."""

    session: str = ""
    last: Ending | None = None
    """How the stream ended, as its last ``result`` event says."""
    full: Ending | None = None
    """The last complete answer, unless something was active that was to make another one."""
    turn: LastTurn = field(default_factory=LastTurn)
    limit: dict[str, Any] = field(default_factory=dict)
    """The last event about the account's limits."""
    turns: int = 0
    tokens: int = 0
    """Of every turn: what was read, what was taken from the cache, what was written."""
    is_answered: bool = False
    is_over: bool = False
    """Nothing of substance followed the last result."""
    own: dict[str, float] | None = None
    """USD by model that this call cost, without what its session cost before; None in versions that do not say."""
    version: tuple[int, ...] | None = None
    """The version of the CLI, if the stream reports it."""
    in_background: int = 0
    """Background tasks that will wake the model again."""
    edited: dict[str, None] = field(default_factory=dict)
    """Files that its tools have changed, in order."""
    _editing: dict[str, str] = field(default_factory=dict)
    """Files that they are about to change, by the id of the call."""
    _turn: object = None

    @property
    def unfinished(self) -> str:
        """What is still running and will produce another result; empty: nothing."""
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
                self._take_answers(event)
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

    def _take_answers(self, event: dict[str, Any]) -> None:
        """Keep which files were changed: a call that was denied, or came to nothing, is answered with an error."""
        message = event.get("message")
        content = message.get("content") if isinstance(message, dict) else None
        for block in content if isinstance(content, list) and self._editing else []:
            if isinstance(block, dict) and block.get("type") == "tool_result":
                path = self._editing.pop(text_of(block.get("tool_use_id")), "")
                if path and block.get("is_error") is not True:
                    self.edited[path] = None

    def _take_calls(self, content: list[Any]) -> None:
        for block in content:
            if isinstance(block, dict) and block.get("type") == "tool_use" and block.get("name") in _EDITORS:
                given = block.get("input")
                found = (text_of(given.get(key)) for key in _PATHS) if isinstance(given, dict) else ()
                path = next(filter(None, found), "")
                if path and len(self.edited) + len(self._editing) < _MOST_EDITED:
                    self._editing[text_of(block.get("id"))] = path

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
        content = content if isinstance(content, list) else []
        self._take_calls(content)
        for block in reversed(content):
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
    """Splits the stream into events and judges the attempt by them."""

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
            edited=tuple(self.story.edited),
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
        story.last = story.full = None  # they may be large, and no one needs them any more
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
            return ""  # there may be one for every few letters, and the text comes again as a whole
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
