"""A dashboard as a process of its own, and a client that does what a browser does, or what an attacker would."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.acceptance.orchestrate import Orchestrate
from tests.patience import PATIENCE

#: The status of an answer that did not come, because the line was closed.
CLOSED = 0


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class Dashboard:
    """One that runs, and somebody in front of it."""

    process: subprocess.Popen[str]
    address: str
    """What it printed."""
    cookie: str = ""
    place: str = ""
    """What the addresses of its pages begin with."""
    forms: str = field(default="", repr=False)
    """The word that its forms say."""

    @property
    def port(self) -> int:
        return urlsplit(self.address).port or 0

    @property
    def token(self) -> str:
        return parse_qs(urlsplit(self.address).query)["token"][0]

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, headers: Mapping[str, str | None] | None = None
    ) -> Reply:
        """Send a request with our cookie; a header that is None is left out."""
        sent = {"Host": f"127.0.0.1:{self.port}", "Cookie": self.cookie, **(headers or {})}
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            line.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            for name, value in sent.items():
                if value is not None:
                    line.putheader(name, value)
            data = body.encode() if isinstance(body, str) else body
            if data is not None and "Content-Length" not in sent:
                line.putheader("Content-Length", str(len(data)))
            line.endheaders(data)
            answer = line.getresponse()
            text = answer.read().decode()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, text)
        except ConnectionError:
            return Reply(CLOSED, {}, "")
        finally:
            line.close()

    def enter(self) -> Reply:
        """Come in as a browser does: change the token for a cookie, look at the first page."""
        let_in = self.ask("GET", f"/?token={self.token}", headers={"Cookie": None})
        assert (303, "") == (let_in.status, let_in.text)
        self.cookie = let_in.headers["set-cookie"].partition(";")[0]
        self.place = let_in.headers["location"].rstrip("/")
        page = self.get("/")
        if found := re.search(r'name="form" value="(\w+)"', page.text):
            self.forms = found[1]
        return page

    def get(self, path: str, **headers: str) -> Reply:
        """Look at a page."""
        return self.ask("GET", f"{self.place}{path}", headers=headers)

    def post(self, path: str, headers: Mapping[str, str | None] | None = None, **fields: str) -> Reply:
        """Send a form, as a page of the dashboard does."""
        sent = {
            "Origin": f"http://127.0.0.1:{self.port}",
            "Content-Type": "application/x-www-form-urlencoded",
            **(headers or {}),
        }
        body = urlencode({"form": self.forms, **fields})
        return self.ask("POST", f"{self.place}{path}", body, sent)

    def send(self, path: str, body: str, *, missing: int = 0) -> socket.socket:
        """Send a form and wait for nothing; return the open line. *missing* bytes of it never come."""
        line = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        head = (
            f"POST {self.place}{path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Origin: http://127.0.0.1:{self.port}",
            f"Cookie: {self.cookie}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body) + missing}",
        )
        line.sendall("\r\n".join((*head, "", body)).encode())
        return line


class Tags(HTMLParser):
    """Every element and attribute of a page, as a browser would read it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def text_of(page: str) -> str:
    return Tags(page).text


@contextmanager
def dashboard(orchestrate: Orchestrate, root: Path, *more: str, cwd: Path | None = None) -> Iterator[Dashboard]:
    """Start one on a free port, and end it."""
    process = orchestrate.start("dashboard", root, "--port", "0", "--as", "ana", *more, cwd=cwd)
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address, orchestrate.finish(process)
        yield Dashboard(process, address)
    finally:
        process.terminate()
        process.wait(PATIENCE)
