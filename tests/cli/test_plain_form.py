"""A command line is read without click only when it can be meant in one way."""

from __future__ import annotations

import pytest

from orchestrator.cli.plain_form import read_words

TAKES = {"--tag": True, "-p": True, "--json": False}


def test_options_may_stand_anywhere() -> None:
    """In both forms, and again and again."""
    words = read_words(["--tag", "a", "text", "-p", "high", "--tag=b=c", "--json"], TAKES)
    assert words is not None
    assert (["text"], ["a", "b=c"], "high") == (
        words.others,
        words.every("--tag"),
        words.last("--x", "-p"),
    )
    assert "--json" in words.options
    assert ([], "") == (list(words.every("--x")), words.last("--x"))


@pytest.mark.parametrize("text", ["- use JWT", "-", "--tags", "-p=high", "--json=1"])
def test_a_text_may_begin_like_an_option(text: str) -> None:
    """In a command that takes one; what is an option of it is one wherever it stands, up to ``--``."""
    words = read_words(["--tag", "-a", "T-01", text, "--json"], TAKES, has_text=True)
    assert words is not None
    assert ["T-01", text] == words.others
    assert {"--tag": ["-a"], "--json": [""]} == words.options
    assert None is read_words(["T-01", text, "--tag"], TAKES, has_text=True)
    behind = read_words(["--tag=a", "--", "T-01", "--json"], TAKES, has_text=True)
    assert (["T-01", "--json"], {"--tag": ["a"]}) == behind


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["-h"],
        ["--ta", "a"],
        ["--tag"],
        ["--tag", "--json"],
        ["--tag", "-1"],
        ["-phigh"],
        ["-p=high"],
        ["--json=1"],
        ["--", "text"],
        ["-x"],
    ],
)
def test_everything_else_is_left_to_click(words: list[str]) -> None:
    assert read_words(["text", *words], TAKES) is None
