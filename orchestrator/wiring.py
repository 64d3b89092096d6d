"""The only file that knows which plugs are in the sockets."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping

from orchestrator.actions.running import Plugs
from orchestrator.agents.claude import ClaudeAgent
from orchestrator.agents.shell import ShellAgent
from orchestrator.agents.simulated import SimulatedAgent
from orchestrator.errors import AgentError
from orchestrator.executors.local import LocalExecutor
from orchestrator.executors.sweep import sweep


def plugs(claude_bin: str = "", environment: Mapping[str, str] = os.environ) -> Plugs:
    """Return the concrete agents and executor. *claude_bin* comes before ``ORCHESTRATOR_CLAUDE_BIN`` and PATH."""
    named = claude_bin or environment.get("ORCHESTRATOR_CLAUDE_BIN", "")
    program = _find(named or "claude", environment)

    def require(keys: set[str]) -> None:
        if "claude" in keys and program is None:
            raise AgentError(
                f"no such program: {named}" if named else "there is no `claude` on PATH",
                hint="install Claude Code, name it with --claude-bin, or try the plan with --simulate",
            )

    return Plugs(
        agents={
            "claude": ClaudeAgent(program or "claude"),
            "shell": ShellAgent(),
            "simulated": SimulatedAgent(),
        },
        require=require,
        executor=LocalExecutor,
        sweep=lambda directory, run: len(sweep(directory, spare={run})),
    )


def _find(program: str, environment: Mapping[str, str]) -> str | None:
    # Relative entries of PATH mean the current directory, which is not trusted (promise 25).
    path = os.pathsep.join(
        entry
        for entry in environment.get("PATH", os.defpath).split(os.pathsep)
        if os.path.isabs(entry)
    )
    found = shutil.which(program, path=path)
    return os.path.abspath(found) if found else None
