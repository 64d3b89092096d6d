"""``results/agent-XX-result.md``: status and every attempt in front matter, the answer in the body.

The front matter is YAML of which every value is written as JSON, so that no text can become a tag, an anchor or a key.
The answer stands between two marks that no answer can contain.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from orchestrator.core.duration import format_duration
from orchestrator.core.redact import redact
from orchestrator.core.result import Attempt, Result, Verdict
from orchestrator.core.status import TaskStatus, parse_status
from orchestrator.core.text import cell, code, fence, one_line, sanitize, unfenced
from orchestrator.core.timestamp import epoch, iso
from orchestrator.lazy import LazyModule
from orchestrator.plan.lines import conflict
from orchestrator.store.process import boot_id

if TYPE_CHECKING:
    from orchestrator.plan import front_matter, safe_markdown
else:
    front_matter = LazyModule("orchestrator.plan.front_matter")
    safe_markdown = LazyModule("orchestrator.plan.safe_markdown")

SCHEMA = 1
#: Bytes of a result file that is read. The longest answer that an agent can give makes a smaller one.
LARGEST_RESULT = 6 * 1024 * 1024
_OPEN, _CLOSE = "<!-- orchestrator:answer -->", "<!-- /orchestrator:answer -->"
_ICONS = {
    TaskStatus.COMPLETED: "✅",
    TaskStatus.FAILED: "❌",
    TaskStatus.RUNNING: "🔵",
    TaskStatus.BLOCKED: "⛔",
    TaskStatus.CANCELLED: "🚫",
    TaskStatus.SKIPPED: "⏭️",
}
_BAR = re.compile(r"(`{3,})(?:text|json)\n")
_OUTPUT = re.compile(r"^## Output[ \t]*\n", re.MULTILINE)


def render_result(
    result: Result,
    *,
    label: str,
    answer: str,
    log: str = "",
    statistics: Mapping[str, str] | None = None,
    denials: Sequence[str] = (),
    unheard: Sequence[str] = (),
    undeclared: Sequence[str] = (),
) -> str:
    """Return the whole file. *answer* must be safe markdown already; *log* is its path seen from the file.

    *denials* are the rules that would have allowed what the agent was denied. *unheard* are the messages to other
    agents that were denied. *undeclared* are lines about files that it changed and its ``writes`` does not cover.
    """
    last = result.last
    lines = _front_matter(result)
    lines += ["---", f"# 📤 {one_line(label)} Execution Result", "", *_summary(result, log)]
    if denials:
        lines += ["", "## Not allowed", "These rules in `allowed_tools` would have let it through:"]
        lines += [f"- {code(rule)}" for rule in denials]
    if unheard:
        lines += ["", "## Not told", "Denied as it stands here: a message belongs in single quotes."]
        lines += [f"- {code(message)}" for message in unheard]
    if undeclared:
        lines += ["", "## Undeclared changes", *undeclared]
    if last is None or last.ended:
        lines += ["", "## Output", _OPEN, answer.strip("\n") or "(no output)", _CLOSE, ""]
        lines += ["## Statistics", "| Metric | Value |", "|--------|-------|"]
        lines += [f"| {cell(name)} | {cell(value)} |" for name, value in (statistics or {}).items()]
        lines.append(f"| Attempts | {len(result.attempts)} |")
    return "\n".join(lines) + "\n"


def _front_matter(result: Result) -> list[str]:
    lines = ["---", f"schema: {SCHEMA}"]
    lines.append(f"task: {_flow(result.task)}")
    lines.append(f"agent: {_flow(result.agent)}")
    lines.append(f"status: {result.status.value}")
    if result.note:
        lines.append(f"note: {_flow(one_line(result.note, limit=2000))}")
    if result.progress is not None:
        lines.append(f"progress: {result.progress}")
    if result.condition:
        lines.append(f"condition: {_flow([one_line(each, limit=2000) for each in result.condition])}")
    if result.request:
        lines.append(f"request: {_flow(result.request)}")
    lines.append("attempts:" if result.attempts else "attempts: []")
    lines += [f"- {_flow(_attempt_fields(attempt))}" for attempt in result.attempts]
    lines.append(f"inputs: {_flow(dict(result.inputs))}")
    if result.files:
        files = {one_line(path, limit=4096): digest for path, digest in result.files.items()}
        lines.append(f"input_files: {_flow(files)}")
    if result.params:
        lines.append(f"params: {_flow(dict(result.params))}")
    return lines


def _summary(result: Result, log: str) -> list[str]:
    last = result.last
    icon = _ICONS.get(result.status, "🟡")
    lines = ["## Execution Summary", f"- **Status**: {icon} {result.status.value.capitalize()}"]
    if result.note:
        lines.append(f"- **Note**: {one_line(result.note)}")
    if result.progress is not None:
        lines.append(f"- **Progress**: {result.progress}%")
    if last is not None and last.is_manual:
        lines.append(f"- **By**: {one_line(last.agent)}")
    if last is not None and last.reason:
        lines.append(f"- **Reason**: {one_line(last.reason)}")
    if last is not None and last.ended:
        lines.append(f"- **Duration**: {format_duration(last.duration)}")
    lines.append(f"- **Attempts**: {len(result.attempts)}")
    if log:
        lines.append(f"- **Log**: [{log}]({log})")
    if last is not None and last.session:
        lines.append(f"- **Session**: `claude --resume {one_line(last.session, limit=60)}`")
    return lines


def parse_result(text: str) -> Result | None:
    """Return the result, with its answer; None when the file is not one (damaged, foreign, cut short, half merged)."""
    text = text.replace("\r\n", "\n")  # as some editors save it
    result = _parsed(text)
    return None if result is None or _lacks(text, result) or conflict(text, "") else result


def why_no_result(text: str) -> str:
    """Return why a file is not read as a result."""
    text = text.replace("\r\n", "\n")
    result = _parsed(text)
    return _lacks(text, result) if result else "its front matter is damaged or cut short"


def _parsed(text: str) -> Result | None:
    front = front_matter.load_front_matter(text)
    if front is None:
        return None
    attempts, inputs = front.get("attempts") or [], front.get("inputs") or {}
    try:
        status = parse_status(str(front.get("status", "")))
        if status is None or "task" not in front or not isinstance(attempts, list):
            return None
        return Result(
            task=str(front["task"]),
            agent=str(front.get("agent", "")),
            status=status,
            attempts=tuple(_attempt(raw) for raw in attempts),
            inputs={str(key): int(number) for key, number in dict(inputs).items()},
            answer=answer_of(text),
            note=str(front.get("note") or ""),
            progress=_per_cent(front.get("progress")),
            condition=_condition(front.get("condition")),
            request=str(front.get("request") or ""),
            files={str(path): str(digest) for path, digest in dict(front.get("input_files") or {}).items()},
            params={str(name): str(value) for name, value in dict(front.get("params") or {}).items()},
        )
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError):
        return None


def answer_of(text: str) -> str:
    """Return the answer in a result file: what stands between the marks, else what follows ``## Output``."""
    start = text.find(f"\n{_OPEN}\n")
    if start >= 0:
        start += len(_OPEN) + 2
        end = text.rfind(f"\n{_CLOSE}")
        answer = text[start : end if end >= start else len(text)]
    else:
        heading = _OUTPUT.search(text)
        if heading is None:
            return ""
        answer = text[heading.end() :].partition("\n## Statistics")[0]
    answer = answer.strip("\n")
    return "" if answer == "(no output)" else answer


def _lacks(text: str, result: Result) -> str:
    """Return what is missing of the answer of an attempt that ended, or of the marks around it; empty: nothing."""
    if result.status is TaskStatus.RUNNING or (result.last is not None and not result.last.ended):
        return ""
    start = text.find(f"\n{_OPEN}\n")
    # What was fenced may have marks in it: there the bar that closes the fence stands before ours.
    found = _BAR.match(text, start + len(_OPEN) + 2) if start >= 0 else None
    bar = found[1] if found else ""
    is_open, is_closed = start >= 0, f"{bar}\n{_CLOSE}" in text
    if is_open and not is_closed:
        is_bare = f"\n{_CLOSE}" in text
        return f"the {f'line {bar} before the ' if is_bare else ''}mark {_CLOSE} is missing"
    if is_closed and not is_open:
        return f"the mark {_OPEN} is missing"
    is_lost = result.status is TaskStatus.COMPLETED and _OUTPUT.search(text) is None
    return "its answer is missing" if is_lost and not is_open else ""


def plain_answer(text: str) -> str:
    """Return the answer for another agent: what was fenced only to be shown loses its fence."""
    answer = answer_of(text)
    inside = unfenced(answer)
    return answer if inside is None else inside


def safe_answer(answer: str, *, is_markdown: bool) -> str:
    """Return an answer as it may stand in our markdown: headings below ours, nothing left open.

    Tokens and keys in it are redacted, so dependants, who read what is shown, do not get them either.
    """
    shown = redact(sanitize(answer))
    if not shown.strip():
        return ""
    if not is_markdown:
        return fence(shown.rstrip("\n"), "text")

    return safe_markdown.embed(shown)


def _attempt_fields(attempt: Attempt) -> dict[str, Any]:
    fields = {
        "number": attempt.number,
        "charge": attempt.charge,
        "status": attempt.status,
        "start": iso(attempt.started),
        "end": iso(attempt.ended),
        "duration": round(attempt.duration, 3),
        "exit": one_line(attempt.exit, limit=500),
        "reason": one_line(attempt.reason, limit=2000),
        "pid": attempt.pid,
        # Under way, it says of which boot that is the pid.
        **({"boot": boot_id()} if attempt.is_open and attempt.run else {}),
        "run": attempt.run,
    }
    if attempt.agent:
        fields["agent"] = attempt.agent
    if attempt.session:
        fields["session"] = one_line(attempt.session, limit=80)
        fields["resumable"] = attempt.is_resumable
    if attempt.cost != 0:
        fields["cost"] = attempt.cost if attempt.cost is None else round(attempt.cost, 6)
    if attempt.cost is None and attempt.cap:
        fields["cap"] = round(attempt.cap, 6)
    if attempt.settles:
        fields["settles"] = True
    if attempt.models:
        fields["models"] = {model: round(cost, 6) for model, cost in attempt.models}
    if attempt.has_errors:
        fields["errors"] = True
    if attempt.is_only_simulated is not None:
        fields["only_simulated"] = attempt.is_only_simulated
    if attempt.status == Verdict.HELD.value:
        fields |= _hold_fields(attempt)
    return fields


def _hold_fields(attempt: Attempt) -> dict[str, Any]:
    return {
        "until": iso(attempt.until),
        **({"model": one_line(attempt.model, limit=80)} if attempt.model else {}),
        **({"outage": True} if attempt.is_outage else {}),
    }


def _attempt(raw: dict[str, Any]) -> Attempt:
    return Attempt(
        number=int(raw["number"]),
        charge=int(raw.get("charge") or 0),
        status=str(raw.get("status") or ""),
        started=epoch(raw.get("start")),
        ended=epoch(raw.get("end")),
        duration=_finite(raw.get("duration")),
        exit=str(raw.get("exit") or ""),
        reason=str(raw.get("reason") or ""),
        pid=int(raw.get("pid") or 0),
        run=str(raw.get("run") or ""),
        session=str(raw.get("session") or ""),
        is_resumable=raw.get("resumable") is True,
        cost=None if raw.get("cost", 0) is None else _finite(raw.get("cost")),
        models=tuple((str(model), _finite(cost)) for model, cost in (raw.get("models") or {}).items()),
        settles=raw.get("settles") is True,
        until=epoch(raw.get("until")),
        model=str(raw.get("model") or ""),
        is_outage=raw.get("outage") is True,
        cap=_finite(raw.get("cap")),
        agent=str(raw.get("agent") or ""),
        has_errors=raw.get("errors") is True,
        is_only_simulated=said if isinstance(said := raw.get("only_simulated"), bool) else None,
    )


def _condition(value: object) -> tuple[str, str] | tuple[()]:
    return (str(value[0]), str(value[1])) if isinstance(value, list) and len(value) == 2 else ()


def _per_cent(value: object) -> int | None:
    return None if value is None else min(max(int(str(value)), 0), 100)


def _finite(value: object) -> float:
    number = float(str(value or 0))
    if not 0 <= number < float("inf"):
        raise ValueError(f"{number} is neither a duration nor an amount")
    return number


#: What is written after a key. ensure_ascii would write emoji as pairs of surrogates, which YAML does not join.
_flow = json.JSONEncoder(ensure_ascii=False).encode
