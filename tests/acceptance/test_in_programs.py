"""A program that has its own signals, processes and directory calls us: one script per test, as in `test_api`."""

from __future__ import annotations

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.test_api import play


def test_a_run_ends_for_no_signal_that_the_program_handles_itself(orchestrate: Orchestrate) -> None:
    """A resized window, a child that ended, a timer … : the handler is called, and the agents go on."""
    script = """
import os, signal
handled, reports = [], []
for name in ("SIGUSR1", "SIGCHLD", "SIGWINCH", "SIGALRM", "SIGQUIT", "SIGCONT"):
    number = getattr(signal, name)
    signal.signal(number, lambda number, frame: handled.append(number))
    def hear(happening):
        if happening.kind == "task_started":
            os.kill(os.getpid(), number)
    plan = Orchestrator(name)
    plan.init(agent="shell")
    plan.add("true")
    plan.add("true", depends_on="T-01")
    report = plan.run(listener=hear)
    signal.signal(number, signal.SIG_DFL)
    reports.append([name, handled.count(number) >= 2, report.exit_status, report.signal, report.late_signal])
answer = reports
"""
    for name, is_handled, *ends in play(orchestrate, script):
        assert (True, [0, 0, 0]) == (is_handled, ends), name
