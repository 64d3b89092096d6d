"""Reads what a command prints: standard output, unchanged, is the answer; exit status 0 is the only success."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from orchestrator.agents.outcome import failure, not_its_own_end
from orchestrator.agents.protocol import Turn
from orchestrator.core.result import Outcome, ProcessExit, StreamSignals, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import left_out_note, one_line

#: Bytes kept of what a command printed: this much of its head and as much of its tail. All of it stays in the log.
KEPT = 128 * 1024

#: The bytes of UTF-8 with which no character begins.
_INNER = bytes(range(0x80, 0xC0))

#: Bytes of a line that are looked at for the news.
_LOOK_AT = 4 * 1024

#: What a shell answers when there is no such command, or it cannot be executed: trying again is no use.
NO_SUCH_COMMAND = frozenset({126, 127})


@dataclass(slots=True, eq=False, repr=False)
class TextReader:
    """Takes standard output as the answer, and exit status 0 as the only success."""

    settings: Settings
    size: int = 0
    head: bytearray = field(default_factory=bytearray)
    tail: bytearray = field(default_factory=bytearray)

    @property
    def signs(self) -> StreamSignals:
        """A command reports nothing before its end."""
        return StreamSignals()

    def feed(self, data: bytes) -> str:
        """Keep the first and the last ``KEPT`` bytes; the news is the last whole line."""
        self.size += len(data)
        room = KEPT - len(self.head)
        self.head += data[:room]
        self.tail += data[room:] if room < len(data) else b""
        del self.tail[:-KEPT]
        line = data.rstrip(b"\n").rpartition(b"\n")[2]
        return one_line(line[:_LOOK_AT].decode(errors="replace"))

    def close(self, exit: ProcessExit, errors: bytes) -> Outcome:
        """Judge by exit status."""
        if (outcome := not_its_own_end(exit, self.settings)) is not None:
            has_failed = outcome.verdict is Verdict.FAILED  # it took too long
            return self._with_answer(outcome) if has_failed else outcome
        if exit.code != 0:
            fatal = exit.code in NO_SUCH_COMMAND
            verdict = Verdict.FATAL if fatal else Verdict.FAILED
            return self._with_answer(Outcome(verdict=verdict, reason=failure(exit, errors)))
        return self._with_answer(
            Outcome(
                verdict=Verdict.COMPLETED,
                is_markdown=self.settings.format == "markdown",
                statistics={"Output": f"{self.size} bytes"},
            )
        )

    def _with_answer(self, outcome: Outcome) -> Outcome:
        is_cut = self.size > len(self.head) + len(self.tail)
        return outcome._replace(answer=self._text(is_cut=is_cut), is_cut=is_cut)

    def _text(self, *, is_cut: bool) -> str:
        if not is_cut:
            return (self.head + self.tail).decode(errors="replace")
        head, tail = _up_to_a_line(bytes(self.head)), _from_a_line(bytes(self.tail))
        note = left_out_note(self.size - len(head) - len(tail))
        between = "" if head.endswith(b"\n") else "\n"
        return f"{head.decode(errors='replace')}{between}{note}\n{tail.decode(errors='replace')}"


def _up_to_a_line(head: bytes) -> bytes:
    """Return the head without the line that was cut, if most of it is left; else without the character that was."""
    end = head.rfind(b"\n") + 1
    if end * 2 >= len(head):
        return head[:end]
    start = head.rstrip(_INNER)
    return start[:-1] if start[-1:] >= b"\xc0" else head


def _from_a_line(tail: bytes) -> bytes:
    """Return the tail likewise."""
    begin = tail.find(b"\n") + 1
    return tail[begin:] if 0 < begin * 2 <= len(tail) else tail.lstrip(_INNER)


def read_stdout(output: Iterable[bytes]) -> Iterator[Turn]:
    """Yield what was printed, line by line."""
    for line in output:
        yield Turn("output", line.decode(errors="replace"))
