"""The command ``stop``: end the active run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from orchestrator.commands.call import Call
from orchestrator.commands.registry import DIR, DIRECTORY, JSON, Command, Facts, duration, option
from orchestrator.commands.reply import with_program
from orchestrator.core.duration import format_duration
from orchestrator.core.timestamp import format_local
from orchestrator.errors import BusyError
from orchestrator.services.stop import Stopped, stop
from orchestrator.store.lock import WaitingRun


@dataclass(frozen=True)
class StopParams:
    """How long it may take."""

    timeout: float = option(
        "Wait this long for it to end its agents.", metavar="D", default=60.0, shown_default="60s", read=duration
    )


def execute(call: Call, params: StopParams) -> Stopped:
    """End the active run, as Ctrl-C in its terminal would.

    Its agents are ended, what is finished stays, nothing that was cut short is charged, and the
    next run goes on from there. Comes back once the run is over. Called again while it is still
    ending its agents, it gives them no more time.

    Where no run is active, those that wait for their time (`run --at`, `run --every`) end.

    Exit statuses:
      0 it is over
      2 no run is active, and none waits
      3 it is not over within the timeout; or it is on another machine, and was not told
      5 state could not be read

    Examples:
      orchestrator stop
    """
    stopped = stop(call.plan())
    name = _name(stopped)
    call.progress(f"{name} was told to stop")
    if not stopped.await_end(params.timeout):
        raise BusyError(
            f"{name} has not ended after {format_duration(params.timeout)}",
            hint="call `orchestrator stop` once more: its agents get no more time then"
            if stopped.run
            else "it does not react, and has nothing to lose: `kill -KILL` ends it",
        )
    return stopped


def _name(stopped: Stopped) -> str:
    return f"run {stopped.run}" if stopped.run else _named(stopped.waiting)


def _named(waiting: Sequence[WaitingRun]) -> str:
    named = (f"process {each.process['pid']}, waiting until {format_local(each.until)}," for each in waiting)
    return " and ".join(named)


def _left(stopped: Stopped) -> Sequence[WaitingRun]:
    """Return those that still wait for their time."""
    return stopped.waiting if stopped.run else ()


def facts(stopped: Stopped) -> Facts:
    """Return what was ended as JSON."""
    pids = [each.process["pid"] for each in _left(stopped)]
    return {"message": f"{_name(stopped)} is over", "run": stopped.run, "waiting": pids}


def text(stopped: Stopped) -> str:
    """Return the id of the run."""
    return f"{stopped.run}\n" if stopped.run else ""


def remarks(stopped: Stopped) -> Iterator[str]:
    """Yield what still waits; the JSON has it, too."""
    if left := _left(stopped):
        end = with_program("to end it: orchestrator stop")
        yield f"{_named(left)} is left alone; {end}"


COMMAND = Command(StopParams, execute, facts, text, remarks=remarks, takes=(DIRECTORY, DIR, JSON))
