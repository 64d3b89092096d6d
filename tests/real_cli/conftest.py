"""The real CLI against a stub of the Messages API, in a network namespace where nobody else can be reached.

A new case takes ten lines::

    def test_an_overloaded_model_is_asked_again(stage: Stage) -> None:
        stage.answer({"T-01": [[{"status": 529}, {"text": "at last"}]]})
        write_plan(stage.plan, {"T-01": "be patient"}, agent="claude", retries=1)
        run = stage.run()
        assert 0 == run.returncode
        assert "at last" in result_of(stage.plan, "T-01")
        assert 2 == len(stage.api.requests)

- One more way in which an attempt can end takes one line: a row of ``test_endings.py``, whose rows are one run.
- ``stage.claude(prompt, *flags)`` calls the CLI alone; ``stage.run(*flags)`` calls ``orchestrate run``. Both have a
  ``start_…`` for a test that does something meanwhile; ``stage.call`` is for every other command, and everything of a
  test is in one network of its own.
- ``stage.answer`` (by task) or ``stage.api.script`` (by words of the prompt) says what the model answers;
  ``tests/fakes/messages_api.py`` says how. ``stage.api.requests`` is what it was asked, ``stage.asked`` the same for
  one task, ``stage.api.processes()`` which processes there still are, however well they detached themselves.
- Nothing of this machine's environment is passed on; ``env=`` adds to what is there, and a None takes away. As root the
  CLI bypasses permissions only with ``IS_SANDBOX=1``, which belongs into tests about just that; the setting
  ``allowed_tools`` of a plan lets a tool through.
- A file or a barrier in the script makes a reply wait for what the test wants to see first; nothing sleeps.

The binary is the one that ORCHESTRATOR_TEST_CLAUDE names, else what ``nox -s tests`` installed into ``.claude-cli``.
Without it, or without namespaces, all of this is skipped, and the reason stands in pytest's summary.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.real_cli import loopback
from tests.real_cli.stage import Stage, set_up

ROOT = Path(__file__).parents[2]
INSTALLED = ROOT / ".claude-cli/node_modules"


@pytest.fixture(scope="session")
def claude_bin() -> Path:
    """The real CLI."""
    named = os.environ.get("ORCHESTRATOR_TEST_CLAUDE")
    # Not `.bin/claude`: where install scripts do not run, that is a text which says so.
    installed = INSTALLED.glob("@anthropic-ai/claude-code-*/claude")
    program = Path(named).absolute() if named else next(installed, None)
    if program is None:
        pytest.skip(f"no claude in {INSTALLED.relative_to(ROOT)}; `nox -s tests` installs it")
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    except OSError as error:
        pytest.skip(f"no real claude: {error}")
    if "Claude Code" not in said.stdout:
        pytest.skip(f"no real claude: {program} says {(said.stdout + said.stderr).strip()!r}")
    return program


@pytest.fixture(scope="session")
def network() -> loopback.Loopback:
    """The way to a network of one's own."""
    found = loopback.find()
    if isinstance(found, str):
        pytest.skip(found)
    return found


@pytest.fixture
def stage(tmp_path: Path, claude_bin: Path, network: loopback.Loopback) -> Iterator[Stage]:
    """A project, an environment and a stub of this test's own."""
    with set_up(tmp_path, claude_bin, network) as stage:
        yield stage
