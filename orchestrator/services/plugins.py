"""The sockets of a run, with what ``wiring`` put into them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from orchestrator.agents.protocol import Agent
from orchestrator.core.agent import AgentRegistry
from orchestrator.core.settings import Settings
from orchestrator.executors.protocol import Executor

if TYPE_CHECKING:
    from orchestrator.runner.notify import Subscriber


class Plugins(NamedTuple):
    """The concrete agents and executor, chosen in ``wiring``."""

    registry: AgentRegistry
    agents: Mapping[str, Agent]
    """One for each key of the roster."""
    require: Callable[[Mapping[str, Settings]], None]
    """Raise AgentError when a task with these settings cannot be done on this machine, whatever is tried."""
    executor: Callable[[Sequence[int]], Executor]
    """Build the executor; the given descriptors stay open as long as anything of it lives."""
    sweep: Callable[[str, str], None]
    """End what dead runs left behind in a plan directory, sparing the given run."""
    program: str = ""
    """The words with which an agent can call us from anywhere."""
    subscribers: Callable[[Settings, str], Sequence[Subscriber]] = lambda _settings, _directory: ()
    """The notifiers that settings name, for the plan in a directory."""
