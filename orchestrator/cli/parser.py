"""Makes the click command of a command of the table, and prints what it answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from inspect import cleandoc
from typing import Any, NamedTuple

import click

from orchestrator.commands.answer import print_answer
from orchestrator.commands.call import Call
from orchestrator.commands.registry import Command, Group, Parameter, WholeNumber, load, make_params, parameters
from orchestrator.commands.reply import from_stdin
from orchestrator.errors import UsageError

# ── texts ────────
#
# Commands that take a text, also one that begins like an option: ``share T-01 "- use JWT"``.

#: No option has a blank in its name: this is a text, a list of markdown for one.
_PROSE = re.compile(r"-[^=\s]*\s.*", re.DOTALL)


class Words(NamedTuple):
    """The words of a command line, sorted."""

    others: Sequence[str]
    options: Mapping[str, Sequence[str]]
    """By name, every value that was given; of an option without one, ``[""]``."""


def sort_words(words: Sequence[str], takes_value: Mapping[str, bool]) -> Words | None:
    """Sort *words* into options and others; None where an option lacks its value.

    A word that is none of the options is another word, also with a dash in front, and so is everything behind ``--``.
    """
    others: list[str] = []
    options: dict[str, list[str]] = {}
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if word == "--":
            others += rest
        elif name in takes_value and (not equals or (takes_value[name] and name[1:2] == "-")):
            if takes_value[name] and not equals:
                following = next(rest, None)
                if following is None:
                    return None
                value = following
            options.setdefault(name, []).append(value)
        else:
            others.append(word)
    return Words(others, options)


class TakesText(click.Command):
    """A command whose last word is a text, whatever it begins with."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move what are options to the front, and everything else behind ``--``."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]
        takes_value = {name: not each.is_flag for each in options for name in each.opts}
        words = sort_words(args, takes_value)
        if words is None:
            return super().parse_args(ctx, args[-1:])  # the option that has no value
        texts = [word for word in words.others if self.is_text(word)]
        odd = [word for word in words.others if not self.is_text(word)]  # `-phigh`, or misspelt
        if odd and ("--" in args or not all(takes_value.get(word[:2]) for word in odd)):
            return super().parse_args(ctx, args)
        front = [
            word
            for name, values in words.options.items()
            for value in values
            for word in ([name, value] if takes_value[name] else [name])
        ]
        return super().parse_args(ctx, [*front, *odd, "--", *texts])

    def is_text(self, word: str) -> bool:
        """Say whether a word that is no option of the command is meant as a text."""
        return True


class TakesProse(TakesText):
    """A command that can do without its text: what begins like an option and may be one misspelt is refused."""

    def is_text(self, word: str) -> bool:
        """Say so of a word with a blank, where no option has one."""
        return not word.startswith("-") or word == "-" or _PROSE.fullmatch(word) is not None


#: Where a command keeps its words.
_WORDS, _REST = "orchestrator.words", "orchestrator.rest"
#: How words are sorted into options and texts, by what ``Parameter.dash`` allows.
_CLASSES = {"any": TakesText, "prose": TakesProse}


def click_command(name: str, command: Command[Any, Any] | Group) -> click.Command:
    """Return a command, or a group of them, as click knows it."""
    if isinstance(command, Group):
        inner: Mapping[str, Command[Any, Any] | Group] = {**command.commands, **command.groups}
        below = {each: click_command(each, made) for each, made in inner.items()}
        return click.Group(name, below, help=_help(command.help))
    own = list(parameters(command.params))
    before = [each for each in command.takes if each[1].is_argument]
    behind = [each for each in command.takes if not each[1].is_argument]
    dashes = [parameter.dash for _, parameter, _ in own if parameter.dash]
    made = _CLASSES.get("".join(dashes[:1]), _Command)(
        name,
        callback=_callback(command),
        params=[
            *(_click_parameter(key, each, is_required=required) for key, each, required in own),
            *(_click_parameter(*each) for each in before),
            *(_click_parameter(*each) for each in behind),
        ],
        help=_help(command.help),
    )
    if isinstance(made, _Command):
        made.rest = command.rest
    return made


class _Command(click.Command):
    """Keeps the words that it was called with, and, of a command with a ``rest``, those behind ``--``."""

    rest = ""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        at = args.index("--") if self.rest and "--" in args else len(args)
        ctx.meta[_WORDS], ctx.meta[_REST] = list(args), args[at + 1 :]
        return super().parse_args(ctx, args[:at])

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        pieces = super().collect_usage_pieces(ctx)
        return [*pieces, f"[-- {self.rest}]"] if self.rest else pieces


def _help(docstring: str) -> str:
    """Return a docstring as click wants it: a paragraph with indented lines is not wrapped, ``Examples:`` not shown."""
    parts = cleandoc(docstring).split("\n\n")
    return "\n\n".join("\b\n" + each.removeprefix("Examples:\n") if "\n  " in each else each for each in parts)


def _click_parameter(name: str, parameter: Parameter, *, is_required: bool = False) -> click.Parameter:
    """Return a parameter as click knows it; it has no default there, for ``Params`` has it."""
    more: dict[str, Any] = {"metavar": parameter.metavar or None, "callback": _reader(parameter)}
    if parameter.completion:
        more["shell_complete"] = _completer(parameter.completion)
    if parameter.choices:
        more["type"] = click.Choice(parameter.choices)
    if parameter.is_argument:
        nargs = -1 if parameter.is_repeated else 1
        return click.Argument([name], required=is_required, nargs=nargs, **more)
    names = parameter.names or (f"--{name.replace('_', '-')}",)
    if parameter.is_flag:
        more |= {"is_flag": True, "metavar": None}
    else:
        more["multiple"] = parameter.is_repeated
    default = f"default: {parameter.shown_default}" if parameter.shown_default else ""
    bounds = str(parameter.read) if isinstance(parameter.read, WholeNumber) else ""
    limits = f"  [{'; '.join(filter(None, (default, bounds)))}]" if default or bounds else ""
    return click.Option([*names, name], help=parameter.help + limits, hidden=parameter.is_hidden, **more)


def _reader(parameter: Parameter) -> Callable[[click.Context, click.Parameter, Any], Any] | None:
    """Return what makes a value from the words that were typed."""
    read = parameter.read
    if read is None and not parameter.stdin:
        return None

    def value_of(context: click.Context, of: click.Parameter, given: Any) -> Any:
        if given == "-" and parameter.stdin:
            given = from_stdin(parameter.stdin)
        if read is None or given is None:
            return given
        try:
            return read(given) if isinstance(given, str) else tuple(map(read, given))
        except ValueError as error:
            raise click.BadParameter(str(error), context, of) from None

    return value_of


def _completer(words: str) -> Callable[..., Any]:
    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> Any:
        from orchestrator.cli.completion import complete_words  # only where a shell asks

        return complete_words(words, context, incomplete)

    return complete


def _callback(command: Command[Any, Any]) -> Callable[..., None]:
    def run(**values: Any) -> None:
        given = {key: value for key, value in values.items() if value is not None}
        common = {key: given.pop(key) for key, _ in command.takes if key in given}
        if given.get("format") == "json":
            common["is_json"] = True
        context = click.get_current_context()
        words, rest = context.meta.get(_WORDS, ()), context.meta.get(_REST, ())
        call = Call(**common, words=words, rest=rest, parse=parse)
        context.exit(call_command(command, call, make_params(command.params, given)))

    return run


def parse(name: str, words: Sequence[str]) -> tuple[Call, Any]:
    """Read the words of a command, and return what it would be called with.

    Raises:
        UsageError: a word is not understood.
    """
    command = load(name)
    assert isinstance(command, Command)
    found: list[tuple[Call, Any]] = []

    def keep(call: Call, params: Any) -> int:
        found.append((call, params))
        return 0

    try:
        click_command(name, replace(command, main=keep)).main([*words], prog_name=name, standalone_mode=False)
    except click.UsageError as error:
        hint = f"orchestrator {name} --help"
        raise UsageError(error.format_message(), hint=hint) from None
    return found[0]


def call_command(command: Command[Any, Any], call: Call, params: Any) -> int:
    """Execute a command, print its answer, and return the exit status."""
    if command.main is not None:
        return int(command.main(call, params))
    return print_answer(command, call, command.execute(call, params))
