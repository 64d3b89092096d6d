#!/usr/bin/env python3
"""A stand-in for the ``claude`` command line, true to what version 2.1.329 printed (``claude_samples/``).

It reads a prompt, does what its script says and prints an answer in the real output formats. What it does is chosen by,
first found: ``FAKE{...}`` (JSON) in the prompt; the file ``$FAKE_CLAUDE_DIR/script.json`` (task id or ``*`` → a step,
or a list of steps of which the n-th call takes the n-th); ``$FAKE_CLAUDE``, the name of a behaviour. A step:
``{"do": behaviour or sample, "answer": text, "barrier": "name:N", "delay": seconds, "wait_for": path}``.

Every call leaves two JSON lines in ``$FAKE_CLAUDE_DIR/calls.jsonl``, at its start and at its end, and its prompt in
``prompts/``; ``tests/fakes/claude_calls.py`` puts it on a PATH and reads them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

VERSION = "2.1.329 (Claude Code)"
SAMPLES = Path(__file__).parent / "claude_samples"
#: Nothing here waits longer; a barrier that is not met by then fails the call.
PATIENCE = 30.0
MODEL = "claude-opus-5-5"

SWITCHES = """
-p --print --verbose --dangerously-skip-permissions --include-partial-messages --bare --strict-mcp-config
--no-session-persistence --fork-session -c --continue --version -v
"""
WITH_VALUE = """
--output-format --input-format --model --fallback-model --session-id --resume -r --permission-mode --max-turns
--max-budget-usd --append-system-prompt --append-system-prompt-file --system-prompt --system-prompt-file
--json-schema --settings --setting-sources --agent --agents --effort --permission-prompt-tool --name
"""
#: They swallow every word up to the next flag, a prompt too.
VARIADIC = """
--allowedTools --allowed-tools --disallowedTools --disallowed-tools --tools --add-dir --mcp-config
"""


def sample(name: str) -> tuple[str, str, int]:
    """Return what the real CLI printed once: standard output, standard error, exit status."""
    text = (SAMPLES / f"{name}.txt").read_text(encoding="utf-8")
    head, _, rest = text.partition("# --- stdout\n")
    out, _, err = rest.rpartition("# --- stderr")
    return (
        out.strip("\n") + "\n" if out.strip("\n") else "",
        err.lstrip("\n"),
        int(head.split()[-1]),
    )


def fail(message: str, status: int = 1) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(status)


@dataclass
class Line:
    """A command line, taken apart as the real one does."""

    flags: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, argv: list[str]) -> Line:
        line, left = cls(), list(argv)
        while left:
            word = left.pop(0)
            name, equals, value = word.partition("=")
            if word == "--":
                line.words += left
                left = []
            elif name in VARIADIC.split():
                line.flags[name] = value
                while left and not equals and not left[0].startswith("-"):
                    left.pop(0)
            elif name in WITH_VALUE.split():
                if not equals and not left:
                    fail(f"error: option '{name} <value>' argument missing")
                line.flags[name] = value if equals else left.pop(0)
            elif name in SWITCHES.split() and not equals:
                line.flags[name] = ""
            elif word.startswith("-") and word != "-":
                fail(f"error: unknown option '{name}'")
            else:
                line.words.append(word)
        return line

    @property
    def form(self) -> str:
        return self.flags.get("--output-format", "text")

    @property
    def is_verbose(self) -> bool:
        return "--verbose" in self.flags


@dataclass
class Session:
    """One call: who asks for what, and where it is recorded."""

    line: Line
    prompt: str
    task: str = os.environ.get("ORCHESTRATOR_TASK_ID", "")
    directory: Path | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex)
    step: dict[str, Any] = field(default_factory=dict)

    def note(self, event: str, **more: Any) -> None:
        if self.directory is None:
            return
        # One write with O_APPEND: calls that run at the same time do not tear each other's lines.
        entry = {"event": event, "id": self.id, "task": self.task, "time": time.monotonic_ns()}
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        log = os.open(self.directory / "calls.jsonl", flags, 0o644)
        os.write(log, json.dumps(entry | more).encode() + b"\n")
        os.close(log)

    def begin(self) -> None:
        number = 1
        if self.directory is not None:
            prompts = self.directory / "prompts"
            prompts.mkdir(parents=True, exist_ok=True)
            (prompts / self.id).write_text(self.prompt, encoding="utf-8")
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
        return sum(
            each["event"] == "start" and each["task"] == self.task
            for each in map(json.loads, lines)
        )

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

    @property
    def answer(self) -> str:
        return str(self.step.get("answer", f"# Answer to {self.task or 'the prompt'}\n\nDone."))

    def event(self, kind: str, **fields: Any) -> dict[str, Any]:
        name = self.line.flags.get("--session-id", self.id)
        return {"type": kind, **fields, "session_id": name, "uuid": str(uuid.uuid4())}

    def opening(self) -> list[dict[str, Any]]:
        init = self.event(
            "system", subtype="init", cwd=os.getcwd(), tools=["Bash", "Edit", "Read", "Write"], mcp_servers=[],
            model=self.line.flags.get("--model", MODEL), claude_code_version=VERSION.partition(" ")[0],
            permissionMode=self.line.flags.get("--permission-mode", "default"),
        )  # fmt: skip
        return [init, self.says({"type": "text", "text": self.answer})]

    def says(self, block: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"id": f"msg_{self.id}", "role": "assistant", "model": MODEL}
        message["content"] = [block]
        return self.event("assistant", message=message, parent_tool_use_id=None)

    def result(self, **other: Any) -> dict[str, Any]:
        usage = {"input_tokens": 1000, "output_tokens": 100, "cache_read_input_tokens": 0}
        fields: dict[str, Any] = {
            "subtype": "success", "is_error": False, "result": self.answer, "num_turns": 1, "duration_ms": 116,
            "duration_api_ms": 20, "total_cost_usd": 0.006, "usage": usage, "permission_denials": [],
            "stop_reason": "end_turn", "terminal_reason": "completed", "api_error_status": None, "result_index": 0,
        }  # fmt: skip
        fields |= other
        # A dash is a field that this kind of result does not have.
        return self.event("result", **{key: value for key, value in fields.items() if value != "-"})

    def show(self, events: list[dict[str, Any]]) -> None:
        """Print events as the output format asks for."""
        if self.line.form == "stream-json":
            for event in events:
                emit(event)
        elif self.line.form == "json":
            emit(events if self.line.is_verbose else events[-1])
        else:
            last = events[-1]
            errors = "; ".join(f"Error: {each}" for each in last.get("errors", ()))
            print(last.get("result") or errors, flush=True)

    def finish(self, status: int) -> NoReturn:
        self.note("end", status=status)
        sys.stdout.flush()
        os._exit(status)


def emit(value: Any) -> None:
    print(json.dumps(value, ensure_ascii=False, separators=(",", ":")), flush=True)


def for_ever() -> NoReturn:
    while True:
        signal.pause()


# ── behaviours ────────────────────────────────────────────────────────────────────────────────────────────────────────


def replies(status: int = 0, **fields: Any) -> Callable[[Session], int]:
    """Return a behaviour: the whole answer, a result with *fields*, and an exit status."""

    def behave(session: Session) -> int:
        session.show([*session.opening(), session.result(**fields)])
        return status

    return behave


def api_error(code: int | None, words: str, status: int = 1) -> Callable[[Session], int]:
    return replies(
        status, is_error=True, result=words, api_error_status=code, total_cost_usd=0,
        stop_reason="stop_sequence", terminal_reason="api_error",
    )  # fmt: skip


def limit(subtype: str, words: str, reason: str) -> Callable[[Session], int]:
    return replies(
        1, subtype=subtype, is_error=True, result="-", api_error_status="-", errors=[words],
        terminal_reason=reason,
    )  # fmt: skip


success = replies()
DENIAL = {"tool_name": "Write", "tool_use_id": "toolu_1", "tool_input": {"file_path": "a.txt"}}


def several_results(session: Session) -> int:
    opening, first = session.opening(), session.result(result="not yet")
    session.show([*opening, first, *opening, session.result(result_index=1, total_cost_usd=0.012)])
    return 0


def huge_line(session: Session) -> int:
    session.step["answer"] = session.answer + "\n" + "0123456789abcde\n" * (2 * 1024 * 1024 // 16)
    return success(session)


def truncated(session: Session) -> int:
    session.show(session.opening())
    line = json.dumps(session.result())
    sys.stdout.write(line[: len(line) // 2])
    return 0


def lingers(session: Session) -> int:
    success(session)
    for_ever()


def hang(session: Session) -> int:
    session.show(session.opening()[:1])
    for_ever()


def ignores_sigterm(session: Session) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return hang(session)


def grandchild(session: Session) -> int:
    """Leave a process of a session of its own behind; its pid stands in ``grandchild.pid``."""
    null = subprocess.DEVNULL
    left = subprocess.Popen(
        ["sleep", "1000"], stdin=null, stdout=null, stderr=null, start_new_session=True
    )
    if session.directory is not None:
        (session.directory / "grandchild.pid").write_text(str(left.pid))
    return success(session)


BEHAVIOURS: dict[str, Callable[[Session], int]] = {
    "success": success,
    "empty": replies(result=""),
    "http401": api_error(401, "Failed to authenticate. API Error: 401"),
    "http429": api_error(429, "API Error: Request rejected (429)"),
    "http500": api_error(500, "API Error: 500 internal server error"),
    "http529": api_error(529, "API Error: 529 overloaded"),
    "not_logged_in": api_error(None, "Not logged in · Please run /login"),
    "max_turns": limit("error_max_turns", "Reached maximum number of turns (2)", "max_turns"),
    "budget": limit("error_max_budget_usd", "Reached maximum budget ($0.1)", "budget_exhausted"),
    "permission_denied": replies(permission_denials=[DENIAL]),
    "several_results": several_results,
    "array": lambda session: replay(session, "json_with_verbose_is_array"),
    "huge_line": huge_line,
    "truncated": truncated,
    "nothing": lambda _: 0,
    "error_and_exit_0": api_error(500, "API Error: 500 internal server error", status=0),
    "answer_and_exit_1": replies(1),
    "lingers": lingers,
    "hang": hang,
    "ignores_sigterm": ignores_sigterm,
    "grandchild": grandchild,
}


def replay(session: Session, name: str) -> int:
    out, err, status = sample(name)
    sys.stdout.write(out)
    sys.stderr.write(err)
    return status


def wait(session: Session) -> None:
    """Do what the step says before the answer: a delay, a file to wait for, a barrier."""
    step, deadline = session.step, time.monotonic() + PATIENCE
    time.sleep(float(step.get("delay", 0)))
    conditions: list[tuple[str, Callable[[], bool]]] = []
    if "wait_for" in step:
        conditions.append((step["wait_for"], Path(step["wait_for"]).exists))
    if "barrier" in step and session.directory is not None:
        name, _, number = str(step["barrier"]).partition(":")
        place = session.directory / f"barrier-{name}"
        place.mkdir(exist_ok=True)
        (place / session.id).touch()
        conditions.append((f"barrier {name}", lambda: len(list(place.iterdir())) >= int(number)))
    for what, is_met in conditions:
        while not is_met():
            if time.monotonic() > deadline:
                fail(f"waited in vain for {what}")
            time.sleep(0.01)


def read_prompt(line: Line) -> str:
    given = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read().decode()
    if len(given) > 10 * 1024 * 1024:
        fail("Error: piped stdin input exceeds 10MB")
    prompt = "\n".join(part for part in (*line.words[:1], given) if part)
    if not prompt.strip():
        fail(
            "Error: Input must be provided either through stdin or as a prompt argument when using --print"
        )
    return prompt


def check_session_id(line: Line, directory: Path | None) -> None:
    if directory is None or (wanted := line.flags.get("--session-id")) is None:
        return
    (directory / "sessions").mkdir(parents=True, exist_ok=True)
    try:
        (directory / "sessions" / Path(wanted).name).touch(exist_ok=False)
    except FileExistsError:
        fail(f"Error: Session ID {wanted} is already in use.")


def main() -> NoReturn:
    # How the real one ends when it is told to; SIGINT looks like a success.
    for number, ended in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)):
        signal.signal(number, lambda *_, status=ended: os._exit(status))
    line = Line.parse(sys.argv[1:])
    if {"--version", "-v"} & line.flags.keys():
        print(VERSION)
        sys.exit(0)
    if line.form == "stream-json" and not line.is_verbose:
        fail("Error: When using --print, --output-format=stream-json requires --verbose")
    directory = os.environ.get("FAKE_CLAUDE_DIR")
    session = Session(line, read_prompt(line), directory=Path(directory) if directory else None)
    check_session_id(line, session.directory)
    session.begin()
    wait(session)
    if session.prompt.startswith("/"):
        session.show([session.result(result="", num_turns=0)])
        session.finish(0)
    does = str(session.step.get("do", "success"))
    behaviour = BEHAVIOURS.get(does)
    session.finish(behaviour(session) if behaviour else replay(session, does))


if __name__ == "__main__":
    main()
