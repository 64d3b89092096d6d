"""Messages are short, on few lines, and hold neither secrets nor anything that a terminal acts on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.notification import Notice
from orchestrator.core.status import TaskStatus
from orchestrator.core.text import sanitize
from orchestrator.views import notification

TEXT = st.text(max_size=500)


@pytest.mark.parametrize(
    ("name", "title", "root"),
    [
        ("Relaunch (shop)", "Relaunch", "/home/me/shop/.orchestrator"),
        ("The shop", "The shop", "/home/me/Shop/.orchestrator"),
        ("shop", "", "/home/me/shop/.orchestrator"),
        ("Relaunch (TASK-001)", "Relaunch", "/home/me/shop/.orchestrator/TASK-001"),
    ],
)
def test_a_plan_is_called_by_its_title_and_project(name: str, title: str, root: str) -> None:
    assert name == notification.plan_name(title, root)


@given(TEXT, TEXT, TEXT, TEXT)
def test_any_text_makes_a_short_message(title: str, task: str, name: str, reason: str) -> None:
    plan = notification.plan_name(title, "/home/me/shop/.orchestrator")
    for notice in (
        notification.task_failed(plan, task, name, reason, f"show {task}"),
        notification.alert(plan, reason, task=task),
        notification.run_ended(
            plan, {TaskStatus.FAILED: 1}, {TaskStatus.FAILED}, "1s", trouble=reason, next_step="look"
        ),
        notification.trial(plan),
    ):
        is_short(notice)


def is_short(notice: Notice) -> None:
    assert "\n" not in notice.title
    assert sanitize(notice.message) == notice.message
    assert len(notice.message) < 1200
    assert notice.text.count("\n") <= 3


def test_a_token_in_a_reason_is_taken_out() -> None:
    token = "ghp_" + "aB3xY9kLm2Qw7Er5Tz" * 2
    notice = notification.task_failed("Shop", "T-01", "Pay", f"said {token}", "show T-01")
    assert token not in notice.message
    assert "[redacted ghp_…]" in notice.text


def test_failures_are_joined() -> None:
    each = [notification.task_failed("Shop", f"T-{n}", "", "x", "y") for n in range(3)]
    assert "❌ Shop: 3 tasks failed\nT-0, T-1, T-2" == notification.joined(each).message
