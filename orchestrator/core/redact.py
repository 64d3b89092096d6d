"""Tokens and keys of well-known shapes, taken out of what we draw: an agent may print what it should not.

A net with holes, and nothing else: a password looks like any other word. Raw logs stay as the agent wrote them.

Each shape has signs, plain words that it cannot do without, so that a hundred megabytes without one cost a quick
search and no pattern. Every pattern takes linear time: where it fails it has walked over a bounded stretch, or over a
run of characters that no other attempt begins in.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class SecretShape(NamedTuple):
    """How one kind of secret looks. What the pattern's group ``kept`` matched, if any, stays in front of the label."""

    label: str
    signs: tuple[str, ...]
    pattern: str


#: Shorter is no token; and a token that was cut to this much is of no use to anybody.
_LEAST = 16
#: Some prefixes begin ordinary names too, but those have no digits.
_DIGIT = r"(?=[A-Za-z_-]{0,60}[0-9])"
_BASE64 = r"[A-Za-z0-9+/=]"
#: What stands between the lines of a key: blanks, quote marks, line ends that are spelt out, headers; and where the
#: lines were quoted from, as `cat -n`, `grep -n` and their like write it.
_BETWEEN = (
    r"(?:\\[nrt]|[\s>│|]|[A-Z][A-Za-z-]{1,20}: [^\n\\]{0,200}(?=\n|\\[rn])"
    r"|[0-9]{1,7}(?:[→-]|(?=[\s│|]|\\t))|[\w./-]{1,200}+:)*+"
)


def _fresh(prefix: str) -> str:
    r"""Return the pattern of a prefix that stands in no word; before it may stand what is spelt out: ``\n``, ``%20``.

    Behind a ``/`` it counts, as in an address: base64 that goes on there as a token does is too rare to matter.
    It looks back from behind the prefix, because what begins with a plain word is searched for ten times faster.
    """
    spelt_out = rf"(?<=\\[nrt]{prefix})|(?<=%[0-9A-Fa-f]{{2}}{prefix})"
    return rf"{prefix}(?:(?<![A-Za-z0-9_-]{prefix})|{spelt_out})"


def _prefixed(prefix: str, rest: str) -> SecretShape:
    return SecretShape(f"{prefix}…", (prefix,), _fresh(prefix) + rest)


SHAPES = (
    SecretShape("sk-ant-…", ("sk-ant-",), rf"sk-ant-[A-Za-z0-9_-]{{{_LEAST},}}"),
    _prefixed(
        "sk-",
        rf"{_DIGIT}(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{{{_LEAST},}}"
        r"|(?!ant-)(?:[a-z0-9]{1,8}-){0,2}[A-Za-z0-9]{20,})",
    ),
    *(
        _prefixed(prefix, rf"[A-Za-z0-9]{{{_LEAST},}}")
        for prefix in ("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "sk_live_", "rk_live_")
    ),
    SecretShape("github_pat_…", ("github_pat_",), rf"github_pat_[A-Za-z0-9_]{{{_LEAST},}}"),
    SecretShape("glpat-…", ("glpat-",), rf"glpat-[A-Za-z0-9_-]{{{_LEAST},}}"),
    _prefixed("npm_", rf"{_DIGIT}[A-Za-z0-9]{{{_LEAST},}}"),
    _prefixed("hf_", rf"{_DIGIT}[A-Za-z0-9]{{{_LEAST},}}"),
    _prefixed("pypi-", rf"Ag[A-Za-z0-9_-]{{{_LEAST},}}"),
    SecretShape("Discord webhook", ("/api/webhooks/",), r"(?P<kept>/api/webhooks/)[0-9]{5,25}/[A-Za-z0-9_-]{16,}"),
    SecretShape(
        "Slack webhook",
        ("hooks.slack.com/",),
        r"(?P<kept>hooks\.slack\.com/(?:services|workflows|triggers)/)[A-Za-z0-9/_-]{16,}",
    ),
    SecretShape("xox…", ("xox",), r"xox[abeprs]-[A-Za-z0-9-]{10,}"),
    _prefixed("AKIA", r"[A-Z0-9]{16}(?![A-Za-z0-9+/_-])"),
    _prefixed("ASIA", r"[A-Z0-9]{16}(?![A-Za-z0-9+/_-])"),
    _prefixed("AIza", r"[A-Za-z0-9_-]{30,}"),
    SecretShape(
        "AWS secret key",
        ("ecret_access_key", "ECRET_ACCESS_KEY", "ecretAccessKey"),
        r"(?P<kept>(?i:secret_?access_?key)[\"']?\s{0,3}[:=]\s{0,3}[\"']?)[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])",
    ),
    SecretShape(
        "JSON Web Token", (".eyJ",), _fresh("eyJ") + r"[A-Za-z0-9_-]{8,}+\.eyJ[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*"
    ),
    SecretShape(
        "private key",
        ("PRIVATE KEY",),
        r"-----BEGIN (?:[A-Z0-9]{1,20} ){0,3}PRIVATE KEY(?: BLOCK)?-----"
        rf"(?:{_BETWEEN}{_BASE64}{{{_LEAST},}}+)+"
        rf"(?:(?:{_BETWEEN}{_BASE64}{{1,15}}+){{0,2}}{_BETWEEN}-----END [A-Z0-9 ]{{1,60}}-----)?",
    ),
    SecretShape(
        "authorization",
        ("uthorization",),
        r"(?P<kept>(?i:authorization)[\"']?\s{0,3}[:=,]\s{0,3}[\"']?(?i:bearer|basic|token)[ ]{1,3})"
        r"(?=[^\s0-9]{0,100}[0-9])[A-Za-z0-9._~+/=-]{8,}",
    ),
    SecretShape(
        "authorization",
        ("earer ",),
        rf"(?P<kept>(?i:\bbearer)[ ]{{1,3}})(?=[^\s0-9]{{0,100}}[0-9])[A-Za-z0-9._~+/=-]{{{_LEAST},}}",
    ),
    SecretShape(
        "password",
        ("://",),
        r"(?P<kept>://(?:[^\s/:@?#\"'`<>]{0,100}:)?)(?:(?<=:)(?![$<{*])[^\s/@\"'`<>]{1,200}"
        # Alone, without a name, it must look like one: names have few digits.
        r"|(?<=/)(?=(?:[A-Za-z_-]{0,60}[0-9]){2})[A-Za-z0-9_-]{20,200})(?=@[\w\[])",
    ),
)


#: The signs with what they stand for; asked of every line that is drawn, so it is as flat as can be.
_SIGNS = tuple((sign, shape) for shape in SHAPES for sign in shape.signs)


def is_suspicious(text: str) -> bool:
    """Say whether there may be a secret in a text: many that are asked about together are asked about once."""
    return any(sign in text for sign, _ in _SIGNS)


def redact(text: str) -> str:
    """Return *text* with ``[redacted sk-ant-…]`` in the place of everything that has the shape of a secret."""
    for sign, shape in _SIGNS:
        if sign in text:
            # Compiled when it is needed for the first time: most programs here end before that.
            pattern = re.compile(shape.pattern)
            kept = r"\g<kept>" if "kept" in pattern.groupindex else ""
            text = pattern.sub(f"{kept}[redacted {shape.label}]", text)
    return text
