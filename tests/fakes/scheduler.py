"""A scheduler that starts nothing, held to the same conformance suite as the real ones; and ways to install theirs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from orchestrator.cron.entry import Scheduled, ScheduledRun


class FakeScheduler:
    """Keeps jobs in a dictionary."""

    by = "fake"

    def __init__(self) -> None:
        self.jobs: dict[str, ScheduledRun] = {}

    def entries(self) -> Sequence[Scheduled]:
        return [Scheduled(job.name, str(job.when), job.words[2], self.by) for job in self.jobs.values()]

    def add(self, job: ScheduledRun) -> None:
        self.jobs[job.name] = job

    def remove(self, name: str) -> None:
        self.jobs.pop(name, None)


def install(directory: Path, program: str) -> Path:
    """Put the stand-in of ``crontab`` or ``systemctl`` into a directory of PATH."""
    directory.mkdir(exist_ok=True)
    path = directory / program
    source = Path(__file__).with_name(f"fake_{program}.py").read_text(encoding="utf-8")
    path.write_text(f"#!{sys.executable} -IS\n{source}", encoding="utf-8")
    path.chmod(0o755)
    return path
