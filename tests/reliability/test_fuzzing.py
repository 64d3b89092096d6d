"""Every reader, given files that went bad: only our own errors come out, and nothing is called completed for nothing.

``ORCHESTRATOR_SOAK`` says how many inputs a reader is given, within reason; without it they are few, always the same.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from orchestrator.agents.claude_stream import StreamReader
from orchestrator.cli.main import cli
from orchestrator.core.result import Outcome, ProcessExit, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.status import TaskStatus
from orchestrator.doctor.repair import check
from orchestrator.errors import OrchestratorError
from orchestrator.executors import exit_record as records
from orchestrator.plan.parser import StatusCells, parse_plan, set_statuses
from orchestrator.plan.sections import redraw, regions
from orchestrator.plan.task_file import parse_task_file
from orchestrator.store.attempt_record import read_record
from orchestrator.store.journal import Journal, journal_tail
from orchestrator.store.layout import Layout
from orchestrator.store.result_file import parse_result, render_result, safe_answer
from orchestrator.store.workspace import Workspace
from tests.fakes.fake_claude import SAMPLES, sample
from tests.reliability import mutations
from tests.reliability.hostile import UNPRINTABLE
from tests.reliability.mutations import bad
from tests.reliability.soak import SOAK
from tests.store import plan_directory


def fuzzed(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many inputs, the same ones every time; many more, and others every time, when there is time for them."""
    return settings(
        max_examples=max(min(SOAK, 10 * examples), examples),
        derandomize=not SOAK,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


DRAWN = {"status": "## Status\n\n| a |\n|---|\n| b |\n", "log": "drawn"}
CELLS = {"T-01": StatusCells("✅ Completed", "now"), "T-02": StatusCells("| x", None, "then")}
RESULTS = (
    plan_directory.text("T-01", TaskStatus.COMPLETED, answer=safe_answer("# It\n```\nx", is_markdown=True)).encode(),
    plan_directory.text(
        "T-01", TaskStatus.FAILED, answer=safe_answer("x\n---", is_markdown=False), **{"T-02": 3}
    ).encode(),
)
STREAMS = tuple(sample(path.stem)[0].encode() for path in sorted(SAMPLES.glob("*stream*.txt")))


def told(tally: Counter[str], reader: str) -> None:
    tally["bad inputs read"] += 1
    tally[f"bad inputs read: {reader}"] += 1


# ── what people write ────────────────────────────────────────────────────────────────────────────────────────────────


@fuzzed(150)
@given(data=bad(mutations.PLAN))
@example(data=b"---\nbudget_usd: 0x" + b"F" * 400 + b"\n---\n")
@example(data=mutations.PLAN.replace(b"T-01 (order)", b"\x01 T-01 (order)"))
@example(data=mutations.PLAN[: mutations.PLAN.index(b"| T-01")])
def test_plans(data: bytes, tally: Counter[str]) -> None:
    """Tasks or problems come of it, each with its place; drawing into it keeps every byte that is not ours."""
    told(tally, "plan")
    plan, problems = parse_plan(data, "p.md")
    assert all(re.match(r"p\.md:\d+$", each.where) for each in problems)
    assert plan.tasks or problems or b"|-" in data  # a table without rows: nothing to do yet
    assert not UNPRINTABLE.search("".join(map(str, problems)))
    try:
        drawn = redraw(set_statuses(data, lambda _: None), DRAWN)
    except ValueError:
        return
    assert persons(data) == persons(drawn)[: len(persons(data))]
    assert b"" == persons(drawn)[len(persons(data)) :].strip()
    assert drawn == redraw(drawn, DRAWN)
    with_cells = set_statuses(data, CELLS.get)
    assert data.count(b"\n") == with_cells.count(b"\n")
    assert set(data.splitlines()) - set(with_cells.splitlines()) <= {line for line in data.splitlines() if b"|" in line}


def persons(data: bytes) -> bytes:
    """What stands in a plan outside of our sections."""
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", data.decode().removeprefix("\ufeff"))
    ours = {at for region in regions(lines) if region.name in DRAWN for at in range(region.open, region.close + 1)}
    return "".join(line for at, line in enumerate(lines) if at not in ours).encode()


@fuzzed(150)
@given(data=bad(mutations.TASK))
def test_task_files(data: bytes, tally: Counter[str]) -> None:
    """A prompt and settings that were checked come of it, or problems."""
    told(tally, "task file")
    found = parse_task_file(data, "t.md")
    assert not UNPRINTABLE.search("".join(map(str, found.problems)))
    f"{found.body}{found.code}{found.language}".encode()
    text = data.removeprefix("\ufeff".encode())
    if not found.problems and not text.lstrip().startswith(b"---"):
        assert found.body.encode() == text


# ── what we write, and anybody may change ────────────────────────────────────────────────────────────────────────────


@fuzzed(150)
@given(data=bad(*RESULTS))
@example(data=RESULTS[0].replace(b"status: completed", b"status: 0x" + b"F" * 6000))
def test_results(data: bytes, tally: Counter[str]) -> None:
    """A result comes of it that can be written again and says the same then, or none."""
    told(tally, "result")
    result = parse_result(data.decode(errors="replace"))
    if result is None:
        return
    again = parse_result(render_result(result, label="x", answer="y"))
    assert again is not None
    assert (result.task, result.status) == (again.task, again.status)
    numbers = [attempt.number for attempt in result.attempts]
    assert numbers == [attempt.number for attempt in again.attempts]
    render_result(result, label="x", answer=result.answer).encode()


@fuzzed(150)
@given(data=bad(mutations.RECORD))
def test_attempt_records(data: bytes, tally: Counter[str]) -> None:
    """How an attempt ended comes of it, or nothing; both readers agree that it is one."""
    told(tally, "attempt record")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "r.json"
        path.write_bytes(data)
        found = read_record(str(path))
        if found is not None:
            f"{found.task}{found.run}{found.agent}{found.exit.describe()}".encode()
            assert found.number == int(found.number)
        if (raw := records.read_record(str(path))) is not None:
            with suppress(ValueError):
                ProcessExit.of_record(raw)


@fuzzed(150)
@given(data=bad(mutations.JOURNAL))
@example(data=mutations.JOURNAL + "- 1 · T-01 · started attempt ".encode() + b"9" * 5000 + b"\n")
def test_journals(data: bytes, tally: Counter[str]) -> None:
    """Whatever is in it, what is appended is a line of its own, and everything before it stays."""
    told(tally, "journal")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "journal.md"
        path.write_bytes(data)
        with closing(Journal(str(path))) as journal:
            journal.append("now · T-01 · said")
        assert path.read_bytes().startswith(data)
        assert ["now · T-01 · said"] == journal_tail(str(path), 1)


@fuzzed(150)
@given(
    data=bad(*STREAMS),
    cuts=st.lists(st.integers(0, 4000), max_size=3),
    code=st.sampled_from([0, 1, None, 143]),
    stopped=st.sampled_from([None, *StopReason]),
    errors=st.sampled_from([b"", b"\xff error: x"]),
    schema=st.sampled_from(["", {"type": "object"}, {"$ref": "#"}]),
)
def test_streams_of_claude(
    *,
    data: bytes,
    cuts: list[int],
    code: int | None,
    stopped: StopReason | None,
    errors: bytes,
    schema: object,
    tally: Counter[str],
) -> None:
    """Completed only with a result event that says so, and an exit that does not speak against it."""
    told(tally, "stream of claude")
    reader = StreamReader(Settings(schema=schema))  # type: ignore[arg-type]
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for first, end in pairwise(places):
        assert not UNPRINTABLE.search(reader.feed(data[first:end]))
    ended = ProcessExit(code=code, stopped=stopped, signal=None if code is not None else 9)
    outcome: Outcome = reader.close(ended, errors)
    safe_answer(outcome.answer, is_markdown=True).encode()
    assert "\n" not in outcome.reason
    if outcome.verdict is Verdict.COMPLETED:
        assert code == 0 or stopped is not None or outcome.warning
        assert b'"result"' in data
        assert b"false" in data, "is_error"


# ── a whole directory in which one file went bad ─────────────────────────────────────────────────────────────────────

PLACES = {
    "master_plan.md": (plan_directory.PLAN.encode(), mutations.PLAN),
    "agent_tasks/agent-02.md": (mutations.TASK,),
    "results/agent-01-result.md": RESULTS,
    "results/agent-02-result.md": tuple(each.replace(b"T-01", b"T-02") for each in RESULTS),
    "logs/agent-01.attempt-1.json": (mutations.RECORD,),
    "journal.md": (mutations.JOURNAL,),
    "run.lock": (mutations.LOCK,),
}
LOOKS = (
    ("status",),
    ("status", "--json"),
    ("list",),
    ("show", "T-01", "--json"),
    ("show", "T-02"),
    ("validate",),
    ("wait", "--timeout", "0"),
    ("graph",),
)


@contextmanager
def plan_with_a_finished_task() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        root = plan_directory.make_root(Path(name))
        plan_directory.completed(root)
        (root / "journal.md").write_bytes(mutations.JOURNAL)
        yield root


def look_everywhere(root: Path) -> None:
    """Ask every command that only looks; ours are the only errors, and nothing of a terminal's is printed."""
    runner = CliRunner()
    for words in LOOKS:
        asked = runner.invoke(cli, [*words, "--dir", str(root)])
        if not isinstance(asked.exception, SystemExit | OrchestratorError | None):
            raise AssertionError(words) from asked.exception
        assert not UNPRINTABLE.search(asked.stdout), words
        assert not UNPRINTABLE.search(str(asked.exception)), words
    with suppress(OrchestratorError):
        for breach in check(Layout(str(root))).breaches:
            assert not UNPRINTABLE.search(f"{breach.where}{breach.finding}")


@pytest.mark.parametrize("place", PLACES)
def test_directories(place: str, tally: Counter[str]) -> None:
    """Every command looks at it, twice, and without its record no task ever counts as completed."""

    @fuzzed(20)
    @given(data=bad(*PLACES[place]))
    def look(data: bytes) -> None:
        told(tally, "directory")
        with plan_with_a_finished_task() as root:
            (root / place).write_bytes(data)
            look_everywhere(root)
            with suppress(OrchestratorError):
                Workspace(Layout(str(root))).load()
            board = completed_tasks(root)
            for task in board:
                assert list(root.glob(f"logs/{task}.attempt-*.json")), task

    look()


def completed_tasks(root: Path) -> list[str]:
    """The stems of what counts as completed."""
    try:
        board = Workspace(Layout(str(root))).load(keep_cache=False)
    except OrchestratorError:
        return []
    done = board.by_status().get(TaskStatus.COMPLETED, [])
    return [board.plan.tasks[task_id].stem for task_id in done]


def test_caches(tally: Counter[str]) -> None:
    """A cache that somebody changed is none."""
    with plan_with_a_finished_task() as root:
        for path in (root / "master_plan.md", root / "results" / "agent-01-result.md"):
            os.utime(path, (1, 1))
            plan_directory.settle(path)
        Workspace(Layout(str(root))).load()
        cache = (root / "index.json").read_bytes()
        assert json.loads(cache)["results"]["stem"] == ["agent-01"]

        @fuzzed(100)
        @given(data=bad(cache))
        def look(data: bytes) -> None:
            told(tally, "cache")
            (root / "index.json").write_bytes(data)
            look_everywhere(root)

        look()
