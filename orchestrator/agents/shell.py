"""``agent: shell``: runs the command in the task's body.

The command is the body's first fenced code block (``sh``, ``bash`` or ``python``), or the whole body where there is no
fence. It runs from a file of its own, with ``-e``: a script whose middle fails has failed. Its standard input is what
the tasks it depends on answered, one after the other with an empty line between, so that it works in a pipe. This is
the only agent that ever starts a shell (design, section 4).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field

from orchestrator.agents.protocol import Assignment, Input
from orchestrator.agents.verdict import failure, not_its_own_end
from orchestrator.core.invocation import SCRIPT, Invocation
from orchestrator.core.result import Exit, Outcome, Signs, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import one_line
from orchestrator.errors import AgentError

_INTERPRETERS: dict[str, tuple[str, ...]] = {
    "sh": ("/bin/sh", "-e"),
    "bash": ("bash", "-e"),
    "python": (sys.executable,),
}
_ALIASES = {"": "sh", "shell": "sh", "console": "sh", "python3": "python", "py": "python"}

#: Bytes kept of what a command printed: this much of its head and as much of its tail. All of it stays in the log.
KEPT = 128 * 1024

#: Bytes of a line that are looked at for the news.
_LOOK_AT = 4 * 1024

#: What a shell answers when there is no such command, or it cannot be executed: trying again is no use.
_NO_SUCH_COMMAND = frozenset({126, 127})


class ShellAgent:
    """Runs commands."""

    account = ""

    def invocation(self, assignment: Assignment) -> Invocation:
        """Return the interpreter with the script; see ``Agent``."""
        word = _ALIASES.get(assignment.language, assignment.language)
        if word not in _INTERPRETERS:
            raise AgentError(
                f"the shell agent cannot run a {word!r} block",
                hint="begin the task's first code block with ```sh, ```bash or ```python",
            )
        script = assignment.code or assignment.body.strip()
        if not script:
            raise AgentError(
                "the shell agent found no command",
                hint="write it into a ```sh block in the task file",
            )
        return Invocation(
            argv=(*_INTERPRETERS[word], SCRIPT),
            script=script + "\n",
            stdin="\n".join(_handed_on(given) for given in assignment.inputs if given.answer),
        )

    def reader(self, settings: Settings) -> TextReader:
        """Return a reader that keeps head and tail of the output."""
        return TextReader(settings)


def _handed_on(given: Input) -> str:
    if not given.left_out:
        return f"{given.answer}\n"
    return f"{given.answer}\n[… {given.left_out} bytes left out, all of it is in {given.path} …]\n"


@dataclass(slots=True)
class TextReader:
    """Takes standard output as the answer, and exit status 0 as the only success."""

    settings: Settings
    size: int = 0
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)

    @property
    def signs(self) -> Signs:
        """A command says nothing of itself before its end."""
        return Signs()

    def feed(self, data: bytes) -> str:
        """Keep the first and the last ``KEPT`` bytes; the news is the last whole line."""
        self.size += len(data)
        room = KEPT - len(self.head)
        self.head += data[:room]
        self.tail += data[room:] if room < len(data) else b""
        del self.tail[:-KEPT]
        line = data.rstrip(b"\n").rpartition(b"\n")[2]
        return one_line(line[:_LOOK_AT].decode(errors="replace"))

    def close(self, exit: Exit, errors: bytes) -> Outcome:
        """Judge by exit status."""
        if (outcome := not_its_own_end(exit, self.settings)) is not None:
            return outcome
        if exit.code != 0:
            fatal = exit.code in _NO_SUCH_COMMAND
            verdict = Verdict.FATAL if fatal else Verdict.FAILED
            return Outcome(verdict=verdict, reason=failure(exit, errors), answer=self._text())
        return Outcome(
            verdict=Verdict.COMPLETED,
            answer=self._text(),
            is_markdown=self.settings.format == "markdown",
            statistics={"Output": f"{self.size} bytes"},
        )

    def _text(self) -> str:
        left_out = self.size - len(self.head) - len(self.tail)
        head, tail = self.head.decode(errors="replace"), self.tail.decode(errors="replace")
        if left_out:
            return f"{head}\n[… {left_out} bytes left out, all of it is in the log …]\n{tail}"
        return (self.head + self.tail).decode(errors="replace")
