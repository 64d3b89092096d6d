"""Seed 001, row S1-38U: templates and the wizard."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import everything, write_plan, write_task
from tests.acceptance.terminal import type_into


def test_s1_38_templates(orchestrate: Orchestrate, root: Path) -> None:
    """`tm template list|show|apply`: a plan is kept without what came of it, and made again with other values."""
    write_plan(root, {"T-01": "echo {{what}}", "T-02": ("false", "T-01")}, more="For {{what}}.")
    plan = root / "master_plan.md"
    plan.write_text(
        plan.read_text("utf-8").replace("# Task Plan", "# Say it").replace("echo {{what}}", "say"), encoding="utf-8"
    )
    write_task(root, "T-01", "```sh\necho {{what}}\n```\n", timeout="1m")
    before = plan.read_text(encoding="utf-8")
    assert 1 == orchestrate("run").returncode
    assert before != plan.read_text(encoding="utf-8")  # where it stands is drawn into it
    saved = orchestrate("template", "save", "say")
    place = orchestrate.where / ".config/orchestrator/templates/say"
    assert (0, f"{place}\n") == (saved.returncode, saved.stdout), saved.stderr
    assert before == (place / "master_plan.md").read_text(encoding="utf-8")
    assert {"agent-01.md", "agent-02.md"} == set(os.listdir(place / "agent_tasks"))
    again = orchestrate("template", "save", "say", "--json")
    assert (2, "usage") == (again.returncode, again.json["code"])
    listed = {each["name"]: each for each in orchestrate("template", "list", "--json").json["templates"]}
    assert (str(place), "Say it", ["what"]) == (
        listed["say"]["from"], listed["say"]["about"], [p["name"] for p in listed["say"]["parameters"]]
    )  # fmt: skip
    assert {"codebase-analysis", "translate-docs"} < set(listed)
    assert before == orchestrate("template", "show", "say").stdout
    assert "Test {{endpoints}}" in orchestrate("template", "show", "api-testing").stdout
    unknown = orchestrate("plan", "--template", "nosuch", "--dir", "other", "--json").json
    assert unknown["hint"].startswith("there are say, ")
    missing = orchestrate("plan", "--template", "say", "--dir", "other", "--json")
    assert (2, "usage") == (missing.returncode, missing.json["code"])
    assert not (orchestrate.where / "other").exists()
    applied = orchestrate("plan", "--template", "say", "--param", "what=a {{b}} | c -->", "--dir", "other")
    assert 0 == applied.returncode, applied.stderr
    made = orchestrate.where / "other"
    assert "For a {{b}} \\| c -->." in (made / "master_plan.md").read_text(encoding="utf-8")
    assert "echo a {{b}} | c -->\n" in (made / "agent_tasks/agent-01.md").read_text(encoding="utf-8")
    orchestrate("template", "save", "mine", "--here")
    assert "mine" in orchestrate("template", "list").stdout
    assert "mine" not in orchestrate("template", "list", "--dir", "other").stdout


def test_a_template_is_read_as_run_will_read_it(orchestrate: Orchestrate, root: Path) -> None:
    """Also the agents that its own front matter and its task files ask for: only then something is written."""
    mine = root / "templates/mine"
    (mine / "agent_tasks").mkdir(parents=True)
    table = "| ID | Task |\n|---|---|\n| T-01 | say it |\n"
    (mine / "master_plan.md").write_text(f"---\nagent: shel\n---\n{table}")
    (mine / "agent_tasks/agent-01.md").write_text("---\nagent: shelf\n---\nSay it.\n")
    refused = orchestrate("plan", "--template", "mine", "--json")
    assert (2, False) == (refused.returncode, (root / "master_plan.md").exists())
    assert [
        ("the plan asks for the agent 'shel', which is not known here", "master_plan.md:2"),
        ("the task file asks for the agent 'shelf', which is not known here", "agent-01.md:2"),
    ] == [(each["message"], Path(each["where"]).name) for each in refused.json["problems"]]


def test_the_commands_of_a_template_are_told(orchestrate: Orchestrate, root: Path) -> None:
    """As those of every other plan: they will run without asking."""
    mine = root / "templates/mine"
    (mine / "agent_tasks").mkdir(parents=True)
    rows = "| T-01 | echo {{what}} | - |\n| T-02 | look at it | claude-code |\n| T-03 | say it | - |\n"
    table = f"| ID | Task | Agent |\n|---|---|---|\n{rows}"
    (mine / "master_plan.md").write_text(f"---\nagent: shell\n---\n{table}", "utf-8")
    (mine / "agent_tasks/agent-03.md").write_text("# Say it\n```sh\ndate\n```\n", "utf-8")
    made = orchestrate("plan", "--template", "mine", "--param", "what=one", "--json").json
    assert [
        ("T-01", "it runs a command: echo one", "shell_command"),
        ("T-03", "it runs a command: date", "shell_command"),
    ] == [(each["where"], each["message"], each["code"]) for each in made["warnings"]]


def test_a_value_that_a_row_cannot_say_is_refused(orchestrate: Orchestrate, root: Path) -> None:
    """It would be run as another command than the one that was typed; in a task file it is the text it is."""
    mine = root / "templates/mine"
    (mine / "agent_tasks").mkdir(parents=True)
    rows = "| T-01 | {{cmd}} |\n| T-02 | {{word}} |\n| T-03 | {{cmd}} |\n"
    plan = f"---\nagent: shell\n---\n{{{{cmd}}}}\n\n| ID | Task |\n|---|---|\n{rows}"
    (mine / "master_plan.md").write_text(plan, encoding="utf-8")
    script = "```sh\n{{cmd}}\n```\n"
    (mine / "agent_tasks/agent-03.md").write_text(script, encoding="utf-8")
    words = ("plan", "--template", "mine", "--param", "cmd=cat <in.txt", "--param", "word=a    b")
    refused = orchestrate(*words, "--json")
    assert (2, False) == (refused.returncode, (root / "master_plan.md").exists())
    at = ".orchestrator/templates/mine/master_plan.md:"
    assert [
        ("a row of the plan cannot say the value of cmd as it is", f"{at}8"),
        ("a row of the plan cannot say the value of word as it is", f"{at}9"),
    ] == [(each["message"], each["where"]) for each in refused.json["problems"]]
    assert "agent_tasks/agent-01.md" in refused.json["problems"][0]["hint"]
    for number in (1, 2):
        place = "cmd" if number == 1 else "word"
        path = mine / f"agent_tasks/agent-0{number}.md"
        path.write_text(script.replace("cmd", place), encoding="utf-8")
    made = orchestrate(*words)
    assert 0 == made.returncode, made.stderr
    for number, said in ((1, "cat <in.txt"), (2, "a    b"), (3, "cat <in.txt")):
        told = (root / f"agent_tasks/agent-0{number}.md").read_text(encoding="utf-8")
        assert f"```sh\n{said}\n```\n" == told


def test_s1_38_a_template_has_no_ticks_and_no_dates(orchestrate: Orchestrate, root: Path) -> None:
    """They are of one time, as outcomes are; what is no date may be a place to be filled in."""
    orchestrate("init")
    orchestrate("add", "Say it", "--criterion", "said", "--deadline", "2026-03-01")
    orchestrate("add", "Say more", "--criterion", "said", "--deadline", "2026-03-02")
    task = orchestrate("list", "--json").json["tasks"][-1]["id"]
    assert 0 == orchestrate("complete", task, "--met", "all").returncode
    assert 0 == orchestrate("template", "save", "say").returncode
    shown = orchestrate("template", "show", "say")
    assert "Deadline" in shown.stdout
    assert "with 2 task files" in shown.stderr
    assert "2026-03" not in shown.stdout
    place = orchestrate.where / ".config/orchestrator/templates/say/agent_tasks"
    for path in place.iterdir():
        assert "- [ ] said" in path.read_text("utf-8")
        assert "2026-03" not in path.read_text("utf-8")


def test_what_is_said_of_a_new_template_works_when_it_is_typed(orchestrate: Orchestrate, root: Path) -> None:
    """The plan that it was made of is not finished yet; and no template is called as the list of them."""
    write_plan(root, {"T-01": "echo {{what}}"}, more="")
    saved = orchestrate("template", "save", "say")
    next_step = 'next: orchestrator plan --template say --param "what=…" --dir NEW\n'
    assert saved.stderr.endswith(next_step)
    typed = orchestrate(*shlex.split(next_step.removeprefix("next: orchestrator ")))
    assert 0 == typed.returncode, typed.stderr
    assert "then: orchestrator run --dir NEW\n" in typed.stderr
    assert 0 == orchestrate("validate", "--dir", "NEW").returncode
    assert "with 0 task files" in orchestrate("template", "show", "say").stderr
    refused = orchestrate("template", "save", "list", "--json")
    assert (2, "usage") == (refused.returncode, refused.json["code"])


def test_a_damaged_template_is_nobody_elses_trouble(orchestrate: Orchestrate, root: Path) -> None:
    """It is told and left out; whoever names it is told what is wrong."""
    write_plan(root, {"T-01": "date"})
    for name in ("good", "bad"):
        assert 0 == orchestrate("template", "save", name).returncode
    place = orchestrate.where / ".config/orchestrator/templates/bad/master_plan.md"
    place.write_bytes("# Plan".encode("utf-16"))
    assert 0 == orchestrate("plan", "--template", "good", "--dir", "other").returncode
    listed = orchestrate("template", "list", "--json")
    names = [each["name"] for each in listed.json["templates"]]
    assert ("good", False) == (names[0], "bad" in names)
    assert "warning: the template bad is left out: " in listed.stderr
    refused = orchestrate("plan", "--template", "bad", "--dir", "third", "--json").json
    assert "UTF-16" in refused["message"]
    asked = [("What is to be done?", "x\n"), ("the template bad is left out", ""), ("begin", "\x04")]
    assert 0 == type_into(orchestrate, ["wizard", "fourth"], asked).returncode


WIZARD = [
    ("What is to be done?", "Sort the papers | all\n"),
    ("A template to begin with", "nonsense\n"),
    ("there is no template", "\n"),
    ("T-01, what is to be done?", "echo one\n"),
    ("who does it", "nobody\n"),
    ("asks for the agent 'nobody'", ""),
    ("T-01, what is to be done?", "echo one\n"),
    ("who does it", "shell\n"),
    ("T-02, what is to be done?", "echo two \x1b[31m| `x`\n"),
    ("what does it need", "T-01\n"),
    ("who does it", "shell\n"),
    ("T-03, what is to be done?", "\n"),
    ("How many at the same time?", "none\n"),
    ("How many at the same time?", "2\n"),
]


def test_no_template_is_made_of_an_address(orchestrate: Orchestrate, root: Path) -> None:
    """It is as good as a password; the name of a variable may stand there."""
    write_plan(root, {"T-01": "true"}, notify="[{slack: 'https://hooks.example.com/T0/B0/x'}]")
    refused = orchestrate("template", "save", "mine", "--here")
    assert (2, 0) == (refused.returncode, len(list(root.glob("templates/*"))))
    assert "address of a webhook" in refused.stderr
    assert "hooks.example.com" not in refused.stderr
    write_plan(root, {"T-01": "true"}, notify="[{slack: $TEAM}]")
    assert 0 == orchestrate("template", "save", "mine", "--here").returncode


def test_s1_38_the_wizard(orchestrate: Orchestrate, root: Path) -> None:
    """`tm wizard`, on a real terminal: what makes no sense is asked again, the plan is shown, yes writes it."""
    seen = type_into(orchestrate, ["wizard"], [*WIZARD, ("Write it to .orchestrator? [y/N]", "y\n")])
    assert 0 == seen.returncode, seen.text
    assert "T-02  T-01   shell  echo two" in seen.text
    settings = orchestrate("run", "--dry-run", "--json").json
    assert ["T-01", "T-02"] == [task["id"] for task in settings["tasks"]]
    assert "max_parallel: 2" in (root / "master_plan.md").read_text(encoding="utf-8")
    assert "> Sort the papers | all" in (root / "master_plan.md").read_text(encoding="utf-8")
    assert {"T-01": [], "T-02": ["T-01"]} == {
        task["id"]: task["needs"] for task in orchestrate("list", "--json").json["tasks"]
    }
    refused = type_into(orchestrate, ["wizard"], [])
    assert (2, True) == (refused.returncode, "not finished" in refused.text)


def test_s1_38_the_wizard_with_a_template(orchestrate: Orchestrate, root: Path) -> None:
    """A template's parameters are asked for; Enter takes what stands there."""
    (orchestrate.where / "a.md").write_text("Hello\n", encoding="utf-8")
    answers = [
        ("What is to be done?", "Translate it\n"),
        ("A template to begin with", "translate-docs\n"),
        ("  files", "none/*.md\n"), ("language", "\n"), ("folder", "\n"),
        ("no file matches", ""),
        ("  files", "a.md\n"), ("language", "French\n"), ("folder", "\n"),
        ("[y/N]", "yes\n"),
    ]  # fmt: skip
    seen = type_into(orchestrate, ["wizard"], answers)
    assert 0 == seen.returncode, seen.text
    assert "French" in "".join(path.read_text(encoding="utf-8") for path in (root / "agent_tasks").iterdir())


@pytest.mark.parametrize("end", ["n\n", "\n", "\x03", "\x04"])
def test_s1_38_the_wizard_writes_nothing_without_a_yes(orchestrate: Orchestrate, root: Path, end: str) -> None:
    """No, Enter, Ctrl-C and Ctrl-D leave everything as it was; there is no traceback."""
    before = everything(orchestrate.where)
    seen = type_into(orchestrate, ["wizard"], [*WIZARD, ("[y/N]", end)])
    assert (130 if end == "\x03" else 0) == seen.returncode
    assert "Traceback" not in seen.text
    assert (before, False) == (everything(orchestrate.where), root.exists())


def test_s1_38_the_wizard_needs_a_terminal(orchestrate: Orchestrate, root: Path) -> None:
    """Whoever has none is told what to call instead."""
    refused = orchestrate("wizard", "--json")
    assert (2, "usage") == (refused.returncode, refused.json["code"])
    assert 'plan "REQUEST"' in refused.json["hint"]
    assert not root.exists()
