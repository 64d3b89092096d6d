"""What agents and people say to each other about a task, and how it stands in a file (seed 001).

A message is a block: a header that carries time, kind, author and size, and the text, every line of it quoted::

    ### 2026-01-05T14:00:00.000Z · share · db_specialist · 25 bytes
    > Decided on PostgreSQL

A header begins a line and a text never does, so no text can forge one. A block begins with a line end of its own, and
two blank lines stand between one and the next because it ends with one: whatever a killed writer left before it, the
next block is found, and what is shorter than its header says and has no blank line of its own behind it is known to be
torn. So writers need no lock and look at nothing; one write each is enough.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from orchestrator.core.ids import NAME
from orchestrator.core.text import is_blank, one_line, sanitize, typed
from orchestrator.errors import UsageError

#: Bytes of one message: anyone who has more to say writes a file and shares its path.
LIMIT = 64 * 1024

# Compiled where they are used: who says something needs only the first.
_HEADER = (
    rf"^### (\d{{4}}-\d\d-\d\dT[\d:.]+Z) · ([a-z]+) · ({NAME}) · (\d{{1,9}}) bytes\n((?:>.*\n)+)(?=(\n(?:\n|\Z))?)"
).encode()


class MessageKind(StrEnum):
    """What a message is for; the names of the commands that say it."""

    SHARE = "share"
    """An update for everybody."""
    DISCOVER = "discover"
    """A finding that everybody should know at once."""
    SYNC = "sync"
    """A checkpoint for everybody."""
    JOIN = "join"
    """A user works on the task."""
    NOTE = "note"
    """For its author alone."""


#: What everybody hears; words of the journal, too.
SPOKEN = frozenset(MessageKind) - {MessageKind.NOTE}
_KINDS = {kind.value: kind for kind in MessageKind}


class Message(NamedTuple):
    """One thing that a user said about a task."""

    time: str
    """As ``iso`` writes it, so that messages can be put in order by it."""
    kind: MessageKind
    author: str
    text: str
    task: str = ""
    """Its id; in a file it stands in the file's name."""


def clean(text: str) -> str:
    """Return a text as stored: valid, without control characters, without blank lines around it.

    Raises:
        UsageError: it is too long, or nothing is left.
    """
    # As it was given: anyone who reads a little more than the limit must not take the head of a text for all of it.
    if (size := len(text.encode("utf-8", "replace"))) > LIMIT:
        raise UsageError(
            f"the message has {size:,} bytes, and {LIMIT:,} is the most", hint="write it into a file and share the path"
        )
    text = sanitize(typed(text)).strip("\n")
    if is_blank(text):
        raise UsageError("there is nothing in the message", hint="say something; `-` reads standard input")
    return text


def block(message: Message) -> bytes:
    """Return a message as appended to a file, in one write."""
    lines = (f"> {line}\n" if line else ">\n" for line in message.text.split("\n"))
    quoted = "".join(lines).encode()
    about = f"{message.time} · {message.kind.value} · {message.author} · {len(quoted)} bytes"
    return f"\n### {about}\n".encode() + quoted + b"\n"


def read_blocks(data: bytes, task: str = "") -> list[Message]:
    """Return the messages in a file, in order; what is torn or foreign is left out."""
    found = []
    # Editors and git may give it the line ends of another system.
    for header in re.finditer(_HEADER, data.replace(b"\r\n", b"\n"), re.MULTILINE):
        time, word, author, size, quoted, after = header.groups()
        kind = _KINDS.get(word.decode())
        # A person who edits a message makes it longer or shorter and leaves its last blank line; a killed writer left
        # none, even if it got as far as the end of a line.
        if kind is None or (len(quoted) < int(size) and after is None):
            continue
        lines = quoted.decode(errors="replace").split("\n")[:-1]
        text = "\n".join(line[1:].removeprefix(" ") for line in lines)
        found.append(Message(time.decode(), kind, author.decode(), text, task))
    return found


def torn_blocks(data: bytes) -> int:
    """Return how many messages in a file are not whole."""
    return len(re.findall(rb"^###", data, re.MULTILINE)) - len(read_blocks(data))


def message_line(message: Message) -> str:
    """Return the line by which the journal tells of a message; the text is cut, its file has all of it."""
    head = f"{message.time} · {message.task} · {message.kind.value} · by {message.author}"
    return f"{head} · {one_line(message.text, limit=500)}"


def newest(messages: Iterable[Message], limit: int) -> tuple[list[Message], int]:
    """Return the newest messages that fit into *limit* bytes, oldest first, and how many were left out."""
    ordered = sorted(messages, key=lambda message: message.time)
    kept: list[Message] = []
    for message in reversed(ordered):
        limit -= len(block(message)) + len(message.task)
        if limit < 0:
            break
        kept.append(message)
    return kept[::-1], len(ordered) - len(kept)
