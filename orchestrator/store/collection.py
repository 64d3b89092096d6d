"""A directory of plan directories: ``.orchestrator/TASK-001/``, ``TASK-002/`` ….

Its ``index.json`` remembers what each plan says of itself, with the signature of the file it was read from. It is a
cache: delete it at any time, ``rebuild-index`` only does so and looks. Where the directory holds a plan of its own as
well, both caches lie in the same file, and each keeps what it does not know.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.core.heartbeat import Pulse
from orchestrator.core.plan import TASK_ID, PlanHeader
from orchestrator.core.plan_status import parse_state
from orchestrator.core.text import join_first
from orchestrator.errors import NotFoundError, OrchestratorError, StoreError, UsageError
from orchestrator.lazy import LazyModule
from orchestrator.ownership import make_directories, make_directory
from orchestrator.store.atomic import atomic_write, io_errors, names_in, read_file, reject_symlinks, sync_directory
from orchestrator.store.fingerprint import is_settled, signature
from orchestrator.store.index import read_cache, write_cache
from orchestrator.store.layout import MADE_ID, PLAN_DIRECTORY, Layout, display_path
from orchestrator.store.lock import keeps_last_plan, lock_owner
from orchestrator.store.plan_directory import make_plan_directory

if TYPE_CHECKING:
    import shlex

    from orchestrator.plan import header, parser
else:
    header = LazyModule("orchestrator.plan.header")
    parser = LazyModule("orchestrator.plan.parser")
    shlex = LazyModule("shlex")

_Read = TypeVar("_Read")
#: Names tried for a new plan at most; each that is taken meanwhile was given to another user.
_TRIES = 10_000
#: Plans named in a hint at most.
_MOST = 3


@dataclass(slots=True)
class Survey:
    """What lies in a directory of plans."""

    plans: dict[str, PlanHeader] = field(default_factory=dict)
    """By id, in their order."""
    broken: dict[str, str] = field(default_factory=dict)
    """Plans that cannot be read, and why."""


def survey(root: Layout, *, anew: bool = False) -> Survey:
    """Return the plans of a directory with their headers; a header comes from the cache while that is up to date.

    *anew*: ignore the cache, and write it in any case.

    Raises:
        StoreError: the directory cannot be read; or, with *anew*, the cache cannot be written.
    """
    raw = read_cache(root.index)
    known = {} if anew else _entries(raw.get("plans") or {})
    found, kept = Survey(), {}
    for plan_id, is_made in _names(root):
        layout = Layout(f"{root.root}/{plan_id}")
        try:
            stat = os.stat(layout.plan)
        except OSError as error:
            if is_made:  # any other directory may lie there for a reason of its own
                found.broken[plan_id] = f"master_plan.md: {error.strerror}"
            continue
        signed = signature(stat)
        entry = known.get(plan_id)
        try:
            plan_header = entry[1] if entry and entry[0] == signed else _read(layout, whole=anew)
        except OrchestratorError as error:
            found.broken[plan_id] = str(error)
            continue
        found.plans[plan_id] = plan_header
        if is_settled(stat):
            kept[plan_id] = signed, plan_header
    if anew or kept != known:
        try:
            _write(root.index, raw, kept)
        except StoreError:
            if anew:
                raise
            # As with every cache: the next look takes longer.
    return found


def is_root_only(layout: Layout) -> bool:
    """Say whether a directory is one of plans, and no plan itself."""
    if os.path.lexists(layout.plan):
        return False
    return os.path.isdir(layout.archive) or has_plans(layout)


def has_plans(layout: Layout) -> bool:
    """Say whether there are plans below a directory."""
    return any(is_made or os.path.isfile(f"{layout.root}/{name}/master_plan.md") for name, is_made in _names(layout))


def no_plan(layout: Layout, meant: Callable[[Layout], bool] | None = None) -> NotFoundError:
    """Return the error for a directory without a plan. It names other plans, or the run that goes on without the file.

    *meant* picks the plans that the user can have meant.
    """
    message, hint = "no master_plan.md in this plan directory", instead_of(layout, meant)
    if (holder := lock_owner(layout.lock)) is not None:
        message, hint = f"{message}; {keeps_last_plan(holder)}", "put it back"
    return NotFoundError(message, where=layout.root, hint=hint)


def instead_of(layout: Layout, meant: Callable[[Layout], bool] | None = None) -> str:
    """Return what to do about a directory that holds no plan itself: name one that is in it, else make one.

    *meant* picks those that are named; where it picks none, all are.
    """
    places, inside = [], f"{layout.root}/{PLAN_DIRECTORY}"
    with suppress(OrchestratorError):  # that there is no plan is the news
        is_project = os.path.isdir(inside)
        places = [Layout(inside)] if is_project else [each for _, each in live_plans(layout)]
        places = list(filter(meant, places)) or places if meant else places
    if not places:
        return "`orchestrator init` writes one to start from"

    named = [f"--dir {shlex.quote(display_path(each.root))}" for each in places]
    return f"name the plan that you mean: {join_first(named, _MOST)}"


def live_plans(layout: Layout) -> Iterator[tuple[str, Layout]]:
    """Yield a plan, and the plans of a directory, each with its path from there on; ``.`` for that directory itself.

    Raises:
        StoreError: the directory cannot be read.
    """
    if os.path.lexists(layout.plan):
        yield ".", layout
    for name, _ in _names(layout):
        if _holds_plan(f"{layout.root}/{name}"):
            yield name, Layout(f"{layout.root}/{name}")


def every_plan(layout: Layout, since: float = 0.0) -> Iterator[tuple[str, Layout]]:
    """Yield what ``live_plans`` does, then what each of them and the directory put away.

    What was put away before *since*, seconds since the epoch, is left out: nothing in it is newer than the move.

    Raises:
        StoreError: a directory cannot be read.
    """
    live = dict(live_plans(layout))
    yield from live.items()
    for name, place in {**live, ".": layout}.items():
        for path, away in _put_away(name, place, since):
            yield path, away
            yield from _put_away(path, away, since)  # it took with it what it had put away itself


def read_each(
    places: Mapping[str, Layout], read: Callable[[str, Layout], _Read]
) -> tuple[dict[str, _Read], dict[str, str]]:
    """Return what *read* makes of each plan, and why it cannot be read where it cannot: these are passed over.

    Raises:
        OrchestratorError: why the only plan there is cannot be read.
    """
    found: dict[str, _Read] = {}
    errors: dict[str, OrchestratorError] = {}
    for name, place in places.items():
        try:
            found[name] = read(name, place)
        except OrchestratorError as error:
            errors[name] = error
    if len(errors) == len(places) == 1:
        raise errors.popitem()[1]
    return found, {name: str(error) for name, error in errors.items()}


def _holds_plan(directory: str) -> bool:
    return os.path.isfile(Layout(directory).plan)


def _put_away(path: str, place: Layout, since: float) -> Iterator[tuple[str, Layout]]:
    names = names_in(place.archive, (FileNotFoundError, NotADirectoryError))
    above = "archive" if path == "." else f"{path}/archive"
    for name in filter(TASK_ID.fullmatch, sorted(names)):
        away = Layout(f"{place.archive}/{name}")
        # What `init` found without a plan was put away without one, too.
        is_told = _holds_plan(away.root) or os.path.isdir(away.results)
        if is_told and _newest_move(away) >= since:
            yield f"{above}/{name}", away


def _newest_move(layout: Layout) -> float:
    """Return when something last happened to a plan directory, as far as its files tell."""
    moments = [0.0]
    for path in (layout.root, layout.results, layout.journal):
        with suppress(OSError):  # a plan that never began has no results
            moments.append(os.stat(path).st_mtime)
    return max(moments)


def make_plan(root: Layout, files: Mapping[str, bytes]) -> str:
    """Make a plan directory with these files, by name; return its id, the next that was never used.

    It is written beside and renamed, so no one sees half a plan; of several who want the same id one gets it.

    Raises:
        StoreError: it could not be written.
    """
    # A process id would be the same in every thread, and in containers that share the directory.
    staged = f"{root.root}/.new-plan.{os.urandom(6).hex()}.tmp"
    make_plan_directory(root)
    with io_errors("make", root.root):
        make_directory(staged)
    try:
        for name, data in files.items():
            atomic_write(f"{staged}/{name}", data)
        sync_directory(staged)
        plan_id = _take_name(root, staged)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    sync_directory(root.root)
    return plan_id


def _take_name(root: Layout, staged: str) -> str:
    number = max(_numbers(root), default=0)
    for _ in range(_TRIES):
        number += 1
        plan_id = f"TASK-{number:03d}"
        place = f"{root.root}/{plan_id}"
        with io_errors("make", place):
            try:
                # It fails where there is a directory with anything in it, which every plan directory has.
                os.rename(staged, place)
            except OSError:
                if not os.path.lexists(place):
                    raise
            else:
                return plan_id
    raise StoreError("no free number for a plan", where=root.root)


def _numbers(root: Layout) -> Iterator[int]:
    for directory in (root.root, root.archive):
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        for name in names:
            if (made := MADE_ID.fullmatch(name)) is not None:
                yield int(made[1])


def archive_plan(root: Layout, plan_id: str) -> str:
    """Move a plan directory into the archive of its root; return where it lies now.

    Raises:
        UsageError: there is one of that name already.
        StoreError: it could not be moved.
    """
    reject_symlinks(root.archive)
    place = f"{root.archive}/{plan_id}"
    with io_errors("archive", place):
        make_directories(root.archive)
        if os.path.lexists(place):
            raise UsageError(f"the archive holds a {plan_id} already", where=place, hint="move it elsewhere")
        source = f"{root.root}/{plan_id}"
        if os.path.islink(source):
            # What is not written from the root would lead elsewhere from here.
            os.symlink(os.path.realpath(source), place)
            os.unlink(source)
        else:
            os.rename(source, place)
    sync_directory(root.archive)
    sync_directory(root.root)
    return place


def is_one_of_many(layout: Layout) -> bool:
    """Say whether a directory is a plan that was made in a directory of plans."""
    return MADE_ID.fullmatch(plan_id(layout)) is not None and os.path.isfile(layout.plan)


def root_of(layout: Layout) -> Layout:
    """Return the directory that a plan directory lies in."""
    return Layout(os.path.dirname(layout.root))


def plan_id(layout: Layout) -> str:
    """Return the id of a plan: the name of its directory."""
    return os.path.basename(layout.root)


def _names(root: Layout) -> Iterator[tuple[str, bool]]:
    """Yield what may be a plan directory, and whether its name says that it is one."""
    with io_errors("list", root.root):
        try:
            with os.scandir(root.root) as entries:
                names = sorted(entry.name for entry in entries if entry.is_dir())
        except FileNotFoundError:
            raise NotFoundError(
                "no such directory", where=root.root, hint="`orchestrator create TITLE` makes a plan"
            ) from None
    for name in names:
        if TASK_ID.fullmatch(name):
            yield name, MADE_ID.fullmatch(name) is not None


def _read(layout: Layout, *, whole: bool) -> PlanHeader:
    """Return what a plan says of itself; only with *whole* is the rest of it looked at, too."""
    data, file = read_file(layout.plan) or b"", display_path(layout.plan)
    if whole:
        return parser.read_plan(data, file).header

    return header.plan_header_of(data, file)


def _entries(raw: Mapping[str, Any]) -> dict[str, tuple[int, PlanHeader]]:
    """Return what the cache says of each plan."""
    entries: dict[str, tuple[int, PlanHeader]] = {}
    for name, each in raw.items():
        state, *rest = (each[key] for key in PlanHeader._fields)
        entries[name] = each["signature"], PlanHeader(parse_state(state) if state else None, *rest)
    return entries


def _write(path: str, raw: Mapping[str, Any], plans: Mapping[str, tuple[int, PlanHeader]]) -> None:
    entries = {name: {"signature": signed, **plan_header._asdict()} for name, (signed, plan_header) in plans.items()}
    write_cache(path, {**raw, "plans": entries})


# ── heartbeats ────────
#
# Signs of progress, and how often each was seen: ``heartbeats.json`` in a plan directory, which may be deleted.

#: Files and directories of the project that are looked at for a change; more would make a look dear.
_MOST_HEARTBEATS = 3000
#: Directories that no one works in by hand, and that may be large.
_PASSED_OVER = frozenset({"node_modules", "__pycache__", "venv"})


def load_pulses(layout: Layout) -> dict[str, Pulse]:
    """Return how often each task under way was seen as it was; nothing when the file is missing or is invalid.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        raw = json.loads(read_file(layout.heartbeats) or b"{}")
        return {str(key): Pulse(str(sign), int(silent)) for key, (sign, silent) in raw.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        return {}


def keep_pulses(layout: Layout, pulses: Mapping[str, Pulse]) -> None:
    """Remember how often each task was seen.

    Raises:
        StoreError: it cannot be written.
    """
    if pulses or os.path.lexists(layout.heartbeats):
        atomic_write(layout.heartbeats, json.dumps(pulses).encode())


def signs_of(layout: Layout, running: Mapping[str, tuple[str, int]], workdir: str) -> dict[str, str]:
    """Return what stands for the progress of each task: its result, its logs, and the project it works in.

    *running* has the stem and the number of the attempt of each. A change in the project counts for every task: what
    an agent does without a word shows there (commits and files).
    """
    if not running:
        return {}
    project = f"{_commits(workdir)} {_newest(workdir, layout)}"
    signs = {}
    for task_id, (stem, number) in running.items():
        files = layout.attempt(stem, number)
        own = (layout.result_file(stem), layout.context_file(stem), files.stdout, files.stderr)
        signs[task_id] = " ".join([*map(_size_and_time, own), project])
    return signs


def _size_and_time(path: str) -> str:
    try:
        found = os.stat(path)
    except OSError:
        return "-"
    return f"{found.st_size}:{found.st_mtime_ns}"


def _commits(workdir: str) -> str:
    return _size_and_time(os.path.join(workdir, ".git", "logs", "HEAD"))


def _newest(workdir: str, layout: Layout) -> int:
    """Return the time of the last change in a project. Hidden files are skipped, and the number of files is limited."""
    ours = {layout.root, os.path.dirname(layout.root)} - {os.path.abspath(workdir)}
    newest, seen, directories = 0, 0, [os.path.abspath(workdir)]
    while directories and seen < _MOST_HEARTBEATS:
        try:
            with os.scandir(directories.pop(0)) as entries:
                for entry in entries:
                    seen += 1
                    if entry.name.startswith(".") or seen > _MOST_HEARTBEATS:
                        continue
                    if not entry.is_dir(follow_symlinks=False):
                        newest = max(newest, entry.stat(follow_symlinks=False).st_mtime_ns)
                    elif entry.name not in _PASSED_OVER and entry.path not in ours:
                        directories.append(entry.path)
        except OSError:
            continue  # it went away, or is none of our business
    return newest
