"""What agents of a run know of each other while it goes on."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator
from orchestrator.wiring import own_program
from tests.acceptance.claude_plan import ClaudePlan
from tests.acceptance.orchestrate import Orchestrate
from tests.acceptance.plans import answer_of, result_of, write_plan
from tests.fakes.claude_calls import FAKE
from tests.patience import PATIENCE

#: Does what its prompt tells it: calls the first command that shares something, then answers as ever.
OBEDIENT = """#!/bin/sh
case " $* " in *" -p "*)
    cat > "$HOME/$ORCHESTRATOR_TASK_ID.prompt"
    share=$(sed -n 's/.*`\\([^`]* share [^ ]*\\) .….*/\\1/p' "$HOME/$ORCHESTRATOR_TASK_ID.prompt")
    cd / && eval "$share 'said by the agent'" 2> "$HOME/$ORCHESTRATOR_TASK_ID.told"
    exec "{python}" -I -S "{fake}" "$@" < "$HOME/$ORCHESTRATOR_TASK_ID.prompt" ;;
esac
exec "{python}" -I -S "{fake}" "$@"
"""


def test_a_shell_agent_talks_about_its_own_task(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """While the run goes on; its name and its directory are in its environment."""
    call = f'"{sys.executable}" -m orchestrator'
    script = (
        f'{call} share "$ORCHESTRATOR_TASK_ID" "- half done"\n'
        f'{call} note "$ORCHESTRATOR_TASK_ID" mine\n'
        f"until {call} list --status running | grep -q T-01; do :; done\n"  # it is shown behind the work
        f'{call} context "$ORCHESTRATOR_TASK_ID"'
    )
    write_plan(tmp_path / ".orchestrator", {"T-01": script}, workdir="/")
    assert 0 == orchestrate("run").returncode
    answer = answer_of(tmp_path / ".orchestrator", "T-01")
    assert "🔵 Running" in answer
    assert "💬 agent-01 · share" in answer
    assert "   - half done" in answer
    assert "📝 agent-01 · note, only you see it" in answer
    assert "   - half done" in orchestrate("context", "T-01").stdout
    assert "mine" not in orchestrate("context", "T-01", "--as", "me").stdout


def test_an_agent_that_does_what_its_prompt_says_is_heard(claude: ClaudePlan, tmp_path: Path) -> None:
    """The words in the prompt work from anywhere, and the rules it gets allow them; whoever comes next hears it."""
    claude.write({"T-01": "one", "T-02": ("two", "T-01"), "T-03": "three"}, max_parallel=1)
    program = tmp_path / "bin" / "claude"
    program.write_text(OBEDIENT.format(python=sys.executable, fake=FAKE))
    claude.orchestrate("share", "T-02", "from before", "--as", "boss")
    claude.orchestrate("share", "T-03", "of no concern", "--as", "boss")
    claude.orchestrate("discover", "T-03", "of everybody's concern", "--as", "boss")
    claude.orchestrate("note", "T-02", "for the boss alone", "--as", "boss")
    ended = claude.run()
    assert 0 == ended.returncode, ended.stderr
    for task in ("T-01", "T-02"):
        assert (tmp_path / f"{task}.told").read_text() == f"agent-0{task[-1]} shared on {task}\n"
    prompt = (tmp_path / "T-02.prompt").read_text(encoding="utf-8")
    heard = prompt.partition("## What was said before you start")[2].partition("## Talking")[0]
    assert "boss · share on T-02\n> from before" in heard
    assert "agent-01 · share on T-01\n> said by the agent" in heard
    assert "boss · discover on T-03\n> of everybody's concern" in heard
    assert "of no concern" not in prompt
    assert "for the boss alone" not in prompt
    assert "You are `agent-02`" in prompt
    command = prompt.partition("tell them with `")[2].partition(" '")[0]
    assert f"Bash({command.removesuffix(' T-02')} *)" in claude.calls("T-02")[0].argv


def test_a_message_that_was_denied_costs_no_answer(claude: ClaudePlan) -> None:
    """In double quotes the shell reads backticks, so the CLI denies the call: the result tells of it, and counts."""
    call = own_program(claude.orchestrate.environment)
    share = f'{call} share T-01 "Run `npm test` first"'
    denied = [{"tool_name": "Bash", "tool_input": {"command": share}}]
    more = [*denied, {"tool_name": "Bash", "tool_input": {"command": f"{share} && make"}}]
    claude.write({"T-01": "one", "T-02": ("two", "T-01"), "T-03": "three"})
    claude.play({"T-01": {"denied": denied, "answer": "good"}, "T-03": {"denied": more}})
    assert 1 == claude.run().returncode
    told = result_of(claude.root, "T-01")
    assert "good" == answer_of(claude.root, "T-01")
    assert "## Not told\n" in told
    assert '- `` share T-01 "Run `npm test` first" ``\n' in told
    assert "## Not allowed" not in told
    assert ["completed"] == claude.statuses("T-02")
    text = result_of(claude.root, "T-03")
    assert f"not allowed: Bash({call} share T-01" in text
    assert 1 == text.partition("## Not allowed")[2].partition("##")[0].count("- `")


def test_the_package_is_called_by_its_path(tmp_path: Path) -> None:
    """Where Python does not find it by itself, or would find another version first."""
    tree = tmp_path / "tree"
    shutil.copytree(Path(orchestrator.__file__).parent, tree / "orchestrator")
    (tree / "orchestrator" / "__init__.py").write_text('__version__ = "99"\n')
    for words, cwd in (([str(tree / "orchestrator")], "/"), (["orchestrator"], tree)):
        done = subprocess.run(
            [sys.executable, *words, "--version"],
            cwd=cwd, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip
        assert "orchestrator 99\n" == done.stdout, done.stderr


def test_which_words_an_agent_can_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The launcher's; else ``-m`` where Python finds the package from anywhere; else the path of the package."""
    package = os.path.dirname(orchestrator.__file__)
    above, python = os.path.dirname(package), shlex.quote(sys.executable)
    assert "python3 /skill/x.py" == own_program({"ORCHESTRATOR_PROGRAM": "python3 /skill/x.py"})
    monkeypatch.setattr(sys, "path", ["/elsewhere", above])
    assert f"{python} -P -m orchestrator" == own_program({})
    assert f"{python} -P -m orchestrator" == own_program({"PYTHONPATH": above})
    monkeypatch.setattr(sys, "path", [above, "/elsewhere"])
    assert f"{python} {shlex.quote(package)}" == own_program({})
    assert f"{python} -P -m orchestrator" == own_program({"PYTHONPATH": f"{above}/"})
    monkeypatch.setattr(sys, "path", ["/elsewhere", above])
    monkeypatch.chdir(above)
    assert f"{python} {shlex.quote(package)}" == own_program({"PYTHONPATH": "."})
