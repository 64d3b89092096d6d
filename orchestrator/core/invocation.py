"""What an agent wants run, before anyone knows where its files lie."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

#: Stands in a word of ``argv`` for the path of the file that ``Invocation.script`` is written to.
SCRIPT = "\0script"


class Invocation(NamedTuple):
    """One process to run, or, with an empty ``argv``, an answer that needs none."""

    argv: tuple[str, ...] = ()
    stdin: str = ""
    """What the process reads before end of file; prompts go here, never into ``argv`` (promise 26)."""
    script: str = ""
    """A program or prompt that cannot travel on stdin; it gets a file of its own."""
    env: Mapping[str, str] = MappingProxyType({})
    """Variables added to what the runner itself inherited."""
    login: tuple[str, ...] = ()
    """Names of variables without which it cannot do its work, let through also where the plan wants a clean start."""
    output: str = ""
    """The output of an agent without a process."""
