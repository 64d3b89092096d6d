"""Seed 002, rows about decomposition: from a request to a plan and its task files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan, write_task
from tests.fakes.claude_calls import calls, install, script

REQUEST = "Analyze my TypeScript project for code quality, security, and performance"


def task(id: str, name: str, *needs: str | tuple[str, str], **more: Any) -> dict[str, Any]:
    command = [(need, "data") if isinstance(need, str) else need for need in needs]
    return {
        "id": id,
        "name": name,
        "description": f"{name}: read the source files and list what you find, file by file.",
        "needs": [{"id": need, "kind": kind} for need, kind in command],
        "inputs": [{"name": "root", "type": "directory", "source": "Project", "value": "src"}],
        "expected": "A table of File, Finding.",
        "acceptance": ["every file is in the table"],
        "constraints": ["read only"],
        "estimate": "3m",
        "priority": "P1",
        "writes": [],
        **more,
    }


DRAFT = {
    "goal": "One report on quality, security and performance",
    "goals": ["Nothing is reported twice"],
    "success": ["Every finding names file and line"],
    "tasks": [
        task("T-01", "Scan source files", priority="P0"),
        task("T-02", "Check code quality", "T-01"),
        task("T-03", "Security scan", "T-01"),
        task("T-04", "Performance analysis", ("T-01", "order")),
        task("T-05", "Generate report", "T-02", "T-03", "T-04"),
    ],
}


@pytest.fixture
def planned(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> Path:
    """The plan of the seed's first scenario, made from its request by a stand-in for claude."""
    install(tmp_path / "bin")
    answers = {f"T-0{n}": {"answer": f"Answer of T-0{n}"} for n in range(1, 6)}
    script(tmp_path / "records", {"_plan": {"structured": DRAFT}, **answers})
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    orchestrate.environment["FAKE_CLAUDE_DIR"] = str(tmp_path / "records")
    assert 0 == orchestrate("plan", REQUEST).returncode
    return root


def text(root: Path, name: str = "master_plan.md") -> str:
    return (root / name).read_text(encoding="utf-8")


def edges(orchestrate: Orchestrate) -> list[list[str]]:
    found: list[list[str]] = orchestrate("graph", "--json").json["edges"]
    return found


def test_s2_01_and_03_a_request_becomes_a_graph_of_tasks(orchestrate: Orchestrate, planned: Path) -> None:
    """Five atomic tasks, fan-out and fan-in, as the seed draws them."""
    told = orchestrate("validate", "--json").json
    assert (5, 3) == (told["tasks"], told["batches"])
    assert [["T-01", f"T-0{n}"] for n in (2, 3, 4)] == edges(orchestrate)[:3]


def test_s2_02_and_53_goals_and_success_criteria(planned: Path) -> None:
    """The request is quoted; the primary goal, the secondary ones and the criteria stand above the table."""
    plan = text(planned)
    assert f"## Original Request\n> {REQUEST}\n" in plan
    assert "**Primary Goal**: One report on quality, security and performance\n" in plan
    assert "**Secondary Goals**:\n- Nothing is reported twice\n" in plan
    assert "**Success Criteria**:\n- Every finding names file and line\n" in plan


def test_s2_04_a_task_can_be_done_by_itself(orchestrate: Orchestrate, planned: Path, tmp_path: Path) -> None:
    """The prompt has the whole assignment, and the results it depends on; the request is not needed."""
    assert 0 == orchestrate("run").returncode
    prompts = {call.task: call.prompt for call in calls(tmp_path / "records")}
    assert "Check code quality: read the source files" in prompts["T-02"]
    assert "Answer of T-01" in prompts["T-02"]
    assert REQUEST not in prompts["T-02"]


def test_s2_05_and_56_to_60_task_files_have_the_sections_of_the_template(planned: Path) -> None:
    """Information, input, description, expected output, success criteria, constraints, hints."""
    for number in range(1, 6):
        file = text(planned, f"agent_tasks/agent-0{number}.md")
        assert [
            "Task Information",
            "Input",
            "Task Description",
            "Expected Output",
            "Success criteria",
            "Constraints",
            "Hints",
        ] == re.findall(r"^## (.+)$", file, re.MULTILINE)
        assert f"- **Task ID**: T-0{number}\n" in file
        assert "- **Estimated Time**: 3m00s\n" in file
        assert "| root | directory | Project | src |" in file
        assert "A table of File, Finding." in file
        assert "- [ ] every file is in the table" in file
        assert "- read only" in file


def test_s2_06_every_task_has_an_agent_of_its_own(planned: Path) -> None:
    """Agent-01, Agent-02 and so on, in the plan and in the files."""
    for number in range(1, 6):
        row = next(line for line in text(planned).splitlines() if line.startswith(f"| T-0{number} "))
        assert f"| Agent-0{number} |" in row
        assert f"# 🤖 Agent-0{number} Task Assignment" in text(planned, f"agent_tasks/agent-0{number}.md")


def test_s2_11_14_and_32_a_plan_is_markdown_in_the_layout_of_the_seed(planned: Path) -> None:
    """Nothing else is needed to run it."""
    assert {"master_plan.md", "agent_tasks", "results"} <= {path.name for path in planned.iterdir()}
    assert {f"agent-0{n}.md" for n in range(1, 6)} == {p.name for p in (planned / "agent_tasks").iterdir()}


def test_s2_16_17_and_54_the_decomposition_table(planned: Path) -> None:
    """None, a list with commas, and P0 in a table with the columns of the template."""
    plan = text(planned)
    header = next(line for line in plan.splitlines() if line.startswith("| Task ID |"))
    assert ["Task ID", "Task Name", "Description", "Dependencies"] == [each.strip() for each in header.split("|")[1:5]]
    assert re.search(r"^\| T-01 \|.*\| None \| Agent-01 \| P0 \|", plan, re.MULTILINE)
    assert re.search(r"^\| T-05 \|.*\| T-02, T-03, T-04 \|", plan, re.MULTILINE)


def test_s2_22_all_tasks_start_pending(orchestrate: Orchestrate, planned: Path) -> None:
    """Nothing has run: one is pending, the others wait for it."""
    assert {"pending": 1, "waiting": 4} == orchestrate("status", "--json").counts


@pytest.mark.parametrize(
    ("template", "parameters", "tasks", "batches"),
    [
        ("codebase", ["project=src"], 5, 3),
        ("translate", ["files=docs/*.md"], 5, 1),
        ("api", ["endpoints=GET /a, GET /b, POST /a, GET /c, GET /d"], 6, 2),
        ("fullstack", ["feature=user authentication with JWT"], 7, 5),
    ],
)
def test_s2_33_to_36_the_four_scenarios(
    orchestrate: Orchestrate, tmp_path: Path, *, template: str, parameters: list[str], tasks: int, batches: int
) -> None:
    """Each is a plan with parameters; it is valid without a warning, and it runs."""
    (tmp_path / "docs").mkdir()
    for name in ("intro", "getting-started", "api-reference", "tutorials", "faq"):
        (tmp_path / "docs" / f"{name}.md").touch()
    flags = [word for each in parameters for word in ("--param", each)]
    made = orchestrate("plan", "--template", template, *flags, "--json").json
    assert (True, tasks, batches, []) == (made["ok"], made["tasks"], made["batches"], made["warnings"])
    assert 0 == orchestrate("run", "--simulate").returncode


def test_s2_64_tasks_that_are_too_large_or_too_small_are_found(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """One to five minutes, both included; what is larger should be split, what is smaller be merged."""
    lines = [
        "- Rewrite the whole frontend (2h)",
        "- Rename one variable in the parser (20s)",
        "- Check the tests of the parser (3m)",
        "- Draw the table of all endpoints (1m)",
        "- Measure the time of every query (5m)",
        "- Translate the manual to French (6m)",
        "- Correct the title of the page (50s)",
    ]
    (tmp_path / "o.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    told = orchestrate("plan", "--from", "o.md", "--dry-run", "--json").json["warnings"]
    sizes = {each["where"]: (each["code"], each["hint"][:5]) for each in told if "too_" in each["code"]}
    large, small = ("too_large", "split"), ("too_small", "merge")
    assert {"T-01": large, "T-02": small, "T-06": large, "T-07": small} == sizes


def test_s2_72_73_and_75_the_kinds_of_dependencies(orchestrate: Orchestrate, planned: Path, tmp_path: Path) -> None:
    """All order; only data is handed over, in the task file and in the prompt."""
    assert re.search(r"^\| T-04 \|.*\| T-01 \(order\) \|", text(planned), re.MULTILINE)
    assert "results/agent-01-result.md" in text(planned, "agent_tasks/agent-02.md")
    assert "results/agent-01-result.md" not in text(planned, "agent_tasks/agent-04.md")
    assert ["T-01", "T-04"] in edges(orchestrate)
    assert 0 == orchestrate("run").returncode
    made = {call.task: call for call in calls(tmp_path / "records")}
    assert "Answer of T-01" in made["T-02"].prompt
    assert "Answer of T-01" not in made["T-04"].prompt
    assert made["T-01"].end is not None
    assert made["T-04"].start >= made["T-01"].end


def test_s2_72_and_73_in_a_plan_written_by_hand(orchestrate: Orchestrate, root: Path) -> None:
    """A kind behind an id; the task file made for it names only what is handed over."""
    write_plan(root, {"T-01": "true", "T-02": "true", "T-03": ("true", "T-01, T-02 (order)")})
    assert 0 == orchestrate("run").returncode
    file = text(root, "agent_tasks/agent-03.md")
    assert "results/agent-01-result.md" in file
    assert "results/agent-02-result.md" not in file


def test_s2_74_writers_of_one_file_never_overlap(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """A draft in which they could is mended, and the run has one after the other."""
    writers = [
        f'{{"id": "T-0{n}", "name": "Writer {n}", "description": "Write line {n} to the list", "agent": "shell",'
        f' "command": "echo {n} >> list; wc -l < list", "writes": ["list"]}}'
        for n in (1, 2, 3)
    ]
    (tmp_path / "d.json").write_text(f'{{"tasks": [{", ".join(writers)}]}}', encoding="utf-8")
    made = orchestrate("plan", "--from", "d.json", "--json").json
    shared = [each["where"] for each in made["warnings"] if each["code"] == "shared_file"]
    assert (["T-02", "T-03"], 3) == (shared, made["batches"])
    assert "T-01 (resource)" in text(root)
    run = orchestrate("run", "--max-parallel", "3", "--json")
    events = [(e["event"], e["task"]) for e in run.events if e.get("event") in {"task_started", "task_completed"}]
    assert [(event, f"T-0{n}") for n in (1, 2, 3) for event in ("task_started", "task_completed")] == events
    assert "1\n2\n3\n" == (tmp_path / "list").read_text(encoding="utf-8")


def test_s2_18_and_53_a_plan_written_by_hand_needs_none_of_it(orchestrate: Orchestrate, root: Path) -> None:
    """The four columns of the seed and a task file of one's own are enough."""
    write_plan(root, {"T-01": "true"}, more="## Original Request\n> Mine\n")
    write_task(root, "T-01", "```sh\ntrue\n```\n")
    assert 0 == orchestrate("run").returncode
