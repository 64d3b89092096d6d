"""Seed 003, rows about types of task and about creating tasks.

``seed_003/*`` are copied from the guide byte for byte; the shell samples run in bash with ``-e``.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from orchestrator import Orchestrator
from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Answer, Orchestrate, ok
from tests.acceptance.plans import answer_of, front_of, write_plan, write_task
from tests.fakes.claude_calls import Call, calls
from tests.mission.seed_script import run_script

SAMPLES = Path(__file__).parent / "seed_003"
#: An agent that can do what the custom types of the guide require.
AUDITOR = """---
best_for: audits
capabilities: [vulnerability_scanning, penetration_testing, compliance_checking, security_clearance]
---
You audit.
"""


def sample(name: str) -> str:
    """A sample of the guide."""
    return (SAMPLES / name).read_text(encoding="utf-8")


def write_type(root: Path, key: str, text: str) -> Path:
    """Write a type of a plan."""
    path = root / "types" / f"{key}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_agent(root: Path, key: str, text: str) -> None:
    (root / "agents").mkdir(parents=True, exist_ok=True)
    (root / "agents" / f"{key}.md").write_text(text, encoding="utf-8")


def task_of(orchestrate: Orchestrate, name: str) -> dict[str, object]:
    """A task by its name."""
    (found,) = [each for each in orchestrate("list", "--json").json["tasks"] if each["name"] == name]
    return dict(found)


def calls_of(claude: ClaudePlan) -> list[Call]:
    """Every call of the stand-in for claude."""
    return calls(claude.records)


def refused(answer: Answer, *words: str) -> None:
    """The command was refused as bad input, in these words."""
    assert 2 == answer.returncode, answer
    for each in words:
        assert each in answer.stderr


# ── the shell samples of the guide ───────────────────────────────────────────────────────────────────────────────────


def test_s3_01_the_samples_about_types(orchestrate: Orchestrate, root: Path) -> None:
    """S3-01 to S3-10, S3-13 to S3-17: every sample of its section as it stands; then all of it runs, simulated."""
    ok(
        orchestrate(
            "add", "Which standards there are", "--desc", "research_auth_standards", "--id", "research_auth_standards"
        )
    )
    ok(orchestrate("add", "design_auth_flow", "--desc", "Draw the flow of the login with all its redirects"))
    created = ok(run_script(orchestrate, sample("types.sh"), "claude-flow"))
    assert 5 == len(created.stdout.split())
    research = task_of(orchestrate, "Research quantum computing applications in cryptography")
    assert ("research", "P1", "2024-02-15T17:00:00.000Z") == tuple(
        research[each] for each in ("type", "priority", "deadline")
    )
    assert ["quantum", "cryptography", "security"] == research["tags"]
    analysis = task_of(orchestrate, "Analyze user behavior patterns from Q4 data")
    assert "analyst_agent_123" == analysis["assignee"]
    built = task_of(orchestrate, "Implement user authentication system with OAuth2")
    assert "research_auth_standards" in built["needs"]  # type: ignore[operator] # JSON
    assert 2 == len(built["needs"])  # type: ignore[arg-type] # JSON
    group = task_of(orchestrate, "Coordinate Q1 planning across all teams")
    assert 3 == len(group["children"])  # type: ignore[arg-type] # JSON
    missing = orchestrate("run", "--simulate")
    refused(missing, "there is no input file", "user_analytics.json", "agent_tasks/", ".md:2: ")
    (orchestrate.where / "data").mkdir()
    (orchestrate.where / "data/user_analytics.json").write_text("{}")
    ok(orchestrate("run", "--simulate"))


def test_s3_11_the_samples_about_creating(orchestrate: Orchestrate, root: Path) -> None:
    """S3-02, S3-03, S3-08, S3-10 to S3-12: likewise; and the one that changes a priority."""
    for each in ("task_123", "task_456"):
        ok(orchestrate("add", f"Prepare all that {each} needs", "--id", each))
    created = ok(run_script(orchestrate, sample("creating.sh"), "claude-flow"))
    assert 4 == len(created.stdout.split())
    last = task_of(orchestrate, "Comprehensive analysis of cloud security frameworks")
    text = (root / "agent_tasks" / f"{str(last['id']).replace('T-', 'agent-')}.md").read_text(encoding="utf-8")
    for line in ("timeout: 3600.0", "retries: 2", 'namespace: "security-project"', '"budget": 5000'):
        assert line in text
    assert ["task_123", "task_456"] == last["needs"]
    assert "P0" == task_of(orchestrate, "Fix authentication bug")["priority"]
    ok(run_script(orchestrate, "claude-flow task update task_123 --priority urgent", "claude-flow"))
    assert "P0" == task_of(orchestrate, "Prepare all that task_123 needs")["priority"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["task", "create", "reserch", "Look at it"], ["no type of task 'reserch'", "did you mean research?"]),
        (["task", "create", "research", "Look at it", "--dependencies", "T-99"], ["--dependencies: task T-99"]),
        (["task", "create", "research", "Look at it", "--metadata", "{"], ["--metadata: "]),
        (["task", "create", "research", "Look at it", "--metadata", "[1]"], ["--metadata: "]),
        (["task", "create", "research", "Look at it", "--metadata", '{"a": NaN}'], ["--metadata: "]),
        (["task", "create", "research", "Look at it", "--metadata", '{"a": 1e16}'], ["--metadata: "]),
        (["task", "create", "research", "Look at it", "--namespace", "a b"], ["--namespace: 'a b'"]),
        (["task", "create", "research", "Look at it", "--timeout", "0"], ["a duration of 0"]),
        (["task", "create", "research", "Look at it", "--parallel"], ["--parallel", "--subtasks"]),
        (["task", "create", "research", "Look at it", "--subtasks", " , "], ["names no task"]),
        (["task", "create", "research", "x", "--subtasks", "a,b", "--timeout", "5"], ["would mean nothing"]),
        (["add", "Look at it", "--param", "depth"], ["--param: 'depth' is not NAME=VALUE"]),
        (["add", "Look at it", "--param", "a=1", "--param", "a=2"], ["a is given twice"]),
        (["add", "Look at it", "--timeout", "600000"], ["600000 seconds are 7 days; write 600000ms, 600s or 7d"]),
    ],
)
def test_s3_01_what_is_refused(orchestrate: Orchestrate, root: Path, words: list[str], told: list[str]) -> None:
    """By name, and nothing is written."""
    ok(orchestrate("add", "Something that is there"))
    before = (root / "master_plan.md").read_bytes()
    refused(orchestrate(*words), *told)
    assert before == (root / "master_plan.md").read_bytes()
    assert not (root / "agent_tasks/agent-02.md").exists()


def test_s3_13_without_parallel_each_waits_for_the_one_before(orchestrate: Orchestrate) -> None:
    """Also with `add`, and in a group of commands."""
    made = ok(orchestrate("add", "All of it", "--agent", "shell", "--subtasks", "echo a,echo b,echo c", "--json"))
    assert ["T-02", "T-03", "T-04"] == made.json["subtasks"]
    needs = {each["id"]: each["needs"] for each in orchestrate("list", "--json").json["tasks"]}
    assert ([], ["T-02"], ["T-03"]) == (needs["T-02"], needs["T-03"], needs["T-04"])
    assert 0 == orchestrate("run").returncode


# ── types ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_s3_14_built_in_types(orchestrate: Orchestrate) -> None:
    """S3-14 to S3-19, S3-21, S3-23: with the guide's timeouts and parameters, in lists for programs and people."""
    types = {each["key"]: each for each in orchestrate("task", "types", "--json").json["types"]}
    assert ["analysis", "coordination", "design", "implementation"] == sorted(types)[:4]
    assert ["planning", "research", "review", "testing"] == sorted(types)[4:]
    timeouts = {key: each["settings"].get("timeout") for key, each in types.items()}
    assert (600, 900, 1800) == tuple(timeouts[each] for each in ("research", "analysis", "implementation"))
    for name in ("research", "analysis", "implementation"):
        written = json.loads(sample(f"{name}.json"))
        assert written["parameters"] == {key: each["schema"]["enum"] for key, each in types[name]["params"].items()}
        assert written["requiredCapabilities"] == types[name]["prefers"]
        assert written["defaultTimeout"] / 1000 == timeouts[name]
    shown = ok(orchestrate("task", "types")).stdout
    assert "depth: basic, standard, comprehensive" in shown


def test_s3_19_what_a_built_in_type_says_is_a_default(orchestrate: Orchestrate, root: Path) -> None:
    """Its timeout holds where nobody wrote one, and its capabilities only say who comes first."""
    rows = "| ID | Task | Dependencies | Type |\n|---|---|---|---|\n| T-01 | sleep 30 | None | research |\n"
    root.mkdir()
    (root / "master_plan.md").write_text(f"---\nagent: shell\ntimeout: 200ms\n---\n{rows}", encoding="utf-8")
    assert 1 == orchestrate("run").returncode
    assert "timed out after 0.2s" in front_of(root, "T-01")["attempts"][0]["reason"]
    write_agent(root, "searcher", "---\ncapabilities: [web_search, document_analysis]\n---\nYou search.\n")
    shown = orchestrate("list", "--json").json["tasks"]
    assert "searcher" == shown[0]["agent"]


def test_s3_20_a_capability_that_no_agent_has(orchestrate: Orchestrate, root: Path) -> None:
    """It is refused with file and line, and never goes to the default agent; one who has it takes the task."""
    write_plan(root, {"T-01": "Audit everything"}, agent="claude")
    file = write_task(root, "T-01", "", required_capabilities="[security_clearance]")
    refused(orchestrate("run"), f"{file.name}:2: ", "requires the capability security_clearance, which no agent has")
    refused(orchestrate("validate"), "security_clearance")
    file.unlink()
    path = write_type(
        root, "audit", "---\ntimeout: 1h\nrequired_capabilities: [security_clearance]\n---\nLook twice.\n"
    )
    plan = root / "master_plan.md"
    text = "| ID | Task | Dependencies | Type |\n|---|---|---|---|\n| T-01 | Audit everything | None | audit |\n"
    plan.write_text(text, encoding="utf-8")
    refused(orchestrate("run"), f"{path.name}:3: ", "security_clearance")
    refused(orchestrate("add", "Audit again", "--type", "audit"), "security_clearance")
    write_agent(root, "auditor", AUDITOR)
    ok(orchestrate("validate"))
    assert "auditor" == orchestrate("list", "--json").json["tasks"][0]["agent"]


def test_s3_29_required_capabilities_or_a_preferred_agent(orchestrate: Orchestrate, root: Path) -> None:
    """Who has them all takes it, whatever its type is called; who is named takes it anyway."""
    write_plan(root, {"T-01": "Weigh it", "T-02": "Weigh that"}, agent="claude")
    write_agent(root, "ethics_specialist", "---\ncapabilities: [research, ethics_analysis]\n---\nYou weigh.\n")
    write_task(root, "T-01", "", required_capabilities="[research, ethics_analysis]")
    write_task(root, "T-02", "", required_capabilities="[nothing]", agent="ethics_specialist")
    ok(orchestrate("run", "--simulate"))
    shown = [orchestrate("show", each).stdout for each in ("T-01", "T-02")]
    assert all("ethics_specialist" in each for each in shown)


def test_s3_23_parameters(claude: ClaudePlan) -> None:
    """Checked against their type, filled into its text and that of the task, and listed in the prompt."""
    write_type(
        claude.root,
        "survey",
        """---
description: Asks people
params:
  depth: [basic, deep]
  people: {type: integer, minimum: 1, required: true}
  tone: {type: string, default: kind}
---
Ask {{people}} people in a {{tone}} way, and leave {{unknown}} as it is.
""",
    )
    orchestrate = claude.orchestrate
    add = ("add", "Ask about {{depth}} things", "--type", "survey")
    refused(orchestrate(*add), "--param: people is missing")
    refused(orchestrate(*add, "--param", "people=none"), "people: ")
    refused(orchestrate(*add, "--param", "people=3", "--param", "depth=deeper"), "'deeper' is none of basic, deep")
    refused(orchestrate(*add, "--param", "people=3", "--param", "dept=deep"), "did you mean depth?", "basic, deep")
    assert not (claude.root / "master_plan.md").exists() or [] == list(orchestrate.statuses())
    ok(orchestrate(*add, "--param", "people=3", "--param", "depth=basic,deep", "--metadata", '{"sponsor": "Kim"}'))
    claude.play({"*": {"answer": "Asked."}})
    ok(orchestrate("run"))
    (call,) = calls_of(claude)
    prompt = call.prompt
    assert prompt.startswith(
        "# Tasks of the type survey\n\nAsk 3 people in a kind way, and leave {{unknown}} as it is."
    )
    assert "Ask about basic,deep things" in prompt
    assert "## Parameters\n- depth: basic,deep\n- people: 3\n- tone: kind\n" in prompt
    assert '"sponsor": "Kim"' in prompt
    file = claude.root / "agent_tasks/agent-01.md"
    file.write_text(file.read_text("utf-8").replace('"people": "3"', '"people": 0'), "utf-8")
    refused(orchestrate("validate"), "agent-01.md:2: ", "people: ")


def test_s3_23_parameters_of_a_command(orchestrate: Orchestrate, root: Path) -> None:
    """A plain word is filled in; what could be more than a word comes as a variable, and is refused in the text."""
    body = "```sh\necho {{kind}} \"$ORCHESTRATOR_PARAM_name\" '{{.Names}}'\n```\n"
    write_plan(root, {"T-01": "echo"})
    write_task(root, "T-01", body, params='{"kind": "csv", "name": "a b; exit 3"}')
    ok(orchestrate("run"))
    assert "csv a b; exit 3 {{.Names}}" == answer_of(root, "T-01").strip()
    write_task(root, "T-01", body.replace("{{kind}}", "{{name}}"), params='{"name": "$(id)"}')
    refused(orchestrate("validate"), "agent-01.md:2: ", "{{name}} stands in a command", "$ORCHESTRATOR_PARAM_NAME")


def test_s3_24_custom_types_of_a_configuration(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """S3-21, S3-22, S3-24 to S3-27: the guide's JSON as it is; each key has its place, and nothing is overwritten."""
    ok(orchestrate("init"))
    write_agent(root, "auditor", AUDITOR)
    file = SAMPLES / "custom_types.json"
    written = ok(orchestrate("task", "types", "--from", file, "--json")).json
    assert 2 == len(written["written"])
    assert ["data_migration requires database_management, data_transformation, validation"] == written["warnings"]
    types = {each["key"]: each for each in written["types"]}
    audit = types["security_audit"]
    assert 3600 == audit["settings"]["timeout"]
    assert ["Bash(nmap *)", "Bash(burpsuite *)", "Bash(metasploit *)"] == audit["settings"]["allowed_tools"]
    assert "security_clearance" in audit["settings"]["required_capabilities"]
    assert ["SOC2", "ISO27001", "PCI_DSS"] == audit["params"]["compliance"]["schema"]["enum"]
    assert "Output format: security report." in audit["text"]
    assert "Check before you answer: risk assessment, compliance validation." in audit["text"]
    assert "Rollback plan" in types["data_migration"]["text"]
    refused(orchestrate("task", "types", "--from", file), "there is a type security_audit already")
    ok(orchestrate("add", "Look for holes in all of it", "--type", "security_audit", "--param", "compliance=SOC2"))
    ok(orchestrate("run", "--simulate"))
    for name in ("research", "analysis", "implementation"):
        ok(orchestrate("task", "types", "--from", SAMPLES / f"{name}.json"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"customTaskTypes": {"a": {"defaultTimeuot": 5}}}', "customTaskTypes.a.defaultTimeuot is not understood"),
        ('{"customTaskTypes": {"a": {"defaultTimeout": "5m"}}}', "customTaskTypes.a.defaultTimeout cannot be read"),
        ('{"customTaskTypes": {"a b": {}}}', "customTaskTypes.a b is no name for a type"),
        ('{"customTaskTypes": {"../a": {}}}', "is no name for a type"),
        ('{"customTaskTypes": {}, "workflows": {}}', "workflows is not understood"),
        ('{"customTaskTypes": {"a": {"tools": ["rm -rf /; x"]}}}', "is neither a tool nor a program"),
        ('{"customTaskTypes": {"a": {"parameters": {"x": 3}}}}', "neither a list of allowed values nor a JSON Schema"),
        ('{"customTaskTypes": {"a": {}, "A": {}}}', "is there twice"),
        ("{", "it is not JSON"),
        ("[]", "there is no customTaskTypes in it"),
    ],
)
def test_s3_24_what_is_not_understood(orchestrate: Orchestrate, root: Path, text: str, told: str) -> None:
    """It is refused by name, and no type is written."""
    ok(orchestrate("init"))
    file = orchestrate.where / "types.json"
    file.write_text(text, encoding="utf-8")
    refused(orchestrate("task", "types", "--from", file), told)
    assert not (root / "types").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_parallel: 3", "2: max_parallel is a setting of the whole run"),
        ("qualityChecks: [a]", "2: qualityChecks is not a field of a type of task"),
        ("tiemout: 5m", "2: tiemout is not a field of a type of task"),
        ("timeout: 600000", "600000 seconds are 7 days; write 600000ms, 600s or 7d"),
        ("params: [a]", "2: params: "),
        ("params: {a-b: [x]}", "'a-b' is not 1 to 64 letters"),
        ("params: {a: [2026-01-01]}", "is not JSON; put a text into quotes"),
        ("params: {a: {type: nothing}}", "2: params: a: "),
        ("params: {a: {enum: [x], default: y}}", "its default does not fit"),
        ("schema: nowhere.json", "there is no "),
    ],
)
def test_s3_24_a_type_file_that_is_wrong(orchestrate: Orchestrate, root: Path, text: str, told: str) -> None:
    """With its line, also where no task is of that type."""
    write_plan(root, {"T-01": "true"})
    write_type(root, "audit", f"---\n{text}\n---\nLook twice.\n")
    refused(orchestrate("run"), "types/audit.md:2: ", told)


def test_s3_24_types_of_the_person_and_their_order(claude: ClaudePlan) -> None:
    """Flag > task > type > agent > plan > default; the type of the plan directory comes before that of the person."""
    config = claude.where / ".config/orchestrator"
    write_type(config, "audit", "---\nmodel: person\n---\nOf the person.\n")
    write_type(config, "check", "---\nmodel: person\n---\nOf the person.\n")
    write_type(claude.root, "audit", "---\nmodel: type\n---\nOf the plan.\n")
    write_agent(claude.root, "auditor", "---\nmodel: agent\neffort: high\n---\nYou audit.\n")
    rows = ["| T-01 | Do one | None | Audit | auditor |", "| T-02 | Do two | None | check | |"]
    rows += ["| T-03 | Do three | None | audit | |", "| T-04 | Do four | None | label | auditor |"]
    head = "| ID | Task | Dependencies | Type | Agent |\n|---|---|---|---|---|\n"
    claude.root.joinpath("master_plan.md").write_text(
        "---\nmodel: plan\neffort: low\n---\n" + head + "\n".join(rows) + "\n", encoding="utf-8"
    )
    write_task(claude.root, "T-03", "", model="task")
    claude.play({"*": {"answer": "Done."}})
    ok(claude.orchestrate("run"))
    seen = {each.task: each for each in calls_of(claude)}
    models = {task: word.partition("=")[2] for task, each in seen.items() for word in each.argv if "model=" in word}
    assert {"T-01": "type", "T-02": "person", "T-03": "task", "T-04": "agent"} == models
    assert "--effort=high" in seen["T-01"].argv
    assert seen["T-01"].prompt.index("You audit.") < seen["T-01"].prompt.index("Of the plan.")
    assert "Of the person." in seen["T-02"].prompt
    assert "# Tasks of the type" not in seen["T-04"].prompt


def test_s3_24_a_near_miss_is_told(orchestrate: Orchestrate, root: Path) -> None:
    """A type that is none stays a label; one that is nearly a person's own is a warning."""
    ok(orchestrate("init", "--agent", "shell"))
    write_type(root, "data_migration", "Move it.\n")
    assert "did you mean" not in ok(orchestrate("add", "true", "--type", "dev")).stderr
    assert "did you mean data_migration" in ok(orchestrate("add", "true", "--type", "data_migratoin")).stderr
    assert "did you mean data_migration" in orchestrate("validate").stderr


# ── what a task is given ─────────────────────────────────────────────────────────────────────────────────────────────


def test_s3_06_input_files_and_an_output_directory(claude: ClaudePlan) -> None:
    """S3-07: both are told; the hash of a file is in the result, and the directory is made before the attempt."""
    data = claude.where / "data" / "in.json"
    data.parent.mkdir()
    elsewhere = claude.where.parent / f"{claude.where.name}-out"
    add = ("add", "Read the data, and write a report", "--input-file", "./data/in.json")
    warned = ok(claude.orchestrate(*add, "--output-dir", elsewhere))
    assert "there is no data/in.json yet" in warned.stderr
    refused(claude.orchestrate("run"), "agent-01.md:2: ", "there is no input file")
    refused(claude.orchestrate("validate"), "there is no input file")
    assert [] == calls_of(claude)
    data.write_bytes(b"[1, 2]")
    claude.play({"*": {"answer": "Read."}})
    ok(claude.orchestrate("run"))
    assert {"../data/in.json": hashlib.sha256(b"[1, 2]").hexdigest()} == front_of(claude.root, "T-01")["input_files"]
    assert elsewhere.is_dir()
    (call,) = calls_of(claude)
    assert f"## Input files\n- `{data}`" in call.prompt
    assert f"`{elsewhere}`" in call.prompt
    assert str(elsewhere) in call.argv  # it may write there
    assert not (claude.where / "reports").exists()


def test_s3_12_a_command_has_what_it_was_given_in_its_environment(orchestrate: Orchestrate, root: Path) -> None:
    """S3-30: namespace, metadata, input files and output directory; a run inside an attempt has none of them."""
    (orchestrate.where / "in.txt").write_text("x")
    ok(orchestrate("init", "--agent", "shell"))
    shown = "|".join(f"$ORCHESTRATOR_{each}" for each in ("NAMESPACE", "METADATA", "INPUT_FILES"))
    command = f'echo "{shown}"; ls -d "$ORCHESTRATOR_OUTPUT_DIR"'
    given = ("--namespace", "security-project", "--metadata", '{"budget": 5}', "--input-file", "in.txt")
    ok(orchestrate("add", command, *given, "--output-dir", "out/deep"))
    ok(orchestrate("add", 'env | grep -c "^ORCHESTRATOR_NAMESPACE" || true'))
    ok(orchestrate("run", env={"ORCHESTRATOR_NAMESPACE": "around"}))
    where = orchestrate.where
    assert [f'security-project|{{"budget": 5}}|{where}/in.txt', f"{where}/out/deep"] == answer_of(root, "T-01").split(
        "\n"
    )
    assert "0" == answer_of(root, "T-02").strip()


def test_s3_06_an_input_file_that_goes_away(orchestrate: Orchestrate, root: Path) -> None:
    """Of a task that waits for another: the task fails with its path, and nothing else does."""
    (orchestrate.where / "in.txt").write_text("x")
    write_plan(root, {"T-01": f"rm {orchestrate.where}/in.txt", "T-02": ("true", "T-01 (order)"), "T-03": "true"})
    write_task(root, "T-02", "```sh\ntrue\n```\n", input_files="[../in.txt]")
    assert 1 == orchestrate("run").returncode
    assert {"T-01": "completed", "T-02": "failed", "T-03": "completed"} == orchestrate.statuses()
    assert "in.txt" in front_of(root, "T-02")["attempts"][0]["reason"]


def test_s3_28_a_program_creates_a_task_and_gets_its_id(tmp_path: Path) -> None:
    """S3-30: with its type, parameters and data."""
    with_plan = Orchestrator(tmp_path / ".orchestrator")
    task = with_plan.add(
        "AI Ethics Framework Analysis",
        type="research",
        priority="high",
        timeout="1800000ms",
        task_params={"depth": "comprehensive"},
        task_metadata={"domain": "ai_ethics", "frameworks": ["IEEE", "EU_AI_Act"]},
    )
    assert "T-01" == task
    text = (tmp_path / ".orchestrator/agent_tasks/agent-01.md").read_text(encoding="utf-8")
    assert 'metadata: {"domain": "ai_ethics", "frameworks": ["IEEE", "EU_AI_Act"]}' in text


def test_s3_23_a_parameter_of_a_task_is_nearer_than_one_of_the_plan(orchestrate: Orchestrate, root: Path) -> None:
    """In the text and in the environment; what only the plan takes is there as well."""
    write_plan(root, {"T-01": "echo"}, params="{depth: shallow, depts: {default: [1]}, topic: cats}")
    body = '```sh\necho {{depth}} {{topic}} "$ORCHESTRATOR_PARAM_depth" "$ORCHESTRATOR_PARAM_topic"\n```\n'
    write_task(root, "T-01", body, params="{depth: deep}")
    ok(orchestrate("run", "--param", "topic=dogs"))
    assert "deep dogs deep dogs" == answer_of(root, "T-01").strip()
