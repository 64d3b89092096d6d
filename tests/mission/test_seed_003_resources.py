"""Seed 003, rows about resources: pools, locks, and files that two tasks would write."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Gate
from tests.executors.harness import wait_until

#: Fails where another task of the same word is at it.
ALONE = "mkdir {0}.busy && head -c 3000000 /dev/urandom > {0}.busy/x && rm -r {0}.busy"


def write(root: Path, columns: str, rows: list[str], front: str = "") -> None:
    """Write a plan of shell tasks with more columns than the usual ones."""
    head = f"| Task ID | Description | Dependencies | {columns} |"
    dashes = "|---" * head.count(" | ") + "|---|"
    root.mkdir(exist_ok=True)
    text = "\n".join(["---", "agent: shell", "max_parallel: 8", front, "---", "# Plan", "", head, dashes, *rows, ""])
    (root / "master_plan.md").write_text(text, encoding="utf-8")


def test_s3_99_a_pool_lets_so_many_through(orchestrate: Orchestrate, root: Path) -> None:
    """By name, by type, and all of its pools or none."""
    rows = [f"| T-0{n} | {ALONE.format('gpu')} | None | gpu | |" for n in range(1, 4)]
    rows += [f"| T-1{n} | {ALONE.format('db')} | None | | analysis |" for n in range(1, 4)]
    rows += [f"| T-21 | {ALONE.format('gpu')} && {ALONE.format('db')} | None | gpu, db | |"]
    write(root, "Pools | Type", rows, "pools: {gpu: 1, db: {size: 1, types: [Analysis]}}")
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr


def test_s3_99_what_a_task_must_not_do_at_the_same_time(orchestrate: Orchestrate, root: Path) -> None:
    """A lock of one word; globs that overlap; and a task file says it as a row does."""
    rows = [f"| T-0{n} | {ALONE.format('deploy')} | None | deploy | |" for n in range(1, 4)]
    rows += [f"| T-1{n} | {ALONE.format('src')} | None | | {glob} |" for n, glob in enumerate(["src/**", "src/a.py"])]
    rows += [f"| T-2{n} | {ALONE.format('deploy')} | None | | |" for n in range(2)]
    write(root, "Concurrency | Writes", rows)
    (root / "agent_tasks").mkdir()
    for n in range(2):
        body = f"---\nconcurrency: deploy\n---\n```sh\n{ALONE.format('deploy')}\n```\n"
        (root / f"agent_tasks/agent-2{n}.md").write_text(body, encoding="utf-8")
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr


@pytest.mark.parametrize(
    ("front", "cell", "words"),
    [
        ("", "gpu", "asks for the pool gpu, which the plan does not have"),
        ("pools: {gpus: 1}", "gpu", "did you mean gpus?"),
        ("pools: {gpu: 0}", "gpu", "gpu: 0 is not a size between 1 and 1000"),
        ("pools: {gpu: 1}", "g p u", "'g p u' is not a name"),
        ("concurrency: 3", "", "how many agents run at the same time is max_parallel"),
    ],
)
def test_s3_99_a_pool_that_is_not_there(
    orchestrate: Orchestrate, root: Path, front: str, cell: str, words: str
) -> None:
    write(root, "Pools", [f"| T-01 | true | None | {cell} |"], front)
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert words in refused.stderr
    assert "master_plan.md:" in refused.stderr


def result(root: Path, number: int) -> str:
    """The result file of a task."""
    return (root / f"results/agent-0{number}-result.md").read_text(encoding="utf-8")


def warnings(ran: Answer) -> list[tuple[str, str]]:
    """What ``run --json`` warned of, with its task."""
    return [(each.get("task", ""), each["text"]) for each in ran.events if each["event"] == "warning"]


def test_s3_99_what_a_task_changed_and_did_not_declare(orchestrate: Orchestrate, root: Path) -> None:
    """Told in its result and at once; files that git ignores, and those of the plan, are nobody's."""
    (root.parent / ".gitignore").write_text("*.log\n/build/\n", encoding="utf-8")
    (root.parent / "old.txt").write_text("old\n", encoding="utf-8")
    command = "mkdir src build && touch src/a.py b.log build/x c.md .orchestrator/d.txt && rm old.txt"
    write(root, "Writes", [f"| T-01 | {command} | None | src/** |", "| T-02 | touch src/b.py | T-01 | src/** |"])
    ran = orchestrate("run", "--json")
    assert 0 == ran.returncode, ran.stderr
    said = result(root, 1).partition("## Undeclared changes\n")[2].partition("\n\n")[0].splitlines()
    assert ["- `c.md`", "- `old.txt`"] == said[1:]
    assert "Undeclared" not in result(root, 2)
    text = "changed 2 files that its `writes` does not cover: c.md, old.txt"
    assert [("T-01", text)] == warnings(ran)


def test_s3_99_a_task_that_must_write_nothing_else(orchestrate: Orchestrate, root: Path) -> None:
    """``strict`` fails it, and is not tried again: its files are changed already. The answer stays."""
    rows = ["| T-01 | touch a b; echo made | T-03 | strict, a |", "| T-02 | touch c | T-01 (order) | strict |"]
    write(root, "Writes", [*rows, "| T-03 | touch d | None | strict d |"], "retries: 2")
    ran = orchestrate("run", "--json")
    assert 1 == ran.returncode
    assert {"failed": 1, "skipped": 1, "completed": 1} == ran.counts
    assert "it changed what it does not declare (writes: strict): b" in result(root, 1)
    assert "attempt-1" in result(root, 1)
    assert "made" in result(root, 1)
    assert not (root / "logs/agent-01.attempt-2.out").exists()


@pytest.mark.parametrize("where", ["row", "file"])
def test_s3_99_one_of_two_changed_it(orchestrate: Orchestrate, root: Path, where: str) -> None:
    """Both ran, neither declares it: both are told so, and neither fails for it."""
    os.mkfifo(root.parent / "begun")
    os.mkfifo(root.parent / "done")
    commands = ["echo > begun && read x < done", "read x < begun && touch c.md && echo > done"]
    cells = ["strict, a", "strict, b"]
    given = cells if where == "row" else ["", ""]
    write(root, "Writes", [f"| T-0{n} | {commands[n - 1]} | None | {given[n - 1]} |" for n in (1, 2)])
    if where == "file":
        (root / "agent_tasks").mkdir()
        for n in (1, 2):
            body = f"---\nwrites: [{cells[n - 1]}]\n---\n```sh\n{commands[n - 1]}\n```\n"
            (root / f"agent_tasks/agent-0{n}.md").write_text(body, encoding="utf-8")
    ran = orchestrate("run", "--json")
    assert 0 == ran.returncode, ran.stderr
    assert "- `c.md` (by this task, or by T-02)" in result(root, 1)
    assert "- `c.md` (by this task, or by T-01)" in result(root, 2)
    assert {"T-01", "T-02"} == {task for task, _ in warnings(ran)}


#: Goes on once the result of another task lies there.
AFTER = "until grep -q 'status: completed' .orchestrator/results/agent-0{}-result.md; do :; done"


def test_s3_99_two_that_changed_the_same_file(orchestrate: Orchestrate, root: Path) -> None:
    """Told at once and at the end, although neither declares anything; not of those that ran one after the other."""
    os.mkfifo(root.parent / "begun")
    rows = [f"| T-01 | read x < begun; {AFTER.format(2)}; echo one > both.md | None | |"]
    rows += ["| T-02 | echo > begun; echo two > both.md | None | |"]
    rows += ["| T-03 | echo three > both.md | T-01, T-02 | |", "| T-04 | true | T-03 | x |"]
    write(root, "Writes", rows)
    ran = orchestrate("run", "--json")
    assert 0 == ran.returncode, ran.stderr
    text = "T-01 and T-02 ran at the same time and may both have changed both.md"
    assert [("T-01", text)] == warnings(ran)
    assert [text] == ran.events[-1]["conflicts"]
    final = (root / "final_output.md").read_text(encoding="utf-8")
    assert f"- {text}" in final.partition("## Changed by two tasks at the same time")[2]
    again = orchestrate("run", "--fresh", "--json", "--simulate")
    assert [] == again.events[-1]["conflicts"]


def test_s3_99_the_old_kind_of_dependency(orchestrate: Orchestrate, root: Path) -> None:
    """It still orders, and ``validate`` says what says it better."""
    command = "test -e one && echo two"
    write(root, "Type", ["| T-01 | touch one | None | |", f"| T-02 | {command} | T-01 (resource) | |"])
    found = orchestrate("validate", "--json")
    assert 0 == found.returncode
    [said] = found.json["warnings"]
    assert "T-02 on T-01" in said
    assert "Writes" in said
    assert "Concurrency" in said
    ran = orchestrate("run", "--json")
    assert 0 == ran.returncode, ran.stderr
    assert [] == warnings(ran)


def test_s3_99_two_agents_that_edited_the_same_file(claude: ClaudePlan) -> None:
    """Their logs say so: no plan has to declare anything for that."""
    edit = {"tool": "Write", "input": {"file_path": f"{claude.where}/src/a.py", "content": "x"}}
    other = {"tool": "Edit", "input": {"file_path": "src/a.py", "old_string": "x", "new_string": "y"}}
    own = {"tool": "Edit", "input": {"file_path": "src/b.py", "old_string": "x", "new_string": "y"}}
    claude.play(
        {
            "T-01": {"turns": [edit, {"text": "done"}], "barrier": "both:2"},
            "T-02": {"turns": [other, other, own, {"text": "done"}], "barrier": "both:2"},
            "T-03": {"turns": [own, {"text": "done"}]},
        }
    )
    claude.write({"T-01": "one", "T-02": "two", "T-03": ("three", "T-01, T-02")})
    ran = claude.run()
    assert 0 == ran.returncode, ran.stderr
    assert 1 == len(ran.events[-1]["conflicts"])
    said = ran.events[-1]["conflicts"][0]
    assert said.endswith("ran at the same time and both changed src/a.py")
    assert [said] == [text for _, text in warnings(ran)]


SHARED = "pools: {db: {size: 1, shared: true}}"


def test_s3_99_a_pool_that_all_plans_share(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """Two runs of two plans at the same time are never in it together; one that is only simulated takes no slot."""
    plans = [root / name for name in ("one", "two")]
    root.mkdir()
    for plan in plans:
        write(plan, "Pools", [f"| T-0{n} | {ALONE.format(tmp_path / 'db')} | None | db |" for n in range(1, 4)], SHARED)
    runs = [orchestrate.start("run", plan) for plan in plans]
    for run in runs:
        ended = orchestrate.finish(run)
        assert 0 == ended.returncode, ended.stderr
    assert ["db.1"] == sorted(os.listdir(tmp_path / ".local/state/orchestrator/pools"))


@pytest.mark.parametrize("ending", ["by itself", "killed"])
def test_s3_99_a_run_waits_for_a_pool_of_others(
    orchestrate: Orchestrate, root: Path, gate: Gate, tmp_path: Path, ending: str
) -> None:
    """``status`` says which; what needs none of it goes on; a run that dies lets go of it once its agents are gone."""
    root.mkdir()
    one, two = root / "one", root / "two"
    write(one, "Pools", [f"| T-01 | {gate.wait.replace('|', chr(92) + '|')}; touch ended | None | db |"], SHARED)
    write(two, "Pools", ["| T-01 | echo mine | None | db |", "| T-02 | touch free | None | |"], SHARED)
    first = orchestrate.start("run", one)
    gate.await_task(first)
    second = orchestrate.start("run", two, "--json")
    journal = two / "journal.md"
    wait_until(lambda: journal.exists() and "T-02 · completed" in journal.read_text(encoding="utf-8"))
    wait_until(lambda: "T-01 · waiting · waits for the shared pool db" in journal.read_text(encoding="utf-8"))
    assert {"T-01": "waits for the shared pool db"} == orchestrate("status", two, "--json").json["news"]
    assert "waits for the shared pool db" in orchestrate("status", two).stdout
    write(root / "three", "Pools", ["| T-01 | echo mine | None | db |"], SHARED)
    assert 0 == orchestrate("run", root / "three", "--simulate").returncode
    if ending == "killed":
        os.kill(first.pid, signal.SIGKILL)
    else:
        gate.open()
    ran = orchestrate.finish(second)
    assert 0 == ran.returncode, ran.stderr
    assert 1 == sum(each["event"] == "task_waiting" for each in ran.events)
    assert ["T-02", "T-01"] == ran.started()
    assert (tmp_path / "ended").exists() == (ending == "by itself")


def test_s3_99_a_shared_pool_may_not_grow_under_a_run(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """Its guard has the slots that it was given; the run says so, and goes on by the plan that it has."""
    wait = gate.wait.replace("|", chr(92) + "|")
    write(root, "Pools", [f"| T-01 | {wait} | None | db |"], SHARED)
    run = orchestrate.start("run")
    gate.await_task(run)
    write(root, "Pools", [f"| T-01 | {wait} | None | db |"], SHARED.replace("1", "2"))
    journal = root / "journal.md"
    words = "the shared pool db is new or larger"
    wait_until(lambda: words in journal.read_text(encoding="utf-8") or run.poll() is not None)
    write(root, "Pools", [f"| T-01 | {wait} | None | db |"], SHARED)
    gate.open()
    ended = orchestrate.finish(run)
    assert 0 == ended.returncode, ended.stderr
    assert words in journal.read_text(encoding="utf-8")


def test_s3_99_a_task_waits_for_free_memory(orchestrate: Orchestrate, root: Path) -> None:
    """In a row or a task file; what has enough of it goes on."""
    rows = ["| T-01 | true | None | 1M |", "| T-02 | true | None | |", "| T-03 | true | T-01 | 60T |"]
    write(root, "Memory", rows)
    run = orchestrate.start("run", "--json")
    journal = root / "journal.md"
    words = "T-03 · waiting · waits for 60T of free memory"
    wait_until(lambda: (journal.exists() and words in journal.read_text(encoding="utf-8")) or run.poll() is not None)
    assert {"T-01": "completed", "T-02": "completed", "T-03": "pending"} == orchestrate.statuses()
    run.send_signal(signal.SIGTERM)
    ended = orchestrate.finish(run)
    assert 128 + signal.SIGTERM == ended.returncode
    (root / "agent_tasks").mkdir(exist_ok=True)
    (root / "agent_tasks/agent-03.md").write_text("---\nmemory: 2M\n---\n```sh\ntrue\n```\n", encoding="utf-8")
    write(root, "Memory", [*rows[:2], "| T-03 | true | T-01 | |"])
    ran = orchestrate("run")
    assert 0 == ran.returncode, ran.stderr


@pytest.mark.parametrize(
    ("front", "words"),
    [
        ("memory: lots", "'lots' is not a size of memory; write 512M or 2G"),
        ("memory: 3", "'3' is not between 1M and 64T"),
        ("pools: {db: {size: 1, shared: 1}}", "db: shared is true or false, not '1'"),
        ("pools: {db: {size: 99, shared: true}}", "a shared pool has 64 slots at most, not 99"),
        ("writes: '[z-a]'", "'[z-a]' is not a glob"),
    ],
)
def test_s3_99_what_the_machine_cannot_give(orchestrate: Orchestrate, root: Path, front: str, words: str) -> None:
    write(root, "Pools", ["| T-01 | true | None | |"], front)
    for command in ("validate", "run"):
        refused = orchestrate(command)
        assert 2 == refused.returncode
        assert words in refused.stderr
        assert "master_plan.md:4" in refused.stderr
