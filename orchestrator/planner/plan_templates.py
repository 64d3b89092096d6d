"""Plans that come with the package, with parameters: the scenarios of seed 002 (seed rows S2-33 to S2-36).

Each is a template in ``templates/plans`` that yields the JSON of a draft; ``index.json.j2`` there says which there are.
A parameter's value gets into it as a value and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.views.templating import render


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a template has to be told."""

    name: str
    about: str
    kind: str = "text"
    """``text``; ``list``: separated by commas; ``files``: a pattern. The last two make one task for each."""
    default: str | tuple[str, ...] | None = None
    """None: it has to be given."""


@dataclass(frozen=True, slots=True)
class PlanTemplate:
    """A plan that comes with the package."""

    name: str
    about: str
    parameters: Mapping[str, Parameter]


def plan_templates() -> dict[str, PlanTemplate]:
    """Return all of them, by name."""
    listed = json.loads(render("plans/index.json.j2", None))
    return {
        name: PlanTemplate(
            name,
            each["about"],
            {key: _parameter(key, value) for key, value in each["parameters"].items()},
        )
        for name, each in listed.items()
    }


def _parameter(name: str, value: Mapping[str, Any]) -> Parameter:
    default = value.get("default")
    return Parameter(
        name,
        value["about"],
        value.get("kind", "text"),
        tuple(default) if isinstance(default, list) else default,
    )


def fill(template: PlanTemplate, values: Mapping[str, str | tuple[str, ...]]) -> Any:
    """Return the data of a draft; *values* has one for every parameter."""
    return json.loads(render(f"plans/{template.name}.json.j2", None, **values))


def describe(template: PlanTemplate) -> str:
    """Return a template and its parameters, for people."""
    lines = [f"{template.name}: {template.about}"]
    for each in template.parameters.values():
        shown = each.default if isinstance(each.default, str) else ", ".join(each.default or ())
        rest = "required" if each.default is None else f"default: {shown}"
        many = " (one task for each)" if each.kind != "text" else ""
        lines.append(f"  {each.name}: {each.about}{many}; {rest}")
    return "\n".join(lines)
