"""A plan directory, and who asks about it: what every part of the Python API stands on."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.commands.call import ProgramCall
from orchestrator.core.ids import as_name, is_name
from orchestrator.errors import UsageError
from orchestrator.store.layout import current_directory
from orchestrator.store.plan_directory import find_plan_directory
from orchestrator.wiring import plugins

if TYPE_CHECKING:
    from orchestrator.core.agent import AgentRegistry
    from orchestrator.services.plugins import Plugins
    from orchestrator.store.layout import Layout


def find_from_here(named: str | None, *, must_exist: bool) -> Layout:
    """Return the plan directory meant; where it is an absolute path, no one asks where we are.

    Raises:
        NotFoundError, UsageError: as ``find_plan_directory``; UsageError also where no path could be called so.
        OutputError: the current directory is gone.
    """
    try:
        with suppress(OSError):
            os.lstat(named or "/")
    except ValueError:  # a NUL, half of a character
        raise UsageError(f"{named!r} is not a path") from None
    is_absolute = os.path.isabs(named or os.environ.get("ORCHESTRATOR_DIR", ""))
    current = "/" if is_absolute else current_directory()
    return find_plan_directory(named, os.environ, current, must_exist=must_exist)


class Directory:
    """One plan directory, and who asks."""

    def __init__(
        self, directory: str | os.PathLike[str] | None = None, *, name: str = "", claude_bin: str = ""
    ) -> None:
        """Take the plan directory; nothing is read yet.

        Args:
            directory: The plan directory, or the id of one below the root; None: ``ORCHESTRATOR_DIR``, else the
                nearest ``.orchestrator`` upward from the current directory, else one to be made here.
            name: Who calls; empty: ``TM_AGENT_ID``, else ``python`` (seed row S1-01).
            claude_bin: The ``claude`` program; empty: ``ORCHESTRATOR_CLAUDE_BIN``, else PATH.

        Raises:
            UsageError: no one can be called so; or the nearest plan directory is another user's.
            StoreError: it cannot be looked into, or a link leads nowhere just now.
            NotFoundError: there is no such plan below the root.
            OutputError: the current directory is gone, and no absolute path says where else to look.
        """
        named = None if directory is None else os.fspath(directory)
        self._layout = find_from_here(named, must_exist=False)
        self._name = name or as_name(os.environ.get("TM_AGENT_ID", "")) or "python"
        self._claude_bin = claude_bin
        if not is_name(self._name):
            raise UsageError(f"{self._name!r} is not a name", hint="letters, digits, . _ @ -")

    @property
    def directory(self) -> str:
        """The plan directory, as an absolute path."""
        return self._layout.root

    @property
    def _call(self) -> ProgramCall:
        return ProgramCall(name=self._name, is_json=True, layout=self._layout, claude_bin=self._claude_bin)

    def _plugins(self, layout: Layout | None = None) -> Plugins:
        return plugins(self._claude_bin, layout or self._layout)

    def _registry(self, layout: Layout) -> AgentRegistry:
        return self._plugins(layout).registry
