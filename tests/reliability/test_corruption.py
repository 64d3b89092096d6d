"""Every way in which a plan directory can go bad is found by name; what is safe is repaired, once, and nothing else.

Each corruption is done to a plan that has just been finished. A person's bytes are looked for afterwards, wherever they
may have gone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.doctor.repair import Checked, check, repair
from orchestrator.errors import OrchestratorError, StoreError
from orchestrator.runner.run import run
from orchestrator.services.run_request import RunRequest
from orchestrator.store.layout import Layout
from orchestrator.wiring import plugins
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_plan
from tests.reliability.corruptions import (
    CORRUPTIONS,
    STARTED,
    another_log,
    directory_for_the_lock,
    emptied,
    lock_behind_a_link,
    result,
)

TASKS = {"T-01": "echo one", "T-02": ("cat; echo two", "T-01"), "T-03": ("cat; echo three", "T-02")}


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    """A plan that has just been finished."""
    directory = tmp_path / ".orchestrator"
    write_plan(directory, TASKS, more="Written by a person.  \t")
    assert 0 == finish(directory)
    yield directory
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()


def finish(root: Path) -> int:
    """Run the plan; return the exit status."""
    return int(run(RunRequest(Layout(str(root))), plugins(), lambda _: None).exit_status)


def look(root: Path) -> Checked:
    return check(Layout(str(root)))


def mend(root: Path) -> Checked:
    return repair(Layout(str(root)), plugins())


def names(checked: Checked) -> set[str]:
    return {each.finding.name for each in checked.breaches}


def contents(root: Path) -> dict[str, bytes]:
    """Every file with its bytes, also through links."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_a_finished_plan_is_healthy(root: Path) -> None:
    """There is nothing to say, nothing to repair, and looking changes nothing."""
    before = contents(root)
    assert () == tuple(look(root).breaches)
    assert before == contents(root)
    mended = mend(root)
    assert ([], []) == (list(mended.repaired), list(mended.breaches))
    assert before == contents(root)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_is_found_and_repaired_where_that_is_safe(root: Path, name: str, tally: Counter[str]) -> None:
    """By name; repairs are done once; a person's bytes stay; a run completes, or says what keeps it from it."""
    what = CORRUPTIONS[name]
    what.do(root)
    before = contents(root)
    assert what.found in names(look(root))
    assert before == contents(root)
    tally["corruptions found"] += 1

    if what.do in {lock_behind_a_link, directory_for_the_lock}:
        with pytest.raises(StoreError, match=r"run\.lock"):
            mend(root)
    else:
        mended = mend(root)
        assert what.is_fixed == (what.found not in names(mended))
        assert [] == list(mended.failed)
        again = mend(root)
        assert ([], names(mended)) == (list(again.repaired), names(again))
        tally["corruptions repaired"] += what.is_fixed
    if what.is_fixed:
        assert set() == names(look(root)) - {"set_aside"}

    after = contents(root)
    for path, data in before.items():
        if path.startswith(("master_plan", "agent_tasks", "final_output")):
            assert data == after[path]
        if path.startswith("results/") and not path.endswith(".tmp"):
            assert what.found == "stale_running" or data in after.values()

    if what.blocks:
        with pytest.raises(OrchestratorError):
            finish(root)
        return
    assert 0 == finish(root)
    assert "one" in answer_of(root, "T-03")
    assert not any(each.is_broken for each in mend(root).breaches if each.repair)


@pytest.mark.parametrize("name", [name for name, what in CORRUPTIONS.items() if what.found == "result_damaged"])
def test_a_damaged_result_is_taken_from_its_log_and_not_paid_for_again(root: Path, name: str) -> None:
    """The damaged bytes lie beside; a run starts nothing."""
    CORRUPTIONS[name].do(root)
    damaged = result(root).read_bytes()
    mend(root)
    assert "one\ntwo" == answer_of(root, "T-02")
    assert damaged == Path(f"{result(root)}.damaged-1").read_bytes()
    report = run(RunRequest(Layout(str(root))), plugins(), lambda _: None)
    assert (0, 0) == (report.exit_status, report.launched)


def test_no_false_alarm_however_often_one_looks(orchestrate: Orchestrate, tmp_path: Path, tally: Counter[str]) -> None:
    """Tasks begin, fail, are tried again and end between any two looks, and within one."""
    directory = tmp_path / ".orchestrator"
    rows = {f"T-{number:02}": ("cat; exit 0", f"T-{number - 3:02}") for number in range(4, 60)}
    first = {f"T-{number:02}": "sleep 0.02" for number in (1, 2, 3)}
    flaky = {"T-60": "test -e once || { touch once; exit 1; }"}
    write_plan(directory, {**first, **rows, **flaky}, retries=2, max_parallel=3)
    process = orchestrate.start("run")
    while process.poll() is None:
        assert set() == names(look(directory))
        tally["looks at a run at work"] += 1
    assert 0 == orchestrate.finish(process).returncode
    assert set() == names(look(directory))


def test_a_log_that_changed_is_not_believed(root: Path) -> None:
    """Then the task is done again."""
    emptied(root)
    another_log(root)
    mend(root)
    assert not result(root).exists()
    assert 0 == finish(root)
    assert "one\ntwo" == answer_of(root, "T-02")
