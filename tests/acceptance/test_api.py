"""The use cases for programs: one script per test, run in an empty folder by a Python of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from orchestrator.core.settings import NAMES, RUN_ONLY, RunSettings, TaskSettings
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_plan
from tests.patience import PATIENCE


def play(orchestrate: Orchestrate, script: str) -> Any:
    """Run a script with ``Orchestrator`` at hand; return what it puts into ``answer``."""
    return json.loads(python(orchestrate, f"from orchestrator import *\n{script}").splitlines()[-1])


def python(orchestrate: Orchestrate, script: str) -> str:
    """Run a script and print what it puts into ``answer``; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nimport json\nprint(json.dumps(answer))\n"],
        cwd=orchestrate.where,
        env=orchestrate.environment,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        encoding="utf-8",
    )
    assert 0 == done.returncode, done.stderr
    return done.stdout


def test_what_no_file_of_text_can_hold_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    """And nothing is written: with a NUL in a task file, nobody could read the plan any more."""
    script = """
plan, answer = Orchestrator(), []
def refused(call):
    try:
        call()
    except OrchestratorError as error:
        answer.append(str(error))
for bad in ("echo a\\0b", "echo \\udce9"):
    refused(lambda: plan.add(bad, agent="shell"))
    refused(lambda: plan.add(bad, agent="claude"))
    refused(lambda: plan.add("Count them", desc=bad))
answer.append(plan.add("true", agent="shell"))
for bad in ("echo a\\0b", "echo \\udce9"):
    refused(lambda: plan.update("T-01", desc=bad))
"""
    before, after = ["a NUL, or half of a character, is not a text"] * 6, ["T-01"]
    assert [*before, *after, *before[:2]] == play(orchestrate, script)
    assert 0 == orchestrate("validate").returncode


def test_a_queue_from_the_first_task_to_the_result(orchestrate: Orchestrate) -> None:
    """Added, run, looked at, corrected, done again."""
    script = """
plan = Orchestrator(name="ann")
plan.init(agent="shell")
first = plan.add("echo one", tags=["a"], retries=0)
second = plan.add("cat", depends_on=[first], priority="high")
heard = []
report = plan.run(
    listener=lambda each: heard.append(each.kind.value), max_parallel=2, only=["agent-01", second]
)
again = plan.run()
plan.retry(first)
answer = [
    [first, second], report.exit_status, report.launched, again.launched,
    heard.count("task_completed"), plan.show(second).answer,
    [task.id for task in plan.list(status=["pending", "waiting"])],
    len(plan.history(first).conversation), [task.id for task in plan.list(tags=["a"])],
]
"""
    ids, status, launched, again, heard, shown, left, turns, tagged = play(orchestrate, script)
    assert ["T-01", "T-02"] == ids == left
    assert (0, 2, 0, 2, 1) == (status, launched, again, heard, turns)
    assert "one" == shown
    assert ["T-01"] == tagged


def test_a_team(orchestrate: Orchestrate) -> None:
    """Claimed once, talked about, completed; an umbrella follows."""
    script = """
ann, bob = Orchestrator(name="ann"), Orchestrator(name="bob")
phase = ann.add("Phase 1")
task = ann.add("Write the schema", parent=phase)
other = ann.add("Write the tests", depends_on=[phase])
claimed = bob.claim()
bob.share(task, "PostgreSQL"); bob.note(task, "secret"); bob.discover(task, "Redis!")
bob.start(task, progress=40)
bob.update(task, priority="P0")
try:
    ann.start(task)
except OrchestratorError as error:
    refused = [error.code, error.hint]
ann.update(task, criteria=["it is reviewed"], estimated_hours=2)
try:
    bob.complete(task, "the schema", validate=True)
except OrchestratorError as error:
    unmet = [error.code, [each.is_met for each in bob.show(task).criteria]]
bob.complete(task, "the schema", met="all")
unmet += [[each.is_met for each in bob.show(task).criteria], bob.show(task).task.estimate]
said = [message.text for message in ann.context(task).messages]
board = ann.status().board
ann.cancel(other, "not needed")
answer = [claimed == task, refused, said, board.status(phase).value, ann.show(task).answer,
          ann.status().board.status(other).value, unmet]
"""
    claimed, refused, said, phase, shown, other, unmet = play(orchestrate, script)
    assert ["criteria_open", [False], [True], 7200] == unmet
    assert claimed
    assert "invalid_transition" == refused[0]
    assert "bob" in refused[1]
    assert ["PostgreSQL", "Redis!"] == said
    assert ("completed", "cancelled") == (phase, other)
    assert "the schema" in shown


def test_plans_with_states(orchestrate: Orchestrate) -> None:
    """Created, approved, checked."""
    script = """
root = Orchestrator()
made = root.create("Implement feature X", priority="P0", plan="3 phases", eta="2999-03-01")
state = made.transition("approve", "looks good")
answer = [made.directory.rpartition("/")[2], state, check_all_tasks(), made.status().board.plan.header.eta]
try:
    made.archive()
except OrchestratorError as error:
    answer.append(error.code)
made.transition("start"); made.transition("fail", "no longer wanted")
answer.append(made.archive().rpartition("/archive/")[2])
"""
    made, state, checked, eta, refused, archived = play(orchestrate, script)
    assert ("TASK-001", "APPROVED", 32_477_327_999) == (made, state, eta)
    assert [] == checked["alerts"]
    assert "1 active task" in checked["summary"]
    assert ("invalid_transition", "TASK-001") == (refused, archived)


def test_what_makes_no_sense_is_said_by_name(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """One tree of errors; nothing is written."""
    script = """
plan, told = Orchestrator(), []
for wrong in (
    lambda: plan.add(" "), lambda: plan.add("x", colour="red"), lambda: plan.add("x", timeout="soon"),
    lambda: plan.create("x", eta="soon"), lambda: plan.run(), lambda: Orchestrator(name="a b"),
):
    try:
        wrong()
    except OrchestratorError as error:
        told.append([type(error).__name__, error.code])
answer = told
"""
    told = play(orchestrate, script)
    assert ["UsageError"] * 4 + ["NotFoundError", "UsageError"] == [each[0] for each in told]


def test_a_keyword_that_there_is_not_is_answered_with_the_right_one(orchestrate: Orchestrate) -> None:
    """Of settings, and of what only this method takes."""
    script = """
plan, told = Orchestrator(), []
for wrong in (
    lambda: plan.add("x", retry=3), lambda: plan.add("x", depend_on=["T-01"]), lambda: plan.run(max_paralel=2),
):
    try:
        wrong()
    except OrchestratorError as error:
        told.append([error.message, error.hint])
answer = told
"""
    assert [
        ["there is no keyword 'retry'", "did you mean retries?"],
        ["there is no keyword 'depend_on'", "did you mean depends_on?"],
        ["there is no keyword 'max_paralel'", "did you mean max_parallel?"],
    ] == play(orchestrate, script)


def test_a_run_that_could_hear_no_signal_does_not_begin(orchestrate: Orchestrate) -> None:
    """In a thread or an event loop it is refused at once, and the plan stays free for one that can."""
    script = """
import anyio
from concurrent.futures import ThreadPoolExecutor
plan, told = Orchestrator(), []
plan.add("echo hello", agent="shell")
async def run_within():
    plan.run()
with ThreadPoolExecutor() as pool:
    for run in (lambda: pool.submit(plan.run).result(), lambda: anyio.run(run_within)):
        try:
            run()
        except OrchestratorError as error:
            told.append([type(error).__name__, plan.status().holder, "run --detach" in error.hint])
answer = [told, plan.run().exit_status]
"""
    told, status = play(orchestrate, script)
    assert [["UsageError", None, True]] * 2 == told
    assert 0 == status


def test_a_text_is_one_of_a_list_and_not_its_letters(orchestrate: Orchestrate) -> None:
    """Wherever there may be several; and one that is empty is not all of them."""
    script = """
from pathlib import Path
plan = Orchestrator(Path(".orchestrator"))
plan.init(agent="shell")
first = plan.add("echo one", tags="phase1", criteria="it is said", priority=1)
second = plan.add("cat", depends_on=first)
third = plan.add("echo three")
plan.update(third, tags="phase2", depends_on=[first], priority=0)
row = plan.show(third).task
told = []
for wrong in (
    lambda: plan.run(only=""), lambda: plan.run(only=["T-01", " "]), lambda: plan.list(tags=[1]),
    lambda: plan.wait(1, "bogus"), lambda: plan.start(first, progress=500),
):
    try:
        wrong()
    except OrchestratorError as error:
        told.append(error.message)
launched = [plan.run(tags="phase1").launched, plan.run(only=second).launched]
answer = [told, launched, [task.id for task in plan.list(tags="phase1", status="completed")],
          [each.text for each in plan.show(first).criteria], row.tags, row.needs, row.priority]
"""
    told, launched, found, *rows = play(orchestrate, script)
    assert 5 == len(told)
    assert ([1, 1], ["T-01"]) == (launched, found)
    assert [["it is said"], ["phase2"], ["T-01"]] == rows[:3]


def test_a_heartbeat_from_a_directory_that_is_gone(orchestrate: Orchestrate) -> None:
    """It goes on, and says so."""
    script = "import os\nos.mkdir('x'); os.chdir('x'); os.rmdir('../x')\nanswer = check_all_tasks()['alerts']"
    assert ["the current directory is gone"] == play(orchestrate, script)


def test_a_listener_is_refused_what_only_its_own_run_could_answer(orchestrate: Orchestrate) -> None:
    """The run waits for it, so it cannot wait for the run; another thread of the same program can."""
    script = """
import os
from threading import Thread
os.mkfifo("go")
plan, told, threads = Orchestrator(), [], []
plan.init(agent="shell")
first = plan.add("cat go")
second = plan.add("echo two", depends_on=[first])
def block():
    plan.block(second, "look at it first")
    with open("go", "w") as file:
        file.write("on")
def react(happening):
    if happening.kind != "task_started":
        return
    verbs = (plan.start, plan.complete, plan.fail, plan.block, plan.unblock, plan.cancel, plan.retry)
    calls = [lambda verb=verb: verb(second) for verb in verbs]
    for call in (*calls, plan.claim, plan.stop, lambda: plan.wait(60, "end")):
        try:
            call()
        except OrchestratorError as error:
            told.append([type(error).__name__, "another thread" in error.hint])
    told.append(plan.wait(0).brief.phase.value)
    threads.append(Thread(target=block))
    threads[0].start()
report = plan.run(listener=react)
threads[0].join()
answer = [told, report.launched, plan.status().board.status(second).value, os.listdir(".orchestrator/requests")]
"""
    told, launched, second, requests = play(orchestrate, script)
    assert [["UsageError", True]] * 10 == told[:-1]
    assert ("working", 1, "blocked", []) == (told[-1], launched, second, requests)


def test_what_a_listener_raises_comes_out_as_it_is(orchestrate: Orchestrate) -> None:
    """Whenever that is, and whatever it is; the plan is free at once, and the next run goes on."""
    script = """
from orchestrator.errors import StoreError
told = []
for kind in ("run_started", "task_started", "task_completed", "run_ended"):
    for error in (ValueError("mine"), OSError(2, "mine"), StoreError("mine"), KeyboardInterrupt("mine")):
        plan = Orchestrator(f"{kind}-{type(error).__name__}")
        plan.add("echo one", agent="shell")
        error.__cause__ = KeyError("why")
        def fail(happening):
            if happening.kind == kind:
                raise error
        try:
            plan.run(listener=fail)
        except BaseException as caught:
            told.append([caught is error, repr(caught.__cause__), plan.status().holder, plan.run().exit_status])
answer = told
"""
    assert [[True, "KeyError('why')", None, 0]] * 16 == play(orchestrate, script)


def test_a_run_that_broke_off_holds_nothing(orchestrate: Orchestrate) -> None:
    """Not even while the program that ran it lives: nobody waits for it, and `stop` ends no program that went on."""
    script = """
import os, subprocess, sys
plan = Orchestrator()
plan.add("mv .orchestrator away", agent="shell")
failure = plan.run().failure
os.rename("away", ".orchestrator")
stop = subprocess.run([sys.executable, "-m", "orchestrator", "stop"], capture_output=True, text=True)
answer = [failure is not None, plan.status().holder, plan.wait(60, "end").brief.phase.value, stop.returncode]
"""
    assert [True, None, "died", 2] == play(orchestrate, script)


def test_importing_the_package_loads_nothing(orchestrate: Orchestrate) -> None:
    """A program that only wants the version does not pay for the rest."""
    script = "import sys, orchestrator\nanswer = [m for m in sys.modules if m.startswith('orchestrator.')]"
    assert "[]\n" == python(orchestrate, script)


def test_what_methods_return_can_be_written_into_annotations(orchestrate: Orchestrate) -> None:
    """Each name of the package is found when it is asked for, and not before."""
    script = """
import orchestrator
kept = orchestrator.PlanSnapshot
plan = orchestrator.Orchestrator()
plan.add("true", agent="shell")
answer = [type(plan.status().board) is kept, sorted(vars(orchestrator).keys() & {"WaitUpdate", "Ledger"})]
answer += [name for name in orchestrator.__all__ if getattr(orchestrator, name).__doc__ is None]
"""
    assert [True, []] == json.loads(python(orchestrate, script))


def test_every_setting_has_a_keyword() -> None:
    """So an editor offers what would be understood, and nothing else."""
    assert set(NAMES) == RunSettings.__annotations__.keys()
    assert set(NAMES) - RUN_ONLY - {"agent"} == TaskSettings.__annotations__.keys()


def test_every_command_is_a_method_or_it_is_said_why_not(orchestrate: Orchestrate) -> None:
    """Nobody has to look for one that is not there."""
    script = """
import orchestrator.api
from orchestrator.commands.registry import COMMANDS
said = orchestrator.api.__doc__
answer = [
    name for name in COMMANDS if not hasattr(orchestrator.api.Orchestrator, name) and f"``{name}``" not in said
]
"""
    assert [] == json.loads(python(orchestrate, script))


def test_a_run_elsewhere_is_waited_for_and_stopped(orchestrate: Orchestrate) -> None:
    """The agents are listed, the run begins and is told to end, and what was done is added up."""
    script = """
import os, subprocess, sys
plan = Orchestrator()
plan.init(agent="shell")
done, cut = plan.add("echo one"), plan.add("sleep 600", priority=0)
subprocess.run([sys.executable, "-m", "orchestrator", "run", "--detach", "--max-parallel", "1"], check=True)
first = plan.wait(60, "any")
second = plan.wait(0, "any", since=first.cursor)
run = plan.stop()
answer = [
    run == first.brief.run, [each.brief.news.has_endings() for each in (first, second)], plan.status().holder,
    [plan.status().board.status(each).value for each in (done, cut)],
    plan.report().figures.total.completed, plan.report(days=0).booked,
    [part.view.answer for part in plan.export().parts], [each.member.key for each in plan.agents()],
]
try:
    plan.stop()
except OrchestratorError as error:
    answer.append(error.code)
"""
    stopped, news, holder, standing, completed, booked, answers, agents, code = play(orchestrate, script)
    assert (True, [True, False], None, ["completed", "pending"]) == (stopped, news, holder, standing)
    assert (1, [], ["one", ""]) == (completed, booked, answers)
    assert ["claude", "shell", "simulated"] == agents
    assert "not_found" == code


def test_one_word_for_one_thing(orchestrate: Orchestrate) -> None:
    """What a remark is called, what a task is made from and what it is changed by, wherever they stand."""
    script = """
plan = Orchestrator(name="ann")
first, second = plan.add("First", desc="of all", type="dev"), plan.add("Second")
plan.update(second, title="Last", desc="of all", depends_on=first, type="test", deadline="2026-03-01")
plan.update(first, add_deps=plan.add("Third"), tags="x")
plan.update(first, remove_deps="T-03", untags="x", criteria="it is said")
plan.update(second, depends_on=())
row = plan.show(second).task
for verb in (plan.block, plan.unblock, plan.fail, plan.retry, plan.cancel):
    verb(first, note=f"because of {verb.__name__}")
answer = [
    [row.name, row.description, row.needs, row.type], [task.id for task in plan.list(type=["dev", "test"])],
    plan.show(first).task.needs, plan.show(first).task.tags, plan.claim(second),
    plan.join(second).kind, [line.rpartition(": ")[2] for line in plan.history(first).events if "because" in line],
]
"""
    row, listed, needs, tags, claimed, kind, why = play(orchestrate, script)
    assert ["Last", "of all", [], "test"] == row
    assert (["T-01", "T-02"], [], [], "T-02", "join") == (listed, needs, tags, claimed, kind)
    verbs = ("block", "unblock", "fail", "retry", "cancel")
    assert [f"because of {verb}" for verb in verbs] == why


def test_a_run_is_told_the_parameters_of_its_plan(orchestrate: Orchestrate, root: Path) -> None:
    """In their types; a wrong one is the error that the command line prints."""
    write_plan(root, {"T-01": "echo {{n}} {{word}}"}, params="{n: {type: integer}, word: plain}")
    script = """
plan = Orchestrator()
try:
    plan.run(params={"n": "many"})
except OrchestratorError as error:
    answer = [str(error), plan.run(params={"n": 3}).exit_status]
"""
    said, status = play(orchestrate, script)
    assert (True, 0) == ("n: 'many' is not of the type integer" in said, status)
    assert "3 plain" == answer_of(root, "T-01")
