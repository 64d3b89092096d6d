"""Decides which requests are let in. It stands in front of every route, and nothing else decides that.

A browser has other sites' pages open next to ours, and other users of the machine reach the same port. So a request
has to name this server as its host (another name that resolves to this machine is refused), and to bring the token that
was printed at the start. A request that changes something also has to come from one of our own pages, which is checked
by its origin and by a token in the form.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from orchestrator.views import pages

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

STATIC = "/static"
#: What a browser may have to look at before it is let in; there is nothing of a plan in it, nor of where that is.
_OPEN = frozenset(f"{STATIC}/{name}" for name in ("dashboard.css", "dashboard.js", "icon.svg"))
#: Bytes of a form, fields in it, and seconds within which it has to arrive.
_LARGEST, _FIELDS, _PATIENCE = 1024 * 1024, 50, 10.0
_FORM = "application/x-www-form-urlencoded"
#: The headers of every response: a page loads only our own resources, inline scripts do not run, no site can frame it,
#: and other sites do not learn from which page a link was followed. (`no-referrer` would make browsers hide the origin
#: from this server, too.)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Keys:
    """What lets a browser in until we end; made anew at every start and kept nowhere."""

    port: int
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    """Hexadecimal, so that nothing in it looks like the tokens that we take out of what we print."""
    session: str = field(default_factory=lambda: secrets.token_hex(32))
    """What a browser shows once the token has let it in. It is no address: with the token, a cookie that went astray
    would be one."""
    form: str = field(default_factory=lambda: secrets.token_hex(32))
    place: str = field(default_factory=lambda: f"/{secrets.token_hex(8)}")
    """What all our addresses begin with. A cookie goes to every port of a host; to this path it goes only to us."""
    tickets: set[str] = field(default_factory=set)
    """Tokens that let in once."""

    @property
    def hosts(self) -> tuple[str, ...]:
        """What we are called; a browser leaves out port 80."""
        names = ("127.0.0.1", "localhost")
        bare = names if self.port == 80 else ()
        return (*(f"{name}:{self.port}" for name in names), *bare)

    @property
    def cookie(self) -> str:
        """The name of the cookie: programs on several ports share one jar."""
        return f"orchestrator-{self.port}"

    def address(self, token: str = "") -> str:
        """Return the address that lets in."""
        return f"http://{self.hosts[0]}/?token={token or self.token}"

    def ticket(self) -> str:
        """Return a token that lets in once."""
        made = secrets.token_hex(32)
        self.tickets.add(made)
        return made

    def fits(self, token: str) -> bool:
        """Say whether a token lets in; one that does so once is spent."""
        given = token.encode()
        if compare_digest(given, self.token.encode()):
            return True
        spent = [each for each in self.tickets if compare_digest(given, each.encode())]
        self.tickets.difference_update(spent)
        return bool(spent)


class Gate:
    """Stands in front of an application and lets in who may."""

    def __init__(self, inside: ASGIApp, keys: Keys) -> None:
        """Take what is behind it, and what opens it."""
        self._inside, self._keys = inside, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that may not come in; hand on any other, with its form read."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        answer = self._refusal(request) or await self._read_form(request)
        await (answer or self._inside)(scope, receive, _with_headers(send))

    def _refusal(self, request: Request) -> Response | None:
        hosts = request.headers.getlist("host")
        if len(hosts) != 1 or hosts[0].lower() not in self._keys.hosts:
            return _refused(421, "This is not the address of the dashboard.")
        if request.method not in {"GET", "HEAD", "POST"}:
            return _refused(405, "Nothing here answers to that.")
        path: str = request.scope["path"]
        if path == "/":
            return self._let_in(request)
        if path in _OPEN and request.method != "POST":
            return None
        if not self._is_known(request) or not path.startswith(f"{self._keys.place}/"):
            return _refused(403, "This page is not open to you, or no longer.", asks=True)
        if request.method == "POST" and not self._is_from_us(request, hosts[0]):
            return _refused(403, "This did not come from a page of the dashboard.")
        return None

    def _let_in(self, request: Request) -> Response:
        """Change a token for a cookie, so that it stands in no address that is kept or shown."""
        token = request.query_params.get("token")
        if token is None or not self._keys.fits(token):
            said = "The dashboard needs its token." if token is None else "This token does not fit."
            return _refused(403, said, asks=True)
        place = f"{self._keys.place}/"
        # A browser does not send our cookie with a request that another site began, not even after a redirect. In that
        # case one of our own pages has to begin a new request.
        if request.headers.get("sec-fetch-site", "none") in {"none", "same-origin"}:
            answer: Response = RedirectResponse(place, 303)
        else:
            answer = HTMLResponse(pages.onward(place))
        answer.set_cookie(self._keys.cookie, self._keys.session, path=place, httponly=True, samesite="strict")
        return answer

    def _is_known(self, request: Request) -> bool:
        """Another server on this host can add a cookie of the same name, so one match among them is enough."""
        pairs = "; ".join(request.headers.getlist("cookie")).split(";")
        given = (
            value for name, _, value in (each.strip().partition("=") for each in pairs) if name == self._keys.cookie
        )
        return any(compare_digest(each.encode(), self._keys.session.encode()) for each in given)

    def _is_from_us(self, request: Request, host: str) -> bool:
        """Every browser sends the origin of a form; a request without it is not from a browser, or hides its origin."""
        return request.headers.getlist("origin") == [f"http://{host.lower()}"]

    async def _read_form(self, request: Request) -> Response | None:
        """Read a form into ``scope["form"]``; return a refusal if it is too large, too slow, or not one of our own."""
        fields: Mapping[str, str] = {}
        if request.method == "POST":
            if request.headers.get("content-type", "").partition(";")[0].strip() != _FORM:
                return _refused(415, "Only forms are read here.")
            data = bytearray()
            with anyio.move_on_after(_PATIENCE) as waiting:
                try:
                    async for piece in request.stream():
                        data += piece
                        if len(data) > _LARGEST:
                            return _refused(413, f"This is more than {_LARGEST:,} bytes.")
                except ClientDisconnect:
                    return _refused(400, "Some of it is missing.")
            if waiting.cancelled_caught:
                return _refused(408, "This took too long to arrive.")
            try:
                pairs = parse_qsl(data.decode(errors="replace"), keep_blank_values=True, max_num_fields=_FIELDS)
            except ValueError:
                return _refused(413, f"These are more than {_FIELDS} fields.")
            fields = {name: value.replace("\r\n", "\n") for name, value in pairs}
            if not compare_digest(fields.get("form", "").encode(), self._keys.form.encode()):
                return _refused(403, "This form is of an earlier start. Load the page again.")
        request.scope["form"] = fields
        return None


def _refused(status: int, said: str, *, asks: bool = False) -> Response:
    return HTMLResponse(pages.refusal(said, asks=asks), status)


def _with_headers(send: Send) -> Send:
    added = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
    names = {name for name, _ in added}

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [each for each in message.get("headers", []) if each[0].lower() not in names]
            message = {**message, "headers": [*kept, *added]}
        await send(message)

    return sending
