"""Who may come in, asked of the real server over a socket (promise 27)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import write_plan
from tests.patience import PATIENCE
from tests.web.dashboard import CLOSED, Dashboard, dashboard


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    """One dashboard for all tests here: none of them gets anything done."""
    where = tmp_path_factory.mktemp("gate")
    orchestrate = Orchestrate(where)
    write_plan(where / "plan", {"T-01": "echo one"})
    with dashboard(orchestrate, where / "plan") as each:
        each.enter()
        yield each
    orchestrate.close()


def nothing_was_done(shown: Dashboard) -> bool:
    return "Cancelled" not in shown.get("/tasks/T-01").text


def test_the_token_is_changed_for_a_cookie_that_no_script_and_no_other_site_gets(shown: Dashboard) -> None:
    """It leaves the address at once; the cookie goes to our pages only, not to other ports of this machine."""
    reply = shown.ask("GET", f"/?token={shown.token}", headers={"Cookie": None})
    assert (303, f"{shown.place}/") == (reply.status, reply.headers["location"])
    given, *words = reply.headers["set-cookie"].split("; ")
    name, _, value = given.partition("=")
    assert f"orchestrator-{shown.port}" == name
    assert 403 == shown.ask("GET", f"/?token={value}").status  # what it says is no address
    assert {"HttpOnly", "SameSite=strict", f"Path={shown.place}/"} == set(words)
    assert len(shown.place) > 16


def test_a_link_on_another_site_leads_in_by_a_page_of_ours(shown: Dashboard) -> None:
    """A browser sends no strict cookie along with what another site began."""
    reply = shown.ask("GET", f"/?token={shown.token}", headers={"Sec-Fetch-Site": "cross-site"})
    assert 200 == reply.status
    assert f'content="0; url={shown.place}/"' in reply.text


@pytest.mark.parametrize("path", ["/", "/tasks/T-01", "/events", "/tasks/T-01/events", "/nothing"])
@pytest.mark.parametrize("cookie", [None, "orchestrator-{port}=", "orchestrator-{port}=wrong"])
def test_no_page_without_the_token(shown: Dashboard, path: str, cookie: str | None) -> None:
    """Another user of the machine must not read results either."""
    headers = {"Cookie": cookie and cookie.format(port=shown.port)}
    reply = shown.ask("GET", f"{shown.place}{path}", headers=headers)
    assert (403, False) == (reply.status, "T-01" in reply.text)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS", "get"])
@pytest.mark.parametrize(
    "cookie", [None, "orchestrator-{port}", "orchestrator-{port}={token}", "orchestrator-{port}={forms}"]
)
def test_who_was_not_let_in_learns_nothing(shown: Dashboard, method: str, cookie: str | None) -> None:
    """Wherever they knock: not where the pages are, nor the token, nor whose plan it is.

    A browser that is led to our path on any other port of this machine sends our cookie there.
    """
    secrets = (shown.place.strip("/"), shown.token, shown.forms, shown.cookie.partition("=")[2])
    words = {name: getattr(shown, name) for name in ("port", "token", "forms")}
    headers = {
        "Cookie": cookie and cookie.format(**words),
        "Origin": f"http://127.0.0.1:{shown.port}",
        "Content-Type": "application/x-www-form-urlencoded",
    }
    for path in (
        *("/", "//", "/?token=wrong", "/?token=%00", "/nothing", "/run", "/tasks/T-01", "/%2e%2e/"),
        *("/static", "/static/", "/static//", "/static/nothing", "/static/%00", "/static/../x"),
        *("/static/dashboard.js", "/static/dashboard.js/", "/static/dashboard.js%2f..", "/static/?x"),
        *("/plans/x/", "/events", "/favicon.ico", "/0123456789abcdef/", "*", "static/x", "http://x/"),
        *(f"{shown.place}{below}" for below in ("", "/", "/nothing", "/run", "/plans/x/", "/static/")),
    ):
        reply = shown.ask(method, path, f"form={shown.forms}" if method == "POST" else None, headers)
        said = f"{reply.headers}{reply.text}"
        assert [] == [each for each in (*secrets, "Task Plan", "ana") if each in said], path


@pytest.mark.parametrize("path", ["/", "/?token=", "/?token=wrong", "/?token=%C3%A9", "/?other=1"])
def test_a_wrong_token_lets_nobody_in(shown: Dashboard, path: str) -> None:
    reply = shown.ask("GET", path)
    assert (403, False) == (reply.status, "set-cookie" in reply.headers)


def test_a_cookie_that_a_neighbour_added_keeps_nobody_out(shown: Dashboard) -> None:
    """Programs on other ports of this host share the jar; ours is found among them."""
    for cookies in (f"{shown.cookie}; orchestrator-{shown.port}=x", f"a=b; orchestrator-{shown.port}=; {shown.cookie}"):
        assert 200 == shown.ask("GET", f"{shown.place}/", headers={"Cookie": cookies}).status


def test_the_cookie_opens_only_the_addresses_of_this_start(shown: Dashboard) -> None:
    assert 403 == shown.ask("GET", "/0123456789abcdef/").status
    assert 403 == shown.ask("GET", "/tasks/T-01").status


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "127.0.0.1",
        "localhost",
        "127.0.0.1:1",
        "127.0.0.1.evil.example:{port}",
        "localhost.:{port}",
        "127.1:{port}",
        "[::1]:{port}",
        "",
        None,
    ],
)
@pytest.mark.parametrize("path", ["{place}/", "/?token={token}", "/static/dashboard.js"])
def test_only_our_own_name_is_answered(shown: Dashboard, host: str | None, path: str) -> None:
    """A name that somebody pointed at this machine gives their pages no way to ours (DNS rebinding)."""
    asked = path.format(place=shown.place, token=shown.token)
    reply = shown.ask("GET", asked, headers={"Host": host and host.format(port=shown.port)})
    assert reply.status in {400, 421}
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "localhost:{port}", "LocalHost:{port}"])
def test_we_have_two_names(shown: Dashboard, host: str) -> None:
    reply = shown.ask("GET", f"{shown.place}/", headers={"Host": host.format(port=shown.port)})
    assert 200 == reply.status


def test_port_80_is_left_out_of_a_name() -> None:
    from orchestrator.web.gate import Keys

    assert {"127.0.0.1", "localhost"} < set(Keys(80).hosts)
    assert not {"127.0.0.1", "localhost"} & set(Keys(8765).hosts)


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "http://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:1",
        "https://127.0.0.1:{port}",
        "http://localhost:{port}",
        "http://127.0.0.1:{port}.evil.example",
    ],
)
def test_nothing_is_done_for_another_origin(shown: Dashboard, origin: str | None) -> None:
    """Also with the cookie and the word of the form; a request that names no origin comes from no page of ours."""
    headers = {"Origin": origin and origin.format(port=shown.port), "Sec-Fetch-Site": "same-origin"}
    assert 403 == shown.post("/tasks/T-01/cancel", headers).status
    assert nothing_was_done(shown)


@pytest.mark.parametrize("word", ["", "wrong", "é"])
def test_nothing_is_done_without_the_word_of_the_form(shown: Dashboard, word: str) -> None:
    assert 403 == shown.post("/tasks/T-01/cancel", form=word).status
    assert nothing_was_done(shown)


def test_nothing_is_done_without_the_cookie(shown: Dashboard) -> None:
    assert 403 == shown.post("/tasks/T-01/cancel", {"Cookie": None}).status
    assert nothing_was_done(shown)


def test_looking_does_nothing(shown: Dashboard) -> None:
    """What changes something is sent by a form; an address that is only opened changes nothing."""
    for path, page in (
        ("/run", "/"),
        ("/stop", "/"),
        ("/tasks", "/"),
        ("/transition", "/"),
        ("/tasks/T-01/cancel", "/tasks/T-01"),
        ("/tasks/T-01/share", "/tasks/T-01"),
        ("/plans/x/run", "/plans/x/"),
    ):
        reply = shown.get(path)  # the address that a browser shows when a form was refused
        assert (303, f"{shown.place}{page}") == (reply.status, reply.headers["location"])
    assert 404 == shown.get("/tasks/T-01/nonsense").status
    assert 405 == shown.post("/").status
    assert "There is no such button." in shown.post("/").text
    for method in ("PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"):
        assert 405 == shown.ask(method, f"{shown.place}/").status
    assert nothing_was_done(shown)


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/json"])
def test_only_forms_are_read(shown: Dashboard, kind: str) -> None:
    assert 415 == shown.post("/tasks/T-01/cancel", {"Content-Type": kind}).status
    assert nothing_was_done(shown)


def test_what_is_too_much_is_refused(shown: Dashboard) -> None:
    """A body, in one piece or in chunks; many fields. Who goes on sending may find the line closed."""
    assert shown.post("/tasks/T-01/share", text="x" * 2_000_000).status in {413, CLOSED}
    chunked = {"Content-Length": None, "Transfer-Encoding": "chunked"}
    fields = {"Origin": f"http://127.0.0.1:{shown.port}", "Content-Type": "application/x-www-form-urlencoded"}
    body = b"200000\r\n" + b"x" * 0x200000 + b"\r\n0\r\n\r\n"
    reply = shown.ask("POST", f"{shown.place}/run", body, {**fields, **chunked})
    assert reply.status in {413, CLOSED}
    many = urlencode([("form", shown.forms), *((f"f{n}", "") for n in range(60))])
    assert 413 == shown.ask("POST", f"{shown.place}/run", many, fields).status
    assert "x" * 100 not in shown.get("/tasks/T-01").text
    assert nothing_was_done(shown)


def test_every_answer_says_what_a_browser_may_do_with_it(shown: Dashboard) -> None:
    """Pages, refusals, files, redirects: nothing from elsewhere, no script in a page, in no frame, kept nowhere."""
    replies = [
        shown.get("/"),
        shown.get("/nothing"),
        shown.ask("GET", "/"),
        shown.ask("GET", f"/?token={shown.token}"),
        shown.ask("GET", "/static/dashboard.css"),
        shown.post("/tasks/T-01/nonsense"),
    ]
    assert [200, 404, 403, 303, 200, 404] == [each.status for each in replies]
    for reply in replies:
        policy = dict(each.split(" ", 1) for each in reply.headers["content-security-policy"].split("; "))
        assert "'none'" == policy.pop("default-src") == policy.pop("frame-ancestors")
        assert "'none'" == policy.pop("base-uri")
        assert {"'self'"} == set(policy.values())
        assert "nosniff" == reply.headers["x-content-type-options"]
        assert "same-origin" == reply.headers["referrer-policy"]
        assert "no-store" == reply.headers["cache-control"]
        assert "server" not in reply.headers


def test_no_page_has_a_script_or_a_style_in_it(shown: Dashboard) -> None:
    for page in (shown.get("/").text, shown.get("/tasks/T-01").text, shown.ask("GET", "/").text):
        assert "<style" not in page
        assert " style=" not in page
        assert page.count("<script") == page.count('<script src="/static/')
        assert "://" not in page.replace("http://www.w3.org", "")


def test_files_beside_ours_are_not_served(shown: Dashboard) -> None:
    for path in ("..", "../gate.py", "%2e%2e/gate.py", "..%2fgate.py", "/etc/passwd", ""):
        assert 403 == shown.ask("GET", f"/static/{path}").status


def test_it_listens_on_the_loopback_interface_only(shown: Dashboard) -> None:
    """Whatever else this machine is called, nobody answers there."""
    tables = [Path(f"/proc/{shown.process.pid}/net/{name}") for name in ("tcp", "tcp6")]
    if not tables[0].exists():
        pytest.skip("looks into /proc")
    rows = [line.split() for table in tables for line in table.read_text().splitlines()[1:]]
    listening = [row[1] for row in rows if row[3] == "0A" and row[1].endswith(f":{shown.port:04X}")]
    assert [f"0100007F:{shown.port:04X}"] == listening


def test_who_says_nothing_keeps_nobody_out(shown: Dashboard) -> None:
    """Lines that are opened and left alone do not stop the pages, and end by themselves."""
    lines = [socket.create_connection(("127.0.0.1", shown.port), PATIENCE) for _ in range(40)]
    try:
        assert 200 == shown.get("/").status
    finally:
        for line in lines:
            line.close()


def test_a_ticket_lets_in_once() -> None:
    from orchestrator.web.gate import Keys

    keys = Keys(8765)
    ticket = keys.ticket()
    assert [True, False] == [keys.fits(ticket), keys.fits(ticket)]
    assert [True, True] == [keys.fits(keys.token), keys.fits(keys.token)]
    assert keys.address(ticket).endswith(f"?token={ticket}")
    assert keys.token not in keys.address(ticket)
