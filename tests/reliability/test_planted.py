"""What lies in the place of our files: links that lead out, pipes, devices, sockets, directories (promises 9, 23, 24).

Nothing outside of the plan directory is written, and nothing is waited for that never comes.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import everything, front_of, write_plan, write_task
from tests.reliability.soak import SOAK

TASKS = {"T-01": "echo one", "T-02": ("cat; echo two", "T-01"), "T-03": ("cat; echo three", "T-02")}
STATE = (
    "master_plan.md",
    "agent_tasks/agent-02.md",
    "results/agent-02-result.md",
    "logs/agent-02.attempt-1.json",
    "logs/agent-02.attempt-1.out",
    "logs/agent-02.attempt-2.script",
    "logs/agent-02.attempt-2.out",
    "logs/agent-02.attempt-2.json.tmp",
    "logs/wait.cursor",
    "journal.md",
    "index.json",
    "run.lock",
    "final_output.md",
)
DIRECTORIES = ("agent_tasks", "results", "logs", "archive", ".new_plan.tmp")
LOOKS = (("status",), ("list",), ("show", "T-02"), ("validate",), ("wait", "--timeout", "0"), ("doctor", "--plan"))
CHANGES = (("doctor", "--plan", "--fix"), ("run",), ("run", "--detach"), ("plan", "--from", "outline.md", "--force"))


@pytest.fixture(scope="module")
def half_done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan of which one task is finished, and one was."""
    where = tmp_path_factory.mktemp("half-done")
    write_plan(where / ".orchestrator", TASKS)
    assert 0 == Orchestrate(where)("run", "--only", "T-01,T-02").returncode
    (where / ".orchestrator" / "results" / "agent-02-result.md").unlink()
    return where / ".orchestrator"


@pytest.fixture
def root(half_done: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    (tmp_path / "outline.md").write_text("# New\n- First\n- Second\n")
    return shutil.copytree(half_done, tmp_path / ".orchestrator")


@pytest.fixture
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What nobody but the test may write."""
    directory = tmp_path_factory.mktemp("outside")
    (directory / "precious").write_text("mine\n")
    (directory / "agent-01-result.md").write_text("mine, too\n")
    return directory


def fifo(path: Path) -> None:
    os.mkfifo(path)


def listening(path: Path) -> None:
    """A socket, by a short name: the path of one may have no more than some hundred characters."""
    here = os.open(".", os.O_RDONLY)
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


def terminal(path: Path) -> None:
    path.symlink_to("/dev/tty")


def directory(path: Path) -> None:
    path.mkdir()
    (path / "kept").write_text("mine")


NODES: tuple[Callable[[Path], None], ...] = (fifo, zeros, directory, listening, terminal)
PLANTED = [
    (place, node)
    for at, place in enumerate((*STATE, *DIRECTORIES[:3]))
    for number, node in enumerate(NODES)
    if SOAK or node is fifo or (at + number) % 10 == 0
]
#: Where a link is put, and whether something lies where it points.
LINKED = [
    (place, is_there)
    for at, place in enumerate((*STATE, *DIRECTORIES))
    for is_there in (True, False)
    if SOAK or is_there == at % 2
]


def put(path: Path, plant: Callable[[Path], None]) -> None:
    """Put something in the place of a file or a directory."""
    path.parent.mkdir(exist_ok=True)
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name(f"{path.name}.old"))
    path.unlink(missing_ok=True)
    plant(path)


def judge(answer: Answer) -> None:
    """It said what is wrong, if anything, in words and with an exit status of ours."""
    assert "Traceback" not in answer.stderr, answer.stderr
    assert answer.returncode in {0, 1, 2, 5}, answer
    if answer.returncode == 5:
        told = [line for line in answer.stderr.splitlines() if line.startswith("error: ")]
        assert len(told) == 1, answer.stderr
        assert "/.orchestrator" in told[0]
        assert "  hint: " in answer.stderr


@pytest.mark.parametrize(("place", "node"), PLANTED, ids=[f"{place} {node.__name__}" for place, node in PLANTED])
def test_what_is_no_file_is_never_waited_for(
    orchestrate: Orchestrate, root: Path, place: str, node: Callable[[Path], None], tally: Counter[str]
) -> None:
    """Every command comes back with its answer, or with one clear line; ``doctor --plan`` says what lies there."""
    put(root / place, node)
    fixes = (("doctor", "--plan", "--fix"),) if SOAK or place.startswith("results/") else ()
    for words in (*(LOOKS if SOAK else LOOKS[:1]), ("run",), *fixes):
        judge(orchestrate(*words))
        tally["commands on what is no file"] += 1
    if node is directory and (root / place).is_dir():
        assert "mine" == (root / place / "kept").read_text()


@pytest.mark.parametrize(
    ("place", "is_there"),
    LINKED,
    ids=[f"{place} to {'something' if is_there else 'nothing'}" for place, is_there in LINKED],
)
def test_no_link_leads_a_write_outside(
    *, orchestrate: Orchestrate, root: Path, outside: Path, place: str, is_there: bool, tally: Counter[str]
) -> None:
    """No command writes, empties, renames or makes anything where a link points."""
    if place in DIRECTORIES:
        target = outside if is_there else outside / "new"
    else:
        target = outside / ("precious" if is_there else "new")
        if place == "master_plan.md" and is_there:
            (root / place).rename(target)  # a plan that lies elsewhere is run
    put(root / place, lambda path: path.symlink_to(target))
    before = everything(outside)
    for words in (*LOOKS, *CHANGES) if SOAK else (CHANGES[1], CHANGES[-1]):
        answer = orchestrate(*words)
        assert "Traceback" not in answer.stderr, answer.stderr
        tally["commands on planted links"] += 1
        if words[-1] == "--detach" and answer.returncode == 0:
            ended = orchestrate("wait", "--for", "end", "--timeout", "20s")
            assert ended.returncode in {0, 1}, ended
    assert before == everything(outside)


def test_a_plan_behind_a_link_is_run_and_not_drawn_into(orchestrate: Orchestrate, root: Path, outside: Path) -> None:
    """Its person made the link; what stands behind it is read, and nothing more."""
    (root / "master_plan.md").rename(outside / "plan.md")
    (root / "master_plan.md").symlink_to(outside / "plan.md")
    before = everything(outside)
    assert 0 == orchestrate("run").returncode
    assert "completed" == front_of(root, "T-03")["status"]
    assert before == everything(outside)


@pytest.mark.parametrize(
    "plants",
    [
        "ln -s $OUT/precious $P/results/agent-02-result.md",
        "ln -s $OUT/precious $P/logs/agent-02.attempt-1.out",
        "ln -s $OUT/precious $P/logs/agent-02.attempt-1.script",
        "ln -s $OUT/precious $P/logs/agent-02.attempt-1.json.tmp",
        "ln $OUT/precious $P/logs/agent-02.attempt-1.out",
        "rm -rf $P/logs; ln -s $OUT $P/logs",
        "mv $P/results $P/old; ln -s $OUT $P/results",
        "rm $P/index.json $P/final_output.md; ln -s $OUT/new $P/index.json; ln -s $OUT/precious $P/final_output.md",
        "mv $P/master_plan.md $P/old.md; ln -s $OUT/precious $P/master_plan.md",
        "mkfifo $P/results/agent-02-result.md $P/logs/agent-02.attempt-1.out",
    ],
)
def test_an_agent_that_plants_links_while_it_runs_leads_nothing_outside(
    orchestrate: Orchestrate, tmp_path: Path, outside: Path, plants: str, tally: Counter[str]
) -> None:
    """Also not when it does so in the middle of a run, in the place of files that are about to be written."""
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "plant", "T-02": ("echo two", "T-01")})
    write_task(root, "T-01", f"```sh\nOUT='{outside}' P='{root}'\n{plants}\n```\n")
    before = everything(outside)
    for _ in range(2 if SOAK else 1):
        judge(orchestrate("run"))
        tally["commands on planted links"] += 1
    assert before == everything(outside)
