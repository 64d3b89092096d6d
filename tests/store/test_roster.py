"""The files of agents: what they say, which of them counts, and everything that can be wrong with one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.core.agent import BUILT_IN, AgentRegistry, Program
from orchestrator.core.text import one_line, sanitize
from orchestrator.errors import OrchestratorError, PlanError, StoreError
from orchestrator.store.agent_files import parse_agent_file, read_agents, register
from orchestrator.store.layout import Layout


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "project" / ".orchestrator"
    root.mkdir(parents=True)
    return root


def write(directory: Path, **files: str) -> None:
    """Write files of agents; what stands before a line ``---`` is front matter."""
    (directory / "agents").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = directory / "agents" / f"{name.replace('_', '-')}.md"
        path.write_text(f"---\n{text}" if "---" in text else f"---\n{text}---\n", encoding="utf-8")


def registry(root: Path) -> AgentRegistry:
    environment = {"HOME": str(root.parents[1] / "home")}
    return read_agents(Layout(str(root)), environment)


def problems(root: Path) -> list[str]:
    with pytest.raises(PlanError) as caught:
        registry(root)
    where = f"{os.path.relpath(root)}/agents/"
    shown = [str(each) for each in caught.value.problems]
    assert all(each.hint for each in caught.value.problems)
    return [each.replace(f"{root}/agents/", "").replace(where, "") for each in shown]


def test_without_files_there_are_the_built_in_ones(root: Path) -> None:
    """And a file in the place of the directory, or one for people, is no agent."""
    assert ("claude", "shell", "simulated") == registry(root).keys
    write(root)
    (root / "agents" / "README.md").write_text("Who is who here.\n")
    (root / "agents" / ".draft.md").write_text("later\n")
    (root / "agents" / "notes.txt").write_text("later\n")
    assert ("claude", "shell", "simulated") == registry(root).keys


def test_fields_below_a_title_are_refused(root: Path) -> None:
    """The agent would be another one: here `claude`, which costs money."""
    write(root)
    path = root / "agents" / "reader.md"
    path.write_text("# Reader\n\n---\nfree: true\ncommand: cat\n---\nYou read.\n")
    assert ["reader.md:3: below other text, free counts for nothing"] == problems(root)
    path.write_text("# Reader\n\nYou write:\n\n---\ncommand: cat\n---\n")
    assert "claude" == registry(root).members["reader"].extends


def test_everything_that_a_file_can_say(root: Path) -> None:
    """Its key is the name of the file; words are split as a shell splits them, without being one."""
    write(
        root,
        codex="""\
command: codex exec --note "two words" -
answer: json.response.text
login: CODEX_API_KEY, OPENAI_*
version: codex --version
free: true
best_for: code in a sandbox
types: [Dev, dev, research]
capabilities: refactor, Debug
max_parallel: 2
timeout: 30m
model: m-1
env: {A: b}
---
You are a careful engineer.
""",
    )
    member = registry(root)["codex"]
    assert member.command is not None
    assert ("codex", "exec", "--note", "two words", "-") == member.command.words
    assert ("response", "text") == member.command.answer
    assert ("CODEX_API_KEY", "OPENAI_*") == member.command.login
    assert (("codex", "--version"), True) == (member.command.version, member.command.is_free)
    assert ("dev", "research") == member.types
    assert ("refactor", "debug") == member.capabilities
    assert (2, Program.COMMAND, "") == (member.max_parallel, member.runs, member.extends)
    assert {"timeout": 1800.0, "model": "m-1", "env": {"A": "b"}} == member.settings
    assert "You are a careful engineer." == member.role
    assert member.where.endswith(".orchestrator/agents/codex.md:2")


def test_without_a_command_it_is_a_role_of_claude(root: Path) -> None:
    """The smallest file is a text; a role of anybody else says whose."""
    write(root, deploy="extends: shell\nmax_parallel: 1\n")
    (root / "agents" / "reviewer.md").write_text("You review.\n", encoding="utf-8")
    found = registry(root)
    reviewer, deploy = found["reviewer"], found["deploy"]
    assert (Program.CLAUDE, "claude", "You review.") == (reviewer.runs, reviewer.extends, reviewer.role)
    assert (Program.SHELL, "shell", 1) == (deploy.runs, deploy.extends, deploy.max_parallel)


def test_a_role_has_what_the_agent_it_stands_on_has(root: Path) -> None:
    """Its command and its settings; its own are stronger, variables add up."""
    write(
        root,
        codex="command: codex -\ntimeout: 9m\nenv: {A: a, B: b}\n---\nBe brief.\n",
        strict="extends: codex\nretries: 0\nenv: {B: c}\n",
    )
    found = registry(root)
    assert found["codex"].command == found["strict"].command
    assert {"timeout": 540.0, "retries": 0, "env": {"A": "a", "B": "c"}} == found["strict"].settings
    assert "Be brief." == found["strict"].role


@pytest.mark.parametrize("key", ["claude", "claude-code"])
def test_a_built_in_agent_is_changed_by_who_says_so(root: Path, key: str) -> None:
    """``extends`` of itself is how a file says so; whatever it says nothing of is as before."""
    write(root, anything=f"key: {key}\nextends: {key}\nmax_parallel: 3\nmodel: haiku\n")
    found = registry(root)
    claude = found["claude"]
    assert ("claude", "shell", "simulated") == found.keys
    assert (3, "", {"model": "haiku"}) == (claude.max_parallel, claude.extends, claude.settings)
    assert AgentRegistry.of()["claude"].best_for == claude.best_for


def test_the_nearest_file_counts(root: Path, tmp_path: Path) -> None:
    """The plan's, then those of the directory of plans, then the person's, then the built-in ones."""
    plan = root / "TASK-001"
    write(plan, one="best_for: plan\n")
    write(root, one="best_for: plans\n", two="best_for: plans\n")
    person = tmp_path / "home" / ".config" / "orchestrator"
    write(person, one="best_for: mine\n", two="best_for: mine\n", three="best_for: mine\n")
    found = read_agents(Layout(str(plan)), {"HOME": str(tmp_path / "home")})
    assert ("claude", "shell", "simulated", "one", "two", "three") == found.keys
    assert ["plan", "plans", "mine"] == [found[key].best_for for key in ("one", "two", "three")]


def test_a_person_may_keep_their_configuration_elsewhere(root: Path, tmp_path: Path) -> None:
    """Where everything else of theirs is; but never where we happen to stand."""
    write(tmp_path / "etc" / "orchestrator", eva="best_for: tests\n")
    assert "eva" in read_agents(None, {"XDG_CONFIG_HOME": str(tmp_path / "etc"), "HOME": "/nowhere"})
    assert "eva" not in read_agents(None, {"XDG_CONFIG_HOME": "etc"})
    assert "eva" not in read_agents(None, {})


def test_paths_count_from_the_directory_that_holds_agents(root: Path) -> None:
    """A program with a slash in it, and every file that a setting names."""
    (root / "rules.md").write_text("Be kind.\n")
    write(root, own="command: ./bin/own -\n", kind="system_prompt_file: rules.md\nadd_dirs: [.]\n")
    found = registry(root)
    assert found["own"].command is not None
    assert f"{root}/bin/own" == found["own"].command.words[0]
    assert {"system_prompt_file": f"{root}/rules.md", "add_dirs": (str(root),)} == found["kind"].settings


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("typs: dev\n", "2: typs is not a field of an agent"),
        ("best_for: a\n\nmax_parallel: 0\n", "4: max_parallel: 0 is not between 1 and 1000"),
        ("timeout: soon\n", "2: setting timeout: "),
        ("max_turns: 0\n", "2: setting max_turns: "),
        ("budget_usd: much\n", "2: setting task_budget_usd: "),
        ("on_failure: stop\n", "2: on_failure is a setting of the whole run"),
        ("agent: claude\n", "2: agent is a setting of a task"),
        ("system_prompt_file: nowhere.md\n", "2: setting system_prompt_file: there is no /"),
        ("command: codex -\ntools: Read\n", "3: tools means nothing to a command"),
        ("command: codex {model}\n", "2: the command has {model}, and there is no model"),
        ("command: codex {prompt}\n", "2: command: {prompt} stands for nothing; the prompt comes on standard input"),
        ("command: '{model} -'\nmodel: m\n", "2: command: the program itself is not to be filled in"),
        ("command: ''\n", "2: command: write a program and its words"),
        ("command: [codex, 5]\n", "2: command: 5 is not a word"),
        ("command: codex 'x\n", "2: command: No closing quotation"),
        ("command: codex -\nanswer: yaml\n", "3: answer: 'yaml' is neither text nor json.NAME"),
        ("command: codex -\nlogin: [A-B]\n", "3: login: 'A-B' is not the name of a variable"),
        ("command: codex -\nfree: maybe\n", "3: free: 'maybe' is neither true nor false"),
        ("command: codex -\nextends: claude\n", "3: an agent has a command of its own, or extends another"),
        ("answer: text\n", "2: answer is for an agent with a command"),
        ("key: a b\n", "2: key: 'a b' is not 1 to 64 letters"),
        ("key: Agent-01\n", "2: key: 'Agent-01' reads as a label"),
        ("key: claude\nmax_parallel: 3\n", "2: the agent claude is built in"),
        ("key: shell\ncommand: zsh\n", "2: the agent shell is built in"),
        ("extends: simulated\n", "2: nothing can stand on the simulated agent"),
        ("extends: nobody\n", "2: there is no agent 'nobody' to extend"),
        ("extends: shell\nmodel: m\n", "3: model means nothing to the shell agent"),
        ("types: 5: 6\n", "2: front matter: mapping values are not allowed"),
        ("types: {a: b}\n", "2: types: {'a': 'b'} is not a list of words"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(root: Path, text: str, told: str) -> None:
    """Each with what to do about it."""
    write(root, eva=text)
    (found,) = problems(root)
    assert found.startswith(f"eva.md:{told}")


def test_every_problem_is_told_at_once(root: Path) -> None:
    """Of all files, and of one file all of them."""
    write(root, a="typs: dev\nmax_parallel: 0\ntimeout: soon\n", b="extends: nobody\n")
    assert ["a.md:2", "a.md:3", "a.md:4", "b.md:2"] == [each.partition(": ")[0] for each in problems(root)]


def test_who_stands_on_a_built_in_agent_is_not_blamed_for_another_file(root: Path) -> None:
    """Least of all for a file that `agent register` has refused to write."""
    write(root, claude="max_parallel: 3\n", rev="extends: claude\n")
    assert ["claude.md:1: the agent claude is built in"] == problems(root)


def test_a_role_of_a_role_is_one_too_many(root: Path) -> None:
    """The hint says what to extend instead."""
    write(root, one="extends: claude\n", two="extends: one\n")
    assert ["two.md:2: one stands on another agent itself"] == problems(root)


def test_two_files_cannot_be_one_agent(root: Path) -> None:
    """Nor can they differ in capitals alone."""
    write(root, a="key: eva\n", b="key: Eva\n")
    (told,) = problems(root)
    assert told.startswith("b.md:2: the agent Eva is there twice, first in ")


def test_a_file_that_is_no_text_is_a_problem(root: Path) -> None:
    """And no traceback."""
    write(root)
    (root / "agents" / "eva.md").write_bytes(b"---\nkey: \xff\n---\n")
    (told,) = problems(root)
    assert told.startswith("eva.md")


@given(data=st.binary(max_size=80) | st.text(max_size=80).map(lambda text: f"---\n{text}\n---\n".encode()))
def test_any_bytes_are_read_or_told(data: bytes) -> None:
    """What lies in that directory may be anything."""
    found, told = parse_agent_file(data, "agents/a.md", "/nowhere", "a")
    assert found is not None or told


@given(role=st.text(), about=st.text(), types=st.lists(st.text(max_size=9), max_size=3))
@example(role="---\nkey: evil\n---\nx", about="a: b\n---\nkey: evil # c", types=["x]", "}\x7f"])
@example(role="\udc80\x1b[2J", about="\x85\u2028!!python/object:x", types=["- a", "&b", "*c"])
def test_what_registers_an_agent_is_data(role: str, about: str, types: list[str]) -> None:
    """Whatever the texts are: the file says them back, and nothing else."""
    with tempfile.TemporaryDirectory() as directory:
        layout = Layout(f"{directory}/.orchestrator")
        fields = {"best_for": about, "types": types}
        _, member = register(layout, "eva", fields, role, {})
        assert [member] == [each for each in read_agents(layout, {}) if each not in BUILT_IN]
    assert ("eva", "claude") == (member.key, member.extends)
    assert one_line(sanitize(about), 300) == member.best_for
    assert sanitize(role).strip() == member.role
    words = [one_line(sanitize(each), 300).casefold() for each in types]
    assert tuple(dict.fromkeys(filter(None, words))) == member.types


def test_registering_changes_nothing_that_is_there(tmp_path: Path) -> None:
    """A file of a person stays; so does everything when it would make no sense together."""
    layout = Layout(str(tmp_path))
    path, _ = register(layout, "eva", {}, "You are Eva.", {})
    before = Path(path).read_bytes()
    for key, code in (("eva", "usage"), ("README", "usage"), ("../x", "usage"), ("Eva", "bad_agent")):
        with pytest.raises(OrchestratorError) as refused:
            register(layout, key, {}, "Somebody else.", {})
        assert code == refused.value.code
    with pytest.raises(PlanError):
        register(layout, "eva", {"extends": "nobody"}, "", {}, force=True)
    assert (["eva.md"], before) == (os.listdir(tmp_path / "agents"), Path(path).read_bytes())
    register(layout, "eva", {}, "You are another Eva.", {}, force=True)
    assert b"another" in Path(path).read_bytes()


def test_nothing_is_registered_through_a_link(tmp_path: Path) -> None:
    """What is written there would land elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "agents").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreError):
        register(Layout(str(tmp_path)), "eva", {}, "", {})
    assert [] == os.listdir(tmp_path / "elsewhere")
