"""Which task of the plan a word means, without reading the plan where that can be avoided.

``share`` and ``note`` are called again and again, also while a run draws into the plan several times a second.
"""

from __future__ import annotations

import json
import os
import re
from typing import TYPE_CHECKING, Any

from orchestrator.core.plan import TASK_ID, id_of, is_label, unknown_task
from orchestrator.errors import StoreError
from orchestrator.lazy import LazyModule
from orchestrator.store.atomic import read_file
from orchestrator.store.fingerprint import signature
from orchestrator.store.layout import Layout

if TYPE_CHECKING:
    from orchestrator.store import workspace as store_workspace
else:
    store_workspace = LazyModule("orchestrator.store.workspace")

_OURS = re.compile(rb"^<!-- orchestrator:([a-z_-]+) -->$.*?^<!-- /orchestrator:\1 -->$", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def resolve_ids(layout: Layout, said: str) -> str:
    """Return the ids that a user said, one or many, with ``T-03`` in the place of ``agent-03``.

    Raises:
        UsageError: a word means more than one task.
        NotFoundError, PlanError, StoreError: the plan cannot be read.
    """
    if not any(map(is_label, _WORD.findall(said))):
        return said

    plan, _ = store_workspace.Workspace(layout).load_plan()
    return _WORD.sub(lambda word: id_of(word[0], plan.tasks), said)


def require_task(layout: Layout, said: str) -> str:
    """Return the id of the task that a user means.

    Raises:
        NotFoundError: there is none, or no plan.
        UsageError: it may be any of several.
        PlanError, StoreError: the plan cannot be read.
    """
    is_id = TASK_ID.fullmatch(said) is not None
    if is_id and _is_cached(layout, said):
        return said

    workspace = store_workspace.Workspace(layout)
    plan, _ = workspace.load_plan()
    task_id = id_of(said, plan.tasks)
    if task_id not in plan.tasks:
        raise unknown_task(task_id, plan.tasks)
    workspace.write_index()
    return task_id


def _is_cached(layout: Layout, task_id: str) -> bool:
    """Say whether the cache knows the task and the plan still has it; no means: it is unknown."""
    try:
        plan: Any = json.loads(read_file(layout.index) or b"{}")["plan"]
        if task_id not in plan["tasks"]["id"]:
            return False
        found = os.stat(layout.plan)
        if plan["signature"] == signature(found):
            return True
        # A run has drawn into it, or a person has changed it: the task is there when its row is.
        data = _OURS.sub(b"", read_file(layout.plan) or b"")
    except (ValueError, LookupError, TypeError, RecursionError, OSError, StoreError):
        return False
    return re.search(rb"^[ \t|*`]*%b[ \t*`]*\|" % re.escape(task_id).encode(), data, re.MULTILINE) is not None
