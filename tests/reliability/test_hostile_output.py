"""Whatever an agent prints, it is data: for our files, for a terminal, for the next agent (promises 16, 23, 24)."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping

import pytest
from markdown_it import MarkdownIt

from orchestrator.core.text import is_blank
from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.plans import Row, stem, write_task
from tests.reliability.hostile import OUTPUTS, headings, judge_files, judge_health, judge_result, judge_words, text_of
from tests.reliability.soak import SOAK

PERSONS = "Kept by hand.\n\n```\nmine, with a <!-- orchestrator:status --> in it\n```\n"


class Stage:
    """A plan in which every output comes from agents of every kind, on both streams, and is handed on to others."""

    def __init__(self, claude: ClaudePlan, outputs: Mapping[str, bytes]) -> None:
        self.claude = claude
        self.outputs = outputs
        self.tasks: dict[str, Row] = {}
        self.printed: dict[str, bytes] = {}
        self.statuses: dict[str, str] = {}
        self.readers: dict[str, str] = {}
        self.steps: dict[str, object] = {}
        self.bodies: dict[str, tuple[str, dict[str, object]]] = {}
        for number, output in enumerate(outputs.values()):
            self._add(number, output)
        self.plan = claude.write(self.tasks, max_parallel=8, retries=0)
        text = self.plan.read_text().replace("# Task Plan\n", f"# Task Plan\n{PERSONS}")
        self.plan.write_text(text)
        for task, (body, front) in self.bodies.items():
            write_task(claude.root, task, body, **front)
        claude.play(self.steps)

    def _add(self, number: int, output: bytes) -> None:
        path = self.claude.where / f"output-{number}"
        path.write_bytes(output)
        said, plain, marked, failed, reader, piped = (f"T-{kind}{number:03}" for kind in (1, 2, 3, 4, 5, 6))
        prints = f"```sh\ncat '{path}'\n```\n"
        for task, form in ((plain, "text"), (marked, "markdown")):
            self._shell(task, prints, output, "completed", format=form)
        fails = f"```sh\ncat '{path}'; cat '{path}' >&2; exit 3\n```\n"
        self._shell(failed, fails, output, "failed")
        self._shell(piped, "```sh\ncat\n```\n", b"", "completed", needs=f"{plain},{marked}")
        text = text_of(output)
        self.tasks[said] = "say it"
        # Of nothing visible there is no answer.
        self.statuses[said] = "failed" if is_blank(text) else "completed"
        self.steps[said] = {"answer": text, "turns": [{"text": text, "tool": text[:50]}, 0.01]}
        if SOAK or number % 3 == 0:
            self.tasks[reader] = ("read it", f"{plain},{marked}")
            self.statuses[reader] = "completed"
            self.readers[reader] = marked

    def _shell(self, task: str, body: str, output: bytes, status: str, needs: str = "", **front: object) -> None:
        self.tasks[task] = ("print it", needs or "None")
        self.bodies[task] = (body, {"agent": "shell", **front})
        self.statuses[task] = status
        self.printed[task] = output

    def play(self) -> int:
        """Run it, and look at everything. Return how many outputs there were."""
        persons = self.plan.read_bytes()
        orchestrate, root = self.claude.orchestrate, self.claude.root
        run = orchestrate("run", "--json")
        assert 1 == run.returncode, run.stderr
        again = orchestrate("run", "--on-failure", "stop")
        assert 1 == again.returncode
        judge_words(run, again)
        judge_files(root, persons)
        for task, output in self.printed.items():
            log = root / "logs" / f"{stem(task)}.attempt-1.out"
            assert not output or output == log.read_bytes(), "the log is as the agent wrote it"
        for task, status in self.statuses.items():
            if status == "completed":
                judge_result(root / "results" / f"{stem(task)}-result.md", task, status)
                if task in self.readers.values() or (SOAK and task.startswith("T-3")):
                    judge_words(orchestrate("show", task))
        self._judge_prompts()
        judge_health(orchestrate, self.statuses)
        return len(self.tasks)

    def _judge_prompts(self) -> None:
        """What another agent said stands in a fence that it cannot close; every heading outside is ours."""
        for call in self.claude.calls(*self.readers):
            names = [words for _, words in headings(call.prompt)]
            handed_on = names[names.index("Results of the tasks this one depends on") + 1 :]
            assert handed_on[-2:] == ["Talking to the others", "Your answer"]
            del handed_on[-2:]
            assert all(words.endswith(": print it") for words in handed_on), handed_on
            tokens = MarkdownIt("commonmark").parse(call.prompt)
            outside = "".join(token.content for token in tokens if token.type == "inline")
            assert "forged" not in outside.lower()
            assert not [word for word in call.argv if "orged" in word]


def test_no_output_gets_beyond_its_own_place(claude: ClaudePlan, tally: Counter[str]) -> None:
    """Of shell commands and of ``claude``, as an answer, as a failure, as news, and handed on."""
    tally["hostile outputs"] += Stage(claude, OUTPUTS).play()


@pytest.mark.parametrize("episode", range(SOAK // 100 or 1))
def test_nor_does_any_mixture(claude: ClaudePlan, tally: Counter[str], episode: int) -> None:
    """Pieces of all of them, in any order."""
    dice = random.Random(f"hostile {episode}")
    pieces = [line for output in OUTPUTS.values() for line in output.splitlines(keepends=True)]
    pieces += [output[:place] for output in OUTPUTS.values() for place in (3, 17, 60)]
    mixed = {str(n): b"".join(dice.choices(pieces, k=dice.randint(1, 30))) for n in range(20 if SOAK else 2)}
    tally["hostile outputs"] += Stage(claude, mixed).play()
