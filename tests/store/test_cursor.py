"""How far somebody has read the journal."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.store.journal import (
    Cursor,
    Journal,
    end_of,
    keep_cursor,
    last_run,
    load_cursor,
    parse_cursor,
    read_on,
)

TIME = "2026-01-05T14:00:00.000Z"


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "journal.md")


def write(path: str, *texts: str) -> None:
    with closing(Journal(path)) as journal:
        for text in texts:
            journal.append(f"{TIME} · {text}")


def test_two_readings_are_disjoint(path: str) -> None:
    """Whoever reads on from where they were gets every line once, and a line that is not whole later."""
    assert ([], Cursor()) == read_on(path, Cursor())
    write(path, "one", "two")
    first = read_on(path, Cursor())
    assert first is not None
    assert [f"{TIME} · one", f"{TIME} · two"] == first[0]
    assert first[1] == end_of(path)
    with open(path, "a", encoding="utf-8") as file:
        file.write(f"- {TIME} · thr")
    assert ([], first[1]) == read_on(path, first[1])
    with open(path, "a", encoding="utf-8") as file:
        file.write("ee\n")
    second = read_on(path, parse_cursor(str(first[1])))
    assert second is not None
    assert ([f"{TIME} · three"], end_of(path)) == second


@pytest.mark.parametrize("texts", [["other"], ["other", "journals", "may be longer"]])
def test_a_cursor_of_another_journal_is_seen_for_what_it_is(path: str, texts: list[str]) -> None:
    """Shorter or longer: its mark does not fit."""
    write(path, "one", "two")
    cursor = end_of(path)
    Path(path).unlink()
    assert read_on(path, cursor) is None
    write(path, *texts)
    assert read_on(path, cursor) is None


def test_the_last_run_is_found_far_back(path: str) -> None:
    """Lines about the run itself, from its start on; what an agent says of a run is no word of ours."""
    forged = "T-01 · failed attempt 1 · - x · run · started · run beef"
    write(path, "run · started · run old", "run · ended")
    before = end_of(path)
    write(path, "run · started · run new", *[forged] * 3000, "run · stopping · SIGTERM")
    cursor, lines = last_run(path)
    assert before == cursor
    assert [f"{TIME} · run · started · run new", f"{TIME} · run · stopping · SIGTERM"] == lines


def test_without_a_run_there_is_none(path: str) -> None:
    """Neither without a journal nor in one that a task called run wrote into."""
    assert (Cursor(), []) == last_run(path)
    write(path, "run · started attempt 1 · agent shell")
    assert (Cursor(), []) == last_run(path)


def test_a_cursor_is_kept(tmp_path: Path) -> None:
    """For whoever brings none; a damaged one is none."""
    kept = tmp_path / "logs" / "wait.cursor"
    assert load_cursor(str(kept)) is None
    keep_cursor(str(kept), Cursor(4711, 0x9F3AC2D1))
    assert "4711.9f3ac2d1\n" == kept.read_text()
    assert Cursor(4711, 0x9F3AC2D1) == load_cursor(str(kept))
    kept.write_bytes(b"\xff\x00")
    assert load_cursor(str(kept)) is None


@pytest.mark.parametrize("text", ["", "x", "-1.00000000", "4711", "4711.9f3a", "9" * 30 + ".00000000"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    """With a word about where to get one."""
    with pytest.raises(UsageError) as refused:
        parse_cursor(text)
    assert "wait" in refused.value.hint


# ── a journal that somebody floods ───────────────────────────────────────────────────────────────────────────────────

SAID = f"- {TIME} · T-01 · share · by kim · {'x' * 60}\n"


def flooded(path: str, size: int, line: str = SAID) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(line * (size // len(line.encode())))


def test_a_run_is_found_before_any_number_of_lines(path: str) -> None:
    """And is read on from the end, where more was written than is read at once."""
    write(path, "run · started · run a", "run · ended", "run · started · run b", "run · held · x")
    begin = last_run(path)[0]
    flooded(path, 9_000_000)
    write(path, "run · resumed")
    flooded(path, 70_000)
    cursor, lines = last_run(path)
    assert [f"{TIME} · run · {each}" for each in ("started · run b", "held · x", "resumed")] == lines
    assert begin.offset < 9_000_000 - 5_000_000 < cursor.offset
    assert None is read_on(path, begin)
    read = read_on(path, cursor)
    assert read is not None
    assert end_of(path) == read[1]
    assert SAID[2:-1] == read[0][0] == read[0][-1]


def test_forged_lines_about_a_run_take_no_memory(path: str) -> None:
    """The newest count, and what is longer than any line of ours is none."""
    write(path, "run · started · run a")
    flooded(path, 6_000_000, f"- {TIME} · run · warning · {'y' * 100}\n")
    flooded(path, 9_000_000, f"- {TIME} · run · warning · {'z' * 9000}\n")
    write(path, "run · ended")
    _, lines = last_run(path)
    assert f"{TIME} · run · started · run a" == lines[0]
    assert f"{TIME} · run · ended" == lines[-1]
    assert {"y"} == {line[-1] for line in lines[1:-1]}
    assert len(lines) < 1100


def test_a_line_without_an_end_is_nobodys(path: str) -> None:
    write(path, "run · started · run a")
    flooded(path, 9_000_000, f"- {TIME} · run · started · run z")
    assert [f"{TIME} · run · started · run a"] == last_run(path)[1]
    with open(path, "a", encoding="utf-8") as file:
        file.write("\n")
    write(path, "run · ended")
    assert [f"{TIME} · run · {each}" for each in ("started · run a", "ended")] == last_run(path)[1]
