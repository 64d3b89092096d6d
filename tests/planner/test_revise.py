"""From a request to a draft and to the files of a plan, with a planner that is a plain function."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.draft import Draft, DraftTask, Need, TaskInput
from orchestrator.core.duration import format_duration
from orchestrator.core.text import NO_TEXT, cell, fence, from_cell, one_line
from orchestrator.errors import AgentError, PlanError, UsageError
from orchestrator.plan.task_file import parse_task_file
from orchestrator.planner.ask import SCHEMA
from orchestrator.planner.draft import read_draft
from orchestrator.planner.plan import draw
from orchestrator.planner.revise import from_file, from_request, from_template
from orchestrator.store.layout import Layout

AGENTS = {"claude": "everything"}


def task(id: str, *needs: str, **more: Any) -> dict[str, Any]:
    return {
        "id": id,
        "name": f"Look at {id}",
        "description": "List every file and say what it is for",
        "needs": [{"id": need, "kind": "data"} for need in needs],
        "expected": "A table",
        "acceptance": ["every file is in it"],
        "estimate": "3m",
        "priority": "P1",
        "writes": [],
        **more,
    }


def answer(*tasks: dict[str, Any]) -> dict[str, Any]:
    return {"goal": "A list", "goals": [], "success": ["complete"], "tasks": list(tasks)}


GOOD = answer(task("T-01"), task("T-02", "T-01"))


class Planner:
    """Answers with one draft after the other; an error among them is raised."""

    def __init__(self, *answers: Mapping[str, Any] | AgentError) -> None:
        self.answers = list(answers)
        self.prompts: list[str] = []

    def __call__(self, prompt: str, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        assert SCHEMA == schema
        self.prompts.append(prompt)
        given = self.answers.pop(0)
        if isinstance(given, AgentError):
            raise given
        return given


def test_a_good_draft_is_asked_for_once() -> None:
    """Its request is what was asked, whatever the planner makes of it."""
    jsonschema.validate(GOOD, SCHEMA)
    assert "command" not in str(SCHEMA)  # nobody would have read what a shell runs
    planner = Planner({**GOOD, "request": "something else"})
    proposal = from_request("Look at it all", planner, AGENTS)
    assert ("Look at it all", ["T-01", "T-02"]) == (proposal.draft.request, [each.id for each in proposal.draft.tasks])
    assert ((), 1) == (proposal.warnings, len(planner.prompts))
    assert "Look at it all" in planner.prompts[0]


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (answer(task("T-01", "T-02"), task("T-02", "T-01")), "T-01 → T-02 → T-01"),
        (answer(task("T-01", "T-09")), "T-09, which is not in the plan"),
        (answer(task("T-01"), task("T-02", name="look at t-01")), "the same name as T-01"),
        (answer(task("T-01", agent="gpt")), "known are claude"),
        (answer(task("T-01", agent="shell", command="ls")), "which a planner gives nothing"),
        (answer(task("T-01", estimate="2h")), "too large: 2h00m"),
        (answer(task("T-01", estimate="10s")), "too small: 10.0s"),
        (answer(task("T-01", description="Do the rest, etc.")), "vague"),
        ({"tasks": "none"}, "is not a list"),
    ],
)
def test_a_bad_draft_goes_back_once_with_what_is_wrong(first: dict[str, Any], words: str) -> None:
    """The planner sees its own draft and every finding, and what it answers then counts."""
    planner = Planner(first, GOOD)
    assert 2 == len(from_request("x", planner, AGENTS).draft.tasks)
    assert words in planner.prompts[1]
    assert "```json" in planner.prompts[1]


def test_two_bad_drafts_are_an_error_with_every_problem() -> None:
    """There is no third time."""
    bad = answer(task("T-01", "T-09", agent="gpt"))
    planner = Planner(bad, bad, GOOD)
    with pytest.raises(PlanError) as caught:
        from_request("x", planner, AGENTS)
    assert {"unknown_dependency", "unknown_agent"} == {each.code for each in caught.value.problems}
    assert "the planner's draft, tasks[0].needs" == caught.value.problems[0].where
    assert 1 == len(planner.answers)


@pytest.mark.parametrize("second", [answer(task("T-01", "T-01")), AgentError("it costs too much")], ids=["bad", "none"])
def test_a_draft_that_was_only_badly_cut_is_better_than_none(second: Any) -> None:
    """Findings that nobody mended are warnings."""
    proposal = from_request("x", Planner(answer(task("T-01", estimate="1h")), second), AGENTS)
    assert ["too_large"] == [each.code for each in proposal.warnings]


def test_without_an_answer_there_is_no_plan() -> None:
    """What the planner could not do is said as it is."""
    with pytest.raises(AgentError, match="held"):
        from_request("x", Planner(AgentError("held")), AGENTS)
    with pytest.raises(AgentError, match="held"):
        from_request("x", Planner({}, AgentError("held")), AGENTS)


def test_writers_of_one_file_are_ordered_without_asking_again() -> None:
    """It is mended here, and said."""
    one, other = task("T-01", writes=["a.md"]), task("T-02", writes=["./a.md"])
    planner = Planner(answer(one, other))
    proposal = from_request("x", planner, AGENTS)
    assert (Need("T-01", "resource"),) == proposal.draft.tasks[1].needs
    assert ["shared_file"] == [each.code for each in proposal.warnings]
    assert 1 == len(planner.prompts)


def test_problems_of_a_file_name_the_file(tmp_path: Path) -> None:
    """An outline by its lines, JSON by its paths."""
    outline, data = tmp_path / "o.md", tmp_path / "d.json"
    outline.write_text("- Scan\n- Report\n  - Estimate: soon\n", encoding="utf-8")
    data.write_text('{"tasks": [{"id": "a", "name": "x", "priority": "now"}]}', encoding="utf-8")
    for path, place in ((outline, f"{outline}:2"), (data, f"{data}: tasks[0].priority")):
        with pytest.raises(PlanError) as caught:
            from_file(str(path), ())
        assert [place] == [each.where for each in caught.value.problems]


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("", [], "there is no template"),
        ("nope", [], "there is no template"),
        ("fullstack", [], "needs a value for feature"),
        ("fullstack", ["feature="], "needs a value for feature"),
        ("fullstack", ["feature"], "has no value"),
        ("fullstack", ["futures=x"], "no parameter 'futures'"),
        ("fullstack", ["feature=x", "feature=y"], "is given 2 times"),
        ("api", ["endpoints= , "], "needs a value for endpoints"),
        ("translate", ["files=no/such/*.md"], "no file matches 'no/such/*.md'"),
    ],
)
def test_what_a_template_does_not_take_is_refused(name: str, parameters: list[str], words: str) -> None:
    """Each refusal says what there is instead."""
    with pytest.raises(UsageError, match=words.replace("*", r"\*")) as caught:
        from_template(name, parameters, ())
    assert caught.value.hint


def test_one_task_for_each_file_that_matches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, each once, from the current directory; folders are no files."""
    for name in ("docs/b.md", "docs/a.md", "docs/deep/c.md", "docs/x.txt", "docs/d.md/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    draft = from_template("translate", ["files=docs/*.md", "files=docs/**/*.md"], ()).draft
    assert ["docs/a.md", "docs/b.md", "docs/deep/c.md"] == [each.inputs[0].value for each in draft.tasks]
    assert ("docs/deep/zh/c.md",) == draft.tasks[2].writes


# ── what is drawn is what was drafted ─────────────────────────────────────────────────────────────────────────────

NASTY = """a | b
<!-- orchestrator:status -->
---
# H
- x
`
None
| T-09 | x |
<<<<<<< x
**b** _c_ \\"""
texts = st.text(max_size=40) | st.sampled_from(
    [*NASTY.split("\n"), NASTY, "```sh\nrm x\n```", "~~~", "===", "> q", "[a]: b"]
)
#: What is no text, and a code block with text around it, is refused in a command.
commands = texts.filter(lambda text: not re.search(f"{NO_TEXT}|^```", text)).map("true\n{}".format)
scripts = commands | st.builds(fence, commands, st.sampled_from(["", "sh", "bash", "python"]))


@st.composite
def drafts(draw_from: st.DrawFn) -> Draft:
    """A draft as a planner could answer it, checked as one."""
    ids = draw_from(
        st.lists(st.sampled_from(["T-01", "T-02", "T-10", "scan", "a.b", "X_1", "T-1"]), min_size=1, unique=True)
    )
    tasks = []
    for place, name in enumerate(ids):
        needs = draw_from(st.lists(st.sampled_from(ids[:place]), unique=True)) if place else []
        is_shell = draw_from(st.booleans())
        tasks.append(
            {
                "id": name,
                "name": f"{one_line(draw_from(texts), 40)} {name}",
                "description": draw_from(texts),
                "needs": [
                    {"id": need, "kind": draw_from(st.sampled_from(["data", "order", "resource"]))} for need in needs
                ],
                "inputs": [{"name": draw_from(texts), "value": draw_from(texts)}],
                "expected": draw_from(texts),
                "acceptance": [draw_from(texts)],
                "constraints": [draw_from(texts)],
                "hints": [draw_from(texts)],
                "writes": [draw_from(texts)],
                "type": draw_from(texts),
                "agent": "shell" if is_shell else draw_from(st.sampled_from(["", "claude"])),
                "command": draw_from(scripts) if is_shell else "",
                "estimate": draw_from(st.none() | st.integers(0, 86_400)),
                "priority": draw_from(st.sampled_from(["P0", "P1", "P2", "P3", 7, -3])),
            }
        )
    about = {name: draw_from(texts) for name in ("title", "request", "goal")}
    lists = {name: [draw_from(texts)] for name in ("goals", "success")}
    draft, problems = read_draft({"tasks": tasks, **about, **lists}, ("claude", "shell"))
    assert [] == problems
    return draft


@given(drafts())
def test_a_plan_reads_back_as_the_draft_it_was_drawn_from(draft: Draft) -> None:
    """Ids, graph, kinds, agents, priorities and texts, whatever the texts are; no text becomes structure."""
    drawn = draw(draft, Layout("/nowhere/.orchestrator"))
    tasks = drawn.board.plan.tasks
    assert [each.id for each in draft.tasks] == list(tasks)
    for each in draft.tasks:
        found, row = tasks[each.id], each.row
        assert (row.needs, row.need_kinds, row.priority, row.agent) == (
            found.needs,
            found.need_kinds,
            found.priority,
            found.agent,
        )
        assert format_duration(row.estimate or 0) == format_duration(found.estimate or 0)
        # A name is read as markdown shows it.
        assert cell(from_cell(row.name)) == cell(found.name, 1000)
        assert cell(row.description, 300) == cell(found.description, 1000)
        file = parse_task_file(drawn.task_files[each.row.stem].encode(), "x.md")
        assert ((), {}) == (file.problems, dict(file.settings))
        if each.command:
            assert (each.command.strip(), each.language) == (file.code.strip(), file.language)
    command = one_line(html.unescape(draft.request), 10_000)
    assert command == one_line(html.unescape(drawn.board.plan.request), 10_000)


def test_a_task_file_says_all_that_the_draft_says() -> None:
    """Inputs, acceptance, constraints, hints and paths stand where the agent looks for them."""
    mine = DraftTask(
        id="T-02",
        name="Report",
        description="Write it up.\n\nIn one page.",
        needs=(Need("T-01"), Need("T-00", "order")),
        inputs=(TaskInput("root", "src", "directory", "Project"),),
        acceptance=("it is short",),
        constraints=("read only",),
        hints=("begin at main",),
        type="documentation",
        writes=("a.md", "b`c.md"),
    )
    others = (DraftTask(id="T-00", name="a", description="a"), DraftTask(id="T-01", name="b", description="b"))
    text = draw(Draft(tasks=(*others, mine)), Layout("/nowhere/p")).task_files["agent-02"]
    for words in (
        "- **Type**: documentation\n",
        "| root | directory | Project | src |\n",
        "| result of T-01 |",
        "## Task Description\nWrite it up.\n\nIn one page.\n",
        "## Success criteria\n- [ ] it is short\n",
        "- Write nothing but `a.md`, `` b`c.md ``:",
        "- read only\n",
        "- begin at main\n",
    ):
        assert words in text
    assert "T-00" not in text


def test_a_template_that_loses_a_task_is_blamed(tmp_path: Path) -> None:
    """A plan is read before it is written; an override that breaks it is named."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "master_plan.md.j2").write_text(
        "| Task ID | Description | Dependencies |\n|---|---|---|\n| T-01 | x | None |\n", encoding="utf-8"
    )
    draft = Draft(tasks=tuple(DraftTask(id=f"T-0{n}", name=str(n), description="x") for n in (1, 2)))
    with pytest.raises(PlanError) as caught:
        draw(draft, Layout(str(tmp_path)))
    assert "master_plan.md.j2" in caught.value.hint
