"""What somebody types who has not read the documentation is understood, or said to be something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_plan


@pytest.mark.parametrize("named", ["{}", "{}/", "{}/.orchestrator/master_plan.md"])
def test_a_project_and_a_plan_file_name_their_plan(orchestrate: Orchestrate, tmp_path: Path, named: str) -> None:
    """As the plan directory does."""
    root = tmp_path / "shop" / ".orchestrator"
    root.parent.mkdir()
    write_plan(root, {"T-01": "echo 1"})
    assert 0 == orchestrate("run", named.format("shop")).returncode
    assert "1" == answer_of(root, "T-01").strip()
    assert 0 == orchestrate("add", "echo 2", "--dir", named.format("shop")).returncode
    assert "echo 2" in (root / "master_plan.md").read_text("utf-8")


def test_a_run_that_ends_with_a_cancelled_task_names_it(orchestrate: Orchestrate, root: Path) -> None:
    """It ends with 1, so it says why."""
    write_plan(root, {"T-01": "echo 1", "T-02": "echo 2"})
    assert 0 == orchestrate("cancel", "T-02", "not needed").returncode
    ran = orchestrate("run")
    assert (1, True) == (ran.returncode, "T-02 is cancelled" in ran.stderr)


def test_an_estimate_above_the_timeout_is_warned_of(orchestrate: Orchestrate, root: Path) -> None:
    """Its attempts would end before they are done."""
    root.mkdir()
    (root / "master_plan.md").write_text(
        "---\nagent: shell\ntimeout: 5m\n---\n| ID | Task | Deps | Est. Time |\n|--|--|--|--|\n"
        "| T-01 | echo 1 | | 20m |\n| T-02 | echo 2 | | 5m |\n",
        encoding="utf-8",
    )
    for words in (["validate"], ["run", "--dry-run"]):
        (warning,) = orchestrate(*words, "--json").json["warnings"]
        assert warning.startswith("the estimate of T-01 (20m00s) is longer than the timeout")
    told = orchestrate("add", "echo 3", "--estimated-hours", "1")
    assert "the estimate of T-03 (1h00m) is longer than the timeout" in told.stderr


def test_a_simulated_run_claims_no_speed_up(orchestrate: Orchestrate, root: Path) -> None:
    """Nothing was done, so nothing was fast."""
    write_plan(root, {"T-01": "echo 1"})
    assert 0 == orchestrate("run", "--simulate").returncode
    assert "Speed-up" not in (root / "final_output.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "meant"), [(["run", "--max-paralel", "2"], "--max-parallel"), (["agent", "metricss"], "metrics")]
)
def test_a_misspelt_option_or_subcommand_is_answered_with_the_one_that_was_meant(
    orchestrate: Orchestrate, root: Path, words: list[str], meant: str
) -> None:
    """As a command is."""
    write_plan(root, {"T-01": "echo 1"})
    refused = orchestrate(*words)
    assert 2 == refused.returncode
    assert f"Did you mean '{meant}'?" in refused.stderr


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("run --only T-", ["T-01", "T-02"]),
        ("list --status re", ["retrying"]),
        ("list --tag b", ["back"]),
        ("add x --agent sh", ["shell"]),
    ],
)
def test_a_shell_is_offered_what_the_plan_knows(
    orchestrate: Orchestrate, root: Path, line: str, offered: list[str]
) -> None:
    """Ids, statuses, tags and agents, as values of options."""
    root.mkdir()
    (root / "master_plan.md").write_text(
        "| ID | Task | Deps | Tags |\n|--|--|--|--|\n| T-01 | a | | back |\n| T-02 | b | | ui |\n", encoding="utf-8"
    )
    orchestrate.environment["_ORCHESTRATOR_COMPLETE"] = "bash_complete"
    orchestrate.environment["COMP_WORDS"] = f"orchestrator {line}"
    orchestrate.environment["COMP_CWORD"] = str(len(line.split()))
    told = orchestrate().stdout.splitlines()
    assert offered == [each.partition(",")[2] for each in told]
