"""Seed 003, rows about being told, and about starting at a time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.notifiers.server import serving


def test_s3_52_start_at_an_instant(orchestrate: Orchestrate, root: Path) -> None:
    """The seed's own spelling of one; one that has passed is refused, one that comes is waited for."""
    write_plan(root, {"T-01": "true"})
    assert "is over" in orchestrate("run", "--at", "2024-01-20T09:00:00Z").stderr
    assert 0 == orchestrate("run", "--at", orchestrate.this_minute()).returncode


def test_s3_54_recurring_daily_at_a_time_in_a_time_zone(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "true"})
    orchestrate.environment["TZ"] = "JST-9"
    later = f"{datetime.now(timezone(timedelta(hours=9))) + timedelta(hours=2):%H:%M}"
    process = orchestrate.start("run", "--at", later, "--every", "1d")
    assert process.stderr is not None
    assert f"{later}:00 JST" in process.stderr.readline()
    process.terminate()
    assert 143 == orchestrate.finish(process).returncode


def test_s3_58_completion_notifications_to_named_groups(orchestrate: Orchestrate, root: Path) -> None:
    """Each has a name and an address of its own, and hears what it wants to; who cannot be told is named."""
    with serving() as content, serving() as marketing:
        orchestrate.environment.update(CONTENT=content.url(), MARKETING=marketing.url())
        notify = (
            "[{slack: $CONTENT, name: content_team, on: completed}, "
            "{webhook: $MARKETING, name: marketing_team, on: [completed]}, "
            "{slack: $NOBODY, name: press_team}]"
        )
        write_plan(root, {"T-01": "true"}, notify=notify)
        answer = orchestrate("run")
    assert 0 == answer.returncode
    assert (1, 1) == (len(content.bodies), len(marketing.bodies))
    assert "press_team: the variable NOBODY is not set" in answer.stderr


def test_s3_69_notifications_flag(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "true"})
    with serving() as server:
        orchestrate.environment["HOOK"] = server.url()
        assert 0 == orchestrate("run", "--notify", "webhook=$HOOK").returncode
    assert ["completed"] == [body["kind"] for body in server.bodies]


def test_s3_80_alert_on_errors(orchestrate: Orchestrate, root: Path) -> None:
    """A failed task, with its reason; what succeeds is not worth an alert."""
    write_plan(
        root,
        {"T-01": "exit 3", "T-02": "true"},
        notify="[{command: [sh, -c, 'echo $ORCHESTRATOR_NOTICE_TASK; cat >> told'], on: [failed, alert]}]",
    )
    assert 1 == orchestrate("run").returncode
    told = (root / "told").read_text(encoding="utf-8")
    assert ": T-01 failed\nexit 3\n" in told
    assert "T-02" not in told
