"""``agent: simulated``: no process, no cost. Always prints the same block (that of seed 002's method A)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from orchestrator.agents.outcome import not_its_own_end
from orchestrator.agents.protocol import Assignment, Turn
from orchestrator.core.result import Invocation, Outcome, ProcessExit, StreamSignals, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import one_line

_RULE, _THIN_RULE = "═" * 50, "─" * 50


class SimulatedAgent:
    """Does no work and marks its output as simulated."""

    account = ""
    reads_prose = False

    def invocation(self, assignment: Assignment) -> Invocation:
        """Return the block as output; there is nothing to run."""
        task = assignment.task
        steps = ["Read the task file", *(f"Read the result of {given.task}" for given in assignment.inputs)]
        steps.append("Write the answer")
        lines = [
            _RULE,
            f"🤖 {task.label} [{task.id}: {one_line(task.name)}]",
            _THIN_RULE,
            f"📥 Instruction: {one_line(task.description)}",
            "⚙️ Execution:",
            *(f"   {number}. {step}" for number, step in enumerate(steps, start=1)),
            f"📤 Output: {one_line(task.expected) or 'simulated, nothing was done'}",
            "✅ Status: Completed",
            _RULE,
        ]
        return Invocation(output="\n".join(lines) + "\n")

    def reader(self, settings: Settings) -> SimulatedReader:
        """Return a reader of the block."""
        return SimulatedReader(settings)

    def conversation(self, output: Iterable[bytes]) -> Iterator[Turn]:
        """Yield the block."""
        yield Turn("simulated", b"".join(output).decode(errors="replace"))


@dataclass(slots=True, eq=False, repr=False)
class SimulatedReader:
    """Takes the block as the answer."""

    settings: Settings
    block: bytearray = field(default_factory=bytearray)

    @property
    def signs(self) -> StreamSignals:
        """It is over at once."""
        return StreamSignals()

    def feed(self, data: bytes) -> str:
        """Keep everything: it is ours and short."""
        self.block += data
        return ""

    def close(self, exit: ProcessExit, errors: bytes) -> Outcome:
        """It always works."""
        del errors
        if (outcome := not_its_own_end(exit, self.settings)) is not None:
            return outcome
        return Outcome(verdict=Verdict.COMPLETED, answer=self.block.decode(errors="replace"))
