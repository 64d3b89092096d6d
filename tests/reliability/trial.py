"""One trial: a command that meets a fault, and everything that must be true afterwards."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import frontmatter

from orchestrator.errors import ExitStatus
from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import stem
from tests.executors.harness import LINGERING, wait_until
from tests.patience import PATIENCE
from tests.reliability import faults
from tests.reliability.faults import Fault

TASKS = ("T-01", "T-02", "T-03", "T-04")
#: The second task waits, within limits, until its result file says that it runs: so that is written in every run.
PLAN = """\
---
agent: shell
retries: 0
retry_delay: 0
grace: 1s
---
# Task Plan
A person's words.

| Task ID | Description | Dependencies |
|---------|-------------|--------------|
| T-01 | echo T-01 >> ledger; echo one | None |
| T-02 | work on it | None |
| T-03 | echo T-03 >> ledger; cat | T-01,T-02 |
| T-04 | nothing but words | T-01 |
"""
_SECOND = """\
```sh
echo T-02 >> ledger
for i in 1 2 3 4 5; do
  if [ -e .orchestrator/results/agent-02-result.md ]; then break; fi
  sleep 0.1
done
echo two
```
"""
_FOURTH = "---\nagent: simulated\n---\nSay something.\n"


@dataclass
class Trial:
    """A project with a plan in it, made in an empty directory; ``wrong`` gathers what should not be."""

    where: Path
    wrong: list[str] = field(default_factory=list)
    under: Sequence[str] = ()
    """A program that starts every command."""

    @property
    def project(self) -> Path:
        return self.where / "project"

    @property
    def plan(self) -> Path:
        return self.project / ".orchestrator"

    def prepare(self) -> None:
        """Write the plan; nothing of it was run."""
        (self.plan / "agent_tasks").mkdir(parents=True)
        (self.plan / "master_plan.md").write_text(PLAN)
        (self.plan / "agent_tasks/agent-02.md").write_text(_SECOND)
        (self.plan / "agent_tasks/agent-04.md").write_text(_FOURTH)

    def fault(self, error: str, at: int, where: str, *, is_for_good: bool = False, on: str = "") -> Fault:
        """A fault in this plan."""
        return Fault(str(self.plan), str(self.where / "calls"), error, at, is_for_good, where, on)

    def count(self, *words: str) -> list[str]:
        """What a command calls when nothing fails."""
        self.command(*words, fault=Fault(str(self.plan), str(self.where / "calls")))
        calls = self.calls()
        (self.where / "calls").unlink()
        return calls

    def command(self, *words: str, fault: Fault | None = None) -> Answer:
        """Run a command to its end."""
        program = ["-m", "orchestrator"] if fault is None else [faults.__file__]
        environment = {
            **Orchestrate(self.where).environment,
            "TRIAL": str(self.where),
            **({faults.VARIABLE: fault.encoded()} if fault else {}),
        }
        done = subprocess.run(
            [*self.under, sys.executable, *program, *words],
            cwd=self.project,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def calls(self) -> list[str]:
        """What was called; the call that was refused begins with an exclamation mark."""
        try:
            return (self.where / "calls").read_text().splitlines()
        except FileNotFoundError:
            return []

    def has_met(self, fault: Fault) -> bool:
        """Whether the fault came about; what is wrong then says with which call."""
        hit = [call for call in self.calls() if call.startswith("!")]
        self.wrong = [f"{fault.error} at {hit} {fault}: {each}" for each in self.wrong]
        return bool(hit)

    # ── what must be true ────────────────────────────────────────────────────────────────────────────────────────────

    def expect(self, is_so: object, otherwise: str) -> None:
        """Note what should not be."""
        if not is_so:
            self.wrong.append(otherwise)

    def judge_answer(self, answer: Answer, strerror: str, allowed: Sequence[int]) -> None:
        """A clear line, what to do, the exit status; never a traceback."""
        told = [line for line in answer.stderr.splitlines() if line.startswith("error: ")]
        self.expect("Traceback" not in answer.stderr + answer.stdout, answer.stderr)
        self.expect(answer.returncode in allowed, f"exit status {answer.returncode}: {answer.stderr}")
        if answer.returncode == ExitStatus.STATE_FAILED:
            is_clear = len(told) == 1 and strerror in told[0] and "hint: " in answer.stderr
            self.expect(is_clear, f"not a clear line: {answer.stderr}")
            self.expect(
                str(self.plan) in answer.stderr or ".orchestrator" in answer.stderr,
                f"it does not say where: {answer.stderr}",
            )

    def judge_processes(self) -> None:
        """Nothing that the run started is left."""
        try:
            wait_until(lambda: not list(self._processes()), LINGERING)
        except AssertionError:
            self.wrong.append(f"still there: {list(self._processes())}")

    def _processes(self) -> Iterator[str]:
        mark = os.fsencode(f"TRIAL={self.where}")
        for entry in Path("/proc").iterdir():
            if entry.name.isdecimal():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        yield (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                except OSError:
                    continue  # it has just ended

    def judge_state(self) -> None:
        """Every file of state is whole, and nothing is called completed without its record."""
        text = (self.plan / "master_plan.md").read_text()
        self.expect(text.startswith(PLAN), f"the plan was changed: {text}")
        for task, result in self.results().items():
            number = result["attempts"][-1]["number"] if result["attempts"] else 0
            record = self.plan / f"logs/{stem(task)}.attempt-{number}.json"
            is_kept = result["status"] != "completed" or record.exists()
            self.expect(is_kept, f"{task} is completed without a record")
        for path in [*self.plan.glob("logs/*.json"), *self.plan.glob("index.json")]:
            self.expect(isinstance(json.loads(path.read_text()), dict), f"{path}: not an object")
        lock = self.plan / "run.lock"
        whole = [line for line in lock.read_text().split("\n") if line.endswith("}")] if lock.exists() else []
        # The last whole line counts: one that a disk cut short says as much as none at all.
        self.expect(all(json.loads(line)["run"] for line in whole), "the lock names none")

    def results(self) -> dict[str, dict[str, Any]]:
        """The front matter of every result."""
        found = {}
        for path in sorted(self.plan.glob("results/*-result.md")):
            front = dict(frontmatter.loads(path.read_text()).metadata)
            found[str(front["task"])] = front
        return found

    def finished(self) -> set[str]:
        """Tasks of which an attempt ended well, by its record: whatever comes, they are not run again."""
        found = set()
        for path in self.plan.glob("logs/*.attempt-*.json"):
            record = json.loads(path.read_text())
            if record["exit"] == 0 and not record["stopped"] and not record["error"]:
                found.add(record["task"])
        return found

    def completed(self) -> set[str]:
        """Tasks whose result says so."""
        return {task for task, each in self.results().items() if each["status"] == "completed"}

    def ledger(self) -> list[str]:
        """Which tasks were really done, each time that they were."""
        try:
            return (self.project / "ledger").read_text().split()
        except FileNotFoundError:
            return []

    def judge_rest(self) -> None:
        """Without faults everything comes to its end, and nothing that was finished is done again."""
        failed = {task for task, each in self.results().items() if each["status"] == "failed"}
        before, kept = self.ledger(), self.finished() - failed | self.completed()
        looked = self.command("status", "--json")
        self.expect(looked.returncode == 0, f"status: {looked.stderr}")
        if looked.returncode == 0:
            pluralize = json.loads(looked.stdout)["counts"].get("completed", 0)
            self.expect(pluralize == len(self.completed()), "status counts other results")
        rest = self.command("run")
        self.expect(rest.returncode == 0, f"the run after it: {rest.stderr}")
        self.expect(self.completed() == set(TASKS), f"only {sorted(self.completed())} completed")
        after = self.ledger()
        for task in kept:
            self.expect(after.count(task) == before.count(task), f"{task} was done again")
        output = self.plan / "final_output.md"
        self.expect(output.exists() and "one" in output.read_text(), "no final output")
        left = [path.name for path in self.plan.rglob("*") if ".tmp" in path.name]
        self.expect(not left, f"left behind: {left}")
        self.judge_processes()
        self.judge_state()


def try_fault(trial: Trial, fault: Fault, *words: str, allowed: Sequence[int] = (0, 5)) -> bool:
    """Let a command meet a fault; say whether it did, or never came so far."""
    strerror = os.strerror(getattr(errno, fault.error))
    answer = trial.command(*words, fault=fault)
    trial.judge_processes()
    of_one_task = rf"log cannot be read: {strerror}|❌ .* \S*(agent_tasks|results)/\S+: cannot read: {strerror}"
    if fault.error == "EACCES" and re.search(of_one_task, answer.stderr):
        # An agent can bring that about, for its log alone: its attempt has failed. One that was over before this run
        # is tried again in it. So can a person, for the file of one task or one result.
        allowed = (0, 1)
    trial.judge_answer(answer, strerror, allowed)
    trial.judge_state()
    trial.judge_rest()
    return trial.has_met(fault)
