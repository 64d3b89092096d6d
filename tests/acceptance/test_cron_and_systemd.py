"""``schedule``: runs that cron or systemd start, played by stand-ins."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.fakes.scheduler import install


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "my shop" / ".orchestrator"
    root.parent.mkdir()
    write_plan(root, {"T-01": "echo x >> done", "T-02": ("true", "T-01")})
    return root


@pytest.fixture
def machine(orchestrate: Orchestrate, tmp_path: Path) -> Path:
    """A machine with cron and systemd, as PATH knows them."""
    for program in ("crontab", "systemctl"):
        install(tmp_path / "bin", program)
    orchestrate.environment["PATH"] = f"{tmp_path}/bin:/usr/bin:/bin"
    return tmp_path / "bin"


def test_a_run_is_scheduled_listed_and_removed(orchestrate: Orchestrate, machine: Path, root: Path) -> None:
    added = orchestrate("schedule", "add", "--at", "07:30", root)
    assert (0, "my-shop\n") == (added.returncode, added.stdout)
    assert "crontab: 30 7 * * *" in added.stderr
    listed = orchestrate("schedule", "list")
    assert f"my-shop\t30 7 * * *\tcrontab\t{root}\n" == listed.stdout
    assert 0 == orchestrate("schedule", "remove", "my-shop").returncode
    assert "" == orchestrate("schedule", "list").stdout
    assert "" == (machine / "crontab.spool").read_text()


def test_the_line_does_what_it_says(orchestrate: Orchestrate, machine: Path, root: Path) -> None:
    """As cron would: a shell, nearly no environment, another directory."""
    assert 0 == orchestrate("schedule", "add", root, "--every", "1h", "--", "--max-parallel", "2").returncode
    (line,) = (machine / "crontab.spool").read_text(encoding="utf-8").splitlines()
    command = line.split(maxsplit=5)[5].replace("\\%", "%")
    for name in [name for name in os.environ if name.startswith("COVERAGE_")]:
        command = f"export {name}={shlex.quote(os.environ[name])}; {command}"
    cron = {"PATH": "/usr/bin:/bin", "HOME": str(root.parent), "SHELL": "/bin/sh"}
    subprocess.run(["/bin/sh", "-c", command], cwd="/", env=cron, check=True, timeout=30)
    assert "x\n" == (root.parent / "done").read_text(encoding="utf-8")
    assert "2 of 2 tasks completed" in (root / "logs" / "schedule-my-shop.out").read_text(encoding="utf-8")


def test_a_line_makes_logs_and_never_a_plan_directory_that_is_gone(
    orchestrate: Orchestrate, machine: Path, root: Path
) -> None:
    """It would be the nearest one for whoever comes next, and without a plan."""
    assert 0 == orchestrate("schedule", "add", root, "--every", "1h").returncode
    (line,) = (machine / "crontab.spool").read_text(encoding="utf-8").splitlines()
    command = line.split(maxsplit=5)[5].replace("\\%", "%")
    cron = ["/usr/bin/env", "-i", "PATH=/usr/bin:/bin", f"HOME={root.parent}", "sh", "-c", command]
    shutil.rmtree(root / "logs")
    assert 0 == subprocess.run(cron, timeout=30, check=False).returncode
    assert (root / "logs").is_dir()
    shutil.rmtree(root)
    ended = subprocess.run(cron, timeout=30, check=False, capture_output=True, text=True)
    assert (1, "mkdir: ") == (ended.returncode, ended.stderr[:7])  # cron sends that as a mail
    assert not root.exists()


def test_whoever_puts_a_plan_away_is_told_what_still_runs_it(
    orchestrate: Orchestrate, machine: Path, root: Path
) -> None:
    write_plan(root / "TASK-001", {"T-01": "true"}, status="failed")
    write_plan(root / "TASK-002", {"T-01": "true"})
    for name in ("TASK-001", "TASK-002"):
        words = ("schedule", "add", name, "--at", "05:00", "--name", name.lower())
        assert 0 == orchestrate(*words, cwd=root.parent).returncode
    told = orchestrate("archive", "TASK-001", cwd=root.parent)
    assert 0 == told.returncode
    assert "schedule task-001 still runs it; `orchestrator schedule remove task-001`" in told.stderr
    assert "task-002" not in told.stderr


def test_names_are_free_or_refused(orchestrate: Orchestrate, machine: Path, root: Path) -> None:
    names = [orchestrate("schedule", "add", root, "--every", "1h").stdout for _ in range(3)]
    assert ["my-shop\n", "my-shop-2\n", "my-shop-3\n"] == names
    again = orchestrate("schedule", "add", root, "--every", "1h", "--name", "my-shop", "--systemd")
    assert 2 == again.returncode
    assert "my-shop is taken" in again.stderr
    bad = orchestrate("schedule", "add", root, "--every", "1h", "--name", "../x")
    assert 2 == bad.returncode
    assert "is not a name" in bad.stderr


def test_systemd_has_timers(orchestrate: Orchestrate, machine: Path, root: Path, tmp_path: Path) -> None:
    words = ("schedule", "add", root, "--every", "90m", "--name", "odd", "--systemd", "--json")
    added = orchestrate(*words, "--", "--fresh").json
    assert ("odd", "systemd", str(root)) == (added["name"], added["by"], added["plan"])
    units = tmp_path / ".config/systemd/user"
    assert "OnUnitActiveSec=5400s" in (units / "orchestrator-odd.timer").read_text()
    service = (units / "orchestrator-odd.service").read_text()
    assert f'"run" "{root}" "--fresh"' in service
    assert f"StandardOutput=append:{root}/logs/schedule-odd.out" in service
    listed = orchestrate("schedule", "list", "--json").json["schedules"]
    assert [("odd", "every 5400s")] == [(each["name"], each["when"]) for each in listed]
    assert 0 == orchestrate("schedule", "remove", "odd").returncode
    assert [] == list(units.iterdir())


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("say when: exactly one of", []),
        ("say when: exactly one of", ["--at", "7:30", "--every", "1h"]),
        ("'25:00' is not a time of day", ["--at", "25:00"]),
        ("'61' is no minute", ["--cron", "61 * * * *"]),
        ("cron knows only intervals", ["--every", "90m"]),
        ("--every: 'soon' is not a duration", ["--every", "soon"]),
        ("No such option '--nope'", ["--every", "1h", "--", "--nope"]),
        ("unexpected extra argument (elsewhere)", ["--every", "1h", "--", "elsewhere"]),
        ("--detach makes no sense in a schedule", ["--every", "1h", "--", "--detach"]),
        ("--every makes no sense in a schedule", ["--every", "1h", "--", "--every", "1h"]),
        ("systemd does not read the fields of cron", ["--systemd", "--cron", "* * * * *"]),
    ],
)
def test_what_makes_no_sense_is_refused(
    orchestrate: Orchestrate, machine: Path, root: Path, said: str, words: list[str]
) -> None:
    answer = orchestrate("schedule", "add", "--dir", root, *words)
    assert 2 == answer.returncode
    assert said in answer.stderr
    assert not (machine / "crontab.spool").exists()
    assert not (machine / "timers.on").exists()


@pytest.mark.parametrize(
    ("said", "flags"),
    [
        ("there is no agent 'nosuch'", ["--agent", "nosuch"]),
        ("--only names T-99", ["--only", "T-99"]),
        ("no task of the plan has the tag", ["--tag", "x"]),
        ("--workdir", ["--workdir", "/nowhere"]),
        ("--dir makes no sense in a schedule", ["--dir", "../b"]),
    ],
)
def test_what_the_run_would_refuse_is_refused_now(
    orchestrate: Orchestrate, machine: Path, root: Path, said: str, flags: list[str]
) -> None:
    answer = orchestrate("schedule", "add", root, "--every", "1h", "--", *flags)
    assert 2 == answer.returncode
    assert said in answer.stderr
    assert not (machine / "crontab.spool").exists()


def test_what_may_be_mended_until_then_is_a_warning(orchestrate: Orchestrate, machine: Path, root: Path) -> None:
    write_plan(root, {"T-01": ("true", "T-09")})
    answer = orchestrate("schedule", "add", root, "--every", "1h")
    assert (0, "my-shop\n") == (answer.returncode, answer.stdout)
    assert "warning: as things are, that run would not begin: " in answer.stderr
    assert "T-09" in answer.stderr


def test_who_may_not_use_cron_may_use_systemd(orchestrate: Orchestrate, machine: Path, root: Path) -> None:
    (machine / "crontab.locked").touch()
    added = orchestrate("schedule", "add", root, "--every", "1h", "--systemd")
    assert (0, "my-shop\n") == (added.returncode, added.stdout), added.stderr
    listed = orchestrate("schedule", "list")
    assert (0, ["my-shop"]) == (listed.returncode, [line.split("\t")[0] for line in listed.stdout.splitlines()])
    assert "warning: cannot read the crontab" in listed.stderr
    unknown = orchestrate("schedule", "remove", "other")  # it may be one of cron
    assert "not allowed to use this program" in unknown.stderr
    assert 0 == orchestrate("schedule", "remove", "my-shop").returncode


def test_who_adds_at_the_same_time_waits_for_the_other(orchestrate: Orchestrate, machine: Path, root: Path) -> None:
    """Who reads and writes a crontab takes away what is written in between."""
    adding = [orchestrate.start("schedule", "add", root, "--every", "1h") for _ in range(6)]
    names = [orchestrate.finish(each).stdout for each in adding]
    assert sorted(f"my-shop{each}\n" for each in ("", "-2", "-3", "-4", "-5", "-6")) == sorted(names)
    assert 6 == len((machine / "crontab.spool").read_text(encoding="utf-8").splitlines())


def test_without_cron_and_systemd_it_says_what_to_do(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    orchestrate.environment["PATH"] = str(tmp_path)
    for words in (["--every", "1h"], ["--every", "1h", "--systemd"]):
        answer = orchestrate("schedule", "add", root, *words)
        assert 2 == answer.returncode
        assert "is not installed here" in answer.stderr
        assert f"run --dir {shlex.quote(str(root))} --every" in answer.stderr
    assert (0, "") == (orchestrate("schedule", "list").returncode, orchestrate("schedule", "list").stdout)
    assert 2 == orchestrate("schedule", "remove", "x").returncode
