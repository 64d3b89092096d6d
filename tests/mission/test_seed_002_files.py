"""Seed 002, rows about files: what stands where, and in which sections."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, front_of, write_plan
from tests.executors.harness import wait_until
from tests.mission.conftest import QuickStart
from tests.plan.seed_plans import QUICK_START


def sections(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def test_s2_08_and_27_to_30_results_are_aggregated(quick_start: QuickStart) -> None:
    """All of them, complete, in dependency order, with their headings below those of the file."""
    output = quick_start.text("final_output.md")
    assert "| Successful | 5 (100%) |" in output
    titles = [f"## T-0{n}" for n in range(1, 6)]
    assert titles == re.findall(r"^## T-\d+", output, re.MULTILINE)
    for number in range(1, 6):
        assert f"\n### Answer of T-0{number}\n\nDone ✔ T-0{number}\n" in output


def test_s2_28_completeness_is_verified(orchestrate: Orchestrate, root: Path) -> None:
    """An output that lacks something says so in its first lines and names what is missing."""
    write_plan(root, {"T-01": "echo one", "T-02": "exit 1"})
    assert 1 == orchestrate("run").returncode
    output = (root / "final_output.md").read_text(encoding="utf-8")
    assert "**1 of 2 tasks completed: this output is incomplete.**" in output.partition("## ")[0]
    assert re.search(r"^\| T-02 · exit 1 \| ❌ Failed \| 1 \| exit 1 \|", output, re.MULTILINE)


def test_s2_11_state_lives_in_markdown(quick_start: QuickStart, tmp_path: Path) -> None:
    """Without the cache and without anything drawn, where the plan stands is the same."""
    told = quick_start.orchestrate("status", "--json").counts
    copy = tmp_path / ".orchestrator"
    shutil.copytree(quick_start.root, copy)
    for name in ("index.json", "final_output.md", "journal.md", "run.lock"):
        (copy / name).unlink()
    (copy / "master_plan.md").write_text(QUICK_START, encoding="utf-8")
    again = quick_start.orchestrate("status", copy, "--json").counts
    assert {"completed": 5} == told == again


def test_s2_12_the_plan_is_redrawn_after_every_change(orchestrate: Orchestrate, gate: Gate, root: Path) -> None:
    """While a task waits, the plan says that the one before it is completed and that it runs."""
    plan = write_plan(root, {"T-01": "true", "T-02": (gate.wait, "T-01"), "T-03": ("true", "T-02")})
    run = orchestrate.start("run")
    gate.await_task(run)
    drawn = ("| ✅ Completed |", "| 🔵 Running |", "| ⏸️ Waiting |", "Completed 1/3 · Running 1 · Waiting 1")
    wait_until(lambda: all(words in plan.read_text(encoding="utf-8") for words in drawn))
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert 3 == plan.read_text(encoding="utf-8").count("| ✅ Completed |")


def test_s2_13_the_file_system_is_the_memory(quick_start: QuickStart, orchestrate: Orchestrate, root: Path) -> None:
    """A plan directory that was moved is what it was: nothing runs again."""
    shutil.copytree(quick_start.root, root)
    again = orchestrate("run", "--json", env={"PATH": quick_start.orchestrate.environment["PATH"]})
    assert (0, []) == (again.returncode, again.started())
    assert {"completed": 5} == orchestrate("status", "--json").counts


def test_s2_14_and_32_the_layout(quick_start: QuickStart, orchestrate: Orchestrate, root: Path) -> None:
    """What the seed lists is where the seed says, after init and after a run."""
    assert 0 == orchestrate("init").returncode
    assert root.joinpath("agent_tasks").is_dir()
    assert root.joinpath("results").is_dir()
    for number in range(1, 6):
        assert (quick_start.root / "agent_tasks" / f"agent-0{number}.md").is_file()
        assert (quick_start.root / "results" / f"agent-0{number}-result.md").is_file()
    assert (quick_start.root / "master_plan.md").is_file()
    assert (quick_start.root / "final_output.md").is_file()


def test_s2_20_and_55_the_status_table(quick_start: QuickStart) -> None:
    """Task, agent, status, start and end, one row per task."""
    table = quick_start.text("master_plan.md").partition("## Status\n")[2].partition("<!--")[0]
    assert "| Task ID | Task | Agent | Status | Attempts | Start | End | Duration | Note |" in table
    timestamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ"
    for number in range(1, 6):
        row = rf"^\| T-0{number} \| .+ \| Agent-0{number} \| ✅ Completed \| 1 \| {timestamp} \| {timestamp} \| "
        assert re.search(row, table, re.MULTILINE)
    assert quick_start.text("master_plan.md").startswith(QUICK_START)


def test_s2_55_a_persons_own_assignment_table_is_kept_up_to_date(orchestrate: Orchestrate, root: Path) -> None:
    """The seed's table of agents, statuses and times is filled in where it stands."""
    rows = "| T-01 | Agent-01 | 🟡 Pending | - | - |\n"
    head = "| Task ID | Agent | Status | Start Time | End Time |\n|---|---|---|---|---|\n"
    plan = write_plan(root, {"T-01": "true"}, more=f"## Agent Assignment\n{head}{rows}\n")
    assert 0 == orchestrate("run").returncode
    timestamp = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ?"
    filled = rf"^\| T-01 \| Agent-01 \| ✅ Completed \| {timestamp} \| {timestamp} \|$"
    assert re.search(filled, plan.read_text(encoding="utf-8"), re.MULTILINE)


def test_s2_21_task_files_are_made(quick_start: QuickStart) -> None:
    """One for every task that has none; the one that a person wrote is as they wrote it."""
    assert quick_start.text("agent_tasks/agent-03.md").startswith("# My own words\n")
    for number in (1, 2, 4, 5):
        made = quick_start.text(f"agent_tasks/agent-0{number}.md")
        assert made.startswith(f"# 🤖 Agent-0{number} Task Assignment\n")


def test_s2_25_the_prompt_is_the_whole_task_file(quick_start: QuickStart) -> None:
    """Nothing of it is left out but our mark on what nobody changed; and it comes by standard input."""
    for call in quick_start.calls:
        file = quick_start.text(f"agent_tasks/{call.task.replace('T-', 'agent-')}.md")
        assert file.partition("\n<!-- made from its row")[0].strip() in call.prompt
        assert not [word for word in call.argv if "Task" in word]


def test_s2_26_what_an_agent_answers_is_its_result(quick_start: QuickStart) -> None:
    """In ``results/``, under the name of the agent."""
    for number in range(1, 6):
        assert f"Done ✔ T-0{number}" in answer_of(quick_start.root, f"T-0{number}")


def test_s2_37_and_38_parallel_time_against_the_sum(orchestrate: Orchestrate, root: Path) -> None:
    """How long it took, how long one after the other, and how many times faster that was: three at once here."""
    last = "sleep 1"
    write_plan(root, {"T-01": last, "T-02": last, "T-03": last, "T-04": ("true", "T-01,T-02,T-03")})
    ran = orchestrate("run", "--json")
    assert 0 == ran.returncode
    took = ran.events[-1]["duration"]
    tasks = sum(front_of(root, f"T-0{n}")["attempts"][0]["duration"] for n in range(1, 5))
    output = (root / "final_output.md").read_text(encoding="utf-8")
    figures = dict(re.findall(r"^\| ([\w -]+?) \| ([\d.]+)[s×%]", output, re.MULTILINE))
    assert tasks == pytest.approx(float(figures["Sum of task times"]), abs=0.06)
    assert took == pytest.approx(float(figures["Duration"]), abs=0.3)
    assert tasks / took == pytest.approx(float(figures["Speed-up"]), abs=0.4)
    assert 1 < float(figures["Speed-up"]) <= 3


def test_s2_53_and_54_the_template_of_a_plan(orchestrate: Orchestrate, root: Path) -> None:
    """Request, primary goal, success criteria, and the table with five columns."""
    assert 0 == orchestrate("init", "--request", "Tidy up").returncode
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert ["Original Request", "Goal Definition", "Task Decomposition"] == sections(plan)
    assert "\n> Tidy up\n" in plan
    assert "**Primary Goal**: " in plan
    assert "**Success Criteria**: " in plan
    assert "| Task ID | Task Name | Description | Dependencies | Priority |" in plan
    assert re.search(r"^\| T-01 \| .+ \| .+ \| None \| P\d \|$", plan, re.MULTILINE)


def test_s2_54_priority_decides_who_is_first(orchestrate: Orchestrate, root: Path) -> None:
    """P0 before P1 before P3, when not all can run at once."""
    root.mkdir()
    rows = "".join(
        f"| T-0{n} | name | true | None | {priority} |\n"
        for n, priority in enumerate(("P3", "P1", "P0", "P2"), start=1)
    )
    head = "| Task ID | Task Name | Description | Dependencies | Priority |\n|---|---|---|---|---|\n"
    front = "---\nagent: shell\nmax_parallel: 1\n---\n"
    (root / "master_plan.md").write_text(front + head + rows, encoding="utf-8")
    assert ["T-03", "T-02", "T-04", "T-01"] == orchestrate("run", "--json").started()


def test_s2_56_to_60_the_template_of_a_task(orchestrate: Orchestrate, root: Path) -> None:
    """Information, input, description, expected output and constraints, from the columns of the plan."""
    root.mkdir()
    head = (
        "| ID | Task Name | Description | Deps | Priority | Est. Time | Expected Output | Language |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    rows = (
        "| T-01 | Scan | Read it all | - | P1 | 3 minutes | A list | TypeScript |\n"
        "| T-02 | Judge | Judge it | T-01 | P0 | - | - | - |\n"
    )
    (root / "master_plan.md").write_text(head + rows, encoding="utf-8")
    assert 0 == orchestrate("run", "--simulate").returncode
    first = (root / "agent_tasks" / "agent-01.md").read_text(encoding="utf-8")
    command = ["Task Information", "Input", "Task Description", "Expected Output", "Constraints", "Hints"]
    assert command == sections(first)
    for line in (
        "# 🤖 Agent-01 Task Assignment",
        "- **Task ID**: T-01",
        "- **Task Name**: Scan",
        "- **Priority**: P1",
        "- **Estimated Time**: 3m00s",
        "| Parameter | Type | Source | Value |",
        "| Language | string | Master plan | TypeScript |",
        "Read it all",
        "A list",
    ):
        assert f"\n{line}\n" in f"\n{first}", line
    second = (root / "agent_tasks" / "agent-02.md").read_text(encoding="utf-8")
    assert "`results/agent-01-result.md`" in second
    assert "Estimated Time" not in second


def test_s2_61_to_63_the_template_of_a_result(quick_start: QuickStart) -> None:
    """Summary with status and duration, output, statistics as a table."""
    text = quick_start.text("results/agent-02-result.md")
    assert ["Execution Summary", "Output", "Statistics"] == sections(text)
    assert re.search(r"^- \*\*Status\*\*: ✅ Completed\n- \*\*Duration\*\*: \d+\.\ds$", text, re.MULTILINE)
    table = text.partition("## Statistics\n")[2]
    assert table.startswith("| Metric | Value |\n|--------|-------|\n")
    assert re.search(r"^\| Cost \| \$[\d.]+ \|$", table, re.MULTILINE)


def test_s2_65_results_are_passed_on_by_files(quick_start: QuickStart) -> None:
    """A dependant is told where each result lies, and reads its head at once."""
    prompt = next(call.prompt for call in quick_start.calls if call.task == "T-05")
    for number in (2, 3, 4):
        assert f".orchestrator/results/agent-0{number}-result.md" in prompt
        assert f"Done ✔ T-0{number}" in prompt
    assert "Done ✔ T-01" not in prompt


def test_s2_67_the_use_of_resources_is_recorded(orchestrate: Orchestrate, root: Path) -> None:
    """Peak memory and processor time of every attempt."""
    write_plan(root, {"T-01": "head -c 50000000 /dev/zero | tail -c 1 | wc -c"})
    assert 0 == orchestrate("run").returncode
    text = (root / "results" / "agent-01-result.md").read_text(encoding="utf-8")
    assert re.search(r"^\| Peak memory \| [1-9]\d* MB \|$", text, re.MULTILINE)
    assert re.search(r"^\| Processor time \| \d+\.\d\ds \|$", text, re.MULTILINE)


def test_s2_68_all_executions_and_errors_are_logged(orchestrate: Orchestrate, root: Path) -> None:
    """The journal has every start and every end with its reason; what an agent said on stderr is in its log."""
    write_plan(root, {"T-01": "echo why >&2; exit 4", "T-02": "true"}, retries=1)
    assert 1 == orchestrate("run").returncode
    journal = (root / "journal.md").read_text(encoding="utf-8")
    assert 3 == len(re.findall(r" · T-0[12] · started attempt \d · agent shell$", journal, re.MULTILINE))
    assert re.search(r" · T-01 · retrying attempt 1 · .* · exit 4: why$", journal, re.MULTILINE)
    assert re.search(r" · T-01 · failed attempt 2 · .* · exit 4: why$", journal, re.MULTILINE)
    assert "why\n" == (root / "logs" / "agent-01.attempt-2.err").read_text()
    errors = (root / "master_plan.md").read_text(encoding="utf-8").partition("## Errors\n")[2]
    assert 2 == errors.count("exit 4: why")
    assert "exit 4" == front_of(root, "T-01")["attempts"][1]["exit"]


def test_s2_75_tasks_that_share_nothing_need_nothing(orchestrate: Orchestrate, root: Path) -> None:
    """Five tasks without dependencies are one batch."""
    write_plan(root, {f"T-0{n}": "true" for n in range(1, 6)})
    assert "valid: 5 tasks in 1 batch\nlongest chain: T-01\n" == orchestrate("validate").stdout
