"""``plan --from``: what a draft says reaches whoever does the tasks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of


def _task(id: str, **more: Any) -> dict[str, Any]:
    return {"id": id, "name": f"Write {id}", "description": f"Write the page {id}", **more}


def test_no_description_hides_the_criteria(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """A code block that somebody forgot to close ends with the description."""
    form = _task("T-01", description="Write this form:\n\n```\nTITLE", acceptance=["has a title"])
    (tmp_path / "d.json").write_text(json.dumps({"tasks": [form]}), encoding="utf-8")
    assert 0 == orchestrate("plan", "--from", "d.json").returncode
    refused = orchestrate("complete", "T-01", "done", "--validate", "--json")
    assert (1, "criteria_open") == (refused.returncode, refused.json["code"])


def test_long_texts_are_whole_or_refused(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """What an agent is to do loses nothing on its way into the files (the row is a summary)."""
    long = "word " * 3990

    def end(place: str) -> str:
        return f"{long} END-{place}"

    mine = _task(
        "T-01",
        inputs=[{"name": end("name"), "value": end("value"), "type": end("t"), "source": end("s")}],
        type=end("type"),
        expected=end("expected"),
        **{name: [end(name)] for name in ("acceptance", "constraints", "hints", "writes")},
    )
    about = {"title": end("title"), "goal": end("goal"), "goals": [end("goals")]}
    draft = {**about, "success": [end("success")], "tasks": [mine]}
    (tmp_path / "d.json").write_text(json.dumps(draft), encoding="utf-8")
    made = orchestrate("plan", "--from", "d.json", "--dir", "p")
    assert 0 == made.returncode, made.stderr
    plan = (tmp_path / "p" / "master_plan.md").read_text(encoding="utf-8")
    assert {"title", "goal", "goals", "success"} == set(re.findall(r"END-(\w+)", plan))
    assignment = (tmp_path / "p" / "agent_tasks" / "agent-01.md").read_text(encoding="utf-8")
    assert set(re.findall(r"END-(\w+)", json.dumps(mine))) == set(re.findall(r"END-(\w+)", assignment))
    assert 0 == orchestrate("validate", "p").returncode
    mine["hints"] = [end("hints") + long]
    (tmp_path / "d.json").write_text(json.dumps(draft), encoding="utf-8")
    asked = orchestrate("plan", "--from", "d.json", "--dir", "q", "--json")
    assert (2, "bad_draft") == (asked.returncode, asked.json["code"])


def test_constraints_and_hints_are_handed_on_word_for_word(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """An agent that reads `&lt;Link>` would write that."""
    text = "Use <Link> | `\\d+`, and no <!-- comment"
    mine = _task("T-01", constraints=[text], hints=[text], acceptance=["It is short"])
    (tmp_path / "d.json").write_text(json.dumps({"tasks": [mine]}), encoding="utf-8")
    assert 0 == orchestrate("plan", "--from", "d.json", "--dir", "p").returncode
    assignment = (tmp_path / "p" / "agent_tasks" / "agent-01.md").read_text(encoding="utf-8")
    assert 2 == assignment.count(f"\n- {text}\n")


def _shell(id: str, command: str, *needs: str) -> dict[str, Any]:
    return {"id": id, "name": f"Do {id}", "agent": "shell", "command": command, "needs": [*needs]}


def _outline(*tasks: dict[str, Any]) -> str:
    """Write them as somebody does who has a command in a code block below its label."""
    lines = []
    for task in tasks:
        lines += [f"- {task['id']}: {task['name']}", "  - Agent: shell", "  - Command:"]
        lines += [f"    {line}" for line in task["command"].split("\n")]
        lines += [f"  - Needs: {need}" for need in task["needs"]]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", ["d.json", "d.md"])
def test_a_code_block_of_a_command_is_its_script(
    orchestrate: Orchestrate, tmp_path: Path, root: Path, name: str
) -> None:
    """The word behind its bars says what runs it; as a program, a shell would run what other tasks answered."""
    tasks = [
        _shell("T-01", "echo 'touch PWNED; echo no'"),
        _shell("T-02", "```sh\nwc -l\n```", "T-01"),
        _shell("T-03", "```bash\n[[ x == x ]] && wc -l\n```", "T-01"),
        _shell("T-04", "```python\nprint(2**3)\n```", "T-01"),
        _shell("T-05", "~~~\nwc -l\n~~~", "T-01"),
    ]
    text = json.dumps({"tasks": tasks}) if name == "d.json" else _outline(*tasks)
    (tmp_path / name).write_text(text, encoding="utf-8")
    made = orchestrate("plan", "--from", name)
    assert 0 == made.returncode, made.stderr
    assert "T-02, T-05: it runs a command: wc -l\n" in made.stderr
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr
    answers = [answer_of(root, f"T-0{number}").strip() for number in range(2, 6)]
    assert ["1", "1", "8", "1"] == answers
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("name", ["d.json", "d.md"])
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("echo one\n```sh\nwc -l\n```", "there is a code block in this command, and text around"),
        ("```julia\nx = 1\n```", "nobody here runs a code block in julia"),
    ],
)
def test_a_command_that_is_not_clear_is_refused(
    orchestrate: Orchestrate, tmp_path: Path, name: str, command: str, words: str
) -> None:
    """Who wrote it knows what of it is to be run."""
    task = _shell("T-01", command)
    text = json.dumps({"tasks": [task]}) if name == "d.json" else _outline(task)
    (tmp_path / name).write_text(text, encoding="utf-8")
    refused = orchestrate("plan", "--from", name)
    where = "d.md:1: command" if name == "d.md" else "d.json: tasks[0].command"
    assert (2, 1) == (refused.returncode, refused.stderr.count("error:"))
    assert f"error: {where}: {words}" in refused.stderr
    assert "```sh" in refused.stderr


def test_a_command_may_say_that_there_is_none(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """As every field of an outline; nothing of that name is run."""
    outline = "- Review the code of the shop\n  - Command: None\n"
    (tmp_path / "d.md").write_text(outline, encoding="utf-8")
    made = orchestrate("plan", "--from", "d.md")
    assert 0 == made.returncode, made.stderr
    assert "command" not in made.stderr
