"""Scripts of the seeds, run as they stand there: only the program they call is ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.acceptance.orchestrate import Answer, Orchestrate

#: Seconds after which a script that does not come back has failed.
_PATIENCE = 120.0


def run_script(orchestrate: Orchestrate, script: str, program: str) -> Answer:
    """Run a shell script in which *program*, ``./tm`` or ``to``, is our command line."""
    folder: Path = orchestrate.where
    place = folder if program.startswith("./") else folder / "bin"
    place.mkdir(exist_ok=True)
    caller = place / program.removeprefix("./")
    caller.write_text(f'#!/bin/sh\nexec {sys.executable} -m orchestrator "$@"\n', encoding="utf-8")
    caller.chmod(0o755)
    path = f"{folder / 'bin'}:{orchestrate.environment['PATH']}"
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=folder,
        env={**orchestrate.environment, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=_PATIENCE,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
