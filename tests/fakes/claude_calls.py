"""Puts the fake ``claude`` on a PATH, gives it a script, and reads what its calls left behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FAKE = Path(__file__).with_name("fake_claude.py")


@dataclass(frozen=True)
class Call:
    """One call. Times are of one monotonic clock; ``end`` is None when it never came to its end."""

    task: str
    attempt: int
    pid: int
    argv: list[str]
    env: list[str]
    cwd: str
    prompt: str
    sha256: str
    start: int
    end: int | None = None


def install(directory: Path) -> Path:
    """Make *directory* one that can stand on PATH and has this ``claude`` in it; return the program."""
    directory.mkdir(parents=True, exist_ok=True)
    program = directory / "claude"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{FAKE}" "$@"\n')
    program.chmod(0o755)
    return program


def script(directory: Path, steps: Mapping[str, Any]) -> None:
    """Say what calls for which task do, for a fake whose ``FAKE_CLAUDE_DIR`` is *directory*."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "script.json").write_text(json.dumps(steps), encoding="utf-8")


def calls(directory: Path) -> list[Call]:
    """Return every call recorded in *directory*, in the order of their starts."""
    log = directory / "calls.jsonl"
    if not log.exists():
        return []
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    ends = {entry["id"]: entry["time"] for entry in entries if entry["event"] == "end"}
    started = sorted((e for e in entries if e["event"] == "start"), key=lambda e: int(e["time"]))
    return [
        Call(
            **{name: entry[name] for name in ("task", "attempt", "pid", "argv", "env", "cwd", "sha256")},
            prompt=(directory / "prompts" / entry["id"]).read_text(encoding="utf-8"),
            start=entry["time"],
            end=ends.get(entry["id"]),
        )
        for entry in started
    ]
