"""The baseline: the same processes in the same order, started by a bare anyio loop that keeps nothing.

A program of its own: ``python bare_anyio.py PLAN.json``. It imports nothing of ours, so what it takes is what anyio,
the shell and the system take. The exit status is 1 when any process failed.
"""

from __future__ import annotations

import json
import subprocess
import sys

import anyio


class BareRun:
    """Starts every task when its parents are done and a slot is free. ``tasks``: (script, places of its parents)."""

    def __init__(self, tasks: list[tuple[str, list[int]]], slots: int) -> None:
        self.tasks = tasks
        self.slots = slots
        self.failed = 0

    async def run(self) -> None:
        limiter = anyio.CapacityLimiter(self.slots)
        done = [anyio.Event() for _ in self.tasks]
        async with anyio.create_task_group() as group:
            for place in range(len(self.tasks)):
                group.start_soon(self._one, place, limiter, done)

    async def _one(self, place: int, limiter: anyio.CapacityLimiter, done: list[anyio.Event]) -> None:
        script, parents = self.tasks[place]
        for parent in parents:
            await done[parent].wait()
        async with limiter:
            process = await anyio.open_process(
                ["/bin/sh", "-e", script],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            self.failed += await process.wait() != 0
        done[place].set()


def main() -> int:
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    bare = BareRun(plan["tasks"], plan["slots"])
    anyio.run(bare.run)
    return 1 if bare.failed else 0


if __name__ == "__main__":
    sys.exit(main())
