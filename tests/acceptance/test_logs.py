"""What an attempt printed can be read without looking for its file, and a failure says what its command said."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.executors.harness import wait_until

SECRET = "sk-ant-api03-" + "a" * 40


def test_a_failure_is_shown_with_the_end_of_its_stderr(orchestrate: Orchestrate, root: Path) -> None:
    """The last lines, redacted and without escape sequences; `logs` has each attempt and each stream."""
    command = f"seq 30 >&2; printf 'broken \\033[31m{SECRET}\\n' >&2; echo out; false"
    write_plan(root, {"T-01": command, "T-02": "echo fine >&2"}, retries=1)
    assert 1 == orchestrate("run").returncode
    for words in (["show", "T-01"], ["history", "T-01"]):
        told = orchestrate(*words).stdout
        assert "Last lines of stderr" in told
        assert "broken [redacted sk-ant-" in told
        assert "\n  30\n" in told
        assert "\n  20\n" not in told
        assert "\033" not in told
        assert SECRET not in told.partition("Last lines of stderr")[2].partition("\n\n")[0]
        assert "Last lines" not in orchestrate(words[0], "T-02").stdout
    assert "broken" in orchestrate("show", "T-01", "--json").json["stderr"]
    assert "broken" in orchestrate("history", "T-01", "--json").json["errors"]
    assert "out\n" == orchestrate("logs", "T-01").stdout
    errors = orchestrate("logs", "agent-01", "--stderr", "--attempt", "1").stdout
    assert errors.startswith("1\n2\n")
    assert SECRET not in errors
    facts = orchestrate("logs", "T-02", "--stderr", "--json").json
    assert ("fine\n", 1, "stderr", False) == (facts["text"], facts["attempt"], facts["stream"], facts["is_open"])
    unknown = orchestrate("logs", "T-01", "--attempt", "7")
    assert (2, True) == (unknown.returncode, "has no attempt 7" in unknown.stderr)
    assert 2 == orchestrate("logs", "T-09").returncode


def test_no_log_is_opened_through_a_link(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """An agent may have put one there: neither a view nor `logs` shows what it leads to."""
    write_plan(root, {"T-01": "echo wrong >&2; false"})
    orchestrate("run")
    (tmp_path / "outside").write_text("not yours\n", encoding="utf-8")
    log = root / "logs" / "agent-01.attempt-1.err"
    log.unlink()
    log.symlink_to(tmp_path / "outside")
    refused = orchestrate("logs", "T-01", "--stderr")
    assert (5, "") == (refused.returncode, refused.stdout)
    assert "a link lies in the place of a log" in refused.stderr
    for command in ("show", "history"):
        assert "not yours" not in orchestrate(command, "T-01").stdout


def test_a_log_is_followed_until_its_attempt_is_over(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """Each line once, in order; with --json one object per line."""
    wait = "while ! test -e go; do sleep 0.1; done"
    write_plan(root, {"T-01": f"echo one; {wait}; echo two"})
    run = orchestrate.start("run")
    log = root / "logs" / "agent-01.attempt-1.out"
    wait_until(lambda: log.exists() and log.read_text("utf-8") == "one\n")
    follower = orchestrate.start("logs", "T-01", "--follow", "--json")
    assert follower.stdout is not None
    assert "one\n" == json.loads(follower.stdout.readline())["text"]
    (tmp_path / "go").touch()
    assert "two\n" == json.loads(follower.stdout.readline())["text"]
    assert 0 == orchestrate.finish(follower).returncode
    assert 0 == orchestrate.finish(run).returncode
