"""A project in which the skill is used: an empty folder, a PATH of its own, a stand-in for ``claude``."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes.claude_calls import install, script
from tests.patience import PATIENCE
from tests.skill.installed import Installed, install_skill, write_program

#: What a planner would answer, and a task that was asked for JSON; everything else is answered in words.
ANSWERS = {
    "_plan": {
        "structured": {
            "goal": "Everybody knows what is there",
            "goals": [],
            "success": ["Every finding names file and line"],
            "tasks": [
                {
                    "id": f"T-0{number}",
                    "name": name,
                    "description": f"{name}: read src/ and say what is there, with file and line",
                    "needs": [{"id": f"T-0{need}", "kind": "data"} for need in needs],
                    "expected": "A table",
                    "acceptance": ["Every row names file and line"],
                    "estimate": "2m",
                    "priority": "P2",
                    "writes": [],
                }
                for number, (name, *needs) in enumerate([("Read the source",), ("Rank the findings", 1)], start=1)
            ],
        }
    }
}


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    status: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Project:
    """An empty folder in which the skill is used, with a stand-in for ``claude`` on its PATH."""

    where: Path
    environment: dict[str, str]

    def __call__(self, *argv: str | Path, cwd: Path | None = None, **env: str) -> Ended:
        """Run a program to its end, as somebody in this folder would."""
        done = subprocess.run(
            list(map(str, argv)),
            cwd=cwd or self.where,
            env={**self.environment, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=4 * PATIENCE,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def skill(tmp_path: Path) -> Installed:
    """The skill in a folder of this test's own."""
    return install_skill(tmp_path / "skills")


@pytest.fixture
def project(tmp_path: Path, skill: Installed) -> Project:
    """An empty project; ``python3`` has the packages, and ``orchestrator`` is the launcher."""
    programs, where = tmp_path / "bin", tmp_path / "project"
    where.mkdir()
    install(programs)
    write_program(programs / "python3", [sys.executable])
    write_program(programs / "orchestrator", ["python3", os.fspath(skill.launcher)])
    script(tmp_path / "records", ANSWERS)
    environment = {
        "PATH": f"{programs}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "LANG": "C.UTF-8",
        # Somebody who says what is to be done in the example rows: they stand in brackets.
        "EDITOR": "sed -i s/[][]//g",
        "CLAUDE_SKILL_DIR": str(skill.folder),
        "FAKE_CLAUDE_DIR": str(tmp_path / "records"),
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
    }
    return Project(where, environment)
