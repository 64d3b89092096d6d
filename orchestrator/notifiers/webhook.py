"""Posts each notice to an address, in the form that Discord, Slack or a program wants."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import urllib3
import urllib3.connection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    MaxRetryError,
    NameResolutionError,
    NewConnectionError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)

from orchestrator import __version__
from orchestrator.core.notification import Notice
from orchestrator.notifiers.payload import FORMS
from orchestrator.notifiers.protocol import NotifyError

# ── http post ────────
#
# Sends one POST: repeated where that helps, within limits, and without following redirects.
#
# The only place that knows the HTTP library (docs/decisions/0014); imported when the first notice is posted. What it
# raises is never shown: its messages hold the address.

#: Seconds to reach the other side, and for its answer to begin.
CONNECT, ANSWER = 5.0, 10.0
#: Longest wait in seconds that the server may ask for; a longer one counts as a failure.
LONGEST = 300.0
#: Answers that another attempt may change.
BUSY = (429, *range(500, 600))
#: Repeats: 1, 2, 4 and 8 seconds apart. Without an answer the message may have arrived, so it is sent only once more.
_REPEATS = 4


class _Discretion(logging.Filter):
    """Keeps what the library would log while we post out of every log: it names the address."""

    here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        return not getattr(self.here, "is_posting", False)


for _talker in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_talker).addFilter(_Discretion())


class _Patience(urllib3.Retry):
    """The library's rules for trying again, with our way to wait."""

    pause: Callable[[float], None]

    def new(self, **kw: Any) -> Self:
        fresh = super().new(**kw)
        fresh.pause = self.pause
        return fresh

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: urllib3.BaseHTTPResponse | None = None,
        *args: Any,
        **kw: Any,
    ) -> Self:
        if response is not None:
            response.close()  # else the library reads the rest of the response
        return super().increment(method, url, response, *args, **kw)

    def get_backoff_time(self) -> float:
        return float(self.backoff_factor * 2.0 ** max(len(self.history) - 1, 0))

    def parse_retry_after(self, retry_after: str) -> float:
        try:
            return max(float(retry_after), 0.0)  # some servers send 0.65
        except ValueError:
            return super().parse_retry_after(retry_after)

    def sleep(self, response: urllib3.BaseHTTPResponse | None = None) -> None:
        asked = 0.0
        if response is not None:
            try:
                asked = self.get_retry_after(response) or 0.0
            except HTTPError:
                asked = 0.0  # the header is no valid time
        if not asked <= LONGEST:
            raise NotifyError(f"asks to wait longer than {LONGEST:g}s")
        self.pause(max(asked, self.get_backoff_time()))


class _Watched(urllib3.connection.HTTPConnection):
    """A connection that is cut when the answer takes too long; the timeout of a socket begins anew with every byte."""

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override] # as the library does
        is_late = threading.Event()

        def cut() -> None:
            is_late.set()
            if self.sock is not None:
                with suppress(OSError):
                    self.sock.shutdown(socket.SHUT_RDWR)

        watch = threading.Timer(self.timeout or ANSWER, cut)
        watch.daemon = True
        watch.start()
        try:
            response = super().getresponse()
        except (HTTPException, OSError):
            if is_late.is_set():
                raise TimeoutError from None
            raise
        finally:
            watch.cancel()
        if is_late.is_set():
            raise TimeoutError  # half a head, cut, reads like a whole one
        return response


class _WatchedTLS(_Watched, urllib3.connection.HTTPSConnection):
    """The same, encrypted."""


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Watched  # type: ignore[mutable-override] # the library's way to say which


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS  # type: ignore[mutable-override]


def post(
    address: str, body: bytes, pause: Callable[[float], None], *, connect: float = CONNECT, answer: float = ANSWER
) -> None:
    """Post JSON; returns when the other side has taken it.

    Args:
        address: Where to; http or https, whose certificate is checked.
        body: The JSON.
        pause: Waits so many seconds before the next attempt, or raises.
        connect: Seconds to reach the other side.
        answer: Seconds for its answer to begin.

    Raises:
        NotifyError: it was not taken.
    """
    _Discretion.here.is_posting = True
    try:
        with _pool(address) as pool:
            pool.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
            response = pool.request(
                "POST",
                address,
                body=body,
                headers=_headers(address),
                timeout=urllib3.Timeout(connect=connect, read=answer),
                retries=_patience(pause),
                redirect=False,
                preload_content=False,  # it could be without an end
            )
            status = response.status
            response.close()
    except (HTTPError, OSError, ValueError) as error:
        raise NotifyError(_reason(error)) from None
    finally:
        _Discretion.here.is_posting = False
    if not 200 <= status < 300:
        raise NotifyError(_answer(status))


def _headers(address: str) -> dict[str, str]:
    return {"Content-Type": "application/json", "User-Agent": f"orchestrator/{__version__}", **_signed(address)}


def _patience(pause: Callable[[float], None]) -> _Patience:
    patience = _Patience(
        total=_REPEATS,
        connect=_REPEATS,
        read=1,
        status=_REPEATS,
        redirect=False,
        other=0,
        allowed_methods=None,
        status_forcelist=BUSY,
        backoff_factor=1.0,
        raise_on_status=False,
    )
    patience.pause = pause
    return patience


def _pool(address: str) -> urllib3.PoolManager:
    """Return what sends: by way of the proxy that the environment names for this address, if any."""
    parts = urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme, "")
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return urllib3.PoolManager(num_pools=1)
    named = proxy if "://" in proxy else f"http://{proxy}"
    at = urlsplit(named)
    signed = unquote(at.netloc.rpartition("@")[0])
    headers = urllib3.make_headers(proxy_basic_auth=signed) if signed else None
    bare = f"{at.scheme}://{at.netloc.rpartition('@')[2]}"
    return urllib3.ProxyManager(bare, num_pools=1, proxy_headers=headers)


def _signed(address: str) -> dict[str, str]:
    """Return the header for the user who stands in the address: the library takes no notice."""
    parts = urlsplit(address)
    if parts.username is None:
        return {}
    who = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": urllib3.make_headers(basic_auth=who)["authorization"]}


def _answer(status: int) -> str:
    try:
        phrase = f" {HTTPStatus(status).phrase}"
    except ValueError:
        phrase = ""
    moved = ": it has moved, and no one is followed" if 300 <= status < 400 else ""
    tried = f", {_REPEATS + 1} times" if status in BUSY else ""
    return f"the answer was {status}{phrase}{moved}{tried}"


def _reason(error: Exception) -> str:
    """Say what went wrong without where: the library's own words hold the address."""
    cause: BaseException = error
    if isinstance(error, MaxRetryError) and error.reason is not None:
        cause = error.reason
    inner = cause.args[-1] if isinstance(cause, SSLError) and cause.args else cause
    if isinstance(inner, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {inner.verify_message}"
    for kind, words in (
        (SSLError, "no secure connection"),
        (NameResolutionError, "its name is not known"),
        (NewConnectionError, f"cannot be reached: {getattr(cause.__cause__, 'strerror', '?')}"),
        (ConnectTimeoutError, "cannot be reached in time"),
        (ReadTimeoutError, "no answer in time"),
        (ProxyError, "the proxy refuses, or cannot be reached"),
    ):
        if isinstance(cause, kind):
            return words
    return f"the connection broke ({type(cause).__name__})"


class WebhookNotifier:
    """Posts JSON; tries again when the other side asks for it, is busy or broken (``http_post``)."""

    def __init__(self, way: str, address: str, wait: Callable[[float], bool] | None = None) -> None:
        """Take the form (a key of ``FORMS``) and the address.

        *wait* waits so many seconds and returns True as soon as the notifier is closed; a test that has no time gives
        another one.
        """
        self._form, self._address = FORMS[way], address
        self._closed = threading.Event()
        self._wait = wait or self._closed.wait

    def send(self, notice: Notice) -> None:
        """Post it."""
        body = json.dumps(self._form(notice), ensure_ascii=False).encode()
        if self._closed.is_set():
            raise NotifyError("closed")
        post(self._address, body, self._pause)

    def close(self) -> None:
        """Wait for nothing any more. A request that is under way ends with its own time limits."""
        self._closed.set()

    def _pause(self, seconds: float) -> None:
        if self._wait(seconds) or self._closed.is_set():
            raise NotifyError("closed while it waited to try again")
