"""What the README and the documents of the skill say is so: their commands run, their tables name what there is."""

from __future__ import annotations

import re
import shlex

import click
import pytest

from orchestrator.cli.main import cli
from tests.skill.conftest import Project
from tests.skill.documents import DOCUMENTS, ROOT, SKILL, between, blocks, commands, prose, read

#: Languages of blocks that are looked at and not run.
_SHOWN = {"text", "console", "markdown", "jinja", "python", "json", "yaml"}
_SPANS = re.compile(r"`([^`]+)`")


# ── every shell block is run ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_shell_block_runs(document: str, project: Project) -> None:
    """In order, in one fresh project, after the files that stand before it."""
    for block in blocks(document):
        if block.file:
            path = project.where / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
        elif block.is_run:
            ended = project("sh", "-eu", "-c", block.text)
            said = f"{block.place}\n{ended.stdout}{ended.stderr}"
            assert (0, False) == (ended.status, "Traceback" in ended.stderr), said


@pytest.mark.parametrize(
    ("document", "begins"),
    [("docs/plans.md", "orchestrator create"), ("docs/cli.md", "$ orchestrator init --agent shell")],
)
def test_what_is_shown_in_order_works_in_order(document: str, begins: str, project: Project) -> None:
    """Whoever copies a block of the other documents gets what it promises."""
    (block,) = (each for each in blocks(document) if each.text.startswith(begins))
    prompted = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
    ended = project("sh", "-eu", "-c", "\n".join(prompted) or block.text)
    assert (0, False) == (ended.status, "Traceback" in ended.stderr), ended


@pytest.mark.parametrize("document", DOCUMENTS)
def test_a_block_that_could_be_run_is_run(document: str) -> None:
    """No shell block hides behind another name; what only installs is the exception, and says so."""
    found = blocks(document)
    unknown = [f"{each.place} {each.language or 'nothing'}" for each in found if each.language not in _SHOWN | {"sh"}]
    hidden = [
        each.place
        for each in found
        if each.language == "sh" and each.rest and not (each.rest == "install" and "pip" in each.text)
    ]
    assert ([], []) == (unknown, hidden)
    assert any(each.is_run for each in found)


# ── what is named exists ──────────────────────────────────────────────────────────────────────────────────────────


def parsed(line: str) -> str:
    """What is wrong with a command line of ours; empty when nothing is."""
    name, *words = shlex.split(line.replace("…", "x"), comments=True)
    if name.startswith("-"):
        return "" if name in {"--version", "--help"} else f"no option {name}"
    command = cli.get_command(click.Context(cli), name)
    if isinstance(command, click.Group) and words:
        below, *words = words
        name, command = f"{name} {below}", command.get_command(click.Context(command), below)
    if command is None:
        return f"no command {name}"
    if "--" in words:  # flags of the run that is scheduled
        at = words.index("--")
        words, wrong = words[:at], parsed(shlex.join(["run", *words[at + 1 :]]))
        if wrong:
            return wrong
    known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)}
    return ", ".join(
        f"no option {word} of {name}"
        for word in (each.partition("=")[0] for each in words)
        if word.startswith("--") and word not in known | {"--help"}
    )


@pytest.mark.parametrize("document", [*DOCUMENTS, "examples/README.md"])
def test_every_command_that_is_named_exists(document: str) -> None:
    """In inline code too, with every option."""
    wrong = [f"{line}: {said}" for line in commands(read(document)) if (said := parsed(line))]
    assert [] == wrong


def test_the_check_of_commands_sees_what_is_wrong() -> None:
    assert "no command nonsense" == parsed("nonsense --json")
    assert "no option --nonsense of run" == parsed("run DIR --nonsense=1 --json")
    assert "no command schedule nonsense" == parsed("schedule nonsense")
    assert "no option --nonsense of schedule add" == parsed("schedule add --nonsense -- --json")
    assert "no option --nonsense of run" == parsed("schedule add --at 7:30 -- --nonsense")


@pytest.mark.parametrize("document", SKILL)
def test_links_lead_somewhere(document: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)(#[^)]*)?\)", prose(document))
    assert [] == [target for target, _ in targets if not (ROOT / target).exists()]


def test_the_skill_links_to_its_four_documents() -> None:
    """One level of references: an agent that reads SKILL.md knows of every other one."""
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", read("SKILL.md")))
    assert set(SKILL) - {"SKILL.md"} == linked


# ── from other orchestrators (S2-39…S2-52 and the commands of the other seeds) ────────────────────────────────────


def test_what_is_translated_is_translated_to_commands_that_exist() -> None:
    """Every row of the first table ends in something one can do today."""
    rows = between("cli-integration.md", "built")
    assert len(rows) >= 25
    for known, here in rows:
        assert known.count("`") >= 2
        named = [span for span in _SPANS.findall(here) if span.startswith("orchestrator ")]
        assert named or "index.json" in here, here
        assert [] == [said for span in named if (said := parsed(span.removeprefix("orchestrator ")))]


def test_what_is_not_built_is_not_built() -> None:
    """A command that moves in has to move up into the first table."""
    rows = between("cli-integration.md", "not-built")
    meant = [name for _, cell, _ in rows for name in _SPANS.findall(cell) if "flags of" not in cell]
    assert meant
    assert [] == sorted({*meant} & {*cli.list_commands(click.Context(cli))})
    until = [span for *_, cell in rows for span in _SPANS.findall(cell)]
    named = [span for span in until if span.startswith("orchestrator ")]
    assert [] == [said for span in named if (said := parsed(span.removeprefix("orchestrator ")))]


def test_options_that_are_said_not_to_exist_do_not() -> None:
    """As the commands: one that moves in is to be told of."""
    said = read("cli-integration.md").partition("<!-- /not-built -->")[2]
    missing = re.findall(r"`([a-z]+) (--[a-z-]+)` does not exist here", said)
    assert [("list", "--priority")] == missing
    for name, option in missing:
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        assert option not in {word for each in command.params for word in each.opts}


#: Every command of the seeds 000, 001, 002, 003 and 004.
_SEED_COMMANDS = {
    "to": "status add list run spawn history cancel cleanup",
    "./tm": "add share list watch note discover join sync update context",
    "claude-flow task": "create update schedule analytics",
    "claude-flow workflow": "execute template monitor checkpoint resume checkpoints optimize analytics",
    "python3 scripts/task_engine.py": "create status transition dispatch subtask check archive "
    "auto-dispatch notify rebuild-index",
}


@pytest.mark.parametrize("program", _SEED_COMMANDS)
def test_every_command_of_the_seeds_is_in_one_of_the_tables(program: str) -> None:
    rows = between("cli-integration.md", "built") + between("cli-integration.md", "not-built")
    known = " ".join(row[0] for row in rows)
    missing = [
        name
        for name in _SEED_COMMANDS[program].split()
        if not re.search(rf"`{re.escape(program)} {name}\b(?!-)", known)
    ]
    assert [] == missing
