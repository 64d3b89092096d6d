"""Which attempt changed which file."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from orchestrator.core.changes import (
    AttemptSpan,
    FileState,
    ObservedChanges,
    Scan,
    changed_alone,
    undeclared_lines,
    undeclared_text,
)


def scan(began: float, files: Mapping[str, float], took: float = 0.1) -> Scan:
    """A scan; of each file the moment of its last change."""
    states = {path: FileState(0, int(at * 1e9), 1, 1) for path, at in files.items()}
    return Scan(states, began, began + took)


def span(task: str, started: float, *writes: str, ended: float = math.inf) -> AttemptSpan:
    return AttemptSpan(task, started, writes, ended)


def said(*spans: AttemptSpan, scans: list[Scan]) -> list[str]:
    """What scans say of attempts that all ran from the first one on."""
    changes = ObservedChanges()
    for number, each in enumerate(spans):
        changes.start(str(number), each)
    return [str(conflict) for each in scans for conflict in changes.compare(each)]


def test_the_moment_tells_who_it_was() -> None:
    """The first one was over by then, the third one had not begun; what a person did in between is no one's."""
    one, two, three = span("T-1", 0, "x", ended=4), span("T-2", 5, "x", ended=8), span("T-3", 9, "x")
    scans = [scan(-1, {}), scan(10, {"a": 1, "b": 6, "c": 4.5})]
    assert [] == said(one, two, three, scans=scans)
    assert (["a"], ["b"], []) == (changed_alone(one), changed_alone(two), changed_alone(three))


def test_a_time_that_is_none_or_from_elsewhere() -> None:
    """What was deleted, or brought an older time along, may be of anyone that ran between the scans."""
    one, two = span("T-1", 0, "x"), span("T-2", 5, "y")
    said(one, two, scans=[scan(-1, {"gone": -9}), scan(10, {"moved": -50})])
    assert ["`gone` (by this task, or by T-2)", "`moved` (by this task, or by T-2)"] == undeclared_lines(one)
    assert [] == changed_alone(two)
    text = "gone, moved were changed by T-1 or T-2, and none of them declares it"
    assert text == undeclared_text(one)


@pytest.mark.parametrize("path", ["src/a.py", "src/deep/a.py", "b.md", ".c"])
def test_what_one_of_them_declares_is_its_own(path: str) -> None:
    one, two = span("T-1", 0, "src/**", "*.md", ".?"), span("T-2", 0, "docs/**")
    said(one, two, scans=[scan(-1, {}), scan(10, {path: 5})])
    assert not one.undeclared
    assert not two.undeclared


def test_one_that_declares_nothing_is_told_of_nothing() -> None:
    one, two = span("T-1", 0), span("T-2", 0, "strict")
    said(one, two, scans=[scan(-1, {}), scan(10, {"a": 5})])
    assert not one.undeclared
    assert {"a": ("T-1",)} == two.undeclared


def test_two_that_changed_the_same_file() -> None:
    """Surely, where each of the changes can be of one alone; once for a file and a pair."""
    one, two = span("T-1", 0, ended=8), span("T-2", 2)
    scans = [scan(-1, {}), scan(5, {"a": 1}), scan(10, {"a": 9}), scan(12, {"a": 11})]
    assert ["T-1 and T-2 ran at the same time and both changed a"] == said(one, two, scans=scans)


def test_two_that_may_have_changed_the_same_file() -> None:
    """Either of them, then one of them; of more than two candidates nothing is said, nor of one after the other."""
    one, two, three = span("T-1", 0, ended=4), span("T-2", 0), span("T-3", 0)
    scans = [scan(-1, {}), scan(4, {"a": 2}), scan(10, {"a": 9})]
    may = "T-1 and T-2 ran at the same time and may both have changed a"
    assert [may] == said(one, two, scans=scans)
    assert [] == said(one, two, three, scans=scans)
    assert [] == said(one, span("T-2", 5), scans=scans)
    assert [] == said(span("T-1", 0), two, scans=[scan(-1, {}), scan(4, {"a": 2}), scan(10, {"a": 9})])


def test_what_is_only_declared_is_not_sure() -> None:
    one, two = span("T-1", 0, "a", ended=4), span("T-2", 0)
    scans = [scan(-1, {}), scan(4, {"a": 2}), scan(10, {"a": 9})]
    assert ["T-1 and T-2 ran at the same time and may both have changed a"] == said(one, two, scans=scans)


def test_logs_that_show_an_edit() -> None:
    changes = ObservedChanges()
    one, two = span("T-1", 0), span("T-2", 0, "b")
    changes.start("1", one)
    changes.start("2", two)
    changes.compare(scan(-1, {}))
    assert [] == changes.compare(scan(3, {"a": 1, "b": 1}))
    # What the scan saw may be this very edit.
    assert [] == changes.see_edits("1", ["a"])
    assert [] == changes.see_edits("1", ["a"])
    assert ["T-1 and T-2 ran at the same time and both changed a"] == list(map(str, changes.see_edits("2", ["a"])))
    # Whose log shows it, it is, whoever else was there.
    changes.see_edits("2", ["c"])
    changes.compare(scan(5, {"a": 1, "b": 1, "c": 4}))
    assert ["a", "c"] == sorted(two.undeclared)
    assert () == two.undeclared["c"]
    changes.end("1", 6)
    changes.forget("1")
    assert not changes.is_idle


def test_two_attempts_of_one_task_are_no_conflict() -> None:
    one, two = span("T-1", 0, ended=4.1), span("T-1", 4)
    assert [] == said(one, two, scans=[scan(-1, {}), scan(3, {"a": 2}), scan(10, {"a": 9})])


def test_many_files_are_summed_up() -> None:
    one = span("T-1", 0, "x")
    said(one, scans=[scan(-1, {}), scan(10, {f"f{number:03}": 5 for number in range(150)})])
    lines = undeclared_lines(one)
    assert "… and 50 more" == lines[-1]
    assert 101 == len(lines)
    text = "changed 150 files that its `writes` does not cover: f000, f001, f002, f003, f004 and 145 more"
    assert text == undeclared_text(one)
