"""What drawing costs before it begins."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("name", ["", ".status", ".master_plan", ".final_output", ".task_file", ".diagram"])
def test_a_view_is_imported_without_furniture(name: str) -> None:
    """``status`` and ``list`` pay for neither a template engine nor a graph library."""
    heavy = {"jinja2", "networkx", "markdown_it", "asyncio", "yaml"}
    program = f"import sys, orchestrator.views{name}; print(*({heavy!r} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (0, "\n", "") == (answer.returncode, answer.stdout, answer.stderr)
