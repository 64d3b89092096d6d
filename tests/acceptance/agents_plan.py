"""Plans whose tasks name agents and types, and a PATH with agents on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.fakes import claude_calls, command_lines

EXAMPLES = Path(__file__).parents[2] / "examples" / "agents"


def write_rows(root: Path, rows: Mapping[str, Sequence[str]], front: str = "retries: 0") -> Path:
    """Write a plan of rows: what is to be done, who does it, and of what type it is."""
    root.mkdir(exist_ok=True)
    plan = root / "master_plan.md"
    cells = [f"| {id} | {text} | {agent} | {kind} | None |" for id, (text, agent, kind) in rows.items()]
    head = ["| ID | Task | Agent | Type | Dependencies |", "|---|---|---|---|---|"]
    plan.write_text("\n".join(["---", front, "---", *head, *cells, ""]), encoding="utf-8")
    return plan


def write_agent(root: Path, key: str, text: str) -> Path:
    """Write the file of an agent; *text* begins with its front matter, without the first line of it."""
    path = root / "agents" / f"{key}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"---\n{text}" if "---" in text else f"---\n{text}---\n", encoding="utf-8")
    return path


class Crowd:
    """Stand-ins for ``claude``, ``codex`` and ``gemini`` on the PATH of every call."""

    def __init__(self, orchestrate: Orchestrate, where: Path) -> None:
        self.bin, self.calls_file = where / "bin", where / "calls.jsonl"
        self.records = where / "records"
        claude_calls.install(self.bin)
        command_lines.install(self.bin)
        orchestrate.environment |= {
            "PATH": f"{self.bin}:{orchestrate.environment['PATH']}",
            "FAKE_CALLS": str(self.calls_file),
            "FAKE_CLAUDE_DIR": str(self.records),
        }
        self.records.mkdir()

    def calls(self) -> list[dict[str, object]]:
        """What codex and gemini were called with."""
        return command_lines.calls(self.calls_file)

    def claude(self) -> dict[str, claude_calls.Call]:
        """What claude was called with, by task."""
        return {call.task: call for call in claude_calls.calls(self.records)}
