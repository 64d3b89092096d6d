"""Several people on one machine: whose plan is meant, and whose are the files that another one makes in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.acceptance.terminal import type_into
from tests.fakes.claude_calls import script

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may be two users")

#: Somebody without a name.
OTHER = 12345


def give(directory: Path, uid: int = OTHER) -> None:
    for path in (directory, *directory.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


def not_theirs(directory: Path) -> dict[str, tuple[int, int]]:
    """Everything in a directory that is not of that person and its group, with owner and group."""
    found = {
        str(path.relative_to(directory)): (path.lstat().st_uid, path.lstat().st_gid) for path in directory.rglob("*")
    }
    return {path: owner for path, owner in found.items() if owner != (OTHER, OTHER)}


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """The plan of somebody else, in a directory that others may write, too."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": f"touch {tmp_path}/done"})
    give(root)
    tmp_path.chmod(0o1777)
    (tmp_path / "mine").mkdir()
    return root


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Orchestrate]:
    """The command line of that person, in a directory that every user may enter."""
    where = Path(tempfile.mkdtemp())
    where.chmod(0o755)
    command = Orchestrate(where, user=OTHER)
    try:
        subprocess.run(
            [sys.executable, "-c", "import click, orchestrator.cli"],
            cwd=where,
            env=command.environment,
            user=OTHER,
            group=OTHER,
            extra_groups=[],
            capture_output=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        shutil.rmtree(where)
        pytest.skip("another user cannot start this Python, or cannot read this package")
    yield command
    command.close()
    shutil.rmtree(where)


# ── whose plan is meant ──────────────────────────────────────────────────────────────────────────────────────────────


ABOVE = "run|run --detach|add true|spawn true|status|doctor --plan|share T-01 hello|show T-01|status TASK-001"
HERE = "plan shop|plan --template codebase-analysis --dry-run|plan --template list|init|add true|status"
SHUT = ["sh", "-c", 'umask 077; exec "$@"', "-"]
MADE = "init|init below/plan|add true|create it|plan --template codebase-analysis|plan everything"


@pytest.mark.parametrize("words", ABOVE.split("|"))
def test_a_plan_of_somebody_else_above_is_not_taken(
    orchestrate: Orchestrate, theirs: Path, tmp_path: Path, words: str
) -> None:
    """Its commands would be executed: it must be named, as git has it since 2.35.2."""
    before = sorted(theirs.rglob("*"))
    answer = orchestrate(*words.split(), cwd=tmp_path / "mine")
    assert (2, "") == (answer.returncode, answer.stdout)
    assert f"{theirs}: it belongs to 12345" in answer.stderr
    assert f"--dir {theirs}" in answer.stderr
    assert sorted(theirs.rglob("*")) == before
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("words", HERE.split("|"))
def test_a_plan_of_somebody_else_right_here_is_not_taken(orchestrate: Orchestrate, theirs: Path, words: str) -> None:
    """Their templates would be the prompt, and their agents the ones to ask; what the hint says can be done instead."""
    before = sorted(theirs.rglob("*"))
    answer = orchestrate(*words.split())
    assert (2, "") == (answer.returncode, answer.stdout)
    assert f"{theirs}: it belongs to 12345" in answer.stderr
    assert "`orchestrator init NAME`" in answer.stderr
    assert sorted(theirs.rglob("*")) == before


def test_the_wizard_takes_no_plan_of_somebody_else(orchestrate: Orchestrate, theirs: Path) -> None:
    """Before it asks anything."""
    seen = type_into(orchestrate, ["wizard"], [])
    assert (2, True) == (seen.returncode, f"{theirs}: it belongs to 12345" in seen.text)


@pytest.mark.parametrize("words", [["init", "NAME"], ["plan", "--template", "codebase-analysis", "--dir", "NAME"]])
def test_one_may_begin_beside_the_plan_of_somebody_else(
    orchestrate: Orchestrate, theirs: Path, words: list[str]
) -> None:
    """In a directory of another name, as the hint says."""
    assert 0 == orchestrate(*words).returncode
    assert 0 == orchestrate("status", "--dir", "NAME").returncode


@pytest.mark.parametrize("words", [["doctor"], ["agents"], ["template", "list"]])
def test_what_needs_no_plan_goes_on_without_that_of_somebody_else(
    orchestrate: Orchestrate, theirs: Path, tmp_path: Path, words: list[str]
) -> None:
    """With a warning; nothing of theirs counts."""
    (theirs / "agents").mkdir()
    (theirs / "agents/evil.md").write_text("You are evil.\n")
    shutil.copytree(theirs, theirs / "templates/evil")
    give(theirs)
    answer = orchestrate(*words, cwd=tmp_path / "mine")
    assert f"warning: {theirs}: it belongs to 12345" in answer.stderr
    assert f"--dir {theirs}" in answer.stderr
    assert "evil" not in answer.stdout
    assert orchestrate(*words, cwd=Path("/")).returncode == answer.returncode


@pytest.mark.parametrize("way", ["argument", "option", "environment", "sudo"])
def test_a_plan_of_somebody_else_that_was_meant_is_taken(
    orchestrate: Orchestrate, theirs: Path, tmp_path: Path, way: str
) -> None:
    """By its name; and by whoever says `sudo` in front of what is their own."""
    named: dict[str, list[str | Path]] = {"argument": [theirs], "option": ["--dir", theirs]}
    environment = {"environment": {"ORCHESTRATOR_DIR": str(theirs)}, "sudo": {"SUDO_UID": str(OTHER)}}.get(way)
    answer = orchestrate("run", *named.get(way, ()), cwd=tmp_path / "mine", env=environment)
    assert 0 == answer.returncode, answer.stderr
    assert (tmp_path / "done").exists()


def test_a_link_that_somebody_else_left_is_their_plan(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Else they could choose where our own commands work."""
    write_plan(tmp_path / "ours", {"T-01": "true"})
    link = tmp_path / ".orchestrator"
    link.symlink_to("ours")
    assert 0 == orchestrate("status").returncode
    os.chown(link, OTHER, OTHER, follow_symlinks=False)
    assert 2 == orchestrate("status").returncode


def test_one_may_begin_below_the_plan_of_somebody_else(orchestrate: Orchestrate, theirs: Path, tmp_path: Path) -> None:
    """As the hint says; the nearest one is one's own from then on."""
    mine = tmp_path / "mine"
    assert 0 == orchestrate("init", "--agent", "shell", cwd=mine).returncode
    assert "T-01\n" == orchestrate("add", "echo mine", cwd=mine).stdout
    assert 0 == orchestrate("run", cwd=mine).returncode
    assert not (tmp_path / "done").exists()


@pytest.mark.parametrize("way", ["option", "environment", "link"])
def test_what_is_closed_is_not_said_to_be_missing(other: Orchestrate, way: str) -> None:
    """Nobody can know what lies there, and `init` would not make it; least of all is another plan meant."""
    write_plan(other.where / ".orchestrator", {"T-01": "true"})
    closed = other.where / "closed"
    closed.mkdir()
    write_plan(closed / "plan", {"T-01": "true"})
    below = other.where / "below"
    below.mkdir()
    (below / ".orchestrator").symlink_to(closed / "plan")
    give(other.where)
    give(closed, OTHER + 1)
    closed.chmod(0o700)
    named: list[str | Path] = ["--dir", closed / "plan"] if way == "option" else []
    env = {"ORCHESTRATOR_DIR": str(closed / "plan")} if way == "environment" else {}
    for words in (["status"], ["run"], ["add", "true"], ["plan", "--template", "list"]):
        answer = other(*words, *named, cwd=below, env=env)
        assert (5, "") == (answer.returncode, answer.stdout)
        assert f"cannot look into {closed}: Permission denied" in answer.stderr
        assert f"it belongs to {OTHER + 1}" in answer.stderr
        assert "init" not in answer.stderr


def test_a_plan_of_root_is_nobody_elses(other: Orchestrate) -> None:
    """Who is root may do everything as anybody anyhow. Only that `sudo` counts of which the caller is root."""
    root = other.where / ".orchestrator"
    write_plan(root, {"T-01": "true"})
    assert 0 == other("status").returncode
    give(root, OTHER + 1)
    assert 2 == other("status", env={"SUDO_UID": str(OTHER + 1)}).returncode


# ── whose the files are ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "commands",
    [
        [["run"]],
        [["run", "--simulate"]],
        [["run", "--detach"], ["wait"]],
        [["add", "true"], ["update", "T-02", "--desc", "echo"], ["share", "T-01", "hello"]],
        [["note", "T-01", "hello"], ["claim", "T-01"], ["complete", "T-01"]],
        [["cancel", "T-01"], ["retry", "T-01"], ["cleanup"]],
        [["doctor", "--plan", "--fix"], ["report"]],
        [["run"], ["plan", "--template", "codebase-analysis"], ["cancel", "T-01"], ["cleanup"]],
        [["create", "something"], ["status", "TASK-001"]],
    ],
)
def test_what_root_makes_in_the_plan_of_somebody_is_theirs(
    orchestrate: Orchestrate, theirs: Path, commands: list[list[str]]
) -> None:
    """Else one `sudo` too many locks them out: locks, journal, logs, records, results, directories."""
    orchestrate.environment["SUDO_UID"] = str(OTHER)
    for words in commands:
        answer = orchestrate(*words)
        assert answer.returncode in {0, 1}, answer.stderr
    assert {} == not_theirs(theirs)


@pytest.mark.parametrize("words", MADE.split("|"))
def test_a_plan_that_root_makes_for_somebody_is_theirs(
    orchestrate: Orchestrate, planner: Path, tmp_path: Path, words: str
) -> None:
    """By `sudo` in their project; whoever is root otherwise is not locked out of what was just made."""
    task = {"id": "T-01", "name": "Look", "description": "List every file there is", "needs": []}
    more = {"expected": "A table", "acceptance": [], "estimate": "3m", "priority": "P1"}
    draft = {"goal": "", "goals": [], "success": [], "tasks": [{**task, **more, "writes": []}]}
    script(planner, {"*": {"structured": draft}})
    for uid in (OTHER, None):
        project = tmp_path / f"project-{uid}"
        project.mkdir()
        os.chown(project, OTHER, OTHER)
        env = {} if uid is None else {"SUDO_UID": str(uid)}
        answer = orchestrate(*words.split(), cwd=project, env=env, under=SHUT)
        assert 0 == answer.returncode, answer.stderr
        if uid is not None:
            assert {} == not_theirs(project)
        elif words != "init below/plan":
            assert 0 == orchestrate("status", cwd=project).returncode


def test_a_home_where_nothing_can_be_made_is_told(orchestrate: Orchestrate, theirs: Path) -> None:
    """The system says that there is no such directory, although the one above is there."""
    orchestrate.environment["HOME"] = "/proc/nobody"
    answer = orchestrate("template", "save", "mine", "--dir", theirs)
    assert 5 == answer.returncode
    assert "/proc/nobody/.config/orchestrator/templates/mine: cannot" in answer.stderr


def test_a_run_asked_by_root_is_that_of_its_person(orchestrate: Orchestrate, theirs: Path) -> None:
    """What is asked of a run at work, and its answer."""
    orchestrate.environment["SUDO_UID"] = str(OTHER)
    wait = "until grep -q 'T-02.*cancel' $ORCHESTRATOR_DIR/journal.md; do sleep 0.02; done"
    write_plan(theirs, {"T-01": wait, "T-02": ("true", "T-01")})
    give(theirs)
    orchestrate("run", "--detach")
    assert 0 == orchestrate("cancel", "T-02").returncode
    orchestrate("wait")
    assert {} == not_theirs(theirs)


def test_another_name_of_a_file_of_root_is_not_given_away(
    orchestrate: Orchestrate, theirs: Path, tmp_path: Path
) -> None:
    """Who may write into the plan directory could plant one there."""
    secret = tmp_path / "secret"
    secret.write_text("# Journal\n")
    os.link(secret, theirs / "journal.md")
    orchestrate("share", "T-01", "hello", env={"SUDO_UID": str(OTHER)})
    assert 0 == secret.stat().st_uid


@pytest.mark.parametrize("caller", [{}, {"SUDO_UID": str(OTHER)}], ids=["su", "sudo"])
def test_after_root_was_here_its_person_goes_on(
    orchestrate: Orchestrate, other: Orchestrate, caller: dict[str, str]
) -> None:
    """Without a word about owners, also where the `umask` of root shuts all others out."""
    orchestrate.environment |= caller
    root = other.where / ".orchestrator"
    write_plan(root, {"T-01": "true"})
    give(root)
    assert 0 == orchestrate("run", "--dir", root, under=SHUT).returncode
    assert "T-02\n" == other("add", "true").stdout
    assert 0 == other("run").returncode
    assert other("doctor", "--plan", "--json").json["ok"]


# ── what helps ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def taken(other: Orchestrate) -> Path:
    """The plan of that person with what root left there, when root still kept everything."""
    root = other.where / ".orchestrator"
    write_plan(root, {"T-01": "true"})
    give(root)
    assert 0 == other("run").returncode
    for name in ("commands.lock", "journal.md", "logs", "results"):
        os.chown(root / name, 0, 0)
    return root


def test_what_root_left_is_given_back(other: Orchestrate, taken: Path) -> None:
    """The error names what to type, and the whole directory: else the next file would refuse the next command."""
    for words in (["run"], ["retry", "T-01"], ["share", "T-01", "hello"]):
        answer = other(*words)
        assert 5 == answer.returncode
        assert f"`sudo chown -R {OTHER} {taken}` gives it all back to {OTHER}" in answer.stderr
    give(taken)  # as the hint says
    assert 0 == other("retry", "T-01").returncode
    assert 0 == other("run").returncode


def test_doctor_and_a_rehearsal_say_what_is_closed(other: Orchestrate, taken: Path) -> None:
    """All that a run needs, with what helps for what is ours and for what is not."""
    (taken / "contexts").mkdir(mode=0o700)
    os.chmod(taken / "master_plan.md", 0o400)
    found = {each["name"]: each for each in other("doctor", "--json").json["checks"]}["directory"]
    assert "failed" == found["level"]
    names = ("logs", "results", "contexts", "journal.md", "master_plan.md")
    assert all(f"{taken}/{name}" in found["found"] for name in names)
    assert f"`sudo chown -R {OTHER} {taken}`" in found["hint"]
    assert f"`chmod u+rwX {taken}/master_plan.md`" in found["hint"]
    rehearsal = other("run", "--dry-run")
    assert 0 == rehearsal.returncode
    assert f"warning: cannot be read, or not be written: {taken}/" in rehearsal.stderr
    assert f"sudo chown -R {OTHER} {taken}" in rehearsal.stderr
    assert "cannot be read" in other("run", "--dry-run", "--json").json["refused"]


def test_the_plan_of_somebody_else_is_not_to_be_taken_from_them(other: Orchestrate) -> None:
    """Who may not write there is told whose it is."""
    root = other.where / ".orchestrator"
    write_plan(root, {"T-01": "true"})
    give(root, OTHER + 1)
    answer = other("run", "--dir", root)
    assert 5 == answer.returncode
    assert f"{root} belongs to {OTHER + 1}: take one of your own" in answer.stderr
    assert "chown" not in answer.stderr


def test_doctor_goes_on_where_something_cannot_be_read(other: Orchestrate, taken: Path) -> None:
    """It is where one is sent to when permissions are wrong."""
    give(taken)
    (taken / "contexts").mkdir(mode=0o700)
    (taken / "agent_tasks/agent-07.md").write_text("nobody's")
    seen = other("doctor", "--plan", "--json")
    assert 2 == seen.returncode
    found = {each["where"]: each for each in seen.json["breaches"]}
    assert "unreadable" == found["contexts"]["name"]
    assert "sudo chown" in found["contexts"]["hint"]
    assert "agent_tasks/agent-07.md" in found
    (taken / "run.lock").chmod(0o600)
    os.chown(taken / "run.lock", 0, 0)
    seen = other("doctor", "--plan", "--json")
    assert ["unreadable", "run.lock"] == [seen.json["breaches"][0][key] for key in ("name", "where")]


def test_what_could_not_be_heard_is_told_once(other: Orchestrate) -> None:
    """Else a decision is believed to be known to those who never saw it."""
    root = other.where / ".orchestrator"
    cat = {"T-01": "one", "T-02": ("two", "T-01"), "T-03": ("three", "T-02")}
    write_plan(root, cat, agent="reader")
    (root / "agents").mkdir()
    (root / "agents/reader.md").write_text("---\ncommand: cat\n---\n")
    give(root)
    assert 0 == other("share", "T-01", "NEWS").returncode
    os.chown(root / "contexts/context-agent-01.md", 0, 0)
    (root / "contexts/context-agent-01.md").chmod(0o600)
    events = other("run", "--json").events
    told = [each["text"] for each in events if each["event"] == "warning"]
    assert 1 == len(told)
    assert "contexts/context-agent-01.md" in told[0]
    assert "Permission denied" in told[0]
    assert 3 == events[-1]["counts"]["completed"]
