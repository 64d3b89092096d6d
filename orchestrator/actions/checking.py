"""Look at a plan without changing anything: where it stands, whether it can run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.core.board import Board
from orchestrator.store.layout import Layout
from orchestrator.store.lock import holder_of
from orchestrator.store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Overview:
    """A board, and who works on it right now (pid, run, since), or nobody."""

    board: Board
    holder: Mapping[str, Any] | None


def status(layout: Layout) -> Overview:
    """Return where the plan stands.

    Raises:
        PlanError, NotFoundError, StoreError: as their names say.
    """
    holder = holder_of(layout.lock)
    return Overview(Workspace(layout).load(is_live=holder is not None), holder)


def validate(layout: Layout, agent_keys: Sequence[str]) -> Board:
    """Return the board of a plan that a run would accept; check the task files and the agents too.

    Raises:
        PlanError: every problem with file and line. Nothing was written.
        NotFoundError, StoreError: as their names say.
    """
    from orchestrator.actions.prospect import RunOrder, look_ahead

    return look_ahead(RunOrder(layout=layout), agent_keys).board
