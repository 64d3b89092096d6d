"""A text may begin like an option; what is an option of the command is one wherever it stands."""

from __future__ import annotations

import pytest

from orchestrator.cli.parser import sort_words

TAKES = {"--tag": True, "-p": True, "--json": False}


def test_options_may_stand_anywhere() -> None:
    """In both forms, and again and again."""
    words = sort_words(["--tag", "a", "text", "-p", "high", "--tag=b=c", "--json"], TAKES)
    assert words is not None
    assert ["text"] == words.others
    assert {"--tag": ["a", "b=c"], "-p": ["high"], "--json": [""]} == words.options


@pytest.mark.parametrize("text", ["- use JWT", "-", "--tags", "-p=high", "--json=1"])
def test_a_text_may_begin_like_an_option(text: str) -> None:
    """What is an option of the command is one wherever it stands, up to ``--``."""
    words = sort_words(["--tag", "-a", "T-01", text, "--json"], TAKES)
    assert words is not None
    assert ["T-01", text] == words.others
    assert {"--tag": ["-a"], "--json": [""]} == words.options
    assert None is sort_words(["T-01", text, "--tag"], TAKES)
    behind = sort_words(["--tag=a", "--", "T-01", "--json"], TAKES)
    assert (["T-01", "--json"], {"--tag": ["a"]}) == behind
