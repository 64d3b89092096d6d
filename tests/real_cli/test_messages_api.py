"""What the stub of the Messages API promises its tests, asked without the CLI."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.messages_api import MessagesApi

Ask = Callable[..., tuple[int, str]]


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return tmp_path / "script.json"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log.jsonl"


@pytest.fixture
def ask(script: Path, log: Path) -> Iterator[Ask]:
    """Asks for a message: what the user says, with what else the request has; or for any other path."""
    script.write_text("{}")
    with MessagesApi(script, log) as api:
        threading.Thread(target=api.serve_forever, kwargs={"poll_interval": 0.01}).start()

        def ask(
            said: str = "",
            *earlier: tuple[str, str],
            method: str = "POST",
            path: str = "/v1/messages?beta=true",
            **more: Any,
        ) -> tuple[int, str]:
            messages: list[Any] = [{"role": role, "content": text} for role, text in earlier]
            messages += [{"role": "user", "content": [{"type": "text", "text": said}]}]
            body = {"model": "m", "messages": messages, **more}
            connection = HTTPConnection("127.0.0.1", api.server_port, timeout=20)
            connection.request(method, path, json.dumps(body), {"x-api-key": "made-up"})
            answer = connection.getresponse()
            text = answer.read().decode()
            connection.close()
            return answer.status, text

        yield ask
        api.shutdown()


def text_of(answer: tuple[int, str]) -> str:
    return str(json.loads(answer[1])["content"][0]["text"])


def test_steps_follow_the_conversation_and_replies_the_repetition(script: Path, ask: Ask) -> None:
    steps = [[{"status": 529}, {"text": "one"}], {"text": "two"}]
    script.write_text(json.dumps({"hello": steps, "": [{"text": "what?"}]}))
    assert 529 == ask("say hello")[0]
    assert "one" == text_of(ask("say hello"))
    said = (("user", "say hello"), ("assistant", "one"))
    assert "two" == text_of(ask("go on", *said))
    assert "two" == text_of(ask("go on", *said, ("user", "go on"), ("assistant", "two")))
    assert "one" == text_of(ask("say hello", *said))
    assert "what?" == text_of(ask("something else"))


def test_a_stream_says_what_a_whole_answer_says(script: Path, ask: Ask) -> None:
    reply = {"text": "two words", "tool": "Bash", "input": {"command": "ls"}}
    script.write_text(json.dumps({"do it": [reply]}))
    _, whole = ask("do it")
    _, stream = ask("do it", stream=True)
    events = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: ")]
    deltas = [event["delta"] for event in events if event["type"] == "content_block_delta"]
    text, use = json.loads(whole)["content"]
    assert text["text"] == "".join(delta.get("text", "") for delta in deltas)
    assert use["input"] == json.loads("".join(delta.get("partial_json", "") for delta in deltas))
    assert ("message_start", "message_stop") == (events[0]["type"], events[-1]["type"])


def test_a_barrier_holds_until_all_are_there(script: Path, log: Path, ask: Ask) -> None:
    script.write_text(json.dumps({"": [{"text": "together", "barrier": "three:3"}]}))
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(ask, ["a", "b", "c"]))
    assert ["together"] * 3 == [text_of(answer) for answer in answers]
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    assert [1, 2, 3] == sorted(entry["in_flight"] for entry in entries)


def test_every_request_is_logged_and_no_key(script: Path, log: Path, ask: Ask) -> None:
    """Also what there is no answer to: a prompt without a script is refused, and so is a path nobody has."""
    statuses = [
        ask(method="HEAD", path="/")[0],
        ask(method="GET", path="/api/hello")[0],
        ask(path="/v1/messages/count_tokens")[0],
        ask(path="/v1/telemetry")[0],
        ask("hello")[0],
    ]
    assert [200, 200, 200, 404, 403] == statuses
    paths = ["/", "/api/hello", "/v1/messages/count_tokens", "/v1/telemetry"]
    logged = [json.loads(line)["path"] for line in log.read_text().splitlines()]
    assert [*paths, "/v1/messages?beta=true"] == logged
    assert "made-up" not in log.read_text()
