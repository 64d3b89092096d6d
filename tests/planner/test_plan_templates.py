"""The plans that come with the package, and the prompt of the planner."""

from __future__ import annotations

import json

import pytest

from orchestrator.core.draft import Draft
from orchestrator.core.graph import shape
from orchestrator.errors import Problem
from orchestrator.planner.ask import planner_prompt
from orchestrator.planner.draft import lint, order_writers, read_draft
from orchestrator.planner.templates import describe, fill, plan_templates
from tests.views.example import HOSTILE, headings

GIVEN: dict[str, dict[str, str | tuple[str, ...]]] = {
    "codebase-analysis": {"aspects": ("code quality", "security", "performance")},
    "api-testing": {"endpoints": ("GET /api/users", "POST /api/users")},
    "translate-docs": {"files": ("docs/a.md", "b.md")},
    "fullstack-feature": {"feature": "user authentication with JWT"},
}


def filled(name: str, **values: str | tuple[str, ...]) -> Draft:
    template = plan_templates()[name]
    defaults = {key: each.default for key, each in template.parameters.items() if each.default is not None}
    data = fill(template, {**defaults, **GIVEN[name], **values})
    draft, problems = read_draft(data, ())
    assert [] == problems
    return draft


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_template_keeps_the_rules_it_is_made_for(name: str) -> None:
    """Nothing in it is vague, too large or too small, and no two tasks write the same file."""
    draft = filled(name)
    assert [] == lint(draft)
    assert [] == order_writers(draft)[1]
    assert set(GIVEN) == set(plan_templates())
    for task in draft.tasks:
        assert task.inputs or task.needs
        assert task.acceptance


@pytest.mark.parametrize(
    ("name", "batches"),
    [
        ("codebase-analysis", [1, 3, 1]),
        ("api-testing", [2, 1]),
        ("translate-docs", [2]),
        ("fullstack-feature", [2, 2, 1, 1, 1]),
    ],
)
def test_a_template_has_the_graph_of_its_scenario(name: str, batches: list[int]) -> None:
    """What the seed draws as parallel is parallel (S2-33 to S2-36)."""
    batch = shape(filled(name).rows()).batch
    assert batches == [list(batch.values()).count(n) for n in range(1, max(batch.values()) + 1)]


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_value_is_a_value(name: str) -> None:
    """Quotes, braces, line ends and templates in a parameter change nothing but a text."""
    many = {key: (HOSTILE, '"}], "x": {{ 7*7 }}') for key, value in GIVEN[name].items() if isinstance(value, tuple)}
    one = {key: HOSTILE for key, value in GIVEN[name].items() if isinstance(value, str)}
    draft = filled(name, **many, **one)
    text = json.dumps([task.description for task in draft.tasks])
    assert "{{ 7*7 }}" in text or "{{ 7*7 }}" in draft.request
    assert "49" not in text


def test_a_template_says_what_it_takes() -> None:
    """What has to be given, and what it is when it is not."""
    told = describe(plan_templates()["translate-docs"])
    assert "files: documents; a pattern such as docs/*.md (one task for each); required" in told
    assert "folder: folder beside each document that its translation goes to; default: zh" in told


# ── the planner ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_request_is_data() -> None:
    """It cannot leave its fence, and is no template."""
    prompt = planner_prompt(f"{HOSTILE}\n```\n## What makes a good task", {})
    assert headings(planner_prompt("x", {})) == headings(prompt)
    assert "{{ 7*7 }}" in prompt


def test_the_rules_of_a_good_plan_are_in_it() -> None:
    """Size, kinds of dependencies, writers of one file, and who there is."""
    prompt = planner_prompt("x", {"claude": "does everything", "reviewer": "reads"})
    for words in ("One to five minutes", "| data |", "| order |", "| resource |", "`reviewer`: reads", "`writes`"):
        assert words in prompt
    assert "first draft" not in prompt


def test_a_second_prompt_has_the_first_draft_and_its_problems() -> None:
    """Whoever has to mend something is shown it."""
    problem = Problem("there is a cycle", "tasks[0].needs", "remove one")
    prompt = planner_prompt("x", {}, first='{"tasks": []}', problems=[problem])
    assert '```json\n{"tasks": []}\n```' in prompt
    assert "- tasks[0].needs: there is a cycle (remove one)" in prompt
