"""What the model said counts, however the stream and the process end; what the CLI wrote in its place does not."""

from __future__ import annotations

import os

import pytest

from tests.acceptance.claude_plan import ClaudePlan, events, flags
from tests.acceptance.plans import front_of, write_task

#: A task, and one that needs it.
TWO = {"T-01": "one", "T-02": ("two", "T-01")}
THREE = "The changelog has three parts: A, B and C."


def case(name: str, **more: object) -> dict[str, object]:
    """A step that prints a case."""
    return {"do": "case", "case": f"{name}.jsonl", **more}


def result(claude: ClaudePlan) -> str:
    """The result file of the first task."""
    return claude.text("results/agent-01-result.md")


def went_on(claude: ClaudePlan) -> bool:
    """Whether the second call for the first task went on in the session of the first."""
    first, second = claude.calls("T-01")
    return flags(first)["--session-id"] == flags(second).get("--resume")


# ── an answer that was paid for ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("good-answer-then-exit-1", "exit 1: MCP server"),
        ("good-answer-then-a-hook-fails", "exit 2: SessionEnd hook [notify.sh] failed"),
        ("good-answer-then-abort", "exit 134: free(): invalid pointer"),
    ],
)
def test_a_complete_answer_counts_however_the_process_ends(claude: ClaudePlan, name: str, end: str) -> None:
    """Once, handed on, and run and result say how it ended."""
    claude.write(TWO)
    claude.play({"T-01": case(name)})
    run = claude.run()
    assert (0, {"completed": 2}) == (run.returncode, run.counts)
    assert 1 == len(claude.calls("T-01"))
    assert "The note is written: docs/note.md" in result(claude)
    assert f"| Ended with | {end}" in result(claude)
    assert "The note is written" in claude.calls("T-02")[0].prompt
    (warning,) = events(run, "warning")
    assert end in warning["text"]


@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("text-in-the-turn-result-empty", (THREE,)),
        ("text-in-the-turn-result-absent", (THREE,)),
        ("text-in-the-turn-result-null", (THREE,)),
        ("text-in-two-blocks-result-empty", (THREE, "Part B is new.")),
        ("own-words-after-an-answer", ("The full answer has five chapters.",)),
        ("nothing-after-an-answer", ("The full answer has four chapters.",)),
        ("answer-that-quotes-own-words", ("“No response requested.” is what the program writes",)),
        ("noise-around-the-result", ("The page is written, in three parts.",)),
    ],
)
def test_the_last_words_of_the_model_are_the_answer(claude: ClaudePlan, name: str, answers: tuple[str, ...]) -> None:
    """Wherever in the stream they stand; they are handed on."""
    claude.write(TWO)
    claude.play({"T-01": case(name)})
    run = claude.run()
    assert (0, {"completed": 2}) == (run.returncode, run.counts)
    assert 1 == len(claude.calls("T-01"))
    for answer in answers:
        assert answer in result(claude)
        assert answer in claude.calls("T-02")[0].prompt
    assert "No response requested.\n" not in result(claude)


# ── a conversation that can go on ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "name",
    [
        "empty-turn-in-the-middle",
        "empty-turn-result-absent",
        "only-a-tool-was-used",
        "own-words-after-a-tool",
        "no-content",
        "interrupted",
        "cut-at-max-tokens",
    ],
)
def test_after_work_without_an_answer_the_conversation_goes_on(claude: ClaudePlan, name: str) -> None:
    """What was done before is not paid for again."""
    claude.write(TWO, retries=1)
    claude.play({"T-01": [case(name), case("good-answer")]})
    run = claude.run()
    assert (0, {"completed": 2}) == (run.returncode, run.counts)
    assert went_on(claude)
    assert "The page is written" in result(claude)


@pytest.mark.parametrize("place", ["the task file", "the plan"])
def test_where_more_turns_are_allowed_the_conversation_goes_on(claude: ClaudePlan, place: str) -> None:
    """It is told its assignment again only where that may have been changed."""
    settings = {"max_turns": 50}
    claude.write(1, **({} if place == "the task file" else settings))
    file = write_task(claude.root, "T-01", "port the tests", **(settings if place == "the task file" else {}))
    claude.play({"T-01": [case("max-turns"), case("good-answer")]})
    assert (1, 1) == (claude.run().returncode, len(claude.calls()))
    if place == "the task file":
        write_task(claude.root, "T-01", "port the tests, and the fixtures", max_turns=90)
        later = file.stat().st_mtime + 1
        os.utime(file, (later, later))
    else:
        plan = claude.root / "master_plan.md"
        plan.write_text(plan.read_text().replace("max_turns: 50", "max_turns: 90"))
    assert 0 == claude.run().returncode
    assert went_on(claude)
    second = claude.calls()[1]
    assert "90" == flags(second)["--max-turns"]
    assert (place == "the task file") == ("port the tests, and the fixtures" in second.prompt)
    assert "Reached maximum number of turns (50)" in second.prompt


# ── what is no answer ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("own-words-no-response", "No response requested."),
        ("own-words-after-a-tool", "Execution error"),
        ("api-error-as-answer", "API Error: 500 Internal server error"),
        ("no-content", "(no content)"),
        ("interrupted", "[Request interrupted by user]"),
        ("only-a-tool-was-used", "an empty answer"),
        ("cut-at-max-tokens", "max_tokens"),
        ("refused-by-the-model", "refusal"),
    ],
)
def test_what_claude_writes_itself_is_no_answer(claude: ClaudePlan, name: str, words: str) -> None:
    """Nor is a part of one; nothing is handed on, and the reason says what was there."""
    claude.write(TWO, retries=0)
    claude.play({"T-01": case(name)})
    run = claude.run()
    assert (1, {"failed": 1, "skipped": 1}) == (run.returncode, run.counts)
    assert [] == claude.calls("T-02")
    assert words in str(front_of(claude.root, "T-01")["attempts"][0]["reason"])
