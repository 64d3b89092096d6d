"""Front matter is plain data: what is more, or damaged, is refused with file and line."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.text import sanitize
from orchestrator.plan.front_matter import load_front_matter, misplaced, read_front_matter, read_settings
from tests.growth import growth


def read(text: str) -> tuple[dict[str, object], int, str]:
    front = read_front_matter(text.split("\n"), "f.md")
    return dict(front.data), front.body, str(front.problem or "")


def test_names_values_and_the_place_of_the_body() -> None:
    """The data is YAML's, names are as they were written, and the body begins below the closing mark."""
    front = read_front_matter(["---", "a: 1", "b: [x, {c: y}]", "", "on: 5m", "--- ", "body"], "f.md")
    assert front.data == {"a": 1, "b": ["x", {"c": "y"}], "on": "5m"}
    assert (front.body, front.lines, front.problem) == (6, {"a": 2, "b": 3, "on": 5}, None)


WORDS = st.sampled_from(
    ["agent", "claude", "true", "on", "y", "null", "0", "007", "42", "5m", "1h30m", "1e5", "-1", "a b", "", "~", "x_y"]
)


@given(st.lists(st.tuples(WORDS, WORDS), max_size=4))
def test_plain_lines_mean_what_yaml_says(pairs: list[tuple[str, str]]) -> None:
    """They are read without it; a comment makes them less plain."""
    lines = [f"{name}: {value}" for name, value in pairs]
    plain = read_front_matter(["---", *lines, "---"], "f.md")
    asked = read_front_matter(["---", *lines, "# by YAML", "---"], "f.md")
    assert (plain.data, plain.lines, plain.problem) == (asked.data, asked.lines, asked.problem)
    assert list(map(type, plain.data.values())) == list(map(type, asked.data.values()))


@pytest.mark.parametrize("text", ["", "text", "--- x\na: 1\n---", " ---\na: 1\n---", "----\n", "text\n---\na: 1\n---"])
def test_a_file_without_front_matter_has_none(text: str) -> None:
    """Only a first line that is exactly three dashes begins front matter."""
    assert read(text) == ({}, 0, "")


@pytest.mark.parametrize("above", [[""], ["", " \t", ""]])
@pytest.mark.parametrize("first", ["agent: shell", "# why\n\nagent: shell", '"agent": "shell"'])
def test_blank_lines_may_stand_above_it(above: list[str], first: str) -> None:
    """Nobody sees them; its lines count from the top of the file, also in what is said of them."""
    lines = [*above, "---", *first.split("\n"), "timeout: 1m", "---", "body"]
    front = read_front_matter(lines, "f.md")
    assert ({"agent": "shell", "timeout": "1m"}, None) == (front.data, front.problem)
    assert ("body", "timeout: 1m") == (lines[front.body], lines[front.lines["timeout"] - 1])
    twice = read_front_matter([*above, "---", "a: 1", "a: 2", "---"], "f.md").problem
    assert f"f.md:{len(above) + 3}: front matter: a is there twice, first in line {len(above) + 2}" == str(twice)
    never = read_front_matter([*above, "---", "a: 1"], "f.md").problem
    assert f"f.md:{len(above) + 1}: the front matter is never closed" == str(never)


@pytest.mark.parametrize(
    "text", ["", "---", "---\n\nSome prose: it is.\n\n---\n", "---\n# Title\n\nNote: x\n", "---\n| a: |\n---"]
)
def test_a_rule_below_blank_lines_is_no_front_matter(text: str) -> None:
    """A document may begin with a horizontal line, and prose below it is nobody's setting."""
    assert read(f"\n\n{text}") == ({}, 0, "")


def test_empty_front_matter_is_fine() -> None:
    """Two marks with nothing or only a comment between them are front matter without settings."""
    assert read("---\n---\nbody") == ({}, 2, "")
    assert read("---\n# timeout: 5m\n---\nbody") == ({}, 3, "")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("---\na: 1\nbody", "f.md:1: the front matter is never closed"),
        ("---\na: 1\nb: [1\n---", "f.md:4: front matter: "),
        ("---\na: 1\n\tb: 2\n---", "f.md:3: front matter: found "),
        ("---\n- a\n---", "f.md:2: front matter: not a mapping of names to values"),
        ("---\nwords\n---", "f.md:2: front matter: not a mapping of names to values"),
        ("---\na: 1\nb: 2\na: 3\n---", "f.md:4: front matter: a is there twice, first in line 2"),
        ("---\nx:\n  a: 1\n  a: 2\n---", "f.md:4: front matter: a is there twice, first in line 3"),
        ("---\na: &x 1\nb: *x\n---", "f.md:2: front matter: anchors and aliases are not allowed"),
        ("---\na: !!python/name:os.system\n---", "f.md:2: front matter: tags are not allowed"),
        ("---\n<<: {a: 1}\n---", "f.md:2: front matter: a name must be a plain word"),
        ("---\n[a]: 1\n---", "f.md:2: front matter: a name must be a plain word"),
        ("---\n1: a\n0x1: b\n---", "f.md:2: front matter: two names mean the same"),
        ("---\na: 2001-99-99\n---", "f.md:2: front matter: month must be in 1..12"),
        ("---\na: " + "[" * 50_000 + "\n---", "f.md:2: front matter: nested too deeply"),
        ("---\na: " + "x" * 600_000 + "\n---", "f.md:2: front matter: larger than 512 KiB"),
        ("---\na: 1\n---\n\n---\na: 2\n---\n", "f.md:5: a second front matter follows the first"),
    ],
)
@pytest.mark.usefixtures("no_garbage")
def test_what_is_not_plain_data_is_refused_with_its_line(text: str, problem: str) -> None:
    """Every refusal names file and line, and nothing of the front matter is used except what stands before a second."""
    assert read(text)[2].startswith(problem)


def test_a_rule_between_paragraphs_is_no_second_front_matter() -> None:
    """A body may begin with a horizontal line."""
    assert read("---\na: 1\n---\n---\nNote: x\n---\n")[2] == ""


@given(st.text())
@example("a: \x00")
@example("%YAML 9.9")
@example("a: =\nb: yes")
@example("a: " + "9" * 5000)
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    """Whatever stands between the marks is data or a problem, never a crash."""
    data, _, problem = read(f"---\n{text}\n---\n")
    assert not (data and problem and "second" not in problem)
    load_front_matter(f"---\n{text}\n---\n")


TEXT = st.text().map(sanitize)


@given(st.dictionaries(st.text("ab1 :-é", min_size=1), TEXT | st.integers() | st.lists(TEXT)))
def test_what_is_written_as_json_is_read_back(data: dict[str, object]) -> None:
    """State files write every value as JSON; the reader returns exactly that."""
    lines = [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in data.items()]
    text = "\n".join(["---", *lines, "---", "body", "---", ""])
    assert load_front_matter(text) == data
    assert load_front_matter("\ufeff" + text.replace("\n", "\r\n")) == load_front_matter(text)


@pytest.mark.parametrize(
    "text", ["", "x", "---\n", "---\na: 1\n", "---\n- a\n---\n", "---\na: 1\n---\n---\na: 2\n---\n"]
)
def test_damaged_front_matter_is_none(text: str) -> None:
    """Truncated, foreign or doubled front matter of a state file is not believed."""
    assert load_front_matter(text) is None


def test_settings_are_read_and_what_is_nobodys_is_left_alone() -> None:
    """Known names are checked and put into their unit; names of other tools pass without a word."""
    front = read_front_matter(["---", "timeout: 5m", "retries: 0", "title: x", "mode: y", "---"], "f.md")
    assert read_settings(front, "f.md") == ({"timeout": 300.0, "retries": 0}, [])


@pytest.mark.parametrize(
    ("line", "of_task", "problem", "hint"),
    [
        ("retries: many", False, "setting retries: 'many' is not a whole number", "correct or remove it"),
        ("timeout: 0", False, "setting timeout: a duration of 0 is not allowed here", "correct or remove it"),
        ("timeuot: 5m", False, "timeuot is not a setting", "did you mean timeout?"),
        ("max-parallel: 5", False, "max-parallel is not a setting", "did you mean max_parallel?"),
        ("Timeout: 5", False, "Timeout is not a setting", "did you mean timeout?"),
        ("budget: 5", False, "budget is not a setting", "did you mean budget_usd?"),
        ("Max Cost: 5", True, "Max Cost is not a setting", "did you mean budget_usd?"),
        ("max_attempts: 1", True, "max_attempts is not a setting", "did you mean retries?"),
        ("retry: 5", False, "retry is not a setting", "did you mean retries?"),
        ("retrys: 5", True, "retrys is not a setting", "did you mean retries?"),
        ("max_retry: 5", True, "max_retry is not a setting", "did you mean retries?"),
        ("retry-backoff: 5", False, "retry-backoff is not a setting", "did you mean retry_delay?"),
        ("permissions: plan", True, "permissions is not a setting", "did you mean permission_mode?"),
        ("working_dir: .", False, "working_dir is not a setting", "did you mean workdir?"),
        ("workers: 5", False, "workers is not a setting", "did you mean max_parallel?"),
        ("parallel: 5", False, "parallel is not a setting", "did you mean max_parallel?"),
        ("environment: {A: b}", True, "environment is not a setting", "did you mean env?"),
        ("max_parallel: 5", True, "max_parallel is a setting of the whole run, not of one task",
         "move it to the front matter of master_plan.md"),
    ],
)  # fmt: skip
def test_a_setting_that_makes_no_sense_is_named(line: str, of_task: bool, problem: str, hint: str) -> None:
    """Bad values, misspelt names and settings in the wrong file are problems with line and hint, not silence."""
    front = read_front_matter(["---", "x: 1", line, "---"], "f.md")
    settings, problems = read_settings(front, "f.md", of_task=of_task)
    assert settings == {}
    assert [(str(each), each.hint) for each in problems] == [(f"f.md:3: {problem}", hint)]


@pytest.mark.parametrize("above", ["# Title", "# Title\n", "<!-- licence -->", "<!--\nwords\n-->\n"])
@pytest.mark.parametrize(
    "inside", ["timeout: 1s", "title: x\ntimeout: 1s  # why", "# why\nTitle: x\nadd_dirs:\n- a\n  - b\n'timeout': 1s"]
)
def test_settings_below_a_title_or_a_comment_are_named(above: str, inside: str) -> None:
    """They would count for nothing, and nobody would know."""
    lines = f"{above}\n---\n{inside}\n---\nwords".split("\n")
    name = "add_dirs" if "add_dirs" in inside else "timeout"
    (problem,) = misplaced(lines, "f.md")
    assert "misplaced_setting" == problem.code
    at = lines.index("---") + 1
    assert f"f.md:{at}: below other text, {name} counts for nothing" == str(problem)


@pytest.mark.parametrize(
    "text",
    [
        "# T\n\n---\n\nWords.\n\n---\n",
        "# T\n---\ntimeout: 1s\n",
        "# T\n---\ntimeout: 1s\n| a | b |\n---\n",
        "# T\n---\nTimeout: a second\n---\n",
        "# T\n---\ntitle: x\n---\n",
        "# T\n---\nmodel: x\n\nof words\n\n---\n",
        "# T\n----\nmodel: x\n----\n",
        "# T\n\n    ---\n    model: x\n    ---\n",
        "> ---\n> model: x\n> ---\n",
        "# T\n```\n---\nmodel: x\n---\n```\n",
        "~~~md\n```\n---\nmodel: x\n---\n~~~\n",
        "<!--\n---\nmodel: x\n---\n-->\n",
    ],
)
@pytest.mark.parametrize("below_words", [False, True])
def test_rules_prose_and_what_is_shown_are_no_settings(text: str, *, below_words: bool) -> None:
    """Thematic breaks, headings that are underlined, fences, quotes and comments may have anything."""
    assert [] == misplaced(text.split("\n"), "f.md", below_words=below_words)


def test_what_an_agent_is_told_to_write_is_no_setting() -> None:
    """Below the first words of a text for one; a plan is for us."""
    lines = ["# T", "", "Write this file:", "", "---", "model: x", "---"]
    assert [] == misplaced(lines, "f.md")
    assert ["f.md:5"] == [each.where for each in misplaced(lines, "f.md", below_words=True)]


@pytest.mark.parametrize("line", ["---", "---\na: 1", "```\n```", "<!-- -->", "words"])
def test_looking_for_them_takes_time_in_proportion_to_the_lines(line: str) -> None:
    assert growth(lambda n: misplaced(["# T", *line.split("\n") * n], "f", below_words=True), 2000) < 2.2
