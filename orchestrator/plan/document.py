"""The person's own text in a plan, and which of its tables say what is to be done.

Every table with ids, texts and dependencies is a task table, and several of them (one per phase, say) are one plan.
Where none has dependencies, the first with ids and texts is one, and so is every other with the very same header. A
table with ids and agents or statuses assigns (seed 002). Any other table is prose; but when ids like those of the tasks
stand in it, it is refused rather than left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.lazy import LazyModule
from orchestrator.plan.columns import Columns, key_word, read_header

# ── blocks ────────
#
# Markdown as others write it, read by its blocks: headings, tables, quotes, fences. Inlines are never parsed.
#
# markdown-it is imported when the first text is parsed that is not plain to see, so that importing this module costs
# nothing.

if TYPE_CHECKING:
    import markdown_it
    from markdown_it import rules_block
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token
else:
    markdown_it = LazyModule("markdown_it")
    rules_block = LazyModule("markdown_it.rules_block")

# Without these no line can be part of a fence, whatever block it stands in.
_FENCE_BARS = ("```", "~~~")
_FENCE_OPEN = re.compile(r"(`{3,}|~{3,})(.*)", re.DOTALL)
# Where a fence may begin: on a line of its own; inside of another block; in a block of HTML that may hide it.
_FENCE_AT = re.compile(r"^(?:(```|~~~)|[ \t>*+\-\d.)]+(?:```|~~~)|[ \t]*<)", re.MULTILINE)
# Lines that mean the same wherever they stand, and so need no parser.
_PLAIN_HEADING = re.compile(r"(#{1,6}) +([^ #][^#]*)")
_PLAIN_RULE = re.compile(r"\|(?: *:?-+:? *\|)+ *")
_BLANKS = " \t"
#: A table in a list; one in a quote is no user's.
LISTED_TABLE = "listed_table"
_QUOTES = {"blockquote_open": 1, "blockquote_close": -1}
_VERBATIM = frozenset({"fence", "html_block"})
_QUOTE = re.compile(r"^ {0,3}> ?")


class Heading(NamedTuple):
    """A heading that stands in no list or quote; ``line`` and ``end`` count from 0, ``end`` is the line after it."""

    level: int
    text: str
    line: int
    end: int
    is_atx: bool


class Block(NamedTuple):
    """Any other block outside of lists and quotes, and code and HTML wherever they stand: its kind and its lines.

    Of lists also the tables, as a kind of their own.
    """

    kind: str
    line: int
    end: int
    is_nested: bool = False


class Outline(NamedTuple):
    """What a document consists of, by lines."""

    headings: tuple[Heading, ...]
    blocks: tuple[Block, ...]
    """Tables, quotes, paragraphs … in order; without headings."""

    def kinds(self, *kinds: str) -> Iterator[Block]:
        """Yield the blocks of some kinds."""
        return (block for block in self.blocks if block.kind in kinds)


@cache
def _parser(*, html: bool = True, tables: bool = True) -> markdown_it.MarkdownIt:
    parser = markdown_it.MarkdownIt("commonmark", {"html": html}).disable("inline")
    if tables:
        parser.enable("table")
        parser.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    return parser


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:  # noqa: FBT001 - as markdown-it calls it
    """Find a table as markdown-it does, without a token for every cell: ten thousand rows take a tenth of the time.

    The rows themselves are split by ``tables.py``, which also knows where each cell stands.
    """
    if not rules_block.table(state, start, end, True):  # noqa: FBT003
        return False
    if silent:
        return True
    rules = state.md.block.ruler.getRules("blockquote")
    line = start + 2
    while line < end and _is_row(state, line):
        # No block can begin with a bar, so most rows need not be offered to every rule.
        first = state.src[state.bMarks[line] + state.tShift[line]]
        if first != "|" and any(rule(state, line, end, True) for rule in rules):  # noqa: FBT003
            break
        line += 1
    token = state.push("table", "table", 0)
    token.map = [start, line]
    state.line = line
    return True


def _is_row(state: StateBlock, line: int) -> bool:
    return not (state.isEmpty(line) or state.sCount[line] < state.blkIndent or state.is_code_block(line))


def tokens(lines: Sequence[str], *, html: bool = True, tables: bool = True) -> list[Token]:
    """Return markdown-it's block tokens for bare lines; their maps are indexes of *lines*."""
    return _parser(html=html, tables=tables).parse("\n".join(lines))


def outline(lines: Sequence[str], *, html: bool = True, tables: bool = True) -> Outline:
    """Return what a document consists of; *lines* come without line endings."""
    found = _plain_outline(lines) if tables else None
    return outlined(tokens(lines, html=html, tables=tables)) if found is None else found


def _plain_outline(lines: Sequence[str]) -> Outline | None:
    """Return the outline of a document whose headings, paragraphs and tables are plain to see; None: ask the parser.

    Most plans are such documents until we draw into them, and loading markdown-it takes longer than all they say.
    """
    if any("\r" in line for line in lines):
        return None  # for the parser it ends the line
    headings: list[Heading] = []
    blocks: list[Block] = []
    at, end = 0, len(lines)
    while at < end:
        line, start = lines[at], at
        if not line.strip(_BLANKS):
            at += 1
        elif line[0] == "#":
            match = _PLAIN_HEADING.fullmatch(line)
            if match is None or not line.isprintable():
                return None
            headings.append(Heading(len(match[1]), match[2].strip(), at, at + 1, is_atx=True))
            at += 1
        else:
            is_table = _begins_plain_table(lines[at : at + 2])
            if not (is_table or line[0].isalpha()):
                return None
            while at < end and (lines[at][:1] == "|" if is_table else lines[at][:1].isalpha()):
                at += 1
            if at < end and lines[at].strip(_BLANKS):
                return None  # only a blank line ends these for sure
            blocks.append(Block("table" if is_table else "paragraph", start, at))
    return Outline(tuple(headings), tuple(blocks))


def _begins_plain_table(lines: Sequence[str]) -> bool:
    """Whether a header and the line below it stand between bars and have as many cells."""
    if len(lines) < 2 or not _PLAIN_RULE.fullmatch(lines[1]):
        return False
    header = lines[0].rstrip(" ")
    is_plain = header.isprintable() and header[0] == "|" == header[-1] and "\\" not in header
    return is_plain and header.count("|") == lines[1].count("|")


def outlined(found: Sequence[Token]) -> Outline:
    """Sort tokens into headings and blocks."""
    headings, blocks, quotes = [], [], 0
    for index, token in enumerate(found):
        quotes += _QUOTES.get(token.type, 0)
        is_listed = token.type == "table" and token.level > 0 and not quotes
        if token.map is None or (token.level and token.type not in _VERBATIM and not is_listed):
            continue
        line, end = token.map
        if token.type == "heading_open":
            text = found[index + 1].content
            is_atx = token.markup.startswith("#")
            headings.append(Heading(int(token.tag[1]), text, line, end, is_atx))
        elif token.type != "inline":
            kind = LISTED_TABLE if is_listed else token.type.removesuffix("_open")
            blocks.append(Block(kind, line, end, is_nested=token.level > 0))
    return Outline(tuple(headings), tuple(blocks))


def section_text(lines: Sequence[str], found: Outline, heading: Heading) -> str:
    """Return the first quote of a section, without its marks; else its text up to the next heading or table."""
    end = min((other.line for other in found.headings if other.line > heading.line), default=len(lines))
    for block in found.kinds("blockquote", "table"):
        if not heading.end <= block.line < end:
            continue
        if block.kind == "blockquote":
            return "\n".join(_QUOTE.sub("", line) for line in lines[block.line : block.end]).strip()
        end = block.line
        break
    return "\n".join(lines[heading.end : end]).strip()


def first_fence(text: str) -> tuple[str, str]:
    """Return the language and the content of the first fenced code block; two empty texts when there is none.

    The content ends with a newline, whether the file does or not.
    """
    if not any(bar in text for bar in _FENCE_BARS):
        return "", ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    at = 0
    while (found := _FENCE_AT.search(text, at)) and found[1]:
        end = text.find("\n", found.end())
        end = len(text) if end < 0 else end
        line = text[found.start() : end]
        if opened := fence_opens(line):
            closes = re.compile(rf"^ {{0,3}}{opened[0]}{{{len(opened)},}}[ \t]*$", re.MULTILINE)
            closed = closes.search(text, end + 1)
            body = text[end + 1 : closed.start() if closed else len(text)]
            return _language(line[len(opened) :]), _whole(body)
        at = end
    for token in tokens(text.split("\n")):
        if token.type == "fence":
            return _language(token.info), _whole(token.content)
    return "", ""


def _whole(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"


def _language(info: str) -> str:
    words = info.split()
    return words[0] if words else ""


def fence_opens(line: str) -> str:
    """Return the bar with which a line opens a fence, or an empty text. *line* starts with the bar."""
    match = _FENCE_OPEN.match(line)
    if match is None or (line[0] == "`" and "`" in match[2]):
        return ""
    return match[1]


def fence_closes(line: str, opened: str) -> bool:
    """Whether a line closes the fence that was opened with the bar *opened*."""
    bare = line.lstrip(" ")
    if len(line) - len(bare) > 3:
        return False
    bar = bare.rstrip(" \t\r\n")
    return len(bar) >= len(opened) and not bar.strip(opened[0])


# ── tables ────────
#
# The tables of a document, and where in its line each cell stands, so that a single cell can be replaced.
#
# markdown-it says where a table begins and ends; its rows are split here by the same rule: a bar separates two cells
# unless a backslash stands directly before it.

_BAR = re.compile(r"(?<!\\)\|")
_BLANKS_TABLES = " \t"


class Table(NamedTuple):
    """A table outside of lists, quotes and fences. Lines are indexes."""

    header: tuple[str, ...]
    line: int
    """Line of the header; the rows begin two lines below."""
    end: int
    """The line after the last row."""

    def rows(self, lines: Sequence[str]) -> list[tuple[int, list[str]]]:
        """Return each row with its line. It has the cells that are there: fewer or more than the header perhaps."""
        return [(line, split_row(lines[line])) for line in range(self.line + 2, self.end)]


def tables(lines: Sequence[str], found: Outline) -> list[Table]:
    """Return the tables of a document given as bare lines."""
    return [Table(tuple(split_row(lines[block.line])), block.line, block.end) for block in found.kinds("table")]


def split_row(line: str) -> list[str]:
    r"""Return the cells of a row, trimmed, ``\|`` read as ``|``."""
    bare = line.strip(_BLANKS_TABLES)
    if "\\" not in bare:
        cells = bare.split("|")
    else:
        cells = [cell.replace("\\|", "|") for cell in _BAR.split(bare)]
    if cells and not cells[0]:
        del cells[0]
    if cells and not cells[-1]:
        del cells[-1]
    return [cell.strip(_BLANKS_TABLES) for cell in cells]


def cell_spans(line: str) -> list[tuple[int, int]]:
    """Return where each cell of a row stands in its line, blanks around it included."""
    start = len(line) - len(line.lstrip(_BLANKS_TABLES))
    end = len(line.rstrip(_BLANKS_TABLES))
    spans = []
    for bar in _BAR.finditer(line, start, end):
        spans.append((start, bar.start()))
        start = bar.end()
    spans.append((start, end))
    if spans and spans[0][0] == spans[0][1]:
        del spans[0]
    if spans and spans[-1][0] == spans[-1][1]:
        del spans[-1]
    return spans


# HTML that is not displayed, or that displays its content verbatim.
_SILENT = ("<!", "<?", "<pre", "<script", "<style", "<textarea")


class TaskTable(NamedTuple):
    """A table of the person's with its columns."""

    table: Table
    columns: Columns


class OwnText(NamedTuple):
    """The person's lines, without front matter and without our sections, and the tables that count."""

    lines: Sequence[str]
    outline: Outline
    tasks: tuple[TaskTable, ...]
    assignments: tuple[TaskTable, ...]
    unread: tuple[TaskTable, ...] = ()
    """Tables that are none of tasks, as far as one can see by the header; of an unknown one the first column counts."""
    file: str = ""
    """Where it stands, as people see it."""

    def place(self, line: int) -> str:
        """Return the place of a line, as file and line number, for messages; *line* counts from 0."""
        return f"{self.file}:{line + 1}"

    def is_shown_html(self, block: Block) -> bool:
        """Whether a block is HTML in which people read what we do not: no comment, no ``<pre>``."""
        start = self.lines[block.line].lstrip().lower()
        return block.kind == "html_block" and not block.is_nested and not start.startswith(_SILENT)


def own_text(lines: Sequence[str], file: str = "") -> OwnText:
    """Find the tables that count in the person's own lines."""
    found = outline(lines)
    sheets = [TaskTable(table, read_header(table.header)) for table in tables(lines, found)]
    assignments = tuple(sheet for sheet in sheets if sheet.columns.is_assignment_table)
    tasks = task_sheets(sheets)
    read = {sheet.table.line for sheet in tasks}
    unread = (sheet for sheet in sheets if sheet.table.line not in read)
    return OwnText(lines, found, tasks, assignments, tuple(filter(None, map(_unread, unread))), file)


def _unread(sheet: TaskTable) -> TaskTable | None:
    """Return a table in which rows of tasks may stand, with the column of their ids."""
    if has_texts(sheet):
        return sheet
    return sheet._replace(columns=Columns(id=0)) if sheet.columns.id is None else None


def task_sheets(sheets: Sequence[TaskTable]) -> tuple[TaskTable, ...]:
    """Return those tables that say what is to be done."""
    tasks = tuple(sheet for sheet in sheets if sheet.columns.is_task_table)
    if tasks:
        return tasks
    # Without a column of dependencies nothing depends on anything; others may be of risks or wishes.
    words = next((_words(each) for each in sheets if has_texts(each)), None)
    return tuple(each for each in sheets if _words(each) == words)


def has_texts(sheet: TaskTable) -> bool:
    """Whether a table has ids and texts, as one of tasks has at least."""
    return sheet.columns.id is not None and sheet.columns.has_text


def _words(sheet: TaskTable) -> list[str]:
    return list(map(key_word, sheet.table.header))
