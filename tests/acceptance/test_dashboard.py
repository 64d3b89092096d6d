"""``dashboard``: the command, from its first word to its end."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, everything, write_plan
from tests.executors.harness import wait_until
from tests.patience import PATIENCE
from tests.web.dashboard import dashboard

pytest.importorskip("starlette", reason="the extra `web` is not installed")
pytest.importorskip("uvicorn", reason="the extra `web` is not installed")


@pytest.fixture(autouse=True)
def plan(root: Path) -> Path:
    return write_plan(root, {"T-01": "echo one"})


def test_it_prints_its_address_and_serves_until_ctrl_c(orchestrate: Orchestrate, root: Path) -> None:
    """The address alone on stdout, talk on stderr; 130 as with `watch`; looking leaves the plan as it is."""
    orchestrate("status")
    before = everything(root)
    with dashboard(orchestrate, root) as shown:
        assert shown.address.startswith(f"http://127.0.0.1:{shown.port}/?token=")
        assert "T-01" in shown.enter().text
        shown.process.send_signal(signal.SIGINT)
        assert 130 == shown.process.wait(PATIENCE)
        assert shown.process.stdout is not None
        assert shown.process.stderr is not None
        assert "" == shown.process.stdout.read()
        said = shown.process.stderr.read()
    assert "Ctrl-C ends the dashboard" in said
    assert shown.token not in said
    assert before == everything(root)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_ends_at_once_whatever_is_being_answered(
    orchestrate: Orchestrate, root: Path, gate: Gate, number: int, status: int
) -> None:
    """A click that waits for a run which was put aside, a form that does not arrive. The run goes on afterwards."""
    write_plan(root, {"T-01": gate.wait, "T-02": ("echo two", "T-01")})
    run = orchestrate.start("run", root)
    gate.await_task(run)
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        run.send_signal(signal.SIGSTOP)
        with (
            shown.send("/tasks/T-02/cancel", f"form={shown.forms}&words=late"),
            shown.send("/tasks/T-02/cancel", "form=", missing=1),
        ):
            wait_until(lambda: any((root / "requests").glob("*.request.json")))
            shown.process.send_signal(number)
            assert status == shown.process.wait(PATIENCE)
        assert shown.process.stderr is not None
        said = shown.process.stderr.read().strip()
    assert ["the address lets in whoever has it; Ctrl-C ends the dashboard"] == said.splitlines()
    run.send_signal(signal.SIGCONT)
    cancelled = root / "results/agent-02-result.md"
    wait_until(cancelled.exists)
    gate.open()
    assert "1 of 2 tasks completed" in orchestrate.finish(run).stderr


def test_what_anybody_sends_says_nothing_on_the_terminal(orchestrate: Orchestrate, root: Path) -> None:
    """A browser that leaves while it sends, a request for a WebSocket, what is no request at all."""
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        shown.send("/tasks/T-01/cancel", "form=", missing=1).close()
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Cookie": None}
        assert 403 == shown.ask("GET", "/", headers=upgrade).status
        assert 400 == shown.ask("GET", "/", headers={"Host": None}).status
        assert "Pending" in shown.get("/tasks/T-01").text
        shown.process.terminate()
        assert 1 == len(orchestrate.finish(shown.process).stderr.splitlines())


def test_the_token_is_written_nowhere(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """No file of the plan or of home has it, and nobody finds it on a command line or in an environment."""
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        shown.post("/tasks/T-01/share", text="hello")
        assert 303 == shown.post("/run").status
        assert 0 == orchestrate("wait", "--for", "end").returncode
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert files
        for secret in (shown.token, shown.forms, shown.place.strip("/")):
            assert [] == [path for path in files if secret.encode() in path.read_bytes()]
        if sys.platform == "linux":
            process = Path(f"/proc/{shown.process.pid}")
            assert shown.token.encode() not in (process / "cmdline").read_bytes()
            assert shown.token.encode() not in (process / "environ").read_bytes()


def test_each_start_has_a_token_of_its_own(orchestrate: Orchestrate, root: Path) -> None:
    tokens = set()
    for _ in range(2):
        with dashboard(orchestrate, root) as shown:
            tokens.add(shown.token)
    assert 2 == len(tokens)
    assert {64} == {len(token) for token in tokens}


def test_json_has_the_address_too(orchestrate: Orchestrate, root: Path) -> None:
    process = orchestrate.start("dashboard", "--port", "0", "--json")
    assert process.stdout is not None
    said = json.loads(process.stdout.readline())
    assert {"ok", "code", "message", "url", "port", "pid", "directory"} == said.keys()
    assert (True, process.pid, str(root)) == (said["ok"], said["pid"], said["directory"])
    assert f"127.0.0.1:{said['port']}/?token=" in said["url"]
    process.send_signal(signal.SIGTERM)
    assert 143 == process.wait(PATIENCE)


def test_a_taken_port_is_an_error_with_a_hint(orchestrate: Orchestrate, root: Path) -> None:
    """It does not move elsewhere by itself: whoever named a port looks there."""
    with dashboard(orchestrate, root) as shown:
        refused = orchestrate("dashboard", root, "--port", str(shown.port))
        assert (2, "") == (refused.returncode, refused.stdout)
        said = f"error: cannot listen on port {shown.port}: Address already in use\n"
        assert said in refused.stderr
        assert "hint: --port 0" in refused.stderr
        again = orchestrate("dashboard", root, "--port", str(shown.port), "--json")
        assert ("usage", False) == (again.json["code"], again.json["ok"])
    with dashboard(orchestrate, root, "--port", str(shown.port)) as second:
        assert shown.port == second.port


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none_is_refused(orchestrate: Orchestrate, port: str) -> None:
    assert 2 == orchestrate("dashboard", "--port", port).returncode


def test_there_has_to_be_a_plan(orchestrate: Orchestrate, tmp_path: Path) -> None:
    refused = orchestrate("dashboard", tmp_path / "nowhere", "--port", "0")
    assert (2, True) == (refused.returncode, "no such plan directory" in refused.stderr)


@pytest.mark.parametrize("missing", [["starlette"], ["starlette", "uvicorn"]])
def test_without_its_packages_it_says_what_to_install(
    orchestrate: Orchestrate, tmp_path: Path, missing: list[str]
) -> None:
    """They are an extra: whoever never looks at the dashboard does not install a web server."""
    (tmp_path / "without").mkdir()
    lines = "".join(f"sys.modules[{name!r}] = None\n" for name in missing)
    (tmp_path / "without" / "sitecustomize.py").write_text(f"import sys\n{lines}")
    path = f"{tmp_path}/without{os.pathsep}{orchestrate.environment['PYTHONPATH']}"
    refused = orchestrate("dashboard", env={"PYTHONPATH": path})
    assert (2, "") == (refused.returncode, refused.stdout)
    assert f"the dashboard needs {' and '.join(missing)}" in refused.stderr
    assert "pip install starlette uvicorn" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_no_process_is_left_behind(orchestrate: Orchestrate, root: Path) -> None:
    """Nor a zombie while it serves: of the runs it started it takes note."""
    if sys.platform != "linux":
        pytest.skip("looks into /proc")
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        assert 303 == shown.post("/run").status
        assert 0 == orchestrate("wait", "--for", "end").returncode
        children = Path(f"/proc/{shown.process.pid}/task/{shown.process.pid}/children")
        wait_until(lambda: not children.read_text().split())


def test_the_desktop_is_shown_a_file_and_no_token(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """What stands on a command line everybody can read; the file is its user's, and its token is good for one visit."""
    (tmp_path / "run").mkdir()
    (tmp_path / "bin").mkdir()
    browser = tmp_path / "bin" / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/called\nls -l "${{1#file://}}" > {tmp_path}/listed\n'
        f'cat "${{1#file://}}" > {tmp_path}/read.tmp\nmv {tmp_path}/read.tmp {tmp_path}/read\n'
    )
    browser.chmod(0o755)
    orchestrate.environment |= {"DISPLAY": ":0", "BROWSER": str(browser), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    with dashboard(orchestrate, root, "--open") as shown:
        wait_until((tmp_path / "read").exists)
        page = (tmp_path / "read").read_text()
        assert shown.token not in page + (tmp_path / "called").read_text()
        assert (tmp_path / "listed").read_text().startswith("-rw-------")
        address = page.partition("url=http://127.0.0.1:")[2].partition('"')[0].partition("/")[2]
        let_in = shown.ask("GET", f"/{address}", headers={"Sec-Fetch-Site": "cross-site"})
        assert (200, True) == (let_in.status, "set-cookie" in let_in.headers)
        assert 403 == shown.ask("GET", f"/{address}").status
    assert [] == list((tmp_path / "run").iterdir())
    del orchestrate.environment["DISPLAY"]
    process = orchestrate.start("dashboard", root, "--port", "0", "--open")
    assert process.stderr is not None
    said = [process.stderr.readline() for _ in range(2)]
    process.terminate()
    orchestrate.finish(process)
    assert "there is no desktop here" in said[1]


def test_no_browser_of_the_current_directory_is_started(orchestrate: Orchestrate, root: Path, tmp_path: Path) -> None:
    """However PATH leads there (promise 25); the one behind it is taken."""
    (tmp_path / "bin").mkdir()
    for place, says in {tmp_path: "bad", tmp_path / "bin": "good"}.items():
        browser = place / "some-browser"
        browser.write_text(f"#!/bin/sh\necho {says} > {tmp_path}/{says}\n")
        browser.chmod(0o755)
    orchestrate.environment |= {
        "DISPLAY": ":0",
        "BROWSER": "some-browser",
        "PATH": f".::{tmp_path / 'bin'}:{orchestrate.environment['PATH']}",
    }
    with dashboard(orchestrate, root, "--open"):
        wait_until(lambda: (tmp_path / "good").exists() or (tmp_path / "bad").exists())
    assert (True, False) == ((tmp_path / "good").exists(), (tmp_path / "bad").exists())


def test_a_browser_that_stays_in_the_foreground_keeps_nobody_waiting(
    orchestrate: Orchestrate, root: Path, tmp_path: Path, gate: Gate
) -> None:
    """Pages are served while it is open, and Ctrl-C ends the dashboard; its file goes elsewhere when there is no place
    for it, as for somebody who became another user.
    """
    browser = tmp_path / "browser"
    browser.write_text(f"#!/bin/sh\n{gate.wait}\n")
    browser.chmod(0o755)
    orchestrate.environment |= {
        "DISPLAY": ":0",
        "BROWSER": f"{browser} %s",
        "XDG_RUNTIME_DIR": str(tmp_path / "nowhere"),
        "TMPDIR": str(tmp_path),
    }
    with dashboard(orchestrate, root, "--open") as shown:
        gate.await_task(shown.process)
        assert "T-01" in shown.enter().text
        assert 1 == len(list(tmp_path.glob("orchestrator-*/dashboard.html")))
        shown.process.send_signal(signal.SIGINT)
        assert 130 == shown.process.wait(PATIENCE)
        gate.open()
    assert [] == list(tmp_path.glob("orchestrator-*"))
