"""Success criteria: how another user can tell that a task is done.

They stand as a checklist in the task file, where people and agents read and tick them (``store.criteria``).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from orchestrator.core.text import is_blank, one_line, sanitize, typed
from orchestrator.errors import CriteriaError, UsageError

#: Characters of one; anyone who has more to say writes it into the task description.
_LONGEST = 1000
#: Open ones named in one message.
_NAMED = 10
#: What ``measurable`` says of a criterion that needs no more words.
_PLAIN = frozenset({"", "true", "false", "yes", "no", "none"})
_KEYS = ("criterion", "measurable")


class Criterion(NamedTuple):
    """One of them, as it stands in the task file."""

    text: str
    is_met: bool = False


def worded(texts: Iterable[str]) -> tuple[str, ...]:
    """Return criteria as lines of a checklist, each once.

    Raises:
        ValueError: one says nothing, or too much for a line.
    """
    lines = [" ".join(sanitize(typed(text)).split()) for text in texts]
    for line in lines:
        if is_blank(line):
            raise ValueError("a criterion without a text")
        if len(line) > _LONGEST:
            raise ValueError(f"{one_line(line, 40)!r} has more than {_LONGEST:,} characters")
    return tuple(dict.fromkeys(lines))


def read_criteria(text: str) -> tuple[str, ...]:
    """Read ``["all tests pass", {"criterion": "no leaks", "measurable": "leaks == 0"}]``.

    How it is measured is words for anyone who looks; nothing is ever computed or run.

    Raises:
        ValueError: it is not such a list; says where.
    """
    try:
        listed = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise ValueError("not JSON that anybody would write: it is nested too deeply") from None
    if not isinstance(listed, list):
        raise ValueError('not a list: write ["all tests pass", …]')
    return worded(_item(number, item) for number, item in enumerate(listed, start=1))


def _item(number: int, item: Any) -> str:
    if isinstance(item, str):
        return item
    if not isinstance(item, dict):
        raise ValueError(f"item {number} is neither a text nor an object")
    for key in item:
        if key not in _KEYS:
            known = " and ".join(_KEYS)
            raise ValueError(f"item {number} has {one_line(key, 40)!r}; known are {known}")
    said, measure = item.get("criterion"), item.get("measurable")
    if not isinstance(said, str):
        raise ValueError(f'item {number} has no text as its "criterion"')
    if measure is not None and not isinstance(measure, (str, bool, int, float)):
        raise ValueError(f'item {number}: its "measurable" is no text')
    how = "" if measure is None else str(measure).strip()
    return said if how.casefold() in _PLAIN else f"{said} ({how})"


def chosen(text: str, criteria: Sequence[Criterion]) -> frozenset[int]:
    """Read ``1,3`` or ``all`` as numbers of criteria, from 1.

    Raises:
        UsageError: it is neither, or there is no such criterion.
    """
    if text.strip().casefold() == "all":
        return frozenset(range(1, len(criteria) + 1))
    numbers = set()
    for word in filter(None, (each.strip() for each in text.split(","))):
        if not (word.isascii() and word.isdecimal()):
            hint = "all, or numbers as `orchestrator show` has them: 1,3"
            raise UsageError(f"--met: {one_line(word, 40)!r} is not a number", hint=hint)
        if not 1 <= int(word[:9]) <= len(criteria):
            count = f"there are {len(criteria)}" if criteria else "there are none"
            raise UsageError(f"--met: there is no criterion {one_line(word, 40)}", hint=f"{count} in its task file")
        numbers.add(int(word))
    return frozenset(numbers)


def require_met(task_id: str, criteria: Sequence[Criterion], met: Iterable[int], where: str) -> None:
    """Do nothing if every criterion is ticked, or among the numbers that a user confirms now.

    Raises:
        CriteriaError: one is open; *where* it can be ticked.
    """
    confirmed = frozenset(met)
    numbered = list(enumerate(criteria, start=1))
    still_open = [(n, each) for n, each in numbered if not each.is_met and n not in confirmed]
    if not still_open:
        return
    named = "; ".join(f"{n}. {one_line(each.text, 100)}" for n, each in still_open[:_NAMED])
    more = f"; and {len(still_open) - _NAMED} more" if len(still_open) > _NAMED else ""
    # A refused call ticks nothing, so what it confirmed has to be confirmed again.
    numbers = ",".join(str(n) for n, each in numbered if not each.is_met)
    raise CriteriaError(
        f"{task_id}: {len(still_open)} of {len(criteria)} success criteria are open: {named}{more}",
        hint=f"tick what is met in {where}, or confirm it: `orchestrator complete {task_id} --met {numbers}`",
        criteria=facts(criteria),
    )


def facts(criteria: Iterable[Criterion]) -> list[dict[str, object]]:
    """Return what ``--json`` says of criteria."""
    return [{"number": number, "text": each.text, "met": each.is_met} for number, each in enumerate(criteria, start=1)]
