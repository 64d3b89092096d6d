"""Rows changed by command: all of what is asked for, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import everything, write_plan, write_task


def plan_text(root: Path) -> str:
    return (root / "master_plan.md").read_text(encoding="utf-8")


def test_update_changes_the_row_and_nothing_else(orchestrate: Orchestrate, root: Path) -> None:
    """Columns that are missing are added; what is not named stays."""
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01"), "T-03": "true"})
    before = plan_text(root).splitlines()
    changed = orchestrate(
        "update", "T-02", "--assignee", "ana", "-p", "critical", "--add-dep", "T-03 (order)",
        "--tag", "db,slow", "--type", "dev", "--title", "true || false", "--json",
    )  # fmt: skip
    assert 0 == changed.returncode, changed.stderr
    assert {"assignee": "ana", "type": "dev"}.items() <= changed.json["changed"].items()
    after = plan_text(root).splitlines()
    table = next(at for at, line in enumerate(before) if line.startswith("| Task ID"))
    differing = {at for at in range(len(before)) if before[at] != after[at]}
    assert {table, table + 1, table + 3} == differing
    shown = orchestrate("show", "T-02", "--json").json["task"]
    assert (shown["assignee"], shown["priority"], shown["needs"]) == ("ana", "P0", ["T-01", "T-03"])
    assert (shown["tags"], shown["type"], shown["name"]) == (["db", "slow"], "dev", "true || false")
    orchestrate("update", "T-02", "--depends-on", "", "--untag", "slow", "--assignee", "")
    shown = orchestrate("show", "T-02", "--json").json["task"]
    assert ([], ["db"], "") == (shown["needs"], shown["tags"], shown["assignee"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("T-01", "--depends-on", "T-02"), "cycle"),
        (("T-01", "--depends-on", "T-9"), "depends on T-9, which is not in the plan"),
        (("T-01", "--parent", "T-01"), "the parents form a circle"),
        (("T-01", "--agent", "gpt"), "'gpt' is not known"),
        (("T-01", "-p", "soon"), "--priority: 'soon' is not a priority\n  hint: write P0…P3"),
        (("T-01", "--status", "soon"), "'soon' is not a status"),
        (("T-02", "--title", "x", "--status", "completed"), "Dependency not DONE: T-01"),
        (("T-01", "--tag", "x", "--status", "retrying"), "nobody sets the status retrying"),
        (("T-01", "--add-dep", "T-03", "--status", "completed"), "Dependency not DONE: T-03"),
        (("T-01", "--deadline", "2026-13-01"), "is not a moment"),
        (("T-01", "--estimated-hours", "1e3"), "is not a number of hours"),
        (("T-01",), "nothing is to be changed"),
        (("T-07", "--tag", "x"), "task T-07 not found"),
    ],
)
def test_update_refuses_what_makes_no_sense(
    orchestrate: Orchestrate, root: Path, words: tuple[str, ...], said: str
) -> None:
    """And nothing is written, not even in part."""
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01"), "T-03": "true"})
    (root / "plan.lock").touch()
    before = everything(root)
    refused = orchestrate("update", *words)
    assert 2 == refused.returncode
    assert said in refused.stderr
    assert before == everything(root)


HEAD = "| ID | Task | Deps | Deadline | Priority |\n|---|---|---|---|---|\n"
ROW = "| T-01 | One | None | | |\n"


@pytest.mark.parametrize(
    ("plan", "commands"),
    [
        (f"{HEAD}| T-01 | One | None | 2026-13-01 | |", ["update"]),
        (f"{HEAD}| T-01 | One | None | | P9 |", ["update"]),
        (f"{HEAD}| T-01 | One | two | None | | |", ["update"]),
        (f"{HEAD}| T-{'9' * 5000} | One | None | | |", ["add"]),
        (f"{HEAD}| T-01 | gr\xf6\xdfer | None | | |".encode("latin-1"), ["add", "update"]),
        (f"{HEAD}| T-01 | One | None | | |".encode("utf-16"), ["add", "update"]),
        (f"{HEAD}{ROW}\n| T-02 | Two | None | | |", ["add", "update"]),
        (f"{HEAD}{ROW}\t| T-02 | Two | None | | |", ["add", "update"]),
        (f"{HEAD}{ROW}\n| T-01 | Two | None | | |", ["add", "update"]),
        (f"{HEAD}{ROW}\nT-02 | Two | None | |", ["add", "update"]),
        (f"{HEAD}{ROW}\n| ID | Task |\n|---|---|\n| T-02 | Two |", ["add", "update"]),
        (f"{HEAD}{ROW}\n* - ID | Task | Deps\n    ---|---|---\n    T-02 | Two |", ["add", "update"]),
        ("# P\n\n- x\n\n  | ID | Task | Deps |\n  |---|---|---|\n  | T-01 | One | |", ["add", "update"]),
        ("# P\n\n| ID | Task | Deps |\n| T-01 | One | |", ["add", "update"]),
    ],
    ids=[
        "deadline", "priority", "cells", "digits", "latin-1", "utf-16", "loose row", "indented row",
        "row of the same id", "row without bars", "other table", "table in a list", "all in a list", "no table",
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_edited_is_explained(
    orchestrate: Orchestrate, root: Path, plan: str | bytes, commands: list[str]
) -> None:
    """As ``validate`` explains it, with file and line; and nothing is written.

    A row more, or a wider table, must not make a plan valid in which rows of a person are not read.
    """
    root.mkdir()
    (root / "master_plan.md").write_bytes(plan.encode() if isinstance(plan, str) else plan)
    said = orchestrate("validate").stderr
    assert ".orchestrator/master_plan.md:" in said
    (root / "plan.lock").touch()
    before = everything(root)
    for command in commands:
        refused = orchestrate(command, "T-01", "--tag", "x")
        assert (2, "", said) == (refused.returncode, refused.stdout, refused.stderr)
    assert before == everything(root)


def test_update_mends_what_validate_refuses(orchestrate: Orchestrate, root: Path) -> None:
    """In the very cells that make no sense."""
    root.mkdir()
    row = "| T-01 | Measure all of it | None | 2026-13-01 | P9 |"
    (root / "master_plan.md").write_text(f"{HEAD}{row}\n", encoding="utf-8")
    mended = orchestrate("update", "T-01", "--deadline", "2026-03-01", "--priority", "P1")
    assert 0 == mended.returncode, mended.stderr
    assert 0 == orchestrate("validate").returncode


def test_a_row_and_a_status_are_changed_both_or_neither(orchestrate: Orchestrate, root: Path) -> None:
    """A change of the row may be what lets the task get there; or what keeps it from there."""
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01")}, validate=True)
    before = plan_text(root)
    words = ["update", "T-01", "--title", "new", "--criterion", "It is true"]
    refused = orchestrate(*words, "--status", "completed")
    assert (1, before) == (refused.returncode, plan_text(root))
    assert "1 of 1 success criteria are open" in refused.stderr
    both = orchestrate("update", "T-02", "--depends-on", "", "--status", "completed", "--json")
    assert (0, "completed") == (both.returncode, both.json["status"]), both.stderr
    templates = root / "templates"
    templates.mkdir()
    (templates / "agent_task.md.j2").write_text("{{ nope }}", encoding="utf-8")
    before = plan_text(root)
    assert "bad template" in orchestrate(*words).stderr
    assert before == plan_text(root)


def test_each_table_has_its_own_columns(orchestrate: Orchestrate, root: Path) -> None:
    """A title goes where the row that gets it has its text; and a table may have no room for a new column."""
    root.mkdir()
    first = "| ID | Description | Deps |\n|---|---|---|\n| T-01 | Measure all of it | None |\n"
    second = "| ID | Name | Description | Deps |\n|---|---|---|---|\n| T-02 | Two | Draw it | None |\n"
    (root / "master_plan.md").write_text(f"{first}\n{second}", encoding="utf-8")
    assert 0 == orchestrate("update", "T-01", "--title", "Count all of it").returncode
    assert "| T-01 | Count all of it | None |" in plan_text(root)
    wide = f"| ID | Task | Deps |{' x |' * 1000}\n|{'-|' * 1003}\n| T-01 | One | None |\n"
    (root / "master_plan.md").write_text(wide, encoding="utf-8")
    for words in (["update", "T-01"], ["add", "Do something useful"]):
        refused = orchestrate(*words, "--priority", "high")
        assert 2 == refused.returncode
        assert "too many columns to take one more for Priority" in refused.stderr


def test_update_says_which_file_the_agent_reads(orchestrate: Orchestrate, root: Path) -> None:
    """The row is then no longer what the agent is told; of a command it would seem to be what is run."""
    write_plan(root, {"T-01": "true"})
    write_task(root, "T-01", "Say it\n", agent="claude")
    told = orchestrate("update", "T-01", "--title", "false")
    assert "its agent reads .orchestrator/agent_tasks/agent-01.md" in told.stderr
    write_task(root, "T-01", "```sh\ntrue\n```\n")
    refused = orchestrate("update", "T-01", "--title", "true || false")
    assert 2 == refused.returncode
    assert "agent-01.md: what is run stands here" in refused.stderr
