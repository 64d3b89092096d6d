"""Seed 003, rows about running workflow files: parameters, the time of a run, and the commands of the guide."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate, ok
from tests.acceptance.plans import Gate, answer_of, front_of, write_plan, write_task
from tests.mission.guide_workflows import CONDITIONAL, LAUNCH
from tests.mission.test_seed_003_resources import ALONE
from tests.mission.test_seed_003_workflows import written

# ── run FILE ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_s3_64_a_file_is_planned_and_run(orchestrate: Orchestrate, root: Path) -> None:
    """Once: the same file goes on with its plan; another version of it needs a place of its own."""
    name = written(orchestrate, LAUNCH)
    ran = ok(orchestrate("run", name, "--simulate"))
    assert "planned 12 tasks in 5 batches" in ran.stderr
    assert (root / "final_output.md").exists()
    again = ok(orchestrate("run", name, "--simulate"))
    assert "planned" not in again.stderr
    assert "0 of 12 tasks to run" in again.stderr
    before = (root / "master_plan.md").read_text(encoding="utf-8")
    written(orchestrate, LAUNCH.replace("Analyze target market", "Analyze the target market"))
    refused = orchestrate("run", name, "--simulate")
    assert 2 == refused.returncode
    assert "there is a plan here that is not finished" in refused.stderr
    assert "plan --from wf.json --force" in refused.stderr
    assert before == (root / "master_plan.md").read_text(encoding="utf-8")
    ok(orchestrate("run", name, "--simulate", "--dir", "other"))
    assert (orchestrate.where / "other/final_output.md").exists()


@pytest.mark.parametrize("name", ["wf.json", "wf.yaml"])
def test_s3_64_nothing_is_written_for_a_file_that_is_wrong(orchestrate: Orchestrate, root: Path, name: str) -> None:
    written(orchestrate, '{"name": "x", "tasks": [{"id": "a"}]}', name)
    refused = orchestrate("run", name)
    assert 2 == refused.returncode
    assert f"{name}:1: tasks[0]: 'description' is missing" in refused.stderr
    assert not root.exists()


def test_s3_64_a_dry_run_makes_no_plan(orchestrate: Orchestrate, root: Path) -> None:
    refused = orchestrate("run", written(orchestrate, LAUNCH), "--dry-run")
    assert 2 == refused.returncode
    assert "plan --from wf.json --dry-run" in refused.stderr
    assert not root.exists()
    ok(orchestrate("run", "wf.json", "--simulate"))
    assert "7 of 12 tasks would run" in ok(orchestrate("run", "wf.json", "--dry-run")).stdout


# ── parameters ───────────────────────────────────────────────────────────────────────────────────────────────────────

RESEARCH = json.dumps(
    {
        "workflow": {
            "name": "Research",
            "params": {"depth": {"enum": ["basic", "comprehensive"], "default": "basic"}, "years": 3},
            "tasks": [
                {"id": "look", "description": "Research {{topic}} at a {{depth}} depth over {{years}} years"},
                {"id": "tell", "description": "Write a report about {{topic}}", "dependencies": ["look"]},
            ],
        }
    },
    indent=1,
)
NAMES = "topic,data_source,output_format"
GUIDE = """{"topic":"AI trends","depth":"comprehensive"}"""


def test_s3_65_parameters_fill_the_texts(orchestrate: Orchestrate, root: Path) -> None:
    """Those of the guide, in a file that names one and declares the others; and they are recorded."""
    ok(orchestrate("run", written(orchestrate, RESEARCH), "--simulate", "--parameters", GUIDE))
    look = (root / "results/look-result.md").read_text(encoding="utf-8")
    assert "Research AI trends at a comprehensive depth over 3 years" in look
    assert 'params: {"depth": "comprehensive", "years": "3", "topic": "AI trends"}' in look
    journal = (root / "journal.md").read_text(encoding="utf-8")
    assert "2 of 2 tasks to run; depth=comprehensive; years=3; topic=AI trends" in journal
    assert "{{topic}}" in (root / "master_plan.md").read_text(encoding="utf-8")  # the next run may say another one
    ok(orchestrate("run", "--simulate", "--fresh", "--param", "topic=cats", "--param", "years=5"))
    again = (root / "results/look-result.md").read_text(encoding="utf-8")
    assert "Research cats at a basic depth over 5 years" in again


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "master_plan.md:2: the plan needs a value for topic"),
        (["--param", "topc=x"], "there is no parameter 'topc'; did you mean topic?"),
        (["--param", "topic=x", "--param", "depth=deep"], "depth: 'deep' is none of basic, comprehensive"),
        (["--param", "topic=x", "--param", "years=some"], "years: 'some' is not of the type integer"),
        (["--param", "topic=x", "--param", "topic=y"], "the parameter topic is given twice"),
        (["--param", "topic"], "--param 'topic' has no value"),
        (["--parameters", "[1]"], "--parameters is no JSON object"),
        (["--parameters", "{topic}"], "--parameters is no valid JSON"),
    ],
)
def test_s3_65_wrong_and_missing_parameters(orchestrate: Orchestrate, root: Path, given: list[str], words: str) -> None:
    """Exit status 2, and nothing runs; also in a dry run."""
    ok(orchestrate("plan", "--from", written(orchestrate, RESEARCH)))
    for more in ("--simulate", "--dry-run"):
        refused = orchestrate("run", more, *given)
        assert 2 == refused.returncode
        assert words in refused.stderr, refused.stderr
        assert "hint: " in refused.stderr
    assert not (root / "results").exists() or not list((root / "results").iterdir())


@pytest.mark.parametrize("words", [[], ["--param", "topc=x"], ["--param", "topic=x", "--notify", "nobody"]])
def test_s3_65_nothing_is_written_for_a_run_that_cannot_be(
    orchestrate: Orchestrate, root: Path, words: list[str]
) -> None:
    refused = orchestrate("run", written(orchestrate, RESEARCH), *words)
    assert 2 == refused.returncode
    assert "wf.json: the plan needs a value" in refused.stderr or words
    assert not root.exists()


def test_s3_65_in_a_command_a_value_is_one_plain_word(orchestrate: Orchestrate, root: Path) -> None:
    """Anything else would be read by the shell: the command finds it in a variable."""
    front = {"params": "{dir: {default: src}, words: {required: false}, n: {type: integer, default: 1}}"}
    rows = {"T-01": "echo {{dir}} {{other}}", "T-02": 'echo "$ORCHESTRATOR_PARAM_words"'}
    write_plan(root, rows, **front)
    ok(orchestrate("run", "--param", "words=$(touch evil); 'x'"))
    assert "src {{other}}" == answer_of(root, "T-01")
    assert "$(touch evil); 'x'" == answer_of(root, "T-02")
    refused = orchestrate("run", "--fresh", "--param", "dir=a; touch evil")
    assert 2 == refused.returncode
    assert "{{dir}} stands in a command, and its value is more than one plain word" in refused.stderr
    assert "ORCHESTRATOR_PARAM_" in refused.stderr
    assert not (orchestrate.where / "evil").exists()


def test_s3_65_a_misspelt_placeholder_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "echo {{topik}}"}, params="{topic: cats}")
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert "master_plan.md:11: T-01 says {{topik}}, which the plan does not declare" in refused.stderr
    assert "did you mean topic?" in refused.stderr


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ("3", "params are names with what each takes"),
        ("{a: {defualt: 1}}", "a: 'defualt' is none of type, default, enum, description, required"),
        ("{a: {type: int}}", "a: 'int' is none of the types"),
        ("{a: {enum: [x], default: y}}", "a: 'y' is none of x"),
        ("{a-b: 1}", "'a-b' is not a name"),
        ("{a: {type: integer, default: x}}", "a: 'x' is not of the type integer"),
    ],
)
def test_s3_65_what_a_plan_cannot_declare(orchestrate: Orchestrate, root: Path, declared: str, words: str) -> None:
    write_plan(root, {"T-01": "true"}, params=declared)
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert words in refused.stderr, refused.stderr
    assert "master_plan.md:5: " in refused.stderr


# ── the time of a run ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("is_flag", [True, False])
def test_s3_66_the_time_of_a_run(orchestrate: Orchestrate, root: Path, *, is_flag: bool) -> None:
    """It ends in order, with a status of its own; the next run goes on, and nothing is charged."""
    gate = Gate(orchestrate.where / "gate")
    front = {} if is_flag else {"run_timeout": "2s"}
    write_plan(root, {"T-01": gate.wait, "T-02": ("echo two", "T-01")}, **front)
    ran = orchestrate("run", *(["--run-timeout", "2s"] if is_flag else []))
    assert 4 == ran.returncode, ran.stderr
    assert "the run's time is over: stopping 1 agent" in ran.stderr
    assert "hint: run it again to go on" in ran.stderr
    assert "the run's time is over" in (root / "final_output.md").read_text(encoding="utf-8")
    assert [("interrupted", 1)] == [(each["status"], each["charge"]) for each in front_of(root, "T-01")["attempts"]]
    write_task(root, "T-01", "```sh\necho one\n```\n")
    ok(orchestrate("run"))
    assert "two" == answer_of(root, "T-02")
    assert [1, 1] == [each["charge"] for each in front_of(root, "T-01")["attempts"]]


def test_s3_66_a_run_that_is_done_in_time(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "true"}, run_timeout="1h")
    ok(orchestrate("run"))
    refused = orchestrate("run", "--run-timeout", "soon")
    assert 2 == refused.returncode
    assert "--run-timeout" in refused.stderr


# ── conditions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("size", "complexity", "skipped"),
    [
        (2_000_000, "high", set()),
        (2_000_000, "low", {"feasibility_study"}),
        (10, "high", {"deep_analysis"}),
        (1_000_000, "low", {"deep_analysis", "feasibility_study"}),
    ],
)
def test_s3_42_each_branch_with_the_values_that_decide_it(
    orchestrate: Orchestrate, root: Path, size: int, complexity: str, skipped: set[str]
) -> None:
    """The guide's conditional workflow, done by a program that answers with these values."""
    ok(orchestrate("plan", "--from", written(orchestrate, CONDITIONAL)))
    written(orchestrate, json.dumps({"marketSize": size, "technicalComplexity": complexity}), "answer.json")
    ok(orchestrate("agent", "register", "teller", "--command", "cat answer.json"))
    ran = ok(orchestrate("run", "--agent", "teller"))
    assert skipped == {task for task, status in orchestrate.statuses().items() if status == "skipped"}, ran
    assert (root / "final_output.md").exists()


@pytest.mark.parametrize(("depth", "status"), [("deep", "completed"), ("basic", "skipped")])
def test_s3_65_parameters_decide_conditions(orchestrate: Orchestrate, root: Path, depth: str, status: str) -> None:
    """In their type; one that the plan does not declare is refused at the start."""
    rows = ["| a | true | None | - |", '| b | true | a | params.depth === "deep" && params.years > 2 |']
    root.mkdir()
    front = ["---", "agent: shell", "params: {depth: {enum: [basic, deep]}, years: 3}", "---"]
    table = ["# Plan", "", "| Task ID | Description | Dependencies | If |", "|---|---|---|---|", *rows, ""]
    (root / "master_plan.md").write_text("\n".join([*front, *table]), encoding="utf-8")
    ok(orchestrate("run", "--param", f"depth={depth}"))
    assert status == orchestrate.statuses()["b"]
    (root / "master_plan.md").write_text("\n".join([*front[:2], "---", *table]), encoding="utf-8")
    refused = orchestrate("run", "--fresh")
    assert 2 == refused.returncode
    assert "master_plan.md:9: the condition of b reads params.depth, which the plan does not declare" in refused.stderr


# ── in the words of the guide ────────────────────────────────────────────────────────────────────────────────────────


def test_s3_64_workflow_execute(orchestrate: Orchestrate, root: Path) -> None:
    written(orchestrate, LAUNCH, "product_launch.json")
    ok(orchestrate("workflow", "execute", "product_launch.json", "--simulate"))
    assert (root / "final_output.md").exists()
    refused = orchestrate("workflow", "execute", "gone.json")
    assert 2 == refused.returncode
    assert "no such file: gone.json" in refused.stderr


@pytest.mark.parametrize("flag", ["--monitor", "--progress-reports"])
def test_s3_68_s3_70_what_happens_is_printed(orchestrate: Orchestrate, root: Path, flag: str) -> None:
    """S3-68 `--monitor`, S3-70 `--progress-reports`: as it happens."""
    written(orchestrate, LAUNCH, "complex_workflow.json")
    ran = ok(orchestrate("workflow", "execute", "complex_workflow.json", flag, "--simulate"))
    assert "✅ market_analysis" in ran.stderr
    assert (root / "final_output.md").exists()


def test_s3_69_workflow_execute_with_notifications(orchestrate: Orchestrate, root: Path) -> None:
    """Those whom the file names are told; a warning says so if it names nobody."""
    flags = ("--monitor", "--notifications", "--progress-reports", "--simulate")
    ran = ok(orchestrate("workflow", "execute", written(orchestrate, LAUNCH), *flags))
    assert "--notifications: the plan names nobody to tell" in ran.stderr
    data = json.loads(LAUNCH)
    data["workflow"]["completion"] = {"notifications": [{"webhook": "$HOOK", "on": "completed"}]}
    written(orchestrate, json.dumps(data), "told.json")
    ran = ok(orchestrate("workflow", "execute", "told.json", "--dir", "told", *flags))
    assert "nobody to tell" not in ran.stderr
    assert (root.parent / "told/final_output.md").exists()


def test_s3_65_workflow_execute_with_parameters(orchestrate: Orchestrate, root: Path) -> None:
    """S3-65 `--parameters`, S3-66 `--timeout` in milliseconds, S3-67 `--parallel-streams`."""
    written(orchestrate, RESEARCH, "research_workflow.json")
    words = ("--parameters", GUIDE, "--timeout", "7200000", "--parallel-streams", "3", "--simulate")
    ok(orchestrate("workflow", "execute", "research_workflow.json", *words))
    assert "Research AI trends" in (root / "results/look-result.md").read_text(encoding="utf-8")
    refused = orchestrate("workflow", "execute", "research_workflow.json", "--timeout", "30")
    assert 2 == refused.returncode
    assert "30 ms is less than a second" in refused.stderr


def test_s3_66_a_workflow_ends_in_time(orchestrate: Orchestrate, root: Path) -> None:
    gate = Gate(orchestrate.where / "gate")
    write_plan(root, {"T-01": gate.wait})
    ran = orchestrate("workflow", "execute", str(root), "--timeout", "1000")
    assert 4 == ran.returncode
    assert "the run's time is over" in ran.stderr


def test_s3_67_so_many_streams_at_a_time(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {f"T-0{n}": ALONE.format("it") for n in range(1, 4)}, max_parallel=4)
    ok(orchestrate("workflow", "execute", str(root), "--parallel-streams", "1"))


def test_s3_68_workflow_monitor(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "true"})
    ok(orchestrate("run"))
    assert "T-01" in ok(orchestrate("workflow", "monitor", "--once")).stdout


def pipeline(orchestrate: Orchestrate) -> list[str]:
    """Write the guide's existing workflow; return the words that make a template of it, but for the parameters."""
    tasks = [
        {"id": "load", "description": "Load {{data_source}} and look for {{topic}} in it"},
        {"id": "tell", "description": "Write down what was found as {{output_format}}", "dependencies": ["load"]},
    ]
    written(orchestrate, json.dumps({"name": "Pipeline", "tasks": tasks}), "existing_workflow.json")
    return ["workflow", "template", "create", "data_pipeline", "--from", "existing_workflow.json", "--parameters"]


def test_s3_71_workflow_template_list(orchestrate: Orchestrate) -> None:
    ok(orchestrate(*pipeline(orchestrate), NAMES))
    listed = ok(orchestrate("workflow", "template", "list", "--json")).json["templates"]
    assert {"data_pipeline", "codebase-analysis"} < {each["name"] for each in listed}


def test_s3_72_workflow_template_apply(orchestrate: Orchestrate, root: Path) -> None:
    """It makes a plan directory, whatever its name ends in; `workflow execute` runs it."""
    ok(orchestrate(*pipeline(orchestrate), NAMES))
    values = '{"topic":"quantum computing","data_source":"the shop","output_format":"a list"}'
    apply = ("workflow", "template", "apply", "data_pipeline", "--parameters")
    missing = orchestrate(*apply, '{"topic":"quantum computing"}', "--output", "research_quantum.json")
    assert 2 == missing.returncode
    assert "needs a value for data_source, output_format" in missing.stderr
    assert not (orchestrate.where / "research_quantum.json").exists()
    ok(orchestrate(*apply, values, "--output", "research_quantum.json"))
    ok(orchestrate("workflow", "execute", "research_quantum.json", "--simulate"))
    load = (orchestrate.where / "research_quantum.json/results/load-result.md").read_text(encoding="utf-8")
    assert "Load the shop and look for quantum computing in it" in load
    assert not root.exists()


def test_s3_73_workflow_template_create(orchestrate: Orchestrate, root: Path) -> None:
    words = pipeline(orchestrate)
    for named, why in (
        ("topic,nothing", "the file does not say {{nothing}}"),
        ("topic", "which --parameters does not name"),
    ):
        refused = orchestrate(*words, named)
        assert 2 == refused.returncode
        assert why in refused.stderr
    made = ok(orchestrate(*words, NAMES, "--json")).json
    assert set(NAMES.split(",")) == set(made["parameters"])
    assert 2 == orchestrate(*words, NAMES).returncode  # there is one of that name
    ok(orchestrate(*words, NAMES, "--force"))
    assert not root.exists()
