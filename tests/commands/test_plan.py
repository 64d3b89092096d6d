"""``plan``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import plan
from orchestrator.errors import UsageError
from tests.commands.typed import bob, typed


def test_a_request_may_begin_with_a_dash() -> None:
    assert "- a login" == typed("plan", "- a login", "--dry-run")[1].request


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (plan.PlanParams(), "there is no request"),
        (plan.PlanParams("x", source="a.md", template="b"), "two ways to plan"),
        (plan.PlanParams("x", parameters=("a=b",)), "--param is for a template"),
        (plan.PlanParams(source="a.md", model="opus"), "--model is for the agent"),
    ],
)
def test_options_that_do_not_go_together(tmp_path: Path, params: plan.PlanParams, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        plan.execute(bob(tmp_path), params)


def test_a_file_is_planned(tmp_path: Path) -> None:
    (tmp_path / "tasks.txt").write_text("- [ ] Count the words\n- [ ] Write the report\n")
    (inner := tmp_path / "plan").mkdir()
    params = plan.PlanParams(source=str(tmp_path / "tasks.txt"), form="checklist", dry_run=True)
    planned = plan.execute(bob(inner), params)
    assert ("2 tasks in 1 batch", "checklist") == (plan.facts(planned)["message"], plan.facts(planned)["format"])
    assert "Count the words" in plan.text(planned)
