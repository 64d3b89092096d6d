"""The roster: agents that files describe, who takes which task, and how many at once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.acceptance.agents_plan import EXAMPLES, Crowd, write_agent, write_rows
from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import Gate, answer_of, everything, front_of, write_task
from tests.executors.harness import wait_until


@pytest.fixture
def crowd(orchestrate: Orchestrate, tmp_path: Path) -> Crowd:
    return Crowd(orchestrate, tmp_path)


def copy_examples(root: Path) -> None:
    """As docs/agents.md says."""
    (root / "agents").mkdir(parents=True)
    for name in ("codex", "gemini"):
        shutil.copy(EXAMPLES / f"{name}.md", root / "agents")


def listed(answer: Answer) -> dict[str, dict[str, object]]:
    return {each["key"]: each for each in answer.json["agents"]}


def checks(answer: Answer) -> dict[str, tuple[str, str]]:
    return {each["name"]: (each["level"], each["found"]) for each in answer.json["checks"]}


# ── other command lines ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_ready_agents_work_as_they_are(orchestrate: Orchestrate, crowd: Crowd, root: Path) -> None:
    """Copied, and no more: the prompt arrives whole, the answer is the answer, the options are accepted."""
    copy_examples(root)
    rows = {"T-01": ("Write it", "codex", ""), "T-02": ("Look it up", "", "research")}
    write_rows(root, rows)
    assert 0 == orchestrate("run").returncode
    assert "# Codex did it\n\nAll of it." in answer_of(root, "T-01")
    assert "# Gemini did it" in answer_of(root, "T-02")
    assert ["codex", "gemini"] == [front_of(root, each)["agent"] for each in rows]
    for call, words in zip(sorted(crowd.calls(), key=str), ("Write it", "Look it up"), strict=True):
        prompt = str(call["prompt"])
        assert prompt.startswith("# Task agent-0")
        assert "## Your answer" in prompt
        assert not [word for word in call["argv"] if words in word]  # type: ignore[attr-defined]


def test_what_a_command_line_says_of_a_failure_is_told(orchestrate: Orchestrate, crowd: Crowd, root: Path) -> None:
    """Exit status and last words; and nothing printed is no answer, whatever the exit status."""
    copy_examples(root)
    write_rows(root, {"T-01": ("FAIL", "codex", ""), "T-02": ("FAIL", "gemini", ""), "T-03": ("SILENCE", "codex", "")})
    run = orchestrate("run", "--json")
    reasons = {e["task"]: e["text"] for e in run.events if e["event"] == "task_failed"}
    assert 1 == run.returncode
    assert "exit 1: ERROR: stream disconnected before completion" == reasons["T-01"]
    assert "exit 41: no key" == reasons["T-02"]
    assert "exit 0, but it answered nothing" == reasons["T-03"]
    assert 3 == run.events[-1]["unknown_costs"]


def test_only_what_it_needs_to_log_in_comes_into_a_clean_environment(
    orchestrate: Orchestrate, crowd: Crowd, root: Path
) -> None:
    """Its file names those variables."""
    copy_examples(root)
    write_rows(root, {"T-01": ("Write it", "codex", "")}, "env: clean")
    orchestrate.environment |= {"CODEX_API_KEY": "key", "UNRELATED": "other"}
    write_agent(root, "codex", (EXAMPLES / "codex.md").read_text().removeprefix("---\n").replace(
        "timeout:", f"env: {{FAKE_CALLS: {crowd.calls_file}}}\ntimeout:"
    ))  # fmt: skip
    assert 0 == orchestrate("run").returncode
    (call,) = crowd.calls()
    assert ("key", "") == (call["key"], call["other"])


def test_a_prompt_in_a_file(orchestrate: Orchestrate, root: Path) -> None:
    """For a program that reads no standard input; its own settings hold, and its role comes first."""
    write_agent(root, "own", "command: [sh, -c, 'cat \"$1\" - && echo $NOTE', sh, '{prompt_file}']\n"
                "free: true\nenv: {NOTE: noted}\nformat: text\n---\nYou are brief.\n")  # fmt: skip
    write_rows(root, {"T-01": ("Say it", "own", "")})
    assert 0 == orchestrate("run").returncode
    answer = answer_of(root, "T-01")
    assert answer.startswith("# Your role\n\nYou are brief.\n\n# Task agent-01 (T-01: Say it)")
    assert answer.endswith("\nnoted")


# ── roles ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_role_is_claude_with_a_text_and_settings_of_its_own(
    orchestrate: Orchestrate, crowd: Crowd, root: Path
) -> None:
    """It is known by its own name; what stands in the task file is stronger."""
    write_agent(root, "reviewer", "model: opus\nmax_turns: 7\n---\nYou review, and you are kind.\n")
    write_rows(
        root,
        {"T-01": ("Review", "reviewer", ""), "T-02": ("Review", "reviewer", ""), "T-03": ("Do", "", "")},
        "model: haiku",
    )
    write_task(root, "T-02", "Review it.\n", model="sonnet")
    assert 0 == orchestrate("run").returncode
    calls = crowd.claude()
    assert calls["T-01"].prompt.startswith("# Your role\n\nYou review, and you are kind.\n\n# Task")
    models = {task: [word for word in call.argv if word.startswith("--model=")] for task, call in calls.items()}
    assert {"T-01": ["--model=opus"], "T-02": ["--model=sonnet"], "T-03": ["--model=haiku"]} == models
    assert "--max-turns=7" in calls["T-01"].argv
    assert "Your role" not in calls["T-03"].prompt
    assert ["reviewer", "claude"] == [front_of(root, each)["agent"] for each in ("T-01", "T-03")]


# ── capacity ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_agent_never_has_more_to_do_than_it_may(orchestrate: Orchestrate, tmp_path: Path, root: Path) -> None:
    """One that is full keeps nobody else waiting; ``agents`` says who has how much to do."""
    gates = [Gate(tmp_path / f"gate-{n}") for n in (1, 2)]
    write_agent(root, "deploy", "extends: shell\nmax_parallel: 1\nbest_for: production\n")
    rows = {}
    for number, gate in enumerate(gates, 1):
        write_task(root, f"T-0{number}", f"```sh\n{gate.wait}\n```\n")
        rows[f"T-0{number}"] = ("wait", "deploy", "")
    write_rows(root, {**rows, "T-03": ("true", "shell", ""), "T-04": ("true", "shell", "")})
    run = orchestrate.start("run", "--json", "--max-parallel", "4")
    gates[0].await_task(run)
    wait_until((root / "results" / "agent-04-result.md").exists)
    wait_until((root / "results" / "agent-01-result.md").exists)
    assert not (root / "results" / "agent-02-result.md").exists()
    deploy = listed(orchestrate("agents", "--json"))["deploy"]
    assert (1, 1) == (deploy["running"], deploy["max_parallel"])
    assert "deploy     1/1" in orchestrate("agents").stdout
    for gate, after in zip(gates, [*gates[1:], None], strict=True):
        gate.open()
        if after is not None:
            after.await_task(run)
    assert 0 == orchestrate.finish(run).returncode


# ── what is missing, and what is wrong ────────────────────────────────────────────────────────────────────────────────


def test_a_run_fails_before_anything_starts_when_a_program_is_missing(orchestrate: Orchestrate, root: Path) -> None:
    """Where it is named, and what to do; ``agents`` and ``doctor`` say the same; who does not need it may lack it."""
    copy_examples(root)
    write_rows(root, {"T-01": ("true", "shell", ""), "T-02": ("Write it", "codex", "")})
    before = everything(root)
    run = orchestrate("run")
    assert (2, "") == (run.returncode, run.stdout)
    assert ".orchestrator/agents/codex.md:6: the agent codex needs codex, which is not on PATH" in run.stderr
    assert "--simulate" in run.stderr
    assert before == everything(root)
    told = listed(orchestrate("agents", "--json"))["codex"]
    assert (False, "the agent codex needs codex, which is not on PATH") == (told["usable"], told["reason"])
    free = orchestrate("agent", "workload", "--below", "3").stdout.split()
    assert (True, False) == ("shell" in free, "codex" in free)
    doctor = orchestrate("doctor", "--json")
    assert ("failed", "warning") == (checks(doctor)["codex"][0], checks(doctor)["gemini"][0])
    assert 2 == doctor.returncode
    assert 0 == orchestrate("run", "--only", "T-01").returncode
    assert 0 == orchestrate("run", "--simulate").returncode


def test_doctor_asks_only_those_for_their_version_whose_file_says_how(
    orchestrate: Orchestrate, crowd: Crowd, root: Path, tmp_path: Path
) -> None:
    """Another program might take the question for work to do."""
    copy_examples(root)
    write_agent(root, "own", "command: sh -c 'touch started'\n")
    write_rows(root, {"T-01": ("Write it", "codex", "")})
    found = checks(orchestrate("doctor", "--json"))
    assert ("ok", f"{crowd.bin}/codex (codex-cli 0.154.0)") == found["codex"]
    assert ("ok", f"{crowd.bin}/gemini (0.65.0)") == found["gemini"]
    assert "ok" == found["own"][0]
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("asks", ["bin/mine --version", "mine --version", "sh bin/mine"])
def test_doctor_asks_no_program_of_the_current_directory_for_its_version(
    orchestrate: Orchestrate, tmp_path: Path, asks: str
) -> None:
    """Its first word is found as that of ``command`` is, and what it opens counts from there too (promise 25)."""
    root, bin_, elsewhere = tmp_path / "plan", tmp_path / "plan" / "bin", tmp_path / "elsewhere"
    write_agent(root, "mine", f"command: bin/mine\nversion: {asks}\n")
    write_rows(root, {"T-01": ("Write it", "mine", "")})
    for place, says in {bin_: "real 1.0", elsewhere / "bin": "bad", elsewhere: "bad"}.items():
        place.mkdir(parents=True, exist_ok=True)
        (place / "mine").write_text(f"#!/bin/sh\necho {says}\n")
        (place / "mine").chmod(0o755)
    env = {"PATH": f".::{bin_}:{orchestrate.environment['PATH']}"}
    found = checks(orchestrate("doctor", root, "--json", cwd=elsewhere, env=env))
    assert ("ok", f"{bin_}/mine (real 1.0)") == found["mine"]
    write_agent(root, "mine", "command: bin/mine\nversion: bin/other\n")
    found = checks(orchestrate("doctor", root, "--json"))
    assert ("ok", f"{bin_}/mine (there is no {bin_}/other)") == found["mine"]


def test_a_file_that_makes_no_sense_starts_nothing(orchestrate: Orchestrate, root: Path) -> None:
    """Every problem with file and line, from whoever needs the agents; ``status`` needs none."""
    write_agent(root, "eva", "typs: test\nmax_parallel: none\n")
    write_rows(root, {"T-01": ("true", "shell", "")})
    for command in ("run", "validate", "agents"):
        told = orchestrate(command)
        assert 2 == told.returncode
        assert ".orchestrator/agents/eva.md:2: typs is not a field of an agent" in told.stderr
        assert "did you mean types?" in told.stderr
        assert ".orchestrator/agents/eva.md:3: max_parallel: 'none' is not a whole number" in told.stderr
    assert "failed" == checks(orchestrate("doctor", "--json"))["agents"][0]
    assert 0 == orchestrate("status").returncode


@pytest.mark.parametrize("name", ["evaa", "eav"])
def test_an_agent_that_is_not_there_is_a_problem_with_a_hint(orchestrate: Orchestrate, root: Path, name: str) -> None:
    """The roster is among those that are known."""
    write_agent(root, "eva", "types: test\n")
    write_rows(root, {"T-01": ("Test it", name, "")})
    told = orchestrate("validate")
    assert 2 == told.returncode
    assert "known are claude, shell, simulated, eva" in told.stderr


def test_agents_without_a_plan(orchestrate: Orchestrate, tmp_path: Path) -> None:
    """Those of the person, and the built-in ones; every line says where it comes from."""
    write_agent(tmp_path / ".config" / "orchestrator", "eva", "types: test\nbest_for: tests 🧪\n")
    answer = orchestrate("agents")
    assert (0, "") == (answer.returncode, answer.stderr)
    table, _, lacking = answer.stdout.partition("\n\n")
    header, *lines = table.splitlines()
    assert ["AGENT", "RUNNING", "USABLE", "TYPES", "FROM", "BEST", "FOR"] == header.split()
    assert ["claude", "shell", "simulated", "eva"] == [line.split()[0] for line in lines]
    assert ["no", "yes", "yes", "no"] == [line.split()[2] for line in lines]
    assert lines[-1].startswith("eva        0/–      no      test   ")
    assert lines[-1].endswith("tests 🧪")
    assert "claude: there is no `claude` on PATH\neva: " in lacking
    assert "built in" in lines[0]
    assert 2 == orchestrate("agents", "nowhere").returncode
