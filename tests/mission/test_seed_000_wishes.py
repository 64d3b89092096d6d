"""Seed 000, the wish list: a dashboard, to be told when something is done, runs that begin by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.fakes.scheduler import install
from tests.notifiers.server import serving
from tests.web.dashboard import dashboard


def test_s0_29_web_dashboard_for_browser_monitoring(orchestrate: Orchestrate, root: Path) -> None:
    """A page in the browser shows where every task stands, live, to whoever has the token and to nobody else."""
    pytest.importorskip("uvicorn", reason="the extra `web` is not installed")
    write_plan(root, {"T-01": "true", "T-02": ("exit 3", "T-01")})
    with dashboard(orchestrate, root) as shown:
        assert 403 == shown.ask("GET", "/").status
        assert "Completed 0/2" in shown.enter().text
        assert 1 == orchestrate("run").returncode
        page = shown.get("/").text
        assert "Completed 1/2 · Failed 1" in page
        assert "exit 3" in shown.get("/tasks/T-02").text
        assert 303 == shown.post("/tasks/T-02/retry").status
    assert "Pending" in orchestrate("show", "T-02").stdout


def test_s0_30_notification_on_completion(orchestrate: Orchestrate, root: Path) -> None:
    """One message when all is done, to a chat and to a program of one's own."""
    command = "{command: [sh, -c, 'cat > told']}"
    with serving() as server:
        orchestrate.environment["CHAT"] = server.url()
        write_plan(root, {"T-01": "true", "T-02": "true"}, notify=f"[{{slack: $CHAT}}, {command}]")
        assert 0 == orchestrate("run").returncode
    (message,) = server.bodies
    assert "2 of 2 tasks completed" in message["text"]
    assert "2 of 2 tasks completed" in (root / "told").read_text(encoding="utf-8")


def test_s0_30_and_on_failure(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "exit 3"}, notify="[{command: [sh, -c, 'cat >> told'], on: failed}]")
    assert 1 == orchestrate("run").returncode
    assert ": T-01 failed" in (root / "told").read_text(encoding="utf-8")


def test_s0_31_cron_integration(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """A line of the crontab comes and goes, and the lines of others stay."""
    install(tmp_path / "bin", "crontab")
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    spool = tmp_path / "bin" / "crontab.spool"
    spool.write_text("@daily tidy\n")
    write_plan(root, {"T-01": "true"})
    added = orchestrate("schedule", "add", "--cron", "*/30 * * * *", "--name", "half-hourly")
    assert (0, "half-hourly\n") == (added.returncode, added.stdout)
    theirs, ours = spool.read_text(encoding="utf-8").splitlines()
    assert "@daily tidy" == theirs
    assert ours.startswith("*/30 * * * * cd ")
    assert f" run {root} " in ours
    assert "half-hourly\t*/30 * * * *" in orchestrate("schedule", "list").stdout
    assert 0 == orchestrate("schedule", "remove", "half-hourly").returncode
    assert "@daily tidy\n" == spool.read_text()
