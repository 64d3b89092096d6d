"""What is closed to whoever calls: the error says whose it is and what to type, and no more than that is refused."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan

pytestmark = [pytest.mark.skipif(os.geteuid() != 0, reason="only root may be several users")]

#: Who calls, and a colleague of theirs; nobody has a name.
PERSON, COLLEAGUE = 12345, 12346


def give(directory: Path, uid: int, group: int | None = None) -> None:
    for path in (directory, *directory.rglob("*")):
        os.chown(path, uid, uid if group is None else group, follow_symlinks=False)


@pytest.fixture
def orchestrate() -> Iterator[Orchestrate]:
    """The command line of that person, in a directory of theirs that every user may enter."""
    where = Path(tempfile.mkdtemp())
    where.chmod(0o755)
    give(where, PERSON)
    command = Orchestrate(where, user=PERSON)
    try:
        if command("--version").returncode:
            pytest.skip("another user cannot read this package")
        yield command
    except PermissionError:
        pytest.skip("another user cannot start this Python")
    finally:
        command.close()
        shutil.rmtree(where)


@pytest.fixture
def root(orchestrate: Orchestrate) -> Path:
    """Their plan, which was run once."""
    root = orchestrate.where / ".orchestrator"
    write_plan(root, {"T-01": "true"})
    give(root, PERSON)
    assert 0 == orchestrate("run").returncode
    return root


# ── what opens it ────────────────────────────────────────────────────────────────────────────────────────────────────


def directory_of(orchestrate: Orchestrate) -> dict[str, str]:
    """What `doctor` finds of the plan directory."""
    checks: list[dict[str, str]] = orchestrate("doctor", "--json").json["checks"]
    return {each["name"]: each for each in checks}["directory"]


@pytest.mark.parametrize("words", [["status"], ["add", "true"], ["run"], ["run", "--detach"]])
def test_a_plan_that_root_closed_as_a_whole_is_given_back(
    orchestrate: Orchestrate, root: Path, words: list[str]
) -> None:
    """Where not even its plan can be seen, as after `sudo` with umask 077."""
    give(root, 0)
    root.chmod(0o700)
    answer = orchestrate(*words)
    assert 5 == answer.returncode
    assert f"`sudo chown -R {PERSON} {root}` gives it all back to {PERSON}" in answer.stderr
    assert f"sudo chown -R {PERSON} {root}" in directory_of(orchestrate)["hint"]


def test_a_plan_of_somebody_else_that_is_closed_as_a_whole(orchestrate: Orchestrate, root: Path) -> None:
    """It is named, and nothing that would take it from them."""
    give(root, COLLEAGUE)
    root.chmod(0o700)
    answer = orchestrate("run", "--dir", root)
    assert 5 == answer.returncode
    assert f"{root} belongs to {COLLEAGUE}: take one of your own" in answer.stderr
    assert "chown" not in answer.stderr


@pytest.mark.parametrize("name", ["", "logs", "results", "journal.md", "run.lock", "agents"])
def test_what_is_ours_and_closed_is_opened(orchestrate: Orchestrate, root: Path, name: str) -> None:
    """By its owner, who needs nobody for it."""
    (root / "agents").mkdir()
    give(root, PERSON)
    closed = root / name
    closed.chmod(0)
    answer = orchestrate("run")
    assert 5 == answer.returncode
    assert f"`chmod u+rwX {closed}`, then try again" in answer.stderr
    assert f"`chmod u+rwX {closed}`" in directory_of(orchestrate)["hint"]
    closed.chmod(0o700)  # as the hint says
    assert 0 == orchestrate("run").returncode


def test_a_run_on_its_own_says_what_opens_its_output(orchestrate: Orchestrate, root: Path) -> None:
    """As the run in the foreground does."""
    os.chown(root / "logs", 0, 0)
    answer = orchestrate("run", "--detach")
    assert 5 == answer.returncode
    assert "cannot start a run on its own: Permission denied" in answer.stderr
    assert f"`sudo chown -R {PERSON} {root}`" in answer.stderr


def test_what_a_colleague_closed_in_a_shared_plan_stays_shared(orchestrate: Orchestrate, root: Path) -> None:
    """One call with `umask 022` is mended by who made it: `chown` would shut that person out in turn."""
    give(root, PERSON)
    for path in (root, *root.rglob("*")):
        path.chmod(0o2775 if path.is_dir() else 0o664)
    for name in ("logs", "journal.md"):
        os.chown(root / name, COLLEAGUE, PERSON)
        (root / name).chmod(0o2755 if name == "logs" else 0o644)
    told = f"have {COLLEAGUE} type `chmod -R g+rwX {root}`, and all call with `umask 002`"
    answer = orchestrate("share", "T-01", "hello")
    assert (5, True) == (answer.returncode, told in answer.stderr), answer
    assert "chown" not in answer.stderr
    assert told in directory_of(orchestrate)["hint"]


def test_the_plan_of_root_is_not_to_be_taken_from_root(orchestrate: Orchestrate, root: Path) -> None:
    """Unless it lies in a directory of ours: what root runs would then be what we write."""
    give(root, 0)
    assert f"sudo chown -R {PERSON} {root}" in orchestrate("run").stderr
    os.chown(orchestrate.where, 0, 0)
    answer = orchestrate("run")
    assert (5, False) == (answer.returncode, "chown" in answer.stderr)
    assert f"{root} belongs to root: take one of your own" in answer.stderr


#: Starts a program where the current directory is on a file system that nobody can write.
READ_ONLY = (
    *("unshare", "--mount", "sh", "-c"),
    'mount --bind . . && mount -o remount,ro,bind . && cd "$PWD" && exec "$@"',
    "sh",
)


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Orchestrate]:
    """The command line of root, who may do everything that the file system lets anybody do."""
    command = Orchestrate(tmp_path)
    if command("--version", under=READ_ONLY).returncode:
        pytest.skip("nothing can be mounted here")
    yield command
    command.close()


def test_a_file_system_that_is_read_only_is_called_so(frozen: Orchestrate, tmp_path: Path) -> None:
    """It is so for everybody, and no change of a mode helps."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "true"})
    answer = frozen("run", "--dry-run", under=READ_ONLY)
    assert 0 == answer.returncode
    assert f"warning: cannot be written: {tmp_path}/.orchestrator lies on" in answer.stderr
    assert "chmod" not in answer.stderr
    assert "chmod" not in frozen("doctor", under=READ_ONLY).stdout


def test_of_many_that_are_closed_the_directory_is_named(orchestrate: Orchestrate, root: Path) -> None:
    """A hint is a line that can be read and typed."""
    for number in range(100):
        (root / f"logs/old-{number}.out").touch(mode=0)
    give(root, PERSON)
    answer = orchestrate("run", "--dry-run")
    assert f"hint: `chmod -R u+rwX {root}`;" in answer.stderr
    assert len(answer.stderr) < 1000


# ── what is refused ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name", ["final_output.md", "index.json", "heartbeats.json", "agents/x.md~", "templates/x.j2.bak"]
)
def test_what_no_run_needs_is_not_called_refused(orchestrate: Orchestrate, root: Path, name: str) -> None:
    """Caches, what is replaced whole, and what an editor left beside the files that are read."""
    path = root / name
    path.parent.mkdir(exist_ok=True)
    path.touch()
    give(root, PERSON)
    path.chmod(0)
    assert "ok" == directory_of(orchestrate)["level"]
    assert "" == orchestrate("run", "--dry-run", "--json").json["refused"]
    assert 0 == orchestrate("run").returncode


def test_a_run_at_its_time_is_refused_now(orchestrate: Orchestrate, root: Path) -> None:
    """And not in the night."""
    give(root, COLLEAGUE)
    answer = orchestrate("run", "--dir", root, "--at", "2999-01-01T00:00")
    assert 5 == answer.returncode
    assert "waiting: cannot make: Permission denied" in answer.stderr
    assert f"{root} belongs to {COLLEAGUE}" in answer.stderr
    assert "waits until" not in answer.stderr


def test_agents_and_templates_of_somebody_elses_home_do_not_count(orchestrate: Orchestrate, root: Path) -> None:
    """Theirs would be done as us, with `su` or `sudo -E` in between; what is root's, or a link of ours, counts."""
    home = orchestrate.where / "home"
    agents = home / ".config/orchestrator/agents"
    agents.mkdir(parents=True)
    (agents / "theirs.md").write_text(f"---\ncommand: touch {orchestrate.where}/done\n---\n")
    orchestrate.environment["HOME"] = str(home)
    for owner, counts in ((COLLEAGUE, False), (0, True), (PERSON, True)):
        give(home, owner)
        answer = orchestrate("agents")
        assert counts is ("theirs" in answer.stdout)
        assert counts is (f"agents: it belongs to {COLLEAGUE}, so nothing there" not in answer.stderr)
    agents.rename(home / "shared")
    give(home / "shared", COLLEAGUE)
    agents.symlink_to(home / "shared")
    give(home / ".config", PERSON)
    assert "theirs" in orchestrate("agents").stdout


def test_whoever_called_sudo_has_their_agents(tmp_path: Path) -> None:
    """With `sudo -E`; without its word root is somebody else, too."""
    agents = tmp_path / ".config/orchestrator/agents"
    agents.mkdir(parents=True)
    (agents / "theirs.md").write_text("---\ncommand: cat\n---\n")
    give(tmp_path / ".config", PERSON)
    command = Orchestrate(tmp_path)
    assert "theirs" not in command("agents").stdout
    assert "theirs" in command("agents", env={"SUDO_UID": str(PERSON)}).stdout
    command.close()


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="nothing says whose it is")
def test_a_run_of_a_colleague_is_theirs_to_end(orchestrate: Orchestrate, root: Path) -> None:
    """It is said whose it is; what others can do is to take a task from it."""
    gate = Gate(orchestrate.where / "gate")
    (orchestrate.where / "gate").chmod(0o666)
    write_plan(root, {"T-02": gate.wait})
    give(root, COLLEAGUE)
    for path in (root, *root.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    theirs = Orchestrate(orchestrate.where, user=COLLEAGUE)
    run = theirs.start("run", "--dir", root, under=["sh", "-c", 'umask 000; exec "$@"', "-"])
    try:
        gate.await_task(run)
        answer = orchestrate("run", "--dir", root)
        assert 3 == answer.returncode
        assert f"pid {run.pid} of {COLLEAGUE} on" in answer.stderr
        assert "orchestrator stop" not in answer.stderr
        assert "orchestrator cancel" in answer.stderr
        answer = orchestrate("stop", "--dir", root)
        assert "cannot end run" in answer.stderr
        assert f"it is process {run.pid}, and {COLLEAGUE} can end it" in answer.stderr
        assert "orchestrator cancel" in answer.stderr
    finally:
        gate.open()
        theirs.finish(run)
        theirs.close()
