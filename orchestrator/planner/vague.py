"""Texts that tell nobody what to do (seed row S1-37)."""

from __future__ import annotations

import re

from orchestrator.core.text import one_line

#: Fewer words name no object; fewer columns are no two words in a language that joins them.
_FEWEST_WORDS, _FEWEST_COLUMNS = 3, 16
_OPEN_END = re.compile(
    r"\b(?:TBD|TODO|FIXME|etc|and so on|and so forth|somehow|whatever|as needed|as appropriate|stuff)\b"
    r"|\.{3}|…|\?\?|(?-i:\[[A-Z][^\]\n]*\](?!\())",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")
_WIDE = re.compile("[\u2e80-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]")


def vagueness(text: str) -> str:
    """Say what makes the description of a task vague; empty when nothing does."""
    if found := _OPEN_END.search(text):
        return f"“{one_line(found[0], 30)}” leaves open what is meant"
    # A character of a script without blanks between its words takes two columns, and says as much as half a word.
    words = len(_WORD.findall(_WIDE.sub(" ", text))) + len(_WIDE.findall(text)) / 2
    columns = len(text.strip()) + len(_WIDE.findall(text))
    if words < _FEWEST_WORDS and columns < _FEWEST_COLUMNS:
        return f"“{one_line(text, 30)}” is too short to say what is to be done with what"
    return ""
