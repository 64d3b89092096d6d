"""One plan directory: load everything that is known of it, and commit what happened to its tasks."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.core.graph import Shape, shape
from orchestrator.core.plan import Plan, Task
from orchestrator.core.plan import stem as stem_of
from orchestrator.core.result import Result, closed
from orchestrator.core.snapshot import BESIDE, PlanSnapshot, interrupt
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import clip, fair_shares, sanitize, unfenced
from orchestrator.errors import NotAFileError, OrchestratorError, PlanError
from orchestrator.lazy import LazyModule
from orchestrator.ownership import make_directories
from orchestrator.plan.lines import LARGEST_PLAN, too_large
from orchestrator.store.atomic import io_errors, read_file, read_piece, reject_symlinks, set_aside, sweep_temporaries
from orchestrator.store.batches import BatchFiles
from orchestrator.store.compare_and_swap import PlanVersions, put, take
from orchestrator.store.fingerprint import RESULT, is_settled, newest, result_files, signature
from orchestrator.store.index import Index
from orchestrator.store.layout import Layout, display_path
from orchestrator.store.lock import broken_under, exclusive, lock_owner
from orchestrator.store.plan_directory import make_plan_directory
from orchestrator.store.result_file import LARGEST_RESULT, answer_of, parse_result, plain_answer
from orchestrator.store.result_writer import Commit, ResultWriter
from orchestrator.store.task_files import Assignments

if TYPE_CHECKING:
    from orchestrator.core import batch
    from orchestrator.core.batch import Expansion
    from orchestrator.plan import parser, safe_markdown
    from orchestrator.plan import sections as plan_sections
    from orchestrator.plan.parser import StatusCells
    from orchestrator.store import collection, evidence
    from orchestrator.store.attempt_record import Traces
else:
    batch = LazyModule("orchestrator.core.batch")
    parser = LazyModule("orchestrator.plan.parser")
    safe_markdown = LazyModule("orchestrator.plan.safe_markdown")
    plan_sections = LazyModule("orchestrator.plan.sections")
    collection = LazyModule("orchestrator.store.collection")
    evidence = LazyModule("orchestrator.store.evidence")


class Workspace:
    """A plan directory on disk."""

    def __init__(self, layout: Layout, *, anew: bool = False) -> None:
        """Take the paths; nothing is read yet. *anew*: nothing is believed that only the cache says."""
        self.layout = layout
        self._shown = display_path(layout.root)
        self._index = Index(layout.index, anew=anew)
        self._writer = ResultWriter(layout, self._index.keep_result)
        self.plan_versions = PlanVersions(layout.plan)
        self.newest_result = 0
        """When a result was changed last, as it was found; nanoseconds since the epoch."""
        self.assignments = Assignments(layout, self._shown)
        self.expansions = BatchFiles(layout, self._shown)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def load(
        self,
        *,
        keep_cache: bool = True,
        is_live: bool | None = None,
        traces: Mapping[str, Traces] | None = None,
        plan: Plan | None = None,
    ) -> PlanSnapshot:
        """Return everything that is known of the plan; of *plan*, where it is not written yet.

        *is_live* says whether a run is under way; None: look. With *traces* the record of every completed attempt is
        looked for; without, where no run is active and something happened in ``logs/`` since that was done last.

        Raises:
            NotFoundError: there is no ``master_plan.md``.
            PlanError: the plan is not valid; names file and line of every problem.
            StoreError: something could not be read.
        """
        try:
            plan, plan_shape = (plan, shape(plan.tasks)) if plan else self.load_plan()
        except PlanError as error:
            if is_live is False or (holder := lock_owner(self.layout.lock)) is None:
                raise
            raise broken_under(holder, error) from error
        if is_live is None:
            is_live = lock_owner(self.layout.lock) is not None
        if traces is None and not is_live:
            traces = self._index.unseen_traces(self.layout.logs)
        results, beside, doubts = self._load_results(plan, traces)
        if not is_live:
            interrupt(results, doubts)
            beside = [each._replace(attempts=closed(each.attempts)) for each in beside]
        if keep_cache and self._index.is_dirty:
            self._index.write()
        return PlanSnapshot(plan, plan_shape, results, doubts=doubts, beside=beside)

    def load_plan(self) -> tuple[Plan, Shape]:
        """Return the plan and its shape, from the cache while the file is the same; raises as ``load`` does."""
        path = self.layout.plan
        with io_errors("read", path):
            try:
                found = os.stat(path)
            except FileNotFoundError:
                raise collection.no_plan(self.layout) from None
        signed = signature(found)
        self.plan_versions.was_read(signed)
        batches, are_settled = self.expansions.version()
        if (known := self._index.plan(signed, batches)) is not None:
            return known
        if (problem := too_large(found.st_size, self.shown_plan, LARGEST_PLAN)) is not None:
            raise PlanError([problem])

        plan = self.written_plan()
        plan = batch.expand(plan, self.expansions.read_all(batch.batches_of(plan)))
        plan_shape = shape(plan.tasks)
        if is_settled(found) and are_settled:
            self._index.keep_plan(signed, plan, plan_shape, batches)
        return plan, plan_shape

    def written_plan(self, expansions: Mapping[str, Expansion] | None = None) -> Plan:
        """Return the plan as its file has it, with what these batches are expanded to.

        Raises:
            PlanError: it is not valid. StoreError: it cannot be read.
        """
        return batch.expand(parser.read_plan(read_file(self.layout.plan) or b"", self.shown_plan), expansions or {})

    def _load_results(
        self, plan: Plan, traces: Mapping[str, Traces] | None
    ) -> tuple[dict[str, Result], list[Result], dict[str, str]]:
        results: dict[str, Result] = {}
        doubts: dict[str, str] = {}
        found = result_files(self.layout.results)
        signed = {stem: signature(file) for stem, file in found.items()}
        self._writer.saw(signed)
        self.newest_result = newest(found.values())
        known = self._index.results(signed)
        for task in plan.tasks.values():
            stem, result = task.stem, known.get(task.id)
            if result is None or (traces is not None and not _is_recorded(result, stem, traces)):
                if stem not in found:
                    continue

                result = self.read_result(stem)
                doubt = evidence.why_not(result, task, self.layout)
                if result is None or doubt:
                    self._index.forget(stem)
                    doubts[task.id] = doubt
                    continue
                result = result._replace(answer="")
                if is_settled(found[stem]):
                    self._index.keep_result(stem, signed[stem], result)
            results[task.id] = result
        beside = []
        unplanned = found.keys() - {task.stem for task in plan.tasks.values()}
        by_stem = {stem_of(task_id): each for task_id, each in known.items()} if unplanned else {}
        for stem in (*BESIDE, *sorted(unplanned.difference(BESIDE))):
            result = by_stem.get(stem) or (self.read_result(stem) if stem in found else None)
            if result is not None and stem_of(result.task) == stem:
                beside.append(result._replace(answer=""))
                if stem not in by_stem and is_settled(found[stem]):
                    self._index.keep_result(stem, signed[stem], result)
        self._index.keep_only(found)
        return results, beside, doubts

    def disturbed(self) -> Mapping[str, int]:
        """Return the results that are not as this run left them: stem and version now, 0 when they are gone."""
        return self._writer.disturbed(result_files(self.layout.results))

    def read_result(self, stem: str) -> Result | None:
        """Return a result with its answer; None when there is none, or it is damaged or half merged."""
        try:
            data = read_file(self.layout.result_file(stem), LARGEST_RESULT)
        except NotAFileError:
            return None
        text = (data or b"").decode(errors="replace").replace("\r\n", "\n")
        if "\n<<<<<<< " in text and evidence.merged_answer(text, stem, self.layout) is not None:
            return None
        return parse_result(text) if data else None

    def why_lost(self, task: Task) -> str:
        """Say what became of a result that was counted on; empty as long as it can be."""
        if self._writer.is_as_left(task.stem):
            return ""

        return evidence.why_lost(self.read_result(task.stem), task, self.layout)

    def read_shown_answer(self, stem: str, seen: os.stat_result | None = None) -> str:
        """Return the answer of a task as people see it, safe below a level-2 heading; empty when there is none.

        *seen* is what the system has just said of its file, where that was asked already.
        """
        # Once more: a person may have corrected it since, and ours stays unchanged.
        return safe_markdown.embed(answer_of(self._read_text(stem, seen)))

    def read_answer(self, stem: str) -> str:
        """Return the answer of a task without the fence around it; empty when there is none."""
        return plain_answer(self._read_text(stem, None))

    def read_written_answer(self, stem: str, seen: os.stat_result | None = None) -> str:
        """Return the answer of a task just as its result has it; empty when there is none. *seen*: as above."""
        return answer_of(self._read_text(stem, seen))

    def _read_text(self, stem: str, seen: os.stat_result | None) -> str:
        if (text := self._writer.text(stem, seen)) is not None:
            return text
        data = read_file(self.layout.result_file(stem), LARGEST_RESULT)
        # Made printable once more: a user may have written into it since.
        return sanitize((data or b"").decode(errors="replace"))

    @property
    def shown_plan(self) -> str:
        """The path of the plan as people see it, from where they are."""
        return f"{self._shown}/master_plan.md"

    # ── writing ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def make_directories(self) -> Sequence[str]:
        """Make the directories of a run, and return them."""
        layout = self.layout
        reject_symlinks(layout.tasks, layout.results, layout.logs)
        make_plan_directory(layout)
        directories = (layout.tasks, layout.results, layout.logs)
        for directory in directories:
            with io_errors("make", directory):
                make_directories(directory)
        return layout.root, *directories

    def prepare(self) -> None:
        """Make the directories of a run and remove what a killed writer left. Only with the lock held."""
        for directory in self.make_directories():
            sweep_temporaries(directory)

    def write_running(self, stem: str, text: str) -> None:
        """Say that an attempt is under way. Raises as ``commit``."""
        self._writer.write_running(stem, text)

    def publish(self, commits: Sequence[Commit]) -> None:
        """Put results in their places, many in one go. They count from then on, and are reported after ``settle``.

        Raises:
            StoreError: what is on disk is as before or as after, result by result.
        """
        self._writer.publish(commits)

    def settle(self) -> None:
        """Make the places of results durable; raises as ``publish``."""
        self._writer.settle()

    def commit(self, commits: Sequence[Commit]) -> None:
        """Publish and settle in one step; raises as ``publish``."""
        self.publish(commits)
        self.settle()

    def take_notes(self) -> list[str]:
        """Return what people should know of the files that results took the place of, since the last call."""
        return self._writer.take_notes()

    def dispute(self, board: PlanSnapshot) -> list[str]:
        """Say which results another user changed, took away or put there while this run was active.

        *board* is what the run knows. What it counts as completed and is gone or damaged by now, or without a record,
        no longer counts in it. One that claims to be completed although the run knows better is set aside.
        Any other stays: a person may have corrected it.

        Raises:
            StoreError: something could not be read or moved.
        """
        found = result_files(self.layout.results)
        signed = {stem: signature(file) for stem, file in found.items()}
        ids = {task.stem: task.id for task in board.plan.tasks.values()}
        notes = self._lost(board, self._writer.disturbed(found))
        for stem in self._writer.strangers(signed):
            path, note = f"results/{stem}{RESULT}", "was changed by somebody else during this run"
            done = stem not in ids or board.status(ids[stem]) is TaskStatus.COMPLETED
            claim = None if done else self.read_result(stem)
            if claim is not None and claim.status is TaskStatus.COMPLETED:
                aside = os.path.basename(set_aside(self.layout.result_file(stem)))
                note = f"says completed, but not by this run; it is kept as results/{aside}"
            notes.append(f"{path} {note}")
        return notes

    def _lost(self, board: PlanSnapshot, disturbed: Collection[str]) -> list[str]:
        """Take from the board what it counts as completed and is no longer there, or its record; say so."""
        notes, traces = [], self._index.unseen_traces(self.layout.logs)
        for task in board.plan.tasks.values():
            result = board.results.get(task.id)
            if result is None or result.status is not TaskStatus.COMPLETED:
                continue
            why = self.why_lost(task) if task.stem in disturbed else ""
            if not why and traces is not None and not _is_recorded(result, task.stem, traces):
                why = evidence.why_not(result, task, self.layout)
                self._index.forget(task.stem)
            if why:
                half = evidence.conflict_in(task, self.layout)
                then = half.hint if half else f"the next run does {task.id} again"
                del board.results[task.id]
                board.doubts[task.id] = f"{why}; {then}"
                notes.append(board.doubts[task.id])
        if notes:
            board.derive_again()
        return notes

    def move_aside(self, task: Task) -> str:
        """Move a result that does not count out of the way of the task's next attempt. Only with the lock held.

        Returns:
            Where it lies now, as seen from the plan directory; empty when there is nothing that does not count.

        Raises:
            StoreError: it could not be read or moved.
        """
        path = self.layout.result_file(task.stem)
        if not os.path.lexists(path):
            return ""

        if not evidence.why_not(self.read_result(task.stem), task, self.layout):
            return ""
        return os.path.relpath(set_aside(path), self.layout.root)

    def redraw(self, sections: Mapping[str, str], cells: Callable[[str], StatusCells | None]) -> bool:
        """Draw our sections of ``master_plan.md``; what a person wrote stays unchanged, byte for byte.

        *cells*: what the person's own cells should say of a task, where they have some for its status.

        A person who saves the file while we draw, or has it open for writing, wins: False, and it is to be drawn later.

        Raises:
            StoreError: it could not be read or written.
            OrchestratorError: the file is no longer a text we can draw into.
        """
        path = self.layout.plan
        # A link is never written through, nor replaced: a person made it.
        if os.path.islink(path):
            return True
        with exclusive(self.layout.plan_lock):
            before = take(path)
            if not before.data.strip() or len(before.data) > LARGEST_PLAN:
                return True  # an editor that is about to write has emptied it first
            try:
                drawn = plan_sections.redraw(parser.set_statuses(before.data, cells), sections)
            except ValueError as error:
                raise OrchestratorError(str(error), where=path) from error
            if drawn == before.data or len(drawn) > LARGEST_PLAN:
                return True
            if (after := put(path, before, drawn)) is None:
                return False
        self._index.resign_plan(before.signed, signature(after))
        self.plan_versions.was_drawn(before.signed, signature(after))
        return True

    def write_index(self) -> None:
        """Write the cache, so that the next ``status`` need not read everything."""
        self._index.write()


def _is_recorded(result: Result, stem: str, traces: Mapping[str, Traces]) -> bool:
    is_done = result.status is TaskStatus.COMPLETED
    return not is_done or (stem in traces and result.number in traces[stem].recorded)


# ── answers ────────
#
# The answers of many tasks at once, in bounded memory: each large one gives its head, by a fair share.

#: Bytes that the answers of all tasks together may have where all of them are needed at once.
MOST = 16 * 1024 * 1024
#: Characters. Of an answer that has fewer, nothing was left out when its result was made: agents keep far more.
_WHOLE = 32 * 1024


class Answer(NamedTuple):
    """What a task answered, as others get it."""

    text: str
    left_out: int = 0
    """Bytes of it that are not here."""
    log: str = ""
    """Where all of it is, when its result has only head and tail."""
    hidden: int = 0
    """Bytes in the middle of it that its result does not show, which is all that is handed on."""


def answers_handed_on(
    workspace: Workspace,
    tasks: Sequence[Task],
    log_of: Callable[[Task], str],
    raw_answer: Callable[[Task, str], Answer],
    *,
    is_prose: bool = True,
) -> Iterator[tuple[Task, Answer]]:
    """Yield each task with its answer as dependants get it.

    *log_of* says where the log of an answer lies, of which the result of a long one has only head and tail.
    *raw_answer* gets an answer as its result has it, in markdown, and returns what was answered. What is short and
    stands in a fence only to be shown is known from there. Unless it *is_prose*, anyone who gets it is a program: what
    cannot be shown is for it, too.

    Raises:
        StoreError: a result cannot be read.
    """

    def read(task: Task, found: os.stat_result | None) -> Answer:
        written = workspace.read_written_answer(task.stem, found)
        inside = unfenced(written) if len(written) < _WHOLE else None
        if inside is None or not (is_prose or _is_all(log_of(task), inside)):
            return raw_answer(task, written)
        return Answer(inside)

    def at_most(task: Task, found: os.stat_result) -> int:
        log = _look(log_of(task)) if found.st_size >= _WHOLE else None
        return max(found.st_size, log.st_size if log else 0)

    def exactly(task: Task, found: os.stat_result) -> int:
        if at_most(task, found) == found.st_size:
            return found.st_size
        return len(read(task, found).text.encode(errors="replace"))

    return _heads(workspace, tasks, at_most, read, exactly)


def answers_shown(workspace: Workspace, tasks: Sequence[Task]) -> dict[str, str]:
    """Return the answer of each task as people see it, safe below a level-2 heading in one document, by id.

    Raises:
        StoreError: a result cannot be read.
    """
    shown = {}

    def read(task: Task, found: os.stat_result | None) -> Answer:
        return Answer(workspace.read_shown_answer(task.stem, found))

    for task, (head, left, *_) in _heads(workspace, tasks, lambda _, found: found.st_size, read):
        shown[task.id] = safe_markdown.with_own_labels(safe_markdown.embed(head) if left else head, task.stem)
        if left:
            path = task.result_path
            shown[task.id] += f"\n\n(cut here, {left:,} more bytes: [{path}]({path}))"
    return shown


def _heads(
    workspace: Workspace,
    tasks: Sequence[Task],
    size: Callable[[Task, os.stat_result], int],
    read: Callable[[Task, os.stat_result | None], Answer],
    exactly: Callable[[Task, os.stat_result], int] | None = None,
) -> Iterator[tuple[Task, Answer]]:
    seen = [_look(workspace.layout.result_file(task.stem)) for task in tasks]
    both = list(zip(tasks, seen, strict=True))
    sizes = [size(task, found) if found else 0 for task, found in both]
    # Only then a user could lack what another one does not need.
    if exactly and sum(sizes) > MOST:
        sizes = [exactly(task, found) if found else 0 for task, found in both]
    shares = fair_shares(sizes, MOST)
    left, others = MOST, sum(shares)
    for task, found, share in zip(tasks, seen, shares, strict=True):
        # The file is larger than the answer in it, but for markdown that took more room before it was made fit to be
        # shown: that may have what the others do not need.
        others -= share
        answer = read(task, found)
        text, more = clip(answer.text, left - others)
        left -= len(text.encode(errors="replace"))
        yield task, answer._replace(text=text, left_out=answer.left_out + more)


def _is_all(path: str, shown: str) -> bool:
    """Say whether a short answer is shown in full: its log has nothing else."""
    try:
        printed = read_piece(path, 0, 2 * _WHOLE)
    except OSError:
        return False
    return (printed or b"").rstrip(b"\n") == shown.rstrip("\n").encode(errors="replace")


def _look(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except OSError:
        return None  # reading it says why
