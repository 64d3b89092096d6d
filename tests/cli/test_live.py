"""The live view, without a terminal."""

from __future__ import annotations

from orchestrator.cli.live import LiveView
from orchestrator.runtime.happening import Happening, Kind


def test_the_bar_ends_full_after_a_change_of_the_plan() -> None:
    """What is left to run is added to what the run has settled."""
    view = LiveView()
    for kind, task, tasks in (
        (Kind.RUN_STARTED, "", 2),
        (Kind.TASK_COMPLETED, "T-01", 0),
        (Kind.RUN_CHANGED, "", 2),
        (Kind.TASK_COMPLETED, "T-02", 0),
        (Kind.TASK_COMPLETED, "T-03", 0),
    ):
        view.hear(Happening(kind=kind, time=0.0, task=task, tasks=tasks))
    with view._console.capture() as shown:
        view._console.print(view._picture())
    assert "3/3" in shown.get()


def test_a_line_is_as_long_as_what_it_says() -> None:
    """The terminal wraps it, so that a path in it can be copied."""
    view = LiveView()
    said = f"{'a-directory/' * 30}master_plan.md:7: makes no sense"
    with view._console.capture() as shown:
        view.hear(Happening(kind=Kind.WARNING, time=0.0, text=said))
    assert f"{said}\n" in shown.get()
