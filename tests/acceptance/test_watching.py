"""``watch``: what happens and what is said, live or in looks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.executors.harness import wait_until
from tests.patience import PATIENCE

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def root(orchestrate: Orchestrate, tmp_path: Path) -> Path:
    orchestrate.environment["TM_AGENT_ID"] = "bob"
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "true", "T-02": ("exit 3", "T-01")})
    return root


def lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """The lines of a program as it prints them; a test that waits for one in vain is ended by the timeout of pytest."""
    assert process.stdout is not None
    for line in process.stdout:
        yield line.rstrip("\n")


def words(line: str) -> list[str]:
    return line.split()[1:]


def test_it_tells_what_happens_when_it_happens(orchestrate: Orchestrate, root: Path) -> None:
    """Messages and what a run does, in the order of the journal; a note is not among it; Ctrl-C ends with 130."""
    watching = orchestrate.start("watch", "--as", "eve")
    told = lines(watching)
    orchestrate("share", "T-01", "one")
    assert ["💬", "T-01", "share", "bob:", "one"] == words(next(told))
    orchestrate("note", "T-01", "private")
    orchestrate("discover", "T-02", "two")
    assert ["💡", "T-02", "discover", "bob:", "two"] == words(next(told))
    assert 1 == orchestrate("run").returncode
    seen = [words(next(told)) for _ in range(6)]
    assert ["run", "T-01", "T-01", "T-02", "T-02", "run"] == [each[1] for each in seen]
    assert ["started", "started", "completed", "started", "failed", "ended"] == [each[2] for each in seen]
    watching.send_signal(signal.SIGINT)
    assert 130 == watching.wait(PATIENCE)
    assert watching.stderr is not None
    assert "Traceback" not in watching.stderr.read()


def test_each_look_tells_what_is_new_to_its_caller(orchestrate: Orchestrate, root: Path) -> None:
    """Everything once, and each name has a place of its own."""
    orchestrate("share", "T-01", "one")
    first = orchestrate("watch", "--once").stdout.splitlines()
    orchestrate("share", "T-01", "two")
    second = orchestrate("watch", "--once").stdout.splitlines()
    assert [["one"], ["two"]] == [[words(line)[-1] for line in look] for look in (first, second)]
    assert (0, "") == ((third := orchestrate("watch", "--once")).returncode, third.stdout)
    assert first + second == orchestrate("watch", "--once", "--as", "eve").stdout.splitlines()


def test_a_look_may_begin_anywhere(orchestrate: Orchestrate, root: Path) -> None:
    """At a cursor, at a time, some time ago; the kept place stays where it is."""
    for text in ("one", "two"):
        orchestrate("share", "T-01", text)

    def since(begin: str) -> list[str]:
        answer = orchestrate("watch", "--once", "--json", "--since", begin)
        return [event["text"] for event in answer.events]

    events = orchestrate("watch", "--once", "--json", "--since", "1h").events
    assert {"time", "event", "task", "by", "text", "cursor"} == events[0].keys()
    assert ["two"] == since(events[0]["cursor"])
    assert [] == since(events[1]["cursor"])
    assert ["two"] == since(events[1]["time"])
    assert ["one", "two"] == since("2020-01-05")
    assert [] == since("2100-01-05T14:00:00Z")
    assert 2 == len(orchestrate("watch", "--once").stdout.splitlines())
    refused = orchestrate("watch", "--once", "--since", "yesterday")
    assert 2 == refused.returncode
    assert "neither a cursor nor a time" in refused.stderr


def test_each_line_says_who_did_it(orchestrate: Orchestrate, root: Path) -> None:
    """Not only of messages: whoever watches for what others do needs no words of ours to find out."""
    write_plan(root, {"T-01": "true", "T-02": "true"})
    did = [
        ("started", "T-01", None),
        ("completed", "T-01", "all of it"),
        ("blocked", "T-02", "no key: yet"),
        ("unblocked", "T-02", None),
        ("failed", "T-02", "by far: no good"),
        ("reset", "T-02", None),
    ]
    verbs = ("start", "complete", "block", "unblock", "fail", "retry")
    for verb, (_, task, text) in zip(verbs, did, strict=True):
        answer = orchestrate(verb, task, *filter(None, [text]), "--as", "ann")
        assert 0 == answer.returncode, answer.stderr
    events = orchestrate("watch", "--once", "--json", "--since", "1h").events
    told = [(each["event"], each["task"], each.get("text")) for each in events]
    assert (did, {"ann"}) == (told, {each["by"] for each in events})


def test_a_run_that_died_is_told_to_whoever_watches(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """It cannot say so itself: without that an onlooker sees a run at work for ever."""
    write_plan(root, {"T-01": gate.wait})
    run = orchestrate.start("run")
    gate.await_task(run)
    watching = orchestrate.start("watch")
    assert ["run", "started"] == words(next(lines(watching)))[1:3]
    run.kill()
    orchestrate.finish(run)
    assert watching.stderr is not None
    told = watching.stderr.readline()
    assert told.startswith("❌ run ")
    assert told.endswith(" died: `orchestrator status --brief` says what is left\n")
    watching.kill()
    assert told == orchestrate("watch", "--once").stderr


def test_why_something_is_stopped_is_said_in_words_for_people(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """None that only our own code has."""
    write_plan(root, {"T-01": gate.wait}, grace=0)
    run = orchestrate.start("run")
    gate.await_task(run)
    run.terminate()
    orchestrate.finish(run)
    told = orchestrate("watch", "--once").stdout
    assert "🛑 T-01 stopping · the run is being stopped\n" in told


def test_it_ends_when_its_time_is_over(orchestrate: Orchestrate, root: Path) -> None:
    """With what there was to tell; also when nothing is there yet."""
    assert (0, "") == ((empty := orchestrate("watch", "--timeout", "0.1s")).returncode, empty.stdout)
    orchestrate("sync", "T-01", "one")
    ended = orchestrate("watch", "--timeout", "0.1s", "--json")
    assert (0, "sync") == (ended.returncode, json.loads(ended.stdout)["event"])


def test_it_ends_when_nobody_reads_it(orchestrate: Orchestrate, root: Path) -> None:
    """At once when there is something to print, soon when there is nothing; without a word."""
    for is_told in (True, False):
        watching = orchestrate.start("watch")
        told = lines(watching)
        orchestrate("share", "T-01", "one")
        next(told)
        assert watching.stdout is not None
        watching.stdout.close()
        if is_told:
            orchestrate("share", "T-01", "two")
        assert 0 == watching.wait(PATIENCE)
        assert watching.stderr is not None
        assert "" == watching.stderr.read()


def test_it_follows_a_journal_that_is_begun_anew(orchestrate: Orchestrate, root: Path) -> None:
    """As planning anew does; what is told then is what stands there now."""
    orchestrate("share", "T-01", "old")
    watching = orchestrate.start("watch")
    told = lines(watching)
    assert "old" == words(next(told))[-1]
    (root / "journal.md").rename(root / "journal.old")
    orchestrate("share", "T-01", "new")
    assert "new" == words(next(told))[-1]


@ON_LINUX
def test_it_is_woken_by_the_system(orchestrate: Orchestrate, root: Path) -> None:
    """It does not look again and again while nothing happens: the system tells it."""
    orchestrate("share", "T-01", "one")
    watching = orchestrate.start("watch")
    next(lines(watching))
    wait_until(lambda: "anon_inode:inotify" in _opened(watching.pid))


def _opened(pid: int) -> set[str]:
    found = set[str]()
    for each in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            found.add(os.readlink(each))
    return found


def test_a_discovery_wakes_whoever_waits_and_watchers_of_a_run_see_it(
    orchestrate: Orchestrate, root: Path, gate: Gate
) -> None:
    """``wait`` comes back for it, ``status --brief`` names it, the run itself tells it; a share wakes nobody."""
    write_plan(root, {"T-01": gate.wait, "run": ("true", "T-01")})
    run = orchestrate.start("run", "--json")
    gate.await_task(run)
    waiting = orchestrate.start("wait", "--timeout", "10m")
    orchestrate("share", "run", "progress")
    orchestrate("discover", "T-01", "BLOCKED: need the schema")
    answer = orchestrate.finish(waiting)
    assert 3 == answer.returncode
    assert "💡 T-01 · bob: BLOCKED: need the schema" in answer.stdout.splitlines()
    assert "💬 said on: run" in answer.stdout.splitlines()
    again = orchestrate("wait", "--timeout", "0.1s", "--json").json
    assert (0, 0) == (again["discoveries"]["count"], again["said"]["count"])
    heard: list[str] = []
    told = lines(run)
    while not heard or "discover" not in heard[-1]:
        heard.append(next(told))
    gate.open()
    ended = orchestrate.finish(run)
    assert 0 == ended.returncode
    events = [json.loads(line) for line in heard]
    assert {"event": "discover", "task": "T-01", "agent": "bob"} == {
        key: events[-1][key] for key in ("event", "task", "agent")
    }
    assert "BLOCKED: need the schema" == events[-1]["text"]
    assert 0 == orchestrate("wait").returncode
