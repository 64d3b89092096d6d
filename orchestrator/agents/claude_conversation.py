"""What was said in a session of ``claude``, read from its event stream: for people who ask how a result came about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from orchestrator.agents.protocol import Turn

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
        str(each.get("text", ""))
        for each in (content if isinstance(content, list) else [])
        if isinstance(each, dict)
    )
    return "\n".join(filter(None, texts))
