"""Plans that make no sense, and what is said about each."""

from __future__ import annotations

from dataclasses import dataclass, field

HEAD = "| Task ID | Description | Dependencies | Agent |\n|---|---|---|---|\n"
"""Two lines, so that the first task stands in line 3."""
ONE_TASK = "---\nagent: shell\n---\n" + HEAD + "| T-01 | true | None | |\n"


HALF_MERGED = "<<<<<<< HEAD\n```sh\nfalse\n```\n=======\n```sh\ntrue\n```\n>>>>>>> b\n"


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
        "of T-01: 'whatever' is not understood",
        "write the ids of tasks with a comma between two, such as T-01, T-02; or None",
        task("| T-01 | a | whatever | |"),
    ),
    "the name of an agent's files as a dependency": Broken(
        "unknown_dependency",
        "p/master_plan.md:7",
        "T-02 depends on Agent-01, which is not in the plan",
        r"a dependency is the id of a task; did you mean T-01\?",
        task("| T-01 | a | - | |\n| T-02 | b | Agent-01 | |"),
    ),
    "self dependency": Broken(
        "self_dependency", "p/master_plan.md:6", "T-01 depends on itself", "remove T-01", task("| T-01 | a | T-01 | |")
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
    "no id": Broken("bad_id", "p/master_plan.md:6", "a task without an id", "an id is", task("| | a | None | |")),
    "no text": Broken(
        "no_text",
        "p/master_plan.md:7",
        "task T-02 does not say what is to be done",
        "write it here, or into p/agent_tasks/agent-02.md",
        task("| T-01 | | None | |\n| T-02 | | T-01 | |"),
        {"agent_tasks/agent-01.md": "true\n", "agent_tasks/agent-02.md": "---\nretries: 1\n---\n"},
    ),
    "no table": Broken("no_table", "p/master_plan.md:1", "no task table", "add a table", "# Plan\n\nDo it all.\n"),
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
        task("| T-01 | a | None | |").replace("Agent", "Owner").replace("None | |", "None | shel |"),
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
    "UTF-16": Broken("not_utf8", "p/master_plan.md:1", "UTF-16", "save it as UTF-8", HEAD.encode("utf-16")),
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
    "merge conflict in the front matter": Broken(
        "conflict",
        "p/master_plan.md:2",
        "merge conflict",
        "keep one",
        ONE_TASK.replace("---\n", "---\n<<<<<<< HEAD\nretries: 2\n=======\nretries: 3\n>>>>>>> b\n", 1),
    ),
    "task file with a merge conflict": Broken(
        "conflict",
        "p/agent_tasks/agent-01.md:6",
        "merge conflict",
        "keep one",
        ONE_TASK,
        {"agent_tasks/agent-01.md": f"---\nretries: 1\n---\n# t\n\n{HALF_MERGED}"},
    ),
    "command with a merge conflict": Broken(
        "conflict",
        "p/agent_tasks/agent-01.md:6",
        "merge conflict",
        "keep one",
        ONE_TASK,
        {"agent_tasks/agent-01.md": "# t\n\n```sh\ntrue\necho 'a'\n<<<<<<< b\ntrue\n=======\nfalse\n>>>>>>> b\n```\n"},
    ),
    "task file with a merge conflict in its front matter": Broken(
        "conflict",
        "p/agent_tasks/agent-01.md:2",
        "merge conflict",
        "keep one",
        ONE_TASK,
        {"agent_tasks/agent-01.md": "---\n<<<<<<< HEAD\nretries: 1\n=======\n>>>>>>> b\n---\ntrue\n"},
    ),
    "agent with a merge conflict": Broken(
        "conflict",
        "p/agents/reader.md:4",
        "merge conflict",
        "keep one",
        ONE_TASK,
        {"agents/reader.md": f"---\ncommand: [cat]\n---\n{HALF_MERGED}"},
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
    "task file with the name of its task behind that of files": Broken(
        "misnamed_task_file",
        "p/agent_tasks/agent-scan.md",
        r"no task reads it; the file of scan is p/agent_tasks/scan\.md",
        "rename it",
        ONE_TASK.replace("T-01", "scan"),
        {"agent_tasks/agent-scan.md": "true\n"},
    ),
    "task file in other letters": Broken(
        "misnamed_task_file",
        "p/agent_tasks/Agent-01.md",
        r"no task reads it; the file of T-01 is p/agent_tasks/agent-01\.md",
        "rename it",
        ONE_TASK,
        {"agent_tasks/Agent-01.md": "true\n"},
    ),
    "task file with the number of its task": Broken(
        "misnamed_task_file",
        "p/agent_tasks/agent-01.md",
        r"no task reads it; the file of 1 is p/agent_tasks/1\.md",
        "rename it",
        ONE_TASK.replace("T-01", "1"),
        {"agent_tasks/agent-01.md": "true\n"},
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
