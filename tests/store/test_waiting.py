"""Who waits for the time to run a plan: what is read there is believed of living processes only."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.layout import Layout
from orchestrator.store.lock import say_waiting, wait_no_longer, waiting_runs
from orchestrator.store.process import this_process

#: No process has that number.
GONE = 2**22 + 1


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


def test_what_was_said_is_read_and_taken_back(layout: Layout) -> None:
    say_waiting(layout, 1e9)
    say_waiting(layout, 2e9)
    (waiting,) = waiting_runs(layout)
    assert (os.getpid(), 2e9) == (waiting.process["pid"], waiting.until)
    wait_no_longer(layout)
    assert [] == waiting_runs(layout)
    assert not os.path.exists(layout.waiting)
    wait_no_longer(layout)


@pytest.mark.parametrize(
    "change",
    [
        {"started": 1},
        {"boot": "another"},
        {"pid": 1},
        {"pid": "1"},
        {"host": None, "boot": ""},
        {"until": "soon"},
        {"until": None},
        {"until": float("nan")},
        {"until": 1e300},
        {"until": -1},
    ],
    ids=str,
)
def test_what_is_not_so_counts_for_nothing(layout: Layout, change: dict[str, object]) -> None:
    """Written by hand, or by a process whose number went to somebody else."""
    said = {**this_process(), "until": 2e9, **change}
    if change.get("host", "") is None:
        del said["host"]
    os.mkdir(layout.waiting)
    Path(layout.waiting, f"{os.getpid()}.json").write_text(json.dumps(said))
    assert [] == waiting_runs(layout)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 60_000], ids=repr)
@pytest.mark.usefixtures("no_garbage")
def test_what_makes_no_sense_counts_for_nothing(layout: Layout, data: bytes) -> None:
    os.mkdir(layout.waiting)
    for name in (f"{os.getpid()}.json", "me.json", "7.txt", "\u0667.json"):
        Path(layout.waiting, name).write_bytes(data)
    assert [] == waiting_runs(layout)


ELSEWHERE = [{"host": "else\x1bwhere"}, {"pid_space": "pid:[1]"}]
"""Where our numbers of processes mean nothing: another machine, another container of this one."""


@pytest.mark.parametrize("place", ELSEWHERE, ids=str)
def test_the_first_to_begin_comes_first(layout: Layout, place: dict[str, str]) -> None:
    """One of elsewhere may be alive: nobody here knows. Nor does anybody here forget what it said."""
    say_waiting(layout, 4e9)
    elsewhere = {**this_process(), "pid": GONE, "started": 1, "until": 3e9, **place}
    Path(layout.waiting, f"{GONE}.json").write_text(json.dumps(elsewhere))
    say_waiting(layout, 4e9)
    assert [GONE, os.getpid()] == [each.process["pid"] for each in waiting_runs(layout)]
    assert "\x1b" not in waiting_runs(layout)[0].process["host"]


@pytest.mark.parametrize("place", ELSEWHERE, ids=str)
def test_whose_time_has_come_elsewhere_waits_no_longer(layout: Layout, place: dict[str, str]) -> None:
    """It is at work, and the lock says so, or gone, as a container that was made anew: it is not believed for ever."""
    os.mkdir(layout.waiting)
    elsewhere = {**this_process(), "pid": GONE, "started": 1, "until": 1e9, **place}
    Path(layout.waiting, f"{GONE}.json").write_text(json.dumps(elsewhere))
    assert [] == waiting_runs(layout)
    say_waiting(layout, 4e9)
    assert [f"{os.getpid()}.json"] == os.listdir(layout.waiting)


def test_nothing_is_written_through_a_link(layout: Layout, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    os.symlink(tmp_path / "elsewhere", layout.waiting)
    with pytest.raises(StoreError, match="it is a link"):
        say_waiting(layout, 2e9)
    assert [] == os.listdir(tmp_path / "elsewhere")
