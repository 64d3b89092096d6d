"""A command line is read without click only when it can be meant in one way."""

from __future__ import annotations

import pytest

from orchestrator.cli.words import read_words

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
