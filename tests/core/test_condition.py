"""Conditions of ``if:``: what is in the language, what a condition reads, and when it is met."""

from __future__ import annotations

import operator
from typing import Any, ClassVar

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.core.condition import (
    Condition,
    ConditionError,
    Met,
    NotMet,
    Path,
    Reading,
    Undecided,
    compile_condition,
)

VALUES = {
    "result": {
        "n": 3,
        "half": 0.5,
        "text": "abc",
        "tags": ["deep", "wide"],
        "done": False,
        "nothing": None,
        "items": [{"name": "x"}, {"name": "y"}],
        "keys": 1,
        "class": "heavy",
        "market-size": 7,
        "box": {"length": 7, "0": "zero"},
        "__class__": "a key as any other",
        "größe": 2,
        "empty": {"text": "", "list": [], "object": {}, "zero": 0},
    },
    "params": {"depth": "deep", "fast": True},
    "needs": {"T-01": {"status": "failed", "result": {"score": 8}}, "a__b": {"status": "done"}},
}


def refused(text: str) -> ConditionError:
    with pytest.raises(ConditionError) as caught:
        compile_condition(text)
    return caught.value


# ── outcomes ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        'needs.T-01.result.score > 5 && params.depth === "deep"',
        "needs.T-01.result.score > 5 and params.depth == 'deep'",
        "result.items[0].name == 'x' || !params.fast",
        'needs["T-01"].status == "failed"',
        '"deep" in result.tags',
        '"narrow" not in result.tags',
        '"bc" in result.text and "n" in result',
        "result.n >= 1 and not result.done",
        "result.n !== 4 && result.n != '3'",
        "-1 < result.n && result.half == 5e-1 && 1_000 > result.n",
        "result.nothing === null and result.nothing == None",
        "result.done == false and params.fast == True",
        "result.n\n  == 3",
        '\'say "it\\\'s"\\n\' == "say \\"it\'s\\"\\n"',
        # What Python's dict has under these names is not looked at.
        "result.keys == 1 and result.items.length == 2",
        'result.class == "heavy" and result["market-size"] == 7 and result.größe == 2',
        'result["__class__"] == "a key as any other" and needs["a__b"].status == "done"',
        "len(result.tags) == 2 and len( result.text ) == 3 and len(result.box) == 2",
        "result.text.length == 3 and result.box.length == 7",
        "result.box[0] == 'zero'",
        "result.box == result.box && result.box != result.empty && result.items != result.tags",
        "result.tags == ['deep', \"wide\"] and result.empty.list == []",
        # JSON has neither `true == 1` nor `0 == false`.
        "true != 1 and 0 != false and '' != null and not (1 in [true, '1'])",
        # `!` binds more tightly than `==`, `not` less so.
        "!result.n == false and not result.n == 4",
        "result.done == !params.fast and !!result.n === true",
        "result.tags and result.text and result.n and result.box",
        "!(result.empty.text || result.empty.list || result.empty.object || result.empty.zero || result.nothing)",
        # Nobody asks for what is behind the outcome.
        "params.fast || result.missing",
        "!(result.done && result.missing)",
    ],
)
def test_met(text: str) -> None:
    """Python's and JavaScript's spelling mean the same; values are compared as JSON."""
    assert Met() == compile_condition(text).evaluate(VALUES)
    assert NotMet() == compile_condition(f"not ({text})").evaluate(VALUES)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("result.x.y > 1", "result.x is missing"),
        ("result.missing || params.fast", "result.missing is missing"),
        ("item.name == 1", "item is missing"),
        ('needs["T-02"].status == "done"', 'needs["T-02"] is missing'),
        ("result.items[2]", "result.items[2] is missing"),
        ("result.items.name", "result.items.name is missing: result.items is a list"),
        ("result.text[0] == 'a'", "result.text[0] is missing: result.text is a string"),
        ("result.n.length > 1", "result.n.length is missing: result.n is a number"),
        ("result.nothing.x == 1", "result.nothing.x is missing: result.nothing is null"),
        ("len(result.n) > 1", "result.n is a number and has no length"),
        ("result.text < 1", "result.text is a string and 1 a number"),
        ("result.nothing > 3", "result.nothing is null and 3 a number"),
        ("params.fast > 0", "params.fast is true or false and 0 a number"),
        ("result.tags < result.tags", "result.tags is a list and result.tags a list"),
        ("1 in result.text", "1 is a number and result.text a string"),
        ("1 not in result.box", "1 is a number and result.box an object"),
        ("(result.n < result.text) == true", "result.n is a number and result.text a string"),
    ],
)
def test_undecided(text: str, reason: str) -> None:
    """A missing value, or a comparison that has no answer, is neither true nor false; the reason names it."""
    assert Undecided(reason) == compile_condition(text).evaluate(VALUES)
    assert Undecided(reason) == compile_condition(f"!({text})").evaluate(VALUES)


def test_what_is_not_json_is_equal_to_nothing() -> None:
    """A value that has slipped in from elsewhere is never asked how it compares."""
    values = {"result": {"odd": operator, "list": ()}}
    assert NotMet() == compile_condition("result.list == []").evaluate(values)
    assert Undecided("result.list is not JSON and 1 a number") == compile_condition("result.list < 1").evaluate(values)


@pytest.mark.usefixtures("no_garbage")
def test_a_value_may_be_long_or_deep() -> None:
    """Length is no matter; what is nested deeper than Python can compare has no outcome."""
    long = "x" * 1_000_000
    assert Met() == compile_condition("result == item and 'xx' in item").evaluate({"result": long, "item": long + ""})
    deep: Any = 1
    for _ in range(100_000):
        deep = [deep]
    assert Undecided("a value is nested too deeply") == compile_condition("result == item").evaluate(
        {"result": deep, "item": [deep]}
    )


# ── what it reads ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_condition_says_what_it_reads_and_where() -> None:
    """Every place has its column in the text of the user; every path stands once."""
    text = "!needs.T-01.result.items[0].n === true && params['a b'] <= len(result.x) || needs[\"1.2\"].ok\n&& result.x"
    condition = compile_condition(text)
    paths: list[Path] = [
        ("needs", "T-01", "result", "items", 0, "n"),
        ("params", "a b"),
        ("result", "x"),
        ("needs", "1.2", "ok"),
    ]
    columns = [text.index("needs"), text.index("params"), text.index("len"), text.rindex("needs"), text.rindex("res")]
    assert text == condition.text
    assert tuple(paths) == condition.paths
    assert [Reading(p, c + 1) for p, c in zip([*paths, paths[2]], columns, strict=True)] == list(condition.readings)
    assert {"T-01", "1.2"} == condition.needs
    assert {"a b"} == condition.params
    assert condition.uses_result
    assert not compile_condition("needs.result.result.x").uses_result


def test_a_root_alone_is_a_path() -> None:
    """It needs no task and no parameter by name."""
    condition = compile_condition('"T-01" in needs and params and item != 1')
    assert (("needs",), ("params",), ("item",)) == condition.paths
    assert (frozenset(), frozenset(), False) == (condition.needs, condition.params, condition.uses_result)


# ── what is refused ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "column", "said"),
    [
        ("", 1, "ends where a value is expected"),
        (" \n ", 1, "ends where a value is expected"),
        ("result.n and ", 13, "ends where a value is expected"),
        ("!", 2, "ends where a value is expected"),
        ("result.n = 3", 10, "`=` alone compares nothing: write =="),
        ("result.n & 3", 10, "`&` alone is not in the language: write &&"),
        ("result.n | 3", 10, "`|` alone is not in the language: write ||"),
        ("result.n := 3", 10, "assignment"),
        ("result.n is 3", 10, "`is` is not in the language of conditions: write =="),
        ("result.n + 1 > 2", 10, "does not calculate"),
        ("result.n - 1 > 2", 10, "does not calculate"),
        ("-result.n > 2", 1, "does not calculate"),
        ("result.market-size > 1", 14, '["a-b"]'),
        ("9**9**9", 2, "does not calculate"),
        ("'a' * 100", 5, "does not calculate"),
        ("result.n ? 1 : 2", 10, "`?`"),
        ("1 if result.n else 2", 3, "`if`"),
        ("lambda: 1", 1, "`lambda`"),
        ("import os", 1, "`import`"),
        ("__import__('os')", 1, "`__import__` has two underscores"),
        ("result.__class__", 8, "`__class__` has two underscores"),
        ("needs.a__b.status", 7, "`a__b` has two underscores"),
        ("[x for x in result.tags]", 2, "`x` is not known"),
        ("{'a': 1}", 1, "`{`"),
        ("f'{result}'", 1, "`f` is not known"),
        ("open('x')", 1, "`open` is not known"),
        ("result.keys()", 12, "only len is called"),
        ("len(5)", 1, "one path"),
        ("len(result.a, result.b)", 1, "one path"),
        ("len == 1", 1, "one path"),
        ("params.depth == deep", 17, "a text stands in quotes"),
        ("params.depth == “deep”", 17, "quotation mark"),
        ("${{ result.n }}", 1, "without ${{ }}"),
        ("'abc", 1, "does not end"),
        (r"'a\x41' == 1", 3, "`\\x` is not an escape"),
        ("result['\\q']", 9, "`\\q` is not an escape"),
        ("1e999 > 1", 1, "too large"),
        ("007 > 1", 1, "number"),
        ("0x1F > 1", 1, "number"),
        ("result.n > 5x", 12, "number"),
        ("(result.n", 1, "`(` is not closed"),
        ("[1, 2", 1, "`[` is not closed"),
        ("result.n)", 9, "`)` closes nothing"),
        ("(result.n]", 10, "`]` closes nothing"),
        ("result.n == 'a' 'b'", 17, "needs an operator"),
        ("and result.n", 1, "`and` stands where a value is expected"),
        ("()", 2, "stands where a value is expected"),
        ("result.n <> 3", 11, "stands where a value is expected"),
        ("(1, 2)", 3, "a list is of literals"),
        ("result.n in [1, result.m]", 17, "a list is of literals"),
        ("result.n in [[1]]", 14, "a list is of literals"),
        ("result.n in [1,]", 16, "stands where a value is expected"),
        ("1 < result.n < 3", 16, "write a < b and b < c"),
        ("result.n == not result.m", 13, "without brackets"),
        ("result.", 7, "does not continue a path"),
        ("result.items[-1]", 13, "does not continue a path"),
        ("result.items[1:2]", 13, "does not continue a path"),
        ("needs[0].status", 6, "does not continue a path"),
        ("result .n", 8, "without blanks"),
        ("result.n\0", 9, r"`\x00` is not in the language"),
        ("ｒesult.n", 1, "is not known"),  # Python's parser would take it for `result`
    ],
)
def test_what_is_not_in_the_language_is_refused(text: str, column: int, said: str) -> None:
    """The message names it, and the column is one of the text as it was written."""
    error = refused(text)
    assert said in error.message
    assert column == error.column
    assert f"{error.message} (column {column})" == str(error)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("(" * 10_000 + "1" + ")" * 10_000, 2001),
        ("1 == " + "'" + "x" * 1_000_000 + "'", 2001),
        ("(" * 999, 51),
        ("(" * 51 + "1" + ")" * 51, 51),
        ("[" * 999, 2),
        ("!" * 999 + "1", 51),
        ("not " * 400 + "1", 201),
        ("(!" * 400 + "1", 51),
        ("result" + ".a" * 900, 105),
        ("result" + "[0]" * 600, 154),
        ("-" * 999 + "1", 1),
        ("9" * 1000 + "**" + "9" * 900, 1001),
    ],
)
def test_what_is_hostile_is_refused_before_it_is_parsed(text: str, column: int) -> None:
    """Length and nesting have bounds, so no parser and no evaluator runs out of stack."""
    assert column == refused(text).column


@pytest.mark.parametrize(
    "text",
    [
        "(" * 50 + "1" + ")" * 50,
        "(1 and " * 50 + "1" + ")" * 50,
        "true == (" * 50 + "1 == 1" + ")" * 50,
        "true == !(1 and " * 25 + "0" + ")" * 25,
        "!" * 50 + "1",
        "not " * 50 + "1",
        " or ".join(["not 1"] * 220 + ["1"]),
        " and ".join(["!(0)"] * 220),
        "9" * 1995 + " > 1",
        "1 in [" + "0," * 990 + "1]",
    ],
)
def test_what_is_just_within_the_bounds_is_evaluated(text: str) -> None:
    """Negations in a row and brackets count together; operands side by side do not."""
    assert Met() == compile_condition(text).evaluate({})


# ── random conditions ─────────────────────────────────────────────────────────────────────────────────────────────

Tree = tuple[Any, ...]
ORDERED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

names = st.sampled_from(["a", "b", "length", "items", "in", "ä"])
strings = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), max_size=4) | names
scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, -2.5, 1.0, 1e30]) | strings
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=8
)
given_values = st.fixed_dictionaries(
    {}, optional={"result": json_values, "item": json_values, "params": st.dictionaries(names, json_values)}
)
paths = st.builds(
    lambda root, steps: (root, *steps),
    st.sampled_from(["result", "item"]),
    st.lists(names | st.integers(0, 2), max_size=2),
) | st.builds(lambda name: ("params", name), names)
atoms = (
    st.builds(lambda value: ("literal", value), scalars | st.lists(scalars, max_size=3))
    | st.builds(lambda path: ("path", path), paths)
    | st.builds(lambda path: ("len", path), paths)
)
comparisons = st.sampled_from(["==", "!=", *ORDERED, "in", "not in"])
trees = st.recursive(
    atoms,
    lambda inner: (
        st.builds(lambda one: ("not", one), inner)
        | st.builds(lambda *parts: parts, st.sampled_from(["and", "or"]), inner, inner)
        | st.builds(lambda *parts: parts, comparisons, inner, inner)
    ),
    max_leaves=8,
)


class Spelling:
    """Python's; the number of a rank says how tightly an operator binds."""

    words: ClassVar[dict[str, str]] = {"and": "and", "or": "or", "==": "==", "!=": "!="}
    negation = "not "
    constants: ClassVar[dict[Any, str]] = {None: "None", True: "True", False: "False"}
    quote = "'"
    ranks: ClassVar[dict[str, int]] = {"or": 1, "and": 2, "not": 3, "compare": 4, "operand": 5}

    def write(self, tree: Tree, rank: int = 0) -> str:
        match tree:
            case ("literal", value):
                return self.literal(value)
            case ("path", path):
                return self.path(path)
            case ("len", path):
                return f"len({self.path(path)})"
            case ("not", one):
                own, text = self.ranks["not"], self.negation + self.write(one, self.ranks["not"])
            case ("and" | "or" as word, left, right):
                own = self.ranks[word]
                text = f"{self.write(left, own)} {self.words[word]} {self.write(right, own)}"
            case (word, left, right):
                own, inner = self.ranks["compare"], self.ranks["operand"]
                text = f"{self.write(left, inner)} {self.words.get(word, word)} {self.write(right, inner)}"
            case _:
                raise AssertionError(tree)
        return f"({text})" if own < rank else text

    def literal(self, value: Any) -> str:
        if value is None or isinstance(value, bool):
            return self.constants[value]
        if isinstance(value, list):
            return f"[{', '.join(map(self.literal, value))}]"
        if isinstance(value, str):
            escaped = value.replace("\\", "\\\\").replace(self.quote, f"\\{self.quote}")
            return f"{self.quote}{escaped}{self.quote}"
        return repr(value)

    def path(self, path: Path) -> str:
        return str(path[0]) + "".join(f"[{self.literal(step)}]" for step in path[1:])


class JavaScript(Spelling):
    words: ClassVar[dict[str, str]] = {"and": "&&", "or": "||", "==": "===", "!=": "!=="}
    negation = "!"
    constants: ClassVar[dict[Any, str]] = {None: "null", True: "true", False: "false"}
    quote = '"'
    ranks: ClassVar[dict[str, int]] = {"or": 1, "and": 2, "compare": 3, "not": 4, "operand": 4}

    def write(self, tree: Tree, rank: int = 0) -> str:
        if tree[0] == "not in":
            return super().write(("not", ("in", *tree[1:])), rank)
        return super().write(tree, rank)

    def path(self, path: Path) -> str:
        return str(path[0]) + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in path[1:])


class NoOutcome(Exception):
    """The reference evaluator comes to something that is missing or cannot be compared."""


def as_json(value: Any) -> Any:
    """A value with its kind, so that Python's `==` tells `true` from 1."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, dict):
        return "object", {key: as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return "list", [as_json(each) for each in value]
    return "string" if isinstance(value, str) else "number", value


def look_up(path: Path, value: Any) -> Any:
    for step in path:
        if isinstance(step, str) and isinstance(value, list | str) and step == "length":
            value = len(value)
        elif isinstance(value, str) or (isinstance(value, dict) and isinstance(step, int)):
            raise NoOutcome  # no name is a number here
        else:
            try:
                value = value[step]
            except (LookupError, TypeError):
                raise NoOutcome from None
    return value


def compared(word: str, left: Any, right: Any) -> bool:
    kinds = as_json(left)[0], as_json(right)[0]
    if word == "==":
        return bool(as_json(left) == as_json(right))
    if word in ORDERED and kinds in {("string", "string"), ("number", "number")}:
        return bool(ORDERED[word](left, right))
    if word == "in" and isinstance(right, list):
        return as_json(left) in [as_json(each) for each in right]
    if word == "in" and isinstance(left, str) and isinstance(right, str | dict):
        return left in right
    raise NoOutcome


def evaluated(tree: Tree, values: dict[str, Any]) -> Any:
    match tree:
        case ("literal", value):
            return value
        case ("path", path):
            return look_up(path, values)
        case ("len", path):
            found = look_up(path, values)
            if not isinstance(found, str | list | dict):
                raise NoOutcome
            return len(found)
        case ("not", one):
            return not evaluated(one, values)
        case ("and", left, right):
            return evaluated(left, values) and evaluated(right, values)
        case ("or", left, right):
            return evaluated(left, values) or evaluated(right, values)
        case ("!=" | "not in" as word, left, right):
            positive = "==" if word == "!=" else "in"
            return not compared(positive, evaluated(left, values), evaluated(right, values))
        case (word, left, right):
            return compared(word, evaluated(left, values), evaluated(right, values))
        case _:
            raise AssertionError(tree)


def expected(tree: Tree, values: dict[str, Any]) -> type[Met | NotMet | Undecided]:
    try:
        return Met if evaluated(tree, values) else NotMet
    except NoOutcome:
        return Undecided


def read_by(tree: Tree) -> set[Path]:
    if tree[0] in {"path", "len"}:
        return {tree[1]}
    return set[Path]().union(*(read_by(each) for each in tree[1:] if tree[0] != "literal"))


@given(trees, given_values)
def test_both_spellings_mean_the_same(tree: Tree, values: dict[str, Any]) -> None:
    """What a small evaluator of its own makes of the tree, brackets only where precedence asks for them."""
    for text in (Spelling().write(tree), JavaScript().write(tree)):
        assume(len(text) <= 2000)
        condition = compile_condition(text)
        assert expected(tree, values) is type(condition.evaluate(values)), text
        assert read_by(tree) == set(condition.paths)
        assert all(text.startswith((str(path[0]), "len("), column - 1) for path, column in condition.readings)


WORDS = """result params needs item len not and or in is true null None == === != !== = < >= && || & | ! ( ) [ ] , . : -
    + ** ' " 1 0.5 1e9 .a .T-01 [0] ['k'] 'text' __class__ lambda if for ä ｒesult"""
soup = st.lists(st.sampled_from([*WORDS.split(), "\\", "\n", "\t", "\ud800", "\0"]), max_size=40)


def compiled_or_refused(text: str) -> Condition | ConditionError:
    try:
        return compile_condition(text)
    except ConditionError as error:
        return error


@given(st.text(st.characters(), max_size=300) | soup.map("".join) | soup.map(" ".join), given_values)
def test_any_text_is_a_condition_or_is_refused(text: str, values: dict[str, Any]) -> None:
    """With a column in it, or right behind it; and a condition has an outcome, whatever the values are."""
    compiled = compiled_or_refused(text)
    if isinstance(compiled, ConditionError):
        assert 1 <= compiled.column <= len(text) + 1
        assert compiled.message.isprintable()
    else:
        assert isinstance(compiled.evaluate(values), Met | NotMet | Undecided)
