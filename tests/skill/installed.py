"""The skill as it is installed: a folder of its own, under its own name, reached by nothing but its path."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.skill.documents import ROOT, SKILL

NAME = "distributed-task-orchestrator"


@dataclass(frozen=True)
class Installed:
    """The folder of the skill."""

    folder: Path

    @property
    def launcher(self) -> Path:
        return self.folder / "scripts" / "orchestrate.py"


def install_skill(skills: Path) -> Installed:
    """Copy what is the skill's into a folder of *skills*; the package is linked."""
    folder = skills / NAME
    shutil.copytree(ROOT / "scripts", folder / "scripts")
    shutil.copytree(ROOT / ".claude-plugin", folder / ".claude-plugin")
    for name in (*SKILL, "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    for name in ("orchestrator", "docs", "examples"):
        (folder / name).symlink_to(ROOT / name)
    return Installed(folder)


def write_program(path: Path, command: Sequence[str]) -> None:
    """Make a program that is another one under a name of its own."""
    words = " ".join(json.dumps(word) for word in command)
    path.write_text(f'#!/bin/sh\nexec {words} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
