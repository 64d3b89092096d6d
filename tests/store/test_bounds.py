"""What is no file is refused and never waited for; what is too large is refused unread; what is much is cut fairly."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.core.plan import Task
from orchestrator.core.status import TaskStatus as S
from orchestrator.core.text import unfenced
from orchestrator.errors import NotAFileError, PlanError, StoreError
from orchestrator.plan.front_matter import load_front_matter, read_front_matter
from orchestrator.plan.lines import LARGEST_PLAN, LARGEST_TEXT, LONGEST_LINE, MOST_LINES
from orchestrator.plan.parser import parse_plan
from orchestrator.plan.task_file import parse_task_file
from orchestrator.store import workspace as workspace_module
from orchestrator.store.atomic import open_file, read_file, read_piece, reject_symlinks
from orchestrator.store.journal import Journal, journal_tail, last_run, read_on
from orchestrator.store.lock import lock_owner, take_lock
from orchestrator.store.result_file import LARGEST_RESULT, safe_answer
from orchestrator.store.workspace import Answer, answers_handed_on, answers_shown
from tests.store.plan_directory import completed, load, make_root, record, result, text, told, workspace

HEAD = b"| Task ID | Description | Dependencies |\n|---|---|---|\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_root(tmp_path)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def directory(path: Path) -> None:
    path.mkdir()


NODES = pytest.mark.parametrize("node", [fifo, device, directory])


@NODES
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, node: Callable[[Path], None]) -> None:
    """Nobody will ever write into that pipe."""
    path = tmp_path / "x"
    node(path)
    with pytest.raises(OSError, match=r"not a file|Is a directory"):
        open_file(str(path))
    assert [] == journal_tail(str(path), 3)  # a view is drawn without it
    for read in (read_file, last_run, lock_owner, Journal):
        with pytest.raises(StoreError, match=f"{path}: cannot") as error:
            read(str(path))
        assert error.value.hint
    with pytest.raises(StoreError, match=f"{path}: cannot"):
        take_lock(str(path), "r1", "now")
    with pytest.raises(StoreError, match=f"{path}: cannot"):
        read_on(str(path), last_run(str(tmp_path / "none"))[0])
    if node is fifo:
        assert b"" == read_piece(str(path), 0, 10)
    else:  # nor through a link
        with pytest.raises(OSError, match=r"symbolic links|Is a directory"):
            read_piece(str(path), 0, 10)


def test_a_file_is_read_up_to_its_limit(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x" * 2048)
    assert 2048 == len(read_file(str(path), 2048) or b"")
    with pytest.raises(NotAFileError, match="larger than 1 KiB"):
        read_file(str(path), 1024 + 1023)


@NODES
def test_a_result_that_is_no_file_is_damaged_and_nothing_more(root: Path, node: Callable[[Path], None]) -> None:
    """Everything else of the plan is known as ever."""
    completed(root)
    node(root / "results" / "agent-02-result.md")
    status, reason = told(load(root))["T-02"]
    assert (S.PENDING, True) == (status, "damaged" in reason)
    assert S.COMPLETED is load(root).status("T-01")


def test_a_result_that_is_too_large_is_damaged(root: Path) -> None:
    path = completed(root)
    with path.open("ab") as file:
        file.truncate(LARGEST_RESULT + 1)
    assert "damaged" in told(load(root))["T-01"][1]


def test_a_directory_of_ours_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    reject_symlinks(str(tmp_path / "real"), str(tmp_path / "none"))
    with pytest.raises(StoreError, match="link: it is a link"):
        reject_symlinks(str(tmp_path / "real"), str(tmp_path / "link"))


@pytest.mark.parametrize(
    "scribbled",
    [
        b'{"run": "\\u001b[2Jr1", "pid": "x", "host": ["a"], "started": [], "since": 5, "unrecovered": 5}',
        b'{"run": "r1", "host": "elsewhere", "unrecovered": [[1], {"a": "\\u009b"}]}',
        b'{"run": 5, "pid": 1e999}',
        b"[" * 100_000,
        b'{"run": "' + b"x" * 2_000_000 + b'"}',
    ],
)
@pytest.mark.usefixtures("no_garbage")
def test_whatever_an_agent_writes_into_a_lock_file_is_text(tmp_path: Path, scribbled: bytes) -> None:
    """It is no obstacle, and nothing of it acts on a terminal."""
    path = tmp_path / "run.lock"
    path.write_bytes(scribbled)
    said = str(lock_owner(str(path)))
    lock = take_lock(str(path), "r2", "now")
    assert "\x1b" not in said + "".join(lock.dead_runs)
    assert len("".join(lock.dead_runs)) < 1000
    lock.recovered()
    lock.release()


# ── sizes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "where", "message"),
    [
        (b"x" * (LARGEST_PLAN + 1), "f.md:1", "larger than 12,288 KiB"),
        (b"\n" * (MOST_LINES + 1), "f.md:1", "more than 120,000 lines"),
        (b"\r\n" * (MOST_LINES + 1), "f.md:1", "more than 120,000 lines"),
        (b"\n\n" + b"x" * (LONGEST_LINE + 1), "f.md:3", "longer than 2,048 KiB"),
        (HEAD + b"| T-1 | a | " + b"T-2," * 300_000 + b" |\n", "f.md:3", "more than 1,024 KiB"),
    ],
    ids=["bytes", "lines", "CRLF lines", "a line", "dependencies"],
)
def test_plans_that_are_too_large(data: bytes, where: str, message: str) -> None:
    """Each with its place."""
    _, problems = parse_plan(data, "f.md")
    assert where == problems[0].where
    assert message in problems[0].message


def test_a_plan_with_as_many_lines_as_may_be() -> None:
    """It may end its lines in either way."""
    for end in (b"\n", b"\r\n"):
        plan, problems = parse_plan(HEAD + b"| T-1 | a | - |\n" + end * (MOST_LINES - 3), "f.md")
        assert (["T-1"], []) == (list(plan.tasks), problems)


def test_task_files_that_are_too_large(root: Path) -> None:
    """By bytes and by lines; of the one only the size is looked at."""
    (problem,) = parse_task_file(b"\n" * (MOST_LINES + 1), "t.md").problems
    assert "too_large" == problem.code
    path = root / "agent_tasks" / "agent-01.md"
    with path.open("wb") as file:
        file.truncate(LARGEST_TEXT + 1)
    with pytest.raises(PlanError, match=r"agent-01\.md:1: the file is larger than 4,096 KiB"):
        workspace(root).assignments.read(Task(id="T-01", name="", description=""))


def test_only_the_first_thousand_columns_mean_something() -> None:
    wide = b"|x" * 1000 + b"| Task ID | Description | Dependencies |\n"
    _, (problem,) = parse_plan(wide + b"|-" * 1003 + b"|\n", "f.md")
    assert "no_table" == problem.code


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("a: 1" + ":1" * 60, "a number that long makes no sense"),
        ("a: 0x" + "F" * 100, "a number that long makes no sense"),
        ("\n".join(f"k{n}: 1" for n in range(501)), "more than 500 names"),
    ],
)
def test_front_matter_that_would_take_long(front: str, message: str) -> None:
    read = read_front_matter(["---", *front.split("\n"), "---"], "f.md")
    assert read.problem is not None
    assert message in read.problem.message


def test_front_matter_may_have_long_texts_and_many_inputs() -> None:
    """A hash in quotes is a text, and a task may wait for a thousand others."""
    inputs = ", ".join(f'"T-{n}": 1' for n in range(1000))
    front = load_front_matter(f'---\na: "{"0" * 128}"\nb: x{"0" * 128}\ninputs: {{{inputs}}}\n---\n')
    assert front is not None
    assert ("0" * 128, 1000) == (front["a"], len(front["inputs"]))


# ── answers of many ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_large_answers_share_what_there_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small one is whole; of a large one the head is shown, its fence closed, with the way to the rest."""
    monkeypatch.setattr(workspace_module, "MOST", 4000)
    tasks = [Task(id=f"T-0{n}", name="", description="") for n in (1, 2)]
    result(root, "agent-01", text("T-01", S.COMPLETED, answer="small"))
    large = safe_answer("line\n" * 2000, is_markdown=False)
    result(root, "agent-02", text("T-02", S.COMPLETED, answer=large))
    place = workspace(root)
    (_, small), (_, (head, left, *_)) = answers_handed_on(
        place, tasks, lambda _: "", lambda _, written: Answer(unfenced(written) or written)
    )
    assert Answer("small") == small
    assert set(head.split()) == {"line"}
    assert len(head) + left == len("line\n" * 2000) - 1
    shown = answers_shown(place, tasks)
    assert "small" == shown["T-01"]
    assert shown["T-02"].startswith("```text\nline\n")
    assert "\n```\n\n(cut here, " in shown["T-02"]
    assert "more bytes: [results/agent-02-result.md](results/agent-02-result.md))" in shown["T-02"]


def test_what_was_longer_before_it_could_be_shown_is_whole(root: Path) -> None:
    """The file says how much there may be, and the line below a heading of markdown is not in it."""
    result(root, "agent-01", text("T-01", S.COMPLETED, answer="### Title"))
    task, given = Task(id="T-01", name="", description=""), f"Title\n{'=' * 10_000}"
    answer = Answer(given)
    assert [(task, answer)] == [*answers_handed_on(workspace(root), [task], lambda _: "", lambda *_: answer)]


# ── what others put there ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_others_wrote_during_a_run_is_disputed(root: Path) -> None:
    """A correction stays; what claims to be done although the run knows better lies beside then; both are said."""
    first, place = completed(root), workspace(root)
    board = place.load(is_live=False)
    assert [] == place.dispute(board)
    first.write_text(first.read_text().replace("Found it", "Found that"))
    second = result(root, "agent-02", text("T-02", S.COMPLETED))
    record(root, "agent-02.attempt-1", "T-02")
    aside = "results/agent-02-result.md.damaged-1"
    assert {
        "results/agent-01-result.md was changed by somebody else during this run",
        f"{second.relative_to(root)} says completed, but not by this run; it is kept as {aside}",
    } == set(place.dispute(board))
    assert "Found that" in first.read_text()
    assert not second.exists()
    place.write_running("agent-02", text("T-02", S.RUNNING))
    place.write_running("agent-02", text("T-02", S.RUNNING))
    assert [] == place.take_notes()


def test_a_result_that_appeared_before_its_task_ran_is_set_aside(root: Path) -> None:
    """It is not overwritten unseen (promise 9)."""
    place = workspace(root)
    place.load(is_live=False)
    result(root, "agent-01", "forged")
    place.write_running("agent-01", text("T-01", S.RUNNING))
    assert "forged" == (root / "results" / "agent-01-result.md.damaged-1").read_text()
    (note,) = place.take_notes()
    assert "agent-01-result.md.damaged-1" in note
