"""Projects with a copy of an example as their plan."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import orchestrator
from tests.acceptance.orchestrate import Answer, Orchestrate

PACKAGES = Path(orchestrator.__file__).parents[1]
EXAMPLES = Path(__file__).parents[2] / "examples"
SYSTEM_PATH = "/usr/bin:/bin"


@dataclass(frozen=True)
class Project:
    """A directory with a plan directory in it, and another one, empty, in which commands are called."""

    root: Path
    path: str = SYSTEM_PATH

    @property
    def plan(self) -> Path:
        return self.root / ".orchestrator"

    @property
    def elsewhere(self) -> Path:
        """Where commands are called."""
        return self.root.parent / f"{self.root.name}-elsewhere"

    @property
    def final_output(self) -> str:
        return (self.plan / "final_output.md").read_text(encoding="utf-8")

    def orchestrate(self, command: str, *arguments: str, **env: str) -> Answer:
        """Call a command on the plan, with no more of an environment than it needs."""
        self.elsewhere.mkdir(exist_ok=True)
        return Orchestrate(self.elsewhere, {"PATH": self.path})(command, self.plan, *arguments, env=env)


def project(root: Path, example: str, path: str = SYSTEM_PATH) -> Project:
    """Return a project in *root* with a copy of an example as its plan, made as the README says."""
    made = Project(root, path)
    shutil.copytree(EXAMPLES / example, made.plan)
    return made
