"""The example that a newcomer runs first, on real source trees; and that every example is a valid plan."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of
from tests.acceptance.projects import EXAMPLES, PACKAGES, Project, project

CHECKS = ["Size and shape", "Open ends", "Tests", "Dependencies and imports", "History", "Documentation"]
PLANS = sorted(path.parent.name for path in EXAMPLES.glob("*/master_plan.md"))
#: What the tasks of the example need besides Python; no git.
TOOLS = ("sh", "sed", "awk", "grep", "tr", "xargs", "mktemp", "rm", "cat")

#: Not written out below, so that the example does not find it in this file.
MARK = "FIXME"
TREE = {
    "README.md": "# Shop\n\npip install shop\n\n```sh\nshop\n```\n[guide](docs/guide.md) [gone](docs/gone.md)\n",
    "pyproject.toml": '[project]\nname = "shop"\ndependencies = ["flask", "never-used>=1"]\n',
    "shop/__init__.py": '"""A shop."""\n',
    "shop/cart.py": "".join(
        [
            '"""Carts."""\n\nimport json\nimport os\n\nimport flask\nimport requests\n\n\ndef total(cart):\n',
            *(f"    cart[{number}] = json.dumps(cart)\n" for number in range(70)),
            "    return flask, requests\n",
        ]
    ),
    "shop/stock.py": f'"""Stock."""\n\n\ndef left():\n    # {MARK} count again\n    return 0  # TODO ask\n'
    + "x = 1\n" * 10,
    "shop/odd name ü.py": "TODO = 'TODO not a mark'\n",
    "shop/broken.py": "def f(:\n",
    "tests/test_cart.py": "from shop import cart\n\n\ndef test_total():\n    assert cart\n",
    "docs/guide.md": "# Guide\n",
    "node_modules/left/pad.js": "// TODO not ours\n",
    ".venv/lib/thing.py": "# TODO not ours\n",
    "build/lib/shop.py": "# TODO not ours\n",
    "logo.py": "\0binary",
}


def plant(root: Path, tree: dict[str, str]) -> None:
    for name, text in tree.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def state(root: Path) -> dict[str, tuple[int, int]]:
    """Every file outside of the plan directory, with what a change would change."""
    return {
        path.relative_to(root).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if ".orchestrator" not in path.parts and path.is_file()
    }


def inspect(place: Project) -> str:
    """Run the example, see that it changed nothing, and return the answer of its last task."""
    before = state(place.root)
    done = place.orchestrate("run")
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert state(place.root) == before
    report = answer_of(place.plan, "T-08")
    assert report in place.final_output
    return report


def scores(report: str) -> dict[str, str]:
    """Return each check's score, as the table of the report has it."""
    return dict(re.findall(r"^\| ([A-Z][\w ]+) \| (\d+|n/a) \|", report, re.MULTILINE))


@pytest.fixture
def without_git(tmp_path: Path) -> str:
    """A PATH on which there is what the example needs, and nothing else."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in TOOLS:
        found = shutil.which(name, path="/usr/bin:/bin")
        assert found is not None, f"no {name} on this machine"
        (tools / name).symlink_to(found)
    return str(tools)


@pytest.mark.parametrize("name", PLANS)
def test_every_example_is_valid(name: str, tmp_path: Path) -> None:
    """What the README offers can be run, and every task of it has its own task file (S2-05, S2-56…60)."""
    place = project(tmp_path, name)
    done = place.orchestrate("validate")
    assert done.returncode == 0, done.stderr
    tasks = re.findall(r"^\| T-(\d+) \|", (place.plan / "master_plan.md").read_text(), re.MULTILINE)
    files = sorted(path.name for path in (place.plan / "agent_tasks").iterdir())
    assert files == [f"agent-{number}.md" for number in tasks]
    assert f"({name}/master_plan.md)" in (EXAMPLES / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in PLANS if name not in {"branches", "repo-health"}])
def test_every_prompt_has_the_sections_of_the_template(name: str) -> None:
    """Id, name, priority, estimate, inputs, description, expected output, constraints (S2-56…60)."""
    for path in (EXAMPLES / name / "agent_tasks").iterdir():
        text = path.read_text(encoding="utf-8")
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        expected = ["Task Information", "Input", "Task Description", "Expected Output", "Constraints"]
        assert headings == expected
        for word in ("Task ID", "Task Name", "Priority", "Estimated Time"):
            assert f"- **{word}**: " in text


def test_a_small_tree_is_inspected(tmp_path: Path, without_git: str) -> None:
    """Every check finds what was planted for it, and the report puts the most useful first (S2-26…30)."""
    plant(tmp_path / "shop", TREE)
    place = project(tmp_path / "shop", "repo-health", without_git)
    report = inspect(place)
    found = scores(report)
    assert list(found) == CHECKS
    assert found["History"] == "n/a"
    assert "Files: 9, " in report
    assert "found by walking" in report
    assert "Break up `total` in `shop/cart.py:10` (72 lines)" in report
    assert "| FIXME | `shop/stock.py:5` | FIXME count again |" in answer_of(place.plan, "T-03")
    assert "(TODO 1, FIXME 1, HACK 0, XXX 0)" in answer_of(place.plan, "T-03")
    assert "| `shop/stock.py` | 16 |" in answer_of(place.plan, "T-04")
    dependencies = answer_of(place.plan, "T-05")
    for row in ("`requests` (shop/cart.py:7)", "`never-used` (pyproject.toml)", "`flask` |", "`shop/cart.py:4` |"):
        assert row in dependencies
    assert "`README.md → docs/gone.md`" in answer_of(place.plan, "T-07")
    assert "`shop/broken.py`" in answer_of(place.plan, "T-02")
    gains = [int(gain) for gain in re.findall(r"worth (\d+)\)", report)]
    assert len(gains) >= 5
    assert gains == sorted(gains, reverse=True)
    assert not re.search("not ours|not a mark", place.final_output)


def test_an_empty_directory_is_inspected(tmp_path: Path, without_git: str) -> None:
    """Nothing to measure is no failure; it has no score."""
    found = scores(inspect(project(tmp_path / "empty", "repo-health", without_git)))
    assert {*found.values()} == {"n/a", found["Documentation"]}


def test_a_history_is_read_where_there_is_one(tmp_path: Path) -> None:
    """With git, its list of files counts and the files that change most are named."""
    git = shutil.which("git", path="/usr/bin:/bin")
    if git is None:
        pytest.skip("there is no git on this machine")
    root = tmp_path / "with history"
    plant(root, {"a.py": "x = 1\n", "hot.py": "", "ignored.py": "# TODO not ours\n", ".gitignore": "ignored.py\n"})
    identity = {f"GIT_{who}_{what}": "me" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1", **identity}
    subprocess.run([git, "init", "-q", "."], cwd=root, env=env, check=True)
    for number in range(12):
        (root / "hot.py").write_text(f"x = {number}\n")
        subprocess.run([git, "add", "-A"], cwd=root, env=env, check=True)
        subprocess.run([git, "commit", "-q", "-m", f"{number}"], cwd=root, env=env, check=True)
    place = project(root, "repo-health")
    done = place.orchestrate("run", GIT_TEST_ASSUME_DIFFERENT_OWNER="1")
    assert (0, "n/a") == (done.returncode, scores(place.final_output)["History"])
    assert "Finding: git says: fatal: detected dubious ownership" in answer_of(place.plan, "T-06")
    for answer in (place.plan / "results").iterdir():
        answer.unlink()
    report = inspect(place)
    assert scores(report)["History"] == "5"
    assert "as git lists them" in report
    assert "| `hot.py` | 12 | 100% |" in answer_of(place.plan, "T-06")
    assert "ignored.py" not in place.final_output


def test_this_package_is_inspected_twice_with_the_same_outcome(tmp_path: Path, without_git: str) -> None:
    """The report is worth reading, and nothing in it depends on when or where it was made."""
    reports = []
    for name in ("one", "two"):
        shutil.copytree(
            PACKAGES / "orchestrator", tmp_path / name / "orchestrator", ignore=shutil.ignore_patterns("__pycache__")
        )
        reports.append(inspect(project(tmp_path / name, "repo-health", without_git)))
    assert reports[0] == reports[1]
    assert int(scores(reports[0])["Size and shape"]) >= 8
    assert "grade" in reports[0]
    assert "#### Do these first" in reports[0]


def test_the_place_to_inspect_can_be_named(tmp_path: Path, without_git: str) -> None:
    """A plan may lie elsewhere than what it is about."""
    plant(tmp_path / "shop", TREE)
    place = project(tmp_path / "plans", "repo-health", without_git)
    before = state(tmp_path / "shop")
    done = place.orchestrate("run", "--workdir", os.fspath(tmp_path / "shop"))
    assert done.returncode == 0, done.stderr
    assert "Files: 9, " in answer_of(place.plan, "T-08")
    assert state(tmp_path / "shop") == before


def test_the_example_that_branches(orchestrate: Orchestrate, root: Path) -> None:
    """One branch is taken, a task stands in for the one that fails, and the report has what was done."""
    shutil.copytree(EXAMPLES / "branches", root)
    (root.parent / "a.py").write_text("# TODO\n", encoding="utf-8")
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr
    done = {task for task, status in orchestrate.statuses().items() if status == "completed"}
    assert {"T-01", "T-02", "T-04", "T-06", "T-07"} == done
    assert "small: look at every file" in answer_of(root, "T-07")
    assert "TODO" in answer_of(root, "T-07")
