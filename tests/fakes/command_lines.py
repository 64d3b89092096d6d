"""Stand-ins for the command lines of ``examples/agents``: they take the documented options and answer as documented.

What they were called with lies in the file that ``FAKE_CALLS`` names, one JSON object per line.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

_HEAD = """\
import json, os, sys

def told(**what):
    with open(os.environ["FAKE_CALLS"], "a", encoding="utf-8") as file:
        print(json.dumps({"argv": sys.argv[1:], "id": os.environ.get("TM_AGENT_ID", ""), **what}), file=file)

def taken(words, switches, with_value):
    flags, rest = {}, []
    while words:
        word = words.pop(0)
        name, equals, value = word.partition("=")
        if name in switches:
            flags[name] = True
        elif name in with_value:
            flags[name] = value if equals else words.pop(0)
        elif word.startswith("-") and word != "-":
            print(f"error: unexpected argument '{word}' found", file=sys.stderr)
            sys.exit(USAGE)
        else:
            rest.append(word)
    return flags, rest
"""

_CODEX = """
USAGE = 2
if sys.argv[1:] == ["--version"]:
    print("codex-cli 0.154.0")
    sys.exit()
assert sys.argv[1] == "exec"
flags, rest = taken(sys.argv[2:], {"--ephemeral", "--skip-git-repo-check", "--json"},
                    {"--sandbox", "-s", "--color", "--model", "-m", "--cd", "-C"})
assert flags["--sandbox"] in {"read-only", "workspace-write", "danger-full-access"}
assert flags["--color"] in {"always", "never", "auto"}
prompt = sys.stdin.read() if rest in ([], ["-"]) else rest[0]
told(prompt=prompt, key=os.environ.get("CODEX_API_KEY", ""), other=os.environ.get("UNRELATED", ""))
print("workdir: .", "tokens used: 1,234", sep="\\n", file=sys.stderr)
if "FAIL" in prompt:
    print("ERROR: stream disconnected before completion", file=sys.stderr)
    sys.exit(1)
if "SILENCE" not in prompt:
    print("# Codex did it\\n\\nAll of it.")
"""

_GEMINI = """
USAGE = 42
if sys.argv[1:] == ["--version"]:
    print("0.65.0")
    sys.exit()
flags, rest = taken(sys.argv[1:], {"--sandbox", "-s"},
                    {"--prompt", "-p", "--output-format", "-o", "--approval-mode", "--model", "-m"})
assert not rest
assert flags["--approval-mode"] in {"default", "auto_edit", "yolo", "plan"}
assert flags["--output-format"] in {"text", "json", "stream-json"}
prompt = sys.stdin.read() + flags["--prompt"]
told(prompt=prompt)
print("Loaded cached credentials.", file=sys.stderr)
if "FAIL" in prompt:
    print(json.dumps({"error": {"type": "FatalAuthenticationError", "message": "no key", "code": 41}}))
    print("no key", file=sys.stderr)
    sys.exit(41)
print(json.dumps({"session_id": "s", "response": "# Gemini did it", "stats": {"models": {}}}, indent=2))
"""


def install(directory: Path) -> Path:
    """Put ``codex`` and ``gemini`` into a directory, which is returned for PATH."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, body in {"codex": _CODEX, "gemini": _GEMINI}.items():
        program = directory / name
        program.write_text(f"#!{sys.executable}\n{_HEAD}{body}", encoding="utf-8")
        program.chmod(0o755)
    return directory


def calls(file: Path) -> list[dict[str, object]]:
    """What the stand-ins were called with, in order."""
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
