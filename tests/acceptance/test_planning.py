"""Making, checking and drawing a plan."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import everything, write_plan, write_task

# ── init ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_init_makes_a_plan_that_is_valid(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """It makes the layout of the seed and prints where the plan is; the plan it wrote can be run as it is."""
    made = orchestrate("init")
    plan = tmp_path / ".orchestrator" / "master_plan.md"
    assert (0, f"{plan}\n") == (made.returncode, made.stdout)
    assert "orchestrator run" in made.stderr
    assert {"master_plan.md", "agent_tasks", "results"} == {path.name for path in plan.parent.iterdir()}
    assert 0 == orchestrate("validate").returncode
    assert 0 == orchestrate("run", "--simulate").returncode


def test_init_leaves_a_plan_that_is_there_alone(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Whoever calls it twice does not lose what they wrote in between."""
    plan = tmp_path / "plans" / "one" / "master_plan.md"
    plan.parent.mkdir(parents=True)
    plan.write_text("mine", encoding="utf-8")
    before = everything(tmp_path)
    again = orchestrate("init", "plans/one")
    assert (2, "") == (again.returncode, again.stdout)
    assert f"error: {plan}: there is a plan here already" in again.stderr
    assert "hint: " in again.stderr
    assert before == everything(tmp_path)
    told = orchestrate("init", "plans/one", "--json")
    assert (2, "usage", False) == (told.returncode, told.json["code"], told.json["ok"])
    assert told.json["hint"]


def test_init_takes_over_nothing_that_an_earlier_plan_left(orchestrate: Orchestrate, root: Path) -> None:
    """What was done for other rows is no answer to these; it is kept in the archive, as `plan` does it."""
    write_plan(root, {"T-01": "echo old"})
    assert 0 == orchestrate("run").returncode
    (root / "master_plan.md").unlink()
    told = orchestrate("init", "--request", "Write the annual report")
    archived = root / "archive" / "001"
    assert (0, f"{root / 'master_plan.md'}\n") == (told.returncode, told.stdout)
    assert f"What an earlier plan left is in {archived}\n" in told.stderr
    assert "old" in (archived / "results" / "agent-01-result.md").read_text(encoding="utf-8")
    assert {"master_plan.md", "agent_tasks", "archive", "logs", "results"} == {
        path.name for path in root.iterdir() if path.suffix != ".lock"
    }
    assert {"pending": 1, "waiting": 2} == orchestrate("status", "--json").counts
    write_task(root, "T-01", "mine")
    (root / "master_plan.md").unlink()
    told = orchestrate("init", "--agent", "shell", "--json").json
    assert "mine" == (Path(told["archived"]) / "agent_tasks" / "agent-01.md").read_text("utf-8")


def test_init_fills_the_template_of_the_plan_directory(orchestrate: Orchestrate, root: Path) -> None:
    """As `plan` does; one that is broken is told before anything is made."""
    own = root / "templates" / "master_plan.md.j2"
    own.parent.mkdir(parents=True)
    own.write_text("# Ours\n{{ nope }}\n", encoding="utf-8")
    before = everything(root)
    told = orchestrate("init", "--json")
    assert (2, "bad_template") == (told.returncode, told.json["code"])
    assert before == everything(root)
    own.write_text("# Ours\n{{ request | quote }}\n", encoding="utf-8")
    assert 0 == orchestrate("init", "--request", "Look").returncode
    assert "# Ours\n> Look\n" == (root / "master_plan.md").read_text(encoding="utf-8")


def test_a_plan_without_tasks_is_called_so(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Whoever would replace it reads what it lacks and what helps; what cannot be read is another matter."""
    (tmp_path / "o.md").write_text("- Scan\n", encoding="utf-8")
    orchestrate("init", "q", "--agent", "shell")
    told = orchestrate("plan", "--from", "o.md", "--dir", "q", "--json").json
    assert "there is a plan here that has no tasks yet" in told["message"]
    assert "orchestrator add --dir q" in told["hint"]
    (tmp_path / "q" / "master_plan.md").write_text("mine", encoding="utf-8")
    told = orchestrate("plan", "--from", "o.md", "--dir", "q", "--json").json
    assert "cannot be read" in told["message"]
    assert "orchestrator validate --dir q" in told["hint"]


def test_init_takes_the_request_into_the_plan(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """The request is quoted whatever is in it, and a program gets the path in the envelope."""
    (tmp_path / ".orchestrator").mkdir()
    below = tmp_path / "below"
    below.mkdir()
    request = "Check --- it |\n| T-99 | x | None |\n<!-- orchestrator:status -->\n# all"
    made = orchestrate("init", "--request", request, "--json", cwd=below)
    plan = below / ".orchestrator" / "master_plan.md"
    assert (0, True, "ok", str(plan)) == (made.returncode, made.json["ok"], made.json["code"], made.json["plan"])
    text = plan.read_text(encoding="utf-8")
    assert "> Check --- it" in text
    assert "> # all" in text
    checked = orchestrate("validate", "--json", cwd=below)
    assert 3 == checked.json["tasks"]
    first = orchestrate("show", "T-01", "--json", cwd=below).json["task"]
    assert "Check --- it" in first["description"], "whoever runs the examples as they are asks for just that"


def test_init_takes_the_request_into_a_queue(orchestrate: Orchestrate, root: Path) -> None:
    """Also where the plan has no tasks yet: what it is for is known all the same."""
    assert 0 == orchestrate("init", "--agent", "shell", "--request", "Back it | up").returncode
    assert "## Original Request\n> Back it | up\n\n|" in (root / "master_plan.md").read_text("utf-8")
    assert "T-01" == orchestrate("add", "true").stdout.strip()
    assert 0 == orchestrate("validate").returncode


def test_init_makes_one_plan(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Two places are one too many; neither is chosen."""
    refused = orchestrate("init", "one", "--dir", "two", "--json")
    assert (2, "usage") == (refused.returncode, refused.json["code"])
    assert not {"one", "two"} & {each.name for each in tmp_path.iterdir()}


def test_agents_by_their_other_names(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """``claude-code`` is claude, and sub-agents of the project are agents: of an outline, and of a whole plan."""
    (tmp_path / ".claude/agents").mkdir(parents=True)
    (tmp_path / ".claude/agents/rev.md").write_text("---\nname: rev\n---\nLook.\n", "utf-8")
    text = "- List every file\n  - Agent: claude-code\n- Read every file\n  - Agent: rev\n"
    (tmp_path / "o.md").write_text(text, encoding="utf-8")
    made = orchestrate("plan", "--from", "o.md", "--dir", "other")
    assert 0 == made.returncode, made.stderr
    assert 0 == orchestrate("validate", "other").returncode
    assert 0 == orchestrate("init", "--agent", "rev").returncode
    assert 0 == orchestrate("add", "Read every file of the project").returncode
    assert 0 == orchestrate("validate").returncode
    unknown = orchestrate("init", "third", "--agent", "revv", "--json").json
    assert "rev" in unknown["hint"]


def test_the_next_step_is_about_the_plan_that_was_made(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """Also where its directory is called as usual and is not the one that is meant here."""
    (tmp_path / "o.md").write_text("- List every file\n", encoding="utf-8")
    said = orchestrate("plan", "--from", "o.md", "--dir", "sub/.orchestrator").stderr
    assert "then: orchestrator run --dir sub/.orchestrator\n" in said
    assert "then: orchestrator run\n" in orchestrate("plan", "--from", "o.md").stderr


def test_what_is_no_outline_is_left_where_it_is(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """A directory or a pipe was named by mistake: it is not in the way of anything."""
    os.mkfifo(tmp_path / "pipe")
    for named in (".", "pipe"):
        refused = orchestrate("plan", "--from", named, "--json")
        assert (2, "usage") == (refused.returncode, refused.json["code"])
        assert refused.json["hint"].startswith("--from takes a file")


def test_what_is_for_a_planner_is_refused_where_none_is_asked(orchestrate: Orchestrate, root: Path) -> None:
    """Whoever gives it means something by it."""
    for more in (["--model", "opus"], ["--budget-usd", "5"]):
        refused = orchestrate("plan", "--from", "o.md", *more, "--json")
        assert (2, "usage") == (refused.returncode, refused.json["code"])
        assert more[0] in refused.json["message"]
    assert not root.exists()


# ── validate ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_valid_plan_is_said_to_be_valid(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """It is found from a folder below, by argument, by option and by the environment, and stays as it is."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01"), "T-03": ("true", "T-01")})
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    before = everything(root)
    ways = (
        orchestrate("validate", cwd=below),
        orchestrate("validate", root),
        orchestrate("validate", "--dir", root, cwd=Path("/")),
        orchestrate("validate", cwd=Path("/"), env={"ORCHESTRATOR_DIR": str(root)}),
    )
    for checked in ways:
        assert (0, "valid: 3 tasks in 2 batches\nlongest chain: T-01 → T-02\n") == (checked.returncode, checked.stdout)
    told = orchestrate("validate", "--json").json
    assert (True, "ok", 3, 2) == (told["ok"], told["code"], told["tasks"], told["batches"])
    assert before == everything(root)


@pytest.mark.parametrize("command", ["run", "status"])
def test_a_plan_that_is_not_there_is_named(orchestrate: Orchestrate, tmp_path: Path, command: str) -> None:
    """No directory, no plan in it, none above: each says so and what to do; exit status 2."""
    (tmp_path / "empty").mkdir()
    before = everything(tmp_path)
    for arguments, words in (
        (["gone"], "no such plan directory: gone"),
        (["empty"], "no master_plan.md in this plan directory"),
        ([], "no .orchestrator directory here or above"),
    ):
        asked = orchestrate(command, *arguments, "--json")
        assert (2, False, "not_found") == (asked.returncode, asked.json["ok"], asked.json["code"])
        assert words in asked.json["message"]
        assert "orchestrator init" in asked.json["hint"]
    assert before == everything(tmp_path)


@pytest.mark.parametrize(
    "flags",
    [
        ["--max-parallel", "0"],
        ["--timeout", "soon"],
        ["--on-failure", "panic"],
        ["--only", "T-77"],
        ["--agent", "gpt"],
        ["--no-such-flag"],
    ],
    ids=" ".join,
)
def test_nonsense_on_the_command_line_is_refused(orchestrate: Orchestrate, tmp_path: Path, flags: list[str]) -> None:
    """A value that makes no sense starts nothing and writes nothing."""
    write_plan(tmp_path / "p", {"T-01": "touch ran"})
    before = everything(tmp_path)
    asked = orchestrate("run", "p", *flags, "--json")
    assert (2, False, "usage") == (asked.returncode, asked.json["ok"], asked.json["code"])
    assert flags[0] in asked.json["message"]
    assert before == everything(tmp_path)


# ── graph ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def diamond(tmp_path: Path) -> Path:
    """A plan with a fan-out, a fan-in, and a name that could break out of a picture."""
    evil = 'say "hi" ]; click n1 <script> #quot; \\'
    rows = {"T-01": evil, "T-02": ("b", "T-01"), "T-03": ("c", "T-01"), "T-04": ("d", "T-02, T-03")}
    write_plan(tmp_path / "p", rows)
    return tmp_path / "p"


def test_the_graph_in_text_shows_the_batches(orchestrate: Orchestrate, diamond: Path) -> None:
    """Every batch has its tasks below it, each with what it needs."""
    before = everything(diamond)
    lines = orchestrate("graph", "p").stdout.splitlines()
    batches = [line for line in lines if line.startswith("Batch ")]
    assert ["Batch 1", "Batch 2", "Batch 3"] == [line[:7] for line in batches]
    ids = [re.findall(r"T-\d+", line) for line in lines if not line.startswith("Batch ")]
    assert [["T-01"], ["T-02", "T-01"], ["T-03", "T-01"], ["T-04", "T-02", "T-03"]] == ids
    assert set(before) == set(everything(diamond)) - {"index.json"}


def test_the_graph_in_mermaid(orchestrate: Orchestrate, diamond: Path) -> None:
    """Four nodes and four edges, and the text of a plan stays a label."""
    drawn = orchestrate("graph", "p", "--format", "mermaid").stdout
    assert drawn.startswith("flowchart")
    assert 4 == len(re.findall(r'^ +n\d\["[^"\[\]<>]*T-0\d<br/>[^"\[\]<>]*"\]:::\w+$', drawn, re.MULTILINE))
    edges = re.findall(r"^ +n(\d) --> n(\d)$", drawn, re.MULTILINE)
    assert [("1", "2"), ("1", "3"), ("2", "4"), ("3", "4")] == edges


def test_the_graph_in_dot(orchestrate: Orchestrate, diamond: Path) -> None:
    """Graphviz gets the same four edges, and quotes in names are escaped."""
    drawn = orchestrate("graph", "p", "--format", "dot").stdout
    edges = re.findall(r'^ +"(T-\d+)" -> "(T-\d+)";$', drawn, re.MULTILINE)
    assert [("T-01", "T-02"), ("T-01", "T-03"), ("T-02", "T-04"), ("T-03", "T-04")] == edges
    label = next(line for line in drawn.splitlines() if line.startswith('    "T-01" [label='))
    assert r"say \"hi\"" in label
    assert drawn.startswith("digraph")
    assert drawn.rstrip().endswith("}")


@pytest.mark.parametrize("words", [["--format", "json"], ["--format=json"], ["--json"]])
def test_who_asks_for_json_gets_errors_as_json(orchestrate: Orchestrate, diamond: Path, words: list[str]) -> None:
    """However they ask."""
    asked = orchestrate("report", "p", *words, "--no-such-flag")
    assert (2, False, "usage") == (asked.returncode, asked.json["ok"], asked.json["code"])


def test_the_graph_for_programs(orchestrate: Orchestrate, diamond: Path) -> None:
    """The envelope has the picture and the edges; an unknown format is refused."""
    told = orchestrate("graph", "p", "--format", "dot", "--json").json
    assert (True, "dot") == (told["ok"], told["format"])
    assert [["T-01", "T-02"], ["T-01", "T-03"], ["T-02", "T-04"], ["T-03", "T-04"]] == told["edges"]
    assert told["graph"].startswith("digraph")
    asked = orchestrate("graph", "p", "--format", "png", "--json")
    assert (2, "usage") == (asked.returncode, json.loads(asked.stdout)["code"])


@pytest.mark.parametrize("words", [(), ("template",)])
def test_without_a_command_the_help_is_shown(orchestrate: Orchestrate, words: tuple[str, ...]) -> None:
    """Nothing was asked for, so there is no answer on stdout; and no error that begins with the help."""
    bare = orchestrate(*words)
    assert (2, "") == (bare.returncode, bare.stdout)
    assert bare.stderr == orchestrate(*words, "--help").stdout
