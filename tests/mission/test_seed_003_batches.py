"""Seed 003, rows about batches: a task for each item of a list."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from orchestrator import Orchestrator
from orchestrator.core.plan import stem
from tests.acceptance.orchestrate import Orchestrate, ok
from tests.acceptance.plans import write_task

#: The guide's ``createBatch``, as it stands.
ITEMS = [
    {"id": "dataset_1", "data": "./data/q1_sales.csv"},
    {"id": "dataset_2", "data": "./data/q2_sales.csv"},
    {"id": "dataset_3", "data": "./data/q3_sales.csv"},
    {"id": "dataset_4", "data": "./data/q4_sales.csv"},
]
#: Fails where another task of the batch is at it.
ALONE = "mkdir busy && head -c 3000000 /dev/urandom > busy/x && rm -r busy"


def write(root: Path, columns: str, rows: list[str], front: str = "") -> None:
    """Write a plan of shell tasks with more columns than the usual ones."""
    head = f"| Task ID | Description | Dependencies | {columns} |"
    dashes = "|---" * head.count(" | ") + "|---|"
    root.mkdir(exist_ok=True)
    text = "\n".join(["---", "agent: shell", front, "---", "# Plan", "", head, dashes, *rows, ""])
    (root / "master_plan.md").write_text(text, encoding="utf-8")


def record(root: Path, batch: str) -> dict[str, object]:
    """The items of a batch that are in the plan, by id."""
    found = json.loads((root / f"batches/{batch}.json").read_text(encoding="utf-8"))
    return {item["id"]: item["item"] for item in found["items"] if "gone" not in item}


def answer_of(root: Path, task_id: str) -> str:
    """What stands under Output in a result file, without marks and fence."""
    text = (root / f"results/{stem(task_id)}-result.md").read_text(encoding="utf-8")
    inside = text.partition("<!-- orchestrator:answer -->\n")[2].rpartition("\n<!-- /orch")[0]
    lines = inside.split("\n")
    return "\n".join(lines[1:-1]) if lines[0].startswith("```") else inside


# ── S3-94 · template × items ──────────────────────────────────────────────────────────────────────────────────────


def test_s3_94_every_form_of_a_list(orchestrate: Orchestrate, root: Path) -> None:
    """A list with commas, one in JSON, a glob, lines of a file, and the product of a matrix."""
    for name in ("b.csv", "a.csv", "c d.csv"):
        (orchestrate.where / name).touch()
    (orchestrate.where / "names.txt").write_text("one\n\n  two\n", encoding="utf-8")
    rows = [
        "| T-01 | echo {{item}} | None | x, y | |",
        '| T-02 | echo {{item.n}} | None | [{"n": 1}, {"n": 2}] | |',
        "| T-03 | echo {{item}} | None | glob:*.csv | |",
        "| T-04 | echo {{item}} | None | lines: names.txt | |",
        '| T-05 | echo {{os}} {{py}} | None | | {os: [linux, mac], py: ["3.10", 3.11]} |',
    ]
    write(root, "For Each | Matrix", rows)
    ok(orchestrate("run"))
    assert {"T-01.1": "x", "T-01.2": "y"} == record(root, "T-01")
    assert ["a.csv", "b.csv", "c d.csv"] == list(record(root, "T-03").values())
    assert ["one", "two"] == list(record(root, "T-04").values())
    assert ["y", "2", "c d.csv", "two"] == [answer_of(root, f"T-0{n}.{m}") for n, m in ((1, 2), (2, 2), (3, 3), (4, 2))]
    assert ["linux 3.10", "linux 3.11", "mac 3.10", "mac 3.11"] == [answer_of(root, f"T-05.{n}") for n in range(1, 5)]


def test_s3_94_the_batch_of_the_guide(orchestrate: Orchestrate, root: Path) -> None:
    """``add --foreach`` and ``Orchestrator.add`` make the same batch, and the items reach agents that read."""
    template = ["Analyse {{item.id}} in {{item.data}}", "--type", "analysis", "--timeout", "10m"]
    many = ["--foreach", json.dumps(ITEMS), "--max-concurrent", "4", "--on-failure", "continue"]
    assert "T-01\n" == ok(orchestrate("add", *template, *many)).stdout
    plan = Orchestrator(root)
    assert "T-02" == plan.add("Analyse it", foreach=ITEMS, max_concurrent=4, on_failure="continue", type="analysis")
    ok(orchestrate("run", "--simulate"))
    assert ITEMS == list(record(root, "T-01").values()) == list(record(root, "T-02").values())
    shown = ok(orchestrate("show", "T-01.3", "--json")).json
    assert ITEMS[2] == shown["task"]["item"]
    assert "Analyse dataset_3 in ./data/q3_sales.csv" == shown["task"]["description"]
    told = (root / "agent_tasks/T-02.4.md").read_text(encoding="utf-8")
    assert "./data/q4_sales.csv" in told, "an item that no text takes is handed over all the same"


def test_s3_94_a_list_that_only_the_run_knows(orchestrate: Orchestrate, root: Path) -> None:
    """It waits for it by name; then its tasks join the run, also one that is for the batch alone."""
    rows = [
        """| T-01 | echo '{"files": ["a.py", "b.py"]}' | None | |""",
        "| T-02 | echo seen {{item}} | T-01 | needs.T-01.result.files |",
        "| T-03 | cat | T-02 | |",
    ]
    write(root, "For Each", rows)
    assert "for each needs.T-01.result.files" in ok(orchestrate("list")).stdout
    assert not (root / "batches").exists()
    ok(orchestrate("run", "--only", "T-01"))
    ran = ok(orchestrate("run", "--only", "T-02", "--json"))
    assert ["T-02.1", "T-02.2"] == ran.started()
    ok(orchestrate("run"))
    assert "seen a.py\n\nseen b.py" == answer_of(root, "T-03")
    assert "2/2 completed" in ok(orchestrate("status")).stdout


def test_s3_94_a_task_file_and_a_condition_are_for_each_item(orchestrate: Orchestrate, root: Path) -> None:
    write(root, "For Each | If", ["| T-01 | x | None | [1, 2, 3] | item < 3 |"])
    write_task(root, "T-01", "---\ntimeout: 1m\n---\n```sh\necho number {{item}}\n```\n")
    ok(orchestrate("run"))
    assert "number 2" == answer_of(root, "T-01.2")
    assert {"completed": 3, "skipped": 1} == _counts(orchestrate)


def test_s3_94_an_item_is_a_word_for_a_shell_and_nothing_more(orchestrate: Orchestrate, root: Path) -> None:
    """Whatever an agent wrote into its list, and however the row quotes it."""
    bad = ["$(touch pwned)", "a'; touch pwned; '", '"; touch pwned; "', "`touch pwned`", "x\ntouch pwned", "a\\"]
    (orchestrate.where / "list.json").write_text(json.dumps({"all": bad}), encoding="utf-8")
    rows = [
        "| T-01 | cat list.json | None | |",
        """| T-02 | printf '%s!' {{item}} "{{item}}" '{{item}}' | T-01 | result.all |""",
    ]
    write(root, "For Each", rows)
    ok(orchestrate("run"))
    assert not (orchestrate.where / "pwned").exists()
    assert [f"{each}!" * 3 for each in bad] == [answer_of(root, f"T-02.{n}") for n in range(1, len(bad) + 1)]


def test_s3_94_items_beside_parameters_and_fallbacks(orchestrate: Orchestrate, root: Path) -> None:
    """A text may have both; a batch goes on with what stands in for a task that failed, and each has its limits."""
    rows = [
        "| T-01 | false | None | | |",
        "| T-02 | echo instead | None | | T-01 |",
        '| T-03 | x | T-01 | [{"n": 1}, {"n": "a b"}] | |',
        "| T-04 | echo {{word}} {{item}} | T-03 | x, y | |",
    ]
    write(root, "For Each | Fallback For", rows, "params: {word: hello, items: 1}\nmemory: 1M")
    text = (
        """---\nparams: {n: "{{item.n}}"}\n---\n```sh\necho {{word}} {{item.n}} "$ORCHESTRATOR_PARAM_n"; cat\n```\n"""
    )
    write_task(root, "T-03", text)
    ran = orchestrate("run", "--param", "word=hi")
    assert "T-04.2" in ran.stderr
    assert ["hi 1 1\ninstead", "hi a b a b\ninstead"] == [answer_of(root, f"T-03.{n}") for n in (1, 2)]
    assert ["hi x", "hi y"] == [answer_of(root, f"T-04.{n}") for n in (1, 2)]


def test_s3_94_items_keep_their_ids(orchestrate: Orchestrate, root: Path) -> None:
    """New items get new numbers, what vanished before it was done leaves, what is completed stays."""
    for name in ("1.in", "2.in", "3.in"):
        (orchestrate.where / name).touch()
    write(root, "For Each", ["| T-01 | test {{item}} != 2.in && rm {{item}} | None | glob:*.in |"])
    assert 1 == orchestrate("run").returncode
    (orchestrate.where / "0.in").touch()
    (orchestrate.where / "2.in").unlink()
    ran = ok(orchestrate("run", "--json"))
    assert ["T-01.4"] == ran.started()
    assert "T-01.2" in ran.stdout
    assert {"T-01.1": "1.in", "T-01.3": "3.in", "T-01.4": "0.in"} == record(root, "T-01")
    assert {"completed": 4} == _counts(orchestrate)


def test_s3_94_a_list_that_is_made_again(orchestrate: Orchestrate, root: Path) -> None:
    """The task with the list is retried: what is in both lists keeps its id, and is done again from the new answer."""
    listing, ran = orchestrate.where / "list.json", orchestrate.where / "ran"
    listing.write_text('{"all": ["a", "b"]}', encoding="utf-8")
    rows = ["| T-01 | cat list.json | None | |", "| T-02 | echo {{item}} >> ran | T-01 | result.all |"]
    write(root, "For Each", rows)
    ok(orchestrate("run"))
    listing.write_text('{"all": ["c", "b"]}', encoding="utf-8")
    ok(orchestrate("retry", "T-01"))
    ok(orchestrate("run"))
    assert {"T-02.2": "b", "T-02.3": "c"} == record(root, "T-02")
    assert ["a", "b", "b", "c"] == sorted(ran.read_text(encoding="utf-8").split())


def test_s3_94_a_list_changes_during_the_run(orchestrate: Orchestrate, root: Path) -> None:
    """The source is retried, and the row of another batch says one item more, while a run is active."""
    listing = orchestrate.where / "list.json"
    listing.write_text('{"all": ["a", "b"]}', encoding="utf-8")
    script = f"""until test -s "$ORCHESTRATOR_DIR/results/T-02.2-result.md"; do :; done
sed -i "s/x, y/x, y, z/" "$ORCHESTRATOR_DIR/master_plan.md"
printf '{{"all": ["b", "c"]}}' > list.json
{sys.executable} -m orchestrator retry T-01"""
    rows = [
        "| T-01 | cat list.json | None | |",
        "| T-02 | echo {{item}} | T-01 | result.all |",
        "| T-03 | echo {{item}} | None | x, y |",
        "| T-04 | change both | None | |",
    ]
    write(root, "For Each", rows)
    write_task(root, "T-04", f"```sh\n{script}\n```\n")
    ran = orchestrate("run", "--json")
    assert 0 == ran.returncode, ran
    assert {"T-02.2": "b", "T-02.3": "c"} == record(root, "T-02")
    assert {"T-03.1": "x", "T-03.2": "y", "T-03.3": "z"} == record(root, "T-03")
    assert {"completed": 9} == _counts(orchestrate)


def test_s3_94_the_plan_of_the_docs(orchestrate: Orchestrate, root: Path) -> None:
    text = (Path(__file__).parents[2] / "docs/batches.md").read_text(encoding="utf-8")
    root.mkdir()
    (root / "master_plan.md").write_text(text.partition("```markdown\n")[2].partition("```")[0], encoding="utf-8")
    ok(orchestrate("run"))
    assert "checked a.py\n\nchecked b c.py" == answer_of(root, "T-03")


def test_s3_94_a_program_in_python_takes_its_item_from_the_environment(orchestrate: Orchestrate, root: Path) -> None:
    """No quoting could keep an item from being a part of the program."""
    write(root, "For Each", ['| T-01 | x | None | [{"n": "a\'b"}] |'])
    write_task(root, "T-01", "```python\nprint('{{item.n}}')\n```\n")
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert "agent-01.md:1: T-01.1: a block in Python takes its item from the environment" in refused.stderr
    write_task(root, "T-01", "```python\nimport os\nprint(os.environ['ORCHESTRATOR_ITEM_n'])\n```\n")
    ok(orchestrate("run"))
    assert "a'b" == answer_of(root, "T-01.1")


def test_s3_94_what_has_no_row_is_not_edited(orchestrate: Orchestrate, root: Path) -> None:
    write(root, "For Each", ["| T-01 | echo {{item}} | None | a, b |"])
    ok(orchestrate("run"))
    for words in (["update", "T-01.1", "--desc", "x"], ["add", "x", "--depends-on", "T-01.1"]):
        refused = orchestrate(*words)
        assert 2 == refused.returncode, refused
        assert "say T-01" in refused.stderr


def test_s3_94_looking_writes_nothing(orchestrate: Orchestrate, root: Path) -> None:
    write(root, "For Each", ["| T-01 | echo {{item}} | None | x, y |"])
    assert "echo y" in ok(orchestrate("run", "--dry-run")).stdout
    assert "valid: 3 tasks" in ok(orchestrate("validate")).stdout
    assert ["master_plan.md"] == sorted(path.name for path in root.iterdir())


def _counts(orchestrate: Orchestrate) -> dict[str, int]:
    return orchestrate("status", "--json").counts


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("src", "'src' is no list"),
        ("{a: b}", "'{a: b}' is no list"),
        ("[1, 2", "this is no list in JSON, column 6"),
        ("[]", "the list is empty"),
        ("[1, null]", "item 2 is empty"),
        ("glbo: x, y", "'glbo' is none of glob, lines"),
        ("glob:*.nix", "glob:*.nix matches nothing"),
        ("glob:../*", "is not a path inside of the work directory"),
        ("lines: nix", "lines: there is no"),
        ("needs.T-02.result.files", "For Each of T-03, column 1: it does not depend on T-02"),
        ("needs.T-04.result.files", "For Each of T-03, column 1: T-04 is an umbrella and has no result"),
        ("needs.T-01.result.files > 3", "is no path to a list"),
        (str([*range(10_001)]), "10,001 items are more than 10,000"),
        ('[{"b": 1}]', "item 1: it has no a, which {{item.a}} takes from it"),
    ],
)
def test_s3_94_what_is_no_list(orchestrate: Orchestrate, root: Path, cell: str, words: str) -> None:
    """Refused with file and line before anything is written."""
    rows = ["| T-01 | true | None | |", "| T-02 | true | None | |"]
    rows += [f"| T-03 | echo {{{{item.a}}}} | T-01, T-04 | {cell} |", "| T-04 | true | None | a, b |"]
    write(root, "For Each", rows)
    refused = orchestrate("run")
    assert (2, "") == (refused.returncode, refused.stdout)
    assert words in refused.stderr
    assert "master_plan.md:" in refused.stderr
    assert "hint:" in refused.stderr
    assert ["master_plan.md"] == sorted(path.name for path in root.iterdir())


@pytest.mark.parametrize(
    ("columns", "rows", "words"),
    [
        (
            "For Each | Parent",
            ["| T-02 | x | None | a, b | T-01 |"],
            "batches cannot be nested: T-02 stands under T-01",
        ),
        ("For Each | Parent", ["| T-02 | x | None | | T-01 |"], "T-02 stands under T-01, which makes its own tasks"),
        ("For Each | Matrix", ["| T-02 | x | None | a, b | {a: [b]} |"], "T-02 has both For Each and Matrix"),
        ("For Each | On Failure", ["| T-02 | x | None | | stop |"], "On Failure is for a batch, and T-02 has no list"),
        ("For Each | On Failure", ["| T-02 | x | None | a, b | halt |"], "'halt' is none of continue, stop"),
        ("For Each | Tags", ["| T-01.2 | x | None | | |"], "T-01.2 is a task already"),
        ("For Each | Tags", ["| T-02 | {{itme}} | None | a, b | |"], "did you mean {{item}}?"),
        ("For Each | Matrix", ["| T-02 | x | None | | {a: b} |"], "a is no list of words or numbers"),
        ("For Each | Fallback For", ["| T-02 | x | None | | T-01 |"], "T-01 is a batch, and part of a fallback"),
    ],
)
def test_s3_94_rows_that_are_refused(
    orchestrate: Orchestrate, root: Path, columns: str, rows: list[str], words: str
) -> None:
    write(root, columns, ["| T-01 | echo {{item}} | None | a, b | |", *rows])
    refused = orchestrate("run")
    assert (2, "") == (refused.returncode, refused.stdout)
    assert words in refused.stderr
    assert ["master_plan.md"] == sorted(path.name for path in root.iterdir())


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ('{"files": "a"}', "foreach: result.files is no list"),
        ('{"other": []}', "foreach: result.files is missing"),
        ("no JSON", "foreach: result is missing"),
        ('{"files": [{"a": 1}, {"b": 2}]}', "foreach: item 2: it has no a, which {{item.a}} takes from it"),
        ('{"files": [null]}', "foreach: item 1 is empty"),
    ],
)
def test_s3_94_an_answer_without_a_list_fails_the_batch(
    orchestrate: Orchestrate, root: Path, answer: str, why: str
) -> None:
    """And nothing else: the run goes on, and the batch is tried anew by the next one."""
    rows = [f"| T-01 | echo '{answer}' | None | |", "| T-02 | echo {{item.a}} | T-01 | result.files |"]
    write(root, "For Each", [*rows, "| T-03 | echo fine | T-01 | |"])
    for _ in range(2):
        assert 1 == orchestrate("run").returncode
        assert {"completed": 2, "failed": 1} == _counts(orchestrate)
    assert f"❌ T-02 {why}" in orchestrate("run").stderr


def test_s3_94_a_list_without_items_keeps_nobody_back(orchestrate: Orchestrate, root: Path) -> None:
    rows = ["""| T-01 | echo '{"files": []}' | None | |""", "| T-02 | x | T-01 | result.files |"]
    rows += ["| T-03 | x | None | glob:*.nix (may be empty) |", "| T-04 | echo on | T-01, T-02, T-03 | |"]
    write(root, "For Each", rows)
    ok(orchestrate("run"))
    assert {"completed": 2, "skipped": 2} == _counts(orchestrate)


def test_s3_94_a_batch_is_not_done_by_hand(orchestrate: Orchestrate, root: Path) -> None:
    write(root, "For Each", ["| T-01 | echo {{item}} | None | a, b |"])
    refused = orchestrate("complete", "T-01")
    assert 2 == refused.returncode, refused
    assert "T-01 is a batch" in refused.stderr


def test_s3_94_a_damaged_record_is_named(orchestrate: Orchestrate, root: Path) -> None:
    """Without it every item would be another task."""
    write(root, "For Each", ["| T-01 | echo {{item}} | None | a, b |"])
    ok(orchestrate("run"))
    (root / "batches/T-01.json").write_text('{"items": [{"id": "T-02.1"', encoding="utf-8")
    for command in ("status", "run"):
        refused = orchestrate(command)
        assert 2 == refused.returncode
        assert "batches/T-01.json: this is no record of a batch" in refused.stderr


def test_s3_94_the_cache_follows_the_records(orchestrate: Orchestrate, root: Path) -> None:
    """What ``status`` remembers of the plan does not outlive a record that was changed."""
    write(root, "For Each", ["| T-01 | echo {{item}} | None | a, b |"])
    ok(orchestrate("run"))
    path = root / "batches/T-01.json"
    for expected in (3, 3):
        assert expected == sum(_counts(orchestrate).values())
    path.write_text(path.read_text(encoding="utf-8").replace('"b"}', '"b", "gone": true}'), encoding="utf-8")
    assert 2 == sum(_counts(orchestrate).values())


# ── S3-95 · max concurrent ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("column", ["Max Concurrent", "Concurrency"])
def test_s3_95_so_many_at_once(orchestrate: Orchestrate, root: Path, column: str) -> None:
    write(root, f"For Each | {column}", [f"| T-01 | : {{{{item}}}}; {ALONE} | None | a, b, c, d | 1 |"])
    ok(orchestrate("run", "--max-parallel", "8"))


@pytest.mark.parametrize("count", ["0", "many", "10001"])
def test_s3_95_a_number_that_is_none(orchestrate: Orchestrate, root: Path, count: str) -> None:
    write(root, "For Each | Max Concurrent", [f"| T-01 | true | None | a, b | {count} |"])
    refused = orchestrate("run")
    assert 2 == refused.returncode
    assert f"'{count}' is no number from 1 to 10,000" in refused.stderr


# ── S3-96 · aggregate ─────────────────────────────────────────────────────────────────────────────────────────────


def test_s3_96_what_depends_on_a_batch_gets_every_answer(orchestrate: Orchestrate, root: Path) -> None:
    rows = ["| T-01 | echo got {{item}} | None | a, b, c |", "| T-02 | cat | T-01 | |"]
    write(root, "For Each", rows)
    ok(orchestrate("run"))
    assert "got a\n\ngot b\n\ngot c" == answer_of(root, "T-02")
    written = (root / "final_output.md").read_text(encoding="utf-8")
    assert all(f"got {item}" in written for item in "abc")


# ── S3-97 · continue on failure ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("word", "counts"), [("continue", (3, 1, 2)), ("", (3, 1, 2)), ("stop", (1, 1, 4))])
def test_s3_97_when_an_item_failed(
    orchestrate: Orchestrate, root: Path, word: str, counts: tuple[int, int, int]
) -> None:
    """With ``stop`` nothing of the batch starts any more; what is completed stays, and the next run does the rest."""
    rows = [f"| T-01 | test {{{{item}}}} != $(cat bad) | None | a, b, c, d | {word} |", "| T-02 | true | T-01 | |"]
    write(root, "For Each | On Failure", rows, "max_parallel: 1")
    (orchestrate.where / "bad").write_text("b", encoding="utf-8")
    assert 1 == orchestrate("run").returncode
    assert dict(zip(("completed", "failed", "skipped"), counts, strict=True)) == _counts(orchestrate)
    (orchestrate.where / "bad").write_text("none", encoding="utf-8")
    if word == "stop":
        assert "T-01.2 is pending" in ok(orchestrate("retry", "T-01.4")).stderr, "T-01.4 was skipped because of it"
    ran = ok(orchestrate("run", "--json"))
    assert ("T-01.1" in ran.started(), "T-01.2" in ran.started()) == (False, True)
    assert {"completed": 6} == _counts(orchestrate)


# ── S3-98 · progress ──────────────────────────────────────────────────────────────────────────────────────────────


def test_s3_98_how_far_a_batch_is(orchestrate: Orchestrate, root: Path) -> None:
    write(root, "For Each", ["| T-01 | test {{item}} != c | None | a, b, c |"])
    assert 1 == orchestrate("run").returncode
    tasks = {task["id"]: task for task in ok(orchestrate("list", "--json")).json["tasks"]}
    assert "2/3 completed, T-01.3 failed" == tasks["T-01"]["reason"]
    assert ["T-01.1", "T-01.2", "T-01.3"] == tasks["T-01"]["children"]
    assert "2/3 completed" in orchestrate("status").stdout
    assert "T-01.3" in ok(orchestrate("graph")).stdout
    ok(orchestrate("retry", "T-01.2"))
    assert "1/3 completed" in orchestrate("status").stdout


def test_s3_94_doctor_knows_the_tasks_of_a_batch(orchestrate: Orchestrate, root: Path) -> None:
    """Their results are no orphans."""
    root.mkdir(exist_ok=True)
    head = "| Task ID | Description | Dependencies | For Each |\n|---|---|---|---|\n"
    text = f"---\nagent: shell\n---\n{head}| T-01 | echo {{{{item}}}} | None | a, b |\n"
    (root / "master_plan.md").write_text(text, encoding="utf-8")
    assert 0 == orchestrate("run").returncode
    assert "everything in the plan directory is as it must be" in orchestrate("doctor", "--plan").stdout
