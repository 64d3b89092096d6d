"""Plans for tests: written quickly, looked at closely."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import frontmatter

from tests.executors.harness import wait_until

#: Files of a plan directory that a reader knows; all others are temporary ones.
_KNOWN = re.compile(
    r"(agent-\d+(\.attempt-\d+\.(in|script|out|err|json)|-result\.md|\.md)|"
    r"master_plan\.md|final_output\.md|journal\.md|index\.json|(run|plan|commands)\.lock)"
)
#: A task as tests write it: its command; or the command and what it needs.
Row = Sequence[str]


def write_plan(directory: Path, tasks: Mapping[str, Row], *, more: str = "", **settings: object) -> Path:
    """Write a plan of shell tasks, with a task file for every command that is too much for a table cell.

    *more* is a person's text above the table; a setting that is None stays at its default.
    """
    front = {"agent": "shell", "retries": 0, "retry_delay": 0, **settings}
    rows = []
    for task_id, row in tasks.items():
        command, needs = (row, "None") if isinstance(row, str) else row
        cell = command
        if "\n" in command or "|" in command:
            write_task(directory, task_id, f"```sh\n{command}\n```\n")
            cell = f"do {task_id}"
        rows.append(f"| {task_id} | {cell} | {needs} |")
    lines = [
        "---",
        *(f"{name}: {value}" for name, value in front.items() if value is not None),
        "---",
        "# Task Plan",
        more,
        "| Task ID | Description | Dependencies |",
        "|---------|-------------|--------------|",
        *rows,
    ]
    directory.mkdir(exist_ok=True)
    plan = directory / "master_plan.md"
    plan.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return plan


def write_task(directory: Path, task_id: str, body: str, **settings: object) -> Path:
    """Write the file of a task."""
    front = "".join(f"{name}: {value}\n" for name, value in settings.items())
    path = directory / "agent_tasks" / f"{stem(task_id)}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\n{front}---\n{body}" if front else body, encoding="utf-8")
    return path


def add_row(directory: Path, cells: str) -> None:
    """Write one more row below a plan that ends with its table."""
    with (directory / "master_plan.md").open("a", encoding="utf-8") as plan:
        plan.write(f"| {cells} |\n")


def stem(task_id: str) -> str:
    """How the names of the files of a task begin."""
    return task_id.replace("T-", "agent-")


def result_of(directory: Path, task_id: str) -> str:
    """The result file of a task."""
    return (directory / "results" / f"{stem(task_id)}-result.md").read_text(encoding="utf-8")


def front_of(directory: Path, task_id: str) -> dict[str, Any]:
    """The front matter of a result file."""
    return dict(frontmatter.loads(result_of(directory, task_id)).metadata)


def answer_of(directory: Path, task_id: str) -> str:
    """What stands under Output in a result file, without marks and fence."""
    text = result_of(directory, task_id)
    inside = text.partition("<!-- orchestrator:answer -->\n")[2].rpartition("\n<!-- /orch")[0]
    lines = inside.split("\n")
    return "\n".join(lines[1:-1]) if lines[0].startswith("```") else inside


def everything(directory: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below a directory, with its content and the moment it was last written; of a folder the moment."""
    return {
        str(path.relative_to(directory)): (b"" if path.is_dir() else path.read_bytes(), path.stat().st_mtime_ns)
        for path in [directory, *directory.rglob("*")]
    }


def leftovers(directory: Path) -> list[str]:
    """Files below a plan directory that no reader knows."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return [path.name for path in files if not _KNOWN.fullmatch(path.name)]


def journal(root: Path) -> str:
    """What the chronicle of a plan says."""
    return (root / "journal.md").read_text(encoding="utf-8")


class Gate:
    """Where a task waits until the test lets it go: its command reads a fifo that nobody has opened for writing."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self._path = path
        self._descriptor: int | None = None
        self.wait = f'read -r _ < "{path}" || true'
        """The command that waits at the gate."""

    def await_task(self, run: subprocess.Popen[str]) -> None:
        """Wait until a task of this run stands at the gate; afterwards it stays there until ``open``."""
        self.open()
        wait_until(lambda: self._is_reached() or run.poll() is not None)
        if self._descriptor is None:
            raise AssertionError(f"the run ended before the gate: {run.communicate()}")

    def open(self) -> None:
        """Let the task go on; the next one that comes waits again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None

    def _is_reached(self) -> bool:
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno == errno.ENXIO:
                return False
            raise
        return True
