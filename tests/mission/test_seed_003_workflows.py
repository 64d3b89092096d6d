"""Seed 003, rows about workflow files: the guide's own files, planned and run, and what is wrong with others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.plan.parser import read_plan
from tests.acceptance.orchestrate import Orchestrate, ok
from tests.mission.guide_workflows import CONDITIONAL, CONTENT, LAUNCH, PARALLEL, SEQUENTIAL

ALL = {"content": CONTENT, "launch": LAUNCH, "sequential": SEQUENTIAL, "parallel": PARALLEL, "conditional": CONDITIONAL}
CAPABILITIES = "research,web_search,content_creation,writing,editing,quality_assurance,publishing,platform_management"


def written(orchestrate: Orchestrate, text: str, name: str = "wf.json") -> str:
    (orchestrate.where / name).write_text(text, encoding="utf-8")
    return name


def needs(root: Path) -> dict[str, str]:
    """What each task of the plan waits for: ``-`` before what hands nothing over."""
    plan = read_plan((root / "master_plan.md").read_bytes(), "master_plan.md")
    found = {}
    for task in plan.tasks.values():
        data = task.data_needs
        found[task.id] = " ".join(need if need in data else f"-{need}" for need in task.own_needs)
    return found


def parents(root: Path) -> dict[str, str]:
    """The group that each task stands in."""
    plan = read_plan((root / "master_plan.md").read_bytes(), "master_plan.md")
    return {task.id: task.parent for task in plan.tasks.values()}


@pytest.mark.parametrize("name", ALL)
def test_s3_36_the_guides_workflows_run(orchestrate: Orchestrate, root: Path, name: str) -> None:
    """Planned from the file as it stands, and run, simulated, to a final output."""
    planned = ok(orchestrate("plan", "--from", written(orchestrate, ALL[name])))
    ok(orchestrate("agent", "register", "all-round", "--capabilities", CAPABILITIES))
    assert "read as workflow" in planned.stderr
    ok(orchestrate("validate"))
    ran = orchestrate("run", "--simulate")
    assert 0 == ran.returncode, ran.stderr
    assert (root / "final_output.md").read_text(encoding="utf-8").strip()


def test_s3_55_name_description_version_and_tasks(orchestrate: Orchestrate, root: Path) -> None:
    ok(orchestrate("plan", "--from", written(orchestrate, CONTENT)))
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert "Content Creation Pipeline (version 1.0)" in plan
    assert "**Primary Goal**: End-to-end content creation and publication" in plan
    assert {
        "research_phase": "",
        "content_creation": "research_phase",
        "review_editing": "content_creation",
        "publication": "review_editing",
    } == needs(root)


def test_s3_56_milliseconds_and_capabilities(orchestrate: Orchestrate, root: Path) -> None:
    ok(orchestrate("plan", "--from", written(orchestrate, CONTENT)))
    shown = ok(orchestrate("show", "research_phase", "--json")).json["task"]
    file = (root / "agent_tasks/research_phase.md").read_text(encoding="utf-8")
    assert 'timeout: 30m\nrequired_capabilities: ["research", "web_search"]\n' in file
    assert "research" == shown["type"]


def test_s3_57_criteria_stand_in_the_plan(orchestrate: Orchestrate, root: Path) -> None:
    """What a run does anyway in words; any other with a warning, for nothing checks it."""
    text = CONTENT.replace('"all_tasks_completed"', '["all_tasks_completed", "the editor is happy"]')
    planned = ok(orchestrate("plan", "--from", written(orchestrate, text)))
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert "- All tasks are completed.\n- the editor is happy\n" in plan
    assert "completion.criteria: kept as a success criterion, which nothing checks: the editor" in planned.stderr


def test_s3_58_the_names_of_groups_are_kept(orchestrate: Orchestrate, root: Path) -> None:
    """They are no addresses: a warning says that nobody is told."""
    planned = ok(orchestrate("plan", "--from", written(orchestrate, CONTENT)))
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert "- Tell content_team, marketing_team when it is complete" in plan
    assert "wf.json:51: completion.notifications: content_team, marketing_team: a name and no address" in planned.stderr


def test_s3_59_deliverables_stand_in_the_plan(orchestrate: Orchestrate, root: Path) -> None:
    ok(orchestrate("plan", "--from", written(orchestrate, CONTENT)))
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert "- Deliverable: published_content\n- Deliverable: analytics_setup\n" in plan


def test_s3_58_an_address_is_told(orchestrate: Orchestrate, root: Path) -> None:
    data = json.loads(CONTENT)
    data["workflow"]["completion"]["notifications"] = ["desktop", {"slack": "$TEAM", "name": "content_team"}, "boss"]
    planned = ok(orchestrate("plan", "--from", written(orchestrate, json.dumps(data))))
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert 'notify: ["desktop", {"slack": "$TEAM", "name": "content_team"}]' in plan
    assert "boss: a name and no address" in planned.stderr


def test_s3_60_phases_are_groups(orchestrate: Orchestrate, root: Path) -> None:
    ok(orchestrate("plan", "--from", written(orchestrate, LAUNCH)))
    found = parents(root)
    assert {"preparation": "", "development": "", "launch": ""}.items() <= found.items()
    assert ("preparation", "launch", "launch") == (
        found["market_analysis"], found["final_testing"], found["launch_execution"]
    )  # fmt: skip


def test_s3_61_a_phase_waits_for_another(orchestrate: Orchestrate, root: Path) -> None:
    """And so does everything in it; no result is handed over."""
    ok(orchestrate("plan", "--from", written(orchestrate, LAUNCH)))
    found = needs(root)
    assert {"preparation": "", "development": "-preparation", "launch": "-development"}.items() <= found.items()
    assert {
        "market_analysis": "",
        "feature_spec": "-preparation",
        "final_testing": "-development",
    }.items() <= found.items()


def test_s3_62_streams_are_groups_in_a_phase(orchestrate: Orchestrate, root: Path) -> None:
    """Those of a parallel phase wait for nothing but what the phase waits for."""
    ok(orchestrate("plan", "--from", written(orchestrate, LAUNCH)))
    found, above = needs(root), parents(root)
    for stream, tasks in (
        ("product_development", ("feature_spec", "implementation")),
        ("marketing_preparation", ("marketing_strategy", "content_creation")),
    ):
        assert ("development", "-preparation") == (above[stream], found[stream])
        assert {stream} == {above[task] for task in tasks}


def test_s3_63_dependencies_inside_a_stream(orchestrate: Orchestrate, root: Path) -> None:
    """They hand the result over."""
    ok(orchestrate("plan", "--from", written(orchestrate, LAUNCH)))
    assert {
        "implementation": "feature_spec -preparation",
        "content_creation": "marketing_strategy -preparation",
        "launch_execution": "final_testing -development",
    }.items() <= needs(root).items()


def test_s3_60_what_is_not_parallel_follows_each_other(orchestrate: Orchestrate, root: Path) -> None:
    """In the order of the file, unless a task says otherwise; neighbours marked as parallel are one stage."""

    def task(id: str, **more: Any) -> dict[str, Any]:
        return {"id": id, "description": f"Do all the work of {id}", **more}

    streams = [{"name": "s", "tasks": [task("d"), task("e")]}, {"name": "t", "tasks": [task("f")]}]
    first = {"name": "P 1", "tasks": [task("a"), task("b", parallel=True), task("c", parallel=True)]}
    second = {"name": "P 2", "dependencies": ["P 1"], "streams": streams}
    third = {"name": "back", "tasks": [task("g", dependencies=["h"]), task("h")]}
    text = json.dumps({"phases": [first, second, third]})
    ok(orchestrate("plan", "--from", written(orchestrate, text)))
    found = needs(root)
    assert {"a": "", "b": "-a", "c": "-a", "P_2": "-P_1"}.items() <= found.items()
    assert {"d": "-P_1", "e": "-d -P_1", "t": "-s -P_1", "f": "-s -P_1"}.items() <= found.items()
    assert {"g": "h", "h": ""}.items() <= found.items()
    ok(orchestrate("run", "--simulate"))


def test_s3_32_one_after_the_other(orchestrate: Orchestrate, root: Path) -> None:
    ok(orchestrate("plan", "--from", written(orchestrate, SEQUENTIAL)))
    assert {
        "market_research": "",
        "competitive_analysis": "market_research",
        "product_design": "market_research competitive_analysis",
        "implementation": "product_design",
    } == needs(root)


@pytest.mark.parametrize("is_marked", [True, False])
def test_s3_33_tasks_that_share_a_dependency_run_side_by_side(
    orchestrate: Orchestrate, root: Path, *, is_marked: bool
) -> None:
    """Whether or not they say `parallel: true`: they wait for what they name, and for nothing else."""
    text = PARALLEL if is_marked else PARALLEL.replace('"parallel": true', '"parallel": false')
    ok(orchestrate("plan", "--from", written(orchestrate, text)))
    assert {
        "data_collection": "",
        "frontend_analysis": "data_collection",
        "backend_analysis": "data_collection",
        "report_generation": "frontend_analysis backend_analysis",
    } == needs(root)


def test_s3_34_what_a_condition_is_about_is_needed(orchestrate: Orchestrate, root: Path) -> None:
    ok(orchestrate("plan", "--from", written(orchestrate, CONDITIONAL)))
    assert {
        "initial_research": "", "deep_analysis": "initial_research", "feasibility_study": "initial_research"
    } == needs(root)  # fmt: skip


def test_s3_37_neighbours_that_are_marked_as_parallel(orchestrate: Orchestrate, root: Path) -> None:
    """In a phase that is not parallel they are one stage."""
    tasks = [{"id": id, "description": f"Do all of {id}", "parallel": id in "bc"} for id in "abcd"]
    text = json.dumps({"phases": [{"name": "p", "parallel": False, "tasks": tasks}]})
    ok(orchestrate("plan", "--from", written(orchestrate, text)))
    assert {"p": "", "a": "", "b": "-a", "c": "-a", "d": "-b -c"} == needs(root)


def test_s3_38_conditions_become_one_expression(orchestrate: Orchestrate, root: Path) -> None:
    """S3-40: over fields of the result, with > and <=."""
    ok(orchestrate("plan", "--from", written(orchestrate, CONDITIONAL)))
    size = "needs.initial_research.result.marketSize"
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert f"| ({size} > 1000000) && !({size} <= 1000000) |" in plan


def test_s3_41_equal_to_a_text(orchestrate: Orchestrate, root: Path) -> None:
    ok(orchestrate("plan", "--from", written(orchestrate, CONDITIONAL)))
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert '| needs.initial_research.result.technicalComplexity === "high" |' in plan


def test_s3_38_a_condition_on_a_parameter(orchestrate: Orchestrate, root: Path) -> None:
    """It is one of the plan, declared or not."""
    data = json.loads(CONDITIONAL)
    data["tasks"][2]["conditions"][0]["condition"] = 'params.depth === "deep" && result.x'
    ok(orchestrate("plan", "--from", written(orchestrate, json.dumps(data))))
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert '| params.depth === "deep" && needs.initial_research.result.x |' in plan
    assert 'params: {"depth": {"type": "string", "required": true}}' in plan


def test_s3_39_several_that_execute_and_skip(orchestrate: Orchestrate, root: Path) -> None:
    data = json.loads(CONDITIONAL)
    data["tasks"].insert(0, {"id": "v1.0", "description": "Look what the last version did"})
    data["tasks"][2]["conditions"] = [
        {"dependency": "v1.0", "condition": 'result.a == "result" || len(result.b) > 1'},
        {"dependency": "initial_research", "condition": "result.c", "action": "execute"},
        {"dependency": "initial_research", "condition": "result.d < 2", "action": "skip"},
    ]
    ok(orchestrate("plan", "--from", written(orchestrate, json.dumps(data))))
    plan = (root / "master_plan.md").read_text(encoding="utf-8").replace("\\|", "|")
    assert (
        '| ((needs["v1.0"].result.a == "result" || len(needs["v1.0"].result.b) > 1)'
        " || (needs.initial_research.result.c)) && !(needs.initial_research.result.d < 2) |"
    ) in plan


def test_s3_55_yaml_is_read_as_json_is(orchestrate: Orchestrate, root: Path) -> None:
    text = """\
name: A review   # of the shop
version: 1.2
tasks:
  - id: read
    description: "Read the {{module}} and list what it does"
    priority: high
    timeout: 90000
    metadata: {budget: 5000, owners: [kim, lee]}
  - {id: judge, title: Judge it, description: Judge what was found there, dependencies: [read]}
"""
    ok(orchestrate("plan", "--from", written(orchestrate, text, "wf.yaml")))
    assert {"read": "", "judge": "read"} == needs(root)
    file = (root / "agent_tasks/read.md").read_text(encoding="utf-8")
    assert "timeout: 90s" in file
    assert "| budget | string | metadata | 5000 |" in file
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    assert 'params: {"module": {"type": "string", "required": true}}' in plan
    assert "| judge | Judge it | Judge what was found there | read | - | P2 |" in plan


@pytest.mark.parametrize(
    ("steps", "value", "words"),
    [
        ("phases.1.streams.0.tasks.0.timeout", 12, "phases[1].streams[0].tasks[0].timeout: 12 is less than"),
        ("phases.1.streams.0.tasks.0.timeout", "30m", "tasks[0].timeout: '30m' is not of type 'integer'"),
        ("phases.0.tasks.0.timeoutt", 1000, "phases[0].tasks[0].timeoutt: there is no such key"),
        ("phases.0.tasks.0.id", None, "phases[0].tasks[0].id: None is not of type 'string'"),
        ("phases.0.tasks.0.priority", "soon", "phases[0].tasks[0].priority: 'soon' is not one of"),
        ("phases.0.tasks", [], "phases[0]: the phase 'preparation' has neither tasks nor streams"),
        ("phases.0.tasks.0.dependencies", ["nobody"], "phases[0].tasks[0].dependencies[0]: market_analysis depends on"),
        ("phases.1.name", "preparation", "phases[1].name: there are two phases with the name 'preparation'"),
        ("phases.2.dependencies", ["devlopment"], "phases[2].dependencies[0]: launch depends on devlopment"),
        ("phases.0.dependencies", ["launch"], "the dependencies form a cycle"),
        ("phases.0.tasks.0.id", "none", "phases[0].tasks[0].id: in a table of tasks 'none' has a meaning of its own"),
        ("phases.0.tasks.0.type", "Total", "tasks[0].type: in a table of tasks 'Total' has a meaning of its own"),
        (
            "phases.2.tasks.1.conditions",
            [{"dependency": "final_testing", "condition": "result.x == 'a  b'"}],
            "tasks[1]: condition: a cell of the plan cannot hold this condition as it is",
        ),
        ("phases.0.tasks.0.id", "feature_spec", "there are two tasks feature_spec"),
        ("phases.0.tasks.0.assignmentCriteria", {"preferredAgent": "gone"}, "asks for the agent 'gone'"),
        ("completion", {"notifications": ["slack=x"]}, "completion.notifications[0]: "),
        ("params", {"a b": 1}, "params: 'a b' is not a name"),
        (
            "phases.0.tasks.0.conditions",
            [{"dependency": "nobody", "condition": "result.x"}],
            "conditions[0].dependency: market_analysis has a condition on nobody",
        ),
        (
            "phases.2.tasks.1.conditions",
            [{"dependency": "final_testing", "condition": "result.x ** 9"}],
            "conditions[0].condition: `*` is not in the language",
        ),
        (
            "phases.2.tasks.1.conditions",
            [{"dependency": "final_testing", "condition": "needs.feature_spec.result.x"}],
            "the condition of launch_execution, column 1: it does not depend on feature_spec",
        ),
    ],
)
def test_s3_55_what_is_wrong_is_told_with_its_path(
    orchestrate: Orchestrate, root: Path, steps: str, value: object, words: str
) -> None:
    """With file, line and path; nothing is written."""
    data = json.loads(LAUNCH)
    at: Any = data["workflow"]
    *before, last = steps.split(".")
    for step in before:
        at = at[int(step) if step.isdecimal() else step]
    at[last] = value
    refused = orchestrate("plan", "--from", written(orchestrate, json.dumps(data, indent=1)))
    assert 2 == refused.returncode
    assert words in refused.stderr, refused.stderr
    assert "wf.json:" in refused.stderr
    assert "hint: " in refused.stderr
    assert not root.exists()


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("wf.json", '{"workflow": {"name": "x", "tasks": [}}', "wf.json:1: no valid JSON"),
        ("wf.json", '{"name": "x",\n"tasks": [],\n"name": "y"}', "wf.json:3: name is there twice, first in line 1"),
        ("wf.json", '{"name": "x", "tasks": []}', "no task of the form workflow"),
        ("wf.json", '{"workflow": {"name": "x", "tasks": []}, "customTaskTypes": {}}', "customTaskTypes: there is no"),
        ("wf.yaml", "name: &a x\ntasks: []", "wf.yaml:1: anchors and aliases are not allowed"),
        ("wf.yaml", "name: x\ntasks: !!python/none []", "wf.yaml:2: tags are not allowed"),
        ("wf.yaml", "name: x\n tasks: []", "wf.yaml:2: no valid YAML"),
        ("wf.yaml", "- just\n- a list", "wf.yaml:1: no workflow"),
        ("wf.yaml", f"name: {'[' * 99}{']' * 99}", "wf.yaml:1: nested too deeply"),
    ],
)
def test_s3_55_a_file_that_is_none(orchestrate: Orchestrate, root: Path, name: str, text: str, words: str) -> None:
    refused = orchestrate("plan", "--from", written(orchestrate, text, name))
    assert 2 == refused.returncode
    assert words in refused.stderr, refused.stderr
    assert not root.exists()
