"""The command line as its users have it: a process of its own, in an empty folder, with a small environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orchestrator
from tests.patience import PATIENCE

#: The package under test is the one that the tests import, wherever it comes from.
_PACKAGES = Path(orchestrator.__file__).parents[1]


@dataclass(frozen=True)
class Answer:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """The one object that ``--json`` prints."""
        return json.loads(self.stdout)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The objects that ``run --json`` prints, one per line; the last one is the summary."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def counts(self) -> dict[str, int]:
        """How many tasks have each status, as ``--json`` counts them; without those that no task has."""
        told = json.loads(self.stdout.splitlines()[-1])["counts"]
        return {status: count for status, count in told.items() if count}

    def started(self) -> list[str]:
        """The tasks that ``run --json`` says it started, in order."""
        return [event["task"] for event in self.events if event["event"] == "task_started"]


def ok(answer: Answer) -> Answer:
    """Return the answer of a command that did what it was to do."""
    assert 0 == answer.returncode, answer
    return answer


@dataclass
class Orchestrate:
    """Calls ``python -m orchestrator`` in a folder. ``environment`` holds for every call and may be changed."""

    where: Path
    environment: dict[str, str] = field(default_factory=dict)
    user: int | None = None
    """Who calls, by number, and alone in the group of that number; None: whoever runs the tests."""
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.where),
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(_PACKAGES),
            "ORCHESTRATOR_PROGRAM": "",  # hints name us by our short name
            **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
            **self.environment,
        }

    def __call__(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> Answer:
        """Run a command to its end."""
        process = self.start(*arguments, cwd=cwd, env=env, under=under)
        return self.finish(process)

    def start(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        under: Sequence[str] = (),
    ) -> subprocess.Popen[str]:
        """Start a command that goes on while the test does; *under* is a program that starts it."""
        process = subprocess.Popen(
            [*under, sys.executable, "-m", "orchestrator", *map(str, arguments)],
            cwd=cwd or self.where,
            env={**self.environment, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )
        self._started.append(process)
        return process

    def statuses(self) -> dict[str, str]:
        """Where every task stands, as ``list`` says."""
        return {task["id"]: task["status"] for task in self("list", "--json").json["tasks"]}

    def this_minute(self) -> str:
        """Set the clock on the wall so that a minute has just begun; return it as ``--at`` takes it."""
        now = datetime.now(UTC)
        self.environment["TZ"] = f"XXX0:00:{now.second:02}"
        return f"{now:%H:%M}"

    @staticmethod
    def finish(process: subprocess.Popen[str]) -> Answer:
        """Wait for the end of what ``start`` started."""
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return Answer(process.returncode, stdout, stderr)

    def close(self) -> None:
        """End what a failed test left behind; the agents of a dead runner end by themselves."""
        for process in self._started:
            process.kill()
            process.wait()
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()
