"""An open page stays true, and loses nothing, whatever happens around it; in a real browser."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.executors.harness import wait_until
from tests.patience import PATIENCE
from tests.web.dashboard import Dashboard, dashboard

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser


# ── what somebody typed ───────────────────────────────────────────────────────────────────────────────────────────


def test_what_was_typed_survives_a_refusal_and_what_happens_after_it(
    shown: Dashboard, context: BrowserContext, orchestrate: Orchestrate
) -> None:
    """The fields that a refused form brings back are still those of whoever typed."""
    page = context.new_page()
    page.goto(shown.address)
    page.locator("summary", has_text="Add a task").click()
    text, needs = page.get_by_label("What is to be done"), page.get_by_label("After (ids)")
    priority = page.get_by_label("Priority")
    text.fill("a long text")
    needs.fill("T-99")
    priority.select_option("P0")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_selector(".trouble >> text=T-99")
    orchestrate("share", "T-02", "meanwhile")
    page.wait_for_selector(".journal >> text=meanwhile")
    assert ("a long text", "T-99", "P0") == (text.input_value(), needs.input_value(), priority.input_value())


def test_what_was_typed_survives_a_plan_that_is_broken_for_a_moment(
    shown: Dashboard, context: BrowserContext, root: Path
) -> None:
    """What is wrong is said above the page, which stays as it was; it goes once the plan is mended."""
    page = context.new_page()
    page.goto(shown.address)
    page.get_by_role("link", name="T-02").first.click()
    page.locator("#ask-block summary").click()
    words = page.locator("#ask-block").get_by_label("Why")
    words.fill("half typed")
    plan = root / "master_plan.md"
    good = plan.read_text()
    plan.write_text(good.replace("| T-01 |\n", "| T-77 |\n"))
    page.wait_for_selector(".trouble >> text=T-77")
    assert "half typed" == words.input_value()
    plan.write_text(good.replace("exit 3", "exit 4"))
    page.wait_for_selector("h1 >> text=exit 4")
    assert 0 == page.locator(".trouble").count()
    assert "half typed" == words.input_value()


def test_a_second_click_is_no_second_action(shown: Dashboard, page: Page, orchestrate: Orchestrate) -> None:
    """A button that was pressed cannot be pressed while its answer is awaited."""
    page.goto(shown.address)
    box = page.get_by_role("button", name="Start a run").bounding_box()
    assert box is not None
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    with page.expect_navigation():
        with page.expect_request("**/run"):
            page.mouse.click(*middle)
        page.mouse.click(*middle)
    page.wait_for_selector("#task-T-02.failed")
    assert 0 == page.locator(".trouble").count()


# ── a page that cannot hear ───────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_directory_that_was_away_is_shown_again(
    shown: Dashboard, context: BrowserContext, orchestrate: Orchestrate, root: Path
) -> None:
    """On a page that was open before, and on one that was opened meanwhile; both are live again."""
    before, meanwhile = context.new_page(), context.new_page()
    before.goto(shown.address)
    start = before.url
    away = root.rename(root.with_name("away"))
    before.wait_for_selector(".trouble >> text=no such directory")
    meanwhile.goto(start)
    meanwhile.wait_for_selector(".trouble >> text=no such directory")
    away.rename(root)
    for page in (before, meanwhile):
        page.wait_for_selector(".trouble", state="detached")
        page.wait_for_selector("#task-T-01")
    orchestrate("share", "T-01", "hello there")
    for page in (before, meanwhile):
        page.wait_for_selector(".journal >> text=hello there")
        assert page.locator("#line").is_hidden()


def test_a_page_that_is_not_answered_comes_back_by_itself(
    shown: Dashboard, context: BrowserContext, orchestrate: Orchestrate
) -> None:
    """Whatever came instead of a page was not from us, or not meant for ever."""
    page = context.new_page()
    page.goto(shown.address)
    page.route(page.url, lambda route: route.fulfill(status=503, body="too busy"))
    orchestrate("share", "T-01", "hello there")
    page.wait_for_selector("#line >> text=not connected")
    page.unroute(page.url)
    page.wait_for_selector(".journal >> text=hello there")
    assert page.locator("#line").is_hidden()


def test_a_page_for_which_there_is_no_room_asks_by_itself(
    shown: Dashboard, context: BrowserContext, orchestrate: Orchestrate
) -> None:
    """Too many others listen: it says nothing that is not so, and shows what happens a little later."""
    page = context.new_page()
    page.goto(shown.address)
    shown.enter()
    page.goto("about:blank")
    lines = []
    for _ in range(40):
        line = http.client.HTTPConnection("127.0.0.1", shown.port, timeout=PATIENCE)
        line.request("GET", f"{shown.place}/events", headers={"Cookie": shown.cookie})
        lines.append((line, line.getresponse()))
    page.goto(f"http://127.0.0.1:{shown.port}{shown.place}/")
    orchestrate("share", "T-01", "hello there")
    page.wait_for_selector(".journal >> text=hello there")
    assert page.locator("#line").is_hidden()
    for line, answer in lines:
        answer.close()
        line.close()


def test_many_windows_leave_room_for_each_other(
    shown: Dashboard, context: BrowserContext, orchestrate: Orchestrate
) -> None:
    """A browser opens six connections to us at most; those that do not listen ask by themselves."""
    pages = [context.new_page() for _ in range(8)]
    pages[0].goto(shown.address)
    for page in pages[1:]:
        page.goto(pages[0].url)
        page.wait_for_load_state("load")
    orchestrate("share", "T-01", "hello there")
    for page in pages:
        page.wait_for_selector(".journal >> text=hello there")
    pages[0].get_by_role("link", name="T-02").first.click()
    pages[0].wait_for_selector("#status >> text=Waiting")


def test_a_dashboard_that_was_started_anew_is_said_to_be(
    context: BrowserContext, orchestrate: Orchestrate, root: Path
) -> None:
    """On the same port, where the page of the one before is not open any more."""
    write_plan(root, {"T-01": "true"})
    page = context.new_page()
    with dashboard(orchestrate, root) as shown:
        page.goto(shown.address)
        page.wait_for_load_state()
    with dashboard(orchestrate, root, "--port", str(shown.port)):
        page.wait_for_selector("#line >> text=ended or started anew")


# ── what else is true of it ───────────────────────────────────────────────────────────────────────────────────────


def test_times_are_counted_by_the_clock_of_the_server(
    context: BrowserContext, orchestrate: Orchestrate, root: Path
) -> None:
    """The browser may run on another machine, with a clock of its own."""
    write_plan(root, {"T-01": "sleep 60"}, grace=1)
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        assert 303 == shown.post("/run").status
        page = context.new_page()
        page.clock.install(time=0)
        page.goto(shown.address)
        clock = page.locator("#of-running time")
        assert clock.inner_text().endswith("s")
        assert "m" not in clock.inner_text()

        def counts() -> bool:
            page.clock.fast_forward(5 * 60 * 1000)
            return clock.inner_text().startswith("5m")

        # News of the run that come just then tell the time of the server once more.
        wait_until(counts)
        shown.post("/stop")


def test_the_title_of_the_tab_follows_that_of_the_plan(shown: Dashboard, page: Page, root: Path) -> None:
    page.goto(shown.address)
    plan = root / "master_plan.md"
    plan.write_text(plan.read_text().replace("# Task Plan", "# Another & more"))
    page.wait_for_selector("h1 >> text=Another & more")
    assert "Another & more · orchestrator" == page.title()


def test_a_log_is_followed(orchestrate: Orchestrate, root: Path, page: Page, tmp_path: Path) -> None:
    """What an attempt under way prints appears by itself, on stdout and on stderr."""
    gate = Gate(tmp_path / "gate")
    write_plan(root, {"T-01": f"echo first >&2; {gate.wait}; echo second >&2"})
    with dashboard(orchestrate, root) as shown:
        run = orchestrate.start("run")
        gate.await_task(run)
        # An attempt is recorded as running a moment after its start; its pages exist from then on.
        wait_until((root / "results/agent-01-result.md").exists)
        page.goto(shown.address)
        page.goto(f"{page.url}tasks/T-01/logs/1?stream=stderr")
        page.wait_for_selector(".log >> text=first")
        page.wait_for_selector("text=this page follows it")
        page.evaluate("window.kept = true")
        gate.open()
        page.wait_for_selector(".log >> text=second")
        page.wait_for_selector("text=this page follows it", state="detached")
        assert page.evaluate("window.kept")
        orchestrate.finish(run)
