"""The command ``history``: the attempts, events, conversation and result of one task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.logs import last_errors
from orchestrator.commands.registry import Command, Facts, argument, flag
from orchestrator.commands.show import attempt_line, error_lines
from orchestrator.commands.task_fields import attempt_facts, brief, chosen_agents
from orchestrator.core.text import clip, one_line
from orchestrator.services.history import History, history
from orchestrator.store.layout import Layout
from orchestrator.views.terminal import LABELS

#: What is shown without ``--full``: it must fit an agent's context. Bytes of an answer, characters of a turn.
_TURNS, _EVENTS, _ANSWER, _TURN = 20, 20, 4096, 300
_ALL = 1_000_000


@dataclass(frozen=True)
class HistoryParams:
    """Of what, and how much of it."""

    key: str = argument("KEY", completion="task")
    full: bool = flag("Everything, instead of the end of everything.")


class _ShownHistory(NamedTuple):
    """A history, the plan directory it is from, and how much of it is shown."""

    layout: Layout
    history: History
    turn: int
    """Characters of a turn."""
    answer: int
    """Bytes of the answer."""


def execute(call: Call, params: HistoryParams) -> _ShownHistory:
    """Show what became of a task: attempts, events, conversation, result.

    KEY is a task, an attempt such as agent-01.attempt-2, or the session of an agent.

    Examples:
      orchestrator history T-01
      orchestrator history T-01 --full --json
    """
    turns, events = (_ALL, _ALL) if params.full else (_TURNS, _EVENTS)
    layout = call.plan()
    agents = call.plugins(layout).agents
    found = history(layout, params.key, agents, turns=turns, events=events)
    return _ShownHistory(layout, found, *((_ALL, _ALL) if params.full else (_TURN, _ANSWER)))


def facts(shown: _ShownHistory) -> Facts:
    """Return the history as JSON."""
    found = shown.history
    view, board = found.view, found.view.board
    answer, left = clip(view.answer, shown.answer)
    return {
        "message": f"{view.task.id} is {board.status(view.task.id).value}",
        "task": brief(board, view.task, chosen_agents(shown.layout, board, [view.task])),
        "attempts": [attempt_facts(each) for each in board.attempts(view.task.id)],
        "attempt": found.attempt,
        "errors": last_errors(shown.layout, view),
        "events": list(found.events),
        "conversation": [{"who": turn.who, "text": _cut(turn.text, shown.turn)} for turn in found.conversation],
        "turns": found.turns,
        "answer": answer,
        "answer_bytes_left": left,
    }


def text(shown: _ShownHistory) -> str:
    """Return the history for people."""
    errors = last_errors(shown.layout, shown.history.view)
    return _text(shown.history, shown.turn, shown.answer, errors)


def _text(found: History, limit: int, most: int, errors: str) -> str:
    view = found.view
    task, board = view.task, view.board
    why = board.why(task.id)
    reason = f" ({why})" if why else ""
    lines = [f"{task.id}: {task.name}", f"{LABELS[board.status(task.id)]}{reason}"]
    if attempts := board.attempts(task.id):
        lines += ["", "Attempts"]
    lines += [attempt_line(each, with_session=True) for each in attempts]
    lines += error_lines(view, errors)
    if found.events:
        lines += ["", "Events", *(f"  {event}" for event in found.events)]
    if found.conversation:
        earlier = found.turns - len(found.conversation)
        more = f", {earlier} earlier ones left out" if earlier else ""
        lines += ["", f"Conversation (attempt {found.attempt}{more})"]
        lines += [f"  {turn.who}: {_cut(turn.text, limit)}" for turn in found.conversation]
    if view.shown:
        head, left = clip(view.shown, most)
        lines += ["", "Result", head]
        lines += [f"(cut here, {left} more bytes: {view.result_file})"] if left else []
    return "\n".join(lines) + "\n"


def _cut(text: str, limit: int) -> str:
    return text if limit == _ALL else one_line(text, limit)


COMMAND = Command(HistoryParams, execute, facts, text)
