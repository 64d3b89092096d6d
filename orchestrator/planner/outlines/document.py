"""A markdown document as a tree of headings and list items, each with the lines it consists of.

Fences, quotes, tables and comments are text of the node that they stand in: nothing in them is a heading or an item.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING

from orchestrator.core.text import sanitize
from orchestrator.plan.document import tokens

if TYPE_CHECKING:
    from markdown_it.token import Token

#: A box before an item: what stands in it, and the star by which Kiro marks what is optional.
_BOX = re.compile(r"\[( ?|[xX]|[^\w\s\]\[])\](\*?)(?:\s+|$)")
_RULES = re.compile(r"(?m)^(?:-{3,}|\*{3,}|_{3,})\s*$")
_DONE = frozenset("xX✓✔✅")
_LISTS = {"bullet_list_open", "ordered_list_open"}


@dataclass(slots=True, eq=False)
class OutlineNode:
    """A heading or an item, with what stands below it."""

    text: str = ""
    """Its first paragraph, without the box."""
    start: int = 0
    """Its first line, an index."""
    body: int = 0
    """The line after its first paragraph."""
    end: int = 0
    """The line after its last one."""
    level: int = 0
    """Of a heading, from 1; 0 for the document and for items."""
    parent: OutlineNode | None = None
    number: int | None = None
    """Of an item in a numbered list."""
    box: str | None = None
    """What stands in its box; None without one."""
    is_optional: bool = False
    children: list[OutlineNode] = field(default_factory=list)

    @property
    def is_heading(self) -> bool:
        """Whether it is a heading; else an item, or the whole document."""
        return self.level > 0

    @property
    def is_item(self) -> bool:
        """Whether it is an item of a list."""
        return self.level == 0 and self.parent is not None

    @property
    def is_done(self) -> bool:
        """Whether its box is ticked."""
        return self.box in _DONE if self.box else False

    def walk(self) -> Iterator[OutlineNode]:
        """Yield everything below, from the top."""
        for child in self.children:
            yield child
            yield from child.walk()

    def upward(self) -> Iterator[OutlineNode]:
        """Yield what it stands in, the nearest first; not the document."""
        node = self.parent
        while node is not None and node.parent is not None:
            yield node
            node = node.parent


@dataclass(slots=True, eq=False)
class Document:
    """A file that may be a plan."""

    file: str
    lines: Sequence[str]
    root: OutlineNode

    def where(self, node: OutlineNode) -> str:
        """Return file and line of a node."""
        return f"{self.file}:{node.start + 1}"

    def items(self, node: OutlineNode | None = None) -> Iterator[OutlineNode]:
        """Yield all items of lists, from the top."""
        return (each for each in (node or self.root).walk() if each.is_item)

    def text(self, node: OutlineNode, without: Collection[OutlineNode] = ()) -> str:
        """Return what stands below the first paragraph of a node, without some of the nodes in it."""
        taken = {line for each in without for line in range(each.start, each.end)}
        lines = [self.lines[at] for at in range(node.body, node.end) if at not in taken]
        return sanitize(dedent("\n".join(lines).expandtabs(4))).strip("\n").rstrip()

    def own_text(self, node: OutlineNode) -> str:
        """Return what stands directly below a node, without the nodes in it and the rules between them."""
        return without_rules(self.text(node, node.children))

    @property
    def title(self) -> OutlineNode | None:
        """The one heading above everything else."""
        top = self.root.children
        return top[0] if len(top) == 1 and top[0].is_heading else None


def without_rules(text: str) -> str:
    """Return a text without the lines that only divide it."""
    return _RULES.sub("", text).strip("\n").rstrip()


def read_document(lines: Sequence[str], file: str) -> Document:
    """Return the document in bare lines."""
    return Document(file, lines, _DocumentReader(lines).read())


class _DocumentReader:
    """Makes a tree of block tokens."""

    def __init__(self, lines: Sequence[str]) -> None:
        self._lines = lines
        self._root = OutlineNode(end=len(lines))
        self._path = [self._root]
        self._numbers: list[int | None] = []
        self._quotes = 0

    def read(self) -> OutlineNode:
        previous = ""
        found = tokens(self._lines)
        for at, token in enumerate(found):
            if token.type == "blockquote_open":
                self._quotes += 1
            elif token.type == "blockquote_close":
                self._quotes -= 1
            elif not self._quotes:
                self._take(token, previous, found, at)
            previous = token.type
        self._leave(1)
        return self._root

    def _take(self, token: Token, previous: str, found: Sequence[Token], at: int) -> None:
        start, end = token.map or (0, 0)
        here = self._path[-1]
        if token.type == "heading_open" and not self._numbers:
            level = int(token.tag[1])
            self._leave(level, start)
            self._enter(OutlineNode(_inline(found[at + 1]), start, end, len(self._lines), level))
        elif token.type in _LISTS:
            is_numbered = token.type == "ordered_list_open"
            self._numbers.append(int(token.attrs.get("start", 1)) if is_numbered else None)
        elif token.type.removesuffix("_close") in {"bullet_list", "ordered_list"}:
            self._numbers.pop()
        elif token.type == "list_item_open":
            number = self._numbers[-1]
            if number is not None:
                self._numbers[-1] = number + 1
            self._enter(OutlineNode(start=start, body=start, end=end, number=number))
        elif token.type == "list_item_close":
            self._path.pop()
        elif token.type == "inline" and here.is_item and here.body == here.start:
            self._take_head(here, token, previous)

    def _take_head(self, item: OutlineNode, token: Token, previous: str) -> None:
        """Take the first paragraph of an item, when it begins where the item does."""
        start, end = token.map or (0, 0)
        if start != item.start or previous not in {"paragraph_open", "heading_open"}:
            return
        text = _inline(token)
        if (found := _BOX.match(text)) is not None:
            item.box, item.is_optional = found[1], bool(found[2])
            text = text[found.end() :]
        item.text, item.body = text, end

    def _enter(self, node: OutlineNode) -> None:
        node.parent = self._path[-1]
        node.parent.children.append(node)
        self._path.append(node)

    def _leave(self, level: int, end: int | None = None) -> None:
        """Leave the headings that one of this level closes."""
        while self._path[-1].level >= level:
            self._path.pop().end = len(self._lines) if end is None else end


def _inline(token: Token) -> str:
    return "\n".join(map(str.strip, sanitize(token.content).strip().split("\n")))
