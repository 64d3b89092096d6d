"""What is typed as a task's text is what its agent is told: as its row, or as a task file where no row can say it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.agents_plan import write_agent
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, add_row, answer_of, everything, stem, write_plan, write_task
from tests.executors.harness import wait_until


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("tr a-z A-Z <input.txt", "ABC"),
        ("echo one # first\necho two", "one\ntwo"),
        (" && ".join(f"echo step{number:02}" for number in range(30)), "step29"),
        ("echo 'a    b' `echo c` '\\d'", "a    b c \\d"),
        ("echo 'Authorization: Bearer ghp_abcdefghijklmnopqrstuvwxyz0123456789' | wc -c", "63"),
    ],
    ids=["tag", "lines", "long", "blanks", "token"],
)
def test_a_command_that_was_changed_is_run_as_it_was_typed(
    orchestrate: Orchestrate, tmp_path: Path, root: Path, typed: str, said: str
) -> None:
    """What a row cannot say goes into the task file, as with ``add``; what it can say stands there alone."""
    (tmp_path / "input.txt").write_text("abc\n", encoding="utf-8")
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "exit 1")
    changed = orchestrate("update", "T-01", "--desc", typed, "--json")
    assert 0 == changed.returncode, changed.stderr
    run = orchestrate("run")
    assert 0 == run.returncode, run.stderr
    assert answer_of(root, "T-01").strip().endswith(said)


def test_a_lone_carriage_return_ends_a_line(orchestrate: Orchestrate, tmp_path: Path, root: Path) -> None:
    """Only programs draw a line again with it; of what is typed no word is lost."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "echo one\recho two", "--criterion", "It is\rshort")
    orchestrate("add", "true")
    orchestrate("update", "T-02", "--desc", "echo three\recho four")
    assert "| echo one echo two |" in (root / "master_plan.md").read_text(encoding="utf-8")
    assert "- [ ] It is short" in (root / "agent_tasks/agent-01.md").read_text(encoding="utf-8")
    orchestrate("add", "Say it\ragain", "--agent", "claude", "--desc", "As it\ris said")
    told = (root / "agent_tasks/agent-03.md").read_text(encoding="utf-8")
    assert "Say it\nagain\n\nAs it\nis said\n" in told
    assert 0 == orchestrate("complete", "T-03", "It is\rsaid").returncode
    assert 0 == orchestrate("run").returncode
    answers = [answer_of(root, task).strip() for task in ("T-01", "T-02", "T-03")]
    assert ["one\ntwo", "three\nfour", "It is\nsaid"] == answers
    orchestrate("share", "T-01", "five\rsix")
    assert "five\n   six" in orchestrate("context", "T-01").stdout
    orchestrate("add", "true")
    orchestrate("cancel", "T-04", "why\rnot")
    assert "why not" in orchestrate("show", "T-04").stdout
    draft = '{"tasks": [{"id": "a", "name": "n", "agent": "shell", "command": "echo 1\\recho 2"}]}'
    (tmp_path / "draft.json").write_text(draft, encoding="utf-8")
    made = orchestrate("plan", "--from", "draft.json", "--dir", "other")
    assert "it runs a command: echo 1 echo 2" in made.stderr


def test_an_agent_is_told_all_of_what_was_changed(orchestrate: Orchestrate, root: Path) -> None:
    """Also where a run has made its file from the row; its criteria stand below it."""
    orchestrate("add", "Count the words of the manual")
    assert 0 == orchestrate("run", "--simulate").returncode
    typed = "Read <main> and `\\d+`\n\nThen say:\n" + "what it means, " * 20 + "THE END"
    changed = orchestrate("update", "T-01", "--title", typed, "--criterion", "It is short")
    assert 0 == changed.returncode, changed.stderr
    told = (root / "agent_tasks/agent-01.md").read_text(encoding="utf-8")
    assert f"## Task Description\n{typed}\n" in told
    assert "- [ ] It is short" in told
    again = orchestrate("update", "T-01", "--title", "Count them\ntwice")
    assert 2 == again.returncode
    assert "error: .orchestrator/agent_tasks/agent-01.md: a row" in again.stderr
    assert "write it there" in again.stderr


def test_a_title_that_a_row_cannot_say_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    """Where the description says what is to be done, no task file could hold it."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "true", "--desc", "Say yes")
    (root / "plan.lock").touch()
    before = everything(root)
    refused = orchestrate("update", "T-01", "--title", "Say <yes>\ntwice")
    assert 2 == refused.returncode
    assert "a row of the plan cannot say this name" in refused.stderr
    assert before == everything(root)


def test_a_file_of_settings_leaves_the_row_to_say_what_is_done(orchestrate: Orchestrate, root: Path) -> None:
    """So nobody is sent to that file, unless the row cannot say it."""
    write_plan(root, {"T-01": "false"})
    write_task(root, "T-01", "", timeout="20s")
    refused = orchestrate("update", "T-01", "--desc", "echo one\necho two")
    assert "agent-01.md: a row of the plan cannot say this description" in refused.stderr
    told = orchestrate("update", "T-01", "--desc", "echo two")
    assert "T-01: description: echo two" in told.stderr
    assert "agent-01.md" not in told.stderr
    assert 0 == orchestrate("run").returncode


def test_update_says_what_a_shell_task_runs_now(orchestrate: Orchestrate, root: Path) -> None:
    """A description is a command there, also in a column that the update adds, and for another agent."""
    orchestrate("init", "--agent", "shell")
    orchestrate("add", "make test", "--desc", "Run the tests")
    told = orchestrate("update", "T-01", "--desc", "Run all the tests")
    assert "T-01 now runs: Run all the tests\n" in told.stderr
    told = orchestrate("update", "T-01", "--desc", "echo a\necho b")
    assert "T-01 now runs: echo a ↵ echo b\n" in told.stderr
    (root / "agent_tasks/agent-01.md").unlink()
    assert "now runs" not in orchestrate("update", "T-01", "--title", "Test it").stderr
    table = "| ID | Task | Deps |\n|---|---|---|\n| T-01 | echo two | None |\n"
    (root / "master_plan.md").write_text(f"---\nagent: shell\n---\n{table}", encoding="utf-8")
    told = orchestrate("update", "T-01", "--desc", "Says two")
    assert "T-01 now runs: Says two\n" in told.stderr
    assert "now runs" not in orchestrate("update", "T-01", "--agent", "claude").stderr
    told = orchestrate("update", "T-01", "--assignee", "shell", "--agent", "")
    assert "T-01 now runs: Says two\n" in told.stderr


def test_update_says_that_a_task_was_begun_with_another_text(
    orchestrate: Orchestrate, tmp_path: Path, gate: Gate, root: Path
) -> None:
    """It runs what it was started with; what is done is not done again by itself."""
    (tmp_path / "gate.sh").write_text(gate.wait, encoding="utf-8")
    write_plan(root, {"T-01": "sh gate.sh"})
    run = orchestrate.start("run")
    gate.await_task(run)
    wait_until((root / "results" / f"{stem('T-01')}-result.md").exists)
    told = orchestrate("update", "T-01", "--desc", "echo one")
    assert "T-01 is at work on what it said before: the next attempt does this\n" in told.stderr
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    told = orchestrate("update", "T-01", "--desc", "echo 1", "--json")
    assert "T-01 is done with what it said before: `" in told.stderr
    assert "retry T-01` does it again\n" in told.stderr
    assert "completed" == told.json["begun"]
    orchestrate("retry", "T-01")
    assert "T-01 now runs: echo again\n" in orchestrate("update", "T-01", "--desc", "echo again").stderr
    assert 0 == orchestrate("run").returncode
    assert "again" == answer_of(root, "T-01").strip()


def test_a_command_of_an_agent_that_stands_on_the_shell(orchestrate: Orchestrate, root: Path) -> None:
    """It runs the command, and what the command is for is its name, whoever is named how."""
    write_agent(root, "mysh", "extends: shell\n")
    orchestrate("add", "echo one", "--agent", "mysh", "--desc", "Say it <once>")
    orchestrate("add", "echo two", "--assignee", "shell", "--desc", "Say it\nagain")
    orchestrate("add", "echo three", "--agent", "mysh")
    told = orchestrate("update", "T-03", "--desc", "cat <<X\nthree <b>\nX")
    assert 0 == told.returncode, told.stderr
    run = orchestrate("run")
    assert 0 == run.returncode, run.stderr
    answers = [answer_of(root, task).strip() for task in ("T-01", "T-02", "T-03")]
    assert ["one", "two", "three <b>"] == answers


def test_a_code_block_that_is_typed_is_run_by_its_language(
    orchestrate: Orchestrate, tmp_path: Path, root: Path
) -> None:
    """The word behind its bars is no program: a shell would run what the tasks before it answered."""
    write_plan(root, {"T-01": "echo 'touch PWNED; echo no'", "T-02": ("echo two", "T-01")})
    for text in ("```sh\nwc -l\n```", "```python\nprint(2**3)\n```"):
        added = orchestrate("add", text, "--depends-on", "T-01")
        assert 0 == added.returncode, added.stderr
    for verb in ("add",), ("update", "T-02", "--desc"):
        refused = orchestrate(*verb, "echo one\n```sh\nwc -l\n```")
        assert (2, True) == (refused.returncode, "text around it" in refused.stderr)
        assert "with more backticks where a line of the command begins with three" in refused.stderr
    assert 0 == orchestrate("update", "T-02", "--desc", "```\nwc -l\n```").returncode
    assert 0 == orchestrate("run").returncode
    answers = [answer_of(root, f"T-0{number}").strip() for number in range(2, 5)]
    assert ["1", "1", "8"] == answers
    write_plan(root, {"T-01": "echo one", "T-05": ("Say it", "T-01")})
    write_task(root, "T-05", "Say it:\n\n```sh\n```\n")
    assert 2 == orchestrate("run").returncode
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("text", ["```sh\n```", "```bash\n  \n```", "```sh```", "```sh make```"])
def test_marks_without_a_command_are_refused_wherever_they_are_written(
    orchestrate: Orchestrate, tmp_path: Path, root: Path, text: str
) -> None:
    """A shell takes them for the command ``sh``, which runs what the tasks before answered."""
    write_plan(root, {"T-01": "echo 'touch PWNED; echo no'", "T-02": ("echo two", "T-01")})
    (root / "plan.lock").touch()
    before = everything(root)
    draft = {"id": "a", "name": "n", "agent": "shell", "command": text}
    (tmp_path / "draft.json").write_text(json.dumps({"tasks": [draft]}), encoding="utf-8")
    listed = "\n".join(f"    {line}" for line in f"- {text}\n- ls".replace("\n", "\n  ").split("\n"))
    outline = f"- Do it\n  - Agent: shell\n  - Command:\n{listed}\n"
    (tmp_path / "outline.md").write_text(outline, encoding="utf-8")
    for words in (
        ["add", text, "--depends-on", "T-01"],
        ["add", text, "--depends-on", "T-01", "--desc", "Do it", "--timeout", "9s"],
        ["update", "T-02", "--desc", text],
        ["plan", "--from", "draft.json", "--dir", "other"],
        ["plan", "--from", "outline.md", "--dir", "other"],
    ):
        refused = orchestrate(*words)
        assert (2, True) == (refused.returncode, "```sh, ```bash" in refused.stderr), words
    assert before == everything(root)
    add_row(root, "T-03 | Do it | T-01")
    for body in (text, f"{text}\n"):
        write_task(root, "T-03", body)
        assert 2 == orchestrate("run").returncode
    assert not (tmp_path / "PWNED").exists()


def test_a_row_that_is_no_command_is_refused_where_it_stands(
    orchestrate: Orchestrate, tmp_path: Path, root: Path
) -> None:
    """Before anything is run; what an agent reads, and what a task file says, may look so."""
    cell = "```sh```"
    write_plan(root, {"T-01": "echo 'touch PWNED; echo no'", "T-02": (cell, "T-01")})
    for command in (["validate"], ["run"], ["run", "--dry-run"], ["run", "--simulate"]):
        refused = orchestrate(*command)
        assert 2 == refused.returncode
        assert re.search(r"master_plan\.md:\d+: .*on the lines below", refused.stderr)
    assert not (root / "results" / "agent-01-result.md").exists()
    write_task(root, "T-02", "```sh\nwc -c\n```\n")
    assert 0 == orchestrate("run").returncode
    assert "21" == answer_of(root, "T-02").strip()
    write_task(root, "T-02", "")
    assert 2 == orchestrate("run").returncode
    write_task(root, "T-02", "", agent="claude")
    assert 0 == orchestrate("run", "--simulate", "--fresh").returncode
    assert not (tmp_path / "PWNED").exists()


def test_a_command_of_an_outline_is_run_or_refused(orchestrate: Orchestrate, tmp_path: Path, root: Path) -> None:
    """It is never dropped without a word, and no prose is run in its place."""
    write_agent(root, "mysh", "extends: shell\n")
    outline = tmp_path / "plan.md"
    outline.write_text("- Say one thing\n  - Command: echo one\n", encoding="utf-8")
    refused = orchestrate("plan", "--from", "plan.md")
    assert 2 == refused.returncode
    assert "plan.md:1: T-01 has a command, and no agent that runs one" in refused.stderr
    outline.write_text(outline.read_text("utf-8") + "  - Agent: mysh\n", encoding="utf-8")
    made = orchestrate("plan", "--from", "plan.md")
    assert 0 == made.returncode, made.stderr
    assert "it runs a command: echo one" in made.stderr
    assert 0 == orchestrate("run").returncode
    assert "one" == answer_of(root, "T-01").strip()


@pytest.mark.parametrize("verb", ["add", "update"])
def test_a_command_is_changed_as_often_as_somebody_likes(orchestrate: Orchestrate, root: Path, verb: str) -> None:
    """Its file is written anew as long as nobody changed it, and says all that is run, whatever a row could say."""
    orchestrate("init", "--agent", "shell")
    block = "```bash\necho {}\n```"
    if verb == "add":
        orchestrate("add", block.format(1), "--timeout", "9s", "--criterion", "It is *said*")
    else:
        orchestrate("add", "true")
        orchestrate("update", "T-01", "--desc", block.format(1))
    file = root / "agent_tasks" / "agent-01.md"
    first = file.read_text(encoding="utf-8")
    for text in (block.format(2), "echo 2", block.format(1)):
        told = orchestrate("update", "T-01", "--desc", text)
        assert (0, False) == (told.returncode, "change that, too" in told.stderr), told.stderr
        assert "T-01 now runs: " in told.stderr
        assert text.splitlines()[-2:][0] in file.read_text(encoding="utf-8")
    assert first == file.read_text(encoding="utf-8")
    before = everything(root)
    assert 2 == orchestrate("update", "T-01", "--desc", "```sh\n```").returncode
    assert before == everything(root)
    file.write_text(first.replace("echo 1", "echo one"), encoding="utf-8")
    before = everything(root)
    for text in (block.format(2), "echo 2"):
        refused = orchestrate("update", "T-01", "--desc", text)
        assert (2, True) == (refused.returncode, "agent-01.md: " in refused.stderr)
        assert "write it there" in refused.stderr
    assert before == everything(root)
    assert 0 == orchestrate("run").returncode
    assert "one" == answer_of(root, "T-01").strip()


def test_a_tag_is_shown_as_it_was_typed(orchestrate: Orchestrate, root: Path) -> None:
    """The table has it escaped, for whoever looks at it as a page; nobody else is to see that."""
    orchestrate("add", "Write the <b> file of C:\\")
    listed = orchestrate("list", "--json").json["tasks"][0]
    assert "Write the <b> file of C:\\" == listed["name"]
    assert "Write the <b> file" in orchestrate("graph").stdout
    assert "Write the &lt;b> file" in (root / "master_plan.md").read_text(encoding="utf-8")


def test_a_text_may_begin_like_an_option_beside_one_written_without_a_blank(
    orchestrate: Orchestrate, root: Path
) -> None:
    """``-phigh`` takes nothing away from a list of markdown; what is misspelt is refused all the same."""
    assert 0 == orchestrate("init", "--agent", "claude").returncode
    added = orchestrate("add", "- look at it", "-phigh")
    assert 0 == added.returncode, added.stderr
    assert "P1" == orchestrate("show", "T-01", "--json").json["task"]["priority"]
    assert 2 == orchestrate("add", "- look at it", "-xhigh").returncode
