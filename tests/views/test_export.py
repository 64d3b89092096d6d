"""A plan as one document: everything is in it, and nothing in it leaves its place."""

from __future__ import annotations

import csv
import io
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from orchestrator.core.message import Message, MessageKind, clean
from orchestrator.core.plan import Task
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import is_blank, sanitize
from orchestrator.plan.safe_markdown import tagless
from orchestrator.store.result_file import safe_answer
from orchestrator.views.export import export_csv, export_markdown
from tests.views.example import BEGIN, HOSTILE, attempt, board, result, tables, task


class View(NamedTuple):
    task: Task
    shown: str = ""


class Part(NamedTuple):
    view: View
    assignment: str = ""
    messages: tuple[Message, ...] = ()


def outer_headings(document: str) -> list[tuple[str, str]]:
    """The headings of the first two levels that stand in no quote, by a markdown parser and not by us."""
    tokens = MarkdownIt("commonmark").enable("table").parse(document)
    return [
        (token.tag, tokens[place + 1].content)
        for place, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.tag in {"h1", "h2"}
    ]


TEXT = st.text(min_size=1).filter(lambda text: not is_blank(sanitize(text)))


def test_an_attempt_whose_runner_died_is_not_under_way() -> None:
    """As ``show`` has it; how long it took nobody knows."""
    one = task("T-01")
    found = board([one], result("T-01", TaskStatus.PENDING, attempt(1, "running", 0)))
    (facts, attempts) = tables(export_markdown(found, [Part(View(one))], BEGIN + 60, safe=tagless))
    assert "-" == facts[1][6]
    assert ("interrupted", "-", "the runner died") == (attempts[1][1], attempts[1][4], attempts[1][6])


def test_the_time_of_a_task_is_what_is_known_of_it() -> None:
    """Of one that is under way until now; of what nobody measured there is none, and not none at all."""
    tasks = [task("T-01"), task("T-02"), task("T-03"), task("T-04")]
    found = board(
        tasks,
        result("T-01", TaskStatus.PENDING, attempt(1, "running", 0)),
        result("T-02", TaskStatus.RUNNING, attempt(1, "running", 0)),
        result("T-03", TaskStatus.RUNNING, attempt(1, "failed", 0, 5), attempt(2, "running", 10)),
    )
    parts = [Part(View(each)) for each in tasks]
    (facts, *_) = tables(export_markdown(found, parts, BEGIN + 60, safe=tagless))
    assert ["-", "1m00s", "55.0s", "-"] == [row[6] for row in facts[1:]]
    rows = csv.reader(io.StringIO(export_csv(found, BEGIN + 60), newline=""))
    assert ["", "60", "55", "0"] == [row[15] for row in rows][1:]


@given(name=TEXT, assignment=TEXT, said=TEXT, answer=st.text())
@example(name=HOSTILE, assignment=HOSTILE, said=HOSTILE, answer=HOSTILE)
@example(name="## T-02", assignment="`````\n## x", said="## x\n```", answer="## x\n```\n# y")
@example(name="-", assignment="-", said="-", answer="-")
@example(name="x", assignment="~~~\n---\n", said="<!--", answer="<!--\n<script>\n")
def test_nothing_leaves_its_place(name: str, assignment: str, said: str, answer: str) -> None:
    """Whatever the texts are, these headings of our levels are all there are, and the table has these rows."""
    tasks = [task("T-01", name, assignee=name, expected=name, tags=(name,)), task("T-02", "After", "T-01")]
    message = Message("2026-01-05T14:00:00.000Z", MessageKind.SHARE, "ann", clean(said), "T-01")
    found = board(
        tasks,
        result("T-01", TaskStatus.FAILED, attempt(1, "failed", 0, 1, name), attempt(2, "fatal", 1, 1)),
        request=said,
        title=name,
        goal=said,
    )
    parts = [Part(View(tasks[0], safe_answer(answer, is_markdown=True)), assignment, (message,)), Part(View(tasks[1]))]
    document = export_markdown(found, parts, BEGIN, safe=tagless)
    ours = outer_headings(document)
    assert ["h1", "h2", "h2", "h2", "h2", "h2"] == [tag for tag, _ in ours]
    assert ("h2", "T-02 · After") == ours[-1]
    plan, attempts = tables(document)[:2]
    assert ["T-01", "T-02"] == [row[0] for row in plan[1:]]
    assert ["1", "2"] == [row[0] for row in attempts[1:]]
    assert all(len(row) == len(table[0]) for table in (plan, attempts) for row in table)
    (_, first, second) = csv.reader(io.StringIO(export_csv(found, BEGIN), newline=""))
    assert ("T-01", "failed", "2", "2") == (first[0], first[1], first[12], first[15])
    assert ("T-02", "skipped", "T-01") == (second[0], second[1], second[6])
    assert first[2] == "-" or not first[2].startswith(("=", "+", "@", "-"))


def test_a_task_that_answered_nothing_has_that_as_its_result() -> None:
    """As the final output says it; one that is not done has no result at all."""
    tasks = [task("T-01", "a"), task("T-02", "b"), task("T-03", "c")]
    done = result("T-01", TaskStatus.COMPLETED, attempt(1, "completed", 0))
    failed = result("T-02", TaskStatus.FAILED, attempt(1, "failed", 0))
    text = export_markdown(board(tasks, done, failed), [Part(View(each)) for each in tasks], BEGIN, safe=tagless)
    assert 1 == text.count("**Result**\n\n(no output)\n")
    assert 1 == text.count("**Result**")
    assert text.index("(no output)") < text.index("## T-02")
