"""JSON Schemas of answers and parameters: whether one can be used, and whether a value fits it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orchestrator.core.text import one_line
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
