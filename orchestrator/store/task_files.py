"""The task files of one plan directory: read once while they are the same, made from their rows unless a person did."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from orchestrator.core.plan import Task, resolve_stems, stem
from orchestrator.core.settings import Settings, read_setting
from orchestrator.core.snapshot import is_auxiliary
from orchestrator.core.text import text_of
from orchestrator.errors import NotAFileError, PlanError, Problem, StoreError
from orchestrator.lazy import LazyModule
from orchestrator.plan.front_matter import read_front_matter
from orchestrator.plan.lines import LARGEST_TEXT, larger_than
from orchestrator.store.atomic import atomic_write, io_errors, names_in, open_file, read_file, read_whole
from orchestrator.store.compare_and_swap import put, take
from orchestrator.store.fingerprint import is_newer, signature
from orchestrator.store.layout import Layout

if TYPE_CHECKING:
    from orchestrator.core import batch
    from orchestrator.plan import task_file
    from orchestrator.plan.task_file import TaskFile
else:
    batch = LazyModule("orchestrator.core.batch")
    task_file = LazyModule("orchestrator.plan.task_file")

#: Bytes of a file that is kept in memory until it is used; there may be thousands of them.
_REMEMBERED = 64 * 1024

#: Endings, in lower case, of files that a person may have meant as the text of a task.
_TEXTS = frozenset({"md", "markdown", "mdown", "mkd", "mkdn", "mdx", "mdtext", "txt", "text", "rst", "adoc"})


class Assignments:
    """What each task is to do, as it stands in ``agent_tasks/``."""

    def __init__(self, layout: Layout, shown: str) -> None:
        """Take the paths; *shown* is the plan directory as people see it, from where they are."""
        self._layout, self._shown = layout, shown
        self._known: dict[str, tuple[int, TaskFile]] = {}

    def shown(self, task: Task) -> str:
        """Return the path of an assignment as people see it, from where they are."""
        return f"{self._shown}/agent_tasks/{task.stem}.md"

    def read(self, task: Task) -> TaskFile | None:
        """Return the assignment of a task as it stands right now; None when there is none yet.

        Raises:
            PlanError: its front matter is invalid; names file and line.
            StoreError: it cannot be read.
        """
        found = self._read(task.stem)
        if found is not None or not task.item:
            return found
        # What a person wrote for the batch counts for each of its tasks; what was made from the row was for no one.
        template = self._read(stem(task.parent))
        if template is None or template.made:
            return None
        try:
            return task_file.filled(template, batch.values_of(task))
        except ValueError as error:
            where = f"{self._shown}/agent_tasks/{stem(task.parent)}.md:{template.begins}"
            problem = Problem(f"{task.id}: {error}", where, "correct the text or the item", "bad_batch")
            raise PlanError([problem]) from None

    def _read(self, own: str) -> TaskFile | None:
        path, known = self._layout.task_file(own), self._known.get(own)
        with io_errors("read", path):
            try:
                if known is not None and known[0] == signature(os.stat(path)):
                    return known[1]
                descriptor, found = open_file(path)
            except FileNotFoundError:
                return None
            try:
                data = read_whole(descriptor, found.st_size, LARGEST_TEXT)
            finally:
                os.close(descriptor)
        shown = f"{self._shown}/agent_tasks/{own}.md"
        if data is None:
            raise PlanError([larger_than(LARGEST_TEXT, shown)])

        parsed = task_file.parse_task_file(data, shown)
        if parsed.problems:
            raise PlanError(parsed.problems)
        if len(data) <= _REMEMBERED:
            self._known[own] = signature(found), parsed
        return parsed

    def has_file(self, task: Task, existing: Collection[str]) -> bool:
        """Say whether a task has a file, its own or that of its batch, among those that exist."""
        return task.stem in existing or (bool(task.item) and stem(task.parent) in existing)

    def existing(self) -> set[str]:
        """Return the stems of the tasks that have a file.

        Raises:
            StoreError: the directory cannot be listed.
        """
        names = names_in(self._layout.tasks)
        return {name.removesuffix(".md") for name in names if name.endswith(".md")}

    def misnamed(self, tasks: Collection[Task], existing: Collection[str]) -> Iterator[Problem]:
        """Yield what is called as people may call the file of a task, and no one would read: a person wrote it.

        Where the assignment is there as well ``doctor`` tells of the second file.
        """
        strays, others = self._strays(tasks, existing), self._of_other_endings()
        by_stem = {task.stem: task for task in tasks} if strays or others else {}
        meant = resolve_stems({own: task.id for own, task in by_stem.items()})
        for stray in strays:
            right = meant.get(stray.casefold())
            if right is None or os.path.lexists(self._layout.task_file(right)):
                continue
            # Last: of a plan with one row, as commands make them to ask for its settings, every file is a stray.
            if self._is_written(stray):
                task = by_stem[right]
                yield Problem(
                    f"no task reads it; the file of {task.id} is {self.shown(task)}",
                    f"{self._shown}/agent_tasks/{stray}.md",
                    "rename it",
                    "misnamed_task_file",
                )
        for other in others:
            right = meant.get(other.rpartition(".")[0].casefold().removesuffix(".md"))
            if right is not None and not os.path.lexists(self._layout.task_file(right)):
                task = by_stem[right]
                yield Problem(
                    f"no task reads it; the file of {task.id} is {self.shown(task)}",
                    f"{self._shown}/agent_tasks/{other}",
                    "rename it",
                    "misnamed_task_file",
                )

    def _of_other_endings(self) -> list[str]:
        """Return the names of texts that do not end with ``.md``; what editors leave behind ends otherwise."""
        names = names_in(self._layout.tasks)
        return sorted(
            name
            for name in names
            if not name.startswith(".") and not name.endswith(".md") and name.rpartition(".")[2].lower() in _TEXTS
        )

    def unread(self, tasks: Collection[Task]) -> list[str]:
        """Return the files that a person wrote and no task reads, or ever read, as people see them.

        Raises:
            StoreError: the directory cannot be listed.
        """
        strays = self._strays(tasks, self.existing())
        written = filter(self._is_written, strays)
        return [f"{self._shown}/agent_tasks/{stray}.md" for stray in written]

    @staticmethod
    def _strays(tasks: Iterable[Task], existing: Collection[str]) -> list[str]:
        """Return the stems of files that no task reads."""
        unknown = set(existing).difference(task.stem for task in tasks)
        return sorted(each for each in unknown if not is_auxiliary(each))

    def _is_written(self, stem: str) -> bool:
        """Say whether a person wrote a file, and it never was that of a task."""
        path = self._layout.task_file(stem)
        if os.path.lexists(self._layout.result_file(stem)):
            return False
        try:
            parsed = task_file.parse_task_file(read_file(path, LARGEST_TEXT) or b"", path)
        except StoreError:
            return True  # it is not ours
        return not (parsed.made or parsed.is_typed)

    def is_of_a_person(self, task: Task) -> bool:
        """Say whether a person wrote or changed the assignment of a task, as far as it was read before."""
        known = self._known.get(task.stem) or (self._known.get(stem(task.parent)) if task.item else None)
        return known is not None and not known[1].made

    def is_newer(self, task: Task, timestamp: float) -> bool:
        """Say whether the assignment of a task was changed after *timestamp*, in seconds since the epoch."""
        return is_newer(self._layout.task_file(task.stem), timestamp)

    def make(self, task: Task, draw: Callable[[], str]) -> None:
        """Make the assignment of a task from its row: if there is none, or that there is was made from another row.

        What a person wrote or changed stays unchanged (decision 20).

        Raises:
            PlanError: what is there is invalid.
            StoreError: it could not be read or written.
        """
        path, found = self._layout.task_file(task.stem), self.read(task)
        if found is None and not os.path.lexists(path):
            atomic_write(path, task_file.made_from_row(draw()).encode())
            return
        if found is None or not found.made or os.path.islink(path):
            return
        if found.made == task_file.sum_of(text := draw()):
            return
        before = take(path)
        # A user may have saved it since it was read, or be saving it right now: then it is theirs.
        if task_file.parse_task_file(before.data, path).made:
            put(path, before, task_file.made_from_row(text).encode(), is_ours=True)


# ── references ────────
#
# Files that settings name: found from the plan directory, read where they have to be read.

#: Bytes of a JSON Schema at most; it travels on a command line.
_LARGEST_SCHEMA = 64 * 1024
#: Bytes of the file of a sub-agent at most; only its name is read.
_LARGEST_AGENT = 4 * 1024 * 1024


def resolve_files(settings: Settings, root: str) -> Settings:
    """Return the settings with every path absolute and the schema read. Paths count from the plan directory *root*.

    Input files and the output directory need not be there yet.

    Raises:
        ValueError: a file is missing or is not what it should be; the text names setting and file.
        StoreError: a file could not be read.
    """
    changes: dict[str, object] = {}
    for name in ("add_dirs", "mcp_config"):
        if paths := getattr(settings, name):
            changes[name] = tuple(_existing(name, path, root) for path in paths)
    if settings.system_prompt_file:
        changes["system_prompt_file"] = _existing("system_prompt_file", settings.system_prompt_file, root)
    if settings.input_files:
        changes["input_files"] = tuple(_absolute(path, root) for path in settings.input_files)
    if settings.output_dir:
        changes["output_dir"] = _absolute(settings.output_dir, root)
    if isinstance(settings.schema, str) and settings.schema:
        changes["schema"] = _schema(settings.schema, root)
    return settings._replace(**changes) if changes else settings  # type: ignore[arg-type]


def subagents(workdir: str) -> frozenset[str]:
    """Return the names of the sub-agents in ``.claude/agents`` of the project and of the person.

    One whose file says no name, or cannot be read, is called as its file is.
    """
    names = set()
    for place in (workdir, os.path.expanduser("~")):
        directory = os.path.join(place, ".claude", "agents")
        try:
            files = sorted(os.listdir(directory))
        except OSError:
            continue
        for file in files:
            if file.endswith(".md"):
                names.add(_name(os.path.join(directory, file)) or file.removesuffix(".md"))
    return frozenset(names)


def _name(path: str) -> str:
    try:
        data = read_file(path, _LARGEST_AGENT) or b""
    except StoreError:
        return ""  # the directory is not ours: what is there stops no run
    lines = data.decode(errors="replace").split("\n")
    return text_of(read_front_matter(lines, path).data.get("name"))


def _existing(name: str, path: str, root: str) -> str:
    found = _absolute(path, root)
    if not os.path.exists(found):
        raise ValueError(f"{name}: there is no {found}")
    return found


def _absolute(path: str, root: str) -> str:
    return os.path.normpath(os.path.join(root, os.path.expanduser(path)))


def _schema(path: str, root: str) -> Mapping[str, object]:
    found = _existing("schema", path, root)
    try:
        data = read_file(found, _LARGEST_SCHEMA) or b""
    except NotAFileError as error:
        raise ValueError(f"schema: {error}") from None
    try:
        schema = json.loads(data)
        if isinstance(schema, dict):
            return dict(read_setting("schema", schema))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"schema: {found} is not JSON: {error}") from None
    raise ValueError(f"schema: {found} does not hold an object")
