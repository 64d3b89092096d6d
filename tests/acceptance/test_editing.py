"""Plans edited by command: add, update, list (rows of seeds 000 and 001 that are not in the scripts of the mission)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, everything, write_plan, write_task


def plan_text(root: Path) -> str:
    return (root / "master_plan.md").read_text(encoding="utf-8")


def test_add_makes_the_plan_and_says_so(orchestrate: Orchestrate, root: Path) -> None:
    """The id goes to stdout and nothing else; talk goes to stderr."""
    added = orchestrate("add", "Write the tests of the parser")
    assert (0, "T-01\n") == (added.returncode, added.stdout)
    assert "made .orchestrator/master_plan.md" in added.stderr
    assert "T-02\n" == orchestrate("add", "Run the tests of the parser").stdout
    assert "· T-02 · added · by " in (root / "journal.md").read_text(encoding="utf-8")
    assert 0 == orchestrate("validate").returncode


def test_a_task_that_the_journal_cannot_tell_of_is_added_all_the_same(orchestrate: Orchestrate, root: Path) -> None:
    """Whoever was told that it failed would add it again, and it would be done twice."""
    (root / "journal.md").mkdir(parents=True)
    added = orchestrate("add", "Write the tests of the parser")
    assert (0, "T-01\n") == (added.returncode, added.stdout)
    assert "warning: T-01 is added, but the journal does not say so: " in added.stderr
    as_json = orchestrate("add", "Run the tests of the parser", "--json").json
    assert (True, "T-02") == (as_json["ok"], as_json["id"])
    assert "journal.md" in as_json["warnings"][0]


def test_add_goes_on_with_the_ids_of_the_plan(orchestrate: Orchestrate, root: Path) -> None:
    """And never takes one of which there are files: another task's answer would be taken for its own."""
    write_plan(root, {"step_07": "true", "step_08": ("true", "step_07")})
    write_task(root, "step_09", "of a task whose row is gone")
    assert "step_10\n" == orchestrate("add", "true", "--depends-on", "step_07,step_08").stdout
    refused = orchestrate("add", "true", "--id", "step_09")
    assert (2, "") == (refused.returncode, refused.stdout)
    assert "step_09" in refused.stderr
    assert "mine\n" == orchestrate("add", "true", "--id", "mine").stdout


def test_what_does_not_fit_into_a_row_goes_into_the_task_file(orchestrate: Orchestrate, root: Path) -> None:
    """A command of several lines, a limit of its own; and all of it is run as it was typed."""
    orchestrate("init", "--agent", "shell")
    odd = "cat <<'X'\n<b>`|` \\| &lt;\nX"
    orchestrate("add", odd, "--desc", "Say something odd", "--timeout", "20s", "--retry", "1")
    orchestrate("add", "echo 'a|b' | tr '|' '\\n'")
    assert 0 == orchestrate("run").returncode
    assert "<b>`|` \\| &lt;" in answer_of(root, "T-01")
    assert "a\nb" == answer_of(root, "T-02").strip()
    task_file = (root / "agent_tasks" / "agent-01.md").read_text(encoding="utf-8")
    assert task_file.startswith("---\ntimeout: 20.0\nretries: 0\n---\n")
    assert odd in task_file
    assert "Say something odd" in orchestrate("list").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--depends-on", "T-1"), "--depends-on: task T-1 not found\n  hint: did you mean T-01?"),
        (("--parent", "T-09"), "--parent: task T-09 not found"),
        (("--agent", "gpt"), "--agent: 'gpt' is not known"),
        (("--assignee", "shel"), "looks like the agent 'shell' misspelt"),
        (("--assignee", "none"), "a table cannot say assignee 'none'\n  hint: it means that there is"),
        (("--tag", "-"), "a table cannot say tag '-'\n  hint: it means that there is nothing"),
        (("--type", "None"), "a table cannot say type 'None'\n  hint: it means that there is nothing"),
        (("--assignee", "a|`b"), "a table cannot say assignee 'a|`b'\n  hint: letters, digits"),
        (("--priority", "soon"), "--priority: 'soon' is not a priority\n  hint: write P0…P3"),
        (("--timeout", "soon"), "--timeout:"),
        (("--retry", "0"), "--retry: there is at least one attempt"),
        (("--retry", "3", "--retries", "2"), "say the same"),
        (("--tag", "two words"), "more than one word"),
        (("--deadline", "soon"), "--deadline: 'soon' is not a moment; write 2026-03-01"),
        (("--estimated-hours", "0"), "--estimated-hours: '0' is not a number of hours"),
        (("--estimated-hours", "9999"), "longer than a year"),
        (("--id", "../x"), "is not an id"),
        (("--id", "T-01"), "there is a task T-01 already"),
        (("--id", "agent-01"), "there is a task T-01 already"),
        (("--as", "no name"), "is not a name"),
        (("--parent", "T-01", "--depends-on", "T-02"), "an umbrella waits for the tasks under it"),
    ],
)
def test_add_refuses_what_makes_no_sense(
    orchestrate: Orchestrate, root: Path, words: tuple[str, ...], said: str
) -> None:
    """With a hint, and nothing is written."""
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01")})
    (root / "plan.lock").touch()
    before = everything(root)
    refused = orchestrate("add", "Do something useful", *words)
    assert (2, "") == (refused.returncode, refused.stdout)
    assert said in refused.stderr
    assert before == everything(root)


@pytest.mark.parametrize("text", ["", " ", "\x1b[31m", "\x1b[0m \n", "\u202e", "\u200b\n", "\u3164", "\u2800\ufe0f"])
def test_a_text_of_which_nothing_is_seen_is_none(orchestrate: Orchestrate, root: Path, text: str) -> None:
    """An agent would be paid for an empty task."""
    write_plan(root, {"T-01": "true"})
    (root / "plan.lock").touch()
    before = everything(root)
    for words, said in (
        (["add", text], "there is no text"),
        (["add", text, "--agent", "claude"], "there is no text"),
        (["update", "T-01", "--title", text], "there is no text"),
        (["add", "Count them", "--criterion", text], "a criterion without a text"),
        (["create", text, "--dir", "plans"], "a plan needs a title"),
    ):
        refused = orchestrate(*words)
        assert (2, "") == (refused.returncode, refused.stdout)
        assert said in refused.stderr
    assert before == everything(root)
    (root / "master_plan.md").write_text(
        f"| ID | Task | Deps |\n|---|---|---|\n| T-01 | {text.strip()} | |\n", encoding="utf-8"
    )
    assert "T-01 does not say what is to be done" in orchestrate("validate").stderr


def test_a_title_is_taken_away_where_the_description_says_enough(orchestrate: Orchestrate, root: Path) -> None:
    """A dash in its place would be a text."""
    root.mkdir()
    head = "| ID | Name | Description | Deps |\n|---|---|---|---|\n"
    (root / "master_plan.md").write_text(f"{head}| T-01 | One | Do it | None |\n", encoding="utf-8")
    assert 0 == orchestrate("update", "T-01", "--title", "").returncode
    assert "Do it" == orchestrate("show", "T-01", "--json").json["task"]["name"]
    assert "there is no text" in orchestrate("update", "T-01", "--desc", "").stderr


def test_add_needs_a_table_and_says_what_is_wrong(orchestrate: Orchestrate, root: Path) -> None:
    """A plan of somebody's is never given a table behind their back."""
    root.mkdir()
    (root / "master_plan.md").write_text("# My plan\n\nJust words.\n", encoding="utf-8")
    refused = orchestrate("add", "Do something useful")
    assert 2 == refused.returncode
    assert "no task table found" in refused.stderr
    assert plan_text(root) == "# My plan\n\nJust words.\n"


@pytest.mark.parametrize("is_in_front", [True, False])
def test_nothing_is_added_to_one_side_of_a_merge(orchestrate: Orchestrate, root: Path, is_in_front: bool) -> None:
    """Who keeps the other side would lose it; ``update`` refuses that, too."""
    write_plan(root, {"T-01": "true", "T-02": "true"})
    whole = "retries: 0" if is_in_front else "| T-02 | true | None |"
    merged = f"<<<<<<< HEAD\n{whole}\n=======\n{whole}\n>>>>>>> b"
    before = plan_text(root).replace(whole, merged)
    (root / "master_plan.md").write_text(before, encoding="utf-8")
    line = before.partition("<<<<<<<")[0].count("\n") + 1
    for command in (["add", "true"], ["update", "T-01", "-p", "high"]):
        refused = orchestrate(*command)
        assert 2 == refused.returncode
        said = f"error: .orchestrator/master_plan.md:{line}: an unresolved merge conflict"
        assert refused.stderr.startswith(said)
    assert before == plan_text(root)


def test_a_text_that_shows_a_merge_is_none(orchestrate: Orchestrate, root: Path) -> None:
    """What somebody wants to have done may be about one."""
    asked = "Resolve this:\n<<<<<<< HEAD\none\n=======\ntwo\n>>>>>>> b"
    assert 0 == orchestrate("add", asked, "--agent", "claude").returncode
    assert 0 == orchestrate("validate").returncode


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("x\n```\ncode", "--criterion", "y"), "error: no success criterion can stand below this"),
        (("Do it", "--agent", "cluade"), "--agent: 'cluade' is not known"),
    ],
)
def test_a_first_task_that_is_refused_leaves_no_plan(
    orchestrate: Orchestrate, root: Path, words: tuple[str, ...], said: str
) -> None:
    """Nor is a file named that is not there."""
    refused = orchestrate("add", *words)
    assert (2, "") == (refused.returncode, refused.stdout)
    assert said in refused.stderr
    assert not list(root.rglob("*.md"))


def test_an_umbrella_runs_nothing_and_holds_the_next_phase(orchestrate: Orchestrate, root: Path) -> None:
    """A plain pending task becomes one when something is put under it; one that ran does not."""
    orchestrate("init", "--agent", "shell")
    one = orchestrate("add", "exit 1", "--desc", "Phase 1").stdout.strip()
    two = orchestrate("add", "exit 1", "--desc", "Phase 2", "--depends-on", one).stdout.strip()
    a = orchestrate("add", "echo of phase 1", "--parent", one).stdout.strip()
    b = orchestrate("add", "cat", "--parent", two).stdout.strip()
    assert "☂ 0/1 completed" in orchestrate("list").stdout
    assert "2 umbrellas among them" in orchestrate("validate").stdout
    run = orchestrate("run", "--json")
    assert (0, [a, b]) == (run.returncode, run.started())
    assert "of phase 1" == answer_of(root, b).strip()
    assert not (root / "results" / "agent-01-result.md").exists()
    shown = orchestrate("show", one, "--json").json["task"]
    assert ("completed", "1/1 completed", [a], []) == (
        shown["status"],
        shown["reason"],
        shown["children"],
        shown["needs"],
    )
    assert "Completed by the tasks under it: T-03." in (root / "final_output.md").read_text()
    late = orchestrate("add", "true", "--parent", one).stdout.strip()
    assert ["waiting", "pending"] == [
        orchestrate("show", each, "--json").json["task"]["status"] for each in (one, late)
    ]
    refused = orchestrate("add", "true", "--parent", a)
    assert (2, f"{a} was already started") == (refused.returncode, refused.stderr[7:31])
    refused = orchestrate("complete", one)
    assert (2, "is an umbrella") == (refused.returncode, refused.stderr.split(":")[1][6:20])


def test_a_failure_under_an_umbrella_is_told(orchestrate: Orchestrate, root: Path) -> None:
    """By the umbrella too; what depends on it is skipped, and `--only` takes its tasks along."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "true", "--desc", "Phase 1")
    orchestrate("add", "exit 3", "--parent", "T-01", "--retries", "0")
    orchestrate("add", "true", "--parent", "T-01")
    orchestrate("add", "true", "--depends-on", "T-01")
    run = orchestrate("run", "--only", "T-01", "--json")
    assert (1, {"T-02", "T-03"}) == (run.returncode, set(run.started()))
    tasks = {each["id"]: each for each in orchestrate("list", "--json").json["tasks"]}
    assert ("skipped", "1/2 completed, T-02 failed") == (tasks["T-01"]["status"], tasks["T-01"]["reason"])
    assert ("skipped", "T-01 skipped") == (tasks["T-04"]["status"], tasks["T-04"]["reason"])
    assert "☂ 1/2 completed, T-02 failed" in orchestrate("status").stdout


def test_tasks_that_are_added_while_a_run_is_at_work_are_done_by_it(
    orchestrate: Orchestrate, root: Path, gate: Gate
) -> None:
    """Also one that comes when the run has nothing left to do but to end: it looks once more."""
    write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    assert "T-02\n" == orchestrate("add", "echo late", "--depends-on", "T-01").stdout
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert "late" == answer_of(root, "T-02").strip()
    assert "the plan was changed: new T-02" in (root / "journal.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "words", [("run",), ("run", "--simulate"), ("run", "--dry-run"), ("run", "--detach"), ("validate",)]
)
def test_a_queue_in_which_nothing_was_put_is_not_run(
    orchestrate: Orchestrate, root: Path, words: Sequence[str]
) -> None:
    """Nothing is not everything done (issue 2); looking at it is no mistake."""
    orchestrate("init", "--agent", "shell")
    before = everything(root)
    run = orchestrate(*words)
    assert (2, "") == (run.returncode, run.stdout)
    assert "the plan has no tasks" in run.stderr
    assert "orchestrator add TEXT" in run.stderr
    assert before == everything(root)
    assert (0, "") == (orchestrate("list").returncode, orchestrate("list").stdout)
    assert 0 == orchestrate("status").returncode
    assert "T-01\n" == orchestrate("add", "true").stdout
    assert 0 == orchestrate("run").returncode


def test_what_a_terminal_acts_on_in_an_answer_is_dropped(orchestrate: Orchestrate, root: Path) -> None:
    """Also where it stands on a command line: another program may have written that."""
    write_plan(root, {"T-01": "true"})
    steering = "\x1b[31m\x07\u202e"
    changed = orchestrate("update", "T-01", "--title", f"red{steering}der")
    said = "T-01 now runs: redder\nT-01: description: redder\n"
    assert (0, said) == (changed.returncode, changed.stderr)
    made = orchestrate("init", f"place{steering}")
    assert (0, f"{root.parent}/place/master_plan.md\n") == (made.returncode, made.stdout)


def test_list_in_every_form(orchestrate: Orchestrate, root: Path) -> None:
    """One line per task, a table, one JSON object, CSV; groups are bare names for a script."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "true", "--assignee", "ana", "--tag", "a,b")
    orchestrate("add", "true", "--assignee", "bob", "--type", "=dev", "--depends-on", "T-01")
    orchestrate("add", "true", "--parent", "T-02")
    lines = orchestrate("list").stdout.splitlines()
    assert ["T-01", "T-02", "T-03"] == [line.split()[0] for line in lines]
    assert lines == orchestrate("list", "--format", "simple").stdout.splitlines()
    assert lines == orchestrate("list", "--format", "table").stdout.splitlines()[1:]
    rows = list(csv.DictReader(io.StringIO(orchestrate("list", "--format", "csv").stdout)))
    assert ["ana", "bob", ""] == [row["assignee"] for row in rows]
    assert ("a b", "'=dev", "T-01") == (rows[0]["tags"], rows[1]["type"], rows[1]["needs"])
    assert "ana\nbob\n" == orchestrate("list", "--group-by", "assignee").stdout
    assert "a\nb\n" == orchestrate("list", "--group-by", "tag").stdout
    table = orchestrate("list", "--group-by", "status", "--format", "table").stdout
    assert ["pending (1)", "waiting (2)"] == [line for line in table.splitlines() if not line.startswith(" ")]
    dry_run = orchestrate("run", "--dry-run", "--json").json["tasks"]
    assert ["T-01", "true", "shell"] == [dry_run[0][key] for key in ("id", "name", "agent")]
    groups = orchestrate("list", "--group-by", "parent", "--json").json["groups"]
    assert {"-": 2, "T-02": 1} == {name: len(tasks) for name, tasks in groups.items()}
    assert 2 == orchestrate("list", "--format", "yaml").returncode
    assert 2 == orchestrate("list", "--status", "soon").returncode
    assert 2 == orchestrate("list", "--parent", "T-09").returncode


def test_list_says_what_came_of_each_task(orchestrate: Orchestrate, root: Path) -> None:
    """How long it took, what it cost, and where its result lies: nobody has to ask for every task on its own."""
    write_plan(root, {"T-01": "sleep 0.05", "T-02": ("true", "T-01")})
    assert 0 == orchestrate("run", "--only", "T-01").returncode
    listed = orchestrate("list", "--json").json
    done, waits = listed["tasks"]
    assert 0.05 <= done["duration"] < 5
    assert (0.0, "results/agent-01-result.md") == (done["cost_usd"], done["result"])
    assert (root / done["result"]).samefile(Path(listed["directory"], done["result"]))
    assert (0.0, 0.0, "") == (waits["duration"], waits["cost_usd"], waits["result"])
