"""``completion``: what a shell is offered on Tab."""

from __future__ import annotations

import shutil

import click
import pytest

from orchestrator.cli.main import cli
from tests.acceptance.orchestrate import Orchestrate


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(orchestrate: Orchestrate, shell: str) -> None:
    """It names the program and the variable by which it asks."""
    answer = orchestrate("completion", shell)
    assert 0 == answer.returncode, answer.stderr
    assert "_ORCHESTRATOR_COMPLETE" in answer.stdout
    assert "orchestrator" in answer.stdout


def test_bash_takes_the_script(orchestrate: Orchestrate) -> None:
    """No syntax that it does not know."""
    assert shutil.which("bash")
    under = ["bash", "-c", 'eval "$("$@")" && complete -p orchestrator', "bash"]
    answer = orchestrate("completion", "bash", under=under)
    assert 0 == answer.returncode, answer.stderr
    assert "complete" in answer.stdout


def test_commands_are_offered(orchestrate: Orchestrate) -> None:
    """As the script asks for them."""
    asked = {"_ORCHESTRATOR_COMPLETE": "bash_complete", "COMP_WORDS": "orchestrator vali"}
    answer = orchestrate(env={**asked, "COMP_CWORD": "1", "ORCHESTRATOR_PROGRAM": ""})
    assert "plain,validate\n" == answer.stdout


def test_tasks_are_offered(orchestrate: Orchestrate) -> None:
    """Those of the plan that is meant, wherever a command takes one."""
    for task_id in ("build", "other"):
        assert 0 == orchestrate("add", "true", "--id", task_id).returncode
    for command in ("show", "share", "cancel", "history", "update", "claim"):
        asked = {"_ORCHESTRATOR_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
        words = {"COMP_WORDS": f"orchestrator {command} b", "ORCHESTRATOR_PROGRAM": ""}
        assert "plain,build\n" == orchestrate(env={**asked, **words}).stdout


def test_where_a_plan_is_meant_no_task_is_offered(orchestrate: Orchestrate) -> None:
    """Both arguments are called ID."""
    assert 0 == orchestrate("add", "true", "--id", "build").returncode
    for command in ("transition", "archive", "dispatch", "subtask", "auto-dispatch"):
        asked = {"_ORCHESTRATOR_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
        words = {"COMP_WORDS": f"orchestrator {command} b", "ORCHESTRATOR_PROGRAM": ""}
        assert "" == orchestrate(env={**asked, **words}).stdout.strip(), command


def test_the_help_of_every_command_has_an_example() -> None:
    """Short, and with the words that one would type."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        text = command.get_help(click.Context(command, info_name=name, parent=context))
        assert f"orchestrator {name}" in text.partition("\n")[2], name
        assert len(text.splitlines()) <= 60 or name in {"run", "plan"}, name


def test_what_a_plan_knows_is_offered(orchestrate: Orchestrate) -> None:
    """Templates, people, statuses; and tasks behind a comma."""
    assert 0 == orchestrate("add", "Look", "--id", "one", "--assignee", "kim").returncode
    for words, offered in {
        "plan --template code": "codebase-analysis",
        "template show code": "codebase-analysis",
        "list --assignee k": "kim",
        "list --status fai": "failed",
        "add x --depends-on T-01,o": "T-01,one",
        "add x --agent sh": "shell",
    }.items():
        asked = {
            "_ORCHESTRATOR_COMPLETE": "bash_complete",
            "COMP_WORDS": f"orchestrator {words}",
            "COMP_CWORD": str(len(words.split())),
            "ORCHESTRATOR_PROGRAM": "",
        }
        assert f"plain,{offered}\n" == orchestrate(env=asked).stdout, words
