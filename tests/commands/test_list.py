"""``list``."""

from __future__ import annotations

from pathlib import Path

from orchestrator.commands import list as listing
from tests.commands.typed import bob, typed


def test_filters_are_given_again_and_again() -> None:
    call, params = typed("list", "here", "--tag", "a", "--tag", "b,c", "--format", "json")
    assert ("here", True) == (call.directory, call.is_json)
    assert listing.ListParams(tags=("a", "b,c"), format="json") == params


def test_the_reply(tmp_path: Path) -> None:
    call = bob(tmp_path)
    found = listing.execute(call, listing.ListParams(status=["ready"]))
    assert ["T-01"] == [task.id for task in found.tasks]
    facts = listing.facts(found)
    assert ("1 task", ["T-01"]) == (facts["message"], [each["id"] for each in facts["tasks"]])
    assert "T-01" in listing.text(found)
    assert "T-02" not in listing.text(found)


def test_groups(tmp_path: Path) -> None:
    """Without a terminal their names alone."""
    found = listing.execute(bob(tmp_path), listing.ListParams(group_by="status"))
    assert "pending\nwaiting\n" == listing.text(found)
    facts = listing.facts(found)
    assert ("2 tasks in 2 groups", ["pending", "waiting"]) == (facts["message"], [*facts["groups"]])
