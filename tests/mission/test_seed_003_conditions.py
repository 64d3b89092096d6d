"""Seed 003, rows about conditions and trigger rules: what runs, and what is skipped and why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Orchestrate

#: The guide's conditional workflow: one research, and two analyses that depend on what it found.
ADAPTIVE = {
    "initial_research": ("{answer}", "None", "", ""),
    "deep_analysis": ("echo deep", "initial_research", "result.marketSize > 1000000", ""),
    "feasibility_study": ("echo feasible", "initial_research", 'result.technicalComplexity === "high"', ""),
}


def write(root: Path, rows: Mapping[str, tuple[str, str, str, str]], **values: str) -> None:
    """Write a plan of shell tasks: command, dependencies, condition, trigger rule."""
    root.mkdir(exist_ok=True)
    lines = ["---", "agent: shell", "retries: 0", "---", "# Plan", ""]
    lines += ["| Task ID | Description | Dependencies | If | Run If |", "|---|---|---|---|---|"]
    for task, cells in rows.items():
        shown = " | ".join(cell.format(**values) if "{answer}" in cell else cell for cell in cells)
        lines.append(f"| {task} | {shown} |")
    (root / "master_plan.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def answer(**facts: object) -> str:
    """A command that answers with a JSON object."""
    return f"echo '{json.dumps(facts)}'"


def reasons(orchestrate: Orchestrate) -> dict[str, str]:
    """Why each task was skipped."""
    found: list[dict[str, Any]] = json.loads(orchestrate("list", "--json").stdout)["tasks"]
    return {each["id"]: each["reason"] for each in found if each["status"] == "skipped"}


@pytest.mark.parametrize(
    ("size", "complexity", "skipped"),
    [
        (2_000_000, "high", set()),
        (2_000_000, "low", {"feasibility_study"}),
        (10, "high", {"deep_analysis"}),
        (1_000_000, "low", {"deep_analysis", "feasibility_study"}),
    ],
)
def test_s3_34_s3_40_s3_41_conditional(
    orchestrate: Orchestrate, root: Path, size: int, complexity: str, skipped: set[str]
) -> None:
    """Each branch is taken with the values that decide it; a branch that is not needed is no failure."""
    write(root, ADAPTIVE, answer=answer(marketSize=size, technicalComplexity=complexity))
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr
    assert skipped == reasons(orchestrate).keys()
    assert all(reason.startswith("not met: if result.") for reason in reasons(orchestrate).values())
    assert 0 == orchestrate("run").returncode, "nothing is left to do"
    for task in skipped:
        refused = orchestrate("retry", task)
        assert refused.returncode
        assert f"{task} was skipped: not met: if result." in refused.stderr


def test_s3_42_a_lone_condition_that_is_false(orchestrate: Orchestrate, root: Path) -> None:
    """The task is not executed, nor what only depends on it; what depends on something else, too, goes on."""
    rows = {
        "a": (answer(n=1), "None", "", ""),
        "b": ("touch ran-b", "a", "result.n > 1", ""),
        "c": ("touch ran-c", "b", "", ""),
        "d": ("touch ran-d", "a, b", "", ""),
    }
    write(root, rows)
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr
    assert {"a": "completed", "b": "skipped", "c": "skipped", "d": "completed"} == orchestrate.statuses()
    assert {"b": "not met: if result.n > 1", "c": "b skipped"} == reasons(orchestrate)
    assert not list(root.parent.glob("ran-[bc]"))
    assert "2 of 4 tasks completed" in ran.stderr
    assert "2 not needed" in ran.stderr
    output = (root / "final_output.md").read_text(encoding="utf-8")
    assert "## What was not needed\n\n- ⏭️ b: not met: if result.n > 1\n- ⏭️ c: b skipped" in output
    assert "What is missing" not in output


def test_s3_40_a_value_that_is_not_there(orchestrate: Orchestrate, root: Path) -> None:
    """It is skipped, and the run says so with its exit status: nobody knows whether it was needed."""
    rows = {"a": (answer(n=1), "None", "", ""), "b": ("true", "a", "result.size > 1", ""), "c": ("true", "b", "", "")}
    write(root, rows)
    assert 1 == orchestrate("run").returncode
    assert {"b": "undecided: result.size is missing", "c": "b skipped"} == reasons(orchestrate)


def test_s3_36_what_a_task_needs_in_its_trigger_rule(orchestrate: Orchestrate, root: Path) -> None:
    rows = {
        "good": ("true", "None", "", ""),
        "bad": ("exit 3", "None", "", ""),
        "cleanup": ("true", "bad", "", "any_failed"),
        "alarm": ("true", "good", "", "any failed"),
        "always": ("true", "good, bad", "", "all_over"),
        "either": ("true", "good, bad", "", "any_completed"),
        "both": ("true", "good, bad", "", ""),
        "neither": ("true", "bad", "", "any_completed"),
        "told": ("true", "bad", 'needs.bad.status == "failed"', "all_over"),
    }
    write(root, rows)
    assert 1 == orchestrate("run").returncode
    done = {task for task, status in orchestrate.statuses().items() if status == "completed"}
    assert {"good", "cleanup", "always", "either", "told"} == done
    assert {"alarm": "nothing that it depends on failed", "both": "bad failed", "neither": "bad failed"} == reasons(
        orchestrate
    )


def test_s3_34_what_was_decided_stays_until_its_values_change(orchestrate: Orchestrate, root: Path) -> None:
    """Also through the next run; once the task before it was done again, or the row says another thing, it is open."""
    rows = {"a": (answer(n=1), "None", "", ""), "b": ("true", "a", "result.n > 1", "")}
    write(root, rows)
    assert 0 == orchestrate("run").returncode
    assert 0 == orchestrate("run").returncode
    assert "skipped" == orchestrate.statuses()["b"]
    write(root, {**rows, "a": (answer(n=2), "None", "", "")})
    assert 0 == orchestrate("retry", "a").returncode
    assert 0 == orchestrate("run").returncode
    assert "completed" == orchestrate.statuses()["b"]
    write(root, {**rows, "b": ("true", "a", "result.n < 0", "")})
    assert 0 == orchestrate("retry", "b").returncode
    assert 0 == orchestrate("run").returncode
    assert "skipped" == orchestrate.statuses()["b"]
    write(root, {**rows, "b": ("true", "a", "", "")})
    assert 0 == orchestrate("run").returncode
    assert "completed" == orchestrate.statuses()["b"]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("result.n >", "column"),
        ("result.n = 1", "column 10"),
        ("needs.x.result.n > 1", "it does not depend on x"),
        ("9**9**9", "column"),
        ("__import__('os')", "column 1"),
        ("result.n > 1 and open('x')", "column 18"),
        ("(" * 10_000, "column"),
        ("Monday", "column 1"),
    ],
)
def test_s3_38_a_condition_that_is_none(orchestrate: Orchestrate, root: Path, condition: str, words: str) -> None:
    """It is refused with file, line and column, and nothing runs."""
    write(root, {"a": (answer(n=1), "None", "", ""), "b": ("touch ran", "a", condition, "")})
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert "master_plan.md:10" in refused.stderr
    assert words in refused.stderr
    assert not (root / "results").exists()


def test_s3_37_a_trigger_rule_that_is_none(orchestrate: Orchestrate, root: Path) -> None:
    write(root, {"a": ("true", "None", "", "sometimes")})
    refused = orchestrate("validate")
    assert 2 == refused.returncode
    assert "'sometimes' is none of all_completed, any_completed, all_over, any_failed" in refused.stderr


def test_s3_38_a_condition_is_seen_before_the_run_and_added_by_command(orchestrate: Orchestrate, root: Path) -> None:
    write(root, {"a": (answer(n=1), "None", "", "")})
    added = orchestrate("add", "true", "--depends-on", "a", "--condition", "result.n == 1", "--id", "b")
    assert 0 == added.returncode, added.stderr
    assert "if result.n == 1" in orchestrate("status").stdout
    assert 2 == orchestrate("update", "b", "--condition", "result.n ==").returncode
    assert 0 == orchestrate("run").returncode
    assert "completed" == orchestrate.statuses()["b"]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Cache", "the column Cache would decide nothing"),
        ("Fallback", "write Fallback For into the row of the task that stands in"),
        ("Conditon", "did you mean If?"),
        ("Concurency", "did you mean Concurrency?"),
        ("Writess", "did you mean Writes?"),
    ],
)
def test_s3_38_a_column_that_is_nearly_one_that_decides(
    orchestrate: Orchestrate, root: Path, header: str, words: str
) -> None:
    """It is refused, never handed to the agent without a word."""
    root.mkdir()
    table = f"| Task ID | Description | Dependencies | {header} |\n|---|---|---|---|\n| T-01 | true | None | x |\n"
    (root / "master_plan.md").write_text(f"---\nagent: shell\n---\n{table}", encoding="utf-8")
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert words in refused.stderr
    assert "master_plan.md:4" in refused.stderr


def test_s3_65_a_parameter_of_the_run_decides(orchestrate: Orchestrate, root: Path) -> None:
    write(root, {"a": ("true", "None", "", ""), "b": ("true", "a", 'params.depth === "deep"', "")})
    plan = root / "master_plan.md"
    front = "agent: shell\nparams:\n  depth: {type: string, enum: [deep, flat], default: flat}\n"
    plan.write_text(plan.read_text(encoding="utf-8").replace("agent: shell\n", front), encoding="utf-8")
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr
    assert "skipped" == orchestrate.statuses()["b"]
    assert 0 == orchestrate("run", "--fresh", "--param", "depth=deep").returncode
    assert "completed" == orchestrate.statuses()["b"]


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("if: result.n > 1", "write it into a column If of the table"),
        ("when: result.n > 1", "write it into a column If of the table"),
        ("run_if: any_failed", "write it into a column Run If of the table"),
        ("fallback_for: T-02", "write it into a column Fallback For of the table"),
        ("cache: true", "results are kept until they are retried"),
        ("balance: least_loaded", "the first agent that can do a task takes it"),
    ],
)
@pytest.mark.parametrize("place", ["plan", "task"])
def test_s3_38_what_a_front_matter_does_not_decide(
    orchestrate: Orchestrate, root: Path, key: str, words: str, place: str
) -> None:
    """It is refused with file and line, never passed over."""
    write(root, {"T-01": ("true", "None", "", "")})
    plan = root / "master_plan.md"
    if place == "plan":
        plan.write_text(
            plan.read_text(encoding="utf-8").replace("agent: shell", f"agent: shell\n{key}"), encoding="utf-8"
        )
    else:
        (root / "agent_tasks").mkdir()
        (root / "agent_tasks/agent-01.md").write_text(f"---\n{key}\n---\ntrue\n", encoding="utf-8")
    refused = orchestrate("validate")
    assert 2 == refused.returncode
    assert words in refused.stderr
    assert ("master_plan.md:3" if place == "plan" else "agent-01.md:2") in refused.stderr
