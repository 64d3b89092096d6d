"""``index.json`` is a cache: whatever somebody writes into it, all commands say and do what they would without it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_plan
from tests.store.plan_directory import settle

Change = Callable[[str], str]


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of everything in a JSON text that holds nothing else."""
    inside = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in inside:
        if isinstance(each, dict | list) and each:
            yield from _leaves(each, (*path, key))
        else:
            yield (*path, key)


def _with(raw: Any, path: tuple[Any, ...], value: object) -> str:
    copy = json.loads(json.dumps(raw))
    inside = copy
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return json.dumps(copy, separators=(",", ":"), ensure_ascii=False)


@pytest.fixture
def cache(orchestrate: Orchestrate, root: Path) -> Path:
    """The cache of a plan whose first task failed, so the second one never ran."""
    write_plan(root, {"T-01": "exit 3", "T-02": ("echo two; cat", "T-01"), "T-03": "echo three"})
    assert 1 == orchestrate("run").returncode
    for path in (root / "master_plan.md", *(root / "results").iterdir()):
        settle(path)
    assert 0 == orchestrate("status").returncode
    return root / "index.json"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"failed"', '"completed"'),
        lambda text: text.replace("exit 3", "true 3").replace("echo two", "echo 222"),
        lambda text: text.replace('"T-01"', '"T-03"'),
    ],
    ids=["a status", "a command", "an id"],
)
def test_a_run_does_what_the_files_say(orchestrate: Orchestrate, root: Path, cache: Path, change: Change) -> None:
    before = orchestrate("status", "--json").json, orchestrate("list", "--json").json
    changed = change(cache.read_text(encoding="utf-8"))
    assert changed != cache.read_text(encoding="utf-8")
    cache.write_text(changed, encoding="utf-8")
    assert before[0] == orchestrate("status", "--json").json
    cache.write_text(changed, encoding="utf-8")
    assert before[1] == orchestrate("list", "--json").json
    cache.write_text(changed, encoding="utf-8")
    ran = orchestrate("run", "--json")
    assert 1 == ran.returncode
    assert ["T-01"] == ran.started()
    assert {"T-01": "failed", "T-02": "skipped", "T-03": "completed"} == orchestrate.statuses()
    assert "three" == answer_of(root, "T-03")


def test_a_run_believes_not_even_a_cache_that_fits(orchestrate: Orchestrate, root: Path, cache: Path) -> None:
    """One that is as it would be written, of files with just these sizes and times."""
    from orchestrator.store.index import read_cache, write_cache

    raw = json.loads(json.dumps(read_cache(str(cache))).replace('"failed"', '"completed"'))
    write_cache(str(cache), raw)
    ran = orchestrate("run", "--json")
    assert (1, ["T-01"]) == (ran.returncode, ran.started())
    assert {"T-01": "failed", "T-02": "skipped", "T-03": "completed"} == orchestrate.statuses()


def test_a_leaf_of_another_type_is_not_noticed(orchestrate: Orchestrate, root: Path, cache: Path) -> None:
    """Wherever it stands."""
    text = cache.read_text(encoding="utf-8")
    raw, before = json.loads(text), orchestrate.statuses()
    named = ("title", "name", "agent", "assignee", "deadline", "task", "note")
    places = [path for path in _leaves(raw) if {*path}.intersection(named)]
    assert len(named) < len(places)
    for number, path in enumerate(places):
        value: object = 7 if number % 2 else [[]]
        cache.write_text(_with(raw, path, value), encoding="utf-8")
        answer = orchestrate("status", "--json")
        assert 0 == answer.returncode, (path, answer)
        cache.write_text(_with(raw, path, value), encoding="utf-8")
        assert before == orchestrate.statuses(), path


@pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
def test_what_is_no_file_in_its_place_stops_nobody(
    orchestrate: Orchestrate, root: Path, cache: Path, kind: str
) -> None:
    before, outside = orchestrate.statuses(), root.parent / "outside.json"
    os.rename(cache, outside)
    kept = outside.read_bytes()
    match kind:
        case "link":
            cache.symlink_to(outside)
        case "pipe":
            os.mkfifo(cache)
        case _:
            cache.mkdir()
    assert before == orchestrate.statuses()
    assert 1 == orchestrate("run").returncode
    assert before == orchestrate.statuses()
    assert kept == outside.read_bytes()
