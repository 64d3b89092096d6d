"""What everybody does who starts runs at their time; crontab and systemctl are played by stand-ins, one is a fake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.cron.crontab import Crontab
from orchestrator.cron.entry import ScheduledRun, Scheduler, When
from orchestrator.cron.systemd import SystemdTimers
from orchestrator.errors import ScheduleError
from tests.fakes.scheduler import FakeScheduler, install


def job(name: str, where: Path, when: When = When(at="07:30")) -> ScheduledRun:  # noqa: B008 - a tuple
    plan = f'{where}/it\'s 100% "mine" $HOME'
    words = ["/opt/my tools/orchestrator", "run", plan, "--max-parallel", "2"]
    return ScheduledRun(name, when, words, str(where), "/usr/bin:/bin", f"{plan}/logs/schedule-{name}.out")


def crontab(where: Path) -> Crontab:
    return Crontab(str(install(where / "bin", "crontab")), {"PATH": "/usr/bin:/bin"})


def systemd(where: Path) -> SystemdTimers:
    return SystemdTimers(str(install(where / "bin", "systemctl")), {"HOME": str(where)})


PLUGS: dict[str, Callable[[Path], Scheduler]] = {
    "fake": lambda where: FakeScheduler(),
    "crontab": crontab,
    "systemd": systemd,
}


@pytest.fixture(params=list(PLUGS.values()), ids=list(PLUGS))
def scheduler(request: pytest.FixtureRequest, tmp_path: Path) -> Scheduler:
    made: Scheduler = request.param(tmp_path)
    return made


def test_at_first_there_is_nothing(scheduler: Scheduler) -> None:
    assert [] == list(scheduler.entries())


def test_what_was_added_is_there(scheduler: Scheduler, tmp_path: Path) -> None:
    """With its name, its plan and whoever has it, however strange the path is."""
    added = job("nightly", tmp_path)
    scheduler.add(added)
    (found,) = scheduler.entries()
    assert ("nightly", added.words[2], scheduler.by) == (found.name, found.plan, found.by)
    assert found.when


def test_what_was_removed_is_gone_and_nothing_else(scheduler: Scheduler, tmp_path: Path) -> None:
    for name in ("a", "a-2", "b"):
        scheduler.add(job(name, tmp_path))
    scheduler.remove("a")
    scheduler.remove("a")
    scheduler.remove("never-there")
    assert ["a-2", "b"] == sorted(each.name for each in scheduler.entries())


def test_a_name_may_be_used_again(scheduler: Scheduler, tmp_path: Path) -> None:
    for _ in range(2):
        scheduler.add(job("a", tmp_path))
        scheduler.remove("a")
    assert [] == list(scheduler.entries())


# ── crontab ──────────────────────────────────────────────────────────────────────────────────────────────────────────

OTHERS = (
    '# my own\n\n MAILTO = me\n5 4 * * * echo "100\\% mine" # orchestrator\n@daily  tidy\n'
    "# 1 2 3 4 5 run # orchestrator: old\n\t0 0 1 1 *\tcd x # orchestrator:a\n"
)


def test_a_crontab_that_is_too_long_to_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    """A part of it, written back, would be the end of the rest."""
    scheduler, spool = crontab(tmp_path), tmp_path / "bin" / "crontab.spool"
    spool.write_bytes(b"# mine\n" * 200_000)
    with pytest.raises(ScheduleError, match="more than 1024 KiB"):
        scheduler.add(job("a", tmp_path))
    with pytest.raises(ScheduleError, match="more than 1024 KiB"):
        scheduler.remove("a")
    assert b"# mine\n" * 200_000 == spool.read_bytes()


@pytest.mark.parametrize("others", [OTHERS, OTHERS.replace("\n", "\r\n"), "# ä\u2028\x0b\n", OTHERS * 700])
def test_other_lines_stay_byte_for_byte(tmp_path: Path, others: str) -> None:
    scheduler, spool = crontab(tmp_path), tmp_path / "bin" / "crontab.spool"
    spool.write_bytes(others.encode())
    scheduler.add(job("a", tmp_path))
    assert spool.read_bytes().startswith(others.encode())
    assert 1 == spool.read_bytes().removeprefix(others.encode()).count(b"\n")
    assert ["a"] == [each.name for each in scheduler.entries()]
    scheduler.remove("a")
    assert others.encode() == spool.read_bytes()


def test_a_crontab_that_cannot_be_read_is_never_written(tmp_path: Path) -> None:
    scheduler, place = crontab(tmp_path), tmp_path / "bin"
    (place / "crontab.spool").write_bytes(b"# mine\n")
    (place / "crontab.locked").touch()
    for act in (scheduler.entries, lambda: scheduler.add(job("a", tmp_path))):
        with pytest.raises(ScheduleError, match="not allowed to use this program"):
            act()
    assert b"# mine\n" == (place / "crontab.spool").read_bytes()


@pytest.mark.parametrize("others", [b"# \xff\n", b"# long\n" + b"#" * 70_000 + b"\n"])
def test_a_crontab_that_would_be_damaged_is_left_alone(tmp_path: Path, others: bytes) -> None:
    scheduler, spool = crontab(tmp_path), tmp_path / "bin" / "crontab.spool"
    spool.write_bytes(others)
    with pytest.raises(ScheduleError):
        scheduler.add(job("a", tmp_path))
    assert others == spool.read_bytes()


def test_a_crontab_with_a_bad_line_of_others_is_refused_with_the_words_of_cron(tmp_path: Path) -> None:
    scheduler, spool = crontab(tmp_path), tmp_path / "bin" / "crontab.spool"
    spool.write_bytes(b"what?\n")
    with pytest.raises(ScheduleError, match=r"the crontab was not changed: .*bad minute"):
        scheduler.add(job("a", tmp_path))
    assert b"what?\n" == spool.read_bytes()


# ── systemd ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("left", ["timer", "service"])
def test_half_an_entry_of_ours_makes_room(tmp_path: Path, left: str) -> None:
    """Somebody took the other unit away by hand: nobody lists it, and its name would never be free again."""
    scheduler, units = systemd(tmp_path), tmp_path / ".config/systemd/user"
    scheduler.add(job("a", tmp_path))
    (units / f"orchestrator-a.{'service' if left == 'timer' else 'timer'}").unlink()
    if left == "service":
        assert [] == list(scheduler.entries())
    scheduler.add(job("a", tmp_path, When(every=90)))
    (found,) = scheduler.entries()
    assert "every 90s" == found.when


def test_a_unit_of_somebody_else_is_left_alone_and_named(tmp_path: Path) -> None:
    scheduler, unit = systemd(tmp_path), tmp_path / ".config/systemd/user/orchestrator-a.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("[Unit]\n")
    with pytest.raises(ScheduleError, match=r"orchestrator-a\.service"):
        scheduler.add(job("a", tmp_path))
    assert (["orchestrator-a.service"], "[Unit]\n") == ([each.name for each in unit.parent.iterdir()], unit.read_text())


def test_timers_are_on_as_long_as_they_are_there(tmp_path: Path) -> None:
    scheduler, on = systemd(tmp_path), tmp_path / "bin" / "timers.on"
    scheduler.add(job("a", tmp_path))
    assert "orchestrator-a.timer" == on.read_text()
    scheduler.remove("a")
    assert "" == on.read_text()
    assert [] == list((tmp_path / ".config/systemd/user").iterdir())


def test_units_of_others_are_not_touched(tmp_path: Path) -> None:
    """Also when they are called as ours are."""
    scheduler, units = systemd(tmp_path), tmp_path / ".config/systemd/user"
    units.mkdir(parents=True)
    (units / "orchestrator-mine.timer").write_text("[Timer]\nOnCalendar=daily\n")
    assert [] == list(scheduler.entries())
    scheduler.remove("mine")
    with pytest.raises(ScheduleError, match="File exists"):
        scheduler.add(job("mine", tmp_path))
    assert ["orchestrator-mine.timer"] == [path.name for path in units.iterdir()]


def test_without_a_session_nothing_is_left_behind(tmp_path: Path) -> None:
    scheduler = systemd(tmp_path)
    (tmp_path / "bin" / "no.bus").touch()
    with pytest.raises(ScheduleError, match="Failed to connect to bus"):
        scheduler.add(job("a", tmp_path))
    assert [] == list((tmp_path / ".config/systemd/user").iterdir())


def test_systemd_says_other_times_than_cron(tmp_path: Path) -> None:
    systemd(tmp_path).add(job("odd", tmp_path, When(every=5400)))
    with pytest.raises(ValueError, match="multiple"):
        crontab(tmp_path).add(job("odd", tmp_path, When(every=5400)))
    crontab(tmp_path).add(job("fields", tmp_path, When(cron="0 9-17/2 * * mon-fri")))
    with pytest.raises(ValueError, match="fields of cron"):
        systemd(tmp_path).add(job("fields", tmp_path, When(cron="0 9-17/2 * * mon-fri")))
