"""Attempt records: read with care, for agents work in the same directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.core.result import ProcessExit, StopReason
from orchestrator.errors import StoreError
from orchestrator.executors.exit_record import write_record
from orchestrator.store.attempt_record import AttemptRecord, Traces, read_record, scan_logs

RECORD: dict[str, Any] = {
    "schema": 1,
    "task": "T-02",
    "attempt": 3,
    "charge": 2,
    "run": "r1",
    "agent": "shell",
    "inputs": {"T-01": 1},
    "key": "agent-02.attempt-3",
    "pid": 4711,
    "exit": None,
    "signal": 15,
    "stopped": "timeout",
    "error": "",
    "started": 1767621600.5,
    "ended": 1767621610.5,
    "duration": 10.0,
    "max_rss": 1_000_000,
    "cpu": 0.25,
    "log_bytes": 12,
    "log_sha256": "5891b5b5",
}


def test_a_record_that_was_written_is_read(tmp_path: Path) -> None:
    """Everything that the guard knew of the end of an attempt."""
    path = str(tmp_path / "record.json")
    assert not write_record(path, RECORD)
    expected = AttemptRecord(
        task="T-02",
        number=3,
        charge=2,
        run="r1",
        agent="shell",
        inputs={"T-01": 1},
        exit=ProcessExit(
            signal=15,
            stopped=StopReason.TIMEOUT,
            started=1767621600.5,
            ended=1767621610.5,
            duration=10.0,
            pid=4711,
            max_rss=1_000_000,
            cpu=0.25,
            log_bytes=12,
            log_sha256="5891b5b5",
        ),
    )
    assert expected == read_record(path)


@pytest.mark.parametrize("is_only_simulated", [None, True, False])
def test_what_was_known_at_launch_is_read(tmp_path: Path, is_only_simulated: bool | None) -> None:
    """Whoever launches an attempt hands its facts on, and they come back with its end."""
    path = str(tmp_path / "record.json")
    launched = AttemptRecord(
        task="T-02",
        number=3,
        charge=2,
        run="r1",
        agent="claude",
        inputs={"T-01": 1},
        cap=0.5,
        resumes="s1",
        is_only_simulated=is_only_simulated,
    )
    exit = ProcessExit(code=0, started=1.0, ended=2.0, duration=1.0)
    assert not write_record(path, {**launched.facts(), **exit.as_record()})
    assert launched._replace(exit=exit) == read_record(path)


def test_no_record_is_none(tmp_path: Path) -> None:
    """The attempt did not end, or nobody saw it."""
    assert None is read_record(str(tmp_path / "nothing.json"))


DAMAGED = {
    "empty": "",
    "torn": json.dumps(RECORD)[:-20],
    "list": "[1]",
    "null": "null",
    "deep": "[" * 100_000,
    "no task": json.dumps({name: RECORD[name] for name in RECORD if name != "task"}),
    "no number": json.dumps({**RECORD, "attempt": "x"}),
    "endless number": json.dumps({**RECORD, "attempt": float("inf")}),
    "unknown stop": json.dumps({**RECORD, "stopped": "boredom"}),
    "a run that is no text": json.dumps({**RECORD, "run": "\ud800"}),
    "inputs in a list": json.dumps({**RECORD, "inputs": ["T-01"]}),
    "an exit status that is no number": json.dumps({**RECORD, "exit": "x"}),
    "endless time": json.dumps({**RECORD, "started": float("inf")}),
    "no time": json.dumps({**RECORD, "ended": float("nan")}),
    "time after all times": json.dumps({**RECORD, "started": 1e20}),
    "endless duration": json.dumps({**RECORD, "duration": float("inf")}),
}


@pytest.mark.parametrize("text", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.usefixtures("no_garbage")
def test_what_cannot_be_believed_is_none(tmp_path: Path, text: str) -> None:
    """A damaged or forged record is as good as none, and never stops a run."""
    path = tmp_path / "record.json"
    path.write_text(text)
    assert None is read_record(str(path))


def test_binary_rubbish_is_none(tmp_path: Path) -> None:
    """Whatever a disk or an agent left there."""
    path = tmp_path / "record.json"
    path.write_bytes(b"\xff\xfe\0{")
    assert None is read_record(str(path))


def test_traces_are_read_from_names(tmp_path: Path) -> None:
    """The highest number of any file, and which attempts have a record; everything else is no trace."""
    for name in (
        "agent-01.attempt-1.out",
        "agent-01.attempt-1.json",
        "agent-01.attempt-2.out",
        "agent-01.attempt-10.in",
        "v1.attempt-x.attempt-3.json",
        "agent-02.attempt-1.json.tmp",
        ".agent-03.attempt-1.json.17.tmp",
        "agent-04.attempt-99999999999.json",
        "notes.md",
    ):
        (tmp_path / name).write_bytes(b"")
    expected = {"agent-01": Traces(newest=10, recorded={1}), "v1.attempt-x": Traces(newest=3, recorded={3})}
    assert expected == scan_logs(str(tmp_path))


def test_without_logs_there_are_no_traces(tmp_path: Path) -> None:
    """A plan that never ran."""
    assert {} == scan_logs(str(tmp_path / "logs"))


def test_logs_that_cannot_be_listed_are_told(tmp_path: Path) -> None:
    """Better no run than one that overwrites old logs."""
    (tmp_path / "logs").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot list"):
        scan_logs(str(tmp_path / "logs"))
