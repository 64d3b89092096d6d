"""The chronicle: appended to by many, torn by none."""

from __future__ import annotations

import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.errors import StoreError
from orchestrator.store.journal import Journal, journal_tail


def test_a_journal_is_a_list_in_markdown(tmp_path: Path) -> None:
    """A heading, then a line for each thing that happened; what was there before stays."""
    path = str(tmp_path / "journal.md")
    for line in ("first", "zweitens: ✅"):
        journal = Journal(path)
        journal.append(line)
        journal.close()
    text = Path(path).read_text(encoding="utf-8")
    assert "# Journal\n\n- first\n- zweitens: ✅\n" == text


def test_a_torn_last_line_is_mended(tmp_path: Path) -> None:
    """What a crash tore keeps its own line; the next one begins a new line."""
    path = tmp_path / "journal.md"
    path.write_bytes(b"# Journal\n\n- whole\n- tor")
    journal = Journal(str(path))
    journal.append("next")
    journal.close()
    assert b"# Journal\n\n- whole\n- tor\n- next\n" == path.read_bytes()


def test_the_tail_is_the_last_lines(tmp_path: Path) -> None:
    """Oldest first, without list marks; prose of a person and a torn line are left out."""
    path = tmp_path / "journal.md"
    path.write_bytes(b"# Journal\n\n- a\n- b\nmy own note\n- c\n- \xff\n- tor")
    assert ["b", "c", "\ufffd"] == journal_tail(str(path), 3)
    assert ["a", "b", "c", "\ufffd"] == journal_tail(str(path), 30)


def test_a_missing_journal_has_no_tail(tmp_path: Path) -> None:
    """Nothing happened yet."""
    assert [] == journal_tail(str(tmp_path / "journal.md"), 5)


def test_only_the_end_of_a_long_journal_is_read(tmp_path: Path) -> None:
    """A line that the window cuts in half is not shown as if it were whole."""
    path = tmp_path / "journal.md"
    path.write_text("".join(f"- {n:06} {'x' * 93}\n" for n in range(5000)))
    tail = journal_tail(str(path), 10_000)
    assert tail[-1].startswith("004999")
    assert {100} == {len(line) for line in tail}
    assert len(tail) < 1000


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    """Nobody's file is appended to."""
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "journal.md").symlink_to(tmp_path / "victim")
    with pytest.raises(StoreError, match="cannot open"):
        Journal(str(tmp_path / "journal.md"))
    assert b"precious" == (tmp_path / "victim").read_bytes()


def test_lines_of_several_processes_do_not_mix(tmp_path: Path) -> None:
    """Each line is one write: it is there whole, however many write at the same time."""
    path = tmp_path / "journal.md"
    Journal(str(path)).close()
    program = """
import sys
from orchestrator.store.journal import Journal
journal = Journal(sys.argv[1])
sys.stdin.readline()
for number in range(300):
    journal.append(f"{sys.argv[2]} {number} " + sys.argv[2] * 500)
"""
    writers = [
        subprocess.Popen([sys.executable, "-c", program, str(path), name], stdin=subprocess.PIPE, text=True)
        for name in "abc"
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.close()
    assert [0, 0, 0] == [writer.wait() for writer in writers]
    expected = {f"- {name} {n} {name * 500}" for name in "abc" for n in range(300)}
    # Whoever finds a line that another is still writing begins a new one: that makes an empty line, and no harm.
    lines = [line for line in path.read_text().splitlines()[2:] if line]
    assert expected == set(lines)
    assert 900 == len(lines)


def test_a_line_that_is_written_in_part_is_told(tmp_path: Path) -> None:
    """A full disk may take half a line without complaint; the run hears of it, and no later line is glued to it."""
    path = tmp_path / "journal.md"
    program = """
import sys
from orchestrator.errors import StoreError
from orchestrator.store.journal import Journal
journal = Journal(sys.argv[1])
try:
    journal.append("x" * 3000)
    journal.append("y" * 3000)
    print("went well")
    journal.append("z")
    print("went well")
except StoreError as error:
    print(error.code)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)),
    )
    assert "state_failed\n" == answer.stdout  # coverage, if it measures, complains of the same limit


@pytest.mark.parametrize("edited", ["# Mine\n\n- a\n", "# Mine", "", None], ids=repr)
def test_a_journal_that_an_editor_replaced_is_written_on(tmp_path: Path, edited: str | None) -> None:
    """Most editors save by renaming; whoever waits for the run reads what lies under the name."""
    path = tmp_path / "journal.md"
    with closing(Journal(str(path))) as journal:
        journal.append("a")
        path.unlink()
        if edited is not None:
            (tmp_path / "new").write_text(edited)
            (tmp_path / "new").rename(path)
        journal.append("b")
        journal.append("c")
    begin = {"# Mine": "# Mine\n", "": "# Journal\n\n", None: "# Journal\n\n"}.get(edited, edited)
    assert f"{begin}- b\n- c\n" == path.read_text()
