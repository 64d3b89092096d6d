"""The command ``rebuild-index``: read every plan again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts
from orchestrator.commands.reply import passed_over
from orchestrator.core.text import pluralize
from orchestrator.services import plans


@dataclass(frozen=True)
class RebuildIndexParams:
    """Nothing besides the directory of plans."""


class Rebuilt(NamedTuple):
    """The plans that were read."""

    plans: Sequence[str]
    skipped: Sequence[Mapping[str, str]]
    """Those that cannot be read, and why."""
    file: str
    """The index."""
    is_json: bool

    @property
    def message(self) -> str:
        """How many there are, in one line."""
        found = pluralize(len(self.plans), "plan")
        return f"Rebuilt the index: {found}, {len(self.skipped)} skipped"


def execute(call: Call, params: RebuildIndexParams) -> Rebuilt:  # noqa: ARG001 - there are none
    """Look at every plan again, and say which cannot be read.

    The index is a cache: it may be deleted at any time.

    Examples:
      orchestrator rebuild-index --json
    """
    root = call.plan()
    found = plans.rebuild_index(root)
    return Rebuilt(list(found.plans), passed_over(found.broken), root.index, call.is_json)


def facts(rebuilt: Rebuilt) -> Facts:
    """Return the plans as JSON."""
    return {"message": rebuilt.message, "tasks": rebuilt.plans, "skipped": rebuilt.skipped, "index": rebuilt.file}


def remarks(rebuilt: Rebuilt) -> Iterator[str]:
    """Yield what was skipped; the JSON has it."""
    if not rebuilt.is_json:
        yield from (f"skipped {each['task_id']}: {each['reason']}" for each in rebuilt.skipped)


COMMAND = Command(
    RebuildIndexParams,
    execute,
    facts,
    lambda rebuilt: f"{rebuilt.message}\n",
    remarks=remarks,
    takes=(DIRECTORY, DIR, JSON),
)
