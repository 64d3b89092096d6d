"""Durations as options take them: ``90``, ``90s``, ``5m``, ``1h30m``."""

from __future__ import annotations

from typing import Any

import click

from orchestrator.core.duration import parse_duration


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
