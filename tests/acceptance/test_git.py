"""Git commands that an agent types take nothing away of what a run keeps (cases of kind G)."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import answer_of, front_of, write_plan

CASES = Path(__file__).parents[1] / "data/cases/git"
ALL = ("T-01", "T-02", "T-03", "T-04")
#: What no commit of an agent may hold of a plan directory.
KEPT = ("logs/", ".lock", "index.json", "results/", "journal.md")


class Repository:
    """A repository with one commit and a branch, and a plan directory in it."""

    def __init__(self, orchestrate: Orchestrate, top: Path) -> None:
        self.orchestrate, self.top, self.root = orchestrate, top, top / ".orchestrator"
        top.mkdir()
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.email", "kim@example.org")
        self.git("config", "user.name", "Kim")
        (top / "file.txt").write_text("one\n", encoding="utf-8")
        self.git("add", "file.txt")
        self.git("commit", "-q", "-m", "one")
        self.git("branch", "side")
        self.root.mkdir()

    def git(self, *words: str) -> str:
        command = ["git", "-C", str(self.top), *words]
        return subprocess.run(command, check=True, capture_output=True, encoding="utf-8").stdout

    def plan(self, case: str, *changes: tuple[str, str]) -> None:
        text = (CASES / f"{case}.md").read_text(encoding="utf-8")
        for before, after in changes:
            assert before in text
            text = text.replace(before, after)
        (self.root / "master_plan.md").write_text(text, encoding="utf-8")

    def run(self) -> Answer:
        return self.orchestrate("run", cwd=self.top)

    def marks(self) -> list[str]:
        text = (self.top.parent / "marks.txt").read_text(encoding="utf-8")
        return sorted(text.split())

    def answers(self) -> list[str]:
        return [answer_of(self.root, each) for each in ALL]


@pytest.fixture
def repository(orchestrate: Orchestrate, tmp_path: Path) -> Repository:
    return Repository(orchestrate, tmp_path / "project")


@pytest.mark.parametrize("is_tracked", [False, True])
@pytest.mark.parametrize(
    ("case", "left"),
    [
        ("stash-in-a-task", "one\nx\n"),
        ("quick-stash-in-a-task", "one\nx\n"),
        ("stash-without-pop-in-a-task", "one\n"),
        ("clean-in-a-task", "one\n"),
        ("commit-in-a-task", "one\ny\n"),
        ("branch-in-a-task", "one\n"),
    ],
)
def test_each_task_is_done_once_and_every_answer_is_there(
    repository: Repository, case: str, left: str, *, is_tracked: bool
) -> None:
    repository.plan(case)
    if is_tracked:
        repository.git("add", ".")
        repository.git("commit", "-q", "-m", "the plan")
    ran = repository.run()
    assert 0 == ran.returncode, ran.stderr
    assert [*ALL] == repository.marks()
    assert ["first answer", "done", "beside"] == repository.answers()[:3]
    assert "beside" in repository.answers()[3]
    if not is_tracked:  # a plan that is tracked goes into the stash with all else
        assert left == (repository.top / "file.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("add", ["git add -A", "git add ."])
@pytest.mark.parametrize("is_tracked", [False, True])
def test_a_commit_of_everything_has_the_work_and_nothing_of_the_run(
    repository: Repository, add: str, *, is_tracked: bool
) -> None:
    repository.plan("add-all-in-a-task", ("git add -A", add))
    if is_tracked:
        repository.git("add", ".")
        repository.git("commit", "-q", "-m", "the plan")
    ran = repository.run()
    assert 0 == ran.returncode, ran.stderr
    committed = repository.git("show", "--name-only", "--format=", "HEAD").split()
    assert "work.txt" in committed
    assert [] == [name for name in committed for kept in KEPT if kept in name]
    assert "ghp_x" not in repository.git("show", "HEAD")


def test_commands_that_make_a_plan_protect_it_before_any_run(repository: Repository) -> None:
    repository.root.rmdir()
    assert 0 == repository.orchestrate("add", "echo one", cwd=repository.top).returncode
    assert "" == repository.git("status", "--short")


def test_people_can_still_commit_their_plan(repository: Repository) -> None:
    """As the file says; and from then on every `git add -A` takes along what they change in it."""
    repository.plan("commit-in-a-task")
    assert 0 == repository.run().returncode
    said = (repository.root / ".gitignore").read_text(encoding="utf-8")
    assert "git add -f master_plan.md agent_tasks" in said
    repository.git("-C", ".orchestrator", "add", "-f", "master_plan.md", "agent_tasks")
    repository.git("commit", "-q", "-m", "the plan")
    tracked = repository.git("ls-files", ".orchestrator").split()
    assert ".orchestrator/master_plan.md" in tracked
    assert ".orchestrator/agent_tasks/agent-01.md" in tracked
    assert 2 == len({Path(name).parts[1] for name in tracked})
    with (repository.root / "master_plan.md").open("a", encoding="utf-8") as plan:
        plan.write("\nA thought.\n")
    repository.git("add", "-A")
    assert ".orchestrator/master_plan.md" in repository.git("diff", "--cached", "--name-only")


def test_lines_that_a_person_wrote_stay_and_count_more(repository: Repository) -> None:
    repository.plan("clean-in-a-task")
    ignore = repository.root / ".gitignore"
    ignore.write_text("# mine\n!final_output.md\n", encoding="utf-8")
    assert 0 == repository.run().returncode
    assert ignore.read_text(encoding="utf-8").endswith("\n# mine\n!final_output.md\n")
    repository.git("add", "-A")
    assert ".orchestrator/final_output.md\n" == repository.git("diff", "--cached", "--name-only")


def test_lines_of_ours_that_a_person_changed_are_not_written_again(repository: Repository) -> None:
    repository.plan("clean-in-a-task")
    assert 0 == repository.run().returncode
    ignore = repository.root / ".gitignore"
    changed = ignore.read_text(encoding="utf-8").replace("\n*\n", "\n/logs/\n")
    ignore.write_text(changed, encoding="utf-8")
    assert 0 == repository.run().returncode
    assert changed == ignore.read_text(encoding="utf-8")


def test_other_files_in_a_plan_directory_stay_what_they_are_to_git(repository: Repository) -> None:
    """A plan may lie among the files of its project."""
    write_plan(repository.top, {"T-01": "echo one > work.txt; git add -A; git stash -q -u; git stash pop -q"})
    ran = repository.orchestrate("run", str(repository.top), cwd=repository.top)
    assert 0 == ran.returncode, ran.stderr
    assert "?? work.txt" in repository.git("status", "--short").replace("A  ", "?? ")
    assert "master_plan.md" not in repository.git("status", "--short")


def test_outside_of_a_work_tree_nothing_is_written(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "echo one"})
    assert 0 == orchestrate("run").returncode
    assert not (root / ".gitignore").exists()


# ── where it is taken away all the same ──────────────────────────────────────────────────────────────────────────────


def _pop(repository: Repository) -> None:
    repository.git("stash", "pop", "-q")


@pytest.mark.parametrize(
    ("case", "bring_back"),
    [
        ("stash-in-a-task", lambda _: None),
        ("quick-stash-in-a-task", lambda _: None),
        ("stash-without-pop-in-a-task", _pop),
    ],
)
def test_a_plan_that_git_takes_away_ends_the_run_and_no_agent(
    repository: Repository, case: str, bring_back: Callable[[Repository], None]
) -> None:
    """With what is ignored, too: nothing counts as completed whose answer went along, and nothing is cut short."""
    finished = "sleep 1.5; echo finished >> ../marks.txt; echo beside"
    repository.plan(case, ("stash -q -u", "stash -q -a"), ("sleep 1.5; echo beside", finished))
    ran = repository.run()
    assert 5 == ran.returncode, ran.stderr
    assert f"{repository.root}: the plan directory was taken away while the run was at" in ran.stderr
    assert "git stash" in ran.stderr
    assert ["T-01", "T-02", "T-03", "finished"] == repository.marks()
    bring_back(repository)
    assert "first answer" == answer_of(repository.root, "T-01")
    plan = repository.root / "master_plan.md"
    text = plan.read_text(encoding="utf-8").replace("git stash -q -a;", "")
    plan.write_text(text.replace("git stash pop -q;", ""), encoding="utf-8")
    again = repository.run()
    assert 0 == again.returncode, again.stderr
    assert 1 == repository.marks().count("T-01")
    assert ["first answer", "done", "beside"] == repository.answers()[:3]
    assert "beside" in repository.answers()[3]


def test_a_plan_that_git_deletes_sends_nobody_to_init(repository: Repository) -> None:
    repository.plan("clean-in-a-task", ("clean -qfd", "clean -qfdx"))
    ran = repository.run()
    assert 5 == ran.returncode, ran.stderr
    assert str(repository.root) in ran.stderr
    assert "init" not in ran.stderr
    # Git takes away one file after the other, and what is written meanwhile begins anew; no task is done again.
    assert not (repository.root / "master_plan.md").exists()
    assert "(attempt 2)" not in ran.stderr


def test_an_answer_whose_log_was_exchanged_is_not_believed(orchestrate: Orchestrate, root: Path) -> None:
    """Another file in its place says what somebody else said."""
    exchange = 'echo mine; cd "$ORCHESTRATOR_DIR/logs"; echo forged > new; mv new agent-01.attempt-1.out'
    write_plan(root, {"T-01": exchange, "T-02": ("cat", "T-01"), "T-03": "echo three"})
    assert 1 == orchestrate("run").returncode
    assert {"T-01": "failed", "T-02": "skipped", "T-03": "completed"} == orchestrate.statuses()
    assert "replaced while it ran" in front_of(root, "T-01")["attempts"][0]["reason"]
    assert "forged" not in answer_of(root, "T-01")
