"""The payloads of a notice: plain JSON, and the formats that Discord and Slack require.

A text cannot mention anyone in either of them: the payload for Discord turns mentions off, and ``<!channel>`` is
escaped for Slack.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from orchestrator.core.notification import Notice

#: Characters that Discord accepts. Slack accepts more, but longer texts are not read.
_LIMIT = 2000


def as_json(notice: Notice) -> dict[str, Any]:
    """Return a notice for programs; ``kind`` is one of the words of ``on``."""
    return {
        "kind": notice.topic.value,
        "title": notice.title,
        "text": notice.text,
        "plan": notice.plan,
        "task": notice.task,
        "run": notice.run,
        "time": datetime.fromtimestamp(notice.time, UTC).isoformat(timespec="seconds"),
        "counts": dict(notice.counts),
    }


def as_discord(notice: Notice) -> dict[str, Any]:
    """Return a message of a Discord webhook."""
    title = f"**{notice.title.replace('*', '')}**"
    text = f"{title}\n{notice.text}" if notice.text else title
    return {"content": _cut(text), "allowed_mentions": {"parse": []}}


def as_slack(notice: Notice) -> dict[str, Any]:
    """Return a message of a Slack webhook."""
    title = f"*{_escaped(notice.title.replace('*', ''))}*"
    return {"text": _cut(f"{title}\n{_escaped(notice.text)}" if notice.text else title)}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut(text: str) -> str:
    return text if len(text) <= _LIMIT else f"{text[: _LIMIT - 1]}…"


#: By the word of the setting.
FORMS: Mapping[str, Callable[[Notice], dict[str, Any]]] = {"discord": as_discord, "slack": as_slack, "webhook": as_json}
