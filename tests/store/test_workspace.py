"""One plan directory: what is believed of it, and what the cache may say."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import NotFoundError, PlanError
from orchestrator.store.lock import take_lock
from tests.store.plan_directory import (
    PLAN,
    S,
    completed,
    load,
    make_root,
    record,
    result,
    settle,
    text,
    told,
    workspace,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


# ── what is believed ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_that_never_ran_is_pending_and_waiting(tmp_path: Path) -> None:
    """The table alone is a plan; no other file is needed."""
    (tmp_path / "master_plan.md").write_text(PLAN)
    assert {"T-01": (S.PENDING, ""), "T-02": (S.WAITING, "needs T-01")} == told(load(tmp_path))


def test_without_a_plan_there_is_nothing_to_load(tmp_path: Path) -> None:
    """The command that begins one is named."""
    with pytest.raises(NotFoundError, match=r"no master_plan\.md") as caught:
        load(tmp_path)
    assert "orchestrator init" in caught.value.hint


def test_a_plan_that_makes_no_sense_is_told_with_its_lines(root: Path) -> None:
    """Every problem, with file and line."""
    (root / "master_plan.md").write_text(PLAN.replace("| T-01 |\n", "| T-09 |\n").replace("| - |", "| T-07 |"))
    with pytest.raises(PlanError) as caught:
        load(root)
    assert ["unknown_dependency"] == [problem.code for problem in caught.value.problems]
    assert caught.value.where.endswith("master_plan.md:5")


def test_a_completed_result_with_its_record_counts(root: Path) -> None:
    """The record of the attempt it names is the evidence."""
    completed(root)
    assert {"T-01": (S.COMPLETED, ""), "T-02": (S.PENDING, "")} == told(load(root))


def test_a_completed_result_without_a_record_is_reported_and_not_believed(root: Path) -> None:
    """Whoever writes a result file has not yet done the task."""
    result(root, "agent-01", text("T-01", S.COMPLETED))
    why = "results/agent-01-result.md is not counted: the record logs/agent-01.attempt-1.json is not there"
    assert {"T-01": (S.PENDING, why), "T-02": (S.WAITING, "needs T-01")} == told(load(root))


def test_the_record_of_another_attempt_is_no_evidence(root: Path) -> None:
    """Attempt 2 does not become true by the record of attempt 1."""
    record(root, "agent-01.attempt-1")
    result(root, "agent-01", text("T-01", S.COMPLETED, 2))
    assert S.PENDING is load(root).status("T-01")


def test_a_result_corrected_by_hand_is_kept(root: Path) -> None:
    """It keeps its attempt, and so its evidence; dependants get the corrected answer."""
    path = completed(root)
    load(root)
    path.write_text(path.read_text().replace("Found it.", "Found it, and corrected it."))
    again = workspace(root)
    assert S.COMPLETED is again.load(is_live=False).status("T-01")
    assert "Found it, and corrected it." == again.read_answer("agent-01")


def test_a_deleted_result_means_do_it_again(root: Path) -> None:
    """Although its record and its log are still there."""
    path = completed(root)
    assert S.COMPLETED is load(root).status("T-01")
    path.unlink()
    assert (S.PENDING, "") == told(load(root))["T-01"]


@pytest.mark.parametrize("damage", ["", "rubbish", "---\ntask: T-01\n", "---\ntask: [\n---\n", "\0"])
def test_a_damaged_result_is_reported_and_not_counted(root: Path, damage: str) -> None:
    """It is no reason not to run the rest."""
    completed(root).write_text(damage)
    why = "results/agent-01-result.md is damaged and is not counted"
    assert (S.PENDING, why) == told(load(root))["T-01"]


def test_the_result_of_another_task_is_not_believed(root: Path) -> None:
    """A file that was copied keeps the id of its task."""
    record(root, "agent-02.attempt-1", "T-02")
    completed(root)
    result(root, "agent-02", text("T-01", S.COMPLETED))
    why = "results/agent-02-result.md is of T-01 and is not counted"
    assert (S.PENDING, why) == told(load(root))["T-02"]


@pytest.mark.parametrize(
    "facts",
    [
        pytest.param({"task": "T-02"}, id="copied from another task"),
        pytest.param({"number": 2}, id="renamed from another attempt"),
        pytest.param({"run": "older"}, id="written late by an older run"),
    ],
)
def test_the_record_of_something_else_is_no_evidence(root: Path, facts: dict[str, Any]) -> None:
    """Run, task and number of an attempt are its fencing token: record and result must agree on them."""
    written = text("T-01", S.COMPLETED)
    result(root, "agent-01", written.replace('"run": ""', '"run": "newer"'))
    record(root, "agent-01.attempt-1", **{"run": "newer", **facts})
    shown = "the record logs/agent-01.attempt-1.json is of another attempt"
    why = f"results/agent-01-result.md is not counted: {shown}"
    assert (S.PENDING, why) == told(load(root))["T-01"]
    record(root, "agent-01.attempt-1", run="newer")
    assert (S.COMPLETED, "") == told(load(root))["T-01"]


def test_a_damaged_record_is_no_evidence(root: Path) -> None:
    """It may be of anything."""
    completed(root)
    (root / "logs/agent-01.attempt-1.json").write_text("{}")
    why = "results/agent-01-result.md is not counted: the record logs/agent-01.attempt-1.json is damaged"
    assert (S.PENDING, why) == told(load(root))["T-01"]


def test_what_runs_without_a_runner_was_interrupted(root: Path) -> None:
    """A crash leaves no lie behind."""
    result(root, "agent-01", text("T-01", S.RUNNING, 3))
    assert (S.PENDING, "attempt 3 was interrupted") == told(load(root))["T-01"]


def test_what_waited_for_its_next_attempt_was_not_interrupted(root: Path) -> None:
    """Its last one had failed in order."""
    result(root, "agent-01", text("T-01", S.RETRYING, 3))
    assert (S.PENDING, "") == told(load(root))["T-01"]


def test_what_runs_with_a_runner_runs(root: Path) -> None:
    """Who holds the lock is looked up."""
    result(root, "agent-01", text("T-01", S.RUNNING))
    lock = take_lock(str(root / "run.lock"), "r1", "now")
    assert S.RUNNING is workspace(root).load().status("T-01")
    lock.release()
    assert S.PENDING is workspace(root).load().status("T-01")


def test_files_that_are_no_results_are_ignored(root: Path) -> None:
    """Temporary files, notes, results of tasks that left the plan."""
    completed(root)
    for name in (".agent-02-result.md.7.tmp", ".hidden-result.md", "notes.md", "agent-99-result.md"):
        (root / "results" / name).write_text("---\ntask: x\n---\n")
    assert {"T-01", "T-02"} == load(root).standing.keys()


# ── the cache ─────────────────────────────────────────────────────────────────────────────────────────────────────


def cached(root: Path) -> list[str]:
    """The results in the cache, by the names of their files."""
    path = root / "index.json"
    stems: list[str] = json.loads(path.read_text())["results"]["stem"] if path.exists() else []
    return stems


def test_a_file_that_just_changed_is_not_cached(root: Path) -> None:
    """It could change again without its times showing it; once it is old enough, it is."""
    path = completed(root)
    load(root)
    assert [] == cached(root)
    settle(path)
    load(root)
    assert ["agent-01"] == cached(root)


def test_what_comes_from_the_cache_is_what_was_read(root: Path) -> None:
    """Two loads, one from the files and one from the cache, give one board."""
    settle(completed(root))
    first, second = load(root), load(root)
    assert (first.plan, first.shape, first.results) == (second.plan, second.shape, second.results)
    assert first.standing == second.standing


def test_what_was_done_beside_the_plan_is_known_but_for_its_answer(root: Path) -> None:
    """From the file and from the cache: every look at a plan says the same sum of money."""
    settle(result(root, "_plan", text("_plan", S.COMPLETED)))
    result(root, "_merge", "---\nschema: 1\n")
    first, second = load(root), load(root)
    assert (["_plan"], [""]) == ([each.task for each in first.beside], [each.answer for each in first.beside])
    assert first.beside == second.beside
    assert "_plan" in cached(root)


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 1, "plan": 7, "results": {"agent-01": 7}}'])
def test_a_damaged_cache_changes_nothing(root: Path, damage: str) -> None:
    """Delete it or ruin it: the files are what counts."""
    settle(completed(root))
    expected = told(load(root))
    (root / "index.json").write_text(damage)
    assert expected == told(load(root))


def test_a_hand_edit_of_the_plan_is_seen(root: Path) -> None:
    """Also one that changes neither size nor modification time."""
    path = root / "master_plan.md"
    settle(path)
    load(root)
    before = os.stat(path)
    path.write_text(PLAN.replace("Think", "Drink"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert "Drink" == load(root).plan.tasks["T-02"].name


def test_a_hand_edit_of_a_result_is_seen(root: Path) -> None:
    """A person who writes ``failed`` into a result is believed."""
    path = completed(root)
    settle(path)
    load(root)
    path.write_text(path.read_text().replace("status: completed", "status: failed"))
    assert S.FAILED is load(root).status("T-01")


def test_a_cached_result_belongs_to_its_task(root: Path) -> None:
    """A row that took over the file name of another task does not inherit its result."""
    settle(completed(root))
    assert S.COMPLETED is load(root).status("T-01")
    (root / "master_plan.md").write_text(PLAN.replace("T-01", "agent-01"))
    assert S.PENDING is load(root).status("agent-01")


def test_looking_may_leave_no_trace(root: Path) -> None:
    """A dry run writes nothing, not even the cache."""
    settle(completed(root))
    before = set(root.rglob("*"))
    workspace(root).load(keep_cache=False, is_live=False)
    assert before == set(root.rglob("*"))


# ── task files ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_task_file_is_read_as_it_is_now(root: Path) -> None:
    """Edited prompts count from the next attempt."""
    place = workspace(root)
    task = load(root).plan.tasks["T-01"]
    assert None is place.assignments.read(task)
    (root / "agent_tasks").mkdir(exist_ok=True)
    (root / "agent_tasks/agent-01.md").write_text("---\nretries: 0\n---\nDo it.\n")
    found = place.assignments.read(task)
    assert found is not None
    assert ({"retries": 0}, "Do it.\n") == (found.settings, found.body)
    (root / "agent_tasks/agent-01.md").write_text("---\nretries: none\n---\n")
    with pytest.raises(PlanError) as caught:
        place.assignments.read(task)
    assert caught.value.where.endswith("agent-01.md:2")
