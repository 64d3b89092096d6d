"""``plan --from``: what other tools keep is planned as it is meant, or refused by name."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate, ok
from tests.acceptance.plans import everything

CASES = Path(__file__).parents[1] / "data" / "cases" / "outlines"


def rows(plan: Path) -> dict[str, str]:
    """Id → the cell of its dependencies."""
    found = {}
    header: list[str] = []
    for line in plan.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if "Task ID" in cells:
            header = cells
        elif header and line.startswith("|") and not cells[0].startswith("-"):
            found[cells[header.index("Task ID")]] = cells[header.index("Dependencies")]
        elif header and not line.startswith("|"):
            break
    return found


@pytest.mark.parametrize(
    ("name", "form", "expected"),
    [
        (
            "spec-kit.md",
            "spec-kit",
            {
                "T002": "None",
                "T003": "T002 (order)",
                "T004": "T003 (order)",
                "T005": "T003 (order)",
                "T006": "T004 (order), T005 (order)",
                "T007": "T003, T004, T006 (order)",
                "T008": "T006, T007",
                "T009": "T008 (order)",
            },
        ),
        (
            "spec-kit-without-dependencies.md",
            "spec-kit",
            {
                "T002": "None",
                "T003": "T002 (order)",
                "T004": "T003 (order)",
                "T005": "T003 (order)",
                "T006": "T004 (order), T005 (order)",
                "T007": "T006 (order)",
                "T008": "T007 (order)",
                "T009": "T008 (order)",
            },
        ),
        (
            "kiro.md",
            "kiro",
            {"2.2": "None", "3": "2.2 (order)", "4.1": "3 (order)", "4.2": "4.1", "5": "4.2 (order)"},
        ),
        ("kiro-of-one-level.md", "kiro", {"1": "None", "2": "1 (order)"}),
        ("superpowers.md", "superpowers", {"T-01": "None", "T-02": "T-01"}),
        ("superpowers-of-one-task.md", "superpowers", {"T-01": "None"}),
        (
            "openspec.md",
            "openspec",
            {
                "1.1": "None",
                "1.2": "1.1 (order)",
                "1.3": "1.2 (order)",
                "2.1": "1.3 (order)",
                "2.2": "2.1 (order)",
            },
        ),
        (
            "ids-in-brackets.md",
            "checklist",
            {
                "DOC-1": "None",
                "DOC-2": "DOC-1",
                "DOC-3": "DOC-2",
                "DOC-4": "DOC-2",
                "DOC-5": "DOC-1",
                "M1.01": "None",
                "M1.02": "M1.01",
            },
        ),
        (
            "ids-in-round-brackets.md",
            "checklist",
            {"DOC-1": "None", "DOC-2": "DOC-1", "DOC-3": "DOC-1"},
        ),
        ("dependencies-under-a-heading.md", "checklist", {"T-01": "None", "T-02": "None"}),
        ("none-with-a-remark.md", "checklist", {"WP01": "None", "WP02": "WP01", "WP03": "WP01"}),
    ],
)  # fmt: skip
def test_each_form_is_named_and_planned(
    orchestrate: Orchestrate, root: Path, name: str, form: str, expected: dict[str, str]
) -> None:
    """Nothing but its tasks, in their order; the plan is valid and runs to its end."""
    made = ok(orchestrate("plan", "--from", str(CASES / name), "--json")).json
    assert (form, len(expected)) == (made["format"], made["tasks"])
    assert expected == rows(root / "master_plan.md")
    ok(orchestrate("validate"))
    ok(orchestrate("run", "--simulate"))


def test_the_form_is_told_to_people_and_what_is_left_out(orchestrate: Orchestrate) -> None:
    """Before anything is paid for."""
    said = ok(orchestrate("plan", "--from", str(CASES / "kiro.md"))).stderr
    assert "read as kiro\n" in said
    assert f"warning: {CASES / 'kiro.md'}:3: done, and not planned again: 1, 2.1\n" in said
    assert "optional (*), and not planned: 2.3\n" in said


def test_what_a_task_consists_of_reaches_its_agent(orchestrate: Orchestrate, root: Path) -> None:
    """Files, steps, code and what holds for all; of another task nothing."""
    ok(orchestrate("plan", "--from", str(CASES / "superpowers.md")))
    first, second = ((root / "agent_tasks" / f"agent-0{n}.md").read_text("utf-8") for n in (1, 2))
    for words in ("src/lib/carousel.test.js", "Step 3: Write minimal", "export const badge ="):
        assert words in first
        assert words not in second
    for words in ("Empty badge fields hide the badge.", "**Architecture:** A helper picks"):
        assert words in first
        assert words in second
    assert "results/agent-01-result.md" in second


def test_an_order_hands_nothing_over(orchestrate: Orchestrate, root: Path) -> None:
    """Only what a task names: a phase would give every later task everything before it."""
    ok(orchestrate("plan", "--from", str(CASES / "spec-kit.md")))
    handed = {
        name: re.findall(r"results/(T\d+)-result", (root / "agent_tasks" / f"{name}.md").read_text("utf-8"))
        for name in ("T003", "T007", "T009")
    }  # fmt: skip
    assert {"T003": [], "T007": ["T003", "T004"], "T009": []} == {
        name: sorted(set(found) - {name}) for name, found in handed.items()
    }


@pytest.mark.parametrize(
    "text", ["# Notes\n\nJust prose.\n", "# Tool\n\n## Install\nRun it.\n\n## Use\nLike this.\n\n- fast\n"]
)
def test_what_is_no_plan_is_refused_by_name(orchestrate: Orchestrate, tmp_path: Path, text: str) -> None:
    """An agent can plan it: it is not read by half."""
    (tmp_path / "notes.md").write_text(text, encoding="utf-8")
    before = everything(tmp_path)
    refused = orchestrate("plan", "--from", "notes.md")
    assert 2 == refused.returncode
    assert "error: notes.md:1: no form of plan that is known here (a checklist, " in refused.stderr
    assert "hint: have an agent plan it: `orchestrator plan notes.md`" in refused.stderr
    assert before == everything(tmp_path)


def test_a_form_can_be_asked_for(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """It is that form or refused; and it is of a file."""
    (tmp_path / "t.md").write_text("- [ ] 1.1 Scan the disk\n- [ ] 1.2 Sort it\n", encoding="utf-8")
    told = ok(orchestrate("plan", "--from", "t.md", "--format", "kiro", "--dry-run", "--json"))
    assert "kiro" == told.json["format"]
    for words in (
        ("plan", "--from", "t.md", "--format", "spec-kit"),
        ("plan", "--from", "t.md", "--format", "taskmaster-json"),
        ("plan", "--from", "t.md", "--format", "jira"),
        ("plan", "Do it", "--format", "kiro"),
    ):
        assert 2 == orchestrate(*words).returncode, words


def test_a_plan_of_ours_is_taken_over(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """With its settings, and of a plan directory with its task files; without what came of it."""
    table = "| Task ID | Task | Dependencies | Status |\n|---|---|---|---|\n"
    text = f"---\nagent: shell\n---\n# Mine\n\n{table}| A | echo 1 | None | |\n| B | echo 2 | A | |\n"
    (tmp_path / "mine.md").write_text(text, encoding="utf-8")
    made = ok(orchestrate("plan", "--from", "mine.md"))
    assert "it runs a command: echo 1" in made.stderr
    assert (root / "master_plan.md").read_text("utf-8").startswith(text.split("| A |", maxsplit=1)[0])
    assert {"A": "None", "B": "A"} == rows(root / "master_plan.md")
    (root / "agent_tasks" / "A.md").write_text("```sh\necho three\n```\n", encoding="utf-8")
    ok(orchestrate("run"))
    ok(orchestrate("plan", "--from", str(root / "master_plan.md"), "--dir", "other"))
    assert "echo three" in (tmp_path / "other/agent_tasks/A.md").read_text("utf-8")
    assert {"pending": 1, "waiting": 1} == orchestrate("status", "other", "--json").counts
    (tmp_path / "mine.md").write_text(text.replace("2 | A", "2 | C"), encoding="utf-8")
    refused = orchestrate("plan", "--from", "mine.md", "--dir", "third")
    assert (2, True) == (refused.returncode, "error: mine.md:9: " in refused.stderr)


def test_a_draft_in_json_is_no_form_of_others(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """And Task Master's is one."""
    draft = {"tasks": [{"id": "T-01", "name": "Scan the disk"}]}
    (tmp_path / "d.json").write_text(json.dumps(draft), encoding="utf-8")
    assert "json" == ok(orchestrate("plan", "--from", "d.json", "--dry-run", "--json")).json["format"]
    task = {"id": 1, "title": "Scan the disk", "status": "pending", "dependencies": []}
    (tmp_path / "t.json").write_text(json.dumps({"master": {"tasks": [task]}}), encoding="utf-8")
    told = ok(orchestrate("plan", "--from", "t.json", "--dry-run", "--json")).json
    assert ("taskmaster-json", 1) == (told["format"], told["tasks"])
