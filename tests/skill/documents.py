"""The README and the documents of the skill: their blocks, and the commands that they name.

What a fenced block's info string says of it, here and in ``CONTRIBUTING.md``:

- ``sh`` is run: the blocks of a document one after the other, in one fresh project;
- ``LANGUAGE PATH`` is a file of that project, written where it stands;
- ``sh install`` is not run: it fetches packages. Anything else is there to be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SKILL = ("SKILL.md", "workflow.md", "templates.md", "cli-integration.md", "examples.md")
DOCUMENTS = ("README.md", *SKILL)
LAUNCHER = "python3 ${CLAUDE_SKILL_DIR}/scripts/orchestrate.py"

_FENCE = re.compile(r"^(`{3,})([^`\n]*)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


@dataclass(frozen=True)
class Block:
    """A fenced block."""

    document: str
    line: int
    language: str
    rest: str
    text: str

    @property
    def is_run(self) -> bool:
        return self.language == "sh" and not self.rest

    @property
    def file(self) -> str:
        """The file it is; empty when it is none."""
        return self.rest if self.language != "sh" else ""

    @property
    def place(self) -> str:
        return f"{self.document}:{self.line}"


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> list[Block]:
    """Every fenced block of a document, in order."""
    text, found = read(document), []
    for fence in _FENCE.finditer(text):
        language, _, rest = fence[2].strip().partition(" ")
        line = text.count("\n", 0, fence.start()) + 1
        found.append(Block(document, line, language, rest, fence[3]))
    return found


def prose(document: str) -> str:
    """A document without its fenced blocks."""
    return _FENCE.sub("", read(document))


def between(document: str, mark: str) -> list[list[str]]:
    """The cells of the table between two marks, without its header."""
    inside = read(document).partition(f"<!-- {mark} -->")[2].partition(f"<!-- /{mark} -->")[0]
    rows = [line for line in inside.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows[2:]]


def commands(text: str) -> Iterator[str]:
    """Every command line of ours in a text: in inline code, or a line of a block."""
    for line in [*_SPAN.findall(text), *text.splitlines()]:
        for start in ("orchestrator ", f"{LAUNCHER} "):
            if line.startswith(start) and re.match(r"[a-z-]", line[len(start) :]):
                yield line.removeprefix(start)
