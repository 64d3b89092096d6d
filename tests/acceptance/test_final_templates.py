"""A person's template of the final output: what is wrong with it is said before anything is paid for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, everything, write_plan


def template(root: Path, name: str, text: str) -> None:
    (root / "templates").mkdir(exist_ok=True)
    (root / "templates" / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("strategy", "name", "text"),
    [
        ("structured", "final_output.md.j2", "\n{% for x in"),
        ("structured", "final_output.md.j2", "\n{% for task, answer in completed %}{{ foo }}{% endfor %}"),
        ("structured", "final_output.md.j2", "\n{% for row in appendix %}{{ row.nope }}{% endfor %}"),
        ("concat", "final_output_concat.md.j2", "\n{{ plan.title | nope }}"),
        ("claude", "merge.md.j2", "\n{{ request }} {{ nope }}"),
    ],
)  # fmt: skip
def test_a_broken_template_is_refused_before_the_run(
    orchestrate: Orchestrate, tmp_path: Path, strategy: str, name: str, text: str
) -> None:
    """By everything that says whether the plan can run; and nothing is started, written, or said to have died."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "echo one", "T-02": "echo two"}, aggregate=strategy)
    template(root, name, text)
    before = everything(root)
    for command in (["validate"], ["run", "--dry-run"], ["run"], ["run", "--detach"]):
        refused = orchestrate(*command, "--json")
        assert (2, "bad_template") == (refused.returncode, refused.json["code"]), refused
        assert f"templates/{name}:2: bad template" in refused.json["message"]
    assert f"templates/{name}:2: bad template" in orchestrate("doctor", "--plan").stdout
    assert before == everything(root)
    (root / "templates" / name).unlink()
    assert 0 == orchestrate("validate").returncode


def test_a_template_that_is_not_used_keeps_nobody_from_running(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """It may be begun and not done."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "echo one"})
    template(root, "final_output_concat.md.j2", "{% for")
    assert 0 == orchestrate("run").returncode


def test_a_template_that_breaks_in_the_end_loses_nothing(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """It could be filled as if all went well. The run ends as it would have, and says what to correct."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "exit 1", "T-02": "echo two"})
    mine = "# Mine\n{{ completed[1][1] }}\n"
    template(root, "final_output.md.j2", mine)
    run = orchestrate("run")
    assert 1 == run.returncode
    assert "templates/final_output.md.j2:2: bad template" in run.stderr
    assert "built-in template" in run.stderr
    assert "two" == answer_of(root, "T-02")
    output = (root / "final_output.md").read_text(encoding="utf-8")
    assert "## T-02" in output
    assert "died" not in orchestrate("status").stdout
    template(root, "final_output.md.j2", mine.replace("[1][1]", "[0][1]"))
    assert 1 == orchestrate("run").returncode
    assert (root / "final_output.md").read_text(encoding="utf-8").startswith("# Mine\n```text\ntwo")
