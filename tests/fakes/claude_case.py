"""Prints a case of ``tests/data/cases/claude``: lines of a stream, then exit status and standard error.

``$SESSION`` stands for the session, ``$EPOCH+3d`` for the seconds since the epoch in three days, ``$DATE+6d`` for that
day as ``2026-12-01``, ``$DAY+3d`` for it as ``Nov 28``, ``$CLOCK+3h:Europe/Berlin`` for the full hour before that
moment there, as ``5pm``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

CASES = Path(__file__).parents[1] / "data" / "cases" / "claude"
_PLACE = re.compile(
    r"\$(?:SESSION|(?P<kind>EPOCH|DATE|DAY|CLOCK)\+(?P<number>\d+)(?P<unit>[dh])(?::(?P<zone>[\w/]+))?)"
)


def said(text: str, session: str, now: datetime | None = None) -> str:
    """Return a text with its moments as they are *now*."""
    now = now or datetime.now(UTC)

    def put(match: re.Match[str]) -> str:
        if match["kind"] is None:
            return session
        days = {"d": "days", "h": "hours"}[match["unit"]]
        then = now + timedelta(**{days: int(match["number"])})
        match match["kind"]:
            case "EPOCH":
                return str(int(then.timestamp()))
            case "DATE":
                return then.strftime("%Y-%m-%d")
            case "DAY":
                return f"{then:%b} {then.day}"
            case _:
                there = then.astimezone(ZoneInfo(match["zone"]))
                return f"{there:%I}".lstrip("0") + f"{there:%p}".lower()

    return _PLACE.sub(put, text)


def case(step: Mapping[str, Any], session: str) -> tuple[str, str, int]:
    """Return what is printed, standard error and the exit status; a step may put other words and a status in it."""
    *lines, end = (CASES / step["case"]).read_text(encoding="utf-8").splitlines()
    last, text = json.loads(end), said("".join(f"{line}\n" for line in lines), session)
    if "words" in step:
        events = [json.loads(line) for line in text.splitlines()]
        words = said(step["words"], session)
        for event in events:
            if "api_error_status" in event:
                event["api_error_status"] = step["status"]
            if event["type"] == "assistant":
                event["message"]["content"][0]["text"] = words
            elif event["type"] == "result":
                event["result"] = words
        text = "".join(f"{json.dumps(event)}\n" for event in events)
    err = step.get("stderr", last.get("stderr", ""))
    return text, f"{err}\n" if err else "", step.get("exit", last["exit"])
