"""How an attempt of ``claude`` ended, concluded from evidence.

Never from one thing alone: the CLI exits with 0 on denied permissions, on swallowed commands and after an interrupt,
and with 1 on API errors whose ``subtype`` says ``success``. What counts is the exit status, the last ``result`` event
with ``is_error`` and ``subtype``, who wrote what stands in it (``claude_answer``), the structured output that was asked
for, and whether we ended it ourselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from orchestrator.agents.claude_answer import Ending
from orchestrator.agents.claude_refusal import concern, concern_of_silence, is_of_the_task, messages, rules
from orchestrator.agents.outcome import failure, last_words, not_its_own_end, shown
from orchestrator.core.cost import CAP_REACHED
from orchestrator.core.json_schema import mismatch
from orchestrator.core.result import FREE, Bill, Outcome, ProcessExit, StopReason, Verdict
from orchestrator.core.settings import Settings
from orchestrator.core.text import fence, one_line, text_of

#: A command line that the CLI does not accept; it would not accept it the next time either. Any line may say so.
_REFUSED = re.compile(
    r"^error: |cannot be used with root|native binary not installed|^--agent '.*' not found"
    r"|^invalid mcp configuration",
    re.IGNORECASE | re.MULTILINE,
)
_NO_SESSION = re.compile(r"no conversation found|session id .* is already in use", re.IGNORECASE)
#: What the CLI advises people who type its command line, and what that is here.
_ADVICE = "Run --model to pick a different model", "the setting `model` names another one"
#: Limits of the plan itself, and what stands where no answer had the form that was asked for.
_RAISABLE = frozenset({"error_max_turns", "error_max_budget_usd"})
_WITHOUT_FORM = "error_max_structured_output_retries"
#: The first version that is known to tell a resumed session's cost as a whole; 2.1.197 counted from nothing.
_CUMULATIVE = (2, 1, 329)
#: We ended it after its last result, because it did not exit by itself.
_STAYED = StopReason.LINGERING
#: We ended it before its time was over.
_INTERRUPTED = frozenset({StopReason.SHUTDOWN, StopReason.ORPHANED, StopReason.INTERVENTION})
#: We ended it, and it may go on where it was.
_CUT_SHORT = _INTERRUPTED | {StopReason.TIMEOUT, StopReason.IDLE}


def judge(
    last: Ending | None,
    exit: ProcessExit,
    errors: bytes,
    settings: Settings,
    *,
    full: Ending | None,
    session: str,
    limit: Mapping[str, Any],
    own: Mapping[str, float] | None,
    version: tuple[int, ...] | None,
    unfinished: str,
    program: str,
    has_worked: bool = False,
) -> Outcome:
    """Return the outcome of an attempt.

    *last* is how the stream ended, *full* the last complete answer in it, and *limit* the last event about limits.
    *own* is the cost of this call by model and *version* the version of the CLI, each where the stream reports it.
    *unfinished* names the work that would have produced another result. *program* is the command with which the agent
    calls this package. *has_worked* is whether the model took a turn at all.
    """
    evidence = _Evidence(full or last, last, exit, errors, settings, limit, own, version, unfinished, program)
    outcome = evidence.outcome()
    session = "" if evidence.is_without_session else session
    bill = evidence.bill(is_begun=bool(session))
    # A session in which nothing was said yet is not worth going on with.
    is_resumable = bool(session) and bill.cost != 0 and evidence.may_go_on(outcome, has_worked=has_worked)
    is_completed = outcome.verdict is Verdict.COMPLETED
    return outcome._replace(
        is_refused=outcome.is_refused and not has_worked and exit.stopped is None,
        bill=bill,
        session=session,
        is_resumable=is_resumable,
        denials=evidence.denials,
        unheard=messages(evidence.denied, program),
        statistics=evidence.statistics(is_completed=is_completed),
        warning=evidence.warning if is_completed else "",
    )


class _Evidence(NamedTuple):
    """Everything there is to judge by."""

    ending: Ending | None
    """What counts of all endings: the last one, or the complete answer before it."""
    last: Ending | None
    exit: ProcessExit
    errors: bytes
    settings: Settings
    limit: Mapping[str, Any]
    own: Mapping[str, float] | None
    version: tuple[int, ...] | None
    unfinished: str
    program: str

    def outcome(self) -> Outcome:
        ours = not_its_own_end(self.exit, self.settings)
        if ours is not None and self.unfinished and self.exit.stopped in _INTERRUPTED:
            return ours  # what it said before it waited was not to be its last word
        if self.is_good and (self.exit.code == 0 or ours is not None or not self.unfinished):
            # A complete good answer counts however the process ended after it.
            return self._answered()
        if ours is not None and (self.result is None or self.exit.stopped is not _STAYED):
            return ours
        if self.is_without_session:
            words = last_words(self.errors) if self.result is None else one_line(self.answer_text, 300)
            advice = "; extra_args must name no session" if self.settings.extra_args else ""
            return Outcome(verdict=Verdict.FATAL, reason=words + advice, is_session_gone=True)
        if self.result is None:
            return self._silent()
        if self.is_good:
            why = f"{failure(self.exit, self.errors)}, with {self.unfinished} still at work"
            return self._failed(why)
        return self._declined()

    def may_go_on(self, outcome: Outcome, *, has_worked: bool) -> bool:
        """Say whether the next attempt does best to go on in the same session."""
        result, verdict = self.result, outcome.verdict
        if verdict in {Verdict.COMPLETED, Verdict.FATAL}:
            # A limit that was asked for may be raised.
            return verdict is Verdict.FATAL and text_of((result or {}).get("subtype")) in _RAISABLE
        if self.exit.stopped in _CUT_SHORT or verdict is Verdict.HELD or self.is_transient:
            return True
        if result is None:
            return has_worked
        # What it did is done. An answer in the wrong form may come out better without the earlier tries.
        return (
            result.get("subtype") != _WITHOUT_FORM
            and result.get("num_turns") != 0
            and not (self.is_good and not self.unfinished)
        )

    @property
    def result(self) -> Mapping[str, Any] | None:
        """The ``result`` event of what counts."""
        return self.ending.event if self.ending else None

    @property
    def warning(self) -> str:
        if self.exit.stopped is None:
            return f"{self.end}, after its answer was complete" if self.end else ""
        # A server that it started looks the same as work that its answer waits for.
        if not self.unfinished:
            return ""
        return f"it was ended with {self.unfinished} still at work: its answer may not be its last word"

    @property
    def end(self) -> str:
        """How its process failed; empty when it did not, or we ended it."""
        is_failed = self.exit.stopped is None and self.exit.code != 0
        return failure(self.exit, self.errors) if is_failed else ""

    @property
    def is_good(self) -> bool:
        ending = self.ending
        is_form = isinstance(self.settings.schema, Mapping)
        return ending is not None and ending.is_complete and (is_form or bool(ending.text))

    @property
    def answer_text(self) -> str:
        """The answer, or what the CLI says in its place."""
        if self.ending is None:
            return ""
        listed = self.ending.event.get("errors")
        return (
            self.ending.text or self.ending.own or "; ".join(map(text_of, listed if isinstance(listed, list) else []))
        )

    @property
    def is_without_session(self) -> bool:
        """Whether the session it should go on with is not there, or the new one is there already."""
        # A missing session is reported in an event as well; one in use on standard error alone.
        said = last_words(self.errors) if self.result is None else self.answer_text
        is_begun = (self.result or {}).get("num_turns", 0) != 0
        return self.exit.code == 1 and not is_begun and _NO_SESSION.search(said) is not None

    @property
    def status(self) -> object:
        return (self.result or {}).get("api_error_status")

    @property
    def is_transient(self) -> bool:
        """Whether the service failed in a way that passes: overloaded, limited for a moment, not reached, cut off."""
        result = self.result or {}
        # An error whose subtype is "success" comes from the service; 2.1.197 has no other sign of that.
        return (
            bool(result.get("is_error"))
            and result.get("subtype") == "success"
            and concern(result, self.answer_text, self.limit, self.exit.ended).verdict is not Verdict.FATAL
        )

    def _answered(self) -> Outcome:
        answer, is_markdown, wrong = self.answer_text, self.settings.format != "text", ""
        if isinstance(self.settings.schema, Mapping):
            structured = (self.result or {}).get("structured_output")
            wrong = mismatch(structured, self.settings.schema)
            if not wrong and (text := shown(structured)):
                answer, is_markdown = fence(text, "json"), True
            else:
                wrong = wrong or "it is nested too deeply"
        if self.denials and self.settings.on_denial == "fail":
            # Before the schema: another attempt would not be allowed it either.
            reason = f"not allowed: {', '.join(self.denials)}"
            return Outcome(
                verdict=Verdict.FATAL, reason=one_line(reason, limit=400), answer=answer, is_markdown=is_markdown
            )
        if wrong:
            return self._failed(f"its answer does not fit the schema: {wrong}")
        return Outcome(verdict=Verdict.COMPLETED, answer=answer, is_markdown=is_markdown)

    def _silent(self) -> Outcome:
        # An error in the command line is reported on standard error only, without an event.
        words = last_words(self.errors)
        if self.exit.signal is None and (found := concern_of_silence(words)).verdict is Verdict.HELD:
            return found._replace(reason=words)
        lines = self.errors.decode(errors="replace")
        is_refused = self.exit.code == 1 and _REFUSED.search(lines) is not None
        return Outcome(
            verdict=Verdict.FATAL if is_refused else Verdict.FAILED,
            reason=f"ended without a result: {failure(self.exit, self.errors)}",
            is_refused=True,
        )

    def _declined(self) -> Outcome:
        result, ending = self.result or {}, self.ending
        subtype = one_line(text_of(result.get("subtype")))
        words = one_line(self.answer_text, limit=300) or (subtype if subtype != "success" else "")
        words = words.replace(*_ADVICE)
        if subtype == "error_max_budget_usd":
            words = f"{words}; {CAP_REACHED}"
        if result.get("is_error"):
            found = concern(result, self.answer_text, self.limit, self.exit.ended)
            reason = words or f"an empty answer ({self.exit.describe()})"
            answer = "" if found.verdict is Verdict.HELD else self.answer_text
            return found._replace(reason=reason, answer=answer)
        if result.get("num_turns") == 0:
            return self._failed("its prompt was taken for a command of the agent itself")
        if ending is not None and ending.own:
            # An error of the service is one also where it calls itself an answer.
            found = concern(result, ending.own, self.limit, self.exit.ended)
            reason = f"no answer, only words of claude itself: {one_line(ending.own, limit=300)}"
            if found.is_outage or found.verdict is Verdict.FAILED:
                found = Outcome(verdict=Verdict.FAILED)
            return found._replace(reason=reason)
        if ending is not None and ending.cut:
            words = f"no whole answer: the model ended with {ending.cut}"
        return Outcome(
            verdict=Verdict.FATAL if is_of_the_task(result, "") else Verdict.FAILED,
            reason=words or f"an empty answer ({self.exit.describe()})",
            answer=self.answer_text,
        )

    def _failed(self, reason: str) -> Outcome:
        return Outcome(verdict=Verdict.FAILED, reason=one_line(reason, 400), answer=self.answer_text)

    @property
    def denied(self) -> list[Any]:
        listed = (self.result or {}).get("permission_denials")
        return listed if isinstance(listed, list) else []

    @property
    def denials(self) -> tuple[str, ...]:
        # Denied messages to other agents are left out: they do not affect the answer.
        return rules(self.denied, self.program)

    def bill(self, *, is_begun: bool) -> Bill:
        if self.last is None:
            # It may have been answered and ended before it could say what that cost.
            return Bill(cost=None) if is_begun else FREE
        total = _amount(self.last.event.get("total_cost_usd"))
        models = tuple(by_model(self.last.event.get("modelUsage")))
        if self.own is None:
            counts_anew = self.version is not None and self.version < _CUMULATIVE
            if counts_anew or not total:
                return Bill(total, models)
            # Only who knows what the session cost before can say what this call did.
            return Bill(None, (), total, models)
        return Bill(sum(self.own.values()), tuple(sorted(self.own.items())), total, models)

    def statistics(self, *, is_completed: bool) -> dict[str, str]:
        if self.result is None:
            return {}
        usage = self.result.get("usage")
        tokens = usage if isinstance(usage, dict) else {}
        return {
            "Turns": _count(self.result.get("num_turns")),
            "Input tokens": _count(tokens.get("input_tokens")),
            "Output tokens": _count(tokens.get("output_tokens")),
            **({"At work when it was ended": self.unfinished} if self.warning and not self.end else {}),
            **({"Ended with": self.end} if is_completed and self.end else {}),
        }


def by_model(usage: object) -> Iterator[tuple[str, float]]:
    """Yield what each model cost, USD, from a ``modelUsage`` of the stream; nothing from anything else."""
    for model, figures in sorted(usage.items()) if isinstance(usage, dict) else ():
        cost = _amount(figures.get("costUSD")) if isinstance(figures, dict) else None
        if cost:
            yield one_line(model, limit=80), cost


def _amount(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < 10**9 else None  # type: ignore[operator,arg-type]


def _count(value: object) -> str:
    return str(value) if isinstance(value, int) and abs(value) < 10**15 else "unknown"
