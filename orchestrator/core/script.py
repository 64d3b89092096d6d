"""The command of a task as people write it into a document: bare, in backticks, or in a code block.

Whatever takes a command from a text asks here. What is left of the marks would be run: a shell takes backticks for a
command whose output is another one, and the word behind those of a code block for a program. As that program may be a
shell, and the answers of other tasks are its standard input, they would be run as well.
"""

from __future__ import annotations

import re
import shlex
from typing import NamedTuple

from orchestrator.core.plan import Task
from orchestrator.core.text import one_line, typed, without_backticks
from orchestrator.errors import AgentError, PlanError, Problem

#: What a code block may be called, and what it is written in.
LANGUAGES = {
    "": "sh",
    "sh": "sh",
    "shell": "sh",
    "console": "sh",
    "bash": "bash",
    "python": "python",
    "python3": "python",
    "py": "python",
}
#: What to do about a text that is no command.
ADVICE = (
    "write the command alone, or one code block that begins with ```sh, ```bash or ```python "
    "(with more backticks where a line of the command begins with three)"
)

#: What begins the first line of a merge that no one finished.
MARK = "<<<<<<< "
# What begins a line of a here-document with backticks may be meant as its text, or as the end of a block that a user
# forgot to open. One of tildes may stand below a heading that it writes.
_OPENS = r"(?m)^ {0,3}(`{3,})(.*)$|\A(~{3,})(.*)$"


class Script(NamedTuple):
    """What is run."""

    code: str = ""
    language: str = "sh"
    """One of the values of ``LANGUAGES``."""


def script_of(text: str) -> Script:
    """Return what a text has a user run, without the marks that only say that it is a command.

    Raises:
        ValueError: it is partly a code block and partly not, or one in a language that no one here runs, or nothing but
            marks.
    """
    bare = typed(text).strip()
    opened = re.search(_OPENS, bare)
    found = _block(bare, opened) if opened else Script(without_backticks(bare))
    if bare and not found.code.strip():
        raise ValueError("there is no command in it, only the marks around one")
    return found


def command_of(task: Task) -> Script:
    """Return what the row of a task has a user run.

    Raises:
        PlanError: it says no command.
    """
    if wrong := flaws(task):
        raise PlanError(wrong)
    return script_of(task.command or task.description or task.name)


def flaws(task: Task) -> list[Problem]:
    """Return why what the row of a task says is no command; nothing when it is one."""
    try:
        script_of(task.command or task.description or task.name)
    except ValueError as error:
        return [Problem(str(error), task.where, ADVICE, "bad_command")]
    return []


def is_half_merged(script: str) -> bool:
    """Say whether a merge left its marks in a script of a shell, where nothing but a command can stand.

    A here-document or a quotation may show them. Where one may be open by then it is not said: what a mark in the
    middle of it means is for its shell to find out.
    """
    text = "\n" + script.replace("\r\n", "\n")
    begin = text.find(f"\n{MARK}")
    middle = text.find("\n=======\n", begin + 1) if begin >= 0 else -1
    if middle < 0 or text.find("\n>>>>>>> ", middle) < 0:
        return False  # as in nearly every script

    before = text[:begin]
    try:
        # A sign of a comment may stand inside of a word.
        for has_comments in (True, False):
            shlex.split(before, has_comments)
    except ValueError:
        return False
    return "<<" not in before


def _block(bare: str, opened: re.Match[str]) -> Script:
    bar, info = opened[1] or opened[3], (opened[2] or opened[4] or "").split()
    rest = bare[opened.end() + 1 :]
    closed = re.search(rf"(?m)^ {{0,3}}{bar[0]}{{{len(bar)},}}[ \t]*$", rest)
    if opened.start() or (closed and closed.end() < len(rest)):
        raise ValueError("there is a code block in this command, and text around it")
    if "`" in (opened[2] or ""):
        raise ValueError("what begins with three backticks is a block with its command on the lines below")
    word = info[0] if info else ""
    if word not in LANGUAGES:
        raise ValueError(f"nobody here runs a code block in {one_line(word, 40)}")
    return Script((rest[: closed.start()] if closed else rest).rstrip("\n"), LANGUAGES[word])


def command_in(body: str, code: str, language: str) -> tuple[str, str]:
    """Return the language and the text of what a task of the shell runs: its first code block, else its whole text.

    Raises:
        AgentError: there is no command, or none that is run here, or a merge of it is not finished.
    """
    word = LANGUAGES.get(language)
    if word is None:
        raise AgentError(
            f"the shell agent cannot run a {language!r} block",
            hint="begin the task's first code block with ```sh, ```bash or ```python",
        )
    try:
        script = code if code.strip() else script_of(body).code
    except ValueError as error:
        raise AgentError(str(error), hint=ADVICE) from None
    if not script:
        raise AgentError("the shell agent found no command", hint="write it into a ```sh block in the task file")
    if word != "python" and is_half_merged(script):
        raise AgentError(
            "an unresolved merge conflict", hint="keep one of the two versions and remove the conflict marks"
        )
    return word, script


# ── typed command ────────
#
# Whether a text that a user typed is a command of a shell, or a request to an agent that reads.
#
# A sentence must never be executed, so what may be either is none: ``find bugs`` is a request, ``find . -name x`` is
# not.

#: What a shell knows without a program.
_WORDS = """
. : [ [[ alias cd command echo eval exec exit export false for if kill printf pwd set source test time trap true
type ulimit umask unset until wait while { (
"""
BUILT_IN = frozenset(_WORDS.split())
#: One of these as a word of its own: people speak.
_FILLERS = """
a about all an and are as at be by can every for from how i in into is it its me my of on or our please so that the
their then these they this those to using we what when where which who why with you your
"""
#: Programs whose names are what people ask for: with one of these and plain words, it may be either.
_ASKED = """
apply clear convert cut edit expand export factor find fold format import install join kill last link locate look make
mount open paste patch print read script set sort split test time touch type view wait watch which who write yes
"""
_VERBS = frozenset(_ASKED.split())
_SPOKEN = frozenset(_FILLERS.split())
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=\S*")
#: Only a shell reads these: an option, a pipe, a redirection, a substitution, a list of commands.
_SIGNS = re.compile(r"(?:^|\s)--?[A-Za-z0-9]|\||[<>]|&&|\$[\w({]|;\s*\S|`|^\[\[? ")
#: A path, a glob, a quoted word, an assignment: people write them as well.
_HINTS = re.compile(r"(?:^|\s)(?:\.{1,2}/|~/|/)\S|(?:^|\s)\.{1,2}(?=\s|$)|\*|['\"=]|\S/\S|\w\.\w|\\")


def program_of(text: str) -> str:
    """Return the word that would be the program; empty: there is none."""
    for word in text.split():
        if not _ASSIGNMENT.fullmatch(word):
            bare = word.rstrip(";") if word != ";" else word
            return "(" if bare.startswith("(") else bare
    return ""


def is_command(text: str) -> bool:
    """Whether a text is surely a command, once its first word is known to be a program or a word of the shell."""
    words = text.split()
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "", text)  # what is in quotes may be anything
    spoken = sum(word.strip(",.:;?!").lower() in _SPOKEN for word in bare.split()[1:])
    if _SIGNS.search(bare):
        return spoken < 3
    if spoken or re.search(r"[A-Za-z]{2}[.?!]$", bare.strip()):
        return False
    if _HINTS.search(text) or len(words) == 1:
        return True
    return program_of(text) not in _VERBS
