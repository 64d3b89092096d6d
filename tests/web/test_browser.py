"""The dashboard in a real browser: Chromium, driven by playwright. Without one these tests are skipped and say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.web.dashboard import Dashboard, dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

HOSTILE = '<script>document.title="hit"</script><img src=x onerror=document.title="hit">'


def test_a_page_loads_and_nothing_comes_from_elsewhere(shown: Dashboard, page: Page) -> None:
    """The token leaves the address; the style counts; every request goes to us."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(shown.address)
    assert "token" not in page.url
    assert page.get_by_role("heading", name="Task Plan").is_visible()
    assert page.get_by_role("row", name="T-02").is_visible()
    assert "rgb(246, 247, 249)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert all(url.startswith(f"http://127.0.0.1:{shown.port}/") for url in asked)
    assert "" == page.evaluate("document.cookie")
    page.get_by_role("link", name="T-02").first.click()
    assert page.get_by_role("heading", name="What is asked").is_visible()


def test_a_change_appears_without_loading_the_page_again(
    shown: Dashboard, page: Page, orchestrate: Orchestrate
) -> None:
    """What a run does, and what is said; also on a page that has listened for a while."""
    page.goto(shown.address)
    page.evaluate("window.kept = true")
    assert 1 == orchestrate("run").returncode
    page.wait_for_selector("#task-T-02.failed")
    page.wait_for_selector("#task-T-01.completed")
    orchestrate("share", "T-01", "hello there")
    page.wait_for_selector(".journal >> text=hello there")
    assert page.evaluate("window.kept")


def test_a_button_does_what_it_says(shown: Dashboard, page: Page, orchestrate: Orchestrate) -> None:
    """Retry, with a reason, by a form that the browser itself sends."""
    orchestrate("run")
    page.goto(shown.address)
    page.get_by_role("link", name="T-02").first.click()
    page.locator("#ask-retry summary").click()
    page.locator("#ask-retry").get_by_label("Why").fill("once more")
    page.get_by_role("button", name="Retry T-02").click()
    page.wait_for_selector("#status >> text=Pending")
    assert page.url.endswith("/tasks/T-02")
    assert "retry by ana: once more" in orchestrate("show", "T-02").stdout
    page.get_by_label("Tell everybody").fill("done & dusted")
    page.get_by_role("button", name="Share").click()
    page.wait_for_selector(".messages >> text=done & dusted")


def test_a_run_is_started_and_seen(page: Page, orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """Its task runs, its log grows, it is stopped; all of it without loading a page again."""
    first, second = Gate(tmp_path / "first"), Gate(tmp_path / "second")
    write_plan(root, {"T-01": f"echo first; {first.wait}; echo second; {second.wait}"}, grace=1)
    with dashboard(orchestrate, root) as shown:
        page.goto(shown.address)
        page.get_by_role("button", name="Start a run").click()
        page.wait_for_selector(".live >> text=T-01")
        page.get_by_role("link", name="T-01").first.click()
        page.wait_for_selector(".log >> text=first")
        page.evaluate("window.kept = true")
        first.await_task(shown.process)
        first.open()
        page.wait_for_selector(".log >> text=second")
        assert page.evaluate("window.kept")
        page.get_by_role("link", name="orchestrator").click()
        page.locator("#ask-stop summary").click()
        page.get_by_label("Why").fill("seen enough")
        page.get_by_role("button", name="Stop run").click()
        page.wait_for_selector("text=No run is at work.")


def test_a_hostile_text_does_nothing(page: Page, orchestrate: Orchestrate, root: Path) -> None:
    """In the title, a name, an answer, a message, and typed into a form that is refused."""
    plan = write_plan(root, {"T-01": f"echo '{HOSTILE}'"})
    plan.write_text(plan.read_text().replace("# Task Plan", f"# {HOSTILE}"))
    orchestrate("run")
    orchestrate("share", "T-01", HOSTILE)
    with dashboard(orchestrate, root) as shown:
        page.goto(shown.address)
        assert HOSTILE in page.locator("h1").inner_text()
        page.get_by_role("link", name="T-01").first.click()
        assert HOSTILE in page.locator("#answer + .markdown").inner_text()
        orchestrate("share", "T-01", f"again {HOSTILE}")
        page.wait_for_selector(".messages >> text=again")
        assert "hit" != page.title()
        assert 0 == page.locator("main img, main script").count()


def test_it_works_without_script(browser: Browser, shown: Dashboard, orchestrate: Orchestrate) -> None:
    """Plain links and forms; then one loads the page again."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(shown.address)
    page.get_by_role("link", name="T-01").first.click()
    page.locator("#ask-complete summary").click()
    page.get_by_label("The result").fill("by hand")
    page.get_by_role("button", name="Complete").click()
    page.wait_for_selector("#status >> text=Completed")
    page.get_by_role("link", name="orchestrator").click()
    page.get_by_label("Find").fill("exit")
    page.get_by_role("button", name="Find").click()
    page.wait_for_selector("tbody:not(:has(#task-T-01)) #task-T-02")
    assert ["T-02"] == page.locator(".tasks tbody th").all_inner_texts()
    page.locator("summary", has_text="Add a task").click()
    page.get_by_label("What is to be done").fill("echo more")
    page.get_by_role("button", name="Add it").click()
    page.wait_for_url("**/tasks/T-04")
    context.close()


def test_focus_and_what_was_typed_survive_a_change(shown: Dashboard, page: Page, orchestrate: Orchestrate) -> None:
    """Whoever is writing, or has gone to a link by the keyboard, stays where they are."""
    page.goto(shown.address)
    link = page.locator("#task-T-03 a")
    link.focus()
    orchestrate("complete", "T-01", "done")
    page.wait_for_selector("#task-T-01.completed")
    assert "T-03" == page.evaluate("document.activeElement.textContent")
    link.click()
    words = page.get_by_label("Tell everybody")
    words.fill("half a sen")
    orchestrate("share", "T-03", "meanwhile")
    page.wait_for_selector(".messages >> text=meanwhile")
    assert "half a sen" == words.input_value()
    assert "text" == page.evaluate("document.activeElement.id")


def test_the_keyboard_reaches_everything(shown: Dashboard, page: Page) -> None:
    """The first stop leads past the head of the page; every control has a name."""
    page.goto(shown.address)
    page.keyboard.press("Tab")
    assert "Skip to the content" == page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    assert "main" == page.evaluate("document.activeElement.id")
    for path in ("", "tasks/T-01"):
        page.goto(f"{page.url.partition('#')[0]}{path}")
        controls = page.locator("input:not([type=hidden]), textarea, select, button, a")
        names = controls.evaluate_all(
            "all => all.map(each => (each.labels && each.labels[0]?.textContent || each.textContent).trim())"
        )
        assert names
        assert [] == [name for name in names if not name]


def test_a_narrow_screen_needs_no_sideways_scrolling(
    browser: Browser, shown: Dashboard, orchestrate: Orchestrate
) -> None:
    orchestrate("run")
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(shown.address)
    start = page.url
    for path in ("", "tasks/T-02", "tasks/T-99"):
        page.goto(start + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_long_ids_stay_where_they_belong(browser: Browser, orchestrate: Orchestrate, root: Path) -> None:
    """In the boxes of the picture, and on the screen of a phone."""
    first, second = "convert-" * 7 + "orders", "CHECK-" * 8 + "INVOICES"
    write_plan(root, {first: "true", second: ("true", first), "T-03": ("true", second)})
    context = browser.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    with dashboard(orchestrate, root) as shown:
        page.goto(shown.address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        widths = page.locator(".graph a").evaluate_all(
            "all => all.map(a => ['rect', 'text'].map(e => a.querySelector(e).getBoundingClientRect().right))"
        )
        assert 3 == len(widths)
        assert [] == [(box, text) for box, text in widths if text > box]
        page.goto(f"{page.url}tasks/{second}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    context.close()


def test_a_dark_system_gets_a_dark_page(browser: Browser, shown: Dashboard) -> None:
    context = browser.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto(shown.address)
    assert "rgb(17, 21, 27)" == page.evaluate("getComputedStyle(document.body).backgroundColor")
    context.close()


def test_another_site_gets_nothing(
    browser: Browser, shown: Dashboard, orchestrate: Orchestrate, root: Path, tmp_path: Path
) -> None:
    """Neither a page of a neighbour port nor one from elsewhere reads ours, frames it, or sends its forms."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(shown.address)
    start = page.url
    (tmp_path / "other").mkdir()
    write_plan(tmp_path / "other", {"T-01": "true"})
    with dashboard(orchestrate, tmp_path / "other") as neighbour:
        # A page that is the same site for cookies: the same host on another port.
        page.goto(f"http://127.0.0.1:{neighbour.port}/static/icon.svg")
        sent = page.evaluate(
            """async (start) => {
                const answers = [];
                for (const method of ["GET", "POST"]) {
                    try {
                        const body = method === "POST" ? new URLSearchParams({form: "x"}) : undefined;
                        const answer = await fetch(start, {method, body, credentials: "include"});
                        answers.push(answer.status);
                    } catch (error) { answers.push("refused"); }
                }
                return answers;
            }""",
            start,
        )
    assert ["refused", "refused"] == sent
    assert 1 == len(context.cookies(start))
    assert [] == context.cookies(f"http://127.0.0.1:{shown.port}/")
    frame = context.new_page()
    frame.set_content(f'<iframe src="{start}"></iframe>')
    assert "Tasks" not in frame.frames[-1].content()
    context.close()


def test_a_dashboard_that_is_gone_is_said_to_be(browser: Browser, orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "true"})
    context = browser.new_context()
    page = context.new_page()
    with dashboard(orchestrate, root) as shown:
        page.goto(shown.address)
        page.wait_for_load_state("networkidle")
    page.wait_for_selector("#line:not([hidden])")
    assert "not connected" == page.locator("#line").inner_text()
    context.close()
