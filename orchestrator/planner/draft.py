"""From what a planner answered, which is data of any shape, to a ``Draft``; or to everything that is wrong with it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.core.condition import compile_condition, condition_problems
from orchestrator.core.draft import DRAFT_SETTINGS, Draft, DraftTask, Need, TaskInput
from orchestrator.core.duration import format_duration, parse_duration
from orchestrator.core.graph import digraph, find_cycle
from orchestrator.core.ids import suggestion
from orchestrator.core.plan import KINDS, LONGEST_CONDITION, check_parents, check_rows, with_umbrellas
from orchestrator.core.priority import NORMAL, parse_priority
from orchestrator.core.script import ADVICE, Script, script_of
from orchestrator.core.settings import read_setting
from orchestrator.core.status import RunIf
from orchestrator.core.text import NO_TEXT, cell, one_line, sanitize, typed
from orchestrator.errors import Problem
from orchestrator.lazy import LazyModule
from orchestrator.plan.columns import read_label
from orchestrator.plan.document import split_row

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = LazyModule("networkx")

_T = TypeVar("_T")

#: Longest text of one field: more is no assignment that an agent could hold in mind.
MOST_TEXT = 20_000
#: Of a description: a section of a plan with its code is the whole assignment.
MOST_DESCRIPTION = 200_000
MOST_NAME = 80
_FIELD_OF = {
    "bad_id": ".id",
    "duplicate_id": ".id",
    "duplicate_file": ".id",
    "self_dependency": ".needs",
    "unknown_dependency": ".needs",
    "cycle": ".needs",
    "unknown_parent": ".parent",
    "parent_cycle": ".parent",
}


def read_draft(
    data: object, agents: Collection[str], places: Sequence[str] = (), *, shells: Collection[str] = ("shell",)
) -> tuple[Draft, list[Problem]]:
    """Return the draft in *data* and everything that is wrong with it; with a problem the draft is not to be used.

    *agents* are the keys a task may ask for. *places* say where each task stands, for one that comes from a file; else
    a problem is placed by its path, such as ``tasks[3].needs``. *shells* are the agents that run commands.
    """
    form = _DraftReader()
    top = form.mapping(data, "", _TOP)
    listed = form.items(top.get("tasks"), "tasks")
    if not listed and not form.problems:
        form.blame("tasks", "there are no tasks", "add at least one", "empty_plan")
    at = [f"tasks[{index}]" for index in range(len(listed))]
    tasks = [_task(form, each, place) for each, place in zip(listed, at, strict=True)]
    draft = Draft(
        tasks=tuple(tasks),
        title=form.line(top, "title"),
        request=form.text(top, "request"),
        goal=form.line(top, "goal"),
        goals=form.lines(top, "goals"),
        success=form.lines(top, "success"),
        has_types=top.get("has_types") is True,
    )
    form.problems += _graph_problems(draft, at)
    form.problems += _name_problems(draft, at)
    form.problems += _agent_problems(draft, at, agents, shells)
    if places:
        of_file = dict(zip(at, places, strict=True))
        form.problems = [_placed(problem, of_file) for problem in form.problems]
    return draft, form.problems


def _placed(problem: Problem, places: Mapping[str, str]) -> Problem:
    task, dot, rest = problem.where.partition(".")
    if task not in places:
        return problem
    message = f"{rest}: {problem.message}" if dot and problem.code == "bad_draft" else problem.message
    return Problem(message, places[task], problem.hint, problem.code)


def _task(form: _DraftReader, value: object, at: str) -> DraftTask:
    data = form.mapping(value, at, _TASK)
    name, description = (form.line(data, "name", at), form.text(data, "description", at, MOST_DESCRIPTION))
    if not name and not description and isinstance(value, Mapping):
        form.blame(at, "it has neither a name nor a description", "say what is to be done")
    script = form.script(data, at)
    return DraftTask(
        id=form.line(data, "id", at),
        name=one_line(name or description, MOST_NAME),
        description=description or name,
        needs=_needs(form, form.items(data.get("needs"), f"{at}.needs"), f"{at}.needs"),
        inputs=tuple(
            _given(form, each, f"{at}.inputs[{index}]")
            for index, each in enumerate(form.items(data.get("inputs"), f"{at}.inputs"))
        ),
        expected=form.text(data, "expected", at),
        acceptance=form.lines(data, "acceptance", at),
        constraints=form.lines(data, "constraints", at),
        hints=form.lines(data, "hints", at),
        agent=form.line(data, "agent", at),
        command=script.code,
        language=script.language,
        type=form.line(data, "type", at),
        estimate=form.read(data, "estimate", at, parse_duration, None),
        priority=form.read(data, "priority", at, parse_priority, NORMAL),
        writes=form.lines(data, "writes", at),
        parent=form.line(data, "parent", at),
        condition=form.read(data, "condition", at, _condition, ""),
        run_if=form.read(data, "run_if", at, _run_if, ""),
        settings=form.settings(data, at),
    )


def _condition(value: object) -> str:
    """Return a condition that a cell of a table can hold unchanged; raises ``ValueError``."""
    text = str(value).strip()
    compile_condition(text)
    if [text] != [read_label(each) for each in split_row(f"| {cell(text, LONGEST_CONDITION)} |")]:
        raise ValueError(
            "a cell of the plan cannot hold this condition as it is: write one line, with single blanks, also behind <"
        )
    return text


def _run_if(value: object) -> str:
    if value not in set(RunIf):
        raise ValueError(f"{one_line(str(value), 40)!r} is none of {', '.join(RunIf)}")
    return str(value)


def _needs(form: _DraftReader, values: Sequence[Any], at: str) -> tuple[Need, ...]:
    """Return each need once; where two kinds are given, what is handed over counts."""
    found: dict[str, Need] = {}
    for index, value in enumerate(values):
        need = _need(form, value, f"{at}[{index}]")
        if need.id not in found or need.kind == "data":
            found[need.id] = need
    return tuple(found.values())


def _need(form: _DraftReader, value: object, at: str) -> Need:
    if isinstance(value, str):
        return Need(value.strip())
    data = form.mapping(value, at, frozenset({"id", "kind"}))
    kind = form.line(data, "kind", at) or "data"
    if kind not in KINDS:
        hint = f"the kinds are {', '.join(KINDS)}"
        form.blame(f"{at}.kind", f"there is no kind of dependency {kind!r}", hint)
        kind = "data"
    return Need(form.line(data, "id", at), kind)


def _given(form: _DraftReader, value: object, at: str) -> TaskInput:
    if isinstance(value, str):
        return TaskInput("input", one_line(value, MOST_TEXT))
    data = form.mapping(value, at, frozenset(TaskInput._fields))
    return TaskInput(
        name=form.line(data, "name", at) or "input",
        value=form.line(data, "value", at),
        type=form.line(data, "type", at) or "string",
        source=form.line(data, "source", at) or "Request",
    )


_TOP = frozenset({"tasks", "title", "request", "goal", "goals", "success", "has_types"})
_TASK = frozenset(DraftTask.__dataclass_fields__) - {"language"}  # the command itself says it


@dataclass(slots=True)
class _DraftReader:
    """Takes values out of data of any shape and remembers what is wrong with them."""

    problems: list[Problem] = field(default_factory=list)

    def blame(self, where: str, message: str, hint: str, code: str = "bad_draft") -> None:
        self.problems.append(Problem(message, where, hint, code))

    def mapping(self, value: object, at: str, known: Collection[str]) -> Mapping[str, Any]:
        if not isinstance(value, Mapping):
            self.blame(at or "the draft", f"{_shown(value)} is not an object", "write {…} there")
            return {}
        for name in value:
            if name not in known:
                self._unknown(str(name), at, known)
        return value

    def _unknown(self, name: str, at: str, known: Collection[str]) -> None:
        hint = suggestion(name.lower(), known, f"the fields are {', '.join(sorted(known))}")
        self.blame(at or "the draft", f"there is no field {one_line(name, 60)!r}", hint)

    def items(self, value: object, at: str) -> Sequence[Any]:
        if value is None:
            return ()
        if isinstance(value, (list, tuple)):
            return value
        self.blame(at, f"{_shown(value)} is not a list", "write [ … ] there")
        return ()

    def text(self, data: Mapping[str, Any], name: str, at: str = "", most: int = MOST_TEXT) -> str:
        return self._text(data.get(name), f"{at}.{name}" if at else name, most)

    def line(self, data: Mapping[str, Any], name: str, at: str = "") -> str:
        return one_line(self.text(data, name, at), MOST_TEXT)

    def script(self, data: Mapping[str, Any], at: str) -> Script:
        """Return a command, of which no character may be left out."""
        if re.search(NO_TEXT, str(data.get("command", ""))):
            message = "a NUL, or half of a character, is not a text"
            self.blame(f"{at}.command", message, "take it out")
        text = self.text(data, "command", at)
        try:
            return script_of(text)
        except ValueError as error:
            self.blame(f"{at}.command", str(error), ADVICE)
            return Script(text)

    def settings(self, data: Mapping[str, Any], at: str) -> Mapping[str, Any]:
        """Return the settings of a task as they were written, once each of them can be read."""
        given = data.get("settings") or {}
        known = self.mapping(given, f"{at}.settings", DRAFT_SETTINGS)
        for name, value in known.items():
            try:
                if name in DRAFT_SETTINGS:
                    read_setting(name, value)
            except ValueError as error:
                self.blame(f"{at}.settings.{name}", one_line(str(error)), "correct it or leave it out")
        return dict(known)

    def lines(self, data: Mapping[str, Any], name: str, at: str = "") -> tuple[str, ...]:
        place = f"{at}.{name}" if at else name
        value = data.get(name)
        listed = [value] if isinstance(value, str) else self.items(value, place)
        texts = (self._text(each, f"{place}[{index}]") for index, each in enumerate(listed))
        return tuple(one_line(text, MOST_TEXT) for text in texts if text)

    def _text(self, value: object, place: str, most: int = MOST_TEXT) -> str:
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.blame(place, f"{_shown(value)} is not a text", 'write "…" there')
            return ""
        text = sanitize(typed(str(value))).strip()
        if len(text) > most:
            hint = "put it into a file and name the file"
            self.blame(place, f"{len(text)} characters are too many", hint)
        return text[:most]

    def read(self, data: Mapping[str, Any], name: str, at: str, reader: Callable[[Any], _T], default: _T) -> _T:
        value = data.get(name)
        if value is None or value == "":
            return default
        try:
            if isinstance(value, bool) or not isinstance(value, (str, int, float)):
                raise ValueError(f"{_shown(value)} is invalid here")
            return reader(value)
        except ValueError as error:
            self.blame(f"{at}.{name}", one_line(str(error)), "correct it or leave it out")
            return default


def _shown(value: object) -> str:
    return one_line(repr(value), 60)


def _graph_problems(draft: Draft, at: Sequence[str]) -> Iterator[Problem]:
    """Ids and dependencies are held to the rules of every plan."""
    rows = [task.row._replace(where=place) for task, place in zip(draft.tasks, at, strict=True)]
    found = [*check_rows(rows), *check_parents(rows)]
    tasks = {row.id: row for row in rows}
    if not found:
        tasks = with_umbrellas(tasks)
    if not found and (cycle := find_cycle(tasks)) is not None:
        found.append(cycle)
    if not found:
        found += condition_problems(tasks)
    for problem in found:
        where = problem.where + _FIELD_OF.get(problem.code, "")
        yield Problem(problem.message, where, problem.hint, problem.code)


def _name_problems(draft: Draft, at: Sequence[str]) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for task, place in zip(draft.tasks, at, strict=True):
        if not (name := task.name.casefold()):
            continue
        if name in first:
            message = f"{task.id} has the same name as {first[name]}: {one_line(task.name, 60)}"
            hint = "say in the name what is different, or make one task of both"
            yield Problem(message, f"{place}.name", hint, "duplicate_name")
        first.setdefault(name, task.id)


def _agent_problems(
    draft: Draft, at: Sequence[str], agents: Collection[str], shells: Collection[str]
) -> Iterator[Problem]:
    for task, place in zip(draft.tasks, at, strict=True):
        key = task.row.agent_key
        if key and key not in agents:
            why = "which a planner gives nothing" if key in shells else "which is not known"
            message = f"{task.id} asks for the agent {one_line(key, 60)!r}, {why}"
            hint = f"known are {', '.join(agents)}; leave it out for the default agent"
            yield Problem(message, f"{place}.agent", hint, "unknown_agent")
        elif key in shells and not task.command:
            message = f"{task.id} is for {_shell(key)} and has no command"
            yield Problem(message, f"{place}.command", "write the command", "no_command")
        elif task.command and key not in shells:
            message = f"{task.id} has a command, and no agent that runs one"
            hint = "write that it is for the agent shell, or leave the command out"
            yield Problem(message, f"{place}.command", hint, "no_shell")


def _shell(key: str) -> str:
    return "the shell" if key == "shell" else f"the agent {key}, which runs commands,"


# ── vague ────────
#
# Texts that tell no one what to do.

#: Fewer words name no object; fewer columns are no two words in a language that joins them.
_FEWEST_WORDS, _FEWEST_COLUMNS = 3, 16
_OPEN_END = re.compile(
    r"\b(?:TBD|TODO|FIXME|etc|and so on|and so forth|somehow|whatever|as needed|as appropriate|stuff)\b"
    r"|\.{3}|…|\?\?|(?-i:\[[A-Z][^\]\n]*\](?!\())",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_WIDE = re.compile("[\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")


def vagueness(text: str) -> str:
    """Say what makes the description of a task vague; empty when nothing does."""
    if found := _OPEN_END.search(text):
        return f"“{one_line(found[0], 30)}” leaves open what is meant"
    # A character of a script without blanks between its words takes two columns, and says as much as half a word.
    words = len(_WORD.findall(_WIDE.sub(" ", text))) + len(_WIDE.findall(text)) / 2
    columns = len(text.strip()) + len(_WIDE.findall(text))
    if words < _FEWEST_WORDS and columns < _FEWEST_COLUMNS:
        return f"“{one_line(text, 30)}” is too short to say what is to be done with what"
    return ""


# ── draft lint ────────
#
# What is not wrong with a draft but will cost a user time: vague texts, tasks of the wrong size, shared files.
#
# Findings are ``Problem`` as errors are, but they stop nothing. Rules: one to five minutes, no vague
# texts, an expected output, and two writers of one file never overlap.

#: Seconds a task should take at least and at most.
SMALLEST, LARGEST = 60.0, 300.0
#: Square brackets are none: web frameworks call files `[id].tsx`.
_PATTERN = re.compile(r"[*?]")


def lint(draft: Draft) -> list[Problem]:
    """Return what should be better, in the order of the tasks; each finding names its task."""
    groups = draft.groups
    return [finding for task in draft.tasks if task.id not in groups for finding in _findings(task)]


def _findings(task: DraftTask) -> Iterator[Problem]:
    if vague := vagueness(task.description):
        hint = "say what to do, with what, and what comes out of it"
        yield Problem(f"vague: {vague}", task.id, hint, "vague_description")
    if not task.command:
        if task.estimate is not None:
            yield from wrong_size(task.id, task.estimate)
        if not task.expected:
            hint = "name the parts of the answer, or the files that are there afterwards"
            message = "it does not say what comes out of it"
            yield Problem(message, task.id, hint, "no_expected_output")
    else:
        shown = one_line(task.command, 80)
        hint = "commands run without asking: read this one before the plan is run"
        yield Problem(f"it runs a command: {shown}", task.id, hint, "shell_command")


def wrong_size(task_id: str, seconds: float) -> Iterator[Problem]:
    """Yield that a task of an agent takes too long, or not long enough."""
    took = format_duration(seconds)
    if seconds > LARGEST:
        hint = "split it: one to five minutes is what an agent does well and what can be repeated cheaply"
        yield Problem(f"too large: {took}", task_id, hint, "too_large")
    elif seconds < SMALLEST:
        hint = "merge it with a task beside or before it: starting an agent costs more than that"
        yield Problem(f"too small: {took}", task_id, hint, "too_small")


# ── two writers of one file ──────────────────────────────────────────────────────────────────────────────────────────


def order_writers(draft: Draft) -> tuple[Draft, list[Problem]]:
    """Make tasks that write the same file wait for each other, in the order of the plan; say which.

    The draft must be without problems. Tasks that a path of dependencies orders already are left alone.
    """
    writers = [task for task in draft.tasks if task.writes]
    if len(writers) < 2:
        return draft, []

    graph = digraph(with_umbrellas(draft.rows()))
    place = {task.id: index for index, task in enumerate(draft.tasks)}
    surely = {task.id: {_cleaned(path) for path in task.writes if not _PATTERN.search(path)} for task in writers}
    notes: list[Problem] = []
    exactly: defaultdict[str, list[str]] = defaultdict(list)
    below: defaultdict[str, list[str]] = defaultdict(list)
    for task in writers:
        ordered = {task.id, *nx.ancestors(graph, task.id), *nx.descendants(graph, task.id)}
        for path in dict.fromkeys(map(_cleaned, task.writes)):
            above = _above(path)
            # Anyone who writes the path itself, a directory above it, or something below it; the latest first, so that
            # three writers make a chain and not a triangle.
            rivals = {*below[path], *(each for at in (*above, path) for each in exactly[at])}
            for rival in sorted(rivals, key=place.__getitem__, reverse=True):
                if rival in ordered:
                    continue
                graph.add_edge(rival, task.id)
                ordered |= {rival, *nx.ancestors(graph, rival)}
                draft = draft.with_need(task.id, Need(rival, "resource"))
                is_sure = path in surely[task.id] & surely[rival]
                notes.append(_note(task.id, rival, path, is_sure=is_sure))
            exactly[path].append(task.id)
            for at in above:
                below[at].append(task.id)
    return draft, notes


def _note(task_id: str, rival: str, path: str, *, is_sure: bool) -> Problem:
    what = f"it writes the same file as {rival}" if is_sure else f"it may write what {rival} writes"
    where = f" ({one_line(path, 80)})" if path else ""
    return Problem(
        f"{what}{where}, so it now waits for it",
        task_id,
        "let each task write files of its own to run them at the same time",
        "shared_file",
    )


def _cleaned(path: str) -> str:
    """Return a path without ``.``, ``..`` and doubled slashes; what a pattern could match counts as a directory."""
    parts: list[str] = ["/"] if path.startswith("/") else []
    for part in path.replace("\\", "/").split("/"):
        if part == ".." and parts and parts[-1] not in {"..", "/"}:
            parts.pop()
        elif _PATTERN.search(part):
            break
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _above(path: str) -> list[str]:
    """Return the directories a path lies in, the whole tree (an empty text) among them."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(len(parts))]
