"""An agent that is any command line: how the prompt travels, and what counts as an answer."""

from __future__ import annotations

import json

import pytest

from orchestrator.agents.command import CommandAgent
from orchestrator.core.agent import AgentCommand
from orchestrator.core.result import FREE, SCRIPT, Outcome, ProcessExit, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.errors import AgentError
from tests.agents.assignments import assignment, given

DONE = ProcessExit(code=0, pid=7)


def agent(*words: str, role: str = "", answer: tuple[str, ...] = (), free: bool = False) -> CommandAgent:
    return CommandAgent("it", AgentCommand(("it", *words), answer, is_free=free), "/bin/it", role)


def judged(to: CommandAgent, printed: str, exit: ProcessExit = DONE, format: str = "auto") -> Outcome:
    reader = to.reader(Settings(format=format))
    reader.feed(printed.encode())
    return reader.close(exit, b"last words\n")


def test_the_prompt_comes_on_standard_input() -> None:
    """All of it: the task, what the tasks before it answered, and how to answer."""
    command = agent("exec", "-").invocation(assignment("Do it.", given("T-01", "one")))
    assert (("/bin/it", "exec", "-"), "") == (command.argv, command.script)
    assert command.stdin.startswith("# Task agent-07 (T-07: Report)\n")
    assert all(part in command.stdin for part in ("Do it.", "one", "## Your answer"))


def test_its_role_stands_in_front_of_the_prompt() -> None:
    """Below a line of ours, so that it is never taken for a command."""
    command = agent(role="/You are Eva.\n").invocation(assignment("Do it."))
    assert command.stdin.startswith("# Your role\n\n/You are Eva.\n\n# Task agent-07")


@pytest.mark.parametrize("word", ["{prompt_file}", "--file={prompt_file}"])
def test_the_prompt_may_come_as_a_file(word: str) -> None:
    """Then there is nothing on standard input, and still nothing of it on the command line."""
    command = agent("run", word).invocation(assignment("SECRET"))
    assert ("/bin/it", "run", word.replace("{prompt_file}", SCRIPT)) == command.argv
    assert ("", True) == (command.stdin, "SECRET" in command.script)


def test_the_model_goes_where_the_command_says() -> None:
    """That of the task file, the plan, or its own file."""
    task = assignment("Do it.", settings=Settings(model="m-1"))
    assert ("/bin/it", "--model=m-1") == agent("--model={model}").invocation(task).argv


@pytest.mark.parametrize("model", ["", "--yolo"])
def test_a_model_is_never_an_option(model: str) -> None:
    """What a plan says must not become one."""
    task = assignment("Do it.", settings=Settings(model=model))
    with pytest.raises(AgentError, match="cannot work with the model"):
        agent("-m", "{model}").invocation(task)


@pytest.mark.parametrize("printed", ["", " \n\t\n", "\x1b[31m\x1b[0m\n", "\u200b\u2060\n", "\0\x07", "\ufeff"])
def test_nothing_is_no_answer(printed: str) -> None:
    """Whatever the exit status says (promise 19)."""
    outcome = judged(agent(), printed)
    assert (Verdict.FAILED, "exit 0, but it answered nothing") == (outcome.verdict, outcome.reason)


@pytest.mark.parametrize(("format", "is_markdown"), [("auto", True), ("markdown", True), ("text", False)])
def test_agents_answer_in_markdown(format: str, is_markdown: bool) -> None:
    """Unless somebody says that this one does not."""
    assert is_markdown is judged(agent(), "# Done\n", format=format).is_markdown


EVENTS = [{"type": "start"}, {"type": "end", "text": "first"}, {"type": "end", "text": "# Done"}, {"n": 1}]


@pytest.mark.parametrize(
    ("path", "printed", "answer"),
    [
        ("response", json.dumps({"response": "# Done", "stats": {}}), "# Done"),
        ("response", json.dumps({"response": "# Done"}, indent=2), "# Done"),
        ("a.b", '\n\n{"a": {"b": "# Done"}}\n', "# Done"),
        ("a.1.b", '{"a": [{"b": "no"}, {"b": "# Done"}]}', "# Done"),
        ("text", "\n".join(map(json.dumps, EVENTS)), "# Done"),
        ("text", 'Loading…\n{"text": "# Done"}\nbye\n', "# Done"),
        ("text", "# Done", None),
        ("text", '{"text": 5}', None),
        ("text", '{"text": {"text": "no"}}', None),
        ("text", '["text"]', None),
        ("text", '{"text": "cut', None),
        ("a.9", '{"a": ["no"]}', None),
        ("text", '{"text": ' + "[" * 100_000, None),
        ("text", '{"text": "  "}', None),
    ],
)
@pytest.mark.usefixtures("no_garbage")
def test_an_answer_in_json(path: str, printed: str, answer: str | None) -> None:
    """One object, or one on each line: then the last one that has the text."""
    outcome = judged(agent(answer=tuple(path.split("."))), printed)
    if answer is None:
        assert outcome.verdict is Verdict.FAILED
        assert outcome.reason.startswith("exit 0, but it ")
    else:
        assert (Verdict.COMPLETED, answer, True) == (
            outcome.verdict, outcome.answer, outcome.is_markdown,
        )  # fmt: skip


@pytest.mark.parametrize("text", [r"\u001b[31m", r"\ud800", r"\u200b\u2028", r"\u0000", " "])
def test_a_text_of_nothing_visible_is_no_answer(text: str) -> None:
    """Colours, half of a character, blanks that nobody sees."""
    outcome = judged(agent(answer=("a", "b")), f'{{"a": {{"b": "{text}"}}}}')
    assert (Verdict.FAILED, "exit 0, but it answered nothing") == (outcome.verdict, outcome.reason)


def test_json_is_no_news() -> None:
    """Nobody wants to read it while they wait."""
    reader = agent(answer=("text",)).reader(Settings())
    assert "" == reader.feed(b'{"text": "half')
    assert "working" == agent().reader(Settings()).feed(b"working\n")


@pytest.mark.parametrize(
    ("exit", "cost"),
    [
        (DONE, None),
        (ProcessExit(code=1, pid=7), None),
        (ProcessExit(signal=9, pid=7, stopped=StopReason.TIMEOUT), None),
        (ProcessExit(error="cannot start it: No such file or directory"), 0.0),
    ],
)
def test_nobody_knows_what_it_costs_once_it_was_started(exit: ProcessExit, cost: float | None) -> None:
    """Which is never the same as nothing, unless its file says that it is free."""
    assert cost == judged(agent(), "done", exit).bill.cost
    assert judged(agent(free=True), "done", exit).bill == FREE


def test_what_it_printed_until_it_took_too_long_is_kept() -> None:
    """As it was printed, and no more an answer than that of one that failed by itself (S2-71)."""
    outcome = judged(agent(), "half of it", ProcessExit(signal=9, pid=7, stopped=StopReason.TIMEOUT))
    assert (outcome.verdict, outcome.answer) == (Verdict.FAILED, "half of it")


@pytest.mark.parametrize(
    ("exit", "is_refused"),
    [
        (ProcessExit(code=127, pid=1), True),
        (ProcessExit(code=126, pid=1), True),
        (ProcessExit(error="cannot be started: exec format error"), True),
        (ProcessExit(code=1, pid=1), False),
        (ProcessExit(code=143, pid=1, stopped=StopReason.TIMEOUT), False),
    ],
)
def test_only_what_could_not_be_run_says_something_of_the_others(exit: ProcessExit, is_refused: bool) -> None:
    """Of a command that failed nobody knows what it did before: many may fail alike, each for its own reason."""
    assert is_refused is judged(agent(), "", exit).is_refused


def test_an_agent_pays_for_itself() -> None:
    """A limit of one is no limit of another; what is free is held back by no budget."""
    assert ("it", "") == (agent().account, agent(free=True).account)
