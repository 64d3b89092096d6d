"""The skill and the plugin as Claude Code itself sees them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator
from tests.real_cli.stage import Stage
from tests.skill.installed import NAME, Installed, install_skill, write_program

pytestmark = pytest.mark.real_cli


@pytest.fixture
def skill(tmp_path: Path) -> Installed:
    """The skill in a folder of this test's own."""
    return install_skill(tmp_path / "checkouts")


def validate(stage: Stage, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*stage.api.inside, stage.claude_bin, "plugin", "validate", "--strict", folder],
        cwd=stage.where,
        env=stage.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def test_the_plugin_is_valid(stage: Stage, skill: Installed) -> None:
    """Strictly: a warning would fail it, and so does a manifest with a word too many."""
    ended = validate(stage, skill.folder)
    assert (0, True) == (ended.returncode, f"skills: {NAME}:{NAME}" in ended.stdout), ended.stdout
    manifest = skill.folder / ".claude-plugin" / "plugin.json"
    manifest.write_text(manifest.read_text().replace('"license"', '"licence"'))
    assert 1 == validate(stage, skill.folder).returncode


@pytest.mark.parametrize("form", ["skill", "plugin"])
def test_the_model_runs_the_launcher_without_being_asked(
    form: str, stage: Stage, skill: Installed, tmp_path: Path
) -> None:
    """``/name`` loads SKILL.md, and the one command that it allows runs; the same with more around it does not."""
    write_program(tmp_path / "python3", [sys.executable])
    home = Path(stage.environment["CLAUDE_CONFIG_DIR"]) / "skills"
    flags = ["--plugin-dir", str(skill.folder)]
    if form == "skill":
        home.mkdir(parents=True)
        (home / NAME).symlink_to(skill.folder)
        flags = []
    folder = home / NAME if form == "skill" else skill.folder
    command = f"python3 {folder}/scripts/orchestrate.py --version"
    stage.api.script(
        {
            "Base directory for this skill": [
                {"tool": "Bash", "input": {"command": command, "description": "call it"}},
                {"tool": "Bash", "input": {"command": f"{command} > out", "description": "x"}},
                {"text": "It works."},
            ]
        }
    )
    name = NAME if form == "skill" else f"{NAME}:{NAME}"
    ended = stage.claude(f"/{name}", *flags, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    said = stage.api.requests[-1]
    assert f"python3 {folder}/scripts/orchestrate.py run --detach" in said.text
    assert f"orchestrator {orchestrator.__version__}" in said.tool_results[0]
    assert (0, "success", False) == ended.outcome()
    (denied,) = ended.result["permission_denials"]
    assert denied["tool_input"]["command"].endswith("> out")
