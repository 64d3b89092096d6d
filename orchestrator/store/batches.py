"""``batches/``: what each batch of a plan was expanded to, so that every run gives an item the same id."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from orchestrator.errors import PlanError, Problem
from orchestrator.lazy import LazyModule
from orchestrator.ownership import make_directories
from orchestrator.store.atomic import atomic_write, io_errors, read_file, reject_symlinks
from orchestrator.store.fingerprint import files_in, is_settled, signature
from orchestrator.store.layout import Layout

if TYPE_CHECKING:
    from orchestrator.core import batch as batches
    from orchestrator.core.batch import BatchItem, Expansion
else:
    batches = LazyModule("orchestrator.core.batch")

_ENDING = ".json"
_LARGEST = 256 * 1024 * 1024


class BatchFiles:
    """The records of the batches of one plan; each is read once while its file is the same."""

    def __init__(self, layout: Layout, shown: str) -> None:
        """Take the paths; *shown* is the plan directory as people see it, from where they are."""
        self._layout, self._shown = layout, shown
        self._known: dict[str, tuple[int, Expansion]] = {}

    def version(self) -> tuple[int, bool]:
        """Return what is another one whenever a record has changed, and whether that can be trusted; 0: there is none.

        Raises:
            StoreError: the directory cannot be listed.
        """
        found = files_in(self._layout.batches, _ENDING)
        if not found:
            return 0, True
        signed = hash(tuple(sorted((name, signature(file)) for name, file in found.items())))
        return signed, all(map(is_settled, found.values()))

    def read_all(self, batches: Iterable[str]) -> dict[str, Expansion]:
        """Return the records of these batches that there are.

        Raises:
            PlanError: one is damaged; names the file.
            StoreError: one cannot be read.
        """
        found = ((batch, self.read(batch)) for batch in batches)
        return {batch: expansion for batch, expansion in found if expansion is not None}

    def read(self, batch: str) -> Expansion | None:
        """Return the record of a batch; raises as ``read_all``."""
        path = self._layout.batch_file(batch)
        try:
            signed = signature(os.stat(path))
        except OSError:
            signed = 0  # reading it says why
        if signed and (known := self._known.get(batch)) is not None and known[0] == signed:
            return known[1]
        data = read_file(path, _LARGEST)
        if data is None:
            return None
        try:
            expansion = _parsed(json.loads(data), batch)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            shown = f"{self._shown}/batches/{batch}{_ENDING}"
            hint = "restore it; without it, which is an empty directory batches/, every item gets a new number"
            raise PlanError([Problem(f"this is no record of a batch: {error}", shown, hint, "bad_record")]) from None
        self._known[batch] = signed, expansion
        return expansion

    def write(self, expansions: Mapping[str, Expansion]) -> None:
        """Write records, durably; raises ``StoreError`` where one cannot be written."""
        if not expansions:
            return
        directory = self._layout.batches
        reject_symlinks(directory)
        with io_errors("make", directory):
            make_directories(directory)
        for batch, expansion in expansions.items():
            atomic_write(self._layout.batch_file(batch), _drawn(batch, expansion).encode(), is_durable=True)
            self._known.pop(batch, None)


def _drawn(batch: str, expansion: Expansion) -> str:
    about: dict[str, Any] = {"batch": batch, "sum": expansion.sum}
    about |= {"made_from": dict(expansion.made_from)} if expansion.made_from else {}
    about |= {"open": True} if expansion.is_open else {}
    items = []
    for item in expansion.items:
        fact: dict[str, Any] = {"id": batches.child_id(batch, item.number), "item": item.value}
        items.append(json.dumps(fact | ({"gone": True} if item.is_gone else {}), ensure_ascii=False))
    head = json.dumps(about, ensure_ascii=False)[1:-1]
    return "{" + head + ', "items": [\n' + ",\n".join(items) + "\n]}\n"


def _parsed(raw: Any, batch: str) -> Expansion:
    """Return a record; raises all that reading what is no record raises."""
    items: list[BatchItem] = []
    if not isinstance(raw["items"], list):
        raise TypeError("items is no list")
    for fact in raw["items"]:
        before, _, number = fact["id"].rpartition(".")
        if before != batch:
            raise ValueError(f"{fact['id']} is no id of {batch}")
        items.append(batches.BatchItem(int(number), fact["item"], bool(fact.get("gone"))))
    if len({item.number for item in items}) < len(items) or any(item.number < 1 for item in items):
        raise ValueError("two items have the same id")
    made_from = {str(need): int(number) for need, number in raw.get("made_from", {}).items()}
    return batches.Expansion(tuple(sorted(items, key=lambda item: item.number)), made_from, bool(raw.get("open")))
