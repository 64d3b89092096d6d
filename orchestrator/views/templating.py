"""Jinja templates: ours, or a plan directory's own ones in their place.

Data gets into a template as values only; no text of a plan or an agent is ever compiled. Override files belong to
anyone who made the plan directory, and a directory may have come with a checkout: so they run in jinja's sandbox.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from orchestrator.core.duration import format_duration
from orchestrator.core.plan import Task
from orchestrator.core.priority import format_priority
from orchestrator.core.text import cell, code, fence, one_line, sanitize
from orchestrator.core.timestamp import format_timestamp
from orchestrator.errors import PlanError, Problem
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    import jinja2
    from jinja2 import sandbox
else:
    jinja2 = LazyModule("jinja2")
    sandbox = LazyModule("jinja2.sandbox")

_OF_OURS = re.compile(r"'orchestrator\.[\w.]+\.(\w+) object'")
_BUILT_IN = os.path.join(os.path.dirname(__file__), "templates")
_FIX = "correct the template, or delete it to use the built-in one"


def render(name: str, overrides: str | None, **values: object) -> str:
    """Fill a template: *overrides*/*name* if there is such a file, else the built-in one.

    Raises:
        PlanError: an override file is broken, with its line (code ``bad_template``).
    """
    environment = _environment(_existing(overrides))
    try:
        return environment.get_template(name).render(**values)
    except Exception as error:
        # A template can fail in as many ways as Python can. One of ours that fails is a bug and keeps its traceback.
        where = _place(error, overrides, name)
        if not where:
            raise
        problem = Problem(f"bad template: {_message_of(error)}", where, _FIX, "bad_template")
        raise PlanError([problem]) from error


def prepare(name: str, overrides: str | None) -> None:
    """Have a template compiled before it is needed, which takes 40 ms; a broken one is reported when it is filled."""
    with suppress(jinja2.TemplateError, OSError, UnicodeError):
        _environment(_existing(overrides)).get_template(name)


def _existing(overrides: str | None) -> str | None:
    return overrides if overrides and os.path.isdir(overrides) else None


@cache
def _environment(overrides: str | None) -> jinja2.Environment:
    kind = jinja2.Environment
    if overrides:  # ours alone are done in half the time without
        kind = sandbox.ImmutableSandboxedEnvironment

    environment = kind(
        loader=jinja2.FileSystemLoader([overrides, _BUILT_IN] if overrides else _BUILT_IN),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        # It is markdown, not HTML: every value from outside passes one of the filters below.
        autoescape=False,
    )
    environment.filters.update(
        cell=cell,
        line=cell,  # one line of prose, in a heading or a list, needs the same care
        quote=quote,
        quoted=quoted,
        needs=needs,
        code=code,
        fence=fence,
        one_line=one_line,
        printable=sanitize,
        duration=format_duration,
        moment=format_timestamp,
        priority=format_priority,
    )
    return environment


def quote(text: str) -> str:
    """Return a text as a block quote that nothing in it can leave; an HTML comment in it stays visible."""
    return quoted(sanitize(text).replace("<!--", "&lt;!--"))


def quoted(markdown: str) -> str:
    """Return as a block quote what is safe markdown already."""
    lines = markdown.strip().splitlines() or [""]
    return "\n".join(f"> {line}".rstrip() for line in lines)


def needs(task: Task) -> str:
    """Return the cell of a task's dependencies, as read: ``T-01, T-02 (order)``, or ``None``."""
    kinds = dict(task.need_kinds)
    words = (f"{need} ({kinds[need]})" if need in kinds else need for need in task.needs)
    return ", ".join(words) or "None"


def _place(error: BaseException, overrides: str | None, name: str) -> str:
    """Return ``file:line`` of the override that is to blame; empty when it is none."""
    if not overrides:
        return ""
    inside = os.path.join(overrides, "")
    file, line = getattr(error, "filename", None), getattr(error, "lineno", None)
    if isinstance(file, str) and file.startswith(inside):
        return f"{file}:{line}"
    place = ""
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file.startswith(inside):
            place = f"{file}:{trace.tb_lineno}"
        trace = trace.tb_next
    whole = os.path.join(overrides, name)
    return place or (whole if isinstance(error, (OSError, UnicodeError)) else "")


def _message_of(error: BaseException) -> str:
    message: Any = getattr(error, "message", None) or str(error) or type(error).__name__
    # What a template can ask is called by its own name there, not by that of a module.
    message = _OF_OURS.sub(lambda found: found[1].lower(), str(message))
    return one_line(str(message), limit=200)
