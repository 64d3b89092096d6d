"""``template``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import template
from orchestrator.errors import UsageError
from tests.commands.typed import bob


def test_those_that_are_built_in(tmp_path: Path) -> None:
    command = template.COMMAND.commands["list"]
    found = command.execute(bob(tmp_path), template.TemplateListParams())
    assert command.facts is not None
    assert "built in" in {each["from"] for each in command.facts(found)["templates"]}


def test_one_is_saved_and_shown(tmp_path: Path) -> None:
    call = bob(tmp_path)
    save, show = (template.COMMAND.commands[each] for each in ("save", "show"))
    saved = save.execute(call, template.SaveParams("review", here=True))
    assert Path(saved.saved.where).is_dir()
    assert "T-01" in show.execute(call, template.NameParams("review")).text


def test_there_is_none_of_that_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no template 'gone'"):
        template.COMMAND.commands["show"].execute(bob(tmp_path), template.NameParams("gone"))
