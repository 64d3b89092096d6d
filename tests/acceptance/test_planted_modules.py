"""Modules that lie where a command is called, or where an agent works, are not ours to load (promise 25)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.wiring import own_program
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_plan
from tests.patience import PATIENCE

PLANTED = ("json", "yaml", "click", "anyio", "jinja2", "typing", "re", "frontmatter")


@pytest.fixture
def root(orchestrate: Orchestrate, tmp_path: Path) -> Path:
    """A plan whose agent calls us, in a project that is full of traps."""
    for name in PLANTED:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('planted')\n")
    call = own_program(orchestrate.environment)
    share = f'{call} share "$ORCHESTRATOR_TASK_ID" "so far"\n{call} context "$ORCHESTRATOR_TASK_ID"'
    write_plan(tmp_path / ".orchestrator", {"T-01": share})
    return tmp_path / ".orchestrator"


def test_no_command_picks_up_a_module_of_the_current_directory(orchestrate: Orchestrate, root: Path) -> None:
    """Nor does an agent that calls us."""
    for words in (
        ["--help"],
        ["validate"],
        ["list", "--json"],
        ["run"],
        ["status"],
        ["add", "echo more"],
        ["share", "T-01", "one thing"],
    ):
        answer = orchestrate(*words)
        assert (0, False) == (answer.returncode, "planted" in answer.stderr), answer
    assert "so far" in answer_of(root, "T-01")


def test_what_pythonpath_names_is_meant(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Also when it is the very directory in which the command is called."""
    (tmp_path / "json.py").write_text("raise SystemExit('meant')\n")
    path = os.pathsep.join([str(tmp_path), orchestrate.environment["PYTHONPATH"]])
    for flags in ([], ["-P"]):
        done = subprocess.run(
            [sys.executable, *flags, "-m", "orchestrator", "--help"],
            cwd=tmp_path,
            env={**orchestrate.environment, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert "meant\n" == done.stderr


def test_a_source_tree_is_called_where_it_lies(orchestrate: Orchestrate) -> None:
    """The package is found before its directory is taken out."""
    tree = orchestrate.environment.pop("PYTHONPATH")
    assert 0 == orchestrate("--version", cwd=Path(tree)).returncode
