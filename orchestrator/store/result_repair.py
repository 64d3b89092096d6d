"""The repairs of files: each loses nothing that a person wrote. Only with the lock held."""

from __future__ import annotations

import os
import shutil
import stat

from orchestrator.store.atomic import io_errors


def remove(path: str) -> None:
    """Remove a cache, or what a killed writer left: a file, a link, or a directory with all that is in it.

    Raises:
        StoreError: it is still there.
    """
    with io_errors("remove", path):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def protect(path: str) -> None:
    """Take from everybody the right to write a file or directory; a link is not followed.

    Raises:
        StoreError: it is not ours.
    """
    with io_errors("protect", path):
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
        descriptor = os.open(path, flags)
        try:
            mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
            os.fchmod(descriptor, mode & ~stat.S_IWOTH)
        finally:
            os.close(descriptor)
