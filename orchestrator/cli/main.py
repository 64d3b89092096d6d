"""The command ``orchestrator``: finds the command, and turns every error into one line, a hint and an exit status.

Commands are imported when they are called, so that ``status`` never pays for what ``run`` needs.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from itertools import pairwise
from typing import NoReturn

import click

from orchestrator import __version__
from orchestrator.cli.reply import leave, program, say_error, say_refused, talk
from orchestrator.errors import ExitStatus, OrchestratorError, UsageError

#: What a command is for → command → module of this package; the command's function has its name.
_SECTIONS = {
    "A plan": {
        "init": "planning",
        "plan": "drafting",
        "template": "templates",
        "wizard": "wizard",
        "add": "editing",
        "update": "editing",
        "validate": "planning",
        "graph": "planning",
        "critical-path": "planning",
        "agents": "agents",
        "agent": "team",
    },
    "Running it": {
        "run": "running",
        "spawn": "spawning",
        "wait": "following",
        "stop": "stopping",
        "watch": "watching",
        "dashboard": "dashboard",
        "schedule": "scheduling",
    },
    "Looking at it": {
        "status": "status",
        "list": "tasks",
        "show": "tasks",
        "history": "history",
        "logs": "logs",
        "report": "report",
        "export": "export",
    },
    "Where a task stands": {
        "claim": "task_commands",
        "start": "task_commands",
        "complete": "task_commands",
        "fail": "task_commands",
        "block": "task_commands",
        "unblock": "task_commands",
        "cancel": "task_commands",
        "retry": "task_commands",
    },
    "Talking about a task": {
        "join": "talking",
        "share": "talking",
        "note": "talking",
        "discover": "talking",
        "sync": "talking",
        "context": "talking",
    },
    "Many plans": {
        "create": "plans",
        "transition": "plans",
        "dispatch": "dispatching",
        "subtask": "dispatching",
        "auto-dispatch": "dispatching",
        "check": "heartbeat",
        "notify": "heartbeat",
        "archive": "plans",
        "rebuild-index": "plans",
    },
    "Keeping it well": {
        "doctor": "doctor",
        "cleanup": "cleaning",
        "completion": "completion",
    },
}
#: What click raises where a command is missing, with the help as its words; before 8.2 it printed that itself.
_NO_COMMAND = getattr(click.exceptions, "NoArgsIsHelpError", ())
#: Characters of the line about a command: more than any has, for it is wrapped and not cut.
_WHOLE = 200
_COMMANDS = {name: module for each in _SECTIONS.values() for name, module in each.items()}


class _Commands(click.Group):
    """Lists commands without importing them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"orchestrator.cli.{_COMMANDS[cmd_name]}")
        command = getattr(module, f"{cmd_name.replace('-', '_')}_command")
        assert isinstance(command, click.Command)
        if "_ORCHESTRATOR_COMPLETE" in os.environ:  # a shell asks what could come next
            from orchestrator.cli.completion import complete_tasks

            complete_tasks(command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Ask after the command that was meant: click knows of none before it is imported."""
        name = args[0]
        if name in _COMMANDS or name.startswith("-") or ctx.resilient_parsing:
            return super().resolve_command(ctx, args)
        from orchestrator.core.ids import suggestion

        hint = suggestion(name, _COMMANDS, f"{ctx.command_path} --help")
        raise UsageError(f"No such command {name!r}.", hint=hint)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by what they are for."""
        for title, names in _SECTIONS.items():
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


def _require_posix() -> None:
    if os.name != "posix":
        raise UsageError(
            "this system is not supported: sessions, process groups and locks of POSIX are needed",
            hint="use Linux, macOS, or the Windows Subsystem for Linux",
        )


def _call(words: list[str]) -> object:
    if "_ORCHESTRATOR_COMPLETE" in os.environ:
        # Answers the shell, and exits.
        cli.main(prog_name="orchestrator", complete_var="_ORCHESTRATOR_COMPLETE")
    # `cli.main` would end with 1, which says that a task failed, when nobody reads us any more.
    with cli.make_context(program(), words) as context:
        return cli.invoke(context)


def _say_notes(error: BaseException) -> None:
    """Say what is to be known about what the error cut short."""
    for note in getattr(error, "__notes__", ()):
        talk(note)


def main() -> NoReturn:
    """Run the command line and exit."""
    words = sys.argv[1:]
    wants_json = not {"--json", "--format=json"}.isdisjoint(words) or (
        ("--format", "json") in pairwise(words)
    )
    # A command that is over in the blink of an eye has nothing to collect; `run` turns it on again.
    gc.disable()
    try:
        _require_posix()
        status = _call(words)
    except click.exceptions.Exit as error:
        status = error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f"{context.command_path} --help" if context else f"{program()} --help"
        if isinstance(error, _NO_COMMAND):
            talk(error.format_message())
            status = int(ExitStatus.BAD_INPUT)
        else:
            # In one line: click lists choices in several.
            said = " ".join(error.format_message().split())
            if "-json" in words:
                hint = "did you mean --json?"
            status = say_error(UsageError(said, hint=hint), as_json=wants_json)
    except (click.Abort, EOFError, KeyboardInterrupt) as error:
        talk("")  # behind the ^C on a terminal
        _say_notes(error)
        status = 130
    except SystemExit as error:  # SIGTERM and SIGHUP, where they end us as Ctrl-C does
        _say_notes(error)
        raise
    except OrchestratorError as error:
        status = say_error(error, as_json=wants_json)
        _say_notes(error)
    except BrokenPipeError:
        status = 0  # whoever read our output has seen enough
    except OSError as error:
        status = say_refused(error, as_json=wants_json)
    leave(status if isinstance(status, int) else 0)
