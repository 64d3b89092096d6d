"""Tables as people write them: read as they are meant, or refused with their line (``tests/data/cases/tables``)."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate

CASES = Path(__file__).parents[1] / "data/cases/tables"
CHAIN = {"T-01": [], "T-02": ["T-01"], "T-03": ["T-01", "T-02"]}


def case(root: Path, name: str) -> Path:
    return write(root, (CASES / f"{name}.md").read_text(encoding="utf-8"))


def write(root: Path, text: str) -> Path:
    root.mkdir(exist_ok=True)
    plan = root / "master_plan.md"
    plan.write_text(text, encoding="utf-8")
    return plan


def needs(orchestrate: Orchestrate) -> dict[str, list[str]]:
    listed = orchestrate("list", "--json").json
    assert listed["ok"], listed
    return {task["id"]: task["needs"] for task in listed["tasks"]}


def cells(name: str) -> list[list[str]]:
    lines = (CASES / name).read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line]
    return rows[2:]


# ── columns ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("header", "nothing"), cells("headers-of-dependencies.md"))
def test_a_column_of_dependencies_is_never_dropped(
    orchestrate: Orchestrate, root: Path, header: str, nothing: str
) -> None:
    """Whatever it is called, and whatever stands where nothing does: it orders, or it is refused with its line."""
    write(
        root,
        f"# Plan\n\n| ID | Task | {header} |\n|---|---|---|\n| T-01 | Map the modules | {nothing} |\n"
        "| T-02 | Map the tests | T-01 |\n| T-03 | Report | T-01, T-02 |\n",
    )
    checked = orchestrate("validate")
    if checked.returncode == 0:
        assert CHAIN == needs(orchestrate)
    else:
        assert 2 == checked.returncode
        assert "master_plan.md:5: " in checked.stderr
        assert nothing in checked.stderr


@pytest.mark.parametrize("header", ["Βάσει", "Linked", "Sokoto", "Antes", "Relates to"])
@pytest.mark.parametrize("nothing", ["Καμία", "-", "whenever", "Python 3.11"])
def test_ids_under_a_header_that_nobody_taught_us_are_an_error(
    orchestrate: Orchestrate, root: Path, header: str, nothing: str
) -> None:
    write(
        root,
        f"# Plan\n\n| ID | Task | {header} |\n|---|---|---|\n| T-01 | Map the modules | {nothing} |\n"
        "| T-02 | Map the tests | T-01 fertig |\n",
    )
    checked = orchestrate("validate")
    assert 2 == checked.returncode
    assert f"master_plan.md:3: the column {header} names tasks" in checked.stderr


@pytest.mark.parametrize("words", cells("headers-in-other-languages.md"))
def test_a_whole_table_in_another_language_is_read(orchestrate: Orchestrate, root: Path, words: list[str]) -> None:
    number, task, order, nothing = words
    write(
        root,
        f"# Plan\n\nText.\n\n| {number} | {task} | {order} |\n|---|---|---|\n| T-01 | Eins | {nothing} |\n"
        "| T-02 | Zwei | T-01 |\n| T-03 | Drei | T-01, T-02 |\n",
    )
    assert CHAIN == needs(orchestrate)


def test_a_table_in_a_language_that_nobody_taught_us_is_refused_with_its_line(
    orchestrate: Orchestrate, root: Path
) -> None:
    write(root, "# Mpango\n\nMaelezo.\n\n| Namba | Kazi | Inategemea |\n|---|---|---|\n| 1 | a | - |\n")
    checked = orchestrate("validate")
    assert (2, True) == (checked.returncode, "master_plan.md:5: no task table" in checked.stderr)


@pytest.mark.parametrize("name", ["blocks-beside-depends-on", "required-by-beside-depends-on"])
def test_the_other_direction_is_read_reversed(orchestrate: Orchestrate, root: Path, name: str) -> None:
    case(root, name)
    assert CHAIN == needs(orchestrate)


@pytest.mark.parametrize(
    "name", ["dependencies-in-another-language", "whole-table-in-another-language", "notes-that-name-tasks"]
)
def test_a_column_of_its_own_decides(orchestrate: Orchestrate, root: Path, name: str) -> None:
    case(root, name)
    assert CHAIN == needs(orchestrate)


def test_ids_in_a_column_beside_the_dependencies_are_told(orchestrate: Orchestrate, root: Path) -> None:
    write(
        root, "| ID | Task | Deps | See also |\n|---|---|---|---|\n| T-01 | Map | - | - |\n| T-02 | Map | - | T-01 |\n"
    )
    checked = orchestrate("validate")
    assert 0 == checked.returncode
    assert "the column See also names tasks, and orders nothing" in checked.stderr


# ── spellings of dependencies ─────────────────────────────────────────────────────────────────────────────────────


def test_spellings_of_dependencies(orchestrate: Orchestrate, root: Path) -> None:
    case(root, "spellings-of-dependencies")
    assert {
        "T-01": [],
        "T-02": [],
        "T-03": [],
        **{each: ["T-01"] for each in ("T-04", "T-06", "T-07", "T-10")},
        "T-05": ["T-01", "T-02"],
        **{each: ["T-01", "T-02", "T-03"] for each in ("T-08", "T-09")},
        "T-11": [f"T-{n:02}" for n in range(1, 11)],
    } == needs(orchestrate)


@pytest.mark.parametrize(
    "cell",
    [
        *("T1", "T-1", "t-01", "#1", "1", "Map the modules", "`T-01`", "[T-01](x.md)", "**T-01**", "T-01.", "T-01 ✅"),
        *(
            "✅ T-01",
            "task 1",
            "Aufgabe T-01",
            "nach T-01",
            "after T-01 (reviewed)",
            "previous",
            "all above",
            "T-01, none",
        ),
    ],
)
def test_one_task_in_many_words(orchestrate: Orchestrate, root: Path, cell: str) -> None:
    write(
        root,
        f"| ID | Task | Deps |\n|---|---|---|\n| T-01 | Map the modules | no |\n| T-02 | Map the tests | {cell} |\n",
    )
    assert {"T-01": [], "T-02": ["T-01"]} == needs(orchestrate)


@pytest.mark.parametrize(
    "cell",
    [
        *("T-01 & T-02", "T-01 and T-02", "T-01 und T-02", "T-01、T-02", "T-01；T-02", "T-01 + T-02", "T-01/T-02"),
        *("T-01–T-02", "T-01..T-02", "T-01 through T-02", "T-01 bis T-02", "all", "everything above", "1, 2"),
    ],
)
def test_two_tasks_in_many_words(orchestrate: Orchestrate, root: Path, cell: str) -> None:
    write(
        root,
        "| ID | Task | Deps |\n|---|---|---|\n| T-01 | Map the modules | - |\n| T-02 | Map the tests | - |\n"
        f"| T-03 | Report | {cell} |\n",
    )
    assert ["T-01", "T-02"] == needs(orchestrate)["T-03"]


@pytest.mark.parametrize(
    "cell",
    [
        *("T-01 or T-02", "T-01 unless T-02", "T-01 - T-02", "the maps", "TBD", "T-01 (if T-02 fails)", "T-02–T-01"),
        *("T-01 (ordr)", "most of them", "T-01 to"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(orchestrate: Orchestrate, root: Path, cell: str) -> None:
    """As a whole: no word of it is called a task to be added."""
    write(
        root,
        "| ID | Task | Deps |\n|---|---|---|\n| T-01 | Map the modules | - |\n| T-02 | Map the tests | - |\n"
        f"| T-03 | Report | {cell} |\n",
    )
    checked = orchestrate("validate")
    assert 2 == checked.returncode
    assert f"master_plan.md:5: Deps of T-03: '{cell}' is not understood" in checked.stderr
    assert "add the task" not in checked.stderr


def test_a_name_that_is_nearly_right_suggests_the_id(orchestrate: Orchestrate, root: Path) -> None:
    write(
        root,
        "| ID | Task | Deps |\n|---|---|---|\n| T-01 | Map the modules | - |\n| T-02 | Report | Map of the modules |\n",
    )
    assert "did you mean T-01?" in orchestrate("validate").stderr


@pytest.mark.parametrize("name", ["forms-of-ids", "signs-in-names"])
def test_ids_and_names_stay_as_they_are(orchestrate: Orchestrate, root: Path, name: str) -> None:
    plan = case(root, name)
    before = plan.read_bytes()
    assert 0 == orchestrate("run", "--simulate").returncode
    assert plan.read_bytes().startswith(before.rstrip())


# ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["row-struck-out", "rows-struck-out-otherwise"])
def test_struck_out_rows_are_not_run(orchestrate: Orchestrate, root: Path, name: str) -> None:
    plan = case(root, name)
    before = plan.read_bytes()
    refused = orchestrate("run", "--simulate")
    assert 2 == refused.returncode
    for number in (2, 3):
        at = next(n for n, line in enumerate(before.decode().splitlines(), 1) if line.startswith(f"| {number} "))
        assert f"master_plan.md:{at}: the row of {number} is struck out" in refused.stderr
    assert before == plan.read_bytes()


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("row-of-sums", ["T-01", "T-02"]),
        ("row-of-sums-without-a-text", ["T-01"]),
        ("row-of-sums-in-another-language", ["T-01", "T-02"]),
    ],
)
def test_a_row_of_sums_is_no_task(orchestrate: Orchestrate, root: Path, name: str, ids: list[str]) -> None:
    case(root, name)
    assert ids == list(needs(orchestrate))


def test_a_row_that_adds_up_the_others_is_refused_in_any_language(orchestrate: Orchestrate, root: Path) -> None:
    write(
        root,
        "| ID | Task | Deps | Est. Time |\n|---|---|---|---|\n| T-01 | Map | - | 2h |\n| T-02 | Map | - | 3h |\n"
        "| Jumla | kazi mbili | | 5h |\n",
    )
    checked = orchestrate("validate")
    assert (2, True) == (checked.returncode, "master_plan.md:5: the row of Jumla adds up" in checked.stderr)


def test_a_status_that_is_not_open_is_told_before_it_is_run(orchestrate: Orchestrate, root: Path) -> None:
    """Each by the id of its row, whatever words say it; what is open in any words is not."""
    case(root, "done-in-other-words")
    warned = orchestrate("validate").stderr
    for number in range(1, 10):
        assert f"T-0{number}" in warned
    case(root, "open-in-other-words")
    assert "" == orchestrate("validate").stderr


def test_a_done_column_is_told(orchestrate: Orchestrate, root: Path) -> None:
    write(
        root,
        "| ID | Task | Deps | Done |\n|---|---|---|---|\n| T-01 | Map | - | 2026-11-01 |\n| T-02 | Map | - | no |\n",
    )
    warned = orchestrate("validate").stderr
    assert "T-01" in warned
    assert "T-02" not in warned


def test_owners_that_are_nobody_leave_a_task_to_anybody(orchestrate: Orchestrate, root: Path) -> None:
    case(root, "owner-is-nobody")
    for task in ("M1", "M2", "M3", "M4", "M5", "M6"):
        assert 0 == orchestrate("claim", task, "--as", "kim").returncode, task
    assert "Unassigned" not in orchestrate("show", "M1").stdout


@pytest.mark.parametrize("name", ["priority-1-2-3", "priority-with-a-word"])
def test_a_ranking_is_asked_about(orchestrate: Orchestrate, root: Path, name: str) -> None:
    case(root, name)
    checked = orchestrate("validate")
    assert checked.returncode in {0, 2}
    assert "priorit" in checked.stderr
    assert "master_plan.md:9: " in checked.stderr or "column Priority" in checked.stderr


def test_a_task_without_a_number_comes_last_among_numbers(orchestrate: Orchestrate, root: Path) -> None:
    """Seed row S0-22: 10, then 5, then 1, then none; a number is shown as one."""
    write(
        root,
        "---\nagent: simulated\nmax_parallel: 1\n---\n| ID | Task | Deps | Priority |\n|---|---|---|---|\n"
        "| none | a | | |\n| one | b | | 1 |\n| ten | c | | 10 |\n| five | d | | 5 |\n",
    )
    ran = orchestrate("run")
    started = [line.split()[1] for line in ran.stderr.splitlines() if line.startswith("🔵")]
    assert ["ten", "five", "one", "none"] == started
    shown = {task["id"]: task["priority"] for task in orchestrate("list", "--json").json["tasks"]}
    assert {"none": "-", "one": "1", "ten": "10", "five": "5"} == shown


def test_a_deadline_that_is_not_understood_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    case(root, "deadlines-as-people-write-them")
    checked = orchestrate("validate")
    assert 2 == checked.returncode
    for line, date in enumerate(("01.12.2026", "Friday", "12/31/2026", "Dec 1"), 5):
        assert f"master_plan.md:{line}: deadline: '{date}' is not a moment" in checked.stderr


# ── what people wrote stays ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["cells-that-people-filled", "cells-of-start-and-status"])
def test_cells_that_people_filled_stay(orchestrate: Orchestrate, root: Path, name: str) -> None:
    plan = case(root, name)
    before = plan.read_bytes().rstrip()
    assert 0 == orchestrate("claim", "T-01", "--as", "kim").returncode
    assert plan.read_bytes().startswith(before)
    assert 0 == orchestrate("complete", "T-01", "done").returncode
    assert 0 == orchestrate("run", "--simulate").returncode
    assert plan.read_bytes().startswith(before)


def test_cells_of_ours_are_kept_up_to_date(orchestrate: Orchestrate, root: Path) -> None:
    plan = case(root, "cells-that-are-ours")
    for task in ("T-01", "T-02"):
        orchestrate("complete", task, "done")
    assert 0 == orchestrate("run").returncode
    rows = [line for line in plan.read_text(encoding="utf-8").splitlines() if line.startswith("| T-0")]
    assert 2 == sum("| ✅ Completed |" in row for row in rows[:2])


@pytest.mark.parametrize("task_id", ["t-01", "agent-01", "AGENT-01"])
def test_an_id_that_every_command_would_refuse_is_not_added(orchestrate: Orchestrate, root: Path, task_id: str) -> None:
    plan = write(root, "| ID | Task | Deps |\n|---|---|---|\n| T-01 | Map the modules | - |\n")
    before = plan.read_bytes()
    refused = orchestrate("add", "Map the tests", "--id", task_id)
    assert (2, True) == (refused.returncode, "there is a task T-01 already" in refused.stderr)
    assert before == plan.read_bytes()


@pytest.mark.parametrize("name", ["agent-01.markdown", "agent-01.MD", "Agent-01.txt"])
def test_a_task_file_of_another_ending_is_refused(orchestrate: Orchestrate, root: Path, name: str) -> None:
    """It is an assignment that nobody would read."""
    write(root, "| ID | Task | Deps |\n|---|---|---|\n| T-01 | Map the modules | - |\n")
    (root / "agent_tasks").mkdir()
    (root / "agent_tasks" / name).write_text("Map them all.\n")
    checked = orchestrate("validate")
    assert (2, True) == (checked.returncode, f"agent_tasks/{name}: no task reads it" in checked.stderr)


@pytest.mark.parametrize(
    "name", ["agent-01.md~", ".agent-01.md.swp", "agent-01.md.bak", "agent-01 (1).md", ".agent-01.txt"]
)
def test_what_an_editor_leaves_counts_for_nothing(orchestrate: Orchestrate, root: Path, name: str) -> None:
    write(root, "| ID | Task | Deps |\n|---|---|---|\n| T-01 | Map the modules | - |\n")
    (root / "agent_tasks").mkdir()
    (root / "agent_tasks" / name).write_text("Something else.\n")
    assert 0 == orchestrate("validate").returncode
    assert "Something else" not in orchestrate("show", "T-01").stdout


@pytest.mark.parametrize(
    ("header", "first"),
    [
        ("Priority (1 = most urgent)", "T-01"),
        ("Priority (1 is the highest)", "T-01"),
        ("Prio (highest = 1)", "T-01"),
        ("Priority (lower is more urgent)", "T-01"),
        ("Priority (3 = highest)", "T-02"),
        ("Priority", "T-02"),
    ],
)
def test_the_header_says_which_priority_comes_first(
    orchestrate: Orchestrate, root: Path, header: str, first: str
) -> None:
    """One without a number comes last either way; the numbers are shown as they were written."""
    write(
        root,
        f"---\nagent: shell\nmax_parallel: 1\n---\n| ID | Task | {header} |\n|---|---|---|\n"
        "| T-01 | echo one | 1 |\n| T-02 | echo two | 3 |\n| T-03 | echo three | |\n",
    )
    assert 0 == orchestrate("run").returncode
    journal = (root / "journal.md").read_text(encoding="utf-8")
    started = [line.split(" · ")[1] for line in journal.splitlines() if " · started attempt" in line]
    assert [first, {"T-01": "T-02", "T-02": "T-01"}[first], "T-03"] == started
    listed = orchestrate("list", "--json").json["tasks"]
    assert {"T-01": "1", "T-02": "3", "T-03": "-"} == {task["id"]: task["priority"] for task in listed}


def test_a_ticked_box_before_a_task_is_not_overlooked(orchestrate: Orchestrate, root: Path) -> None:
    write(
        root, "| ID | Task | % done |\n|---|---|---|\n| T-01 | [x] Map the tests | 0% |\n| T-02 | [ ] Report | 100% |\n"
    )
    checked = orchestrate("validate")
    assert [
        (
            "warning: the % done cell of T-02 says '100%', but is never read, so it runs; "
            "`orchestrator complete T-02` says that it is done"
        ),
        (
            "warning: the box before T-01 is ticked, but never read: it is run all the same; "
            "`orchestrator complete T-01` says that it is done"
        ),
    ] == checked.stderr.splitlines()


def test_nobody_is_no_assignee_of_a_command_either(orchestrate: Orchestrate) -> None:
    for said, meant in {"TBD": "", "@kim": "kim", "unassigned": "", "ana": "ana"}.items():
        task = orchestrate("add", "Tell them all", "--assignee", said).stdout.strip()
        assert meant == orchestrate("show", task, "--json").json["task"]["assignee"]
    assert 0 == orchestrate("update", "T-01", "--assignee", "@kim").returncode
    assert "kim" == orchestrate("show", "T-01", "--json").json["task"]["assignee"]
