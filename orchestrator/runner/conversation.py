"""An answer as it was given, for whoever works with it, from the log of its attempt.

The result has it as it can be shown: headings below ours, no HTML, nothing left open, of a flood only head and tail.
It is also where people correct it. So the log counts as long as the result says just what was made of it, and the
result as soon as it says anything else.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.agents.protocol import Agent
from orchestrator.core.plan import Task
from orchestrator.core.redact import redact
from orchestrator.core.result import Outcome, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import noted_left_out, sanitize, unfenced, without_escapes
from orchestrator.errors import NotAFileError
from orchestrator.runner.attempt import reread
from orchestrator.store.workspace import MOST, Answer
from orchestrator.store.atomic import read_file, read_piece, io_errors
from orchestrator.store.attempt_record import AttemptRecord, read_record
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import LARGEST_RESULT, safe_answer
from orchestrator.store.fingerprint import is_newer
from orchestrator.store.workspace import Workspace

#: Bytes of a log that is read once more; whoever waits for an answer waits for that.
_LARGEST_LOG = 256 * 1024 * 1024
#: An answer that is not fenced is markdown, whatever its task says by now.
_AS_MARKDOWN = Settings(format="markdown")
_NOTHING = Outcome(Verdict.COMPLETED)


def raw_answer(
    layout: Layout,
    task: Task,
    number: int,
    agents: Mapping[str, Agent],
    written: str,
    *,
    is_prose: bool,
) -> Answer:
    """Return the answer that attempt *number* gave, without tokens; where that *is_prose*, also fit to be printed.

    *written*, as it stands in the result, where its log says something else or is not there. Of a log with more than
    fits, its head.

    Raises:
        StoreError: record or log cannot be read now.
    """
    files = layout.attempt(task.stem, number)
    record = read_record(files.record) if written else None
    if record is None or not record.is_of(task.id, number, ""):
        return _as_it_stands(written)
    said = _said(layout, task, agents, record, _AS_MARKDOWN)
    if not _is_made_of(said.answer, written):
        return _as_it_stands(written, record.exit.log_bytes or 0)
    if not said.is_cut:
        return Answer(_clean(said.answer, is_prose=is_prose), hidden=said.hidden)
    with io_errors("read", files.stdout):
        head = read_piece(files.stdout, 0, MOST) or b""
    left_out = (record.exit.log_bytes or 0) - len(head)
    return Answer(
        _clean(head.decode(errors="replace"), is_prose=is_prose), max(0, left_out), files.stdout
    )


def _as_it_stands(written: str, size: int = 0) -> Answer:
    inside = unfenced(written)
    shown = written if inside is None else inside
    hidden = noted_left_out(shown)
    # More than its log has is what one before it lacked, whose answer is a part of this one.
    return Answer(shown, hidden=0 if size and hidden > size else hidden)


def was_corrected(
    workspace: Workspace,
    task: Task,
    number: int,
    agents: Mapping[str, Agent],
    settings: Settings,
    *,
    since: float,
) -> bool:
    """Say whether a person changed the answer of attempt *number* after a moment, in seconds since the epoch.

    Copies are newer, too, and were not changed: of those the log says so. Without a log nobody knows.

    Raises:
        StoreError: result, record or log cannot be read now.
    """
    layout = workspace.layout
    if not is_newer(layout.result_file(task.stem), since):
        return False
    record = read_record(layout.attempt(task.stem, number).record)
    if record is None or not record.is_of(task.id, number, ""):
        return False
    said = _said(layout, task, agents, record, settings)
    written = workspace.read_written_answer(task.stem)
    return bool(said.answer) and not _is_made_of(said.answer, written)


def _is_made_of(answer: str, written: str) -> bool:
    """Say whether a result says just what was made of an answer."""
    # What is fenced needs no markdown to be made again, which takes long to load.
    as_made = (safe_answer(answer, is_markdown=each).strip("\n") for each in (False, True))
    return written in as_made


def _clean(text: str, *, is_prose: bool) -> str:
    return redact(sanitize(text) if is_prose else without_escapes(text)).rstrip("\n")


def _said(
    layout: Layout,
    task: Task,
    agents: Mapping[str, Agent],
    record: AttemptRecord,
    settings: Settings,
) -> Outcome:
    """Return what the log of an attempt says; no answer where it says none."""
    if not record.run:  # by hand: all of it
        try:
            log = read_file(layout.attempt(task.stem, record.number).stdout, LARGEST_RESULT)
        except NotAFileError:
            return _NOTHING
        return _NOTHING._replace(answer=(log or b"").decode(errors="replace"))
    agent = agents.get(record.agent)
    if agent is None or (record.exit.log_bytes or 0) > _LARGEST_LOG:
        return _NOTHING
    return reread(layout, task, agent, settings, record).judge(record.exit)
