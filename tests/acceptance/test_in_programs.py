"""A program that has its own signals, processes and directory calls us: one script per test, as in `test_api`."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator

import pytest

from orchestrator.errors import (
    CriteriaError,
    DraftError,
    LostResultError,
    OrchestratorError,
    PlanError,
    Problem,
    StoppedError,
)
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.test_api import play


def test_a_run_ends_for_no_signal_that_the_program_handles_itself(orchestrate: Orchestrate) -> None:
    """A resized window, a child that ended, a timer … : the handler is called, and the agents go on."""
    script = """
import os, signal
handled, reports = [], []
for name in ("SIGUSR1", "SIGCHLD", "SIGWINCH", "SIGALRM", "SIGQUIT", "SIGCONT"):
    number = getattr(signal, name)
    signal.signal(number, lambda number, frame: handled.append(number))
    def hear(happening):
        if happening.kind == "task_started":
            os.kill(os.getpid(), number)
    plan = Orchestrator(name)
    plan.init(agent="shell")
    plan.add("true")
    plan.add("true", depends_on="T-01")
    report = plan.run(listener=hear)
    signal.signal(number, signal.SIG_DFL)
    reports.append([name, handled.count(number) >= 2, report.exit_status, report.signal, report.late_signal])
answer = reports
"""
    for name, is_handled, *ends in play(orchestrate, script):
        assert (True, [0, 0, 0]) == (is_handled, ends), name


def kinds(of: type[OrchestratorError] = OrchestratorError) -> Iterator[type[OrchestratorError]]:
    """Return the whole tree of errors."""
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


#: Errors that are not made from a message, a place and a hint alone.
MADE_OTHERWISE: dict[type[OrchestratorError], OrchestratorError] = {
    PlanError: PlanError([Problem("a", "plan:1", "do", "cycle"), Problem("b")]),
    DraftError: DraftError([Problem("a")], {"tasks": []}),
    CriteriaError: CriteriaError("a", hint="do", criteria=[{"number": 1, "met": False}]),
    LostResultError: LostResultError("a", hint="do", tasks=["T-01"]),
    StoppedError: StoppedError("a", signal=15, hint="do"),
}


@pytest.mark.parametrize("kind", list(kinds()))
def test_an_error_comes_out_of_another_process_as_it_was_raised(kind: type[OrchestratorError]) -> None:
    """With all that it says: whoever asked there waits for it."""
    error = MADE_OTHERWISE.get(kind) or kind("a", where="plan:1", hint="do")
    for version in range(pickle.HIGHEST_PROTOCOL + 1):
        come = pickle.loads(pickle.dumps(error, version))
        for found in (come, copy.deepcopy(error)):
            assert (kind, str(error)) == (type(found), str(found))
            assert (vars(error), error.args) == (vars(found), found.args)


def test_what_is_raised_in_a_pool_of_processes_is_raised_here(orchestrate: Orchestrate) -> None:
    """And the pool goes on."""
    script = """
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
plan = Orchestrator()
plan.add("true", agent="shell")
with ProcessPoolExecutor(1, get_context("fork")) as pool:
    try:
        pool.submit(plan.update, "T-01", depends_on="T-01").result()
    except OrchestratorError as error:
        told = [type(error).__name__, error.code, len(error.problems)]
    answer = [told, pool.submit(plan.run).result().exit_status]
"""
    assert [["PlanError", "self_dependency", 1], 0] == play(orchestrate, script)


#: Every method but `stop`, which wants a run elsewhere, in an order that makes sense.
CALLS = """
import os
here, first, second = os.getcwd(), "T-01", "T-02"
calls = {
    "init": lambda plan: plan.init(agent="shell"),
    "add": lambda plan: [plan.add("echo one", criteria="said", timeout=60), plan.add("exit 3", retries=0)],
    "validate": lambda plan: plan.validate(),
    "list": lambda plan: plan.list(),
    "agents": lambda plan: plan.agents(),
    "update": lambda plan: plan.update(second, tags="x"),
    "run": lambda plan: plan.run(),
    "wait": lambda plan: plan.wait(0),
    "status": lambda plan: plan.status(),
    "show": lambda plan: [plan.show(first), plan.show(second)],
    "history": lambda plan: plan.history(first),
    "report": lambda plan: plan.report(),
    "export": lambda plan: plan.export(),
    "retry": lambda plan: plan.retry(second),
    "block": lambda plan: plan.block(second),
    "unblock": lambda plan: plan.unblock(second),
    "claim": lambda plan: plan.claim(),
    "start": lambda plan: plan.start(second, progress=4),
    "complete": lambda plan: plan.complete(second),
    "fail": lambda plan: plan.fail(plan.add("third")),
    "cancel": lambda plan: plan.cancel(plan.add("fourth")),
    "join": lambda plan: plan.join(first),
    "share": lambda plan: plan.share(first, "x"),
    "note": lambda plan: plan.note(first, "x"),
    "discover": lambda plan: plan.discover(first, "x"),
    "sync": lambda plan: plan.sync(first, "x"),
    "context": lambda plan: plan.context(first),
    "create": lambda plan: Orchestrator(f"{here}/plans").create("x"),
    "transition": lambda plan: Orchestrator(f"{here}/plans/TASK-001").transition("reject"),
    "archive": lambda plan: Orchestrator(f"{here}/plans/TASK-001").archive(),
}
assert {name for name in dir(Orchestrator) if not name.startswith("_")} - {"directory", "stop"} == calls.keys()
"""


def test_whatever_a_method_returns_can_be_sent_elsewhere_and_copied(orchestrate: Orchestrate) -> None:
    """Also of a plan that was read just now, and not from what was kept of it."""
    script = """
import copy, pickle
plan, answer = Orchestrator(), []
for name, call in calls.items():
    if os.path.exists(".orchestrator/index.json"):
        os.unlink(".orchestrator/index.json")
    found = call(plan)
    try:
        pickle.loads(pickle.dumps(found)), copy.deepcopy(found)
    except Exception as error:
        answer.append(f"{name}: {error}")
"""
    assert [] == play(orchestrate, CALLS + script)


def test_a_plan_is_at_hand_where_the_current_directory_is_gone(orchestrate: Orchestrate) -> None:
    """A service whose directory was replaced meanwhile goes on, by absolute paths; by others, it is told why not."""
    script = """
answer = []
os.mkdir("x"), os.chdir("x"), os.rmdir("../x")
def refused(call):
    try:
        call()
    except Exception as error:
        answer.append(f"{type(error).__name__}: {error}")
plan = Orchestrator(f"{here}/.orchestrator")
for call in calls.values():
    refused(lambda: call(plan))
refused(lambda: plan.complete(plan.add("x", criteria="is it"), validate=True))
refused(lambda: plan.update(first, depends_on=first))
answer.append(check_all_tasks(f"{here}/.orchestrator")["alerts"])
refused(lambda: Orchestrator("plans"))
refused(Orchestrator)
os.environ["ORCHESTRATOR_DIR"] = plan.directory
refused(Orchestrator)
"""
    unmet, cycle, alerts, *others = play(orchestrate, CALLS + script)
    assert unmet.startswith("CriteriaError: ")
    assert cycle.startswith("PlanError: ")
    assert ["failed .orchestrator/T-03: by python"] == alerts
    assert ["OutputError: the current directory is gone"] * 2 == others


def test_several_words_may_stand_in_one_text_as_in_the_options(orchestrate: Orchestrate) -> None:
    """With commas between them, wherever there may be several; a criterion is a sentence and may have commas."""
    script = """
plan = Orchestrator()
plan.init(agent="shell")
plan.add("true", tags="a, b", criteria="one, two")
plan.add("true", depends_on="T-01", tags=["c"])
plan.add("true", depends_on="T-01,T-02,", assignee="ann")
plan.update("T-03", add_deps="T-01,T-02", tags="d,e", untags="e, f")
told = []
for wrong in (lambda: plan.run(only=","), lambda: plan.list(tags=["a", " , "])):
    try:
        wrong()
    except UsageError as error:
        told.append(str(error))
launched = [plan.run(only="T-01,T-02").launched, plan.run(tags="c,d").launched]
found = [
    plan.list(status="completed,pending", tags="a,d"), plan.list(assignee="bob, ann"), plan.list(type="dev,test")
]
rows = [[each.tags, each.needs] for each in plan.list()]
answer = [told, launched, [[task.id for task in tasks] for tasks in found], rows,
          [each.text for each in plan.show("T-01").criteria]]
"""
    script = f"from orchestrator.errors import UsageError\n{script}"
    told, launched, found, rows, criteria = play(orchestrate, script)
    assert ["only: ',' names nothing", "tags: ' , ' names nothing"] == told
    assert ([2, 1], [["T-01", "T-03"], ["T-03"], []]) == (launched, found)
    assert [["a", "b"], []] == rows[0]
    assert [["c"], ["T-01"]] == rows[1]
    assert [["d"], ["T-01", "T-02"]] == rows[2]
    assert ["one, two"] == criteria


def test_what_makes_no_sense_is_an_error_of_ours_and_changes_nothing(orchestrate: Orchestrate) -> None:
    """And what a command prints is understood where it is handed back."""
    script = """
plan, told = Orchestrator(), []
plan.add("true", agent="shell")
plan.add("Think about it")
plan.run(only="T-01")
cursor = plan.wait(0).cursor
for wrong in (
    lambda: plan.report(-1), lambda: plan.report(float("nan")), lambda: plan.report(float("inf")),
    lambda: plan.complete("T-02", "all\\ud800"), lambda: plan.complete("T-02", "a\\0b"),
    lambda: plan.wait(0, since="soon"), lambda: plan.wait(0, since=3),
    lambda: Orchestrator("a\\0b"), lambda: Orchestrator("a\\ud800b"),
):
    try:
        wrong()
        told.append("nothing")
    except OrchestratorError as error:
        told.append(error.code)
told += [plan.status().board.status("T-02"), type(cursor) is Cursor]
answer = [told, [plan.wait(0, since=each).brief.news.has_endings() for each in (None, cursor, str(cursor))]]
"""
    assert [[*["usage"] * 9, "pending", True], [True, False, False]] == play(orchestrate, script)
