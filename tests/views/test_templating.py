"""Templates: ours, a person's own, and broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.core.settings import Settings
from orchestrator.errors import PlanError
from orchestrator.views.task_file import task_file
from orchestrator.views.templating import render
from tests.views.example import task


def draw(overrides: Path | None) -> str:
    return task_file(task("T-01", "Scan"), Settings(), str(overrides) if overrides else None, [])


def test_a_template_of_the_plan_directory_replaces_ours(tmp_path: Path) -> None:
    """Editing a template is how the files are made to look otherwise (S2-80)."""
    (tmp_path / "agent_task.md.j2").write_text("{{ task.id }}: {{ task.name | line }}\n", "utf-8")
    assert "T-01: Scan\n" == draw(tmp_path)


@pytest.mark.parametrize("name", ["nothing/here", "."])
def test_a_directory_without_the_template_leaves_ours(tmp_path: Path, name: str) -> None:
    """A directory that is missing or empty changes nothing."""
    assert draw(None) == draw(tmp_path / name)


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("fine\n{% if %}\n", 2),
        ("fine\nfine\n{{ task.nothing }}\n", 3),
        ("{{ nothing.at.all }}\n", 1),
        ("fine\n{{ 1 / 0 }}\n", 2),
        ("fine\n{% include 'missing.j2' %}\n", 2),
        ("fine\n{{ task.id | nofilter }}\n", 2),
        ("fine\n{{ task.id.__class__.__mro__ }}\n", 2),
    ],
)
def test_a_broken_template_is_named_with_its_line(tmp_path: Path, template: str, line: int) -> None:
    """Whoever broke a template learns where, and gets no traceback."""
    (tmp_path / "agent_task.md.j2").write_text(template, "utf-8")
    with pytest.raises(PlanError) as caught:
        draw(tmp_path)
    assert ("bad_template", f"{tmp_path}/agent_task.md.j2:{line}") == (caught.value.code, caught.value.where)
    assert "built-in" in caught.value.hint


def test_a_name_that_is_wrong_is_told_in_the_words_of_the_template(tmp_path: Path) -> None:
    """Nobody who writes one has seen our modules."""
    (tmp_path / "agent_task.md.j2").write_text("{{ task.nothing }}\n", "utf-8")
    with pytest.raises(PlanError, match="bad template: task has no attribute 'nothing'"):
        draw(tmp_path)


def test_a_template_that_is_no_text_is_named(tmp_path: Path) -> None:
    """A file in another encoding is an error of the template, not of the program."""
    (tmp_path / "agent_task.md.j2").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PlanError, match="agent_task"):
        draw(tmp_path)


def test_a_fault_of_ours_keeps_its_traceback() -> None:
    """A built-in template that fails is a bug, and is not blamed on a person."""
    from jinja2 import UndefinedError

    with pytest.raises(UndefinedError):
        render("agent_task.md.j2", None)
