#!/usr/bin/env python3
"""A stand-in for the ``claude`` command line, true to what version 2.1.329 printed (``claude_samples/``).

It reads a prompt, does what its script says and prints an answer in the real output formats. What it does is chosen by,
first found: ``FAKE{...}`` (JSON) in the prompt; the file ``$FAKE_CLAUDE_DIR/script.json`` (task id or ``*`` → a step,
or a list of steps of which the n-th call takes the n-th); ``$FAKE_CLAUDE``, the name of a behaviour. A step::

    {"do": behaviour or sample (success), "answer": text,
     "turns": [0.3, {"cost": 0.006, "text": …, "tool": name, "input": {…}, "until": file}, …],
     "structured": value (else an example of ``--json-schema``; null: the model answers in text),
     "denied": [{"tool_name": …, "tool_input": {…}}], "warning": 0.95 (close to a usage limit),
     "version": text (it says this one, and nowhere what the call cost without its session),
     "delay": seconds, "wait_for": file, "barrier": "name:N"}

A number in ``turns`` is a cost in USD; a turn with ``until`` comes when that file (relative to ``$FAKE_CLAUDE_DIR``) is
there, and until then it is silent. ``hang`` and ``ignores_sigterm`` take their turns first, if they have any.
``usage_limit`` has ``times`` (the first N calls of everybody; then all is well) and ``resets_in`` (seconds from now);
``case`` prints the file ``case`` of ``tests/data/cases/claude``, as ``claude_case.py`` says, to the first ``times``
calls, or until ``down_for`` seconds after the first one. ``background`` gives a first result, waits for the file
``until``, is woken and gives its last one.

Every call leaves two JSON lines in ``$FAKE_CLAUDE_DIR/calls.jsonl``, at its start and at its end, and its prompt in
``prompts/``; ``tests/fakes/claude_calls.py`` puts it on a PATH and reads them.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

if __name__ == "__main__":  # isolated, it finds nothing by itself
    sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fakes.claude_case import case
from tests.fakes.claude_line import Line, fail
from tests.fakes.claude_session import PRICE, SYNTHETIC, VERSION, Event, Session

SAMPLES = Path(__file__).parent / "claude_samples"


def sample(name: str) -> tuple[str, str, int]:
    """Return what the real CLI printed once: standard output, standard error, exit status."""
    text = (SAMPLES / f"{name}.txt").read_text(encoding="utf-8")
    head, _, rest = text.partition("# --- stdout\n")
    out, _, err = rest.rpartition("# --- stderr")
    return (out.strip("\n") + "\n" if out.strip("\n") else "", err.lstrip("\n"), int(head.split()[-1]))


def for_ever() -> NoReturn:
    while True:
        signal.pause()


# ── the model at work ─────────────────────────────────────────────────────────────────────────────────────────────────


def works(session: Session, turns: list[Any]) -> Event | None:
    """Take turns; return the result that ended it before its time, if there is one."""
    for place, given in enumerate(turns, start=1):
        turn = given if isinstance(given, dict) else {"cost": given}
        if "until" in turn:
            session.wait_for_file(turn["until"])
        if 0 < session.line.max_turns <= session.number:
            session.number += 1
            words = f"Reached maximum number of turns ({session.line.max_turns})"
            return session.stopped("error_max_turns", words, "max_turns")
        session.number += 1
        session.cost += turn.get("cost", PRICE)
        if "tool" in turn or (place < len(turns) and "text" not in turn):
            tool = turn.get("tool", "Bash")
            session.show(*session.uses(tool, turn.get("input", {"command": "true"})))
        else:
            session.show(session.says({"type": "text", "text": turn.get("text", session.answer)}))
        # Of this call alone: what the session cost before does not count.
        if session.cost - session.before >= session.line.max_budget:
            words = f"Reached maximum budget (${session.line.max_budget:g})"
            return session.stopped("error_max_budget_usd", words, "budget_exhausted")
    return None


def warn(session: Session) -> None:
    """Say that the account is close to its limit, if the step says so."""
    used = session.step.get("warning")
    if used is not None:
        resets = int(time.time()) + 3600
        info = {"status": "allowed_warning", "resetsAt": resets, "rateLimitType": "five_hour"}
        info |= {"utilization": used, "isUsingOverage": False, "surpassedThreshold": 0.9}
        session.show(session.event("rate_limit_event", rate_limit_info=info))


def denied(session: Session) -> list[dict[str, Any]]:
    """Call the tools that are not allowed; return what the result says of them."""
    told = []
    for each in session.step.get("denied", ()):
        session.number += 1
        name, given = each["tool_name"], each.get("tool_input", {})
        words = f"Claude requested permissions to use {name}, but you haven't granted it yet."
        call, answer = session.uses(name, given, words)
        use = call["message"]["content"][0]["id"]
        fields = {"subtype": "permission_denied", "tool_name": name, "tool_use_id": use}
        session.show(call, session.event("system", **fields, message=words), answer)
        told.append({"tool_name": name, "tool_use_id": use, "tool_input": given})
    return told


def answers(session: Session, **fields: Any) -> None:
    """Give the whole answer, from the first event to the result."""
    session.show(session.init())
    denials = denied(session)
    turns, value = list(session.step.get("turns", [PRICE])), session.structured
    if value is not None:
        last = turns[-1] if isinstance(turns[-1], dict) else {"cost": turns[-1]}
        turns[-1] = last | {"tool": "StructuredOutput", "input": value}
        words = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        fields = {"result": words, "structured_output": value, "stop_reason": "tool_use"} | fields
    ended = works(session, turns)
    warn(session)
    session.show(ended or session.result(permission_denials=denials, **fields))


# ── behaviours ────────────────────────────────────────────────────────────────────────────────────────────────────────


def exit_status(session: Session) -> int:
    """The exit status that belongs to the last result."""
    return int(bool(session.told[-1]["is_error"]))


def success(session: Session) -> int:
    answers(session)
    return exit_status(session)


def with_step(**fields: Any) -> Callable[[Session], int]:
    """Return a behaviour: a success of a step that has these *fields*, unless it says otherwise."""

    def behave(session: Session) -> int:
        session.step = fields | session.step
        return success(session)

    return behave


def replies(status: int = 0, **fields: Any) -> Callable[[Session], int]:
    """Return a behaviour: the whole answer, a result with *fields*, and an exit status."""

    def behave(session: Session) -> int:
        answers(session, **fields)
        return status

    return behave


def shut(session: Session, words: str, code: int | None, error: str, **more: Any) -> int:
    """The service let nothing through: a message that no model wrote, and an error that calls itself a success."""
    block = {"type": "text", "text": words}
    fields = {"error": error, "is_api_error_message": True, "api_error_status": code}
    session.show(session.says(block, model=SYNTHETIC, **fields, **more))
    result = session.result(
        is_error=True, result=words, api_error_status=code, stop_reason="stop_sequence",
        terminal_reason="api_error", **more,
    )  # fmt: skip
    session.show(result)
    return 1


def api_error(
    code: int | None, words: str, error: str, *, retries: int = 10, status: int = 1
) -> Callable[[Session], int]:
    """Return a behaviour: an error of the service, after the CLI's own retries (without their waits)."""

    def behave(session: Session) -> int:
        session.show(session.init())
        most = min(retries, int(os.environ.get("CLAUDE_CODE_MAX_RETRIES", "10")))
        for number in range(1, most + 1):
            more = {"error_status": code, "error": error, "retry_delay_ms": 563}
            attempt = {"subtype": "api_retry", "attempt": number, "max_retries": most}
            session.show(session.event("system", **attempt, **more))
        shut(session, words, code, error)
        return status

    return behave


def usage_limit(session: Session) -> int:
    step = session.step
    if not session.is_among_the_first(step.get("times", math.inf), "usage_limit"):
        return success(session)
    session.show(session.init())
    resets = math.ceil(time.time() + step.get("resets_in", 3600.0))
    info = {"status": "rejected", "resetsAt": resets, "rateLimitType": "five_hour"}
    session.show(session.event("rate_limit_event", rate_limit_info=info))
    clock = time.strftime("%I:%M%p", time.gmtime(resets)).lstrip("0").lower()
    words = f"You've hit your 5-hour limit · resets {clock} (UTC)"
    return shut(session, words, 429, "rate_limit", api_error="usage_limit_reached")


def limit(subtype: str, words: str, reason: str) -> Callable[[Session], int]:
    def behave(session: Session) -> int:
        session.show(session.init())
        works(session, session.step.get("turns", [PRICE, PRICE]))
        session.show(session.stopped(subtype, words, reason))
        return 1

    return behave


def background(session: Session) -> int:
    """A background task wakes the model after its result."""
    task = {"task_id": "b1", "task_type": "local_bash", "description": "x"}
    changed = {"subtype": "background_tasks_changed"}
    session.show(session.init())
    works(session, [PRICE, {"text": "not yet"}])
    session.show(session.event("system", **changed, tasks=[task]))
    session.show(session.result(result="not yet"))
    if "until" in session.step:
        session.wait_for_file(session.step["until"])
    session.show(session.event("system", **changed, tasks=[]), session.init())
    session.number = 0
    works(session, [PRICE])
    session.show(session.result(result_index=1))
    return 0


def empty(session: Session) -> int:
    """The model says nothing, is asked to go on, and says nothing again."""
    block = {"type": "text", "text": "[Your previous response had no visible output. Please continue.]"}
    session.show(session.init(), session.event("user", message={"content": [block]}))
    session.number, session.cost = 2, session.cost + 2 * PRICE
    session.show(session.result(result=""))
    return 0


def huge_line(session: Session) -> int:
    session.step["answer"] = session.answer + "\n" + "0123456789abcde\n" * (2 * 1024 * 1024 // 16)
    return success(session)


def truncated(session: Session) -> int:
    session.show(session.init())
    works(session, [PRICE])
    line = json.dumps(session.result())
    sys.stdout.write(line[: len(line) // 2])
    return 0


def lingers(session: Session) -> int:
    answers(session)
    for_ever()


def hang(session: Session) -> int:
    session.show(session.init())
    works(session, session.step.get("turns", []))
    for_ever()


def ignores_sigterm(session: Session) -> int:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    return hang(session)


def grandchild(session: Session) -> int:
    """Leave a process of a session of its own behind; its pid stands in ``grandchild.pid``."""
    null = subprocess.DEVNULL
    left = subprocess.Popen(["sleep", "1000"], stdin=null, stdout=null, stderr=null, start_new_session=True)
    if session.directory is not None:
        (session.directory / "grandchild.pid").write_text(str(left.pid))
    return success(session)


DENIAL = {"tool_name": "Write", "tool_input": {"file_path": "/proj/a.txt", "content": "hi\n"}}
INTERNAL = "API Error: 500 internal server error"

BEHAVIOURS: dict[str, Callable[[Session], int]] = {
    "success": success,
    "empty": empty,
    "http401": api_error(401, "Failed to authenticate. API Error: 401 made up", "authentication_failed"),
    "http429": api_error(429, "API Error: Request rejected (429) · made up", "rate_limit"),
    "http500": api_error(500, INTERNAL, "server_error"),
    "http529": api_error(529, "API Error: 529 overloaded", "overloaded", retries=2),
    "not_logged_in": api_error(None, "Not logged in · Please run /login", "authentication_failed", retries=0),
    "usage_limit": usage_limit,
    "allowed_warning": with_step(warning=0.95),
    "max_turns": limit("error_max_turns", "Reached maximum number of turns (2)", "max_turns"),
    "budget": limit("error_max_budget_usd", "Reached maximum budget ($0.1)", "budget_exhausted"),
    "schema_text_only": with_step(structured=None),
    "schema_exhausted": limit(
        "error_max_structured_output_retries",
        "Failed to provide valid structured output after 5 attempts",
        "structured_output_retry_exhausted",
    ),
    "permission_denied": with_step(denied=[DENIAL]),
    "background": background,
    "array": lambda session: replay(session, "json_with_verbose_is_array"),
    "huge_line": huge_line,
    "truncated": truncated,
    "nothing": lambda _: 0,
    "error_and_exit_0": api_error(500, INTERNAL, "server_error", status=0),
    "answer_and_exit_1": replies(1),
    "lingers": lingers,
    "hang": hang,
    "ignores_sigterm": ignores_sigterm,
    "grandchild": grandchild,
}


def of_a_case(session: Session) -> int:
    step, directory = session.step, session.directory
    if not session.is_among_the_first(step.get("times", math.inf), "case"):
        return success(session)
    if "down_for" in step and directory is not None:
        first = min(each.stat().st_mtime for each in directory.glob("case-*"))
        if time.time() - first > step["down_for"]:
            return success(session)
    out, err, status = case(step, session.id)
    sys.stdout.write(out)
    sys.stderr.write(err)
    return status


BEHAVIOURS["case"] = of_a_case


def replay(session: Session, name: str) -> int:
    out, err, status = sample(name)
    sys.stdout.write(out)
    sys.stderr.write(err)
    return status


# ── the call ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def wait(session: Session) -> None:
    """Do what the step says before anything is printed: a delay, a file to wait for, a barrier."""
    step = session.step
    time.sleep(float(step.get("delay", 0)))
    if "wait_for" in step:
        session.wait_for_file(step["wait_for"])
    if "barrier" in step and session.directory is not None:
        name, _, number = str(step["barrier"]).partition(":")
        place = session.directory / f"barrier-{name}"
        place.mkdir(exist_ok=True)
        (place / session.call).touch()
        session.wait_until(f"barrier {name}", lambda: len(list(place.iterdir())) >= int(number))


def read_prompt(line: Line) -> str:
    given = "" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read().decode()
    if len(given) > 10 * 1024 * 1024:
        fail("Error: piped stdin input exceeds 10MB")
    prompt = "\n".join(part for part in (*line.words[:1], given) if part)
    if not prompt.strip():
        fail("Error: Input must be provided either through stdin or as a prompt argument when using --print")
    return prompt


def main() -> NoReturn:
    opened: list[Session] = []

    def end(status: int) -> NoReturn:
        for session in opened:
            session.keep()
        os._exit(status)

    # How the real one ends when it is told to; SIGINT looks like a success.
    for number, ended in ((signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 0)):
        signal.signal(number, lambda *_, status=ended: end(status))
    line = Line.parse(sys.argv[1:])
    if {"--version", "-v"} & line.flags.keys():
        print(VERSION)
        sys.exit(0)
    if line.form == "stream-json" and not line.is_verbose:
        fail("Error: When using --print, --output-format=stream-json requires --verbose")
    directory = os.environ.get("FAKE_CLAUDE_DIR")
    session = Session(line, read_prompt(line), Path(directory) if directory else None)
    session.open()
    opened.append(session)
    session.begin()
    wait(session)
    if session.prompt.startswith("/"):
        session.show(session.result(result="", num_turns=0))
        session.finish(0)
    does = str(session.step.get("do", "success"))
    behaviour = BEHAVIOURS.get(does)
    session.finish(behaviour(session) if behaviour else replay(session, does))


if __name__ == "__main__":
    main()
