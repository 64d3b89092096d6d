"""Names that were meant to be others."""

from __future__ import annotations

import pytest

from orchestrator.core.ids import similar_name

KNOWN = ("claude", "shell", "qa", "code-reviewer")


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("claud", "claude"),
        ("claudde", "claude"),
        ("clxude", "claude"),
        ("cluade", "claude"),
        ("Shell", "shell"),
        ("code-reviewr", "code-reviewer"),
        ("xshell", "shell"),
        ("shelll", "shell"),
    ],
)
def test_one_slip_is_a_typo(word: str, name: str) -> None:
    assert name == similar_name(word, KNOWN)


@pytest.mark.parametrize("word", ["", "qb", "db_specialist", "claude2", "2claude", "shelves", "claude-code", "lcauded"])
def test_anything_else_is_a_name_of_its_own(word: str) -> None:
    assert similar_name(word, KNOWN) == ""
