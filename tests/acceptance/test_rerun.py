"""Running again: what is completed is kept, what is missing goes on, nothing is paid for twice (promises 2, 4, 5)."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Gate, answer_of, everything, result_of, write_plan, write_task
from tests.executors.harness import wait_until

CHAIN = {
    "T-01": "echo one",
    "T-02": ("echo two after $(cat)", "T-01"),
    "T-03": ("echo three after $(cat)", "T-02"),
    "T-04": "echo four",
}


RESULT, RECORD = "results/agent-05-result.md", "logs/agent-05.attempt-1.json"


class Plan:
    """A plan that runs more than once."""

    def __init__(self, orchestrate: Orchestrate, root: Path) -> None:
        self._orchestrate = orchestrate
        self.root = root

    def run(self, *flags: str) -> Answer:
        return self._orchestrate("run", *flags, "--json")

    def statuses(self) -> dict[str, str]:
        return self._orchestrate.statuses()

    def text(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def result(self, task_id: str) -> Path:
        return self.root / "results" / f"{task_id.replace('T-', 'agent-')}-result.md"


@pytest.fixture
def plan(orchestrate: Orchestrate, tmp_path: Path) -> Plan:
    return Plan(orchestrate, tmp_path / ".orchestrator")


@pytest.fixture
def finished(plan: Plan) -> Plan:
    """A plan of which everything is completed."""
    write_plan(plan.root, CHAIN)
    assert 0 == plan.run().returncode
    return plan


def test_a_finished_plan_starts_nothing(finished: Plan) -> None:
    """It says so, and exits with 0; results stay as they are; the final output can be had again (promise 4)."""
    before = everything(finished.root / "results") | everything(finished.root / "logs")
    (finished.root / "final_output.md").unlink()
    (finished.root / "index.json").unlink()
    again = finished.run()
    assert (0, []) == (again.returncode, again.started())
    assert 0 == again.events[-1]["launched"]
    assert before == everything(finished.root / "results") | everything(finished.root / "logs")
    output = (finished.root / "final_output.md").read_text(encoding="utf-8")
    assert "three after two after one" in output


def test_after_a_failure_only_what_is_missing_runs(plan: Plan) -> None:
    """Attempts go on counting, and no log of an earlier attempt is overwritten."""
    write_plan(plan.root, CHAIN | {"T-02": ("test -e mended; cat", "T-01")})
    first = plan.run()
    assert (1, {"T-01", "T-02", "T-04"}) == (first.returncode, set(first.started()))
    (plan.root.parent / "mended").touch()
    second = plan.run()
    assert (0, ["T-02", "T-03"]) == (second.returncode, second.started())
    assert "three after one" == answer_of(plan.root, "T-03")
    logs = {path.name for path in (plan.root / "logs").glob("agent-02.*.out")}
    assert {"agent-02.attempt-1.out", "agent-02.attempt-2.out"} == logs
    third = plan.run()
    assert (0, []) == (third.returncode, third.started())


def test_a_deleted_result_means_do_it_again(finished: Plan) -> None:
    """What was made from it is made again too, and nothing else (promise 5)."""
    finished.result("T-02").unlink()
    statuses = finished.statuses()
    assert ("completed", "pending", "completed") == (statuses["T-01"], statuses["T-02"], statuses["T-04"])
    again = finished.run()
    assert (0, ["T-02", "T-03"]) == (again.returncode, again.started())


def test_what_was_made_from_what_is_done_afresh_is_not_current(finished: Plan) -> None:
    """Numbers begin anew where the logs are gone, and must not be taken for those of before (promise 5)."""
    assert ["T-01"] == finished.run("--fresh", "--only", "T-01").started()
    assert {"T-01": "completed", "T-02": "pending", "T-03": "waiting", "T-04": "completed"} == finished.statuses()
    assert ["T-02", "T-03"] == finished.run().started()


def test_an_answer_corrected_by_hand_is_kept_and_used(finished: Plan) -> None:
    """It is the person's word now: it is not run again, and dependants read it (promise 5)."""
    path = finished.result("T-01")
    path.write_text(result_of(finished.root, "T-01").replace("\none\n", "\nuno\n"), encoding="utf-8")
    corrected = path.read_bytes()
    finished.result("T-02").unlink()
    again = finished.run()
    assert (0, ["T-02", "T-03"]) == (again.returncode, again.started())
    assert corrected == path.read_bytes()
    assert "three after two after uno" == answer_of(finished.root, "T-03")
    assert "uno" in (finished.root / "final_output.md").read_text(encoding="utf-8")


def test_a_result_without_an_attempt_record_is_not_believed(finished: Plan) -> None:
    """Whoever writes a result file has not done the task: it is said, and the task runs (promises 2, 24)."""
    forged = result_of(finished.root, "T-01").replace('"T-01"', '"T-05"').replace("one", "forged")
    write_plan(finished.root, {**CHAIN, "T-05": "echo real"})
    finished.result("T-05").write_text(forged, encoding="utf-8")
    assert "completed" != finished.statuses()["T-05"]
    again = finished.run()
    assert (0, ["T-05"]) == (again.returncode, again.started())
    warnings = [event for event in again.events if event["event"] == "warning"]
    assert [("T-05", True)] == [(each["task"], "record" in each["text"]) for each in warnings]
    assert "real" == answer_of(finished.root, "T-05")


@pytest.mark.parametrize(
    ("is_renamed", "why"),
    [
        (False, f"{RESULT} is of T-01 and is not counted"),
        (True, f"{RESULT} is not counted: the record {RECORD} is of another attempt"),
    ],
    ids=["copied as it is", "copied with the id changed"],
)
def test_what_was_copied_from_another_task_completes_nothing(finished: Plan, is_renamed: bool, why: str) -> None:
    """Neither its result nor its record; both are named with their paths (promises 2, 24)."""
    copied = result_of(finished.root, "T-01")
    if is_renamed:
        copied = copied.replace('"T-01"', '"T-05"')
    write_plan(finished.root, {**CHAIN, "T-05": "echo real"})
    finished.result("T-05").write_text(copied, encoding="utf-8")
    for kind in ("json", "out", "err"):
        source = finished.root / f"logs/agent-01.attempt-1.{kind}"
        shutil.copy(source, finished.root / f"logs/agent-05.attempt-1.{kind}")
    assert "completed" != finished.statuses()["T-05"]
    again = finished.run()
    assert (0, ["T-05"]) == (again.returncode, again.started())
    warnings = [event for event in again.events if event["event"] == "warning"]
    kept = f"; it is kept as {RESULT}.damaged-1"
    assert ("T-05", why + kept) == (warnings[-1]["task"], warnings[-1]["text"])
    assert all(f"{RECORD} is of another attempt" in e["text"] for e in warnings[:-1])
    assert "real" == answer_of(finished.root, "T-05")


@pytest.mark.parametrize("has_log", [True, False], ids=["log", "no log"])
@pytest.mark.parametrize("content", [b"", b"\0\0\0", b"---\nstatus: completed\n", b"---\ntask: T-01\n", b"# hello\n"])
def test_a_damaged_result_is_named_and_not_counted(finished: Plan, content: bytes, *, has_log: bool) -> None:
    """Empty, binary, cut short: it is taken from its log, where nothing can be the task runs again; the bytes are kept
    beside it (promise 9).
    """
    finished.result("T-04").write_bytes(content)
    if not has_log:
        (finished.root / "logs/agent-04.attempt-1.json").unlink()
    again = finished.run()
    assert (0, [] if has_log else ["T-04"]) == (again.returncode, again.started())
    (warning,) = [event["text"] for event in again.events if event["event"] == "warning"]
    path = finished.result("T-04")
    aside = path.with_name(f"{path.name}.damaged-1")
    then = "" if has_log else " and is not counted"
    assert f"results/{path.name} is damaged{then}; it is kept as results/{aside.name}" == warning
    assert content == aside.read_bytes()
    assert "four" == answer_of(finished.root, "T-04")


def test_running_typed_by_hand_wedges_nothing(finished: Plan) -> None:
    """A result that says running without a live runner is an interrupted attempt (promises 2, 5)."""
    path = finished.result("T-04")
    path.write_text(path.read_text().replace("status: completed", "status: running"))
    assert "pending" == finished.statuses()["T-04"]
    again = finished.run()
    assert 0 == again.returncode
    assert "four" == answer_of(finished.root, "T-04")


def test_only_runs_only(plan: Plan) -> None:
    """The named tasks run and that is a success; a need that is missing is an error before anything starts."""
    write_plan(plan.root, CHAIN)
    before = everything(plan.root)
    refused = plan.run("--only", "T-02")
    assert (2, "usage") == (refused.returncode, refused.json["code"])
    assert "T-02 needs T-01, which is not completed" in refused.json["message"]
    assert before == everything(plan.root)
    for named, hint in (("T-2", "did you mean T-02?"), ("x", "`orchestrator list` shows all tasks")):
        unknown = plan.run("--only", named)
        assert (2, hint) == (unknown.returncode, unknown.json["hint"])
    for option, word in (("--only", ""), ("--only", ","), ("--tag", ""), ("--tag", " ")):
        nothing = plan.run(option, word)
        assert (2, "leave it out to run everything") == (nothing.returncode, nothing.json["hint"])
        assert f"{option} names no t" in nothing.json["message"]
    some = plan.run("--only", "T-02, T-01")
    assert ["T-01", "T-02"] == some.started()
    expected = {"T-01": "completed", "T-02": "completed", "T-03": "pending", "T-04": "pending"}
    assert expected == plan.statuses()
    assert ["T-03"] == plan.run("--only", "T-03").started()


def test_only_is_done_when_what_was_asked_for_is_done(plan: Plan) -> None:
    """Exit status 1 means that some task failed, and none did."""
    write_plan(plan.root, CHAIN)
    some = plan.run("--only", "T-01")
    assert (0, True, "ok") == (some.returncode, some.events[-1]["ok"], some.events[-1]["code"])


def test_a_dry_run_writes_nothing(orchestrate: Orchestrate, plan: Plan) -> None:
    """It lists what would run, with batch and agent, on a new plan and on one that is half done."""
    write_plan(plan.root, CHAIN | {"T-03": ("exit 1", "T-02")})
    write_task(plan.root, "T-04", "hello\n", agent="simulated")
    before = everything(plan.root)
    told = orchestrate("run", "--dry-run", "--json")
    listed = {task["id"]: task for task in told.json["tasks"]}
    assert (0, True, ["T-01", "T-04", "T-02", "T-03"]) == (told.returncode, told.json["ok"], list(listed))
    second = {"id": "T-02", "name": CHAIN["T-02"][0], "batch": 2, "agent": "shell", "needs": ["T-01"]}
    assert second == listed["T-02"]
    assert "simulated" == listed["T-04"]["agent"]
    assert before == everything(plan.root)
    plan.run()
    before = everything(plan.root)
    again = orchestrate("run", "--dry-run")
    assert (0, "batch 3  T-03  shell  exit 1\n1 of 4 tasks would run\n") == (again.returncode, again.stdout)
    assert before == everything(plan.root)


def test_a_simulation_is_no_result(orchestrate: Orchestrate, plan: Plan, tmp_path: Path) -> None:
    """No process, no claude, always the same block; the real run later does the tasks (S2-07, S2-24)."""
    write_plan(plan.root, {"T-01": "touch ran; echo real", "T-02": ("cat", "T-01")})
    nowhere = {"PATH": str(tmp_path / "nowhere")}
    simulated = orchestrate("run", "--simulate", "--json", env=nowhere)
    assert (0, ["T-01", "T-02"]) == (simulated.returncode, simulated.started())
    assert not (tmp_path / "ran").exists()
    block = answer_of(plan.root, "T-02").splitlines()
    rule, thin = "═" * 50, "─" * 50
    assert [rule, "🤖 Agent-02 [T-02: cat]", thin, "📥 Instruction: cat", "⚙️ Execution:"] == block[:5]
    assert "   1. Read the task file" == block[5]
    assert block[-3].startswith("📤 Output: ")
    assert ["✅ Status: Completed", rule] == block[-2:]
    assert [] == orchestrate("run", "--simulate", "--json", env=nowhere).started()
    assert "Completed 2/2 (2 only simulated)" in orchestrate("status").stdout
    assert 2 == orchestrate("status", "--json").json["simulated"]
    brief = orchestrate("status", "--brief").stdout
    assert "✅ ended" not in brief
    assert "Completed 2/2 (2 only simulated)" in brief
    assert "next: orchestrator run --detach\n" in brief
    drawn = plan.text("master_plan.md")
    assert "(2 only simulated)" in drawn
    assert "Nothing was done: `orchestrator run` does what was only simulated." in drawn
    assert "**Only simulated, 2 of 2: nothing of it was done." in plan.text("final_output.md")
    real = plan.run()
    assert (0, ["T-01", "T-02"]) == (real.returncode, real.started())
    assert "simulated" not in orchestrate("status").stdout
    assert "simulated" not in plan.text("final_output.md")
    assert ("real", True) == (answer_of(plan.root, "T-02"), (tmp_path / "ran").exists())
    assert [] == plan.run("--simulate").started()
    assert "real" == answer_of(plan.root, "T-02")


def test_by_hand_a_simulation_is_as_if_nothing_had_been_done(orchestrate: Orchestrate, plan: Plan) -> None:
    """Whoever decides takes such a task as not done; whoever shows it as completed says what that means."""
    write_plan(plan.root, {"T-01": "echo 1", "T-02": ("echo 2", "T-01"), "T-03": "echo 3"})
    write_task(plan.root, "T-03", "Nothing.", agent="simulated")
    assert 0 == plan.run("--simulate").returncode
    assert "Completed (only simulated)" in orchestrate("show", "T-01").stdout
    assert "Completed (only simulated)" in orchestrate("history", "T-01").stdout
    assert "echo 1  only simulated\n" in orchestrate("list").stdout
    assert ",only simulated\n" in orchestrate("list", "--format", "csv").stdout.replace("\r", "")
    kept = [plan.text("master_plan.md"), plan.text("final_output.md"), orchestrate("export").stdout]
    assert all("| ✅ Completed (only simulated) |" in each for each in kept)
    tasks = orchestrate("list", "--json").json["tasks"]
    assert ["only simulated"] * 2 == [task["reason"] for task in tasks[:2]]
    assert "2 tasks; 0 done, 2 left" in orchestrate("critical-path").stdout
    assert "Dependency not DONE: T-01" in orchestrate("complete", "T-02").stderr
    # Its own agent is the one that plays: it is done.
    assert "Invalid transition: completed" in orchestrate("complete", "T-03").stderr
    assert "T-01\n" == orchestrate("claim", "--as", "ann").stdout
    assert 0 == orchestrate("complete", "T-01", "--as", "ann", "--summary", "one").returncode
    assert ["T-02"] == plan.run().started()


def test_what_stands_in_the_place_of_the_output_is_moved_aside(finished: Plan) -> None:
    """The output that is named is the one that was written."""
    output = finished.root / "final_output.md"
    assert finished.run().events[-1]["final_output"] == str(output)
    output.unlink()
    output.mkdir()
    again = finished.run()
    assert (0, str(output)) == (again.returncode, again.events[-1]["final_output"])
    assert output.is_file()


def test_what_waited_for_its_next_attempt_was_not_interrupted(orchestrate: Orchestrate, gate: Gate, root: Path) -> None:
    """It failed and is charged, so nothing is wrong with a plan that was stopped then."""
    tasks = {"T-01": f"{gate.wait}; exit 127", "T-02": "echo try >> n; exit 1", "T-03": ("cat", "T-02")}
    write_plan(root, tasks, on_failure="stop", retries=1, retry_delay="100s")
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until(lambda: "retrying" in (root / "journal.md").read_text(encoding="utf-8"))
    gate.open()
    ran = orchestrate.finish(run)
    assert 1 == ran.returncode
    assert "🔄 not tried again: T-02 exit 1\n" in ran.stderr
    assert 0 == orchestrate("doctor", "--plan").returncode
    (root / "agent_tasks/agent-01.md").unlink()
    write_plan(root, {**tasks, "T-01": "exit 127"}, retries=1, retry_delay="0s")
    assert "interrupted" not in orchestrate("run").stderr
    assert "try\ntry\n" == (root.parent / "n").read_text(encoding="utf-8")


def test_records_that_are_gone_count_nowhere(orchestrate: Orchestrate, root: Path) -> None:
    """The cache holds nothing that a run would not believe (promise 2)."""
    write_plan(root, {"T-01": "echo one", "T-02": ("cat", "T-01")})
    assert 0 == orchestrate("run").returncode
    assert {"completed": 2} == orchestrate("status", "--json").counts
    for record in (root / "logs").glob("*.json"):
        record.unlink()
    for _ in range(2):
        counts = orchestrate("status", "--json").counts
        assert {"pending": 1, "waiting": 1} == counts
    assert 0 == orchestrate("run").returncode
    assert {"completed": 2} == orchestrate("status", "--json").counts


def test_a_run_whose_directory_is_taken_away_ends_as_it_went(
    orchestrate: Orchestrate, tmp_path: Path, root: Path
) -> None:
    """Its paths are told from the root then."""
    here = tmp_path / "here"
    here.mkdir()
    write_plan(root, {"T-01": f"rm -r '{here}'; echo one"})
    ran = orchestrate("run", str(root), cwd=here)
    assert (0, f"{root}/final_output.md\n") == (ran.returncode, ran.stdout), ran.stderr
