"""``orchestrate run`` with the real CLI: what a user gets when everything but the model is real."""

from __future__ import annotations

import json
import signal
from itertools import accumulate

import pytest

from tests.acceptance.plans import front_of, result_of, write_plan
from tests.executors.harness import wait_until
from tests.real_cli.stage import Stage

pytestmark = pytest.mark.real_cli


def test_four_tasks_from_a_plan_to_one_output(stage: Stage) -> None:
    """Answers travel along the graph, tasks that wait for nobody run together, and the end has it all."""
    stage.answer(
        {
            "T-01": [{"text": "The source has three modules."}],
            "T-02": [{"text": "Quality: seven findings.", "barrier": "middle:2"}],
            "T-03": [{"text": "Security: one finding.", "barrier": "middle:2"}],
            "T-04": [{"text": "# Report\n\nEight findings in all."}],
        }
    )
    plan = {
        "T-01": "Scan the source",
        "T-02": ("Check its quality", "T-01"),
        "T-03": ("Check its security", "T-01"),
        "T-04": ("Write the report", "T-02, T-03"),
    }
    write_plan(stage.plan, plan, agent="claude")
    run = stage.run("--max-parallel", "2")
    assert (0, "") == (run.returncode, run.stderr)

    asked = {request.key: request.text for request in stage.api.requests}
    _, quality, security, report = (asked[key] for key in sorted(filter(None, asked)))
    assert 4 == len(stage.api.requests)
    assert "The source has three modules." in quality
    assert "The source has three modules." in security
    assert "Quality: seven findings." in report
    assert "Security: one finding." in report
    assert "Security: one finding." not in quality

    output = (stage.plan / "final_output.md").read_text(encoding="utf-8")
    for answer in ("three modules", "seven findings", "one finding", "Eight findings in all."):
        assert answer in output
    assert ["completed"] * 4 == [front_of(stage.plan, task)["status"] for task in plan]
    assert {} == stage.api.processes()


def test_never_more_at_once_than_allowed(stage: Stage) -> None:
    """Counted where it costs: processes, requests, and the lives of processes on record."""
    gate, tasks = stage.where / "gate", [f"T-0{n}" for n in range(1, 6)]
    stage.answer({task: [{"text": f"done {task}", "wait_for": str(gate)}] for task in tasks})
    write_plan(stage.plan, dict.fromkeys(tasks, "work"), agent="claude")
    run = stage.start_run("--max-parallel", "2")
    # A third one would have been started long before the second has come so far.
    wait_until(lambda: len(stage.api.requests) >= 2 or run.poll() is not None)
    assert 2 == len(stage.workers())
    gate.touch()
    ended = stage.orchestrate.finish(run)
    assert 0 == ended.returncode
    assert 2 == max(request.in_flight for request in stage.api.requests)
    records = [json.loads(path.read_bytes()) for path in stage.plan.glob("logs/*.json")]
    steps = [(each["ended"], -1) for each in records] + [(each["started"], 1) for each in records]
    assert 2 == max(accumulate(step for _, step in sorted(steps)))


@pytest.mark.parametrize(("sent", "status"), [("SIGTERM", 143), ("SIGKILL", -9)])
def test_a_run_that_is_ended_leaves_no_process(sent: str, status: int, stage: Stage) -> None:
    """Neither the CLI nor its command nor what that has detached; the task's next attempt is none that was charged."""
    began = stage.where / "began"
    detached = "nohup setsid sleep 1001 > /dev/null 2>&1 &"
    command = f"{detached} touch {began} && sleep 1002"
    bash = {"tool": "Bash", "input": {"command": command, "description": "wait"}}
    stage.answer({"T-01": [bash]})
    write_plan(stage.plan, {"T-01": "wait long"}, agent="claude", allowed_tools="[Bash]")
    run = stage.start_run()
    wait_until(lambda: began.exists() or run.poll() is not None)
    lines = " ".join(stage.api.processes().values())
    assert ("sleep 1001" in lines, "sleep 1002" in lines) == (True, True)

    run.send_signal(signal.Signals[sent])
    assert status == stage.orchestrate.finish(run).returncode
    wait_until(lambda: not stage.api.processes())

    stage.answer({"T-01": [{"text": "done after all"}]})
    assert 0 == stage.run().returncode
    assert "done after all" in result_of(stage.plan, "T-01")
