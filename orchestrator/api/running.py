"""Run a plan, follow a run, end one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orchestrator.api.directory import Directory
from orchestrator.api.keywords import listed, read_settings
from orchestrator.commands.wait import Until, follow
from orchestrator.errors import BusyError, UsageError
from orchestrator.runner.run import run
from orchestrator.runner.signals import require_signals
from orchestrator.services.run_request import RunRequest
from orchestrator.services.stop import stop
from orchestrator.store.journal import parse_cursor
from orchestrator.store.task_ids import resolve_ids

if TYPE_CHECKING:
    from typing import Unpack

    from orchestrator.api.keywords import RunSettings
    from orchestrator.commands.wait import WaitUpdate
    from orchestrator.runner.events import Event, Listener
    from orchestrator.runner.run import RunReport
    from orchestrator.store.journal import Cursor


def _ignore(event: Event) -> None:
    """Hear what happens, and do nothing about it."""


class Running(Directory):
    """Time passes here."""

    def run(
        self,
        *,
        simulate: bool = False,
        only: Sequence[str] = (),
        tags: Sequence[str] = (),
        raise_budget: float | None = None,
        listener: Listener = _ignore,
        **settings: Unpack[RunSettings],
    ) -> RunReport:
        """Run everything that is not completed, and return how it went; blocks until then.

        It hears the signals that end a program, so it belongs into the main thread of one, outside of any event loop.
        Elsewhere (a notebook, a web server) start ``orchestrator run --detach``, and ``wait``.

        SIGINT (Ctrl-C), SIGTERM (``stop``) and SIGHUP end the run and nothing else: no KeyboardInterrupt is raised, no
        handler of the program called for them, and the report is returned (``late_signal`` is one that came when all
        was done). A program that is to end with its run says so::

            if report.signal:
                raise SystemExit(report.exit_status)

        Args:
            simulate: Run nothing; every task answers with a made-up block.
            only: Only these tasks.
            tags: Only tasks with one of these tags.
            raise_budget: USD the whole plan may cost in this run, also where the plan says less; ``budget_usd`` only
                lowers what it says.
            listener: Called with everything that happens; the run goes on when it returns. It may look, ``add`` and
                ``update``. What the run would have to answer (``block``, ``cancel``, ``complete`` …), ``wait`` and
                ``stop`` are UsageError there: call them in another thread. What it raises ends the run as a crash
                would, agents too, and comes out as it is; the next run goes on.
            settings: Those of ``run``: ``max_parallel``, ``timeout`` (seconds, or ``"5m"``), ``budget_usd``, ``agent``
                and whatever else the front matter of a plan may say.

        Raises:
            UsageError: it was called in another thread, or in an event loop, or one of them is invalid; nothing
                was started.
            ApprovalError, TransitionError: no one has approved the plan yet, or it is over.
            AgentError: the program of an agent is missing or unusable.
            BusyError: another run is active.
        """
        require_signals()
        order = RunRequest(
            self._layout,
            flags=read_settings(settings, self.run.__kwdefaults__ or ()),
            simulate=simulate,
            only=[resolve_ids(self._layout, task) for task in listed("only", only)],
            tags=listed("tags", tags),
            raised_budget=None if raise_budget is None else read_settings({"budget_usd": raise_budget})["budget_usd"],
        )
        return run(order, self._plugins(), listener)

    def wait(self, timeout: float = 90.0, until: str = "news", since: Cursor | str | None = None) -> WaitUpdate:
        """Wait for *news* of a run, for *any* end of a task, or for its *end*; the end of the run always counts.

        Args:
            timeout: Come back after so many seconds at the latest.
            until: What ends the wait (``--for`` of the command): ``news``, ``any`` or ``end``.
            since: Tell what is new since then: the ``cursor`` of an earlier answer, or as the command prints it; None:
                since the command ``wait`` told something last, else since the run began.

        Raises:
            NotFoundError: the plan was never run.
            UsageError: there is no such *until*, *since* is no cursor, or it was called in a listener of that run.
        """
        if until not in [*Until]:
            raise UsageError(f"until: {until!r} is none of {', '.join(Until)}")
        begin = None if since is None else parse_cursor(str(since))
        return follow(self._layout, begin, timeout=timeout, until=Until(until))

    def stop(self, timeout: float = 60.0) -> str:
        """End the active run, as Ctrl-C would, and return its id once it is over.

        Its agents are ended, what is finished stays, nothing that was cut short is charged. Where no run is active,
        those end that wait for their time, and the id is empty.

        Raises:
            NotFoundError: no run is active, and none waits.
            BusyError: it is not over after *timeout* seconds; called again, it gives its agents no more time. Or it
                is one of another machine, and was not told.
            ExecutorError: the system said no.
            UsageError: it was called in a listener of that run.
        """
        stopped = stop(self._layout)
        if not stopped.await_end(timeout):
            name = f"run {stopped.run}" if stopped.run else "who waits for the time to run"
            raise BusyError(
                f"{name} has not ended after {timeout:g}s", hint="stop it once more: its agents get no more time then"
            )
        return stopped.run
