"""The four scenarios of the main seed document, run as examples through the command line, with the fake ``claude``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.plans import answer_of, result_of
from tests.acceptance.projects import Project, project
from tests.fakes.claude_calls import Call, calls, install, script

#: What each task needs, as the seed document draws it.
SCENARIOS: dict[str, dict[str, list[str]]] = {
    "codebase-analysis": {
        "T-01": [],
        "T-02": ["T-01"],
        "T-03": ["T-01"],
        "T-04": ["T-01"],
        "T-05": ["T-02", "T-03", "T-04"],
    },
    "translate-docs": {f"T-0{number}": [] for number in range(1, 6)},
    "api-testing": {
        **{f"T-0{number}": [] for number in range(1, 6)},
        "T-06": [f"T-0{number}" for number in range(1, 6)],
    },
    "fullstack-feature": {
        "T-01": [],
        "T-02": [],
        "T-03": ["T-01"],
        "T-04": ["T-02"],
        "T-05": ["T-03", "T-04"],
        "T-06": ["T-05"],
        "T-07": ["T-06"],
    },
}
#: Tasks that run at the same time. Each of them answers only when all of its group are at work.
TOGETHER = {
    "codebase-analysis": [["T-02", "T-03", "T-04"]],
    "translate-docs": [["T-01", "T-02", "T-03", "T-04", "T-05"]],
    "api-testing": [["T-01", "T-02", "T-03", "T-04", "T-05"]],
    "fullstack-feature": [["T-01", "T-02"], ["T-03", "T-04"]],
}
NAMES = {
    "codebase-analysis": ["Code Scan", "Quality Analysis", "Security Scan", "Performance Analysis", "Generate Report"],
    "translate-docs": ["intro.md", "getting-started.md", "api-reference.md", "tutorials.md", "faq.md"],
    "api-testing": [
        "Test GET /api/users", "Test GET /api/users/:id", "Test POST /api/users", "Test GET /api/products",
        "Test GET /api/orders", "Final report",
    ],
    "fullstack-feature": [
        "Design DB Schema", "Design API Spec", "Implement User Model", "Implement Auth Routes",
        "Create JWT Middleware", "Add Frontend Auth", "Write Tests",
    ],
}  # fmt: skip

every_scenario = pytest.mark.parametrize("name", SCENARIOS)


class Stage:
    """A copy of a scenario, and a ``claude`` on PATH that plays the parts it is given."""

    def __init__(self, where: Path, name: str) -> None:
        self.needs = SCENARIOS[name]
        self.records = where / "records"
        self.project: Project = project(where / "project", name, f"{where}/bin:/usr/bin:/bin")
        install(where / "bin")
        steps: dict[str, Any] = {task: {"answer": answer(task)} for task in self.needs}
        for number, group in enumerate(TOGETHER[name]):
            for task in group:
                steps[task]["barrier"] = f"{number}:{len(group)}"
        self.steps = steps

    def run(self, *flags: str, steps: Mapping[str, Any] | None = None) -> tuple[int, str]:
        script(self.records, steps if steps is not None else self.steps)
        done = self.project.orchestrate("run", *flags, FAKE_CLAUDE_DIR=str(self.records))
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    def calls(self) -> dict[str, Call]:
        """The last call of each task."""
        return {call.task: call for call in calls(self.records)}


def answer(task: str) -> str:
    return f"# Findings of {task}\n\nfound by {task}: `a | b` <i>\n\n```ts\nlet x = 1\n```"


@pytest.fixture
def stage(tmp_path: Path, name: str) -> Stage:
    return Stage(tmp_path, name)


@every_scenario
def test_a_scenario_runs_as_it_is_drawn(stage: Stage, name: str) -> None:
    """Dependencies first, independent tasks at once, every answer kept and merged (S2-09, S2-19, S2-33…36)."""
    status, out = stage.run("--max-parallel", "8")
    assert status == 0
    assert (stage.project.elsewhere / out.strip()).samefile(stage.project.plan / "final_output.md")
    made = stage.calls()
    assert made.keys() == stage.needs.keys()
    assert len(calls(stage.records)) == len(stage.needs)
    for task, needs in stage.needs.items():
        for need in needs:
            ended = made[need].end
            assert ended is not None
            assert ended < made[task].start, f"{task} started before {need} had ended"
    for group in TOGETHER[name]:
        starts, ends = [made[task].start for task in group], [made[task].end or 0 for task in group]
        assert max(starts) < min(ends)
    _has_results(stage)
    _has_final_output(stage)


def _has_results(stage: Stage) -> None:
    for task in stage.needs:
        text = result_of(stage.project.plan, task)
        assert text.startswith("---\n")
        assert "\nstatus: completed\n" in text
        assert f"found by {task}:" in answer_of(stage.project.plan, task)


def _has_final_output(stage: Stage) -> None:
    """All answers, each after what it was made from, and what running side by side was worth (S2-29, S2-37, S2-38)."""
    text = stage.project.final_output
    place = {task: text.index(f"found by {task}:") for task in stage.needs}
    for task, needs in stage.needs.items():
        assert all(place[need] < place[task] for need in needs)
    total = len(stage.needs)
    figures = dict(re.findall(r"^\| ([\w -]+?) +\| (.+?) \|$", text, re.MULTILINE))
    assert figures["Successful"] == f"{total} (100%)"
    one_by_one, wall = (float(figures[name].partition("s")[0]) for name in ("Sum of task times", "Duration"))
    speed_up = float(figures["Speed-up"].partition("×")[0])
    assert speed_up == pytest.approx(one_by_one / wall, abs=0.1 + 0.1 * (1 + speed_up) / wall)
    assert "## Timeline" in text


@every_scenario
def test_a_prompt_has_the_task_file_and_the_results_it_needs(stage: Stage, name: str) -> None:
    """Whole task file in, results of the dependencies in, no results of others (S2-25, S2-65, S2-72)."""
    assert stage.run("--max-parallel", "8")[0] == 0
    for task, call in stage.calls().items():
        file = stage.project.plan / "agent_tasks" / f"agent-{task.removeprefix('T-')}.md"
        text, mark, _ = file.read_text(encoding="utf-8").partition("\n<!-- made from its row")
        assert text.strip() in call.prompt
        assert not mark or mark not in call.prompt
        found = set(re.findall(r"found by (T-\d+)", call.prompt))
        assert found == set(stage.needs[task])
        assert Path(call.cwd) == stage.project.root
        assert {"ORCHESTRATOR_RUN_ID", "ORCHESTRATOR_TASK_ID", "TM_AGENT_ID"} <= {*call.env}
        assert not [word for word in call.argv if "Task" in word]


@pytest.mark.parametrize("name", ["api-testing"])
def test_the_report_on_endpoints_is_asked_for_what_it_must_have(stage: Stage, name: str) -> None:
    """Endpoints, cases, pass rate, mean time and failures with advice, of all five endpoints (S2-35)."""
    report = (
        "| Metric | Value |\n|---|---|\n| Endpoints tested | 5 |\n| Test cases | 15 |\n| Pass rate | 93% |\n"
        "| Average response time | 156ms |\n\n## Failed cases\n- POST /api/users: validate the body"
    )
    steps = {task: {"answer": f"Endpoint: {task}\nCases: 3"} for task in stage.needs}
    assert stage.run(steps=steps | {"T-06": {"answer": report}})[0] == 0
    prompt = stage.calls()["T-06"].prompt
    for words in ("Endpoints tested", "Test cases", "Pass rate", "Average response time", "Recommendation"):
        assert words in prompt
    assert prompt.count("Cases: 3") == 5
    text = stage.project.final_output
    assert "Start with T-06 · Final report" in text
    assert "| Pass rate | 93% |" in text


@every_scenario
def test_simulated_it_costs_nothing_and_prints_the_block(stage: Stage, name: str) -> None:
    """No agent is started, and every answer is the block of the seed document (S2-07, S2-24)."""
    assert stage.run("--simulate", "--max-parallel", "8")[0] == 0
    assert calls(stage.records) == []
    for (task, needs), title in zip(stage.needs.items(), NAMES[name], strict=True):
        number = task.removeprefix("T-")
        block = answer_of(stage.project.plan, task).splitlines()
        rule, thin = "═" * 50, "─" * 50
        begin = block.index(rule)
        assert block[begin + 1 : begin + 3] == [f"🤖 Agent-{number} [{task}: {title}]", thin]
        assert block[begin + 3].startswith("📥 Instruction: ")
        assert block[begin + 4] == "⚙️ Execution:"
        steps = block[begin + 5 : begin + 7 + len(needs)]
        assert [line.split(".")[0] for line in steps] == [f"   {n}" for n in range(1, len(needs) + 3)]
        assert block[begin + 7 + len(needs)].startswith("📤 Output: ")
        assert block[begin + 8 + len(needs) : begin + 10 + len(needs)] == ["✅ Status: Completed", rule]


@pytest.mark.parametrize("name", ["codebase-analysis"])
def test_no_more_agents_than_allowed(stage: Stage, name: str) -> None:
    """With one agent at a time no two calls overlap, whatever could start (S2-66)."""
    steps = {task: {"answer": answer(task)} for task in stage.needs}
    assert stage.run("--max-parallel", "1", steps=steps)[0] == 0
    made = calls(stage.records)
    assert all((a.end or 0) < b.start for a, b in pairwise(made))


@pytest.mark.parametrize("name", ["translate-docs"])
def test_an_overloaded_service_is_asked_again(stage: Stage, name: str) -> None:
    """A failure that may pass is retried, and the run is a success (S2-51, S2-70, promise 20)."""
    steps = stage.steps | {"T-03": [{"do": "http529"}, {"answer": answer("T-03")}]}
    for task in ("T-01", "T-02", "T-04", "T-05"):
        steps[task] = {"answer": answer(task)}
    assert stage.run("--retry-delay", "0", steps=steps)[0] == 0
    attempts = [call.attempt for call in calls(stage.records) if call.task == "T-03"]
    assert attempts == [1, 2]
    assert "- **Attempts**: 2" in result_of(stage.project.plan, "T-03")


@pytest.mark.parametrize("name", ["codebase-analysis"])
def test_a_failure_leaves_the_rest_alone_and_the_next_run_does_what_is_missing(stage: Stage, name: str) -> None:
    """What does not depend on it goes on; then only it and what depends on it run again (S2-69, promises 4, 20)."""
    steps: dict[str, Any] = {task: {"answer": answer(task)} for task in stage.needs}
    status, _ = stage.run(steps=steps | {"T-03": {"do": "http400"}})
    assert status == 1
    assert [call.task for call in calls(stage.records)].count("T-03") == 1
    assert stage.calls().keys() == {"T-01", "T-02", "T-03", "T-04"}
    assert "API Error: 400" in result_of(stage.project.plan, "T-03")
    assert "What is missing" in stage.project.final_output

    before = len(calls(stage.records))
    assert stage.run(steps=steps)[0] == 0
    assert [call.task for call in calls(stage.records)[before:]] == ["T-03", "T-05"]
    assert stage.run(steps=steps)[0] == 0
    assert len(calls(stage.records)) == before + 2
