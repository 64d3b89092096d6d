"""What makes the folder a skill and a plugin: its front matter, its sizes, its manifest, its lists of packages."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import frontmatter
import pytest

import orchestrator
from tests.skill.documents import LAUNCHER, ROOT, SKILL, blocks, read
from tests.skill.installed import NAME, Installed

TEMPLATES = ROOT / "orchestrator" / "views" / "templates"

#: Row S2-76: the five kinds of requests that call for the skill, by words of the description.
CLASSES = ("three or more distinct steps", "parallel", "sub-agents", "analysed", "decomposed")
#: Row S2-77.
KEYWORDS = (
    "parallel", "simultaneously", "concurrent", "subtask", "sub-task", "atomic task", "agent",
    "sub-agent", "Agent-01", "orchestrate", "coordinate", "distribute", "break down", "decompose",
)  # fmt: skip
#: Row S2-78: what it is not for.
NOT_FOR = ("single-step", "fewer than three steps", "every step strictly needs", "quick questions")


def front() -> dict[str, object]:
    return dict(frontmatter.loads(read("SKILL.md")).metadata)


# ── SKILL.md ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_front_matter_has_the_six_fields_of_the_specification() -> None:
    assert ["name", "description", "license", "compatibility", "metadata", "allowed-tools"] == list(front())
    assert NAME == front()["name"]
    assert f"Bash({LAUNCHER} *) Read" == front()["allowed-tools"]
    assert {"version": orchestrator.__version__} == front()["metadata"]


def test_the_description_says_when_and_when_not() -> None:
    """S2-76 to S2-78, S2-84; within what the listing of skills shows."""
    description = str(front()["description"])
    use, found, avoid = description.partition("Do not use")
    assert found
    assert len(description) <= 1024
    assert [] == [word for word in (*CLASSES, *KEYWORDS) if word not in use]
    assert [] == [word for word in NOT_FOR if word not in avoid]


def test_skill_md_is_short() -> None:
    """Under 300 lines, and under 5,000 tokens at four characters each: it is read whole, every time."""
    assert len(read("SKILL.md").splitlines()) < 300
    assert len(read("SKILL.md")) < 5000 * 4


def test_every_command_in_skill_md_is_one_that_is_allowed() -> None:
    """One call of the launcher in one line; anything around it would need a permission of its own."""
    lines = [line for block in blocks("SKILL.md") if block.is_run for line in block.text.splitlines()]
    assert len(lines) >= 10
    assert [] == [line for line in lines if not line.startswith(f"{LAUNCHER} ")]
    assert [] == [line for line in lines if re.search(r"[;&|<>`]|\$\(", line)]


def test_the_specification_is_kept(skill: Installed) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "skills_ref.cli", "validate", skill.folder], capture_output=True, text=True, check=False
    )
    assert (0, f"Valid skill: {skill.folder}") == (ended.returncode, ended.stdout.strip())


# ── its documents ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("template", sorted(TEMPLATES.glob("*.j2")), ids=lambda path: path.name)
def test_templates_md_shows_the_templates_in_use(template: Path) -> None:
    """S2-53 to S2-63, S2-80: what one would copy to begin with is what is really used."""
    text = template.read_text(encoding="utf-8").rstrip("\n") + "\n"
    assert text in [block.text for block in blocks("templates.md") if block.language == "jinja"]


def test_no_document_of_the_skill_is_very_long() -> None:
    """An agent reads them whole; what they show of templates is not counted."""
    for name in SKILL:
        shown = sum(len(each.text) for each in blocks(name) if each.language == "jinja")
        assert len(read(name)) - shown < 20_000, name


# ── the plugin, and the packages ──────────────────────────────────────────────────────────────────────────────────


def test_the_plugin_is_this_version_of_the_skill() -> None:
    manifest = json.loads((ROOT / ".claude-plugin" / "plugin.json").read_bytes())
    assert (NAME, orchestrator.__version__) == (manifest["name"], manifest["version"])
    assert (["./"], front()["license"]) == (manifest["skills"], manifest["license"])
    assert {"description", "author"} <= manifest.keys()


def test_the_launcher_asks_for_what_the_package_needs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    source = (ROOT / "scripts" / "orchestrate.py").read_text(encoding="utf-8")
    found = re.search(r"^# /// script\n(.*?)^# ///$", source, re.MULTILINE | re.DOTALL)
    assert found
    block = tomllib.loads(re.sub(r"^# ?", "", found[1], flags=re.MULTILINE))
    assert project["dependencies"] == block["dependencies"]
    assert project["requires-python"] == block["requires-python"]
