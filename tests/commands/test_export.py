"""``export``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.commands import export
from orchestrator.errors import UsageError
from tests.commands.typed import bob, typed


def test_standard_output_is_the_default() -> None:
    assert export.ExportParams(form="", output="-") == typed("export")[1]


@pytest.mark.parametrize(("file", "form"), [("a.md", "markdown"), ("a.json", "json"), ("a.csv", "csv")])
def test_the_ending_of_the_file_says_the_form(tmp_path: Path, file: str, form: str) -> None:
    (plan := tmp_path / "plan").mkdir()
    call, params = bob(plan), export.ExportParams(output=str(tmp_path / file))
    facts = export.facts(export.execute(call, params))
    assert (params.output, form) == (facts["file"], facts["format"])
    assert "T-01" in Path(params.output).read_text(encoding="utf-8")
    with pytest.raises(UsageError, match="the file exists"):
        export.execute(call, params)


def test_as_json(tmp_path: Path) -> None:
    exported = export.execute(bob(tmp_path), export.ExportParams(form="json"))
    facts = export.facts(exported)
    assert ["T-01", "T-02"] == [each["id"] for each in facts["tasks"]]
    assert facts["message"] == json.loads(export.text(exported))["message"]


def test_a_file_needs_a_name(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="names no file"):
        export.execute(bob(tmp_path), export.ExportParams(output=""))
