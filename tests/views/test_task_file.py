"""The assignment of a task."""

from __future__ import annotations

from orchestrator.core.settings import Settings
from orchestrator.views.task_file import task_file
from tests.views.example import HOSTILE, headings, tables, task

SECTIONS = ["Task Information", "Input", "Task Description", "Expected Output", "Constraints", "Hints"]


def test_it_has_the_sections_of_the_seed_in_order() -> None:
    """Whoever knows the seed's template finds everything in its place (S2-56 to S2-60)."""
    text = task_file(task("T-01", "Scan files", priority=100, estimate=180.0), Settings(), None, [])
    assert ["# 🤖 Agent-01 Task Assignment", *(f"## {each}" for each in SECTIONS)] == headings(text)
    for line in ("ID**: T-01", "Name**: Scan files", "**Priority**: P1", "**Estimated Time**: 3m00s"):
        assert line in text


def test_an_unknown_estimate_is_left_out() -> None:
    """Nothing is said about what nobody knows."""
    assert "Estimated" not in task_file(task("T-01"), Settings(), None, [])


def test_inputs_are_the_results_of_what_it_needs_and_the_plan_s_own_columns() -> None:
    """The table says where everything that the task works from comes from (S2-57, S2-65)."""
    mine = task("T-02", "Check", "T-01", inputs=(("Language", "zh | cn"),))
    (table,) = tables(task_file(mine, Settings(), None, [task("T-01", "Scan")]))
    assert ["Parameter", "Type", "Source", "Value"] == table[0]
    assert ["file", "T-01 · Scan", "`results/agent-01-result.md` in the plan directory"] == table[1][1:]
    assert ["Language", "string", "Master plan", "zh | cn"] == table[2]


def test_what_the_plan_expects_stands_there_as_it_was_written() -> None:
    """The cell of the plan is the whole of Expected Output."""
    text = task_file(task("T-01", expected="One page"), Settings(), None, [])
    assert "## Expected Output\nOne page\n" in text


def test_a_format_of_text_is_asked_for() -> None:
    """An agent whose answer is shown as text is not asked for Markdown."""
    text = task_file(task("T-01"), Settings(format="text"), None, [])
    assert "plain text" in text
    assert "Markdown" not in text


def test_a_command_stands_in_the_first_code_block_byte_for_byte() -> None:
    """For the shell agent the description is what runs; nothing in it can end its block."""
    command = "printf '```\\n' | tee \"a b\"\n\ttrue"
    text = task_file(task("T-01", description=command), Settings(), None, [], shell=True)
    assert f"## Task Description\n````sh\n{command}\n````\n" in text
    assert SECTIONS == [each[3:] for each in headings(text)[1:]]


def test_who_reads_the_file_of_a_command_learns_what_runs_and_what_it_gets() -> None:
    """Nobody is told to write Markdown where a command answers."""
    alone = task_file(task("T-01"), Settings(), None, [], shell=True)
    assert "- What runs is the first code block of this file" in alone
    assert "What the command prints" in alone
    assert "standard input" not in alone
    assert "Markdown" not in alone
    after = task_file(task("T-02", "b", "T-01"), Settings(), None, [task("T-01")], shell=True)
    assert "- What the tasks named under Input answered is the standard input" in after


def test_nothing_in_a_name_is_taken_for_structure() -> None:
    """A name cannot add sections, rows or marks, and is no template."""
    mine = task("T-02", HOSTILE, "T-01", description="{{ 7*7 }}", inputs=((HOSTILE, HOSTILE),))
    text = task_file(mine, Settings(), None, [task("T-01", HOSTILE)])
    assert SECTIONS == [each[3:] for each in headings(text)[1:]]
    assert [4, 4, 4] == [len(row) for row in tables(text)[0]]
    assert "<!--" not in text
    assert "\n{{ 7*7 }}\n" in text
