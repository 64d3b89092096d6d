"""What a batch is expanded to: ids that last, and a graph that stays one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.batch import (
    BatchItem,
    Expansion,
    child_id,
    expand,
    item_values,
    listed_items,
    read_foreach,
    renewed,
)
from orchestrator.core.graph import find_cycle, shape
from orchestrator.core.params import command_with_item, filled_with_item, item_variables, paths_in
from orchestrator.core.plan import Plan, Task, leaves, sources
from orchestrator.errors import PlanError
from orchestrator.plan.task_fields import FIELD_OF

ITEMS = st.lists(st.sampled_from(["a", "b", "c", 1, True, {"a": 1}, {"a": True}, ["a"]]), max_size=8)


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(ITEMS, min_size=1, max_size=6), st.booleans())
def test_an_item_keeps_its_number_for_ever(lists: list[list[Any]], stays: bool) -> None:
    """Whatever the list was in between, and no number ever stands for another item."""
    expansion: Expansion | None = None
    meant: dict[int, str] = {}
    for items in lists:
        expansion = renewed(expansion, items, lambda _: stays)
        for item in expansion.items:
            assert meant.setdefault(item.number, json.dumps(item.value)) == json.dumps(item.value)
        found = [item for item in expansion.items if not item.is_gone]
        assert len(found) >= len(items)
        assert stays or sorted(map(repr, items)) == sorted(repr(item.value) for item in found)
        assert expansion == renewed(expansion, items, lambda _: stays), "the same list changes nothing"


def test_a_new_list_is_numbered_in_its_order() -> None:
    first = renewed(None, ["b", "a", "b"])
    assert [BatchItem(1, "b"), BatchItem(2, "a"), BatchItem(3, "b")] == list(first.items)
    then = renewed(first, ["c", "b"], {2: True}.get)  # type: ignore[arg-type]
    assert [BatchItem(1, "b"), BatchItem(2, "a"), BatchItem(3, "b", is_gone=True), BatchItem(4, "c")] == list(
        then.items
    )
    assert first.sum != then.sum


# ── expansion ─────────────────────────────────────────────────────────────────────────────────────────────────────


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, dict[str, Expansion]]:
    """An acyclic plan in which some tasks are batches, with lists of any size."""
    tasks: dict[str, Task] = {}
    expansions: dict[str, Expansion] = {}
    for index in range(draw(st.integers(1, 8))):
        needs = draw(st.sets(st.sampled_from(sorted(tasks)), max_size=3)) if tasks else set()
        task = Task(f"T-{index}", "do {{item}}", "do {{item}}", tuple(sorted(needs)))
        if draw(st.booleans()):
            task = task._replace(foreach="a, b", run_if=draw(st.sampled_from(["", "", "all_over"])))
            expansion = renewed(renewed(None, draw(ITEMS)), draw(ITEMS))
            expansions[task.id] = expansion._replace(is_open=draw(st.integers(0, 5)) == 0)
        tasks[task.id] = task
    return Plan(tasks), expansions


@given(plans())
def test_a_plan_stays_a_plan(drawn: tuple[Plan, dict[str, Expansion]]) -> None:
    """No circle, no row lost, and whoever depends on a batch gets every task of it."""
    plan, expansions = drawn
    after = expand(plan, expansions).tasks
    assert find_cycle(after) is None
    assert len(shape(after).order) == len(after)
    assert list(plan.tasks) == [task_id for task_id in after if task_id in plan.tasks]
    for task in plan.tasks.values():
        found = expansions.get(task.id, Expansion())
        ids = [child_id(task.id, item.number) for item in found.items if not (item.is_gone or found.is_open)]
        assert ids == list(after[task.id].children)
        assert [task.id] == leaves(task.id, after) or ids == leaves(task.id, after)
        for child in (after[each] for each in ids):
            assert (task.id, task.needs) == (child.parent, child.needs)
            assert not child.is_batch
        for need in task.needs:
            assert set(leaves(need, after)) <= set(sources(after[task.id], after)) or after[task.id].run_if == ""


def test_a_batch_hands_its_row_on_to_its_tasks() -> None:
    row = Task(
        "T-01", "see {{item.p}}", "cat {{item.p}}", ("T-00",), agent="Agent-01", expected="{{item.p}} in words",
        inputs=(("For", "{{item.p}}"),), settings=(("writes", "out/{{item.p}}"),), condition="item.p == 'a'",
        foreach='[{"p": "a b"}]', where="plan:3",
    )  # fmt: skip
    plan = expand(Plan({"T-00": Task("T-00", "x", "x"), "T-01": row}), {"T-01": renewed(None, [{"p": "a b"}])})
    group, child = plan.tasks["T-01"], plan.tasks["T-01.1"]
    assert ("", ("T-00", "T-01.1"), ("T-01.1",)) == (group.condition, group.needs, group.children)
    assert ("see a b", "cat a b", 'cat "${ORCHESTRATOR_ITEM_p}"') == (child.name, child.description, child.command)
    assert ("a b in words", (("For", "a b"),), (("writes", "out/a b"),)) == (
        child.expected,
        child.inputs,
        child.settings,
    )
    assert (row.condition, "plan:3", "", '{"p": "a b"}') == (child.condition, child.where, child.agent, child.item)


@pytest.mark.parametrize(
    ("item", "settings", "why"),
    [
        ({"q": 1}, (), "it has no p, which {{item.p}} takes from it"),
        ({"p": "../x"}, (("writes", "{{item.p}}"),), "path"),
    ],
)
def test_an_item_that_does_not_fit(item: Any, settings: tuple[tuple[str, str], ...], why: str) -> None:
    row = Task("T-01", "x", "{{item.p}}", foreach="a, b", settings=settings, where="plan:3")
    with pytest.raises(PlanError, match=why) as error:
        expand(Plan({"T-01": row}), {"T-01": renewed(None, [item])})
    assert "plan:3" == error.value.problems[0].where


@pytest.mark.parametrize("text", ["x", "a:b", "{a: b}", "[1", "[[[[[[[[[[[1]]]]]]]]]]]", '["\\u0000"]', "[NaN]", ""])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        read_foreach(text)


def test_a_matrix_is_the_product() -> None:
    matrix = FIELD_OF["matrix"].read("{os: [linux, mac], py: ['3.10', 3.11]}")
    found = listed_items(Task("T-01", "x", "x", matrix=matrix))
    assert isinstance(found, tuple)
    assert [("linux", "3.10"), ("linux", "3.11"), ("mac", "3.10"), ("mac", "3.11")] == [
        tuple(each.values()) for each in found
    ]
    for bad in ("{a: b}", "[a]", "{item: [a]}", "{a: []}", "{a: [[b]]}", "{", "{a b: [c]}"):
        with pytest.raises(ValueError, match=r"\S"):
            FIELD_OF["matrix"].read(bad)


# ── texts ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_other_braces_stay_as_they_are() -> None:
    text = "{{ item }} {{other}} {item} {{}} {{item.a b}} ${{ item }}"
    assert "x {{other}} {item} {{}} {{item.a b}} $x" == filled_with_item(text, {"item": "x"})
    assert [("item",), ("other",), ("item",)] == list(paths_in(text))


NASTY = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    st.text(st.sampled_from("'\"\\$`(){};&|<>\n *?#~!-"), min_size=1),
)


@given(st.dictionaries(st.sampled_from(["a", "b"]), NASTY, min_size=2, max_size=2))
def test_a_shell_gets_each_value_as_one_word(item: dict[str, str]) -> None:
    """Bare, within quotes of both kinds, and between other letters."""
    row = Task("T-01", "x", "x", foreach="a, b")
    command = """printf '%s\\0' {{item.a}} "{{item.a}}" '{{item.a}}' x{{item.b}}y "it's {{item.b}}" 'a "{{item.b}}"'"""
    script = command_with_item(command, item_values(row, item))
    ran = subprocess.run(
        ["/bin/sh", "-c", script], env=item_variables(item), capture_output=True, check=True, cwd=Path("/")
    )
    a, b = item["a"], item["b"]
    assert [a, a, a, f"x{b}y", f"it's {b}", f'a "{b}"'] == ran.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize(
    "command", ["# don't {{item}}", "cat <<X\n'{{item}}\nX", '"$(cat {{item}})"', "`cat '{{item}}'`"]
)
def test_a_shell_never_runs_a_value(command: str, tmp_path: Path) -> None:
    """Also where we do not see through its quotes."""
    for item in ("$(touch pwned)", "'; touch pwned; '", '"; touch pwned; "', "`touch pwned`", "\ntouch pwned\n"):
        script = command_with_item(f"{command}\n", {"item": item})
        subprocess.run(
            ["/bin/sh", "-c", script], env=item_variables(item), capture_output=True, check=False, cwd=tmp_path
        )
    assert [] == list(tmp_path.iterdir())
