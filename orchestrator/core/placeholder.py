"""``{{name}}`` in the files of a template: replaced once, by a text that stays a text. Nothing else means anything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

_PLACE = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]{0,63})\}\}")


def places(texts: Iterable[str]) -> list[str]:
    """Return the names of all placeholders, in order, each once."""
    return list(dict.fromkeys(name for text in texts for name in _PLACE.findall(text)))


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return a text with its placeholders replaced; what a value looks like does not matter.

    Raises:
        KeyError: there is no value for one.
    """
    return _PLACE.sub(lambda found: values[found[1]], text)
