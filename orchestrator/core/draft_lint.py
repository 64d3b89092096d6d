"""What is not wrong with a draft but will cost somebody time: vague texts, tasks of the wrong size, shared files.

Findings are ``Problem`` as errors are, but they stop nothing. Rules: seed rows S2-64 (one to five minutes), S1-37
(vague texts), S2-05 (expected output), S2-74 (two writers of one file never overlap).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from orchestrator.core.draft import Draft, DraftTask, Need
from orchestrator.core.duration import format_duration
from orchestrator.core.text import one_line
from orchestrator.errors import Problem

#: Seconds a task should take at least and at most (S2-64).
SMALLEST, LARGEST = 60.0, 300.0
_FEWEST_WORDS = 3
_OPEN_END = re.compile(
    r"\b(?:TBD|TODO|FIXME|etc|and so on|and so forth|somehow|whatever|as needed|as appropriate|stuff)\b"
    r"|\.{3}|…|\?\?|(?-i:\[[A-Z][^\]\n]*\](?!\())",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")
_ACTIONS = """
add adapt adjust analyse analyze answer apply archive arrange ask assemble assess audit automate benchmark build
calculate capture catalogue categorise categorize change check choose classify clean clone collect combine compare
compile complete compose compute configure confirm connect consolidate convert copy correct count cover create debug
decide define delete deliver demonstrate deploy derive describe design detect determine develop diagnose discover
divide document download draft draw edit eliminate embed enable encrypt ensure enumerate estimate evaluate examine
execute explain explore export expose extend extract fetch figure fill filter find finish fix follow format gather
generate group handle identify implement import improve index inspect install integrate interview introduce
inventory investigate isolate join judge label learn link list load locate log look lower make map mark measure
merge migrate mock model modify monitor move name normalise normalize note open optimise optimize order organise
organize outline package parse partition patch pick plan polish port prepare present print prioritise prioritize
probe process produce profile propose prove provide prune publish pull push put query rank rate read rebuild
recommend record recount refactor refine register release remove rename render repair replace report reproduce
research resolve restructure review revise rewrite run sample scaffold scan schedule score search secure select send
separate serve set show simplify sketch solve sort specify split state stub study submit suggest sum summarise
summarize support survey switch tabulate tag take tell test tidy trace track transform translate trim try tune turn
unify update upgrade upload validate verify visit walk weigh wire work wrap write
"""
_VERBS = frozenset(_ACTIONS.split())
_ENDINGS = ("", "s", "es", "d", "ed", "ing")


def lint(draft: Draft) -> list[Problem]:
    """Return what should be better, in the order of the tasks; each finding names its task."""
    return [finding for task in draft.tasks for finding in _findings(task)]


def _findings(task: DraftTask) -> Iterator[Problem]:
    if vague := _vagueness(task):
        hint = "say what to do, with what, and what comes out of it"
        yield Problem(f"vague: {vague}", task.id, hint, "vague_description")
    if task.agent != "shell":
        yield from _size(task)
        if not task.expected:
            hint = "name the parts of the answer, or the files that are there afterwards"
            message = "it does not say what comes out of it"
            yield Problem(message, task.id, hint, "no_expected_output")
    else:
        shown = one_line(task.command, 80)
        hint = "commands run without asking: read this one before the plan is run"
        yield Problem(f"it runs a command: {shown}", task.id, hint, "shell_command")


def _size(task: DraftTask) -> Iterator[Problem]:
    took = format_duration(task.estimate or 0.0)
    if task.estimate is not None and task.estimate > LARGEST:
        hint = "split it: one to five minutes is what an agent does well and what can be repeated cheaply"
        yield Problem(f"too large: {took}", task.id, hint, "too_large")
    elif task.estimate is not None and task.estimate < SMALLEST:
        hint = "merge it with a task beside or before it: starting an agent costs more than that"
        yield Problem(f"too small: {took}", task.id, hint, "too_small")


def _vagueness(task: DraftTask) -> str:
    """Say what makes a description vague; empty when nothing does."""
    text = task.description
    if found := _OPEN_END.search(text):
        return f"“{one_line(found[0], 30)}” leaves open what is meant"
    # Words and verbs are counted only where words have blanks between them and are likely to be English.
    if not text.isascii():
        return ""
    words = _WORD.findall(text.lower())
    if len(words) < _FEWEST_WORDS:
        return f"the description has {len(words)} words"
    if not any(_is_verb(word) for word in words):
        return "no word in the description says what to do"
    return ""


def _is_verb(word: str) -> bool:
    for ending in _ENDINGS:
        if word.endswith(ending):
            root = word.removesuffix(ending) if ending else word
            if root in _VERBS or f"{root}e" in _VERBS:
                return True
    return False


# ── two writers of one file ──────────────────────────────────────────────────────────────────────────────────────────


def order_writers(draft: Draft) -> tuple[Draft, list[Problem]]:
    """Make tasks that write the same file wait for each other, in the order of the plan; say which (S2-74).

    The draft must be without problems. Tasks that a path of dependencies orders already are left alone.
    """
    writers = [task for task in draft.tasks if task.writes]
    if len(writers) < 2:
        return draft, []
    import networkx as nx

    from orchestrator.core.graph import digraph

    graph = digraph(draft.rows())
    place = {task.id: index for index, task in enumerate(draft.tasks)}
    notes: list[Problem] = []
    exactly: defaultdict[str, list[str]] = defaultdict(list)
    below: defaultdict[str, list[str]] = defaultdict(list)
    for task in writers:
        ordered = {task.id, *nx.ancestors(graph, task.id), *nx.descendants(graph, task.id)}
        for path in dict.fromkeys(map(_cleaned, task.writes)):
            above = _above(path)
            # Whoever writes the path itself, a directory above it, or something below it; the latest first, so that
            # three writers make a chain and not a triangle.
            rivals = {*below[path], *(each for at in (*above, path) for each in exactly[at])}
            for rival in sorted(rivals, key=place.__getitem__, reverse=True):
                if rival in ordered:
                    continue
                graph.add_edge(rival, task.id)
                ordered |= {rival, *nx.ancestors(graph, rival)}
                draft = draft.with_need(task.id, Need(rival, "resource"))
                notes.append(_note(task.id, rival, path))
            exactly[path].append(task.id)
            for at in above:
                below[at].append(task.id)
    return draft, notes


def _note(task_id: str, rival: str, path: str) -> Problem:
    what = (
        f"the same file as {rival} ({one_line(path, 80)})" if path else f"the same files as {rival}"
    )
    return Problem(
        f"it writes {what}, so it now waits for it",
        task_id,
        "let each task write files of its own to run them at the same time",
        "shared_file",
    )


def _cleaned(path: str) -> str:
    """Return a path without ``.``, ``..`` and doubled slashes; what a pattern could match counts as a directory."""
    parts: list[str] = ["/"] if path.startswith("/") else []
    for part in path.replace("\\", "/").split("/"):
        if part == ".." and parts and parts[-1] not in {"..", "/"}:
            parts.pop()
        elif any(char in part for char in "*?["):
            break
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _above(path: str) -> list[str]:
    """Return the directories a path lies in, the whole tree (an empty text) among them."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(len(parts))]
