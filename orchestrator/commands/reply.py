"""How every command answers: data to stdout, remarks to stderr, ``--json`` in one envelope.

The envelope: ``{"ok": true, "code": "ok", "message": "…", …data}``; an error has ``ok: false``, a stable ``code``, a
``hint`` and, where there are several, ``problems``.
"""

from __future__ import annotations

import getpass
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from orchestrator.core import program_name
from orchestrator.core.ids import as_name, is_name
from orchestrator.core.redact import redact
from orchestrator.core.text import one_line, sanitize
from orchestrator.errors import InternalError, OrchestratorError, OutputError, PlanError, UsageError
from orchestrator.lazy import LazyModule
from orchestrator.plan.lines import LARGEST_TEXT
from orchestrator.store.layout import PLAN_DIRECTORY, Layout
from orchestrator.store.plan_directory import find_plan, find_plan_directory

if TYPE_CHECKING:
    from orchestrator.views import terminal
else:
    terminal = LazyModule("orchestrator.views.terminal")

_NAME = "orchestrator"
_PACKAGE = __file__.removesuffix("commands/reply.py")
#: Rows that are printed at once.
_PIECE = 1000
#: Values of ``TERM`` that name terminals which show nothing but text.
_CANNOT_DRAW = frozenset({"dumb", "unknown"})
#: The plan directory of this call as the caller named it, for the commands in hints.
_MEANT = {"directory": "", "option": "", "both": ""}
#: What is called with the exit status before the process ends.
BEFORE_EXIT: list[Callable[[int], None]] = []


def program() -> str:
    """Return the words that call us: a launcher leaves its own in the environment (``scripts/orchestrate.py``)."""
    launcher = os.environ.get("ORCHESTRATOR_PROGRAM")
    return _as_started() if launcher is None else launcher or _NAME


def _as_started() -> str:
    """Return the words that this call began with; the short name, where PATH leads to this installation by it."""
    words = sys.orig_argv[: len(sys.orig_argv) - len(sys.argv) + 1]
    if words[-2:] != ["-m", _NAME]:
        if os.path.basename(words[-1]) != _NAME:
            return _NAME  # a program that uses us
        if not os.path.isdir(words[-1]):
            words = words[-1:]  # the console script, which knows its Python
    for directory in os.get_exec_path():
        if os.access(found := os.path.join(directory, _NAME), os.X_OK):
            beside = os.path.dirname(os.path.realpath(found))
            if beside == os.path.realpath(os.path.dirname(sys.executable)):
                return _NAME
            break
    return shlex.join(words)


def with_program(hint: str) -> str:
    """Return a hint as it can be typed, where its author could only write ``orchestrator COMMAND``.

    That is with the words that call us, and with the plan directory that this call is about: else it would be another.
    """
    if (words := program()) == _NAME and not any(_MEANT.values()):
        return hint

    return program_name.with_program(hint, words, _place)


def _place(argument: str) -> str:
    """Return the directory of a command in a hint; *argument* is its first word, which may name the plan already."""
    where = named_directory()
    if argument and argument == _MEANT["directory"]:
        where = _MEANT["option"]
    return "" if where == (os.environ.get("ORCHESTRATOR_DIR") or PLAN_DIRECTORY) else where


def named_directory() -> str:
    """Return the plan directory of this call in one word, as any command takes it; empty where none was named."""
    return _MEANT["both"]


def plan_directory(named: str | None, option: str | None, *, must_exist: bool = True, here: bool = False) -> Layout:
    """Return the plan directory that DIR, ``--dir``, the environment or the current directory means.

    With both, DIR is the id of a plan below ``--dir``, or the same directory once more. *here*: as for
    ``find_plan_directory``.
    """
    _MEANT.update(dict.fromkeys(_MEANT, ""))  # what is not found is no place to go on in
    if named and option and os.path.abspath(named) == os.path.abspath(option):
        # A plan may be called as the directory is that it lies in.
        named = named if os.path.isdir(f"{option}/{named}") else None
    if must_exist and named and option:
        _MEANT["both"] = option
        layout = find_plan(named, os.environ, os.getcwd(), option)
        both = os.path.relpath(layout.root)
    else:
        layout = find_plan_directory(option or named, os.environ, os.getcwd(), must_exist=must_exist, here=here)
        both = option or named or (PLAN_DIRECTORY if here else "")
    _MEANT.update(directory=named or "", option=option or "", both=both)
    return layout


def require_one(named: str | None, option: str | None) -> None:
    """Make sure that a new plan is to be made in one place: only a plan that is there can be named below ``--dir``.

    Raises:
        UsageError: two are named.
    """
    if named and option:
        raise UsageError("DIR and --dir name two places for a new plan", hint="name one of them")


def say_json(message: str, *, code: str = "ok", ok: bool = True, **data: Any) -> None:
    """Print the envelope."""
    text = json_text({"ok": ok, "code": code, "message": message, **data})
    write(f"{text}\n", for_people=False)


def say_rows(message: str, name: str, rows: Iterable[Mapping[str, object]], **data: Any) -> None:
    """Print the envelope with a long list at its end, in pieces: at once it would take 1 KB of memory for each."""
    head = json_text({"ok": True, "code": "ok", "message": message, **data, name: []})
    write(head.removesuffix("]}"), for_people=False)
    rows, before = iter(rows), ""
    while piece := [json_text(row) for row in islice(rows, _PIECE)]:
        write(before + ", ".join(piece), for_people=False)
        before = ", "
    write("]}\n")


def passed_over(broken: Mapping[str, str]) -> list[dict[str, str]]:
    """Return the plans that cannot be read, and why, as JSON; the name is both ``plan`` and ``task_id``."""
    return [{"plan": name, "task_id": name, "reason": why} for name, why in broken.items()]


def json_text(value: Mapping[str, object]) -> str:
    """Return what is printed for programs."""
    text = json.dumps(value, ensure_ascii=False)
    # A path may have bytes that are no UTF-8: they are written as JSON writes any character, and not dropped.
    return text.encode(errors="backslashreplace").decode()


def say_error(error: OrchestratorError, *, as_json: bool) -> int:
    """Print an error: what, where, and what to do; on stderr, too, when stdout does not take it.

    Return the status of the process.
    """
    problems = error.problems if isinstance(error, PlanError) else ()
    if as_json:
        listed = [
            {"code": each.code, "message": each.message, "where": each.where, "hint": with_program(each.hint)}
            for each in problems
        ]
        extra = {**error.data, **({"problems": listed} if listed else {})}
        try:
            say_json(str(error), code=error.code, ok=False, hint=with_program(error.hint), **extra)
            return int(error.exit_status)
        except (OSError, OutputError):
            problems = ()
    for each in problems or (error,):
        talk(f"error: {each}")
        if each.hint:
            talk(f"  hint: {with_program(each.hint)}")
    return int(error.exit_status)


def say_refused(error: OSError, *, as_json: bool) -> int:
    """Print an unexpected error of the system, and return the status of the process."""
    said, hint = f"the system says: {error}", ""
    if isinstance(error, FileNotFoundError) and error.filename is None:
        # Only the current directory has no name. Nothing is looked for from another one, not even a full path: agents
        # may have to work here.
        said, hint = "the current directory is gone", "go to one that exists, and call again"
    return say_error(OutputError(said, hint=hint), as_json=as_json)


def say_unforeseen(error: Exception, *, as_json: bool) -> int:
    """Print an unforeseen error, a bug or a system at its limits, and return the status of the process.

    The place is printed; the traceback only with ``PYTHONDEVMODE=1``.
    """
    if sys.flags.dev_mode:
        sys.excepthook(type(error), error, error.__traceback__)
    place = _place_of(error)
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
        place = _place_of(error) or place
    said = one_line(f"internal error: {type(error).__name__}: {error}", limit=500) + place
    hint = "call it again, a run goes on where it was; with PYTHONDEVMODE=1 set, it says how it came to that"
    return say_error(InternalError(said, hint=hint), as_json=as_json)


def _place_of(error: Exception) -> str:
    """Return the last of our own lines that it came through."""
    trace, place = error.__traceback__, ""
    while trace is not None:
        file, line, trace = trace.tb_frame.f_code.co_filename, trace.tb_lineno, trace.tb_next
        if file.startswith(_PACKAGE):
            place = f" ({file.removeprefix(_PACKAGE)}:{line})"
    return place


def terminal_width() -> int | None:
    """Return the width of the terminal that reads us; None when it is no terminal: then nothing is cut."""
    if not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns


def can_draw(stream: TextIO) -> bool:
    """Say whether a stream goes to a terminal that understands more than text."""
    return stream.isatty() and os.environ.get("TERM", "").lower() not in _CANNOT_DRAW


def in_colour(stream: TextIO) -> bool:
    """Say whether what people read there is in colour: not where `NO_COLOR` is set (https://no-color.org)."""
    return can_draw(stream) and not os.environ.get("NO_COLOR")


def _shown(text: str, stream: TextIO, *, for_people: bool = True) -> str:
    text = redact(sanitize(text))
    if for_people and in_colour(stream):
        return terminal.coloured(text)
    return text


def write(text: str, *, for_people: bool = True) -> None:
    """Write text to stdout, without the tokens in it and without what a terminal acts on.

    What is *for_people* is in colour where it can be.

    Raises:
        BrokenPipeError: the reader is gone.
        OutputError: it cannot be written.
    """
    try:
        sys.stdout.write(_shown(text, sys.stdout, for_people=for_people))
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write to standard output: {error.strerror}: {one_line(text, 60)!r}"
        hint = "what this command does may be done all the same: look before you call it again"
        raise OutputError(message, hint=hint) from error


def talk(text: str) -> None:
    """Write a line to stderr, likewise; where it cannot be written, it is dropped."""
    try:
        sys.stderr.write(f"{_shown(text, sys.stderr)}\n")
        sys.stderr.flush()
    except OSError:
        return


def from_stdin(most: int = LARGEST_TEXT) -> str:
    """Return the text on standard input; of a longer one no more than it takes to know that it is one."""
    return sys.stdin.buffer.read(most + 1).decode(errors="replace")


def caller(named: str | None) -> str:
    """Return who calls: ``--as``, ``TM_AGENT_ID``, the task an agent was started for, or who is logged in.

    Raises:
        UsageError: the name is not valid.
    """
    for where, name in (("--as", named), ("TM_AGENT_ID", os.environ.get("TM_AGENT_ID"))):
        if name and not is_name(name):
            raise UsageError(
                f"{where}: {one_line(name, limit=80)!r} is not a name",
                hint="1 to 64 letters, digits, '.', '_', '@' or '-', starting with a letter or digit",
            )
        if name:
            return name
    task = os.environ.get("ORCHESTRATOR_TASK_ID", "")
    return as_name(task) or as_name(_login()) or "somebody"


def is_named(named: str | None) -> bool:
    """Say whether the caller gave a name, or is an agent of a task."""
    return bool(named or os.environ.get("TM_AGENT_ID") or os.environ.get("ORCHESTRATOR_TASK_ID"))


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""  # a container may run as a user that has no name


def leave(status: int) -> NoReturn:
    """Exit with this status, once everything is written or its reader has gone."""
    # Ctrl-C once more would change the status, with a traceback. Python itself has loaded this part of `signal`.
    signals = sys.modules["_signal"]
    signals.signal(signals.SIGINT, signals.SIG_IGN)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    for finish in BEFORE_EXIT:
        finish(status)
    # What is left goes with the process: taking Python down in order would take 7 ms after a run.
    os._exit(status)
