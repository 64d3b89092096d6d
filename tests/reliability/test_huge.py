"""Much of everything: memory stays bounded, and what is too large is said to be (promises 16 and 22).

The peak is that of the largest process: the runner, its guard, or an agent, which is a small program here.
"""

from __future__ import annotations

import faulthandler
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Row, answer_of, front_of, write_plan, write_task
from tests.fakes.claude_calls import calls, install
from tests.reliability import measured
from tests.reliability.soak import SOAK

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")

MB = 10**6
#: Bytes that no command may take (promise 16).
LIMIT = 300 * MB


class Measured:
    """Calls the command line and holds it to its limit of memory."""

    def __init__(self, where: Path, tally: Counter[str]) -> None:
        self._call = Orchestrate(where)
        self._file = where / "peak"
        self._tally = tally

    def __call__(self, *words: str, what: str, **environment: str) -> Answer:
        under = (sys.executable, "-I", "-S", measured.__file__, str(self._file))
        self._file.unlink(missing_ok=True)
        faulthandler.cancel_dump_traceback_later()  # a busy machine takes longer; what hangs is ended, see there
        process = self._call.start(*words, under=under, env=environment)
        stdout, stderr = process.communicate()
        assert self._file.exists(), stderr
        peak = int(self._file.read_text())
        name = f"MB of memory at most: {what}"
        self._tally[name] = max(self._tally[name], peak // MB)
        assert peak < LIMIT, (words, peak)
        assert "Traceback" not in stderr, stderr
        return Answer(process.returncode, stdout, stderr)

    def close(self) -> None:
        self._call.close()


@pytest.fixture
def command(tmp_path: Path, tally: Counter[str]) -> Iterator[Measured]:
    measure = Measured(tmp_path, tally)
    yield measure
    measure.close()


def flood(size: int, letter: str = "x") -> str:
    """A command that prints so many bytes without the end of a line."""
    return f"head -c {size} /dev/zero | tr '\\0' {letter}"


#: An agent that says so many things at once, each of them in a line as any other.
FLOOD = """
import os
with open(os.environ["ORCHESTRATOR_DIR"] + "/journal.md", "a") as journal:
    for number in range({}):
        said = (f"hello {{number}} {{each}}" for each in range(20_000))
        lines = (f"- 2026-01-05T14:00:00.000Z · T-01 · share · by kim · {{text}}\\n" for text in said)
        journal.write("".join(lines))
        journal.flush()
"""


def test_a_journal_that_an_agent_floods_stalls_nobody(command: Measured, root: Path) -> None:
    """Timeouts hold, and whoever follows the run reads the end of it."""
    pieces = 250 if SOAK else 100
    (root.parent / "flood.py").write_text(FLOOD.format(pieces), encoding="utf-8")
    python = f"{sys.executable} -I -S flood.py"
    write_plan(root, {"T-01": python, "T-02": "sleep 1000", "T-03": ("echo three", "T-01")})
    write_task(root, "T-02", "```sh\nsleep 1000\n```\n", timeout=5)
    assert 1 == command("run", what="run with a flooded journal").returncode
    assert (root / "journal.md").stat().st_size > pieces * 1_000_000
    (attempt,) = front_of(root, "T-02")["attempts"]
    assert "timed out after 5.0s" == attempt["reason"]
    assert attempt["duration"] < 8
    assert "three" == answer_of(root, "T-03")
    waited = command("wait", "--json", what="looks at a flooded journal")
    assert (1, "ended") == (waited.returncode, waited.json["phase"])
    watched = command("watch", "--once", what="looks at a flooded journal")
    assert watched.stdout.endswith("\n")
    assert len(watched.stdout) < 16 * MB
    for words in (("status",), ("history", "T-02"), ("report",), ("doctor", "--plan")):
        command(*words, what="looks at a flooded journal")


# ── output ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_one_line_of_two_hundred_megabytes(command: Measured, root: Path, tally: Counter[str]) -> None:
    """It is in the log; head and tail stand in the result; what depends on it gets what fits, and looking is cheap."""
    size = 200 * MB if SOAK else 100 * MB
    write_plan(root, {"T-01": flood(size), "T-02": ("wc -c", "T-01"), "T-03": f"{flood(size)} >&2; exit 1"})
    assert 1 == command("run", what="run with a giant line").returncode
    for log in ("agent-01.attempt-1.out", "agent-03.attempt-1.err"):
        assert size == (root / "logs" / log).stat().st_size
    assert 16_000_000 < int(answer_of(root, "T-02")) < 17_000_000
    for words in (("status",), ("show", "T-01"), ("show", "T-03"), ("doctor", "--plan")):
        assert len(command(*words, what="looks at giant results").stdout) < MB
    tally["MB of output on one line"] = max(tally["MB of output on one line"], size // MB)
    tally["MB of output of agents"] += 2 * size // MB


def test_a_gigabyte_in_all(command: Measured, root: Path, tally: Counter[str]) -> None:
    """Many tasks at once, and one that gets the answers of all."""
    tasks, size = (125, 8 * MB) if SOAK else (70, 2 * MB)
    rows: dict[str, Row] = {f"T-{n:03}": flood(size) for n in range(1, tasks + 1)}
    write_plan(root, {**rows, "T-999": ("wc -c", ",".join(rows))}, max_parallel=8)
    assert 0 == command("run", what="run with much output in all").returncode
    handed_on = int(answer_of(root, "T-999"))
    assert 8 * MB < handed_on < 18 * MB
    output = (root / "final_output.md").read_text(encoding="utf-8")
    assert len(output) < 18 * MB
    assert all(f"## {task} " in output for task in rows)
    assert "(cut here, " in output
    given = (root / "logs" / "agent-999.attempt-1.in").read_text()
    assert "bytes left out, all of it is in .orchestrator/logs/agent-001.attempt-1.out" in given
    for words in (("status",), ("list",), ("doctor", "--plan")):
        command(*words, what="looks at giant results")
    tally["MB of output of agents"] += tasks * size // MB


def test_lines_of_output_without_end(command: Measured, root: Path, tally: Counter[str]) -> None:
    """Short lines by the million; only what an agent says last is shown."""
    lines = 20 * MB if SOAK else 4 * MB
    write_plan(root, {"T-01": f"yes ab | head -n {lines}", "T-02": ("wc -l", "T-01")}, format="markdown")
    assert 0 == command("run", what="run with much output in all").returncode
    tally["MB of output of agents"] += 3 * lines // MB


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("an answer that fits", 0),
        ("an answer that does not", 0),
        ("an event that does not", 1),
        ("nested", 0),
        ("many turns", 0),
    ],
)
def test_floods_of_claude(
    *, command: Measured, root: Path, tmp_path: Path, kind: str, status: int, tally: Counter[str]
) -> None:
    """An event of up to 4 MiB is read, whatever is in it, a longer one with its long texts shortened.

    What is too long even so stays in the log; that is said, and it is not paid for again.
    """
    answer = {"type": "result", "subtype": "success", "is_error": False, "session_id": "s"}
    write_plan(root, {"T-01": "think", "T-02": ("think", "T-01")}, agent="claude")
    flooded = tmp_path / "flood"
    size = 4 * 1024 * 1024 - 200
    with flooded.open("w", encoding="utf-8") as file:
        match kind:
            case "an answer that fits":
                file.write(json.dumps({**answer, "result": "🟡 " + "- x\n" * (size // 5)}, ensure_ascii=False))
            case "an answer that does not":
                long = "🟡 \\ word\n" * ((10 if SOAK else 3) * MB)
                file.write(json.dumps({**answer, "result": f"head {long} tail"}))
            case "an event that does not":
                file.write(json.dumps({**answer, "z": ["x"] * (20 if SOAK else 6) * MB}))
            case "nested":
                file.write(json.dumps({**answer, "result": "x"})[:-1] + ', "z": [' + "{}," * (size // 3) + "1]}")
            case _:
                turn = {"type": "assistant", "message": {"content": [{"type": "text", "text": "x" * MB}]}}
                for _ in range(200 if SOAK else 30):
                    file.write(json.dumps(turn) + "\n")
                file.write(json.dumps({**answer, "result": "x"}))
        file.write("\n")
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "claude"
    program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exec echo 2.1.329\ncat > /dev/null\ncat "{flooded}"\n')
    program.chmod(0o755)
    path = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    run = command("run", "--retries", "2", what="run with floods of claude", **path)
    assert status == run.returncode, run
    if status:
        (attempt,) = front_of(root, "T-01")["attempts"]
        assert "larger than 4,096 KiB without its texts was not read" in attempt["reason"]
    if kind == "an answer that does not":
        shown = answer_of(root, "T-01")
        assert shown.startswith("head ")
        assert shown.endswith(" tail")
        assert "bytes left out, all of it is in the log" in shown
        given = (root / "logs" / "agent-02.attempt-1.in").read_text()
        assert "head 🟡" in given
        assert len(given) < len(shown)
    for words in (("show", "T-01"), ("doctor", "--plan")):
        command(*words, what="looks at giant results", **path)
    tally["MB of output of agents"] += flooded.stat().st_size // MB


# ── plans ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ten_thousand_tasks_with_a_cycle(command: Measured, root: Path, tally: Counter[str]) -> None:
    """5,000 of them wait for each other: that is said with file and line, in a few words."""
    rows: dict[str, Row] = {f"t{n}": ("true", f"t{(n + 1) % 5000}") for n in range(5000)}
    rows |= {f"t{n}": ("true", f"t{n - 1}") for n in range(5000, 10_000)}
    write_plan(root, rows)
    before = set(root.iterdir())
    for words in (("validate", "--json"), ("run", "--json")):
        told = command(*words, what="plan of 10,000 tasks")
        assert 2 == told.returncode
        (problem,) = told.json["problems"]
        assert "cycle" == problem["code"]
        assert re.fullmatch(r".*master_plan\.md:\d+", problem["where"])
        assert "cycle of 5000 tasks" in problem["message"]
        assert len(problem["message"]) < 300
    assert before == set(root.iterdir())
    tally["rows of a plan with a cycle"] = len(rows)


def test_a_hundred_thousand_rows(command: Measured, root: Path, tally: Counter[str]) -> None:
    """They are checked, counted and listed, with and without the cache."""
    count = 100_000 if SOAK else 30_000
    head = "| Task ID | Description | Dependencies | Agent | Priority |\n|---|---|---|---|---|\n"
    rows = (
        f"| T-{n:06} | Look at number {n} and write down what came of it | "
        f"{f'T-{n // 2:06}' if n > 1 else 'None'} | Agent-{n % 50:02} | P{n % 4} |\n"
        for n in range(1, count + 1)
    )
    root.mkdir()
    (root / "master_plan.md").write_text(f"---\nagent: shell\n---\n{head}{''.join(rows)}")
    for words in (("validate",), ("status", "--json"), ("status",), ("list", "--json"), ("show", f"T-{count:06}")):
        answer = command(*words, what=f"plan of {count:,} rows")
        assert 0 == answer.returncode, answer
        assert len(answer.stdout) < (10_000 if words[0] != "list" else 100 * MB)
    tally["rows of a plan"] = max(tally["rows of a plan"], count)


HUGE = {
    "a plan in all": ("master_plan.md", "x" * 99 + "\n", 100 * MB, "larger than"),
    "lines of a plan": ("master_plan.md", "- x\n", 3 * MB, "more than 120,000 lines"),
    "a line of a plan": ("master_plan.md", "| ", 8 * MB, "longer than 2,048 KiB"),
    "a cell": ("master_plan.md", "wide ", 8 * MB, "longer than 2,048 KiB"),
    "a prompt": ("agent_tasks/agent-01.md", "think hard\n", 100 * MB, "larger than 4,096 KiB"),
    "lines of a prompt": ("agent_tasks/agent-01.md", "\n", 4 * MB, "more than 120,000 lines"),
    "a result": ("results/agent-01-result.md", "---\n", 100 * MB, ""),
    "a record": ("logs/agent-01.attempt-1.json", "[", 50 * MB, ""),
    "a cache": ("index.json", "{}", 100 * MB, ""),
    "a lock": ("run.lock", '{"run":', 50 * MB, ""),
    "a journal": ("journal.md", "- x", 100 * MB, ""),
}


@pytest.mark.parametrize("name", HUGE)
def test_what_is_too_large_is_said_to_be(command: Measured, root: Path, name: str, tally: Counter[str]) -> None:
    """A person's file is refused with its line; one of ours is damaged, and nothing more."""
    path, piece, size, words = HUGE[name]
    write_plan(root, {"T-01": "echo one", "T-02": ("cat", "T-01")})
    assert 0 == command("run", what="small plan").returncode
    (root / path).parent.mkdir(exist_ok=True)
    with (root / path).open("a") as file:
        for _ in range(size // MB):
            file.write(piece * (MB // len(piece)))
    poll = (("validate", "--json"), ("doctor", "--plan", "--json"), ("status",))
    for asked in (*poll, ("run", "--json")):
        answer = command(*asked, what="files that are too large")
        if words and asked[0] in {"validate", "run"}:
            assert 2 == answer.returncode
            (problem,) = answer.json["problems"]
            assert "too_large" == problem["code"]
            assert words in problem["message"]
            assert re.search(rf"{path}:\d+$", problem["where"])
        elif asked[0] == "status" and not words:
            assert 0 == answer.returncode, answer
    tally["files that were too large"] += 1


def test_a_large_prompt_is_on_no_command_line(tmp_path: Path, command: Measured, root: Path) -> None:
    """Almost four megabytes of it reach the agent, on its standard input."""
    install(tmp_path / "bin")
    prompt = "think hard " * 380_000
    write_plan(root, {"T-01": "think"}, agent="claude")
    write_task(root, "T-01", f"{prompt}\n")
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "FAKE_CLAUDE_DIR": str(tmp_path / "records")}
    assert 0 == command("run", what="run with a large prompt", **environment).returncode
    (call,) = calls(tmp_path / "records")
    assert prompt.strip() in call.prompt
    assert sum(map(len, call.argv)) < 4000
