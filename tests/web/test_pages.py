"""What the pages show, and what their buttons do: the same as the command line."""

from __future__ import annotations

import html
import os
import re
import shlex
import signal
from pathlib import Path

import pytest

import orchestrator
from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, write_plan, write_task
from tests.reliability.hostile import OUTPUTS, UNPRINTABLE
from tests.web.dashboard import Dashboard, Tags, dashboard, text_of

TEMPLATES = Path(orchestrator.__file__).parent / "views/templates/dashboard"
SCRIPT = "<script>alert(1)</script>"
QUOTES = """"><img src=x onerror=alert(1)> ' onmouseover='alert(1)' {{ 1234 * 4321 }} &lt;b&gt;"""


# ── what is shown ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_plan_shows_where_it_stands(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """How far it is, its tasks in dependency order, what happened; the same figures as `status`."""
    assert "Completed 0/2 · Pending 1 · Waiting 1" in text_of(opened.get("/").text)
    assert 0 == orchestrate("run").returncode
    page = opened.get("/").text
    assert "Completed 2/2" in text_of(page)
    assert "Completed 2/2" in orchestrate("status").stdout
    assert ["T-01", "T-02"] == re.findall(r'<tr id="task-([^"]+)"', page)
    assert "T-02 completed · after" in text_of(page)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "died"])
def test_a_run_that_did_not_come_to_its_end_is_named(
    opened: Dashboard, orchestrate: Orchestrate, root: Path, ending: signal.Signals
) -> None:
    """Above what begins the next one, by the words of `status`."""
    gate = Gate(root.parent / "gate")
    write_plan(root, {"T-01": gate.wait}, grace=0)
    assert "Last run" not in opened.get("/").text
    run = orchestrate.start("run")
    gate.await_task(run)
    os.kill(run.pid, ending)
    orchestrate.finish(run)
    (line,) = re.findall(r"^Last run .*$", orchestrate("status").stdout, re.MULTILINE)
    plain = re.sub(r" [🛑❌]", "", line)
    assert f"{plain} No run is at work. Start a run" in text_of(opened.get("/").text)


def test_what_comes_next_is_at_hand(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """What failed is a link; the final output of a plan that is done is on the page, formatted, however long it is."""
    hostile = f"printf '{SCRIPT} \\033[2J\\n'"
    assert "Next:" not in opened.get("/").text
    write_plan(root, {"T-01": hostile, "T-02": ("exit 3", "T-01")})
    assert 1 == orchestrate("run").returncode
    page = opened.get("/").text
    assert f'Next: <a href="{opened.place}/tasks/T-02">' in page
    assert 'id="output"' not in page
    write_plan(root, {"T-01": hostile})
    assert 0 == orchestrate("run").returncode
    page = opened.get("/").text
    assert "Next:" not in page
    (output,) = re.findall(r'<details [^>]*id="output">.*?</details>', page, re.DOTALL)
    assert "alert(1)" in text_of(output)
    assert {"h3", "h4", "table", "pre"} <= Tags(output).names
    assert not {"script", "img", "iframe", "style"} & Tags(output).names
    assert not UNPRINTABLE.search(output)
    assert text_of(output).endswith("It is .orchestrator/final_output.md")
    with (root / "final_output.md").open("a") as file:
        file.write("a line\n" * 100_000)
    page = opened.get("/").text
    assert len(page) < 400_000
    assert "It goes on in .orchestrator/final_output.md" in text_of(page)


def test_what_no_button_does_is_a_command(claude: ClaudePlan) -> None:
    """How much more may be spent is for a person to say."""
    claude.write(1, max_parallel=1, budget_usd=1, task_budget_usd=2)
    assert 4 == claude.orchestrate("run").returncode
    with dashboard(claude.orchestrate, claude.root) as shown:
        page = text_of(shown.enter().text)
    assert "Next: orchestrator run" in page
    assert "--detach --raise-budget MORE" in page


def test_a_task_shows_what_is_known_of_it(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """What is asked, its attempts, its answer, what was said."""
    orchestrate("run")
    orchestrate("share", "T-02", "look at the\nsecond line", "--as", "bo")
    orchestrate("note", "T-02", "of somebody else", "--as", "bo")
    orchestrate("note", "T-02", "of my own", "--as", "ana")
    page = opened.get("/tasks/T-02").text
    text = text_of(page)
    for part in ("echo two", "completed · exit 0", "bo · share", "look at the second line"):
        assert part in text
    assert "of my own" in text
    assert "of somebody else" not in text
    assert f'href="{opened.place}/tasks/T-01"' in page


def test_a_task_that_was_only_simulated_is_said_to_be(opened: Dashboard, orchestrate: Orchestrate) -> None:
    """In its row and on its page, as `list` and `show` say it."""
    assert 0 == orchestrate("run", "--simulate").returncode
    assert 2 == len(re.findall(r'<span class="reason">only simulated<', opened.get("/").text))
    assert '<p class="reason">only simulated</p>' in opened.get("/tasks/T-01").text


def test_tasks_are_filtered_by_status_and_words(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    orchestrate("run", "--only", "T-01")

    def found(query: str) -> list[str]:
        return re.findall(r'<tr id="task-([^"]+)"', opened.get(f"/?{query}").text)

    assert ["T-01"] == found("status=completed")
    assert ["T-02"] == found("status=pending")
    assert [] == found("status=nonsense")
    assert ["T-02"] == found("find=TWO")
    assert ["T-01", "T-02"] == found("find=echo&page=99999")
    assert [] == found("status=completed&find=two")
    assert found("page=x") == found("page=-1") == found("") == ["T-01", "T-02"]


def test_a_page_of_ten_thousand_tasks_is_as_long_as_any(orchestrate: Orchestrate, root: Path) -> None:
    """Two hundred rows, links to the others, and no row left out on the way through the pages."""
    write_plan(root, {f"T-{n:05}": "true" for n in range(10_000)})
    with dashboard(orchestrate, root) as shown:
        page = shown.enter().text
        assert 200 == page.count('<tr id="task-')
        assert len(page) < 400_000
        assert "1 to 200 of 10000" in text_of(page)
        assert "9801 to 10000 of 10000" in text_of(shown.get("/?page=50").text)
        assert ["T-09999"] == re.findall(r'id="task-([^"]+)"', shown.get("/?find=T-09999").text)


def test_a_plan_among_others_has_pages_of_its_own(orchestrate: Orchestrate, root: Path) -> None:
    """A directory of plans shows those at work; each is approved, added to and run on its own page (seed 004)."""
    root.mkdir()
    for title in ("Build it", f"Sell it {SCRIPT}"):
        orchestrate("create", title)
    with dashboard(orchestrate, root) as shown:
        page = shown.enter().text
        assert ["TASK-001", "TASK-002"] == re.findall(r'<tr id="plan-([^"]+)"', page)
        assert '<use href="#icon-note"></use></svg> PLANNING</span>' in page
        assert f"Sell it {SCRIPT}" in text_of(page)
        plan = shown.get("/plans/TASK-001/")
        shown.forms = re.findall(r'name="form" value="(\w+)"', plan.text)[0]
        assert 303 == shown.post("/plans/TASK-001/tasks", text="echo hi", agent="shell").status
        refused = shown.post("/plans/TASK-001/run")
        assert (409, True) == (refused.status, "nobody has approved it yet" in text_of(refused.text))
        assert 303 == shown.post("/plans/TASK-001/transition", event="approve").status
        assert "APPROVED" in text_of(shown.get("/plans/TASK-001/").text)
        assert "APPROVED" in orchestrate("status", "TASK-001").stdout
        assert 409 == shown.post("/plans/TASK-001/transition", event="approve").status
        for nowhere in ("TASK-009", "..", "%2e%2e", "..%2f..", "-x"):
            assert 404 == shown.get(f"/plans/{nowhere}/").status
        assert 200 == shown.get("/?all=1").status


# ── what comes from outside is a text ─────────────────────────────────────────────────────────────────────────────


def test_hostile_texts_are_texts(orchestrate: Orchestrate, root: Path) -> None:
    """In the title, the goal, names, agents, tags, prompts, answers, reasons, messages, the journal and the address."""
    more = f"## Goal\n\n{QUOTES} {SCRIPT}\n"
    plan = write_plan(root, {"T-01": f"echo '{SCRIPT}'; exit 3"}, more=more)
    text = plan.read_text().replace("# Task Plan", f"# {SCRIPT} {QUOTES}")
    text = text.partition("| Task ID")[0] + (
        "| ID | Task | Deps | Assignee | Agent | Tags | Type | Expected Output | Odd <b>column</b> |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
        f"| T-01 | {SCRIPT} {QUOTES} | None | {SCRIPT} | shell | <i>tag</i> | <u>type</u> | {SCRIPT} | {SCRIPT} |\n"
    )
    plan.write_text(text)
    said = f"{SCRIPT} {QUOTES}"
    write_task(root, "T-01", f"{said}\n\n```sh\ncat <<'E'\n{said}\nE\necho '{SCRIPT}' >&2; exit 3\n```\n")
    assert 1 == orchestrate("run").returncode
    orchestrate("share", "T-01", said)
    orchestrate("discover", "T-01", f"\x1b[31m{said}")
    with dashboard(orchestrate, root) as shown:
        plain = Tags(shown.enter().text)
        before = shown.get("/tasks/T-01").text
        refused = shown.post("/tasks/T-01/block", words=said)
        assert 409 == refused.status
        assert 303 == shown.post("/tasks/T-01/retry", words=said).status
        pages = [
            before,
            refused.text,
            shown.get("/tasks/T-01").text,
            shown.get("/").text,
            shown.get(f"/?find={SCRIPT}%22%3E&status=%22%3E{SCRIPT}").text,
            shown.get(f"/{SCRIPT}").text,
            shown.get(f"/tasks/{SCRIPT}").text,
            shown.get(f"/plans/{SCRIPT}/").text,
            shown.post("/tasks", text=said, needs=said, agent=said).text,
        ]
    for page in pages:
        tags = Tags(page)
        assert not {"img", "b", "i", "u"} & tags.names
        assert not {each for each in tags.attributes if each.startswith("on")}
        assert page.count("<script") <= 1
        assert "alert(1)" not in re.findall(r"<script[^>]*>(.*?)</script>", page)
        assert UNPRINTABLE.search(page) is None
        assert str(1234 * 4321) not in tags.text
    assert "script" in plain.names
    assert SCRIPT in Tags(pages[0]).text
    assert "{{ 1234 * 4321 }}" in Tags(pages[0]).text
    assert "&lt;b&gt;" in Tags(pages[0]).text


def test_whatever_an_agent_prints_is_shown_as_text(orchestrate: Orchestrate, root: Path) -> None:
    """Also as the reason of a failure; a page has no element that is not in our templates."""
    (root / "printed").mkdir(parents=True)
    tasks = {f"T-{n:02}": output for n, output in enumerate(OUTPUTS.values(), 1)}
    for task, output in tasks.items():
        (root / "printed" / task).write_bytes(output)
    show = 'cat "{0}/printed/{1}"; cat "{0}/printed/{1}" >&2; exit {2}'
    write_plan(root, {task: show.format(root, task, n % 2) for n, task in enumerate(tasks)})
    orchestrate("run")
    ours = {name for each in TEMPLATES.glob("*.html") for name in re.findall(r"<(\w+)", each.read_text())}
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        for path in ("/", *(f"/tasks/{task}" for task in tasks)):
            reply = shown.get(path)
            assert 200 == reply.status
            assert UNPRINTABLE.search(reply.text) is None
            assert Tags(reply.text).names <= ours
            assert 1 == reply.text.count("<script")
            assert "<style" not in reply.text


def test_secrets_are_redacted(orchestrate: Orchestrate, root: Path) -> None:
    secret = "ghp_" + "a1B2" * 9
    write_plan(root, {"T-01": f"echo {secret}"})
    orchestrate("run")
    orchestrate("share", "T-01", f"use {secret}")
    with dashboard(orchestrate, root) as shown:
        for page in (shown.enter().text, shown.get("/tasks/T-01").text):
            assert secret not in html.unescape(page)
            assert "[redacted ghp_…]" in page


def test_what_is_cut_was_redacted_before(orchestrate: Orchestrate, root: Path) -> None:
    """The head of a password is one, and no longer looks like it: of a goal, a turn, an answer, and what is asked."""
    word = "SuperSecretPassw0rd"
    address = f"postgres://admin:{word}@db"
    texts = {size: "x " * (size // 2 - 14) + address for size in (2000, 32 * 1024, 64 * 1024)}
    tasks = {"T-01": f"echo {texts[2000]}", "T-02": f"echo {texts[64 * 1024]}"}
    write_plan(root, tasks, more=f"## Goal\n\n{texts[2000]}\n\n## Tasks\n")
    write_task(root, "T-01", f"{texts[32 * 1024]}\n\n```sh\necho {texts[2000]}\n```\n")
    assert 0 == orchestrate("run").returncode
    with dashboard(orchestrate, root) as shown:
        for page in (shown.enter(), shown.get("/tasks/T-01"), shown.get("/tasks/T-02")):
            assert "postgres://admin:" in page.text
            assert word[:4] not in page.text


def test_a_long_answer_is_cut_and_the_rest_is_named(orchestrate: Orchestrate, root: Path) -> None:
    write_plan(root, {"T-01": "yes abcdefgh | head -c 400000"})
    orchestrate("run")
    with dashboard(orchestrate, root) as shown:
        shown.enter()
        page = shown.get("/tasks/T-01").text
    assert len(page) < 250_000
    assert re.search(r"\d+ more bytes are in .*agent-01-result\.md", page)


# ── what cannot be shown, and pictures ────────────────────────────────────────────────────────────────────────────


def test_a_plan_that_is_broken_is_said_to_be(opened: Dashboard, root: Path) -> None:
    """With file and line and every problem, and the page comes back once it is mended."""
    plan = root / "master_plan.md"
    good = plan.read_text()
    plan.write_text(good.replace("| T-01 |", "| T-99 |").replace("| None |", "| T-98 |"))
    broken = opened.get("/")
    assert 400 == broken.status
    assert "master_plan.md:10" in text_of(broken.text)
    assert 'data-events="' in broken.text
    plan.write_text(good)
    assert 200 == opened.get("/").status
    plan.unlink()
    assert opened.get("/").status in {200, 404}


@pytest.mark.parametrize("name", ["q", ".orchestrator"])
def test_a_command_in_a_hint_is_about_the_plan_of_the_page(
    orchestrate: Orchestrate, root: Path, tmp_path: Path, name: str
) -> None:
    """Typed where the dashboard was started; another plan, found there without a name, stays as it is."""
    mine = write_plan(root, {"T-01": "true"}, status="planning")
    (tmp_path / "elsewhere").mkdir()
    other = write_plan(tmp_path / "elsewhere" / name, {"T-01": "true"}, status="planning")
    before = mine.read_text()
    with dashboard(orchestrate, Path("elsewhere") / name) as shown:
        shown.enter()
        refused = shown.post("/run").text
        (typed,) = re.findall(r"<p>orchestrator (transition [^<]*)</p>", html.unescape(refused))
        assert 0 == orchestrate(*shlex.split(typed)).returncode
        assert "status: approved" in other.read_text()
        assert before == mine.read_text()
        unknown = text_of(shown.post("/tasks/T-99/retry").text)
        assert f"`orchestrator list --dir {other.parent}`" in unknown
        assert "After: task T-77" in text_of(shown.post("/tasks", text="x", needs="T-77").text)


def test_a_broken_agent_hides_no_task(opened: Dashboard, root: Path) -> None:
    (root / "agents").mkdir()
    (root / "agents" / "odd.md").write_text("---\ncommand: [\n---\n")
    assert [200, 200] == [opened.get("/").status, opened.get("/tasks/T-01").status]


def test_a_picture_shows_how_tasks_depend_on_each_other(orchestrate: Orchestrate, root: Path) -> None:
    """A box for each task, an arrow for each need; none of a plan that would be a tangle, or has no arrows."""
    write_plan(root, {"T-01": "true", "T-02": ("true", "T-01"), "T-03": ("exit 3", "T-01, T-02")})
    orchestrate("run")
    with dashboard(orchestrate, root) as shown:
        (graph,) = re.findall(r'<svg class="graph".*?</svg>', shown.enter().text, re.DOTALL)
        boxes = re.findall(r'<a href="[^"]*/tasks/([^"]+)" class="(\w+)">.*?<rect x="(\d+)"', graph, re.DOTALL)
        assert [("T-01", "completed"), ("T-02", "completed"), ("T-03", "failed")] == [each[:2] for each in boxes]
        columns = [int(x) for *_, x in boxes]
        assert sorted(set(columns)) == columns
        assert 3 == graph.count("<path ")
        write_plan(root, {"T-01": "true", "T-02": "true"})
        assert "<svg class=" in shown.get("/").text
        assert 'class="graph"' not in shown.get("/").text
        write_plan(root, {f"T-{n:03}": ("true", f"T-{n - 1:03}" if n else "None") for n in range(151)})
        assert 'class="graph"' not in shown.get("/").text


def test_the_directory_it_was_started_in_may_go_and_come_back(
    orchestrate: Orchestrate, root: Path, tmp_path: Path
) -> None:
    """As of a project that is checked out anew; meanwhile the pages say what is wrong."""
    write_plan(root, {"T-01": "echo one"})
    here = tmp_path / "here"
    here.mkdir()
    with dashboard(orchestrate, root, cwd=here) as shown:
        shown.enter()
        here.rmdir()
        for reply in (shown.get("/"), shown.get("/tasks/T-01"), shown.post("/run")):
            assert 500 == reply.status
            assert "the directory that the dashboard was started in is gone" in text_of(reply.text)
        here.mkdir()
        assert "T-01" in text_of(shown.get("/").text)
        shown.process.terminate()
        assert 1 == len(orchestrate.finish(shown.process).stderr.splitlines())


def test_a_plan_that_would_be_a_tangle_is_a_grid(orchestrate: Orchestrate, root: Path) -> None:
    """Few tasks may need each other a lot: each is a cell, a line for each batch, in the colour of its status."""
    every = ", ".join(f"A{n}" for n in range(22))
    tasks = {f"A{n}": "true" for n in range(22)} | {f"B{n}": ("true", every) for n in range(22)}
    write_plan(root, tasks)
    with dashboard(orchestrate, root) as shown:
        page = shown.enter().text
        assert 'class="graph"' not in page
        assert "44 tasks with 484 needs are too many for a picture" in text_of(page)
        (grid,) = re.findall(r'<ol class="grid">.*?</ol>', page, re.DOTALL)
        lines = grid.split("<li>")[1:]
        assert [22, 22] == [line.count("<a ") for line in lines]
        assert 22 == lines[0].count('class="pending"')
        assert 22 == lines[1].count('class="waiting"')


def test_a_plan_with_a_failed_task_looks_failed(orchestrate: Orchestrate, root: Path) -> None:
    """On its own page, and among other plans, in words, colour and bar."""
    root.mkdir()
    orchestrate("create", "Build it")
    plan = orchestrate.where / ".orchestrator/TASK-001"
    orchestrate("add", "exit 3", "--agent", "shell", "--dir", plan)
    orchestrate("transition", "TASK-001", "approve")
    orchestrate("run", plan)
    with dashboard(orchestrate, root) as shown:
        (row,) = re.findall(r'<tr id="plan-TASK-001">.*?</tr>', shown.enter().text, re.DOTALL)
        assert '<span class="badge failed">' in row
        assert '<rect class="failed"' in row
        assert '<span class="badge state failed">' in shown.get("/plans/TASK-001/").text


def test_the_output_of_each_attempt_is_there_to_read(opened: Dashboard, orchestrate: Orchestrate, root: Path) -> None:
    """Both streams, of every attempt, the end of a long one; beside a failure the end of stderr."""
    write_plan(
        root, {"T-01": f"seq 100000; echo '{SCRIPT}'; echo 'no such table' >&2; exit 3"}, retries=1, retry_delay=0
    )
    assert 1 == orchestrate("run").returncode
    page = opened.get("/tasks/T-01").text
    assert "Partial output" in text_of(page)
    assert "Answer" not in text_of(page)
    assert "The end of what it printed on stderr no such table" in text_of(page)
    for number in (1, 2):
        for stream, end in (("stdout", SCRIPT), ("stderr", "no such table")):
            address = f"/tasks/T-01/logs/{number}?stream={stream}"
            assert f'href="{opened.place}{address}"' in page
            log = opened.get(address).text
            assert len(log) < 300_000
            assert end in text_of(log)
            assert "script" not in Tags(log.partition("<main")[2]).names
    assert "bytes before this are in" in text_of(opened.get("/tasks/T-01/logs/1").text)
    for nowhere in ("T-01/logs/3", "T-01/logs/x", "T-99/logs/1", "..%2f/logs/1"):
        assert 404 == opened.get(f"/tasks/{nowhere}").status


def test_an_answer_is_shown_formatted_or_as_it_was_written(opened: Dashboard, orchestrate: Orchestrate) -> None:
    """Markdown is data: no HTML of its own, no image, no address but of the web, no style."""
    answer = (
        "# Schema\n\n| t | rows |\n|--:|---|\n| orders | **12** |\n\n<b onclick=x>raw</b> ![img](http://x/y.png)\n"
        "[bad](javascript:alert(1)) [file](results/x.md) [good](https://example.org/a?b=c)\n\n"
        "ghp\\_16C7e42F292c6912E7710c838347Ae178B4a &#x202e;turned\n"
    )
    assert 0 == orchestrate("complete", "T-01", answer).returncode
    page = opened.get("/tasks/T-01").text
    (shown,) = re.findall(r'<div class="card markdown">.*?</div>', page, re.DOTALL)
    assert {"div", "h3", "table", "thead", "tbody", "tr", "th", "td", "strong", "p", "a"} == (Tags(shown).names)
    assert {"class", "href", "rel"} == Tags(shown).attributes
    assert {"http://x/y.png", "https://example.org/a?b=c"} == set(re.findall(r'href="([^"]*)"', shown))
    assert "<b onclick=x>raw</b>" in text_of(shown)
    assert "16C7e42F292c6912E7710c838347Ae178B4a" not in shown
    assert "\u202e" not in shown
    written = opened.get("/tasks/T-01?as=written").text
    assert "| orders | **12** |" in text_of(written)


def test_every_time_has_its_day(opened: Dashboard, orchestrate: Orchestrate) -> None:
    orchestrate("run")
    for page in ("/", "/tasks/T-01"):
        times = re.findall(r"<time>([^<]*)</time>", opened.get(page).text)
        assert times
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", each) for each in times)


def test_icons_need_no_font(opened: Dashboard, orchestrate: Orchestrate) -> None:
    """No emoji of ours is left in a page, and every shape that is used is there."""
    orchestrate("run")
    for verb in ("share", "discover", "sync", "note"):
        orchestrate(verb, "T-01", "hello")
    for path in ("/", "/tasks/T-01", "/?status=completed"):
        page = re.sub(r"<pre.*?</pre>", "", opened.get(path).text, flags=re.DOTALL)  # texts of others
        assert not re.search(r"[\U0001f300-\U0001faff\u2600-\u27bf\u23e9-\u23fa\ufe0f]", page)
        used = set(re.findall(r'href="#(icon-\w+)"', page))
        assert used
        assert used <= set(re.findall(r'<symbol id="(icon-\w+)"', page))
