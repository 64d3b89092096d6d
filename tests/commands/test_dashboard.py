"""``dashboard``."""

from __future__ import annotations

import click
import pytest

from tests.commands.typed import typed


def test_a_port_is_a_port() -> None:
    usual, other = typed("dashboard")[1], typed("dashboard", "--port", "0", "--open")[1]
    assert (8765, False) == (usual.port, usual.opens)
    assert (0, True) == (other.port, other.opens)
    with pytest.raises(click.BadParameter):
        typed("dashboard", "--port", "65536")
