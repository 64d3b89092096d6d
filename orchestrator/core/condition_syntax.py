"""The words of a condition, and the Python that they are translated to.

The tokenizer knows every word of the language and refuses all others with the column, before any parser sees the text.
What it writes is Python in ASCII, in which a path is a chain of subscripts: no attribute is left in it.
"""

from __future__ import annotations

import keyword
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.plan import LONGEST_CONDITION
from orchestrator.core.text import one_line

if TYPE_CHECKING:
    import ast

#: Brackets and negations inside each other, and steps of a path.
MAX_DEPTH = 50
ROOTS = ("result", "params", "needs", "item")

#: ``("needs", "T-01", "result", "items", 0)``. A last step ``length`` may ask for the length of a list or a string.
Path = tuple[str | int, ...]

_STRING = r""""(?:[^"\\\r\n]|\\.)*+"|'(?:[^'\\\r\n]|\\.)*+'"""
_TOKEN = re.compile(
    rf"""(?P<space>[ \t\r\n]+) | (?P<string>{_STRING}) | (?P<word>[^\W\d]\w*) | (?P<comma>,) | (?P<not>!(?!=))
    | (?P<number>-?[ ]*(?:0|[1-9][0-9]*(?:_[0-9]+)*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![\w.]))
    | (?P<binary>===|!==|==|!=|<=|>=|<|>|&&|\|\|) | (?P<open>[(\[]) | (?P<close>[)\]])""",
    re.VERBOSE,
)
_NOT_IN = re.compile(r"not[ \t\r\n]+in\b")
_TASK_ID = re.compile(r"\.([A-Za-z0-9_-]+)")
_KEY = re.compile(r"\.([^\W\d]\w*)")
_BRACKET = re.compile(rf"\[ *(?:([0-9]+)|({_STRING})) *\]")
_LENGTH = re.compile(rf"len *\( *({'|'.join(ROOTS)})\b")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", **{char: char for char in "\\/\"'"}}
#: Kind of a word, and Python for it.
_WORDS = {
    **{word: ("binary", python) for word, python in (("===", "=="), ("!==", "!="), ("&&", "and"), ("||", "or"))},
    **{word: ("binary", word) for word in ("and", "or", "in")},
    **{word: ("constant", word.capitalize()) for word in ("true", "false", "True", "False", "None")},
    "null": ("constant", "None"),
    "not": ("not", "not"),
    # `!` binds more tightly than `==`, unlike `not`: a bracket is closed behind its operand.
    "!": ("not", "(not"),
}
_CALCULATES = "is not in the language: a condition does not calculate"
#: What is not in the language, and why; a longer spelling stands before a shorter one.
_REFUSED = {
    ":=": "is an assignment, and a condition assigns nothing",
    "=": "alone compares nothing: write == or <= or >=",
    "&": "alone is not in the language: write && or `and`",
    "|": "alone is not in the language: write || or `or`",
    "-": f'{_CALCULATES}, and a key with a dash is written ["a-b"]',
    "$": "is not in the language: write the condition without ${{ }}",
    ".": "stands where no path goes on: write result.items[0].name, without blanks",
    **dict.fromkeys("+*/%^~@", _CALCULATES),
    **dict.fromkeys("\"'", "begins a string that does not end on its line"),
    **dict.fromkeys("“”‘’`", "is not a quotation mark of the language: write \" or '"),
    **dict.fromkeys("0123456789", "does not begin a number: write 12, 0.5 or 1e6"),
}
_WORD_HINTS = {"is": ": write ==", "undefined": ": write null", "AND": ": write `and`", "OR": ": write `or`"}
_BEGIN_OPERAND = frozenset({"string", "number", "path", "constant", "not", "open"})
_END_OPERAND = frozenset({"string", "number", "path", "constant", "close"})
_IN_LIST = frozenset({"string", "number", "constant", "comma", "close"})


class ConditionError(ValueError):
    """A text is not a condition; ``column`` counts from 1, in the text as the user wrote it."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message, column)
        self.message = message
        self.column = column

    def __str__(self) -> str:
        return f"{self.message} (column {self.column})"


def translate(text: str) -> Source:
    """Translate a condition.

    Raises:
        ConditionError: it is too long, nested too deeply, or has words that are not in the language or in this order.
    """
    if len(text) > LONGEST_CONDITION:
        raise ConditionError(f"a condition has at most {LONGEST_CONDITION:,} characters", LONGEST_CONDITION + 1)
    source = Source(text)
    for token in _tokenize(text):
        source.add(token)
    source.finish()
    return source


class Token(NamedTuple):
    """One word of a condition; a path is one as well."""

    kind: str
    python: str
    start: int
    end: int
    path: Path = ()
    bounds: tuple[int, ...] = ()
    """Where the path begins, and where each step of it ends."""


def _tokenize(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            symbol = next((each for each in _REFUSED if text.startswith(each, at)), text[at])
            shown = symbol if symbol.isprintable() else ascii(symbol)[1:-1]
            raise ConditionError(f"`{shown}` {_REFUSED.get(symbol, 'is not in the language of conditions')}", at + 1)
        kind, word = str(match.lastgroup), match.group()
        if kind == "word":
            token = _word(text, word, at)
        elif kind == "string":
            token = Token(kind, ascii(_unquoted(word, at)), at, match.end())
        elif kind == "number":
            token = Token(kind, _number(word, at), at, match.end())
        else:
            token = Token(*_WORDS.get(word, (kind, word)), at, match.end())
        at = token.end
        if kind != "space":
            yield token


def _word(text: str, word: str, at: int) -> Token:
    if word in ROOTS:
        return _path(text, word, at)
    if match := _NOT_IN.match(text, at):
        return Token("binary", "not in", at, match.end())
    if word in _WORDS:
        return Token(*_WORDS[word], at, at + len(word))
    if word == "len":
        match = _LENGTH.match(text, at)
        token = _path(text, match[1], match.start(1)) if match else None
        closing = re.compile(r" *\)").match(text, token.end) if token else None
        if token and closing:
            return token._replace(python=f"len({token.python})", start=at, end=closing.end())
        reason = "is the length of one path: write len(result.items)"
    elif "__" in word:
        reason = "has two underscores in a row, and no name in a condition has"
    elif word in _WORD_HINTS or keyword.iskeyword(word):
        reason = f"is not in the language of conditions{_WORD_HINTS.get(word, '')}"
    else:
        reason = f"is not known: a path begins with {', '.join(ROOTS)}; a text stands in quotes; only len is called"
    raise ConditionError(f"`{one_line(word, 40)}` {reason}", at + 1)


def _path(text: str, root: str, start: int) -> Token:
    path: list[str | int] = [root]
    ends = [start + len(root)]
    while text.startswith((".", "["), at := ends[-1]):
        is_name = len(path) == 1 and root in {"needs", "params"}
        if match := (_TASK_ID if is_name and root == "needs" else _KEY).match(text, at):
            path.append(match[1])
            if "__" in match[1]:  # only a key of JSON, but who writes it tries something else; as ["__a"] it is one
                raise ConditionError(f"`{one_line(match[1], 40)}` has two underscores in a row", at + 2)
        elif (match := _BRACKET.match(text, at)) and not (is_name and match[1]):
            path.append(int(match[1]) if match[1] else _unquoted(match[2], match.start(2)))
        else:
            known = '["a name"]' if is_name else '[0] or ["a name"]'
            raise ConditionError(f"`{text[at]}` does not continue a path: write .name, {known}", at + 1)
        if len(path) > MAX_DEPTH:
            raise ConditionError(f"a path has at most {MAX_DEPTH} steps", at + 1)
        ends.append(match.end())
    python = root + "".join(f"[{step!a}]" for step in path[1:])
    return Token("path", python, start, ends[-1], tuple(path), (start, *ends))


def _unquoted(literal: str, at: int) -> str:
    def unescaped(match: re.Match[str]) -> str:
        if match[1] not in _ESCAPES:
            raise ConditionError(f"`{one_line(match[0])}` is not an escape of a string", at + 2 + match.start())
        return _ESCAPES[match[1]]

    return re.sub(r"\\(.)", unescaped, literal[1:-1])


def _number(word: str, at: int) -> str:
    word = word.replace(" ", "")
    value = float(word) if re.search("[.eE]", word) else int(word)
    if abs(value) == float("inf"):
        raise ConditionError("this number is too large", at + 1)
    return repr(value)


_START = Token("", "", 0, 0)


@dataclass(slots=True, eq=False, repr=False)
class Source:
    """A condition as the user wrote it and as Python, with the token that each column of the Python comes from."""

    text: str
    python: str = ""
    tokens: list[Token] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    opened: list[Token] = field(default_factory=list)
    """Brackets that are open, and negations without their operand."""
    before: Token = _START

    def add(self, token: Token) -> None:
        """Write the next token, where it can stand."""
        self._check_place(token)
        if token.kind in {"open", "not"}:
            self.opened.append(token)
            if len(self.opened) > MAX_DEPTH:
                raise self.error(f"is nested more than {MAX_DEPTH} brackets and negations deep", token)
        elif token.kind == "close" and (not self.opened or self.opened.pop().python + token.python not in {"()", "[]"}):
            raise self.error("closes nothing", token)
        self._write(token.python, token)
        while token.kind in _END_OPERAND and self.opened and self.opened[-1].kind == "not":
            if self.opened.pop().python == "(not":
                self._write(")", token._replace(path=()))
        self.before = token

    def finish(self) -> None:
        if self.before.kind not in _END_OPERAND:
            raise ConditionError("the condition ends where a value is expected", len(self.text.rstrip()) + 1)
        if self.opened:
            raise self.error("is not closed", self.opened[-1])

    def _write(self, python: str, token: Token) -> None:
        self.offsets.append(len(self.python))
        self.tokens.append(token)
        self.python += f"{python} "

    def _check_place(self, token: Token) -> None:
        begins, ended, kind = token.kind in _BEGIN_OPERAND, self.before.kind in _END_OPERAND, token.kind
        if begins and ended:
            calculates = token.python.startswith("-")
            raise self.error(_REFUSED["-"] if calculates else "needs an operator before it; only len is called", token)
        if not begins and not ended and self.before.python + token.python != "[]":
            raise self.error("stands where a value is expected", token)
        in_list = bool(self.opened) and self.opened[-1].python == "["
        if kind not in _IN_LIST if in_list else kind == "comma":
            raise self.error("cannot stand here: a list is of literals, as [1, true]", token)

    def error(self, reason: str, token: Token) -> ConditionError:
        return ConditionError(f"`{one_line(self.text[token.start : token.end], 40)}` {reason}", token.start + 1)

    def token(self, offset: int) -> Token:
        return self.tokens[bisect_right(self.offsets, offset) - 1]

    def written(self, node: ast.expr) -> str:
        """Return an expression as the user wrote it."""
        end = self.token((node.end_col_offset or 1) - 1).end
        return one_line(self.text[self.token(node.col_offset).start : end], 80)
