"""Slots that runs share, and memory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store import machine
from orchestrator.store.machine import SharedMachine, free_memory, open_machine


def test_a_slot_is_held_by_one(tmp_path: Path) -> None:
    """All of its pools or none; what is given back others may have."""
    one, other = (open_machine(str(tmp_path / "a/b"), {"pool db": 2, "pool x/y": 1}) for _ in range(2))
    assert "" == one.take(["pool db", "pool x/y", "writes src/**"])
    assert "pool x/y" == other.take(["pool db", "pool x/y"])
    assert "" == other.take(["pool db"])
    assert "pool db" == one.take(["pool db"])
    other.give_back(["pool db", "pool x/y"])
    assert "" == one.take(["pool db"])
    assert ["db.1", "db.2", "x%y.1"] == sorted(os.listdir(tmp_path / "a/b"))
    one.close()
    assert "" == other.take(["pool db", "pool x/y"])
    other.close()


def test_a_slot_stays_held_as_long_as_anyone_has_its_file(tmp_path: Path) -> None:
    """As the guard does of a run that died."""
    one, other = (open_machine(str(tmp_path), {"pool db": 1}) for _ in range(2))
    one.take(["pool db"])
    [guard] = map(os.dup, one.descriptors)
    one.close()
    assert "pool db" == other.take(["pool db"])
    os.close(guard)
    assert "" == other.take(["pool db"])
    other.close()


def test_without_a_place(tmp_path: Path) -> None:
    assert [] == open_machine("", {}).descriptors
    with pytest.raises(StoreError, match="needs a home directory"):
        open_machine("", {"pool db": 1})
    (tmp_path / "file").touch()
    with pytest.raises(StoreError):
        open_machine(str(tmp_path / "file/pools"), {"pool db": 1})


def test_memory() -> None:
    found: list[int | None] = [5, 3, None]
    shared = SharedMachine({}, lambda: found.pop(0))
    assert "" == shared.take(["memory 5"])
    assert "memory 4" == shared.take(["memory 4"])
    assert "" == shared.take(["memory 4"])


def test_what_the_system_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "meminfo"
    monkeypatch.setattr(machine, "MEMINFO", str(info))
    assert None is free_memory()
    info.write_text("MemTotal: 9 kB\nMemAvailable:    3 kB\n", encoding="utf-8")
    assert 3072 == free_memory()
    info.write_text("MemAvailable:\n", encoding="utf-8")
    assert None is free_memory()
