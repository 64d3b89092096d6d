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
from orchestrator.planner.draft import vagueness

#: Seconds a task should take at least and at most (S2-64).
SMALLEST, LARGEST = 60.0, 300.0
#: Square brackets are none: web frameworks call files `[id].tsx`.
_PATTERN = re.compile(r"[*?]")


def lint(draft: Draft) -> list[Problem]:
    """Return what should be better, in the order of the tasks; each finding names its task."""
    return [finding for task in draft.tasks for finding in _findings(task)]


def _findings(task: DraftTask) -> Iterator[Problem]:
    if vague := vagueness(task.description):
        hint = "say what to do, with what, and what comes out of it"
        yield Problem(f"vague: {vague}", task.id, hint, "vague_description")
    if not task.command:
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
    surely = {
        task.id: {_cleaned(path) for path in task.writes if not _PATTERN.search(path)}
        for task in writers
    }
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
                is_sure = path in surely[task.id] & surely[rival]
                notes.append(_note(task.id, rival, path, is_sure=is_sure))
            exactly[path].append(task.id)
            for at in above:
                below[at].append(task.id)
    return draft, notes


def _note(task_id: str, rival: str, path: str, *, is_sure: bool) -> Problem:
    what = f"it writes the same file as {rival}" if is_sure else f"it may write what {rival} writes"
    where = f" ({one_line(path, 80)})" if path else ""
    return Problem(
        f"{what}{where}, so it now waits for it",
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
        elif _PATTERN.search(part):
            break
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


def _above(path: str) -> list[str]:
    """Return the directories a path lies in, the whole tree (an empty text) among them."""
    parts = path.split("/") if path else []
    return ["/".join(parts[:count]) for count in range(len(parts))]
