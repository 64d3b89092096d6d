"""A command is told from a request; what may be either is a request, for a sentence must never be executed."""

from __future__ import annotations

import pytest

from orchestrator.core.script import is_command, program_of


@pytest.mark.parametrize(
    "text",
    [
        "echo hello",
        "ls /nonexistent",
        "ls",
        'pwd; echo "FOO=$FOO"',
        "FOO=1 make",
        "npm test",
        "git log --oneline",
        "find . -name '*.py'",
        "grep -rn TODO src",
        "sort names.txt | uniq -c > counts",
        "python3 -m pytest",
        "test -e x && rm y",
        "for i in 1 2 3; do echo $i; done",
        "echo 'the end of it and of us'",
    ],
)
def test_commands(text: str) -> None:
    """With an option, a path, a pipe, or a program whose name is no English verb."""
    assert is_command(text)


@pytest.mark.parametrize(
    "text",
    [
        "find bugs",
        "make tests",
        "test the login page",
        "sort the files in src/ by size",
        "install dependencies",
        "git bisect the regression",
        "write docs",
        "split the module into two",
        "who calls the API?",
        "kill all zombies",
        "time is money",
        "look at src/a.py and say what is wrong with it",
        "docker setup for the project",
    ],
)
def test_requests(text: str) -> None:
    """Their first word is a program as well."""
    assert not is_command(text)


def test_the_program_stands_behind_assignments() -> None:
    """As for a shell."""
    assert "make" == program_of("CC=gcc X=1 make all")
    assert "" == program_of(" ")
    assert "(" == program_of("(cd x)")
