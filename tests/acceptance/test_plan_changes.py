"""A person edits the plan while it runs (design, section 1; promises 10 and 11)."""

from __future__ import annotations

import re
from pathlib import Path

from tests.acceptance.claude_plan import ClaudePlan, events
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, front_of, write_plan
from tests.executors.harness import wait_until


def waits_for(name: str) -> dict[str, object]:
    """A step that ends once the file *name* is there."""
    return {"turns": [0.01, {"text": "done", "until": name}]}


def rows(path: Path, change: dict[str, str]) -> None:
    """Replace text in the plan, as an editor does: a new file in its place, as often as the run drew over it."""
    text = path.read_text(encoding="utf-8")
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new, 1)
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.rename(path)


def table_row(claude: ClaudePlan, task: str) -> str:
    """The line of the plan that a task stands in."""
    lines = claude.text("master_plan.md").splitlines(keepends=True)
    return next(line for line in lines if line.startswith(f"| {task} "))


def test_a_new_row_joins_and_a_broken_edit_is_reported(claude: ClaudePlan) -> None:
    """The new task runs in the same run; what makes no sense is said with file and line, and nothing stops."""
    plan = claude.write({"T-01": "do 1"})
    claude.play({"T-01": waits_for("go")})
    run = claude.start()
    claude.await_journal(run, "T-01 · started")
    row = table_row(claude, "T-01")
    rows(plan, {row: row + row.replace("T-01", "T-02")})
    claude.await_journal(run, "T-02 · completed")
    assert "the plan was changed: new T-02" in claude.journal
    two = table_row(claude, "T-02")
    rows(plan, {two: two + row})
    claude.await_journal(run, "last valid plan")
    assert "duplicate task id T-01" in claude.journal
    assert claude.text("master_plan.md").count("| T-01 | do 1") >= 2, "what was typed is still there"
    rows(plan, {two + row: two})
    (claude.records / "go").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    assert "### " in claude.text("results/agent-02-result.md")


def test_a_change_says_how_much_is_left_to_run(claude: ClaudePlan) -> None:
    """Not how large the plan is: what an earlier run did is no work of this one."""
    plan = claude.write({"T-01": "do 1", "T-02": "do 2"})
    claude.play({"T-02": waits_for("go")})
    assert 0 == claude.run("--only", "T-01").returncode
    run = claude.start("--json")
    claude.await_journal(run, "T-02 · started")
    row = table_row(claude, "T-02")
    rows(plan, {row: row + row.replace("T-02", "T-03")})
    claude.await_journal(run, "T-03 · completed")
    (claude.records / "go").touch()
    answer = claude.orchestrate.finish(run)
    assert [1] == [each["tasks"] for each in events(answer, "run_started")]
    assert [2] == [each["tasks"] for each in events(answer, "run_changed")]


def test_a_plan_that_says_its_state_only_now_is_moved_at_the_end(claude: ClaudePlan) -> None:
    """A run moves it as far as the facts lead, whenever somebody began to say where it stands."""
    plan = claude.write({"T-01": "do 1"})
    claude.play({"T-01": waits_for("go")})
    run = claude.start()
    claude.await_journal(run, "T-01 · started")
    row = table_row(claude, "T-01")
    more = row + row.replace("T-01", "T-02")
    rows(plan, {"---\n": "---\nstatus: in_progress\n", row: more})
    claude.await_journal(run, "T-02 · completed")
    (claude.records / "go").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    assert "IN_PROGRESS → TESTING" in claude.journal
    assert "\nstatus: testing\n" in claude.text("master_plan.md")


def test_a_result_that_is_deleted_or_reset_is_made_again_in_the_same_run(claude: ClaudePlan) -> None:
    """Promise 5; what was made from it as well. A result that was corrected is kept."""
    plan = {"T-01": "do 1", "T-02": ("do 2", "T-01"), "T-03": "do 3", "T-04": "do 4", "T-05": "do 5"}
    root = claude.write(plan).parent
    claude.play({"T-05": waits_for("go")})
    run = claude.start()
    for task in ("T-02", "T-03", "T-04"):
        claude.await_journal(run, f"{task} · completed")
    corrected = root / "results/agent-04-result.md"
    corrected.write_text(corrected.read_text().replace("T-04 done", "better"))
    (root / "results/agent-01-result.md").unlink()
    reset = root / "results/agent-03-result.md"
    reset.write_text(reset.read_text().replace("status: completed", "status: pending"))
    claude.await_journal(run, "T-02 · completed attempt 2")
    claude.await_journal(run, "T-03 · completed attempt 2")
    assert "T-01 · reset · by hand: its result was deleted" in claude.journal
    assert "T-03 · reset · by hand: its result was reset to pending" in claude.journal
    (claude.records / "go").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    tasks = sorted(call.task for call in claude.calls())
    assert ["T-01", "T-01", "T-02", "T-02", "T-03", "T-03", "T-04", "T-05"] == tasks


def test_an_agent_that_deletes_results_has_each_made_again_once(orchestrate: Orchestrate, root: Path) -> None:
    """Otherwise it would keep the run going, and spend, for ever. What is gone in the end is not called done."""
    wipe = "rm .orchestrator/results/*; until grep -q 'T-01 · reset' .orchestrator/journal.md; do :; done"
    write_plan(root, {"T-01": "true", "T-02": (wipe, "T-01")})
    assert 1 == orchestrate("run").returncode
    assert 1 == (root / "journal.md").read_text(encoding="utf-8").count("T-01 · reset")
    assert 2 == len(front_of(root, "T-02")["attempts"])


def test_a_row_that_is_taken_out_does_not_start(claude: ClaudePlan) -> None:
    """As long as its task was not started."""
    plan = claude.write({"T-01": "do 1", "T-02": ("do 2", "T-01")})
    claude.play({"T-01": waits_for("go")})
    run = claude.start()
    claude.await_journal(run, "T-01 · started")
    rows(plan, {table_row(claude, "T-02"): ""})
    claude.await_journal(run, "gone T-02")
    (claude.records / "go").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    assert ["T-01"] == [call.task for call in claude.calls()]


def test_what_runs_keeps_its_files_and_its_answer(claude: ClaudePlan) -> None:
    """A row whose files are those of what runs waits for its end; the answer that lies there is kept."""
    plan = claude.write({"T-01": "do 1", "T-02": "do 2"})
    claude.play({"T-01": waits_for("go"), "T-02": waits_for("end")})
    run = claude.start()
    claude.await_journal(run, "T-01 · started")
    row = table_row(claude, "T-01")
    rows(plan, {row: row.replace("T-01", "agent-01")})
    claude.await_journal(run, "T-01 is under way, and agent-01 would share its files")
    (claude.records / "go").touch()
    claude.await_journal(run, "agent-01 · completed")
    (claude.records / "end").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    assert ["T-01", "T-02", "agent-01"] == sorted(call.task for call in claude.calls())
    assert "another result lay in its place; it is kept as results/agent-01" in claude.journal
    assert "Answer to T-01" in claude.text("results/agent-01-result.md.damaged-1")
    assert "Answer to agent-01" in claude.text("results/agent-01-result.md")
    assert 1 == claude.journal.count("last valid plan")


def test_a_dependency_that_a_started_task_gets_counts_once_it_is_over(
    orchestrate: Orchestrate, tmp_path: Path, root: Path
) -> None:
    """Its next attempt neither waits for it nor is made from the half of it that is there."""
    gate, later = Gate(tmp_path / "gate"), Gate(tmp_path / "later")
    first = f"test -e again && exit 0; touch again; {gate.wait}; exit 1"
    write_plan(root, {"T-01": first, "T-02": later.wait, "T-03": "true"}, retries=1)
    run = orchestrate.start("run", "--json")
    gate.await_task(run)
    later.await_task(run)
    assert 0 == orchestrate("update", "T-01", "--depends-on", "T-02").returncode
    journal = root / "journal.md"
    wait_until(lambda: "run · changed" in journal.read_text(encoding="utf-8"))
    gate.open()
    wait_until(lambda: "T-01 · completed" in journal.read_text(encoding="utf-8"))
    assert {} == front_of(root, "T-01")["inputs"]
    later.open()
    assert 0 == orchestrate.finish(run).returncode


def test_what_was_said_before_a_command_counts_for_what_comes_of_it(
    orchestrate: Orchestrate, gate: Gate, root: Path
) -> None:
    """A row was changed, then something else settled: what starts because of that is what the row says now."""
    tasks = {"T-01": gate.wait, "T-02": "true", "T-03": ("echo old", "T-02"), "T-04": "true"}
    write_plan(root, {**tasks, "T-05": ("true", "T-04"), "T-06": "true"})
    for task in ("T-02", "T-04", "T-06"):
        assert 0 == orchestrate("start", task, "--as", "alice").returncode
    run = orchestrate.start("run")
    gate.await_task(run)
    for change in (["T-03", "--desc", "echo new"], ["T-05", "--add-dep", "T-06"]):
        assert 0 == orchestrate("update", *change).returncode
        needed = {"T-03": "T-02", "T-05": "T-04"}[change[0]]
        assert 0 == orchestrate("complete", needed, "--as", "alice").returncode
    gate.open()
    assert 1 == orchestrate.finish(run).returncode
    assert "new" == answer_of(root, "T-03")
    assert "T-05 · started" not in (root / "journal.md").read_text(encoding="utf-8")


def test_what_was_made_from_an_umbrella_is_made_again_when_it_gets_one_more_task(
    orchestrate: Orchestrate, tmp_path: Path, root: Path
) -> None:
    """By the run at work, and by the next one; what depends on it since then only is told."""
    gate, journal = Gate(tmp_path / "gate"), root / "journal.md"
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "phase", "--id", "U")
    orchestrate("add", "echo one", "--parent", "U")
    orchestrate("add", "cat", "--depends-on", "U")
    orchestrate("add", gate.wait)
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: "T-02 · completed" in journal.read_text(encoding="utf-8"))
    assert "T-04" == orchestrate("add", "echo two", "--parent", "U").stdout.strip()
    wait_until(lambda: 2 == journal.read_text(encoding="utf-8").count("T-02 · completed"))
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert ["one", "two"] == answer_of(root, "T-02").split()
    assert "0 of 5 tasks to run" in orchestrate("run").stderr
    assert "T-05" == orchestrate("add", "echo three", "--parent", "U").stdout.strip()
    assert 0 == orchestrate("complete", "T-05", "three").returncode
    orchestrate("update", "T-03", "--add-dep", "T-01")
    again = orchestrate("run")
    assert (0, True) == (again.returncode, "1 of 6 tasks to run" in again.stderr)
    assert ["one", "two", "three"] == answer_of(root, "T-02").split()
    assert "T-03 · its row says something else than when it was done" in again.stderr


def test_nothing_is_put_under_a_task_that_runs(claude: ClaudePlan) -> None:
    """It would be an umbrella, and its answer, which is paid for, would reach nobody."""
    plan = claude.write({"T-01": "do 1", "T-02": ("do 2", "T-01")})
    claude.play({"T-01": waits_for("go")})
    run = claude.start()
    claude.await_journal(run, "T-01 · started")
    head, line = ("| Task ID | Description | Dependencies |", "|---------|-------------|--------------|")
    row = table_row(claude, "T-02")
    under = row.replace(" T-01 |", " None | T-01 |", 1)
    rows(plan, {head: f"{head} Parent |", line: f"{line}--------|", row: under})
    claude.await_journal(run, "T-01 is under way, so T-02 cannot be put under it")
    rows(plan, {under: row})
    (claude.records / "go").touch()
    assert 0 == claude.orchestrate.finish(run).returncode
    assert "### T-01: do 1" in claude.calls("T-02")[0].prompt


def test_a_plan_that_is_broken_under_a_run_hides_neither_the_run_nor_that_it_was_mended(
    orchestrate: Orchestrate, gate: Gate, root: Path
) -> None:
    """Meanwhile each look says what is at work; afterwards the newest word of the run is that all is well again."""
    plan = write_plan(root, {"T-01": gate.wait, "T-02": ("true", "T-01")})
    run = orchestrate.start("run")
    gate.await_task(run)
    rows(plan, {"true | T-01": "true | T-99"})
    wait_until(lambda: "last valid plan" in (root / "journal.md").read_text(encoding="utf-8"))
    for command in ("status", "wait"):
        told = orchestrate(command)
        assert (2, 1) == (told.returncode, told.stderr.count("depends on T-99"))
        assert f"(pid {run.pid}) goes on with the last valid plan\n" in told.stderr
    rows(plan, {"true | T-99": "true | T-01"})
    wait_until(lambda: "run · changed" in (root / "journal.md").read_text(encoding="utf-8"))
    first, second = (orchestrate("wait", "--timeout", "0") for _ in range(2))
    assert (1, 1) == (first.returncode, first.stdout.count("last valid plan"))
    assert "\nchanged · the plan is valid; nothing of it changes for this run now\n" in first.stdout
    assert (3, 0) == (second.returncode, second.stdout.count("last valid plan"))
    gate.open()
    assert 0 == orchestrate.finish(run).returncode


def test_a_run_that_ends_below_a_broken_plan_does_not_say_that_all_is_done(
    orchestrate: Orchestrate, tmp_path: Path, root: Path
) -> None:
    """A row that came with the mistake was never run: the last word and the exit status say why."""
    gate = Gate(tmp_path / "gate")
    plan = write_plan(root, {"T-01": gate.wait})
    row = "| T-02 | true | T-99 |\n"
    run = orchestrate.start("run")
    gate.await_task(run)
    line = next(each for each in plan.read_text("utf-8").splitlines(True) if "T-01" in each)
    rows(plan, {line: line + row})
    gate.open()
    done = orchestrate.finish(run)
    assert (2, 1) == (done.returncode, done.stderr.count("error: "))
    assert "depends on T-99" in done.stderr.partition("error: ")[2]
    assert "1 of 1 tasks completed; " in (root / "journal.md").read_text(encoding="utf-8")
    rows(plan, {"T-99": "T-01"})
    assert "ended" == orchestrate("status", "--json").json["phase"]
    assert 0 == orchestrate("run").returncode


def test_a_plan_that_stays_empty_under_a_run_is_told(orchestrate: Orchestrate, gate: Gate, root: Path) -> None:
    """For a moment it may be one that an editor saves; not for longer."""
    plan = write_plan(root, {"T-01": gate.wait})
    text = plan.read_bytes()
    run = orchestrate.start("run")
    gate.await_task(run)
    plan.write_bytes(b"")
    wait_until(lambda: "the plan is empty" in (root / "journal.md").read_text(encoding="utf-8"))
    plan.write_bytes(text)
    gate.open()
    assert 0 == orchestrate.finish(run).returncode


def test_a_plan_that_is_away_under_a_run_hides_neither_the_run_nor_is_another_put_there(
    orchestrate: Orchestrate, tmp_path: Path, gate: Gate, root: Path
) -> None:
    """An editor or a checkout may move it for a moment: nobody is led to begin another one in its place."""
    plan = write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    away = plan.rename(tmp_path / "away.md")
    for command in ("status", "wait", "list", "run"):
        told = orchestrate(command)
        assert (2, 1) == (told.returncode, told.stderr.count("no master_plan.md"))
        assert f"(pid {run.pid}) goes on with the last valid plan\n" in told.stderr
        assert "hint: put it back" in told.stderr
    told = orchestrate("init", "--json")
    assert (3, "busy", False) == (told.returncode, told.json["code"], plan.exists())
    away.rename(plan)
    gate.open()
    assert 0 == orchestrate.finish(run).returncode


def test_nothing_is_lost_that_somebody_writes_into_the_open_plan(
    orchestrate: Orchestrate, gate: Gate, root: Path
) -> None:
    """A program that prints row after row: the run replaces no file under its hands, and does every row."""
    plan = write_plan(root, {"T-00": gate.wait, "T-01": "true"})
    run = orchestrate.start("run")
    gate.await_task(run)
    text = plan.read_text(encoding="utf-8")
    row = next(line for line in text.splitlines(keepends=True) if line.startswith("| T-01 "))
    two, three = (row.replace("T-01", task) for task in ("T-02", "T-03"))
    journal = root / "journal.md"
    with plan.open("w", encoding="utf-8") as writer:
        writer.write(text.partition(row)[0] + row + two)
        writer.flush()
        wait_until(lambda: "T-02 · completed" in journal.read_text(encoding="utf-8"))
        writer.write(three + text.partition(row)[2])
    wait_until(lambda: "T-03 · completed" in journal.read_text(encoding="utf-8"))
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    drawn = plan.read_text(encoding="utf-8")
    assert ["T-00", "T-01", "T-02", "T-03"] == re.findall(r"(?m)^\| (T-0\d) \|", drawn.partition("<!--")[0])
    assert "4/4" in drawn


def test_nobody_waits_for_ever_for_who_has_the_plan_open(orchestrate: Orchestrate, gate: Gate, root: Path) -> None:
    """The run ends, and says that it could not draw; a command changes nothing, and says what to do."""
    plan = write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    with plan.open("a", encoding="utf-8"):
        gate.open()
        ended = orchestrate.finish(run)
        assert (0, True) == (ended.returncode, "it is not drawn" in ended.stderr), ended.stderr
        refused = orchestrate("update", "T-01", "-p", "high")
        assert 2 == refused.returncode
        assert "master_plan.md: somebody has it open for writing" in refused.stderr
        assert "hint: try again once it is saved and closed" in refused.stderr
    assert 0 == orchestrate("update", "T-01", "-p", "high").returncode
