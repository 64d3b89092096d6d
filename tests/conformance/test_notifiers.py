"""What every notifier does, whoever it tells; the fake included."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from orchestrator.core.notification import Notice, Topic
from orchestrator.notifiers.command import CommandNotifier
from orchestrator.notifiers.desktop import DesktopNotifier
from orchestrator.notifiers.protocol import Notifier, NotifyError
from orchestrator.notifiers.webhook import WebhookNotifier
from tests.executors.harness import wait_until
from tests.fakes.notifier import FakeNotifier
from tests.notifiers.server import Reply, Server, serving

NOTICE = Notice(Topic.FAILED, "❌ Shop: T-02 failed", "exit 3\nnext: look", plan="Shop", task="T-02")
#: What must arrive as text, and as nothing else.
NASTY = "❌ $(touch owned) `touch owned` \"'; --rf %s <b> & \\ -e {0} ключ 鍵"


@dataclass
class Plug:
    """One notifier three times: that works, that cannot, that hangs; and what came out at the other end."""

    good: Notifier
    bad: Notifier
    hanging: Notifier
    received: Callable[[], list[str]]
    is_under_way: Callable[[], object]
    """Whether the hanging one has begun."""


Make = Callable[[Path, ExitStack], Plug]


def fake(where: Path, stack: ExitStack) -> Plug:
    good, hanging = FakeNotifier(), FakeNotifier(hangs=True)
    return Plug(
        good, FakeNotifier(fails="no"), hanging, lambda: [each.message for each in good.sent], hanging.begun.is_set
    )


def command(where: Path, stack: ExitStack) -> Plug:
    def sh(script: str) -> Notifier:
        return CommandNotifier(["/bin/sh", "-c", script], str(where), os.environ, timeout=20)

    def received() -> list[str]:
        return sorted_texts(where, "told.")

    return Plug(
        sh('cat > "told.$(ls | wc -l)"'),
        sh("echo broken >&2; exit 3"),
        sh("echo > begun; sleep 1000"),
        received,
        (where / "begun").exists,
    )


def sorted_texts(where: Path, prefix: str) -> list[str]:
    found = [path for path in where.iterdir() if path.name.startswith(prefix)]
    return [path.read_text() for path in sorted(found, key=lambda each: int(each.suffix[1:]))]


def desktop(program: str) -> Make:
    def make(where: Path, stack: ExitStack) -> Plug:
        def of(script: str, name: str) -> Notifier:
            path = where / name / program
            path.parent.mkdir()
            path.write_text(f"#!/bin/sh\n{script}\n")
            path.chmod(0o755)
            look = str(path.parent)
            return DesktopNotifier(lambda wanted: shutil.which(wanted, path=look), str(where), os.environ)

        return Plug(
            of('for last; do :; done; printf "%s\\n" "$@" > "told.$(ls | wc -l)"', "good"),
            of("exit 1", "bad"),
            of("echo > begun; sleep 1000", "hanging"),
            lambda: [unescaped(text) for text in sorted_texts(where, "told.")],
            (where / "begun").exists,
        )

    return make


def unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def webhook(way: str) -> Make:
    def make(where: Path, stack: ExitStack) -> Plug:
        def text(body: dict[str, str]) -> str:
            if way == "webhook":
                return f"{body['title']}\n{body['text']}"
            return unescaped(body["text" if way == "slack" else "content"])

        def served(always: Reply) -> Server:
            return stack.enter_context(serving(always=always))

        good, bad = served(Reply(200)), served(Reply(404))
        busy = served(Reply(429, {"Retry-After": "100"}))
        return Plug(
            WebhookNotifier(way, good.url()),
            WebhookNotifier(way, bad.url()),
            WebhookNotifier(way, busy.url()),
            lambda: [text(body) for body in good.bodies],
            lambda: busy.bodies,
        )

    return make


PLUGS: dict[str, Make] = {
    "fake": fake,
    "command": command,
    "notify-send": desktop("notify-send"),
    "osascript": desktop("osascript"),
    "discord": webhook("discord"),
    "slack": webhook("slack"),
    "webhook": webhook("webhook"),
}


@pytest.fixture(params=list(PLUGS.values()), ids=list(PLUGS))
def plug(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Plug]:
    with ExitStack() as stack:
        made = request.param(tmp_path, stack)
        yield made
        for notifier in (made.good, made.bad, made.hanging):
            notifier.close()


def test_a_notice_arrives_with_all_its_lines(plug: Plug) -> None:
    plug.good.send(NOTICE)
    (message,) = plug.received()
    assert "Shop: T-02 failed" in message
    assert "exit 3" in message
    assert "next: look" in message


def test_notices_arrive_in_order(plug: Plug) -> None:
    for number in range(1, 4):
        plug.good.send(NOTICE._replace(title=f"❌ number {number}"))
    assert [1, 2, 3] == [int(text.partition("number ")[2][0]) for text in plug.received()]


def test_a_text_is_only_a_text(plug: Plug, tmp_path: Path) -> None:
    """Nothing in it is run, expanded, taken for an option or for markup."""
    plug.good.send(NOTICE._replace(title=NASTY, text=NASTY))
    (message,) = plug.received()
    assert message.count(NASTY.removeprefix("❌ ")) == 2
    assert not list(tmp_path.rglob("owned"))


def test_who_cannot_deliver_says_so_once_and_without_the_address(plug: Plug) -> None:
    with pytest.raises(NotifyError) as caught:
        plug.bad.send(NOTICE)
    assert str(caught.value)
    assert "secret-token" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_works_again_after_a_failure(plug: Plug) -> None:
    for _ in range(2):
        with pytest.raises(NotifyError):
            plug.bad.send(NOTICE)


def test_closing_ends_what_is_under_way(plug: Plug) -> None:
    ended: list[str] = []

    def send() -> None:
        try:
            plug.hanging.send(NOTICE)
        except NotifyError as error:
            ended.append(str(error))

    thread = threading.Thread(target=send)
    thread.start()
    wait_until(plug.is_under_way)
    plug.hanging.close()
    plug.hanging.close()
    thread.join(20)
    assert not thread.is_alive()
    assert 1 == len(ended)


def test_who_is_closed_only_fails(plug: Plug) -> None:
    plug.good.close()
    with pytest.raises(NotifyError):
        plug.good.send(NOTICE)
    assert [] == plug.received()
