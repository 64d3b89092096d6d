"""A directory of plans: numbers, the cache of what each says, the archive."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Thread

import pytest

from orchestrator.core.plan_status import PlanState
from orchestrator.errors import NotFoundError, StoreError, UsageError
from orchestrator.store import collection
from orchestrator.store.layout import Layout
from orchestrator.store.plan_directory import find_plan, find_plan_directory
from orchestrator.store.workspace import Workspace

PLAN = b"---\nstatus: planning\ntitle: X\n---\n| ID | Task |\n|---|---|\n| T-01 | Look |\n"
FILES = {"master_plan.md": PLAN}


def at(path: Path) -> Layout:
    return Layout(str(path))


def test_the_next_number_is_one_that_was_never_given(tmp_path: Path) -> None:
    (tmp_path / "archive/TASK-007").mkdir(parents=True)
    (tmp_path / "TASK-notes").mkdir()
    assert "TASK-008" == collection.make_plan(at(tmp_path), FILES)
    (tmp_path / "TASK-1000").mkdir()
    assert "TASK-1001" == collection.make_plan(at(tmp_path), FILES)
    assert PLAN == (tmp_path / "TASK-1001/master_plan.md").read_bytes()
    assert [] == [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


def test_a_file_in_the_way_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "TASK-001").write_text("mine")
    assert "TASK-002" == collection.make_plan(at(tmp_path), FILES)


def test_what_was_read_is_kept_as_long_as_it_is_true(tmp_path: Path) -> None:
    """Also beside the cache of a plan that lies in the same directory."""
    made = collection.make_plan(at(tmp_path), FILES)
    (tmp_path / "master_plan.md").write_bytes(PLAN)
    old = 1_600_000_000
    for path in (tmp_path / made / "master_plan.md", tmp_path / "master_plan.md"):
        os.utime(path, (old, old))
    assert "X" == collection.survey(at(tmp_path)).plans[made].title
    Workspace(at(tmp_path)).load()
    plan = tmp_path / made / "master_plan.md"
    plan.write_bytes(PLAN.replace(b"planning", b"rejected"))
    assert PlanState.REJECTED is collection.survey(at(tmp_path)).plans[made].state
    assert PlanState.PLANNING is Workspace(at(tmp_path)).load().plan.header.state


def test_a_plan_from_the_cache_says_the_same_of_itself(tmp_path: Path) -> None:
    (tmp_path / "master_plan.md").write_bytes(PLAN)
    os.utime(tmp_path / "master_plan.md", (1_600_000_000, 1_600_000_000))
    first = Workspace(at(tmp_path))
    read = first.load().plan
    first.write_index()
    assert read.header == Workspace(at(tmp_path)).load().plan.header
    assert PlanState.PLANNING is read.header.state


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    good, bad = collection.make_plan(at(tmp_path), FILES), collection.make_plan(at(tmp_path), FILES)
    (tmp_path / bad / "master_plan.md").write_bytes(b"---\nstatus: ready\n---\n")
    (tmp_path / "TASK-099").mkdir()
    (tmp_path / "results").mkdir()
    for anew in (False, True):
        found = collection.survey(at(tmp_path), anew=anew)
        assert ([good], [bad, "TASK-099"]) == (list(found.plans), list(found.broken))
    with pytest.raises(NotFoundError):
        collection.survey(at(tmp_path / "nowhere"))


def test_a_cache_that_cannot_be_written_is_told_to_whoever_asked_for_it(tmp_path: Path) -> None:
    """Nobody else: a look takes longer."""
    made = collection.make_plan(at(tmp_path), FILES)
    os.utime(tmp_path / made / "master_plan.md", (1_600_000_000, 1_600_000_000))
    (tmp_path / "index.json").mkdir()
    assert [made] == list(collection.survey(at(tmp_path)).plans)
    with pytest.raises(StoreError, match="index"):
        collection.survey(at(tmp_path), anew=True)


def test_many_threads_of_one_process_each_read_whole_plans(tmp_path: Path) -> None:
    """Whoever looks while plans are made sees each of them whole, or not at all."""
    barrier, seen = Barrier(2), list[dict[str, str]]()

    def look() -> None:
        barrier.wait()
        seen.extend(collection.survey(at(tmp_path)).broken for _ in range(50))

    watcher = Thread(target=look)
    watcher.start()
    barrier.wait()
    for _ in range(20):
        collection.make_plan(at(tmp_path), FILES)
    watcher.join()
    assert [] == [broken for broken in seen if broken]


def test_many_threads_of_one_process_each_make_a_whole_plan(tmp_path: Path) -> None:
    """None takes the files of another away, and nothing but plans is left."""
    barrier = Barrier(8)

    def make(_: int) -> str:
        barrier.wait()
        return collection.make_plan(at(tmp_path), FILES)

    with ThreadPoolExecutor(8) as pool:
        made = sorted(pool.map(make, range(8)))
    assert [f"TASK-{number:03d}" for number in range(1, 9)] == made
    assert made == sorted(each.name for each in tmp_path.iterdir())
    assert all((tmp_path / each / "master_plan.md").exists() for each in made)


def test_an_archived_plan_is_never_written_over(tmp_path: Path) -> None:
    made = collection.make_plan(at(tmp_path), FILES)
    (tmp_path / f"archive/{made}").mkdir(parents=True)
    with pytest.raises(UsageError, match="holds a TASK-001 already"):
        collection.archive_plan(at(tmp_path), made)
    assert (tmp_path / made / "master_plan.md").exists()


def test_no_plan_is_archived_through_a_link(tmp_path: Path) -> None:
    """It would lead out of the directory of plans."""
    made = collection.make_plan(at(tmp_path / "p"), FILES)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "p" / "archive").symlink_to("../elsewhere")
    with pytest.raises(StoreError, match="it is a link"):
        collection.archive_plan(at(tmp_path / "p"), made)
    assert (tmp_path / "p" / made / "master_plan.md").exists()


def test_a_plan_behind_a_link_is_found_in_the_archive(tmp_path: Path) -> None:
    """Also when the link says where it leads to from the place in which it lay."""
    made = collection.make_plan(at(tmp_path / "real"), FILES)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / made).symlink_to(f"../real/{made}")
    assert (Path(collection.archive_plan(at(tmp_path / "p"), made)) / "master_plan.md").exists()
    assert ["archive"] == [each.name for each in (tmp_path / "p").iterdir()]


def test_an_id_means_the_plan_below_the_directory_that_is_found(tmp_path: Path) -> None:
    """Also for whoever works on its neighbour; and never anything outside."""
    root = tmp_path / ".orchestrator"
    collection.make_plan(at(root), FILES)
    collection.make_plan(at(root), FILES)
    (tmp_path / "TASK-003").mkdir()
    (tmp_path / "TASK-003/master_plan.md").write_bytes(PLAN)
    (tmp_path / "src").mkdir()
    inside = {"ORCHESTRATOR_DIR": f"{root}/TASK-001"}
    for environment, current in (({}, tmp_path / "src"), (inside, Path("/"))):
        assert f"{root}/TASK-002" == find_plan_directory("TASK-002", environment, str(current)).root
        for name in ("TASK-009", "TASK-003", "../TASK-003", "TASK-001/../../TASK-003", ""):
            with pytest.raises(NotFoundError):
                find_plan(name, environment, str(current))


def test_a_plan_that_the_system_does_not_show_is_found(tmp_path: Path) -> None:
    """Whoever reads it is told why; "not found" would be the wrong answer for the plan of another user."""
    (tmp_path / "TASK-001").mkdir()
    (tmp_path / "TASK-001/master_plan.md").symlink_to("master_plan.md")
    found = find_plan("TASK-001", {}, "/", str(tmp_path))
    assert f"{tmp_path}/TASK-001" == found.root
    with pytest.raises(StoreError, match="cannot read"):
        Workspace(found).load()
