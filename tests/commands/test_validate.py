"""``validate``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import validate
from tests.commands.typed import bob, typed


def test_it_takes_a_directory() -> None:
    assert "plan" == typed("validate", "plan")[0].directory


def test_a_valid_plan(tmp_path: Path) -> None:
    valid = validate.execute(bob(tmp_path), validate.ValidateParams())
    facts = validate.facts(valid)
    assert "valid: 2 tasks in 2 batches" == facts["message"]
    assert ["T-01", "T-02"] == list(facts["critical_path"])
    assert "longest chain: T-01 → T-02" in validate.text(valid)


def test_warnings_are_in_the_json_or_on_stderr(tmp_path: Path) -> None:
    valid = validate.execute(bob(tmp_path), validate.ValidateParams())._replace(warnings=["odd"])
    assert [] == list(validate.remarks(valid))
    assert ["warning: odd"] == list(validate.remarks(valid._replace(is_json=False)))
