"""Which column of a table means what, and how its cells are read: the spellings of the seeds (row S2-02 and others)."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from orchestrator.core.ids import similar_name
from orchestrator.core.plan import TASK_ID
from orchestrator.plan.table_words import HEADERS, NOBODY, NONE, OPEN, UNITS

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
    blocks: int | None = None
    """Tasks that wait for the one of the row: dependencies, written from the other end."""
    agent: int | None = None
    assignee: int | None = None
    tags: int | None = None
    expected: int | None = None
    status: int | None = None
    done: int | None = None
    start: int | None = None
    end: int | None = None
    others: tuple[tuple[int, str], ...] = ()
    """Columns without a known meaning, with their headers."""
    fields: tuple[tuple[str, int], ...] = ()
    """Where the other fields of a task are, by name (``task_fields``)."""

    def at(self, role: str) -> int | None:
        """Return where the column of this meaning is."""
        if role in _STRUCTURE:
            column: int | None = getattr(self, role)
            return column
        return dict(self.fields).get(role)

    @property
    def has_text(self) -> bool:
        """Whether a row says what is to be done."""
        return self.name is not None or self.description is not None

    @property
    def is_task_table(self) -> bool:
        """Whether every row is a task: it has an id, a text and dependencies."""
        return self.id is not None and self.has_text and self.has_order

    @property
    def has_order(self) -> bool:
        """Whether it says what waits for what."""
        return self.needs is not None or self.blocks is not None

    @property
    def is_assignment_table(self) -> bool:
        """Whether it only says who does a task and how far it is (seed 002, "Agent Assignment")."""
        news = (self.agent, self.assignee, self.status)
        has_news = any(column is not None for column in news)
        return self.id is not None and has_news and not self.has_text and not self.has_order


#: The columns that decide what a table is, and how its rows are read.
_STRUCTURE = frozenset(Columns._fields) - {"others", "fields"}
#: Columns that are read; no person wrote a table with more.
_MOST_COLUMNS = 1000


def read_header(header: Sequence[str]) -> Columns:
    """Return what the columns of a table mean; of two columns with one meaning the first has it."""
    header = header[:_MOST_COLUMNS]
    found: dict[str, int] = {}
    for index, cell in enumerate(header):
        if role := role_of(cell):
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
    fields = tuple((role, index) for role, index in known.items() if role not in _STRUCTURE)
    own = {role: index for role, index in known.items() if role in _STRUCTURE}
    return Columns(others=others, fields=fields, **own)


#: Roles whose header may have a remark in parentheses: of an estimate it would be its unit.
_REMARKED = frozenset(HEADERS) - UNITS - {"number"}
_REMARK = re.compile(r"\s*[(\[（].*[)\]）]\s*$")
#: What a header of dependencies may say besides: ``Prerequisite Tasks``, ``Dependency IDs``.
_OF_TASKS = frozenset({"task", "tasks", "id", "ids"})
#: Letters that a header of dependencies has at least, to be known although one of them is wrong.
_LONG = 8


def role_of(header: str) -> str:
    """Return the meaning of a column by its header; empty when no one taught us that word."""
    word = key_word(header)
    if role := _role_of().get(word):
        return role
    role = _role_of().get(key_word(_REMARK.sub("", plain(header))), "")
    if role in _REMARKED:
        return role
    words = plain(header).split()
    rest = " ".join(each for each in words if key_word(each) not in _OF_TASKS)
    if (role := _role_of().get(key_word(rest), "")) in {"needs", "blocks"}:
        return role
    # A slip of the fingers in it must not start everything at once.
    known = [each for each, role in _role_of().items() if role == "needs" and len(each) >= _LONG]
    return "needs" if len(word) >= _LONG and similar_name(word, known) else ""


@cache
def _role_of() -> dict[str, str]:
    return {key_word(word): role for role, words in HEADERS.items() for word in words}


def more_needs(columns: Columns) -> str:
    """Return the header of a second column of dependencies; empty when there is none."""
    headers = (header for _, header in columns.others)
    return next((each for each in headers if role_of(each) == "needs"), "")


def key_word(header: str) -> str:
    """Return what a header or heading comes down to: its letters and digits, in lower case, without accents."""
    text = plain(header)
    if text == "#":
        return text
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text)
    return "".join(char for char in text.casefold() if char.isalnum())


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


def without_pictures(text: str) -> str:
    """Return a text without emoji, wherever they stand; a number in a box becomes a number."""
    return text if text.isascii() else "".join(" " if _is_picture(each) else each for each in text)


def _is_picture(char: str) -> bool:
    return not char.isascii() and (unicodedata.category(char) in _PICTURE or char in _SELECTORS)


def is_none(cell: str) -> bool:
    """Whether a cell says that there is nothing: empty, ``None``, ``-`` and the like."""
    return cell.casefold() in NONE


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


def is_open(cell: str) -> bool:
    """Whether a Status cell says that its task is still to be done, or being done: it is empty, or a word for that."""
    text = cell.strip().casefold()
    return is_none(text) or text in OPEN or (plain(text) or "?").strip(" .") in OPEN


def read_person(cell: str) -> str:
    """Return who a cell names, a person or an agent; ``@kim`` is kim, and ``Unassigned`` is no one."""
    name = read_label(cell)
    return "" if name.casefold().strip(" .()") in NOBODY else name.removeprefix("@")


def read_label(cell: str) -> str:
    """Return the text of a cell such as Agent or Priority; empty when it says that there is nothing."""
    text = plain(cell)
    return "" if is_none(text) else _ESCAPE.sub(r"\1", text)
