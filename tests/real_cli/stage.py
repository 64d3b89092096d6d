"""Where the real CLI plays: a project, an explicit environment, a network with nobody but the stub in it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.acceptance.orchestrate import Answer, Orchestrate
from tests.acceptance.plans import stem
from tests.patience import PATIENCE
from tests.real_cli.api import Api, Reply, Request, serve
from tests.real_cli.loopback import Loopback

STREAM = ("-p", "--output-format=stream-json", "--verbose")


@dataclass(frozen=True)
class Ended:
    """How one call of the CLI ended; a negative *status* is the signal that ended it."""

    status: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event of the stream."""
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def result(self) -> dict[str, Any]:
        """The last result event."""
        return self.of_type("result")[-1]

    def of_type(self, *command: str) -> list[dict[str, Any]]:
        """The events of a type, or of a type and a subtype."""
        return [event for event in self.events if command == (event["type"], event.get("subtype"))[: len(command)]]

    def outcome(self, *fields: str) -> tuple[object, ...]:
        """Exit status, subtype, ``is_error``, and more fields of the result; a missing one is None."""
        names = ("subtype", "is_error", *fields)
        return (self.status, *(self.result.get(name) for name in names))


def heading(task: str) -> str:
    """How the prompt of a task begins."""
    return f"# Task {stem(task)} ({task}:"


@dataclass
class Stage:
    """A project in *where*, with the CLI and the orchestrator ready to be called in it."""

    where: Path
    claude_bin: Path
    api: Api
    environment: dict[str, str] = field(init=False)
    orchestrate: Orchestrate = field(init=False)
    _short: tempfile.TemporaryDirectory[str] = field(init=False)
    _started: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        home = self.where.with_name("home")
        for directory in (self.where, home):
            directory.mkdir()
        # Sockets go there, and the path of a socket must be short.
        self._short = tempfile.TemporaryDirectory(prefix="cc-")
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(home),
            "CLAUDE_CONFIG_DIR": str(home / ".claude"),
            "CLAUDE_CODE_TMPDIR": self._short.name,
            "ANTHROPIC_BASE_URL": self.api.address,
            "ANTHROPIC_API_KEY": "made-up",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_AUTOUPDATER": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_TELEMETRY": "1",
        }
        self.orchestrate = Orchestrate(self.where, dict(self.environment))
        del self.orchestrate.environment["CLAUDE_CODE_MAX_RETRIES"]  # as most people have it
        self.orchestrate.environment["ORCHESTRATOR_CLAUDE_BIN"] = str(self.claude_bin)

    @property
    def plan(self) -> Path:
        """The plan directory of the project."""
        return self.where / ".orchestrator"

    def answer(self, tasks: Mapping[str, Sequence[Reply | Sequence[Reply]]]) -> None:
        """Say what the model answers to which task, by the heading of its prompt; the planner's is ``_plan``."""
        self.api.script({heading(task): replies for task, replies in tasks.items()})

    def asked(self, task: str) -> list[Request]:
        """The requests for a task so far."""
        return [request for request in self.api.requests if request.key == heading(task)]

    def subscribe(self) -> None:
        """Pay by a subscription, which has usage limits, and not by an API key."""
        for environment in (self.environment, self.orchestrate.environment):
            del environment["ANTHROPIC_API_KEY"]
            environment["CLAUDE_CODE_OAUTH_TOKEN"] = "made-up"

    def workers(self) -> list[int]:
        """The processes of the CLI that are there right now."""
        program = str(self.claude_bin)
        return [pid for pid, line in self.api.processes().items() if line.startswith(program)]

    def claude(self, prompt: str, *flags: str, env: Mapping[str, str | None] | None = None) -> Ended:
        """Call the CLI with its event stream on; a variable that is None is taken out of the environment."""
        return self.finish(self.start_claude(prompt, *flags, env=env))

    def start_claude(
        self, prompt: str, *flags: str, env: Mapping[str, str | None] | None = None
    ) -> subprocess.Popen[str]:
        """Call the CLI, and go on while it works."""
        command = {**self.environment, **(env or {})}
        asked = self.where.with_name(f"prompt-{len(self._started)}")
        asked.write_text(prompt, encoding="utf-8")
        with asked.open(encoding="utf-8") as stdin:
            process = subprocess.Popen(
                [*self.api.inside, str(self.claude_bin), *STREAM, *flags],
                cwd=self.where,
                env={name: value for name, value in command.items() if value is not None},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
            )
        self._started.append(process)
        return process

    @staticmethod
    def finish(process: subprocess.Popen[str], send: signal.Signals | None = None) -> Ended:
        """Wait for the end of a call, after sending it a signal if there is one to send."""
        if send is not None:
            process.send_signal(send)
        stdout, stderr = process.communicate(timeout=PATIENCE)
        return Ended(process.returncode, stdout, stderr)

    def call(self, *words: str, env: Mapping[str, str] | None = None) -> Answer:
        """Call any other command."""
        return self.orchestrate(*words, env=env, under=self.api.inside)

    def run(self, *flags: str, env: Mapping[str, str] | None = None) -> Answer:
        """Run the plan to its end, with one event per line."""
        return self.orchestrate.finish(self.start_run(*flags, env=env))

    def start_run(self, *flags: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        """Run the plan, and go on while it runs."""
        return self.orchestrate.start("run", "--json", *flags, env=env, under=self.api.inside)

    def close(self) -> None:
        """End what a failed test left behind."""
        self.orchestrate.close()
        for process in self._started:
            with process:
                process.kill()
        self._short.cleanup()


@contextlib.contextmanager
def set_up(where: Path, claude_bin: Path, network: Loopback) -> Iterator[Stage]:
    """A stage in a directory, with a stub; everything that was started on it is ended afterwards."""
    with serve(where / "api", network) as api:
        stage = Stage(where / "project", claude_bin, api)
        try:
            yield stage
        finally:
            stage.close()
