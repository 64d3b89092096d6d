"""Change ``master_plan.md`` for somebody who asked for it: under a short lock, and never over what a person saved."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from orchestrator.errors import NotFoundError, StoreError
from orchestrator.store.atomic import read_file, replace_file, reported
from orchestrator.store.index import signature
from orchestrator.store.layout import Layout

#: How often it is tried when somebody saves the file at the same moment.
_TRIES = 20


@contextmanager
def plan_lock(layout: Layout) -> Iterator[None]:
    """Hold the lock of the plan file; commands that change it wait for each other, which takes milliseconds.

    Raises:
        StoreError: the lock file cannot be opened or locked.
    """
    path = layout.plan_lock
    with reported("lock", path):
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o664)
    try:
        with reported("lock", path):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def change_plan(layout: Layout, change: Callable[[bytes], bytes]) -> None:
    """Put what *change* makes of the plan in its place; it is asked again when a person saved the file meanwhile.

    Raises:
        NotFoundError: there is no plan.
        StoreError: it could not be read or written.
        OrchestratorError: what *change* raises; nothing was written.
    """
    with plan_lock(layout):
        for _ in range(_TRIES):
            try:
                before = signature(os.stat(layout.plan))
            except FileNotFoundError:
                raise NotFoundError("no master_plan.md here", where=layout.root) from None
            data = read_file(layout.plan) or b""
            changed = change(data)
            if changed == data:
                return
            with reported("write", layout.plan):
                # A link is written where it leads, as a person's editor would.
                place = os.path.realpath(layout.plan)
                if signature(os.stat(layout.plan)) != before:
                    continue
            replace_file(place, changed)
            return
    raise StoreError("somebody else keeps changing the plan", where=layout.plan, hint="try again")
