"""One small question to a real process."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path

import pytest

from orchestrator.core.finding import Probe
from orchestrator.executors.probe import LIMIT, ask
from tests.executors.harness import is_alive, sh, wait_until
from tests.patience import BEGUN

ENV = {"PATH": "/usr/bin:/bin"}
#: Seconds; nothing here takes that long unless it hangs.
LONG = 300.0


def made(path: Path, text: str, mode: int = 0o755) -> str:
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_what_it_prints_and_how_it_ends() -> None:
    """Both streams and the exit status."""
    answer = ask(sh("echo 2.1.329; echo oh >&2; exit 3"), ENV)
    assert Probe(code=3, stdout="2.1.329\n", stderr="oh\n") == answer


def test_it_has_nothing_to_read_and_only_what_it_is_given() -> None:
    """Not our standard input, not our environment, and a session of its own."""
    code = "import os, sys; print(sys.stdin.read(), os.environ['A'], os.getsid(0) == os.getpid(), 'HOME' in os.environ)"
    answer = ask((sys.executable, "-I", "-S", "-c", code), {"A": "b"})
    assert " b True False\n" == answer.stdout


def test_a_signal_is_told_apart() -> None:
    """A crash is no exit status."""
    assert -signal.SIGSEGV == ask(sh("kill -SEGV $$"), ENV).code


def test_what_is_no_text_is_text() -> None:
    """Bytes that are no UTF-8 do no harm."""
    assert "a\ufffdb" == ask(sh(r"printf 'a\377b'"), ENV).stdout


def test_what_is_late_is_ended_with_its_children() -> None:
    """The whole group; what it had printed by then is kept."""
    answer = ask(sh("sleep 600 & echo $!; wait"), ENV, timeout=BEGUN)
    assert (None, f"no answer within {BEGUN:g}s") == (answer.code, answer.trouble)
    child = int(answer.stdout)
    wait_until(lambda: not is_alive(child))


def test_a_closed_mouth_is_no_end() -> None:
    """Somebody who closes both streams has time to end, and no more time than others."""
    assert 3 == ask(sh("exec >&- 2>&-; sleep 0.1; exit 3"), ENV, timeout=LONG).code
    assert "no answer within 1s" == ask(sh("exec >&- 2>&-; exec sleep 600"), ENV, timeout=1).trouble


def test_a_flood_is_ended() -> None:
    """What never stops printing is not read for ever."""
    answer = ask(("yes",), ENV, timeout=LONG)
    assert (None, "it printed more than 64 KiB") == (answer.code, answer.trouble)
    assert "y\n" * (LIMIT // 2) == answer.stdout


@pytest.mark.parametrize("size", [LIMIT, LIMIT + 1, 2 * LIMIT])
def test_a_part_is_never_taken_for_the_whole(size: int) -> None:
    """Also when the program has ended by the time its output turns out to be too long."""
    for _ in range(20):
        answer = ask(sh(f"head -c {size} /dev/zero"), ENV, timeout=LONG)
        is_whole = size <= LIMIT
        assert (0 if is_whole else None, not is_whole) == (answer.code, bool(answer.trouble))


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="the end of a process has no descriptor here")
def test_who_is_left_behind_is_not_waited_for() -> None:
    """A daemon that holds the streams open costs nobody the whole time."""
    answer = ask(sh("sleep 600 & echo $!; exit 0"), ENV, timeout=LONG)
    os.kill(int(answer.stdout), signal.SIGKILL)
    assert (0, "") == (answer.code, answer.trouble)


def test_what_cannot_be_started(tmp_path: Path) -> None:
    """It says why, and shows what the file is when it is no program."""
    text = made(tmp_path / "text", "echo native binary not installed\n")
    closed = made(tmp_path / "closed", "#!/bin/sh\n", 0o644)
    orphan = made(tmp_path / "orphan", "#!/no/such/interpreter\n")
    shown = Probe(trouble=os.strerror(errno.ENOEXEC), head="echo native binary not installed\n")
    assert shown == ask((text,), ENV)
    assert Probe(trouble=os.strerror(errno.EACCES)) == ask((closed,), ENV)
    assert Probe(trouble=os.strerror(errno.EACCES)) == ask((str(tmp_path),), ENV)
    assert Probe(trouble=os.strerror(errno.ENOENT)) == ask((orphan,), ENV)
    assert Probe(trouble=os.strerror(errno.ENOENT)) == ask((str(tmp_path / "none"),), ENV)
