"""Every way in which a finished plan directory can go bad, and the name under which that is found."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

#: No process has it: it is above what any system gives.
NO_PID = 4_194_305


class Corruption(NamedTuple):
    """What is done, the name under which it is found, and whether a repair makes the plan healthy."""

    do: Callable[[Path], object]
    found: str
    is_fixed: bool = False
    blocks: bool = False
    """Whether no run can start until a person decides."""


CORRUPTIONS: dict[str, Corruption] = {}


def corruption(
    found: str, *, fixed: bool = False, blocks: bool = False
) -> Callable[[Callable[[Path], object]], Callable[[Path], object]]:
    def add(do: Callable[[Path], object]) -> Callable[[Path], object]:
        CORRUPTIONS[do.__name__] = Corruption(do, found, is_fixed=fixed, blocks=blocks)
        return do

    return add


def result(root: Path, number: int = 2) -> Path:
    return root / "results" / f"agent-{number:02}-result.md"


def log(root: Path, ending: str, number: int = 2) -> Path:
    return root / "logs" / f"agent-{number:02}.attempt-1.{ending}"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def edit_record(root: Path, **facts: object) -> None:
    path = log(root, "json")
    path.write_text(json.dumps(json.loads(path.read_bytes()) | facts))


def cut(path: Path, before: str) -> None:
    path.write_text(path.read_text(encoding="utf-8").partition(before)[0], encoding="utf-8")


def dead_lock(root: Path, run_id: str) -> None:
    dead = {"pid": NO_PID, "started": 1, "boot": "gone", "host": os.uname().nodename, "run": run_id}
    (root / "run.lock").write_text(json.dumps({**dead, "since": "", "unrecovered": []}) + "\n")


def run_of(root: Path) -> str:
    return str(json.loads(log(root, "json").read_bytes())["run"])


# ── results ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@corruption("result_damaged", fixed=True)
def cut_in_its_front_matter(root: Path) -> None:
    cut(result(root), '"end"')


@corruption("result_damaged", fixed=True)
def cut_before_its_answer(root: Path) -> None:
    cut(result(root), "- **Attempts**")


@corruption("result_damaged", fixed=True)
def cut_in_its_answer(root: Path) -> None:
    cut(result(root), "two\n```")


@corruption("result_damaged", fixed=True)
def emptied(root: Path) -> None:
    result(root).write_bytes(b"")


@corruption("result_damaged", fixed=True)
def made_binary(root: Path) -> None:
    result(root).write_bytes(bytes(range(256)) * 8)


@corruption("result_damaged", fixed=True)
def nuls_at_its_end(root: Path) -> None:
    result(root).write_bytes(result(root).read_bytes() + bytes(512))


@corruption("result_damaged", fixed=True)
def two_front_matters(root: Path) -> None:
    text = result(root).read_text(encoding="utf-8")
    front = text[: text.index("\n---\n") + 5]
    result(root).write_text(front + text, encoding="utf-8")


@corruption("result_conflict", blocks=True)
def merge_in_its_front_matter(root: Path) -> None:
    merged = "<<<<<<< ours\nstatus: completed\n=======\nstatus: failed\n>>>>>>> theirs"
    edit(result(root), "status: completed", merged)


@corruption("result_conflict", blocks=True)
def merge_in_its_body(root: Path) -> None:
    merged = "<<<<<<< ours\n## Statistics\n=======\n## Figures\n>>>>>>> theirs"
    edit(result(root), "## Statistics", merged)


@corruption("result_not_utf8")
def saved_in_another_encoding(root: Path) -> None:
    result(root).write_bytes(result(root).read_bytes().replace(b"two", "zwölf".encode("latin-1")))


@corruption("result_of_another", fixed=True)
def copied_over(root: Path) -> None:
    shutil.copy(result(root, 1), result(root))


@corruption("attempt_numbers")
def one_attempt_twice(root: Path) -> None:
    line = re.search(r"^- \{.*\}$", result(root).read_text(encoding="utf-8"), re.MULTILINE)
    assert line
    edit(result(root), line[0], f"{line[0]}\n{line[0]}")


@corruption("completed_without_record")
def forged(root: Path) -> None:
    edit(result(root), '"number": 1', '"number": 7')


@corruption("completed_without_record")
def no_record(root: Path) -> None:
    log(root, "json").unlink()


@corruption("stale_running", fixed=True)
def running_by_hand(root: Path) -> None:
    edit(result(root), "status: completed", "status: running")
    edit(result(root), '"status": "completed"', '"status": "running"')


@corruption("stale_running")
def running_without_record(root: Path) -> None:
    running_by_hand(root)
    log(root, "json").unlink()


@corruption("unknown_input")
def made_from_what_never_was(root: Path) -> None:
    edit(result(root), 'inputs: {"T-01": 1}', 'inputs: {"T-01": 5}')


@corruption("stale_result")
def made_from_another_attempt(root: Path) -> None:
    shutil.copy(log(root, "json", 1), root / "logs" / "agent-01.attempt-2.json")
    path = root / "logs" / "agent-01.attempt-2.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"attempt": 2}))
    shutil.copy(log(root, "out", 1), root / "logs" / "agent-01.attempt-2.out")
    edit(result(root, 1), '"number": 1', '"number": 2')


@corruption("orphan_result")
def no_row(root: Path) -> None:
    text = result(root).read_text(encoding="utf-8").replace("T-02", "T-09")
    result(root, 9).write_text(text, encoding="utf-8")


# ── records and logs ─────────────────────────────────────────────────────────────────────────────────────────────────


@corruption("record_damaged")
def record_cut(root: Path) -> None:
    log(root, "json").write_bytes(log(root, "json").read_bytes()[:40])


@corruption("record_disagrees")
def record_of_another_task(root: Path) -> None:
    edit_record(root, task="T-03")


@corruption("record_disagrees")
def record_of_another_run(root: Path) -> None:
    edit_record(root, run="0123456789ab")


@corruption("log_missing")
def no_log(root: Path) -> None:
    log(root, "out").unlink()


@corruption("log_changed")
def another_log(root: Path) -> None:
    log(root, "out").write_bytes(log(root, "out").read_bytes().replace(b"two", b"six"))


@corruption("unharvested_attempt", fixed=True)
def not_harvested(root: Path) -> None:
    dead_lock(root, run_of(root))
    result(root, 3).unlink()


# ── what was left behind ─────────────────────────────────────────────────────────────────────────────────────────────


@corruption("left_temporary", fixed=True)
def half_a_result(root: Path) -> None:
    (root / "results" / f".agent-02-result.md.{NO_PID}.tmp").write_text("---\n")


@corruption("left_temporary", fixed=True)
def half_a_record(root: Path) -> None:
    path = root / "logs" / "agent-02.attempt-2.json.tmp"
    path.write_text("{")
    os.utime(path, (1, 1))


@corruption("left_temporary", fixed=True)
def half_a_plan(root: Path) -> None:
    (root / ".new_plan.tmp" / "agent_tasks").mkdir(parents=True)
    os.utime(root / ".new_plan.tmp", (1, 1))


@corruption("dead_run", fixed=True)
def lock_of_a_dead_run(root: Path) -> None:
    dead_lock(root, "0123456789ab")


@corruption("lock_damaged", fixed=True)
def lock_with_nonsense(root: Path) -> None:
    (root / "run.lock").write_bytes(b"\0\0{")


@corruption("left_process", fixed=True)
def a_process(root: Path) -> None:
    marker = {"ORCHESTRATOR_DIR": str(root), "ORCHESTRATOR_RUN_ID": "0123456789ab"}
    STARTED.append(subprocess.Popen(["sleep", "1000"], env={**os.environ, **marker}))


STARTED: list[subprocess.Popen[bytes]] = []


# ── channels and places ──────────────────────────────────────────────────────────────────────────────────────────────


@corruption("index_disagrees", fixed=True)
def cache_cut(root: Path) -> None:
    (root / "index.json").write_bytes((root / "index.json").read_bytes()[:-40])


@corruption("index_disagrees", fixed=True)
def cache_that_lies(root: Path) -> None:
    edit(root / "index.json", '"status":["completed"]', '"status":["failed"]')


@corruption("journal_torn", fixed=True)
def journal_torn(root: Path) -> None:
    (root / "journal.md").write_bytes((root / "journal.md").read_bytes()[:-9])


@corruption("journal_foreign")
def journal_with_a_note(root: Path) -> None:
    with (root / "journal.md").open("a") as file:
        file.write("what a day\n")


@corruption("world_writable", fixed=True)
def result_for_everybody(root: Path) -> None:
    result(root).chmod(0o666)


@corruption("world_writable", fixed=True)
def logs_for_everybody(root: Path) -> None:
    (root / "logs").chmod(0o777)


@corruption("link")
def result_behind_a_link(root: Path) -> None:
    result(root).rename(root.parent / "elsewhere.md")
    result(root).symlink_to(root.parent / "elsewhere.md")


@corruption("link")
def log_behind_a_link(root: Path) -> None:
    log(root, "err").unlink()
    log(root, "err").symlink_to("/etc/hostname")


@corruption("link", fixed=True)
def cache_behind_a_link(root: Path) -> None:
    (root / "index.json").rename(root.parent / "elsewhere.json")
    (root / "index.json").symlink_to(root.parent / "elsewhere.json")


@corruption("link", blocks=True)
def journal_behind_a_link(root: Path) -> None:
    (root / "journal.md").unlink()
    (root / "journal.md").symlink_to(root.parent / "elsewhere.md")


@corruption("link", blocks=True)
def lock_behind_a_link(root: Path) -> None:
    (root / "run.lock").unlink()
    (root / "run.lock").symlink_to(root.parent / "elsewhere")


@corruption("not_a_file", blocks=True)
def directory_for_the_lock(root: Path) -> None:
    (root / "run.lock").unlink()
    (root / "run.lock").mkdir()


@corruption("not_a_file", fixed=True)
def pipe_for_a_result(root: Path) -> None:
    result(root).unlink()
    os.mkfifo(result(root))


@corruption("not_a_file", fixed=True)
def directory_for_a_result(root: Path) -> None:
    result(root).unlink()
    result(root).mkdir()


@corruption("odd_name")
def stranger_among_results(root: Path) -> None:
    (root / "results" / "notes.txt").write_text("mine")


@corruption("odd_name")
def stranger_among_logs(root: Path) -> None:
    (root / "logs" / "agent-02.attempt-x.out").write_text("mine")


# ── what people own ──────────────────────────────────────────────────────────────────────────────────────────────────


@corruption("lone_mark")
def half_a_section(root: Path) -> None:
    edit(root / "master_plan.md", "<!-- /orchestrator:status -->\n", "")


@corruption("doubled_section")
def a_section_twice(root: Path) -> None:
    text = "<!-- orchestrator:status -->\nx\n<!-- /orchestrator:status -->\n"
    with (root / "master_plan.md").open("a", encoding="utf-8") as file:
        file.write(f"\n{text}")


@corruption("task_file_without_row")
def file_of_no_task(root: Path) -> None:
    (root / "agent_tasks" / "agent-09.md").write_text("Do it.\n")


@corruption("second_task_file")
def file_of_a_task_twice(root: Path) -> None:
    (root / "agent_tasks" / "T-02.md").write_text("Do it otherwise.\n")


@corruption("misnamed_task_file")
def file_of_another_case(root: Path) -> None:
    (root / "agent_tasks" / "agent-02.md").rename(root / "agent_tasks" / "Agent-02.md")


@corruption("task_file_bad_front_matter", blocks=True)
def settings_never_closed(root: Path) -> None:
    (root / "agent_tasks" / "agent-02.md").write_text("---\nagent: shell\n")


@corruption("plan_cycle", blocks=True)
def plan_with_a_cycle(root: Path) -> None:
    edit(root / "master_plan.md", "| None |", "| T-03 |")


@corruption("plan_conflict", blocks=True)
def plan_half_merged(root: Path) -> None:
    edit(root / "master_plan.md", "# Task Plan\n", "<<<<<<< ours\n# Task Plan\n>>>>>>> theirs\n")


@corruption("plan_missing", blocks=True)
def no_plan(root: Path) -> None:
    (root / "master_plan.md").unlink()
