"""When a usage limit is over: every text the CLI was seen to print, and whatever else it may print."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.agents.claude_refusal import opens_at

#: 2026-11-21 04:37:34 UTC, when the recordings were made.
NOW = 1795235854.0
LONGEST = 400 * 86400.0


def epoch(text: str, zone: str = "UTC") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


def said(text: str, now: float = NOW) -> float:
    return opens_at({}, text, now)


# ── what was printed ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "timestamp"),
    {
        "You've hit your 5-hour limit · resets 5:36am (UTC)": epoch("2026-11-21 05:36"),
        "You've hit your weekly limit · resets Nov 24, 4:36am (UTC)": epoch("2026-11-24 04:36"),
        "You've hit your Opus limit · resets Nov 24 at 4:36am (UTC)": epoch("2026-11-24 04:36"),
        "You've hit your session limit · resets 3:50pm (Asia/Tokyo)": epoch("2026-11-21 15:50", "Asia/Tokyo"),
        "You've hit your limit · resets 1pm (Europe/Lisbon)": epoch("2026-11-21 13:00", "Europe/Lisbon"),
        "You've hit your limit · resets 12am (UTC)": epoch("2026-11-22 00:00"),
        "You've hit your limit · resets 12pm (UTC)": epoch("2026-11-21 12:00"),
        f"Claude AI usage limit reached|{int(NOW) + 60}": NOW + 60,
        f"Claude AI usage limit reached|{int(NOW) + 60}000": NOW + 60,
        # However far away: it is what the service says.
        "You've hit your limit · resets May 2, 5am (UTC)": epoch("2027-05-02 05:00"),
        "You will regain access on 2026-12-01 at 00:00 UTC.": epoch("2026-12-01 00:00"),
        "You will regain access on 2027-03-01 at 00:00 UTC.": epoch("2027-03-01 00:00"),
        "resets at 2026-11-23T14:30:00Z": epoch("2026-11-23 14:30"),
        "Ihr Limit wird am 2026-12-01, 06:00 UTC zurückgesetzt": epoch("2026-12-01 06:00"),
        "Weekly limit reached ∙ resets 10pm (Asia/Tokyo)": epoch("2026-11-21 22:00", "Asia/Tokyo"),
        "resets 17:05 (UTC)": epoch("2026-11-21 17:05"),
        "resets 6:15 PM (UTC)": epoch("2026-11-21 18:15"),
        "resets 6 p.m. (UTC)": epoch("2026-11-21 18:00"),
        # It is a Saturday.
        "resets Monday at 9am (UTC)": epoch("2026-11-23 09:00"),
        "resets Sat 3am (UTC)": epoch("2026-11-28 03:00"),
        "resets Sat, 11pm (UTC)": epoch("2026-11-21 23:00"),
        "resets tomorrow at 7am (UTC)": epoch("2026-11-22 07:00"),
        "resets November 24, 2026 at 4:36am (UTC)": epoch("2026-11-24 04:36"),
        "resets 24 Nov, 4am (UTC)": epoch("2026-11-24 04:00"),
        "Available again on Dec 1st (UTC)": epoch("2026-12-01 00:00"),
        "try again after 9pm America/New_York": epoch("2026-11-21 21:00", "America/New_York"),
        "try again in 2h 30m": NOW + 9000.0,
        "resets in 3 hours": NOW + 3 * 3600.0,
        "Please retry after 5 days": NOW + 5 * 86400.0,
        "resets in 1 day, 4 hours and 30 minutes": NOW + 86400.0 + 4.5 * 3600.0,
    }.items(),
)
def test_a_text_names_its_moment(text: str, timestamp: float) -> None:
    """Every spelling from 1.0 to 2.1.329."""
    assert said(text) == timestamp


@pytest.mark.parametrize(
    "text",
    [
        "",
        "API Error: Rate limit reached",
        "Server is temporarily limiting requests (not your usage limit)",
        "Credit balance is too low",
        "You've hit your limit",
        "resets soon",
        "resets in a while",
        "resets monthly",
        "resets in 2 months",
        "resets 25:00 (UTC)",
        "resets 2026-13-01",
        "try again later",
        "2023-06-01 is the version",
        "resets 5:99am (UTC)",
        "resets Feb 30, 5am (UTC)",
        "resets Nov 0, 5am (UTC)",
        "usage limit reached|17952",
        "usage limit reached|17952358540000",
        # Far away, or long ago: a number that may be wrong holds nobody.
        "usage limit reached|1762952400",
        "usage limit reached|1895235854",
    ],
)
def test_nobody_said_when(text: str) -> None:
    """Then it is unknown, and somebody else decides how long to wait."""
    assert said(text) == 0.0


def test_the_number_counts_before_the_text() -> None:
    """The event of newer versions is exact; the text leaves the seconds out."""
    text = "You've hit your 5-hour limit · resets 5:36am (UTC)"
    assert opens_at({"resetsAt": 1795239392}, text, NOW) == 1795239392.0


@pytest.mark.parametrize(
    "timestamp", [None, "1795239392", True, [], {}, 10**400, -(10**400), float("nan"), float("inf")]
)
def test_a_number_that_is_none_is_passed_over(timestamp: object) -> None:
    """Events are data: any type, any size; the text may still say it."""
    found = opens_at({"resetsAt": timestamp}, "resets 5:36am (UTC)", NOW)
    assert found == epoch("2026-11-21 05:36")


# ── the clock goes round ──────────────────────────────────────────────────────────────────────────────────────────


def test_a_time_of_day_may_be_tomorrows() -> None:
    """At eleven in the evening it resets at two."""
    now = epoch("2026-11-21 23:00")
    assert said("resets 2am (UTC)", now) == epoch("2026-11-22 02:00")


def test_a_time_of_day_is_told_in_its_own_zone() -> None:
    """In Tokyo it is tomorrow already."""
    now = epoch("2026-11-21 20:00")
    assert said("resets 6am (Asia/Tokyo)", now) == epoch("2026-11-22 06:00", "Asia/Tokyo")
    assert said("resets 6am (Asia/Tokyo)", now) == epoch("2026-11-21 21:00")


def test_a_moment_just_gone_by_is_not_tomorrows() -> None:
    """The text leaves out the seconds, and is read when the process has ended: nobody is held for a day by that."""
    now = epoch("2026-11-21 05:36") + 45.0
    assert said("resets 5:36am (UTC)", now) == epoch("2026-11-21 05:36")
    assert said("resets 5:36am (UTC)", now + 3600) == epoch("2026-11-22 05:36")


def test_a_date_may_be_next_years() -> None:
    """On New Year's Eve it resets on the second of January."""
    now = epoch("2026-12-31 22:00")
    assert said("resets Jan 2, 4am (UTC)", now) == epoch("2027-01-02 04:00")
    assert said("resets 1am (UTC)", now) == epoch("2027-01-01 01:00")


def test_summer_time_may_begin_meanwhile() -> None:
    """In the night of the change an hour is missing; the clock on the wall counts."""
    now = epoch("2026-03-28 23:00", "Europe/Berlin")
    assert said("resets 6am (Europe/Berlin)", now) - now == 6 * 3600


@pytest.mark.parametrize("zone", ["Nowhere/City", "../../etc/passwd", "Europe", "x" * 5000, "\0"])
def test_a_zone_that_is_not_known_is_the_local_one(zone: str) -> None:
    """A name of a zone is data; it is no path, and no reason to fail."""
    here = datetime.fromtimestamp(NOW, UTC).astimezone().replace(hour=5, minute=36, second=0, microsecond=0)
    if here.timestamp() < NOW - 600:
        here += timedelta(days=1)
    assert said(f"resets 5:36am ({zone})") == here.timestamp()
    assert said("resets 5:36am") == here.timestamp()


# ── whatever comes ────────────────────────────────────────────────────────────────────────────────────────────────

ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
TEXTS = st.text() | st.from_regex(
    r"resets ([A-Z][a-z]{2} [0-9]{1,2}, )?[0-9]{1,2}(:[0-9]{2})?[ap]m( \([A-Za-z/_]{0,20}\))?"
    r"|usage limit reached\|[0-9]{8,12}",
    fullmatch=True,
)


@given(timestamp=ANY, text=TEXTS, now=st.floats(0, 4e9))
def test_it_is_unknown_or_within_the_window(timestamp: object, text: str, now: float) -> None:
    """Whatever is said, nothing is raised, and nobody is held for longer than the longest window."""
    found = opens_at({"resetsAt": timestamp}, text, now)
    assert found == 0.0 or now - 86400 < found < now + LONGEST


@given(
    now=st.integers(int(epoch("2020-01-01")), int(epoch("2040-01-01"))),
    minutes=st.integers(0, 23 * 60),
    zone=st.sampled_from(["UTC", "Asia/Tokyo", "Asia/Kolkata", "America/New_York"]),
)
def test_what_is_printed_is_read_back(now: int, minutes: int, zone: str) -> None:
    """As the CLI writes a moment of the next day, so it is understood, up to the minute and a change of the clock."""
    timestamp = datetime.fromtimestamp(now + 60 * minutes, UTC).astimezone(ZoneInfo(zone))
    clock = timestamp.strftime("%I:%M%p").lstrip("0").lower()
    found = said(f"You've hit your 5-hour limit · resets {clock} ({zone})", float(now))
    assert abs(found - timestamp.timestamp()) <= 3600 + 60
