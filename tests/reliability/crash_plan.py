"""A plan whose runs are killed, and what must be true of it however often that happens.

Its tasks write into a ledger of their own, so that what ran is known without believing a word of the orchestrator.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import time
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import answer_of, front_of, leftovers, result_of, stem, write_plan, write_task
from tests.executors.harness import LINGERING, wait_until
from tests.fakes.claude_calls import calls, install, script

#: Stands in the environment of everything that the runs of one plan start.
_MARK = "CRASH_PLAN"
_LINE = re.compile(r"- \d{4}-\d\d-\d\dT[\d:.]+Z · (run|T-\d\d) · \S.*")

#: Every attempt says that it began, holds a lock that its whole tree inherits, and says that it came to its end.
_FRAME = """exec 9> "$HOME/$ORCHESTRATOR_TASK_ID.lock"
flock -n 9 || echo "overlap $ORCHESTRATOR_TASK_ID" >> "$HOME/ledger"
echo "start $ORCHESTRATOR_TASK_ID" >> "$HOME/ledger"
{body}
echo "end $ORCHESTRATOR_TASK_ID" >> "$HOME/ledger"
"""
_SHELL = {
    "T-01": ("None", "echo one"),
    "T-02": ("None", "sleep 0.05; echo two"),
    "T-04": ("T-01, T-02", "cat; echo four"),
    "T-05": ("None", "setsid sleep 1000 &\nsleep 0.3; echo five"),
    "T-07": ("None", 'test -e "$HOME/once" || { : > "$HOME/once"; exit 1; }; echo seven'),
    "T-08": ("T-03, T-04, T-05, T-06, T-07", "cat; sleep 0.03; echo eight"),
}
_CLAUDE = {"T-03": "T-01", "T-06": "T-02"}
TASKS = sorted((*_SHELL, *_CLAUDE))


class CrashPlan:
    """Eight tasks, two of them for ``claude``; one fails at first, one leaves a process in a session of its own."""

    def __init__(self, orchestrate: Orchestrate, where: Path) -> None:
        self.orchestrate = orchestrate
        self.where = where
        self.root = where / ".orchestrator"
        self._ledger = where / "ledger"
        self._finished: dict[str, int] = {}
        self._torn: set[str] = set()
        where.mkdir(exist_ok=True)
        self._records = where / "records"
        install(where / "bin")
        script(self._records, {task: {"answer": f"said {task}", "delay": 0.05} for task in _CLAUDE})
        rows = {task: (f"do {task}", needs) for task, (needs, _) in _SHELL.items()}
        rows |= {task: (f"think about {task}", needs) for task, needs in _CLAUDE.items()}
        write_plan(self.root, dict(sorted(rows.items())), max_parallel=3, retries=1)
        for task, (_, body) in _SHELL.items():
            write_task(self.root, task, f"```sh\n{_FRAME.format(body=body)}```\n")
        for task in _CLAUDE:
            write_task(self.root, task, f"think about {task}\n", agent="claude")

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def start(self, **environment: str) -> subprocess.Popen[str]:
        """Start a run that will not live long."""
        env = {
            "HOME": str(self.where),
            "PATH": f"{self.where}/bin:/usr/bin:/bin",
            "FAKE_CLAUDE_DIR": str(self._records),
            _MARK: str(self.root),
        }
        return self.orchestrate.start("run", cwd=self.where, env=env | environment)

    def call(self, *arguments: str) -> Answer:
        """Call a command to its end."""
        return self.orchestrate(*arguments, cwd=self.where)

    def alive(self) -> list[int]:
        """Everything that the runs of this plan started and that lives."""
        marks = {f"{_MARK}={self.root}".encode(), f"ORCHESTRATOR_DIR={self.root}".encode()}
        return [pid for pid in _pids() if marks & _environment(pid)]

    def await_silence(self, left: Collection[int] = ()) -> float:
        """Wait until nothing of this plan lives but what an earlier run *left*; return how many seconds that took."""
        before = time.monotonic()
        wait_until(lambda: set(self.alive()) <= set(left), LINGERING)
        return time.monotonic() - before

    # ── what must be true ────────────────────────────────────────────────────────────────────────────────────────────

    def ledger(self) -> Counter[str]:
        """What the tasks themselves say, over all runs: how often each started, and came to its end."""
        lines = self._ledger.read_text().splitlines() if self._ledger.exists() else []
        for call in calls(self._records):
            lines += [f"start {call.task}", *([f"end {call.task}"] * (call.end is not None))]
        return Counter(lines)

    def look(self) -> None:
        """Right after a crash: nothing half, nothing that says it is done and is not, nothing finished run again."""
        finished = [task for task in TASKS if self._is_finished(task)]
        # Read after the records: a guard may still be at work, and whatever has a record has said that it started.
        ledger = self.ledger()
        for task in finished:
            self._finished.setdefault(task, ledger[f"start {task}"])
        again = [task for task, times in self._finished.items() if ledger[f"start {task}"] != times]
        assert [] == again, "finished tasks ran again"
        assert [] == [line for line in ledger if line.startswith("overlap")]
        lines = self._journal()
        self._torn.update(lines[-1:])
        strange = [line for line in lines[2:-1] if line and not _LINE.fullmatch(line)]
        assert set(strange) <= self._torn

    def _is_finished(self, task: str) -> bool:
        """Whether the task is paid for: its result says so, or the record of an attempt that nobody stopped."""
        records = [json.loads(path.read_bytes()) for path in self._logs(task, "json")]
        done = [each for each in records if each["exit"] == 0 and each["stopped"] is None]
        assert len(done) <= 1, f"{task} was done twice"
        if done:
            assert self.ledger()[f"end {task}"], f"{task} has a record of success and never ended"
        if (self.root / "results" / f"{stem(task)}-result.md").exists():
            front, text = front_of(self.root, task), result_of(self.root, task)
            numbers = [each["number"] for each in front["attempts"]]
            assert (task, sorted(set(numbers))) == (front["task"], numbers)
            if front["status"] == "completed":
                # Also one that we ended: what it printed before was its whole result (promise 19).
                recorded = [each["attempt"] for each in records]
                assert numbers[-1] in recorded, f"{task} says completed and has no record"
                done = done or records
                assert text.endswith("|\n"), "a result file that is cut short"
            if numbers and front["status"] == "running":
                assert not front["attempts"][-1]["end"]
        return bool(done)

    def _logs(self, task: str, kind: str) -> list[Path]:
        return sorted(self.root.glob(f"logs/{stem(task)}.attempt-*.{kind}"))

    def finish(self) -> None:
        """Run to the end; then look at everything."""
        answer = self.orchestrate.finish(self.start())
        assert 0 == answer.returncode, answer.stderr
        assert "error" not in answer.stderr, answer.stderr
        self.look()
        assert set(TASKS) == set(self._finished)
        for task in TASKS:
            self._was_not_charged(task)
        listed = self.call("list", "--json").json["tasks"]
        assert dict.fromkeys(TASKS, "completed") == {each["id"]: each["status"] for each in listed}
        assert [] == self.alive()
        assert [] == leftovers(self.root)
        assert b"" == (self.root / "run.lock").read_bytes(), "it let go in order"
        assert "said T-03" in (self.root / "final_output.md").read_text(encoding="utf-8")

    def _was_not_charged(self, task: str) -> None:
        """What was cut short cost no retry: only the task that fails at first failed, and only once."""
        attempts = front_of(self.root, task)["attempts"]
        *before, last = [each["status"] for each in attempts]
        failures = before.count("failed")
        assert (True, "completed") == (failures <= (task == "T-07"), last)
        assert failures + before.count("interrupted") == len(before)
        assert 1 + failures >= attempts[-1]["charge"]

    def again(self) -> None:
        """A finished plan starts nothing."""
        before = self.ledger()
        assert 0 == self.orchestrate.finish(self.start()).returncode
        assert before == self.ledger()

    def answers(self) -> Mapping[str, str]:
        """What came of it."""
        return {task: answer_of(self.root, task) for task in TASKS}

    def _journal(self) -> list[str]:
        path = self.root / "journal.md"
        return path.read_text(encoding="utf-8", errors="replace").split("\n") if path.exists() else []

    # ── what else may have happened ──────────────────────────────────────────────────────────────────────────────────

    def tear_journal(self, dice: random.Random) -> None:
        """Cut the last line of the journal short, as a crash of the machine may do."""
        path = self.root / "journal.md"
        data = path.read_bytes()
        last = data.rstrip(b"\n").rpartition(b"\n")[2]
        if last.startswith(b"- "):
            left = data[: len(data) - dice.randint(1, len(last) - 1)]
            path.write_bytes(left)
            self._torn.add(left.rpartition(b"\n")[2].decode(errors="replace"))

    def plant_temporaries(self) -> None:
        """Leave half-written files beside those that they were to replace."""
        for name in (
            "results/.agent-01-result.md.99999999.tmp",
            ".master_plan.md.99999999.tmp",
            "logs/agent-01.attempt-1.json.tmp",
        ):
            path = self.root / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"---\nhalf")


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdecimal()]


def _environment(pid: int) -> set[bytes]:
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()
