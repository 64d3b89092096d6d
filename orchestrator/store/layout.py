"""Where everything lies in a plan directory; no other module joins these names."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from orchestrator.errors import OutputError

PLAN_DIRECTORY = ".orchestrator"
#: Ids that ``create`` gives.
MADE_ID = re.compile(r"TASK-(\d+)")
#: What the orchestrator writes into a plan directory, as patterns of git.
STATE = (
    "results/", "logs/", "batches/", "contexts/", "notes/", "requests/", "waiting/", "archive/", "checkpoints/",
    "journal.md", "final_output.md", "index.json", "heartbeats.json", "*.lock", ".*.tmp",
)  # fmt: skip
#: What people write there.
PEOPLES = ("master_plan.md", "agent_tasks/", "agents/", "types/", "templates/")


class Layout:
    """A plan directory, as an absolute path. Written by hand: loading `dataclasses` takes longer than `share`."""

    __slots__ = ("root",)

    def __init__(self, root: str) -> None:
        """Take the absolute path."""
        self.root = root

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.root == other.root

    def __hash__(self) -> int:
        return hash(self.root)

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
    def contexts(self) -> str:
        """The directory of the messages to all agents."""
        return f"{self.root}/contexts"

    @property
    def notes(self) -> str:
        """The directory of what is noted for oneself."""
        return f"{self.root}/notes"

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
    def gitignore(self) -> str:
        """What git is to leave alone here."""
        return f"{self.root}/.gitignore"

    @property
    def lock(self) -> str:
        """The lock of a run; held by the kernel, never deleted."""
        return f"{self.root}/run.lock"

    @property
    def plan_lock(self) -> str:
        """The lock that a process holds while it changes the plan's file; held by the kernel, never deleted."""
        return f"{self.root}/plan.lock"

    @property
    def queue(self) -> str:
        """Where commands and runs that want the lock wait for their turn; held by the kernel, never deleted."""
        return f"{self.root}/commands.lock"

    @property
    def requests(self) -> str:
        """What commands ask of the active run, and its answers."""
        return f"{self.root}/requests"

    @property
    def waiting(self) -> str:
        """One file for each process that waits for its time to run the plan; no directory when there is none."""
        return f"{self.root}/waiting"

    @property
    def run_output(self) -> str:
        """The output of a run in the background."""
        return f"{self.root}/logs/run.out"

    @property
    def cursor(self) -> str:
        """How far the journal was reported to callers without a cursor of their own; may be deleted at any time."""
        return f"{self.root}/logs/wait.cursor"

    def watch_cursor(self, name: str) -> str:
        """How far the journal was reported to one caller of ``watch``; may be deleted at any time."""
        return f"{self.root}/logs/watch.{name}.cursor"

    @property
    def rejected_draft(self) -> str:
        """An answer of a planner that made no plan: it was paid for, and people can correct it."""
        return f"{self.root}/logs/_plan.draft.json"

    @property
    def archive(self) -> str:
        """Where earlier plans lie, each in a directory with a number."""
        return f"{self.root}/archive"

    @property
    def staging(self) -> str:
        """A plan that is being written; whole or not, no other user looks at it."""
        return f"{self.root}/.new_plan.tmp"

    @property
    def heartbeats(self) -> str:
        """How often each task was seen without progress; may be deleted at any time."""
        return f"{self.root}/heartbeats.json"

    @property
    def templates(self) -> str:
        """A person's own templates, used before the built-in ones."""
        return f"{self.root}/templates"

    @property
    def own_templates(self) -> tuple[str, ...]:
        """Where plans to begin with are kept: here, and in a directory of plans that this one lies in."""
        return f"{self.root}/templates", *self._shared("templates")

    @property
    def agents(self) -> tuple[str, ...]:
        """A plan's own agents; then those of a directory of plans it lies in, which all of them share."""
        return f"{self.root}/agents", *self._shared("agents")

    @property
    def types(self) -> tuple[str, ...]:
        """A plan's own types of task; then those of a directory of plans it lies in, which all of them share."""
        return f"{self.root}/types", *self._shared("types")

    def _shared(self, name: str) -> tuple[str, ...]:
        """Return a directory of the same name in the directory of plans that this one lies in, if it lies in one."""
        above = os.path.dirname(self.root)
        return (f"{above}/{name}",) if os.path.basename(above) == PLAN_DIRECTORY else ()

    def task_file(self, stem: str) -> str:
        """The assignment of one task."""
        return f"{self.root}/agent_tasks/{stem}.md"

    @property
    def batches(self) -> str:
        """What batches were expanded to."""
        return f"{self.root}/batches"

    def batch_file(self, batch: str) -> str:
        """What one batch was expanded to."""
        return f"{self.root}/batches/{batch}.json"

    def result_file(self, stem: str) -> str:
        """The outcome of one task."""
        return f"{self.root}/results/{stem}-result.md"

    def context_file(self, stem: str) -> str:
        """The messages to all agents about one task."""
        return f"{self.root}/contexts/context-{stem}.md"

    def notes_file(self, stem: str, author: str) -> str:
        """What one agent noted about one task."""
        return f"{self.root}/notes/notes-{stem}-{author}.md"

    def attempt(self, stem: str, number: int) -> AttemptFiles:
        """The files of one attempt."""
        return AttemptFiles(f"{self.root}/logs", f"{stem}.attempt-{number}")

    def workdir(self, setting: str) -> str:
        """Where agents work: the setting, relative to the plan directory; else the directory that holds
        ``.orchestrator``; for a plan directory of another name, the current one.
        """
        if setting:
            return os.path.normpath(os.path.join(self.root, os.path.expanduser(setting)))
        parent, name = os.path.split(self.root)
        if name == PLAN_DIRECTORY:
            return parent
        above, name = os.path.split(parent)
        return above if name == PLAN_DIRECTORY else current_directory()


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
        """How it ended: the strongest evidence there is."""
        return f"{self.directory}/{self.key}.json"

    @property
    def shown_record(self) -> str:
        """The same, as seen from the plan directory."""
        return f"logs/{self.key}.json"


def current_directory() -> str:
    """Return where we are.

    Raises:
        OutputError: that was taken away meanwhile.
    """
    try:
        return os.getcwd()
    except FileNotFoundError:
        hint = "go to one that exists, and call again"
        raise OutputError("the current directory is gone", hint=hint) from None


def display_path(path: str) -> str:
    """Return a path as people see it: from where they are, as long as that is there."""
    try:
        return os.path.relpath(path)
    except FileNotFoundError:
        return path


def agents_of_person(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the directory of the agents that a person has in every plan; none when it is unknown where home is."""
    return _of_person("agents", environment)


def types_of_person(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the directory of the types of task that a person has in every plan; none when home is unknown."""
    return _of_person("types", environment)


def templates_of_person(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the directory of the plans that a person keeps to begin with; none when it is unknown where home is."""
    return _of_person("templates", environment)


def schedules_lock(environment: Mapping[str, str]) -> str:
    """Return the file in which those stand in line who change what cron and systemd start; empty without a home."""
    return next(iter(_of_person("schedules.lock", environment)), "")


def pools_of_person(environment: Mapping[str, str]) -> str:
    """Return the directory of the slots that all plans of a user share on this machine; empty without a home.

    Not the runtime directory: what cron starts has none, and would have slots of its own.
    """
    home = environment.get("HOME", "")
    state = environment.get("XDG_STATE_HOME") or (f"{home}/.local/state" if home else "")
    return f"{state}/orchestrator/pools" if os.path.isabs(state) else ""


def _of_person(name: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    home = environment.get("HOME", "")
    configuration = environment.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    # A relative one would mean another place wherever we are called from.
    return (f"{configuration}/orchestrator/{name}",) if os.path.isabs(configuration) else ()
