"""The page of one task: what is asked, what became of it, what was said about it, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orchestrator.core.cost import usd
from orchestrator.core.duration import format_duration
from orchestrator.core.event import read_line
from orchestrator.core.message import Message
from orchestrator.core.plan import Task
from orchestrator.core.result import Attempt
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import COMMANDS, TRANSITIONS, TaskStatus, Verb
from orchestrator.core.text import excerpt, one_line
from orchestrator.plan.task_fields import field_texts
from orchestrator.views.event_lines import event_text
from orchestrator.views.messages import MESSAGE_ICONS, MESSAGE_WORDS
from orchestrator.views.overview_page import FormValues, row
from orchestrator.views.pages import Site, Trouble, capped, draw
from orchestrator.views.status import cost_of
from orchestrator.views.terminal import timestamp

#: Bytes of an answer and of what is asked; messages; attempts; characters of a turn; neighbours that are named.
_ANSWER, _ASKED, _MESSAGES, _ATTEMPTS, _TURN, _NAMED = 64 * 1024, 32 * 1024, 30, 50, 2000, 40
#: Bytes of a log that a page of its own shows: the end of it.
LOG = 256 * 1024
#: What cannot be taken back asks for a reason, and is confirmed.
FINAL_VERBS = frozenset({Verb.FAIL, Verb.CANCEL})
#: What a button does first: nothing, ask for a reason that may be left out, for one that must not, or for the answer.
_FORMS = {**dict.fromkeys(FINAL_VERBS, "final"), Verb.BLOCK: "ask", Verb.RETRY: "ask", Verb.COMPLETE: "answer"}
_LABELS = {Verb.START: "Take it in hand"}
#: What stands above an answer, by where its task stands; of any other it is only as far as it came.
_ANSWERS = {TaskStatus.COMPLETED: "Answer", TaskStatus.RUNNING: "Output so far"}


class SeenTask(NamedTuple):
    """What was found of a task at one moment."""

    task: Task
    board: PlanSnapshot
    now: float
    """Seconds since the epoch."""
    asked: str = ""
    asked_in: str = ""
    """The file that says all of it."""
    answer: str = ""
    answer_in: str = ""
    turns: Sequence[tuple[str, str]] = ()
    """Who said what in the newest attempt, the last ones."""
    earlier: int = 0
    """How many turns there were before."""
    events: Sequence[str] = ()
    """Lines of the journal, oldest first."""
    messages: Sequence[Message] = ()
    run: str = ""
    """The active run; empty: none is."""
    streams: Mapping[int, Sequence[str]] = {}
    """What an attempt printed to: ``stdout``, ``stderr``, by its number."""
    errors: str = ""
    """The end of what a failed attempt printed to stderr."""
    is_written: bool = False
    """The answer is shown as it was written."""


class SeenLog(NamedTuple):
    """What was found of the output of an attempt."""

    task: str
    attempt: int
    stream: str
    text: str
    """The end of it."""
    earlier: int
    """Bytes before that."""
    file: str
    is_open: bool
    """The attempt is under way."""


#: What an attempt prints to.
STREAMS = ("stdout", "stderr")


def log_page(site: Site, seen: SeenLog) -> str:
    """Return the page with the output of one attempt."""
    return draw(
        "logs.html",
        site,
        leaf=seen.task,
        heading=seen.task,
        id=seen.task,
        attempt=seen.attempt,
        stream=seen.stream,
        streams=STREAMS,
        log=capped(seen.text, 2 * LOG, seen.file),
        earlier=seen.earlier,
        is_open=seen.is_open,
    )


def task_page(site: Site, seen: SeenTask, *, given: Mapping[str, str] | None, trouble: Trouble | None) -> str:
    """Return the page; *given* is what a user has typed that did not work."""
    task, board = seen.task, seen.board
    attempts = board.attempts(task.id)
    verbs = list(_verbs(task, board))
    is_pending = board.status(task.id) is TaskStatus.PENDING and not task.children
    lines = [line for each in reversed(seen.events) if (line := read_line(each))]
    return draw(
        "task.html",
        site,
        leaf=task.id,
        heading=task.id,
        trouble=trouble,
        now=seen.now,
        **row(board, task.id, seen.now) | {"attempts": _attempts(attempts, seen)},
        verbs=verbs,
        typed_words=_left_over(given or {}, verbs),
        can_run=is_pending and not seen.run,
        waits_for_run=is_pending and bool(seen.run),
        facts=_facts(seen),
        links=_links(task, board),
        asked=capped(seen.asked, _ASKED, seen.asked_in),
        answer=capped(seen.answer, _ANSWER, seen.answer_in),
        answer_heading=_ANSWERS.get(board.status(task.id), "Partial output"),
        is_written=seen.is_written,
        errors=capped(seen.errors, _ANSWER, ""),
        attempt=attempts[-1].number if attempts else 0,
        turns=[{"who": who, "text": excerpt(text, _TURN)} for who, text in seen.turns],
        earlier=seen.earlier,
        messages=[_message(each) for each in seen.messages[-_MESSAGES:]],
        earlier_messages=max(len(seen.messages) - _MESSAGES, 0),
        happenings=[dict(zip(("time", "text"), event_text(line), strict=True)) for line in lines],
        given=FormValues(given or {}),
    )


def _left_over(given: Mapping[str, str], verbs: Sequence[Mapping[str, str]]) -> str:
    """Return what was typed into a form that is no longer offered: it is not lost."""
    offered = {each["name"] for each in verbs if each["form"]}
    return "" if given.get("asked") in offered else given.get("words", "")


def _verbs(task: Task, board: PlanSnapshot) -> Sequence[Mapping[str, str]]:
    """Return what a user may do with a task, as the table of transitions says."""
    if task.children:
        return ()  # where an umbrella stands follows from what is under it
    status, result = board.status(task.id), board.results.get(task.id)
    is_in_run = status is TaskStatus.RUNNING and result is not None and not result.is_manual
    offered = [
        _button(verb, TRANSITIONS[status, verb][1])
        for verb in COMMANDS
        if (status, verb) in TRANSITIONS and not (verb is Verb.RETRY and is_in_run)
    ]
    if status is TaskStatus.SKIPPED:  # `retry` of a skipped task is that of what failed before it
        offered.append(_button(Verb.RETRY, "what failed before it is to be done again"))
    return offered


def _button(verb: Verb, why: str) -> Mapping[str, str]:
    label = _LABELS.get(verb, verb.value.capitalize())
    return {"name": verb.value, "label": label, "form": _FORMS.get(verb, ""), "why": why}


def _facts(seen: SeenTask) -> list[tuple[str, str]]:
    task = seen.task
    facts = [
        *((name.capitalize(), text) for name, text in field_texts(task).items() if name != "parent"),
        ("Tags", ", ".join(task.tags)),
        ("Expected", one_line(task.expected, 300)),
        ("Cost", cost_of(seen.board.outcome(task.id))),
        *((one_line(name, 40), one_line(value, 300)) for name, value in task.inputs),
    ]
    return [(name, value) for name, value in facts if value not in {"", "-"}]


def _links(task: Task, board: PlanSnapshot) -> list[tuple[str, Sequence[str], int]]:
    needed = [each.id for each in board.plan.tasks.values() if task.id in each.needs]
    found: tuple[tuple[str, Sequence[str]], ...] = (
        ("Needs", task.own_needs),
        ("Needed by", needed),
        ("Part of", (task.parent,) if task.parent else ()),
        ("Umbrella of", task.children),
    )
    return [(name, ids[:_NAMED], max(len(ids) - _NAMED, 0)) for name, ids in found if ids]


def _attempts(attempts: Sequence[Attempt], seen: SeenTask) -> list[dict[str, Any]]:
    return [
        {**_attempt(each, seen.now), "streams": seen.streams.get(each.number, ())}
        for each in reversed(attempts[-_ATTEMPTS:])
    ]


def _attempt(attempt: Attempt, now: float) -> dict[str, Any]:
    ended = " · ".join(filter(None, (attempt.status, attempt.exit)))
    return {
        "number": attempt.number,
        "ended": ended,
        "reason": one_line(attempt.reason, 500),
        "who": one_line(attempt.agent, 64),
        "began": timestamp(attempt.started),
        "since": attempt.started if attempt.is_open else 0.0,
        "took": format_duration(attempt.lasted(now)),
        "cost": "–" if attempt.cost == 0 else usd(attempt.cost),
    }


def _message(message: Message) -> dict[str, str]:
    return {
        "icon": MESSAGE_ICONS[message.kind],
        "author": message.author,
        "kind": MESSAGE_WORDS[message.kind],
        "time": one_line(message.time.partition(".")[0].replace("T", " "), 19),
        "text": message.text,
    }
