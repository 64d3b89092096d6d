"""What the place of a plan directory is like."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.store.disk import closed_to_us, file_system, is_remote, room, type_of
from orchestrator.store.layout import Layout

MOUNTS = r"""/dev/vda1 / ext4 rw 0 0
proc /proc proc rw 0 0
server:/home /home nfs4 rw 0 0
tmpfs /home/me/a\040b tmpfs rw 0 0
//server/share /mnt/share cifs rw 0 0
/dev/vdb1 /mnt/share ext4 rw 0 0
me@host: /mnt/far fuse.sshfs rw 0 0

broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "ext4"),
        ("/srv/plan", "ext4"),
        ("/home", "nfs4"),
        ("/home/me/plan", "nfs4"),
        ("/homework", "ext4"),
        ("/home/me/a b/plan", "tmpfs"),
        ("/mnt/share/plan", "ext4"),
        ("/mnt/far/plan", "fuse.sshfs"),
    ],
)
def test_the_nearest_mount_above_counts(path: str, kind: str) -> None:
    """By whole names, with escapes read; of two on the same point the later one covers the other."""
    assert kind == type_of(path, MOUNTS)


def test_without_a_table_nothing_is_known() -> None:
    """Then nothing is claimed."""
    assert "" == type_of("/srv", "")
    assert not is_remote("")


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "fuse.sshfs"])
def test_what_is_behind_a_network(kind: str) -> None:
    """Its locks and syncs are somebody else's."""
    assert is_remote(kind)


@pytest.mark.parametrize("kind", ["ext4", "btrfs", "tmpfs", "overlay", "nfsd", "fuse.gocryptfs"])
def test_what_is_here(kind: str) -> None:
    """Also when its name resembles another."""
    assert not is_remote(kind)


@pytest.mark.skipif(not os.path.exists("/proc/self/mounts"), reason="no table of mounts here")
def test_this_machine_is_asked() -> None:
    """The type of a place that is known everywhere."""
    assert "proc" == file_system("/proc/self")


def test_room_is_told_in_bytes(tmp_path: Path) -> None:
    """A file system that can hold a test has some."""
    assert 0 < room(str(tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_what_may_not_be_written_is_named(tmp_path: Path) -> None:
    """Only what is there; the rest will be made."""
    layout = Layout(str(tmp_path))
    Path(layout.plan).touch()
    assert [] == closed_to_us(layout)
    Path(layout.plan).chmod(0o444)
    os.mkdir(layout.results, 0o555)
    assert [layout.results, layout.plan] == closed_to_us(layout)
