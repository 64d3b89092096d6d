"""Options that many commands take, and durations as options take them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from orchestrator.core.duration import parse_duration

_Function = TypeVar("_Function", bound=Callable[..., Any])


def takes_directory(function: _Function) -> _Function:
    """Give a command about a whole plan its ``[DIR]`` and ``--dir``."""
    function = click.option("--dir", "option", metavar="DIR", help="The plan directory.")(function)
    return click.argument("directory", metavar="[DIR]", required=False)(function)


def takes_json(function: _Function) -> _Function:
    """Give a command its ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(function)


def takes_caller(function: _Function) -> _Function:
    """Give a command its ``--as``."""
    text = "Who you are (default: TM_AGENT_ID, or your login)."
    return click.option("--as", "name", metavar="NAME", help=text)(function)


class Duration(click.ParamType):  # type: ignore[type-arg] # it has none before click 8.3
    """Seconds, written by a person."""

    name = "duration"

    def __init__(self, *, is_pause: bool = False) -> None:
        """Take whether it is the time between two rounds: then less than a second makes no sense."""
        self._is_pause = is_pause

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the seconds in *value*."""
        try:
            seconds = parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if self._is_pause and seconds < 1:
            self.fail("less than a second", param, ctx)
        return seconds
