"""Secrets stay where they are, and agents get the environment that the plan says (promises 23, 26).

Everything here is asked of the command line with real processes.
"""

from __future__ import annotations

import stat
from collections import Counter
from pathlib import Path

import pytest

from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import Gate, answer_of, result_of, write_plan, write_task

#: Nobody's; put together here so that it stands in no file of this project.
SECRET = "s3cr3t" + "-of-the-environment"
TOKEN = "ghp_" + "aB3xY9kLm2" * 4
#: What stands in a prompt, and nowhere on a command line.
WORDS = "the words of the prompt"
#: Prints the names of the variables that a process was started with; a shell adds some of its own.
NAMES = r"tr '\0' '\n' < /proc/$$/environ | sed -n 's/^\([A-Za-z_0-9]*\)=.*/\1/p' | sort"
OURS = {"ORCHESTRATOR_RUN_ID", "ORCHESTRATOR_TASK_ID", "ORCHESTRATOR_ATTEMPT", "ORCHESTRATOR_DIR", "TM_AGENT_ID"}
#: What a session of claude around us may leave, whatever it will be called next.
NESTED = {
    "CLAUDECODE": "1",
    "CLAUDE_CODE_SESSION_ID": "x",
    "CLAUDE_CODE_CHILD_SESSION": "1",
    "CLAUDE_CODE_ENTRYPOINT": "cli",
    "CLAUDE_EFFORT": "high",
    "CLAUDE_CODE_MESSAGING_SOCKET": "/tmp/x",
    "CLAUDE_CODE_MESSAGING_OF_TOMORROW": "x",
}


def command_lines() -> list[bytes]:
    """Return the command line of every process of this machine."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes())
        except OSError:
            continue  # it has just ended
    return found


def files_with(word: str, where: Path) -> list[str]:
    """Return the files below a directory that hold a word."""
    files = (path for path in where.rglob("*") if path.is_file() and not path.is_fifo())
    return sorted(str(path.relative_to(where)) for path in files if word.encode() in path.read_bytes())


def names_in(directory: Path, task_id: str) -> set[str]:
    """Return the variables that a task said it was started with."""
    return set(answer_of(directory, task_id).split())


def test_a_secret_of_the_environment_is_written_nowhere(
    claude: ClaudePlan, tmp_path: Path, gate: Gate, tally: Counter[str]
) -> None:
    """Not in results, records, prompts, journal, cache or lock, of tasks that worked, failed, were tried again or sent
    away; not on a command line while the run goes on. Every task has it all the same. No prompt is on argv either.
    """
    has_it = f'test "${{#A_SECRET}}" = {len(SECRET)} && echo has it'
    claude.write(
        {
            "T-01": WORDS,
            "T-02": has_it,
            "T-03": (f"echo '{WORDS}'", "T-01,T-02"),
            "T-04": ("exit 1", "T-03"),
            "T-05": ("T-04 has to be there", "T-04"),
        },
        retries=1,
    )
    write_task(claude.root, "T-02", f"```sh\n{has_it}\n```\n", agent="shell")
    body = f"```sh\n# {WORDS}\n{has_it}\n{gate.wait}\n```\n"
    write_task(claude.root, "T-03", body, agent="shell")
    write_task(claude.root, "T-04", "```sh\nexit 1\n```\n", agent="shell")
    claude.orchestrate.environment |= {"A_SECRET": SECRET, "ANTHROPIC_API_KEY": SECRET}

    run = claude.start()
    gate.await_task(run)
    lines = command_lines()
    assert any(b"orchestrator" in line for line in lines)
    assert not [line for line in lines if SECRET.encode() in line or WORDS.encode() in line]
    gate.open()
    assert 1 == claude.orchestrate.finish(run).returncode
    for words in (("status",), ("show", "T-04"), ("doctor",), ("list", "--json"), ("run",)):
        answer = claude.orchestrate(*words)
        assert SECRET not in answer.stdout + answer.stderr

    assert "has it" == answer_of(claude.root, "T-02")
    (call,) = claude.calls("T-01")
    assert {"A_SECRET", "ANTHROPIC_API_KEY"} <= set(call.env)
    assert WORDS in call.prompt
    assert not [word for word in call.argv if WORDS in word]
    files = [path for path in claude.root.rglob("*") if path.is_file()]
    assert len(files) > 20
    assert [] == files_with(SECRET, tmp_path)
    tally["files looked through for secrets"] += len(files)


def test_a_value_of_the_plan_is_not_on_a_command_line(orchestrate: Orchestrate, root: Path, gate: Gate) -> None:
    """It stands in the plan, in its cache, and nowhere else."""
    write_plan(root, {"T-01": f'echo "${{#A_VALUE}}"; {gate.wait}'}, env=f"{{A_VALUE: {SECRET}}}")
    run = orchestrate.start("run")
    gate.await_task(run)
    assert not [line for line in command_lines() if SECRET.encode() in line]
    gate.open()
    assert 0 == orchestrate.finish(run).returncode
    assert str(len(SECRET)) == answer_of(root, "T-01")
    assert ["index.json", "master_plan.md"] == files_with(SECRET, root)


def test_by_default_everything_is_inherited_but_the_session_around(claude: ClaudePlan) -> None:
    """A session of its own, also for a command that calls ``claude`` itself."""
    claude.write({"T-01": "names", "T-02": "do it"})
    write_task(claude.root, "T-01", f"```sh\n{NAMES}\n```\n", agent="shell")
    claude.orchestrate.environment |= {**NESTED, "ANYTHING": "else", "CLAUDE_CODE_OAUTH_TOKEN": "x"}
    assert 0 == claude.run().returncode
    (call,) = claude.calls()
    for names in (names_in(claude.root, "T-01"), set(call.env)):
        assert {"ANYTHING", "PATH", "HOME", "CLAUDE_CODE_OAUTH_TOKEN", *OURS} <= names
        assert set() == names & NESTED.keys()


def test_a_clean_environment_has_what_is_on_the_list_only(claude: ClaudePlan) -> None:
    """And what the plan lets through or adds; ``claude`` gets what it needs to log in, a command does not."""
    environment = {
        **NESTED,
        "A_SECRET": SECRET,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "ANTHROPIC_API_KEY": SECRET,
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "CLAUDE_CONFIG_DIR": str(claude.where / "config"),
        "LC_TIME": "C",
        "XDG_CACHE_HOME": str(claude.where / "cache"),
        "TZ": "UTC",
        "TOOL_A": "1",
        "TOOL_B": "2",
    }
    claude.orchestrate.environment |= environment
    rows = {"T-01": "names", "T-02": "do it"}
    claude.write(rows, env="clean", env_keep="[FAKE_CLAUDE_DIR, TOOL_*]")
    front = {"agent": "shell", "env": "{ADDED: 1, TOOL_B: null}"}
    write_task(claude.root, "T-01", f"```sh\n{NAMES}\n```\n", **front)
    assert 0 == claude.run().returncode
    basics = {"PATH", "HOME", "LANG", "LC_TIME", "XDG_CACHE_HOME", "TZ", "FAKE_CLAUDE_DIR", "TOOL_A"}
    ours = {name for name in names_in(claude.root, "T-01") if name.startswith("ORCHESTRATOR_")}
    assert names_in(claude.root, "T-01") == basics | OURS | ours | {"ADDED"}
    (call,) = claude.calls("T-02")
    login = {"ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CONFIG_DIR"}
    assert basics | OURS | login | {"TOOL_B"} <= set(call.env)
    assert set() == set(call.env) & {*NESTED, "A_SECRET", "AWS_SECRET_ACCESS_KEY", "ADDED"}

    claude.orchestrate.environment["CLAUDE_CODE_USE_BEDROCK"] = "1"
    (claude.root / "results" / "agent-02-result.md").unlink()
    assert 0 == claude.run().returncode
    assert "AWS_SECRET_ACCESS_KEY" in claude.calls("T-02")[-1].env
    assert "AWS_SECRET_ACCESS_KEY" not in names_in(claude.root, "T-01")


def test_what_a_run_needs_itself_is_not_to_be_changed(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Refused with file and line, before anything starts."""
    root = tmp_path / ".orchestrator"
    plan = write_plan(root, {"T-01": "true"}, env="{ORCHESTRATOR_TASK_ID: T-02}")
    answer = orchestrate("run", "--json")
    line = plan.read_text().split("\n").index("env: {ORCHESTRATOR_TASK_ID: T-02}") + 1
    assert 2 == answer.returncode
    assert f"master_plan.md:{line}" in answer.json["problems"][0]["where"]
    assert not (root / "logs").exists()


@pytest.mark.parametrize(("umask", "file", "folder"), [("000", 0o664, 0o775), ("077", 0o600, 0o700)])
def test_files_follow_the_umask_and_are_never_world_writable(
    orchestrate: Orchestrate, tmp_path: Path, umask: str, file: int, folder: int
) -> None:
    """Whatever the umask lets through: everybody may never write (promise 26)."""
    root = tmp_path / "new/deep/plan"
    under = ("sh", "-c", f'umask {umask}; exec "$@"', "sh")
    assert 0 == orchestrate("init", root, under=under).returncode
    write_plan(root, {"T-01": "echo one", "T-02": ("cat", "T-01"), "T-03": "exit 1"})
    (root / "master_plan.md").chmod(file)
    assert 1 == orchestrate("run", root, under=under).returncode
    assert 0 == orchestrate("run", "--detach", root, under=under).returncode
    assert 1 == orchestrate("wait", root, "--timeout", "20", under=under).returncode
    assert 0 == orchestrate("template", "save", "mine", root, "--here", under=under).returncode
    modes = {
        str(path.relative_to(tmp_path)): stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "new", *(tmp_path / "new").rglob("*"))
    }
    command = {name: folder if (tmp_path / name).is_dir() else file for name in modes}
    assert command == modes
    assert len(modes) > 15


def test_a_token_that_an_agent_prints_stays_in_its_log(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Results, dependants, journal, plan, final output and every command show that there was one, and not which."""
    root = tmp_path / ".orchestrator"
    write_plan(
        root,
        {
            "T-01": f"echo 'the token is {TOKEN}'",
            "T-02": ("cat > given; cat given", "T-01"),
            "T-03": f"echo 'no {TOKEN} today' >&2; exit 3",
        },
    )
    run = orchestrate("run")
    assert 1 == run.returncode
    said = [run.stdout + run.stderr]
    for words in (
        *(("show", task_id) for task_id in ("T-01", "T-02", "T-03")),
        ("show", "T-01", "--json"),
        ("show", "T-03", "--json"),
        *((word, *more) for word in ("status", "list") for more in ((), ("--json",))),
        ("status", "--brief"),
        ("status", "--brief", "--json"),
        ("doctor",),
    ):
        answer = orchestrate(*words)
        said.append(answer.stdout + answer.stderr)
    assert not [text for text in said if TOKEN[4:] in text]
    assert "the token is [redacted ghp_…]" == answer_of(root, "T-01")
    assert "the token is [redacted ghp_…]\n" == (tmp_path / "given").read_text()
    assert "exit 3: no [redacted ghp_…] today" in result_of(root, "T-03")
    for name in ("journal.md", "final_output.md"):
        assert "[redacted ghp_…]" in (root / name).read_text(encoding="utf-8")
    # The tasks themselves are a person's words, and the logs are what an agent said.
    mine = {path for path in files_with(TOKEN, root) if not path.startswith(("agent_tasks/", "logs/"))}
    assert {"index.json", "master_plan.md"} >= mine
    assert any(path.endswith(".out") for path in files_with(TOKEN, root))
    drawn = (root / "master_plan.md").read_text(encoding="utf-8").partition("## Status")[2]
    assert TOKEN not in drawn
