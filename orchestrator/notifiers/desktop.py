"""Shows desktop notifications: ``notify-send`` where it is installed, ``osascript`` on macOS.

Both take the text as arguments only, so other users of the machine can see it in the list of processes. The text is
therefore short, on one line, and redacted. Neither takes it for an option: it follows ``--``, and for ``osascript``,
which knows no ``--``, it begins with an icon and is passed to the script as a separate argument.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence

from orchestrator.core.notification import Notice, Topic
from orchestrator.core.text import one_line
from orchestrator.notifiers.command import CommandNotifier
from orchestrator.notifiers.protocol import NotifyError

#: Programs, best first.
PROGRAMS = ("notify-send", "osascript")
_SCRIPT = ("on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run")
_LIMIT = 300


class DesktopNotifier:
    """Shows each notice for some seconds; what goes wrong stays until it is clicked away."""

    def __init__(self, which: Callable[[str], str | None], directory: str, env: Mapping[str, str]) -> None:
        """Look for a program that shows notices.

        Raises:
            NotifyError: there is none.
        """
        found = next(((name, path) for name in PROGRAMS if (path := which(name))), None)
        if found is None:
            raise NotifyError("neither notify-send nor osascript is installed")
        self._name, program = found
        self._command = CommandNotifier([program], directory, env)

    def send(self, notice: Notice) -> None:
        """Show it."""
        self._command.send(notice, *self._arguments(notice))

    def close(self) -> None:
        """End the program, if it runs."""
        self._command.close()

    def _arguments(self, notice: Notice) -> Sequence[str]:
        # A title begins with an icon, and an empty text would be none to macOS.
        title, text = one_line(notice.title), one_line(notice.text, _LIMIT) or " "
        if self._name == "osascript":
            lines = [word for line in _SCRIPT for word in ("-e", line)]
            return [*lines, title, text]
        urgency = "low" if notice.topic is Topic.COMPLETED else "critical"
        # Notification servers read the body as markup, and the summary as plain text.
        escaped = html.escape(text, quote=False)
        options = ("--app-name=orchestrator", f"--urgency={urgency}", "--")
        return [*options, title, escaped]
