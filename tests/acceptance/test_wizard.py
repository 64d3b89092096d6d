"""``wizard``: what is typed is what the plan says, and what the plan will do is what is shown before the yes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.terminal import Seen, type_into

BEGUN = [("What is to be done?", "Look at it\n"), ("A template to begin with", "\n")]
FIRST = [*BEGUN, ("T-01, what is to be done?", "Write the list of all files\n"), ("who does", "\n")]
DONE = [("what is to be done?", "\n"), ("How many", "\n"), ("[y/N]", "y\n")]


def ask(orchestrate: Orchestrate, *answers: tuple[str, str | Callable[[], str]]) -> Seen:
    return type_into(orchestrate, ["wizard"], answers)


def test_a_command_is_kept_as_it_was_typed(orchestrate: Orchestrate, root: Path) -> None:
    """Blanks, and what looks like a token: an altered command is another command."""
    command = "printf '%s\\n' 'a    b  <c' \"ghp_abcdefghij0123456789\" | tr a-z A-Z"
    task = [("T-01, what is to be done?", f"{command}\n"), ("who does it", "shell\n")]
    seen = ask(orchestrate, *BEGUN, *task, *DONE)
    assert 0 == seen.returncode, seen.text
    assert f"```sh\n{command}\n```" in (root / "agent_tasks/agent-01.md").read_text("utf-8")
    assert 0 == orchestrate("run").returncode
    assert "A    B  <C\nGHP_ABCDEFGHIJ0123456789\n" in (root / "logs/agent-01.attempt-1.out").read_text("utf-8")


def test_a_command_for_an_agent_that_stands_on_the_shell(orchestrate: Orchestrate, root: Path) -> None:
    """What it is called is nothing to go by."""
    (root / "agents").mkdir(parents=True)
    (root / "agents/mysh.md").write_text("---\nextends: shell\n---\n", "utf-8")
    task = [("T-01, what is to be done?", "echo one\n"), ("who does it", "mysh\n")]
    seen = ask(orchestrate, *BEGUN, *task, *DONE)
    assert 0 == seen.returncode, seen.text
    assert "T-01  -      mysh   echo one" in seen.text
    assert 0 == orchestrate("run").returncode
    assert "one\n" == (root / "logs/agent-01.attempt-1.out").read_text("utf-8")


def test_a_line_that_the_terminal_may_have_cut_is_asked_for_again(orchestrate: Orchestrate, root: Path) -> None:
    """A terminal drops what goes beyond 4,095 bytes without a word."""
    long = "echo " + "x" * 4200
    task = [("T-01, what is to be done?", f"{long}\n"), ("too long", "echo one\n")]
    seen = ask(orchestrate, *BEGUN, *task, ("who does it", "shell\n"), *DONE)
    assert 0 == seen.returncode, seen.text
    assert "```sh\necho one\n```" in (root / "agent_tasks/agent-01.md").read_text("utf-8")


def test_every_way_to_name_a_task_or_an_agent_is_understood(orchestrate: Orchestrate, root: Path) -> None:
    """As elsewhere: kinds of dependencies, ``agent-01`` for T-01, other names, sub-agents of the project."""
    reviewers = orchestrate.where / ".claude/agents"
    reviewers.mkdir(parents=True)
    (reviewers / "reviewer.md").write_text("---\nname: reviewer\n---\nLook closely.\n", "utf-8")
    seen = ask(
        orchestrate,
        *FIRST,
        ("T-02, what is to be done?", "Write a page on what they are for\n"),
        ("what does it need", "agent-01 (order)\n"),
        ("reviewer? (Enter", "claude-code\n"),
        ("T-03, what is to be done?", "Say what the page leaves out\n"),
        ("what does it need", "T-01 (resource), T-02\n"),
        ("who does it", "reviewer\n"),
        *DONE,
    )
    assert 0 == seen.returncode, seen.text
    text = (root / "master_plan.md").read_text("utf-8")
    assert "| T-01 (order) | claude-code |" in text
    assert "| T-01 (resource), T-02 | reviewer |" in text
    assert 0 == orchestrate("validate").returncode


def test_the_agent_that_is_shown_is_the_one_that_works(orchestrate: Orchestrate, root: Path) -> None:
    """Also where only the plan's own settings, or those of a task file, say who that is."""
    mine = root / "templates/mine"
    (mine / "agent_tasks").mkdir(parents=True)
    table = "| ID | Task | Agent |\n|---|---|---|\n| T-01 | id | - |\n| T-02 | say it | claude |\n"
    (mine / "master_plan.md").write_text(f"---\nagent: shell\n---\n{table}", "utf-8")
    (mine / "agent_tasks/agent-02.md").write_text("---\nagent: simulated\n---\nSay it.\n", "utf-8")
    answers = [("What is to be done?", "x\n"), ("A template to begin with", "mine\n")]
    seen = ask(orchestrate, *answers, ("[y/N]", "n\n"))
    assert "T-01  -      shell      id" in seen.text
    assert "T-02  -      simulated  say it" in seen.text


def test_what_was_typed_is_not_lost_for_a_plan_that_came_first(orchestrate: Orchestrate, root: Path) -> None:
    """It is told, and asked once more: whoever is in the way may be done by then."""
    plan = root / "master_plan.md"

    def get_in_the_way() -> str:
        assert 0 == orchestrate("init").returncode
        return "y\n"

    def make_room() -> str:
        plan.unlink()
        return "y\n"

    late: list[tuple[str, str | Callable[[], str]]] = [
        ("[y/N]", get_in_the_way),
        ("there is a plan here", ""),
        ("[y/N]", make_room),
    ]
    seen = ask(orchestrate, *FIRST, *DONE[:-1], *late)
    assert 0 == seen.returncode, seen.text
    assert "Write the list of all files" in plan.read_text("utf-8")


def test_who_leaves_has_said_no(orchestrate: Orchestrate, root: Path) -> None:
    """Ctrl-D is no signal; and programs get their object all the same."""
    seen = type_into(orchestrate, ["wizard", "--json"], [*FIRST, ("T-02, what", "\x04")])
    assert (0, False) == (seen.returncode, root.exists())
    assert '{"ok": true, "code": "ok", "message": "nothing was written", "plan": ""}' in seen.text
