"""The cache: right, or not there."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import TaskStatus
from orchestrator.store.fingerprint import is_settled, signature
from orchestrator.store.index import Index, read_cache, write_cache

TASKS = {
    "a": Task(id="a", name="A", description="ä\n", estimate=5.0, inputs=(("Input", "x.csv"),), where="p:7"),
    "b": Task(id="b", name="B", description="", needs=("a",), priority=1000, agent="shell"),
}
PLAN = Plan(
    tasks=TASKS,
    title="T",
    request="R",
    goal="G",
    settings={"retries": 1, "timeout": 2.5, "tools": ("Read", "Bash")},
    file="p.md",
)
RESULT = Result(
    task="a",
    agent="claude",
    status=TaskStatus.FAILED,
    attempts=(Attempt(number=1, charge=1, reason="no", started=1.5), Attempt(number=2, charge=2)),
    inputs={"z": 3},
)
SIGNED, OTHER = 1234, 1235


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "index.json")


def kept(path: str) -> Index:
    """A cache that was written and read again."""
    index = Index(path)
    index.keep_plan(SIGNED, PLAN, shape(TASKS))
    index.keep_result("a", SIGNED, RESULT)
    index.write()
    return Index(path)


def test_what_was_kept_is_found_again(path: str) -> None:
    """The plan, its shape and the results, to the last field."""
    index = kept(path)
    assert (PLAN, shape(TASKS)) == index.plan(SIGNED)
    assert {"a": RESULT} == index.results({"a": SIGNED})
    assert not index.is_dirty


def test_another_version_of_a_file_is_not_found(path: str) -> None:
    """A hand edit changes the signature, and then the cache knows nothing."""
    index = kept(path)
    assert None is index.plan(OTHER)
    assert {} == index.results({"a": OTHER})
    assert {} == index.results({"b": SIGNED})


def test_a_redraw_of_ours_keeps_the_plan(path: str) -> None:
    """The person's part is the same, so it need not be read again."""
    index = kept(path)
    index.resign_plan(OTHER, 9)
    assert None is index.plan(9)
    index.resign_plan(SIGNED, OTHER)
    assert (PLAN, shape(TASKS)) == index.plan(OTHER)
    assert index.is_dirty


def test_results_of_files_that_are_gone_are_forgotten(path: str) -> None:
    """The cache does not grow for ever."""
    index = kept(path)
    index.keep_only(["a"])
    assert {"a": RESULT} == index.results({"a": SIGNED})
    index.keep_only([])
    assert {} == index.results({"a": SIGNED})
    assert index.is_dirty


def test_one_result_differs_from_the_rest(path: str) -> None:
    """What all have in common is written once; each gets its own back."""
    plain = Result("b", "claude", TaskStatus.COMPLETED, (Attempt(1, 1, models=(("m", 0.5),)),))
    kept = {id: plain._replace(task=id) for id in "bcd"} | {"a": RESULT}
    kept["e"] = Result("e", "claude", TaskStatus.FAILED, inputs={"a": 2, "b": 1})
    index = Index(path)
    for place, (id, result) in enumerate(kept.items()):
        index.keep_result(f"agent-{id}", place, result)
    index.write()
    signed = {f"agent-{id}": place for place, id in enumerate(kept)}
    assert kept == Index(path).results(signed)
    assert {"a", "b"} == Index(path).results({**signed, "agent-c": 9, "agent-d": 9, "agent-e": 9}).keys()


def test_an_answer_is_not_kept(path: str) -> None:
    """It may be long, and nobody who looks at ten thousand tasks reads it."""
    index = Index(path)
    index.keep_result("a", SIGNED, RESULT._replace(answer="42"))
    assert {"a": RESULT} == index.results({"a": SIGNED})


UNREADABLE = {
    "empty": b"",
    "torn": b'{"schema": 2, "plan": {"sig',
    "list": b"[]",
    "number": b"7",
    "deep": b"[" * 100_000,
    "no schema": b"{}",
    "no text": b"\xff\xfe\0",
}


@pytest.mark.parametrize("data", UNREADABLE.values(), ids=UNREADABLE)
@pytest.mark.usefixtures("no_garbage")
def test_what_is_no_cache_is_an_empty_cache(path: str, data: bytes) -> None:
    """Whatever lies there: nothing is found in it, everything can be kept in it, nobody notices."""
    Path(path).write_bytes(data)
    assert_empty_and_usable(path)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b'"failed"', b'"completed"'),
        (b'"started":[1.5', b'"started":["x"'),
        (b'"description":["\xc3\xa4', b'"description":["\xc3\xb6'),
        (b'"schema":', b'"schema": '),
        (b"}}", b"}} "),
    ],
)
def test_a_cache_that_somebody_changed_is_an_empty_cache(path: str, before: bytes, after: bytes) -> None:
    """Whether or not it makes sense: nothing of it is believed."""
    kept(path)
    data = Path(path).read_bytes()
    assert before in data
    Path(path).write_bytes(data.replace(before, after))
    assert_empty_and_usable(path)


@pytest.mark.parametrize("bit", range(0, 8 * 700, 37))
def test_a_cache_with_one_bit_changed_is_an_empty_cache(path: str, bit: int) -> None:
    kept(path)
    data = bytearray(Path(path).read_bytes())
    data[bit // 8] ^= 1 << bit % 8
    Path(path).write_bytes(data)
    assert_empty_and_usable(path)


def test_a_cache_without_a_field_that_came_later_is_an_empty_cache(path: str) -> None:
    kept(path)
    raw = read_cache(path)
    del raw["results"]["of_attempts"]["cap"]
    write_cache(path, raw)
    assert_empty_and_usable(path)


def test_whoever_reads_anew_finds_nothing_and_keeps_all(path: str) -> None:
    kept(path)
    index = Index(path, anew=True)
    assert None is index.plan(SIGNED)
    assert {} == index.results({"a": SIGNED})
    index.keep_result("a", OTHER, RESULT)
    index.write()
    assert {"a": RESULT} == Index(path).results({"a": OTHER})


def assert_empty_and_usable(path: str) -> None:
    index = Index(path)
    assert None is index.plan(SIGNED)
    assert {} == index.results({"a": SIGNED})
    index.resign_plan(SIGNED, OTHER)
    index.keep_only([])
    index.keep_plan(SIGNED, PLAN, shape(TASKS))
    index.keep_result("a", SIGNED, RESULT)
    index.write()
    assert (PLAN, shape(TASKS)) == Index(path).plan(SIGNED)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """It costs time, nothing else."""
    index = Index(str(tmp_path / "gone" / "index.json"))
    index.keep_result("a", SIGNED, RESULT)
    index.write()
    assert index.is_dirty
    assert {"a": RESULT} == index.results({"a": SIGNED})


def test_a_fresh_file_is_not_trusted(tmp_path: Path) -> None:
    """It could change again within the resolution of its times."""
    path = tmp_path / "file"
    path.write_bytes(b"")
    assert not is_settled(os.stat(path))
    os.utime(path, ns=(1, 1))
    assert not is_settled(os.stat(path)), "its times say when it was touched, whatever it claims"
    assert is_settled(os.stat(sys.executable))


def test_every_change_of_a_file_changes_its_signature(tmp_path: Path) -> None:
    """Another size, another time, another file of the same size and time."""
    path, twin = tmp_path / "file", tmp_path / "twin"
    seen = []
    for data in (b"one", b"three"):
        path.write_bytes(data)
        seen.append(signature(os.stat(path)))
    os.utime(path, ns=(1, 1))
    seen.append(signature(os.stat(path)))
    twin.write_bytes(b"three")
    os.utime(twin, ns=(1, 1))
    os.replace(twin, path)
    seen.append(signature(os.stat(path)))
    assert 4 == len(set(seen))
