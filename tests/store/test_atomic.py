"""Files replaced whole, and what happens when the system says no."""

from __future__ import annotations

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.atomic import atomic_write, read_file, read_whole, sweep_temporaries, sync_directory
from tests.growth import growth


def names(directory: Path) -> set[str]:
    return set(os.listdir(directory))


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    """The new bytes are there, and nothing else is left behind."""
    path = tmp_path / "file"
    for data in (b"first, and longer", b"second", b""):
        atomic_write(str(path), data)
        assert data == path.read_bytes()
    assert {"file"} == names(tmp_path)


def test_whoever_reads_keeps_the_file_he_opened(tmp_path: Path) -> None:
    """A reader sees the old file or the new one, never a mixture."""
    path = tmp_path / "file"
    atomic_write(str(path), b"old" * 1000)
    with path.open("rb") as reader:
        atomic_write(str(path), b"new")
        assert b"old" * 1000 == reader.read()


def test_a_directory_that_vanished_is_told(tmp_path: Path) -> None:
    """One clear line with the path and a hint; no traceback."""
    path = tmp_path / "gone" / "file"
    with pytest.raises(StoreError, match="cannot write: No such file or directory") as caught:
        atomic_write(str(path), b"x")
    assert str(path) == caught.value.where
    assert caught.value.hint


def test_a_directory_that_became_a_file_is_told(tmp_path: Path) -> None:
    """Whatever stands in the way: the same clear line."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="Not a directory"):
        atomic_write(str(tmp_path / "file" / "inside"), b"x")


def test_a_directory_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    """The directory stays, and no temporary file does."""
    (tmp_path / "file").mkdir()
    with pytest.raises(StoreError, match="cannot write"):
        atomic_write(str(tmp_path / "file"), b"x")
    assert {"file"} == names(tmp_path)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    """A link planted in the place of a file leads nobody's data anywhere."""
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_bytes(b"precious")
    path.symlink_to(victim)
    atomic_write(str(path), b"ours")
    assert (b"precious", b"ours") == (victim.read_bytes(), path.read_bytes())
    assert not path.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
@pytest.mark.parametrize("mode", [0o600, 0o664, 0o4775])
def test_a_file_that_root_replaces_stays_that_of_its_person(tmp_path: Path, mode: int) -> None:
    """After `sudo orchestrator run` the plan is still theirs; every bit of its mode, too."""
    path = tmp_path / "file"
    path.write_text("theirs")
    os.chown(path, 1234, 2345)
    path.chmod(mode)
    atomic_write(str(path), b"ours")
    after = path.stat()
    assert (b"ours", 1234, 2345) == (path.read_bytes(), after.st_uid, after.st_gid)
    assert mode == stat.S_IMODE(after.st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another")
def test_a_file_of_somebody_else_is_replaced_all_the_same(tmp_path: Path) -> None:
    """Who may write into the directory, and may give nothing away, owns the new file; the group stays where it may."""
    path = tmp_path / "file"
    path.write_text("theirs")
    os.chown(path, 1234, 2345)
    path.chmod(0o664)
    tmp_path.chmod(0o777)
    script = """
import os
from orchestrator.store.atomic import atomic_write
os.setgroups([2345])
os.setgid(5678)
os.setuid(4321)
atomic_write("./file", b"ours")  # the directories above are closed to others
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)
    after = path.stat()
    assert (b"ours", 4321, 2345) == (path.read_bytes(), after.st_uid, after.st_gid)
    assert 0o664 == stat.S_IMODE(after.st_mode)


def test_a_planted_temporary_is_not_followed(tmp_path: Path) -> None:
    """Also when somebody guessed the name of the temporary file."""
    victim, path = tmp_path / "victim", tmp_path / "file"
    victim.write_bytes(b"precious")
    (tmp_path / f".file.{os.getpid()}.tmp").symlink_to(victim)
    atomic_write(str(path), b"ours")
    assert (b"precious", b"ours") == (victim.read_bytes(), path.read_bytes())
    assert {"victim", "file"} == names(tmp_path)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """What cannot be written whole is not written at all: the file is as before and no temporary is left."""
    path = tmp_path / "file"
    path.write_bytes(b"before")
    program = """
import signal, sys
from orchestrator.errors import StoreError
from orchestrator.store.atomic import atomic_write
try:
    atomic_write(sys.argv[1], b"x" * 100_000)
except StoreError as error:
    print(error)
"""
    limit = 4096
    answer = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert f"{path}: cannot write: File too large\n" == answer.stdout  # coverage may complain, too
    assert b"before" == path.read_bytes()
    assert {"file"} == names(tmp_path)


def test_a_missing_file_reads_as_none(tmp_path: Path) -> None:
    """There is none: that is an answer and no error."""
    assert None is read_file(str(tmp_path / "nothing"))


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    """There is something, but it is no file: that is an error."""
    with pytest.raises(StoreError, match="cannot read: Is a directory"):
        read_file(str(tmp_path))


def test_what_cannot_be_synced_is_told(tmp_path: Path) -> None:
    """A result is not called durable when nobody knows."""
    sync_directory(str(tmp_path))
    with pytest.raises(StoreError, match="cannot sync"):
        sync_directory(str(tmp_path / "nothing"))


def test_only_what_a_killed_writer_left_is_swept_away(tmp_path: Path) -> None:
    """Temporary files of ours carry the pid of their writer; a person's hidden files stay."""
    ours = {".plan.md.99999999.tmp", ".log.attempt-1.json.tmp"}
    theirs = {"plan.md", ".hidden", "notes.tmp", ".notes.tmp"}
    for name in ours | theirs:
        (tmp_path / name).write_bytes(b"")
    sweep_temporaries(str(tmp_path))
    assert theirs == names(tmp_path)


def test_a_writer_that_is_at_work_loses_nothing(tmp_path: Path) -> None:
    """Whoever adds a task while a run begins; a number that a stranger has by now keeps nothing for long."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    living = os.getppid()
    new, stale = f".master_plan.md.{living}.tmp", f".index.json.{living}.tmp"
    for name in (new, stale, f".new.md.{ended.pid}.tmp", f".own.md.{os.getpid()}.tmp"):
        (tmp_path / name).write_bytes(b"")
    os.utime(tmp_path / stale, (1, 1))
    sweep_temporaries(str(tmp_path))
    assert {new} == names(tmp_path)


def test_a_file_that_has_grown_is_read_in_pieces(tmp_path: Path) -> None:
    """One that was empty a moment ago, too: it takes as many reads as it has pieces, however long it is by now."""

    def read(size: int) -> None:
        (tmp_path / "log").write_bytes(b"x" * size)
        descriptor = os.open(tmp_path / "log", os.O_RDONLY)
        assert read_whole(descriptor, 0) == b"x" * size
        os.close(descriptor)

    assert growth(read, 30_000) < 1.2
