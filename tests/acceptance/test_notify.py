"""People are told what happens in a run: on their desktop, by a command, through a webhook; and no run waits for it."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, everything, write_plan
from tests.executors.harness import is_alive, wait_until
from tests.notifiers.server import HANG, Reply, serving

GOOD, BAD = {"T-01": "true", "T-02": ("true", "T-01")}, {"T-01": "true", "T-02": "exit 3"}
#: Keeps each message in a file of its own, and its JSON beside it, which is there when it is whole.
KEEP = (
    '{command: ["sh", "-c", "cat > told.$$; printf %s \\"$ORCHESTRATOR_NOTICE\\" > new.$$; '
    "mv new.$$ told.$$.json; "
    'echo $ORCHESTRATOR_NOTICE_KIND $ORCHESTRATOR_NOTICE_TASK >> kinds"]}'
)

#: Hangs, and so does what it put into a session of its own.
STUCK = 'echo $$ >> stuck; setsid sh -c "echo \\$\\$ >> stuck; exec sleep 1000" & exec sleep 1000'


def notices(root: Path) -> list[dict[str, object]]:
    """What the command was told, in order."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in root.glob("told.*.json")]
    return sorted(found, key=lambda each: (each["time"], each["task"] == ""))


def journal(root: Path) -> str:
    return (root / "journal.md").read_text(encoding="utf-8")


def test_a_command_is_told_that_all_is_done(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, GOOD, more="# The shop", notify=f"[{KEEP}]")
    assert 0 == orchestrate("run").returncode
    (notice,) = notices(root)
    assert ("completed", "", {"completed": 2}) == (notice["kind"], notice["task"], notice["counts"])
    assert str(notice["title"]).endswith(": 2 of 2 tasks completed")
    (text,) = (path.read_text() for path in root.glob("told.*") if path.suffix != ".json")
    assert f"{notice['title']}\n{notice['text']}\n" == text


def test_a_failed_task_and_the_end_of_the_run_are_told(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, BAD, notify=f"[{KEEP}]")
    assert 1 == orchestrate("run").returncode
    assert "failed T-02\nfailed\n" == (root / "kinds").read_text().replace(" \n", "\n")


def test_a_plan_below_a_directory_of_plans_is_named_in_the_next_step(orchestrate: Orchestrate, root: Path) -> None:
    """Else the command that is to help would look at another one, or at none."""
    below = root / "TASK-001"
    below.mkdir(parents=True)
    write_plan(below, BAD, notify=f"[{KEEP}]")
    assert 1 == orchestrate("run", "--dir", str(below)).returncode
    texts = [str(each["text"]) for each in notices(below)]
    assert texts[0].endswith(f"next: orchestrator show T-02 --dir {below}")
    assert texts[1].endswith(f"next: orchestrator status --dir {below}")


def test_a_discovery_is_told(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Whoever says `discover` while the plan runs alerts those, too, who do not watch it."""
    write_plan(root, {"T-01": gate.wait}, notify=f"[{KEEP}]")
    run = orchestrate.start("run")
    gate.await_task(run)
    assert 0 == orchestrate("discover", "T-01", "Redis is needed", "--as", "db").returncode
    wait_until(lambda: bool(notices(root)))
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    first = notices(root)[0]
    assert ("alert", "T-01") == (first["kind"], first["task"])
    assert "db: Redis is needed" in str(first["text"])


def test_a_run_that_has_nothing_to_do_is_no_news(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, GOOD, notify=f"[{KEEP}]")
    orchestrate("run")
    orchestrate("run")
    assert 1 == len(notices(root))


def test_a_simulated_run_is_nobodys_business(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, GOOD, notify=f"[{KEEP}]")
    assert 0 == orchestrate("run", "--simulate").returncode
    assert [] == notices(root)


def test_the_desktop_is_told_in_one_line(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "notify-send"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" > "$HOME/shown"\n')
    program.chmod(0o755)
    orchestrate.environment["PATH"] = f"{program.parent}:/usr/bin:/bin"
    write_plan(root, GOOD)
    assert 0 == orchestrate("run", "--notify", "desktop").returncode
    *options, title, text = (tmp_path / "shown").read_text(encoding="utf-8").splitlines()
    assert ["--app-name=orchestrator", "--urgency=low", "--"] == options
    assert title.startswith("✅")
    assert "2 of 2 tasks completed" in title
    assert "next: read final_output.md" in text


@pytest.mark.parametrize(
    ("way", "key", "mark"), [("discord", "content", "**"), ("slack", "text", "*"), ("webhook", "title", "")]
)
def test_a_webhook_is_told_and_its_address_stays_secret(
    orchestrate: Orchestrate, root: Path, way: str, key: str, mark: str
) -> None:
    """Named by a variable, on the command line; asked again when it is busy."""
    write_plan(root, GOOD)
    with serving([Reply(429, {"Retry-After": "0.01"})]) as server:
        orchestrate.environment["HOOK"] = server.url()
        answer = orchestrate("run", "--json", "--notify", f"{way}=$HOOK")
    assert 0 == answer.returncode
    assert 2 == len(server.bodies)
    assert server.bodies[1][key].startswith(f"{mark}✅")
    assert "secret-token" not in answer.stdout + answer.stderr
    assert not any(b"secret-token" in data for data, _ in everything(root).values())


def test_an_address_in_the_plan_is_copied_nowhere(orchestrate: Orchestrate, root: Path) -> None:
    """Not into the journal, the logs, the cache, or what is printed when nobody answers."""
    with serving(always=Reply(404)) as server:
        plan = write_plan(root, BAD, notify=f"[{{slack: '{server.url()}'}}]")
        os.utime(plan, (1, 1))  # old enough for the cache
        answers = [orchestrate("run"), orchestrate("status"), orchestrate("doctor", "--notify")]
    assert "the answer was 404 Not Found" in journal(root)
    with_it = [name for name, (data, _) in everything(root).items() if b"secret-token" in data]
    assert ["master_plan.md"] == with_it
    assert not any("secret-token" in each.stdout + each.stderr for each in answers)


def stuck_in(root: Path) -> list[int]:
    """The processes of a command that hangs."""
    path = root / "stuck"
    return [int(word) for word in path.read_text().split()] if path.exists() else []


def test_who_hangs_holds_up_no_run(orchestrate: Orchestrate, root: Path) -> None:
    """Everything is done and written before anybody is waited for; then it is said who was not told."""
    stuck = f"{{command: [sh, -c, '{STUCK}'], name: sleeper, on: failed}}"
    with serving(always=HANG) as server:
        orchestrate.environment["HOOK"] = server.url()
        write_plan(root, BAD, notify=f"[{stuck}, {{webhook: $HOOK, name: silent}}, {KEEP}]")
        answer = orchestrate("run")
    assert 1 == answer.returncode
    assert 2 == len(notices(root))
    last, end = journal(root).splitlines()[-2:]
    assert "not everybody was told: 2 notices to sleeper (no time was left); 2 notices to silent" in last
    assert "run · ended" in end
    assert "not everybody was told" in answer.stderr
    wait_until(lambda: not any(is_alive(pid) for pid in stuck_in(root)))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("more", [(), ("--every", "1h")], ids=["run", "round"])
def test_whoever_ends_a_run_that_waits_for_somebody_ends_it_in_order(
    orchestrate: Orchestrate, root: Path, more: tuple[str, ...], number: signal.Signals
) -> None:
    """All that was to be done is done, so the run has the status it had; but no round follows."""
    stuck = f"{{command: [sh, -c, '{STUCK}'], name: sleeper}}"
    write_plan(root, GOOD, notify=f"[{stuck}]")
    run = orchestrate.start("run", *more)
    wait_until(lambda: len(stuck_in(root)) == 2)
    run.send_signal(number)
    assert (128 + number if more else 0) == orchestrate.finish(run).returncode
    last, end = journal(root).splitlines()[-2:]
    assert "not everybody was told: 1 notice to sleeper (no time was left)" in last
    assert "run · ended" in end
    assert "ended" == orchestrate("status", "--brief", "--json").json["phase"]
    wait_until(lambda: not any(is_alive(pid) for pid in stuck_in(root)))


def test_who_hangs_when_the_run_is_killed_is_ended_by_the_next(
    orchestrate: Orchestrate, root: Path, gate: Gate
) -> None:
    """It carries the marks of the run, as an agent does."""
    rows = {"T-01": "exit 3", "T-02": gate.wait}
    write_plan(root, rows, notify=f"[{{command: [sh, -c, '{STUCK}'], on: failed}}]")
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: len(stuck_in(root)) == 2)
    run.kill()
    orchestrate.finish(run)
    assert all(is_alive(pid) for pid in stuck_in(root))
    orchestrate("run", "--only", "T-01", "--notify", "none")
    assert not any(is_alive(pid) for pid in stuck_in(root))


def test_who_cannot_be_told_is_said_at_the_beginning(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "sh").symlink_to("/bin/sh")  # and nothing else
    orchestrate.environment["PATH"] = str(tmp_path / "bin")
    missing = "[desktop, {slack: $NOT_SET, name: team}, {command: no-such-program}]"
    write_plan(root, GOOD, notify=missing)
    answer = orchestrate("run")
    assert 0 == answer.returncode
    for said in (
        "desktop: neither notify-send nor osascript is installed",
        "team: the variable NOT_SET is not set",
        "command: no such program: no-such-program",
    ):
        assert 1 == answer.stderr.count(said)
        assert 1 == journal(root).count(said)
    checks = orchestrate("doctor", "--json").json["checks"]
    hints = {each["hint"] for each in checks if each["name"].startswith("notify")}
    assert {"install or set what is missing, or correct `notify` in master_plan.md"} == hints


def test_a_bad_entry_is_a_problem_of_the_plan(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, GOOD, notify="[desktop, {slack: secret-token}]")
    for command in ("validate", "run"):
        answer = orchestrate(command)
        assert 2 == answer.returncode
        assert "master_plan.md:5: setting notify: entry 2: slack: an address begins with" in answer.stderr
        assert "secret-token" not in answer.stderr
    assert not (root / "journal.md").exists()


def test_it_is_a_setting_of_the_run(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, GOOD)
    (root / "agent_tasks").mkdir()
    (root / "agent_tasks" / "agent-01.md").write_text("---\nnotify: desktop\n---\n")
    answer = orchestrate("run")
    assert 2 == answer.returncode
    assert "notify is a setting of the whole run" in answer.stderr


def test_an_address_on_the_command_line_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, GOOD)
    answer = orchestrate("run", "--notify", "slack=https://hooks.slack.com/services/secret-token")
    assert 2 == answer.returncode
    assert "'slack=$NAME'" in answer.stderr
    assert "secret-token" not in answer.stderr


def test_a_flag_comes_before_the_plan(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, GOOD, notify=f"[{KEEP}]")
    assert 0 == orchestrate("run", "--notify", "none").returncode
    assert [] == notices(root)


def test_doctor_looks_at_everybody_and_tries_them_when_asked(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, GOOD, notify=f"[{KEEP}, {{slack: $NOT_SET, on: failed}}]")
    looked = orchestrate("doctor")
    assert 0 == looked.returncode
    assert "is told of completed, failed, alert; doctor --notify tries it" in looked.stdout
    assert "the variable NOT_SET is not set" in looked.stdout
    assert [] == notices(root)
    tried = orchestrate("doctor", "--notify")
    assert 2 == tried.returncode
    assert "was sent a test message" in tried.stdout
    (notice,) = notices(root)
    assert str(notice["title"]).endswith(": a test")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_who_is_being_tried_is_not_left_behind(orchestrate: Orchestrate, root: Path, number: signal.Signals) -> None:
    write_plan(root, GOOD, notify=f"[{{command: [sh, -c, '{STUCK}']}}]")
    doctor = orchestrate.start("doctor", "--notify")
    wait_until(lambda: len(stuck_in(root)) == 2 or doctor.poll() is not None)
    doctor.send_signal(number)
    assert 128 + number == orchestrate.finish(doctor).returncode
    wait_until(lambda: not any(is_alive(pid) for pid in stuck_in(root)))


def test_a_stopped_run_tells_nobody_how_it_ended(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Whoever stopped it knows."""
    write_plan(root, {"T-01": gate.wait}, notify=f"[{KEEP}]")
    run = orchestrate.start("run")
    gate.await_task(run)
    run.terminate()
    assert 143 == orchestrate.finish(run).returncode
    assert [] == notices(root)
