"""Limits between tasks: pools, locks, and globs that could name the same file."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.pools import (
    STRICT,
    Claim,
    globs_of,
    is_declared,
    limit_words,
    limits,
    overlap,
    read_globs,
    read_lock,
    read_names,
    read_pools,
    read_size,
    shared_sizes,
    size_text,
)


@pytest.mark.parametrize(
    ("one", "other", "is_met"),
    [
        ("src/**", "src/a/b.py", True),
        ("src/*.py", "src/a.py", True),
        ("src/*.py", "src/a/b.py", False),
        ("**/x", "a/b/x", True),
        ("a/*b", "a/c*", True),
        ("a/**/b", "a/b", True),
        ("docs/**", "src/**", False),
        ("src/[ab].py", "src/a.py", True),
        ("a", "b", False),
    ],
)
def test_overlap(one: str, other: str, is_met: bool) -> None:
    assert is_met == overlap(one, other) == overlap(other, one)


PARTS = st.lists(st.sampled_from(["a", "b", "ab", "*", "**", "a*", "?"]), min_size=1, max_size=4)


def matches(glob: list[str], path: list[str]) -> bool:
    """A slow reference: whether a path of letters matches a glob."""
    if not glob:
        return not path
    if glob[0] == "**":
        return any(matches(glob[1:], path[at:]) for at in range(len(path) + 1))
    return bool(path) and letters(glob[0], path[0]) and matches(glob[1:], path[1:])


def letters(pattern: str, name: str) -> bool:
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(letters(pattern[1:], name[at:]) for at in range(len(name) + 1))
    return bool(name) and pattern[0] in {"?", name[0]} and letters(pattern[1:], name[1:])


@given(PARTS, PARTS, st.lists(st.sampled_from(["a", "b", "ab", "ba"]), min_size=1, max_size=4))
def test_two_globs_that_match_one_path_overlap(one: list[str], other: list[str], path: list[str]) -> None:
    if matches(one, path) and matches(other, path):
        assert overlap("/".join(one), "/".join(other))


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), st.lists(PARTS, max_size=3), max_size=6))
def test_tasks_share_a_limit_just_where_their_globs_overlap(written: dict[str, list[list[str]]]) -> None:
    claims = {task: Claim(writes=tuple("/".join(glob) for glob in globs)) for task, globs in written.items()}
    found = limits(claims, {})
    for (one, claim), (other, its) in permutations(claims.items(), 2):
        meets = any(overlap(left, right) for left in claim.writes for right in its.writes)
        assert meets == bool(set(found.of_task[one]) & set(found.of_task[other]))
    assert all(found.sizes[name] == 1 for names in found.of_task.values() for name in names)


def test_a_task_is_in_the_pools_it_names_and_in_those_of_its_type() -> None:
    pools = read_pools({"gpu": 1, "api": {"size": 2, "types": "Test, review"}})
    found = limits({"a": Claim("test", ["gpu"]), "b": Claim(concurrency="deploy"), "c": Claim()}, pools)
    assert {"a": ("pool gpu", "pool api"), "b": ("concurrency deploy",), "c": ()} == dict(found.of_task)
    assert {"pool gpu": 1, "pool api": 2, "concurrency deploy": 1} == dict(found.sizes)


@pytest.mark.parametrize(
    ("read", "value", "words"),
    [
        (read_pools, [1], "names with sizes"),
        (read_pools, {"gpu": 0}, "gpu: 0 is not a size"),
        (read_pools, {"gpu": True}, "not a size"),
        (read_pools, {"gpu": {"size": 1, "share": True}}, "'share' is none of size, types, shared"),
        (read_pools, {"gpu": {"size": 1, "shared": "yes"}}, "gpu: shared is true or false, not 'yes'"),
        (read_pools, {"gpu": {"size": 65, "shared": True}}, "has 64 slots at most, not 65"),
        (read_size, "much", "'much' is not a size of memory; write 512M or 2G"),
        (read_size, True, "not a size of memory"),
        (read_size, -1, "not a size of memory"),
        (read_size, 2, "between 1M and 64T"),
        (read_size, "9" * 15 + "T", "between 1M and 64T"),
        (read_pools, {"../x": 1}, "not a name"),
        (read_names, "a b", "not a name"),
        (read_names, 5, "not a list"),
        (read_lock, 5, "max_parallel"),
        (read_lock, " 7 ", "max_parallel"),
        (read_globs, "/etc/passwd", "inside of the work directory"),
        (read_globs, "../x", "inside of the work directory"),
        (read_globs, [1], "not a list of globs"),
    ],
)
def test_what_is_refused(read, value, words) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=words):
        read(value)


@pytest.mark.parametrize(
    ("glob", "path", "is_met"),
    [
        ("src/**", "src/a/b.py", True),
        ("src/**", "src/.hidden", True),
        ("src/**", "srcs/a", False),
        ("src/", "src/a", True),
        ("src", "src/a", False),
        ("*.py", "a/b.py", False),
        ("**/*.py", "b.py", True),
        ("a/**/b", "a/x/y/b", True),
        ("[!ab].c", "c.c", True),
        ("[!ab].c", "/.c", False),
        ("[]x].c", "].c", True),
        ("a[b", "a[b", True),
        ("[a-c]?", "bz", True),
        ("a.c", "abc", False),
        ("a&&[b&&a]", "a&&&", True),
        ("./strict", "strict", True),
    ],
)
def test_what_a_glob_declares(glob: str, path: str, is_met: bool) -> None:
    assert is_met == is_declared(path, read_globs([glob]))


def test_the_word_strict_is_no_glob() -> None:
    """It comes first wherever it stands, takes part in no limit, and alone it means: nothing."""
    assert (STRICT, "src/**", "b") == read_globs("src/**, strict, b")
    assert ("src/**", "b") == globs_of(read_globs("src/**, strict, b"))
    assert not is_declared("strict", read_globs("strict"))
    found = limits({"T-1": Claim(writes=read_globs("strict, a")), "T-2": Claim(writes=read_globs("strict, b"))}, {})
    assert {"T-1": (), "T-2": ()} == found.of_task
    with pytest.raises(ValueError, match=r"'\[z-a\]' is not a glob"):
        read_globs("[z-a]")


@pytest.mark.parametrize(
    ("value", "size", "text"),
    [("2G", 2 << 30, "2G"), ("1.5 GiB", 3 << 29, "1.5G"), ("512mB", 512 << 20, "512M"), (1 << 20, 1 << 20, "1M")],
)
def test_sizes_of_memory(value: object, size: int, text: str) -> None:
    assert size == read_size(value)
    assert text == size_text(size)
    assert 0 == read_size("0")


def test_limits_that_the_machine_has_a_say_in() -> None:
    """Memory is counted by no one; the pools of a plan that are shared are counted, and asked for besides."""
    pools = read_pools({"db": {"size": 2, "shared": True}, "cpu": 1})
    found = limits({"T-1": Claim(pools=("db", "cpu"), memory=1 << 30), "T-2": Claim()}, pools)
    assert {"T-1": ("pool db", "pool cpu", f"memory {1 << 30}"), "T-2": ()} == found.of_task
    assert found.sizes["pool db"] == 2
    assert found.sizes[f"memory {1 << 30}"] > 1000
    assert {"pool db": 2} == shared_sizes(pools)
    assert "the shared pool db" == limit_words("pool db")
    assert "1G of free memory" == limit_words(f"memory {1 << 30}")
