"""The command line of the fake ``claude``, taken apart as the real one does."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any, NoReturn

SWITCHES = """
-p --print --verbose --dangerously-skip-permissions --include-partial-messages --bare --strict-mcp-config
--no-session-persistence --fork-session -c --continue --version -v
"""
WITH_VALUE = """
--output-format --input-format --model --fallback-model --session-id --resume -r --permission-mode --max-turns
--max-budget-usd --append-system-prompt --append-system-prompt-file --system-prompt --system-prompt-file
--json-schema --settings --setting-sources --agent --agents --effort --permission-prompt-tool --name
"""
#: They swallow every word up to the next flag, a prompt too.
VARIADIC = """
--allowedTools --allowed-tools --disallowedTools --disallowed-tools --tools --add-dir --mcp-config
"""


def fail(message: str, status: int = 1) -> NoReturn:
    """End as the real one does when it does not accept its command line."""
    print(message, file=sys.stderr)
    sys.exit(status)


@dataclass
class Line:
    """Flags and words."""

    flags: dict[str, str] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, argv: list[str]) -> Line:
        """Take a command line apart, or end."""
        line, left = cls(), list(argv)
        while left:
            word = left.pop(0)
            name, equals, value = word.partition("=")
            if word == "--":
                line.words += left
                left = []
            elif name in VARIADIC.split():
                line.flags[name] = value
                while left and not equals and not left[0].startswith("-"):
                    left.pop(0)
            elif name in WITH_VALUE.split():
                if not equals and not left:
                    fail(f"error: option '{name} <value>' argument missing")
                line.flags[name] = value if equals else left.pop(0)
            elif name in SWITCHES.split() and not equals:
                line.flags[name] = ""
            elif word.startswith("-") and word != "-":
                fail(f"error: unknown option '{name}'")
            else:
                line.words.append(word)
        return line

    @property
    def form(self) -> str:
        return self.flags.get("--output-format", "text")

    @property
    def is_verbose(self) -> bool:
        return "--verbose" in self.flags

    @property
    def resumed(self) -> str:
        """The session to go on with."""
        return self.flags.get("--resume") or self.flags.get("-r", "")

    @property
    def max_turns(self) -> int:
        """0 is no limit, as for the real one."""
        return int(self.flags.get("--max-turns", 0))

    @property
    def max_budget(self) -> float:
        return float(self.flags.get("--max-budget-usd", "inf"))

    @property
    def schema(self) -> dict[str, Any] | None:
        """The JSON Schema the answer shall have."""
        if "--json-schema" not in self.flags:
            return None
        try:
            return dict(json.loads(self.flags["--json-schema"]))
        except (ValueError, TypeError):
            fail("Error: --json-schema is not a valid JSON Schema")
