"""The command line of seed 004, typed as the seed writes it, in a project with plans that came some way."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.orchestrate import Answer, Orchestrate

PROGRAM = "python3 scripts/task_engine.py "


@dataclass(frozen=True)
class TaskEngine:
    """Types commands."""

    orchestrate: Orchestrate

    def __call__(self, line: str) -> Answer:
        """Type a line; what stands behind `` #`` is a comment, as in a shell."""
        return self.orchestrate(*shlex.split(line.removeprefix(PROGRAM), comments=True))

    @property
    def root(self) -> Path:
        """The directory of plans."""
        return self.orchestrate.where / ".orchestrator"

    def plan(self, state: str = "PLANNING", title: str = "Implement feature X") -> str:
        """Make a plan that stands in this state; return its id."""
        made = self(f"create {shlex.quote(title)}").stdout.strip()
        if state != "PLANNING":
            text = self.file(made).read_text(encoding="utf-8")
            self.file(made).write_text(text.replace("status: planning", f"status: {state}"), "utf-8")
        return made

    def file(self, task: str) -> Path:
        """The plan of a task."""
        return self.root / task / "master_plan.md"

    def state(self, task: str) -> str:
        """Where a task stands."""
        found = self(f"status {task} --json").json["status"]
        assert isinstance(found, str)
        return found

    def add_rows(self, task: str, *rows: str) -> None:
        """Write rows into the table of a plan, by hand: ``id | task | type | assignee | priority | needs``."""
        text = self.file(task).read_text(encoding="utf-8")
        # The table is the last thing a person wrote; what stands behind it is drawn.
        mine, mark, drawn = text.partition("\n<!-- orchestrator:")
        added = "".join(f"| {row} |\n" for row in rows)
        self.file(task).write_text(f"{mine.rstrip()}\n{added}{mark}{drawn}", encoding="utf-8")

    def set_front(self, task: str, line: str) -> None:
        """Write a line into the front matter of a plan, by hand."""
        text = self.file(task).read_text(encoding="utf-8")
        self.file(task).write_text(text.replace("---\n", f"---\n{line}\n", 1), encoding="utf-8")
