"""The setting ``notify``: whom it names, and what it refuses without repeating a secret."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrator.core.notification import Target, address, read_notify, targets

URL = "https://discord.com/api/webhooks/1/secret-token"
ALL = ("completed", "failed", "alert")


def read(value: Any) -> list[Target]:
    return targets(read_notify(value))


@pytest.mark.parametrize(
    ("target", "written"),
    [
        (Target("desktop"), "desktop"),
        (Target("desktop", on=("failed",)), {"desktop": True, "on": "failed"}),
        (Target("command", ("say", "it is done")), {"command": "say 'it is done'"}),
        (Target("command", ("say", "it is done")), {"command": ["say", "it is done"]}),
        (Target("command", ("say", "a=b")), "command=say a=b"),
        (Target("discord", "$HOOK"), {"discord": "$HOOK"}),
        (Target("discord", "${HOOK}"), "discord=${HOOK}"),
        (Target("slack", URL, ("alert",), "ops team"), {"slack": URL, "on": ["alert"], "name": "ops team"}),
        (Target("webhook", "http://[::1]:8000/x"), {"webhook": "http://[::1]:8000/x"}),
        # YAML takes a bare `on` for true.
        (Target("webhook", URL, ("failed", "alert")), {"webhook": URL, True: ["failed", "alert"]}),
    ],
)
def test_an_entry_names_somebody(target: Target, written: object) -> None:
    """By itself, in a list, and on the command line."""
    assert [target] == read(written)
    assert [target, target] == read([written, written])


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("not a list", 7),
        ("not a list", None),
        ("entry 2: needs one of desktop, command", ["desktop", "pigeon"]),
        ("entry 1: needs one of desktop, command", [URL]),
        ("entry 1: neither a word nor a mapping", [7]),
        ("entry 1: needs exactly one of", [{"desktop": True, "slack": "$A"}]),
        ("entry 1: needs exactly one of", [{"discrod": URL}]),
        ("entry 1: slack: besides its value only `on` and `name`", [{"slack": URL, "from": "x"}]),
        ("entry 1: slack: needs an address", [{"slack": None}]),
        ("entry 1: slack: needs an address", ["slack"]),
        ("entry 1: slack: an address begins with", [{"slack": "secret-token"}]),
        ("entry 1: slack: an address begins with", [{"slack": "ftp://secret-token"}]),
        ("entry 1: slack: an address begins with", [{"slack": "https:///secret-token"}]),
        ("entry 1: slack: an address begins with", [{"slack": "https://a b/secret-token"}]),
        ("entry 1: slack: an address begins with", [{"slack": "https://h:99999/secret-token"}]),
        ("entry 1: slack: an address begins with", [{"slack": "https://[::1/secret-token"}]),
        ("entry 1: slack: an address begins with", [{"slack": f"{URL}\r\nHost: evil"}]),
        ("entry 1: desktop: takes no value", [{"desktop": "yes"}]),
        ("entry 1: desktop: on: needs one or more of completed", [{"desktop": True, "on": []}]),
        ("entry 1: desktop: on: needs one or more of completed", [{"desktop": True, "on": "done"}]),
        ("entry 1: desktop: on: needs one or more of completed", [{"desktop": True, "on": {}}]),
        ("entry 1: desktop: name:", [{"desktop": True, "name": "a\nb"}]),
        ("entry 1: desktop: name:", [{"desktop": True, "name": ["a"]}]),
        ("entry 1: command: a quote is never closed", ["command=say 'it"]),
        ("entry 1: command: needs a program", [{"command": ""}]),
        ("entry 1: command: needs a program", [{"command": ["a\0b"]}]),
        ("entry 1: command: needs a command line", [{"command": [1]}]),
        ("21 entries", ["desktop"] * 21),
    ],
)
def test_what_makes_no_sense_is_refused(said: str, written: object) -> None:
    """And no message repeats what may be an address."""
    with pytest.raises(ValueError) as caught:
        read_notify(written)
    assert said in str(caught.value)
    assert "secret-token" not in str(caught.value)


def test_an_address_may_be_in_a_variable() -> None:
    (target,) = read("slack=$HOOK")
    assert not target.is_secret
    assert URL == address(target, {"HOOK": URL})
    with pytest.raises(ValueError, match="HOOK is not set"):
        address(target, {})
    with pytest.raises(ValueError, match="HOOK holds no address") as caught:
        address(target, {"HOOK": "secret token"})
    assert "secret" not in str(caught.value)


def test_an_address_may_stand_there() -> None:
    (target,) = read({"slack": URL})
    assert target.is_secret
    assert URL == address(target, {})


def test_a_command_has_no_variables() -> None:
    """``$NAME`` in a command is a word of it: no shell reads it."""
    (target,) = read("command=say $HOOK")
    assert ("say", "$HOOK") == target.value
    assert not target.variable
