"""What must be true of a plan directory, and what to do where it is not: evidence in, breaches out.

The level of a breach is ``warning`` when a run copes with it, and ``failed`` when a run would not start or not finish.
Findings that are only worth knowing (a result whose row is gone, a stale result) have the level ``ok``. A repair is
offered only where it loses nothing that a person wrote and nothing that was paid for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from itertools import pairwise
from typing import NamedTuple

from orchestrator.core.finding import Finding, Level
from orchestrator.core.plan import Plan, resolve_stems, sources
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.snapshot import is_auxiliary
from orchestrator.core.status import ACTIVE, TaskStatus
from orchestrator.errors import Problem

# ── evidence ────────
#
# What lies in a plan directory and what runs for it, as it was seen at one moment; nothing is concluded yet.
#
# Paths are relative to the plan directory.


class DirectoryEntry(NamedTuple):
    """An entry of a directory, neither followed nor opened."""

    path: str
    kind: str
    """``file``, ``directory``, ``link`` or ``other`` (a pipe, a socket, a device)."""
    is_open: bool = False
    """Whether every user of this machine may write it."""


class ResultSeen(NamedTuple):
    """One ``results/STEM-result.md`` that is a file."""

    stem: str
    path: str
    result: Result | None
    """What it says, without the answer; None: it is damaged."""
    flaw: str = ""
    """Why it is damaged or cut short."""
    problem: Problem | None = None
    """What a person would have to decide: conflict marks, bytes that are no UTF-8."""


class RecordSeen(NamedTuple):
    """One ``logs/STEM.attempt-N.json``; with empty facts when it cannot be read."""

    stem: str
    number: int
    path: str
    task: str = ""
    attempt: int = 0
    run: str = ""
    trouble: str = ""
    """What went wrong on our side; then there may be no log."""
    log: str = ""
    """What is wrong with the log it speaks of; empty: nothing."""
    is_cut: bool = False
    """Whether the guard ended it because its runner was gone."""

    @property
    def is_readable(self) -> bool:
        """Whether it can be believed."""
        return bool(self.task)


class Temporary(NamedTuple):
    """What a user writes, or wrote, before it takes its place."""

    path: str
    age: float
    """Seconds since it was changed."""
    is_owner_gone: bool | None
    """Whether the process that its name names is gone; None: it names none."""


class LockSeen(NamedTuple):
    """What the lock file says."""

    run: str = ""
    is_live: bool = False
    dead: tuple[str, ...] = ()
    """Runs that ended without letting go."""
    is_damaged: bool = False


class JournalSeen(NamedTuple):
    """What the journal looks like, line by line."""

    is_torn: bool = False
    lines: int = 0
    foreign: tuple[int, ...] = ()
    """The first lines that are not ours."""
    others: int = 0
    """How many there are in all."""


class MarksSeen(NamedTuple):
    """Marks in ``master_plan.md`` that belong to none of our sections, and sections that are there twice; with
    lines.
    """

    lone: Sequence[tuple[int, str]] = ()
    doubled: Sequence[tuple[int, str]] = ()


class Stray(NamedTuple):
    """A process that carries the marker of a run of this plan which is not alive."""

    pid: int
    run: str
    task: str


class Evidence(NamedTuple):
    """All of it."""

    plan: Plan | None = None
    """None: there is no usable plan; ``problems`` say why."""
    problems: Sequence[Problem] = ()
    task_problems: Sequence[Problem] = ()
    marks: MarksSeen = MarksSeen()
    task_files: Sequence[str] = ()
    """Stems of ``agent_tasks/*.md``."""
    results: Sequence[ResultSeen] = ()
    records: Mapping[tuple[str, int], RecordSeen] = {}
    attempts: Mapping[str, int] = {}
    """The highest attempt that any file in ``logs/`` names, by stem."""
    contexts: Mapping[str, int] = {}
    """Stems of ``contexts/``, each with how many messages in it are torn."""
    nodes: Sequence[DirectoryEntry] = ()
    """Only those worth reporting: what is no plain file, or can be written by every user."""
    strangers: Sequence[str] = ()
    """Files whose names are not ours."""
    set_aside: Sequence[str] = ()
    """Damaged files that a repair moved aside."""
    temporaries: Sequence[Temporary] = ()
    unreadable: Sequence[Problem] = ()
    """Messages that cannot be read: nothing else depends on them."""
    cache: str = ""
    """What is wrong with ``index.json``."""
    journal: JournalSeen = JournalSeen()
    lock: LockSeen = LockSeen()
    strays: Sequence[Stray] = ()


#: Seconds after which a temporary file counts as left behind, if its writer is unknown.
_OLD = 60.0
#: The same when a process of that number lives: it may be a stranger.
_VERY_OLD = 3600.0
#: How an attempt ended of which there was a process, and therefore a record.
_ENDED = ("exit ", "killed by ")
_AGAIN = "the next run does the task again"
_NEXT_RUN = "the next run takes care of it; `orchestrator doctor --plan --fix` does it now"


class Repair(StrEnum):
    """What can be done about a breach; stable words of ``doctor --plan --json``."""

    REMOVE = "remove"
    """A cache, or what a killed writer left."""
    PROTECT = "protect"
    """Take the right to write from all other users."""
    SET_ASIDE = "set_aside"
    """Rename to ``….damaged-N``; a result is made again from its log where that is possible."""
    MEND = "mend"
    """End the torn last line of the journal."""
    END = "end"
    """End a process."""
    RECOVER = "recover"
    """Take finished answers from the logs of runs that died, as the next run would."""


class Breach(NamedTuple):
    """One thing that is not as it must be, where, and what repairs it."""

    finding: Finding
    where: str
    """A path relative to the plan directory, with a line where there is one; or a process."""
    repair: Repair | None = None
    stem: str = ""
    """The files of the task it is about."""

    @property
    def is_broken(self) -> bool:
        """Whether it is more than worth knowing."""
        return self.finding.level is not Level.OK


def breaches(seen: Evidence) -> list[Breach]:
    """Return everything that is not as it must be, in the order in which it should be read.

    While a run is active, what is only half done is not looked at.
    """
    found = [*_plan(seen), *_task_files(seen), *_results(seen), *_records(seen), *_places(seen)]
    found += _channels(seen)
    found += [_breach(Level.FAILED, "unreadable", each.where, each.message, each.hint) for each in seen.unreadable]
    found += _processes(seen)
    return found


def _breach(
    level: Level, name: str, where: str, found: str, hint: str = "", *, repair: Repair | None = None, stem: str = ""
) -> Breach:
    return Breach(Finding(name, level, found, hint), where, repair, stem)


_failed = partial(_breach, Level.FAILED)
_broken = partial(_breach, Level.WARNING)
_known = partial(_breach, Level.OK)


def _ids(seen: Evidence) -> Mapping[str, str]:
    """The tasks of the plan by the stem of their files; none when there is no plan."""
    return {} if seen.plan is None else {task.stem: task.id for task in seen.plan.tasks.values()}


# ── what people own: it is named, never repaired ─────────────────────────────────────────────────────────────────────


def _plan(seen: Evidence) -> Iterator[Breach]:
    for problem in seen.problems:
        yield _failed(f"plan_{problem.code}", problem.where, problem.message, problem.hint)
    for line, name in seen.marks.lone:
        yield _broken(
            "lone_mark",
            f"master_plan.md:{line}",
            f"a mark of the section {name!r} without its partner",
            "remove the line, and what is left of that section: a run draws it anew at the end of the file",
        )
    for line, name in seen.marks.doubled:
        yield _broken(
            "doubled_section",
            f"master_plan.md:{line}",
            f"the section {name!r} is there twice, and drawn twice",
            "delete one of the two with its marks",
        )


def _task_files(seen: Evidence) -> Iterator[Breach]:
    for problem in seen.task_problems:
        yield _failed(f"task_file_{problem.code}", problem.where, problem.message, problem.hint)
    if seen.plan is None:
        return
    stems = _ids(seen)
    meant = resolve_stems(stems)
    for stem in seen.task_files:
        if stem in stems or is_auxiliary(stem):
            continue
        where, right = f"agent_tasks/{stem}.md", meant.get(stem.casefold())
        if right is None:
            yield _known("task_file_without_row", where, "no row of the plan has this task")
        elif right in seen.task_files:
            yield _broken(
                "second_task_file",
                where,
                f"a second file for {stems[right]}; only agent_tasks/{right}.md is read",
                "put what is worth keeping there, and remove this one",
            )
        else:
            yield _broken(
                "misnamed_task_file",
                where,
                f"the file of {stems[right]} is agent_tasks/{right}.md; this one is not read",
                "rename it",
            )


# ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _results(seen: Evidence) -> Iterator[Breach]:
    known = {each.stem: each.result for each in seen.results if each.result is not None}
    stems = _ids(seen)
    for each in seen.results:
        beside = is_auxiliary(each.stem)
        if seen.plan is not None and each.stem not in stems and not beside:
            hint = "kept; remove it when it is not needed"
            yield _known("orphan_result", each.path, "no row of the plan has this task", hint)
        if each.problem is not None:
            # Named and never repaired: both versions of a merge, every byte of a person's edit may be the right one.
            what = each.problem
            yield _broken(f"result_{what.code}", what.where, what.message, what.hint)
            if what.code == "conflict":
                continue
        expected = stems.get(each.stem, each.stem if beside else "")
        if each.result is None or each.flaw:
            yield _damaged("result_damaged", each, each.flaw)
        elif expected and each.result.task != expected:
            found = f"it is the result of {each.result.task}, not of {expected}, and is not counted"
            yield _damaged("result_of_another", each, found)
        elif seen.plan is None or expected:
            yield from _attempts(each, each.result, seen)
            if seen.plan is not None and each.stem in stems:
                yield from _inputs(each, each.result, seen.plan, known, seen)


def _damaged(name: str, each: ResultSeen, found: str) -> Breach:
    hint = f"restore it, or move it aside: {_AGAIN}; --fix does that, and takes the answer from its log if it can"
    return _broken(name, each.path, found, hint, repair=Repair.SET_ASIDE, stem=each.stem)


def _attempts(each: ResultSeen, result: Result, seen: Evidence) -> Iterator[Breach]:
    numbers = [attempt.number for attempt in result.attempts]
    if any(after <= before for before, after in pairwise([0, *numbers])):
        listed = ", ".join(map(str, numbers[:20]))
        hint = "put the attempts in order, one line for each"
        yield _broken("attempt_numbers", each.path, f"attempts are numbered {listed}", hint)
    if result.status is TaskStatus.COMPLETED and not result.attempts:
        found = "completed, and it names no attempt"
        yield _broken("completed_without_record", each.path, found, f"it is not counted: {_AGAIN}")
    last = result.last
    if result.status is TaskStatus.COMPLETED and last and last.status != Verdict.COMPLETED.value:
        found = f"completed, although attempt {last.number} says {last.status}; it is counted all the same"
        yield _known("completed_by_hand", each.path, found)
    for attempt in result.attempts:
        record = seen.records.get((each.stem, attempt.number))
        if record is None:
            yield from _unrecorded(each, result, attempt)
        elif record.is_readable and record.run != attempt.run and attempt.run:
            found = f"attempt {attempt.number} is of run {record.run}, not {attempt.run} as its result says"
            hint = f"if an agent wrote this, remove {each.path}: {_AGAIN}"
            yield _broken("record_disagrees", record.path, found, hint)
    is_under_way = result.status in ACTIVE and not result.is_between_attempts
    if is_under_way and not (seen.lock.is_live or result.is_manual):
        record = seen.records.get((each.stem, result.number))
        is_over = record is not None and record.is_readable and result.status is TaskStatus.RUNNING
        how = "was interrupted"
        if record is not None and is_over:
            how = "was cut short when its runner died" if record.is_cut else "ended, and what it printed is in its log"
        found = f"{result.status.value}, and no one runs it: attempt {result.number} {how}"
        hint = _NEXT_RUN if is_over else f"`orchestrator run`: {_AGAIN}; the attempt is not charged"
        can_fix = is_over and seen.plan is not None and not is_auxiliary(each.stem)
        repair = Repair.RECOVER if can_fix else None
        yield _broken("stale_running", each.path, found, hint, repair=repair, stem=each.stem)


def _unrecorded(each: ResultSeen, result: Result, attempt: Attempt) -> Iterator[Breach]:
    where = f"logs/{each.stem}.attempt-{attempt.number}.json"
    if attempt.status == Verdict.COMPLETED.value or (result.status is TaskStatus.COMPLETED and attempt is result.last):
        found = f"completed, and attempt {attempt.number} has no record ({where})"
        hint = f"it is not counted: {_AGAIN}"
        yield _broken("completed_without_record", each.path, found, hint)
    elif attempt.exit.startswith(_ENDED):
        yield _known("record_missing", each.path, f"attempt {attempt.number} has no record")


def _inputs(
    each: ResultSeen, result: Result, plan: Plan, known: Mapping[str, Result], seen: Evidence
) -> Iterator[Breach]:
    if result.status is not TaskStatus.COMPLETED or seen.lock.is_live:
        return  # what is under way takes its inputs as they are
    for need, number in result.inputs.items():
        task = plan.tasks.get(need)
        if task is None or need not in sources(plan.tasks[result.task], plan.tasks):
            continue  # a need that was taken out of the plan, or of the row, makes nothing stale
        before = known.get(task.stem)
        newest = max(seen.attempts.get(task.stem, 0), before.number if before else 0)
        if not 0 < number <= newest:
            found = f"made from attempt {number} of {need}, which there never was"
            yield _broken("unknown_input", each.path, found, f"correct `inputs`; else {_AGAIN}")
        elif before is not None and before.number != number:
            found = f"made from attempt {number} of {need}, which is at {before.number} now"
            yield _known("stale_result", each.path, found, f"`orchestrator run`: {_AGAIN}")


# ── records and logs ─────────────────────────────────────────────────────────────────────────────────────────────────


def _records(seen: Evidence) -> Iterator[Breach]:
    ids = _ids(seen)
    known = {each.stem: each.result for each in seen.results}
    newest: dict[str, int] = {}
    for stem, number in seen.records:
        newest[stem] = max(newest.get(stem, 0), number)
    for (stem, number), record in seen.records.items():
        if not record.is_readable:
            hint = "keep it or remove it; an interrupted attempt cannot be taken from its log without it"
            yield _broken("record_damaged", record.path, "not a record that can be believed", hint)
            continue
        expected = ids.get(stem, record.task)
        if (record.task, record.attempt) != (expected, number):
            found = f"it is of attempt {record.attempt} of {record.task}, not what its name says"
            hint = f"if an agent wrote it, remove it with results/{stem}-result.md: {_AGAIN}"
            yield _broken("record_disagrees", record.path, found, hint)
        # The log of an attempt that a later one replaced may have been cleared away.
        is_old = number < newest[stem] and record.log == "missing"
        if record.log and not record.trouble and not is_old:
            hint = "nothing is lost while the result is there; its log can no longer be believed"
            path = record.path.removesuffix("json") + "out"
            yield _broken(f"log_{record.log}", path, f"the log of a recorded attempt is {record.log}", hint)
        if stem in ids and newest[stem] == number and not seen.lock.is_live:
            yield from _unharvested(record, known.get(stem), seen)


def _unharvested(record: RecordSeen, result: Result | None, seen: Evidence) -> Iterator[Breach]:
    if record.run in seen.lock.dead and (result is None or result.number < record.number):
        found = f"attempt {record.number} ended without its runner, and no result knows it"
        yield _broken("unharvested_attempt", record.path, found, _NEXT_RUN, repair=Repair.RECOVER, stem=record.stem)


# ── places, channels, processes ──────────────────────────────────────────────────────────────────────────────────────


def _places(seen: Evidence) -> Iterator[Breach]:
    for node in seen.nodes:
        if node.kind == "link":
            yield _link(node)
        elif node.kind != "file" and not (node.kind == "directory" and node.is_open):
            what = "a directory" if node.kind == "directory" else "a pipe or a device"
            found, hint = f"{what} where a file should be", "move it away"
            can_move = node.path.startswith("results/")
            yield _failed("not_a_file", node.path, found, hint, repair=Repair.SET_ASIDE if can_move else None)
        elif node.is_open:
            hint = f"chmod o-w {node.path}; agents and results are only as safe as who may write here"
            yield _broken("world_writable", node.path, "every user may write it", hint, repair=Repair.PROTECT)
    for path in seen.strangers:
        yield _known("odd_name", path, "not one of our names; it is never read")
    for path in seen.set_aside:
        yield _known("set_aside", path, "a damaged file that was moved aside", "remove it once seen")
    for each in () if seen.lock.is_live else seen.temporaries:
        left = each.age > (_VERY_OLD if each.is_owner_gone is False else _OLD)
        if left or each.is_owner_gone:
            found, hint = "left by a writer that was killed", "remove it; the next run does"
            yield _broken("left_temporary", each.path, found, hint, repair=Repair.REMOVE)


def _link(node: DirectoryEntry) -> Breach:
    found, hint = "a link where one of our files should be", "put the file itself in its place"
    if node.path == "index.json":
        return _broken("link", node.path, found, hint, repair=Repair.REMOVE)
    # Lock and journal are never opened through a link, so no run can start.
    is_refused = node.path in {"run.lock", "plan.lock", "journal.md"}
    return (_failed if is_refused else _broken)("link", node.path, found, hint)


def _channels(seen: Evidence) -> Iterator[Breach]:
    ids = _ids(seen)
    for stem, torn in seen.contexts.items():
        where = f"contexts/context-{stem}.md"
        if seen.plan is not None and stem not in ids:
            yield _known("context_without_row", where, "no row of the plan has this task")
        if torn and not seen.lock.is_live:
            found = f"{torn} message(s) that a killed writer left half written; no one reads them"
            yield _known("message_torn", where, found)
    if not seen.lock.is_live:
        if seen.cache:
            hint = "remove it; it is only a cache and is built again"
            yield _broken("index_disagrees", "index.json", seen.cache, hint, repair=Repair.REMOVE)
        if seen.journal.is_torn:
            where, hint = f"journal.md:{seen.journal.lines}", "the next run ends the line"
            yield _broken("journal_torn", where, "the last line is torn", hint, repair=Repair.MEND)
        if seen.lock.dead:
            found = f"run {seen.lock.dead[-1]} ended without letting go"
            yield _known("dead_run", "run.lock", found, _NEXT_RUN, repair=Repair.RECOVER)
    if seen.journal.others:
        lines = ", ".join(map(str, seen.journal.foreign))
        found = f"{seen.journal.others} lines that are not ours: {lines}"
        yield _known("journal_foreign", f"journal.md:{seen.journal.foreign[0]}", found)
    if seen.lock.is_damaged:
        found, hint = "it does not say who holds the plan", "the next run writes it anew"
        yield _known("lock_damaged", "run.lock", found, hint, repair=Repair.RECOVER)


def _processes(seen: Evidence) -> Iterator[Breach]:
    for stray in seen.strays:
        found = f"an agent of {stray.task or 'a task'}, left by run {stray.run}, which is gone"
        hint = f"kill {stray.pid}; the next run ends it"
        yield _broken("left_process", f"pid {stray.pid}", found, hint, repair=Repair.END)
