"""``scripts/orchestrate.py`` as a process of its own, called by all kinds of Pythons from all kinds of places."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

import orchestrator
from tests.acceptance.plans import write_plan
from tests.skill.conftest import Project
from tests.skill.installed import NAME, Installed

VERSION = f"orchestrator {orchestrator.__version__}\n"
PACKAGES = (
    "anyio click jinja2 jsonschema jsonschema-specifications markdown-it-py networkx python-frontmatter"
    " pyyaml referencing simpleeval urllib3 watchfiles"
)
#: A Python without any package.
BARE = (sys.executable, "-I", "-S")


def commands_of(hints: list[str]) -> list[str]:
    """The commands that are offered, one in a line, as they are typed."""
    labels, commands = zip(*(each.split(": ", maxsplit=1) for each in hints), strict=True)
    assert ("  hint", "    or") == labels
    return list(commands)


# ── where it finds what it needs ──────────────────────────────────────────────────────────────────────────────────


def test_it_works_from_anywhere_and_through_a_link(project: Project, skill: Installed, tmp_path: Path) -> None:
    """S2-83: a skill is often a link in ``~/.claude/skills``; nothing of the current directory is imported."""
    home = tmp_path / ".claude" / "skills"
    home.mkdir(parents=True)
    (home / NAME).symlink_to(skill.folder)
    for name in ("orchestrator", "click", "shlex"):
        (project.where / f"{name}.py").write_text("raise SystemExit('a foreign module')\n")
    for launcher in (skill.launcher, home / NAME / "scripts" / "orchestrate.py"):
        ended = project("python3", launcher, "--version")
        assert (0, VERSION, "") == (ended.status, ended.stdout, ended.stderr)


def test_its_own_package_comes_before_one_that_is_installed(project: Project, skill: Installed, tmp_path: Path) -> None:
    other = tmp_path / "other" / "orchestrator"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise SystemExit('another version')\n")
    ended = project("python3", skill.launcher, "--version", PYTHONPATH=str(other.parent))
    assert (0, VERSION) == (ended.status, ended.stdout)


def test_missing_packages_are_named_with_what_to_do(project: Project, skill: Installed) -> None:
    """One line says what, one each says a command; nothing else happens."""
    ended = project(*BARE, skill.launcher, "status")
    wrong, *hints = ended.stderr.splitlines()
    assert (2, "") == (ended.status, ended.stdout)
    assert f"error: missing Python packages: {PACKAGES.replace(' ', ', ')}" == wrong
    pip, uv = map(shlex.split, commands_of(hints))
    place = str(skill.folder / ".venv")
    assert ["python3", "-m", "venv", place, "&&", f"{place}/bin/pip", "install", "-q"] == pip[:8]
    assert PACKAGES.split() == [word.partition(">")[0] for word in pip[8:]]
    assert ["uv", "run", str(skill.launcher)] == uv


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_where_the_skill_is_not_ours_the_hint_names_a_place_that_is(
    project: Project, skill: Installed, tmp_path: Path
) -> None:
    """An administrator installed it, and somebody else is to use it."""
    skill.folder.chmod(0o555)
    ended = project(*BARE, skill.launcher, "status", XDG_DATA_HOME=str(tmp_path / "data"))
    skill.folder.chmod(0o755)
    hint, _ = commands_of(ended.stderr.splitlines()[1:])
    assert hint.startswith(f"python3 -m venv {tmp_path}/data/orchestrator/venv && ")


@pytest.mark.parametrize("place", [".venv", "data/orchestrator/venv"])
def test_it_goes_on_with_the_environment_that_was_made(project: Project, skill: Installed, place: str) -> None:
    """What its own hint makes is found by the same call; here the packages are lent instead of fetched."""
    project.environment["XDG_DATA_HOME"] = str(skill.folder / "data")
    check_environment(project, skill, skill.folder / place)


def test_it_goes_on_with_an_environment_at_home_where_the_one_beside_it_lacks_something(
    project: Project, skill: Installed
) -> None:
    """Whoever made that one may mend it; whoever calls may not."""
    venv.create(skill.folder / ".venv", symlinks=True)
    project.environment["XDG_DATA_HOME"] = str(skill.folder / "data")
    check_environment(project, skill, skill.folder / "data/orchestrator/venv")


def check_environment(project: Project, skill: Installed, place: Path) -> None:
    """Make an environment there, first without packages."""
    venv.create(place, symlinks=True)
    (site,) = place.glob("lib/python3*/site-packages")
    empty = project(*BARE, skill.launcher, "--version")
    assert (2, True) == (empty.status, empty.stderr.startswith("error: missing Python packages"))
    lent = [path for path in sys.path if path.endswith("-packages")]
    (site / "lent.pth").write_text("\n".join(lent) + "\n")
    ended = project(*BARE, skill.launcher, "--version")
    assert (0, VERSION, "") == (ended.status, ended.stdout, ended.stderr)
    call = f"  hint: python3 {skill.launcher} --help"
    assert call == project(*BARE, skill.launcher, "nonsense").stderr.splitlines()[-1]


def test_an_old_python_is_told_so(project: Project, skill: Installed) -> None:
    """Each that is there: the file must be one that it can read."""
    found = [python for minor in range(6, 11) if (python := old_python(f"3.{minor}"))]
    if not found:
        pytest.skip("no Python from 3.6 to 3.10 on this machine")
    for python in found:
        ended = project(python, skill.launcher, "run")
        wrong, *hints = ended.stderr.splitlines()
        assert (2, "") == (ended.status, ended.stdout)
        assert wrong.startswith("error: Python 3.11 or newer is needed, and ")
        assert commands_of(hints)[0].startswith(f"python3.11 -m venv {skill.folder}/.venv && ")


def old_python(version: str) -> str:
    """A Python of this version that really starts; empty when there is none."""
    name = f"python{version}"
    for found in (shutil.which(name), *Path.home().glob(f".pyenv/versions/{version}.*/bin/{name}")):
        if found and not subprocess.run([found, "-V"], capture_output=True, check=False).returncode:
            return str(found)
    return ""


def test_uv_fetches_what_it_needs(project: Project, skill: Installed) -> None:
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("no uv on this machine")
    settings = [f"{name}={value}" for name, value in os.environ.items()]
    ended = project("env", *settings, uv, "run", skill.launcher, "--help")
    assert (0, True) == (ended.status, ended.stdout.startswith("Usage: uv run /")), ended.stderr


# ── what it says ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_detached_run_goes_on_through_it(project: Project, skill: Installed) -> None:
    """Nothing is installed where it runs, and every next step can be typed as it is printed."""
    call = f"python3 {skill.launcher}"
    plan = project.where / ".orchestrator"
    write_plan(plan, {"T-01": "echo one", "T-02": ("cat", "T-01"), "T-03": "echo three"})
    started = project("python3", skill.launcher, "run", "--detach")
    assert (0, f"next: {call} wait\n") == (started.status, started.stderr)
    waited = project("sh", "-c", started.stderr.removeprefix("next: "))
    assert (0, "next: read .orchestrator/final_output.md") == (waited.status, waited.stdout.splitlines()[-2])
    assert "3 of 3 tasks completed" in waited.stdout
    (plan / "results" / "agent-02-result.md").unlink()
    brief = project("python3", skill.launcher, "status", "--brief").stdout.splitlines()[-2]
    assert brief == f"next: {call} run --detach"
    assert 0 == project("sh", "-c", brief.removeprefix("next: ")).status
    assert 0 == project("python3", skill.launcher, "wait", "--for", "end").status


def test_hints_name_the_way_it_was_called(project: Project, skill: Installed, tmp_path: Path) -> None:
    """Through a link as through the link, for permissions are given for just that; quoted where it has to be."""
    link = tmp_path / "my skill"
    link.symlink_to(skill.folder)
    launcher = link / "scripts" / "orchestrate.py"
    wrong = project("python3", launcher, "nonsense")
    call = f"python3 {shlex.quote(str(launcher))}"
    assert (2, f"  hint: {call} --help") == (wrong.status, wrong.stderr.splitlines()[-1])
    nested = project("orchestrator", "nonsense", ORCHESTRATOR_PROGRAM="something else")
    assert f"  hint: python3 {skill.launcher} --help" == nested.stderr.splitlines()[-1]
    lonely = project(sys.executable, skill.launcher, "nonsense", PATH="/nowhere")
    assert lonely.stderr.splitlines()[-1].startswith(f"  hint: {sys.executable} ")


def test_hints_of_what_lies_below_name_it_too(project: Project, skill: Installed) -> None:
    """Plans, tasks and checks know no command line; whoever types their hint shall reach us all the same."""
    call = f"python3 {skill.launcher}"
    lost = project("python3", skill.launcher, "status")
    assert lost.stderr.splitlines()[-1].startswith(f"  hint: `{call} init` makes one")
    plan = project.where / ".orchestrator"
    plan.mkdir()
    (plan / "master_plan.md").write_text("| ID | Task |\n|---|---|\n")
    add = f"or: {call} add TEXT"
    assert project("python3", skill.launcher, "run").stderr.rstrip().endswith(add)
    problems = json.loads(project("python3", skill.launcher, "run", "--json").stdout)["problems"]
    assert problems[0]["hint"].endswith(add)
    assert add in project("python3", skill.launcher, "doctor").stdout
    checks = json.loads(project("python3", skill.launcher, "doctor", "--json").stdout)["checks"]
    assert any(each["hint"].endswith(add) for each in checks)
