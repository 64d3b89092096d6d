"""Shows the dashboard in the browser of the desktop, without telling other users of the machine how to get in.

Whatever stands in an address on a command line can be read by everybody while the browser starts. So the browser is
given a file that only its user can read, and that file leads on, with a token that is spent by the first who comes.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from orchestrator.lazy import LazyModule
from orchestrator.services.schedules import usable_path
from orchestrator.views.pages import onward

if TYPE_CHECKING:
    import webbrowser
else:
    webbrowser = LazyModule("webbrowser")


@contextmanager
def shown_to() -> Iterator[Callable[[str], str]]:
    """Yield what shows an address, and says why not; the file goes at the end."""
    # Anyone who became another user may be told a place that is not there, or not theirs.
    place = os.environ.get("XDG_RUNTIME_DIR", "")
    with tempfile.TemporaryDirectory(
        prefix="orchestrator-",
        dir=place if os.access(place, os.W_OK | os.X_OK) else None,
        ignore_cleanup_errors=True,
    ) as directory:

        def show(address: str) -> str:
            if sys.platform != "darwin" and not {"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys():
                return "there is no desktop here"

            path = os.path.join(directory, "dashboard.html")
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:
                file.write(onward(address))
            with _trusted_path():
                return "" if webbrowser.open(f"file://{path}") else "no browser could be started"

        yield show


@contextmanager
def _trusted_path() -> Iterator[None]:
    """Have programs looked for in absolute directories alone: the current one is not trusted (promise 25)."""
    path = os.environ.get("PATH")
    os.environ["PATH"] = usable_path(os.defpath if path is None else path)
    try:
        yield
    finally:
        if path is None:
            del os.environ["PATH"]
        else:
            os.environ["PATH"] = path
