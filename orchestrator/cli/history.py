"""``history``."""

from __future__ import annotations

import click

from orchestrator.actions.history import History, history
from orchestrator.actions.logs import last_errors
from orchestrator.cli.listing import brief, chosen_agents
from orchestrator.cli.options import takes_json
from orchestrator.cli.reply import plan_directory, say_json, write
from orchestrator.cli.tasks import attempt_facts, attempt_line, error_lines
from orchestrator.core.text import clip, one_line
from orchestrator.views.terminal import LABELS
from orchestrator.wiring import plugins

#: What is shown without ``--full``: it must fit an agent's context. Bytes of an answer, characters of a turn.
_TURNS, _EVENTS, _ANSWER, _TURN = 20, 20, 4096, 300
_ALL = 1_000_000


@click.command("history")
@click.argument("key", metavar="KEY")
@click.option("--dir", "option", metavar="DIR", help="The plan directory.")
@click.option("--full", is_flag=True, help="Everything, instead of the end of everything.")
@takes_json
def history_command(key: str, option: str | None, *, full: bool, as_json: bool) -> None:
    """Show what became of a task: attempts, events, conversation, result.

    KEY is a task, an attempt such as agent-01.attempt-2, or the session of an agent.

    \b
      orchestrator history T-01
      orchestrator history T-01 --full --json
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is
    turns, events = (_ALL, _ALL) if full else (_TURNS, _EVENTS)
    layout = plan_directory(None, option)
    found = history(layout, key, plugins(layout=layout).agents, turns=turns, events=events)
    limit = _ALL if full else _TURN
    if as_json:
        answer, left = clip(found.view.answer, _ALL if full else _ANSWER)
        view = found.view
        say_json(
            f"{view.task.id} is {view.board.status(view.task.id).value}",
            task=brief(view.board, view.task, chosen_agents(layout, view.board, [view.task])),
            attempts=[attempt_facts(each) for each in view.board.attempts(view.task.id)],
            attempt=found.attempt,
            errors=last_errors(layout, view),
            events=list(found.events),
            conversation=[
                {"who": said.who, "text": _cut(said.text, limit)} for said in found.conversation
            ],
            turns=found.turns,
            answer=answer,
            answer_bytes_left=left,
        )
        return
    write(_text(found, limit, _ALL if full else _ANSWER, last_errors(layout, found.view)))


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
        lines += [f"  {said.who}: {_cut(said.text, limit)}" for said in found.conversation]
    if view.shown:
        head, left = clip(view.shown, most)
        lines += ["", "Result", head]
        lines += [f"(cut here, {left} more bytes: {view.result_file})"] if left else []
    return "\n".join(lines) + "\n"


def _cut(text: str, limit: int) -> str:
    return text if limit == _ALL else one_line(text, limit)
