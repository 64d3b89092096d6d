"""Lines of a crontab: what they mean to cron and to the shell, and that they are found again."""

from __future__ import annotations

import re
import shlex

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.cron.entry import ScheduledRun, When, cron_line, cron_time, read_cron_line, service_unit, timer_unit

SHOWN = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=30).filter(str.isprintable)
NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", fullmatch=True)


def made(name: str, directory: str, flag: str = "--fresh") -> ScheduledRun:
    words = ["/bin/orchestrator", "run", directory, flag]
    return ScheduledRun(name, When(at="07:30"), words, directory, "/bin", f"{directory}/logs/out")


@pytest.mark.parametrize(
    ("line", "when"),
    [
        ("30 7 * * *", When(at="07:30")),
        ("0 0 * * *", When(at="0:00")),
        ("*/5 * * * *", When(every=300)),
        ("* * * * *", When(every=60)),
        ("0 * * * *", When(every=3600)),
        ("0 */6 * * *", When(every=6 * 3600)),
        ("0 0 * * *", When(every=86400)),
        ("*/30 * * * *", When(cron="*/30  *\t* * *")),
        ("0,30 9-17/2 1 jan-Mar mon,5-7", When(cron="0,30 9-17/2 1 jan-Mar mon,5-7")),
        ("@daily", When(cron="@daily")),
    ],
)
def test_times_as_cron_writes_them(line: str, when: When) -> None:
    assert line == cron_time(when)


@pytest.mark.parametrize("every", [1, 59, 90, 7 * 60, 45 * 60, 5400, 5 * 3600, 2 * 86400])
def test_what_cron_cannot_say_is_refused(every: float) -> None:
    """``*/45`` would mean at 0 and at 45, which nobody asked for."""
    with pytest.raises(ValueError, match="cron knows only"):
        cron_time(When(every=every))


@pytest.mark.parametrize(
    "cron",
    [
        " ",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * * 13 *",
        "* * * * 8",
        "*/0 * * * *",
        "*/61 * * * *",
        "5-1 * * * *",
        "a * * * *",
        "* * * mon *",
        "1, * * * *",
        "-1 * * * *",
        "@never",
        "* * * * *\n* * * * *",
        "*;x * * * *",
        "$(x) * * * *",
        "１ * * * *",
    ],
)
def test_what_is_no_time_of_cron_is_refused(cron: str) -> None:
    with pytest.raises(ValueError, match=r"fields are needed|is no (minute|hour|day|month|weekday)"):
        cron_time(When(cron=cron))


@given(NAMES, SHOWN, SHOWN)
def test_a_line_is_found_again_and_means_the_same_to_the_shell(name: str, place: str, flag: str) -> None:
    """Cron takes the backslash from every percent sign; what is left is quoted for the shell."""
    job = made(name, f"/plans/{place}", flag)
    assume(not re.search(r"\\[\\%]", f"{place}/ {flag}"))
    line = cron_line(job)
    found = read_cron_line(f"{line}\n")
    assert found is not None
    assert (name, "30 7 * * *", f"/plans/{place}") == (found.name, found.when, found.plan)
    command = line.removeprefix("30 7 * * * ")
    assert "%" not in command.replace("\\%", "")
    words = shlex.split(command.replace("\\%", "%"), comments=False)
    assert ["cd", f"/plans/{place}", "&&"] == words[:3]
    assert ["PATH=/bin", *job.words] == words[words.index("PATH=/bin") :][: len(job.words) + 1]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "# a comment",
        "1 2 3 4 5 x",
        "1 2 3 4 5 x # orchestrator: a b",
        "1 2 3 4 5 x # orchestrator: ../a",
        "x # orchestrator: a",
    ],
)
def test_lines_of_others_are_not_ours(line: str) -> None:
    assert read_cron_line(line) is None


def test_a_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than the 990 bytes"):
        cron_line(made("a", "/x" * 300))


@pytest.mark.parametrize("place", ["/a\\%b", "/a\\\\b"])
def test_what_cron_would_read_otherwise_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="in its own way"):
        cron_line(made("a", place))


def test_the_program_may_be_called_run_as_well() -> None:
    words = ["/bin/uv", "run", "/bin/orchestrator", "run", "/plan", "--only", "run"]
    found = read_cron_line(cron_line(made("a", "/plan")._replace(words=words)))
    assert found is not None
    assert "/plan" == found.plan


def test_blanks_of_other_scripts_are_no_control_characters() -> None:
    place = "/my\u00a0shop/\u3000"
    found = read_cron_line(cron_line(made("a", place)))
    assert found is not None
    assert place == found.plan


@pytest.mark.parametrize(
    ("every", "written"), [(1209600, "1209600s"), (90, "90s"), (1.5, "1.5s"), (1e6 + 1, "1000001s")]
)
def test_systemd_reads_no_exponents(every: float, written: str) -> None:
    unit = timer_unit(made("a", "/p")._replace(when=When(every=every)))
    assert f"OnActiveSec={written}\nOnUnitActiveSec={written}\n" in unit


@pytest.mark.parametrize("bad", ["/a\nb", "/a\0b", "/a\x1bb", "/a\u2028b"])
def test_nothing_begins_a_second_line(bad: str) -> None:
    for write in (cron_line, service_unit):
        with pytest.raises(ValueError, match="control character"):
            write(made("a", bad))


def test_a_unit_quotes_for_systemd() -> None:
    unit = service_unit(made("a", '/it\'s 100% "mine" \\ $HOME'))
    line = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
    assert r'''"/it's 100%% \"mine\" \\ $$HOME" "--fresh"''' in line
    assert 'WorkingDirectory=/it\'s 100%% "mine" \\ $HOME\n' in unit


@pytest.mark.parametrize("place", ["/a\\", "/a "])
def test_what_systemd_would_read_otherwise_is_refused(place: str) -> None:
    with pytest.raises(ValueError, match="blank or a backslash"):
        service_unit(made("a", place))
