"""``agent: claude``: one ``claude -p`` per attempt. The prompt goes to stdin, the event stream is read as it arrives.

The command line and the environment were tested against versions 2.1.197 and 2.1.329 of the CLI. The command line
bypasses no permission unless the plan asks for that.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from orchestrator.agents.claude_refusal import TALK
from orchestrator.agents.claude_stream import StreamReader, conversation
from orchestrator.agents.prompt import compose, go_on
from orchestrator.agents.protocol import Assignment, Turn
from orchestrator.core.result import Invocation
from orchestrator.core.settings import Settings

#: What the CLI needs to log in, to reach the service, and to behave as the person set it up.
_LOGIN = (
    "ANTHROPIC_*",
    "CLAUDE_CODE_*",
    "CLAUDE_CONFIG_DIR",
    "API_TIMEOUT_MS",
    "DISABLE_AUTOUPDATER",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_TELEMETRY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "https_proxy",
    "http_proxy",
    "no_proxy",
    "NODE_EXTRA_CA_CERTS",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "IS_SANDBOX",
)
#: Further variables that it needs when another provider serves the model, by the switch that selects the provider.
_CLOUDS = {
    "CLAUDE_CODE_USE_BEDROCK": ("AWS_*",),
    "CLAUDE_CODE_USE_VERTEX": ("GOOGLE_*", "GCLOUD_*", "CLOUDSDK_*", "CLOUD_ML_REGION", "VERTEX_*"),
    "CLAUDE_CODE_USE_FOUNDRY": ("AZURE_*",),
}

#: What is set where the caller has set nothing. The CLI's own retries would multiply ours; files named in a prompt
#: would be attached; background tasks would outlive the answer.
_ENVIRONMENT = {
    "CLAUDE_CODE_MAX_RETRIES": "3",
    "CLAUDE_CODE_DISABLE_FILE_MENTIONS": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
}


def login_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the variables that ``claude`` needs to log in, in an environment like this one."""
    clouds = (names for switch, names in _CLOUDS.items() if environment.get(switch))
    return (*_LOGIN, *(name for names in clouds for name in names))


def unset_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to set for ``claude``; a variable that the user set already is left unchanged."""
    return {name: value for name, value in _ENVIRONMENT.items() if not environment.get(name)}


class ClaudeAgent(NamedTuple):
    """Drives the ``claude`` command line."""

    program: str = "claude"
    account: str = "claude"
    login: tuple[str, ...] = _LOGIN
    env: Mapping[str, str] = _ENVIRONMENT
    """What its processes get beside what they inherit."""
    role: str = ""
    """What stands in front of every prompt."""
    calls: str = ""
    """The words with which it calls us."""

    @property
    def reads_prose(self) -> bool:
        """It gets a prompt."""
        return True

    def invocation(self, assignment: Assignment) -> Invocation:
        """Return the command line; see ``Agent``."""
        if not _has_shell(assignment.settings):
            assignment = assignment._replace(program="")  # it could not call us
        is_form = bool(assignment.settings.schema)
        return Invocation(
            argv=(self.program, *_words(assignment)),
            stdin=go_on(assignment) if assignment.interrupted else compose(assignment, self.role, is_form=is_form),
            env=self.env,
            login=self.login,
        )

    def reader(self, settings: Settings) -> StreamReader:
        """Return a reader of the event stream."""
        return StreamReader(settings, self.calls)

    def conversation(self, output: Iterable[bytes]) -> Iterator[Turn]:
        """Yield what was said and done; see ``claude_stream.conversation``."""
        return conversation(output)


def _own_rules(program: str) -> Iterator[str]:
    """Yield the rules that let it talk to the others, and do nothing else with us."""
    if program:
        for command in TALK:
            yield f"Bash({program} {command} *)"


def _has_shell(settings: Settings) -> bool:
    return "Bash" in settings.tools and "Bash" not in settings.disallowed_tools


def _words(assignment: Assignment) -> Iterator[str]:
    settings = assignment.settings
    yield from ("-p", "--output-format=stream-json", "--verbose")
    if assignment.session:
        yield f"--{'resume' if assignment.interrupted else 'session-id'}={assignment.session}"
    for option, value in (
        ("--agent", settings.subagent),
        ("--model", settings.model),
        ("--fallback-model", settings.fallback_model),
        ("--effort", settings.effort),
        ("--append-system-prompt-file", settings.system_prompt_file),
    ):
        if value:
            yield f"{option}={value}"
    yield f"--permission-mode={settings.permission_mode}"
    yield f"--tools={','.join(settings.tools)}"
    # These take every word up to the next option, so one that takes none always follows.
    for option, values in (
        ("--allowedTools", (*settings.allowed_tools, *_own_rules(assignment.program))),
        ("--disallowedTools", settings.disallowed_tools),
        ("--add-dir", settings.add_dirs),
        ("--mcp-config", settings.mcp_config),
    ):
        if values:
            yield from (option, *values)
    yield "--strict-mcp-config"
    if settings.idle_timeout:
        yield "--include-partial-messages"  # else a long answer is silence until it is whole
    yield f"--max-turns={settings.max_turns}"
    if assignment.cap < math.inf:
        yield f"--max-budget-usd={max(assignment.cap, 0.0001):.4f}"  # 0 is refused
    if settings.schema:
        yield f"--json-schema={json.dumps(settings.schema, ensure_ascii=False)}"
    yield from settings.extra_args
