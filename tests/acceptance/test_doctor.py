"""``doctor``, and ``run`` that fails fast for the same reasons."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.doctor.examine import PACKAGES, PYTHON
from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Gate, answer_of, everything, write_plan
from tests.fakes import claude_calls

ROOT = Path(__file__).parents[2]
LOGGED_IN = '{"loggedIn": true, "authMethod": "claude.ai"}'
LOGGED_OUT = '{"loggedIn": false, "authMethod": "none"}'
STUB = 'echo "Error: claude native binary not installed." >&2\nexit 1\n'
THREE = {"T-01": "one", "T-02": "two", "T-03": "three"}
OF_A_PLAN = {"plan", "permissions", "directory", "file system", "room", "lock"}


@pytest.fixture
def p(tmp_path: Path) -> Path:
    """The plan directory."""
    return tmp_path / ".orchestrator"


@pytest.fixture
def bin_(tmp_path: Path, orchestrate: Orchestrate) -> Path:
    """A directory that stands on PATH, before those of the system."""
    orchestrate.environment["PATH"] = f"{tmp_path / 'bin'}:{orchestrate.environment['PATH']}"
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


def claude(directory: Path, text: str, mode: int = 0o755) -> Path:
    """Make a ``claude`` of this text."""
    program = directory / "claude"
    program.write_text(text)
    program.chmod(mode)
    return program


def answering(version: str, status: str = LOGGED_IN, more: str = "") -> str:
    """A script that answers both questions, and nothing else."""
    told = f"--version) echo '{version}';; auth) echo '{status}';;"
    return f'#!/bin/sh\n{more}\ncase "$1" in {told} *) exit 9;; esac\n'


def checks(answer: Answer) -> dict[str, tuple[str, str, str]]:
    """Level, what was found and the hint of every check, by its name."""
    listed = answer.json["checks"]
    return {each["name"]: (each["level"], each["found"], each["hint"]) for each in listed}


# ── doctor ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_a_plan_only_the_machine_is_looked_at(orchestrate: Orchestrate, bin_: Path) -> None:
    """All is well: status 0, one line for each check, and nothing is made."""
    program = claude(bin_, answering("2.1.329 (Claude Code)"))
    before = everything(bin_.parent)
    doctor = orchestrate("doctor", "--json")
    found = checks(doctor)
    assert (0, True, "ok") == (doctor.returncode, doctor.json["ok"], doctor.json["code"])
    assert {"python", "system", "git", "claude", "version", "login", "session", *PACKAGES} == set(found)
    assert ("ok", str(program), "") == found["claude"]
    assert ("ok", "2.1.329 (Claude Code)", "") == found["version"]
    assert ("ok", "logged in (claude.ai)", "") == found["login"]
    text = orchestrate("doctor")
    # Packages that are all well are told in one line, and each in JSON.
    assert len(found) - len(PACKAGES) + 1 == len(text.stdout.splitlines())
    assert re.search(rf"^✅ packages +all {len(PACKAGES)}, none too old$", text.stdout, re.MULTILINE)
    assert re.search(r"^✅ version +2\.1\.329 \(Claude Code\)$", text.stdout, re.MULTILINE)
    assert before == everything(bin_.parent)


def test_a_plan_is_looked_at_too(orchestrate: Orchestrate, p: Path, bin_: Path) -> None:
    """Named, or found as every command finds it; nothing is written."""
    claude(bin_, answering("2.1.329 (Claude Code)"))
    write_plan(p, THREE, agent=None)
    before = everything(p)
    found = checks(orchestrate("doctor", "--json"))
    assert set(found) >= OF_A_PLAN
    assert ("ok", "3 tasks, 3 to run by claude", "") == found["plan"]
    again = checks(orchestrate("doctor", p, "--json", cwd=bin_))
    for each in (found, again):  # others write to the same disk
        assert re.fullmatch(r"[\d.,]+ [KMGT]B free", each.pop("room")[1])
    assert found == again
    assert before == everything(p)


def test_a_plan_that_is_named_must_be_there(orchestrate: Orchestrate) -> None:
    """A typing error is not taken for a machine without a plan."""
    for arguments, env in ((["none"], {}), (["--dir", "none"], {}), ([], {"ORCHESTRATOR_DIR": "none"})):
        told = orchestrate("doctor", *arguments, env=env)
        assert (2, "") == (told.returncode, told.stdout)
        assert "no such plan directory: none" in told.stderr


@pytest.mark.parametrize(
    ("status", "env", "level"),
    [(LOGGED_OUT, {}, "failed"), ("not json", {}, "warning"), ("not json", {"ANTHROPIC_API_KEY": "made-up-key"}, "ok")],
)
def test_who_is_logged_in(
    orchestrate: Orchestrate, bin_: Path, status: str, env: Mapping[str, str], level: str
) -> None:
    """`claude` says it itself; else the environment does, and a key is never shown."""
    claude(bin_, answering("2.1.329 (Claude Code)", status))
    doctor = orchestrate("doctor", "--json", env=env)
    assert level == checks(doctor)["login"][0]
    assert (2 if level == "failed" else 0) == doctor.returncode
    assert "made-up-key" not in doctor.stdout


def test_a_stored_login_is_seen(orchestrate: Orchestrate, tmp_path: Path, bin_: Path) -> None:
    """When it is all there is."""
    claude(bin_, answering("2.1.329 (Claude Code)", "?"))
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / ".credentials.json").touch()
    assert "ok" == checks(orchestrate("doctor", "--json"))["login"][0]


def test_which_claude_is_meant(orchestrate: Orchestrate, tmp_path: Path, bin_: Path) -> None:
    """The flag, then the variable, then PATH; what lies in the current directory is not trusted (promise 25)."""
    said = {}
    for number, name in enumerate(("flag", "variable", "path", "here"), 330):
        (tmp_path / name).mkdir()
        said[name] = claude(tmp_path / name, answering(f"2.1.{number}"))
    here = {"PATH": f".::{tmp_path / 'path'}"}
    variable = {**here, "ORCHESTRATOR_CLAUDE_BIN": str(said["variable"])}

    def version(*flags: str, env: Mapping[str, str]) -> str:
        return checks(orchestrate("doctor", "--json", *flags, cwd=tmp_path / "here", env=env))["version"][1]

    assert "2.1.330" == version("--claude-bin", str(said["flag"]), env=variable)
    assert "2.1.333" == version("--claude-bin", "./claude", env=variable)
    assert "2.1.331" == version(env=variable)
    assert "2.1.332" == version(env=here)


def test_a_session_around_us_stays_outside(orchestrate: Orchestrate, bin_: Path) -> None:
    """`claude` is asked with nothing of the calling session in its environment, and told to keep quiet."""
    claude(bin_, answering("2.1.329 (Claude Code)", more="/usr/bin/env >> seen"))
    found = checks(orchestrate("doctor", "--json", env={"CLAUDECODE": "1"}))
    assert "ok" == found["session"][0]
    assert "inside Claude Code" in found["session"][1]
    seen = (bin_.parent / "seen").read_text()
    assert 2 == seen.count("DISABLE_TELEMETRY=1")
    assert "CLAUDECODE" not in seen


def test_who_is_not_known_is_not_asked_more(orchestrate: Orchestrate, bin_: Path) -> None:
    """A program that does not know the second question might take it for a prompt."""
    claude(bin_, '#!/bin/sh\necho "$*" >> asked\necho wrapper\n')
    found = checks(orchestrate("doctor", "--json"))
    assert ("warning", "warning") == (found["version"][0], found["login"][0])
    assert "--version\n" == (bin_.parent / "asked").read_text()


def test_a_plan_without_claude_does_not_need_it(orchestrate: Orchestrate, p: Path) -> None:
    """Then its absence is worth a warning."""
    write_plan(p, {"T-01": "true"})
    doctor = orchestrate("doctor", "--json")
    level, found, hint = checks(doctor)["claude"]
    assert (0, "warning") == (doctor.returncode, level)
    assert "no task to run needs it" in found
    assert "--claude-bin" in hint
    write_plan(p, {"T-01": "true"}, agent=None)
    assert 2 == orchestrate("doctor").returncode


def test_a_broken_plan_is_a_finding(orchestrate: Orchestrate, p: Path) -> None:
    """With file and line; the rest is looked at all the same."""
    write_plan(p, {"T-01": ("true", "T-09")})
    doctor = orchestrate("doctor", "--json")
    level, found, _ = checks(doctor)["plan"]
    assert (2, "checks_failed", "failed") == (doctor.returncode, doctor.json["code"], level)
    assert re.search(r"master_plan\.md:\d+: .*T-09", found)
    assert "lock" in checks(doctor)


def test_a_plan_without_tasks_is_a_finding(orchestrate: Orchestrate, p: Path) -> None:
    """No run would begin it."""
    write_plan(p, {})
    doctor = orchestrate("doctor", "--json")
    level, found, hint = checks(doctor)["plan"]
    assert (2, "failed") == (doctor.returncode, level)
    assert re.search(r"master_plan\.md:\d+: the plan has no tasks", found)
    assert "orchestrator add" in hint


def test_a_run_at_work_is_named(orchestrate: Orchestrate, gate: Gate, p: Path) -> None:
    """Who holds the plan is a warning: nothing is wrong, and a second run would be refused."""
    write_plan(p, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    level, found, _ = checks(orchestrate("doctor", "--json"))["lock"]
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert "warning" == level
    assert str(run.pid) in found
    assert ("ok", "free", "") == checks(orchestrate("doctor", "--json"))["lock"]


def test_a_missing_package_is_a_finding(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """And no traceback, although half of the program cannot be imported without it."""
    (tmp_path / "shadow" / "anyio").mkdir(parents=True)
    (tmp_path / "shadow" / "anyio" / "__init__.py").write_text("raise ImportError('no anyio')\n")
    path = f"{tmp_path / 'shadow'}:{orchestrate.environment['PYTHONPATH']}"
    doctor = orchestrate("doctor", env={"PYTHONPATH": path})
    assert 2 == doctor.returncode
    assert re.search(r"^❌ anyio +cannot be imported: no anyio$", doctor.stdout, re.MULTILINE)
    assert f"-m pip install 'anyio>={PACKAGES['anyio'][1]}'" in doctor.stdout
    assert re.search(rf"^✅ packages +{len(PACKAGES) - 2} of {len(PACKAGES)}", doctor.stdout, re.MULTILINE)
    assert "2 checks failed\n" == doctor.stderr  # watchfiles needs it, too


def test_the_packages_are_those_that_are_declared() -> None:
    """Somebody may use the package without its metadata, so the list stands twice; here it is held together."""
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    command = {f"{name}>={oldest}" for name, (_, oldest) in PACKAGES.items()}
    assert set(declared["dependencies"]) == command
    assert declared["requires-python"] == f">={'.'.join(map(str, PYTHON))}"


# ── run ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ((STUB, 0o755), "npm left a stub in its place"),
        ((f"#!/bin/sh\n{STUB}", 0o755), "npm left a stub in its place"),
        ((answering("2.1.49 (Claude Code)"), 0o755), "2.1.49 (Claude Code) is too old"),
        ((answering("2.1.329"), 0o644), "not executable"),
        (("#!/no/such/node\n", 0o755), "No such file or directory"),
        (("#!/bin/sh\nkill -ILL $$\n", 0o755), "SIGILL"),
    ],
)
def test_a_run_fails_fast_with_the_hint_of_the_doctor(
    orchestrate: Orchestrate, p: Path, bin_: Path, made: tuple[str, int], words: str
) -> None:
    """One error, not one for each task; before anything is written."""
    claude(bin_, *made)
    write_plan(p, THREE, agent=None)
    before = everything(p)
    run = orchestrate("run")
    assert (2, "", 2) == (run.returncode, run.stdout, len(run.stderr.splitlines()))
    assert words in run.stderr
    told = orchestrate("run", "--json")
    assert (2, "agent_unavailable") == (told.returncode, told.json["code"])
    assert before == everything(p)
    doctor = orchestrate("doctor", "--json")
    failed = [each for each in doctor.json["checks"] if each["level"] == "failed"]
    assert 2 == doctor.returncode
    assert [told.json["hint"]] == [each["hint"] for each in failed]
    assert "--simulate" in told.json["hint"]
    assert 0 == orchestrate("run", "--simulate").returncode


@pytest.mark.parametrize("version", ["2.1.329 (Claude Code)", "wrapper 7"])
def test_claude_is_asked_once_and_a_wrapper_may_answer_what_it_likes(
    orchestrate: Orchestrate, tmp_path: Path, p: Path, bin_: Path, version: str
) -> None:
    """Whatever the number of tasks; and not at all when nobody needs it."""
    (tmp_path / "fake").mkdir()
    fake = claude_calls.install(tmp_path / "fake")
    claude(
        bin_, f'#!/bin/sh\n[ "$1" = --version ] && echo asked >> asked && echo "{version}" && exit\nexec {fake} "$@"\n'
    )
    write_plan(p, THREE, agent=None)
    run = orchestrate("run")
    assert (0, "asked\n") == (run.returncode, (tmp_path / "asked").read_text())
    assert "Done." in answer_of(p, "T-03")
    assert 0 == orchestrate("run").returncode
    assert "asked\n" == (tmp_path / "asked").read_text()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is refused")
def test_root_is_told_before_the_first_task(orchestrate: Orchestrate, p: Path, bin_: Path) -> None:
    """The CLI would refuse every one of them."""
    claude(bin_, answering("2.1.329 (Claude Code)"))
    write_plan(p, THREE, agent=None, permission_mode="bypassPermissions")
    before = everything(p)
    run = orchestrate("run")
    assert (2, "") == (run.returncode, run.stdout)
    assert "T-01, T-02, T-03, which claude refuses as root" in run.stderr
    assert "failed" == checks(orchestrate("doctor", "--json"))["permissions"][0]
    assert "ok" == checks(orchestrate("doctor", "--json", env={"IS_SANDBOX": "1"}))["permissions"][0]
    assert before == everything(p)
