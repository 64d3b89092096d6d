"""What a hint and a `next:` say to type can be typed, and does what they mean."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan


def files_in(folder: Path) -> dict[Path, bytes]:
    """What lies in a folder, but for the cache that looking makes."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.name != "index.json")
    return {path: path.read_bytes() for path in found}


def test_a_hint_calls_this_program_as_it_was_called(orchestrate: Orchestrate, root: Path) -> None:
    """By its short name only where the shell finds this very installation by it."""
    write_plan(root, {"T-01": "exit 3"}, retries="0")
    assert 1 == orchestrate("run").returncode
    del orchestrate.environment["ORCHESTRATOR_PROGRAM"]
    as_started = shlex.join([sys.executable, "-m", "orchestrator"])
    for path, called in {
        "/usr/bin:/bin": as_started,
        f"/usr/bin:/bin:{Path(sys.executable).parent}": "orchestrator",
    }.items():
        orchestrate.environment["PATH"] = path
        step = f"{called} show T-01"
        assert f"next: {step}\n" in orchestrate("status").stdout
        assert f"hint: {called} show --help\n" in orchestrate("show", "--nonsense").stderr
        shown = subprocess.run(
            ["sh", "-c", step], cwd=orchestrate.where, env=orchestrate.environment, check=True, capture_output=True
        )
        assert b"exit 3" in shown.stdout


def test_what_is_detached_names_the_program_that_was_called(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """And not the words that it was started with, which nobody typed."""
    script, environment = tmp_path / "bin" / "orchestrator", {**orchestrate.environment}
    script.parent.mkdir()
    script.write_text(
        "from orchestrator.wiring import detached\n"
        "started = detached(['show', '--nonsense'], 'logs/run.out')\n"
        "assert started.ended(60) == 2\n"
        "started.publish()\n",
        encoding="utf-8",
    )
    del environment["ORCHESTRATOR_PROGRAM"]
    environment["PATH"] = "/usr/bin:/bin"
    subprocess.run([sys.executable, script], cwd=tmp_path, env=environment, check=True)
    said = (tmp_path / "logs/run.out").read_text(encoding="utf-8")
    assert f"hint: {script} show --help\n" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("init --dir new/plan --agent shell", "run --dir new/plan"),
        ("init new/plan", "run --dir new/plan"),
        ("init 'new plan'", "run --dir 'new plan'"),
        ("wait plans/q", "run --dir plans/q --detach"),
        ("wait q --dir plans", "run --dir plans/q --detach"),
        ("run plans/empty", "add --dir plans/empty TEXT"),
        ("run plans/none", "init --dir plans/none"),
        ("run plans/q --only T-9", "list --dir plans/q"),
        ("run nowhere", "init nowhere"),
        ("run nowhere --dir plans", "init plans/nowhere"),
        ("run --dir 'no where'", "init 'no where'"),
        ("plan x --dir plans/q", "run --dir plans/q"),
        ("show T-9 --dir plans/q", "list --dir plans/q"),
        ("history T-9 --dir plans/q", "list --dir plans/q"),
        ("cancel T-9 --dir plans/q", "list --dir plans/q"),
        ("claim T-9 --dir plans/q --json", "list --dir plans/q"),
        ("context T-01 --dir plans/q", 'share --dir plans/q T-01 "…"'),
        ("create X --dir plans", "transition --dir plans TASK-002 approve"),
        ("dispatch TASK-001 X --dir plans", "transition --dir plans TASK-001 approve"),
        ("dispatch TASK-009 X --dir plans", "status --dir plans --all"),
        ("auto-dispatch TASK-001 --subtask T-9 --dir plans", "list --dir plans TASK-001"),
        ("template show foo --dir plans/q", "template list --dir plans/q"),
        ("template save foo --here --dir plans/q", "plan --dir plans/q --template foo"),
        ("update T-01 --dir plans/q", "update --help"),
        ("run --dir other/.orchestrator", "transition other/.orchestrator approve"),
        ("run .orchestrator --only T-9", "list"),
        ("check --dir plans --json", "status --dir plans failed"),
        ("check --dir plans/failed --json", "status --dir plans/failed"),
        ("notify failed alert --dir plans", "status --dir plans failed"),
        ("notify plans/failed alert", "status plans/failed"),
    ],
)
def test_a_command_in_a_hint_is_about_the_plan_that_was_named(
    orchestrate: Orchestrate, tmp_path: Path, words: str, said: str
) -> None:
    """Typed as it is printed it does nothing to another plan, least of all to the one found without a name."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "true"})
    (tmp_path / "plans").mkdir()
    write_plan(tmp_path / "plans/q", {"T-01": "true"})
    (write_plan(tmp_path / "plans/empty", {})).write_text("| ID | Task |\n|---|---|\n")
    (tmp_path / "plans/none").mkdir()
    write_plan(tmp_path / "plans/failed", {"T-01": "true"})
    assert 0 == orchestrate("fail", "T-01", "no", "--dir", "plans/failed").returncode
    (tmp_path / "other").mkdir()
    write_plan(tmp_path / "other/.orchestrator", {"T-01": "true"}, status="planning")
    assert 0 == orchestrate("create", "Mine", "--dir", "plans").returncode
    answer = orchestrate(*shlex.split(words))
    told = answer.json["hint"] if "--json" in words else answer.stdout + answer.stderr
    told = told.replace('\\"', '"')  # `auto-dispatch` always prints JSON
    assert re.search(rf"orchestrator {re.escape(said)}(?![\w/-]| -)", told), told

    mine = files_in(tmp_path / ".orchestrator")
    typed = orchestrate(*shlex.split(said))
    assert "Usage" not in typed.stderr
    assert "no such" not in typed.stderr.casefold()
    assert mine == files_in(tmp_path / ".orchestrator")
    orchestrate("stop", "plans/q")  # what goes on by itself


def test_the_next_step_is_about_one_plan_of_a_directory(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Named by its id below a directory it is named by its path in turn: a command takes one name."""
    (tmp_path / "plans").mkdir()
    write_plan(tmp_path / "plans/q", {"T-01": "true"})
    assert 0 == orchestrate("run", "plans/q", "--simulate").returncode
    again = "orchestrator run plans/q --detach"
    below = ("q", "--dir", "plans")
    for look in (["status"], ["status", "--brief"], ["wait"]):
        assert f"next: {again}\n" in orchestrate(*look, *below).stdout
    assert again == orchestrate("status", *below, "--json").json["next"]

    begun = orchestrate("run", *below, "--detach", "--json").json
    assert "orchestrator wait plans/q" == begun["next"]
    assert 0 == orchestrate("wait", "plans/q", "--for", "end").returncode
    later = orchestrate("run", *below, "--fresh", "--detach", "--at", "2999-01-01T00:00", "--json")
    assert "orchestrator stop plans/q" == later.json["next"]
    assert 0 == orchestrate("stop", "plans/q").returncode


def test_a_plan_directory_may_be_named_twice(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """A `next:` names it behind the command, whoever adds `--dir` to every call names it there, too."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "true"})
    write_plan(tmp_path / "plans", {"T-02": "true"})
    for twice in (".orchestrator", "./plans/", str(tmp_path / "plans")):
        for command in ("status", "list", "validate", "run"):
            assert 0 == orchestrate(command, twice, "--dir", twice.removeprefix("./")).returncode
    write_plan(tmp_path / "plans/plans", {"T-03": "true"})
    assert "T-03" in orchestrate("list", "plans", "--dir", "plans").stdout, "an id in there"

    refused = orchestrate("status", ".orchestrator", "--dir", "plans", "--json")
    assert (2, "not_found") == (refused.returncode, refused.json["code"])
    assert "no plan .orchestrator in plans" == refused.json["message"]
    assert "name it without --dir" in refused.json["hint"]


@pytest.mark.parametrize("command", ["run", "list", "graph", "validate", "show T-01", "wait", "transition '' approve"])
def test_a_directory_of_plans_says_which_there_are(orchestrate: Orchestrate, tmp_path: Path, command: str) -> None:
    """Another plan beside them is not what somebody wants who names none; nor in the project of one."""
    project = tmp_path / "my project"
    (project / ".orchestrator").mkdir(parents=True)
    for name in ("P1", "P2"):
        write_plan(project / ".orchestrator" / name, {"T-01": "true"})
    refused = orchestrate(*shlex.split(command), cwd=project)
    named = "name the plan that you mean: --dir .orchestrator/P1, --dir .orchestrator/P2"
    assert (2, f"  hint: {named}") == (refused.returncode, refused.stderr.splitlines()[-1])
    refused = orchestrate(*shlex.split(command), "--dir", "my project")
    assert "mean: --dir 'my project/.orchestrator/P1', --dir '" in refused.stderr


def test_an_empty_plan_can_be_begun_anew(orchestrate: Orchestrate, root: Path) -> None:
    """`init` touches no plan that is there."""
    root.mkdir()
    (root / "master_plan.md").touch()
    assert "hint: remove it, and `orchestrator init` writes one" in orchestrate("run").stderr
    (root / "master_plan.md").unlink()
    assert 0 == orchestrate("init").returncode


@pytest.mark.parametrize(
    "command", ["show", "context", "share T-1O hi", "update T-1O --priority P0", "retry", "complete", "list --parent"]
)
def test_a_misspelt_task_is_told_in_one_way(orchestrate: Orchestrate, root: Path, command: str) -> None:
    """Whichever command it was said to; and what is printed of it does nothing to a terminal."""
    write_plan(root, {"T-01": "true", "T-10": "true"})
    words = command.split() if "T-1O" in command else [*command.split(), "T-1O"]
    missed = orchestrate(*words)
    assert (2, "") == (missed.returncode, missed.stdout)
    assert "error: task T-1O not found\n  hint: did you mean T-10?\n" == missed.stderr
    nothing_near = orchestrate(*(word.replace("T-1O", "\x1b[2Jx" * 40) for word in words)).stderr
    assert "\x1b" not in nothing_near
    assert 200 > len(nothing_near)
    assert nothing_near.endswith("not found\n  hint: `orchestrator list` shows all tasks\n")


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        ("sttus", "No such command 'sttus'.", "did you mean status?"),
        ("xyzzy", "No such command 'xyzzy'.", "orchestrator --help"),
        ("completion", "Missing argument '{bash|zsh|fish}'. Choose from: bash, zsh, fish", "orch"),
        ("notify TASK-001", "no message is named", "one of created, "),
    ],
)
def test_a_word_that_is_wrong_or_missing_is_told(orchestrate: Orchestrate, words: str, said: str, hint: str) -> None:
    """With what may have been meant, or what there is."""
    ended = orchestrate(*words.split())
    assert (2, True) == (ended.returncode, ended.stderr.startswith(f"error: {said}\n  hint: {hint}"))


@pytest.mark.parametrize("command", ["status", "update T-01 --priority P0", "template save mine --here"])
def test_where_no_plan_is_a_way_out_is_told(orchestrate: Orchestrate, command: str) -> None:
    """The same one, whichever command looked for it."""
    (orchestrate.where / "empty").mkdir()
    missed = orchestrate(*command.split(), "--dir", "empty", "--json")
    assert (2, "not_found") == (missed.returncode, missed.json["code"])
    assert missed.json["message"].endswith("empty: no master_plan.md in this plan directory")
    assert "`orchestrator init --dir empty` writes one to start from" == missed.json["hint"]


def test_a_plan_that_is_spelt_nearly_right_is_suggested(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    write_plan(root, {"T-01": "true"})
    for said, meant in {
        ".orchestratr": ".orchestrator",
        ".orchestrator/master_plam.md": ".orchestrator/master_plan.md",
        f"{tmp_path}/.orchestrater/": f"{tmp_path}/.orchestrator",
    }.items():
        refused = orchestrate("run", said)
        assert (2, f"  hint: did you mean {meant}?") == (refused.returncode, refused.stderr.splitlines()[-1])
    assert "hint: did you mean --json?" in orchestrate("list", "-json").stderr


def test_a_project_may_be_named_in_the_environment(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    write_plan(root, {"T-01": "true"})
    (tmp_path / "elsewhere").mkdir()
    answer = orchestrate("list", cwd=tmp_path / "elsewhere", env={"ORCHESTRATOR_DIR": str(tmp_path)})
    assert (0, True) == (answer.returncode, "T-01" in answer.stdout), answer


def test_agents_names_the_one_that_there_is_not(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "true"})
    plan = root / "master_plan.md"
    plan.write_text(plan.read_text("utf-8").replace("agent: shell", "agent: evaa"), "utf-8")
    listed = orchestrate("agents")
    assert 0 == listed.returncode
    said = "the plan asks for the agent 'evaa', which is not known"
    assert said in listed.stderr
    assert said in orchestrate("agents", "--json").json["warnings"][0]
