"""What every agent concludes the same way from how its process ended."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orchestrator.core.duration import format_duration
from orchestrator.core.result import Outcome, ProcessExit, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import one_line, sanitize, unfenced
from orchestrator.lazy import LazyModule

if TYPE_CHECKING:
    import jsonschema_specifications  # type: ignore[import-untyped]
    import referencing
    from jsonschema import exceptions, validators
    from referencing import exceptions as referencing_exceptions
    from referencing import jsonschema
else:
    exceptions = LazyModule("jsonschema.exceptions")
    validators = LazyModule("jsonschema.validators")
    jsonschema_specifications = LazyModule("jsonschema_specifications")
    referencing = LazyModule("referencing")
    referencing_exceptions = LazyModule("referencing.exceptions")
    jsonschema = LazyModule("referencing.jsonschema")


def not_its_own_end(exit: ProcessExit, settings: Settings) -> Outcome | None:
    """Return the outcome of an attempt that never started or that we ended; None when it ended by itself."""
    if exit.error:
        if exit.stopped or exit.is_ours:
            verdict = Verdict.INTERRUPTED
        else:
            verdict = Verdict.FAILED if exit.is_passing else Verdict.FATAL
        return Outcome(verdict=verdict, reason=exit.error, is_refused=verdict is Verdict.FATAL)
    match exit.stopped:
        case None:
            return None
        case StopReason.TIMEOUT:
            limit = format_duration(settings.timeout)
            return Outcome(verdict=Verdict.FAILED, reason=f"timed out after {limit}")
        case StopReason.IDLE:
            limit = format_duration(settings.idle_timeout)
            return Outcome(verdict=Verdict.FAILED, reason=f"gave no sign of life for {limit}")
        case StopReason.LINGERING:
            reason = "did not leave after its answer was complete"
            return Outcome(verdict=Verdict.FAILED, reason=reason)
        case StopReason.SHUTDOWN:
            return Outcome(verdict=Verdict.INTERRUPTED, reason="the run was stopped")
        case StopReason.INTERVENTION:
            return Outcome(verdict=Verdict.INTERRUPTED, reason="it was ended by command")
        case StopReason.ORPHANED:
            return Outcome(verdict=Verdict.INTERRUPTED, reason="the runner died")


def last_words(errors: bytes) -> str:
    """Return the last line of standard error that says something, safe for one line.

    A hint, as our own commands and many others end with, says what to do and not what is wrong.
    """
    hint = ""
    for line in reversed(errors.decode(errors="replace").splitlines()):
        if words := one_line(line, limit=300).strip():
            if not words.startswith("hint: "):
                return words
            hint = hint or words
    return hint


def failure(exit: ProcessExit, errors: bytes) -> str:
    """Say how a process failed: ``exit 1: no such file``."""
    words = last_words(errors)
    return f"{exit.describe()}: {words}" if words else exit.describe()


# ── structured ────────
#
# Structured answers: held to the JSON Schema that was asked for (``schema:`` of a task).

#: Characters of an answer that is indented, and how many times its size that may take: each level indents all below it.
_INDENTED, _AT_MOST = 64 * 1024, 8


def shown(answer: object) -> str:
    """Return an answer as a person reads it; one that is large or deep stays on one line.

    Empty when it is nested so deeply that it could only just be read.
    """
    line = ""
    with suppress(RecursionError):
        line = json.dumps(answer, ensure_ascii=False)
        if len(line) <= _INDENTED:
            # This goes down in Python, and not as far as what reads and writes without it.
            indented = json.dumps(answer, ensure_ascii=False, indent=2)
            return indented if len(indented) <= _AT_MOST * len(line) else line
    return line


def object_in(answer: str) -> dict[str, Any] | None:
    """Return the JSON object that an answer is, fenced or not, fit to be printed; None when it is anything else."""
    inside = unfenced(answer)
    text = answer if inside is None else inside
    if not text.startswith("{"):
        return None
    with suppress(ValueError, RecursionError):
        found = _printable(json.loads(text))
        assert isinstance(found, dict)  # it begins with a brace
        return found
    return None


def _printable(value: object) -> object:
    """Return a value without what a terminal acts on. ValueError: it holds a number that JSON has no word for."""
    if isinstance(value, str):
        return sanitize(value)
    if isinstance(value, list):
        return [_printable(each) for each in value]
    if isinstance(value, dict):
        return {sanitize(name): _printable(each) for name, each in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} is no JSON")
    return value


def mismatch(answer: object, schema: Mapping[str, Any]) -> str:
    """Say in one line how an answer does not fit; empty when it does. Nothing is fetched that a schema refers to."""
    if answer is None:
        return "there is no structured output"
    if wrong := flaw(schema):
        return f"the schema itself is wrong: {wrong}"

    validator = _validator(schema)(dict(schema), registry=referencing.Registry())
    try:
        error = exceptions.best_match(validator.iter_errors(answer))
    except (referencing.exceptions.Unresolvable, RecursionError) as problem:
        return one_line(f"the schema itself is wrong: {problem}", limit=200)
    if error is None:
        return ""
    where = "/".join(map(str, error.absolute_path))
    return one_line(f"{where}: {error.message}" if where else error.message, limit=200)


def flaw(schema: Mapping[str, Any]) -> str:
    """Say in one line what is wrong with a schema; empty when it may be asked for."""
    if not isinstance(schema.get("$schema", ""), str):
        return "its $schema is not a text"
    try:
        _validator(schema).check_schema(dict(schema))
    except exceptions.SchemaError as error:
        return one_line(error.message, limit=200)
    except RecursionError:
        return "it is nested too deeply"
    if schema.get("type", "object") != "object":
        return "its top level must be an object"
    if (broken := _leads_nowhere(schema)) is not None:
        return one_line(f"{broken!r} leads nowhere", limit=200)
    return ""


def _leads_nowhere(schema: Mapping[str, Any]) -> str | None:
    """Return a reference to what is not there: it would be found at an answer, and that is paid for."""
    dialect = jsonschema.specification_with(schema.get("$schema", ""), default=jsonschema.DRAFT202012)
    whole = dialect.create_resource(schema)
    # It may also be no address at all, lead into a number, or stand in what an old draft leaves open.
    problems = (referencing_exceptions.Unresolvable, AttributeError, LookupError, TypeError, ValueError)
    ahead = [(whole, jsonschema_specifications.REGISTRY.resolver_with_root(whole))]
    while ahead:
        part, resolver = ahead.pop()
        for keyword in ("$ref", "$dynamicRef") if isinstance(part.contents, Mapping) else ():
            reference = part.contents.get(keyword)
            try:
                if isinstance(reference, str):
                    resolver.lookup(reference)
            except problems:
                return str(reference)
        with suppress(*problems):
            ahead += [(each, resolver.in_subresource(each)) for each in part.subresources()]
    return None


def _validator(schema: Mapping[str, Any]) -> Any:
    return validators.validator_for(dict(schema), default=validators.Draft202012Validator)
