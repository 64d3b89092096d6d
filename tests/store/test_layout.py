"""Where everything lies."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import NotFoundError, StoreError
from orchestrator.store.layout import Layout
from orchestrator.store.plan_directory import find_plan_directory


def found(current: Path, named: str | None = None, **environment: str) -> str:
    return find_plan_directory(named, environment, str(current)).root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".orchestrator").mkdir()
    (tmp_path / "src/deep").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    return tmp_path


def test_the_nearest_plan_directory_upward_is_meant(project: Path) -> None:
    """As git finds its repository, also from inside of the plan directory itself."""
    for current in (project, project / "src/deep", project / ".orchestrator"):
        assert f"{project}/.orchestrator" == found(current)


def test_a_named_directory_comes_before_the_environment(project: Path) -> None:
    """And the environment before the search upward; both are seen from the current directory."""
    assert f"{project}/other" == found(project / "src", "../other", ORCHESTRATOR_DIR=str(project / "src"))
    assert f"{project}/other" == found(project, ORCHESTRATOR_DIR="other")
    assert f"{project}/.orchestrator" == found(project, ORCHESTRATOR_DIR="")


def test_a_directory_that_is_not_there_is_told(project: Path) -> None:
    """By the name that was given, with the command that would make it."""
    with pytest.raises(NotFoundError, match="no such plan directory: nowhere") as caught:
        found(project, "nowhere")
    assert "`orchestrator init nowhere` makes one" == caught.value.hint


@pytest.mark.parametrize("must_exist", [True, False])
def test_what_is_no_directory_is_not_to_be_made(project: Path, must_exist: bool) -> None:
    """``init`` would be told that a file is in its way."""
    (project / "file").touch()
    with pytest.raises(NotFoundError, match="no such plan directory: file") as caught:
        find_plan_directory("file", {}, str(project), must_exist=must_exist)
    assert caught.value.hint.startswith("something else is there")


@pytest.mark.parametrize("must_exist", [True, False])
@pytest.mark.parametrize("here", [True, False])
def test_a_link_that_leads_nowhere_is_no_reason_to_look_above(project: Path, must_exist: bool, here: bool) -> None:
    """A disk that is away just now: another plan would be changed."""
    link = project / "src/.orchestrator"
    link.symlink_to("/mnt/away/plan")
    with pytest.raises(StoreError, match="leads to /mnt/away/plan: No such file") as caught:
        find_plan_directory(None, {}, str(project / "src"), must_exist=must_exist, here=here)
    assert str(link) == caught.value.where
    with pytest.raises(StoreError, match="leads to /mnt/away/plan: No such file"):
        find_plan_directory(str(link), {}, str(project), must_exist=must_exist)
    link.unlink()
    link.symlink_to(".orchestrator")
    with pytest.raises(StoreError, match="symbolic links"):
        found(project / "src/deep")


def test_where_something_is_to_be_made_here_nothing_above_is_meant(project: Path) -> None:
    """For ``plan``."""
    src = str(project / "src")
    assert f"{src}/.orchestrator" == find_plan_directory(None, {}, src, must_exist=False, here=True).root


def test_a_new_directory_need_not_be_there(project: Path) -> None:
    """For ``init``."""
    layout = find_plan_directory("new", {}, str(project), must_exist=False)
    assert f"{project}/new" == layout.root


@pytest.mark.parametrize(
    ("workdir", "root", "setting"),
    [
        ("/p", "/p/.orchestrator", ""),
        ("/p", "/p/.orchestrator/TASK-001", ""),
        ("/p/src", "/p/.orchestrator", "../src"),
        ("/elsewhere", "/p/.orchestrator", "/elsewhere"),
        ("/p/.orchestrator", "/p/.orchestrator", "."),
    ],
)
def test_agents_work_beside_the_plan_directory(workdir: str, root: str, setting: str) -> None:
    """Or where the plan says, seen from the plan directory."""
    assert workdir == Layout(root).workdir(setting)


def test_a_plan_directory_of_another_name_leaves_agents_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no project that it obviously belongs to."""
    monkeypatch.chdir(tmp_path)
    assert str(tmp_path) == Layout("/plans/review").workdir("")


def test_every_file_lies_inside() -> None:
    """One directory holds all of a plan."""
    layout = Layout("/p")
    files = layout.attempt("agent-01", 2)
    assert "agent-01.attempt-2" == files.key
    assert "/p/logs/agent-01.attempt-2.json" == files.record
    assert "/p/agent_tasks/agent-01.md" == layout.task_file("agent-01")
    assert "/p/results/agent-01-result.md" == layout.result_file("agent-01")
    everything = [
        layout.plan, layout.tasks, layout.results, layout.logs, layout.journal, layout.final_output,
        layout.index, layout.lock, layout.templates, files.stdin, files.script, files.stdout, files.stderr,
    ]  # fmt: skip
    assert all(path.startswith("/p/") for path in everything)
    assert len(set(everything)) == len(everything)
