"""One call of the fake ``claude``: what it was asked, what it does, what it prints, what it leaves behind.

``$FAKE_CLAUDE_DIR`` is what the real one keeps in its home directory: ``sessions/`` has a file for each session with
what it cost so far, so a session id is used once, and a resumed session goes on counting. As with the real one, that
is written when a call ends or is told to end: what a killed call cost, its session does not know.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tests.fakes.claude_line import Line, fail
from tests.patience import PATIENCE

VERSION = "2.1.329 (Claude Code)"
MODEL = "claude-opus-5-5"
#: What the real one writes into the model's mouth itself.
SYNTHETIC = "<synthetic>"
#: USD of a turn.
PRICE = 0.006

Event = dict[str, Any]


def example(schema: dict[str, Any]) -> Any:
    """Return the plainest value that fits a plain schema."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type", "object"):
        case "object":
            properties = schema.get("properties", {})
            return {name: example(each) for name, each in properties.items()}
        case "array":
            return [example(schema.get("items", {"type": "string"}))] * schema.get("minItems", 0)
        case "string":
            return "text"
        case "boolean":
            return True
        case "null":
            return None
        case _:
            return schema.get("minimum", 1)


@dataclass
class Session:
    """One call: who asks for what, and where it is recorded."""

    line: Line
    prompt: str
    directory: Path | None = None
    task: str = os.environ.get("ORCHESTRATOR_TASK_ID", "")
    call: str = field(default_factory=lambda: uuid.uuid4().hex)
    id: str = ""
    """Of the conversation."""
    step: dict[str, Any] = field(default_factory=dict)
    cost: float = 0.0
    told_cost: float | None = None
    """What the last result said."""
    """USD, earlier calls in this session included."""
    before: float = 0.0
    """USD of the earlier calls."""
    number: int = 0
    """Turns of this call."""
    told: list[Event] = field(default_factory=list)

    # ── what is kept ──────────────────────────────────────────────────────────────────────────────────────────────

    def open(self) -> None:
        """Begin the session, or go on with one; end when that cannot be."""
        flags, resumed = self.line.flags, self.line.resumed
        self.id = flags.get("--session-id") or str(uuid.uuid4())
        if resumed:
            kept = self._kept(resumed)
            if self.directory is not None and not (kept and kept.exists()):
                self._miss(f"No conversation found with session ID: {resumed}", resumed)
            self.before = self.cost = json.loads(kept.read_text())["cost"] if kept else 0.0
            if "--fork-session" not in flags:
                self.id = resumed
                return
        if kept := self._kept(self.id):
            try:
                os.close(os.open(kept, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
            except FileExistsError:
                fail(f"Error: Session ID {self.id} is already in use.")
        self.keep()

    def _miss(self, words: str, resumed: str) -> NoReturn:
        if self.line.form == "stream-json":
            self.id = resumed
            event = self.stopped("error_during_execution", words, "-")
            emit(event | {"num_turns": 0, "stop_reason": None})
        fail(words)

    def _kept(self, name: str) -> Path | None:
        if self.directory is None:
            return None
        (self.directory / "sessions").mkdir(parents=True, exist_ok=True)
        return self.directory / "sessions" / Path(name).name

    def keep(self) -> None:
        """Save what the session cost so far."""
        if kept := self._kept(self.id):
            new = kept.with_name(f".{kept.name}.{self.call}")
            new.write_text(json.dumps({"cost": self.cost}))
            new.replace(kept)

    def is_among_the_first(self, times: float, what: str) -> bool:
        """Say whether this happens for the n-th time or earlier, all calls of everybody counted."""
        if self.directory is None:
            return times > 0
        number = 1
        while number <= times:
            try:
                (self.directory / f"{what}-{number}").touch(exist_ok=False)
            except FileExistsError:
                number += 1
            else:
                return True
        return False

    def note(self, event: str, **more: Any) -> None:
        if self.directory is None:
            return
        # One write with O_APPEND: calls that run at the same time do not tear each other's lines.
        entry = {"event": event, "id": self.call, "task": self.task, "time": time.monotonic_ns()}
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        log = os.open(self.directory / "calls.jsonl", flags, 0o644)
        os.write(log, json.dumps(entry | more).encode() + b"\n")
        os.close(log)

    def begin(self) -> None:
        number = 1
        if self.directory is not None:
            prompts = self.directory / "prompts"
            prompts.mkdir(parents=True, exist_ok=True)
            (prompts / self.call).write_text(self.prompt, encoding="utf-8")
            number += self._earlier()
        self.step = self._step(number)
        self.note(
            "start",
            attempt=int(os.environ.get("ORCHESTRATOR_ATTEMPT", number)),
            pid=os.getpid(),
            argv=sys.argv[1:],
            env=sorted(os.environ),
            cwd=os.getcwd(),
            sha256=hashlib.sha256(self.prompt.encode()).hexdigest(),
        )

    def _earlier(self) -> int:
        log = self.directory / "calls.jsonl" if self.directory is not None else None
        lines = log.read_text(encoding="utf-8").splitlines() if log and log.exists() else []
        return sum(each["event"] == "start" and each["task"] == self.task for each in map(json.loads, lines))

    def _step(self, number: int) -> dict[str, Any]:
        if marked := re.search(r"FAKE(\{.*\})", self.prompt):
            steps: Any = json.loads(marked[1])
        elif self.directory is not None and (script := self.directory / "script.json").exists():
            script_of = json.loads(script.read_text(encoding="utf-8"))
            steps = script_of.get(self.task, script_of.get("*", {}))
        else:
            steps = {"do": os.environ.get("FAKE_CLAUDE", "success")}
        step = steps[min(number, len(steps)) - 1] if isinstance(steps, list) else steps
        return dict(step)

    # ── what is printed ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def answer(self) -> str:
        return str(self.step.get("answer", f"# Answer to {self.task or 'the prompt'}\n\nDone."))

    @property
    def structured(self) -> Any:
        """The structured answer; None: the model answers in text."""
        schema = self.line.schema
        return None if schema is None else self.step.get("structured", example(schema))

    def event(self, kind: str, **fields: Any) -> Event:
        return {"type": kind, **fields, "session_id": self.id, "uuid": str(uuid.uuid4())}

    def init(self) -> Event:
        version = self.step.get("version", VERSION.partition(" ")[0])
        return self.event(
            "system", subtype="init", cwd=os.getcwd(), tools=["Bash", "Edit", "Read", "Write"], mcp_servers=[],
            model=self.line.flags.get("--model", MODEL), claude_code_version=version,
            permissionMode=self.line.flags.get("--permission-mode", "default"),
        )  # fmt: skip

    def says(self, block: dict[str, Any], *, model: str = MODEL, **fields: Any) -> Event:
        usage = {"input_tokens": 1000, "output_tokens": 1, "cache_read_input_tokens": 0}
        message: dict[str, Any] = {"id": f"msg_{self.call}_{self.number}", "type": "message"}
        message |= {"role": "assistant", "model": model, "content": [block]}
        message["usage"] = dict.fromkeys(usage, 0) if model == SYNTHETIC else usage
        return self.event("assistant", message=message, parent_tool_use_id=None, **fields)

    def uses(self, tool: str, given: dict[str, Any], said: str = "ok") -> Iterator[Event]:
        """A tool is called, and answers."""
        name = f"toolu_{self.call}_{self.number}"
        yield self.says({"type": "tool_use", "id": name, "name": tool, "input": given})
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": name, "content": said}
        if said != "ok":
            block["is_error"] = True
        message = {"role": "user", "content": [block]}
        yield self.event("user", message=message, parent_tool_use_id=None)

    def result(self, **other: Any) -> Event:
        usage = {"input_tokens": 1000, "output_tokens": 100, "cache_read_input_tokens": 0}
        models = {MODEL: {"inputTokens": 1000, "outputTokens": 100, "costUSD": self.cost}}
        since = round(self.cost - (self.before if self.told_cost is None else self.told_cost), 9)
        self.told_cost = self.cost
        fields: dict[str, Any] = {
            "subtype": "success", "is_error": False, "result": self.answer, "num_turns": max(self.number, 1),
            "duration_ms": 116, "duration_api_ms": 20, "total_cost_usd": self.cost, "usage": usage,
            "modelUsage": models if self.cost else {}, "permission_denials": [], "stop_reason": "end_turn",
            "terminal_reason": "completed", "api_error_status": None, "result_index": 0,
            "model_usage_since_last_result": {MODEL: models[MODEL] | {"costUSD": since}} if since else {},
        }  # fmt: skip
        if "version" in self.step:
            fields["model_usage_since_last_result"] = "-"
        fields |= other
        # A dash is a field that this kind of result does not have.
        return self.event("result", **{key: value for key, value in fields.items() if value != "-"})

    def stopped(self, subtype: str, words: str, reason: str) -> Event:
        """The result of an attempt that met a limit of its own."""
        return self.result(
            subtype=subtype, is_error=True, result="-", api_error_status="-", errors=[words],
            terminal_reason=reason, stop_reason="tool_use",
        )  # fmt: skip

    def show(self, *events: Event) -> None:
        """Print events where the output format prints them as they come."""
        for event in events:
            self.told.append(event)
            if self.line.form == "stream-json":
                emit(event)

    def finish(self, status: int) -> NoReturn:
        """Print what was held back, and end."""
        if self.told and self.told[-1]["type"] == "result":
            last = self.told[-1]
            if self.line.form == "json":
                emit(self.told if self.line.is_verbose else last)
            elif self.line.form == "text":
                errors = "; ".join(f"Error: {each}" for each in last.get("errors", ()))
                print(last.get("result") or errors)
        self.keep()
        self.note("end", status=status)
        sys.stdout.flush()
        os._exit(status)

    # ── what it waits for ─────────────────────────────────────────────────────────────────────────────────────────

    def wait_for_file(self, path: str) -> None:
        """Wait until a file is there; a relative path means in the fake's directory."""
        place = (self.directory or Path()) / path
        self.wait_until(path, place.exists)

    def wait_until(self, what: str, is_met: Callable[[], bool]) -> None:
        """Wait for a test to see what it wants to see; end when it does not come."""
        deadline = time.monotonic() + PATIENCE
        while not is_met():
            if time.monotonic() > deadline:
                fail(f"waited in vain for {what}")
            time.sleep(0.01)


def emit(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)
