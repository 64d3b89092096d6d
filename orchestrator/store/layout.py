"""Where everything lies in a plan directory; no other module joins these names (design, section 1)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from orchestrator.errors import NotFoundError

PLAN_DIRECTORY = ".orchestrator"


@dataclass(frozen=True, slots=True)
class Layout:
    """A plan directory, as an absolute path."""

    root: str

    @property
    def plan(self) -> str:
        """The people's plan."""
        return f"{self.root}/master_plan.md"

    @property
    def tasks(self) -> str:
        """The directory of assignments."""
        return f"{self.root}/agent_tasks"

    @property
    def results(self) -> str:
        """The directory of outcomes."""
        return f"{self.root}/results"

    @property
    def logs(self) -> str:
        """The directory of raw output and attempt records."""
        return f"{self.root}/logs"

    @property
    def journal(self) -> str:
        """The chronicle."""
        return f"{self.root}/journal.md"

    @property
    def final_output(self) -> str:
        """The aggregated result."""
        return f"{self.root}/final_output.md"

    @property
    def index(self) -> str:
        """The cache; may be deleted at any time."""
        return f"{self.root}/index.json"

    @property
    def lock(self) -> str:
        """The lock of a run; held by the kernel, never deleted."""
        return f"{self.root}/run.lock"

    @property
    def run_output(self) -> str:
        """What a run that nobody looks on prints."""
        return f"{self.root}/logs/run.out"

    @property
    def cursor(self) -> str:
        """How far the journal was told to those who keep no cursor of their own; may be deleted at any time."""
        return f"{self.root}/logs/wait.cursor"

    @property
    def archive(self) -> str:
        """Where earlier plans lie, each in a directory with a number."""
        return f"{self.root}/archive"

    @property
    def staging(self) -> str:
        """A plan that is being written; whole or not, nobody else looks at it."""
        return f"{self.root}/.new_plan.tmp"

    @property
    def templates(self) -> str:
        """A person's own templates, used before the built-in ones."""
        return f"{self.root}/templates"

    def task_file(self, stem: str) -> str:
        """The assignment of one task."""
        return f"{self.root}/agent_tasks/{stem}.md"

    def result_file(self, stem: str) -> str:
        """The outcome of one task."""
        return f"{self.root}/results/{stem}-result.md"

    def attempt(self, stem: str, number: int) -> AttemptFiles:
        """The files of one attempt."""
        return AttemptFiles(f"{self.root}/logs", f"{stem}.attempt-{number}")

    def workdir(self, setting: str) -> str:
        """Where agents work: the setting, relative to the plan directory; else the directory that holds
        ``.orchestrator``; for a plan directory of another name, the current one (promise 25).
        """
        if setting:
            return os.path.normpath(os.path.join(self.root, os.path.expanduser(setting)))
        parent, name = os.path.split(self.root)
        if name == PLAN_DIRECTORY:
            return parent
        above, name = os.path.split(parent)
        return above if name == PLAN_DIRECTORY else os.getcwd()


class AttemptFiles(NamedTuple):
    """The files of one attempt, all beside each other in ``logs/``."""

    directory: str
    key: str
    """``agent-01.attempt-1``: unique in a plan directory for ever."""

    @property
    def stdin(self) -> str:
        """What the agent read."""
        return f"{self.directory}/{self.key}.in"

    @property
    def script(self) -> str:
        """What an interpreter ran."""
        return f"{self.directory}/{self.key}.script"

    @property
    def stdout(self) -> str:
        """What the agent printed."""
        return f"{self.directory}/{self.key}.out"

    @property
    def stderr(self) -> str:
        """What it printed on standard error."""
        return f"{self.directory}/{self.key}.err"

    @property
    def record(self) -> str:
        """How it ended: the strongest evidence there is (design, section 6)."""
        return f"{self.directory}/{self.key}.json"

    @property
    def shown_record(self) -> str:
        """The same, as seen from the plan directory."""
        return f"logs/{self.key}.json"


def find_plan_directory(
    named: str | None, environment: Mapping[str, str], current: str, *, must_exist: bool = True
) -> Layout:
    """Return the plan directory meant: the one named, ``ORCHESTRATOR_DIR``, or the nearest ``.orchestrator`` upward.

    Raises:
        NotFoundError: there is none.
    """
    named = named or environment.get("ORCHESTRATOR_DIR")
    if named:
        root = os.path.abspath(os.path.join(current, named))
        if not must_exist or os.path.isdir(root):
            return Layout(root)
        raise NotFoundError(
            f"no such plan directory: {named}", hint=f"orchestrator init {named} makes one"
        )
    above = os.path.abspath(current)
    while True:
        if os.path.isdir(os.path.join(above, PLAN_DIRECTORY)):
            return Layout(os.path.join(above, PLAN_DIRECTORY))
        if above == (above := os.path.dirname(above)):
            break
    if not must_exist:
        return Layout(os.path.join(os.path.abspath(current), PLAN_DIRECTORY))
    raise NotFoundError(
        f"no {PLAN_DIRECTORY} directory here or above",
        hint="orchestrator init makes one; or name a plan directory",
    )
