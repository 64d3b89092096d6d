"""What a task is handed of the tasks it depends on: the words of the agent, unless a person has corrected them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, write_plan, write_task

DOCUMENT = "# My Project\n\nA <kbd>tool</kbd>.\n\nSetext\n======\n\n<!-- toc -->\n## Use\n\n```\nnever closed"


def write(claude: ClaudePlan) -> None:
    """A document of claude, and a command that keeps it."""
    claude.write({"T-01": "write it", "T-02": ("cat > kept.md", "T-01")}, retries=0)
    write_task(claude.root, "T-02", "```sh\ncat > kept.md\n```\n", agent="shell")


def kept(where: Path) -> str:
    return (where / "kept.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("answer", [DOCUMENT, '["<b>", "# x"]', "plain words"])
def test_a_command_is_handed_what_the_agent_answered(claude: ClaudePlan, answer: str) -> None:
    """In the result it is fit to be shown below our headings; a file made of that would be another one."""
    write(claude)
    claude.play({"T-01": {"answer": f"{answer}\n", "turns": [0.1]}})
    assert 0 == claude.run().returncode
    assert f"{answer}\n" == kept(claude.where)


def test_an_agent_is_handed_it_too(claude: ClaudePlan) -> None:
    """In a prompt it stands in a fence, and needs no care of ours."""
    claude.write({"T-01": "write it", "T-02": ("look at it", "T-01")}, retries=0)
    claude.play({"T-01": {"answer": DOCUMENT, "turns": [0.1]}})
    assert 0 == claude.run().returncode
    assert f"````markdown\n{DOCUMENT}\n````" in claude.calls("T-02")[0].prompt


def test_of_an_answer_that_is_too_long_for_anyone_its_reader_hears_what_it_lacks(claude: ClaudePlan) -> None:
    """Paid for once; head and tail stand in the result, and whoever counts what it gets is told the rest."""
    write(claude)
    claude.play({"T-01": {"answer": f"head {'word ' * 1_000_000}tail"}})
    run = claude.orchestrate("run")
    assert (0, 1) == (run.returncode, len(claude.calls("T-01"))), run
    shown = answer_of(claude.root, "T-01")
    assert ("head word", "word tail") == (shown[:9], shown[-9:])
    (left_out,) = re.findall(r"\n\[… (\d+) bytes left out, all of it is in the log …\]\n", shown)
    assert f"lacks {int(left_out):,} bytes on its standard input" in run.stderr
    assert "all of it is in .orchestrator/logs/agent-01.attempt-1.out" in run.stderr


def test_a_correction_by_hand_is_what_is_handed_on(claude: ClaudePlan) -> None:
    """It stands in the result, and is handed on as it stands there."""
    write(claude)
    claude.play({"T-01": {"answer": DOCUMENT, "turns": [0.1]}})
    assert 0 == claude.run("--only", "T-01").returncode
    result = claude.root / "results" / "agent-01-result.md"
    shown = result.read_text(encoding="utf-8")
    result.write_text(shown.replace("### My Project", "### Our Project"), encoding="utf-8")
    assert 0 == claude.run().returncode
    assert kept(claude.where).startswith("### Our Project\n\nA &lt;kbd>")


def test_without_its_log_what_is_shown_is_handed_on(claude: ClaudePlan) -> None:
    """Logs may be deleted; and one that says something else than the result is not believed."""
    for spoil in (Path.unlink, lambda log: log.write_text(log.read_text().replace("My", "No"))):
        write(claude)
        claude.play({"T-01": {"answer": DOCUMENT, "turns": [0.1]}})
        assert 0 == claude.run("--only", "T-01", "--fresh").returncode
        spoil(claude.root / "logs" / "agent-01.attempt-1.out")
        assert 0 == claude.run().returncode
        assert kept(claude.where).startswith("### My Project\n\nA &lt;kbd>")


def test_what_a_person_answered_is_handed_on_as_it_was(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """``complete`` leaves a log, too."""
    write_plan(tmp_path / ".orchestrator", {"T-01": "true", "T-02": ("cat > kept.md", "T-01")})
    assert 0 == orchestrate("complete", "T-01", DOCUMENT).returncode
    assert 0 == orchestrate("run").returncode
    assert f"{DOCUMENT}\n" == kept(tmp_path)


@pytest.mark.parametrize("form", ["text", "markdown"])
def test_all_of_a_flood_is_handed_on(orchestrate: Orchestrate, tmp_path: Path, form: str) -> None:
    """In the result stand its head and its tail; who counts lines counts all of them."""
    tasks = {"T-01": "seq 1 60000", "T-02": ("cat > kept.md", "T-01"), "T-03": ("wc -l", "T-01")}
    root = tmp_path / ".orchestrator"
    write_plan(root, tasks, format=form)
    done = orchestrate("run")
    assert (0, False) == (done.returncode, "left out" in kept(tmp_path))
    assert [str(number) for number in range(1, 60001)] == kept(tmp_path).splitlines()
    assert "bytes left out, all of it is in the log" in (root / "results/agent-01-result.md").read_text()
    assert "bytes on its standard input" not in done.stderr
    result = root / "results" / "agent-01-result.md"
    result.write_text(result.read_text().replace("\n3\n", "\nthree\n"))
    assert 0 == orchestrate("retry", "T-02").returncode
    done = orchestrate("run")
    assert 0 == done.returncode
    assert "three" in kept(tmp_path).splitlines(), "a correction by hand wins"
    (note,) = (line for line in kept(tmp_path).splitlines() if "left out" in line)
    log = root / "logs" / "agent-01.attempt-1.out"
    lacks = f"T-02: what T-01 answered lacks {int(note.split()[1]):,} bytes on its standard input: "
    said = "all of it is in .orchestrator/logs/agent-01.attempt-1.out; "
    assert f"{lacks}{said}a correction counts only within what the result shows" in done.stderr
    log.unlink()
    assert 0 == orchestrate("retry", "T-02").returncode
    said = "its log .orchestrator/logs/agent-01.attempt-1.out is gone"
    assert f"{lacks}{said}" in orchestrate("run").stderr
    result.write_text(re.sub(r"\[… \d+ bytes left out.*?\]", "and so on", result.read_text()))
    assert 0 == orchestrate("retry", "T-02").returncode
    assert "standard input" not in orchestrate("run").stderr, "it is a person's answer"


def test_a_command_that_gets_less_than_all_is_warned_of(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """What all of them answered must fit into memory; where the rest is stands there, too."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "seq 1 2500000", "T-02": ("tail -n 1", "T-01")})
    done = orchestrate("run")
    assert 0 == done.returncode
    size = (root / "logs" / "agent-01.attempt-1.out").stat().st_size
    [warning] = [line for line in done.stderr.splitlines() if "standard input" in line]
    assert "T-02" in warning
    assert "what T-01 answered lacks " in warning
    assert warning.endswith("all of it is in .orchestrator/logs/agent-01.attempt-1.out")
    given = (root / "logs" / "agent-02.attempt-1.in").stat().st_size
    assert 16 * 1024 * 1024 - 1024 < given < 16 * 1024 * 1024 + 1024 < size


def test_two_floods_share_what_fits(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Both get the same, and together no more than what one may have."""
    flood = "head -c 12000000 /dev/zero | tr '\\0' x"
    tasks = {"T-01": flood, "T-02": flood, "T-03": ("cat > kept.md", "T-01, T-02")}
    root = tmp_path / ".orchestrator"
    write_plan(root, tasks)
    done = orchestrate("run")
    assert 0 == done.returncode
    assert 2 == done.stderr.count("bytes on its standard input")
    given = [len(part) for part in kept(tmp_path).split("\n") if part.startswith("x")]
    assert [8 * 1024 * 1024] * 2 == given


def test_what_is_not_needed_by_one_is_handed_on_of_another(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Of an answer that was corrected only what its result shows is handed on, and leaves room for others."""
    flood = "yes 123456789 | head -c 12000000"
    tasks = {"T-01": flood, "T-02": flood, "T-03": "echo tiny", "T-04": ("wc -c", "T-01, T-02, T-03")}
    root = tmp_path / ".orchestrator"
    write_plan(root, tasks)
    for task_id, command in tasks.items():
        if command == flood:
            write_task(root, task_id, f"```sh\n{flood}\n```\n")
    assert 0 == orchestrate("run", "--only", "T-01,T-02,T-03").returncode
    result = root / "results" / "agent-02-result.md"
    result.write_text(result.read_text().replace("\n123456789\n", "\n123456780\n", 1))
    done = orchestrate("run")
    assert 0 == done.returncode
    assert "what T-01 answered lacks" not in done.stderr
    assert "what T-02 answered lacks 11,7" in done.stderr
    assert 12_000_000 + 2 * 128 * 1024 < int(answer_of(root, "T-04"))


@pytest.mark.parametrize(
    ("printed", "given"),
    [
        (b"a\\0b c\\0", b"a\0b c\0"),
        (b"a\\fb\\vc\\r\\nd\\re\\n", b"a\fb\vc\r\nd\re\n"),
        (b"x\\342\\200\\250y\\357\\273\\277\\n", "x\u2028y\ufeff\n".encode()),
        (b"\\033[31mred\\033[0m \\033]0;title\\007end", b"red end\n"),
        (b"plain\\n\\n", b"plain\n"),
    ],
    ids=["NUL", "controls", "separators", "colours", "lines"],
)
def test_a_command_gets_what_was_printed(
    orchestrate: Orchestrate, tmp_path: Path, printed: bytes, given: bytes
) -> None:
    """What it reads is no terminal: only what tells one what to do is taken out."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "-", "T-02": ("cat > kept.md", "T-01")})
    write_task(root, "T-01", f"```sh\nprintf '{printed.decode()}'\n```\n")
    assert 0 == orchestrate("run").returncode
    assert given == (tmp_path / "kept.md").read_bytes()
