"""Writes the parts of the documentation that the code knows better.

``python docs/generate.py`` writes them; with ``--check`` it writes nothing and fails when one of them is out of date.
The pages in ``docs/commands`` are ours; in ``docs/cli.md`` and ``templates.md`` only what stands between the marks
``<!-- generated:NAME -->`` is.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestrator import errors
from orchestrator.cli.main import cli
from orchestrator.commands.registry import SECTIONS
from orchestrator.core import settings
from orchestrator.core.duration import format_duration
from orchestrator.core.plan_status import PLAN_TRANSITIONS, TERMINAL, PlanState
from orchestrator.core.result import Attempt, Result
from orchestrator.core.status import COMMANDS, SETTLED, TRANSITIONS, TaskStatus, Verb
from orchestrator.core.text import fence
from orchestrator.errors import ExitStatus, OrchestratorError
from orchestrator.runner.events import Kind
from orchestrator.store.result_file import render_result

DOCS = Path(__file__).parent
TEMPLATES = DOCS.parent / "orchestrator/views/templates"
PROGRAM = "orchestrator"

_MEANINGS = {
    ExitStatus.DONE: "done: every task of the plan is completed, or what was asked is answered",
    ExitStatus.TASK_FAILED: "the run came to its end, and some task is not completed; `wait`: or one failed meanwhile;"
    " `check`: an alert; `complete --validate`: a criterion is open",
    ExitStatus.BAD_INPUT: (
        "the command, the plan or a task file is invalid; nothing was started, or, when the plan became so under "
        "a run, nothing that was changed since"
    ),
    ExitStatus.BUSY: "another run holds the plan; nothing was written; `wait`: the run goes on",
    ExitStatus.HELD: "held: a limit, a budget or a missing approval",
    ExitStatus.STATE_FAILED: "state could not be read or written, or the answer not printed; "
    "run again once that is mended. So also an unexpected error (`internal error`, with its place)",
}


def main() -> int:
    """Write, or with ``--check`` compare; return the exit status."""
    only_check = "--check" in sys.argv[1:]
    stale = 0
    for path, text in pages():
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if before == text:
            continue
        stale += 1
        if only_check:
            name = path.relative_to(DOCS.parent).as_posix()
            sys.stdout.writelines(
                difflib.unified_diff(
                    before.splitlines(keepends=True), text.splitlines(keepends=True), name, f"{name} (generated)"
                )
            )
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.name}")
    if stale and only_check:
        print("out of date: run `python docs/generate.py`", file=sys.stderr)
    return 1 if stale and only_check else 0


def pages() -> Iterator[tuple[Path, str]]:
    """Yield every file with something generated in it, as it should be."""
    yield DOCS / "state_machine.md", f"{state_machine()}\n{plan_states()}"
    yield page(
        DOCS / "cli.md",
        {"commands": commands(), "events": events(), "exit-statuses": exit_statuses(), "settings": settings_table()},
    )
    yield from command_pages()
    yield page(DOCS.parent / "templates.md", {**templates(), "result": result_file()})


def page(path: Path, sections: Mapping[str, str]) -> tuple[Path, str]:
    """Return a file and its text with these sections between their marks."""
    text = path.read_text(encoding="utf-8")
    for name, section in sections.items():
        opening, closing = f"<!-- generated:{name} -->", f"<!-- /generated:{name} -->"
        head, found, rest = text.partition(f"{opening}\n")
        _, closed, tail = rest.partition(closing)
        if not (found and closed):
            sys.exit(f"{path.name} has lost its marks {opening} … {closing}")
        text = f"{head}{found}\n{section}\n{closed}{tail}"
    return path, text


# ── the state machine ─────────────────────────────────────────────────────────────────────────────────────────────


def state_machine() -> str:
    """Return the page about ``core.state.TRANSITIONS``."""
    arrows = [(before, verb, after, why) for (before, verb), (after, why) in TRANSITIONS.items()]
    used = {status for before, _, after, _ in arrows for status in (before, after)}
    lines = [
        "# Task states",
        "",
        "Made from `TRANSITIONS` in `orchestrator/core/status.py` by `python docs/generate.py`; edit that table, not",
        "this page. Nothing else sets a status. Any other step raises `Invalid transition: waiting + 'launch'`.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> waiting",
        *(f"    {before} --> {after}: {verb}" for before, verb, after, _ in arrows),
        *(f"    {status} --> [*]" for status in TaskStatus if status in SETTLED & used),
        "```",
        "",
        "| from | what happens | to | why |",
        "|---|---|---|---|",
        *(f"| {before} | {verb} | {after} | {why} |" for before, verb, after, why in arrows),
        "",
        f"{listed(COMMANDS)} are commands of the",
        "same name, with and without an active run. By itself nothing more happens during a run to a task that is",
        f"{listed(SETTLED)}. `retry` of a skipped task is `retry` of what failed before it.",
        "With no active run, `retry` of a pending task that met a hold of its account lifts that hold.",
        "",
    ]
    return "\n".join(lines)


def plan_states() -> str:
    """Return the part about ``core.plan_state.PLAN_TRANSITIONS``."""
    arrows = [(before, event, to, why) for (before, event), (to, why) in PLAN_TRANSITIONS.items()]
    lines = [
        "## States of a plan",
        "",
        "Of a plan with `status:` in its front matter, as `create` makes it; any other has no state and needs no",
        "approval. Made from `PLAN_TRANSITIONS` in `orchestrator/core/plan_status.py`. People move a plan with",
        "`transition`; `run`, `dispatch`, `subtask` and `check` move it along `start`, `test` and `review` when the",
        "facts say so, and never back. Any other step is refused: `Invalid transition: PLANNING + 'complete'`.",
        "",
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> PLANNING",
        *(f"    {before.word} --> {to.word}: {event}" for before, event, to, _ in arrows),
        *(f"    {state.word} --> [*]" for state in PlanState if state in TERMINAL),
        "```",
        "",
        "| from | event | to | why |",
        "|---|---|---|---|",
        *(f"| {before.word} | {event} | {to.word} | {why} |" for before, event, to, why in arrows),
        "",
        "Nothing more happens to a plan that is in one of its last states, nor to its tasks; it may be archived.",
        "",
    ]
    return "\n".join(lines)


def listed(words: Iterable[TaskStatus | Verb]) -> str:
    """Return ``a, b or c``, in the order of the vocabulary."""
    chosen = set(words)
    *most, last = [f"`{word}`" for word in (*TaskStatus, *Verb) if word in chosen]
    return f"{', '.join(most)} or {last}" if most else last


# ── the command line ──────────────────────────────────────────────────────────────────────────────────────────────


def commands() -> str:
    """Return every command by section, with a link to its page."""
    top = cli.make_context(PROGRAM, [], resilient_parsing=True, terminal_width=100)
    lines = ["## Commands", ""]
    for section, names in SECTIONS.items():
        lines += [f"| {section} | |", "|---|---|"]
        for name in names:
            command = cli.get_command(top, name)
            assert command is not None
            summary = command.get_short_help_str(200).replace("|", "\\|")
            lines.append(f"| [`{name}`](commands/{name}.md) | {summary} |")
        lines.append("")
    return "\n".join(lines)


def command_pages() -> Iterator[tuple[Path, str]]:
    """Yield a page for each command: what ``--help`` prints, also of the commands below it."""
    top = cli.make_context(PROGRAM, [], resilient_parsing=True, terminal_width=100)
    for name in cli.list_commands(top):
        command = cli.get_command(top, name)
        assert command is not None
        context = command.make_context(name, [], top, resilient_parsing=True)
        module = f"orchestrator/commands/{name.replace('-', '_')}.py"
        source = f"Made from [`{module}`](../../{module})\nby `python docs/generate.py`; edit that file, not this page."
        parts = [help_of(command, context, f"# {PROGRAM} {name}"), *helps_below(command, context, f"{PROGRAM} {name}")]
        more = "[All commands, exit statuses and settings](../cli.md)."
        yield DOCS / f"commands/{name}.md", "\n".join([*parts, f"{source}\n{more}", ""])


def helps_below(command: click.Command, context: click.Context, words: str) -> Iterator[str]:
    """Yield what ``--help`` prints of the commands below a group, also of groups in it."""
    if not isinstance(command, click.Group):
        return
    for name in command.list_commands(context):
        each = command.get_command(context, name)
        assert each is not None
        inside = each.make_context(name, [], context, resilient_parsing=True)
        yield help_of(each, inside, f"## {words} {name}")
        yield from helps_below(each, inside, f"{words} {name}")


def help_of(command: click.Command, context: click.Context, heading: str) -> str:
    """Return what ``--help`` prints, below a heading."""
    lines = [line.rstrip() for line in command.get_help(context).splitlines()]
    return "\n".join([heading, "", "```text", *lines, "```", ""])


def exit_statuses() -> str:
    """Return the table of exit statuses, with the codes of ``--json`` that go with each."""
    codes: dict[int, list[str]] = {}
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, OrchestratorError) and kind.code != OrchestratorError.code:
            codes.setdefault(kind.exit_status, []).append(f"`{kind.code}`")
    lines = ["| status | meaning | error codes of `--json` |", "|---|---|---|"]
    lines += [
        f"| {status.value} | {_MEANINGS[status]} | {', '.join(dict.fromkeys(codes.get(status, [])))} |"
        for status in ExitStatus
    ]
    lines.append(f"| 128+n | ended by signal n; run again to go on | {', '.join(codes[128])} |")
    lines += ["", "A problem of a plan has a code of its own, such as `cycle` or `unknown_dependency`.", ""]
    return "\n".join(lines)


def events() -> str:
    """Return which words the ``event`` of a line of ``run --json`` may be."""
    names = (f"`{kind.value}`" for kind in Kind if kind is not Kind.NEWS)
    text = f"The `event` of a line is one of {', '.join(names)}."
    return "\n".join([*textwrap.wrap(text, 118), ""])


# ── templates ────────────────────────────────────────────────────────────────────────────────────────────────────


def templates() -> dict[str, str]:
    """Return every template, by its name, in a fence."""
    return {
        path.name: fence(path.read_text(encoding="utf-8").rstrip("\n"), "jinja") + "\n"
        for path in sorted(TEMPLATES.glob("*.j2"))
    }


def result_file() -> str:
    """Return a result file as it is written for one attempt that was not allowed everything it tried."""
    timestamp = datetime(2026, 1, 31, 9, 30, tzinfo=UTC).timestamp()
    attempt = Attempt(
        number=1,
        charge=1,
        run="3f9c2b7a1d04",
        status=TaskStatus.COMPLETED,
        started=timestamp,
        ended=timestamp + 93.5,
        duration=93.5,
        exit="exit 0",
        pid=4711,
        session="0c6d8e4e-2f0b-4c53-9a44-6f0c1f3b7d52",
        cost=0.1234,
        models=(("claude-sonnet", 0.1234),),
    )
    result = Result(task="T-02", agent="claude", status=TaskStatus.COMPLETED, attempts=(attempt,), inputs={"T-01": 1})
    text = render_result(
        result,
        label="Agent-02",
        answer="### Findings\n\n…",
        log="../logs/agent-02.attempt-1.out",
        statistics={"Turns": "7", "Cost": "$0.1234"},
        denials=["Bash(npm test)"],
    )
    return fence(text.rstrip("\n"), "markdown") + "\n"


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────


def settings_table() -> str:
    """Return the table of settings: name, flag, default, where it may stand, meaning."""
    flags = flags_of_run()
    lines = ["| setting | flag of `run` | default | may stand in | meaning |", "|---|---|---|---|---|"]
    for name, meaning in meanings().items():
        flag = f"`{flags[name]}`" if name in flags else "–"
        places = "plan" if name in settings.RUN_ONLY else "plan, task file"
        lines.append(f"| `{name}` | {flag} | {default(name)} | {places} | {meaning} |")
    return "\n".join([*lines, ""])


def flags_of_run() -> dict[str, str]:
    """Return the flag of each setting that ``run`` has one for."""
    command = cli.get_command(click.Context(cli), "run")
    assert command is not None
    options = {parameter.name: parameter.opts[0] for parameter in command.params if isinstance(parameter, click.Option)}
    return {name: options[name] for name in settings.NAMES if name in options}


def default(name: str) -> str:
    """Return the default of a setting as one would write it."""
    value = getattr(settings.Settings(), name)
    if name.endswith("_usd"):
        return f"`{value:g}`"
    if isinstance(value, tuple):
        return f"`{', '.join(value)}`" if value else "none"
    if isinstance(value, float):
        return f"`{format_duration(value).replace('.0s', 's').replace('m00s', 'm')}`"
    if isinstance(value, Mapping):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return f"`{value}`" if value not in {"", None} else "empty"


def meanings() -> dict[str, str]:
    """Return the docstring of every field of ``Settings``, which only the source has."""
    (tree,) = ast.parse(inspect.getsource(settings.Settings)).body
    assert isinstance(tree, ast.ClassDef)
    found = {}
    for field, after in zip(tree.body, tree.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
            assert isinstance(after, ast.Expr), f"{field.target.id} has no docstring"
            assert isinstance(after.value, ast.Constant)
            text = " ".join(str(after.value.value).split())
            found[field.target.id] = text.replace("``", "`").replace("|", "\\|")
    return found


if __name__ == "__main__":
    sys.exit(main())
