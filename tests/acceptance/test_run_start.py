"""How a run begins: both forms of its command line, and what happens before the lock is its own."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from orchestrator.wiring import own_program
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_plan

GOOD = {"T-01": "echo one", "T-02": ("cat", "T-01")}
PLANS = {
    "good": GOOD,
    "failing": GOOD | {"T-01": "exit 3"},
    "empty": {},
    "broken": GOOD | {"T-02": ("cat", "T-09")},
    "absent": None,
}


@pytest.mark.parametrize("words", [(), ("--json",), ("--max-parallel", "2", "--simulate")])
@pytest.mark.parametrize("kind", PLANS)
def test_both_forms_do_the_same(orchestrate: Orchestrate, tmp_path: Path, kind: str, words: tuple[str, ...]) -> None:
    """The plain one is read without `click` (decision 11); an option that means nothing new asks for the full one."""
    told = []
    for form, more in (("plain", ()), ("whole", ("--on-failure", "continue"))):
        where = tmp_path / form
        where.mkdir()
        if (rows := PLANS[kind]) is not None:
            write_plan(where / ".orchestrator", rows)
        done = orchestrate("run", *words, *more, cwd=where)
        heard = re.sub(r" · [\d.]+m?s", " · …", done.stderr.replace(str(where), ""))
        if "--json" in words and done.stdout.startswith('{"event"'):
            heard = str([(each["event"], each.get("task")) for each in done.events])
        told.append((done.returncode, heard.partition(" tasks completed")[0]))
    assert told[0] == told[1]


@pytest.mark.parametrize("words", [("--max-parallel", "none"), ("--max-parallel=",), ("a", "b")])
def test_what_is_wrong_is_said_by_the_full_form(orchestrate: Orchestrate, root: Path, words: tuple[str, ...]) -> None:
    write_plan(root, GOOD)
    refused = orchestrate("run", *words)
    assert (2, True) == (refused.returncode, "run --help" in refused.stderr)


def test_what_is_done_before_the_lock_is_ours_is_seen(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """Somebody completes a task while the run looks for its agent: it is not done again."""
    write_plan(root, {"T-01": "think", "T-02": "think"}, agent="claude")
    call = own_program(orchestrate.environment)
    claude = tmp_path / "bin" / "claude"
    claude.parent.mkdir()
    claude.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = --version ] && {call} complete T-01 meanwhile && {call} complete T-02 too && exec echo 2.1.329\n'
        "touch launched\n"
    )
    claude.chmod(0o755)
    orchestrate.environment["PATH"] = f"{claude.parent}{os.pathsep}/usr/bin:/bin"
    run = orchestrate("run", "--json")
    assert (0, [], False) == (run.returncode, run.started(), (tmp_path / "launched").exists())
    assert "meanwhile" in answer_of(root, "T-01")


def test_an_output_that_cannot_have_its_name_is_told_in_one_line(orchestrate: Orchestrate, root: Path) -> None:
    """Also of a run on its own: what, where once, and what to do."""
    write_plan(root, {"T-01": "true"})
    place = root / "logs/run.out"
    place.mkdir(parents=True)
    failed = orchestrate("run", "--detach")
    error, hint = failed.stderr.splitlines()
    said = f"error: {place}: cannot rename what it said: Is a directory"
    assert (5, said) == (failed.returncode, error)
    assert hint.startswith("  hint: move away what is there")


def test_an_agent_starts_nothing_that_outlives_its_attempt(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """A run in the background would be ended with it, so it is refused rather than promised."""
    root, other = tmp_path / ".orchestrator", tmp_path / "other"
    write_plan(other, {"T-01": "echo inner"})
    call = f"{sys.executable} -m orchestrator"
    tasks = {
        "T-01": f"{call} run --detach {other} || echo $?",
        "T-02": f"{call} spawn 'echo x' --agent shell --dir {other} || echo $?",
    }
    write_plan(root, tasks, max_parallel=1)
    assert 0 == orchestrate("run").returncode
    assert ["2", "2"] == [answer_of(root, task) for task in tasks]
    errors = (root / "logs" / "agent-01.attempt-1.err").read_text(encoding="utf-8")
    assert "T-01 of run " in errors
    assert "ends with it" in errors
    assert not (other / "results").exists() or not list((other / "results").iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="counts descriptors as Linux does")
def test_a_run_that_may_open_too_little_says_what_to_do(orchestrate: Orchestrate, root: Path) -> None:
    """Whether what it cannot ask or start then is `claude` or the guard: nothing is wrong with either."""
    claude = orchestrate.where / "claude"
    claude.write_text("#!/bin/sh\necho 2.1.329\n")
    claude.chmod(0o755)
    write_plan(root, {"T-01": "think"}, agent="claude", retries=0)
    orchestrate.environment["ORCHESTRATOR_CLAUDE_BIN"] = str(claude)
    runs = [
        orchestrate("run", under=("/bin/sh", "-c", f'ulimit -n {most} && exec "$@"', "sh")) for most in range(7, 15)
    ]
    met = set()
    for done in runs:
        for words in ("cannot be asked for its version", "the guard cannot be started"):
            if f"{words}: Too many open files\n" in done.stderr:
                met.add(words)
                assert (5, True) == (done.returncode, "(`ulimit -n`)\n" in done.stderr), done
    assert 2 == len(met), runs
