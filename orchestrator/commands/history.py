"""The command ``history``: the attempts, events, conversation and result of one task."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.agents.protocol import Agent
from orchestrator.agents.stdout_reader import said as printed
from orchestrator.commands.call import Call
from orchestrator.commands.logs import last_errors
from orchestrator.commands.registry import Command, Facts, argument, flag
from orchestrator.commands.show import attempt_line, error_lines
from orchestrator.commands.task_facts import attempt_facts, brief, chosen_agents
from orchestrator.core.plan import id_of
from orchestrator.core.result import Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import clip, one_line, sanitize
from orchestrator.errors import NotFoundError
from orchestrator.services.task_view import TaskView, view_of
from orchestrator.store.atomic import read_tail
from orchestrator.store.journal import journal_lines
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace
from orchestrator.views.terminal import LABELS

#: Bytes of a log that are read, from its end.
_TAIL = 16 * 1024 * 1024
_ATTEMPT = re.compile(r"(.+)\.attempt-(\d{1,9})")
#: What is shown without ``--full``: it must fit an agent's context. Bytes of an answer, characters of a turn.
_TURNS, _EVENTS, _ANSWER, _TURN = 20, 20, 4096, 300
_ALL = 1_000_000


@dataclass(frozen=True)
class Params:
    """Of what, and how much of it."""

    key: str = argument("KEY", completion="task")
    full: bool = flag("Everything, instead of the end of everything.")


class Turn(NamedTuple):
    """One turn of a conversation, safe to be shown."""

    who: str
    text: str


class History(NamedTuple):
    """Everything about one task and one of its attempts."""

    view: TaskView
    attempt: int
    """The attempt whose conversation this is; 0: there was none yet."""
    events: Sequence[str]
    """Lines of the journal, oldest first."""
    conversation: Sequence[Turn]
    turns: int
    """How many there were in what was read of the log; the last ones are kept."""


def history(
    layout: Layout, key: str, agents: Mapping[str, Agent], *, turns: int, events: int
) -> History:
    """Return the history of a task.

    Args:
        layout: The plan directory.
        key: A task, an attempt (``agent-01.attempt-2``), or an agent's session.
        agents: Those that may have done it: each reads its own logs.
        turns: How many turns of the conversation are kept, the last ones.
        events: The same for lines of the journal.

    Raises:
        NotFoundError: nothing is known under that key.
        PlanError, StoreError: as their names say.
    """
    workspace = Workspace(layout)
    board = workspace.load()
    task_id, number = _find(board, key)
    task = board.plan.tasks[task_id]
    view = view_of(layout, board, task, workspace.read_shown_answer(task.stem))
    made = view.result.attempts if view.result else ()
    if number and all(each.number != number for each in made):
        raise _unknown(key)
    number = number or (made[-1].number if made else 0)
    turned: Sequence[Turn] = ()
    count = 0
    if number:
        turned, count = _conversation(layout, view, number, agents, turns)
    # The subject is the second thing a line says; a text may mention it too.
    lines = journal_lines(layout.journal, f" · {task_id} · ")
    about = [line for line in lines if line.split(" · ", 2)[1] == task_id]
    return History(view, number, about[-events:], turned, count)


def _find(board: PlanSnapshot, key: str) -> tuple[str, int]:
    """Return the task that a key means, and the attempt; 0: the newest."""
    if (task_id := id_of(key, board.plan.tasks)) in board.plan.tasks:
        return task_id, 0
    attempt = _ATTEMPT.fullmatch(key)
    for task in board.plan.tasks.values():
        if attempt is not None and task.stem == attempt[1]:
            return task.id, int(attempt[2])
        result = board.results.get(task.id)
        for each in result.attempts if result else ():
            if each.session and each.session == key:
                return task.id, each.number
    raise _unknown(key)


def _unknown(key: str) -> NotFoundError:
    return NotFoundError(
        f"nothing is known of {one_line(key, 80)!r}",
        hint="give a task of `orchestrator list`, an attempt such as agent-01.attempt-2, or a session",
    )


def _conversation(
    layout: Layout, view: TaskView, number: int, agents: Mapping[str, Agent], turns: int
) -> tuple[Sequence[Turn], int]:
    agent = agents.get(_agent_of(view.result, number))
    # A person, or an agent that is no longer there: what was printed is shown as it is.
    read = agent.conversation if agent is not None else printed
    data = read_tail(layout.attempt(view.task.stem, number).stdout, _TAIL)
    lines = data.split(b"\n")
    if len(data) == _TAIL:
        del lines[0]  # its beginning was left out
    kept: deque[Turn] = deque(maxlen=turns)
    count = 0
    for turn in read(line for line in lines if line.strip()):
        kept.append(Turn(one_line(turn.who, 60), turn.text))
        count += 1
    return [Turn(who, sanitize(text).strip()) for who, text in kept], count


def _agent_of(result: Result | None, number: int) -> str:
    """Return which agent made an attempt; empty: a person did, whatever their name, or nobody knows."""
    if result is None:
        return ""
    made = next((each for each in result.attempts if each.number == number), None)
    if made is not None and made.is_manual:
        return ""
    # Attempts of old files were all made by the agent that their result names.
    return (made.agent if made is not None else "") or result.agent


class _Shown(NamedTuple):
    """A history, the plan directory it is from, and how much of it is shown."""

    layout: Layout
    history: History
    turn: int
    """Characters of a turn."""
    answer: int
    """Bytes of the answer."""


def execute(call: Call, params: Params) -> _Shown:
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
    return _Shown(layout, found, *((_ALL, _ALL) if params.full else (_TURN, _ANSWER)))


def facts(shown: _Shown) -> Facts:
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
        "conversation": [
            {"who": turn.who, "text": _cut(turn.text, shown.turn)} for turn in found.conversation
        ],
        "turns": found.turns,
        "answer": answer,
        "answer_bytes_left": left,
    }


def text(shown: _Shown) -> str:
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


COMMAND = Command(Params, execute, facts, text)
