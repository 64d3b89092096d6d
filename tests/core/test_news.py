"""What lines of the journal mean to somebody who looks now and then."""

from __future__ import annotations

import pytest

from orchestrator.core.brief import Brief, Phase, phase_of
from orchestrator.core.event import Line, News, read_line, run_id
from orchestrator.core.plan_status import PlanState
from orchestrator.core.snapshot import PlanSnapshot
from orchestrator.core.status import TaskStatus
from orchestrator.errors import ExitStatus
from tests.views.example import attempt, board, done, midway, result, task

TIME = "2026-01-05T14:00:00.000Z"


def read(*texts: str) -> list[Line]:
    return [line for text in texts if (line := read_line(f"{TIME} · {text}"))]


def news(*texts: str) -> News:
    found = News()
    found.take([f"{TIME} · {text}" for text in texts])
    return found


def test_a_line_is_read_as_it_was_written() -> None:
    """Task, what, attempt, text; what is none of ours is none."""
    assert [Line("T-01", "failed", 2, "after 3s · exit 3", TIME)] == read("T-01 · failed attempt 2 · after 3s · exit 3")
    assert [Line("T-01", "skipped", 0, "T-00 · failed", TIME)] == read("T-01 · skipped · T-00 · failed")
    assert [] == read("somebody's note", "")


def test_a_line_with_a_number_that_no_attempt_has_is_none_of_ours() -> None:
    """An agent may have written it into the journal."""
    assert None is read_line(f"now · T-01 · started attempt {'9' * 5000}")


def test_the_newest_word_about_a_task_counts() -> None:
    """A failure that a later attempt made good is none; a retry stays news while the next attempt runs."""
    found = news(
        "T-01 · failed attempt 1",
        "T-02 · failed attempt 1",
        "T-03 · completed attempt 1",
        "T-01 · started attempt 2",
        "T-03 · retrying attempt 1",
        "T-03 · started attempt 2",
        "T-02 · completed attempt 2",
    )
    assert [] == found.failed()
    assert {"completed": ["T-02"], "retrying": ["T-03"]} == {
        kind: [line.subject for line in lines] for kind, lines in found.by_kind().items()
    }


def test_a_task_may_be_called_run() -> None:
    """What happens to it is no word about the run."""
    found = news("run · started · run ab12 · 1 of 1", "run · completed attempt 1")
    assert ["started"] == [line.what for line in found.about_run]
    assert ["run"] == [line.subject for line in found.by_kind()["completed"]]
    assert "ab12" == run_id(found.about_run)


def test_nothing_is_retrying_once_its_run_has_ended() -> None:
    """The back-off of T-01 was cut short, and T-02 had its turn."""
    found = news(
        "T-01 · retrying attempt 1",
        "T-02 · retrying attempt 1",
        "T-02 · completed attempt 2",
        "run · stopping · SIGTERM",
        "run · ended · 1 of 2 tasks completed",
    )
    assert {"not tried again": ["T-01"], "completed": ["T-02"]} == {
        kind: [line.subject for line in lines] for kind, lines in found.by_kind().items()
    }


def test_what_the_board_says_otherwise_is_no_news_once_nobody_works() -> None:
    """T-02 was reset by hand, and T-03 with it: that has no line of its own."""
    found = news(
        "T-01 · completed attempt 1",
        "T-03 · completed attempt 1",
        "T-04 · skipped · T-02 failed",
        "T-02 · reset attempt 1 · by ann",
    )
    drawn = board(
        [task("T-01"), task("T-02"), task("T-03", "", "T-02"), task("T-04", "", "T-02")],
        result("T-01", TaskStatus.COMPLETED, attempt(1, "completed", 0, 1)),
        result("T-02", TaskStatus.PENDING, attempt(1, "completed", 0, 1)),
        result("T-03", TaskStatus.COMPLETED, attempt(1, "completed", 1, 1)),
    )
    found.settle(drawn)
    assert {"completed": ["T-01"], "reset": ["T-02"]} == {
        kind: [line.subject for line in lines] for kind, lines in found.by_kind().items()
    }


def test_what_a_run_was_at_when_it_died_was_interrupted() -> None:
    """Nobody was left to say so; and nobody tries again what waited for its next attempt."""
    found = news("T-01 · started attempt 1", "T-02 · retrying attempt 1")
    drawn = board(
        [task("T-01"), task("T-02")],
        result("T-01", TaskStatus.PENDING, attempt(1, "running", 0)),
        result("T-02", TaskStatus.PENDING, attempt(1, "failed", 0, 1)),
    )
    found.settle(drawn, has_died=True)
    assert {"not tried again": ["T-02"], "interrupted": ["T-01"]} == {
        kind: [line.subject for line in lines] for kind, lines in found.by_kind().items()
    }


@pytest.mark.parametrize(
    ("expected", "texts"),
    [
        (True, ["T-01 · failed attempt 1"]),
        (True, ["T-01 · warning · its result file is damaged"]),
        (True, ["run · held · usage limit until 14:00"]),
        (True, ["run · unaffordable · $0 of the budget of $1.00 is left"]),
        (False, ["run · held · usage limit", "run · resumed · the account is open"]),
        (False, ["run · held · usage limit", "run · ended", "run · started · run ab12"]),
        (False, ["T-01 · completed attempt 1", "T-02 · retrying attempt 1"]),
        (False, ["T-01 · postponed · until noon"]),
    ],
)
def test_what_wakes_somebody(expected: bool, texts: list[str]) -> None:
    """A failure, a warning, a hold; not what goes as it should."""
    assert expected == news(*texts).is_urgent()


@pytest.mark.parametrize(
    ("expected", "texts", "is_live", "broke_off"),
    [
        (Phase.NONE, [], False, False),
        (Phase.WORKING, [], True, False),
        (Phase.WORKING, ["run · started"], True, False),
        (Phase.HELD, ["run · started", "run · held"], True, False),
        (Phase.WORKING, ["run · started", "run · held", "run · resumed"], True, False),
        (Phase.DIED, ["run · started"], False, False),
        (Phase.DIED, ["run · started", "run · ended"], False, True),
        (Phase.NONE, [], False, True),
        (Phase.STOPPED, ["run · started", "run · stopping", "run · ended"], False, False),
        (Phase.ENDED, ["run · started", "run · ended"], False, False),
    ],
)
def test_where_a_run_stands(expected: Phase, texts: list[str], *, is_live: bool, broke_off: bool) -> None:
    """From what it said last, whether somebody holds the plan, and whether they let go in order."""
    assert expected == phase_of(read(*texts), is_live=is_live, broke_off=broke_off)


STARTED, ENDED, HELD = "run · started", "run · ended", "run · held · usage limit"
POOR, OVERSPENT = "run · unaffordable · $0 of $1 is left", "run · overspent · T-02"
FAILED = "T-02 · failed attempt 2"
PARTLY = board([task("T-01"), task("T-02")], result("T-01", TaskStatus.COMPLETED, attempt(1, "completed", 0, 1)))
IN_HAND, BLOCKED = (
    board([task("T-01"), task("T-02", "", "T-01")], result("T-01", status))
    for status in (TaskStatus.RUNNING, TaskStatus.BLOCKED)
)
#: T-02 met a hold of its account, and nobody has lifted it: one that opens by itself, one that a person has to open.
SHUT, SHUT_FOR_GOOD = (
    board(
        [task("T-01"), task("T-02")],
        result("T-01", TaskStatus.COMPLETED, attempt(1, "completed", 0, 1)),
        result("T-02", TaskStatus.PENDING, attempt(1, "held", 0, 1)._replace(until=until)),
    )
    for until in (9.0, 0.0)
)
CANCELLED = board([task("T-01"), task("T-02")], result("T-01", TaskStatus.CANCELLED))
#: The same, and nothing else is left; and what needs it will not come.
NONE_LEFT = board(
    [task("T-01"), task("T-02"), task("T-03", "", "T-01")],
    result("T-01", TaskStatus.CANCELLED),
    result("T-02", TaskStatus.COMPLETED, attempt(1, "completed", 0, 1)),
)


def merging(*made_from: int) -> PlanSnapshot:
    """Two completed tasks whose answers an agent is to merge; it has merged those of these attempts."""
    found = board(
        [task("T-01"), task("T-02")],
        *(result(each, TaskStatus.COMPLETED, attempt(1, "completed", 0, 1)) for each in ("T-01", "T-02")),
        settings={"aggregate": "claude"},
    )
    merged = result("_merge", TaskStatus.COMPLETED, attempt(1, "completed", 1, 1))
    inputs = dict(zip(("T-01", "T-02"), made_from, strict=False))
    found.beside = [merged._replace(inputs=inputs)] if made_from else []
    return found


UNMERGED, MERGED, MERGED_BEFORE = merging(), merging(1, 1), merging(1, 2)
STOPPING = "run · stopping · SIGTERM"


@pytest.mark.parametrize(
    ("expected", "step", "brief"),
    [
        (ExitStatus.DONE, "read", (done(), Phase.ENDED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "show T-02", (midway(), Phase.ENDED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "show T-02", (midway(), Phase.WORKING, [STARTED], [FAILED])),
        (ExitStatus.TASK_FAILED, "show T-02", (midway(), Phase.ENDED, [STARTED, ENDED], ["T-01 · warning · its row"])),
        (ExitStatus.BUSY, "wait", (midway(), Phase.WORKING, [STARTED], [])),
        (ExitStatus.TASK_FAILED, "wait", (midway(), Phase.WORKING, [STARTED], ["run · warning · x"])),
        (ExitStatus.HELD, "wait", (midway(), Phase.HELD, [STARTED, HELD], [])),
        (ExitStatus.HELD, "run --detach --on-hold wait", (SHUT, Phase.ENDED, [STARTED, HELD, ENDED], [])),
        (ExitStatus.HELD, "doctor", (SHUT_FOR_GOOD, Phase.ENDED, [STARTED, HELD, ENDED], [])),
        (ExitStatus.HELD, "doctor", (SHUT_FOR_GOOD, Phase.STOPPED, [STARTED, HELD, ENDED], [])),
        (ExitStatus.HELD, "run --detach", (SHUT, Phase.STOPPED, [STARTED, HELD, ENDED], [])),
        (ExitStatus.TASK_FAILED, "run --detach", (PARTLY, Phase.STOPPED, [STARTED, HELD, ENDED], [])),
        (ExitStatus.HELD, "run --detach --raise-budget MORE", (PARTLY, Phase.ENDED, [STARTED, POOR, ENDED], [])),
        (ExitStatus.HELD, "show T-02", (midway(), Phase.ENDED, [STARTED, OVERSPENT, ENDED], [])),
        (ExitStatus.DONE, "read", (done(), Phase.ENDED, [STARTED, POOR, ENDED], [])),
        (ExitStatus.TASK_FAILED, "run --detach", (PARTLY, Phase.ENDED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "status", (IN_HAND, Phase.ENDED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "status", (BLOCKED, Phase.ENDED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "run --detach", (CANCELLED, Phase.ENDED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "run --detach", (PARTLY, Phase.STOPPED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "run --detach", (done(), Phase.DIED, [STARTED], [])),
        (ExitStatus.TASK_FAILED, "status", (NONE_LEFT, Phase.STOPPED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "status", (NONE_LEFT, Phase.NONE, [], [])),
        (ExitStatus.TASK_FAILED, "run --detach", (CANCELLED, Phase.STOPPED, [STARTED, ENDED], [])),
        (ExitStatus.TASK_FAILED, "run --detach", (UNMERGED, Phase.STOPPED, [STARTED, STOPPING], [])),
        (ExitStatus.TASK_FAILED, "run --detach", (MERGED_BEFORE, Phase.STOPPED, [STARTED, STOPPING], [])),
        (ExitStatus.DONE, "read", (MERGED, Phase.STOPPED, [STARTED, STOPPING], [])),
        (ExitStatus.DONE, "read", (UNMERGED, Phase.ENDED, [STARTED, ENDED], [])),
        (ExitStatus.HELD, "run --detach --raise-budget MORE", (UNMERGED, Phase.ENDED, [STARTED, POOR, ENDED], [])),
    ],
)
def test_which_kind_of_news_it_is_and_what_to_do_next(
    expected: ExitStatus, step: str, brief: tuple[PlanSnapshot, Phase, list[str], list[str]]
) -> None:
    """The table of exit statuses; done is only said when a run ended in order and everything is completed."""
    drawn, phase, about_run, texts = brief
    told = Brief(board=drawn, news=news(*texts), phase=phase, about_run=read(*about_run))
    assert (expected, step) == (told.exit_status, " ".join(told.next_step()))


@pytest.mark.parametrize(
    ("state", "step"), [("planning", "status"), ("blocked", "status"), ("failed", "status"), ("testing", "run")]
)
def test_nobody_is_told_to_run_what_may_not_be_run(state: str, step: str) -> None:
    """It waits for a person, or is over."""
    plan_header = PARTLY.plan.header._replace(state=PlanState(state))
    drawn = PlanSnapshot(PARTLY.plan._replace(header=plan_header), PARTLY.shape, PARTLY.results)
    told = Brief(board=drawn, news=news(), phase=Phase.ENDED, about_run=read(STARTED, ENDED))
    assert step == told.next_step()[0]


def test_nobody_is_told_to_run_what_a_merge_left_half_done() -> None:
    """It would be refused; what the way is blocked by is named, also where a run waits for its time."""
    told = Brief(board=PARTLY, news=news(), phase=Phase.ENDED, about_run=read(STARTED, ENDED))
    assert ("run", "--detach") == told.next_step()
    for begins in (0.0, 9.0):
        half = told._replace(half_merged="T-02", begins=begins)
        assert ("show", "T-02") == half.next_step()


def test_a_run_that_has_come_to_its_end_waits_for_nothing() -> None:
    """It may still hold the plan for a moment: who waits for it waits until it lets go, and is told once."""
    for lines, phase in ([STARTED, HELD], Phase.HELD), ([STARTED, HELD, ENDED], Phase.WORKING):
        assert phase is phase_of(read(*lines), is_live=True, broke_off=False)
        assert (phase is Phase.HELD) is news(*lines).is_urgent()


def test_how_a_plan_moved_is_no_news_of_a_task() -> None:
    moved = news("plan · transition · PLANNING → APPROVED · approve by ann", "plan · created · x")
    assert {} == moved.by_kind()


@pytest.mark.parametrize("words", ["by alice · approved", "by alice: approved"])
def test_what_an_agent_prints_names_nobody(words: str) -> None:
    """Its news are its own words; only a command, or who said something, has an author."""
    (heard,) = read(f"T-01 · news attempt 1 · {words}")
    assert ("", words) == (heard.author, heard.words)
    (said,) = read(f"T-01 · completed · {words}")
    assert ("alice", "approved") == (said.author, said.words)
