"""What is around a run: an account or none, sub-agents of the project, a session of Claude Code that calls it."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

from tests.acceptance.plans import answer_of, write_plan
from tests.executors.harness import wait_until
from tests.real_cli.stage import Stage, heading

pytestmark = pytest.mark.real_cli


def environment_of(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text(encoding="utf-8").split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def test_the_doctor_sees_what_the_cli_says(stage: Stage) -> None:
    """Its version, and who is logged in; without anybody a run would not work."""
    found = {}
    for key in ("made-up", ""):
        doctor = stage.call("doctor", "--json", env={"ANTHROPIC_API_KEY": key})
        checks = {each["name"]: each for each in doctor.json["checks"]}
        found[key] = doctor.returncode, checks["login"]["level"], checks["login"]["found"]
        assert str(stage.claude_bin) == checks["claude"]["found"]
        assert ("ok", True) == (checks["version"]["level"], checks["version"]["found"].endswith(" (Claude Code)"))
    assert (0, "ok", "logged in (api_key, ANTHROPIC_API_KEY)") == found["made-up"]
    assert (2, "failed", "not logged in") == found[""]
    assert [] == stage.api.requests


def test_a_sub_agent_of_the_project_does_a_task(stage: Stage) -> None:
    """Its prompt becomes the system prompt."""
    reviewer = stage.where / ".claude/agents/reviewer.md"
    reviewer.parent.mkdir(parents=True)
    reviewer.write_text("---\nname: reviewer\ndescription: Reviews code\n---\nYou find what others overlook.\n")
    stage.answer({"T-01": [{"text": "One finding."}]})
    write_plan(stage.plan, {"T-01": "Review it"}, agent="reviewer")
    assert 0 == stage.run().returncode
    (request,) = stage.asked("T-01")
    assert "You find what others overlook." in json.dumps(request.body["system"])
    assert "One finding." == answer_of(stage.plan, "T-01")


def test_a_session_of_claude_code_runs_a_plan(stage: Stage) -> None:
    """Its agents get nothing of the session around them."""
    gate = stage.where / "gate"
    names = ("PYTHONPATH", "ORCHESTRATOR_CLAUDE_BIN")
    settings = [f"{name}={stage.orchestrate.environment[name]}" for name in names]
    command = shlex.join(["env", *settings, sys.executable, "-m", "orchestrator", "run"])
    bash = {"tool": "Bash", "input": {"command": command, "description": "run it"}}
    stage.api.script(
        {heading("T-01"): [{"text": "from inside", "wait_for": str(gate)}], "run the plan": [bash, {"text": "It ran."}]}
    )
    write_plan(stage.plan, {"T-01": "work"}, agent="claude")
    session = stage.start_claude("run the plan", "--allowedTools=Bash")
    wait_until(lambda: stage.asked("T-01") or session.poll() is not None)
    (inner,) = (
        environment
        for environment in map(environment_of, stage.workers())
        if environment.get("ORCHESTRATOR_TASK_ID") == "T-01"
    )
    gate.touch()
    assert "It ran." == stage.finish(session).result["result"]
    assert "from inside" == answer_of(stage.plan, "T-01")
    left = {name for name in inner if name.startswith(("CLAUDE", "AI_"))} - set(stage.environment)
    ours = {"CLAUDE_CODE_DISABLE_FILE_MENTIONS", "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS"}
    assert ours == left
