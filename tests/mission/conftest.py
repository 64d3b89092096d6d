"""The mission, row by row: every test is named after the row of the seed's requirements that it holds.

Most rows are about one and the same plan, the one of the seed's quick start; it runs once, and nobody changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import write_task
from tests.fakes.claude_calls import Call, calls, install, script
from tests.mission.task_engine import TaskEngine
from tests.plan.seed_plans import QUICK_START


@dataclass(frozen=True)
class QuickStart:
    """The plan of the quick start, and what is known of its one run."""

    orchestrate: Orchestrate
    root: Path
    run: Answer
    calls: list[Call]

    def text(self, name: str) -> str:
        """A file of the plan directory."""
        return (self.root / name).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def quick_start(tmp_path_factory: pytest.TempPathFactory) -> QuickStart:
    """The plan of the quick start, run once by a stand-in for claude that answers in its own words."""
    where = tmp_path_factory.mktemp("quick-start")
    root = where / ".orchestrator"
    (root / "agent_tasks").mkdir(parents=True)
    (root / "master_plan.md").write_text(QUICK_START, encoding="utf-8")
    write_task(root, "T-03", "# My own words\n\nLook for secrets: ключ, 鍵, 🔑\n")
    install(where / "bin")
    answers = {f"T-0{n}": {"answer": f"# Answer of T-0{n}\n\nDone ✔ T-0{n}"} for n in range(1, 6)}
    # The three in the middle answer only when all of them are at work.
    for task in ("T-02", "T-03", "T-04"):
        answers[task]["barrier"] = "middle:3"
    script(where / "records", answers)
    command = Orchestrate(where)
    command.environment["PATH"] = f"{where}/bin:/usr/bin:/bin"
    command.environment["FAKE_CLAUDE_DIR"] = str(where / "records")
    run = command("run")
    command.close()
    return QuickStart(command, root, run, calls(where / "records"))


@pytest.fixture
def engine(orchestrate: Orchestrate) -> TaskEngine:
    """The command line, for the lines of seed 004."""
    return TaskEngine(orchestrate)
