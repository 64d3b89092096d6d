"""Records of batches on disk."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.batch import renewed
from orchestrator.errors import PlanError
from orchestrator.store.batches import BatchFiles
from orchestrator.store.layout import Layout

ITEMS = st.lists(st.sampled_from(["a", "b", 1, True, {"a": ["ä", "\U0001f600"]}]), max_size=8)


@given(ITEMS, st.dictionaries(st.sampled_from(["T-01", "T-02"]), st.integers(1, 9)), st.booleans())
def test_a_record_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any], made_from: dict[str, int], is_open: bool
) -> None:
    layout = Layout(str(tmp_path_factory.mktemp("plan")))
    written = renewed(renewed(None, [*items, "gone"]), items, made_from=made_from)._replace(is_open=is_open)
    BatchFiles(layout, ".").write({"T-09": written})
    assert {"T-09": written} == BatchFiles(layout, ".").read_all(["T-09", "T-10"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"items": {}}',
        '{"items": [{"id": "T-09.x", "item": 1}]}',
        '{"items": [{"id": "T-08.1", "item": 1}]}',
        '{"items": [{"id": "T-09.1"}]}',
        '{"items": [{"id": "T-09.1", "item": 1}, {"id": "T-09.1", "item": 2}]}',
        '{"items": [{"id": "T-09.0", "item": 1}]}',
        '{"items": [], "made_from": 3}',
    ],
)
def test_what_is_no_record_is_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("plan")
    (root / "batches").mkdir()
    (root / "batches/T-09.json").write_text(text, encoding="utf-8")
    with pytest.raises(PlanError) as error:
        BatchFiles(Layout(str(root)), "plan").read("T-09")
    assert "plan/batches/T-09.json" == error.value.problems[0].where
