"""Task files follow their rows, until they are a person's (decision 20)."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, everything, write_plan, write_task
from tests.executors.harness import wait_until


def test_a_row_that_is_mended_is_what_runs_next(orchestrate: Orchestrate, root: Path) -> None:
    """After a rehearsal, after a failure: nobody wrote the file that was made of it (promise 10, decision 20)."""
    plan = write_plan(root, {"T-01": "echo old; exit 3", "T-02": ("echo two", "T-01")})
    assert 0 == orchestrate("run", "--simulate").returncode
    assert 1 == orchestrate("run").returncode
    plan.write_text(plan.read_text(encoding="utf-8").replace("old; exit 3", "new"))
    assert 0 == orchestrate("run").returncode
    assert "new" == answer_of(root, "T-01")
    assert "echo new" in (root / "agent_tasks/agent-01.md").read_text(encoding="utf-8")


def test_backticks_around_a_command_are_no_part_of_it(orchestrate: Orchestrate, root: Path) -> None:
    """As people write commands into a table; as a substitution its output would be run as a command."""
    plan = write_plan(root, {"T-01": "`echo a`"})
    assert 0 == orchestrate("run").returncode
    assert "a" == answer_of(root, "T-01")
    plan.write_text(plan.read_text(encoding="utf-8").replace("echo a", "echo b \\| cat"))
    assert 0 == orchestrate("run", "--fresh").returncode
    assert "b" == answer_of(root, "T-01")


def test_a_row_is_one_line_of_its_command(orchestrate: Orchestrate, root: Path) -> None:
    """A separator from a web page, which no editor shows, makes no second command of its end."""
    write_plan(root, {"T-01": "`printf '<%s>' a\u2028touch\x0cmade`"})
    assert 0 == orchestrate("run").returncode
    assert "<a><touch><made>" == answer_of(root, "T-01")


def test_a_row_that_is_changed_during_the_run_is_what_runs(orchestrate: Orchestrate, gate: Gate, root: Path) -> None:
    """It was not started yet; a file that a person has changed meanwhile is theirs."""
    plan = write_plan(root, {"T-01": gate.wait, "T-02": ("echo old", "T-01"), "T-03": ("echo old", "T-01")})
    run = orchestrate.start("run", "--json")
    gate.await_task(run)
    mine = root / "agent_tasks/agent-03.md"
    mine.write_text(mine.read_text(encoding="utf-8").replace("echo old", "echo mine"), encoding="utf-8")
    before = mine.read_bytes()
    plan.write_text(plan.read_text(encoding="utf-8").replace("echo old", "echo new"))
    wait_until(lambda: "echo new" in (root / "agent_tasks/agent-02.md").read_text(encoding="utf-8"))
    wait_until(lambda: "run · changed" in (root / "journal.md").read_text(encoding="utf-8"))
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert ("new", "mine") == (answer_of(root, "T-02"), answer_of(root, "T-03"))
    assert before == mine.read_bytes()


def test_a_row_that_is_changed_after_its_task_was_done_is_told(orchestrate: Orchestrate, root: Path) -> None:
    """The answer stays, and nobody wonders why; what a person wrote into a task file counts, and not the row."""
    plan = write_plan(root, {"T-01": "echo old", "T-02": "echo other"})
    write_task(root, "T-02", "```sh\necho mine\n```\n")
    assert 0 == orchestrate("run").returncode
    plan.write_text(plan.read_text(encoding="utf-8").replace("echo old", "echo new").replace("other", "else"))
    elsewhere = root.parent / "elsewhere"
    elsewhere.mkdir()
    where = os.path.relpath(root, elsewhere)
    told = orchestrate("run", where, cwd=elsewhere)
    changed = "its row says something else than when it was done"
    said = f"{changed}; `orchestrator retry --dir {where} T-01` does it again"
    assert (0, 1, 1) == (told.returncode, told.stderr.count(said), told.stderr.count("its row"))
    assert f"> T-01: {changed}\n" in (root / "final_output.md").read_text(encoding="utf-8")
    for flags in ([], ["--json"]):
        for command in ("run", "wait"):
            again = orchestrate(command, *flags, "--dir", where, cwd=elsewhere)
            assert (0, 1) == (again.returncode, f"{again.stdout}{again.stderr}".count(said))
    neutral = f"{changed}; `orchestrator retry T-01` does it again\n"
    assert neutral in (root / "journal.md").read_text(encoding="utf-8")
    assert ("old", "mine") == (answer_of(root, "T-01"), answer_of(root, "T-02"))
    for quiet in (("run", "--simulate"), ("run", "--only", "T-02")):
        assert "its row" not in orchestrate(*quiet).stderr
    assert 0 == orchestrate("retry", "T-01").returncode
    assert "its row" not in orchestrate("run").stderr
    assert "its row" not in (root / "final_output.md").read_text(encoding="utf-8")
    assert "new" == answer_of(root, "T-01")


def test_what_is_written_into_its_file_in_other_words_is_no_other_row(orchestrate: Orchestrate, root: Path) -> None:
    """Backticks only say that a command is one; a fence is ours. What was shortened is told all the same."""
    rows = {
        "T-01": "`echo one`",
        "T-02": "``echo `echo two` ``",
        "T-03": "echo '```' three",
        "T-04": "echo four \\| cat",
        "T-05": "# five",
    }
    table = "".join(f"| {task} | Task | {text} |\n" for task, text in rows.items())
    root.mkdir()
    plan = root / "master_plan.md"
    head = "---\nagent: shell\n---\n| ID | Task | Description |\n|---|---|---|\n"
    plan.write_text(head + table, encoding="utf-8")
    assert 0 == orchestrate("run").returncode
    assert "its row" not in orchestrate("run").stderr
    # Another agent, by whatever way, would be told the same.
    assert "its row" not in orchestrate("run", "--agent", "claude").stderr
    shorter = plan.read_text(encoding="utf-8")
    for old, new in (("`echo one`", "`echo`"), ("' three", "'"), (" four ", " "), ("# five", "#")):
        shorter = shorter.replace(old, new)
    plan.write_text(shorter, encoding="utf-8")
    told = orchestrate("run").stderr
    assert [f"{task} · its row" in told for task in rows] == [True, False, True, True, True]


def test_a_row_that_is_changed_while_its_task_is_done_is_told_by_the_next_run(
    orchestrate: Orchestrate, gate: Gate, root: Path
) -> None:
    """Its file follows the row at once, for the next attempt; what the last one was given is in its log."""
    plan = write_plan(root, {"T-01": "echo old", "T-02": gate.wait, "T-03": "echo `echo old`"})
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until((root / "results/agent-01-result.md").exists)
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("| echo old |", "| echo new |"), encoding="utf-8")
    wait_until(lambda: "run · changed" in (root / "journal.md").read_text(encoding="utf-8"))
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    file = root / "agent_tasks/agent-03.md"
    file.touch()  # as a copy of the whole directory does
    told = orchestrate("run").stderr
    assert (1, True) == (told.count("its row"), "T-01 · its row says something else" in told)
    assert 0 == orchestrate("retry", "T-01").returncode
    assert "its row" not in orchestrate("run").stderr
    assert "its row" not in orchestrate("run").stderr
    assert "new" == answer_of(root, "T-01")


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_remark_about_a_row_keeps_no_run_from_its_final_output(
    orchestrate: Orchestrate, gate: Gate, root: Path, *, is_gone: bool
) -> None:
    """The row is taken out during the run, or the file of its task makes no sense when the run ends."""
    plan = write_plan(root, {"T-01": "echo old", "T-02": "echo two"})
    assert 0 == orchestrate("run").returncode
    write_plan(root, {"T-01": "echo new", "T-02": "echo two", "T-03": f"{gate.wait}; echo three"})
    run = orchestrate.start("run", "--json")
    gate.await_task(run)
    if is_gone:
        text = plan.read_text(encoding="utf-8")
        plan.write_text(text.replace("| T-01 | echo new | None |\n", ""), encoding="utf-8")
        wait_until(lambda: "gone T-01" in (root / "journal.md").read_text(encoding="utf-8"))
    else:
        write_task(root, "T-01", "do it", timeout="many")
    gate.open()
    ended = orchestrate.finish(run)
    assert (0, True) == (ended.returncode, ended.events[-1]["ok"])
    output = (root / "final_output.md").read_text(encoding="utf-8")
    assert ("three" in output, "> T-01: its row" in output) == (True, not is_gone)


def test_where_the_template_is_a_persons_nothing_is_said_of_rows(orchestrate: Orchestrate, root: Path) -> None:
    """What it makes of a row is theirs to know."""
    plan = write_plan(root, {"T-01": "echo old"})
    (root / "templates").mkdir()
    template = "```sh\necho from {{ task.description | upper }}\n```\n"
    (root / "templates/agent_task.md.j2").write_text(template, encoding="utf-8")
    assert 0 == orchestrate("run").returncode
    assert "from ECHO OLD" == answer_of(root, "T-01")
    plan.write_text(plan.read_text(encoding="utf-8").replace("echo old", "echo new"))
    told = orchestrate("run")
    assert (0, 0) == (told.returncode, told.stderr.count("its row"))


def test_a_broken_template_is_told_before_a_run_meets_it(orchestrate: Orchestrate, root: Path) -> None:
    """As far as it would be used: a task that has its own file needs none. Nothing is written."""
    write_plan(root, {"T-01": "true", "T-02": "true"})
    write_task(root, "T-01", "```sh\ntrue\n```\n")
    (root / "templates").mkdir()
    (root / "templates/agent_task.md.j2").write_text("{{ task.id }}\n{{ nope }}\n", "utf-8")
    before = everything(root)
    refused = orchestrate("validate", "--json")
    assert (2, "bad_template") == (refused.returncode, refused.json["code"])
    assert "agent_task.md.j2:2" in refused.json["message"]
    assert before == everything(root)
    write_task(root, "T-02", "```sh\ntrue\n```\n")
    assert 0 == orchestrate("validate").returncode


@pytest.mark.parametrize("words", [["run"], ["run", "--fresh"], ["run", "--detach"], ["run", "--dry-run"]])
def test_a_run_that_a_broken_template_would_end_does_not_begin(
    orchestrate: Orchestrate, root: Path, words: list[str]
) -> None:
    """What was done stays where it is, and no run is said to have died."""
    write_plan(root, {"T-01": "echo precious", "T-02": "exit 3"})
    assert 1 == orchestrate("run").returncode
    (root / "templates").mkdir()
    (root / "templates/agent_task.md.j2").write_text("{{ nope }}\n", "utf-8")
    before = everything(root)
    refused = orchestrate(*words)
    assert (2, "") == (refused.returncode, refused.stdout)
    assert "agent_task.md.j2:1" in refused.stderr
    assert before == everything(root)


def test_a_file_of_settings_takes_nothing_from_its_row(orchestrate: Orchestrate, root: Path) -> None:
    """The row says what to do, the file how."""
    write_plan(root, {"T-01": "echo from the row"})
    write_task(root, "T-01", "", timeout="9s")
    assert 0 == orchestrate("run").returncode
    assert "from the row" == answer_of(root, "T-01")


def test_a_task_file_that_cannot_be_read_fails_its_own_task(
    orchestrate: Orchestrate, tmp_path: Path, root: Path
) -> None:
    """What others are at is not ended for it; and what it advises can be typed."""
    first, other = Gate(tmp_path / "first"), Gate(tmp_path / "other")
    write_plan(root, {"T-01": first.wait, "T-02": other.wait, "T-03": ("cat", "T-01")})
    run = orchestrate.start("run", "--dir", root, cwd=Path("/"))
    first.await_task(run)
    other.await_task(run)
    file = root / "agent_tasks/agent-03.md"
    file.unlink()
    file.mkdir()
    first.open()
    wait_until(lambda: "T-03 · failed" in (root / "journal.md").read_text(encoding="utf-8"))
    other.open()
    ended = orchestrate.finish(run)
    assert 1 == ended.returncode, ended.stderr
    assert "2 of 3 tasks completed" in ended.stderr
    shown = str(file).removeprefix("/")
    assert f"❌ T-03 cat · {shown}: cannot read: Is a directory" in ended.stderr
    assert f"doctor --dir {root} --plan` says" in ended.stderr
    # Nothing was started that could have printed, so no log is named.
    assert not list((root / "logs").glob("agent-03.*"))
    named = [ended.stderr, orchestrate("status", root).stdout, orchestrate("show", "T-03").stdout]
    named += [each.read_text("utf-8") for each in (root / "final_output.md", root / "journal.md")]
    named += [(root / "results/agent-03-result.md").read_text("utf-8")]
    assert not any("agent-03.attempt-1" in each for each in named)


def test_a_task_file_without_a_command_is_told_before_anything_runs(orchestrate: Orchestrate, root: Path) -> None:
    """What the launch would refuse is an error of the plan, with the line of the block; nothing is paid for first."""
    write_plan(root, {"T-01": "touch ran", "T-02": ("echo hi", "T-01")})
    write_task(root, "T-02", '# Input\n\n```json\n{"a": 1}\n```\n\n```sh\necho hi\n```\n', timeout="9s")
    before = everything(root)
    for command in (["validate"], ["run", "--dry-run"], ["run"]):
        refused = orchestrate(*command, "--json")
        assert (2, "bad_command") == (refused.returncode, refused.json["code"])
        assert "agent-02.md:6: the shell agent cannot run a 'json' block" in refused.json["message"]
    assert before == everything(root)
    assert not (root.parent / "ran").exists()
    write_task(root, "T-02", "```sh\necho hi\n```\n")
    assert 0 == orchestrate("validate").returncode


def test_what_nobody_reads_of_a_task_file_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    """Dependencies in it, and a file that an editor called otherwise."""
    write_plan(root, {"T-01": "true", "T-02": "true"})
    write_task(root, "agent-02", "---\ndepends_on: [T-01]\n---\n```sh\ntrue\n```\n")
    refused = orchestrate("validate")
    assert 2 == refused.returncode
    assert "agent-02.md:2: what a task waits for stands in its row" in refused.stderr
    (root / "agent_tasks/agent-02.md").rename(root / "agent_tasks/agent-02.md.txt")
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert "agent-02.md.txt: no task reads it; the file of T-02 is" in refused.stderr
