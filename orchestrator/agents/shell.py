"""``agent: shell``: runs the command in the task's body.

The command is the body's first fenced code block (``sh``, ``bash`` or ``python``), or the whole body where there is no
fence, without backticks around it. It runs from a file of its own, with ``-e``: a script whose middle fails has failed.
Its standard input is what the tasks it depends on answered, one after the other with an empty line between, so that it
works in a pipe. This is the only agent that ever starts a shell.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

from orchestrator.agents.protocol import Assignment, Input, Turn
from orchestrator.agents.stdout_reader import TextReader, read_stdout
from orchestrator.core.result import SCRIPT, Invocation
from orchestrator.core.script import command_in
from orchestrator.core.settings import Settings

_INTERPRETERS: dict[str, tuple[str, ...]] = {
    "sh": ("/bin/sh", "-e"),
    "bash": ("bash", "-e"),
    "python": (sys.executable,),
}


class ShellAgent:
    """Runs commands."""

    account = ""
    reads_prose = False

    def invocation(self, assignment: Assignment) -> Invocation:
        """Return the interpreter with the script; see ``Agent``."""
        word, script = command_in(assignment.body, assignment.code, assignment.language)
        return Invocation(
            argv=(*_INTERPRETERS[word], SCRIPT),
            # As the file was saved on another system; for a shell they would be a part of the last word.
            script=script.replace("\r\n", "\n").replace("\r", "\n") + "\n",
            stdin=_one_after_the_other(given for given in assignment.inputs if given.answer),
        )

    def reader(self, settings: Settings) -> TextReader:
        """Return a reader that keeps head and tail of the output."""
        return TextReader(settings)

    def conversation(self, output: Iterable[bytes]) -> Iterator[Turn]:
        """Yield what it printed, line by line."""
        return read_stdout(output)


def _one_after_the_other(inputs: Iterable[Input]) -> str:
    parts: list[str] = []
    for each in map(_handed_on, inputs):
        parts += [each] if not parts or parts[-1].endswith("\0") else ["\n", each]
    return "".join(parts)


def _handed_on(given: Input) -> str:
    if not given.left_out:
        # What ends with NUL is a list of names: a newline would be one more of them.
        return given.answer if given.answer.endswith("\0") else f"{given.answer}\n"
    return f"{given.answer}\n[… {given.left_out} bytes left out, all of it is in {given.path} …]\n"
