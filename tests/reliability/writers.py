"""Many writers of messages at once, to be killed: ``writers.py PLAN-DIRECTORY WRITERS MESSAGES SEED``.

Each writer is a process of its own. It says so many messages of all sizes about three tasks and, once one is said,
writes its number into ``acknowledged-N``: what stands there must be read, whatever happens afterwards. Prints the pids
and, when all have ended, their exit statuses, one JSON list each.
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

from orchestrator.core.message import MessageKind
from orchestrator.services.messages import say
from orchestrator.store.layout import Layout

TASKS = ("T-01", "T-02", "T-03")
#: Kinds in turn.
KINDS = (MessageKind.SHARE, MessageKind.NOTE, MessageKind.DISCOVER, MessageKind.SYNC)


def text_of(writer: int, number: int, seed: str) -> str:
    """What a writer says as its nth message: recognised, of any size up to 60 KiB, with lines that look like ours."""
    dice = random.Random(f"{seed}:{writer}:{number}")
    size = dice.choice((10, 100, 3000, 60_000 if number % 5 == 0 else 500))
    line = dice.choice(("x" * 70, "### 2026-01-05T14:00:00.000Z · share · boss · 9 bytes", "> ✅ |", ""))
    lines = [f"{writer}:{number}", *[line] * (size // (len(line.encode()) + 1)), "end"]
    return "\n".join(lines)


def write(root: str, writer: int, messages: int, seed: str) -> None:
    """Be one writer."""
    with open(Path(root).parent / f"acknowledged-{writer}", "ab", buffering=0) as acknowledged:
        for number in range(messages):
            kind, task = KINDS[(writer + number) % 4], TASKS[(writer + number) % 3]
            say(Layout(root), task, kind, f"writer-{writer}", text_of(writer, number, seed))
            acknowledged.write(f"{number}\n".encode())


def main() -> None:
    """Start the writers, all at the same moment."""
    root, writers, messages, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    gate, opener = os.pipe()
    pids = []
    for writer in range(writers):
        pid = os.fork()
        if not pid:
            os.close(opener)
            os.read(gate, 1)
            write(root, writer, messages, seed)
            os._exit(0)
        pids.append(pid)
    print(json.dumps(pids), flush=True)
    os.close(opener)
    statuses = dict(os.wait() for _ in pids)
    print(json.dumps([os.waitstatus_to_exitcode(statuses[pid]) for pid in pids]), flush=True)


if __name__ == "__main__":
    main()
