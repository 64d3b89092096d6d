"""Seed 004, rows about handing out again and again: beside a run that is at work, and what is seen afterwards."""

from __future__ import annotations

import os
import re
import signal
import sys

import pytest

from orchestrator.store.lock import lock_owner, take_lock
from tests.acceptance.plans import Gate
from tests.executors.harness import wait_until
from tests.mission.task_engine import TaskEngine
from tests.mission.test_seed_004_subtasks import dispatched, reasons, words


@pytest.fixture
def task(engine: TaskEngine) -> str:
    """An approved plan without tasks, whose agent runs commands."""
    made = engine.plan("APPROVED")
    engine.set_front(made, "agent: shell")
    return made


def test_auto_dispatch_beside_a_run_that_does_not_take_everything(engine: TaskEngine, task: str) -> None:
    """What it does not take is not dispatched to it: what has other tags, and all of it when it is about to leave."""
    engine(f"dispatch {task} one")
    engine(f"dispatch {task} two")
    engine(f"update subtask_01 --tag x --dir {engine.root / task}")
    path = str(engine.root / task / "run.lock")
    lock = take_lock(path, "r1", "2026-01-05T12:00:00.000Z", tags=["X"])
    beside = engine(f"auto-dispatch {task}")
    assert [] == dispatched(beside)
    assert {
        "subtask_01": "run r1 has it already: it waits for its turn",
        "subtask_02": "run r1 is at work on the tag X",
    } == reasons(beside)
    lock.close(is_closed=True)
    beside = engine(f"auto-dispatch {task}")
    assert [] == dispatched(beside)
    assert {"run r1 is coming to its end"} == set(reasons(beside).values())
    lock.release()


def test_auto_dispatch_beside_a_run(engine: TaskEngine, task: str) -> None:
    """A run that a person asked for tasks by name starts no others; it is not made another one behind their back."""
    gate = Gate(engine.orchestrate.where / "gate")
    engine(f"dispatch {task} wait")
    (engine.root / task / "agent_tasks").mkdir(exist_ok=True)
    (engine.root / task / "agent_tasks/subtask_01.md").write_text(f"```sh\n{gate.wait}\n```\n", encoding="utf-8")
    run = engine.orchestrate.start("run", task, "--only", "subtask_01")
    gate.await_task(run)
    engine(f'dispatch {task} "echo two"')
    busy = engine(f"auto-dispatch {task}")
    assert [] == dispatched(busy)
    assert re.fullmatch(r"run \w+ is at work on subtask_01", reasons(busy)["subtask_02"])
    gate.open()
    engine.orchestrate.finish(run)
    assert ["subtask_02"] == dispatched(engine(f"auto-dispatch {task}"))
    wait_until(lambda: ["DONE", "DONE"] == words(engine, task))


def test_one_long_task_keeps_no_other_from_being_dispatched(engine: TaskEngine, task: str) -> None:
    """Called again and again, it starts whatever is ready by then, new or old: the run at work takes it."""
    os.mkfifo(gate := engine.orchestrate.where / "gate")
    engine(f"dispatch {task} 'read -r _ <gate'")
    engine(f"dispatch {task} 'echo two'")
    (long,) = engine(f"auto-dispatch {task} --subtask subtask_01").json["dispatches"]
    wait_until(lambda: "IN_PROGRESS" == words(engine, task)[0])
    engine(f"dispatch {task} 'echo three' --deps subtask_02")
    seen = engine(f"auto-dispatch {task} --dry-run")
    assert ["subtask_02"] == dispatched(seen)
    (quick,) = engine(f"auto-dispatch {task} --subtask subtask_02").json["dispatches"]
    assert ("subtask_02", long["run"]) == (quick["subtask_id"], quick["run"])
    wait_until(lambda: ["IN_PROGRESS", "DONE", "PENDING"] == words(engine, task))
    assert ["subtask_03"] == dispatched(engine("auto-dispatch --all"))
    wait_until(lambda: ["IN_PROGRESS", "DONE", "DONE"] == words(engine, task))
    gate.write_text("go\n", encoding="utf-8")
    wait_until(lambda: "TESTING" == engine.state(task))
    journal = (engine.root / task / "journal.md").read_text(encoding="utf-8")
    assert 1 == journal.count("· run · started ·")


def test_what_the_run_has_already_is_not_dispatched_again(engine: TaskEngine, task: str) -> None:
    """It waits for a slot; whoever calls every minute is not told each time that it was dispatched."""
    os.mkfifo(gate := engine.orchestrate.where / "gate")
    engine.set_front(task, "max_parallel: 1")
    engine(f"dispatch {task} 'read -r _ <gate' --priority P0")
    engine(f"dispatch {task} 'echo two'")
    first = engine(f"auto-dispatch {task}")
    assert ["subtask_01", "subtask_02"] == dispatched(first)
    run = first.json["dispatches"][0]["run"]
    wait_until(lambda: "IN_PROGRESS" == words(engine, task)[0])
    again = engine(f"auto-dispatch {task}")
    assert [] == dispatched(again)
    assert {"subtask_02": f"run {run} has it already: it waits for its turn"} == reasons(again)
    gate.write_text("go\n", encoding="utf-8")
    wait_until(lambda: ["DONE", "DONE"] == words(engine, task))


def test_one_of_two_that_ask_for_the_same_task_dispatches_it(engine: TaskEngine, task: str) -> None:
    """Both found that nobody had it; whoever adds up what was dispatched counts it once."""
    os.mkfifo(gate := engine.orchestrate.where / "gate")
    engine(f"dispatch {task} 'read -r _ <gate'")
    engine(f"auto-dispatch {task}")
    engine(f"dispatch {task} 'echo two'")
    root = engine.root / task
    pid = (lock_owner(f"{root}/run.lock") or {})["pid"]
    os.kill(pid, signal.SIGSTOP)
    asking = [engine.orchestrate.start("auto-dispatch", task) for _ in range(2)]
    wait_until(lambda: 2 == len(list((root / "requests").glob("*.request.json"))))
    os.kill(pid, signal.SIGCONT)
    told = [engine.orchestrate.finish(each) for each in asking]
    assert [[], ["subtask_02"]] == sorted(map(dispatched, told))
    (why,) = [reasons(each)["subtask_02"] for each in told if not dispatched(each)]
    assert re.fullmatch(r"run \w+ has it already: it is \w+", why)
    gate.write_text("go\n", encoding="utf-8")
    wait_until(lambda: ["DONE", "DONE"] == words(engine, task))


def test_a_run_that_is_gone_before_it_answers_is_replaced(engine: TaskEngine, task: str) -> None:
    """Nothing is left of what it was asked; and what somebody left who was killed starts nothing later."""
    engine(f"dispatch {task} 'echo one'")
    engine(f"dispatch {task} 'echo two'")
    root = engine.root / task
    lock = take_lock(f"{root}/run.lock", "r1", "2026-01-05T12:00:00.000Z", ["subtask_02"], grows=True)
    asking = engine.orchestrate.start("auto-dispatch", task, "--subtask", "subtask_01")
    asked = root / "requests"
    wait_until(lambda: asked.exists() and any(asked.glob("*.request.json")))
    (request,) = asked.glob("*.request.json")
    left = request.with_name(f"{int(request.name[:17]) - 1:017d}-0123456789ab.request.json")
    left.write_bytes(request.read_bytes().replace(b"subtask_01", b"subtask_02"))
    lock.release()
    assert ["subtask_01"] == dispatched(engine.orchestrate.finish(asking))
    wait_until(lambda: ["DONE", "PENDING"] == words(engine, task))
    wait_until(lambda: not list(asked.iterdir()))


def test_s4_12_the_first_word_of_an_agent_is_heard(engine: TaskEngine, task: str) -> None:
    """What it starts with is how far it is; the answer says what is on disk by then."""
    os.mkfifo(gate := engine.orchestrate.where / "gate")
    word = f"subtask {task} subtask_01 start --progress 30"
    engine(f"dispatch {task} '{sys.executable} -m orchestrator {word} >said && read -r _ <gate'")
    engine(f"auto-dispatch {task}")
    said = engine.orchestrate.where / "said"
    wait_until(lambda: said.exists() and said.read_text(encoding="utf-8"))
    (shown,) = engine(f"status {task} --json").json["subtasks"]
    assert ("IN_PROGRESS", 30) == (shown["status"], shown["progress"])
    assert "subtask_01 is IN_PROGRESS\n" == said.read_text(encoding="utf-8")
    gate.write_text("go\n", encoding="utf-8")
    wait_until(lambda: "TESTING" == engine.state(task))


def test_what_was_dispatched_is_under_way_when_the_command_is_back(engine: TaskEngine, task: str) -> None:
    """As far as there are slots; whoever looks next is told of nothing that is still to begin."""
    os.mkfifo(gate := engine.orchestrate.where / "gate")
    engine.set_front(task, "max_parallel: 2")
    for _ in range(3):
        engine(f"dispatch {task} 'read -r _ <gate'")
    engine(f"auto-dispatch {task} --subtask subtask_01")
    assert ["IN_PROGRESS", "PENDING", "PENDING"] == words(engine, task)
    engine(f"auto-dispatch {task}")
    assert ["IN_PROGRESS", "IN_PROGRESS", "PENDING"] == words(engine, task)
    engine(f"stop {task}")
    assert gate.exists()
