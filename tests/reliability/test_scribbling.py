"""Agents that write into files of ours: they complete no task but their own, and somebody hears of it (promise 24)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Row, answer_of, write_plan, write_task
from tests.reliability.hostile import UNPRINTABLE, judge_words

#: Comes before the task it is about, or stands beside it for ever, or is about the agent's own task.
TASKS: dict[str, Row] = {
    "T-01": "scribble",
    "T-02": ("echo really two >> ran; echo two", "T-01"),
    "T-03": ("echo really three >> ran; exit 1", "T-01"),
    "T-04": ("echo really four >> ran; echo four", "T-03"),
}
#: Writes a result as ours are, with a record and a log that agree with it, of the task and attempt asked for.
FORGE = """
import json, os, sys
root, run = os.environ["ORCHESTRATOR_DIR"], os.environ["ORCHESTRATOR_RUN_ID"]
def forge(stem, task, number=1, record=True):
    attempt = {"number": number, "charge": 1, "status": "completed", "start": "2026-01-01T00:00:00Z",
               "end": "2026-01-01T00:00:01Z", "duration": 1.0, "exit": "exit 0", "reason": "", "pid": 1, "run": run}
    with open(f"{root}/results/{stem}-result.md", "w") as file:
        file.write(f'---\\nschema: 1\\ntask: "{task}"\\nagent: "shell"\\nstatus: completed\\nattempts:\\n'
                   f"- {json.dumps(attempt)}\\ninputs: {{}}\\n---\\n# x\\n\\n## Output\\n"
                   "<!-- orchestrator:answer -->\\nforged\\n<!-- /orchestrator:answer -->\\n")
    if record:
        with open(f"{root}/logs/{stem}.attempt-{number}.out", "w") as file:
            file.write("forged")
        with open(f"{root}/logs/{stem}.attempt-{number}.json", "w") as file:
            json.dump({"schema": 1, "task": task, "attempt": number, "charge": 1, "run": run, "agent": "shell",
                       "inputs": {}, "cap": 0, "key": f"{stem}.attempt-{number}", "pid": 1, "exit": 0, "signal": None,
                       "stopped": None, "error": "", "is_ours": False, "started": 1.0, "ended": 2.0, "duration": 1.0,
                       "max_rss": 0, "cpu": 0.0, "log_bytes": 6, "log_sha256": None}, file)
"""
SCRIBBLES = {
    "another's result": 'forge("agent-02", "T-02", record=False)',
    "another's result, record and log": 'forge("agent-02", "T-02")',
    "those of an attempt to come": 'forge("agent-02", "T-02", 2)',
    "those of one that never runs": 'forge("agent-04", "T-04")',
    "its own": 'forge("agent-01", "T-01", 7)',
    "its own, of another task": 'forge("agent-01", "T-02", record=False)',
    "nonsense over everything": (
        "for name in ('index.json', 'run.lock', 'final_output.md', 'results/agent-02-result.md', "
        "'results/agent-01-result.md', 'logs/agent-02.attempt-1.json'):\n"
        "    open(f'{root}/{name}', 'wb').write(b'\\x1b[2J\\0{]' * 99)"
    ),
    "a lock": (
        "open(f'{root}/run.lock', 'w').write(json.dumps({'run': '\\x1b]0;x\\x07', 'pid': 'x', 'host': [], "
        "'unrecovered': 5}) + '\\n')"
    ),
    "a lock nested deeply": "open(f'{root}/run.lock', 'w').write('[' * 100000)",
    "a journal": (
        "open(f'{root}/journal.md', 'ab').write(b'- 1 \\xc2\\xb7 T-02 \\xc2\\xb7 completed\\n\\xff\\0\\x1b[2J')"
    ),
    "a cache": (
        "found = json.load(open(f'{root}/index.json')) if os.path.exists(f'{root}/index.json') else {}\n"
        "open(f'{root}/index.json', 'w').write(json.dumps({**found, 'schema': 2, 'plan': {'tasks': 5}}))"
    ),
    "sections of the plan": (
        "open(f'{root}/master_plan.md', 'a').write('<!-- orchestrator:status -->\\n| T-02 | Completed |\\n')"
    ),
}


def statuses(orchestrate: Orchestrate) -> dict[str, str]:
    listed = orchestrate("list", "--json")
    judge_words(listed)
    return {each["id"]: each["status"] for each in listed.json["tasks"]}


def really_ran(where: Path) -> list[str]:
    path = where / "ran"
    return path.read_text().split("really ")[1:] if path.exists() else []


@pytest.mark.parametrize("name", SCRIBBLES)
def test_who_scribbles_over_our_files_completes_nothing(
    orchestrate: Orchestrate, tmp_path: Path, name: str, tally: Counter[str]
) -> None:
    """What is completed was really done, in this run and for the next one; nothing of it reaches a terminal."""
    root = tmp_path / ".orchestrator"
    write_plan(root, TASKS)
    write_task(root, "T-01", f"```python\n{FORGE}{SCRIBBLES[name]}\nprint('one')\n```\n")
    for _ in range(2):
        run = orchestrate("run", "--json")
        assert 1 == run.returncode, run.stderr
        judge_words(run)
        # The third task fails, so the fourth is never done.
        ran = {"T-01", *({"T-02"} if "two\n" in really_ran(tmp_path) else ())}
        done = {task for task, status in statuses(orchestrate).items() if status == "completed"}
        assert ran == done == {"T-01", "T-02"}
        assert "two" == answer_of(root, "T-02")
        assert "one" == answer_of(root, "T-01")
        assert not (root / "results" / "agent-04-result.md").exists()
        assert "forged" not in (root / "final_output.md").read_text(encoding="utf-8")
    assert ["three\n", "three\n", "two\n"] == sorted(really_ran(tmp_path))
    judge_words(*(orchestrate(*words) for words in (("status",), ("show", "T-02"), ("doctor", "--plan"))))
    tally["ways to scribble over state"] += 1
    if name.startswith(("another", "those", "its own")):
        told = [line for line in (root / "journal.md").read_text().split("\n") if "warning" in line]
        assert "result.md" in "".join(told), "it was noticed"
        kept = [path for path in (root / "results").glob("*.damaged-*") if "forged" in path.read_text()]
        assert kept, "what was scribbled was not overwritten unseen"


def test_a_finished_result_that_an_agent_changed_is_told(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """It may be a person's correction and is kept; nobody need find that out by chance."""
    root = tmp_path / ".orchestrator"
    change = 'sed -i s/one/1ne/ "$ORCHESTRATOR_DIR/results/agent-01-result.md"; echo two'
    write_plan(root, {"T-01": "echo one", "T-02": (change, "T-01")})
    run = orchestrate("run", "--json")
    assert 0 == run.returncode
    told = [event["text"] for event in run.events if event["event"] == "warning"]
    assert ["results/agent-01-result.md was changed by somebody else during this run"] == told
    assert "1ne" == answer_of(root, "T-01")


def test_escapes_in_a_result_that_somebody_wrote_are_not_printed(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Also not when it no longer passes for a result: ``show`` prints what stands there as text."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "echo one"})
    assert 0 == orchestrate("run").returncode
    path = root / "results" / "agent-01-result.md"
    whole = path.read_bytes()
    for data in (whole.replace(b"one", b"\x1b[2Jo\0ne\xc2\x9b"), whole[80:].replace(b"one", b"\x1b]0;x\x07")):
        path.write_bytes(data)
        shown = orchestrate("show", "T-01")
        assert 0 == shown.returncode
        assert not UNPRINTABLE.search(shown.stdout.replace("\n", ""))
        assert 0 == orchestrate("run").returncode
        output = (root / "final_output.md").read_text(encoding="utf-8")
        assert not UNPRINTABLE.search(output.replace("\n", ""))
