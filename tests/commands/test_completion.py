"""``completion``."""

from __future__ import annotations

import click
import pytest

from orchestrator.commands import completion
from orchestrator.commands.call import Call
from tests.commands.typed import typed


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_a_script_names_the_program(shell: str) -> None:
    script = completion.execute(Call(), completion.CompletionParams(shell))
    assert "_ORCHESTRATOR_COMPLETE" in script


def test_another_shell() -> None:
    with pytest.raises(click.BadParameter):
        typed("completion", "csh")
