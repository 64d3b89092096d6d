"""Templates that people keep: values stay values, and nothing that is kept is lost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.params import filled, places
from orchestrator.core.text import sanitize
from orchestrator.errors import StoreError, UsageError
from orchestrator.plan.parser import parse_plan
from orchestrator.plan.sections import redraw, without_sections
from orchestrator.plan.task_file import parse_task_file
from orchestrator.planner.templates import SavedPlan, find_saved, read_saved, save

PLAN = """\
---
model: {{model}}
---
# About {{what}}

| ID | Task | Dependencies |
|----|------|--------------|
| T-01 | Look at {{what}} | None |
| T-02 | After {{what}} and {{what}} | T-01 |
"""
TASK = "---\nmodel: {{model}}\n---\nLook at {{what}}.\n"


@given(st.text(min_size=1))
@example("a | b |\n| T-99 | x | None |")
@example("{{what}} {{model}}")
@example("<!-- orchestrator:status -->\n---\nagent: shell\n---\n```")
@example("\\\x1b[31m\\")
def test_a_value_stays_in_its_place(value: str) -> None:
    """No row, no mark, no setting and no other placeholder comes of it, whatever it is."""
    saved = SavedPlan("t", "/nowhere/t", PLAN, {"agent-01": TASK})
    assert ["model", "what"] == saved.parameters
    text, files = saved.filled({"what": value, "model": "opus"})
    plan, problems = parse_plan(text.encode(), "p.md")
    assert ([], ["T-01", "T-02"], {"model": "opus"}) == (problems, list(plan.tasks), plan.settings)
    task = parse_task_file(files["agent-01"].encode(), "t.md")
    assert ((), {"model": "opus"}) == (task.problems, task.settings)
    assert f"Look at {sanitize(value)}.\n" == task.body


@given(st.text())
def test_only_placeholders_are_replaced(text: str) -> None:
    """With their own names as values, everything is as it was."""
    values = {name: f"{{{{{name}}}}}" for name in places([text])}
    assert text == filled(text, values)
    assert "${{ secrets.KEY }} {{ x }} {{}} {x}" == filled("${{ secrets.KEY }} {{ x }} {{}} {x}", {})


@given(st.sampled_from(["", "a", "a\n", "a\n\nb\n", "a\r\n"]), st.text("ab\n `|", max_size=20))
def test_sections_come_off_as_they_were_drawn(mine: str, drawn: str) -> None:
    """What a person wrote is what is left, but for blank lines at the end."""
    data = redraw(mine.encode(), {"status": drawn, "log": drawn})
    assert mine.rstrip() == without_sections(data).decode().rstrip()
    assert mine.encode() == without_sections(mine.encode())


def test_a_template_is_replaced_only_when_told_to(tmp_path: Path) -> None:
    """And then as a whole: no file of the one before it stays."""
    first = SavedPlan("t", f"{tmp_path}/templates/t", PLAN, {"agent-01": TASK})
    save(first, force=False)
    assert first == read_saved("t", first.where)
    second = first._replace(plan="# Other\n", task_files={"x": "y\n"})
    with pytest.raises(UsageError, match="already"):
        save(second, force=False)
    assert first == read_saved("t", first.where)
    save(second, force=True)
    assert second == read_saved("t", first.where)
    assert ["t"] == os.listdir(tmp_path / "templates")
    assert {"t": first.where} == find_saved((f"{tmp_path}/none", f"{tmp_path}/templates"))


@pytest.mark.parametrize("name", ["", "..", "a/b", ".t", "x" * 65])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is not a name"):
        save(SavedPlan(name, f"{tmp_path}/templates/{name}", PLAN, {}), force=True)
    assert [] == os.listdir(tmp_path)


def test_nothing_is_kept_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "templates").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        save(SavedPlan("t", f"{tmp_path}/templates/t", PLAN, {}), force=True)
    assert [] == os.listdir(tmp_path / "elsewhere")


def test_who_died_while_replacing_a_template_has_lost_none(tmp_path: Path) -> None:
    """Between the two renames only the old one is there, under another name."""
    save(SavedPlan("t", str(tmp_path / "t"), "old", {}), force=False)
    (tmp_path / "t").rename(tmp_path / ".t.old")
    with pytest.raises(UsageError, match="already"):
        save(SavedPlan("t", str(tmp_path / "t"), "new", {}), force=False)
    assert "old" == read_saved("t", str(tmp_path / "t")).plan
    save(SavedPlan("t", str(tmp_path / "t"), "new", {}), force=True)
    assert "new" == read_saved("t", str(tmp_path / "t")).plan
    assert [tmp_path / "t"] == list(tmp_path.iterdir())
