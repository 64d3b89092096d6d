"""Texts that tell nobody what to do (seed row S1-37)."""

from __future__ import annotations

import re

from orchestrator.core.text import counted, one_line

_FEWEST_WORDS = 3
#: Said where no verb is known; that may be for want of words here, not there.
NO_VERB = "no word in the description says what to do"
_OPEN_END = re.compile(
    r"\b(?:TBD|TODO|FIXME|etc|and so on|and so forth|somehow|whatever|as needed|as appropriate|stuff)\b"
    r"|\.{3}|…|\?\?|(?-i:\[[A-Z][^\]\n]*\](?!\())",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_ACTIONS = """
add adapt adjust analyse analyze answer append apply archive arrange ask assemble assess attach audit automate benchmark
build cache
calculate capture catalogue categorise categorize change check choose classify clean clone collect combine compare
compile complete compose compute configure confirm connect consolidate convert copy correct count cover create debug
decide define delete deliver demonstrate deploy deprecate derive describe design detect determine develop diagnose
discover divide dockerize document download draft draw edit eliminate embed enable encrypt ensure enumerate estimate
evaluate examine execute explain explore export expose extend extract fetch figure file fill filter find finish fix
follow format gather generate give group guard handle harden host identify implement import improve index inline
inspect install integrate interview introduce inventory investigate isolate join judge label keep learn let link list
load locate log look lower make map mark measure merge migrate mock model modify monitor mount move name normalise
normalize note open optimise optimize order organise organize outline package parse partition patch pick plan polish
port prepare present print prioritise prioritize probe process produce profile propose prove provide prune publish pull
push put query rank rate read rebuild recommend record recount refactor refine register release remove rename render
repair replace report reproduce research resolve restructure review revise rewrite run sample save say scaffold scan
schedule score search secure select send separate serve set ship show simplify sketch solve sort specify split state
stub study submit suggest sum summarise summarize support survey switch tabulate tag take tell test tidy trace track
transform translate trim try tune turn unify update upgrade upload validate verify version visit walk weigh wire work
wrap write
"""
_VERBS = frozenset(_ACTIONS.split())
#: Without one of these a text may be a title, or be in another language, whose verbs nobody here knows.
_ENGLISH = frozenset({"the", "of", "and", "to", "with", "from", "for", "that", "this", "its"})
_ENDINGS = ("", "s", "es", "d", "ed", "ing")


def vagueness(text: str) -> str:
    """Say what makes the description of a task vague; empty when nothing does."""
    if found := _OPEN_END.search(text):
        return f"“{one_line(found[0], 30)}” leaves open what is meant"
    # Words are counted only where they have blanks between them, verbs only where the text is English.
    if not text.isascii():
        return ""
    words = _WORD.findall(text.lower())
    if len(words) < _FEWEST_WORDS:
        return f"the description has {counted(len(words), 'word')}"
    if not _ENGLISH.isdisjoint(words) and not any(_is_verb(word) for word in words):
        return NO_VERB
    return ""


def is_english(text: str) -> bool:
    """Whether a text is English: at least every 25th word can be of no other language that is likely here."""
    words = _WORD.findall(text.lower())
    return 25 * sum(word in _ENGLISH for word in words) > len(words)


def _is_verb(word: str) -> bool:
    for ending in _ENDINGS:
        if word.endswith(ending):
            root = word.removesuffix(ending) if ending else word
            if root in _VERBS or f"{root}e" in _VERBS:
                return True
    return False


def starts_with_verb(word: str) -> bool:
    """Whether a word says in English what to do."""
    return word in _VERBS
