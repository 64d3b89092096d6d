"""``plan --from``: what a draft says reaches whoever does the tasks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from tests.acceptance.orchestrate import Orchestrate


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
    assert set(re.findall(r"END-(\w+)", json.dumps(mine))) == set(
        re.findall(r"END-(\w+)", assignment)
    )
    assert 0 == orchestrate("validate", "p").returncode
    mine["hints"] = [end("hints") + long]
    (tmp_path / "d.json").write_text(json.dumps(draft), encoding="utf-8")
    asked = orchestrate("plan", "--from", "d.json", "--dir", "q", "--json")
    assert (2, "bad_draft") == (asked.returncode, asked.json["code"])


def test_constraints_and_hints_are_handed_on_word_for_word(
    orchestrate: Orchestrate, tmp_path: Path
) -> None:
    """An agent that reads `&lt;Link>` would write that."""
    text = "Use <Link> | `\\d+`, and no <!-- comment"
    mine = _task("T-01", constraints=[text], hints=[text], acceptance=["It is short"])
    (tmp_path / "d.json").write_text(json.dumps({"tasks": [mine]}), encoding="utf-8")
    assert 0 == orchestrate("plan", "--from", "d.json", "--dir", "p").returncode
    assignment = (tmp_path / "p" / "agent_tasks" / "agent-01.md").read_text(encoding="utf-8")
    assert 2 == assignment.count(f"\n- {text}\n")
