"""``wizard``."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.commands import wizard
from orchestrator.errors import UsageError
from tests.commands.typed import bob


def test_there_is_no_terminal(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="asks on a terminal"):
        wizard.execute(bob(tmp_path), wizard.WizardParams())
