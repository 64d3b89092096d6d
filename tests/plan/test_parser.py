"""A plan as people write it is read as it is, and what is wrong with it is said with file and line."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.plan import TASK_ID, Plan, Task
from orchestrator.plan.parser import StatusCells, parse_plan, set_statuses
from orchestrator.plan.sections import redraw
from tests.growth import growth
from tests.plan.seed_plans import QUICK_START, TEMPLATE


def good(text: str) -> Plan:
    plan, problems = parse_plan(text.encode(), "master_plan.md")
    assert problems == []
    return plan


def said(text: str | bytes) -> list[str]:
    data = text if isinstance(text, bytes) else text.encode()
    return [str(problem) for problem in parse_plan(data, "p.md")[1]]


def only(header: str, row: str) -> Task:
    rule = "|".join("-" * 3 for _ in header.strip("|").split("|"))
    return next(iter(good(f"|{header.strip('|')}|\n|{rule}|\n{row}\n").tasks.values()))


def test_the_quick_start_of_the_seed() -> None:
    """Seed 002's first example runs as it is: four columns, one request."""
    plan = good(QUICK_START)
    assert plan.title == "Task Plan"
    assert plan.request == "Analyze my TypeScript project for code quality, security, and performance"
    assert {task.id: task.needs for task in plan.tasks.values()} == {
        "T-01": (), "T-02": ("T-01",), "T-03": ("T-01",), "T-04": ("T-01",), "T-05": ("T-02", "T-03", "T-04"),
    }  # fmt: skip
    task = plan.tasks["T-02"]
    assert (task.name, task.description, task.agent) == ("Check code quality",) * 2 + ("Agent-02",)
    assert task.where == "master_plan.md:10"


def test_the_master_plan_template_of_the_seed() -> None:
    """Five columns, a goal, and a second table that says who does what."""
    plan = good(TEMPLATE)
    task = plan.tasks["T-01"]
    assert (task.name, task.description, task.priority, task.agent) == ("[Name]", "[Description]", 1000, "Agent-01")
    assert plan.title == "🎯 Distributed Task Plan"
    assert plan.request == "[User's original request]"
    assert plan.goal.startswith("**Primary Goal**: [Final")


def test_the_short_table_of_the_seed() -> None:
    """``ID | Task | Deps | Status``: Task is the text here."""
    task = only("ID | Task | Deps | Status", "| T-01 | Read code | - | 🟡 |")
    assert (task.id, task.name, task.description, task.needs) == ("T-01", "Read code", "Read code", ())


def test_all_that_a_row_can_say() -> None:
    """Every known column has its place in a task, every unknown one is handed on as an input."""
    task = only(
        "Task ID | Description | Input | Expected Output | Dependencies | Priority | Est. Time | Assigned to | Model",
        "| T-01 | Do *it* | src/ | A \\| B | None | high | 3 minutes | 🤖 `opus` | - |",
    )
    assert task == Task(
        id="T-01", name="Do *it*", description="Do *it*", needs=(), assignee="opus", priority=100, estimate=180.0,
        expected="A | B", inputs=(("Input", "src/"),), where="master_plan.md:3",
    )  # fmt: skip


@pytest.mark.parametrize(
    "id_header", ["Task ID", "ID", "TaskID", "#", "**Task ID**", "`id`", "🆔 ID", "task_id", "Task"]
)
@pytest.mark.parametrize("text", ["Description", "Task Description", "DETAILS", "Title", "**Name**", "📝 Description"])
@pytest.mark.parametrize(
    "needs", ["Dependencies", "Deps", "Depends on", "depends_on", "_Needs_", "Blocked by", "After"]
)
def test_headers_are_known_in_every_spelling(id_header: str, text: str, needs: str) -> None:
    """Case, order, emphasis and pictures around a header do not matter."""
    task = only(f"{needs} | {text} | {id_header}", "| - | words | T-01 |")
    assert (task.id, task.description, task.needs, task.inputs) == ("T-01", "words", (), ())


@pytest.mark.parametrize(
    ("header", "task_id", "name", "description"),
    [
        ("# | Task | Description | Deps", "1", "T-7", "text"),
        ("Task | # | Description | Deps", "T-7", "1", "text"),
        ("ID | Task | Task Name | Deps", "1", "text", "text"),
    ],
)
def test_task_and_number_are_ids_only_when_nothing_better_is(
    header: str, task_id: str, name: str, description: str
) -> None:
    """A column ``#`` or ``Task`` is an id column when there is no other; else ``Task`` is a text."""
    row = "| T-7 | 1 | text | - |" if header.startswith("Task") else "| 1 | T-7 | text | - |"
    task = only(header, row)
    if header.startswith("Task |"):
        task_id, name = "1", "T-7"
    assert (task.id, task.name, task.description) == (task_id, name, description)


@pytest.mark.parametrize("cell", ["None", "none", "-", "—", "–", "N/A", "", "*None*", "`none`", "--"])
def test_no_dependency_has_many_spellings(cell: str) -> None:
    """All of them mean none."""
    assert only("ID | Task | Deps", f"| a | x | {cell} |").needs == ()


@pytest.mark.parametrize(
    "cell",
    ["b,c", "b, c", "b; c", "b c", "b<br>c", "b<br/>c", "b & c", "b and c", "`b`, `c`", "**b**, **c**",
     "[b](x.md), [c](y.md)", "[b], [c]", "b, c, b", "b → c", "`b, c`", "b,c,", "b + c"],
)  # fmt: skip
def test_lists_of_dependencies_have_many_spellings(cell: str) -> None:
    """Ids are separated by anything that people put between them, dressed or not, and count once."""
    plan = good(f"| ID | Task | Deps |\n|---|---|---|\n| a | x | {cell} |\n| b | y | |\n| c | z | |\n")
    assert plan.tasks["a"].needs == ("b", "c")


@pytest.mark.parametrize(
    "cell", ["a_b", "`a_b`", "**a_b**", "[a_b](agent_tasks/a_b.md)", "a\\_b", "**`a_b`**", "[[a_b]]"]
)
def test_an_id_may_be_dressed(cell: str) -> None:
    """Backticks, emphasis, links and escapes around an id are not part of it."""
    assert only("ID | Task | Deps", f"| {cell} | x | - |").id == "a_b"


def test_tables_of_several_phases_are_one_plan_and_prose_is_prose() -> None:
    """Every table with ids, texts and dependencies counts; tables in fences, quotes and elsewhere do not."""
    plan = good(
        "## Phase 1\n| ID | Task | Deps |\n|---|---|---|\n| a | x | |\n\n| Risk | ID |\n|---|---|\n| r | zz |\n\n"
        "## Phase 2\n| Needs | Title | ID |\n|---|---|---|\n| a | y | b |\n\n"
        "```\n| ID | Task | Deps |\n|---|---|---|\n| c | x | |\n```\n"
        "> | ID | Task | Deps |\n> |---|---|---|\n> | d | x | |\n\n"
        "| ID | Name |\n|---|---|\n| e | no dependencies, no task |\n"
    )
    assert {task.id: task.needs for task in plan.tasks.values()} == {"a": (), "b": ("a",)}


def test_without_a_column_of_dependencies_the_first_table_is_the_plan() -> None:
    """Tasks that do not depend on each other need no such column."""
    plan = good(
        "| A | B |\n|---|---|\n| 1 | 2 |\n\n| ID | Task |\n|---|---|\n| a | x |\n\n"
        "| ID | Name |\n|---|---|\n| b | y |\n"
    )
    assert list(plan.tasks) == ["a"]


def test_captions_and_blank_rows_are_no_tasks() -> None:
    """A row with only a caption in it groups rows; a row with an id and nothing else is a task."""
    plan = good("| ID | Task | Deps |\n|---|---|---|\n| **Phase 1: read** | | |\n| | | |\n| a | x | |\n| b |\n")
    assert list(plan.tasks) == ["a", "b"]


def test_an_agent_in_the_row_is_stronger_than_an_assignment() -> None:
    """The assignment table fills in what the row leaves open."""
    plan = good(
        "| ID | Task | Deps | Agent |\n|---|---|---|---|\n| a | x | | shell |\n| b | x | | - |\n\n"
        "| Task ID | Agent | Owner |\n|---|---|---|\n| a | Agent-07 | ana |\n| `b` | `Agent-08` | - |\n"
    )
    assert [("shell", "ana"), ("Agent-08", "")] == [(task.agent, task.assignee) for task in plan.tasks.values()]


def test_who_is_responsible_is_not_what_runs_it() -> None:
    """Two columns, two meanings; and the columns of a team beside them (rows S1-05, S1-06, S1-26)."""
    plan = good(
        "| ID | Task | Deps | Agent | Assigned To | Umbrella | Tags | Type |\n|---|---|---|---|---|---|---|---|\n"
        "| a | x | | - | | None | - | |\n"
        "| b | y | | shell | **db_specialist** | `a` | `#phase1`, db; phase1 | dev |\n"
    )
    task = plan.tasks["b"]
    assert ("shell", "db_specialist", "a", ("phase1", "db"), "dev") == (
        task.agent,
        task.assignee,
        task.parent,
        task.tags,
        task.type,
    )
    assert ("db_specialist", "db_specialist") == (task.label, task.worker)
    bare = plan.tasks["a"]
    assert ("", "", (), "") == (bare.assignee, bare.parent, bare.tags, bare.type)


def test_settings_and_line_numbers_below_front_matter() -> None:
    """Front matter is read, and every line counts from the top of the file."""
    plan = good("---\nmax_parallel: 8\ntimeout: 1h\nauthor: me\n---\n" + QUICK_START)
    assert plan.settings == {"max_parallel": 8, "timeout": 3600.0}
    assert plan.tasks["T-01"].where == "master_plan.md:14"


@pytest.mark.parametrize("above", ["\n", "\ufeff\r\n \r\n"])
def test_settings_below_blank_lines_count(above: str) -> None:
    """A blank line above the front matter takes away no budget, and stays there when we write."""
    text = (
        above + "---\nagent: shell\nbudget_usd: 1\n---\n" + QUICK_START + "\n| ID | Status |\n|---|---|\n| T-01 | |\n"
    )
    plan = good(text)
    assert {"agent": "shell", "budget_usd": 1.0} == plan.settings
    assert f"master_plan.md:{13 + above.count(chr(10))}" == plan.tasks["T-01"].where
    written = set_statuses(text.encode(), {"T-01": StatusCells(status="done")}.get)
    assert text.replace("| T-01 | |", "| T-01 | done |").encode() == written


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_bom_and_line_endings_change_nothing(ending: str) -> None:
    """A file from another system is the same plan."""
    assert good("\ufeff" + TEMPLATE.replace("\n", ending)) == good(TEMPLATE)


def test_our_own_sections_are_never_read_back() -> None:
    """A status table that we drew is no task table and no assignment, and shifts no line."""
    drawn = redraw(QUICK_START.encode(), {"status": "| Task ID | Agent | Status |\n|---|---|---|\n| X | y | z |"})
    above = b"<!-- orchestrator:x -->\n| ID | Task | Deps |\n|---|---|---|\n| Q | x | |\n<!-- /orchestrator:x -->\n"
    assert parse_plan(drawn, "master_plan.md") == (good(QUICK_START), [])
    plan, problems = parse_plan(above + drawn, "master_plan.md")
    assert problems == []
    assert plan.tasks["T-01"].where == "master_plan.md:14"


TABLE = "| ID | Task | Deps | Priority | Est. Time |\n|---|---|---|---|---|\n"


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (b"", ["p.md:1: the plan is empty"]),
        (b"\xef\xbb\xbf \n\n", ["p.md:1: the plan is empty"]),
        (b"# T\n\xff", ["p.md:2: the file is not UTF-8 text"]),
        (b"# T\n\n\0", ["p.md:3: the file has NUL bytes in it; it is damaged or not a text"]),
        ("# T\n\ntext\n", ["p.md:1: no task table found"]),
        ("<!--\n| ID | Task | Deps |\n|---|---|---|\n| a | x | |\n-->\n", ["p.md:1: no task table found"]),
        ("<p>\n| ID | Task | Deps |\n|--|--|--|\n| a | x | |\n", ["p.md:2: the task table stands in HTML"]),
        ("# T\n| ID | Task | Deps |\n| a | x | |\n", ["p.md:2: the task table has no line of dashes below its header"]),
        ("---\na: [\n---\n" + TABLE, ["p.md:"]),
        ("---\nretries: -1\n---\n" + TABLE + "| a | x |\n", ["p.md:2: setting retries: -1 is not between 0 and 1000"]),
        ("# T\n---\nstatus: planning\n---\n" + TABLE + "| a | x |\n", ["p.md:2: below other text, status counts"]),
        ("---\nretriez: 1\n---\n" + TABLE + "| a | x |\n", ["p.md:2: retriez is not a setting"]),
        (TABLE + "| a | x | a |\n", ["p.md:3: task a depends on itself"]),
        (TABLE + "| a | x | |\n| b | x | c |\n", ["p.md:4: task b depends on c, which is not in the plan"]),
        (TABLE + "| a | x | |\n| a | y | |\n", ["p.md:4: duplicate task id a, first used at p.md:3"]),
        (TABLE + "| ../x | x | |\n", ["p.md:3: bad task id '../x'"]),
        (TABLE + "| | x | |\n", ["p.md:3: a task without an id"]),
        (TABLE + "| a | x | b |\n| b | x | a |\n", ["p.md:3: the dependencies form a cycle of 2 tasks: a → b → a"]),
        (TABLE + "| a | x | | urgentish |\n", ["p.md:3: 'urgentish' is not a priority"]),
        (TABLE + "| a | x | | | 900 days |\n", ["p.md:3: estimate: '900 days' is longer than a year"]),
        ("| ID | Task | Due |\n|---|---|---|\n| a | x | 2026-02-30 |", ["p.md:3: deadline: '2026-02-30' is not"]),
        (TABLE + "| a | grep x | y | | | |\n", ["p.md:3: task a depends on y"]),
        (TABLE + "| a | x | | | 1m | more |\n", ["p.md:3: the row has 6 cells, its table has 5 columns"]),
        (TABLE + "| a | x | | | |\n\n| b | x | | | |\n", ["p.md:5: this row belongs to no table"]),
        (TABLE + "| a | x | | | |\n\n| ID | Agent |\n|---|---|\n| z | me |\n", ["p.md:7: z is assigned, but it"]),
        ("<<<<<<< HEAD\n" + TABLE + "| a | x |\n=======\n>>>>>>> other\n", ["p.md:1: an unresolved merge conflict"]),
        ("---\nretries: x\n---\n" + TABLE + "| a | x | q | ? |\n", ["p.md:2: ", "p.md:6: '?'", "p.md:6: task"]),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_run_says_why(text: str | bytes, problems: list[str]) -> None:
    """Every problem is found in one reading, with file and line, and there is no other."""
    found = said(text)
    assert len(found) == len(problems)
    assert all(one.startswith(other) for one, other in zip(found, problems, strict=True))


@pytest.mark.parametrize("sign", "\x07\x0b\x0c\x1c\x1f\x7f\x85\u2028\u2029")
def test_a_cell_is_one_line(sign: str) -> None:
    """What else ends one for some program, or does something to a terminal, is a blank in every text of a row."""
    text = f"echo a{sign}touch \x1b[31mb"
    table = "| ID | Task Name | Description | Deps | Expected | Input |\n|--|--|--|--|--|--|\n"
    task = good(f"{table}| a | {text} | {text} | | {text} | {text} |\n").tasks["a"]
    assert {"echo a touch b"} == {task.name, task.description, task.expected, task.inputs[0][1]}


@pytest.mark.parametrize("header", ["Deadline", "Due", "**due date**"])
def test_a_deadline_is_a_moment_or_refused(header: str) -> None:
    """A day means its end; a date that is not understood would be missed, so it is an error with its line."""
    table = f"| ID | Task | {header} |\n|---|---|---|\n"
    rows = "| a | x | 2026-03-01 |\n| b | x | `2026-03-01T14:00+02:00` |\n| c | x | TBD |\n| d | x | - |\n"
    tasks = good(table + rows).tasks
    assert [1772409599.0, 1772366400.0, 0.0, 0.0] == [task.deadline for task in tasks.values()]
    for date in ("end of Q3", "01.12.2026", "Friday", "12/31/2026", "Dec 1", "2026-13-01", "ASAP"):
        (problem,) = parse_plan(f"{table}| a | x | {date} |\n".encode(), "p.md")[1]
        assert ("bad_deadline", "p.md:3") == (problem.code, problem.where)


def test_an_estimate_in_words_goes_to_the_agent() -> None:
    """As a deadline that is no moment does; nothing that a person wrote is lost."""
    rows = "| a | x | 20h |\n| b | x | soon |\n| c | x | None |\n| d | x | |\n"
    tasks = good(f"| ID | Task | Est. Time |\n|---|---|---|\n{rows}").tasks
    assert [72_000.0, None, None, None] == [task.estimate for task in tasks.values()]
    assert [(), (("Estimate", "soon"),), (), ()] == [task.inputs for task in tasks.values()]


def test_every_problem_has_a_hint_and_ends_without_a_full_stop() -> None:
    """A message says what, where and what to do."""
    text = (
        "---\nretries: x\nretires: 1\n---\n"
        + TABLE
        + "| a | x | q | ? | 900 d |\n| ? | x | | | | 6 |\n\n| b | x | | | |\n"
    )
    _, problems = parse_plan(text.encode(), "p.md")
    assert len(problems) == 7
    assert all(problem.hint and problem.code and not f"{problem}{problem.hint}".endswith(".") for problem in problems)


@pytest.mark.parametrize("word", ["soon", "2-3 min", "5 points", "TBD", "-", "?", "1" * 60, "1 " * 19 + "x"])
def test_an_estimate_in_other_words_is_no_estimate(word: str) -> None:
    """Only the order of dispatch depends on estimates, so words in that column are nobody's error."""
    assert only("ID | Task | Deps | Estimate", f"| a | x | | {word} |").estimate is None


def test_many_problems_are_found_quickly_and_listed_in_part() -> None:
    """A plan of many rows with one systematic error is refused, with some of the rows."""

    def refused(size: int) -> None:
        rows = "".join(f"| T-{i} | x | X-{i} |\n" for i in range(size))
        assert len(said("| ID | Task | Deps |\n|---|---|---|\n" + rows)) == 50

    assert growth(refused, 2000) < 2.2
    refused(10_000)


def test_reading_takes_time_in_proportion_to_the_tasks() -> None:
    """Of ten thousand rows, too."""
    head = "| ID | Task | Deps | Priority |\n|---|---|---|---|\n| T-0 | x | | |\n| T-1 | x | | |\n"

    def read(size: int) -> None:
        rows = (f"| T-{i} | Do `{i}` | T-{i - 1}, T-{i // 2} | P1 |\n" for i in range(2, size))
        assert len(good(head + "".join(rows)).tasks) == size

    assert growth(read, 2000) < 2.2
    read(10_000)


@given(
    st.text(alphabet="|-: \nabT1`*#>\\,<!~", max_size=200) | st.text() | st.binary().map(lambda b: b.decode("latin-1"))
)
@example("| ID | Task | Deps |\n|---|---|---|\n| \\")
def test_no_text_breaks_the_reader(text: str) -> None:
    """Whatever the file holds, the answer is a plan without problems or at least one problem."""
    plan, problems = parse_plan(text.encode("utf-8", "surrogatepass"), "p.md")
    assert problems or all(TASK_ID.fullmatch(task_id) for task_id in plan.tasks)
    set_statuses(text.encode("utf-8", "replace"), {"a": StatusCells(status="x")}.get)


def test_an_arrow_in_a_request_is_no_quote() -> None:
    """Only the mark at the start of a line is taken off."""
    found = good(QUICK_START.replace("Analyze my TypeScript project", "Move a -> b, c => d\n> > e >"))
    assert found.request.startswith("Move a -> b, c => d\n> e > for code quality")
