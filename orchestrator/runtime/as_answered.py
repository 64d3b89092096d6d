"""An answer as it was given, for whoever works with it, from the log of its attempt.

The result has it as it can be shown: headings below ours, no HTML, nothing left open. It is also where people correct
it. So the log counts as long as the result says just what was made of it, and the result as soon as it says anything
else.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestrator.agents.protocol import Agent
from orchestrator.core.plan import Task
from orchestrator.core.redact import redact
from orchestrator.core.settings import Settings
from orchestrator.core.text import printable
from orchestrator.errors import UnfitError
from orchestrator.runtime.attempt import reread
from orchestrator.store.atomic import read_file
from orchestrator.store.attempt_record import AttemptRecord, read_record
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import LARGEST_RESULT, safe_answer
from orchestrator.store.signatures import is_newer
from orchestrator.store.workspace import Workspace

#: Bytes of a log that is read once more; whoever waits for an answer waits for that.
_LARGEST_LOG = 64 * 1024 * 1024
#: An answer that is not fenced is markdown, whatever its task says by now.
_AS_MARKDOWN = Settings(format="markdown")


def as_answered(
    layout: Layout, task: Task, number: int, agents: Mapping[str, Agent], written: str
) -> str:
    """Return the answer that attempt *number* gave, fit to be printed and without tokens.

    *written*, as it stands in the result, where its log says something else or is not there.

    Raises:
        StoreError: record or log cannot be read now.
    """
    if not written:
        return ""
    record = read_record(layout.attempt(task.stem, number).record)
    if record is None or not record.is_of(task.id, number, ""):
        return written
    said = _said(layout, task, agents, record, _AS_MARKDOWN)
    is_untouched = safe_answer(said, is_markdown=True).strip("\n") == written
    return redact(printable(said)).rstrip("\n") if is_untouched else written


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
    as_made = (safe_answer(said, is_markdown=each).strip("\n") for each in (True, False))
    return bool(said) and workspace.read_written_answer(task.stem) not in as_made


def _said(
    layout: Layout,
    task: Task,
    agents: Mapping[str, Agent],
    record: AttemptRecord,
    settings: Settings,
) -> str:
    """Return what the log of an attempt says that its answer is; empty where it says nothing."""
    if not record.run:  # by hand: all of it
        try:
            log = read_file(layout.attempt(task.stem, record.number).stdout, LARGEST_RESULT)
        except UnfitError:
            return ""
        return (log or b"").decode(errors="replace")
    agent = agents.get(record.agent)
    if agent is None or (record.exit.log_bytes or 0) > _LARGEST_LOG:
        return ""
    return reread(layout, task, agent, settings, record).judge(record.exit).answer
