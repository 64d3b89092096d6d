"""A run in a few lines: at most ``LIMIT`` characters, some 400 tokens, whatever the plan's size and its names.

The first line alone says how the run stands and what to do: who reads no further does nothing wrong.
What matters most is written first and gets what it needs; a list that is cut says how many more there are.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from orchestrator.core.brief import Brief, Phase
from orchestrator.core.cost import total_cost
from orchestrator.core.duration import format_duration
from orchestrator.core.event import Line
from orchestrator.core.snapshot import MERGER, NAMES
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import one_line
from orchestrator.errors import ExitStatus
from orchestrator.views.plans import state_label
from orchestrator.views.terminal import ICONS, MERGES, tally, timestamp

LIMIT = 1600
#: Tasks shown with a reason, and warnings, at most.
_REASONS = 3
#: Kinds of news at most; there are fewer, but a journal is a file that anybody can write into.
_KINDS = 8
#: Ids in a list of ``facts`` at most.
_FIRST = 3
_WIDTH = 140
#: Characters of the first line for what holds a run, and for the next step, whose own line has it whole.
_HELD, _STEP = 100, 200
_LIST = 200

_STANDS = {
    Phase.NONE: "⏸️ never run",
    Phase.WORKING: "🔵 at work",
    Phase.HELD: "⏸️ held",
    Phase.ENDED: "ended",
    Phase.STOPPED: "🛑 stopped",
    Phase.DIED: "❌ died",
}
_ICONS = {
    "completed": ICONS[TaskStatus.COMPLETED],
    "retrying": ICONS[TaskStatus.RETRYING],
    "not tried again": ICONS[TaskStatus.PENDING],
    "interrupted": ICONS[TaskStatus.PENDING],
    "skipped": ICONS[TaskStatus.SKIPPED],
    "blocked": ICONS[TaskStatus.BLOCKED],
    "cancelled": ICONS[TaskStatus.CANCELLED],
}


def command_line(program: str, command: str, directory: str, *flags: str) -> str:
    """Return a command about a whole plan. *directory* is how the caller named it; empty: not at all."""
    return f"{program} {shlex.join([command, *filter(None, [directory]), *flags])}"


def next_command(brief: Brief, directory: str, final_output: str, program: str = "orchestrator") -> str:
    """Return the next step as a command line. *directory* is the plan directory as it was named; empty: not at all.

    *program* is the beginning of the line, quoted where it has to be.
    """
    match brief.next_step():
        case ("read",):
            return f"read {shlex.quote(final_output)}"
        case ("show", task_id):
            place = ("--dir", directory) if directory else ()
            return command_line(program, "show", "", task_id, *place)
        case (command, *flags):
            return command_line(program, command, directory, *flags)
        case _:
            raise ValueError(brief.next_step())


def ending(brief: Brief) -> str:
    """Return in a line that the last run died, was stopped or was held back, and why; empty after any other end."""
    why = one_line(brief.why_over, limit=300)
    if not (why or brief.phase in {Phase.DIED, Phase.STOPPED}):
        return ""
    run = f"Last run {one_line(brief.run, limit=20)}".rstrip()
    return f"{run} {_STANDS[brief.phase]}{f': {why}' if why else ''}"


def brief_text(brief: Brief, *, now: float, next_step: str, cursor: str, typed: Callable[[str], str] = str) -> str:
    """Return the text; *typed* makes the commands that warnings name such that they can be typed.

    Within ``LIMIT`` as long as the next step is no longer than some 500 characters.
    """
    tail = f"next: {next_step}\ncursor: {cursor}\n"
    lines = [_head(brief, now, next_step)]
    lines += [MERGES] if brief.is_merging else []
    last = brief.about_run[-1] if brief.about_run else None
    if (held := _held(brief)) is not None and held is not last:
        lines.append(one_line(f"{held.what} · {held.text}", limit=_WIDTH + 20))
    if last is not None and last.what != "started" and last not in brief.news.warnings:
        # The newest word about the run itself: that it is held and until when, stopping, ended and why. A warning that
        # is news stands among those.
        lines.append(one_line(f"{last.what} · {last.text}", limit=_WIDTH + 20))
    if brief.begins:
        waits = f"a run waits until {timestamp(brief.begins)}"
        lines.append(", ".join(filter(None, [waits, brief.suspended])))
    room = LIMIT - len(tail) - sum(len(line) + 1 for line in lines)
    for tell, title, items in _blocks(brief, now, typed):
        if text := tell(title, items, room):
            lines.append(text)
            room -= len(text) + 1
    return "\n".join(lines) + "\n" + tail


def _blocks(
    brief: Brief, now: float, typed: Callable[[str], str]
) -> list[tuple[Callable[[str, Sequence[str], int], str], str, list[str]]]:
    """Return what is shown besides, the most important first: how, below which title, and what."""
    groups = brief.news.by_kind()
    blocks: list[tuple[Callable[[str, Sequence[str], int], str], str, list[str]]] = [
        (_list, "❌ failed", [_failure(brief, line) for line in groups["failed"]]),
        (_list, "⚠️ warnings", [typed(_warning(line)) for line in brief.news.warnings]),
        (_list, "⚠️ results that do not count", _not_counted(brief)),
        (_list, "💡 discoveries", [_message_line(line) for line in reversed(brief.news.discoveries)]),
        (_listed, "🔵 running", _running(brief, now)),
    ]
    kinds = sorted(groups.keys() - {"failed"}, key=_place)
    blocks += [
        (_listed, f"{_ICONS.get(kind, '·')} {one_line(kind, limit=20)}", _ids(groups[kind])) for kind in kinds[:_KINDS]
    ]
    blocks.append((_listed, "💬 said on", _discussed(brief)))
    return blocks


def _held(brief: Brief) -> Line | None:
    """Return the word about what holds the run, or held it to its end: the exit status says that something does."""
    return brief.hold if brief.exit_status is ExitStatus.HELD else None


def word(brief: Brief) -> str:
    """Return the newest word about the run itself."""
    if brief.suspended:
        return brief.suspended
    if brief.is_merging:
        return NAMES[MERGER]
    return one_line(brief.about_run[-1].text, limit=_WIDTH) if brief.about_run else ""


def facts(
    brief: Brief, *, now: float, next_step: str, cursor: str, typed: Callable[[str], str] = str
) -> dict[str, Any]:
    """Return the same, for programs: counts are whole, lists name the first few."""
    running = _running_since(brief)
    spent = total_cost(brief.board.paid_for())
    return {
        "run": brief.run,
        "phase": brief.phase.value,
        "word": word(brief),
        "held": one_line(held.text, limit=_WIDTH) if (held := _held(brief)) is not None else "",
        "total": len(brief.board.plan.tasks),
        "counts": brief.board.shown_counts(),
        "simulated": brief.board.simulated(),
        "running": [
            {
                "id": task_id,
                "seconds": round(max(now - begun, 0.0)),
                "doing": one_line(brief.news.doing.get(task_id, ""), limit=50),
            }
            for begun, task_id in running[:_FIRST]
        ],
        **_news_facts(brief, typed),
        "said": {"count": len(brief.news.said), "first": _discussed(brief)[:_FIRST]},
        "cost_usd": round(spent.known, 6),
        "unknown_costs": spent.unknown,
        "next": next_step,
        "cursor": cursor,
    }


def _news_facts(brief: Brief, typed: Callable[[str], str]) -> dict[str, Any]:
    """Return what happened since it was asked last."""
    groups, not_counted = brief.news.by_kind(), _not_counted(brief)
    return {
        "news": {
            one_line(kind, limit=20): {"count": len(found), "first": _ids(found[:_FIRST])}
            for kind, found in list(groups.items())[:_KINDS]
        },
        "reasons": {
            line.subject[:64]: one_line(_reason(brief, line), limit=80) for line in groups["failed"][:_REASONS]
        },
        "warnings": {
            "count": len(brief.news.warnings),
            "first": [typed(_warning(line)) for line in brief.news.warnings[:_REASONS]],
        },
        "not_counted": {"count": len(not_counted), "first": not_counted[:_REASONS]},
        "discoveries": {
            "count": len(brief.news.discoveries),
            "first": [_message_line(line) for line in brief.news.discoveries[-_REASONS:]],
        },
    }


def _place(kind: str) -> int:
    """Where a kind of news stands; those that it is unknown here come last."""
    return list(_ICONS).index(kind) if kind in _ICONS else len(_ICONS)


def _head(brief: Brief, now: float, next_step: str) -> str:
    stands = "✅ ended" if brief.is_done and not brief.board.simulated() else _STANDS[brief.phase]
    if brief.suspended and not brief.begins:
        stands += f", {brief.suspended}"
    elif (held := _held(brief)) is not None:
        stands += f"{'' if brief.phase is Phase.HELD else ', held'} ({one_line(held.text, _HELD)})"
    took = f" for {format_duration(max(now - brief.since, 0.0))}" if brief.since else ""
    run = f"run {one_line(brief.run, limit=20)} " if brief.run else ""
    state = brief.board.plan.header.state
    if state is not None:
        run = f"{state_label(state)} · {run}"
    spent = total_cost(brief.board.paid_for())
    cost = f" · {spent}" if spent else ""
    step = next_step if len(next_step) <= _STEP else "see below"
    counts_text = tally(brief.board.counts(), brief.board.simulated())
    return f"{run}{stands}{took} · {counts_text}{cost} · next: {step}"


def _reason(brief: Brief, line: Line) -> str:
    standing = brief.board.standing.get(line.subject)
    return standing.reason if standing is not None and standing.reason else line.text


def _failure(brief: Brief, line: Line) -> str:
    task = brief.board.plan.tasks.get(line.subject)
    name = one_line(task.name, limit=30) if task is not None and task.name != task.id else ""
    who = f"{line.subject[:64]} {name}".strip()
    return one_line(f"{who} · {_reason(brief, line)}", limit=_WIDTH)


def _warning(line: Line) -> str:
    return one_line(f"{line.subject[:64]} · {line.text}", limit=_WIDTH)


def _not_counted(brief: Brief) -> list[str]:
    doubts = brief.board.not_counted()
    return [one_line(f"{task[:64]} · {doubt}", limit=_WIDTH) for task, doubt in doubts.items()]


def _message_line(line: Line) -> str:
    return one_line(f"{line.subject[:64]} · {line.author}: {line.words}", limit=_WIDTH)


def _discussed(brief: Brief) -> list[str]:
    """On which tasks something was said, each with how often, the newest last."""
    counts = Counter(line.subject[:64] for line in brief.news.said)
    return [f"{task} ({count})" if count > 1 else task for task, count in counts.items()]


def _ids(lines: Sequence[Line]) -> list[str]:
    return [one_line(line.subject, limit=64) for line in lines]


def _running_since(brief: Brief) -> list[tuple[float, str]]:
    """When each task that runs was started, those that run longest first."""
    found = []
    for task_id, standing in brief.board.standing.items():
        if standing.status is TaskStatus.RUNNING:
            result = brief.board.results.get(task_id)
            found.append((result.last.started if result and result.last else 0.0, task_id))
    return sorted(found)


def _running(brief: Brief, now: float) -> list[str]:
    lines = []
    for begun, task_id in _running_since(brief):
        took = f" ({format_duration(max(now - begun, 0.0))})" if begun else ""
        doing = one_line(brief.news.doing.get(task_id, ""), limit=50)
        lines.append(f"{task_id}{took}{f' {doing}' if doing else ''}")
    return lines


def _list(title: str, items: Sequence[str], room: int) -> str:
    """One line each for the first few, then how many more."""
    icon, _, kind = title.partition(" ")
    lines = [f"{icon} {item}" for item in items[:_REASONS]]
    while lines:
        more = len(items) - len(lines)
        text = "\n".join([*lines, f"{icon} and {more} more {kind}"] if more else lines)
        if len(text) < room:
            return text
        lines.pop()
    text = f"{icon} {len(items)} {kind}"
    return text if items and len(text) < room else ""


def _listed(title: str, items: Sequence[str], room: int) -> str:
    """As many as fit into a line, then how many more."""
    room = min(room - 1, _LIST)
    shown, size = 0, len(title) + len(f": and {len(items)} more")
    for item in items:
        size += len(item) + 2
        if size > room:
            break
        shown += 1
    if not shown:
        text = f"{title}: {len(items)}"
        return text if items and len(text) <= room else ""
    more = len(items) - shown
    return f"{title}: {', '.join(items[:shown])}{f' and {more} more' if more else ''}"
