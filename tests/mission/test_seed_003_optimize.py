"""Seed 003, rows about a plan that is rewritten for more parallelism."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.orchestrate import Orchestrate, ok
from tests.acceptance.plans import Gate, everything, journal, write_plan, write_task

HEAD = "| Task ID | Description | Dependencies | Writes | Est. Time |\n|---|:---|---|---|---:|\n"
#: A chain of order alone, one result that is handed over, and a dependency that another one implies.
ROWS = """\
| T-01 | Write the parser | None | src/parser.py | 10m |
|T-02| Write the views |T-01 (order)| src/views.py | 20m |
| T-03 | Write the docs | T-02 (sequential) , T-01 (order) | docs/** | 5m |
| T-04 | Put it together | T-03, T-02 | out/x | 4m |
| T-05 | Publish it | T-04, T-02 (order) | | 4m |
"""
BETTER = """\
| T-01 | Write the parser | None | src/parser.py | 10m |
|T-02| Write the views | None | src/views.py | 20m |
| T-03 | Write the docs | None | docs/** | 5m |
| T-04 | Put it together | T-03, T-02 | out/x | 4m |
| T-05 | Publish it | T-04 | | 4m |
"""


def write(root: Path, rows: str = ROWS, front: str = "max_parallel: 2", head: str = HEAD) -> Path:
    root.mkdir(exist_ok=True)
    plan = root / "master_plan.md"
    plan.write_text(f"---\n{front}\n---\n# Plan\n\nMy words | stay.\n\n{head}{rows}\nAnd these.\n", encoding="utf-8")
    return plan


def removed(answer: Any) -> list[tuple[str, str, str]]:
    return [(each["need"], each["task"], each["code"]) for each in answer["remove"]]


def test_s3_101_a_report_that_writes_nothing(orchestrate: Orchestrate, root: Path) -> None:
    """What could go, what could run side by side, how long it takes, the critical path, one more slot, sizes."""
    write(root)
    before = everything(root)
    answer = ok(orchestrate("optimize", "--json")).json
    assert before == everything(root)
    assert {
        ("T-01", "T-02", "no_data_flow"),
        ("T-02", "T-03", "no_data_flow"),
        ("T-01", "T-03", "no_data_flow"),
        ("T-02", "T-05", "implied"),
    } == set(removed(answer))
    assert ("seconds", 2, 0, 5) == tuple(answer[each] for each in ("unit", "max_parallel", "measured", "estimated"))
    minutes = [answer[when]["length"] / 60 for when in ("before", "after")]
    assert [43, 28] == minutes
    assert ["T-02", "T-04", "T-05"] == answer["after"]["critical_path"]
    assert [[["T-01"], ["T-02"], ["T-03"]]] == answer["side_by_side"]
    assert [("T-02", "too_large"), ("T-01", "too_large")] == [(each["task"], each["code"]) for each in answer["sizes"]]
    shown = ok(orchestrate("optimize")).stdout
    assert "the plan takes 28m00s instead of 43m00s" in shown
    assert "then side by side: T-01 ∥ T-02 ∥ T-03" in shown
    assert "critical path T-02 → T-04 → T-05 (28m00s)" in shown


@pytest.mark.parametrize(("slots", "saves"), [(1, 300.0), (2, 0.0)])
def test_s3_101_one_more_slot(orchestrate: Orchestrate, root: Path, slots: int, saves: float) -> None:
    write(root, "| T-01 | Write a | None | a | 5m |\n| T-02 | Write b | None | b | 5m |\n", f"max_parallel: {slots}")
    assert saves == ok(orchestrate("optimize", "--json")).json["after"]["one_more_slot_saves"]


def test_s3_101_only_the_cells_of_dependencies_change(orchestrate: Orchestrate, root: Path) -> None:
    plan = write(root)
    data = b"\xef\xbb\xbf" + plan.read_bytes().replace(b"\n", b"\r\n")
    plan.write_bytes(data)
    ok(orchestrate("optimize", "--output", "better.md"))
    better = (orchestrate.where / "better.md").read_bytes()
    assert data.replace(ROWS.replace("\n", "\r\n").encode(), BETTER.replace("\n", "\r\n").encode()) == better
    assert data == plan.read_bytes()
    again = ok(orchestrate("optimize", "better.md", "--output", "same.md", "--json")).json
    assert [] == removed(again)
    assert better == (orchestrate.where / "same.md").read_bytes()


def test_s3_101_the_plan_itself_and_who_did_it(orchestrate: Orchestrate, root: Path) -> None:
    plan = write(root)
    before = plan.read_text(encoding="utf-8")
    ok(orchestrate("optimize", "--output", str(plan), "--as", "ana"))
    assert before.replace(ROWS, BETTER) == plan.read_text(encoding="utf-8")
    assert "T-02 · updated · by ana · no longer waits for T-01" in journal(root)
    ok(orchestrate("validate"))


def test_s3_101_not_under_an_active_run(orchestrate: Orchestrate, root: Path) -> None:
    """The report is there meanwhile, and a new file; the plan itself belongs to the run."""
    gate = Gate(orchestrate.where / "gate")
    rows = {"T-01": gate.wait, "T-02": ("true", "T-01"), "T-03": ("true", "T-02, T-01 (order)")}
    plan = write_plan(root, rows)
    before = plan.read_text(encoding="utf-8")
    run = orchestrate.start("run")
    gate.await_task(run)
    assert [("T-01", "T-03", "implied")] == removed(ok(orchestrate("optimize", "--json")).json)
    refused = orchestrate("optimize", "--output", str(plan))
    assert (3, True) == (refused.returncode, "holds this plan" in refused.stderr)
    assert "T-02, T-01 (order)" in plan.read_text(encoding="utf-8")
    gate.open()
    run.communicate()
    assert 0 == run.returncode
    ok(orchestrate("optimize", "--output", str(plan)))
    assert before.count("(order)") - 1 == plan.read_text(encoding="utf-8").count("(order)")


def test_s3_101_what_tasks_took_counts(orchestrate: Orchestrate, root: Path) -> None:
    """Not what was only simulated."""
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01"), "T-03": ("exit 1", "T-02")})
    ok(orchestrate("run", "--simulate"))
    assert (0, "tasks") == tuple(ok(orchestrate("optimize", "--json")).json[each] for each in ("measured", "unit"))
    orchestrate("run")
    found = ok(orchestrate("optimize", "--json")).json
    assert (2, "seconds") == (found["measured"], found["unit"])
    assert re.search(r"times: 2 measured, 0 estimated, 1 count as the average", orchestrate("optimize").stdout)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("| T-01 | Write | None | src/** | |\n| T-02 | Test | T-01 (order) | src/x.py | |\n", ""),
        ("| T-01 | Write | None | src/** | |\n| T-02 | Test | T-01 (order) | | |\n", "T-02 does not say in Writes"),
        ("| T-01 | Write | None | src/** | |\n| T-02 | Run `src/x.py` | T-01 (order) | out | |\n", "names src/x.py"),
        ("| T-01 | Write | None | a | |\n| T-02 | Test | T-01 | b | |\n", "the text of T-02 does not name T-01"),
    ],
)
def test_s3_101_what_may_be_needed_stays(orchestrate: Orchestrate, root: Path, rows: str, said: str) -> None:
    """It is a question, where it is one."""
    plan = write(root, rows)
    answer = ok(orchestrate("optimize", "--json", "--output", "same.md")).json
    assert ([], bool(said)) == (removed(answer), bool(answer["questions"]))
    assert all(said in each["why"] for each in answer["questions"])
    assert plan.read_bytes() == (orchestrate.where / "same.md").read_bytes()


def test_s3_101_a_resource_is_named(orchestrate: Orchestrate, root: Path) -> None:
    write(root, "| T-01 | Write | None | a | |\n| T-02 | Test | T-01 (resource) | b | |\n")
    assert "better said by Writes or Concurrency" in ok(orchestrate("optimize")).stdout
    assert [("T-01", "T-02")] == [
        (each["need"], each["task"]) for each in ok(orchestrate("optimize", "--json")).json["resources"]
    ]


def test_s3_101_files_and_pools_keep_their_say(orchestrate: Orchestrate, root: Path) -> None:
    """A task file says what is written as a row does; a pool of one lets no two tasks run, ordered or not."""
    head = "| Task ID | Description | Dependencies | Pools | Est. Time |\n|---|---|---|---|---|\n"
    rows = "| T-01 | Write a | None | gpu | 5m |\n| T-02 | Write b | T-01 (order) | gpu | 5m |\n"
    write(root, rows, "pools: {gpu: 1}", head)
    for name in ("01", "02"):
        write_task(root, f"T-{name}", f"Write file {name}\n", writes=f"out/{name}.txt")
    answer = ok(orchestrate("optimize", "--json")).json
    assert [("T-01", "T-02", "no_data_flow")] == removed(answer)
    assert (600, 600) == (answer["before"]["length"], answer["after"]["length"])


def test_s3_101_rows_in_other_words(orchestrate: Orchestrate, root: Path) -> None:
    """Names and ranges are read; what another column says stays; a long list is not cut; umbrellas pass on."""
    ids = [f"T-{n:02d}" for n in range(1, 61)]
    rows = "".join(f"| {each} | Write it | None | | {each}.txt | |\n" for each in ids)
    rows += f"| All | Count | {', '.join(ids)}, X1 (order) | | all.txt | |\n"
    rows += "| X1 | Look | None | X2 | x1.txt | |\n| X2 | Look again | t-01 (order) | | x2.txt | |\n"
    rows += "| U | Umbrella | X1 (order) | | | |\n| U1 | Under it | None | | u1.txt | U |\n"
    head = "| Task ID | Description | Dependencies | Blocks | Writes | Parent |\n|---|---|---|---|---|---|\n"
    write(root, rows, head=head)
    answer = ok(orchestrate("optimize", "--json", "--output", "better.md")).json
    assert {("X1", "All"), ("T-01", "X2"), ("X1", "U")} == {each[:2] for each in removed(answer)}
    better = (orchestrate.where / "better.md").read_text(encoding="utf-8")
    assert f"| All | Count | {', '.join(ids)} | |" in better
    assert "| X2 | Look again | None |" in better
    assert "| U | Umbrella | None |" in better
    ok(orchestrate("optimize", "better.md"))


def test_s3_101_a_task_list_in_json(orchestrate: Orchestrate) -> None:
    """As the guide calls it; what is written is read again by ``plan --from``."""
    tasks = [
        {"id": "T-01", "name": "Parse it", "description": "Parse everything there is", "writes": ["a.txt"]},
        {
            "id": "T-02",
            "name": "View it",
            "description": "View everything there is",
            "writes": "b.txt",
            "needs": [{"id": "T-01", "kind": "order"}],
            "inputs": ["the plan"],
            "priority": "P0",
            "estimate": "3m",
        },
        {"id": "T-03", "name": "Count", "needs": ["T-02"], "agent": "shell", "command": "```python\nprint(1)\n```"},
    ]
    source = orchestrate.where / "research_workflow.json"
    source.write_text(json.dumps({"title": "Research", "tasks": tasks}), encoding="utf-8")
    flags = ("--parallel-optimization", "--resource-analysis", "--output", "optimized_workflow.json")
    answer = ok(orchestrate("optimize", source.name, *flags, "--json")).json
    assert [("T-01", "T-02", "no_data_flow")] == removed(answer)
    assert not (orchestrate.where / ".orchestrator").exists()
    ok(orchestrate("plan", "--from", "optimized_workflow.json"))
    plan = (orchestrate.where / ".orchestrator/master_plan.md").read_text(encoding="utf-8")
    assert "| T-02 | View it | View everything there is | None | Agent-02 | P0 | 3m00s |" in plan
    assert "print(1)" in (orchestrate.where / ".orchestrator/agent_tasks/agent-03.md").read_text(encoding="utf-8")


def test_s3_101_a_checklist_becomes_json(orchestrate: Orchestrate) -> None:
    """A name of another form is refused, and so is the list itself: it would not be the same file any more."""
    source = orchestrate.where / "tasks.md"
    source.write_text("# Things\n\n- [ ] Write the parser\n- [ ] Write the views\n", encoding="utf-8")
    before = source.read_bytes()
    for name, said in (("better.md", "what is written is JSON"), ("tasks.md", "it exists, and is not written over")):
        refused = orchestrate("optimize", "tasks.md", "--output", name)
        assert (2, True) == (refused.returncode, said in refused.stderr), refused
    ok(orchestrate("optimize", "tasks.md", "--output", "better.json"))
    assert before == source.read_bytes()
    assert "2 tasks" in ok(orchestrate("plan", "--from", "better.json", "--dry-run")).stderr


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("taken.md", "it exists, and is not written over"),
        (".orchestrator/other.md", "a plan directory holds the files of the plan"),
        ("away/better.md", "there is no such directory"),
        ("better.json", "what is written is markdown"),
        ("-", "--output names no file"),
    ],
)
def test_s3_101_where_nothing_is_written(orchestrate: Orchestrate, root: Path, output: str, said: str) -> None:
    write(root)
    (orchestrate.where / "taken.md").write_text("mine\n", encoding="utf-8")
    before = everything(orchestrate.where)
    refused = orchestrate("optimize", "--output", output)
    assert (2, True) == (refused.returncode, said in refused.stderr), refused
    assert before == everything(orchestrate.where)


@pytest.mark.parametrize("place", ["directory", "file"])
def test_s3_101_a_bad_plan(orchestrate: Orchestrate, root: Path, place: str) -> None:
    """Every problem has file and line, and nothing is written."""
    plan = write(root, ROWS.replace("T-03, T-02 |", "T-03, T-99 |"))
    target = str(root)
    if place == "file":
        target = "other.md"
        plan.rename(orchestrate.where / target)
    refused = orchestrate("optimize", target, "--output", "better.md")
    assert 2 == refused.returncode
    assert re.search(r"\.md:13: task T-04 depends on T-99, which is not in the plan", refused.stderr), refused
    assert not (orchestrate.where / "better.md").exists()


def test_s3_101_no_such_plan(orchestrate: Orchestrate) -> None:
    refused = orchestrate("optimize", "wf.json")
    assert (2, True) == (refused.returncode, "no such file: wf.json" in refused.stderr)


def test_s3_101_a_workflow_file_in_the_words_of_the_guide(orchestrate: Orchestrate) -> None:
    """`workflow optimize` reads the guide's own format; what it writes is planned and run as any other."""
    source = orchestrate.where / "research_workflow.json"
    tasks = [
        {"id": "collect", "type": "research", "description": "Collect the sources", "timeout": 600000},
        {"id": "report", "description": "Write the report", "dependencies": ["collect"], "timeout": 600000},
    ]
    source.write_text(json.dumps({"name": "Research", "tasks": tasks}), encoding="utf-8")
    words = "--parallel-optimization --resource-analysis --output optimized_workflow.json"
    done = orchestrate("workflow", "optimize", "research_workflow.json", *words.split())
    assert 0 == done.returncode, done.stderr
    ran = orchestrate("workflow", "execute", "optimized_workflow.json", "--max-parallel", "6", "--simulate")
    assert 0 == ran.returncode, ran.stderr
