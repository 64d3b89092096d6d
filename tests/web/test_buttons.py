"""What the buttons and forms of the pages do: the same as the commands of their names."""

from __future__ import annotations

import re
import signal
from contextlib import ExitStack
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, result_of, write_plan, write_task
from tests.executors.harness import wait_until
from tests.web.dashboard import Dashboard, dashboard, text_of


def verbs(page: str) -> list[str]:
    """What can be done with the task of a page; to say something about it is not among that."""
    found = re.findall(r' action="[^"]*/tasks/[^"/]+/(\w+)"', page)
    return [verb for verb in found if verb != "share"]


def test_a_task_has_the_buttons_that_its_status_allows(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """As the table of transitions says; and they do what the commands of their names do."""
    waiting = ["block", "cancel"]
    assert waiting == verbs(opened.get("/tasks/T-02").text)
    assert ["run", "start", "complete", "fail", *waiting] == verbs(opened.get("/tasks/T-01").text)
    assert 303 == opened.post("/tasks/T-01/block", words="waits for the key").status
    page = opened.get("/tasks/T-01").text
    assert "by ana: waits for the key" in text_of(page)
    assert ["complete", "fail", "unblock", "cancel", "retry"] == sorted(
        verbs(page), key=["complete", "fail", "unblock", "cancel", "retry"].index
    )
    assert "by ana: waits for the key" in orchestrate("show", "T-01").stdout
    assert 303 == opened.post("/tasks/T-01/unblock").status
    assert 303 == opened.post("/tasks/T-01/start").status
    assert 303 == opened.post("/tasks/T-01/complete", words="the answer\nin two lines").status
    assert "the answer\nin two lines" in orchestrate("show", "T-01").stdout
    assert ["retry"] == verbs(opened.get("/tasks/T-01").text)
    assert 303 == opened.post("/tasks/T-02/fail", words="no").status
    assert 303 == opened.post("/tasks/T-02/retry").status
    assert 303 == opened.post("/tasks/T-02/cancel", words="not needed").status
    assert "Cancelled" in orchestrate("show", "T-02").stdout


def test_what_cannot_be_done_is_said_on_the_page(opened: Dashboard) -> None:
    """With a hint, and with what was typed still there."""
    refused = opened.post("/tasks/T-02/complete", words="what I <typed>")
    text = text_of(refused.text)
    assert 409 == refused.status
    assert "Dependency not DONE: T-01 (pending)" in text
    assert "T-02 can be done once they are completed" in text
    assert "what I &lt;typed&gt;</pre>" in refused.text
    assert 404 == opened.post("/tasks/T-99/retry").status
    assert 404 == opened.post("/tasks/T-01/nonsense").status
    assert 400 == opened.post("/tasks/T-01/share", text=" \n").status


def test_complete_holds_a_task_to_its_criteria_as_the_command_does(
    opened: Dashboard, orchestrate: Orchestrate, root: Path
) -> None:
    """Where the task asks for it, nothing is completed while one is open."""
    write_task(root, "T-01", "true\n\n## Success criteria\n- [ ] all tests pass\n", validate=True)
    refused = opened.post("/tasks/T-01/complete", words="done")
    assert "1 of 1 success criteria are open" in text_of(refused.text)
    assert "Pending" in orchestrate("show", "T-01").stdout
    file = root / "agent_tasks/agent-01.md"
    file.write_text(file.read_text(encoding="utf-8").replace("[ ]", "[x]"), encoding="utf-8")
    assert 303 == opened.post("/tasks/T-01/complete", words="done").status
    assert "Completed" in orchestrate("show", "T-01").stdout


def test_a_skipped_task_is_retried_by_what_failed_before_it(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "exit 3", "T-02": ("true", "T-01")})
    orchestrate("run")
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        assert "retry" in verbs(shown.get("/tasks/T-02").text)
        assert 303 == shown.post("/tasks/T-02/retry").status
        assert "T-01 exit 3 Pending" in text_of(shown.get("/tasks/T-01").text)


def test_an_umbrella_has_no_buttons(orchestrate: Orchestrate, root: Path) -> None:
    root.mkdir()
    plan = "| ID | Task | Parent |\n|---|---|---|\n| T-01 | All of it | |\n| T-02 | Some | T-01 |\n"
    (root / "master_plan.md").write_text(plan)
    with dashboard(orchestrate, root) as shown:
        page = shown.enter().text
        assert 2 == page.count('href="' + shown.place + '/tasks/T-01" class="waiting"') + 1
        assert [] == verbs(shown.get("/tasks/T-01").text)
        assert 409 == shown.post("/tasks/T-01/cancel", words="no").status


def test_tasks_and_messages_are_added(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """By the functions of `add`, `share` and `discover`."""
    added = opened.post("/tasks", text="echo three", needs="T-02", priority="P1", assignee="bo")
    assert (303, f"{opened.place}/tasks/T-03") == (added.status, added.headers["location"])
    assert "T-03" in orchestrate("list", "--assignee", "bo").stdout
    refused = opened.post("/tasks", text="keep <me>", needs="T-77")
    assert 404 == refused.status
    assert "keep &lt;me&gt;</textarea>" in refused.text
    assert "T-77" in text_of(refused.text)
    assert 303 == opened.post("/tasks/T-03/share", text="one").status
    assert 303 == opened.post("/tasks/T-03/discover", text="two").status
    said = orchestrate("context", "T-03", "--json").json["messages"]
    assert [("share", "ana", "one"), ("discover", "ana", "two")] == [
        (each["kind"], each["by"], each["text"]) for each in said
    ]


def test_a_run_is_started_asked_and_stopped(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """It goes on without the dashboard; while it is at work its tasks are changed through it."""
    write_plan(root, {"T-01": gate.wait, "T-02": "sleep 60"}, grace=1)
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        assert 303 == shown.post("/run").status
        wait_until(lambda: "Running 2" in text_of(shown.get("/").text))
        page = text_of(shown.get("/").text)
        assert "is at work for" in page
        again = shown.post("/run")
        assert (409, True) == (again.status, "holds this plan" in text_of(again.text))
        assert 303 == shown.post("/tasks/T-02/cancel", words="not needed").status
        assert "by ana: not needed" in result_of(root, "T-02")
    assert 3 == orchestrate("wait", "--timeout", "0.1s").returncode
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        assert 404 == shown.post("/stop", run="0123456789ab", words="enough").status
        run = re.search(r'name="run" value="(\w+)"', shown.get("/").text)
        assert run is not None
        assert 400 == shown.post("/stop", run=run[1], words=" ").status
        assert 303 == shown.post("/stop", run=run[1], words="enough for today").status
        wait_until(lambda: "No run is at work." in text_of(shown.get("/").text))
        assert "told · to stop by ana: enough for today" in (root / "journal.md").read_text("utf-8")
        assert 303 == shown.post("/run", simulate="yes").status
        wait_until(lambda: "Completed 1/2" in text_of(shown.get("/").text))


def test_a_run_can_be_stopped_while_its_plan_is_broken(
    orchestrate: Orchestrate, opened: Dashboard, root: Path, gate: Gate
) -> None:
    """It goes on, and spends, whatever became of the plan; every page says so, and has the button."""
    plan = write_plan(root, {"T-01": gate.wait}, grace=0)
    assert "is at work" not in opened.get("/tasks/T-99").text
    run = orchestrate.start("run")
    gate.await_task(run)
    broken_text = plan.read_text().replace("| None |", "| T-99 |")
    plan.write_text(broken_text)
    for page in ("/", "/tasks/T-01"):
        broken = opened.get(page)
        assert 400 == broken.status
        assert "which is not in the plan" in text_of(broken.text)
        assert re.search(r"Run \w+ is at work for \S+ Stop it …", text_of(broken.text))
    plan.unlink()
    (name,) = re.findall(r'name="run" value="(\w+)"', opened.get("/").text)
    plan.write_text(broken_text)
    assert 303 == opened.post("/stop", run=name, words="it is broken").status
    assert 143 == orchestrate.finish(run).returncode
    assert "is at work" not in opened.get("/").text


def test_an_answer_is_kept_as_the_command_keeps_it(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """Its first line may be indented; browsers end lines in a way of their own."""
    answer = "    indented code\n  - line two"
    assert 0 == orchestrate("complete", "T-01", answer).returncode
    assert 303 == opened.post("/tasks/T-02/complete", words=answer.replace("\n", "\r\n")).status
    assert answer == answer_of(root, "T-01") == answer_of(root, "T-02")
    first, second = (root / f"logs/agent-{n}.attempt-1.out" for n in ("01", "02"))
    assert first.read_bytes() == second.read_bytes()


def test_only_the_run_that_a_page_shows_is_stopped(orchestrate: Orchestrate, opened: Dashboard) -> None:
    """A page may be older than what it shows: neither one that waits for its time ends by it, nor the next run."""
    scheduled = orchestrate.start("run", "--at", "23:59")
    assert scheduled.stderr is not None
    assert "waits until" in scheduled.stderr.readline()
    refused = opened.post("/stop", run="0123456789ab", words="why not")
    assert 404 == refused.status
    assert "run 0123456789ab is over" in text_of(refused.text)
    assert "No run is at work." in text_of(refused.text)
    assert scheduled.poll() is None


def test_a_button_that_is_pressed_twice_starts_one_run(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """The second click is answered as the first: the run is at work, and nothing went wrong."""
    write_plan(root, {"T-01": gate.wait})
    with dashboard(orchestrate, root) as shown, ExitStack() as lines:
        shown.enter()
        # All of them are there before it begins with one.
        shown.process.send_signal(signal.SIGSTOP)
        clicks = [lines.enter_context(shown.send("/run", f"form={shown.forms}")) for _ in range(3)]
        shown.process.send_signal(signal.SIGCONT)
        assert [b"HTTP/1.1 303"] * 3 == [click.recv(12) for click in clicks]
        assert 409 == shown.post("/run").status  # who asks later could see that one is at work
        assert 1 == (root / "journal.md").read_text(encoding="utf-8").count("run · started")
        orchestrate("stop")


def test_a_task_in_hand_is_not_said_to_run(opened: Dashboard) -> None:
    """To take a task in hand starts nothing; to run it starts a run of it alone."""
    assert 303 == opened.post("/tasks/T-01/start").status
    page = text_of(opened.get("/tasks/T-01").text)
    assert "In hand" in page
    assert "Running" not in page
    assert 303 == opened.post("/tasks/T-01/retry").status
    assert 303 == opened.post("/tasks/T-01/run").status
    wait_until(lambda: "Completed 1/2 · Pending 1" in text_of(opened.get("/").text))


def test_what_is_final_asks_for_a_reason(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """It is opened first and confirmed then; without a reason nothing happens, and the form stays open."""
    page = opened.get("/tasks/T-01").text
    for verb in ("fail", "cancel"):
        assert re.search(rf'<details class="ask" id="ask-{verb}">', page)
        refused = opened.post(f"/tasks/T-01/{verb}", words=" ")
        assert (400, True) == (refused.status, "say why" in text_of(refused.text))
        assert re.search(rf'<details class="ask" id="ask-{verb}" open>', refused.text)
    assert "Pending" in orchestrate("show", "T-01").stdout
    assert 303 == opened.post("/tasks/T-01/fail", words="the key is lost").status
    assert "by ana: the key is lost" in orchestrate("show", "T-01").stdout


def test_a_plan_is_rejected_with_a_reason(orchestrate: Orchestrate, root: Path) -> None:
    root.mkdir()
    orchestrate("create", "Build it")
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        plan = shown.get("/plans/TASK-001/").text
        shown.forms = re.findall(r'name="form" value="(\w+)"', plan)[0]
        assert 'id="ask-reject"' in plan
        assert 400 == shown.post("/plans/TASK-001/transition", event="reject").status
        assert "PLANNING" in orchestrate("status", "TASK-001").stdout
        rejected = shown.post("/plans/TASK-001/transition", event="reject", words="too dear")
        assert 303 == rejected.status
    assert "too dear" in orchestrate("status", "TASK-001").stdout
