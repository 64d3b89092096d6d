"""A plan directory, and everything that a run of it needs except processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from orchestrator.agents.protocol import Agent
from orchestrator.agents.shell import ShellAgent
from orchestrator.core.settings import Settings, resolve
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.executors.protocol import Job
from orchestrator.runner.clock import Clock
from orchestrator.runner.events import Event
from orchestrator.runner.launch import Launcher
from orchestrator.runner.loop import Runner
from orchestrator.runner.render import Draw, Drawing
from orchestrator.runner.signals import receive_signals
from orchestrator.scheduler.engine import Engine
from orchestrator.scheduler.node import Node
from orchestrator.store.layout import Layout
from orchestrator.store.workspace import Workspace
from tests.fakes.executor import FakeExecutor, Play, play_nothing
from tests.patience import PATIENCE


def write_plan(root: Path, needs: Mapping[str, str]) -> Workspace:
    """Make a plan directory of shell tasks: id → what it needs."""
    rows = [f"| {id} | Do {id} | {listed or '-'} | shell |" for id, listed in needs.items()]
    table = "\n".join(["| ID | Task | Dependencies | Agent |", "|--|--|--|--|", *rows])
    (root / "master_plan.md").write_text(f"# Plan\n\n{table}\n")
    workspace = Workspace(Layout(str(root)))
    workspace.prepare()
    return workspace


def write_task(workspace: Workspace, text: str) -> None:
    """Write what a person wants the first task to do."""
    Path(workspace.layout.task_file("agent-01")).write_text(text)


@dataclass
class Bench:
    """One run with a fake executor; ``heard`` is what the listener was told."""

    workspace: Workspace
    play: Callable[[Job], Play] = play_nothing
    settings: Mapping[str, Any] = field(default_factory=dict)
    draw: Draw = lambda board, news: True
    hear: Callable[[Event], None] = lambda event: None
    heard: list[Event] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)
    agent: Agent = field(default_factory=ShellAgent)

    def __post_init__(self) -> None:
        policy: Settings = resolve({"agent": "shell", "retry_delay": 0.0, **self.settings})
        board = self.workspace.load(is_live=False)
        tasks = board.plan.tasks
        policies = dict.fromkeys(tasks, policy)
        entries = [
            Node(
                id=task.id,
                needs=task.needs,
                timeout=policy.timeout,
                max_attempts=policy.max_attempts,
                retry_delay=policy.retry_delay,
                status=TaskStatus.COMPLETED if board.status(task.id) is TaskStatus.COMPLETED else TaskStatus.WAITING,
            )
            for task in tasks.values()
        ]
        self.executor = FakeExecutor(self.play)
        self.runner = Runner(
            workspace=self.workspace,
            board=board,
            engine=Engine(entries, max_parallel=policy.max_parallel),
            policies=policies,
            executor=self.executor,
            clock=self.clock,
            listener=self._listen,
            launchpad=Launcher(
                self.workspace, tasks, policies, {"shell": self.agent}, run="r1", workdir=self.workspace.layout.root
            ),
            drawing=Drawing(self.draw),
        )

    def _listen(self, event: Event) -> None:
        self.heard.append(event)
        self.hear(event)

    async def run(self) -> PlanSnapshot:
        """Run to the end; return the plan as a stranger finds it on disk."""
        with anyio.fail_after(PATIENCE):
            with anyio.open_signal_receiver(*receive_signals()) as signals:
                await self.runner.run(self.executor.opened(), signals)
        return Workspace(self.workspace.layout).load(keep_cache=False, is_live=False)

    def story(self) -> list[tuple[str, str]]:
        """What happened, in order: (kind, task)."""
        return [(event.kind.value, event.task) for event in self.heard]
