"""What a dry run promises is what the run does."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate


def test_a_dry_run_promises_nothing_that_cannot_start(orchestrate: Orchestrate, root: Path) -> None:
    """What keeps a task back is named; the run starts what was promised, and nothing else."""
    front = "---\nagent: shell\nstatus: planning\n---\n| ID | Task | Deps |\n|---|---|---|\n"
    rows = {"T-01": "", "T-02": "T-01", "T-03": "T-02", "T-04": "", "T-05": "T-04", "T-06": ""}
    rows |= {"T-07": "T-06", "T-08": ""}
    root.mkdir()
    table = "".join(f"| {task} | true | {need} |\n" for task, need in rows.items())
    (root / "master_plan.md").write_text(front + table, encoding="utf-8")
    unapproved = orchestrate("run", "--dry-run")
    assert (0, True) == (unapproved.returncode, "8 of 8 tasks would run\n" in unapproved.stdout)
    assert ".orchestrator is PLANNING: nobody has approved it yet\n  hint: " in unapproved.stderr
    assert "nobody has approved it" in orchestrate("run", "--dry-run", "--json").json["refused"]
    assert 0 == orchestrate("transition", ".orchestrator", "approve").returncode
    for words in (("block", "T-01"), ("cancel", "T-04"), ("start", "T-06", "--as", "ann")):
        assert 0 == orchestrate(*words).returncode
    told = orchestrate("run", "--dry-run")
    assert (0, "") == (told.returncode, told.stderr)
    assert [
        "batch 1  T-08  shell  true",
        "kept back  T-02  shell  true · T-01 is blocked",
        "kept back  T-05  shell  true · T-04 is cancelled",
        "kept back  T-07  shell  true · T-06 is running by ann",
        "kept back  T-03  shell  true · T-01 is blocked",
        "1 of 8 tasks would run, 4 are kept back",
    ] == told.stdout.splitlines()
    answer = orchestrate("run", "--dry-run", "--json").json
    assert (["T-08"], ["T-02", "T-05", "T-07", "T-03"], "") == (
        [task["id"] for task in answer["tasks"]],
        [task["id"] for task in answer["kept_back"]],
        answer["refused"],
    )
    assert ["T-08"] == orchestrate("run", "--json").started()
