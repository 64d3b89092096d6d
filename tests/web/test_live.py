"""Pages that are told when they are no longer true."""

from __future__ import annotations

import http.client
import re
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.executors.harness import wait_until
from tests.patience import PATIENCE
from tests.web.dashboard import Dashboard, dashboard


@contextmanager
def events(shown: Dashboard, path: str, page: str) -> Iterator[Iterator[str]]:
    """The words of the stream that belongs to a page, as they come; a wait in vain is ended by the timeout."""
    (version,) = re.findall(r'data-version="([^"]*)"', page)
    line = http.client.HTTPConnection("127.0.0.1", shown.port, timeout=PATIENCE)
    line.request("GET", f"{shown.place}{path}?seen={version}", headers={"Cookie": shown.cookie})
    answer = line.getresponse()
    assert (200, "text/event-stream; charset=utf-8") == (answer.status, answer.headers["Content-Type"])
    try:
        words = (each.decode().strip() for each in answer)
        yield (each for each in words if each.startswith("event:"))
    finally:
        answer.close()
        line.close()


def test_a_page_is_told_what_happens(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """Messages, edits of the plan, runs; each leaves a word, and the page that is asked for then shows it."""
    with events(opened, "/events", opened.get("/").text) as told:
        orchestrate("share", "T-01", "one")
        assert "event: changed" == next(told)
        assert "T-01 share" in opened.get("/").text
        with (root / "master_plan.md").open("a") as file:
            file.write("| T-09 | echo | None |\n")
        assert "event: changed" == next(told)
        assert "task-T-09" in opened.get("/").text
        orchestrate("run")
        assert "event: changed" == next(told)


def test_what_happened_before_it_listened_is_told_at_once(opened: Dashboard, orchestrate: Orchestrate) -> None:
    """Between the drawing of a page and its first word nothing falls through."""
    page = opened.get("/").text
    orchestrate("share", "T-01", "one")
    with events(opened, "/events", page) as told:
        assert "event: changed" == next(told)


def test_the_page_of_a_running_task_follows_its_log(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """What an agent prints is shown while it runs."""
    first, second = Gate(tmp_path / "first"), Gate(tmp_path / "second")
    write_plan(root, {"T-01": f"echo first; {first.wait}; echo second; {second.wait}"})
    run = orchestrate.start("run")
    first.await_task(run)
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        wait_until(lambda: "<span>first" in shown.get("/tasks/T-01").text)
        page = shown.get("/tasks/T-01").text
        assert "<span>second" not in page
        with events(shown, "/tasks/T-01/events", page) as told:
            first.open()
            second.await_task(run)
            while "<span>second" not in shown.get("/tasks/T-01").text:
                assert "event: changed" == next(told)
    second.open()
    assert 0 == orchestrate.finish(run).returncode


def test_a_directory_of_plans_is_followed(orchestrate: Orchestrate, root: Path) -> None:
    root.mkdir()
    orchestrate("create", "One")
    with dashboard(orchestrate, root) as shown:
        page = shown.enter().text
        with events(shown, "/events", page) as told:
            orchestrate("transition", "TASK-001", "approve")
            assert "event: changed" == next(told)
            assert "APPROVED" in shown.get("/").text


def test_plans_below_a_plan_are_followed(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """Those that were there, and one that is made later."""
    write_plan(root / "TASK-001", {"T-01": "true"}, status="approved")
    with events(opened, "/events", opened.get("/").text) as told:
        orchestrate("complete", "T-01", "done", "--dir", root / "TASK-001")
        assert "event: changed" == next(told)
        assert "1/1" in opened.get("/").text
        orchestrate("create", "Another", "--dir", root)
        while "TASK-002" not in opened.get("/").text:
            assert "event: changed" == next(told)


@pytest.mark.parametrize("page", ["/", "/tasks/T-01"])
def test_the_stream_ends_where_the_plan_is_gone(opened: Dashboard, root: Path, page: str) -> None:
    """Then the page asks for itself, and is told; nothing is thrown at whoever reads the terminal."""
    with events(opened, f"{page.rstrip('/')}/events", opened.get(page).text) as told:
        root.rename(root.with_name("away"))
        assert {"event: changed"} >= set(told)
    assert 404 == opened.get(page).status
    opened.process.terminate()
    assert opened.process.stderr is not None
    assert "Traceback" not in opened.process.stderr.read()


def test_the_part_that_changes_can_be_asked_for_alone(opened: Dashboard) -> None:
    whole, part = opened.get("/").text, opened.get("/", **{"X-Part": "main"}).text
    assert part.strip().startswith("<main ")
    assert part.strip().endswith("</main>")
    (inside,) = re.findall(r"<main .*</main>", whole, re.DOTALL)
    assert re.sub(r'data-now="[^"]*"', "", part).split() == (re.sub(r'data-now="[^"]*"', "", inside).split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_streams_are_closed_at_once_when_it_ends(orchestrate: Orchestrate, root: Path, number: signal.Signals) -> None:
    """A browser that listens keeps nobody from leaving; the exit status says which signal it was."""
    write_plan(root, {"T-01": "true"})
    with dashboard(orchestrate, root) as shown:
        page = shown.enter().text
        with events(shown, "/events", page) as told:
            shown.process.send_signal(number)
            assert [] == list(told)
        assert 128 + number == shown.process.wait(PATIENCE)
        assert shown.process.stderr is not None
        assert "Traceback" not in shown.process.stderr.read()


def test_too_many_listeners_are_turned_away(opened: Dashboard) -> None:
    """And the pages are drawn all the same."""
    lines = []
    for _ in range(40):
        line = http.client.HTTPConnection("127.0.0.1", opened.port, timeout=PATIENCE)
        line.request("GET", f"{opened.place}/events", headers={"Cookie": opened.cookie})
        lines.append((line, line.getresponse()))
    assert {200, 503} == {answer.status for _, answer in lines}
    assert 200 == opened.get("/").status
    for line, answer in lines:
        answer.close()
        line.close()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_it_is_woken_by_the_system(opened: Dashboard) -> None:
    """It does not look again and again while nothing happens."""

    def opens() -> set[str]:
        found = set()
        for each in Path(f"/proc/{opened.process.pid}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed meanwhile
                found.add(str(each.readlink()))
        return found

    with events(opened, "/events", opened.get("/").text):
        wait_until(lambda: "anon_inode:inotify" in opens())
