"""Whether a text that somebody typed is a command of a shell, or a request to an agent that reads.

A sentence must never be executed, so what may be either is none: ``find bugs`` is a request, ``find . -name x`` is not.
"""

from __future__ import annotations

import re

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
_HINTS = re.compile(
    r"(?:^|\s)(?:\.{1,2}/|~/|/)\S|(?:^|\s)\.{1,2}(?=\s|$)|\*|['\"=]|\S/\S|\w\.\w|\\"
)


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
