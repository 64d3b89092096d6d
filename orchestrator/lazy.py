"""Modules that are imported when they are first used: heavy ones, which most commands do without.

A module that uses one names it twice at its top, once for type checkers::

    if TYPE_CHECKING:
        import networkx as nx
    else:
        nx = LazyModule("networkx")
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class LazyModule(ModuleType):
    """A module that imports itself when the first name is looked up in it."""

    def __getattr__(self, name: str) -> Any:
        """Import the module, and return a name of it.

        Raises:
            ImportError: it cannot be imported.
            AttributeError: it has no such name.
        """
        module = importlib.import_module(self.__name__)
        # From now on a name is found as fast as in any other module.
        self.__dict__.update(vars(module))
        return getattr(module, name)
