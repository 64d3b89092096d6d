"""Tokens of well-known shapes are taken out of what we draw, and nothing else is (promise 26)."""

from __future__ import annotations

import base64
import json
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.redact import SHAPES, redact
from orchestrator.core.text import cell, one_line
from orchestrator.store.result_file import safe_answer
from orchestrator.views.terminal import plain


def _made_up(prefix: str, length: int) -> str:
    """A token that is nobody's, put together here so that no scanner takes this file for a leak."""
    alphabet = "aB3xY9kLm2Qw7Er5Tz"
    return prefix + (alphabet * length)[:length]


_LINES = "\n".join(_made_up("", 64) for _ in range(4))
RSA = (
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"
    f"{_LINES}\nZm9v\n-----END RSA PRIVATE KEY-----"
)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl"

#: A secret, and the label that stands in its place.
TOKENS = [
    (_made_up("sk-ant-api03-", 40) + "-_" + _made_up("", 30), "sk-ant-…"),
    (_made_up("sk-", 48), "sk-…"),
    (_made_up("sk-proj-", 20) + "_" + _made_up("", 20), "sk-…"),
    (_made_up("sk-or-v1-", 64).lower(), "sk-…"),
    *((_made_up(f"gh{kind}_", 36), f"gh{kind}_…") for kind in "posur"),
    (_made_up("github_pat_", 22) + "_" + _made_up("", 59), "github_pat_…"),
    (_made_up("glpat-", 20), "glpat-…"),
    (_made_up("npm_", 36), "npm_…"),
    (_made_up("pypi-Ag", 60), "pypi-…"),
    (_made_up("hf_", 34), "hf_…"),
    (_made_up("sk_live_", 24), "sk_live_…"),
    *((_made_up(f"xox{kind}-1234567890-", 24), "xox…") for kind in "abprs"),
    (_made_up("AKIA", 16).upper(), "AKIA…"),
    (_made_up("ASIA", 16).upper(), "ASIA…"),
    (_made_up("AIza", 35), "AIza…"),
    (JWT, "JSON Web Token"),
    (RSA, "private key"),
    (RSA.replace("\n", "\\n"), "private key"),
    (RSA.replace("\n", "\n> "), "private key"),
    (RSA.replace("RSA ", ""), "private key"),
    (RSA.rpartition("\n-----END")[0].removesuffix("\nZm9v"), "private key"),
]


@pytest.mark.parametrize(("token", "label"), TOKENS)
@pytest.mark.parametrize(
    "around",
    [
        *("{}", "it is {}, yes", "KEY={}\n", "`{}`", '{{"key": "{}"}}', "a\\n{}", "({})", "k:{};"),
        *("https://{}@github.com/o/r", "https://example.org/reset/{}", "results/{}", "q=a%20{}&b"),
    ],
)
def test_a_token_is_replaced_by_what_it_is(around: str, token: str, label: str) -> None:
    """The words around it stay; so does what is valid JSON."""
    assert around.format(f"[redacted {label}]") == redact(around.format(token))


@pytest.mark.parametrize("mark", ["{:6}\t", "{:6}→", "{:3} │ ", "{} ", "{}:", "{}-", "a/key.pem:", "a/my-key.pem:{}:"])
@pytest.mark.parametrize("end", ["\n", "\\n"])
def test_a_key_whose_lines_are_numbered_is_known(mark: str, end: str) -> None:
    """Agents quote files as `cat -n`, `grep -n` and their own tools show them."""
    lines = [mark.format(number) + line for number, line in enumerate(RSA.split("\n"), start=1)]
    shown = redact(end.join([*lines, "after"]))
    assert shown == f"{mark.format(1)}[redacted private key]{end}after"


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (
            "https://discord.com/api/webhooks/[redacted Discord webhook]?wait=true",
            f"https://discord.com/api/webhooks/123456789012345678/{_made_up('', 68)}?wait=true",
        ),
        (
            "<https://hooks.slack.com/services/[redacted Slack webhook]>",
            f"<https://hooks.slack.com/services/T0123ABCD/B0123ABCD/{_made_up('', 24)}>",
        ),
        ("Authorization: Bearer [redacted authorization]", "Authorization: Bearer abc.def-1234"),
        ("authorization: basic [redacted authorization]", "authorization: basic dXNlcjpwYXNzd29yZDE="),
        ('"Authorization": "token [redacted authorization]"', '"Authorization": "token 0123456789ab"'),
        ("('Bearer [redacted authorization]')", "('Bearer 0123456789abcdef0123')"),
        ("postgres://me:[redacted password]@db:5432/x", "postgres://me:hunter2@db:5432/x"),
        ("https://:[redacted password]@[::1]/", "https://:p%40ss@[::1]/"),
        (
            "https://[redacted password]@git.example.org/o/r",
            "https://0123456789abcdef0123456789abcdef01234567@git.example.org/o/r",
        ),
        (
            "https://[redacted ghp_…]:x-oauth-basic@github.com/o/r",
            f"https://{_made_up('ghp_', 36)}:x-oauth-basic@github.com/o/r",
        ),
        ("aws_secret_access_key = [redacted AWS secret key]", f"aws_secret_access_key = {_made_up('', 40)}"),
    ],
)
def test_what_stands_before_a_secret_stays(shown: str, text: str) -> None:
    """So that a reader sees whose it was."""
    assert shown == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "550e8400-e29b-41d4-a716-446655440000",
        "task-550e8400-e29b-41d4-a716-446655440000",
        "the disk-and-risk-assessment-of-the-year-2026-in-task-0123456789",
        "sk-learn-with-some-very-long-kebab-case-name-of-2026",
        "npm_config_registry npm_lifecycle_event hf_transformers npm_packageconfigurations",
        "src/orchestrator/store/sk-ant-/x ghp_ AKIA xoxb- eyJ hf_ AIza glpat-",
        'curl -H "Authorization: Bearer $TOKEN" https://example.org:8443/a@b?c=d',
        "Authorization: Bearer <token>, and the bearer of bad news",
        "postgres://user:$PASSWORD@host https://user@host http://localhost:8080/x mailto:a@b.c",
        "ssh://build-agent-of-the-west-1@host https://a.first.and-last.name1985@example.org/x",
        "https://example.org/0123456789abcdef0123456789abcdef01234567@v1",
        "look for `-----BEGIN PRIVATE KEY-----` in every file",
        "-----BEGIN CERTIFICATE-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END CERTIFICATE-----",
        "secret_access_key = None",
    ],
)
def test_what_only_looks_like_a_token_stays(text: str) -> None:
    """Hashes, names, placeholders, addresses, words about tokens."""
    assert text == redact(text)


@given(st.binary(max_size=3000))
def test_encoded_data_stays(data: bytes) -> None:
    """In base64 and in hexadecimal digits, whatever it is."""
    for text in (base64.b64encode(data).decode(), data.hex(), base64.encodebytes(data).decode()):
        assert text == redact(text)


@given(st.uuids(), st.text(string.hexdigits.lower(), min_size=40, max_size=40))
def test_names_of_things_stay(name: object, commit: str) -> None:
    """UUIDs and commits, alone and in a sentence."""
    text = f"{name} at {commit} in run-{name}/{commit}: done"
    assert text == redact(text)


@given(
    st.lists(
        st.sampled_from([sign for shape in SHAPES for sign in shape.signs])
        | st.sampled_from([token for token, _ in TOKENS])
        | st.text(max_size=30)
        | st.text("abcXYZ019-_.:/@ \n\\", max_size=40),
        max_size=8,
    )
)
def test_any_text_is_redacted_once(parts: list[str]) -> None:
    """Doing it again changes nothing, and what is left has none of the shapes, as long as words are apart."""
    once = redact(" ".join(parts))
    assert once == redact(once)
    assert not [shape.label for shape in SHAPES if re.search(shape.pattern, once)]


@given(st.sampled_from([token for token, _ in TOKENS]), st.text(max_size=10), st.text(max_size=10))
def test_json_stays_json(token: str, before: str, after: str) -> None:
    """An answer that has to fit a schema is still an object, with the same keys."""
    text = json.dumps({"a": f"{before} {token} {after}", "b": 1})
    assert {"a", "b"} == json.loads(redact(text)).keys()


@pytest.mark.parametrize("token", [token for token, _ in TOKENS if "\n" not in token])
def test_every_way_to_a_reader_redacts(token: str) -> None:
    """One line, a cell, a column, an answer; also where the token would have been cut in the middle."""
    for shown in (
        one_line(f"x {token}", limit=len(token) - 2),
        cell(token),
        plain(token),
        safe_answer(f"It is {token}.", is_markdown=True),
        safe_answer(f"It is {token}.", is_markdown=False),
    ):
        assert token[:14] not in shown
        assert "[redacted" in shown or shown.endswith("…")


@pytest.mark.parametrize(
    "unit",
    [
        *(sign for shape in SHAPES for sign in shape.signs),
        "eyJaaaaaaaaaaa.",
        "eyJa-",
        "sk-a-",
        "://a:",
        "://a1",
        "%20eyJa",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nA: b\n",
        f"-----BEGIN PRIVATE KEY-----\n{'A' * 20}\nabc\n",
        "-----BEGIN PRIVATE KEY-----\n1:",
        "-----BEGIN PRIVATE KEY-----\na-1",
        f"-----BEGIN PRIVATE KEY-----\n1-{'A' * 20}\n2-",
        "Authorization: Bearer ",
    ],
)
def test_no_text_makes_it_slow(unit: str) -> None:
    """A megabyte of beginnings: a pattern that looked at each of them to the end would be here for hours."""
    text = unit * (1_000_000 // len(unit))
    assert len(redact(text)) <= len(text)
