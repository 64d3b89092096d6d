"""What a command is called with besides its parameters: the plan directory that is meant, and who calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchestrator.commands.reply import caller, plan_directory, talk, with_program
from orchestrator.errors import NotFoundError, OrchestratorError
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    from orchestrator import wiring
    from orchestrator.core.agent import AgentRegistry
    from orchestrator.services.plugins import Plugins
    from orchestrator.store import agent_files
    from orchestrator.store.layout import Layout
else:
    agent_files = LazyModule("orchestrator.store.agent_files")
    wiring = LazyModule("orchestrator.wiring")


def known_agents(layout: Layout) -> AgentRegistry:
    """Return the agents that there are for a plan."""
    return agent_files.read_agents(layout, os.environ)


@dataclass(frozen=True)
class Call:
    """One call from the command line."""

    directory: str | None = None
    """``[DIR]``."""
    option: str | None = None
    """``--dir``."""
    name: str | None = None
    """``--as``."""
    is_json: bool = False
    """The answer is for a program: progress is not printed."""
    words: Sequence[str] = ()
    """The words that the command was called with."""
    rest: Sequence[str] = ()
    """Those behind ``--``, of a command that takes some for another one."""
    parse: Callable[[str, Sequence[str]], tuple[Call, Any]] | None = None
    """Reads the words of another command, as they are typed: its name and words → its call and parameters."""

    @property
    def is_process(self) -> bool:
        """The process ends with the call, so it may set signal handlers and print on stderr."""
        return True

    @property
    def environ(self) -> Mapping[str, str]:
        """The environment that says for which task an agent was started."""
        return os.environ

    def plan(self, named: str | None = None, *, must_exist: bool = True, here: bool = False) -> Layout:
        """Return the plan directory; *named* is the id of a plan or its directory, where another argument says it.

        Raises:
            NotFoundError, UsageError: as ``find_plan_directory``.
        """
        named = named or self.directory
        return plan_directory(named, self.option, must_exist=must_exist, here=here)

    def plan_if_any(self) -> Layout | None:
        """Return the plan directory; None where there is none and none was named.

        None, with a warning, also where the nearest one is not to be used, as that of another user.

        Raises:
            OrchestratorError: the named one cannot be used.
        """
        try:
            return self.plan()
        except OrchestratorError as error:
            if self.directory or self.option or os.environ.get("ORCHESTRATOR_DIR"):
                raise
            if not isinstance(error, NotFoundError):
                talk(f"warning: {error}\n  hint: {with_program(error.hint)}")
            return None

    def caller(self) -> str:
        """Return who calls.

        Raises:
            UsageError: the name is not valid.
        """
        return caller(self.name)

    def plugins(self, layout: Layout) -> Plugins:
        """Return the agents and the executor for a plan."""
        # It loads every kind of agent; most commands need none.

        return wiring.plugins(layout=layout)

    def agents(self, layout: Layout) -> AgentRegistry:
        """Return the agents that there are for a plan."""
        return known_agents(layout)

    def progress(self, text: str) -> None:
        """Print what the command waits for, to people."""
        if self.is_process and not self.is_json:
            talk(text)


@dataclass(frozen=True)
class ProgramCall(Call):
    """A call of a command from a program: it prints nothing, and signals and environment are those of the program."""

    layout: Layout = field(kw_only=True)
    claude_bin: str = field(kw_only=True)

    is_process = False
    environ = MappingProxyType({})

    def plan(self, named: str | None = None, *, must_exist: bool = True, here: bool = False) -> Layout:
        """Return the plan directory that the program has chosen."""
        return self.layout

    def caller(self) -> str:
        """Return who calls; the name was checked already."""
        return self.name or ""

    def plugins(self, layout: Layout) -> Plugins:
        """Return the agents and the executor for a plan."""
        return wiring.plugins(self.claude_bin, layout)

    def agents(self, layout: Layout) -> AgentRegistry:
        """Return the agents that there are for a plan."""
        return self.plugins(layout).registry
