"""A line of the journal, read back; ``runner/events.py`` and whoever says something write them."""

from __future__ import annotations

import re
from typing import NamedTuple

from orchestrator.core.message import SPOKEN

#: Whom a line is about when it is about no task.
RUN = "run"
#: What a run was by the command that ended it; of any other signal that ends one nobody may know.
TOLD = "told"
_LINE = re.compile(r"(\S+) · (\S+) · (\w+)(?: attempt (\d{1,9}))?(?: · (.*))?")
#: What an agent prints while it works: its own words, which name nobody.
_NEWS = "news"
_AUTHOR = re.compile(r"by (\S+?)(?: · |: |$)")


class Line(NamedTuple):
    """A line of the journal: ``time · task · what attempt N · text``. ``subject`` is a task, or ``RUN``."""

    subject: str
    what: str
    attempt: int
    text: str
    time: str = ""

    @property
    def is_message(self) -> bool:
        """Somebody said it."""
        return self.what in SPOKEN

    @property
    def author(self) -> str:
        """Who said it, or did it by a command; empty when it was a run."""
        found = self._by()
        return found[1] if found else ""

    @property
    def said(self) -> str:
        """What was said, or what else there is to tell."""
        found = self._by()
        return self.text[found.end() :] if found else self.text

    def _by(self) -> re.Match[str] | None:
        return None if self.what == _NEWS else _AUTHOR.match(self.text)

    @property
    def is_about_run(self) -> bool:
        """A task may be called ``run``; what happens to it has an attempt, or somebody says it."""
        return self.subject == RUN and not self.attempt and not self.is_message


def read_line(text: str) -> Line | None:
    """Read a line of the journal without its list mark; None when it is none of ours."""
    found = _LINE.fullmatch(text)
    if found is None:
        return None
    return Line(found[2], found[3], int(found[4] or 0), found[5] or "", found[1])
