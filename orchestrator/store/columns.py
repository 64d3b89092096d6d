"""Which column of a table means what, and how its cells are read: the spellings of the seeds (row S2-02 and others)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.core.plan import TASK_ID

_ROLES = {
    "id": ("taskid", "id"),
    "number": ("#",),
    "task": ("task",),
    "name": ("taskname", "name", "title"),
    "description": ("description", "taskdescription", "details"),
    "needs": (
        *("dependencies", "deps", "dependson", "dependency", "depends"),
        *("needs", "blockedby", "after", "predecessors"),
    ),
    "agent": ("agent",),
    "assignee": ("assignee", "assignedto", "owner"),
    "parent": ("parent", "umbrella"),
    "tags": ("tags", "tag"),
    "type": ("type", "kind"),
    "priority": ("priority", "prio"),
    "estimate": ("esttime", "estimate", "estimatedtime", "est"),
    "deadline": ("deadline", "due", "duedate"),
    "expected": ("expectedoutput", "output", "expected"),
    "status": ("status",),
    "start": ("starttime", "start"),
    "end": ("endtime", "end"),
}
_ROLE_OF = {word: role for role, words in _ROLES.items() for word in words}

_NONE = frozenset({"", "none", "none.", "-", "--", "---", "—", "–", "n/a"})
_LINK = re.compile(r"\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_ID_LINK = re.compile(r"\[{1,2}([^\[\]]*)\]{1,2}(?:\([^()]*\)|\[[^\[\]]*\])?")
# Around the whole: of `**a** and **b**` each mark has its own partner. One of underscores may stand in a word.
_EMPHASIS = re.compile(r"(\*{1,3}|`{1,2})((?:(?!\1).)+)\1|(_{1,3})((?:(?!\3\W).)+)\3")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;&+→，、；]+")
# Emoji are symbols followed by selectors and joiners. A plain letter or digit is never one.
_PICTURE = frozenset({"So", "Sk", "Cf"})
_SELECTORS = "\ufe0e\ufe0f\u20e3"
_AND = frozenset({"and", "->"})
# Between two ids it may mean what lies between them, too. At the beginning of a line, it is that of a list.
_TO = re.compile(r"(?<=[^\s,;，、；]) +[-–—]+ +(?=[^\s,;，、；])")
_KINDS = {"data": "data", "order": "order", "sequential": "order", "resource": "resource"}
_KIND = re.compile(rf"\(\s*({'|'.join(_KINDS)})\s*\)", re.IGNORECASE)


class Columns(NamedTuple):
    """Where in its rows a table has what; None for what it does not have."""

    id: int | None = None
    name: int | None = None
    description: int | None = None
    needs: int | None = None
    agent: int | None = None
    assignee: int | None = None
    parent: int | None = None
    tags: int | None = None
    type: int | None = None
    priority: int | None = None
    estimate: int | None = None
    deadline: int | None = None
    expected: int | None = None
    status: int | None = None
    start: int | None = None
    end: int | None = None
    others: tuple[tuple[int, str], ...] = ()
    """Columns without a meaning for us, with their headers."""

    @property
    def has_text(self) -> bool:
        """Whether a row says what is to be done."""
        return self.name is not None or self.description is not None

    @property
    def is_task_table(self) -> bool:
        """Whether every row is a task: it has an id, a text and dependencies."""
        return self.id is not None and self.has_text and self.needs is not None

    @property
    def is_assignment_table(self) -> bool:
        """Whether it only says who does a task and how far it is (seed 002, "Agent Assignment")."""
        news = (self.agent, self.assignee, self.status)
        has_news = any(column is not None for column in news)
        return self.id is not None and has_news and not self.has_text and self.needs is None


#: Columns that are looked at; no person wrote a table with more.
_MOST_COLUMNS = 1000


def read_header(header: Sequence[str]) -> Columns:
    """Return what the columns of a table mean; of two columns with one meaning the first has it."""
    header = header[:_MOST_COLUMNS]
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        if (role := _ROLE_OF.get(key_word(cell))) is not None:
            found.setdefault(role, index)
    if "id" not in found and "number" in found:
        found["id"] = found.pop("number")
    if "task" in found:
        if "id" not in found and ("name" in found or "description" in found):
            found["id"] = found.pop("task")
        elif "name" not in found:
            found["name"] = found.pop("task")
        elif key_word(header[found["name"]]) != "taskname":  # beside that it is a number or a group
            found.setdefault("description", found.pop("task"))
    known = {role: index for role, index in found.items() if role not in {"number", "task"}}
    others = tuple(
        (index, plain(cell)) for index, cell in enumerate(header) if index not in known.values()
    )
    return Columns(others=others, **known)


def more_needs(columns: Columns) -> str:
    """Return the header of a second column of dependencies; empty when there is none."""
    headers = (header for _, header in columns.others)
    return next((each for each in headers if _ROLE_OF.get(key_word(each)) == "needs"), "")


def key_word(header: str) -> str:
    """Return what a header or heading comes down to: its letters and digits, in lower case."""
    text = plain(header)
    return "#" if text == "#" else "".join(char for char in text.casefold() if char.isalnum())


def plain(cell: str) -> str:
    """Return a cell without emphasis, backticks, links and emoji around its words."""
    if not cell or (cell.isascii() and (cell.isalnum() or TASK_ID.fullmatch(cell))):
        return cell
    text = _bare(_LINK.sub(r"\1", cell))
    if text.isascii():
        return text
    return _bare(text.strip("".join({char for char in text if _is_picture(char)}) + " "))


def _bare(text: str) -> str:
    """Take off emphasis and backticks, as many layers as a person would write."""
    for _ in range(4):
        text = text.strip()
        wrapped = _EMPHASIS.fullmatch(text)
        if wrapped is None:
            break
        text = wrapped[2] or wrapped[4]
    return text


def _is_picture(char: str) -> bool:
    return not char.isascii() and (unicodedata.category(char) in _PICTURE or char in _SELECTORS)


def is_none(cell: str) -> bool:
    """Whether a cell says that there is nothing: empty, ``None``, ``-`` and the like."""
    return cell.casefold() in _NONE


def read_id(cell: str) -> str:
    """Return the task id in a cell; it may stand in backticks, in emphasis or in a link."""
    if not cell or TASK_ID.fullmatch(cell):
        return cell
    text = _bare(_ID_LINK.sub(r"\1", cell))
    return _ESCAPE.sub(r"\1", text)


def read_needs(cell: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the ids in a cell of dependencies, each once, in order; and those that are not of kind ``data``.

    ``T-01, T-02 (order), T-03 (resource)``: a kind belongs to the id before it (seed rows S2-72 to S2-74).
    """
    if not cell or TASK_ID.fullmatch(cell):
        return ((), ()) if is_none(cell) else ((cell,), ())
    text = _BREAK.sub("\n", cell).replace("`", "").replace("*", "")
    text = _ID_LINK.sub(r"\1", _TO.sub("–", text))
    if "(" in text:
        text = _KIND.sub(lambda found: f" ({_KINDS[found[1].casefold()]}) ", text)
    needs: dict[str, str] = {}
    latest = ""
    for word in _BETWEEN.split(text):
        if latest and word[1:-1] in _KINDS and word == f"({word[1:-1]})":
            needs[latest] = word[1:-1]
        elif word not in _AND and not is_none(task_id := read_id(word)):
            needs.setdefault(task_id, "data")
            latest = task_id
    return tuple(needs), tuple((need, kind) for need, kind in needs.items() if kind != "data")


def read_tags(cell: str) -> tuple[str, ...]:
    """Return the words in a cell of tags, each once, in order; a ``#`` before one belongs to no name."""
    if not cell:
        return ()
    words = _BETWEEN.split(plain(_BREAK.sub(" ", cell)).replace("`", ""))
    return tuple(dict.fromkeys(tag for word in words if not is_none(tag := word.lstrip("#"))))


def read_label(cell: str) -> str:
    """Return the text of a cell such as Agent or Priority; empty when it says that there is nothing."""
    text = plain(cell)
    return "" if is_none(text) else _ESCAPE.sub(r"\1", text)
