"""Plans, task files and command lines that climb out, explode or pretend: refused with their place, or taken as text.

(promises 22 and 23)
"""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import everything, result_of, write_task
from tests.reliability.hostile import judge_words
from tests.reliability.soak import SOAK

#: Of many commands that are much alike only some are called where there is little time.
STRIDE = 1 if SOAK else 4
HEAD = "| Task ID | Description | Dependencies | Agent |\n|---|---|---|---|\n"
CACHE = ".orchestrator/index.json"
ONE = f"---\nagent: shell\nretries: 0\n---\n{HEAD}| T-01 | true | None | |\n"
#: Words that are no ids: paths, options, what looks like other letters, names of devices with more in them.
IDS = (
    "../x", "..", ".", "/etc/passwd", "a/b", "a\\b", "~", "~root", "-rf", "--help", "$(id)", "a;b", "a b", "%2e%2e",
    "x" * 65, "x" * 10_000, "Т-01", "T‑01", "ａ", "é", "a\u202eb", "a\u200bb", "\ufeffa", "☃", "a\x7f", "a\x1b[2J",
    "_plan", "{{7*7}}", "*", "?", "a:b", "a&b", "<!--", "#1",
)  # fmt: skip
#: Ids like any other.
PLAIN = (
    "con", "nul", "COM1", "aux.md", "index.json", "T-1", "status", "run", "x..y", "a.", "a" * 64, "T-007", "json",
    "0",
)  # fmt: skip


@pytest.fixture
def p(tmp_path: Path) -> Path:
    directory = tmp_path / ".orchestrator"
    directory.mkdir()
    return directory


def write(root: Path, plan: str | bytes) -> None:
    (root / "master_plan.md").write_bytes(plan.encode() if isinstance(plan, str) else plan)


def refused(orchestrate: Orchestrate, where: Path, *words: str, status: int = 2) -> Answer:
    """Call a command that must not do anything, and return what it said."""
    before = files(where)
    answer = orchestrate(*words)
    assert status == answer.returncode, answer
    assert before == files(where)
    judge_words(answer)
    return answer


def files(where: Path) -> dict[str, tuple[bytes, int]]:
    """Everything but the cache, which whoever looks may write."""
    found = everything(where)
    return {path: each for path, each in found.items() if path not in {".orchestrator", CACHE}}


# ── ids and paths ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ids_that_climb_out_are_refused(orchestrate: Orchestrate, p: Path, tmp_path: Path, tally: Counter[str]) -> None:
    """Each with its line; none of them becomes a file."""
    rows = "".join(f"| {word} | true | None | |\n" for word in IDS)
    write(p, f"---\nagent: shell\n---\n{HEAD}{rows}")
    told = refused(orchestrate, tmp_path, "run", "--json").json["problems"]
    lines = {int(each["where"].rpartition(":")[2]) for each in told if each["code"] == "bad_id"}
    assert set(range(6, 6 + len(IDS))) == lines
    tally["hostile ids and paths"] += len(IDS)


def test_ids_on_the_command_line_are_only_compared(
    orchestrate: Orchestrate, p: Path, tmp_path: Path, tally: Counter[str]
) -> None:
    """A word that is no id of the plan is not found; what looks like an option is one, or stays text behind ``--``."""
    write(p, ONE)
    for word in (*IDS, *PLAIN, "T-01\n", "agent-1", "t-01")[::STRIDE]:
        refused(orchestrate, tmp_path, "show", "--", word)
        if SOAK and word == word.strip():
            refused(orchestrate, tmp_path, "run", f"--only={word}")
        tally["hostile ids and paths"] += 1
    refused(orchestrate, tmp_path, "run", "--only=../x,T-01")
    for words in (("status", "/nowhere"), ("status", "--dir", "a\nb"), ("run", "x" * 5000), ("show", "-rf")):
        assert "Traceback" not in refused(orchestrate, tmp_path, *words).stderr


def test_ids_that_are_names_elsewhere_are_plain_names(orchestrate: Orchestrate, p: Path, tally: Counter[str]) -> None:
    """Each has files of its own, below the plan directory."""
    rows = "".join(f"| {word} | echo {word} | None | |\n" for word in PLAIN)
    write(p, f"---\nagent: shell\n---\n{HEAD}{rows}")
    assert 0 == orchestrate("run").returncode
    for word in PLAIN:
        assert f"\n{word}\n" in result_of(p, word)
    assert len(PLAIN) == len(list((p / "results").iterdir()))
    tally["hostile ids and paths"] += len(PLAIN)


SETTINGS = (
    "schema: ../../../../etc/passwd",
    "schema: /dev/zero",
    "schema: {$ref: 'file:///etc/passwd'}",
    "mcp_config: [/nowhere]",
    "add_dirs: [--dangerously-skip-permissions]",
    "tools: [--help]",
    'system_prompt_file: "a\\0b"',
    'workdir: "a\\0b"',
    "subagent: [x]",
    "agent: ../shell",
    'agent: "shell\\n"',
    "env: {PATH=x: y}",
    "env: {ORCHESTRATOR_DIR: /tmp}",
    'env: {A: "x\\0y"}',
    'env_keep: ["A B"]',
    "timeout: 1e400",
    "timeout: -5",
    "retries: 99999999999999999999",
    "budget_usd: .inf",
    "budget_usd: 0x" + "F" * 90,
    "format: ../x",
    "model: {a: b}",
)
#: Nothing can be wrong with these before an attempt is made.
UNTRIED = ("schema: {$ref", "agent: ../shell")


def test_settings_that_climb_out_are_refused(
    orchestrate: Orchestrate, p: Path, tmp_path: Path, tally: Counter[str]
) -> None:
    """In a task file and in a plan: with file and line, and nothing is read for ever."""
    rows = "".join(f"| t{number} | true | None | |\n" for number in range(len(SETTINGS)))
    write(p, f"---\nagent: shell\nretries: 0\n---\n{HEAD}{rows}")
    for number, setting in enumerate(SETTINGS):
        write_task(p, f"t{number}", f"---\n{setting}\n---\ntrue\n")
    told = refused(orchestrate, tmp_path, "run", "--json").json["problems"]
    places = {each["where"].partition(":")[0].rpartition("/")[2] for each in told}
    let_through = [each for number, each in enumerate(SETTINGS) if f"t{number}.md" not in places]
    assert [] == [each for each in let_through if not each.startswith(UNTRIED)]
    shutil.rmtree(p / "agent_tasks")
    for setting in SETTINGS[::STRIDE]:
        write(p, ONE.replace("retries: 0", setting))
        checked = orchestrate("validate")
        judge_words(checked)
        assert checked.returncode in {0, 2}, (setting, checked)
    tally["hostile settings"] += len(SETTINGS) + len(SETTINGS[::STRIDE])


def test_settings_that_no_check_finds_fail_their_task(orchestrate: Orchestrate, p: Path, tmp_path: Path) -> None:
    """What cannot be started is said in a line; nothing is made where a path leads."""
    outside = set(tmp_path.iterdir())
    write(p, ONE.replace("retries: 0", "schema: /proc/self/mem"))
    assert "mem: cannot read: " in orchestrate("run").stderr
    for setting in ("workdir: /nowhere/at/all", "workdir: /etc/passwd", "workdir: ../../../../../proc"):
        write(p, ONE.replace("retries: 0", setting))
        run = orchestrate("run", "--retries", "0")
        judge_words(run)
        assert run.returncode in {0, 1, 2}, run
    assert outside == set(tmp_path.iterdir())


# ── what a small file becomes ────────────────────────────────────────────────────────────────────────────────────────

LAUGHS = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
BOMBS = {
    "billion laughs": LAUGHS,
    "a merge key": "a: &a {b: c}\nd:\n  <<: *a\n",
    "a tag": "x: !!python/object/apply:os.system ['touch owned']\n",
    "a tag of ours": "x: !include /etc/passwd\n",
    "a directive": "%TAG ! tag:yaml.org,2002:python/\n",
    "nesting": f"x: {'[' * 3000}{']' * 3000}\n",
    "nested mappings": f"x: {'{a: ' * 400}1{'}' * 400}\n",
    "nested blocks": "".join(f"{'  ' * n}a:\n" for n in range(300)),
    "a huge scalar": f"x: {'y' * 900_000}\n",
    "a huge number": f"x: 1{':1' * 120_000}\n",
    "a hexadecimal one": f"retries: 0x{'F' * 100_000}\n",
    "many names": "".join(f"k{n}: 1\n" for n in range(40_000)),
    "a name twice": "retries: 1\nretries: 2\n",
    "two spellings of a name": "1: a\n0x1: b\n",
    "no plain name": "? [a, b]\n: c\n",
    "several documents": "a: 1\n...\nb: 2\n",
    "not a mapping": "- a\n- b\n",
    "an end of line of another kind": "a: 1\u2028retries: x\u0085b: 2\n",
    "control characters": "a: \x07\n",
    "a date": "x: 9999-99-99\n",
}  # fmt: skip


#: YAML ends a line there; in a result that makes another name, which nobody asks for.
HARMLESS = {"an end of line of another kind"}


def test_front_matter_of_plans_is_plain_data_or_refused(
    orchestrate: Orchestrate, p: Path, tmp_path: Path, tally: Counter[str]
) -> None:
    """With its line, and at once."""
    for name, bomb in list(BOMBS.items())[::STRIDE]:
        write(p, f"---\n{bomb}agent: shell\n---\n{HEAD}| T-01 | true | None | |\n")
        told = refused(orchestrate, tmp_path, "validate", "--json").json["problems"]
        assert all(re.search(r"master_plan\.md:\d+$", each["where"]) for each in told), (name, told)
        tally["bombs in front matter"] += 1


def test_front_matter_of_task_files_and_results_is_plain_data_or_nothing(
    orchestrate: Orchestrate, p: Path, tmp_path: Path, tally: Counter[str]
) -> None:
    """In a task file it is refused with its line; in a result it is damage, and what was answered is in the log."""
    rows = "".join(f"| t{number} | true | None | |\n" for number in range(len(BOMBS)))
    write(p, f"---\nagent: shell\n---\n{HEAD}{rows}")
    paths = [write_task(p, f"t{number}", f"---\n{bomb}---\ntrue\n") for number, bomb in enumerate(BOMBS.values())]
    told = refused(orchestrate, tmp_path, "run", "--json").json["problems"]
    found = {re.sub(r".*/(t\d+\.md):\d+$", r"\1", each["where"]) for each in told}
    assert {path.name for path in paths} == found
    for path in paths:
        path.unlink()
    assert 0 == orchestrate("run").returncode
    for number, bomb in enumerate(BOMBS.values()):
        spoilt = result_of(p, f"t{number}").replace("schema: 1\n", bomb)
        (p / "results" / f"t{number}-result.md").write_text(spoilt, encoding="utf-8")
    looked, again = orchestrate("status", "--json"), orchestrate("run", "--json")
    assert (0, 0) == (looked.returncode, again.returncode)
    damaged = [f"t{number}" for number, name in enumerate(BOMBS) if name not in HARMLESS]
    aside = {path.name for path in (p / "results").glob("*.damaged-1")}
    assert ({f"{task}-result.md.damaged-1" for task in damaged}, []) == (aside, again.started())
    assert not (tmp_path / "owned").exists()
    judge_words(looked, again, orchestrate("doctor", "--plan", "--fix"))
    tally["bombs in front matter"] += 2 * len(BOMBS)


# ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────────

JINJA = "{{ 7*7 }}{% for x in range(3) %}jj{% endfor %}{{ cycler.__init__.__globals__.os.popen('touch owned') }}"


def test_templates_stay_text_in_every_field(claude: ClaudePlan, tally: Counter[str]) -> None:
    """In title, request, goal, every cell, task file, answer, failure: nothing is ever filled in."""
    root, where = claude.root, claude.where
    columns = "| Task ID | Task Name | Description | Dependencies | Expected Output | Input | Mood |"
    rows = [f"| T-0{n} | {JINJA} | {JINJA} | {needs} | {JINJA} | {JINJA} | {JINJA} |" for n, needs in
            ((1, "None"), (2, "T-01"), (3, "T-01"), (4, "None"))]  # fmt: skip
    root.mkdir()
    sections = f"# {JINJA}\n## Original Request\n> {JINJA}\n## Goal Definition\n{JINJA}\n"
    plan = f"---\nagent: claude\nretries: 0\n---\n{sections}{columns}\n{'|---' * 7}|\n" + "\n".join(rows)
    write(root, plan + "\n")
    claude.play({"*": {"answer": f"# {JINJA}\n{JINJA}"}})
    write_task(root, "T-03", f"Say {JINJA}\n", agent="claude")
    body = f"```sh\ncat <<'E'\n{JINJA}\nE\ncat <<'E' >&2\n{JINJA}\nE\nexit 1\n```\n"
    write_task(root, "T-04", body, agent="shell")
    run = claude.orchestrate("run", "--json")
    assert 1 == run.returncode
    assert 3 == len(claude.calls())
    files = [path for path in root.rglob("*.md") if path.is_file()]
    texts = [path.read_text(encoding="utf-8") for path in files]
    texts += [call.prompt for call in claude.calls()] + [run.stdout, run.stderr]
    texts += [claude.orchestrate(*words).stdout for words in (("status",), ("show", "T-01"), ("graph",), ("list",))]
    for text in texts:
        assert "49" not in re.sub(r"[0-9a-f-]{36}|[\d:.]{4,}|pid\W+\d+", "", text) or "{{ 7*7" in text
        assert "jjjj" not in text
    assert sum("{{ 7*7 }}" in text for text in texts) > 10
    assert not (where / "owned").exists()
    tally["fields with a template in them"] += 10
