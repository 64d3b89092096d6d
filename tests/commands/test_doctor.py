"""``doctor``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import doctor
from orchestrator.core.finding import Finding, Level
from tests.commands.typed import bob

OK = Finding("python", Level.OK, "3.12")
WRONG = Finding("git", Level.FAILED, "not found", "install git")


def test_the_exit_status_says_whether_a_run_would_work() -> None:
    assert 0 == doctor.status(doctor.Examination([OK], None))
    assert 2 == doctor.status(doctor.Examination([OK, WRONG], None))


def test_as_json_and_as_text() -> None:
    found = doctor.Examination([OK, WRONG], None)
    assert (False, "checks_failed") == (doctor.facts(found)["ok"], doctor.facts(found)["code"])
    assert "❌ git" in doctor.text(found)
    assert "hint: install git" in doctor.text(found)
    assert "1 check failed" == found.summary


def test_a_plan_directory(tmp_path: Path) -> None:
    found = doctor.execute(bob(tmp_path), doctor.DoctorParams(plan=True))
    assert found.checked is not None
    assert "directory" in {each.name for each in found.findings}
