"""The live view of ``run`` on a real terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import shlex
import struct
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import journal, write_plan, write_task
from tests.acceptance.terminal import type_into_program
from tests.executors.harness import is_alive, wait_until
from tests.patience import PATIENCE

#: An escape sequence that sets a colour.
COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3|4|9|10)[0-8][0-9;]*m")


def watched(orchestrate: Orchestrate, *words: str, **environment: str) -> bytes:
    """Run the plan, or call another command, on a terminal of its own; return everything that came there."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", *(words or ("run",))],
        cwd=orchestrate.where,
        env={**orchestrate.environment, "TERM": "xterm-256color", **environment},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    seen = b""
    try:
        while piece := os.read(master, 65536):
            seen += piece
    except OSError:
        pass  # so Linux says that nobody has the terminal open any more
    os.close(master)
    assert 0 == process.wait(timeout=PATIENCE)
    return seen


def test_it_is_in_colour_unless_somebody_minds(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """``NO_COLOR`` is heard; the progress is there either way, and gone at the end."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "true", "T-02": ("true", "T-01")})
    coloured = watched(orchestrate)
    assert COLOUR.search(coloured)
    assert b"2 of 2 tasks completed" in coloured
    for result in (tmp_path / ".orchestrator/results").iterdir():
        result.unlink()
    plain = watched(orchestrate, NO_COLOR="1")
    assert not COLOUR.search(plain)
    assert b"2 of 2 tasks completed" in plain


@pytest.mark.parametrize("words", ["status", "status --brief", "list", "show T-01", "watch --once"])
def test_every_command_colours_statuses_on_a_terminal_alone(
    orchestrate: Orchestrate, tmp_path: Path, words: str
) -> None:
    """Neither where `NO_COLOR` forbids it, nor on a dumb terminal, nor in a pipe, nor in what programs read."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "echo '✅ done'", "T-02": ("exit 3", "T-01")})
    assert 1 == orchestrate("run").returncode
    words_of = words.split()
    coloured = watched(orchestrate, *words_of)
    assert re.search(rb"\x1b\[32m\xe2\x9c\x85 \S+\x1b\[39m", coloured), coloured
    for plain in (
        watched(orchestrate, *words_of, NO_COLOR="1"),
        watched(orchestrate, *words_of, TERM="dumb"),
        watched(orchestrate, *words_of, "--json"),
        orchestrate(*words_of).stdout.encode(),
    ):
        assert b"\x1b" not in plain


def test_a_terminal_that_cannot_draw_gets_plain_lines(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """As a pipe does: nobody waits for minutes without a word of what runs."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "true"})
    for term in ("dumb", "unknown"):
        for result in (tmp_path / ".orchestrator").glob("results/*"):
            result.unlink()
        seen = watched(orchestrate, TERM=term)
        assert b"\x1b" not in seen
        assert 1 == seen.count("🔵 T-01".encode())
        assert 1 == seen.count("✅ T-01".encode())


def test_while_it_is_suspended_the_terminal_is_the_shells(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """After Ctrl-Z it has its cursor, and nothing of the view; what it showed meanwhile stays after `fg`."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    write_plan(tmp_path / ".orchestrator", {"T-01": f"read -r _ < {gate} || true"})

    def let_it_go_on() -> str:
        os.close(os.open(gate, os.O_WRONLY))
        return ""

    run = shlex.join([sys.executable, "-m", "orchestrator", "run"])
    shell = ["sh", "-c", f"set -m; {run}; echo the shell again; fg"]
    seen = type_into_program(orchestrate, shell, [("0/1", "\x1a"), ("the shell again", let_it_go_on)])
    assert (0, True) == (seen.returncode, "1 of 1 tasks completed" in seen.text), seen.text
    before, _, after = seen.text.partition("the shell again")
    assert before.rindex("\x1b[?25h") > before.rindex("\x1b[?25l")
    untouched, is_drawn_anew, _ = after.partition("\x1b[?25l")
    assert is_drawn_anew
    assert "\x1b[" not in untouched


class Stalled:
    """A terminal that takes nothing any more."""

    def __init__(self, orchestrate: Orchestrate, how: str) -> None:
        self.orchestrate = orchestrate
        self.master, self.terminal = pty.openpty()
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
        if how == "nobody reads":
            os.set_blocking(self.terminal, False)
            with suppress(BlockingIOError):
                while True:
                    os.write(self.terminal, b"x" * 100)
            os.set_blocking(self.terminal, True)
        else:
            os.write(self.master, b"\x13")

    def start(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "orchestrator", *words],
            cwd=self.orchestrate.where,
            env={**self.orchestrate.environment, "TERM": "xterm", **environment},
            stdin=self.terminal,
            stdout=self.terminal,
            stderr=self.terminal,
            start_new_session=True,
        )

    def take_all(self) -> str:
        """Ctrl-Q, and read until nobody has the terminal open."""
        os.write(self.master, b"\x11")
        os.close(self.terminal)
        self.terminal = -1
        seen = b""
        with suppress(OSError):
            while piece := os.read(self.master, 65536):
                seen += piece
        return seen.decode(errors="replace")

    def close(self) -> None:
        os.close(self.master)
        if self.terminal >= 0:
            os.close(self.terminal)


STALLS = pytest.mark.parametrize("how", ["Ctrl-S", "nobody reads"])
TERMINALS = pytest.mark.parametrize(
    ("term", "flags"), [("xterm", ()), ("dumb", ()), ("xterm", ("--json",))], ids=["live", "lines", "events"]
)


@STALLS
@TERMINALS
def test_a_terminal_that_takes_nothing_holds_no_task_and_no_timeout(
    orchestrate: Orchestrate, tmp_path: Path, how: str, term: str, flags: tuple[str, ...]
) -> None:
    """Everything is started, timed and recorded; what there was to say is there once it is taken."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01"), "T-03": "sleep 600"})
    write_task(root, "T-03", "```sh\nsleep 600\n```\n", timeout=1)
    stalled = Stalled(orchestrate, how)
    run = stalled.start("run", *flags, TERM=term)
    wait_until(lambda: (root / "final_output.md").exists() and " · run · ended" in journal(root))
    assert {"T-01": "completed", "T-02": "completed", "T-03": "failed"} == orchestrate.statuses()
    assert "timed out after 1.0s" in orchestrate("status").stdout
    seen = stalled.take_all()
    assert 1 == run.wait(PATIENCE)
    for said in ("T-01", "T-02", "timed out after 1.0s", "2 of 3 tasks completed"):
        assert said in seen
    stalled.close()


@STALLS
@pytest.mark.parametrize("by", ["SIGTERM", "stop"])
@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_terminal_that_takes_nothing_does_not_keep_a_run_from_being_stopped(
    orchestrate: Orchestrate, tmp_path: Path, how: str, term: str, by: str
) -> None:
    """Nobody has to read its last words."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "true", "T-02": ("sleep 600", "T-01")})
    stalled = Stalled(orchestrate, how)
    run = stalled.start("run", TERM=term)
    wait_until(lambda: (root / "journal.md").exists() and "T-02 · started" in journal(root))
    if by == "stop":
        assert 0 == orchestrate("stop", "--timeout", "60s").returncode
    else:
        run.terminate()
    assert 143 == run.wait(PATIENCE)
    assert {"T-01": "completed", "T-02": "pending"} == orchestrate.statuses()
    stalled.close()


def test_a_terminal_that_takes_nothing_does_not_keep_the_next_round_from_its_time(
    orchestrate: Orchestrate, tmp_path: Path
) -> None:
    """``run --every`` goes on, and says so to nobody."""
    root, rounds = tmp_path / ".orchestrator", tmp_path / "rounds"
    write_plan(root, {"T-01": f"echo once more >> {rounds}; exit 1"})
    stalled = Stalled(orchestrate, "Ctrl-S")
    run = stalled.start("run", "--every", "1s")
    wait_until(lambda: rounds.exists() and rounds.read_text().count("once more") >= 3)
    run.terminate()
    assert 143 == run.wait(PATIENCE)
    stalled.close()


def test_a_terminal_that_takes_nothing_does_not_keep_planning_from_being_stopped(claude: ClaudePlan) -> None:
    """Its agent is ended, and the lock let go."""
    claude.play({"_plan": {"wait_for": "never"}})
    stalled = Stalled(claude.orchestrate, "Ctrl-S")
    planning = stalled.start("plan", "Tidy up the shop")
    wait_until(lambda: bool(claude.calls("_plan")))
    planning.terminate()
    assert 143 == planning.wait(PATIENCE)
    (call,) = claude.calls("_plan")
    assert not is_alive(call.pid)
    stalled.close()
