"""The live view of ``run`` on a real terminal."""

from __future__ import annotations

import os
import pty
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.acceptance.terminal import type_into_program
from tests.patience import PATIENCE

#: An escape sequence that sets a colour.
COLOUR = re.compile(rb"\x1b\[(?:[0-9;]*;)?(?:3|4|9|10)[0-8][0-9;]*m")


def watched(orchestrate: Orchestrate, **environment: str) -> bytes:
    """Run the plan on a terminal of its own; return everything that came there."""
    master, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestrator", "run"],
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


def test_a_terminal_that_cannot_draw_gets_plain_lines(
    orchestrate: Orchestrate, tmp_path: Path
) -> None:
    """As a pipe does: nobody waits for minutes without a word of what runs."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "true"})
    for term in ("dumb", "unknown"):
        for result in (tmp_path / ".orchestrator").glob("results/*"):
            result.unlink()
        seen = watched(orchestrate, TERM=term)
        assert b"\x1b" not in seen
        assert 1 == seen.count("🔵 T-01".encode())
        assert 1 == seen.count("✅ T-01".encode())


def test_while_it_is_suspended_the_terminal_is_the_shells(
    orchestrate: Orchestrate, tmp_path: Path
) -> None:
    """After Ctrl-Z it has its cursor, and nothing of the view; what it showed meanwhile stays after `fg`."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    write_plan(tmp_path / ".orchestrator", {"T-01": f"read -r _ < {gate} || true"})

    def let_it_go_on() -> str:
        os.close(os.open(gate, os.O_WRONLY))
        return ""

    run = shlex.join([sys.executable, "-m", "orchestrator", "run"])
    shell = ["sh", "-c", f"set -m; {run}; echo the shell again; fg"]
    seen = type_into_program(
        orchestrate, shell, [("0/1", "\x1a"), ("the shell again", let_it_go_on)]
    )
    assert (0, True) == (seen.returncode, "1 of 1 tasks completed" in seen.text), seen.text
    before, _, after = seen.text.partition("the shell again")
    assert before.rindex("\x1b[?25h") > before.rindex("\x1b[?25l")
    untouched, is_drawn_anew, _ = after.partition("\x1b[?25l")
    assert is_drawn_anew
    assert "\x1b[" not in untouched
