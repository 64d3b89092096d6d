"""What is run of a command that stands in a document: never the marks around it."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.core.script import Script, command_in, is_half_merged, script_of
from orchestrator.core.text import fence
from orchestrator.errors import AgentError


@pytest.mark.parametrize(
    ("text", "code", "language"),
    [
        ("wc -l x", "wc -l x", "sh"),
        (" cd x\n  make\n", "cd x\n  make", "sh"),
        ("`wc -l x`", "wc -l x", "sh"),
        ("``echo `date` ``", "echo `date`", "sh"),
        ("`date` `date`", "`date` `date`", "sh"),
        ("echo `date`", "echo `date`", "sh"),
        ("`cd x\nmake`", "cd x\nmake", "sh"),
        ("```\nls | wc -l\n```", "ls | wc -l", "sh"),
        ("```sh\nls | wc -l\n```\n", "ls | wc -l", "sh"),
        ("``` console first\n  ls\n\nwc\n   ```", "  ls\n\nwc", "sh"),
        ("```sh\r\nls\r\n```", "ls", "sh"),
        ("~~~bash\nls\n~~~", "ls", "bash"),
        ("```python\nprint(2**3)\n```", "print(2**3)", "python"),
        ("```py\nprint(1)", "print(1)", "python"),
        ("````sh\ncat <<X\n```sh\nls\n```\nX\n````", "cat <<X\n```sh\nls\n```\nX", "sh"),
        ("cat <<X\nTitle\n~~~~~\nX", "cat <<X\nTitle\n~~~~~\nX", "sh"),
        ("", "", "sh"),
    ],
)
def test_marks_around_a_command_are_not_run(text: str, code: str, language: str) -> None:
    """They only say that it is one, and a code block what it is written in."""
    assert (code, language) == script_of(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo first\n```sh\necho x\n```", "text around it"),
        ("```sh\necho x\n```\nand then\n", "text around it"),
        ("```sh\ncd x\n```\n```sh\nmake\n```", "text around it"),
        ("```sh\nls\n```\n```", "text around it"),
        ("say it\n```sh\n```", "text around it"),
        ("```julia\nx = 1\n```", "nobody here runs a code block in julia"),
        ("```sh\n```", "there is no command in it"),
        ("```sh\n\n```", "there is no command in it"),
        ("~~~sh\n~~~", "there is no command in it"),
        ("```sh", "there is no command in it"),
        ("```", "there is no command in it"),
        ("` `", "there is no command in it"),
        ("```sh```", "on the lines below"),
        ("```wc -l x```", "on the lines below"),
        ("```sh make```\nmake", "on the lines below"),
        ("ls\n```sh```", "text around it"),
    ],
)
def test_what_may_be_meant_in_two_ways_is_refused(text: str, words: str) -> None:
    """Half of it would be run, or the marks would."""
    with pytest.raises(ValueError, match=words):
        script_of(text)


@given(st.text("`~ \nabsh", max_size=30), st.sampled_from(["sh", "bash", "python"]))
def test_a_code_block_of_ours_is_read_as_it_was_written(code: str, language: str) -> None:
    """Whatever stands in it."""
    assume(code.strip())
    assert Script(code.rstrip("\n"), language) == script_of(fence(code, language))


@given(st.text("`~ \nsh", max_size=30))
def test_no_line_of_backticks_is_left_for_a_shell(text: str) -> None:
    """Unless it stands in a code block, where it is a part of the script."""
    try:
        code = script_of(text).code
    except ValueError:
        return
    assert code in text
    if not text.strip().startswith(("```", "~~~")):
        assert not re.search("(?m)^ {0,3}```", code)


MERGE = "<<<<<<< HEAD\nmake\n=======\nmake all\n>>>>>>> b\n"


@pytest.mark.parametrize(
    ("expected", "script"),
    [
        (True, MERGE),
        (True, f'cd x\necho "it\'s" # all of it\n{MERGE}make\n'),
        (True, f"cd x\r\n{MERGE}".replace("\n", "\r\n")),
        (False, f"cat <<END\n{MERGE}END\n"),
        (False, f"echo '\n{MERGE}'\n"),
        (False, f'echo "it\'s\n{MERGE}"\n'),
        (False, f"# don't\necho 'a\n{MERGE}'\n"),
        (False, f'echo ${{x#y}} "a\n{MERGE}"\n'),
        (False, "<<<<<<< HEAD\n>>>>>>> b\n"),
        (False, "make\n"),
    ],
)
def test_a_merge_is_known_where_no_script_could_show_one(expected: bool, script: str) -> None:
    """A here-document or a quotation may: where one may be open, a shell is left to say so."""
    assert expected is is_half_merged(script)


def test_no_shell_is_given_what_a_merge_left() -> None:
    """It would run everything above it, at every attempt. Python runs nothing of it."""
    with pytest.raises(AgentError, match="an unresolved merge conflict"):
        command_in("", MERGE, "sh")
    assert ("python", MERGE) == command_in("", MERGE, "python")
