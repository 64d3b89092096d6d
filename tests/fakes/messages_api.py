#!/usr/bin/env python3
"""A stub of the Messages API on the loopback interface, as much of it as ``claude -p`` speaks.

``messages_api.py --port-file F --script S.json --log L.jsonl`` writes its port into F once it listens, and serves until
it is terminated. What it answers stands in the script, which is read anew for every request::

    {
        "say hello": [{"text": "hello"}],
        "write it": [{"tool": "Write", "input": {"file_path": "a", "content": "b"}}, {"text": "written"}],
        "be patient": [[{"status": 529}, {"status": 529}, {"text": "at last"}]],
    }

A key is looked for in the newest user message that has one; of several the first of the script counts, and ``""`` is
for conversations without any. Its steps follow each other: the step is the number of assistant messages since, and the
last step goes on for ever. A step that is a list is for requests that are repeated: the n-th time, its n-th reply.

A reply has a ``text``, a ``tool`` with its ``input``, or a ``status`` with a ``message``; and what else is wanted of

    headers          more HTTP headers, e.g. retry-after or those of the unified limits; "+2" is in two seconds
    stop_reason      max_tokens, refusal …; else what fits
    usage            tokens, e.g. {"input_tokens": 100000}
    hang             "headers": never answer; "body": never come to an end; "cut": break off in the middle of the text
    delay            seconds between two words of the text
    barrier          "name:N": answer when N requests wait at it
    wait_for         answer when this file exists

The log has a line for every request, written when it arrives. Of its headers only the session's and the sub-agent's id
are kept: there is no key in it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

#: Seconds after which a barrier or a file that did not come about fails the request.
PATIENCE = 120.0
#: Seconds between two looks at what a request waits for.
PAUSE = 0.01

USAGE = {"input_tokens": 100, "output_tokens": 10}
ERRORS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}

Reply = dict[str, Any]


class Left(Exception):
    """One of both has left the conversation."""


class MessagesApi(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1; answers by *script*, tells *log*."""

    daemon_threads = True

    def __init__(self, script: Path, log: Path) -> None:
        super().__init__(("127.0.0.1", 0), Conversation)
        self.script, self.log = script, log
        self.lock = threading.Lock()
        self.asked: Counter[tuple[str, int]] = Counter()
        self.arrived: Counter[str] = Counter()
        self.in_flight = 0

    @contextlib.contextmanager
    def request(self, **entry: Any) -> Iterator[None]:
        """Count a request as in flight, and write down that it arrived."""
        with self.lock:
            self.in_flight += 1
            with self.log.open("a", encoding="utf-8") as log:
                log.write(json.dumps({**entry, "in_flight": self.in_flight}) + "\n")
        try:
            yield
        finally:
            with self.lock:
                self.in_flight -= 1

    def reply(self, steps: list[Any], key: str, step: int) -> Reply:
        """Return what these steps of *key* say, and remember that it was asked."""
        command = steps[min(step, len(steps) - 1)]
        with self.lock:
            again = self.asked[key, step]
            self.asked[key, step] += 1
        reply: Reply = command[min(again, len(command) - 1)] if isinstance(command, list) else command
        return reply

    def at_barrier(self, name: str) -> Callable[[], bool]:
        """Arrive at the barrier *name:N*; the answer tells whether this round of N is complete."""
        size = int(name.rpartition(":")[2])
        with self.lock:
            number = self.arrived[name]
            self.arrived[name] += 1
        return lambda: self.arrived[name] >= (number // size + 1) * size


class Conversation(BaseHTTPRequestHandler):
    """One connection, one request."""

    server: MessagesApi  # type: ignore[mutable-override]  # the handler is made by no other server
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._note()
        self._answer(200, b"")

    def do_GET(self) -> None:
        self._note()
        if self.path == "/api/hello":
            self._json(200, {"message": "hello"})
        else:
            self._error(404, f"no such path: {self.path}")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", "0"))) or b"{}")
        path = self.path.partition("?")[0]
        if path != "/v1/messages":
            self._note()
            if path == "/v1/messages/count_tokens":
                self._json(200, {"input_tokens": USAGE["input_tokens"]})
            else:
                self._error(404, f"no such path: {self.path}")
            return
        script = json.loads(self.server.script.read_text(encoding="utf-8"))
        key, step = whereabouts(body["messages"], list(script))
        entry = {
            "session": self.headers.get("x-claude-code-session-id", ""),
            "agent": self.headers.get("x-claude-code-agent-id", ""),
            "key": key,
            "step": step,
            "body": body,
        }
        with self._request(**entry), contextlib.suppress(Left, BrokenPipeError, ConnectionResetError):
            if key is None:
                self._error(403, "the script of this stub has nothing for this prompt")
            else:
                self._play(self.server.reply(script[key], key, step), body)

    # ── what a reply asks for ─────────────────────────────────────────────────────────────────────────────────────

    def _play(self, reply: Reply, body: dict[str, Any]) -> None:
        is_met = True
        if "barrier" in reply:
            is_met = self._wait(self.server.at_barrier(reply["barrier"]))
        if "wait_for" in reply:
            is_met = self._wait(Path(reply["wait_for"]).exists)
        if reply.get("hang") == "headers":
            self._wait(never, math.inf)
        if not is_met:
            self._error(403, f"this stub waited in vain for {PATIENCE:g} s")
        elif "status" in reply:
            self._error(reply["status"], reply.get("message", "as asked"), reply.get("headers"))
        elif body.get("stream"):
            self._stream(reply, body["model"])
        else:
            self._json(200, message(reply, body["model"]), reply.get("headers"))

    def _stream(self, reply: Reply, model: str) -> None:
        self._head(200, {"content-type": "text/event-stream", **reply.get("headers", {})})
        whole = message(reply, model)
        start = {**whole, "content": [], "stop_reason": None}
        start["usage"] = {**whole["usage"], "output_tokens": 1}
        self._event("message_start", message=start)
        for index, block in enumerate(whole["content"]):
            self._block(index, block, reply)
        self._event(
            "message_delta",
            delta={"stop_reason": whole["stop_reason"], "stop_sequence": None},
            usage={"output_tokens": whole["usage"]["output_tokens"]},
        )
        self._event("message_stop")

    def _block(self, index: int, block: dict[str, Any], reply: Reply) -> None:
        if block["type"] == "tool_use":
            empty: dict[str, Any] = {**block, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block["input"])}]
        else:
            empty = {"type": "text", "text": ""}
            words = block["text"].split(" ")
            pieces = [word + " " for word in words[:-1]] + words[-1:]
            deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
        self._event("content_block_start", index=index, content_block=empty)
        for number, delta in enumerate(deltas):
            if number * 2 >= len(deltas) and reply.get("hang") == "cut":
                raise Left
            if number * 2 >= len(deltas) and reply.get("hang") == "body":
                self._wait(never, math.inf)
            if number:
                self._wait(never, reply.get("delay", 0))
            self._event("content_block_delta", index=index, delta=delta)
        self._event("content_block_stop", index=index)

    def _wait(self, until: Callable[[], bool], patience: float = PATIENCE) -> bool:
        """Wait, and tell whether it came about; a caller who leaves meanwhile ends it."""
        deadline = time.monotonic() + patience
        while not until():
            if time.monotonic() >= deadline:
                return False
            if select.select([self.connection], [], [], PAUSE)[0] and self._is_closed():
                raise Left
        return True

    def _is_closed(self) -> bool:
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except ConnectionResetError:
            return True

    # ── HTTP ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _note(self) -> None:
        with self._request():
            pass

    def _request(self, **entry: Any) -> contextlib.AbstractContextManager[None]:
        return self.server.request(method=self.command, path=self.path, **entry)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.close_connection = True
        self.send_response(status)
        for name, value in {"connection": "close", **headers}.items():
            is_ahead = value.startswith("+")
            self.send_header(name, f"{math.ceil(time.time() + int(value))}" if is_ahead else value)
        self.end_headers()

    def _answer(self, status: int, data: bytes, headers: dict[str, str] | None = None) -> None:
        length = {"content-length": str(len(data)), "content-type": "application/json"}
        self._head(status, {**length, **(headers or {})})
        self.wfile.write(data)

    def _json(self, status: int, answer: object, headers: dict[str, str] | None = None) -> None:
        self._answer(status, json.dumps(answer).encode(), headers)

    def _error(self, status: int, said: str, headers: dict[str, str] | None = None) -> None:
        error = {"type": ERRORS.get(status, "api_error"), "message": said}
        self._json(status, {"type": "error", "error": error}, headers)

    def _event(self, name: str, **more: Any) -> None:
        data = json.dumps({"type": name, **more})
        self.wfile.write(f"event: {name}\ndata: {data}\n\n".encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the log has it all."""


def whereabouts(messages: list[dict[str, Any]], keys: list[str]) -> tuple[str | None, int]:
    """Return the key that the newest user message with a key has, and the step since then."""
    step = 0
    for said in reversed(messages):
        if said["role"] == "assistant":
            step += 1
        elif said["role"] == "user":
            text = text_of(said["content"])
            for key in filter(None, keys):
                if key in text:
                    return key, step
    return ("" if "" in keys else None), step


def text_of(content: str | list[dict[str, Any]]) -> str:
    """What a message says; what tools answered is not part of it."""
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return "\n".join(block["text"] for block in blocks if block["type"] == "text")


def never() -> bool:
    """What does not come about."""
    return False


def message(reply: Reply, model: str) -> dict[str, Any]:
    """A whole answer of the model, as it is without streaming."""
    content: list[dict[str, Any]] = []
    if "text" in reply:
        content.append({"type": "text", "text": reply["text"]})
    if "tool" in reply:
        call = f"toolu_{time.monotonic_ns():x}"
        use = {"type": "tool_use", "id": call, "name": reply["tool"], "input": reply["input"]}
        content.append(use)
    return {
        "id": f"msg_{time.monotonic_ns():x}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": reply.get("stop_reason", "tool_use" if "tool" in reply else "end_turn"),
        "stop_sequence": None,
        "usage": {**USAGE, **reply.get("usage", {})},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--script", type=Path, required=True)
    parser.add_argument("--log", type=Path, default=Path(os.devnull))
    given = parser.parse_args()
    with MessagesApi(given.script, given.log) as api:
        written = given.port_file.with_suffix(".new")
        written.write_text(str(api.server_port), encoding="ascii")
        written.replace(given.port_file)
        api.serve_forever()


if __name__ == "__main__":
    main()
