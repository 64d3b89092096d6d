"""``dashboard``: the command, from its first word to its end."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import everything, write_plan
from tests.patience import PATIENCE
from tests.web.dashboard import dashboard

pytest.importorskip("starlette", reason="the extra `web` is not installed")
pytest.importorskip("uvicorn", reason="the extra `web` is not installed")

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def plan(root: Path) -> Path:
    return write_plan(root, {"T-01": "echo one"})


def test_it_prints_its_address_and_serves_until_ctrl_c(
    orchestrate: Orchestrate, root: Path
) -> None:
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
        assert f"cannot listen on port {shown.port}" in refused.stderr
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
        from tests.executors.harness import wait_until

        wait_until(lambda: not children.read_text().split())


def test_the_desktop_is_shown_a_file_and_no_token(
    orchestrate: Orchestrate, root: Path, tmp_path: Path
) -> None:
    """What stands on a command line everybody can read; the file is its user's, and its token is good for one visit."""
    (tmp_path / "run").mkdir()
    (tmp_path / "bin").mkdir()
    browser = tmp_path / "bin" / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/called\nls -l "${{1#file://}}" > {tmp_path}/listed\n'
        f'cat "${{1#file://}}" > {tmp_path}/read.tmp\nmv {tmp_path}/read.tmp {tmp_path}/read\n'
    )
    browser.chmod(0o755)
    orchestrate.environment |= {
        "DISPLAY": ":0",
        "BROWSER": str(browser),
        "XDG_RUNTIME_DIR": str(tmp_path / "run"),
    }
    with dashboard(orchestrate, root, "--open") as shown:
        from tests.executors.harness import wait_until

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
    assert process.stdout is not None
    process.stdout.readline()
    process.terminate()
    assert "there is no desktop here" in orchestrate.finish(process).stderr
