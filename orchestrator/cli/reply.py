"""How every command answers: data to stdout, talk to stderr, ``--json`` in one envelope (design, section 5).

The envelope: ``{"ok": true, "code": "ok", "message": "…", …data}``; an error has ``ok: false``, a stable ``code``, a
``hint`` and, where there are several, ``problems``.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from orchestrator.core.redact import redact
from orchestrator.core.text import printable
from orchestrator.errors import OrchestratorError, PlanError
from orchestrator.store.layout import Layout, find_plan_directory

_Function = TypeVar("_Function", bound=Callable[..., Any])


def program() -> str:
    """Return the words that call us: a launcher leaves its own in the environment (``scripts/orchestrate.py``)."""
    return os.environ.get("ORCHESTRATOR_PROGRAM") or "orchestrator"


def plan_directory(
    named: str | None, option: str | None = None, *, must_exist: bool = True
) -> Layout:
    """Return the plan directory that DIR, ``--dir``, the environment or the current directory means."""
    return find_plan_directory(option or named, os.environ, os.getcwd(), must_exist=must_exist)


def takes_directory(function: _Function) -> _Function:
    """Give a command about a whole plan its ``[DIR]`` and ``--dir``."""
    function = click.option("--dir", "option", metavar="DIR", help="The plan directory.")(function)
    return click.argument("directory", metavar="[DIR]", required=False)(function)


def takes_json(function: _Function) -> _Function:
    """Give a command its ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def say_json(message: str, *, code: str = "ok", ok: bool = True, **data: Any) -> None:
    """Print the envelope."""
    envelope = {"ok": ok, "code": code, "message": message, **data}
    click.echo(redact(printable(json.dumps(envelope, ensure_ascii=False))))


def say_error(
    code: str, message: str, *, hint: str, as_json: bool, error: OrchestratorError | None = None
) -> None:
    """Print an error: what, where, and what to do."""
    problems = error.problems if isinstance(error, PlanError) else ()
    if as_json:
        listed = [
            {"code": each.code, "message": each.message, "where": each.where, "hint": each.hint}
            for each in problems
        ]
        extra = {"problems": listed} if listed else {}
        say_json(message, code=code, ok=False, hint=hint, **extra)
        return
    for each in problems or (None,):
        click.echo(redact(printable(f"error: {each or message}")), err=True)
        if advice := each.hint if each else hint:
            click.echo(printable(f"  hint: {advice}"), err=True)


def terminal_width() -> int | None:
    """Return the width of the terminal that reads us; None when it is no terminal: then nothing is cut."""
    if not sys.stdout.isatty():
        return None
    import shutil

    return shutil.get_terminal_size().columns


def write(text: str) -> None:
    """Write text to stdout as it is, without the tokens in it and without what a terminal acts on."""
    click.echo(redact(printable(text)), nl=False)
