"""Posting to a server that is busy, broken, slow, gone or somebody else. Nobody waits: pauses are written down."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
from email.utils import formatdate
from pathlib import Path

import pytest

from orchestrator.notifiers.protocol import NotifyError
from orchestrator.notifiers.webhook import post
from tests.notifiers.server import BUSY_DRIBBLE, DRIBBLE, DROP, ENDLESS, HANG, Reply, serving


class Pauses(list[float]):
    """Waits for nothing."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def failure(url: str, **limits: float) -> tuple[str, list[float]]:
    pauses = Pauses()
    with pytest.raises(NotifyError) as caught:
        post(url, b"{}", pauses, **limits)
    assert "secret-token" not in str(caught.value)
    return str(caught.value), pauses


def test_json_is_posted() -> None:
    with serving() as server:
        post(server.url(), b'{"a": "\xc3\xa4"}', Pauses())
    assert [{"a": "ä"}] == server.bodies
    assert "application/json" == server.heads[0]["Content-Type"]
    assert ["/hook/secret-token"] == server.paths


@pytest.mark.parametrize("status", [429, 500, 501, 503, 520, 599])
def test_who_is_busy_or_broken_is_asked_again(status: int) -> None:
    pauses = Pauses()
    with serving([Reply(status), Reply(status)]) as server:
        post(server.url(), b"{}", pauses)
    assert 3 == len(server.bodies)
    assert [1.0, 2.0] == pauses


def test_the_pauses_grow_and_come_to_an_end() -> None:
    with serving(always=Reply(503)) as server:
        said, pauses = failure(server.url())
    assert "the answer was 503 Service Unavailable, 5 times" == said
    assert [1.0, 2.0, 4.0, 8.0] == pauses
    assert 5 == len(server.bodies)


@pytest.mark.parametrize(("asked", "waited"), [("7", 7.0), ("0.65", 1.0), ("rubbish", 1.0), ("-5", 1.0)])
def test_who_asks_for_time_gets_it(asked: str, waited: float) -> None:
    """At least as much as it would have got anyway."""
    pauses = Pauses()
    with serving([Reply(429, {"Retry-After": asked})]) as server:
        post(server.url(), b"{}", pauses)
    assert [waited] == pauses


def test_a_moment_may_be_a_date() -> None:
    pauses = Pauses()
    with serving([Reply(503, {"Retry-After": formatdate(0, usegmt=True)})]) as server:
        post(server.url(), b"{}", pauses)
    assert [1.0] == pauses


@pytest.mark.parametrize("asked", ["301", "1e99", "nan", "inf"])
def test_who_asks_for_too_much_gets_nothing(asked: str) -> None:
    with serving(always=Reply(429, {"Retry-After": asked})) as server:
        said, pauses = failure(server.url())
    assert "asks to wait longer than 300s" == said
    assert [] == pauses


@pytest.mark.parametrize("status", [400, 401, 404, 410])
def test_a_no_is_a_no(status: int) -> None:
    with serving(always=Reply(status)) as server:
        said, pauses = failure(server.url())
    assert said.startswith(f"the answer was {status}")
    assert [] == pauses
    assert 1 == len(server.bodies)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_followed(status: int) -> None:
    """Neither to another host nor on this one."""
    with serving() as other, serving(always=Reply(status, {"Location": other.url()})) as server:
        said, _ = failure(server.url())
    assert "it has moved" in said
    assert 1 == len(server.paths)
    assert [] == other.paths


def test_who_hangs_is_left_alone_after_a_second_try() -> None:
    with serving(always=HANG) as server:
        said, pauses = failure(server.url(), answer=0.05)
    assert "no answer in time" == said
    assert 2 == len(server.bodies)
    assert [1.0] == pauses


def test_who_answers_a_byte_at_a_time_is_left_alone_as_well() -> None:
    with serving(always=DRIBBLE) as server:
        said, pauses = failure(server.url(), answer=0.3)
    assert "no answer in time" == said
    assert [1.0] == pauses


def test_why_somebody_is_busy_is_not_read() -> None:
    with serving([BUSY_DRIBBLE, Reply(204)]) as server:
        post(server.url(), b"{}", Pauses())
    assert 2 == len(server.bodies)


def test_who_stands_in_the_address_signs_it() -> None:
    with serving() as server:
        named = server.url().replace("://", "://us%40er:p%3Aw@")
        post(named, b"{}", Pauses())
    signed = base64.b64encode(b"us@er:p:w").decode()
    assert f"Basic {signed}" == server.heads[0]["Authorization"]


def test_a_line_that_broke_is_tried_once_more() -> None:
    with serving([DROP]) as server:
        post(server.url(), b"{}", Pauses())
    assert 2 == len(server.bodies)


def test_an_answer_without_an_end_is_not_read() -> None:
    with serving([ENDLESS]) as server:
        post(server.url(), b"{}", Pauses())
    assert 1 == len(server.bodies)


def test_nobody_there(caplog: pytest.LogCaptureFixture) -> None:
    """And no log of whoever calls us hears the address."""
    caplog.set_level("DEBUG")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and never listens
        port = taken.getsockname()[1]
        said, pauses = failure(f"http://127.0.0.1:{port}/secret-token")
    assert "cannot be reached: Connection refused" == said
    assert [1.0, 2.0, 4.0, 8.0] == pauses
    assert [] == caplog.records


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    pem = tmp_path / "own.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    names = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-nodes", "-keyout", str(pem), "-out", str(tmp_path / "cert.pem"), "-days", "2"]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    pem.write_text(pem.read_text() + (tmp_path / "cert.pem").read_text())
    with serving(certificate=str(pem)) as server:
        said, _ = failure(server.url())
    assert "its certificate is not trusted" in said
    assert [] == server.bodies


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the whole address; whoever is excepted is asked directly."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serving() as proxy:
        monkeypatch.setenv("http_proxy", f"http://me:word@127.0.0.1:{proxy.port}")
        post("http://hooks.invalid/secret-token", b"{}", Pauses())
        assert ["http://hooks.invalid/secret-token"] == proxy.paths
        assert proxy.heads[0]["proxy-authorization"].startswith("Basic ")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with serving() as server:
            post(server.url(), b"{}", Pauses())
        assert ["/hook/secret-token"] == server.paths
