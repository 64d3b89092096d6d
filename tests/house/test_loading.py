"""What a user waits for: what is loaded to answer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = (
    "anyio",
    "asyncio",
    "frontmatter",
    "jinja2",
    "markdown_it",
    "networkx",
    "starlette",
    "urllib3",
    "uvicorn",
    "yaml",
)
OF_OTHERS = ("asyncio", "jinja2", "markdown_it", "urllib3", "yaml")


@pytest.mark.parametrize("door", ["orchestrator.cli", "orchestrator.cli.main"])
def test_the_door_opens_without_the_furniture(door: str) -> None:
    """Whoever asks for a status does not pay for a graph library: heavy imports happen where they are used."""
    assert [] == loaded(HEAVY, by=door)


def test_a_run_loads_what_it_runs() -> None:
    """No run pays for markdown, YAML, templates or HTTP before it needs them."""
    assert [] == loaded(OF_OTHERS, by="orchestrator.commands.run")


def test_a_command_loads_no_other_one() -> None:
    """Only the module of the command that is called, and what it needs."""
    others = ("orchestrator.commands.list", "orchestrator.runner", "orchestrator.wiring", *HEAVY)
    assert [] == loaded(others, by="orchestrator.cli.main, orchestrator.commands.share")
    others = ("orchestrator.commands.share", "orchestrator.runner", "orchestrator.wiring", *HEAVY)
    assert [] == loaded(others, by="orchestrator.cli.main, orchestrator.commands.list")


def loaded(names: tuple[str, ...], *, by: str) -> list[str]:
    program = f"import sys, {by}; print(*(name for name in {names} if name in sys.modules))"
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (0, "") == (answer.returncode, answer.stderr)
    return answer.stdout.split()
