"""Where everything lies in a plan directory; no other module joins these names (design, section 1)."""

from __future__ import annotations

import os
import re
import stat
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from orchestrator.errors import NotFoundError, StoreError, UsageError

PLAN_DIRECTORY = ".orchestrator"
#: Ids that ``create`` gives (seed row S4-03).
MADE_ID = re.compile(r"TASK-(\d+)")


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
        """The directory of what is said to everybody."""
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
    def lock(self) -> str:
        """The lock of a run; held by the kernel, never deleted."""
        return f"{self.root}/run.lock"

    @property
    def plan_lock(self) -> str:
        """Held for a moment by whoever changes the plan's file; by the kernel, never deleted."""
        return f"{self.root}/plan.lock"

    @property
    def queue(self) -> str:
        """Where commands and runs that want the lock wait for their turn; held by the kernel, never deleted."""
        return f"{self.root}/commands.lock"

    @property
    def requests(self) -> str:
        """What commands ask of the run that is at work, and its answers."""
        return f"{self.root}/requests"

    @property
    def waiting(self) -> str:
        """Who waits for the time to run it, a file for each process; there is none when nobody does."""
        return f"{self.root}/waiting"

    @property
    def run_output(self) -> str:
        """What a run that nobody looks on prints."""
        return f"{self.root}/logs/run.out"

    @property
    def cursor(self) -> str:
        """How far the journal was told to those who keep no cursor of their own; may be deleted at any time."""
        return f"{self.root}/logs/wait.cursor"

    def watch_cursor(self, name: str) -> str:
        """How far the journal was told to one caller of ``watch``; may be deleted at any time."""
        return f"{self.root}/logs/watch.{name}.cursor"

    @property
    def archive(self) -> str:
        """Where earlier plans lie, each in a directory with a number."""
        return f"{self.root}/archive"

    @property
    def staging(self) -> str:
        """A plan that is being written; whole or not, nobody else looks at it."""
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

    def _shared(self, name: str) -> tuple[str, ...]:
        """Return a directory of the same name in the directory of plans that this one lies in, if it lies in one."""
        above = os.path.dirname(self.root)
        return (f"{above}/{name}",) if os.path.basename(above) == PLAN_DIRECTORY else ()

    def task_file(self, stem: str) -> str:
        """The assignment of one task."""
        return f"{self.root}/agent_tasks/{stem}.md"

    def result_file(self, stem: str) -> str:
        """The outcome of one task."""
        return f"{self.root}/results/{stem}-result.md"

    def context_file(self, stem: str) -> str:
        """What was said to everybody about one task."""
        return f"{self.root}/contexts/context-{stem}.md"

    def notes_file(self, stem: str, author: str) -> str:
        """What one agent noted about one task."""
        return f"{self.root}/notes/notes-{stem}-{author}.md"

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


def agents_of_person(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the directory of the agents that a person has in every plan; none when nobody knows where home is."""
    return _of_person("agents", environment)


def templates_of_person(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the directory of the plans that a person keeps to begin with; none when nobody knows where home is."""
    return _of_person("templates", environment)


def schedules_lock(environment: Mapping[str, str]) -> str:
    """Return the file in which those stand in line who change what cron and systemd start; empty without a home."""
    return next(iter(_of_person("schedules.lock", environment)), "")


def open_to_us(directories: Sequence[str]) -> tuple[str, ...]:
    """Return those directories of a person that we may look into, or that are not there.

    With the HOME of somebody else nobody needs what lies there, nor asked for it: what it is worth is a warning.
    """
    found = []
    for directory in directories:
        try:
            os.close(os.open(directory, os.O_RDONLY))
        except PermissionError as error:
            text = f"{directory}: cannot list: {error.strerror}, so nothing there counts"
            warnings.warn(f"{text}; set HOME or XDG_CONFIG_HOME to yours", stacklevel=2)
            continue
        except OSError:
            pass  # mostly there is none; all else is told by whoever reads it
        found.append(directory)
    return tuple(found)


def _of_person(name: str, environment: Mapping[str, str]) -> tuple[str, ...]:
    home = environment.get("HOME", "")
    configuration = environment.get("XDG_CONFIG_HOME") or (f"{home}/.config" if home else "")
    # A relative one would mean another place wherever we are called from.
    return (f"{configuration}/orchestrator/{name}",) if os.path.isabs(configuration) else ()


def find_plan_directory(
    named: str | None,
    environment: Mapping[str, str],
    current: str,
    *,
    must_exist: bool = True,
    here: bool = False,
) -> Layout:
    """Return the plan directory meant: the one named, ``ORCHESTRATOR_DIR``, or the nearest ``.orchestrator`` upward.

    A name that is no directory may be the id of a plan in the directory that would be found without it. One of somebody
    else must be named: what a plan says is executed, and where others may write anybody could leave one. *here*: what
    is to be made belongs where one stands; neither the environment nor anything above is asked.

    Raises:
        NotFoundError: there is none.
        StoreError: nobody can say whether there is one: it is closed to us, or a link leads nowhere just now.
        UsageError: the nearest one is somebody else's.
    """
    if named and not os.path.isdir(os.path.join(current, named)):
        if must_exist:
            return find_plan(named, environment, current)
        if MADE_ID.fullmatch(named):
            # What is to be made has another name, as long as there is such a plan.
            with suppress(NotFoundError, StoreError, UsageError):
                return find_plan(named, environment, current)
    named = named or ("" if here else environment.get("ORCHESTRATOR_DIR"))
    if named:
        root = os.path.abspath(os.path.join(current, named))
        _refuse_hidden(root, is_named=True)
        if os.path.isdir(root) or not (must_exist or os.path.lexists(root)):
            return Layout(root)
        raise _no_such_directory(named, current)
    above = stands_in = os.path.abspath(current)
    while True:
        nearest = os.path.join(above, PLAN_DIRECTORY)
        if os.path.isdir(nearest):
            _refuse_strangers(nearest, environment, is_here=above == stands_in)
            return Layout(nearest)
        _refuse_hidden(nearest)
        if here or above == (above := os.path.dirname(above)):
            break
    if not must_exist:
        return Layout(os.path.join(stands_in, PLAN_DIRECTORY))
    raise NotFoundError(
        f"no {PLAN_DIRECTORY} directory here or above",
        hint="`orchestrator init` makes one; or name a plan directory",
    )


def _refuse_hidden(path: str, *, is_named: bool = False) -> None:
    """Do nothing where a path can be seen, or is not there; what is closed may be there where somebody names it.

    Raises:
        StoreError: it is there, and cannot be looked into: to go on would be with another plan.
    """
    try:
        os.stat(path)
    except OSError as error:
        absent = (FileNotFoundError, NotADirectoryError, *(() if is_named else (PermissionError,)))
        if os.path.islink(path) or not isinstance(error, absent):
            from orchestrator.store.out_of_reach import hidden

            raise hidden(path, error) from error


def _refuse_strangers(root: str, environment: Mapping[str, str], *, is_here: bool) -> None:
    """Do nothing where a plan directory is that of the caller, of root, or of whoever called `sudo`.

    Of a link it counts who made it: where it leads is what that person meant.

    Raises:
        UsageError: it is somebody else's.
    """
    owner, us = os.lstat(root).st_uid, os.geteuid()
    if not (owner in {0, us} or (us == 0 and str(owner) == environment.get("SUDO_UID"))):
        from orchestrator.store.out_of_reach import strangers

        raise strangers(root, owner, is_here=is_here)


def find_plan(
    plan_id: str, environment: Mapping[str, str], current: str, root: str | None = None
) -> Layout:
    """Return the plan with this id below *root*, else below the directory that would be found without a name.

    An agent that works on ``TASK-001`` finds that directory, so its neighbours are looked at, too. An id is one name
    and no path, so nothing outside can be meant.

    Raises:
        NotFoundError: there is none.
        StoreError, UsageError: as ``find_plan_directory`` does.
    """
    from orchestrator.core.plan import TASK_ID

    if not TASK_ID.fullmatch(plan_id):
        raise _no_such_directory(plan_id, current)
    try:
        found = find_plan_directory(root, environment, current).root
    except NotFoundError:
        if root:
            raise
    else:
        above, name = os.path.split(found)
        for place in (found, above) if name != PLAN_DIRECTORY else (found,):
            layout = Layout(os.path.join(place, plan_id))
            if _may_hold_plan(layout):
                return layout
    if MADE_ID.fullmatch(plan_id):
        raise NotFoundError(
            f"Task {plan_id} not found",
            hint="`orchestrator status --all` lists those there are; an archived one is in archive/",
        )
    raise _no_such_directory(os.path.join(root or "", plan_id), current)


def _may_hold_plan(layout: Layout) -> bool:
    """Say whether there is a plan, or the system does not let us see: whoever reads it is told why."""
    try:
        return stat.S_ISREG(os.stat(layout.plan).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def _no_such_directory(named: str, current: str) -> NotFoundError:
    import shlex

    _refuse_hidden(os.path.join(current, named), is_named=True)
    hint = f"`orchestrator init {shlex.quote(named)}` makes one"
    if os.path.lexists(os.path.join(current, named)):
        hint = "something else is there; name the directory that holds master_plan.md"
    return NotFoundError(f"no such plan directory: {named}", hint=hint)
