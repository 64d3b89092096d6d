"""The outline of a request: headings, the items of lists below them, and what is said about each of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from orchestrator.core.text import printable
from orchestrator.store.markdown_blocks import tokens

if TYPE_CHECKING:
    from markdown_it.token import Token

_IN_ORDER = re.compile(
    r"\b(?:in (?:this |that |the following |exactly this |strict )?order(?! to\b)"
    r"|one after (?:another|the other)|sequential(?:ly)?|step by step|one by one)\b",
    re.IGNORECASE,
)
_TICK = re.compile(r"\[[ xX]\]\s+")


@dataclass(slots=True, eq=False)
class Node:
    """A heading or an item, with what stands below it."""

    text: str = ""
    line: int = 0
    """Line of the file, from 1."""
    level: int = 0
    """Of a heading, from 1; 0 for the document; of an item that of the heading above it and more."""
    is_heading: bool = False
    number: int | None = None
    """Of an item in a numbered list, what it counts as."""
    is_ticked: bool = False
    """An item that somebody has ticked off."""
    before: Node | None = None
    """The item that comes first, where the outline says that a numbered list is in order."""
    prose: list[str] = field(default_factory=list)
    children: list[Node] = field(default_factory=list)

    def walk(self) -> Iterator[Node]:
        """Yield everything below, from the top."""
        for child in self.children:
            yield child
            yield from child.walk()


def read_tree(lines: Sequence[str]) -> Node:
    """Return the outline of a document given as bare lines; what stands in fences is prose, as it is."""
    root = Node()
    path = [root]
    found = tokens(lines, html=False)
    at = 0
    while at < len(found):
        token = found[at]
        here = path[-1]
        if token.type == "heading_open":
            level = int(token.tag[1])
            while path[-1].level >= level:
                path.pop()
            node = Node(_inline(found[at + 1]), _line(token), level, is_heading=True)
            path[-1].children.append(node)
            path.append(node)
            at += 3
        elif token.type in _LISTS:
            says = f"{here.text} {here.prose[-1] if here.prose else ''}"
            at = _read_list(found, at, lines, here, says)
        else:
            at = _read_prose(found, at, lines, here)
    return root


_LISTS = frozenset({"bullet_list_open", "ordered_list_open"})


def _read_list(
    found: Sequence[Token], at: int, lines: Sequence[str], parent: Node, says: str
) -> int:
    """Read the items of a list; *says* is what stands above it. Return the place behind it."""
    is_numbered = found[at].type == "ordered_list_open"
    in_order = is_numbered and _IN_ORDER.search(says) is not None
    number = int(found[at].attrs.get("start", 1))
    closing = found[at].type.replace("_open", "_close")
    level = found[at].level
    previous: Node | None = None
    at += 1
    while not (found[at].type == closing and found[at].level == level):
        item = Node(line=_line(found[at]), level=parent.level + 1)
        if is_numbered:
            item.number = number
            number += 1
        item.before = previous if in_order else None
        at = _read_item(found, at + 1, lines, item)
        if item.text or item.children:
            parent.children.append(item)
            previous = item
    return at + 1


def _read_item(found: Sequence[Token], at: int, lines: Sequence[str], item: Node) -> int:
    while found[at].type != "list_item_close":
        if found[at].type in _LISTS:
            says = f"{item.text} {item.prose[-1] if item.prose else ''}"
            at = _read_list(found, at, lines, item, says)
        elif found[at].type == "inline" and not item.text:
            text = _inline(found[at])
            item.text = _TICK.sub("", text, count=1)
            item.is_ticked = item.text != text and text[1] != " "
            at += 1
        else:
            at = _read_prose(found, at, lines, item)
    return at + 1


def _read_prose(found: Sequence[Token], at: int, lines: Sequence[str], node: Node) -> int:
    """Take what is neither heading nor list as text of the node; return the place behind it."""
    token = found[at]
    if token.type == "inline":
        node.prose.append(_inline(token))
    elif token.type in {"fence", "code_block"}:
        bar = token.markup or "```"
        node.prose.append(f"{bar}{token.info}\n{printable(token.content)}{bar}")
    elif token.type == "table":
        start, end = token.map or (0, 0)
        node.prose.append(printable("\n".join(lines[start:end])))
    return at + 1


def _inline(token: Token) -> str:
    return printable(token.content).strip()


def _line(token: Token) -> int:
    return (token.map or [0])[0] + 1
