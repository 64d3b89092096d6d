"""Dashboards for tests; without the packages they need, there is nothing to test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.web.dashboard import Dashboard, dashboard

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page, Request, Response

#: What looks for barriers in a page; ``nox -s tests`` installs it.
_AXE = Path(
    os.environ.get("ORCHESTRATOR_TEST_AXE")
    or Path(__file__).parents[2] / ".claude-cli/node_modules/axe-core/axe.min.js"
)
#: Where a browser may be, the first that is there.
_PROGRAMS = (os.environ.get("ORCHESTRATOR_TEST_CHROMIUM", ""), "chromium", "chromium-browser")


@pytest.fixture(autouse=True, scope="session")
def packages() -> None:
    """Skip, where the extra is not installed."""
    for each in ("starlette", "uvicorn"):
        pytest.importorskip(each, reason="the extra `web` is not installed")


@pytest.fixture
def opened(orchestrate: Orchestrate, root: Path) -> Iterator[Dashboard]:
    """A dashboard of a plan of two tasks that were never run, and somebody who was let in."""
    write_plan(root, {"T-01": "echo one", "T-02": ("echo two", "T-01")})
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        yield shown


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all tests here; each has a context of its own."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    program = next((found for each in _PROGRAMS if each and (found := shutil.which(each))), None)
    if program is None:
        pytest.skip("there is no chromium here (apt-get install chromium)")
    # Its sandbox does not work for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as driver:
        launched = driver.chromium.launch(executable_path=program, args=arguments)
        yield launched
        launched.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    made = browser.new_context()
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page that complains about nothing: no error of a script, no violation of its policy, nothing not found."""
    complaints: list[str] = []
    made = context.new_page()

    def failed(request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # what leaving a page cuts off is no complaint
            complaints.append(f"failed: {request.url}")

    def answered(answer: Response) -> None:
        if answer.status >= 400:
            complaints.append(f"{answer.status}: {answer.url}")

    made.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("requestfailed", failed)
    made.on("response", answered)
    yield made
    assert [] == complaints


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core."""
    if not _AXE.exists():
        pytest.skip(f"no {_AXE.name}; `nox -s tests` installs axe-core")
    return _AXE.read_text(encoding="utf-8")


@pytest.fixture
def shown(orchestrate: Orchestrate, root: Path) -> Iterator[Dashboard]:
    write_plan(root, {"T-01": "true", "T-02": ("exit 3", "T-01"), "T-03": "true"})
    with dashboard(orchestrate, root) as each:
        yield each
