"""Whoever saves the plan in between wins (promise: nothing that a person wrote is lost)."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from orchestrator.errors import StoreError, UsageError
from orchestrator.store import compare_and_swap
from orchestrator.store.compare_and_swap import Taken, exchanged, put, take
from orchestrator.store.lock import exclusive


def test_what_was_not_touched_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "plan.md"
    path.write_text("one")
    written = put(str(path), take(str(path)), b"two")
    assert written is not None
    assert written.st_ino == path.stat().st_ino
    assert path.read_text() == "two"


def test_a_file_that_somebody_writes_is_not_replaced(tmp_path: Path) -> None:
    """What they write after that would be in no file any more; who only reads it is in nobody's way."""
    path = tmp_path / "plan.md"
    path.write_text("one")
    with path.open("a"):
        assert None is put(str(path), take(str(path)), b"two")
    with path.open():
        assert None is not put(str(path), take(str(path)), b"two")
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_file_of_a_person_is_on_the_disk_before_it_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_ours: bool
) -> None:
    """A power cut in between must not leave an empty plan; what can be made again is not waited for."""
    path, done = tmp_path / "plan.md", list[int | str]()
    path.write_text("one")
    sync, replace = os.fsync, os.replace

    def synced(descriptor: int) -> None:
        done.append(os.fstat(descriptor).st_ino)
        sync(descriptor)

    def replaced(old: str, new: str) -> None:
        done.append(new)
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    written = put(str(path), take(str(path)), b"two", is_ours=is_ours)
    assert written is not None
    assert ([] if is_ours else [written.st_ino]) + [str(path)] == done


def test_a_file_that_cannot_be_synced_takes_no_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is as before, and nothing lies beside it."""
    path = tmp_path / "plan.md"
    path.write_text("one")

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(StoreError, match="cannot sync: Input/output error"):
        put(str(path), take(str(path)), b"two")
    assert ("one", ["plan.md"]) == (path.read_text(), os.listdir(tmp_path))


@pytest.mark.parametrize("rename", [True, False])
def test_an_editor_that_saved_meanwhile_wins(tmp_path: Path, *, rename: bool) -> None:
    """By writing into the file, or by putting another one in its place."""
    path = tmp_path / "plan.md"
    path.write_text("one")
    taken = take(str(path))
    if rename:
        other = tmp_path / "new"
        other.write_text("mine")
        os.replace(other, path)
    else:
        path.write_text("mine")
    assert put(str(path), taken, b"two") is None
    assert (path.read_text(), ["plan.md"]) == ("mine", os.listdir(tmp_path))


@pytest.mark.parametrize(("within", "seen"), [(0.0, ["one"]), (60.0, ["one", "mine"])])
def test_what_was_saved_meanwhile_is_changed_instead_until_time_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, within: float, seen: list[str]
) -> None:
    """However few tries that are: each may wait for who has it open, and whoever else changes it waits behind us."""
    monkeypatch.setattr(compare_and_swap, "_SAVED_WITHIN", within)
    path, read = tmp_path / "plan.md", list[str]()
    path.write_text("one")

    def change(taken: Taken) -> os.stat_result | None:
        read.append(taken.data.decode())
        if len(read) == 1:
            path.write_text("mine")
        return put(str(path), taken, b"two")

    if within:
        exchanged(str(path), change)
    else:
        with pytest.raises(UsageError, match="is saved again and again"):
            exchanged(str(path), change)
    assert (seen, "two" if within else "mine") == (read, path.read_text())


def test_a_file_that_an_editor_holds_in_its_hands_is_not_made(tmp_path: Path) -> None:
    """It removes it for a moment while it saves."""
    path = tmp_path / "plan.md"
    path.write_text("one")
    taken = take(str(path))
    path.unlink()
    assert put(str(path), taken, b"two") is None
    assert not path.exists()


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("real/plan.md", "name the directory that the file lies in"),
        ("real/other.md", "put the file itself in its place"),
    ],
)
def test_what_helps_where_the_plan_is_a_link(tmp_path: Path, target: str, hint: str) -> None:
    """A directory is no plan directory where the file in it is called something else."""
    (tmp_path / "real").mkdir()
    (tmp_path / target).write_text("real")
    (tmp_path / "plan.md").symlink_to(target)
    with pytest.raises(UsageError) as caught:
        take(str(tmp_path / "plan.md"))
    assert hint == caught.value.hint


def test_a_link_is_left_alone(tmp_path: Path) -> None:
    """Somebody made it on purpose."""
    (tmp_path / "real.md").write_text("one")
    (tmp_path / "plan.md").symlink_to("real.md")
    with pytest.raises(UsageError, match="link"):
        take(str(tmp_path / "plan.md"))
    with pytest.raises(StoreError):
        take(str(tmp_path / "nothing.md"))


def test_one_at_a_time_holds_the_lock(tmp_path: Path) -> None:
    """Also threads of one process: each opens the file itself."""
    path, inside, most = str(tmp_path / "plan.lock"), [0], [0]

    def hold() -> None:
        for _ in range(50):
            with exclusive(path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1

    threads = [threading.Thread(target=hold) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [1] == most
