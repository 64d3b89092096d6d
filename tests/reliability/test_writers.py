"""Promise 12: any number of writers at once lose and corrupt nothing, killed or not, while a run goes on."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from orchestrator.core.event import Line, read_line
from orchestrator.core.message import Message, MessageKind, torn_blocks
from orchestrator.store.layout import Layout
from orchestrator.store.messages import read_notes, read_shared
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.executors.harness import wait_until
from tests.reliability import writers
from tests.reliability.soak import SOAK

WRITERS = 200
#: Writers killed at one moment.
_TOGETHER = 10
MESSAGES = 50 if SOAK else 6
STEMS = {"T-01": "agent-01", "T-02": "agent-02", "T-03": "agent-03"}


class Scene:
    """A run that goes on, with tasks that come and go, until the gate is opened."""

    def __init__(self, orchestrate: Orchestrate, where: Path, seed: str) -> None:
        self.root, self.seed = where / ".orchestrator", seed
        self.layout = Layout(str(self.root))
        self.gate = Gate(where / "gate")
        tasks = {f"T-{n:02}": "sleep 0.1" for n in range(2, 60)}
        write_plan(self.root, {"T-01": self.gate.wait, **tasks}, max_parallel=2)
        self.orchestrate = orchestrate
        orchestrate("list")
        self.run = orchestrate.start("run")
        self.gate.await_task(self.run)

    def start(self) -> tuple[subprocess.Popen[str], list[int]]:
        """Start the writers; return their parent and their pids."""
        process = subprocess.Popen(
            [sys.executable, "-m", writers.__name__, self.root, str(WRITERS), str(MESSAGES), self.seed],
            cwd=Path(writers.__file__).parents[2], stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        return process, json.loads(process.stdout.readline())

    def finish(self, process: subprocess.Popen[str]) -> list[int]:
        """Wait for the writers and for the run; return how the writers ended."""
        told, _ = process.communicate()
        assert self.run.poll() is None
        self.gate.open()
        ended = self.orchestrate.finish(self.run)
        assert 0 == ended.returncode, ended.stderr
        return list(json.loads(told))

    def size(self) -> int:
        """Bytes of everything that was said so far."""
        return sum(each.stat().st_size for each in self.root.glob("contexts/*"))

    def has_grown(self, size: int, process: subprocess.Popen[str]) -> bool:
        """Whether something was said since it had this size, or nobody says anything any more."""
        return self.size() > size or process.poll() is not None

    def acknowledged(self) -> set[tuple[int, int]]:
        """Who knows to have said what: writer and number."""
        found = set()
        for path in self.root.parent.glob("acknowledged-*"):
            writer = int(path.name.rpartition("-")[2])
            found |= {(writer, int(number)) for number in path.read_text().split()}
        return found

    def read(self) -> list[Message]:
        """Everything that can be read, notes by their writers."""
        found = []
        for task, stem in STEMS.items():
            found += read_shared(self.layout, stem, task)
            for writer in range(WRITERS):
                found += read_notes(self.layout, stem, f"writer-{writer}", task)
        return found

    def journal(self) -> list[Line]:
        """What the journal tells of messages; every line of it is one."""
        text = (self.root / "journal.md").read_text(encoding="utf-8", errors="replace")
        lines = [line.removeprefix("- ") for line in text.split("\n")[:-1] if line.startswith("- ")]
        read = [read_line(line) for line in lines]
        return [line for line in read if line is not None and line.is_message]

    def check(self, tally: Counter[str]) -> None:
        """Hold it to what it promises."""
        told, known = self.read(), self.acknowledged()
        said: Counter[tuple[int, int]] = Counter()
        for each in told:
            writer, number = map(int, each.text.partition("\n")[0].split(":"))
            said[writer, number] += 1
            assert f"writer-{writer}" == each.author
            assert writers.TASKS[(writer + number) % 3] == each.task
            assert writers.KINDS[(writer + number) % 4] is each.kind
            assert writers.text_of(writer, number, self.seed) == each.text
        assert {1} == {*said.values()}
        assert known <= said.keys()
        self._check_journal(known)
        notes = {each.text for each in told if each.kind is MessageKind.NOTE}
        shared = b"".join(path.read_bytes() for path in self.root.glob("contexts/*"))
        assert b" note " not in re.sub(rb"(?m)^>.*\n", b"", shared)
        tally["messages: said by 200 writers at once"] += len(said)
        tally["messages: notes among them"] += len(notes)
        tally["messages: torn by a kill, and not read"] += sum(
            torn_blocks(path.read_bytes()) for path in [*self.root.glob("contexts/*"), *self.root.glob("notes/*")]
        )

    def _check_journal(self, known: set[tuple[int, int]]) -> None:
        shown: Counter[tuple[int, int]] = Counter()
        for line in self.journal():
            if found := re.match(r"(\d+):(\d+)\b", line.words):
                shown[int(found[1]), int(found[2])] += 1
        heard = {(w, n) for w, n in known if writers.KINDS[(w + n) % 4] is not MessageKind.NOTE}
        assert {1} == {*shown.values()}
        assert heard <= shown.keys()
        assert all(writers.KINDS[(w + n) % 4] is not MessageKind.NOTE for w, n in shown)


@pytest.fixture
def scene(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Scene]:
    orchestrate = Orchestrate(tmp_path)
    yield Scene(orchestrate, tmp_path, str(request.config.getoption("randomly_seed", default=0)))
    orchestrate.close()


def test_two_hundred_writers_lose_nothing(scene: Scene, tally: Counter[str]) -> None:
    """Everything that was said is read once, as it was said, by whom it may be; the run does not notice."""
    process, _ = scene.start()
    assert [0] * WRITERS == scene.finish(process)
    assert WRITERS * MESSAGES == len(scene.acknowledged())
    scene.check(tally)
    assert 0 == scene.orchestrate("doctor", "--plan").returncode


def test_writers_that_are_killed_leave_no_half_message(scene: Scene, tally: Counter[str]) -> None:
    """What a writer knows to have said stays; what it was saying is there whole or not at all; others lose nothing."""
    dice = random.Random(scene.seed)
    process, pids = scene.start()
    killed = dice.sample(pids, WRITERS // 2)
    for first in range(0, len(killed), _TOGETHER):
        size = scene.size()
        wait_until(partial(scene.has_grown, size, process))
        for pid in killed[first : first + _TOGETHER]:
            with suppress(ProcessLookupError):  # it has said everything and gone
                os.kill(pid, signal.SIGKILL)
    statuses = scene.finish(process)
    assert {0, -signal.SIGKILL} == {*statuses}
    tally["messages: writers killed"] += statuses.count(-signal.SIGKILL)
    scene.check(tally)


def test_the_commands_do_the_same(scene: Scene, tally: Counter[str]) -> None:
    """Forty of them at once, each a process with a name of its own, and each sees its own notes only."""
    calls = [
        scene.orchestrate.start("note" if n % 2 else "share", "T-01", f"message {n}", "--as", f"writer-{n}")
        for n in range(40)
    ]
    assert {0} == {scene.orchestrate.finish(call).returncode for call in calls}
    for reader in (1, 3):
        told = scene.orchestrate("context", "T-01", "--as", f"writer-{reader}", "--json").json
        seen = {each["text"] for each in told["messages"]}
        shared = {f"message {n}" for n in range(0, 40, 2)}
        assert shared | {f"message {reader}"} == seen
    scene.gate.open()
    assert 0 == scene.orchestrate.finish(scene.run).returncode
    assert "message 1" not in (scene.root / "journal.md").read_text().split(" · ")
    tally["messages: commands at once"] += len(calls)
