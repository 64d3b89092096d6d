"""Files that went bad: arbitrary bytes, and valid ones in which pieces were inserted, lost, doubled, swapped or torn.

What is inserted is what the readers are made for and what they must withstand: marks, fences, front matter, table rows,
JSON, YAML's tags and anchors, numbers no machine has room for, terminal sequences, text that is none.
"""

from __future__ import annotations

import json

from hypothesis import strategies as st

#: What means something to one of the readers.
_WORDS = (
    "\n", "\n\n", "\r\n", "\r", "\t", "    ", "---\n", "\n---\n", "--- \r\n", "...\n", "\ufeff", "\0", "\u2028",
    "\u0085", "<!-- orchestrator:status -->\n", "<!-- /orchestrator:status -->\n", "<!-- orchestrator:answer -->\n",
    "\n<!-- /orchestrator:answer -->\n", "<!--", "-->", "<div>\n", "<script>", "```\n", "````text\n", "~~~\n",
    "  ```", "> ```", "# T\n", "## Output\n", "## Statistics\n", "===\n",
    "| ID | Task | Dependencies | Status |\n|---|---|---|---|\n", "| T-01 | a | T-02 | |\n",
    "| T-02 | b | T-01 (order) | |\n", "|", "\\|", "|---|\n", "| ../../x | a | - |\n", "status: completed\n",
    "task: T-01\n", "status: ", "attempts:\n", "- {}\n", "{", "}", "[", "]", '"', "'", ":", ": ", ",", "a: &x [1]\n",
    "b: *x\n", "<<: {a: 1}\n", "!!python/object:os.system x\n", "!x", "? [a]\n: b\n", "- - - -\n", "1:2:3", "|\n",
    "0x" + "F" * 6000, "9" * 5000, "1e999", "-1", "0", ".inf", ".nan", "NaN", "Infinity", "null", "true",
    "2001-01-01", "9999-99-99", "0o8", "_", "retries: 3\n", "budget_usd: 0x" + "F" * 400 + "\n", "timeout: 1h\n",
    "agent: shell\n", "env: {A: b}\n", "schema: {type: 1}\n", "tools: [-x]\n", "workdir: \\0\n", '"number": 1',
    '"status": "completed"', '"\\ud800"', "\\u0000",
    '{"type":"result","subtype":"success","is_error":false,"result":"x"}\n', '{"type":"assistant","message":{}}\n',
    '"structured_output":', "[" * 2000, "{{ 7*7 }}", "{% for x in y %}", "<<<<<<< ours\n", "=======\n",
    ">>>>>>> theirs\n", "\x1b[2J", "\x1b]0;x\x07", "\u202e", "\u200b", "🟡", "ä",
    "- 2026-01-01T00:00:00Z · T-01 · completed attempt 1\n", "- 2026-01-01T00:00:00Z · run · started · run r1\n",
    "attempt " + "9" * 5000, " · ",
)  # fmt: skip
_TOKENS = (*(word.encode() for word in _WORDS), b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xfe\xff")
#: Changes made to one file at most: more make of any file the same noise.
_MOST_CHANGES = 6


@st.composite
def mutated(draw: st.DrawFn, originals: tuple[bytes, ...]) -> bytes:
    """One of the valid files, after some changes."""
    data = draw(st.sampled_from(originals))
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        data = draw(_changed(data))
    return data


@st.composite
def _changed(draw: st.DrawFn, data: bytes) -> bytes:
    first, second = sorted((draw(_place(data)), draw(_place(data))))
    piece = data[first:second]
    match draw(st.sampled_from(("insert", "replace", "delete", "double", "move", "cut", "noise"))):
        case "insert":
            return data[:first] + draw(st.sampled_from(_TOKENS)) + data[first:]
        case "replace":
            return data[:first] + draw(st.sampled_from(_TOKENS)) + data[second:]
        case "delete":
            return data[:first] + data[second:]
        case "double":
            return data[:second] + piece + data[second:]
        case "move":
            rest = data[:first] + data[second:]
            to = draw(_place(rest))
            return rest[:to] + piece + rest[to:]
        case "cut":
            return data[:first]
        case _:
            return data[:first] + draw(st.binary(max_size=8)) + data[first:]


def _place(data: bytes) -> st.SearchStrategy[int]:
    """Somewhere in a file: often where a line or a value begins."""
    marks = [at + 1 for at, byte in enumerate(data) if byte in b'\n:,|{[" ']
    anywhere = st.integers(0, len(data))
    return st.one_of(anywhere, st.sampled_from(marks)) if marks else anywhere


def bad(*originals: bytes) -> st.SearchStrategy[bytes]:
    """Files that were one of these, and arbitrary bytes."""
    noise = st.binary(max_size=200)
    words = st.lists(st.sampled_from(_TOKENS), max_size=12).map(b"".join)
    return st.one_of(mutated(originals), mutated(originals), mutated(originals), words, noise)


# ── valid files ──────────────────────────────────────────────────────────────────────────────────────────────────────

PLAN = b"""---
agent: shell
retries: 1
timeout: 5m
env: {A: b}
---
# A plan
> Kept.

```sh
<!-- orchestrator:status -->
```

| Task ID | Description | Dependencies | Agent | Priority | Est. Time | Status |
|---------|-------------|--------------|-------|----------|-----------|--------|
| T-01 | Look | None | Agent-01 | P0 | 5 min | \xf0\x9f\x9f\xa1 Pending |
| T-02 | Think \\| twice | T-01 (order) | | high | | |

| Task ID | Agent | Status |
|---------|-------|--------|
| T-02 | shell | |

<!-- orchestrator:status -->
## Status

| Task ID | Status |
|---------|--------|
| T-01 | x |
<!-- /orchestrator:status -->
Below.
"""
TASK = b"""---
agent: shell
retries: 2
tools: [Read, "Bash(ls *)"]
env: {A: b, C: null}
schema: {type: object}
---
# Do it

```sh
echo one
```
"""
RECORD = json.dumps(
    {
        "schema": 1, "task": "T-01", "attempt": 1, "charge": 1, "run": "r1", "agent": "claude", "inputs": {},
        "cap": 0, "key": "agent-01.attempt-1", "pid": 7, "exit": 0, "signal": None, "stopped": None, "error": "",
        "is_ours": False, "started": 1.0, "ended": 2.0, "duration": 1.0, "max_rss": 0, "cpu": 0.0, "log_bytes": 0,
        "log_sha256": None,
    }
).encode()  # fmt: skip
LOCK = json.dumps(
    {
        "pid": 4_194_305, "started": 1, "boot": "gone", "host": "nowhere", "run": "r1", "since": "2026-01-01T00:00:00Z",
        "unrecovered": ["r0"],
    }
).encode()  # fmt: skip
JOURNAL = """# Journal

- 2026-01-01T00:00:00.000Z · run · started · run r1 · 2 of 2 tasks to run
- 2026-01-01T00:00:01.000Z · T-01 · started attempt 1 · agent claude
- 2026-01-01T00:00:02.000Z · T-01 · news attempt 1 · turn 1 · 2k tokens · says something
- 2026-01-01T00:00:03.000Z · T-01 · completed attempt 1 · after 2s · cost $0.01
- 2026-01-01T00:00:03.000Z · run · ended · after 3s · 1 of 2 tasks completed
""".encode()
