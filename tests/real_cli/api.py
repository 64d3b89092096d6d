"""The stub of the Messages API as a test has it: in a network of its own, scripted before, asked afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.executors.harness import wait_until
from tests.fakes import messages_api
from tests.real_cli.loopback import Loopback

#: What the stub answers; its module says what may stand in it.
Reply = Mapping[str, Any]
Script = Mapping[str, Sequence[Reply | Sequence[Reply]]]


def five_hours(status: str, reset: str, utilization: float = 1.0) -> dict[str, str]:
    """The headers about a subscription's window of five hours: rejected, allowed_warning or allowed until *reset*.

    That is an epoch, or ``+2``: two seconds after the answer, rounded up.
    """
    limit = {
        "status": status,
        "reset": reset,
        "representative-claim": "five_hour",
        "5h-reset": reset,
        "5h-utilization": f"{utilization:g}",
    }
    if status == "allowed_warning":
        limit["5h-surpassed-threshold"] = "0.9"
    return {f"anthropic-ratelimit-unified-{name}": value for name, value in limit.items()}


@dataclass(frozen=True)
class Request:
    """One request for a message, as it arrived."""

    session: str
    key: str | None
    step: int
    in_flight: int
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """What the user, or the orchestrator in the user's place, has said so far."""
        said = (each for each in self.body["messages"] if each["role"] == "user")
        return "\n".join(messages_api.text_of(each["content"]) for each in said)

    @property
    def tool_results(self) -> list[str]:
        """What tools have answered so far, oldest first."""
        return [
            json.dumps(block["content"], ensure_ascii=False)
            for said in self.body["messages"]
            if isinstance(said["content"], list)
            for block in said["content"]
            if block["type"] == "tool_result"
        ]


@dataclass(frozen=True)
class Api:
    """A stub that listens, and the network around it."""

    directory: Path
    pid: int
    address: str
    inside: tuple[str, ...]
    """What to put before a command that shall run in the stub's network."""

    def script(self, script: Script) -> None:
        """Say what is answered from now on."""
        path = self.directory / "script.json"
        path.with_suffix(".new").write_text(json.dumps(script), encoding="utf-8")
        path.with_suffix(".new").replace(path)

    @property
    def requests(self) -> list[Request]:
        """The requests for a message so far, in the order in which they arrived."""
        command = ("session", "key", "step", "in_flight", "body")
        return [Request(*(entry[name] for name in command)) for entry in self._log() if "body" in entry]

    @property
    def other_requests(self) -> list[str]:
        """What else was asked for, as ``METHOD /path``."""
        return [f"{entry['method']} {entry['path']}" for entry in self._log() if "body" not in entry]

    def _log(self) -> list[dict[str, Any]]:
        log = self.directory / "requests.jsonl"
        # A line that is just being written has no end yet.
        whole = log.read_text(encoding="utf-8").rpartition("\n")[0] if log.exists() else ""
        return [json.loads(line) for line in whole.splitlines()]

    def processes(self) -> dict[int, str]:
        """The command line of every process in this network, detached ones too, except that of the stub."""
        found = {}
        network = os.stat(f"/proc/{self.pid}/ns/net").st_ino
        for pid in (int(name) for name in os.listdir("/proc") if name.isdecimal()):
            # Another one may end, or be none of ours to look at.
            with contextlib.suppress(OSError):
                if pid != self.pid and os.stat(f"/proc/{pid}/ns/net").st_ino == network:
                    line = Path(f"/proc/{pid}/cmdline").read_bytes()
                    found[pid] = line.replace(b"\0", b" ").decode(errors="replace").strip()
        return found


@contextlib.contextmanager
def serve(directory: Path, loopback: Loopback) -> Iterator[Api]:
    """Start a stub whose files lie in *directory*, in a new network; end everything in it afterwards."""
    directory.mkdir()
    port, script = directory / "port", directory / "script.json"
    script.write_text("{}")
    files = (f"--port-file={port}", f"--script={script}", f"--log={directory}/requests.jsonl")
    argv = loopback.new(sys.executable, "-I", "-S", messages_api.__file__, *files)
    with subprocess.Popen(argv) as process:
        try:
            wait_until(lambda: port.exists() or process.poll() is not None)
            address = f"http://127.0.0.1:{port.read_text()}"
            api = Api(directory, process.pid, address, loopback.enter(process.pid))
            try:
                yield api
            finally:
                for pid in api.processes():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, 9)
        finally:
            process.terminate()
