"""The command ``orchestrator``: finds the command, and turns every error into one line, a hint and an exit status.

A command is imported when it is called, so that ``status`` never pays for what ``run`` needs.
"""

from __future__ import annotations

import codecs
import gc
import io
import os
import sys
import warnings
from itertools import pairwise
from typing import NoReturn

import click

from orchestrator import __version__
from orchestrator.cli.parser import click_command
from orchestrator.commands.registry import COMMANDS, SECTIONS, load
from orchestrator.commands.reply import leave, program, say_error, say_refused, say_unforeseen, talk
from orchestrator.core.ids import similar_name, suggestion
from orchestrator.errors import ExitStatus, OrchestratorError, UsageError

#: What click raises where a command is missing, with the help as its words; before 8.2 it printed that itself.
_NO_COMMAND = getattr(click.exceptions, "NoArgsIsHelpError", ())
#: Characters of the line about a command: more than any has, for it is wrapped and not cut.
_WHOLE = 200
#: The name of the error handler of the standard streams.
_ESCAPED = "orchestrator.escaped"


class _Commands(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return click_command(cmd_name, load(cmd_name))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest a command of a similar name: click knows of none before it is imported."""
        name = args[0]
        if name in COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        hint = suggestion(name, COMMANDS, f"{ctx.command_path} --help")
        raise UsageError(f"No such command {name!r}.", hint=hint)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section."""
        for title, names in SECTIONS.items():
            rows = []
            for name in names:
                command = self.get_command(ctx, name)
                assert command is not None  # it is in the table
                rows.append((name, command.get_short_help_str(_WHOLE)))
            with formatter.section(title):
                formatter.write_dl(rows)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Exit statuses: 0 done · 1 some task failed · 2 bad input
               3 another run holds the plan · 4 held
               5 reading or writing failed · 128+n ended by signal n""",
)
@click.version_option(__version__, prog_name="orchestrator", message="%(prog)s %(version)s")
def cli() -> None:
    """Run a plan of tasks, each by an agent, in dependency order and in parallel.

    \b
    A plan is a directory with a master_plan.md that holds a table of tasks.
      orchestrator init                 make .orchestrator/ with a plan to edit
      orchestrator plan "REQUEST"       make it from a request, with an agent
      orchestrator validate             say what is wrong with it, if anything
      orchestrator run .orchestrator/   run what is not completed yet
      orchestrator status               see where it stands
    """  # noqa: D301 - click reads the backspace as: leave this paragraph as it is


def main() -> NoReturn:
    """Run the command line and exit."""
    try:
        status = _status()
    except KeyboardInterrupt:
        status = 130  # also while an error is printed
    while True:
        try:
            leave(status)
        except KeyboardInterrupt:
            continue  # too late: the status is known


def _status() -> int:
    """Run the command line and return the exit status; every error is printed."""
    _prepare_streams()
    warnings.showwarning = _show_warning
    # Shown whatever PYTHONWARNINGS says: with `error` a remark would be a failure, with `ignore` nothing.
    warnings.simplefilter("default", UserWarning)
    # A short command has nothing to collect; `run` turns it on again.
    gc.disable()
    words = sys.argv[1:]
    wants_json = not {"--json", "--format=json"}.isdisjoint(words) or (("--format", "json") in pairwise(words))
    try:
        _decode_words()
        _require_posix()
        return _call(sys.argv[1:], wants_json=wants_json)
    except (click.Abort, EOFError, KeyboardInterrupt) as error:
        if sys.stderr.isatty():
            talk("")  # behind the ^C
        _say_notes(error)
        return 130
    except SystemExit as error:  # SIGTERM and SIGHUP, where they end us as Ctrl-C does
        _say_notes(error)
        raise
    except OrchestratorError as error:
        status = say_error(error, as_json=wants_json)
        _say_notes(error)
        return status
    except BrokenPipeError:
        return 0  # the reader of the output has seen enough
    except OSError as error:
        return say_refused(error, as_json=wants_json)
    except Exception as error:  # noqa: BLE001 - status 1 would mean that a task failed
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise error.__cause__ from None  # Python 3.11 wraps it where it makes a class
        return say_unforeseen(error, as_json=wants_json)


def _call(words: list[str], *, wants_json: bool) -> int:
    """Call a command and return the exit status; what click refuses is printed as our own errors are."""
    if "_ORCHESTRATOR_COMPLETE" in os.environ:
        # Answers the shell, and exits.
        cli.main(prog_name="orchestrator", complete_var="_ORCHESTRATOR_COMPLETE")
    try:
        # `cli.main` would end with 1, which means that a task failed, when the reader of the output is gone.
        with cli.make_context(program(), words) as context:
            status = cli.invoke(context)
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        if isinstance(error, _NO_COMMAND):
            talk(error.format_message())
            return int(ExitStatus.BAD_INPUT)
        context_of_error = getattr(error, "ctx", None)
        hint = f"{context_of_error.command_path if context_of_error else program()} --help"
        if "-json" in words:
            hint = "did you mean --json?"
        if isinstance(error, click.NoSuchOption) and error.possibilities:
            # One letter off: what is only similar would be noise beside it.
            close = similar_name(error.option_name, error.possibilities)
            error = click.NoSuchOption(error.option_name, possibilities=[close] if close else error.possibilities)
        # In one line: click lists choices in several.
        message = " ".join(error.format_message().split())
        return say_error(UsageError(message, hint=hint), as_json=wants_json)


def _require_posix() -> None:
    if os.name != "posix":
        raise UsageError(
            "this system is not supported: sessions, process groups and locks of POSIX are needed",
            hint="use Linux, macOS, or the Windows Subsystem for Linux",
        )


def _say_notes(error: BaseException) -> None:
    """Print what is to be known about the work that the error cut short."""
    for note in getattr(error, "__notes__", ()):
        talk(note)


# ── the process ──────────────────────────────────────────────────────────────────────────────────────────────────


def _prepare_streams() -> None:
    """Make printing safe: against characters that an encoding lacks, and against streams that the caller closed."""
    codecs.register_error(_ESCAPED, _escape)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            # The number must not go to a file of the plan.
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            setattr(sys, name, open(number, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115 - for good
        elif number and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ESCAPED)


def _escape(error: UnicodeError) -> tuple[str, int]:
    """Write what an encoding lacks (``PYTHONIOENCODING=latin-1``, an old locale) as JSON would, in JSON and elsewhere.

    Python would raise instead, and a run would end for a tick in the name of a task.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    pairs = (units[place : place + 2].hex() for place in range(0, len(units), 2))
    return "".join(f"\\u{pair}" for pair in pairs), error.end


def _show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Print a warning of this package as one line; other warnings (``-X dev``) are for programmers."""
    talk(f"⚠️ {message}" if category is UserWarning else f"{category.__name__}: {message}")


def _decode_words() -> None:
    """Read the words of the command line as UTF-8, whatever the locale is.

    Raises:
        UsageError: one is not UTF-8. Its bytes would be dropped from a text, and no file could hold such a path.
    """
    for place, word in enumerate(sys.argv[1:], start=1):
        try:
            word.encode()
        except UnicodeEncodeError:
            try:
                sys.argv[place] = os.fsencode(word).decode()
            except UnicodeDecodeError:
                hint = "say it in UTF-8; `iconv -f latin1 -t utf8` turns an old file into it"
                if os.sep in word or os.path.lexists(word):
                    hint = "rename what is called so, or go there and leave the name out"
                raise UsageError(f"{word!a} is not UTF-8 text", hint=hint) from None
