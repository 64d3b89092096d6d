"""Who a task is shown to be done by is who does it."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate, ok
from tests.acceptance.plans import write_plan, write_task


def agents(orchestrate: Orchestrate, task: str) -> list[str]:
    shown = orchestrate("show", task).stdout.splitlines()
    return [line.split(maxsplit=1)[1] for line in shown if line.startswith("Agent ")]


def test_show_names_the_agent_that_a_run_takes(orchestrate: Orchestrate, root: Path) -> None:
    """From the task file, the row, the plan or the default, as a dry run; and of each attempt whose it was."""
    root.mkdir()
    table = "| ID | Task | Deps | Agent |\n|---|---|---|---|\n"
    rows = "| T-01 | echo 1 | | |\n| T-02 | echo 2 | | claude |\n| T-03 | echo 3 | | Agent-03 |\n"
    plan = root / "master_plan.md"
    plan.write_text(f"---\nagent: shell\n---\n{table}{rows}", encoding="utf-8")
    write_task(root, "T-02", "```sh\necho 2\n```\n", agent="simulated")
    for task in orchestrate("run", "--dry-run", "--json").json["tasks"]:
        assert [task["agent"]] == agents(orchestrate, task["id"])
    assert ["shell"] == agents(orchestrate, "T-01")
    assert 0 == orchestrate("run").returncode
    (attempt,) = (each for each in orchestrate("show", "T-02").stdout.splitlines() if "  1  " in each)
    assert " · by simulated" in attempt
    plan.write_text(f"{table}{rows}", encoding="utf-8")
    assert ["claude"] == agents(orchestrate, "T-01")


def test_show_works_where_a_run_would_be_refused(orchestrate: Orchestrate, root: Path) -> None:
    """Then the row is all there is to be told."""
    write_plan(root, {"T-01": "echo 1"})
    write_task(root, "T-01", "mine", timeout="soon")
    assert ["(default)"] == agents(orchestrate, "T-01")


def test_list_names_the_agent_that_a_type_chose(orchestrate: Orchestrate, root: Path) -> None:
    """Who reads it to see who does a task sees who does it."""
    root.mkdir()
    table = "| ID | Task | Deps | Agent | Type |\n|---|---|---|---|---|\n"
    rows = "| T-01 | Test it | | | test |\n| T-02 | Build it | | | dev |\n| T-03 | Test | | claude | test |\n"
    (root / "master_plan.md").write_text(f"{table}{rows}", encoding="utf-8")
    tester = ("agent", "register", "tester", "--command", "cat {prompt_file}", "--types", "test")
    ok(orchestrate(*tester))
    listed = {each["id"]: each["agent"] for each in orchestrate("list", "--json").json["tasks"]}
    assert {"T-01": "tester", "T-02": "", "T-03": "claude"} == listed
    assert "tester" == orchestrate("show", "T-01", "--json").json["task"]["agent"]
    assert ",tester," in orchestrate("list", "--format", "csv").stdout.splitlines()[1]
