"""What a person may count on that a plan does not do is said before it costs anything, and nobody is refused."""

from __future__ import annotations

from pathlib import Path

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_task

HEAD = "---\nagent: shell\nretries: 0\n---\n"


def write(root: Path, header: str, *rows: str) -> Path:
    root.mkdir(exist_ok=True)
    columns = header.count("|") + 1
    lines = [f"| {header} |", f"|{'---|' * columns}", *(f"| {row} |" for row in rows)]
    plan = root / "master_plan.md"
    plan.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    return plan


def warnings(orchestrate: Orchestrate, *words: str) -> list[str]:
    """What ``validate``, a dry run and a run warn of; all three say the same."""
    told = orchestrate("validate", *words)
    said = [line.removeprefix("warning: ") for line in told.stderr.splitlines()]
    planned = orchestrate("run", "--dry-run", *words)
    assert (0, told.stderr) == (planned.returncode, planned.stderr)
    for command in (["validate"], ["run", "--dry-run"]):
        assert said == orchestrate(*command, *words, "--json").json["warnings"]
    ran = orchestrate("run", *words).stderr.splitlines()
    assert said == [line.removeprefix("⚠️ ") for line in ran if line.startswith("⚠️")]
    return said


def test_what_a_person_says_in_a_status_cell_is_not_believed_and_that_is_said(
    orchestrate: Orchestrate, root: Path
) -> None:
    """Only of what runs all the same; with what says it so that it counts."""
    rows = (
        "T-01 | echo 1 | | ✅ Completed",
        "T-02 | echo 2 | | 🟡 Pending",
        "T-03 | echo 3 | | done",
        "T-04 | echo 4 | | 🚫 Cancelled",
        "T-05 | echo 5 | | with Ann",
    )
    write(root, "ID | Task | Deps | Status", *rows)
    assert 0 == orchestrate("complete", "T-01", "one").returncode
    write(root, "ID | Task | Deps | Status", *rows)
    done, cancelled, other = warnings(orchestrate, "--dir", "../" + root.parent.name + "/.orchestrator")
    assert (
        "the Status cell of T-03 says completed, but is never read, so it runs; what says so is "
        f"`orchestrator complete --dir ../{root.parent.name}/.orchestrator T-03`"
    ) == done
    assert cancelled.startswith("the Status cell of T-04 says cancelled, but ")
    assert other.startswith("the Status cell of T-05 says 'with Ann', but is never read, so it runs; ")
    assert ("3", "4") == (answer_of(root, "T-03"), answer_of(root, "T-04"))


def test_what_we_drew_into_status_cells_ourselves_is_no_news(orchestrate: Orchestrate, root: Path) -> None:
    """Not after results were taken away, nor of what was only simulated; what a person writes there later is."""
    plan = write(root, "ID | Task | Deps | Status", *(f"T-{n} | echo {n} | | -" for n in range(9)))
    assert 0 == orchestrate("run", "--simulate").returncode
    assert [] == warnings(orchestrate)
    drawn = plan.read_text(encoding="utf-8")
    assert 9 <= drawn.count("✅ Completed")
    for result in (root / "results").iterdir():
        result.unlink()
    assert [] == warnings(orchestrate)
    for n in range(9):
        assert 0 == orchestrate("retry", f"T-{n}").returncode
    plan.write_text(plan.read_text("utf-8").replace("| 🟡 Pending |\n", "| Done |\n"), "utf-8")
    (told,) = warnings(orchestrate)
    assert told.startswith("the Status cells of T-0, T-1, T-2, T-3, T-4 and 4 more say completed, but ")


def test_a_column_that_is_called_like_a_setting_is_named(orchestrate: Orchestrate, root: Path) -> None:
    """It goes to the agent as any other; what it says there is no limit."""
    write(
        root,
        "ID | Task | Deps | Timeout | Max Retries | Budget | Format | Hint | Model",
        "T-01 | echo 1 | | 1s | 3 | 2 | PDF | x | -",
    )
    timeout, retries, budget = warnings(orchestrate)
    assert (
        "the column Timeout sets nothing, its cells only go to the agents: write `timeout:` into the front matter "
        "of the plan, or of a task file"
    ) == timeout
    assert "column Max Retries sets nothing" in retries
    assert "`retries:`" in retries
    assert budget.endswith("write `budget_usd:` into the front matter of a task file")


def test_a_task_file_that_no_task_reads_is_named(orchestrate: Orchestrate, root: Path) -> None:
    """Else the rows would be done, whatever stands in the files. What once was of a task is no news."""
    plan = write(root, "ID | Task | Deps", "scan | echo 1 | ", "T-07 | echo 7 | ")
    write_task(root, "scan", "echo 1")
    (root / "agent_tasks" / "scan.md").rename(root / "agent_tasks" / "agent-01.md")
    (told,) = warnings(orchestrate)
    at = ".orchestrator/agent_tasks"
    assert f"no task reads {at}/agent-01.md: the file of scan is {at}/scan.md" == told
    rows = plan.read_text(encoding="utf-8").replace("| T-07 | echo 7 |  |", "| T-08 | echo 8 |  |")
    plan.write_text(rows, encoding="utf-8")
    write_task(root, "T-07", "echo seven")
    (root / "agent_tasks" / "agent-01.md").unlink()
    assert [] == warnings(orchestrate)


def test_a_task_that_gets_another_id_runs_beside_the_file_it_had(orchestrate: Orchestrate, root: Path) -> None:
    """Whoever numbers rows anew is told nothing of files that were made from the old ones."""
    write(root, "ID | Task | Deps", "T-01 | echo 1 | ", "agent-scan | echo 2 | ")
    assert [] == warnings(orchestrate)
    write(root, "ID | Task | Deps", "1 | echo 1 | ", "scan | echo 2 | ")
    assert [] == warnings(orchestrate)
    assert ("1", "2") == (answer_of(root, "1"), answer_of(root, "scan"))


def test_a_schema_that_nobody_looks_at_is_told(orchestrate: Orchestrate, root: Path) -> None:
    """A program prints what it prints; only claude is held to the form that was asked for."""
    write(root, "Task ID | Description | Dependencies", "T-01 | echo 1 | ", "T-02 | echo 2 | ")
    write_task(root, "T-01", "", schema={"type": "object"})
    (said,) = warnings(orchestrate)
    assert said.startswith("the `schema` of T-01 is not checked: ")
    assert "1" == answer_of(root, "T-01")


def test_a_plan_that_nobody_filled_in_is_told_before_it_costs_anything(claude: ClaudePlan) -> None:
    """As ``init`` writes it. What was written into the row or the task file is enough, and so is a simulation."""
    plan = claude.root / "master_plan.md"
    assert 0 == claude.orchestrate("init").returncode
    warning = (
        "nobody has written yet what is to be done in T-01, T-02, T-03: "
        "[What to find and list, and where] is a place for it"
    )
    for command in (["validate"], ["run", "--dry-run"]):
        assert [warning] == claude.orchestrate(*command, "--json").json["warnings"]
    assert [] == claude.orchestrate("run", "--dry-run", "--simulate", "--json").json["warnings"]
    write_task(claude.root, "T-01", "List the pages of the handbook")
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("[What to find out about what T-01 listed]", "[1] and [2]"), "utf-8")
    (warned,) = claude.orchestrate("validate", "--json").json["warnings"]
    assert warned.startswith("nobody has written yet what is to be done in T-03: [What to answer ")
    refused = claude.orchestrate("run")
    assert (2, []) == (refused.returncode, claude.calls())
    assert warned in refused.stderr
    assert "master_plan.md:" in refused.stderr
    assert "hint: write into those rows what is to be done" in refused.stderr
    assert claude.orchestrate("run", "--dry-run", "--json").json["refused"]
    assert 0 == claude.orchestrate("init", "other", "--request", "Count the pages").returncode
    assert [] == claude.orchestrate("validate", "other", "--json").json["warnings"]


def test_a_budget_that_lets_a_task_never_start_is_named(claude: ClaudePlan) -> None:
    """With what an attempt of it needs, before the run and when it ends; what costs nothing needs nothing."""
    claude.write({"T-01": "do 1", "T-02": "do 2", "T-03": "do 3"}, budget_usd=1, max_parallel=1)
    for task_id, more in (("T-01", {"budget_usd": 2}), ("T-02", {}), ("T-03", {"agent": "shell", "budget_usd": 3})):
        body = "```sh\necho 3\n```" if "agent" in more else "do it"
        write_task(claude.root, task_id, body, **more)
    for command in (["validate"], ["run", "--dry-run"]):
        (warned,) = claude.orchestrate(*command, "--json").json["warnings"]
        assert "the budget of $1.00 is too little for T-01 (needs $2.00): " in warned
    assert [] == claude.orchestrate("validate", "--json").json["warnings"][1:]
    ran = claude.orchestrate("run")
    assert 4 == ran.returncode
    assert "of the budget of $1.00 is left, too little for T-01 (needs $2.00)\n" in ran.stderr
    ran = claude.orchestrate("run", "--fresh", "--only", "T-02", "--budget-usd", "0.05")
    assert 4 == ran.returncode
    assert "too little for T-02 (needs $0.1000): raise" in ran.stderr
    assert "is left, too little for T-02 (needs $0.1000)\n" in ran.stderr
