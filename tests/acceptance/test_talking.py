"""``share``, ``note``, ``discover``, ``sync``, ``join``, ``context``: what is said, by whom, and who hears it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, everything, write_plan
from tests.patience import PATIENCE

SECRET = "sk-ant-" + "a1" * 20


@pytest.fixture
def root(orchestrate: Orchestrate, tmp_path: Path) -> Path:
    orchestrate.environment["TM_AGENT_ID"] = "bob"
    root = tmp_path / ".orchestrator"
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01")})
    return root


def texts(orchestrate: Orchestrate, task: str = "T-01", *flags: str) -> list[str]:
    found = orchestrate("context", task, "--json", *flags).json
    return [each["text"] for each in found["messages"]]


@pytest.mark.parametrize(
    "text",
    [
        "- JWT-based authentication -h",
        "--json is a flag",
        "--unknown",
        "-x",
        "-",
        "$(touch pwned) `id` %s {{ 1 }}",
        "a\nb\n\n> c\n### d",
    ],
)
def test_any_text_is_a_text(orchestrate: Orchestrate, root: Path, text: str) -> None:
    """It may begin like an option; behind ``--`` it may be one. Nothing in it is evaluated."""
    if text != "-":
        assert 0 == orchestrate("share", "T-01", text).returncode
    assert 0 == orchestrate("share", "T-01", "--", "--json").returncode
    assert ([text] if text != "-" else []) + ["--json"] == texts(orchestrate)
    assert not (root.parent / "pwned").exists()


def test_an_option_without_its_value_is_named(orchestrate: Orchestrate, root: Path) -> None:
    """Not the text before it, which only begins like one."""
    answer = orchestrate("share", "T-01", "- use JWT", "--as")
    assert 2 == answer.returncode
    assert "Option '--as' requires an argument" in answer.stderr


def test_a_dash_reads_standard_input(orchestrate: Orchestrate, root: Path) -> None:
    """More than 64 KiB of it is refused, and nothing of it is kept."""

    def share(text: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "orchestrator", "share", "T-01", "-"]
        return subprocess.run(
            words, cwd=root.parent, env=orchestrate.environment, input=text, text=True,
            capture_output=True, timeout=PATIENCE,
        )  # fmt: skip

    assert (0, "") == ((done := share("from\na pipe\n")).returncode, done.stdout)
    assert "bob shared on T-01\n" == done.stderr
    refused = share("x" * 65537)
    assert 2 == refused.returncode
    assert "65,537 bytes, and 65,536 is the most" in refused.stderr
    assert "hint: write it into a file and share the path" in refused.stderr
    assert ["from\na pipe"] == texts(orchestrate)


@pytest.mark.parametrize("command", ["share", "note", "discover", "sync", "join", "context"])
def test_an_unknown_task_is_not_found(orchestrate: Orchestrate, root: Path, command: str) -> None:
    """With a hint; nothing is written, also not for an id that is none."""
    text = [] if command in {"join", "context"} else ["hello"]
    for task, hint in (("T-1", "did you mean T-01?"), ("../../x", "orchestrator list"), ("P0", "")):
        before = {name for name in everything(root) if not name.endswith("index.json")}
        missed = orchestrate(command, task, *text, "--json")
        assert (2, "not_found") == (missed.returncode, missed.json["code"])
        assert command == "context" or hint in missed.json["hint"]
        assert before == {name for name in everything(root) if not name.endswith("index.json")}


def test_who_calls(orchestrate: Orchestrate, root: Path) -> None:
    """``--as``, then TM_AGENT_ID, then the task an agent was started for, then the login; a name is checked."""
    nobody = {"TM_AGENT_ID": ""}
    orchestrate("share", "T-01", "1", "--as", "eve")
    orchestrate("share", "--as=eve@x", "T-01", "2")
    orchestrate("share", "T-01", "3")
    orchestrate("share", "T-01", "4", env=nobody | {"ORCHESTRATOR_TASK_ID": "T-02"})
    orchestrate("share", "T-01", "5", env=nobody | {"LOGNAME": "a login"})
    said = orchestrate("context", "T-01", "--json").json["messages"]
    assert ["eve", "eve@x", "bob", "T-02", "a_login"] == [each["by"] for each in said]
    for words, env in ((["--as", "../x"], {}), ([], {"TM_AGENT_ID": "a b"})):
        refused = orchestrate("note", "T-01", "x", *words, env=env)
        assert 2 == refused.returncode
        assert "is not a name" in refused.stderr
    assert not (root / "notes").exists()


def test_secrets_are_stored_as_given_and_shown_to_nobody(orchestrate: Orchestrate, root: Path) -> None:
    """Redacted in what is printed and drawn; so are escape sequences."""
    orchestrate("share", "T-01", f"key {SECRET} \x1b[31mred")
    assert SECRET in (root / "contexts" / "context-agent-01.md").read_text(encoding="utf-8")
    shown = [
        orchestrate(*words).stdout
        for words in (
            ("context", "T-01"),
            ("context", "T-01", "--json"),
            ("watch", "--once"),
            ("watch", "--since", "1h", "--once", "--json"),
            ("status", "--brief"),
        )
    ]
    shown.append((root / "journal.md").read_text(encoding="utf-8"))
    for text in shown:
        assert SECRET not in text
        assert "\x1b" not in text
    assert all("red" in text for text in shown[:4])


def test_both_forms_of_a_command_are_one(orchestrate: Orchestrate, root: Path) -> None:
    """What is read by hand and what click reads leave the same behind and say the same."""
    through_click = "import sys; sys.argv[0] = 'orchestrator'; from orchestrator.cli.main import main; main()"

    def both(*words: str) -> tuple[int, str, str]:
        told = []
        for start in (["-m", "orchestrator"], ["-c", through_click]):
            done = subprocess.run(
                [sys.executable, *start, *words], cwd=root.parent, env=orchestrate.environment,
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE,
            )  # fmt: skip
            told.append((done.returncode, done.stdout.partition('"time"')[0], done.stderr))
        assert told[0] == told[1]
        return told[0]

    assert (0, "", "bob shared on T-01\n") == both("share", "T-01", "- one -h")
    assert (0, "", "eve noted on T-01\n") == both("note", "--as", "eve", "T-01", "two")
    assert (0, "", "bob joined T-01\n") == both("join", "T-01", "--dir", ".orchestrator")
    assert 2 == both("sync", "T-09", "x")[0]
    assert 2 == both("sync", "T-01")[0]
    assert 2 == both("sync", "T-01", "x", "y")[0]
    assert 2 == both("sync", "T-01", "x", "--dir")[0]
    assert 2 == both("discover", "T-01", "-")[0]
    assert both("discover", "T-01", "x", "--json")[1].startswith('{"ok": true, "code": "ok"')
    assert "Usage: " in both("share", "--help")[1]
    assert ["- one -h"] * 2 + ["joined"] * 2 + ["x"] * 2 == texts(orchestrate)


def test_a_changed_plan_is_asked_again(orchestrate: Orchestrate, root: Path) -> None:
    """A row that is new, a row that is gone, a drawing of ours in between; the cache tells no lies."""
    assert 0 == orchestrate("share", "T-02", "x").returncode
    assert 0 == orchestrate("run").returncode
    assert 0 == orchestrate("share", "T-02", "drawn into").returncode
    plan = (root / "master_plan.md").read_text(encoding="utf-8")
    row = next(line for line in plan.splitlines() if line.startswith("| T-02"))
    (root / "master_plan.md").write_text(plan.replace(row, row.replace("T-02", "T-03")))
    assert 2 == orchestrate("share", "T-02", "gone").returncode
    assert 0 == orchestrate("share", "T-03", "new").returncode
    (root / "index.json").write_text("{}")
    assert 0 == orchestrate("share", "T-03", "without a cache").returncode
    assert ["new", "without a cache"] == texts(orchestrate, "T-03")


def test_without_a_plan_there_is_nothing_to_talk_about(orchestrate: Orchestrate, tmp_path: Path) -> None:
    (tmp_path / ".orchestrator").mkdir()
    missed = orchestrate("share", "T-01", "x")
    assert (2, "error: ") == (missed.returncode, missed.stderr[:7])
    assert [] == os.listdir(tmp_path / ".orchestrator")


def test_planning_anew_moves_what_was_said_to_the_archive(orchestrate: Orchestrate, root: Path) -> None:
    """With the plan it is about; the doctor finds nothing odd before or after."""
    orchestrate("share", "T-01", "old")
    orchestrate("note", "T-01", "old")
    orchestrate("watch", "--once")
    assert [] == orchestrate("doctor", "--plan", "--json").json["breaches"]
    outline = root.parent / "outline.md"
    outline.write_text("# New\n\n- Write a.txt with the word a in it\n- Write b.txt with b in it\n")
    made = orchestrate("plan", "--from", str(outline), "--force")
    assert 0 == made.returncode, made.stderr
    assert (root / "archive" / "001" / "contexts" / "context-agent-01.md").exists()
    assert (root / "archive" / "001" / "notes" / "notes-agent-01-bob.md").exists()
    assert [] == [*root.glob("contexts/*"), *root.glob("notes/*")]


def test_the_doctor_names_what_does_not_belong(orchestrate: Orchestrate, root: Path) -> None:
    """A torn message, one about a task that is gone, a link in the place of a file, a stranger."""
    orchestrate("share", "T-01", "whole")
    path = root / "contexts" / "context-agent-01.md"
    path.write_bytes(path.read_bytes()[:-3])
    (root / "contexts" / "context-agent-09.md").write_text("# T-09\n")
    (root / "contexts" / "context-agent-02.md").symlink_to("/dev/null")
    (root / "notes").mkdir()
    (root / "notes" / "shopping.txt").write_text("milk")
    found = orchestrate("doctor", "--plan", "--json").json["breaches"]
    assert {
        "message_torn": "contexts/context-agent-01.md",
        "context_without_row": "contexts/context-agent-09.md",
        "link": "contexts/context-agent-02.md",
        "odd_name": "notes/shopping.txt",
    } == {each["name"]: each["where"] for each in found}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("complete", "T-01", "- one\n- two"), "- one\n- two"),
        (("complete", "T-01", "--note", "- a remark", "-x is fixed", "--json"), "-x is fixed"),
        (("complete", "T-01", "--", "--odd"), "--odd"),
    ],
)
def test_a_result_may_begin_like_an_option(
    orchestrate: Orchestrate, root: Path, words: tuple[str, ...], said: str
) -> None:
    """A list of markdown does; a misspelt option is none, and is refused."""
    write_plan(root, {"T-01": "echo one"})
    misspelt = orchestrate("complete", "T-01", "--validat")
    assert (2, False) == (misspelt.returncode, (root / "results").exists())
    done = orchestrate(*words)
    assert 0 == done.returncode, done.stderr
    assert said == answer_of(root, "T-01")
