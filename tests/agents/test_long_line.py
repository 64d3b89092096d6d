"""A line of JSON of any length: what is short is as it was, and of what is long head and tail can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.agents.claude_stream import LongLine

LIMIT, KEPT = 300, 40

#: What is hard to cut: escapes, both halves of a character, characters of several bytes, and backslashes in a row.
HARD = ["a", "é", "€", "🟡", "\\", '"', "\n", "\x00", "\x7f", "/", "u00e9", "\\u00e9", "d83d", "\ufffd"]
texts = st.lists(st.one_of(st.sampled_from(HARD), st.characters(exclude_categories=["Cs"])), max_size=60).map("".join)
long_texts = st.tuples(texts, st.sampled_from(HARD), st.integers(0, 120), texts).map(
    lambda parts: parts[0] + parts[1] * parts[2] + parts[3]
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | long_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def taken(line: bytes, cuts: Iterable[int] = ()) -> LongLine:
    """A line that comes in pieces."""
    one = LongLine(LIMIT, KEPT)
    before = 0
    for cut in (*sorted(cuts), len(line)):
        one.extend(line[before:cut])
        before = cut
    return one


def written(value: object, *, is_ascii: bool) -> bytes:
    return json.dumps(value, ensure_ascii=is_ascii).encode()


def is_made_of(shown: object, told: object, *, is_ascii: bool) -> bool:
    """Whether a value is another one in which long texts are shortened, as far as it must be."""
    if isinstance(told, dict) and isinstance(shown, dict):
        pairs = zip(shown.items(), told.items(), strict=True)
        return all(is_made_of([*a], [*b], is_ascii=is_ascii) for a, b in pairs)
    if isinstance(told, list | tuple) and isinstance(shown, list | tuple):
        pairs = zip(shown, told, strict=True)
        return all(is_made_of(a, b, is_ascii=is_ascii) for a, b in pairs)
    if not (isinstance(told, str) and isinstance(shown, str)):
        return shown == told
    size = len(written(told, is_ascii=is_ascii)) - 2
    if size <= 2 * KEPT:
        return shown == told
    note = re.search(r"\n\[… (\d+) bytes left out, all of it is in the log …\]\n", shown)
    if note is None:
        return False
    head, tail = shown[: note.start()], shown[note.end() :]
    kept = [len(written(each, is_ascii=is_ascii)) - 2 for each in (head, tail)]
    return (
        told.startswith(head)
        and told.endswith(tail)
        and sum(kept) + int(note[1]) == size
        and all(KEPT - 24 <= each <= KEPT + 24 for each in kept)
    )


@given(line=values.map(lambda each: written(each, is_ascii=False)), data=st.data())
@pytest.mark.parametrize("is_torn", [False, True])
def test_it_is_the_same_wherever_it_is_cut(*, is_torn: bool, line: bytes, data: st.DataObject) -> None:
    """In the middle of an escape, of a character, of anything; also of a line that is no JSON any more."""
    if is_torn:
        line = line[data.draw(st.integers(0, len(line))) :] + data.draw(st.binary(max_size=400))
    whole = taken(line)
    cuts = data.draw(st.lists(st.integers(0, len(line)), max_size=12))
    for places in (cuts, range(len(line))):
        again = taken(line, places)
        assert (whole.is_lost, whole.is_shortened) == (again.is_lost, again.is_shortened)
        assert whole.data == again.data


@given(value=values, is_ascii=st.booleans())
@example(value=["\\" * 200], is_ascii=True)
@example(value=["🟡" * 200], is_ascii=True)
@example(value=["🟡" * 200], is_ascii=False)
@example(value=["x" + "🟡" * 200, "xx" + "é" * 300], is_ascii=True)
@example(value=['"' * 81, "a" * 81, "a" * 80, "b" * 300], is_ascii=True)
def test_long_texts_are_shortened_and_nothing_else(*, value: object, is_ascii: bool) -> None:
    """Head and tail are whole characters, and the note counts the bytes between them."""
    line = written(value, is_ascii=is_ascii)
    one = taken(line)
    if len(line) <= LIMIT:
        assert (line, False) == (bytes(one.data), one.is_shortened)
    elif not one.is_lost:
        assert one.is_shortened
        assert is_made_of(json.loads(one.data), value, is_ascii=is_ascii), one.data


def test_what_has_no_long_texts_is_lost() -> None:
    """There is nothing to shorten, and nothing is kept of it; short texts are no better."""
    for value in ([1] * 200, ["a" * KEPT] * 20):
        one = taken(written(value, is_ascii=True))
        assert (True, b"") == (one.is_lost, bytes(one.data))


@pytest.mark.parametrize("unit", [b"a", b"\\n", b"\\\\", b'\\"', b"\\u00e9", b"\\ud83d\\udfe1", "🟡".encode()])
def test_however_long_it_is_little_is_held(unit: bytes) -> None:
    """Ten megabytes in pieces of a megabyte, and not a hundredth of them at any moment."""
    one = LongLine(1000, 100)
    one.extend(b'{"result":"')
    piece = unit * (1_000_000 // len(unit))
    for _ in range(10):
        one.extend(piece)
        assert len(one.data) + len(one._tail) < 1000
    one.extend(b'"}')
    shown = json.loads(one.data)["result"]
    said = json.loads(b'"' + unit + b'"')
    assert {said, "\n"} >= set(re.sub(r"\[….*…\]", "", shown)) or said in shown
