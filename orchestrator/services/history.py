"""What became of one task: its attempts, events, conversation and result."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orchestrator.agents.protocol import Agent
from orchestrator.agents.stdout_reader import read_stdout as printed
from orchestrator.core.plan import id_of
from orchestrator.core.result import Result
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.text import one_line, sanitize
from orchestrator.errors import NotFoundError
from orchestrator.services.task_view import TaskView, view_of
from orchestrator.store.atomic import read_tail
from orchestrator.store.journal import journal_lines
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace

#: Bytes of a log that are read, from its end.
_TAIL = 16 * 1024 * 1024
_ATTEMPT = re.compile(r"(.+)\.attempt-(\d{1,9})")


class HistoryTurn(NamedTuple):
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
    conversation: Sequence[HistoryTurn]
    turns: int
    """How many there were in what was read of the log; the last ones are kept."""


def history(layout: Layout, key: str, agents: Mapping[str, Agent], *, turns: int, events: int) -> History:
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
    turned: Sequence[HistoryTurn] = ()
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
) -> tuple[Sequence[HistoryTurn], int]:
    agent = agents.get(_agent_of(view.result, number))
    # A person, or an agent that is no longer there: what was printed is shown verbatim.
    read = agent.conversation if agent is not None else printed
    data = read_tail(layout.attempt(view.task.stem, number).stdout, _TAIL)
    lines = data.split(b"\n")
    if len(data) == _TAIL:
        del lines[0]  # its beginning was left out
    kept: deque[HistoryTurn] = deque(maxlen=turns)
    count = 0
    for turn in read(line for line in lines if line.strip()):
        kept.append(HistoryTurn(one_line(turn.who, 60), turn.text))
        count += 1
    return [HistoryTurn(who, sanitize(text).strip()) for who, text in kept], count


def _agent_of(result: Result | None, number: int) -> str:
    """Return which agent made an attempt; empty: a person did, whatever their name, or it is unknown."""
    if result is None:
        return ""
    made = next((each for each in result.attempts if each.number == number), None)
    if made is not None and made.is_manual:
        return ""
    # Attempts of old files were all made by the agent that their result names.
    return (made.agent if made is not None else "") or result.agent
