"""The conditions of ``if:``, in Python or JavaScript spelling: ``needs.T-01.result.n > 3 && params.depth === "deep"``.

``condition_syntax`` refuses every word that is not in the language; Python's parser sees only what was written there,
and of its tree only a short list of node types is accepted. Then simpleeval evaluates it, with operators that compare
as JSON does: in Python ``True == 1``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from orchestrator.core.condition_syntax import ConditionError, Path, Source, Token, translate
from orchestrator.core.ids import suggestion
from orchestrator.core.plan import Task
from orchestrator.core.text import one_line
from orchestrator.errors import Problem
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    import ast

    import simpleeval
else:
    ast = LazyModule("ast")
    simpleeval = LazyModule("simpleeval")

__all__ = ["Condition", "ConditionError", "Met", "NotMet", "Path", "Reading", "Undecided", "compile_condition"]

_CODE = "bad_condition"
_NODES = frozenset(
    {"BoolOp", "And", "Or", "UnaryOp", "Not", "USub", "Compare", "Eq", "NotEq", "Lt", "LtE", "Gt", "GtE"}
)
_NODES |= {"In", "NotIn", "Call", "Name", "Subscript", "Load", "List", "Constant"}  # codespell:ignore notin


@dataclass(frozen=True, slots=True)
class Met:
    """The condition is true."""


@dataclass(frozen=True, slots=True)
class NotMet:
    """The condition is false."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """The condition needs a value that is missing or cannot be compared."""

    reason: str
    """Names paths and kinds, and never a value: it may be secret."""


class Reading(NamedTuple):
    """A place where a condition reads a value."""

    path: Path
    column: int


@dataclass(frozen=True, slots=True, eq=False)
class Condition:
    """A compiled condition, and what it reads."""

    text: str
    readings: tuple[Reading, ...]
    """Every place, from left to right."""
    _tree: ast.expr = field(repr=False)
    _source: Source = field(repr=False)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys(reading.path for reading in self.readings))

    @property
    def needs(self) -> frozenset[str]:
        """The ids after ``needs``."""
        return frozenset(str(path[1]) for path in self.paths if path[0] == "needs" and len(path) > 1)

    @property
    def params(self) -> frozenset[str]:
        """The names after ``params``."""
        return frozenset(str(path[1]) for path in self.paths if path[0] == "params" and len(path) > 1)

    @property
    def uses_result(self) -> bool:
        return any(path[0] == "result" for path in self.paths)

    def evaluate(self, values: Mapping[str, Any]) -> Met | NotMet | Undecided:
        """Evaluate it, from left to right until the outcome is known; *values* are JSON, by the roots of paths."""
        try:
            return Met() if _evaluator(self._source, values).eval(self.text, self._tree) else NotMet()
        except _UndecidedError as undecided:
            return Undecided(str(undecided))
        except RecursionError:
            return Undecided("a value is nested too deeply")


def compile_condition(text: str) -> Condition:
    """Compile a condition.

    Raises:
        ConditionError: it is too long, nested too deeply, or not in the language.
    """
    source = translate(text)
    try:
        tree = ast.parse(source.python, mode="eval").body
    except SyntaxError as error:  # `a == not b`
        raise source.error("cannot stand here without brackets", source.token((error.offset or 1) - 1)) from None
    _check_nodes(tree, source)
    readings = tuple(Reading(token.path, token.start + 1) for token in source.tokens if token.path)
    return Condition(text, readings, tree, source)


def _check_nodes(tree: ast.expr, source: Source) -> None:
    for node in ast.walk(tree):
        if type(node).__name__ not in _NODES:
            # The tokenizer lets nothing else through. This is a second wall, should a later Python read it otherwise.
            raise ConditionError(f"{type(node).__name__} is not in the language of conditions", 1)
        if isinstance(node, ast.Compare) and len(node.ops) > 1:
            # JavaScript reads `a < b < c` as `(a < b) < c`, so it would mean two things.
            third = source.token(node.comparators[1].col_offset)
            raise source.error("is compared with two others: write a < b and b < c", third)


def condition_problems(tasks: Mapping[str, Task]) -> Iterator[Problem]:
    """Yield what is wrong with the conditions of a plan: they read what their task does not depend on.

    The tasks have sound ids and needs, and each condition can be compiled.
    """
    for task in tasks.values():
        if not (task.condition or task.run_if):
            continue
        if task.children:
            hint = "write it into the rows of the tasks under it"
            yield Problem(f"{task.id} is an umbrella and has no condition of its own", task.where, hint, _CODE)
        elif task.condition:
            yield from _unknown_readings(task, compile_condition(task.condition), tasks)


def _unknown_readings(task: Task, condition: Condition, tasks: Mapping[str, Task]) -> Iterator[Problem]:
    sources = task.data_needs
    for path, column in condition.readings:
        at = f"the condition of {task.id}, column {column}"
        if path[0] == "result" and len(sources) != 1:
            message = f"{at}: `result` is that of the one task it depends on, and it depends on {len(sources)}"
            yield Problem(message, task.where, "write needs.ID.result", _CODE)
        if path[0] == "item":
            yield Problem(f"{at}: there is no `item` here", task.where, "write result, needs.ID or params", _CODE)
        if path[0] == "needs" and (len(path) < 2 or path[1] not in task.needs):
            named = str(path[1]) if len(path) > 1 else "nothing"
            hint = suggestion(named, task.needs, "add it to its dependencies", cutoff=0.8)
            yield Problem(f"{at}: it does not depend on {one_line(named, 64)}", task.where, hint, _CODE)
        elif path[0] in {"needs", "result"}:
            need = sources[0] if path[0] == "result" and sources else str(path[1]) if len(path) > 1 else ""
            if need in tasks and tasks[need].children and "result" in path[:3]:
                message = f"{at}: {need} is an umbrella and has no result of its own"
                yield Problem(message, task.where, "name a task under it that it depends on", _CODE)


# ── evaluation ────────────────────────────────────────────────────────────────────────────────────────────────────

_KINDS: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "true or false"),  # before the numbers, which it is in Python
    ((int, float), "a number"),
    (str, "a string"),
    (list, "a list"),
    (Mapping, "an object"),
    (type(None), "null"),
)


class _UndecidedError(Exception):
    """Why a condition has no outcome."""


class _KindError(Exception):
    """Two values have no order, or one cannot be in the other."""


def _evaluator(source: Source, values: Mapping[str, Any]) -> simpleeval.EvalWithCompoundTypes:
    """Return an evaluator that knows no names, no functions and no attributes: paths are looked up here."""

    def compare(node: ast.Compare) -> bool:
        try:
            return bool(known[ast.Compare](node))
        except _KindError as error:
            left, right = map(_kind, error.args)
            other = source.written(node.comparators[0])
            raise _UndecidedError(f"{source.written(node.left)} is {left} and {other} {right}") from None

    def read(node: ast.expr) -> Any:
        return _look_up(source.token(node.col_offset), source.text, values)

    def length(node: ast.Call) -> int:
        value, bounds = read(node), source.token(node.col_offset).bounds
        if isinstance(value, (str, list, Mapping)):
            return len(value)
        raise _UndecidedError(f"{one_line(source.text[bounds[0] : bounds[-1]])} is {_kind(value)} and has no length")

    evaluator = simpleeval.EvalWithCompoundTypes(names={})
    known = evaluator.nodes
    kept = (ast.BoolOp, ast.UnaryOp, ast.Constant, ast.List)
    evaluator.nodes = {kind: known[kind] for kind in kept}
    evaluator.nodes |= {ast.Compare: compare, ast.Name: read, ast.Subscript: read, ast.Call: length}
    evaluator.functions = {}
    evaluator.operators = {ast.Not: operator.not_, ast.USub: operator.neg, ast.Eq: _equal, ast.In: _contains}
    evaluator.operators[ast.NotEq] = lambda *both: not _equal(*both)
    evaluator.operators[ast.NotIn] = lambda *both: not _contains(*both)  # codespell:ignore notin
    evaluator.operators |= {ast.Lt: _ordered(operator.lt), ast.LtE: _ordered(operator.le)}
    evaluator.operators |= {ast.Gt: _ordered(operator.gt), ast.GtE: _ordered(operator.ge)}
    return evaluator


def _look_up(token: Token, text: str, values: Any) -> Any:
    # Only keys and indices: `result.items` is what JSON has under "items", whatever Python's dict has.
    value = values
    for step, (before, end) in zip(token.path, pairwise(token.bounds), strict=True):
        if isinstance(value, Mapping) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        elif isinstance(value, (list, str)) and step == "length":
            value = len(value)
        else:
            name, parent = (one_line(text[token.bounds[0] : each]) for each in (end, before))
            is_fit = isinstance(value, Mapping) or (isinstance(value, list) and isinstance(step, int))
            raise _UndecidedError(f"{name} is missing" + ("" if is_fit else f": {parent} is {_kind(value)}"))
    return value


def _kind(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "not JSON")


def _equal(left: Any, right: Any) -> bool:
    if _kind(left) != _kind(right):
        return False
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    if isinstance(left, Mapping):
        return left.keys() == right.keys() and all(_equal(left[key], right[key]) for key in left)
    return bool(left == right)


def _contains(item: Any, container: Any) -> bool:
    if isinstance(container, list):
        return any(_equal(item, each) for each in container)
    if isinstance(item, str) and isinstance(container, (str, Mapping)):
        return item in container
    raise _KindError(item, container)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        if _kind(left) == _kind(right) and isinstance(left, (int, float, str)) and not isinstance(left, bool):
            return compare(left, right)
        raise _KindError(left, right)

    return ordered
