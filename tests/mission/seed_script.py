"""Scripts of the seeds, run as they stand there: only the program they call is ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.patience import PATIENCE

#: Copied from seed 001 byte for byte.
_SCRIPTS = Path(__file__).parent / "seed_001"


def seed(name: str) -> str:
    """Return a script of seed 001; its program is ``./tm``."""
    return (_SCRIPTS / f"{name}.sh").read_text(encoding="utf-8")


def start_script(orchestrate: Orchestrate, script: str, program: str, **environment: str) -> subprocess.Popen[str]:
    """Start a script in which *program*, ``./tm`` or ``to``, is our command line; a command that fails ends it."""
    folder = orchestrate.where
    place = folder if program.startswith("./") else folder / "bin"
    place.mkdir(exist_ok=True)
    caller = place / program.removeprefix("./")
    caller.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m orchestrator "$@"\n', "utf-8")
    caller.chmod(0o755)
    path = f"{folder / 'bin'}:{orchestrate.environment['PATH']}"
    return subprocess.Popen(
        ["bash", "-e", "-c", script],
        cwd=folder,
        env={**orchestrate.environment, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        start_new_session=True,
    )


def run_script(orchestrate: Orchestrate, script: str, program: str, **environment: str) -> Answer:
    """Run a script to its end."""
    process = start_script(orchestrate, script, program, **environment)
    with process:
        try:
            stdout, stderr = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Answer(process.returncode, stdout, stderr)
