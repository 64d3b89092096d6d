"""Systems other than Linux: what cannot be kept is refused or told, never half done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import everything, write_plan

#: A Python without what only POSIX has, as on Windows.
ELSEWHERE = """
import os, select, signal, sys
sys.argv = ["orchestrator", *sys.argv[1:]]
for module in ("fcntl", "grp", "pty", "pwd", "termios", "tty", "resource"):
    sys.modules[module] = None
import click, shutil  # each asks the real system for modules of its own
for module, names in {
    os: "O_CLOEXEC O_DIRECTORY O_NOFOLLOW O_NONBLOCK chown fchmod fchown fork getegid geteuid getgid getpgid getuid"
        " killpg mkfifo pidfd_open setsid statvfs sysconf uname waitid",
    select: "epoll poll",
    signal: "SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGWINCH pidfd_send_signal"
            " pthread_sigmask setitimer",
}.items():
    for name in names.split():
        vars(module).pop(name, None)
os.name = "nt"
from orchestrator.__main__ import main
main()
"""


@pytest.mark.parametrize("command", ["run", "status", "doctor", "list", "add x", "share T-01 x"])
def test_a_system_without_posix_is_refused_with_a_clear_message(
    orchestrate: Orchestrate, tmp_path: Path, command: str
) -> None:
    """No traceback, nothing written, and what to do instead."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "true"})
    before = everything(root)
    refused = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, *command.split()],
        cwd=tmp_path,
        env=orchestrate.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (2, "") == (refused.returncode, refused.stdout)
    assert refused.stderr.startswith("error: this system is not supported")
    assert "Windows Subsystem for Linux" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert before == everything(root)
