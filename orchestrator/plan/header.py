"""What a plan says of itself in its front matter, read; and its state, the one line of it that is ours, written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from orchestrator.core.plan import PlanHeader
from orchestrator.core.text import one_line
from orchestrator.errors import PlanError, Problem
from orchestrator.lazy import LazyModule
from orchestrator.plan.front_matter import FrontMatter, read_front_matter
from orchestrator.plan.lines import Lines, unreadable
from orchestrator.plan.task_fields import DUE

if TYPE_CHECKING:
    from orchestrator.core import plan_status, timestamp
    from orchestrator.core.plan_status import PlanState
else:
    plan_status = LazyModule("orchestrator.core.plan_status")
    timestamp = LazyModule("orchestrator.core.timestamp")

STATUS = "status"
#: What a user writes who means that.
_LIKE_STATUS = re.compile(r"\s*stat[a-z]*\s*", re.IGNORECASE)
#: Either word; the first one that is there counts.
DUE_KEYS = ("eta", DUE.name)
#: Compiled when a state is written.
_LINE = r"""(status[ \t]*:[ \t]*)("[^"]*"|'[^']*'|[^#'"]*?)([ \t]*(?:[ \t]#.*)?)"""


def read_plan_header(front: FrontMatter, file: str) -> tuple[PlanHeader, list[Problem]]:
    """Return what a plan says of itself. Only a plan with a state is held to the rest being sensible."""
    data = front.data
    state, problems = _state(front, file)
    due = next((name for name in DUE_KEYS if data.get(name) is not None), "")
    eta = 0.0
    if due:
        try:
            eta = _parsed(data[due])
        except ValueError as error:
            if state is not None:
                where = f"{file}:{front.lines[due]}"
                hint = "correct or remove it"
                problems.append(Problem(f"{due}: {one_line(str(error))}", where, hint, "bad_eta"))
    plan_header = PlanHeader(
        state=state,
        title=_text(data.get("title")),
        priority=_text(data.get("priority")),
        eta=eta,
        created=_timestamp(data.get("created")),
    )
    return plan_header, problems


def _state(front: FrontMatter, file: str) -> tuple[plan_status.PlanState | None, list[Problem]]:
    """Return the state of a plan, and problems for keys that only look like one: approval would be skipped."""
    state, problems = None, []
    for key in filter(_LIKE_STATUS.fullmatch, front.data):
        value = front.data[key]
        said = plan_status.parse_state(str(value))
        if key == STATUS and said is not None:
            state = said
            continue
        if key == STATUS:
            what = "nothing" if value is None else repr(one_line(str(value), 40))
            text = f"{what} is not the status of a plan"
            known = ", ".join(plan_status.PlanState)
            hint = f"one of {known}; or without the line: such a plan needs no approval"
        elif said is not None or key.strip().lower() == STATUS:
            text = f"{one_line(key, 40)} is not where a plan says its state"
            hint = f"did you mean {STATUS}?"
        else:
            continue  # a word of the person's own
        problems.append(Problem(text, f"{file}:{front.lines[key]}", hint, "bad_state"))
    return state, problems


def _text(value: Any) -> str:
    return one_line(str(value)) if isinstance(value, (str, int, float)) else ""


def _parsed(value: Any) -> float:
    return timestamp.parse_timestamp(value)


def _timestamp(value: Any) -> float:
    try:
        return _parsed(value) if value is not None else 0.0
    except ValueError:
        return 0.0


def plan_header_of(data: bytes, file: str) -> PlanHeader:
    """Return what the plan in *data* says of itself; nothing below its front matter is looked at.

    Raises:
        PlanError: it cannot be read.
    """
    if (problem := unreadable(data, file)) is not None:
        raise PlanError([problem])
    front = read_front_matter(Lines.of(data).bare(), file)
    plan_header, problems = read_plan_header(front, file)
    if front.problem is not None:
        problems.append(front.problem)
    if problems:
        raise PlanError(problems)
    return plan_header


def with_state(data: bytes, state: PlanState, file: str) -> bytes:
    """Return a plan that says another state; every other byte stays unchanged.

    Raises:
        PlanError: it does not say its state on a line of its own.
    """
    lines = Lines.of(data)
    front = read_front_matter(lines.bare(), file)
    at = front.lines.get(STATUS, 0) - 1
    found = re.fullmatch(_LINE, lines.bare()[at]) if at >= 0 else None
    changed = [*lines.lines]
    if front.problem is None and found is not None:
        ending = changed[at][len(changed[at].rstrip("\r\n")) :]
        changed[at] = f"{found[1]}{state.value}{found[3]}{ending}"
    said = read_front_matter(lines._replace(lines=changed).bare(), file).data.get(STATUS)
    if said != state.value:  # it goes on in the next line, or stands in none
        where = f"{file}:{at + 1}" if at >= 0 else file
        hint = "write status: planning on a line of its own in the front matter"
        raise PlanError([Problem("the state of the plan is not found", where, hint, "bad_state")])
    return lines.replaced(changed)
