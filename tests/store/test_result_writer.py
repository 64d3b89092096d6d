"""How results get to the disk: what is synced before what, and whose file is spared."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import sys
from pathlib import Path

import pytest

from orchestrator.core.result import Result
from orchestrator.errors import StoreError
from orchestrator.store.atomic import sync_filesystem
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import parse_result
from orchestrator.store.result_writer import Commit, ResultWriter
from tests.store.plan_directory import S, completed, load, make_root, record, text, workspace


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


# ── committing ────────────────────────────────────────────────────────────────────────────────────────────────────


def commit(root: Path, stem: str, written: str) -> Commit:
    found = parse_result(written) or Result(task="x", agent="x", status=S.FAILED)
    files = Layout(str(root)).attempt(stem, 1)
    return Commit(stem=stem, result=found, text=written, files=files)


def test_results_are_committed_together(root: Path) -> None:
    """All that ended in the same moment, with and without logs."""
    (root / "logs/agent-01.attempt-1.out").write_text("output")
    record(root, "agent-01.attempt-1")
    record(root, "agent-02.attempt-1", "T-02")
    one, two = text("T-01", S.COMPLETED), text("T-02", S.COMPLETED, answer="Ä ✅", **{"T-01": 1})
    workspace(root).commit([commit(root, "agent-01", one), commit(root, "agent-02", two)])
    board = load(root)
    assert {S.COMPLETED: 2} == board.counts()
    assert "Ä ✅" == workspace(root).read_shown_answer("agent-02")


class Syncs:
    """Passes every sync on to the system and keeps what it was of; ``refused`` is what the file system's says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files, self.wholes = 0, 0
        self.refused: OSError | None = None
        self.is_there, self.takes = True, 0.0
        self._real, self._whole = os.fsync, sync_filesystem
        self._now = 0.0
        monkeypatch.setattr(os, "fsync", self.file)
        monkeypatch.setattr("orchestrator.store.result_writer.sync_filesystem", self.whole)
        monkeypatch.setattr("time.monotonic", lambda: self._now)

    def file(self, descriptor: int) -> None:
        self.files += 1
        self._real(descriptor)

    def whole(self, descriptor: int) -> bool:
        self._now += self.takes
        if self.refused:
            raise self.refused
        self.wholes += self.is_there
        self._whole(descriptor)
        return self.is_there

    def taken(self) -> tuple[int, int]:
        """How often a file was synced since the last call, and how often the file system."""
        files, wholes, self.files, self.wholes = self.files, self.wholes, 0, 0
        return files, wholes


def burst(root: Path, count: int = 20) -> list[Commit]:
    for number in range(count):
        record(root, f"agent-{number:02}.attempt-1", f"T-{number:02}")
    return [commit(root, f"agent-{number:02}", text(f"T-{number:02}", S.COMPLETED)) for number in range(count)]


def test_a_burst_of_results_is_synced_with_its_file_system(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one go; of a few each file is synced by itself, and so are many where others write too much (decision 18)."""
    syncs, place = Syncs(monkeypatch), workspace(root)
    place.commit(burst(root))
    assert (1, 1) == syncs.taken()
    place.commit(burst(root, 2))
    assert (6, 0) == syncs.taken()
    syncs.takes = 1.0
    place.commit(burst(root))
    place.commit(burst(root))
    assert (43, 1) == syncs.taken()


def test_a_result_is_durable_before_its_place_and_what_vouches_for_it_before_it_is_told(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sync to publish it, for others wait; log, record and directories behind them, also of many (decision 4)."""
    syncs, place = Syncs(monkeypatch), workspace(root)
    one, *more = burst(root, 5)
    Path(one.files.stdout).write_text("said")
    place.publish([one])
    assert (1, 0) == syncs.taken()
    place.settle()
    assert (4, 0) == syncs.taken()
    place.settle()
    assert (1, 0) == syncs.taken()
    for each in more:
        place.publish([each])
    assert (4, 0) == syncs.taken()
    place.settle()
    assert (0, 1) == syncs.taken()


def test_a_record_that_cannot_be_synced_is_told_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A descriptor is never synced again after a sync of it failed: the system may have forgotten what was wrong."""
    place = workspace(root)
    place.publish(burst(root, 1))

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError, match=r"cannot sync: Input/output error"):
            place.settle()
    syncs = Syncs(monkeypatch)
    place.settle()
    assert (1, 0) == syncs.taken()


@pytest.mark.parametrize("suffix", ["out", "err"])
@pytest.mark.parametrize("is_link", [True, False], ids=["a link to itself", "closed"])
def test_a_log_that_its_agent_spoilt_ends_no_run(root: Path, suffix: str, is_link: bool) -> None:
    """There is nothing to sync, and the result says what is wrong; a record is ours, and nobody else's to spoil."""
    log, place = root / f"logs/agent-00.attempt-1.{suffix}", workspace(root)
    if is_link:
        log.symlink_to(log)
    else:
        log.write_text("said")
        log.chmod(0)
    place.commit(burst(root, 1))
    assert ["agent-00-result.md"] == os.listdir(root / "results")


def test_a_record_that_cannot_be_opened_is_told(root: Path) -> None:
    """Without it the result does not count after a power cut."""
    place, commits, written = workspace(root), burst(root, 1), root / "logs/agent-00.attempt-1.json"
    written.unlink()
    written.symlink_to(written)
    with pytest.raises(StoreError, match="cannot sync"):
        place.commit(commits)


def test_a_burst_where_no_file_system_can_be_synced(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An old Linux, or another system: file by file, as ever."""
    syncs = Syncs(monkeypatch)
    syncs.is_there = False
    workspace(root).commit(burst(root))
    assert (42, 0) == syncs.taken()


def test_many_results_are_settled_with_few_open_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file system can be synced, a burst is no reason to run out of descriptors."""
    syncs = Syncs(monkeypatch)
    syncs.is_there = False
    place, commits = workspace(root), burst(root, 300)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        place.commit(commits)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert 300 == len(os.listdir(root / "results"))


def test_a_file_system_that_cannot_be_synced_leaves_results_as_they_were(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing takes its place that may not be whole after a power cut."""
    path = completed(root)
    before, syncs = path.read_text(), Syncs(monkeypatch)
    syncs.refused = OSError(errno.EIO, os.strerror(errno.EIO))
    with pytest.raises(StoreError, match=r"cannot sync: Input/output error"):
        workspace(root).publish(burst(root))
    assert [path.name] == os.listdir(root / "results")
    assert before == path.read_text()


def test_a_file_system_is_synced_for_real(tmp_path: Path) -> None:
    """By the system's own call; what is no open file is an error and not a success."""
    with (tmp_path / "file").open("w") as file:
        file.write("text")
        is_there = sync_filesystem(file.fileno())
        number = file.fileno()
    version = [int(part) for part in os.uname().release.split(".")[:2]]
    assert is_there == (sys.platform == "linux" and version >= [5, 8])
    if is_there:
        with pytest.raises(OSError, match="Bad file descriptor"):
            sync_filesystem(number)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EPERM, errno.EIO])
def test_a_call_that_is_not_allowed_is_no_broken_disk(root: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """As a container may say: then each file is synced by itself. What the disk says is an error."""

    def refused(descriptor: int) -> int:
        ctypes.set_errno(number)
        return -1

    monkeypatch.setattr("orchestrator.store.atomic._syncfs", lambda: refused)
    if number == errno.EIO:
        with pytest.raises(StoreError, match="Input/output error"):
            workspace(root).publish(burst(root))
        return
    workspace(root).publish(burst(root))
    assert 20 == len(os.listdir(root / "results"))


def test_what_was_committed_is_known_without_reading_it_again(root: Path) -> None:
    """The cache says the same as the file."""
    record(root, "agent-01.attempt-1")
    place = workspace(root)
    place.commit([commit(root, "agent-01", text("T-01", S.COMPLETED))])
    place.write_index()
    known = load(root)
    (root / "index.json").unlink()
    assert load(root).results == known.results


def test_a_commit_that_fails_leaves_the_result_as_it_was(root: Path) -> None:
    """Old or new, never between, and the reason is told."""
    path = completed(root)
    before = path.read_text()
    (root / "results/agent-02-result.md").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        workspace(root).commit([commit(root, "agent-02", "x"), commit(root, "agent-01", "y")])
    assert before == path.read_text()


def test_a_commit_into_a_vanished_directory_is_told(root: Path) -> None:
    """Somebody cleaned up during the run."""
    (root / "logs").rmdir()
    with pytest.raises(StoreError, match="cannot sync"):
        workspace(root).commit([commit(root, "agent-01", "x")])


@pytest.mark.parametrize("is_in_place", [True, False], ids=["in place", "renamed over"])
def test_what_somebody_wrote_over_a_running_result_is_kept(root: Path, is_in_place: bool) -> None:
    """A person with an editor, or an agent that scribbles: their bytes lie beside, and it is said (promise 9)."""
    record(root, "agent-01.attempt-1")
    path, aside = root / "results/agent-01-result.md", "results/agent-01-result.md.damaged-1"
    place = workspace(root)
    place.write_running("agent-01", text("T-01", S.RUNNING))
    assert [] == place.take_notes()
    if is_in_place:
        path.write_text("scribbled")
    else:
        (root / "new").write_text("scribbled")
        (root / "new").rename(path)
    place.commit([commit(root, "agent-01", text("T-01", S.COMPLETED))])
    told = "results/agent-01-result.md was changed while its task ran; it is kept as " + aside
    assert [told] == place.take_notes()
    assert "scribbled" == (root / aside).read_text()
    assert S.COMPLETED is load(root).status("T-01")
    place.commit([commit(root, "agent-01", text("T-01", S.COMPLETED))])
    assert [] == place.take_notes()


def test_a_result_that_was_removed_while_its_task_ran_is_written_anew(root: Path) -> None:
    """There is nothing to keep."""
    record(root, "agent-01.attempt-1")
    place = workspace(root)
    place.write_running("agent-01", text("T-01", S.RUNNING))
    (root / "results/agent-01-result.md").unlink()
    place.commit([commit(root, "agent-01", text("T-01", S.COMPLETED))])
    assert [] == place.take_notes()
    assert S.COMPLETED is load(root).status("T-01")


def test_what_does_not_count_is_moved_aside_and_nothing_else(root: Path) -> None:
    """Again and again, each time under a name that was never used."""
    path, place = completed(root), workspace(root)
    (one,) = [task for task in place.load_plan()[0].tasks.values() if task.id == "T-01"]
    assert "" == place.move_aside(one)
    for number in (1, 2):
        path.write_text(f"damaged {number}")
        aside = f"results/agent-01-result.md.damaged-{number}"
        assert aside == place.move_aside(one)
        assert f"damaged {number}" == (root / aside).read_text()
        assert "" == place.move_aside(one)


# ── what was published is not read again ──────────────────────────────────────────────────────────────────────────


def test_a_published_result_is_remembered_while_it_lies_there_unchanged(root: Path) -> None:
    """A correction by hand counts at once; of a thousand results only the last ones are kept."""
    place = workspace(root)
    place.publish([commit(root, "agent-01", text("T-01", S.COMPLETED, answer="first"))])
    assert "first" == place.read_answer("agent-01")
    path = root / "results/agent-01-result.md"
    path.write_text(path.read_text().replace("first", "by hand"))
    assert "by hand" == place.read_answer("agent-01")
    path.unlink()
    assert "" == place.read_answer("agent-01")


def test_large_and_old_results_are_read_from_their_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the plan, nor with an answer; whoever asks sees no difference."""
    place = workspace(root)
    large = commit(root, "agent-01", text("T-01", S.COMPLETED, answer="x" * 10_000))
    place.publish([large])
    assert 10_000 == len(place.read_answer("agent-01"))
    many = burst(root, 200)
    room = 50 * max(len(each.text) for each in many)
    monkeypatch.setattr("orchestrator.store.result_writer._TEXTS", room)
    for first in range(0, len(many), 50):
        place.publish(many[first : first + 50])
    writer = ResultWriter(place.layout, lambda *_: None)
    for _ in range(2):  # once more: what is replaced is not counted twice
        writer.publish(many)
    kept = [kept for each in many if (kept := writer.text(each.stem)) is not None]
    assert [each.text for each in many[-len(kept) :]] == kept
    assert room - len(many[0].text) <= sum(map(len, kept)) <= room
    assert {place.read_answer(each.stem) for each in many} == {place.read_answer(many[0].stem)}
