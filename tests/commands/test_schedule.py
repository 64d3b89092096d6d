"""``schedule``."""

from __future__ import annotations

import pytest

from orchestrator.cli.parser import parse
from orchestrator.commands import schedule
from orchestrator.commands.call import Call
from orchestrator.errors import UsageError
from orchestrator.store.layout import Layout


@pytest.mark.parametrize("params", [schedule.ScheduleAddParams(), schedule.ScheduleAddParams(at="07:30", every="1h")])
def test_exactly_one_time(params: schedule.ScheduleAddParams) -> None:
    with pytest.raises(UsageError, match="say when"):
        schedule._when(params)


def test_a_pause_is_a_second_at_least() -> None:
    with pytest.raises(UsageError, match="less than a second"):
        schedule._when(schedule.ScheduleAddParams(every="10ms"))
    assert 3600 == schedule._when(schedule.ScheduleAddParams(every="1h")).every


def test_flags_of_run_are_read_at_once() -> None:
    call = Call(rest=["--detach"], parse=parse)
    with pytest.raises(UsageError, match="--detach makes no sense in a schedule"):
        schedule._check_flags(call, Layout("/tmp/p"))
