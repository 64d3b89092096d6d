"""Plans of claude tasks, with a stand-in for ``claude`` on PATH that plays what it is told."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Row, front_of, stem, write_plan
from tests.executors.harness import wait_until
from tests.fakes.claude_calls import Call, calls, install, script


@dataclass
class ClaudePlan:
    """A plan directory in a project, and every call of ``claude`` that was made for it."""

    orchestrate: Orchestrate
    where: Path
    records: Path = field(init=False)

    def __post_init__(self) -> None:
        self.records = self.where / "records"
        install(self.where / "bin")
        self.play({})
        self.orchestrate.environment["PATH"] = f"{self.where}/bin:/usr/bin:/bin"
        self.orchestrate.environment["FAKE_CLAUDE_DIR"] = str(self.records)

    @property
    def root(self) -> Path:
        return self.where / ".orchestrator"

    @property
    def journal(self) -> str:
        path = self.root / "journal.md"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def write(self, tasks: int | Mapping[str, Row], **settings: object) -> Path:
        """Write a plan; of a number, so many tasks that need nothing."""
        rows = {f"T-0{number}": f"do {number}" for number in range(1, tasks + 1)} if isinstance(tasks, int) else tasks
        settings.setdefault("agent", "claude")
        return write_plan(self.root, rows, more="", **settings)

    def play(self, steps: Mapping[str, Any]) -> None:
        """Say what calls do, by task; a list is one step for each call."""
        script(self.records, steps)

    def run(self, *flags: str) -> Answer:
        """Run the plan and return its events."""
        return self.orchestrate("run", "--json", *flags)

    def start(self, *flags: str) -> subprocess.Popen[str]:
        """Start a run that goes on while the test does."""
        return self.orchestrate.start("run", *flags)

    def await_journal(self, run: subprocess.Popen[str], words: str) -> None:
        """Wait until the journal of a run that goes on has these words."""
        wait_until(lambda: words in self.journal or run.poll() is not None)
        assert words in self.journal, run.communicate()

    def await_turn(self, run: subprocess.Popen[str], task_id: str) -> None:
        """Wait until the newest attempt of a task has had a turn of its model, and its result file says it runs."""
        name = stem(task_id)

        def has_turned() -> bool:
            logs = sorted((self.root / "logs").glob(f"{name}.attempt-*.out"))
            result = self.root / "results" / f"{name}-result.md"
            is_said = bool(logs) and b'"assistant"' in logs[-1].read_bytes()
            return is_said and result.exists() and "running" in result.read_text(encoding="utf-8")

        wait_until(lambda: has_turned() or run.poll() is not None)
        assert run.poll() is None, run.communicate()

    def calls(self, *tasks: str) -> list[Call]:
        """Every call, or those for these tasks, in the order of their starts."""
        return [call for call in calls(self.records) if not tasks or call.task in tasks]

    def attempts(self, task_id: str) -> list[dict[str, Any]]:
        """The attempts in a result file."""
        return list(front_of(self.root, task_id)["attempts"])

    def statuses(self, task_id: str) -> list[str]:
        """How the attempts of a task ended."""
        return [attempt["status"] for attempt in self.attempts(task_id)]

    def text(self, name: str) -> str:
        """A file of the plan directory."""
        return (self.root / name).read_text(encoding="utf-8")


def flags(call: Call) -> dict[str, str]:
    """The flags of a call with their values; those that take several words have them joined by blanks."""
    found: dict[str, str] = {}
    name = ""
    for word in call.argv:
        if word.startswith("-"):
            name, _, found[word.partition("=")[0]] = word.partition("=")
        else:
            found[name] = f"{found[name]} {word}".strip()
    return found


def cap(call: Call) -> float:
    """USD a call may cost, as its command line says."""
    return float(flags(call)["--max-budget-usd"])


def most_at_once(made: Sequence[Call]) -> int:
    """How many of the calls ran at the same moment."""
    return max(sum(a.start <= b.start < (a.end or b.start + 1) for a in made) for b in made)


def figures(text: str) -> dict[str, str]:
    """The rows of two cells in the tables of a text."""
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def events(answer: Answer, kind: str) -> list[dict[str, Any]]:
    """What ``run --json`` said of one kind."""
    return [event for event in answer.events if event["event"] == kind]


def schema(path: Path, value: object) -> Path:
    """Write a JSON file."""
    path.write_text(json.dumps(value), encoding="utf-8")
    return path
