"""No barriers: axe-core finds nothing against WCAG 2.2 A and AA on any page, in the light and in the dark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan
from tests.web.dashboard import dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser

CHECK = """async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const found = await axe.run(document, { runOnly: { type: "tag", values: tags } });
    return found.violations.map(each => `${each.id}: ${each.nodes.map(n => n.html).slice(0, 3).join(" ")}`);
}"""
ANSWER = "# A\n\n## B\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[link](https://example.org) `code`\n\n> quote\n"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier(browser: Browser, orchestrate: Orchestrate, root: Path, axe: str, scheme: str) -> None:
    """A plan with tasks in most statuses, each of its pages, everything that can be opened open."""
    gate = Gate(root.parent / "gate")
    tasks = {
        "T-01": "echo one",
        "T-02": ("echo bad >&2; exit 3", "T-01"),
        "T-03": ("true", "T-02"),
        "T-04": "true",
        "T-05": gate.wait,
        "T-06": ("true", "T-05"),
        "T-07": "true",
    }
    write_plan(root, tasks, retries=0, max_parallel=8)
    orchestrate("complete", "T-04", ANSWER)
    orchestrate("block", "T-07", "waits")
    run = orchestrate.start("run")
    gate.await_task(run)
    orchestrate("share", "T-01", "hello")
    context = browser.new_context(color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()
    found: dict[str, list[str]] = {}
    with dashboard(orchestrate, root) as shown:
        page.goto(shown.address)
        start = page.url.rstrip("/")
        page.wait_for_selector("#task-T-02.failed")
        paths = ["/", "/?status=failed", *(f"/tasks/T-0{n}" for n in range(1, 8))]
        for path in (*paths, "/tasks/T-02/logs/1?stream=stderr", "/tasks/T-77"):
            page.goto(f"{start}{path}")
            page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
            page.evaluate(axe)
            found[path] = page.evaluate(CHECK)
        gate.open()
        orchestrate.finish(run)
    context.close()
    assert {} == {path: barriers for path, barriers in found.items() if barriers}


def test_a_directory_of_plans_and_a_grid_have_none(
    browser: Browser, orchestrate: Orchestrate, root: Path, axe: str
) -> None:
    root.mkdir()
    orchestrate("create", "Build it")
    chain = {f"A{n:03}": ("true", f"A{n - 1:03}" if n else "None") for n in range(160)}
    write_plan(root / "many", chain)
    context = browser.new_context()
    page = context.new_page()
    found = {}
    with dashboard(orchestrate, root) as shown:
        page.goto(shown.address)
        start = page.url.rstrip("/")
        for path in ("/", "/?all=1", "/plans/TASK-001/", "/plans/many/"):
            page.goto(f"{start}{path}")
            page.evaluate(axe)
            found[path] = page.evaluate(CHECK)
    context.close()
    assert {} == {path: barriers for path, barriers in found.items() if barriers}
