"""Any command line as an agent: the prompt on standard input, the answer on standard output.

What its file in ``agents/`` says is all that is known of it: there is no session to go on with, no sign of a limit, and
no word about what it cost. Exit status 0 with nothing printed is no answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from orchestrator.agents.prompt import compose
from orchestrator.agents.protocol import Assignment, Turn
from orchestrator.agents.stdout_reader import NO_SUCH_COMMAND, TextReader, read_stdout
from orchestrator.core.agent import MODEL, PROMPT_FILE, AgentCommand
from orchestrator.core.result import FREE, SCRIPT, Bill, Invocation, Outcome, ProcessExit, StreamSignals, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import is_blank
from orchestrator.errors import AgentError

#: Bytes of JSON that are kept, the last ones; an answer is smaller.
_KEPT = 8 * 1024 * 1024


class CommandAgent(NamedTuple):
    """Drives a command line."""

    key: str
    command: AgentCommand
    program: str
    """Where its program lies."""
    role: str = ""

    @property
    def account(self) -> str:
        """Its own: whatever it is, another agent's limit is not its limit."""
        return "" if self.command.is_free else self.key

    @property
    def reads_prose(self) -> bool:
        """It gets a prompt."""
        return True

    def invocation(self, assignment: Assignment) -> Invocation:
        """Return the command line; see ``Agent``."""
        prompt, words = compose(assignment, self.role), self.command.words[1:]
        in_file = any(PROMPT_FILE in word for word in words)
        model = assignment.settings.model
        if any(MODEL in word for word in words) and (not model or model.startswith("-")):
            raise AgentError(
                f"the agent {self.key} cannot work with the model {model!r}",
                hint="name one with model: in the task file, the plan, or the agent's own file",
            )
        words = tuple(word.replace(PROMPT_FILE, SCRIPT).replace(MODEL, model.replace("\0", "")) for word in words)
        return Invocation(
            argv=(self.program, *words),
            stdin="" if in_file else prompt,
            script=prompt if in_file else "",
            login=self.command.login,
        )

    def reader(self, settings: Settings) -> CommandReader:
        """Return a reader of what it prints."""
        return CommandReader(settings, self.command)

    def conversation(self, output: Iterable[bytes]) -> Iterator[Turn]:
        """Yield what it printed, line by line."""
        return read_stdout(output)


@dataclass(slots=True, eq=False, repr=False)
class CommandReader:
    """Takes standard output, or one text of the JSON in it, as the answer."""

    settings: Settings
    command: AgentCommand
    printed: TextReader = field(init=False)
    json: bytearray = field(default_factory=bytearray, init=False)
    """The end of what was printed, where the answer is in JSON."""

    def __post_init__(self) -> None:
        """Read along as with any command."""
        self.printed = TextReader(self.settings)

    @property
    def signs(self) -> StreamSignals:
        """A command reports nothing before its end."""
        return StreamSignals()

    def feed(self, data: bytes) -> str:
        """Keep what may be the answer; the news is the last whole line, unless that is JSON."""
        news = self.printed.feed(data)
        if not self.command.answer:
            return news
        self.json += data
        del self.json[:-_KEPT]
        return ""

    def close(self, exit: ProcessExit, errors: bytes) -> Outcome:
        """Judge by exit status and by what was answered."""
        outcome = self.printed.close(exit, errors)
        is_free = self.command.is_free or bool(exit.error and not exit.pid)  # it never started
        outcome = outcome._replace(bill=FREE if is_free else Bill(cost=None))
        if outcome.verdict is not Verdict.COMPLETED:
            # It is unknown what else it did before it failed.
            is_refused = outcome.is_refused or exit.code in NO_SUCH_COMMAND
            return outcome._replace(is_refused=is_refused)
        answer, lacks, is_cut = outcome.answer, "", outcome.is_cut
        if self.command.answer:
            (answer, lacks), is_cut = self._found(), False
        if not lacks and is_blank(answer):
            lacks = "answered nothing"
        if lacks:
            reason = f"{exit.describe()}, but it {lacks}"
            return outcome._replace(verdict=Verdict.FAILED, reason=reason, is_markdown=False)
        is_markdown = self.settings.format != "text"
        return outcome._replace(answer=answer, is_cut=is_cut, is_markdown=is_markdown)

    def _found(self) -> tuple[str, str]:
        """Return the answer in what was printed, and why there is none."""
        is_whole = len(self.json) == self.printed.size
        # One object over many lines, or one on each: of a stream of events the last one with an answer has it.
        lines = reversed(self.json.splitlines()) if self.json.count(b"\n") else ()
        for text in (self.json if is_whole else b"", *lines):
            if isinstance(found := _inside(text, self.command.answer), str):
                return found, ""
        return "", f"printed no JSON with a text at {'.'.join(self.command.answer)}"


def _inside(text: bytes | bytearray, steps: Sequence[str]) -> Any:
    """Return what stands there in a JSON object; None when it is none."""
    if not text.lstrip().startswith(b"{"):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    for step in steps:
        if isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            found = found.get(step) if isinstance(found, dict) else None
    return found
