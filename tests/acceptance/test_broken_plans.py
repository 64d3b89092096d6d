"""A plan that makes no sense is refused, with file and line, and nothing is touched (promise 22)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import everything, write_plan, write_task

HEAD = "| Task ID | Description | Dependencies | Agent |\n|---|---|---|---|\n"
"""Two lines, so that the first task stands in line 3."""
ONE_TASK = "---\nagent: shell\n---\n" + HEAD + "| T-01 | true | None | |\n"


@dataclass(frozen=True)
class Broken:
    """A plan that makes no sense, and what is said about it."""

    code: str
    where: str
    message: str
    hint: str
    plan: str | bytes
    files: dict[str, str | bytes] = field(default_factory=dict)


def task(line: str) -> str:
    """A plan of which this is the row in line 6."""
    return f"---\nagent: shell\n---\n{HEAD}{line}\n"


BROKEN = {
    "cycle": Broken(
        "cycle",
        "p/master_plan.md:6",
        r"cycle of 3 tasks: (T-01 → T-0[23] → T-0[23] → T-01)",
        "remove one of these dependencies",
        task("| T-01 | a | T-03 | |\n| T-02 | b | T-01 | |\n| T-03 | c | T-02 | |"),
    ),
    "unknown dependency": Broken(
        "unknown_dependency",
        "p/master_plan.md:7",
        "scan-2 depends on scann-1, which is not in the plan",
        r"did you mean scan-1\?",
        task("| scan-1 | a | - | |\n| scan-2 | b | scann-1 | |"),
    ),
    "unlike dependency": Broken(
        "unknown_dependency",
        "p/master_plan.md:6",
        "depends on everything, which is not in the plan",
        "add the task or remove the dependency",
        task("| T-01 | a | everything | |"),
    ),
    "the name of an agent's files as a dependency": Broken(
        "unknown_dependency",
        "p/master_plan.md:7",
        "T-02 depends on Agent-01, which is not in the plan",
        r"a dependency is the id of a task; did you mean T-01\?",
        task("| T-01 | a | - | |\n| T-02 | b | Agent-01 | |"),
    ),
    "self dependency": Broken(
        "self_dependency",
        "p/master_plan.md:6",
        "T-01 depends on itself",
        "remove T-01",
        task("| T-01 | a | T-01 | |"),
    ),
    "duplicate id": Broken(
        "duplicate_id",
        "p/master_plan.md:8",
        r"duplicate task id T-01, first used at p/master_plan.md:6",
        "another id",
        task("| T-01 | a | None | |\n| T-02 | b | None | |\n| T-01 | c | None | |"),
    ),
    "bad id": Broken(
        "bad_id",
        "p/master_plan.md:6",
        r"bad task id '\.\./\.\./etc/passwd'",
        "letters, digits",
        task("| ../../etc/passwd | a | None | |"),
    ),
    "no id": Broken(
        "bad_id", "p/master_plan.md:6", "a task without an id", "an id is", task("| | a | None | |")
    ),
    "no text": Broken(
        "no_text",
        "p/master_plan.md:7",
        "task T-02 does not say what is to be done",
        "write it here, or into p/agent_tasks/agent-02.md",
        task("| T-01 | | None | |\n| T-02 | | T-01 | |"),
        {"agent_tasks/agent-01.md": "true\n", "agent_tasks/agent-02.md": "---\nretries: 1\n---\n"},
    ),
    "no table": Broken(
        "no_table", "p/master_plan.md:1", "no task table", "add a table", "# Plan\n\nDo it all.\n"
    ),
    "no dashes": Broken(
        "no_table",
        "p/master_plan.md:3",
        "no line of dashes",
        r"\|---\|",
        "# Plan\n\n| Task ID | Description | Dependencies |\n| T-01 | a | None |\n",
    ),
    "empty plan": Broken("empty_plan", "p/master_plan.md:1", "empty", "orchestrator init", " \n\n"),
    "no rows": Broken(
        "empty_plan",
        "p/master_plan.md:4",
        "the plan has no tasks",
        "orchestrator add",
        f"---\nagent: shell\n---\n{HEAD}",
    ),
    "unknown parent": Broken(
        "unknown_parent",
        "p/master_plan.md:4",
        "T-02 stands under T-1, which is not in the plan",
        "did you mean T-01",
        HEAD.replace("Agent", "Parent") + "| T-01 | a | - | |\n| T-02 | b | - | T-1 |\n",
    ),
    "circle of parents": Broken(
        "parent_cycle",
        "p/master_plan.md:3",
        "the parents form a circle: T-01 → T-02 → T-01",
        "take one of them from under the other",
        HEAD.replace("Agent", "Parent") + "| T-01 | a | - | T-02 |\n| T-02 | b | - | T-01 |\n",
    ),
    "a task that waits for its umbrella": Broken(
        "cycle",
        "p/master_plan.md:3",
        "cycle of 2 tasks",
        "an umbrella waits for the tasks under it",
        HEAD.replace("Agent", "Parent") + "| T-01 | a | - | |\n| T-02 | b | T-01 | T-01 |\n",
    ),
    "unknown agent": Broken(
        "unknown_agent",
        "p/master_plan.md:3",
        "T-01 asks for the agent 'gpt'",
        "known are claude, shell, simulated",
        f"{HEAD}| T-01 | a | None | gpt |\n",
    ),
    "misspelt assignee": Broken(
        "unknown_agent",
        "p/master_plan.md:6",
        "T-01 is assigned to 'shel', which looks like the agent 'shell' misspelt",
        "write shell",
        task("| T-01 | a | None | |")
        .replace("Agent", "Owner")
        .replace("None | |", "None | shel |"),
    ),
    "unknown agent of the whole plan": Broken(
        "unknown_agent",
        "p/master_plan.md:2",
        "'gpt'",
        "known are claude, shell, simulated",
        f"---\nagent: gpt\n---\n{HEAD}| T-01 | a | None | |\n| T-02 | b | None | |\n",
    ),
    "unknown agent in a task file": Broken(
        "unknown_agent",
        "p/agent_tasks/agent-01.md:3",
        "'gpt'",
        "known are claude, shell, simulated",
        ONE_TASK,
        {"agent_tasks/agent-01.md": "---\nretries: 1\nagent: gpt\n---\ntrue\n"},
    ),
    "two ids for one file": Broken(
        "duplicate_file",
        "p/master_plan.md:7",
        r"T-01 and agent-01 would share the file agent_tasks/agent-01\.md",
        "rename one",
        task("| T-01 | a | None | |\n| agent-01 | b | None | |"),
    ),
    "ids that differ in case": Broken(
        "duplicate_file",
        "p/master_plan.md:7",
        r"scan and SCAN would share the file",
        "rename one",
        task("| scan | a | None | |\n| SCAN | b | None | |"),
    ),
    "not UTF-8": Broken(
        "not_utf8",
        "p/master_plan.md:4",
        "not UTF-8",
        "save it as UTF-8",
        f"# Plan\n\n\n> gr\xf6\xdfer\n{HEAD}".encode("latin-1"),
    ),
    "UTF-16": Broken(
        "not_utf8", "p/master_plan.md:1", "UTF-16", "save it as UTF-8", HEAD.encode("utf-16")
    ),
    "bad setting": Broken(
        "bad_setting",
        "p/master_plan.md:3",
        "setting max_parallel: 'many' is not a whole number",
        "correct or remove it",
        f"---\nagent: shell\nmax_parallel: many\n---\n{HEAD}| T-01 | true | None | |\n",
    ),
    "no directory to work in": Broken(
        "bad_setting",
        "p/master_plan.md:3",
        "workdir: there is no directory .*/p/master_plan.md",
        "paths count from the plan directory",
        f"---\nagent: shell\nworkdir: master_plan.md\n---\n{HEAD}| T-01 | true | None | |\n",
    ),
    "misspelt setting": Broken(
        "unknown_setting",
        "p/master_plan.md:2",
        "max-paralel is not a setting",
        r"did you mean max_parallel\?",
        f"---\nmax-paralel: 2\n---\n{HEAD}| T-01 | true | None | shell |\n",
    ),
    "settings below the title": Broken(
        "misplaced_setting",
        "p/master_plan.md:4",
        "below other text, budget_usd counts for nothing",
        "the first lines of the file",
        f"# Plan\n\nSome words.\n---\ntitle: x\nbudget_usd: 1\n---\n\n{HEAD}| T-01 | true | None | shell |\n",
    ),
    "front matter that is no YAML": Broken(
        "bad_front_matter",
        "p/master_plan.md:3",
        "front matter: .*cannot start",
        "name: value",
        f"---\nagent: shell\nx: @me\n---\n{HEAD}| T-01 | true | None | |\n",
    ),
    "merge conflict": Broken(
        "conflict",
        "p/master_plan.md:7",
        "merge conflict",
        "keep one",
        task("| T-01 | a | None | |\n<<<<<<< mine\n| T-02 | a | None | |"),
    ),
    "task file with a bad setting": Broken(
        "bad_setting",
        "p/agent_tasks/agent-01.md:3",
        "setting timeout: 'soon' is not a duration",
        "correct or remove it",
        ONE_TASK,
        {"agent_tasks/agent-01.md": "---\nretries: 1\ntimeout: soon\n---\ntrue\n"},
    ),
    "task file with settings below its title": Broken(
        "misplaced_setting",
        "p/agent_tasks/agent-01.md:3",
        "below other text, timeout counts for nothing",
        "the first lines of the file",
        ONE_TASK,
        {"agent_tasks/agent-01.md": "# T-01\n\n---\ntimeout: 1s\n---\ntrue\n"},
    ),
    "task file with a setting of the run": Broken(
        "run_setting",
        "p/agent_tasks/agent-01.md:2",
        "max_parallel is a setting of the whole run",
        "master_plan.md",
        ONE_TASK,
        {"agent_tasks/agent-01.md": "---\nmax_parallel: 1\n---\ntrue\n"},
    ),
    "task file whose front matter never ends": Broken(
        "bad_front_matter",
        "p/agent_tasks/agent-01.md:1",
        "front matter",
        "---",
        ONE_TASK,
        {"agent_tasks/agent-01.md": "---\ntimeout: 5\ntrue\n"},
    ),
    "task file with the name of its task": Broken(
        "misnamed_task_file",
        "p/agent_tasks/T-01.md",
        r"no task reads it; the file of T-01 is p/agent_tasks/agent-01\.md",
        "rename it",
        ONE_TASK,
        {"agent_tasks/T-01.md": "---\nretries: 1\n---\ntrue\n"},
    ),
    "task file that is no text": Broken(
        "not_utf8",
        "p/agent_tasks/agent-01.md:2",
        "not UTF-8",
        "save it as UTF-8",
        ONE_TASK,
        {"agent_tasks/agent-01.md": b"ok\n\xff\xfe\n"},
    ),
}


def plant(directory: Path, broken: Broken) -> None:
    for name, content in {"master_plan.md": broken.plan, **broken.files}.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_plan_that_makes_no_sense_is_not_run(
    orchestrate: Orchestrate, tmp_path: Path, broken: Broken
) -> None:
    """It is said what is wrong, in which line of which file, and what to do; nothing is written or started."""
    plant(tmp_path / "p", broken)
    before = everything(tmp_path)
    run = orchestrate("run", "p", "--json")
    assert (2, False, broken.code) == (run.returncode, run.json["ok"], run.json["code"])
    (problem,) = run.json["problems"]
    assert (broken.code, broken.where) == (problem["code"], problem["where"])
    assert re.search(broken.message, problem["message"])
    assert re.search(broken.hint, problem["hint"])
    assert f"{problem['where']}: {problem['message']}" == run.json["message"]
    assert "" == run.stderr
    assert before == everything(tmp_path)


@pytest.mark.parametrize(
    "kind", ["cycle", "unknown agent", "task file with a bad setting", "no rows"]
)
@pytest.mark.parametrize("command", ["run", "validate"])
def test_people_are_told_what_programs_are_told(
    orchestrate: Orchestrate, tmp_path: Path, command: str, kind: str
) -> None:
    """``validate`` finds what ``run`` finds; without ``--json`` it is told on stderr, in two lines."""
    broken = BROKEN[kind]
    plant(tmp_path / "p", broken)
    before = everything(tmp_path)
    asked = orchestrate(command, "p")
    assert (2, "") == (asked.returncode, asked.stdout)
    error, hint = asked.stderr.splitlines()
    assert error.startswith(f"error: {broken.where}: ")
    assert re.search(broken.message, error)
    assert hint.startswith("  hint: ")
    assert re.search(broken.hint, hint)
    assert before == everything(tmp_path)


def test_a_simulation_is_as_strict(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """An agent that nobody knows is refused before anything is written, also when no agent would be started."""
    plant(tmp_path / "p", BROKEN["unknown agent"])
    before = everything(tmp_path)
    run = orchestrate("run", "p", "--simulate", "--json")
    assert (2, "unknown_agent") == (run.returncode, run.json["code"])
    assert before == everything(tmp_path)


def test_every_problem_is_told_at_once(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Whoever mends a plan need not ask again for the next problem."""
    rows = "| T-01 | a | T-09 | |\n| T-01 | b | None | |\n| b@d | c | None | |"
    plan = tmp_path / "p" / "master_plan.md"
    plan.parent.mkdir()
    plan.write_text(f"---\nretries: -1\n---\n{HEAD}{rows}\n", encoding="utf-8")
    checked = orchestrate("validate", "p", "--json")
    found = [(each["code"], each["where"]) for each in checked.json["problems"]]
    assert [
        ("bad_setting", "p/master_plan.md:2"),
        ("unknown_dependency", "p/master_plan.md:6"),
        ("duplicate_id", "p/master_plan.md:7"),
        ("bad_id", "p/master_plan.md:8"),
    ] == found
    told = orchestrate("validate", "p")
    assert 4 == told.stderr.count("error: ") == told.stderr.count("hint: ")
    assert "" == told.stdout


def test_a_long_cycle_is_found_quickly(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """The path of five thousand tasks is shortened to what a person reads."""
    tasks = {f"t{number}": ("true", f"t{number - 1}") for number in range(1, 5000)}
    write_plan(tmp_path / "p", {"t0": ("true", "t4999"), **tasks})
    checked = orchestrate("validate", "p", "--json")
    assert (2, "cycle") == (checked.returncode, checked.json["code"])
    assert re.search(r"cycle of 5000 tasks: t\d+ → .* → … → .* → t\d+$", checked.json["message"])
    assert len(checked.json["message"]) < 300


def test_everything_that_is_wrong_is_told_at_once(orchestrate: Orchestrate, root: Path) -> None:
    """A cycle beside unknown ids, and the files of the tasks: nobody mends one only to hear of the next."""
    plan = "| T-01 | a | T-02 | |\n| T-02 | b | T-01, T-02 | |\n| T-03 | c | T-99 | gpt |"
    root.mkdir()
    (root / "master_plan.md").write_text(task(plan), encoding="utf-8")
    write_task(root, "T-01", "do it", timeout="soon")
    told = orchestrate("validate", "--json")
    assert 2 == told.returncode
    assert {
        "self_dependency": ".orchestrator/master_plan.md:7",
        "unknown_dependency": ".orchestrator/master_plan.md:8",
        "cycle": ".orchestrator/master_plan.md:6",
        "bad_setting": ".orchestrator/agent_tasks/agent-01.md:2",
        "unknown_agent": ".orchestrator/master_plan.md:8",
    } == {each["code"]: each["where"] for each in told.json["problems"]}
