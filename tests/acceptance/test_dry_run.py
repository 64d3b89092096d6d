"""What a dry run promises is what the run does."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan


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
    run = orchestrate("run", "--json")
    assert ["T-08"] == run.started()
    assert ("1 of 8 tasks to run", 1) == (run.events[0]["text"], run.events[0]["tasks"])


def test_a_dry_run_says_why_the_run_would_be_refused(orchestrate: Orchestrate, gate: Gate, root: Path) -> None:
    """As the run itself says it: an agent is not there, or another run holds the plan."""
    write_plan(root, {"T-01": gate.wait}, agent="claude")
    refused = orchestrate("run")
    assert (2, f"error: {said(orchestrate)}") == (refused.returncode, refused.stderr.split("\n")[0])
    assert "there is no `claude` on PATH" in said(orchestrate)
    assert "" == said(orchestrate, "--simulate")
    write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    refused = orchestrate("run")
    held = said(orchestrate)
    assert (3, f"error: {held}") == (refused.returncode, refused.stderr.split("\n")[0])
    assert "holds this plan" in held == said(orchestrate, "--simulate")
    told = orchestrate("run", "--dry-run")
    assert (0, f"warning: {held}") == (told.returncode, told.stderr.split("\n")[0])
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert "" == said(orchestrate)


def said(orchestrate: Orchestrate, *words: str) -> str:
    """Why the run would be refused."""
    return str(orchestrate("run", "--dry-run", "--json", *words).json["refused"])
