"""Front matter: the YAML between two lines ``---`` at the start of a file, read as data and nothing else.

No tags, anchors, aliases or deep nesting: with them a small file can become a large or a strange thing in memory.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.ids import suggestion
from orchestrator.core.settings import IN_A_TASK, NAMES, RUN_ONLY, read_setting
from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.lazy import LazyModule
from orchestrator.plan.columns import role_of
from orchestrator.plan.document import fence_closes, fence_opens
from orchestrator.plan.lines import conflict

if TYPE_CHECKING:
    import yaml
    from frontmatter import default_handlers
else:
    default_handlers = LazyModule("frontmatter.default_handlers")
    yaml = LazyModule("yaml")

_MARK = re.compile(r"---[ \t]*")
#: What makes three dashes below blank lines a mark and no rule.
_NAME = re.compile(r""" *["']?[a-z][a-z0-9_-]*["']?[ \t]*:(?:[ \t]|$)""")
#: A line of front matter: its name, or none where it is a comment or belongs to the line above.
_ENTRY = re.compile(r"""[ \t]|#|- |(["']?)([A-Za-z_][\w -]*)\1[ \t]*:(?:[ \t]|$)""")
_CLOSING = re.compile(r"^---[ \t]*\r?$", re.MULTILINE)
#: More than that is no front matter that a person or we ourselves wrote (a thousand attempts take half of it).
MAX_SIZE = 512 * 1024
_MAX_DEPTH = 16
#: Names in it; a misspelt one is compared with all that we know.
_MAX_NAMES = 500
#: Characters of a number; YAML reads 1:30:00 to the base of 60, which takes quadratic time.
_MAX_NUMBER = 100
_NUMBER = re.compile(r"[-+]?[0-9][0-9a-fA-FxXoObB_.:]*")
#: A word, a number or a duration behind a name; and the words that YAML takes for something else.
_PLAIN = re.compile(r"([a-z][a-z_]{0,40}): ([a-z]{1,40}|0|[1-9][0-9]{0,8}|[1-9][0-9]{0,8}[smhd])")
_CONSTANTS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})
#: Words that other tools put into front matter and that only look like one of our own settings.
_FOREIGN = frozenset({"mode", "validated"})
#: Names that other tools use for our own settings: a user who wrote ``budget`` expects a budget.
_ELSEWHERE = MappingProxyType(
    {
        "budget": "budget_usd",
        "max_budget": "budget_usd",
        "max_cost": "budget_usd",
        "max_cost_usd": "budget_usd",
        "cost_limit": "budget_usd",
        "retry": "retries",
        "retrys": "retries",
        "max_retry": "retries",
        "max_retries": "retries",
        "max_attempts": "retries",
        "retry_backoff": "retry_delay",
        "max_agents": "max_parallel",
        "max_workers": "max_parallel",
        "workers": "max_parallel",
        "max_concurrency": "max_parallel",
        "concurrency": "max_parallel",
        "parallelism": "max_parallel",
        "time_limit": "timeout",
        "timeout_seconds": "timeout",
        "timeout_minutes": "timeout",
        "cwd": "workdir",
        "working_dir": "workdir",
        "permissions": "permission_mode",
        "environment": "env",
    }
)


#: What only a row says, and in which column.
_COLUMN_OF = MappingProxyType(
    {
        "condition": "If",
        "run_if": "Run If",
        "fallback_for": "Fallback For",
        "foreach": "For Each",
        "matrix": "Matrix",
        "max_concurrent": "Max Concurrent",
    }
)
#: What other tools have and nothing here does: anyone who wrote it counts on it.
_NOT_HERE = MappingProxyType(
    {
        "balance": "the first agent that can do a task takes it; name another one in its row",
        "affinity": "the first agent that can do a task takes it; name another one in its row",
        "cache": "results are kept until they are retried; take it out",
        "fallback": "write Fallback For into the row of the task that stands in",
        "rollback": "write a task with Run If any_failed that takes back what was done",
    }
)
#: Settings whose names are also those of columns that people have for what an agent is to know.
_EVERYDAY = frozenset(
    {"format", "schema", "tools", "effort", "validate", "params", "metadata", "input_files", "output_dir", "namespace"}
)


class FrontMatter(NamedTuple):
    """What stands in front of the body."""

    data: Mapping[str, Any] = {}
    body: int = 0
    """Index of the first line of the body."""
    lines: Mapping[str, int] = {}
    """Line of the file, from 1, in which each key stands."""
    problem: Problem | None = None


def read_front_matter(lines: Sequence[str], file: str) -> FrontMatter:
    """Read the front matter of a file given as bare lines, without a BOM; empty when it has none."""
    if (marks := find_marks(lines)) is None:
        return FrontMatter()
    start, end = marks
    text = "\n" * start + "\n".join(lines[start + 1 : end])
    if (problem := conflict(text, file, 2)) is not None:
        return FrontMatter(problem=problem)
    if end is None:
        return FrontMatter(
            problem=Problem(
                "the front matter is never closed",
                f"{file}:{start + 1}",
                "write a line --- below the settings; if it is none, start the file with another line",
                "bad_front_matter",
            )
        )
    try:
        keys, data = _load(text)
    except _Refused as refused:
        where = f"{file}:{refused.line + 2}"
        problem = Problem(f"front matter: {refused}", where, refused.hint, "bad_front_matter")
        return FrontMatter(body=end + 1, problem=problem)
    at = {key: line + 2 for key, line in keys.items()}
    return FrontMatter(data, end + 1, at, _doubled(lines, end + 1, data, file))


def find_marks(lines: Sequence[str]) -> tuple[int, int | None] | None:
    """Return the lines of the two marks of a front matter, no second where it is never closed; None without one.

    Blank lines may stand above it. There three dashes may be a rule just as well, unless a name follows.
    """
    start = next((at for at, line in enumerate(lines) if line.strip()), None)
    if start is None or not _MARK.fullmatch(lines[start]):
        return None
    if start:
        said = (line for line in islice(lines, start + 1, None) if line.strip())
        if not _NAME.match(next((line for line in said if not line.lstrip().startswith("#")), "")):
            return None
    return start, next((at for at in range(start + 1, len(lines)) if _MARK.fullmatch(lines[at])), None)


def misplaced(
    lines: Sequence[str], file: str, names: Collection[str] = (), *, below_words: bool = False
) -> list[Problem]:
    """Return the problem that settings are which stand below a title or a comment, where they count for nothing.

    Only what can hardly be meant otherwise is taken for them: lines of front matter between two marks, outside of
    fences and comments, and one of them a setting.

    Args:
        lines: A file without front matter, bare.
        file: What it is called.
        names: What counts in it besides settings.
        below_words: Also below prose; in a text for an agent that is what the agent is to write.
    """
    for at in _rules(lines, below_words=below_words):
        known = {*NAMES, *_ELSEWHERE, *names}
        if name := next((each for each in _entries(lines, at) if each in known), ""):
            message = f"below other text, {name} counts for nothing"
            hint = (
                "settings are the first lines of the file: move them there with the lines --- around them; "
                "an example stands in a fence"
            )
            return [Problem(message, f"{file}:{at + 1}", hint, "misplaced_setting")]
    return []


def _rules(lines: Sequence[str], *, below_words: bool) -> Iterator[int]:
    """Yield the lines that look like the mark of a front matter, as far as only titles and comments stand above."""
    opened, is_hidden = "", False
    for at, line in enumerate(lines):
        bare = line.strip()
        if opened:
            opened = "" if fence_closes(line, opened) else opened
        elif is_hidden or bare.startswith("<!--"):
            is_hidden = "-->" not in line
        elif _MARK.fullmatch(line):
            yield at
        elif bare and not (below_words or bare.startswith("#")):
            return
        elif bare.startswith(("```", "~~~")):
            opened = fence_opens(bare)


def _entries(lines: Sequence[str], mark: int) -> list[str]:
    """Return the names below a mark; none where other lines come before the next mark, or where there is none."""
    names: list[str] = []
    for at in range(mark + 1, len(lines)):
        if _MARK.fullmatch(lines[at]):
            return names
        if (found := _ENTRY.match(lines[at])) is None:
            break
        names.append(found[2] or "")
    return []


def load_front_matter(text: str) -> dict[str, Any] | None:
    """Return the front matter of one of our texts; None when there is none or it is damaged."""
    closing = _CLOSING.search(text, 3)
    if closing is None or not text.startswith(("---", "\ufeff---")):
        return None
    head, rest = text[: closing.end()], text[closing.end() :]
    if rest.lstrip("\r\n").startswith("---"):
        head = text  # perhaps a second front matter, and then neither can be trusted
    lines = [line.rstrip("\r") for line in head.removeprefix("\ufeff").split("\n")]
    read = read_front_matter(lines, "")
    return None if read.problem or not read.body else dict(read.data)


def read_settings(front: FrontMatter, file: str, *, of_task: bool = False) -> tuple[dict[str, Any], list[Problem]]:
    """Return the settings among the keys of a front matter, checked; other keys are the person's own."""
    settings: dict[str, Any] = {}
    problems: list[Problem] = []
    for written, value in front.data.items():
        where = f"{file}:{front.lines[written]}"
        key = IN_A_TASK.get(written, written) if of_task else written
        if of_task and key not in NAMES and role_of(key) in {"needs", "blocks"}:
            hint = "write it into the row's Dependencies: `orchestrator update ID --depends-on …`"
            message = f"what a task waits for stands in its row, and {one_line(key, 60)} would never be read"
            problems.append(Problem(message, where, hint, "row_setting"))
        elif key not in NAMES and (column := _COLUMN_OF.get(role_of(key))):
            what = "whether and how often a task runs"
            message = f"what decides {what} stands in its row, and {one_line(key, 60)} would never be read"
            problems.append(Problem(message, where, f"write it into a column {column} of the table", "row_setting"))
        elif key not in NAMES:
            problems += _misspelt(key, where)
        elif of_task and key in RUN_ONLY:
            problems.append(
                Problem(
                    f"{key} is a setting of the whole run, not of one task",
                    where,
                    "move it to the front matter of master_plan.md",
                    "run_setting",
                )
            )
        else:
            try:
                settings[key] = read_setting(key, value)
            except ValueError as error:
                message = f"setting {key}: {one_line(str(error))}"
                problems.append(Problem(message, where, "correct or remove it", "bad_setting"))
    return settings, problems


def setting_named(header: str) -> str:
    """Return what a setting is called in a task file, by a word that a user would call it; empty when it is none."""
    word = "_".join(header.lower().replace("-", " ").replace("_", " ").split())
    name = _ELSEWHERE.get(word, word)
    is_known = name in {*IN_A_TASK, *(set(NAMES) - RUN_ONLY)} - _EVERYDAY
    return name if is_known else ""


def _misspelt(key: str, where: str) -> list[Problem]:
    word = key.strip().lower().replace("-", "_").replace(" ", "_")
    if word in _FOREIGN:
        return []
    meant = _ELSEWHERE.get(word)
    hint = f"did you mean {meant}?" if meant else suggestion(word, NAMES, _NOT_HERE.get(word, ""), cutoff=0.8)
    message = f"{one_line(key, 60)} is not a setting"
    return [Problem(message, where, hint, "unknown_setting")] if hint else []


def _doubled(lines: Sequence[str], body: int, data: Mapping[str, Any], file: str) -> Problem | None:
    """Return the problem that a second front matter with keys of the first one is."""
    start = next((at for at in range(body, len(lines)) if lines[at].strip()), len(lines))
    if not data or start == len(lines) or not _MARK.fullmatch(lines[start]):
        return None
    end = next((at for at in range(start + 1, len(lines)) if _MARK.fullmatch(lines[at])), start)
    try:
        again, _ = _load("\n".join(lines[start + 1 : end]))
    except _Refused:
        return None
    if not set(again) & set(data):
        return None
    message = "a second front matter follows the first"
    return Problem(message, f"{file}:{start + 1}", "keep one of the two", "bad_front_matter")


class _Refused(Exception):
    """The text is not the plain mapping that front matter is; ``line`` counts from 0."""

    def __init__(self, message: str, line: int = 0, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.hint = hint or "front matter is a list of lines, name: value"


def _load(text: str) -> tuple[dict[str, int], dict[str, Any]]:
    """Return the lines of the keys, and the data."""
    if (plain := _load_plain(text)) is not None:
        return plain

    if len(text) > MAX_SIZE:
        raise _Refused(f"larger than {MAX_SIZE // 1024} KiB")
    try:
        keys = _check(yaml.parse(text, Loader=default_handlers.SafeLoader))
        data = default_handlers.YAMLHandler().load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "not YAML"
        raise _Refused(one_line(str(what)), mark.line if mark else 0) from None
    except ValueError as error:  # a date or a number that cannot be one
        raise _Refused(one_line(str(error))) from None
    if data is None:
        return {}, {}
    if not isinstance(data, dict):
        raise _Refused("not a mapping of names to values")
    if len(keys) != len(data):  # two spellings of one key, such as 1 and 0x1
        raise _Refused("two names mean the same")
    # The names as they were written: YAML reads `on` as true.
    return keys, dict(zip(keys, data.values(), strict=True))


def _load_plain(text: str) -> tuple[dict[str, int], dict[str, Any]] | None:
    """Read lines that mean the same in every YAML, as most front matter consists of; None: ask YAML.

    Loading that takes longer than anything else about a small plan.
    """
    data: dict[str, Any] = {}
    for line in text.split("\n", _MAX_NAMES):
        found = _PLAIN.fullmatch(line)
        if found is None or found[1] in data or found[1] in _CONSTANTS or found[2] in _CONSTANTS:
            return None
        data[found[1]] = int(found[2]) if found[2].isdecimal() else found[2]
    return {key: line for line, key in enumerate(data)}, data


@dataclass(slots=True)
class _Open:
    """A mapping or list that is being read."""

    is_mapping: bool
    wants_key: bool = True
    seen: dict[str, int] = field(default_factory=dict)


def _check(events: Any) -> dict[str, int]:
    """Walk the events of the YAML parser, refuse what is more than plain data, return the lines of the top keys."""
    stack: list[_Open] = []
    top: dict[str, int] = {}
    for event in events:
        line = event.start_mark.line
        if why := not_plain(event):
            raise _Refused(why[0], line, why[1])
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop()
            continue
        is_collection = isinstance(event, yaml.CollectionStartEvent)
        if not is_collection and not isinstance(event, yaml.ScalarEvent):
            continue
        if stack and stack[-1].is_mapping:
            _check_place(stack[-1], event, line)
            if len(stack) == 1 and len(top := stack[0].seen) > _MAX_NAMES:
                raise _Refused(f"more than {_MAX_NAMES} names", line)
        if is_collection:
            if len(stack) == _MAX_DEPTH:
                raise _Refused("nested too deeply", line)
            stack.append(_Open(isinstance(event, yaml.MappingStartEvent)))
    return top


def not_plain(event: Any) -> tuple[str, str] | None:
    """Say why an event of the YAML parser is more than plain data, and what to write instead; None: it is plain."""
    if getattr(event, "anchor", None) is not None:
        return "anchors and aliases are not allowed", "write the value out"
    if getattr(event, "tag", None) is not None:
        return "tags are not allowed", "write the value without the !"
    value = getattr(event, "value", "")
    if len(value) > _MAX_NUMBER and event.implicit[0] and _NUMBER.fullmatch(value):
        return "a number that long makes no sense", "put a text into quotes"
    return None


def _check_place(mapping: _Open, event: Any, line: int) -> None:
    if mapping.wants_key:
        key = getattr(event, "value", None)
        if key is None or key == "<<":
            raise _Refused("a name must be a plain word", line)
        if key in mapping.seen:
            raise _Refused(
                f"{one_line(key, 60)} is there twice, first in line {mapping.seen[key] + 2}",
                line,
                "remove one of the two",
            )
        mapping.seen[key] = line
    mapping.wants_key = not mapping.wants_key
