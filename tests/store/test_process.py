"""Who a process is."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from orchestrator.store.process import boot_id, start_time

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def test_a_living_process_has_a_start_time() -> None:
    """The same one whenever it is asked for."""
    started = start_time(os.getpid())
    assert started
    assert started == start_time(os.getpid())


def test_a_process_that_is_gone_has_none() -> None:
    """A pid alone means nothing."""
    child = subprocess.Popen(["/bin/true"])
    child.wait()
    assert None is start_time(child.pid)
    assert None is start_time(0)


def test_a_zombie_is_as_good_as_gone() -> None:
    """It holds no lock and does no work, although its pid is still taken."""
    child = subprocess.Popen(["/bin/true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert None is start_time(child.pid)
    child.wait()


def test_a_name_with_brackets_confuses_nobody() -> None:
    """A process can call itself what it likes."""
    program = "import ctypes; ctypes.CDLL(None).prctl(15, b') R 1 (2', 0, 0, 0); input()"
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", program], stdin=subprocess.PIPE) as child:
        assert start_time(os.getpid()) <= (start_time(child.pid) or 0)  # type: ignore[operator]
        child.communicate(b"\n")


def test_a_boot_has_a_name() -> None:
    """Start times of one boot mean nothing in the next."""
    assert boot_id()
    assert boot_id() == boot_id()
