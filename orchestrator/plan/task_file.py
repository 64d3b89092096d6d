"""``agent_tasks/agent-XX.md``: the assignment of one task. Settings in front matter, the prompt in the body.

A file that was made from a row of the plan is marked in its last line, with a checksum of the text above it. While the
checksum fits, no one has edited the file, and it is made again when the row changes; otherwise it belongs to the user
(decision 20). A file that was made from a command has a similar mark: it belongs to the user, and ``update`` rewrites
it.

A thousand of them are read when a plan is launched, so a part that is missing costs nothing: without front matter no
YAML is read, and without a fence no markdown.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Mapping, Sequence
from html import unescape
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.criteria import Criterion
from orchestrator.core.params import command_with_item, filled_with_item, paths_in
from orchestrator.core.pools import read_globs
from orchestrator.core.script import LANGUAGES, script_of
from orchestrator.core.text import cell
from orchestrator.errors import Problem, UsageError
from orchestrator.plan.columns import key_word
from orchestrator.plan.document import first_fence, tokens
from orchestrator.plan.front_matter import find_marks, misplaced, read_front_matter, read_settings
from orchestrator.plan.lines import Lines, conflict, oversized, unreadable

if TYPE_CHECKING:
    from markdown_it.token import Token

_MADE = re.compile(
    r"\n<!-- made from (its row in the plan|what was typed); change it, and it is yours: ([0-9a-f]{8}) -->\s*\Z"
)
_TYPED = "what was typed"


class TaskFile(NamedTuple):
    """What a task file says."""

    settings: Mapping[str, Any] = {}
    body: str = ""
    """The prompt, as it was written; without BOM, front matter and the comment that says what it was made from."""
    code: str = ""
    """Content of the first fenced code block of the body: what ``agent: shell`` runs."""
    language: str = ""
    lines: Mapping[str, int] = {}
    """Line of the file, from 1, in which each setting stands."""
    begins: int = 1
    """Line of the file in which the body begins."""
    problems: tuple[Problem, ...] = ()
    made: str = ""
    """The sum of what it was made with, if it is as it was made from its row; empty: it is a person's."""
    is_typed: bool = False
    """Whether it is as it was made from a command that a user typed."""


def sum_of(text: str) -> str:
    """Return what tells a text from one that a person has changed."""
    return f"{zlib.crc32(text.encode()):08x}"


def made_from_row(text: str) -> str:
    """Return the content of a task file made from a row: *text*, and the line that shows it is unchanged."""
    return _made(text, "its row in the plan")


def made_from_typed(text: str) -> str:
    """Return what goes into the file of a task of which a user typed the command that is in *text*."""
    return _made(text, _TYPED)


def _made(text: str, source: str) -> str:
    return f"{text}\n<!-- made from {source}; change it, and it is yours: {sum_of(text)} -->\n"


def parse_task_file(data: bytes, file: str) -> TaskFile:
    """Return what a task file says, and everything that is wrong with it."""
    if (problem := oversized(data, file) or unreadable(data, file)) is not None:
        return TaskFile(problems=(problem,))
    text = data.decode().removeprefix("\ufeff")
    found = _MADE.search(text)
    made, is_typed = "", False
    if found is not None and found[2] == sum_of(text[: found.start()]):
        is_typed = found[1] == _TYPED
        made = "" if is_typed else found[2]
    settings: dict[str, Any] = {}
    at: Mapping[str, int] = {}
    begins = 1
    problems: list[Problem] = []
    if text.lstrip().startswith("---"):
        lines = Lines.of(data)
        front = read_front_matter(lines.bare(), file)
        if front.problem is not None:
            problems.append(front.problem)
        else:
            settings, problems = read_settings(front, file, of_task=True)
            at = front.lines
        text, begins = "".join(lines.lines[front.body :]), front.body + 1
    elif "\n---" in text:
        problems = misplaced(Lines.of(data).bare(), file)
    # A file that we made and that is unchanged has no merge conflict of a user.
    found_half = None if made or is_typed else conflict(text, file, begins)
    if found_half is not None and found_half not in problems:
        problems.append(found_half)
    body = text if found is None else _MADE.sub("", text)
    language, code = first_fence(body)
    if found is not None and not code:
        code = body
    return TaskFile(
        settings=settings,
        body=body,
        code=code,
        language=language,
        lines=at,
        begins=begins,
        problems=tuple(problems),
        made=made,
        is_typed=is_typed,
    )


def filled(file: TaskFile, values: Mapping[str, Any]) -> TaskFile:
    """Return the task file of a batch for one of its tasks.

    Raises:
        ValueError: a text takes something from the item that it does not have; or a program in Python takes anything,
            where no quoting could keep the item from being a part of the program.
    """
    code, language = file.code, file.language
    if LANGUAGES.get(language) == "python" and any(path[0] in values for path in paths_in(code)):
        raise ValueError('a block in Python takes its item from the environment: os.environ["ORCHESTRATOR_ITEM"]')
    if not code.strip() and any(path[0] in values for path in paths_in(file.body)):
        try:
            code, language = script_of(file.body)  # what a shell would run; an agent that reads gets the body
        except ValueError:
            code = ""
    settings = dict(file.settings)
    if "writes" in settings:
        settings["writes"] = read_globs([filled_with_item(each, values) for each in settings["writes"]])
    if "task_params" in settings:
        settings["task_params"] = {
            name: filled_with_item(value, values) if isinstance(value, str) else value
            for name, value in settings["task_params"].items()
        }
    body, code = filled_with_item(file.body, values), command_with_item(code, values)
    return file._replace(settings=settings, body=body, code=code, language=language)


# ── criteria list ────────
#
# The success criteria in a task file: a checklist below a heading, which people and agents edit as they like.
#
# A heading ``Success criteria`` (or ``Acceptance``, ``Done when`` …) and every list item below it, with a box or
# without one: ``- [ ] all tests pass``. What we write is one line; every other byte stays unchanged.

HEADING = "Success criteria"
_NAMES = frozenset({"successcriteria", "acceptance", "acceptancecriteria", "criteria", "donewhen", "definitionofdone"})
_SEEMS = re.compile(r"criteria|acceptance|done.{0,4}when|definition.{0,4}of.{0,4}done", re.IGNORECASE)
_WIDEST = 2000
_BOX = re.compile(r"\[([ xX])\](?:\s+|$)")
_ITEM = re.compile(r"( {0,3})([-*+]|[0-9]{1,9}[.)])([ \t]+)(?:\[[ xX]\][ \t]+)?")
_HINT = f"write a section `## {HEADING}` into the file, with a line `- [ ] …` for each"


class _Section(NamedTuple):
    """Lines are indexes of the file."""

    end: int
    """The line before which one more criterion goes."""
    marker: str
    """How its items begin."""
    items: list[tuple[int, Criterion]]
    """Each with its line."""


def criteria_in(data: bytes) -> tuple[Criterion, ...]:
    """Return the success criteria in a task file, whatever else is wrong with it."""
    bare = Lines.of(data.decode(errors="replace").encode()).bare()
    return tuple(criterion for _, criterion in _items(bare))


def with_criteria(data: bytes, texts: Sequence[str], file: str) -> bytes:
    """Return a task file with more criteria, below its others; with a section for them where there is none.

    Raises:
        UsageError: they are there already, or would not be read as criteria where they would stand.
    """
    lines = _lines(data, file)
    before = criteria_in(data)
    known = {criterion.text for criterion in before}
    fresh = [text for text in dict.fromkeys(map(_written, texts)) if _read(text) not in known]
    if not fresh:
        raise UsageError("its task file has these criteria already", where=file)
    sections = _sections(lines.bare())
    changed = [*lines.lines]
    ending = lines.ending
    if sections:
        end, marker, _ = sections[-1]
        added = [f"{marker}[ ] {text}{ending}" for text in fresh]
    else:
        end = len(changed)
        added = [ending, f"## {HEADING}{ending}", *(f"- [ ] {text}{ending}" for text in fresh)]
    if end and not changed[end - 1].endswith(("\n", "\r")):
        changed[end - 1] += ending
    changed[end:end] = added
    after = lines.replaced(changed)
    expected = [each.text for each in before] + list(map(_read, fresh))
    if sorted(each.text for each in criteria_in(after)) != sorted(expected):
        raise UsageError("no criterion can be added to this task file", where=file, hint=_HINT)
    return after


def with_ticks(data: bytes, numbers: Collection[int], file: str) -> bytes:
    """Return a task file in which the boxes of these criteria are ticked; they count from 1.

    Raises:
        UsageError: it cannot be done.
    """
    lines = _lines(data, file)
    changed = [*lines.lines]
    items = _items(lines.bare())
    for number, (at, criterion) in enumerate(items, start=1):
        if number in numbers and not criterion.is_met:
            changed[at] = _ITEM.sub(r"\1\2\3[x] ", changed[at], count=1)
    after = lines.replaced(changed)
    expected = [
        Criterion(each.text, each.is_met or number in numbers) for number, (_, each) in enumerate(items, start=1)
    ]
    if list(criteria_in(after)) != expected:
        hint = "write each as a line `- [ ] …`"
        raise UsageError("a box of this task file cannot be ticked", where=file, hint=hint)
    return after


def without_ticks(data: bytes) -> bytes:
    """Return a task file in which no box is ticked, as before anything was done; what is no text is replaced."""
    lines = Lines.of(data.decode(errors="replace").encode())
    changed = [*lines.lines]
    for at, criterion in _items(lines.bare()):
        if criterion.is_met:
            changed[at] = _ITEM.sub(r"\1\2\3[ ] ", changed[at], count=1)
    return lines.replaced(changed)


def _lines(data: bytes, file: str) -> Lines:
    try:
        return Lines.of(data)
    except ValueError as error:
        raise UsageError(str(error), where=file, hint="save it as UTF-8") from None


def _written(text: str) -> str:
    return cell(text, _WIDEST)


def _read(content: str) -> str:
    """Return the text of an item behind its box, without what ``cell`` had to write in other words."""
    return unescape(" ".join(content.split()).replace("\\|", "|"))


def _items(bare: Sequence[str]) -> list[tuple[int, Criterion]]:
    return [item for section in _sections(bare) for item in section.items]


def _sections(bare: Sequence[str]) -> list[_Section]:
    start = _body(bare)
    lines = bare[start:]
    # Most task files have none, and need no parser.
    if not any(map(_SEEMS.search, lines)):
        return []
    found = tokens(lines)
    sections: list[_Section] = []
    level, is_open = 0, False
    for index, token in enumerate(found):
        if token.map is None:
            continue
        line, end = token.map[0] + start, token.map[1] + start
        if token.type == "heading_open" and not token.level:
            depth = int(token.tag[1])
            if is_open and depth > level:
                continue  # a part of the section
            is_open = key_word(found[index + 1].content) in _NAMES
            if is_open:
                level = depth
                sections.append(_Section(end, "- ", []))
        elif is_open and not token.level:
            sections[-1] = sections[-1]._replace(end=_without_blanks(bare, line, end))
        elif is_open and token.type == "list_item_open" and token.level == 1:
            item = _item(bare[line], found[index + 2], token)
            if item is not None:
                sections[-1] = sections[-1]._replace(marker=item[0])
                sections[-1].items.append((line, item[1]))
    return sections


def _item(line: str, text: Token, opened: Token) -> tuple[str, Criterion] | None:
    """Return how a list item begins, and the criterion that it is; None when its first line has no words."""
    said, box = _ITEM.match(line), _BOX.match(text.content)
    is_auxiliary = text.type == "inline" and text.map and opened.map and text.map[0] == opened.map[0]
    words = _read(text.content[box.end() if box else 0 :])
    if said is None or not is_auxiliary or not words:
        return None
    marker = f"{said[1]}{said[2]} " if said[2] in "-*+" else "- "
    return marker, Criterion(words, box is not None and box[1] in "xX")


def _body(bare: Sequence[str]) -> int:
    """Return the first line below the front matter, which may be broken."""
    _, end = find_marks(bare) or (0, None)
    return 0 if end is None else end + 1


def _without_blanks(bare: Sequence[str], line: int, end: int) -> int:
    while end > line + 1 and not bare[end - 1].strip():
        end -= 1
    return end
