"""Begin a plan."""

from __future__ import annotations

import os

from orchestrator.errors import UsageError
from orchestrator.store.atomic import replace_file, reported
from orchestrator.store.layout import Layout
from orchestrator.views.new_plan import new_plan


def init(layout: Layout, request: str = "") -> str:
    """Make a plan directory with a ``master_plan.md`` to start from (seed row S2-14); return the plan's path.

    Raises:
        UsageError: there is a plan already; it is left as it is.
        StoreError: it could not be written.
    """
    if os.path.lexists(layout.plan):
        raise UsageError(
            "there is a plan here already",
            where=layout.plan,
            hint="edit it, or name another directory",
        )
    for directory in (layout.root, layout.tasks, layout.results):
        with reported("make", directory):
            os.makedirs(directory, exist_ok=True)
    replace_file(layout.plan, new_plan(request).encode())
    return layout.plan
