"""The icons of the dashboard: shapes of its own, because a machine may have no font with emoji."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orchestrator.core.plan_status import PlanState
from orchestrator.views.messages import MESSAGE_ICONS
from orchestrator.views.terminal import ICONS
from orchestrator.views.plans import STATE_ICONS

#: The character that other views use, and the shape of ``templates/dashboard/icons.html`` in its place.
_SHAPES: Mapping[str, str] = {
    **{icon: state.value for state, icon in STATE_ICONS.items()},
    **{icon: status.value for status, icon in ICONS.items()},
    **{icon: kind.value for kind, icon in MESSAGE_ICONS.items()},
    STATE_ICONS[PlanState.PLANNING]: "note",
    "⚠️": "warning",
    "🛑": "stopping",
    "▶️": "resumed",
}
#: Some fonts and programs leave out the mark that asks for the coloured form.
_COLOURED = "\ufe0f"
_BY_CHARACTER = {icon.rstrip(_COLOURED): shape for icon, shape in _SHAPES.items()}
_ANY = re.compile(f"({'|'.join(map(re.escape, _BY_CHARACTER))}){_COLOURED}?")


def icon_html(shape: str) -> str:
    """Return one icon; *shape* is a status, the kind of a message, or another name in ``icons.html``."""
    return f'<svg class="icon {shape}" aria-hidden="true"><use href="#icon-{shape}"></use></svg>'


def icons_html(line: str) -> str:
    """Return a *line* of ours, as escaped HTML, with shapes in the place of the characters."""
    return _ANY.sub(lambda found: icon_html(_BY_CHARACTER[found[1]]), line)
