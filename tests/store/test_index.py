"""The cache: right, or not there."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.graph import shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.result import Attempt, Result
from orchestrator.core.state import TaskStatus
from orchestrator.store.index import Index, is_settled, signature

TASKS = {
    "a": Task(
        id="a", name="A", description="ä\n", estimate=5.0, inputs=(("Input", "x.csv"),), where="p:7"
    ),
    "b": Task(id="b", name="B", description="", needs=("a",), priority=1000, assignee="shell"),
}
PLAN = Plan(
    tasks=TASKS,
    title="T",
    request="R",
    goal="G",
    settings={"retries": 1, "timeout": 2.5},
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
    assert RESULT == index.result("a", SIGNED)
    assert not index.is_dirty


def test_another_version_of_a_file_is_not_found(path: str) -> None:
    """A hand edit changes the signature, and then the cache knows nothing."""
    index = kept(path)
    assert None is index.plan(OTHER)
    assert None is index.result("a", OTHER)
    assert None is index.result("b", SIGNED)


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
    assert RESULT == index.result("a", SIGNED)
    index.keep_only([])
    assert None is index.result("a", SIGNED)
    assert index.is_dirty


def entry(**changed: Any) -> str:
    """A cache as it is written, with something changed."""
    return json.dumps({"schema": 1, "plan": None, "results": {}, **changed})


DAMAGED: dict[str, str] = {
    "empty": "",
    "torn": '{"schema": 1, "plan": {"sig',
    "list": "[]",
    "number": "7",
    "deep": "[" * 100_000,
    "another schema": entry(schema=2, plan={"signature": SIGNED}),
    "no schema": "{}",
    "plan is a list": entry(plan=[SIGNED]),
    "plan is a text": entry(plan="x"),
    "plan without signature": entry(plan={}),
    "plan without tasks": entry(plan={"signature": SIGNED}),
    "row too short": entry(plan={"signature": SIGNED, "tasks": [["a"]]}),
    "results in a list": entry(results=[1]),
    "result is a number": entry(results={"a": 1}),
    "result is empty": entry(results={"a": []}),
    "result too short": entry(results={"a": [SIGNED, "a"]}),
    "result with a strange status": entry(results={"a": [SIGNED, "a", "x", "well", [], {}]}),
    "result with strange attempts": entry(results={"a": [SIGNED, "a", "x", "failed", [7], {}]}),
    "result with strange inputs": entry(results={"a": [SIGNED, "a", "x", "failed", [], 7]}),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_cache_is_an_empty_cache(path: str, text: str) -> None:
    """Whatever is wrong with it: nothing is found in it, everything can be kept in it, nobody notices."""
    Path(path).write_text(text)
    index = Index(path)
    assert None is index.plan(SIGNED)
    assert None is index.result("a", SIGNED)
    index.resign_plan(SIGNED, OTHER)
    index.keep_only([])
    index.keep_plan(SIGNED, PLAN, shape(TASKS))
    index.keep_result("a", SIGNED, RESULT)
    index.write()
    assert (PLAN, shape(TASKS)) == Index(path).plan(SIGNED)


def test_binary_rubbish_is_an_empty_cache(path: str) -> None:
    """Also what is no text at all."""
    Path(path).write_bytes(b"\xff\xfe\0")
    assert None is Index(path).plan(SIGNED)


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """It costs time, nothing else."""
    index = Index(str(tmp_path / "gone" / "index.json"))
    index.keep_result("a", SIGNED, RESULT)
    index.write()
    assert index.is_dirty
    assert RESULT == index.result("a", SIGNED)


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
