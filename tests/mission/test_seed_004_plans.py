"""Seed 004, rows about plans as a whole: made, moved from state to state, looked at, put away."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from tests.acceptance.plans import Gate, write_plan
from tests.executors.harness import wait_gone
from tests.mission.task_engine import TaskEngine


def test_s4_01_every_command_answers_in_json(engine: TaskEngine) -> None:
    """With the keys of the seed: ok, task_id, status, message."""
    answer = engine('create "Implement feature X" --json').json
    expected = {"ok": True, "task_id": "TASK-001", "status": "PLANNING", "message": "Created TASK-001"}
    assert expected == {key: answer[key] for key in expected}
    for line in (
        "status",
        "status TASK-001",
        "transition TASK-001 approve",
        "check",
        "notify digest",
        "notify TASK-001 status",
        "auto-dispatch TASK-001 --dry-run",
        'dispatch TASK-001 "Do it"',
        "subtask TASK-001 subtask_01 start",
        "rebuild-index",
    ):
        assert engine(f"{line} --json").json["ok"] is True, line


def test_s4_02_errors_are_no_tracebacks(engine: TaskEngine) -> None:
    """Whatever is wrong: one line and a hint, or one object."""
    engine.plan()
    for line in (
        "transition TASK-001 complete",
        "transition TASK-001 nonsense",
        "transition ../etc approve",
        "status TASK-009",
        "archive TASK-001",
        'create ""',
        'create "X" --priority P9',
        'create "X" --eta soon',
        "notify TASK-001 nonsense",
        "notify TASK-001 alert --subtask-id subtask_09",
        "dispatch TASK-001",
        "subtask TASK-001 subtask_09 done",
    ):
        said = engine(line)
        assert (2, "") == (said.returncode, said.stdout), line
        assert "Traceback" not in said.stderr
        assert "hint: " in said.stderr, line
        answer = engine(f"{line} --json")
        assert (2, False) == (answer.returncode, answer.json["ok"]), line
    always = engine("auto-dispatch TASK-009")
    assert (2, "Task TASK-009 not found") == (always.returncode, always.json["message"])


def test_s4_03_create(engine: TaskEngine) -> None:
    """Title, priority and plan; the id is the next number; it waits for approval."""
    made = engine('create "Implement feature X" --priority P0 --plan "3 phases: models, API, tests"')
    assert (0, "TASK-001\n") == (made.returncode, made.stdout)
    assert "TASK-002" == engine('create "Feature Y" --priority P1 --json').json["task_id"]
    shown = engine("status TASK-001 --json").json
    assert ("PLANNING", "P0", "Implement feature X") == (shown["status"], shown["priority"], shown["title"])
    assert "> 3 phases: models, API, tests\n" in engine.file("TASK-001").read_text(encoding="utf-8")


def test_a_plan_among_others_is_called_as_it_calls_itself(engine: TaskEngine) -> None:
    """One without front matter has its heading."""
    engine.plan()
    (engine.root / "mine").mkdir()
    write_plan(engine.root / "mine", {"T-01": "true"})
    assert "Task Plan" in engine("status").stdout
    titles = [each["title"] for each in engine("status --json").json["tasks"]]
    assert {"Task Plan", "Implement feature X"} == set(titles)


def test_s4_03_of_many_at_once_each_gets_its_own_number(engine: TaskEngine) -> None:
    """The file system decides who gets which."""
    started = [engine.orchestrate.start("create", f"Plan {n}") for n in range(8)]
    made = [engine.orchestrate.finish(each).stdout.strip() for each in started]
    assert [f"TASK-00{n}" for n in range(1, 9)] == sorted(made)
    titles = {engine(f"status {task} --json").json["title"] for task in made}
    assert {f"Plan {n}" for n in range(8)} == titles


def test_s4_04_to_06_status(engine: TaskEngine) -> None:
    """A table of what is active; one in detail; with --all what is over, too."""
    engine.plan(title="First")
    engine("transition TASK-001 approve")
    engine.plan("REJECTED", "Second")
    table = engine("status").stdout
    assert re.search("^TASK-001  👍 APPROVED +P2 +\\S+", table, re.MULTILINE)
    assert "TASK-002" not in table
    assert re.search("^TASK-002  🚫 REJECTED", engine("status --all").stdout, re.MULTILINE)
    assert ["TASK-001", "TASK-002"] == [each["task_id"] for each in engine("status --all --json").json["tasks"]]
    detail = engine("status TASK-001").stdout
    assert "TASK-001: First" in detail
    assert re.search("PLANNING → APPROVED  approve by ", detail)


def test_every_plan_says_how_far_it_is(engine: TaskEngine) -> None:
    """Also one without tasks, and one that is over; programs find the same keys in each."""
    made, empty = engine.plan("APPROVED"), engine.plan()
    engine(f"dispatch {made} Models")
    engine(f"subtask {made} subtask_01 done")
    for event in ("review", "complete"):
        engine(f"transition {made} {event}")
    shown = engine("status --all").stdout
    assert re.search(rf"^{made}  ✅ COMPLETED .* 100%", shown, re.MULTILINE)
    assert re.search(rf"^{empty}  📝 PLANNING +P2 +- ", shown, re.MULTILINE)
    told = engine("status --all --json").json["tasks"] + engine("check --json").json["tasks"]
    assert [(made, 1, 1, 100), (empty, 0, 0, 0), (empty, 0, 0, 0)] == [
        (each["task_id"], each["total"], each["done"], each["progress"]) for each in told
    ]
    assert 0 == engine(f"status {empty} --json").json["progress"]


def test_s4_04_a_plan_above_others(engine: TaskEngine) -> None:
    """It is told of first, then those that lie in its directory; a check looks at all of them."""
    engine.plan(title="Below")
    (engine.root / "master_plan.md").write_text(
        "# Above\n\n| ID | Task |\n|----|------|\n| T-01 | Look around |\n", encoding="utf-8"
    )
    for _ in range(2):  # the second time from the cache
        shown = engine("status").stdout
        assert "T-01  🟡 Pending" in shown
        assert re.search("^TASK-001  📝 PLANNING .*Below$", shown, re.MULTILINE)
        checked = [each["task_id"] for each in engine("check --json").json["tasks"]]
        assert [".orchestrator", "TASK-001"] == checked


def test_s4_63_one_transition_at_a_time(engine: TaskEngine) -> None:
    """Of many who approve at once, one does; the journal has one line of it, and the plan one state."""
    engine.plan()
    started = [engine.orchestrate.start("transition", "TASK-001", "approve") for _ in range(6)]
    ended = [engine.orchestrate.finish(each) for each in started]
    assert [0, 2, 2, 2, 2, 2] == sorted(each.returncode for each in ended)
    journal = (engine.root / "TASK-001/journal.md").read_text(encoding="utf-8")
    assert 1 == journal.count("PLANNING → APPROVED")
    assert "APPROVED" == engine.state("TASK-001")


def test_a_run_at_work_goes_on_when_its_plan_is_blocked(engine: TaskEngine, gate: Gate) -> None:
    """It is told, and how to end it; what may begin after that is refused."""
    engine.plan("approved")
    engine(f"dispatch TASK-001 {shlex.quote(gate.wait)} --agent shell")
    run = engine.orchestrate.start("run", "TASK-001")
    gate.await_task(run)
    said = engine("transition TASK-001 block").stderr
    assert "is at work and goes on; to end it: orchestrator stop TASK-001" in said
    gate.open()
    assert 0 == engine.orchestrate.finish(run).returncode
    assert engine.orchestrate("transition", "TASK-001", "unblock", "--json").json["run"] is None


def test_s4_07_transition_with_a_note(engine: TaskEngine) -> None:
    """The note, who, and when stand in the journal; of the plan only one line has changed."""
    engine.plan()
    before = engine.file("TASK-001").read_text(encoding="utf-8")
    answer = engine('transition TASK-001 approve --note "Plan approved" --json --as eva').json
    assert ("APPROVED", "PLANNING", "Plan approved", "eva") == (
        answer["status"],
        answer["from"],
        answer["note"],
        answer["by"],
    )
    assert before.replace("status: planning", "status: approved") == engine.file("TASK-001").read_text(encoding="utf-8")
    assert 0 == engine('transition TASK-001 block --note "Waiting on API key"').returncode
    journal = (engine.root / "TASK-001/journal.md").read_text(encoding="utf-8")
    assert "PLANNING → APPROVED · approve by eva: Plan approved\n" in journal
    assert ": Waiting on API key\n" in journal


def test_s4_07_a_state_is_changed_byte_for_byte(engine: TaskEngine) -> None:
    """Whatever else stands in the line and in the file, line endings included."""
    engine.plan()
    odd = "---\r\n# mine\r\nstatus :  'Planning'   # as yet\r\ntitle: X\r\n---\r\n| ID | Task |\r\n|--|--|\r\n"
    engine.file("TASK-001").write_bytes(odd.encode())
    assert 0 == engine("transition TASK-001 approve").returncode
    expected = odd.replace("'Planning'", "approved").encode()
    assert expected == engine.file("TASK-001").read_bytes()


def test_s4_08_s4_38_s4_39_events_and_states(engine: TaskEngine) -> None:
    """Ten events, nine states; the last three states are final. All arrows: tests/core/test_plan_status.py."""
    engine.plan()
    for event, state in (
        ("approve", "APPROVED"),
        ("start", "IN_PROGRESS"),
        ("test", "TESTING"),
        ("reopen", "IN_PROGRESS"),
        ("block", "BLOCKED"),
        ("unblock", "IN_PROGRESS"),
        ("test", "TESTING"),
        ("review", "REVIEW"),
        ("complete", "COMPLETED"),
    ):
        assert state == engine(f"transition TASK-001 {event} --json").json["status"]
    assert "COMPLETED is final" in engine("transition TASK-001 reopen").stderr
    engine.plan()
    assert "REJECTED" == engine("transition TASK-002 reject --json").json["status"]
    engine.plan("REVIEW")
    assert "FAILED" == engine("transition TASK-003 fail --json").json["status"]


def test_s4_21_archive(engine: TaskEngine) -> None:
    """Only what is over; with everything in it; its number is not given again."""
    engine.plan("COMPLETED")
    answer = engine("archive TASK-001 --json").json
    assert (True, "TASK-001") == (answer["ok"], answer["task_id"])
    assert (engine.root / "archive/TASK-001/master_plan.md").exists()
    assert not (engine.root / "TASK-001").exists()
    assert "Task TASK-001 not found" in engine("status TASK-001").stderr
    assert "TASK-002" == engine.plan()


def test_s4_34_35_rebuild_index(engine: TaskEngine) -> None:
    """From the plans alone; what cannot be read is passed over and reported."""
    for title in ("First", "Second", "Third"):
        engine.plan(title=title)
    (engine.root / "index.json").write_text('{"torn', encoding="utf-8")
    engine.file("TASK-002").write_bytes(b"\xff\xfe no plan")
    assert 0 == engine("rebuild-index").returncode
    answer = engine("rebuild-index --json").json
    assert ["TASK-001", "TASK-003"] == answer["tasks"]
    assert ["TASK-002"] == [each["task_id"] for each in answer["skipped"]]
    for command in ("status", "check", "report", "agent workload"):  # they tell it alike
        assert answer["skipped"] == engine(f"{command} --json").json["skipped"], command
    index = json.loads((engine.root / "index.json").read_text(encoding="utf-8"))
    assert "Third" == index["plans"]["TASK-003"]["title"]


def test_s4_34_the_index_is_a_cache(engine: TaskEngine) -> None:
    """It may be gone, torn or a lie about another version of a plan: what is told is what the plans say."""
    engine.plan(title="First")
    before = engine("status").stdout
    for damage in ("", "{", "[]", '{"plans": {"TASK-001": 3}}', '{"plans": 5}'):
        (engine.root / "index.json").write_text(damage, encoding="utf-8")
        assert before == engine("status").stdout
    engine.file("TASK-001").write_text(
        engine.file("TASK-001").read_text(encoding="utf-8").replace("First", "Other"), "utf-8"
    )
    assert "Other" in engine("status").stdout


def test_s4_56_to_58_messages(engine: TaskEngine) -> None:
    """As the seed has them."""
    engine.plan()
    said = engine("transition TASK-001 complete")
    assert (2, "error: Invalid transition: PLANNING + 'complete'") == (said.returncode, said.stderr.splitlines()[0])
    said = engine("transition TASK-009 approve --json")
    assert (2, "Task TASK-009 not found") == (said.returncode, said.json["message"])
    said = engine("archive TASK-001")
    assert (2, True) == (said.returncode, "Cannot archive: not terminal" in said.stderr)


def test_s4_62_data_layout(engine: TaskEngine) -> None:
    """A directory for each task, one index, one archive."""
    engine.plan("REJECTED")
    engine.plan()
    engine("archive TASK-001")
    engine("status")
    assert ["TASK-002", "archive", "index.json"] == sorted(p.name for p in engine.root.iterdir())
    assert {"master_plan.md", "journal.md"} <= {p.name for p in (engine.root / "TASK-002").iterdir()}


def test_a_whole_directory_of_plans_is_not_put_away(engine: TaskEngine) -> None:
    """Also when it holds a plan of its own that is over: its other plans would go with it."""
    engine('add "echo root" --agent shell')
    engine("run")
    for _ in range(2):  # without other plans no command would find it again
        said = engine("archive .orchestrator")
        assert (2, True) == (said.returncode, "directory of all of them" in said.stderr)
        assert engine.root.exists()
        engine.plan("APPROVED")


def test_a_plan_that_a_run_waits_for_is_not_put_away(engine: TaskEngine) -> None:
    """It would find nothing at its time; who it is, and how it is ended, is said."""
    engine.plan("APPROVED")
    engine('dispatch TASK-001 "echo hi" --agent shell')
    pid = engine("run TASK-001 --at 2099-01-01 --detach --json").json["pid"]
    assert 0 == engine("transition TASK-001 fail").returncode
    said = engine("archive TASK-001")
    assert (3, True) == (said.returncode, f"process {pid} waits" in said.stderr)
    assert "orchestrator stop TASK-001" in said.stderr
    assert 0 == engine("stop TASK-001").returncode
    wait_gone(pid)
    assert 0 == engine("archive TASK-001").returncode


def test_an_id_stands_for_the_directory_everywhere(engine: TaskEngine, tmp_path: Path) -> None:
    """For commands about a plan; from below the project, and with --dir; a path that climbs out is none."""
    engine.plan("APPROVED")
    engine.add_rows("TASK-001", "subtask_01 | echo hi | dev | - | P1 | None")
    engine.set_front("TASK-001", "agent: shell")
    (tmp_path / "src").mkdir()
    for line in ("list TASK-001", "graph TASK-001", "validate TASK-001", "run TASK-001 --dry-run"):
        assert 0 == engine.orchestrate(*line.split(), cwd=tmp_path / "src").returncode, line
    added = engine('add "echo more" --dir TASK-001')
    assert (0, "subtask_02\n") == (added.returncode, added.stdout)
    elsewhere = ("--dir", tmp_path / ".orchestrator")
    assert 0 == engine.orchestrate("status", "TASK-001", *elsewhere, cwd=Path("/")).returncode
    engine.plan(title="Neighbour")
    inside = {"ORCHESTRATOR_DIR": str(engine.root / "TASK-001")}
    assert "Neighbour" in engine.orchestrate("status", "TASK-002", env=inside).stdout
    for name in ("../.orchestrator/TASK-009", "TASK-001/../../x", "..%2f", "TASK-001/.."):
        assert 0 != engine(f"transition {shlex.quote(name)} approve").returncode


def test_what_was_only_simulated_is_done_nowhere(engine: TaskEngine) -> None:
    """One plan is told as among all of them, and a sheet says of each row that it was played."""
    engine.plan("APPROVED")
    engine('dispatch TASK-001 "echo hi" --agent shell')
    assert 0 == engine("run TASK-001 --simulate").returncode
    (among,) = engine("status --json").json["tasks"]
    alone = engine("status TASK-001 --json").json
    assert (0, 0) == (among["done"], among["progress"]) == (alone["done"], alone["progress"])
    assert ["ASSIGNED"] == [each["status"] for each in alone["subtasks"]]
    assert 1 == alone["simulated"]
    assert "only simulated" in engine("export TASK-001 --format csv").stdout


def test_a_plan_whose_journal_cannot_be_written_does_not_move(engine: TaskEngine) -> None:
    """Nobody could see who approved it."""
    engine.plan()
    journal = engine.root / "TASK-001/journal.md"
    journal.unlink()
    journal.mkdir()
    assert 5 == engine("transition TASK-001 approve").returncode
    journal.rmdir()
    assert "PLANNING" == engine.state("TASK-001")


def test_a_plan_waits_for_approval(engine: TaskEngine) -> None:
    """Nothing of it runs before: exit status 4 and what to type. A plan without a state needs none."""
    engine.plan()
    engine.add_rows("TASK-001", "subtask_01 | echo hi | dev | - | P1 | None")
    engine.set_front("TASK-001", "agent: shell")
    for line in ("run TASK-001 --json", "auto-dispatch TASK-001", "auto-dispatch TASK-001 --dry-run"):
        held = engine(line)
        assert (4, "not_approved") == (held.returncode, held.json["code"])
        assert "transition TASK-001 approve" in held.json["hint"]
    assert not (engine.root / "TASK-001/results").exists()
    engine("transition TASK-001 approve")
    assert 0 == engine("run TASK-001").returncode
    assert "TESTING" == engine.state("TASK-001")
    text = engine.file("TASK-001").read_text(encoding="utf-8")
    engine.plan()
    engine.file("TASK-002").write_text(text.replace("status: testing\n", ""), encoding="utf-8")
    assert 0 == engine("run TASK-002").returncode
