"""No row of a task is left out without a word, wherever in the plan it stands."""

from __future__ import annotations

import pytest

from orchestrator.plan.parser import parse_plan

HEAD = "| ID | Task | Deps |\n|---|---|---|\n"


def tasks(text: str) -> list[str]:
    plan, problems = parse_plan(text.encode(), "p.md")
    assert problems == []
    return list(plan.tasks)


def said(text: str) -> list[str]:
    return [str(problem) for problem in parse_plan(text.encode(), "p.md")[1]]


@pytest.mark.parametrize(
    ("below", "line", "why"),
    [
        ("<!-- | T-02 | b | | -->\n| T-03 | c | T-01 |", 5, "what stands above it ends the table"),
        ("<!--\n| T-02 | b | |\n-->\n\n| `T-03` | c | |", 8, "a blank line ends the table above"),
        ("\t| T-03 | c | |", 4, "it is indented like code"),
        ("\n    | T-03 | c | |", 5, "it is indented like code"),
        ("### Phase 2\n| T-03 | c | |", 5, "what stands above it ends the table"),
        ("\nSome text\n\n| T-03 | c | |", 7, "a blank line ends the table above"),
        ("\n| T-03 | c |", 5, "a blank line ends the table above"),
        ("\n| T-03 | c | |\n---\n", 5, "a blank line ends the table above"),
        ("\n- item\n| T-03 | c | |", 6, "what stands above it ends the table"),
        ("\n| Risk | Odds |\n|---|---|\n| x | y |\n\n| T-03 | c | |", 9, "a blank line ends the table above"),
        ("\n| T-01 | c | |", 5, "a blank line ends the table above"),
        ("\nT-03 | c | T-01", 5, "a blank line ends the table above"),
        ("\nT-03 | a \\| b | T-01", 5, "a blank line ends the table above"),
        ("\nT-03 | c |", 5, "a blank line ends the table above"),
        ("\n `T-03` | c | - |", 5, "a blank line ends the table above"),
        ("### Phase 2\n**T-03** | c | T-01", 5, "what stands above it ends the table"),
        ("\n- item\nT-03 | c | None", 6, "what stands above it ends the table"),
        ("\n<details>\n" + HEAD + "| T-03 | c | |\n</details>", 8, "it stands in HTML"),
        ("\n<div>\n| T-03 | c | |\n</div>", 6, "it stands in HTML"),
    ],
)  # fmt: skip
def test_a_row_outside_of_the_tables_is_refused(below: str, line: int, why: str) -> None:
    """What looks like a task is run, or the person hears of it."""
    text = f"{HEAD}| T-01 | a | |\n"
    assert [f"p.md:{line}: this row belongs to no table: {why}"] == said(text + below)


def test_tables_without_bars_at_their_ends_lose_no_row() -> None:
    """Nor where ids are numbers."""
    text = "ID | Task | Deps\n---|---|---\n1 | a | None\n\n2 | b | 1\n\n\nc | d | e\n"
    assert ["p.md:5: this row belongs to no table: a blank line ends the table above"] == said(text)


@pytest.mark.parametrize(
    "below",
    [
        "```\n| T-03 | c | |\n```",
        "\n```text\n| T-01 | --> | T-02 |\n",
        "\n> | T-03 | c | |",
        "\n<!-- | T-03 | c | | -->",
        "\n<!--\n| T-03 | c | |\n-->",
        "\n<pre>\n| T-03 | c | |\n</pre>",
        "\n| Risk | Odds | Note |\n|---|---|---|\n| R-01 | y | |\n\n| R-02 | y | |",
        "\n- item\n| A | B |\n|---|---|\n| 1 | 2 |",
        "\n| T-01 and T-02 | are one |",
        "\n| so | much |",
        "\n| T-03 |",
        "\n|T-01|---|T-02|---|T-03|",
        "\nA | B | C\n\nT-01 | or | T-02",
        "\nT-03 | or\n\nT-03 | and | so | on\n\ncat | sort | uniq\n\nstep1 | step2 | step3",
        "\n    T-03 | in | code",
        "\nRisk | Odds | Note\n---|---|---\nT-9 | y | z\n\nT-8 | y | z\n".replace("T-", "R-"),
        "\n<!-- orchestrator:status -->\n| T-03 | c | |\n<!-- /orchestrator:status -->",
        "\n- x\n\n  ```\n  | T-03 | c | |\n  ```",
    ],
)
def test_what_only_has_bars_is_no_row(below: str) -> None:
    """Fences, quotes, comments, prose and other tables are no tasks."""
    text = f"{HEAD}| T-01 | a | |\n| T-02 | b | |\n{below}\n"
    assert ["T-01", "T-02"] == tasks(text)


def test_a_bad_row_is_said_once() -> None:
    """Whoever depends on it, stands under it or is assigned to it is not to blame."""
    text = (
        "| ID | Task | Deps | Parent |\n|---|---|---|---|\n| a | x | | | much | more |\n| b | y | a | |\n"
        "| c | z | | a |\n\n| ID | Agent |\n|---|---|\n| a | shell |\n"
    )
    assert ["p.md:3: the row has 6 cells, its table has 4 columns"] == said(text)
    listed = "- | ID | Task | Deps |\n  |---|---|---|\n  | a | x | |\n"
    assert ["p.md:5: a task table inside a list is not read"] == said(f"{HEAD}| a | x | |\n\n{listed}")
    below = said(f"{HEAD}| a | x | b |\n\n| b | x | |\n")
    assert ["p.md:5: this row belongs to no table: a blank line ends the table above"] == below


@pytest.mark.parametrize(
    "text",
    [
        "- Phase 2\n\n  | ID | Task | Deps |\n  |---|---|---|\n  | b | x | |\n",
        "1. first\n2. | ID | Task | Deps |\n   |---|---|---|\n   | b | x | |\n",
        "\n\n* - ID | Task | Deps\n    ---|---|---\n    b | x |\n",
    ],
)
def test_a_task_table_in_a_list_is_refused(text: str) -> None:
    """Also when there is no other; in a quote of a list it is nobody's."""
    line = text.partition("ID")[0].count("\n") + 1
    assert [f"p.md:{line}: a task table inside a list is not read"] == said(text)
    assert [f"p.md:{line + 5}: a task table inside a list is not read"] == said(f"{HEAD}| a | x | b |\n\ntext\n{text}")
    quoted = "- x\n\n  > | ID | Task | Deps |\n  > |---|---|---|\n  > | b | x | |\n"
    assert ["a"] == tasks(f"{HEAD}| a | x | |\n\n{quoted}")


def test_tables_with_one_header_are_one_plan() -> None:
    """Also where no task depends on another; what has another header may be anything."""
    phase = "## Phase {0}\n\n| ID | **Task** |\n|---|---|\n| T-{0} | x |\n\n"
    risks = "| ID | Description |\n|---|---|\n| R-1 | y |\n| T-2 | see above |\n"
    assert ["T-1", "T-2"] == tasks(phase.format(1) + risks + "\n" + phase.format(2))


@pytest.mark.parametrize(
    ("first", "second", "line"),
    [
        ("| ID | Task |\n|---|---|\n| T-01 | x |\n", f"{HEAD}| T-02 | y | T-01 |\n", 1),
        (f"{HEAD}| T-01 | x | T-02 |\n", "| ID | Task |\n|---|---|\n| T-01 | x |\n| `T-02` | y |\n", 5),
        ("| ID | Task |\n|---|---|\n| T-01 | x |\n", "| ID | Task | Agent |\n|---|---|---|\n| T-02 | x | |\n", 5),
    ],
)
def test_a_table_that_goes_on_with_the_tasks_is_refused(first: str, second: str, line: int) -> None:
    """By the ids in it: it may hold anything else, but the rest of the plan is not left out without a word."""
    (problem,) = said(f"{first}\n{second}")
    assert problem.startswith(f"p.md:{line}: this table is not read as one of tasks, but ")


def test_two_columns_of_dependencies_are_one_too_many() -> None:
    """Neither is left out without a word."""
    text = "| ID | Task | Depends on | **Blocked by** |\n|---|---|---|---|\n| a | x | | b |\n"
    assert ["p.md:1: two columns say what a task depends on: Depends on and Blocked by"] == said(text)


@pytest.mark.parametrize("name", ["Name", "**Title**"])
def test_a_task_beside_a_name_is_what_is_to_be_done(name: str) -> None:
    """Unless a column of descriptions says that; then it is handed to the agent like any other."""
    plan, _ = parse_plan(f"| ID | {name} | Task | Deps |\n|---|---|---|---|\n| a | List | ls | |\n".encode(), "p.md")
    assert ("List", "ls", ()) == (*plan.tasks["a"][1:3], plan.tasks["a"].inputs)
    more = f"| ID | Task | {name} | Details | Deps |\n|---|---|---|---|---|\n| a | ls | List | all | |\n"
    plan, _ = parse_plan(more.encode(), "p.md")
    assert ("List", "all", (("Task", "ls"),)) == (*plan.tasks["a"][1:3], plan.tasks["a"].inputs)


@pytest.mark.parametrize("header", ["Linked to", "Ἐξάρτηση", "Sokoto", "**Basis**"])
def test_a_column_of_ids_that_nothing_waits_for_is_refused(header: str) -> None:
    """By another name it would be an input for the agents, and everything would start at once."""
    table = f"| ID | Task | {header} |\n|---|---|---|\n| T-01 | a | - |\n| T-02 | b | T-01 |\n"
    assert said(table) == [f"p.md:1: the column {header.strip('*')} names tasks, and nothing waits for them"]
    short = "| Waits for | Task | ID |\n|---|---|---|\n| - | a | T-01 |\n| T-01 | b |\n"
    assert "p.md:4: a task without an id" in said(short)


@pytest.mark.parametrize(
    "cell", ["as T-01", "nach T-01", "T1", "`t-01`", "#1, T-01", "Map the tests", "(T-01)", "T-01の後", "- / T-01"]
)  # fmt: skip
def test_one_cell_that_names_a_task_is_enough(cell: str) -> None:
    """Whatever the others say, and in whatever words."""
    table = (
        "| ID | Name | Task | Rests on |\n|---|---|---|---|\n"
        f"| T-01 | Map the tests | a | see T-01 |\n| T-02 | x | b | {cell} |\n| T-03 | y | c | soon |\n"
    )
    assert said(table) == ["p.md:1: the column Rests on names tasks, and nothing waits for them"]


@pytest.mark.parametrize("header", ["Before", "Blocking", "阻塞"])
def test_a_column_of_which_the_direction_is_not_sure_is_refused(header: str) -> None:
    table = f"| ID | Task | {header} |\n|---|---|---|\n| T-01 | a | |\n| T-02 | b | T-01 |\n"
    assert said(table) == [f"p.md:1: the column {header} names tasks, and nothing waits for them"]


@pytest.mark.parametrize(
    "cell", ["Nothing until the keys are there", "Not before Monday", "immediately after launch", "First Ann"]
)  # fmt: skip
def test_what_a_task_waits_for_is_not_read_as_nothing(cell: str) -> None:
    (only,) = said(f"{HEAD}| T-01 | a | {cell} |\n")
    assert only == f"p.md:3: Deps of T-01: {cell!r} is not understood"


@pytest.mark.parametrize(
    ("cell", "needs"),
    [
        ("No prerequisites", ()),
        ("None – ready to start", ()),
        ("can start immediately", ()),
        ("Research & Design", ("T-01",)),
        ("“T-01”", ("T-01",)),
        ("1-2", ("T-01", "T-02")),
        ("T-01、T-02", ("T-01", "T-02")),
    ],
)
def test_what_is_meant_is_read(cell: str, needs: tuple[str, ...]) -> None:
    table = (
        "| ID | Name | Task | Depends on |\n|---|---|---|---|\n| T-01 | Research & Design | a | |\n"
        f"| T-02 | x | b | |\n| T-03 | y | c | {cell} |\n"
    )
    plan, problems = parse_plan(table.encode(), "p.md")
    assert [] == problems
    assert needs == plan.tasks["T-03"].needs


@pytest.mark.parametrize(
    "table",
    [
        "| ID | Task | Points |\n|---|---|---|\n| 1 | a | 2 |\n| 2 | b | 1 |\n",
        "| ID | Task | Was |\n|---|---|---|\n| a | x | a |\n| b | y | a |\n",
        "| ID | Task | See | Deps |\n|---|---|---|---|\n| a | x | b | |\n| b | y | a | |\n",
        "| ID | Task | Notes |\n|---|---|---|\n| a | x | |\n| b | y |\n",
    ],
)
def test_other_columns_may_name_what_they_like(table: str) -> None:
    """Counts, the name of the row itself, and what stands beside a column of dependencies."""
    assert 2 == len(tasks(table))
